"""A contract as SQL: the typed value of each column, and every reason why a row is not acceptable."""

from __future__ import annotations

from orchestration.base.settings import NumberPlan
from orchestration.base.sql import identifier, literal
from orchestration.contracts import Column, Feed
from orchestration.ingest.layout import text_name
from orchestration.privacy.pseudonyms import e164_sql

_ISO_DATE = len("2026-01-03")
_ISO_INSTANT = len("2026-01-03 05:04:05")


def typed_sql(column: Column, feed: Feed, plan: NumberPlan) -> str:
    """SQL for a column's typed value, or null where its text has none.

    Of an identity, it is what the pseudonym will be made of: the number as E.164, the line or person as it stands.
    """
    text = identifier(text_name(column))
    if column.pseudonym_kind:
        return e164_sql(text, plan) if column.pseudonym == "number" else text
    if column.values:
        cases = " ".join(f"when {literal(source)} then {literal(ours)}" for source, ours in column.values.items())
        text = f"case {text} {cases} else {text} end"
    value = _cast_sql(column, text, feed)
    if column.pseudonym == "age_band":
        decade = f"((year(dt) - {value}) // 10 * 10)"
        return f"{decade} || '-' || ({decade} + 9)"
    return value


def reasons(column: Column, typed: str, feed: Feed) -> dict[str, str]:
    """Reason → condition under which it applies to a row; `typed` is the name of the column's typed value."""
    text = identifier(text_name(column))
    found = {}
    if column.required:
        found[f"EMPTY:{column.name}"] = f"{text} is null"
    if column.type != "VARCHAR" or column.pseudonym == "number":
        found[f"BAD_{kind_of(column)}:{column.name}"] = f"{text} is not null and {typed} is null"
    if column.domain:
        values = ", ".join(literal(value) for value in column.domain)
        found[f"UNKNOWN_VALUE:{column.name}"] = f"{typed} not in ({values})"
    if column.pattern:
        found[f"PATTERN:{column.name}"] = f"not regexp_full_match({text}, {literal(column.pattern)})"
    measured = _cast_sql(column, text, feed) if column.pseudonym else typed
    if column.minimum is not None:
        found[f"BELOW_MINIMUM:{column.name}"] = f"{measured} < {column.minimum}"
    if column.maximum is not None:
        found[f"ABOVE_MAXIMUM:{column.name}"] = f"{measured} > {column.maximum}"
    return found


def all_reasons(feed: Feed) -> dict[str, str]:
    """Reason → condition, for every column and row rule of a feed, over texts and typed values by raw name."""
    found: dict[str, str] = {}
    for column in feed.columns:
        found |= reasons(column, identifier(column.raw_name), feed)
    return found | {rule.name: f"({rule.condition}) is false" for rule in feed.rules}


def _cast_sql(column: Column, text: str, feed: Feed) -> str:
    """The value of a text. What reads back as it stood needs no closer look; other spellings take the slow path."""
    kind = column.base_type
    if kind == "VARCHAR":
        return text
    if kind == "BOOLEAN":
        return f"case {text} when 'true' then true when 'false' then false end"
    if kind in ("DATE", "TIMESTAMPTZ"):
        return (_date_sql if kind == "DATE" else _timestamp_sql)(text, feed)
    return _number_sql(column, text, feed)


def _number_sql(column: Column, text: str, feed: Feed) -> str:
    if column.minor_units:
        return _minor_units_sql(column, text, feed)
    if column.is_integer:
        digits, pattern = _plain_number(text, feed)
        slow = f"case when regexp_full_match({text}, '[+-]?{pattern}') then try_cast({digits} as {column.type}) end"
        return _unless_plain(f"try_cast({text} as {column.type})", text, slow)
    return f"try_cast({_decimal_text(text, feed)} as {column.type})"


def _unless_plain(value: str, text: str, slow: str) -> str:
    """`value` if it is spelled as in `text`, else the slow expression, evaluated for those rows only."""
    return f"coalesce(case when cast({value} as varchar) = {text} then {value} end, {slow})"


def _decimal_text(text: str, feed: Feed, places: str = "+") -> str:
    """SQL for a decimal number's text with a point and no separators, or null if it is not one."""
    digits, pattern = _plain_number(text, feed)
    number = f"replace({digits}, {literal(feed.decimal_separator)}, '.')"
    point = _escape(feed.decimal_separator)
    return f"case when regexp_full_match({text}, '[+-]?{pattern}({point}[0-9]{places})?') then {number} end"


def _minor_units_sql(column: Column, text: str, feed: Feed) -> str:
    """An amount spelled in the large unit, as an integer of the small one: `1.234,5` is 123450 cents."""
    units = column.minor_units
    decimal = f"try_cast({_decimal_text(text, feed, f'{{1,{units}}}')} as decimal(38,{units}))"
    return f"try_cast({decimal} * {10**units} as {column.type})"


def _date_sql(text: str, feed: Feed) -> str:
    slow = _plausible(f"cast(try_strptime({text}, {_formats(feed.date_formats)}) as date)")
    if "%Y-%m-%d" not in feed.date_formats:
        return slow
    value = f"try_cast({text} as date)"
    return f"coalesce(case when {_is_iso(value, text, _ISO_DATE)} then {value} end, {slow})"


def _timestamp_sql(text: str, feed: Feed) -> str:
    """Instants: texts without an offset are in the session's, which is the site's, time zone."""
    local = [form for form in feed.timestamp_formats if "%z" not in form]
    zoned = [form for form in feed.timestamp_formats if "%z" in form]
    parsed = [f"cast(try_strptime({text}, {_formats(forms)}) as timestamptz)" for forms in (local, zoned) if forms]
    slow = _plausible(parsed[0] if len(parsed) == 1 else f"coalesce({', '.join(parsed)})")
    if "%Y-%m-%d %H:%M:%S" not in local:
        return slow
    plain = f"try_cast({text} as timestamp)"
    fast = f"case when {_is_iso(plain, text, _ISO_INSTANT)} then {plain} end"
    return f"coalesce(cast({fast} as timestamptz), {slow})"


def _is_iso(value: str, text: str, length: int) -> str:
    """Whether a text is the canonical spelling of its value, of a year that a feed can mean."""
    return f"cast({value} as varchar) = {text} and length({text}) = {length} and {text} between '19' and '22'"


def _plausible(value: str) -> str:
    """Null for a year that no feed can mean: `%Y` also reads the `26` of `03/01/26`."""
    return f"case when {value} between '1900-01-01' and '2200-01-01' then {value} end"


def _plain_number(text: str, feed: Feed) -> tuple[str, str]:
    """SQL that drops thousands separators, and the pattern of digits that may hold them."""
    if not feed.thousands_separator:
        return text, "[0-9]+"
    separator = _escape(feed.thousands_separator)
    pattern = f"([0-9]+|[0-9]{{1,3}}({separator}[0-9]{{3}})+)"
    return f"replace({text}, {literal(feed.thousands_separator)}, '')", pattern


def kind_of(column: Column) -> str:
    """What a value of the column is, in the words of a reason; NUMBER is a subscriber's."""
    if column.pseudonym == "number":
        return "NUMBER"
    return {"DATE": "DATE", "TIMESTAMPTZ": "INSTANT", "BOOLEAN": "FLAG"}.get(column.base_type, "QUANTITY")


def _formats(forms: tuple[str, ...] | list[str]) -> str:
    return "[" + ", ".join(literal(form) for form in forms) + "]"


def _escape(separator: str) -> str:
    return "[" + separator.replace("'", "''") + "]"
