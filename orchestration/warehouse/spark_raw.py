"""Schema `raw` as Spark sees it: the very files that ingest wrote, and which of their revisions are in force."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb

from orchestration.base.settings import Settings, private_dir
from orchestration.base.sql import columns_of, literal
from orchestration.contracts import Feed

#: Spark's names of DuckDB's types, where they differ. A pseudonym is a text there, spelled as DuckDB spells a UUID.
_TYPES = {
    "VARCHAR": "string", "INTEGER": "int", "HUGEINT": "decimal(38,0)", "BLOB": "binary",
    "TIMESTAMPTZ": "timestamp", "TIMESTAMP WITH TIME ZONE": "timestamp",
}  # fmt: skip
_DASHED = "regexp_replace(lower(hex({})), '^(.{{8}})(.{{4}})(.{{4}})(.{{4}})(.{{12}})$', '$1-$2-$3-$4-$5')"


def raw_statements(
    con: duckdb.DuckDBPyConnection, settings: Settings, feeds: Mapping[str, Feed], state: Path
) -> Iterator[str]:
    """Statements that make `raw.revision`, and of each feed `raw.<feed>` and `raw.<feed>__all_revisions`."""
    path = private_dir(state / "revision") / "revision.parquet"
    con.execute(f"copy raw.revision to {literal(str(path))} (format parquet)")
    yield f"create table raw.revision using parquet location '{path.parent}'"
    for feed in feeds.values():
        yield from _of_feed(con, settings.raw_dir / feed.name, feed)


def _of_feed(con: duckdb.DuckDBPyConnection, folder: Path, feed: Feed) -> Iterator[str]:
    shown = columns_of(con, f"raw.{feed.name}")
    stored = {column.raw_name: column.stored_type for column in feed.columns}
    files = f"raw.{feed.name}__files"
    if folder.exists():
        columns = ", ".join(f"`{name}` {spark_type(type_)}" for name, type_ in stored.items())
        yield (
            f"create table {files} ({columns}, dt date, rev int) using parquet "
            f"options (path '{folder}', pathGlobFilter '*.parquet') partitioned by (dt, rev)"
        )
    for name, condition in ((feed.name, "and kept.is_current"), (f"{feed.name}__all_revisions", "")):
        values = ", ".join(
            f"{_value(column, type_, is_stored=column in (*stored, 'dt', 'rev') and folder.exists())} as `{column}`"
            for column, type_ in shown.items()
        )
        rows = (
            f"from {files} as files left semi join raw.revision as kept on kept.feed = '{feed.name}' "
            f"and files.dt = kept.dt and files.rev = kept.rev {condition}"
            if folder.exists()
            else "where false"
        )
        yield f"create or replace view raw.{name} as select {values} {rows}"


def _value(column: str, type_: str, *, is_stored: bool) -> str:
    if not is_stored:
        return f"cast(null as {spark_type(type_)})"
    return _DASHED.format(f"files.`{column}`") if type_ == "UUID" else f"files.`{column}`"


def spark_type(type_: str) -> str:
    """The type by which Spark holds what is of a type of DuckDB's."""
    return "string" if type_ == "UUID" else _TYPES.get(type_, type_.lower())
