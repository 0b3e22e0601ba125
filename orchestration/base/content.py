"""The content of a relation in few numbers, whatever the order of its rows; what changes can be taken off and added."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import duckdb


@dataclass(frozen=True)
class Content:
    """How many rows, and the sum of their hashes."""

    rows: int
    hash_sum: int

    def __add__(self, other: Content) -> Content:
        return Content(self.rows + other.rows, self.hash_sum + other.hash_sum)

    def __sub__(self, other: Content) -> Content:
        return Content(self.rows - other.rows, self.hash_sum - other.hash_sum)

    @property
    def checksum(self) -> str:
        """The sum as it is published."""
        return hashlib.sha256(str(self.hash_sum).encode()).hexdigest()[:16]

    @property
    def as_published(self) -> tuple[int, str]:
        """Rows and checksum."""
        return self.rows, self.checksum


def content_of(con: duckdb.DuckDBPyConnection, rows: str) -> Content:
    """The content of a relation, or of a query in brackets."""
    row = con.execute(f"select count(*), coalesce(sum(hash(rows)), 0) from {rows} as rows").fetchone()
    assert row is not None
    return Content(row[0], int(row[1]))
