"""Great Expectations' execution engine for DuckDB: what a batch is, which columns it has."""

from __future__ import annotations

import re
from typing import Any

import duckdb
import sqlalchemy as sa
from great_expectations.core.batch import Batch
from great_expectations.core.id_dict import IDDict
from great_expectations.execution_engine.sqlalchemy_batch_data import SqlAlchemyBatchData
from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine
from great_expectations.util import get_sqlalchemy_selectable

from orchestration.base.machine import is_machines
from orchestration.gates.engine.dialect import engine_on

_QUERY = re.compile(r"\s*(select|with|from|values)\b", re.IGNORECASE)
_IDENTIFIER = re.compile(r'"(?:[^"]|"")+"|[^".]+')


def from_item(relation_or_query: str) -> str:
    """What stands after FROM: a quoted relation (`t`, `s.t`, `"odd name"`), or a query in parentheses."""
    if not _QUERY.match(relation_or_query):
        return quoted(relation_or_query)
    query = relation_or_query.strip().rstrip(";")
    return f"({query}\n)"  # the line end keeps a trailing comment from swallowing the parenthesis


def quoted(relation: str) -> str:
    """The name with every part quoted: `marts.case` becomes `"marts"."case"`."""
    parts = [part.strip('"').replace('""', '"') for part in _IDENTIFIER.findall(relation)]
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def select_all(source: Any) -> sa.Select[Any]:
    """`select *` from whatever GX calls a selectable: text, alias, or a select with a row condition."""
    return sa.select(sa.text("*")).select_from(get_sqlalchemy_selectable(source))


class _TypeNames:
    """Where the type expectations look a type name up. They compare classes, so any DuckDB type will do."""

    __name__ = __name__

    def __getattr__(self, name: str) -> type[sa.types.TypeEngine[Any]]:
        if name.startswith("_") or not name.isupper():
            raise AttributeError(name)
        return type_named(name)

    def __dir__(self) -> list[str]:
        return []


_TYPES: dict[str, type[sa.types.TypeEngine[Any]]] = {}


def type_named(name: str) -> type[sa.types.TypeEngine[Any]]:
    """One class per DuckDB type name: SQLAlchemy's where it has one, else one of that name."""
    if name not in _TYPES:
        known = getattr(sa, name, None)
        _TYPES[name] = known or type(name, (sa.types.TypeEngine,), {"__visit_name__": name})
    return _TYPES[name]


class DuckDBExecutionEngine(SqlAlchemyExecutionEngine):
    """Runs metrics on the caller's connection. GX finds the overrides in `metrics.py` by this class."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        super().__init__(engine=engine_on(con), create_temp_table=False)
        self._con = con
        #: What befell the machine, which GX tells as a check that failed.
        self.befell: Exception | None = None
        sa.event.listen(self.engine, "handle_error", lambda context: self._note(context.original_exception))
        self.dialect_module: Any = _TypeNames()

    def _note(self, error: BaseException) -> None:
        if isinstance(error, Exception) and is_machines(error):
            self.befell = error

    def batch(self, relation_or_query: str) -> Batch:
        """The batch of a relation or query: a subquery, never a temporary table, so nothing is copied."""
        selectable = select_all(sa.text(from_item(relation_or_query)))
        data: Any = SqlAlchemyBatchData(execution_engine=self, selectable=selectable, create_temp_table=False)
        identity: Any = IDDict({"source": relation_or_query})  # GX derives the batch id from it
        return Batch(data=data, batch_definition=identity)

    def column_types(self, selectable: sa.Selectable) -> list[dict[str, Any]]:
        """Name and SQLAlchemy type of each column of a selectable, by one DESCRIBE."""
        try:
            rows = self._con.execute(f"describe {self.literal_sql(select_all(selectable))}").fetchall()
        except duckdb.Error as error:
            self._note(error)
            raise
        return [{"name": row[0], "type": _instance_of(row[1]), "nullable": True} for row in rows]

    def literal_sql(self, statement: sa.sql.ClauseElement) -> str:
        """A statement as DuckDB SQL with its values spelled out, runnable by hand."""
        compiled = statement.compile(dialect=self.engine.dialect, compile_kwargs={"literal_binds": True})
        return str(compiled)

    @property
    def dialect_name(self) -> str:
        """By which GX chooses among its SQL; DuckDB reads PostgreSQL's (`percentile_cont … within group`)."""
        return "postgresql"

    def get_domain_records(self, domain_kwargs: dict[str, Any]) -> Any:
        """As GX does, but another table is found by its qualified name, and a select comes as a subquery.

        GX leaves the select of a row condition bare, which SQLAlchemy 2.1 no longer takes after FROM.
        """
        other = domain_kwargs.get("table")
        if other:
            return select_all(sa.text(quoted(other))).subquery()
        return get_sqlalchemy_selectable(super().get_domain_records(domain_kwargs=domain_kwargs))


def _instance_of(duckdb_type: str) -> sa.types.TypeEngine[Any]:
    if duckdb_type.endswith("]"):
        return type_named("LIST")()
    name, _, arguments = duckdb_type.partition("(")
    cls = type_named(name.strip().replace(" ", "_"))
    if name == "DECIMAL":
        precision, scale = arguments.rstrip(")").split(",")
        return sa.DECIMAL(int(precision), int(scale))
    return cls()
