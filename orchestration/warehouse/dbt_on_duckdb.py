"""What a dbt process does for DuckDB: it parses once, wherever the file lies, and lets go of it after each command."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # seconds, while others ingest
from dbt.adapters.duckdb.credentials import DuckDBCredentials

#: What it does beside dbt: nothing.
COMMANDS: Mapping[str, Callable[..., None]] = {}
close_all: Any = DuckDBConnectionManager.close_all_connections
credentials: Any = DuckDBCredentials
# What dbt parses everything again for. By itself it does so for another path or memory limit, too: 9 seconds for every
# copy of an installation.
credentials._connection_keys = lambda self: ("database", "schema", "settings")


@contextmanager
def open_for(arguments: Sequence[str]) -> Iterator[None]:
    """The adapter opens the warehouse by itself; left open, it would stay locked."""
    try:
        yield
    finally:
        close_all()
