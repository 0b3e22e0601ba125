"""Formats of dates and instants: what is wrong with one before the first row is read by it."""

from __future__ import annotations

import re

import duckdb

from orchestration.base.sql import first_line

#: Words that stand for a format: a count since 1970-01-01 00:00 UTC with its units per second, and ISO 8601.
EPOCHS = {"epoch_s": 1, "epoch_ms": 1_000, "epoch_us": 1_000_000}
ISO = "iso8601"
WORDS = (*EPOCHS, ISO)

_DIRECTIVE = re.compile(r"%-?[A-Za-z]")
#: What each part of a moment is written by, coarsest first; `c`, `x`, `X`, `T` stand for several.
_PARTS = (
    ("year", "Yycx"),
    ("month", "mbBjcx"),
    ("day", "dejcx"),
    ("hour", "HIcXT"),
    ("minute", "McXT"),
    ("second", "ScXT"),
)
#: A moment to try a format on: each part has a value that no other part could have.
_MOMENT = {"year": 2026, "month": 11, "day": 23, "hour": 17, "minute": 34, "second": 56}
_FIRST = {"month": 1, "day": 1}
_ZONE = re.compile(
    r"(?<![A-Za-z])(z|utc|gmt|zulu|[a-z]{2,4}t)(?![a-z])|[+-][0-9]{2}(:?[0-9]{2})?(?![0-9])", re.IGNORECASE
)
#: Letters of Java's and Oracle's formats, and ours; longer ones first.
_FOREIGN = {
    "yyyy": "%Y", "YYYY": "%Y", "yy": "%y", "YY": "%y", "RR": "%y", "HH24": "%H", "HH": "%H", "hh24": "%H", "MI": "%M",
    "mi": "%M", "MON": "%b", "Mon": "%b", "MMM": "%b", "MM": "%m", "mm": "%M", "dd": "%d", "DD": "%d", "SS": "%S",
    "ss": "%S", "XXX": "%z", "xxx": "%z",
}  # fmt: skip
_FOREIGN_LETTERS = re.compile("|".join(sorted(_FOREIGN, key=len, reverse=True)))


def what_is_wrong(con: duckdb.DuckDBPyConnection, form: str) -> str | None:
    """Why a format would not read what it seems to read, or None. `con` is in UTC.

    A moment is written in it and read back: what is lost on the way would be lost of every row.
    """
    try:
        con.execute("select try_strptime('', $1)", [form])
    except duckdb.Error as error:
        return first_line(error)
    found = [directive[-1] for directive in _DIRECTIVE.findall(form.replace("%%", ""))]
    if twice := sorted({letter for letter in found if found.count(letter) > 1}):
        return f"%{twice[0]} stands twice"
    if mark := _literal_zone(form):
        return f"{mark!r} would be passed over and the time read as local; write %z, which reads Z and +09:00"
    return _lost(con, form, found)


def _lost(con: duckdb.DuckDBPyConnection, form: str, found: list[str]) -> str | None:
    """What a format with these directives would lose of a moment, or None."""
    named = [name for name, letters in _PARTS if any(letter in letters for letter in found)]
    expected = [name for name, _ in _PARTS][: len(named)]
    if "year" not in named:
        return f"names no year{_hint(form)}"
    if gap := next((name for name in expected if name not in named), None):
        return f"names the {named[-1]} but no {gap}{_hint(form)}"
    if not _reads_back(con, form, named):
        return f"does not read back what it writes{_hint(form)}"
    return None


def _literal_zone(form: str) -> str | None:
    """The zone that a format names as plain text, behind the time of day, where nothing would look at it."""
    if "%z" in form or "%Z" in form:
        return None
    times = [match.end() for match in _DIRECTIVE.finditer(form) if match[0][-1] in "HIMSfgnpXTc"]
    mark = _ZONE.search(form[times[-1] :]) if times else None
    return mark[0] if mark else None


def _reads_back(con: duckdb.DuckDBPyConnection, form: str, named: list[str]) -> bool:
    parts = [_MOMENT[name] if name in named else _FIRST.get(name, 0) for name in _MOMENT]
    row = con.execute(
        "select cast(try_strptime(strftime(moment, $1), $1) as timestamp) = moment "
        "from (select make_timestamp($2, $3, $4, $5, $6, $7::double) as moment)",
        [form, *parts],
    ).fetchone()
    return bool(row and row[0])


def _hint(form: str) -> str:
    """What a format in another language's letters would be in ours."""
    ours = _FOREIGN_LETTERS.sub(lambda match: _FOREIGN[match[0]], form).replace("'", "")
    return f"; did you mean {ours!r}?" if ours != form and "%" not in form else ""
