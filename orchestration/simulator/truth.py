"""What the files do not tell: true effects and chances, planted fraud, and what was done to the files.

A folder beside the landing folder, for tests and benchmarks. No part of the pipeline reads it.

| file | one row per |
|---|---|
| `leaving_effects.csv`, `destination_effects.csv`, `leaving_periods.csv` | effect, or period, of the scenario |
| `retention_offers.csv` | offer of the retention desk: the share of leavers that it keeps, by intention to treat |
| `line_period/*.parquet` | handset that could be ported, and period: features, hazard ratio, chance, outcome |
| `planted_payments.parquet` | payment of a fraud, or that was meant to look like one |
| `disputed_payments.parquet` | disputed payment, and why it was disputed |
| `port_record_difference.parquet` | port and provider whose books differ from the clearing house, and how |
| `exposed_numbers.parquet`, `rogue_cells.csv` | number in reach of a scheme; cell of it |
| `files.csv` | feed and what was done to its files or rows, and how often |
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import duckdb

from orchestration.base.refusal import Refusal
from orchestration.base.settings import private_dir
from orchestration.base.sql import literal
from orchestration.simulator.extracts import SQL, FeedTally
from orchestration.simulator.lives import Period, period_sql

_TABLES = ("leaving_effects", "destination_effects", "leaving_periods", "retention_offers")
_LINES = "line_period"


def prepare(truth: Path, out: Path) -> None:
    """Make the folder; raises Refusal if it lies within the landing folder, where it would be taken for a feed."""
    if truth.resolve().is_relative_to(out.resolve()):
        raise Refusal(
            f"{truth} lies within {out}, where the pipeline would find it: choose another folder for the truth"
        )
    for old in private_dir(truth / _LINES).glob("*.parquet"):
        old.unlink()


def write_period(connection: duckdb.DuckDBPyConnection, truth: Path, period: Period) -> None:
    """Write the chances of every line that is known one by one, after the period has been drawn."""
    connection.execute(period_sql(connection, "true_chances", period))
    path = truth / _LINES / f"{period.from_day}.parquet"
    connection.execute(f"copy true_chance to {literal(str(path))} (format parquet, compression zstd)")


def write_world(connection: duckdb.DuckDBPyConnection, truth: Path, feeds: Mapping[str, FeedTally]) -> None:
    """Write everything else, after the files have been written."""
    for table in _TABLES:
        connection.execute(f"copy (from {table}) to {literal(str(truth / f'{table}.csv'))} (header)")
    connection.execute((SQL / "planted.sql").read_text("utf-8"))
    for relation, suffix in (
        ("planted_payments", "parquet"), ("disputed_payments", "parquet"), ("exposed_numbers", "parquet"),
        ("rogue_cells", "csv"), ("port_record_difference", "parquet"),
    ):  # fmt: skip
        connection.execute(f"copy (from {relation}) to {literal(str(truth / f'{relation}.{suffix}'))}")
    with (truth / "files.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("feed", "what", "which", "times"))
        rows.writerows((feed, *row) for feed, tally in feeds.items() for row in _done(tally))


def _done(tally: FeedTally) -> Iterator[tuple[str, str, int]]:
    yield "DELIVERY", "", tally.days
    yield "ROW", "", tally.rows
    yield "REPEATED", "", tally.repeated
    yield from (("FLAW", flaw.name, rows) for flaw, rows in sorted(tally.flaws.items()))
    yield from (("FIELD_DIRT", kind, times) for kind, times in sorted(tally.field_dirt.items()) if times)
    yield from (("MISSING", str(day), 1) for day in sorted(set[date](tally.missing)))
