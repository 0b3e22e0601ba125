"""Changes of fraud rules as people write them: a CSV file with `rule_id` and the columns that it changes."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path

import duckdb

from orchestration.base.files import NotTextError, read_text
from orchestration.base.refusal import Refusal
from orchestration.base.settings import Settings
from orchestration.base.sql import columns_of
from orchestration.site.check import check_site
from orchestration.site.reference import Problem, SiteError

TABLE = "fraud_rules.csv"


class ChangesError(Refusal):
    """The changes name what is not there, or what no rule can have; the message says what, and in which line."""


@dataclass(frozen=True)
class Rule:
    """A row of `fraud_rules` as text, and the line of the changes that made it so; None if none did."""

    row: dict[str, str]
    line: int | None = None


def changed_rules(con: duckdb.DuckDBPyConnection, relation: str, changes: Path) -> list[Rule]:
    """All rules of a relation, with the changes laid over them, as a site's reference table spells them.

    Raises:
        ChangesError: if the file names a rule or a column that is not there.
    """
    columns = list(columns_of(con, relation))
    spelled = ", ".join(f"{name}::varchar" for name in columns)
    # the version in force comes last: the highest of the enabled ones
    found = con.execute(f"select {spelled} from {relation} order by is_enabled::boolean, version::integer").fetchall()
    rows = [dict(zip(columns, row, strict=True)) for row in found]
    rules = {(row["rule_id"], row["version"]): Rule(row) for row in rows}
    in_force = {row["rule_id"]: row for row in rows}
    for line, change in _read(changes, columns):
        if change.get("rule_id") and change["rule_id"] not in in_force:
            known = ", ".join(sorted(in_force))
            raise ChangesError(f"{changes}, line {line}: there is no rule {change['rule_id']!r}; known are {known}")
        for rule_id in [change["rule_id"]] if change.get("rule_id") else in_force:
            key = (rule_id, str(change.get("version", in_force[rule_id]["version"])))
            row = rules[key].row if key in rules else in_force[rule_id]
            rules[key] = Rule({**row, **change, "rule_id": rule_id, "version": key[1]}, line)
    return list(rules.values())


def checked_site(settings: Settings, apart: Settings, changes: Path, rules: list[Rule]) -> None:
    """Write the site of another installation, as it is but with these rules, and look at it.

    Raises:
        ChangesError: if a run would refuse it.
    """
    _write_site(settings, apart, [rule.row for rule in rules])
    try:
        check_site(apart)
    except SiteError as error:
        said = [str(_where_it_was_said(problem, changes, rules)) for problem in error.problems]
        raise ChangesError("\n".join(dict.fromkeys(said))) from None


def _where_it_was_said(problem: Problem, changes: Path, rules: list[Rule]) -> Problem:
    """A problem of the rules' table, which the user has never seen, by the line of the changes that caused it."""
    if problem.line is None or Path(problem.place).name != TABLE:
        return problem
    line = rules[problem.line - 2].line  # the first row of the table is its second line
    return problem if line is None else replace(problem, place=str(changes), line=line)


def _read(changes: Path, columns: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """The file's rows with their line numbers, without the cells that are empty: those change nothing."""
    try:
        reader = csv.DictReader(StringIO(read_text(changes), newline=""))
    except NotTextError as error:
        raise ChangesError(f"{changes}, {error}") from None
    if unknown := sorted(set(reader.fieldnames or ()) - set(columns)):
        raise ChangesError(f"{changes}: {unknown[0]!r} is not a column of fraud_rules ({', '.join(columns)})")
    if "rule_id" not in (reader.fieldnames or ()):
        raise ChangesError(f"{changes}: has no column 'rule_id'; an empty value in it stands for every rule")
    for row in reader:
        if None in row:
            raise ChangesError(f"{changes}, line {reader.line_num}: has more values than there are columns")
        yield reader.line_num, {name: value for name, value in row.items() if value}


def _write_site(settings: Settings, apart: Settings, rows: list[dict[str, str]]) -> None:
    """The site as it is, but with these rules."""
    assert apart.site is not None
    (apart.site / "reference").mkdir(parents=True)
    for path in settings.site.iterdir() if settings.site else ():
        if path.name != "reference":
            (apart.site / path.name).symlink_to(path.resolve())
    for path in (settings.site / "reference").glob("*.csv") if settings.site else ():
        if path.name != TABLE:
            (apart.site / "reference" / path.name).symlink_to(path.resolve())
    with (apart.site / "reference" / TABLE).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
