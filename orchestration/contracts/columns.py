"""One column of a contract: from the standard's property to what ingest needs to know of it."""

from __future__ import annotations

import re

from open_data_contract_standard.model import SchemaProperty

from orchestration.contracts.checks import check_domain, check_limits
from orchestration.contracts.mistakes import Mistakes
from orchestration.contracts.model import INTEGERS, PSEUDONYMS, Column, Pseudonym
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
_MOST_MINOR_UNITS = 4
_RESERVED = ("dt", "rev")  # what raw adds to each row
_OPTIONS = ("pattern", "minimum", "maximum")
_PROPERTIES = {"sourceHeader", "values", "pseudonym", "minorUnits"}


def read_column(prop: SchemaProperty, mistakes: Mistakes) -> Column:
    """The column, of which nothing may be used if there are mistakes."""
    name = str(prop.name)
    place = f"schema.0.properties.{name}"
    if not NAME.fullmatch(name) or name in _RESERVED:
        mistakes.note(place, f"a name is small letters, digits and _, and none of {', '.join(_RESERVED)}")
    custom = Properties(prop.customProperties, _PROPERTIES, mistakes, place, place)
    type_ = _type(prop, mistakes, place)
    options = prop.logicalTypeOptions or {}
    for option in sorted(set(options) - set(_OPTIONS)):
        mistakes.note(f"{place}.logicalTypeOptions", f"{option!r} is not checked; known are {', '.join(_OPTIONS)}")
    column = Column(
        name=name,
        type=type_,
        # a column is required unless the contract says otherwise
        required=prop.required is not False,
        description=prop.description or "",
        headers=tuple(dict.fromkeys((*custom.texts("sourceHeader"), name))),
        values=custom.mapping("values"),
        domain=tuple(str(entry.value) for entry in prop.enum or []),
        pattern=options.get("pattern"),
        minimum=options.get("minimum"),
        maximum=options.get("maximum"),
        pseudonym=_pseudonym(prop, custom),
        minor_units=_minor_units(custom, type_),
        key_position=(prop.primaryKeyPosition or 1) if prop.primaryKey else None,
    )
    check_domain(column, mistakes, place)
    check_limits(column, mistakes, place)
    return column


def _type(prop: SchemaProperty, mistakes: Mistakes, place: str) -> str:
    logical = prop.logicalType or "string"
    if logical not in _TYPES:
        mistakes.note(f"{place}.logicalType", f"{logical!r} is none of {', '.join(_TYPES)}")
    type_ = (prop.physicalType or _TYPES.get(logical, "VARCHAR")).upper().replace(" ", "")
    if not _PHYSICAL.fullmatch(type_):
        known = ", ".join(_TYPES.values())
        mistakes.note(f"{place}.physicalType", f"{prop.physicalType!r} is no type of raw ({known} …)")
        return "VARCHAR"
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
    if not isinstance(units, int) or not 0 <= units <= _MOST_MINOR_UNITS or (units and type_ not in INTEGERS):
        what = f"{units!r} is not the decimals that an integer amount is delivered with, such as 2 for cents"
        custom.wrong("minorUnits", what)
        return 0
    return units
