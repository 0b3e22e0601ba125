"""Reference tables: what their seeds say of them, and sites' rows laid over the shipped ones.

A seed has the rows that hold in every country, or none. Over them lie those of the site that this one is based on, and
over these the site's own.

What a reference table's columns may hold stands with its seed, in `dbt_project/seeds/_reference.yml`: types under
`column_types`, and in a column's `meta`, `required`, `one_of` (a list, or a `table.column`) and `holds` (conditions
over the row, each with what is said of a value that breaks it).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import yaml

from orchestration.base.files import NotTextError, encoding_by_mark, read_text, replacing
from orchestration.base.refusal import Refusal
from orchestration.base.settings import PROJECT, Settings
from orchestration.base.sql import columns_of, connect, exact, identifier, literal

MOST_LINES = 5  # of a table that are named
_SEEDS = PROJECT / "dbt_project" / "seeds"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: in a file or a setting, and where it stands in a table, on which line and column."""

    place: str
    said: str
    line: int | None = None
    column: str | None = None

    def __str__(self) -> str:
        line = "" if self.line is None else f", line {self.line}"
        return f"{self.place}{line}{f', {self.column}' if self.column else ''}: {self.said}"


class SiteError(Refusal):
    """Something in a site's folder, or the view that is asked for, would do nothing or break a run."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


@dataclass(frozen=True)
class Reference:
    """A reference table: its key, its columns' SQL types, and what its rows must hold."""

    name: str
    key: tuple[str, ...]
    types: Mapping[str, str]
    required: tuple[str, ...]
    one_of: Mapping[str, str | list[str]]
    holds: Mapping[str, Mapping[str, str]]


@cache
def references() -> Mapping[str, Reference]:
    """The reference tables by name."""
    seeds = yaml.safe_load((_SEEDS / "_reference.yml").read_text("utf-8"))["seeds"]
    return {seed["name"]: _reference(seed) for seed in seeds}


def _reference(seed: Mapping[str, Any]) -> Reference:
    config = seed["config"]
    says = {column["name"]: column.get("config", {}).get("meta", {}) for column in seed["columns"]}
    key = next(test["primary_key"]["arguments"]["columns"] for test in seed["data_tests"] if "primary_key" in test)
    return Reference(
        name=seed["name"],
        key=tuple(key),
        types=config["column_types"],
        required=(*key, *(column for column, meta in says.items() if meta.get("required"))),
        one_of={column: meta["one_of"] for column, meta in says.items() if "one_of" in meta},
        holds={column: meta["holds"] for column, meta in says.items() if "holds" in meta},
    )


def lay_over(con: duckdb.DuckDBPyConnection, settings: Settings, name: str) -> str:
    """Create the temporary relation `reference_<name>`, as text, as the warehouse reads the table; return its name.

    A row replaces the one with its key that it is laid over (columns that its file leaves out keep their value), or
    joins the others. `line` is its line in the site's own file, null for another row. The relation `shipped` holds what
    the site's own rows are laid over.
    """
    relation, own = f"reference_{name}", own_file(settings, name)
    con.execute(f"create or replace temp table {relation} as select * from {numbered_rows(seed_file(name))}")
    for path in (path for path in row_files(settings, name)[1:] if path != own):
        _lay(con, path, references()[name].key, relation)
    con.execute(f"create or replace temp table shipped as select * replace (null::bigint as line) from {relation}")
    con.execute(f"create or replace temp table {relation} as select * from shipped")
    if own:
        _lay(con, own, references()[name].key, relation)
    return relation


def _lay(con: duckdb.DuckDBPyConnection, path: Path, key: Sequence[str], relation: str) -> None:
    """Lay the rows of a file over those of a relation."""
    columns = columns_of(con, relation)
    con.execute(f"create or replace temp table above as select * from {numbered_rows(path)}")
    given = columns_of(con, "above")
    if unknown := [column for column in given if column not in columns]:
        others = ", ".join(column for column in columns if column != "line")
        raise SiteError(Problem(str(path), f"column {unknown[0]!r} is not one of {others}", 1))
    if missing := [column for column in key if column not in given]:
        raise SiteError(Problem(str(path), f"the key column {missing[0]!r} is missing", 1))
    same = " and ".join(f"above.{identifier(column)} = below.{identifier(column)}" for column in key)
    values = ", ".join(f"{'above' if column in given else 'below'}.{identifier(column)}" for column in columns)
    con.execute(
        f"""
        create or replace temp table {relation} as
        select * from {relation} as below where not exists (select 1 from above where {same})
        union all
        select {values} from above left join {relation} as below on {same}
        """
    )


def write_references(settings: Settings, folder: Path) -> None:
    """Write every reference table with the site's rows laid over it, as `<name>.csv`, for the warehouse's seeds.

    Raises:
        SiteError: if a site's file has a column that the table lacks, or lacks the key.
    """
    with connect(settings) as con:
        for name in references():
            rows = f"(select * exclude (line) from {lay_over(con, settings, name)})"
            with replacing(folder / f"{name}.csv", is_durable=False) as temporary:
                con.execute(f"copy {rows} to {literal(str(temporary))} (format csv, header true)")


def misread(settings: Settings, name: str) -> Iterator[Problem]:
    """What of a site's table is not text in UTF-8 with commas, as many values in each line as the header has names."""
    file = own_file(settings, name)
    if file is None:
        return
    try:
        text = read_text(file)
    except NotTextError as error:
        yield Problem(f"{file}", error.said, error.line)
        return
    if (encoding := encoding_by_mark(file.read_bytes())) not in (None, "utf-8-sig"):
        yield Problem(str(file), f"is in {encoding}; save the file as UTF-8")
        return
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    names = next(rows, [])
    if len(names) == 1 and (other := next((sign for sign in ";\t|" if sign in names[0]), None)):
        yield Problem(str(file), f"{other!r} stands between the names; save the file with commas", 1)
        return
    if not all(map(str.strip, names)):
        yield Problem(str(file), "a column has no name; take out the columns that are empty", 1)
        return
    try:
        wrong = [(rows.line_num, len(row)) for row in rows if row and len(row) != len(names)]
    except csv.Error as error:
        yield Problem(str(file), str(error), rows.line_num)
        return
    for line, values in wrong[:MOST_LINES]:
        yield Problem(str(file), f"{values} values, where the header has {len(names)} names", line)


def seed_file(name: str) -> Path:
    """The file of a reference table's seed."""
    return _SEEDS / f"{name}.csv"


def own_file(settings: Settings, name: str) -> Path | None:
    """The file of the site's own rows of a reference table, if it has any."""
    path = settings.site / "reference" / f"{name}.csv" if settings.site else None
    return path if path and path.exists() else None


def row_files(settings: Settings, name: str) -> list[Path]:
    """Every file that rows of a reference table come from, each laid over the one before it: the seed, and sites'."""
    folders = settings.layers("reference")
    return [seed_file(name), *(path for folder in folders if (path := folder / f"{name}.csv").exists())]


def numbered_rows(path: Path) -> str:
    """SQL of a CSV file's rows, as text, with the `line` of each."""
    file = f"read_csv({literal(exact(path))}, header = true, all_varchar = true, delim = ',', quote = '\"')"
    return f"(select *, row_number() over () + 1 as line from {file})"
