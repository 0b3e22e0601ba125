"""What has to hold of a contract beside each property alone: known keys, a key of the rows, limits, row rules."""

from __future__ import annotations

from typing import Any

from open_data_contract_standard.model import SchemaObject, SchemaProperty
from pydantic import BaseModel

from orchestration.contracts.mistakes import Mistakes
from orchestration.contracts.model import Column, RowRule


def check_keys(content: dict[str, Any], mistakes: Mistakes) -> None:
    """The standard's own model passes over a key that it does not know, such as a misspelt `required`."""
    for schema in content.get("schema") or []:
        _check_keys(schema, SchemaObject, mistakes, f"schema.{schema.get('name')}")
        for prop in schema.get("properties") or []:
            _check_keys(prop, SchemaProperty, mistakes, f"schema.0.properties.{prop.get('name')}")


def _check_keys(found: dict[str, Any], model: type[BaseModel], mistakes: Mistakes, place: str) -> None:
    known = {field.alias or name for name, field in model.model_fields.items()}
    mistakes.note_unknown(place, found, known, "not a key of the standard")


def check_columns(columns: tuple[Column, ...], mistakes: Mistakes, *, has_header: bool) -> None:
    """There are columns, with names of their own in raw, a source each, and a key."""
    if not columns:
        mistakes.note("schema.0.properties", "empty")
    for column in columns:
        _check_source(column, columns, mistakes, has_header=has_header)
    raw_names = [column.raw_name for column in columns]
    for name in sorted({name for name in raw_names if raw_names.count(name) > 1}):
        mistakes.note("schema.0.properties", f"raw would hold two columns {name!r}")
    positions = [column.key_position for column in columns if column.key_position]
    if not positions:
        what = "no primaryKey; where the source has none, add an integer with primaryKey: true and rowNumber: true"
        mistakes.note("schema.0.properties", what)
    elif all(column.constant is not None for column in columns if column.key_position):
        mistakes.note("schema.0.properties", "a key of constants alone tells no rows apart")
    elif len(positions) != len(set(positions)):
        mistakes.note("schema.0.properties", "two columns have the same primaryKeyPosition")


def _check_source(column: Column, columns: tuple[Column, ...], mistakes: Mistakes, *, has_header: bool) -> None:
    """A column is found in files in one way, which its file allows."""
    place = f"schema.0.properties.{column.name}"
    if column.same_source_as is not None:
        sources = {one.name: one for one in columns if one.has_source and one.same_source_as is None}
        if column.same_source_as not in sources or not column.has_source or _has_place(column):
            what = f"{column.same_source_as!r} is no column with a source of its own, or this one has another already"
            mistakes.note(f"{place}.sameSourceAs", what)
    elif has_header and column.position is not None:
        mistakes.note(f"{place}.position", "is for files without a header: header: false")
    elif not has_header and column.has_source and column.position is None:
        mistakes.note(place, "a file without a header is read by position: 1, 2, 3 …")


def _has_place(column: Column) -> bool:
    return len(column.headers) > 1 or column.position is not None


def check_row_number(column: Column, mistakes: Mistakes, place: str) -> None:
    """A row's number is a whole number, the key alone, and read from nowhere."""
    if not column.is_integer or column.key_position is None or column.pseudonym or column.constant is not None:
        mistakes.note(f"{place}.rowNumber", "is for an integer that is the primaryKey, without a constant")
    if _has_place(column):
        mistakes.note(f"{place}.rowNumber", "a column with a sourceHeader is read from the file")


def check_domain(column: Column, mistakes: Mistakes, place: str) -> None:
    """What a source's value becomes is one of the column's values."""
    domain = ("true", "false") if column.type == "BOOLEAN" else column.domain
    for source, ours in column.values.items():
        if domain and ours not in domain:
            mistakes.note(f"{place}.values", f"{source!r} becomes {ours!r}, which is none of {', '.join(domain)}")


def check_limits(column: Column, mistakes: Mistakes, place: str) -> None:
    """Limits are numbers, of a number, and in order; a pattern is one that DuckDB takes."""
    limits = [limit for limit in (column.minimum, column.maximum) if limit is not None]
    if any(isinstance(limit, bool) or not isinstance(limit, int | float) for limit in limits):
        mistakes.note(f"{place}.logicalTypeOptions", "minimum and maximum are numbers")
    elif limits and not column.is_number:
        mistakes.note(f"{place}.logicalTypeOptions", "minimum and maximum are for numbers")
    elif limits != sorted(limits):
        mistakes.note(f"{place}.logicalTypeOptions", "the minimum is above the maximum")
    if column.pattern is not None:
        pattern_place = f"{place}.logicalTypeOptions.pattern"
        mistakes.try_sql(pattern_place, "select regexp_full_match('', $1)", column.pattern)


def check_nothing(column: Column, mistakes: Mistakes, place: str) -> None:
    """What stands for nothing is not also a value of ours, and "no end" has room in raw."""
    if both := sorted({*column.null_marks} & {*column.values, *column.domain}):
        mistakes.note(f"{place}.nullValues", f"{both[0]!r} is a value of the column too")
    if column.open_end and (column.required or column.key_position is not None):
        mistakes.note(f"{place}.openEnd", "raw keeps null for no end: required: false, and no part of the key")


def check_constant(column: Column, mistakes: Mistakes, place: str) -> None:
    """What each row says is nobody's, and one of the column's values."""
    if column.pseudonym:
        mistakes.note(f"{place}.constant", "a personal column has a value of its own in each row")
    elif _has_place(column):
        mistakes.note(f"{place}.constant", "a column with a sourceHeader is read from the file")
    elif column.domain and column.values.get(str(column.constant), column.constant) not in column.domain:
        mistakes.note(f"{place}.constant", f"{column.constant!r} is none of {', '.join(column.domain)}")


def read_rules(schema: SchemaObject, columns: tuple[Column, ...], mistakes: Mistakes) -> tuple[RowRule, ...]:
    """Row rules, each tried on a row of nulls: a mistake in one is the contract's, not a delivery's."""
    found: list[RowRule] = []
    row = ", ".join(f'cast(null as {column.judged_type}) as "{column.raw_name}"' for column in columns)
    for number, rule in enumerate(schema.quality or []):
        place = f"schema.0.quality.{number}"
        if not rule.name or not rule.implementation or rule.name in {known.name for known in found}:
            mistakes.note(place, "a row rule has a name of its own and an implementation, a condition in SQL")
            continue
        mistakes.try_sql(f"{place} ({rule.name})", f"select ({rule.implementation}) is false from (select {row})")
        found.append(RowRule(rule.name, str(rule.implementation), rule.description or ""))
    return tuple(found)
