"""SQL for the values of a typed file, as Parquet is: cast to the contract's type, never spelled and read again.

A cell keeps its text beside it, in one plain spelling, for columns of text, for masks and for what a contract says of
texts (`nullValues`, `values`, a day as the whole number 20260103).
"""

from __future__ import annotations

import re

from orchestration.base.sql import identifier
from orchestration.contracts import Column
from orchestration.contracts.model import NumberSpelling
from orchestration.ingest.amounts import number_sql

#: What a Parquet file's column is, whatever its width.
_FAMILIES = {
    "text": r"VARCHAR|JSON|UUID|ENUM\(.*\)",
    "bytes": r"BLOB",
    "whole": r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?",
    "decimal": r"DECIMAL\([0-9]+,[0-9]+\)",
    "float": r"FLOAT|DOUBLE",
    "flag": r"BOOLEAN",
    "day": r"DATE",
    "moment": r"TIMESTAMP(_S|_MS|_NS)?",
    "instant": r"TIMESTAMP WITH TIME ZONE",
    "time": r"TIME(_NS| WITH TIME ZONE)?",
}
#: Above this a floating-point number no longer holds every whole number, so that it may be its neighbour.
_WHOLE_UP_TO = {"FLOAT": 2**24, "DOUBLE": 2**53}
_PLAIN = NumberSpelling()


def family(type_: str) -> str | None:
    """What a column of DuckDB's type holds; None for lists, structures and maps."""
    return next((name for name, pattern in _FAMILIES.items() if re.fullmatch(pattern, type_)), None)


def text_sql(cell: str, type_: str) -> str:
    """A cell's text: digits without separators, a point, ISO dates; a whole number is one, whatever holds it."""
    kind = family(type_)
    text = f"cast({cell} as varchar)"
    if kind == "float":
        is_whole = f"{cell} = trunc({cell}) and abs({cell}) <= {_WHOLE_UP_TO[type_]}"
        return f"case when {is_whole} then cast(cast({cell} as bigint) as varchar) else {text} end"
    if kind == "decimal" and not type_.endswith(",0)"):
        return f"rtrim(rtrim({text}, '0'), '.')"
    return text


def value_sql(column: Column, cell: str, text: str, type_: str) -> str | None:
    """A cell cast to the column's type, null where that would lose something; None if its text is to be read."""
    kind = family(type_)
    wanted = column.base_type
    if column.is_number and kind in ("whole", "decimal", "float"):
        return _number_sql(column, cell, text, type_)
    if wanted == "BOOLEAN" and kind == "flag" and not column.values:
        return cell
    if wanted == "DATE" and kind in ("day", "moment", "instant"):
        return _day_sql(cell, str(kind))
    if wanted == "TIMESTAMPTZ" and kind in ("day", "moment", "instant"):
        return f"cast(cast({cell} as timestamp) as timestamptz)" if kind != "instant" else cell
    return None


def _number_sql(column: Column, cell: str, text: str, type_: str) -> str:
    kind = family(type_)
    if kind == "float" and column.type == "DOUBLE":
        return f"case when isfinite({cell}) then cast({cell} as double) end"
    if kind == "float" and column.is_integer:
        return f"case when abs({cell}) <= {_WHOLE_UP_TO[type_]} then {number_sql(column, text, _PLAIN)} end"
    if kind == "float":  # the decimal that this number is nearest to, if there is one
        value = f"try_cast({text} as {column.type})"
        return f"case when cast({value} as {type_}) = {cell} then {value} end"
    if kind == "whole" and column.is_integer and not column.minor_units:
        return f"try_cast({cell} as {column.type})"
    return number_sql(column, text, _PLAIN)


def _day_sql(cell: str, kind: str) -> str:
    """A day; of a moment only if it is a day's beginning, in the site's time zone or in UTC."""
    if kind == "day":
        return cell
    begin = f"cast({cell} as date)"
    local = f"case when cast({cell} as timestamp) = cast({begin} as timestamp) then {begin} end"
    if kind == "moment":
        return local
    in_utc = f"timezone('UTC', {cell})"
    return f"coalesce({local}, case when {in_utc} = date_trunc('day', {in_utc}) then cast({in_utc} as date) end)"


def cell_name(column: Column) -> str:
    """Name of a column's cell, as read, beside its text and its typed value."""
    return identifier(f"_cell_{column.name}")


def text_name(column: Column) -> str:
    """Name of the text of a column, as read, beside its typed value."""
    return f"_text_{column.name}"
