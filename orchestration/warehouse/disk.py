"""The disk that a build needs, said before it begins: what is built whole stands beside what it replaces."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from orchestration.base.settings import Settings
from orchestration.warehouse.nodes import Node

#: Raw in Parquet becomes a warehouse of up to so many times its size, and a publication of the rest.
_FROM_RAW = 3.0
#: What a morning writes at least: Dagster's records, logs, a delivery.
_LEAST_BYTES = 200_000_000


class TooLittleDiskError(RuntimeError):
    """There is less room than the build needs; nothing was built."""


@dataclass(frozen=True)
class Disk:
    """Bytes that a build and its publication need beside what is there, and that are free."""

    needed: int
    free: int

    @property
    def is_enough(self) -> bool:
        return self.needed <= self.free


def disk_for(con: duckdb.DuckDBPyConnection, settings: Settings, whole: Sequence[Node]) -> Disk:
    """What it takes to build these nodes whole, by what they take now, and to publish.

    Of a relation's share of the warehouse its rows and columns tell; what was never built is reckoned from raw.
    """
    free = shutil.disk_usage(settings.home if settings.home.exists() else settings.home.parent).free
    rows = con.execute(
        "select schema_name || '.' || table_name, estimated_size * column_count from duckdb_tables()"
    ).fetchall()
    cells: dict[str, int] = dict(rows)
    warehouse = settings.warehouse.stat().st_size if settings.warehouse.exists() else 0
    built = sum(cells.values())
    again = sum(cells.get(node.relation, 0) for node in whole)
    raw = sum(path.stat().st_size for path in settings.raw_dir.glob("*/dt=*/rev=*/*.parquet"))
    needed = warehouse * again / built if again else _FROM_RAW * raw if whole and not warehouse else 0
    generations = sorted(settings.serving_dir.glob("[!.]*/cases.duckdb"))
    generation = (
        sum(path.stat().st_size for path in generations[-1].parent.rglob("*") if path.is_file()) if generations else 0
    )
    return Disk(int(needed) + generation + _LEAST_BYTES, free)


def check_disk(con: duckdb.DuckDBPyConnection, settings: Settings, whole: Sequence[Node]) -> None:
    """Raises:
    TooLittleDiskError: if building these nodes whole, and publishing, needs more than is free.
    """
    disk = disk_for(con, settings, whole)
    if not disk.is_enough:
        raise TooLittleDiskError(
            f"{settings.home} has {gigabytes(disk.free)} free, and this run needs about {gigabytes(disk.needed)}; "
            "make room and run again. `ringfence plan` says what would be built, and why."
        )


def gigabytes(size: int) -> str:
    """A size for people."""
    return f"{size / 1e9:.1f} GB"
