"""A suite's query, written for DuckDB, in Spark's words."""

from __future__ import annotations

from sqlglot import ErrorLevel, exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.transforms import eliminate_qualify


class NotSparksError(Exception):
    """A query for which Spark has no words; the message says why."""


def in_sparks_words(query: str) -> str:
    """The same query for Spark; what only Spark itself can refuse is not seen here.

    Raises:
        NotSparksError: if it cannot be said.
    """
    try:
        said = parse_one(query, dialect="duckdb").transform(_without_ranks)
        return said.sql(dialect="spark", unsupported_level=ErrorLevel.RAISE)
    except SqlglotError as error:
        raise NotSparksError(str(error).strip().splitlines()[0]) from error


def _without_ranks(node: exp.Expr) -> exp.Expr:
    """`qualify` as a condition on a subquery, whose additional columns `*` does not show."""
    if not (isinstance(node, exp.Select) and node.args.get("qualify") and node.is_star):
        return node
    shown = {column.alias_or_name for column in node.selects}
    outer = eliminate_qualify(node)
    inner = outer.find(exp.Subquery)
    assert inner is not None
    ranks = [exp.to_identifier(one.alias) for one in inner.this.selects if one.alias_or_name not in shown]
    outer.set("expressions", [exp.Star(except_=ranks)])
    return outer
