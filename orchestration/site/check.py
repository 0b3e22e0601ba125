"""A site's folder, looked at before anything rests on it: files that nobody would read, rows that would do nothing."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import duckdb

from orchestration.base.refusal import UnknownNameError, unknown
from orchestration.base.settings import PROJECT, Settings
from orchestration.base.sql import connect, first_line, literal
from orchestration.contracts import contract_paths
from orchestration.gates.suites import STAGES
from orchestration.site.fraud_rules import mistakes_of_rule, rules
from orchestration.site.reference import (
    MOST_LINES,
    Problem,
    Reference,
    SiteError,
    lay_over,
    misread,
    numbered_rows,
    references,
    seed_file,
)

_ENTRIES = ("site.toml", "contracts", "reference", "expectations")


def check_site(settings: Settings) -> None:
    """Look at the whole folder, and at the view.

    Raises:
        SiteError: with everything that was found, each with its file, line and column.
    """
    with connect(settings) as con:
        found = list(_problems(con, settings))
    if found:
        raise SiteError(*found)


def check_view(settings: Settings) -> None:
    """Look at the view alone, in a moment.

    Raises:
        UnknownNameError: if no provider belongs to its group.
    """
    with connect(settings) as con:
        if not list(misread(settings, "providers")) and (wrong := wrong_view(con, settings)):
            raise UnknownNameError(f"RINGFENCE_VIEW: {wrong}")


def _problems(con: duckdb.DuckDBPyConnection, settings: Settings) -> Iterator[Problem]:
    wrong = [problem for name in references() for problem in misread(settings, name)]
    if not wrong:  # tables refer to each other
        wrong = [problem for name in references() for problem in _wrong_rows(con, settings, references()[name])]
    yield from wrong
    if not wrong:
        yield from _wrong_rules(con, settings)
    if settings.site:
        yield from _unread(settings, settings.site)
        yield from _unknown_feeds(settings, settings.site)
    if not wrong and (problem := wrong_view(con, settings)):
        yield Problem("RINGFENCE_VIEW", str(problem))


def wrong_view(con: duckdb.DuckDBPyConnection, settings: Settings) -> UnknownNameError | None:
    """What is wrong with the view: it is of a group that no provider belongs to."""
    group = settings.view.partition(":")[2]
    relation = lay_over(con, settings, "providers")
    groups = [name for (name,) in con.execute(f"select distinct group_name from {relation}").fetchall()]
    return unknown("group of providers", group, groups) if group and group not in groups else None


def _unread(settings: Settings, site: Path) -> Iterator[Problem]:
    """Files whose name says that nobody will read them."""
    for path in sorted(site.iterdir()):
        if path.name not in _ENTRIES and (near := difflib.get_close_matches(path.name, _ENTRIES, 1)):
            yield Problem(str(path), f"nobody reads this; did you mean {near[0]!r}?")
    for path in sorted((site / "contracts").glob("*.yml")):
        yield Problem(str(path), "nobody reads this; a contract's name ends in .yaml")
    yield from _strangers((site / "reference").glob("*"), "csv", references(), "a reference table")
    yield from _strangers((site / "expectations").glob("*"), "", STAGES, "a stage")
    models = {path.stem for path in (PROJECT / "dbt_project" / "models").rglob("*") if path.suffix in (".sql", ".py")}
    for stage in STAGES:
        known = {"_default", *(contract_paths(settings) if stage == "raw" else {*models, *references()})}
        yield from _strangers((site / "expectations" / stage).glob("*"), "json", known, f"a relation of stage {stage}")


def _unknown_feeds(settings: Settings, site: Path) -> Iterator[Problem]:
    """Feeds of which the profile says something, and that nobody knows."""
    known, profile = contract_paths(settings), settings.site_profile
    for key, names in (("absent", profile.absent), ("landing", profile.landing)):
        for name in sorted(set(names) - known.keys()):
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(known)}"
            yield Problem(str(site / "site.toml"), f"{key}: there is no feed {name!r}{hint}")


def _strangers(paths: Iterable[Path], suffix: str, known: Collection[str], what: str) -> Iterator[Problem]:
    for path in sorted(paths):
        if path.stem not in known or path.suffix.removeprefix(".") != suffix:
            near = difflib.get_close_matches(path.stem, known, 1)
            name = f"{near[0]}.{suffix}".rstrip(".") if near else ""
            yield Problem(str(path), f"is not named after {what}" + (f"; did you mean {name!r}?" if name else ""))


def _wrong_rows(con: duckdb.DuckDBPyConnection, settings: Settings, reference: Reference) -> list[Problem]:
    """What is wrong with the site's rows of a table: first what cannot be read, only then what it says."""
    file = str(settings.site / "reference" / f"{reference.name}.csv") if settings.site else ""
    try:
        relation = lay_over(con, settings, reference.name)
        allowed = {column: _allowed(con, settings, reference, said) for column, said in reference.one_of.items()}
    except SiteError as error:
        return list(error.problems)
    except duckdb.Error as error:
        return [Problem(file, first_line(error))]

    def found(condition: str, column: str, said: str) -> list[Problem]:
        rows = con.execute(
            f"select line, {column} from {relation} as one where line is not null and ({condition}) "
            f"order by line limit {MOST_LINES}"
        ).fetchall()
        return [Problem(file, said.format(value), line, column) for line, value in rows]

    problems = [
        problem
        for column, type_ in reference.types.items()
        for problem in found(
            f"try_cast({column} as {type_}) is null and {column} is not null",
            column,
            f"{{!r}} is not {_article(type_)} {type_}",
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
        listed = f"[{', '.join(map(literal, values))}]::varchar[]"
        said = f"is not one of {', '.join(values)}" if values else "is unknown: there are none"
        problems += found(f"not list_contains({listed}, {column}::varchar)", column, f"{{!r}} {said}")
    for column, conditions in reference.holds.items():
        for condition, otherwise in conditions.items():
            problems += found(f"not ({condition})", column, f"{{}} {otherwise}")
    same = f"({key}) in (select ({key}) from {relation} as other where other.line < one.line)"
    return problems + found(same, reference.key[0], "a line above it has the same key ({})")


def _wrong_rules(con: duckdb.DuckDBPyConnection, settings: Settings) -> Iterator[Problem]:
    """Parameters of fraud rules that no macro reads as they are written, in the site's rows and in the seed's."""
    shipped = seed_file("fraud_rules")
    columns = "rule_id, parameters, line from"
    of_site = f"{lay_over(con, settings, 'fraud_rules')} where line is not null"
    own = settings.site / "reference" / shipped.name if settings.site else shipped
    for file, rows in ((shipped, numbered_rows(shipped)), (own, of_site)):
        for rule_id, parameters, line in con.execute(f"select {columns} {rows} order by line").fetchall():
            for said in mistakes_of_rule(rule_id, parameters):
                yield Problem(str(file), said, line, "parameters")
    with_a_row = {rule for (rule,) in con.execute(f"select rule_id from {numbered_rows(shipped)}").fetchall()}
    for rule in rules().keys() - with_a_row:
        yield Problem(str(shipped), f"the rule {rule!r} has a macro and no row")


def _allowed(
    con: duckdb.DuckDBPyConnection, settings: Settings, reference: Reference, said: str | list[str]
) -> list[str]:
    """The values of a list, or of `table.column`; of the table itself, those that are shipped."""
    if not isinstance(said, str):
        return said
    table, _, column = said.partition(".")
    relation = "shipped" if table == reference.name else lay_over(con, settings, table)
    known = con.execute(f"select distinct {column} from {relation} where {column} is not null order by 1").fetchall()
    return [value for (value,) in known]


def _article(noun: str) -> str:
    return "an" if noun[0].lower() in "aeiou" else "a"
