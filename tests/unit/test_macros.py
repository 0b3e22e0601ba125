"""dbt's macros, which sqlfluff does not read: parsed, spelled rightly, used, explained, and formatted."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import jinja2
import pytest
from jinja2 import meta, nodes

from orchestration.warehouse.dbt import DBT_PROJECT

MACROS = sorted((DBT_PROJECT / "macros").rglob("*.sql"))
_JINJA = jinja2.Environment(extensions=["jinja2.ext.do"])
#: What dbt puts before every macro, and the adapter's own macros that ours call.
_DBT = {
    "adapter", "api", "config", "env_var", "exceptions", "execute", "flags", "graph", "invocation_id", "is_incremental",
    "model", "ref", "return", "run_query", "should_full_refresh", "source", "target", "this",
    "create_table_as", "duckdb_escape_comment", "file_format_clause", "get_assert_columns_equivalent", "get_quoted_csv",
    "get_select_subquery", "load_relation", "location_clause",
}  # fmt: skip
#: Macros that dbt, or one of its adapters, calls by their name.
_CALLED_BY_DBT = {
    "alter_column_comment", "generate_schema_name",
    "get_empty_schema_sql", "load_csv_rows", "persist_constraints",
}  # fmt: skip
_ENGINES = ("duckdb__", "spark__")


def _parsed(path: Path) -> nodes.Template:
    return _JINJA.parse(path.read_text("utf-8"), filename=str(path))


def _names(path: Path) -> set[str]:
    return {macro.name for macro in _parsed(path).find_all(nodes.Macro)}


OURS = {name for path in MACROS for name in _names(path)}


@pytest.mark.parametrize("path", MACROS, ids=lambda path: path.stem)
def test_a_macro_names_only_what_is_there(path: Path) -> None:
    tree = _parsed(path)
    assigned = {name.name for name in tree.find_all(nodes.Name) if name.ctx in ("store", "param")}
    assert meta.find_undeclared_variables(tree) - assigned - OURS - _DBT == set()


@pytest.mark.parametrize("path", MACROS, ids=lambda path: path.stem)
def test_a_file_of_macros_is_formatted_and_begins_with_what_they_are_for(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    for number, line in enumerate(text.splitlines(), 1):
        assert len(line) <= 120, f"line {number} has {len(line)} signs"
        assert line == line.rstrip(), f"line {number} ends with a space"
        assert "\t" not in line, f"line {number} has a tab"
    assert text.startswith("{#"), "what the macros are for stands first"


def test_no_macro_is_left_that_nobody_calls() -> None:
    read = [path for suffix in ("*.sql", "*.yml", "*.py") for path in DBT_PROJECT.rglob(suffix)]
    read += (DBT_PROJECT.parent / "orchestration").rglob("*.py")
    text = "\n".join(path.read_text("utf-8") for path in read if "target" not in path.parts)
    definitions = {name: 1 for name in OURS if not name.startswith(_ENGINES)}
    dispatched = {name.partition("__")[2]: 0 for name in OURS if name.startswith(_ENGINES)}
    seen = Counter(re.findall(r"\w+", text))
    assert {name for name in definitions | dispatched if seen[name] <= definitions.get(name, 0)} == _CALLED_BY_DBT


def test_what_the_linter_takes_for_a_macro_is_one() -> None:
    stubs = (DBT_PROJECT / ".sqlfluff").read_text("utf-8").split("[sqlfluff:templater:jinja:macros]")[1]
    assert set(re.findall(r"^(\w+) =", stubs, re.MULTILINE)) <= OURS
