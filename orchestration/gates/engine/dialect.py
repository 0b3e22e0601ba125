"""The least SQLAlchemy dialect through which Great Expectations can query DuckDB.

It compiles like PostgreSQL (whose SQL DuckDB reads), binds `$1, $2, …`, and runs on one connection that
belongs to the caller. It reflects nothing: columns are described by the execution engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import duckdb
import sqlalchemy as sa
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.base import PGDialect

_SCHEME = "duckdb+live"

# What SQLAlchemy asks of a DB-API module. DuckDB's own module lacks nothing but the parameter style.
_DBAPI = SimpleNamespace(
    apilevel="2.0",
    paramstyle="numeric_dollar",
    threadsafety=1,
    **{
        name: getattr(duckdb, name)
        for name in (
            "Error",
            "DatabaseError",
            "DataError",
            "IntegrityError",
            "InternalError",
            "NotSupportedError",
            "OperationalError",
            "ProgrammingError",
        )
    },
    InterfaceError=duckdb.Error,
)


class _BufferedCursor:
    """A cursor that holds its whole result.

    Great Expectations closes the connection before it fetches, and one DuckDB connection has one open
    result at a time: an unbuffered cursor would lose its rows both ways. Results are small (aggregates,
    distinct values), because failing rows are never fetched through GX.
    """

    arraysize = 1
    rowcount = -1

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con
        self._rows: list[tuple[Any, ...]] = []
        self.description: Sequence[Any] | None = None

    def execute(self, sql: str, parameters: Sequence[Any] | None = None) -> None:
        result = self._con.execute(sql, list(parameters)) if parameters else self._con.execute(sql)
        self.description = result.description
        self._rows = result.fetchall()[::-1]

    def fetchone(self) -> tuple[Any, ...] | None:
        return self._rows.pop() if self._rows else None

    def fetchmany(self, size: int = 1) -> list[tuple[Any, ...]]:
        return [self._rows.pop() for _ in range(min(size, len(self._rows)))]

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self.fetchmany(len(self._rows))

    def close(self) -> None:
        self._rows = []


class _BorrowedConnection:
    """The caller's connection: its transactions and its end are the caller's business."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con

    def cursor(self) -> _BufferedCursor:
        return _BufferedCursor(self._con)

    def commit(self) -> None:
        """Leave the caller's transaction as it is."""

    def rollback(self) -> None:
        """Leave the caller's transaction as it is."""

    def close(self) -> None:
        """Leave the caller's connection open."""


class DuckDBDialect(PGDialect):
    """PostgreSQL's compiler, DuckDB's parameters, no round trips of its own."""

    name = "duckdb"
    driver = "live"
    default_paramstyle = "numeric_dollar"
    supports_statement_cache = True
    supports_server_side_cursors = False
    supports_sane_rowcount = False

    @classmethod
    def import_dbapi(cls) -> Any:
        """The stand-in for a DB-API module."""
        return _DBAPI

    def initialize(self, connection: Any) -> None:
        """Ask the server nothing: PostgreSQL's questions about versions mean nothing to DuckDB."""

    def on_connect(self) -> None:
        """Set nothing: the caller's connection is set up already."""


registry.register(_SCHEME.replace("+", "."), __name__, DuckDBDialect.__name__)


def engine_on(con: duckdb.DuckDBPyConnection) -> sa.Engine:
    """A SQLAlchemy engine whose only connection is `con`, which it never closes."""
    return sa.create_engine(f"{_SCHEME}://", creator=lambda: _BorrowedConnection(con), poolclass=sa.pool.StaticPool)
