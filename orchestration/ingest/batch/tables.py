"""What the steps of a batch share: the connection with their temporary tables, and what becomes of each delivery.

files          one row per file of the batch
judged         one row per row that was read, with typed values and its reasons, if any; `rowid` is its sequence number
rejects        one row per line that is not a row
repeats        of the acceptable rows those that are there twice, or whose key is
identities     one row per number, line or person, with its pseudonym
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path

import duckdb

from orchestration.base.site_profile import NumberPlan
from orchestration.base.sql import identifier, one_number
from orchestration.contracts import Feed
from orchestration.ingest.delivery import Delivery
from orchestration.ingest.receipt import FileCount
from orchestration.ingest.survey import Survey

_TABLES = ("files", "judged", "repeats", "identities", "rejects", "reject_errors", "reject_scans")


@dataclass
class Outcome:
    """What became of one delivery of the batch; `refusal` says why nothing of it was taken."""

    delivery: Delivery
    refusal: str | None = None
    surveys: dict[str, Survey] = field(default_factory=dict)
    counts: dict[str, FileCount] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    totals: dict[str, Decimal] = field(default_factory=dict)
    hidden: dict[str, int] = field(default_factory=dict)
    rows_ahead: int = 0
    rows_behind: int = 0
    unknown_columns: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Batch:
    """Where a batch is worked on: a feed's contract, the site's numbers, and room for copies of files.

    `is_alone` says that the batch is one delivery, of which nobody knows whether it crashes DuckDB.
    """

    con: duckdb.DuckDBPyConnection
    feed: Feed
    plan: NumberPlan
    scratch: Path
    is_alone: bool = False

    @cached_property
    def raw_names(self) -> list[str]:
        """The columns of raw, quoted."""
        return [identifier(column.raw_name) for column in self.feed.columns]

    def number(self, query: str) -> int:
        """The one number that a query finds, 0 for none."""
        return one_number(self.con, query)

    def clear(self) -> None:
        """Forget the batch."""
        for name in _TABLES:
            self.con.execute(f"drop table if exists {name}")
