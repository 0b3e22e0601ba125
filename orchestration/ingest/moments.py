"""SQL that reads a text as a day or an instant, in the formats of the contract.

What has its canonical spelling is cast; other formats take the slower path, for those rows only.
"""

from __future__ import annotations

from orchestration.base.sql import literal
from orchestration.contracts import Feed
from orchestration.contracts.moment_formats import EPOCHS, ISO

_ISO_DATE = len("2026-01-03")
_ISO_INSTANT = len("2026-01-03 05:04:05")
_DAY = "%Y-%m-%d"
_SECOND = "%Y-%m-%d %H:%M:%S"
_WITH_OFFSET = r"^(.*?) ?(?:[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)$"
_EPOCH_FROM = 315_532_800_000_000  # microseconds to 1980
_ISO_PATTERN = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ](?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)


def date_sql(text: str, feed: Feed) -> str:
    """The day that a text names, or null."""
    slow = _plausible(_as_written(text, feed.date_formats))
    if _DAY not in feed.date_formats:
        return slow
    value = f"try_cast({text} as date)"
    return f"coalesce(case when {_is_iso(value, text, _ISO_DATE)} then {value} end, {slow})"


def _as_written(text: str, forms: tuple[str, ...]) -> str:
    """A day in some formats; one with an offset is the day that stands there, whatever day it is elsewhere."""
    plain = [form for form in forms if not form.endswith("%z")]
    zoned = [form.removesuffix("%z").rstrip() for form in forms if form.endswith("%z")]
    tried = [f"try_strptime({text}, {_list(plain)})"] if plain else []
    if zoned:
        without = f"regexp_extract({text}, {literal(_WITH_OFFSET)}, 1)"
        tried.append(f"try_strptime({without}, {_list(zoned)})")
    return f"cast(coalesce({', '.join(tried)}) as date)" if len(tried) > 1 else f"cast({tried[0]} as date)"


def instant_sql(text: str, feed: Feed) -> str:
    """The instant that a text names, or null; without an offset it is in the session's, the site's, time zone."""
    forms = [form for form in feed.timestamp_formats if form not in (*EPOCHS, ISO)]
    local, zoned = [form for form in forms if "%z" not in form], [form for form in forms if "%z" in form]
    tried = [*_strptime(text, local), *_strptime(text, zoned), *_zulu(text, zoned)]
    if ISO in feed.timestamp_formats:
        upper = f"upper({text})"
        tried.append(
            f"case when regexp_full_match({upper}, {literal(_ISO_PATTERN)}) then try_cast({upper} as timestamptz) end"
        )
    tried += [_epoch_sql(text, EPOCHS[word]) for word in EPOCHS if word in feed.timestamp_formats]
    if feed.is_midnight_24:
        iso = (_SECOND, "%Y-%m-%dT%H:%M:%S") if ISO in feed.timestamp_formats else ()
        tried += _midnight_24(text, [*local, *iso], zoned)
    slow = _plausible(f"coalesce({', '.join(tried)})" if len(tried) > 1 else tried[0])
    if _SECOND not in local:
        return slow
    plain = f"try_cast({text} as timestamp)"
    fast = f"case when {_is_iso(plain, text, _ISO_INSTANT)} then {plain} end"
    return f"coalesce(cast({fast} as timestamptz), {slow})"


def _strptime(text: str, forms: list[str]) -> list[str]:
    return [f"cast(try_strptime({text}, {_list(forms)}) as timestamptz)"] if forms else []


def _zulu(text: str, zoned: list[str]) -> list[str]:
    """`Z` in the place of an offset, which `%z` does not read."""
    forms = [form.replace("%z", letter) for form in zoned for letter in "Zz"]
    return [f"timezone('UTC', try_strptime({text}, {_list(forms)}))"] if forms else []


def _midnight_24(text: str, local: list[str], zoned: list[str]) -> list[str]:
    """The end of a day written as 24:00:00 of it: that is 00:00:00 of the next."""
    days = [_at_24(form) for form in local if "%H" in form]
    tried = [f"cast(try_strptime({text}, {_list(days)}) + interval 1 day as timestamptz)"] if days else []
    offsets = [_at_24(form) for form in zoned if "%H" in form]
    return tried + [f"{one} + interval 24 hours" for one in (*_strptime(text, offsets), *_zulu(text, offsets))]


def _at_24(form: str) -> str:
    return form.replace("%H", "24").replace("%M", "00").replace("%S", "00").replace("%f", "000000").replace("%g", "000")


def _epoch_sql(text: str, per_second: int) -> str:
    """A count since 1970-01-01 00:00 UTC, to the microsecond; before 1980 it is a count in another unit."""
    decimals = 6 - (len(str(per_second)) - 1)
    fraction = rf"(?:\.[0-9]{{1,{decimals}}}0*)?" if decimals else r"(?:\.0+)?"
    count = f"case when regexp_full_match({text}, '-?[0-9]{{1,17}}{fraction}') then {text} end"
    micros = f"try_cast(cast({count} as decimal(38,6)) * {1_000_000 // per_second} as bigint)"
    return f"timezone('UTC', make_timestamp(case when {micros} >= {_EPOCH_FROM} then {micros} end))"


def _is_iso(value: str, text: str, length: int) -> str:
    """Whether a text is the canonical spelling of its value, of a year that a feed can mean."""
    return f"cast({value} as varchar) = {text} and length({text}) = {length} and {text} >= '19'"


def _plausible(value: str) -> str:
    """Null for a year that no feed can mean: `%Y` also reads the `26` of `03/01/26`."""
    return f"case when {value} between '1900-01-01' and '9999-12-31 23:59:59.999999' then {value} end"


def _list(forms: tuple[str, ...] | list[str]) -> str:
    return "[" + ", ".join(literal(form) for form in forms) + "]"
