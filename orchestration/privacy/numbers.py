"""The subscriber numbers of a site: which texts are one, which hold one, and what is left when it is taken out.

- **Is one** (`e164_sql`): nothing but the number, with or without country code and trunk prefix, in digits of any
  script with anything between them. Signs that are dialled behind a number (`*#,;`) and a decimal fraction make it
  something else: it is not guessed what the number was.
- **Spells one** (`spells_number`), for what is accepted: it stands in a longer text, with nothing but its own
  digits in its groups. Letters or digits of ASCII right before or behind make it a key or a code.
- **Could hold one** (`could_hold_number`), for what is shown of what was not accepted: its digits occur anywhere.

A date or an instant that begins a group of digits is neither.
"""

from __future__ import annotations

import re
from functools import cache

import duckdb

from orchestration.base.site_profile import NumberPlan
from orchestration.base.sql import literal
from orchestration.privacy.spelling import (
    BETWEEN,
    DIALLED_BEHIND,
    DIGITS,
    character_class,
    numerals,
    plain,
    plain_one_by_one,
    spaced,
)

#: Bytes of the shortest text that is looked into: no country has shorter subscriber numbers.
_SHORTEST = 7
_YEAR, _MONTH, _DAY = "(?:19|20|21)[0-9]{2}", "(?:0[1-9]|1[0-2])", "(?:0[1-9]|[12][0-9]|3[01])"
_DATE = "|".join(
    order
    for sign in ("-", "/", "[.]")
    for order in (f"{_YEAR}{sign}{_MONTH}{sign}{_DAY}", f"(?:{_DAY}|[1-9]){sign}(?:{_DAY}|[1-9]){sign}{_YEAR}")
)
_CLOCK = "[0-2][0-9]:[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]{1,9})?)?(?: ?Z|[+-][0-9]{2}(?::?[0-9]{2})?)?"
_INSTANT = f"(?:{_DATE})(?:[ T]{_CLOCK})?|{_YEAR}{_MONTH}{_DAY}[ T]?[0-2][0-9][0-5][0-9][0-5][0-9]"
#: A match begins at one place of the signs before a date only: else a long text would take the square of its length.
_DATED = (
    r"((?:^|[A-Za-z]|(?<=[0-9Z])[\x00-/:-@\[-`{-\x7F]*+[^\x00-\x7F])[^0-9A-Za-z]*+)"
    rf"(?:{_INSTANT})(?=[^0-9]|$)"
)


def e164_sql(expression: str, plan: NumberPlan) -> str:
    """SQL for `e164`, null where there is none; see `install`.

    Spellings that most extracts use are read without a closer look: what matches a pattern only loses its signs, which
    costs half of extracting the number by one.
    """
    signs, code, trunk = "[- ()]*", plan.calling_code, plan.trunk_prefix
    national = f"(?:{spaced(plan.national_pattern, signs)})"
    abroad = literal(f"{signs}(?:[+]{signs})?{spaced(code, signs)}{national}")
    at_home = literal(f"{signs}{spaced(trunk, signs)}{national}")
    digits = f"translate({expression}, '- ()', '')"
    return (
        f"case when regexp_full_match({expression}, {abroad}) then '+' || ltrim({digits}, '+') "
        f"when regexp_full_match({expression}, {at_home}) then '+{code}' || {digits}[{len(trunk) + 1}:] "
        f"when {expression} is not null then nullif(e164({expression}), '') end"
    )


def e164(text: str, plan: NumberPlan) -> str | None:
    """The E.164 form of a text that is a subscriber number in any spelling."""
    # a fraction, and not the last group of 06.12.34.56.78
    whole = re.sub(rf"(?<![0-9])[0-9]{{{_SHORTEST},}}+[.][0-9]{{1,2}}[^0-9A-Za-z]*\Z", "x", plain_one_by_one(text))
    country = f"(?:\\+|{plan.international_prefix})?{plan.calling_code}(?:{plan.trunk_prefix})?"
    prefix = f"(?:{country}|{plan.trunk_prefix})?"
    found = re.fullmatch(f"{prefix}({plan.national_pattern})", _ignored().sub("", whole))
    return f"+{plan.calling_code}{found[1]}" if found else None


def install(con: duckdb.DuckDBPyConnection, plan: NumberPlan) -> None:
    """Give a connection the functions that `e164_sql`, `spells_number_sql` and `mask_number_sql` ask where a guard lets
    them.

    They are Python's: patterns of all scripts take DuckDB 10 ms a column to compile, which is more than most batches
    have texts to look into.
    """
    con.create_function("e164", lambda text: e164(text, plan) or "", ["VARCHAR"], "VARCHAR")
    con.create_function("spells_number", lambda text: spells_number(text, plan), ["VARCHAR"], "BOOLEAN")
    con.create_function("could_hold_number", lambda text: could_hold_number(text, plan), ["VARCHAR"], "BOOLEAN")


def spells_number_sql(expression: str, plan: NumberPlan) -> str:
    """SQL for `spells_number`, false for null."""
    return (
        f"case when strlen({expression}) < {_SHORTEST} then false "
        f"when strlen({expression}) = length({expression}) "
        f"then case when regexp_matches({expression}, {literal(_alone(plan))}) "
        f"then spells_number({expression}) else false end "
        f"else {could_hold_number_sql(expression, 'spells_number')} end"
    )


def could_hold_number_sql(expression: str, function: str = "could_hold_number") -> str:
    """SQL for `could_hold_number`, false for null."""
    return (
        f"case when strlen({expression}) < {_SHORTEST} then false "
        f"when regexp_matches({expression}, {literal(_many_digits())}) then {function}({expression}) else false end"
    )


def spells_number(text: str, plan: NumberPlan) -> bool:
    """Whether a text spells a subscriber number, alone or among other words."""
    return re.search(_alone(plan), _undated(plain(text))) is not None


def could_hold_number(text: str, plan: NumberPlan) -> bool:
    """Whether the digits of a subscriber number occur in a text, whatever stands around them."""
    return re.search(spaced(plan.national_pattern), _undated(plain(text))) is not None


def without_dates(text: str) -> str:
    """A text in which a letter stands for each date or instant."""
    return re.sub(_INSTANT, "x", text)


def _undated(text: str) -> str:
    """A text in which a letter stands for each date or instant that begins a group of digits."""
    return re.sub(_DATED, r"\1x", text)


def _alone(plan: NumberPlan) -> str:
    """A number in a plain text; behind each of its digits may follow what stands between digits."""
    country = f"(?:{spaced(plan.international_prefix)})?{spaced(plan.calling_code)}"
    trunk = spaced(plan.trunk_prefix)
    prefix = f"{country}(?:{trunk})?|{trunk}" if trunk else country
    return f"(?:^|[^0-9A-Za-z])(?:{prefix})?{spaced(plan.national_pattern)}(?:[^0-9A-Za-z]|[eE][+]|$)"


@cache
def _ignored() -> re.Pattern[str]:
    """What may stand between the digits of a plain text that is a number."""
    signs = sorted(set(BETWEEN) - set(f"+{DIALLED_BEHIND}"))
    return re.compile(f"[{re.escape(''.join(signs))}]")


@cache
def _many_digits() -> str:
    """At least as many digits as the shortest number has, or any that are not of ASCII."""
    return f"(?:[0-9][^0-9A-Za-z]*){{{_SHORTEST}}}|{character_class(numerals()[len(DIGITS) :])}"
