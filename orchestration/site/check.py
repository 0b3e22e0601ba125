"""A site's folder, looked at before anything rests on it: files that nobody would read, rows that would do nothing."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import duckdb

from orchestration.base.settings import PROJECT, Settings
from orchestration.base.sql import connect, first_line, literal
from orchestration.contracts import contract_paths
from orchestration.gates.suites import STAGES
from orchestration.site.reference import MOST_LINES, Reference, SiteError, lay_over, misread, references

_ENTRIES = ("site.toml", "contracts", "reference", "expectations")


def check_site(settings: Settings) -> None:
    """Look at the whole folder, and at the view.

    Raises:
        SiteError: with everything that was found, each with its file, line and column.
    """
    with connect(settings) as con:
        found = list(_problems(con, settings))
    if found:
        raise SiteError("\n".join(found))


def _problems(con: duckdb.DuckDBPyConnection, settings: Settings) -> Iterator[str]:
    wrong = [problem for name in references() for problem in misread(settings, name)]
    if not wrong:  # tables refer to each other
        wrong = [problem for name in references() for problem in _wrong_rows(con, settings, references()[name])]
    yield from wrong
    if settings.site:
        yield from _unread(settings, settings.site)
    group = settings.view.partition(":")[2]
    if group and not wrong:
        groups = [row[0] for row in con.execute("select distinct group_name from reference_providers").fetchall()]
        if group not in groups:
            yield f"RINGFENCE_VIEW: no provider belongs to a group {group!r}; there are {', '.join(sorted(groups))}"


def _unread(settings: Settings, site: Path) -> Iterator[str]:
    """Files whose name says that nobody will read them."""
    for path in sorted(site.iterdir()):
        if path.name not in _ENTRIES and (near := difflib.get_close_matches(path.name, _ENTRIES, 1)):
            yield f"{path}: nobody reads this; did you mean {near[0]!r}?"
    for path in sorted((site / "contracts").glob("*.yml")):
        yield f"{path}: nobody reads this; a contract's name ends in .yaml"
    yield from _strangers((site / "reference").glob("*"), "csv", references(), "a reference table")
    yield from _strangers((site / "expectations").glob("*"), "", STAGES, "a stage")
    models = {path.stem for path in (PROJECT / "dbt_project" / "models").rglob("*") if path.suffix in (".sql", ".py")}
    for stage in STAGES:
        known = {"_default", *(contract_paths(settings) if stage == "raw" else {*models, *references()})}
        yield from _strangers((site / "expectations" / stage).glob("*"), "json", known, f"a relation of stage {stage}")


def _strangers(paths: Iterable[Path], suffix: str, known: Collection[str], what: str) -> Iterator[str]:
    for path in sorted(paths):
        if path.stem not in known or path.suffix.removeprefix(".") != suffix:
            near = difflib.get_close_matches(path.stem, known, 1)
            name = f"{near[0]}.{suffix}".rstrip(".") if near else ""
            yield f"{path}: is not named after {what}" + (f"; did you mean {name!r}?" if name else "")


def _wrong_rows(con: duckdb.DuckDBPyConnection, settings: Settings, reference: Reference) -> list[str]:
    """What is wrong with the site's rows of a table: first what cannot be read, only then what it says."""
    file = settings.site / "reference" / f"{reference.name}.csv" if settings.site else None
    try:
        relation = lay_over(con, settings, reference.name)
        allowed = {column: _allowed(con, settings, reference, said) for column, said in reference.one_of.items()}
    except SiteError as error:
        return [str(error)]
    except duckdb.Error as error:
        return [f"{file}: {first_line(error)}"]

    def found(condition: str, column: str, said: str) -> list[str]:
        rows = con.execute(
            f"select line, {column} from {relation} as one where line is not null and ({condition}) "
            f"order by line limit {MOST_LINES}"
        ).fetchall()
        return [f"{file}, line {line}, {column}: {said.format(value)}" for line, value in rows]

    problems = [
        problem
        for column, type_ in reference.types.items()
        for problem in found(
            f"try_cast({column} as {type_}) is null and {column} is not null", column, f"{{!r}} is no {type_}"
        )
    ]
    if problems:
        return problems
    typed = ", ".join(f"{column}::{type_} as {column}" for column, type_ in reference.types.items())
    con.execute(f"create or replace temp table {relation} as select {typed}, line from {relation}")
    key = ", ".join(reference.key)
    for column in reference.required:
        problems += found(f"{column} is null", column, "is empty")
    for column, values in allowed.items():
        listed = ", ".join(map(literal, values))
        problems += found(f"{column} not in ({listed})", column, f"{{!r}} is not one of {', '.join(values)}")
    for column, conditions in reference.holds.items():
        for condition, otherwise in conditions.items():
            problems += found(f"not ({condition})", column, f"{{}} {otherwise}")
    same = f"({key}) in (select ({key}) from {relation} as other where other.line < one.line)"
    return problems + found(same, reference.key[0], "a line above it has the same key ({})")


def _allowed(
    con: duckdb.DuckDBPyConnection, settings: Settings, reference: Reference, said: str | list[str]
) -> list[str]:
    """The values of a list, or of `table.column`; of the table itself, those that are shipped."""
    if not isinstance(said, str):
        return said
    table, _, column = said.partition(".")
    relation = "shipped" if table == reference.name else lay_over(con, settings, table)
    return [value for (value,) in con.execute(f"select distinct {column} from {relation} order by 1").fetchall()]
