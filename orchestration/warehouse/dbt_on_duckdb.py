"""What a dbt process does for DuckDB around each command: it lets go of the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # seconds, while others ingest

#: What it does beside dbt: nothing.
COMMANDS: Mapping[str, Callable[..., None]] = {}
close_all: Any = DuckDBConnectionManager.close_all_connections


@contextmanager
def open_for(arguments: Sequence[str]) -> Iterator[None]:
    """The adapter opens the warehouse by itself; left open, it would stay locked."""
    try:
        yield
    finally:
        close_all()
