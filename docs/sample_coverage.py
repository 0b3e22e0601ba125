"""Write docs/sample-coverage.md: which rules, columns of marts and reasons in quarantine the demo exercises.

    RINGFENCE_HOME=data python docs/sample_coverage.py        # after `make demo`

What does not occur stands under its reason; a thing that does not occur without one is an error.
"""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.base.settings import PROJECT, Settings
from orchestration.base.sql import identifier
from orchestration.contracts import load_feeds
from orchestration.ingest.judge import Judged
from orchestration.serving.generations import DOORS, current_dir
from orchestration.warehouse import dbt
from orchestration.warehouse.graph import Graph

PAGE = Path(__file__).with_name("sample-coverage.md")
STRUCTURE = ("TOO_MANY_COLUMNS", "MISSING_COLUMNS", "OPEN_QUOTE", "LONG_LINE")

#: Why something does not occur in the demo, by rule, column or reason.
_NO_WINDOW = "The demo ends in February 2026, when no waiver is open; until 13 January it is filled."
_NO_AUDIT = "As shipped, no payment is looked at by chance: `audited_per_day` is 0."
_NO_REPORTS = "Providers report their books to a regulator: an operator's site, as the demo is, has no such feed."
WHY: dict[str, str] = {
    "churn.call_list.probability_in_window": _NO_WINDOW,
    "churn.line_propensity.probability_in_window": _NO_WINDOW,
    "REPORTER_IS_NO_SIDE": _NO_REPORTS,
    **{
        f"fraud.audit_quality.{column}": _NO_AUDIT
        for column in (
            "month", "payments_unalerted", "audited", "alerted_since", "decided", "confirmed", "fraud_pct",
            "fraud_low_pct", "fraud_high_pct", "frauds_missed", "frauds_missed_low", "frauds_missed_high",
        )
    },
    **{
        f"churn.port_reconciliation.{column}": _NO_REPORTS
        for column in (
            "port_id", "processed_on", "donor_provider", "recipient_provider", "donor_group", "recipient_group",
            "clearing_house_status", "clearing_house_processed_on", "is_donor_reporting", "donor_status",
            "donor_processed_on", "is_recipient_reporting", "recipient_status", "recipient_processed_on", "agreement",
        )
    },
}  # fmt: skip


@dataclass(frozen=True)
class Coverage:
    """How often each thing occurs: rules by hits, `schema.relation` by rows and empty columns, reasons by rows."""

    rules: dict[str, int]
    relations: dict[str, tuple[int, int, list[str]]]
    reasons: dict[str, int]

    def missing(self) -> list[str]:
        """Everything that does not occur."""
        empty = [f"{relation}.{column}" for relation, (_, _, columns) in self.relations.items() for column in columns]
        return [name for name, times in (self.rules | self.reasons).items() if not times] + empty


def known_rules() -> list[str]:
    """Every rule of the shipped table."""
    with (PROJECT / "dbt_project" / "seeds" / "fraud_rules.csv").open(encoding="utf-8") as file:
        return sorted({row["rule_id"] for row in csv.DictReader(file)})


def known_reasons(settings: Settings) -> list[str]:
    """Every kind of reason that a row of a shipped feed can be quarantined for, without the column."""
    judged = [Judged(feed, settings.site_profile.numbers, {}) for feed in load_feeds(settings).values()]
    kinds = {reason.partition(":")[0] for one in judged for reason in one.all_reasons()}
    return sorted(kinds | {"KEY_CONFLICT"} | {f"STRUCTURE:{kind}" for kind in STRUCTURE})


def measure(settings: Settings) -> Coverage:
    """What the published generation of an installation holds."""
    folder = current_dir(settings)
    if folder is None:
        sys.exit("nothing is published yet: make demo")
    rules, reasons = Counter(known_rules()), Counter(known_reasons(settings))
    hits, rows = Counter[str](), Counter[str]()
    relations: dict[str, tuple[int, int, list[str]]] = {}
    with duckdb.connect() as con:
        for door, (name, _) in DOORS.items():
            con.execute(f"attach '{folder / name}' as {identifier(door)} (read_only)")
        hits.update(dict(con.execute("select rule_id, count(*) from restricted.fraud.rule_hit group by 1").fetchall()))
        for (counted,) in con.execute("select reasons from open.ops.delivery where reasons is not null").fetchall():
            for reason, times in json.loads(counted).items():
                kind = reason if reason.startswith("STRUCTURE") else reason.partition(":")[0]
                rows[kind] += times
        for relation, names in _columns(settings):
            relations[relation] = _filled(con, relation, names)
    return Coverage({name: hits[name] for name in rules}, relations, {name: rows[name] for name in reasons})


def _columns(settings: Settings) -> Iterator[tuple[str, list[str]]]:
    for node in sorted(Graph(dbt.manifest(settings)).published(), key=lambda node: node.relation):
        yield node.relation, [column.name for column in node.columns]


def _filled(con: duckdb.DuckDBPyConnection, relation: str, names: list[str]) -> tuple[int, int, list[str]]:
    """Rows, columns, and the columns that are null in every row, in the file that has the relation whole."""
    held = con.execute(
        "select database_name from duckdb_columns() where schema_name || '.' || table_name = $1"
        " order by database_name = 'restricted' desc limit 1",
        [relation],
    ).fetchall()
    counts = ", ".join(f"count({identifier(name)})" for name in names)
    where = ".".join(map(identifier, (held[0][0], *relation.split("."))))
    rows, *filled = con.execute(f"select count(*), {counts} from {where}").fetchall()[0]
    return rows, len(names), [name for name, times in zip(names, filled, strict=True) if not times]


def page(coverage: Coverage) -> str:
    """The page, in Markdown."""
    rules = [f"| `{rule}` | {hits:,} |" for rule, hits in coverage.rules.items()]
    relations = [
        f"| `{relation}` | {rows:,} | {columns} | {', '.join(f'`{name}`' for name in empty) or '–'} |"
        for relation, (rows, columns, empty) in coverage.relations.items()
    ]
    reasons = [f"| `{reason}` | {rows:,} |" for reason, rows in coverage.reasons.items()]
    missing = [f"| `{name}` | {WHY[name]} |" for name in sorted(coverage.missing())]
    parts = [
        "# What the sample extracts exercise",
        "Written by `python docs/sample_coverage.py` after `make demo`: every fraud rule, every column of the marts\n"
        "and every kind of reason in quarantine, with how often it occurs. Hits are those that `fraud.rule_hit` keeps.",
        _table("rule", "hits", rules),
        _table("relation", "rows", "columns", "null in every row", relations),
        _table("reason", "rows", reasons),
        "## What does not occur, and why",
        _table("what", "why", missing) if missing else "Everything occurs.",
    ]
    return "\n\n".join(parts) + "\n"


def _table(*heads: str | list[str]) -> str:
    *names, rows = heads
    return "\n".join([f"| {' | '.join(map(str, names))} |", "|" + "---|" * len(names), *rows])


if __name__ == "__main__":
    covered = measure(Settings())
    unexplained = [name for name in covered.missing() if name not in WHY]
    if unexplained:
        sys.exit("does not occur, and nobody says why: " + ", ".join(unexplained))
    PAGE.write_text(page(covered), "utf-8")
