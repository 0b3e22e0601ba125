"""SQL that reads a number's text as the contract spells it: exactly, or not at all.

A decimal that the type has no room for makes it unreadable, a trailing zero does not: nothing is ever rounded.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from orchestration.base.sql import literal
from orchestration.contracts import Column
from orchestration.contracts.model import NumberSpelling

_THOUSANDS = 3  # digits
_LAST_DIGIT = 0x20000  # Unicode has no decimal digits above; the whole of it would take a second to look through


def number_sql(column: Column, text: str, spelling: NumberSpelling) -> str:
    """The number that a text spells. What reads back as it stood needs no closer look."""
    exact = _exact_sql(column, text, spelling)
    tidy = _exact_sql(column, _tidy_sql(text, spelling), spelling)
    if not (spelling.currency_signs or spelling.negative):
        tidy = f"case when strlen({text}) <> length({text}) then {tidy} end"
    if column.is_integer and not column.minor_units:
        plain = f"try_cast({text} as {column.type})"
        exact = f"case when cast({plain} as varchar) = {text} then {plain} end, {exact}"
    return f"coalesce({exact}, {tidy})"


def _exact_sql(column: Column, text: str, spelling: NumberSpelling) -> str:
    plain = _plain_sql(column, text, spelling)
    if column.minor_units:  # spelled in the large unit, kept in the small one: `1.234,5` is 123450 cents
        decimal = f"try_cast({plain} as decimal(38,{column.minor_units}))"
        return f"try_cast({decimal} * {10**column.minor_units} as {column.type})"
    value = f"try_cast({plain} as {column.type})"
    return f"case when isfinite({value}) then {value} end" if column.scale is None else value


def _plain_sql(column: Column, text: str, spelling: NumberSpelling) -> str:
    """The text with a point and no separators, null if it is not a number or has more decimals than the type."""
    point = _class(spelling.decimal)
    conditions = [f"regexp_full_match({text}, '[+-]?{_digits(spelling)}{_fraction(column.scale, point)}')"]
    if column.is_integer and not spelling.thousands and column.minor_units < _THOUSANDS:
        # 5.000 is five, or five thousand where a point groups: the contract has to say which
        conditions.append(f"not regexp_full_match({text}, '[+-]?[1-9][0-9]{{0,2}}{point}000')")
    digits = f"replace({text}, {literal(spelling.thousands)}, '')" if spelling.thousands else text
    plain = digits if spelling.decimal == "." else f"replace({digits}, {literal(spelling.decimal)}, '.')"
    return f"case when {' and '.join(conditions)} then {plain} end"


def _digits(spelling: NumberSpelling) -> str:
    """Pattern of the digits before the point, which may be grouped."""
    if not spelling.thousands:
        return "[0-9]+"
    separator = _class(spelling.thousands)
    *first, last = spelling.groups
    grouped = f"[0-9]{{1,{last}}}({separator}[0-9]{{{last}}}){'*' if first else '+'}"
    return f"([0-9]+|{grouped}{''.join(f'{separator}[0-9]{{{size}}}' for size in reversed(first))})"


def _fraction(scale: int | None, point: str) -> str:
    """Pattern of the decimals of a type: as many as it has, then zeros only; a type without a scale has an exponent."""
    if scale is None:
        return f"({point}[0-9]+)?([eE][+-]?[0-9]+)?"
    return f"({point}[0-9]{{1,{scale}}}0*)?" if scale else f"({point}0+)?"


def _tidy_sql(text: str, spelling: NumberSpelling) -> str:
    """The same number in plain signs: other scripts' digits, U+2212, money and the contract's ways to write a minus."""
    signs = _plain_signs()
    odd, plain = "".join(map(chr, signs)), "".join(signs.values())
    tidy = f"trim(translate({text}, {literal(odd)}, {literal(plain)}))"
    if spelling.currency_signs:
        money = "|".join(_quoted(sign.translate(signs)) for sign in spelling.currency_signs)
        tidy = rf"regexp_replace({tidy}, '^([-+(]?)\s*(?:{money})\s*', '\1')"
        tidy = rf"regexp_replace({tidy}, '\s*(?:{money})\s*([-)]?)$', '\1')"
    if "parentheses" in spelling.negative:
        tidy = rf"regexp_replace({tidy}, '^\(\s*([^-+].*?)\s*\)$', '-\1')"
    if "trailing" in spelling.negative:
        tidy = rf"regexp_replace({tidy}, '^([^-+].*?)\s*-$', '-\1')"
    return tidy


def _class(sign: str) -> str:
    return "[" + sign.replace("'", "''") + "]"


def _quoted(text: str) -> str:
    return re.escape(text).replace("'", "''")


@cache
def _plain_signs() -> dict[int, str]:
    """The plain sign of each that stands for one: digits of any script, signs of another width, minus, spaces."""
    everything = "".join(map(chr, range(128, _LAST_DIGIT)))
    signs = {ord(digit): str(unicodedata.decimal(digit)) for digit in re.findall(r"\d", everything)}
    signs |= {ord(space): " " for space in re.findall(r"\s", everything)}
    for code in (*range(0xFE50, 0xFE70), *range(0xFF00, 0xFFF0)):  # small and full-width forms
        signs.setdefault(code, unicodedata.normalize("NFKC", chr(code)))
    return {code: sign for code, sign in signs.items() if len(sign) == 1 and ord(sign) != code} | {0x2212: "-"}
