"""One column of a contract: from the standard's property to what ingest needs to know of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from open_data_contract_standard.model import SchemaProperty

from orchestration.contracts.checks import (
    check_constant,
    check_domain,
    check_limits,
    check_nothing,
    check_row_number,
)
from orchestration.contracts.mistakes import Mistakes
from orchestration.contracts.model import INTEGERS, PSEUDONYMS, Column, Pseudonym
from orchestration.contracts.moment_formats import WORDS
from orchestration.contracts.properties import Properties

NAME = re.compile(r"[a-z][a-z0-9_]*")
#: DuckDB type of each ODCS logical type; `physicalType` overrides it.
_TYPES = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "number": "DECIMAL(18,4)",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMPTZ",
}
_PHYSICAL = re.compile(rf"{'|'.join(INTEGERS)}|DOUBLE|DECIMAL\([0-9]+,[0-9]+\)|VARCHAR|BOOLEAN|DATE|TIMESTAMPTZ")
#: A number with precision and scale, as databases call it; without them 18 digits and none behind the point.
_DECIMAL = re.compile(r"^(?:DECIMAL|NUMERIC|NUMBER)(?:\(([0-9]+)(?:,([0-9]+))?\))?$")
_MOST_MINOR_UNITS = 4
_RESERVED = ("dt", "rev")  # what raw adds to each row
_OPTIONS = ("pattern", "minimum", "maximum")
_PROPERTIES = {
    "sourceHeader",
    "values",
    "pseudonym",
    "minorUnits",
    "nullValues",
    "openEnd",
    "constant",
    "rowNumber",
    "sameSourceAs",
    "position",
    "resemblesNumbers",
}


def read_column(
    prop: SchemaProperty, mistakes: Mistakes, null_marks: tuple[str, ...], formats: Iterable[str]
) -> Column:
    """The column, of which nothing may be used if there are mistakes.

    `null_marks` are the feed's, for a column that names none; `formats` are those of its dates and instants.
    """
    name = str(prop.name)
    place = f"schema.0.properties.{name}"
    if not NAME.fullmatch(name) or name in _RESERVED:
        mistakes.note(place, f"a name is small letters, digits and _, and none of {', '.join(_RESERVED)}")
    custom = Properties(prop.customProperties, _PROPERTIES, mistakes, place, place)
    type_ = _type(prop, mistakes, place)
    values = custom.mapping("values")
    position = _position(custom)
    options = prop.logicalTypeOptions or {}
    for option in sorted(set(options) - set(_OPTIONS)):
        mistakes.note(f"{place}.logicalTypeOptions", f"{option!r} is not checked; known are {', '.join(_OPTIONS)}")
    column = Column(
        name=name,
        type=type_,
        # a column is required unless the contract says otherwise
        required=prop.required is not False,
        description=prop.description or "",
        headers=tuple(dict.fromkeys((*custom.texts("sourceHeader"), name))) if position is None else (str(position),),
        values={source: ours for source, ours in values.items() if ours},
        domain=tuple(str(entry.value) for entry in prop.enum or []),
        pattern=options.get("pattern"),
        minimum=options.get("minimum"),
        maximum=options.get("maximum"),
        pseudonym=_pseudonym(prop, custom),
        minor_units=_minor_units(custom, type_),
        resembles_numbers=bool(custom.choice("resemblesNumbers", False, True)),
        key_position=(prop.primaryKeyPosition or 1) if prop.primaryKey else None,
        null_marks=_null_marks(custom, values, null_marks),
        open_end=_open_end(custom, type_, formats, mistakes),
        constant=custom.constant("constant"),
        position=position,
        is_row_number=custom.flag("rowNumber"),
        same_source_as=custom.get("sameSourceAs"),
    )
    check_domain(column, mistakes, place)
    check_limits(column, mistakes, place)
    check_nothing(column, mistakes, place)
    if column.constant is not None:
        check_constant(column, mistakes, place)
    if column.is_row_number:
        check_row_number(column, mistakes, place)
    return column


def _position(custom: Properties) -> int | None:
    """The column's place in a line, from 1, where files have no header."""
    position: int | None = custom.get("position")
    if position is not None and (isinstance(position, bool) or not isinstance(position, int) or position < 1):
        custom.wrong("position", f"{position!r} is no place in a line, from 1")
    if position is not None and custom.get("sourceHeader") is not None:
        custom.wrong("position", "a column is found by its sourceHeader or by its position, not by both")
    return position


def _type(prop: SchemaProperty, mistakes: Mistakes, place: str) -> str:
    logical = prop.logicalType or "string"
    if logical not in _TYPES:
        mistakes.note(f"{place}.logicalType", f"{logical!r} is none of {', '.join(_TYPES)}")
    type_ = (prop.physicalType or _TYPES.get(logical, "VARCHAR")).upper().replace(" ", "")
    type_ = _DECIMAL.sub(lambda match: f"DECIMAL({match[1] or 18},{match[2] or 0})", type_)
    if not _PHYSICAL.fullmatch(type_):
        known = ", ".join(_TYPES.values())
        mistakes.note(f"{place}.physicalType", f"{prop.physicalType!r} is not a type of raw ({known} …)")
        return "VARCHAR"
    if type_.startswith("DECIMAL"):
        mistakes.try_sql(f"{place}.physicalType", f"select cast(null as {type_})")
    return type_


def _pseudonym(prop: SchemaProperty, custom: Properties) -> Pseudonym | None:
    is_personal = prop.classification == "pii"
    pseudonym: Pseudonym | None = custom.get("pseudonym", "person" if is_personal else None)
    if pseudonym is not None and (pseudonym not in PSEUDONYMS or not is_personal):
        custom.wrong("pseudonym", f"one of {', '.join(PSEUDONYMS)}, and with classification: pii")
        return None
    return pseudonym


def _minor_units(custom: Properties, type_: str) -> int:
    units = custom.get("minorUnits", 0)
    is_whole = isinstance(units, int) and not isinstance(units, bool)
    if not is_whole or not 0 <= units <= _MOST_MINOR_UNITS or (units and type_ not in INTEGERS):
        what = f"{units!r} is not the decimals that an integer amount is delivered with, such as 2 for cents"
        custom.wrong("minorUnits", what)
        return 0
    return int(units)


def _null_marks(custom: Properties, values: dict[str, str], of_feed: tuple[str, ...]) -> tuple[str, ...]:
    """Texts that say nothing: the column's own marks, else the feed's, and the values that become nothing."""
    marks = custom.quoted("nullValues", tuple(mark for mark in of_feed if mark not in values))
    return tuple(dict.fromkeys((*marks, *(source for source, ours in values.items() if not ours))))


def _open_end(custom: Properties, type_: str, formats: Iterable[str], mistakes: Mistakes) -> tuple[date, ...]:
    found = []
    for text in custom.texts("openEnd"):
        day = mistakes.read_day(text, [form for form in formats if form not in WORDS])
        if day is None or type_ not in ("DATE", "TIMESTAMPTZ"):
            custom.wrong("openEnd", f"{text!r} is not a day, such as 9999-12-31, or the column is no date or timestamp")
        else:
            found.append(day)
    return tuple(found)
