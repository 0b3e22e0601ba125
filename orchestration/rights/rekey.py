"""Other pseudonyms in the same rows: raw Parquet, the warehouse, the published generations.

What becomes what stands in the temporary table `rekeyed` (`old`, `new`: 16 bytes). Pseudonyms are found by their
type, not by a list of columns: BLOB in Parquet, UUID in databases. A source file is never changed; its new version
is written whole, so that no deleted row and no freed block keeps a trace of the old pseudonym.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.base.refusal import Refusal
from orchestration.base.sql import exact, identifier, literal, one_number

_FOLDERS_AT_ONCE = 90  # DuckDB keeps 100 partitions open while it writes


class RekeyError(Refusal):
    """Something that cannot be re-keyed; nothing was changed."""


@dataclass(frozen=True)
class RawFiles:
    """Raw files of one feed with the same columns; `keys` are those that hold pseudonyms."""

    paths: tuple[Path, ...]
    keys: tuple[str, ...]


def create_rekeyed(con: duckdb.DuckDBPyConnection, pairs: str) -> None:
    """Make the temporary table `rekeyed` from SQL giving `old`, `new`.

    Raises:
        RekeyError: if two pseudonyms would become one, or one would become two.
    """
    con.execute(f"create or replace temp table rekeyed as select old, new from ({pairs})")
    row = con.execute("select count(*), count(distinct old), count(distinct new) from rekeyed").fetchone()
    if row is None or len(set(row)) > 1:
        raise RekeyError("Pseudonyms would not stay apart; nothing was changed.")


def raw_files(con: duckdb.DuckDBPyConnection, raw: Path) -> list[RawFiles]:
    """All raw files, of all revisions, by feed and columns."""
    paths = sorted(raw.glob("*/dt=*/rev=*/*.parquet"))
    if not paths:
        return []
    schemas = con.execute(
        "select file_name, list(name order by name), "
        "list(name order by name) filter (type = 'BYTE_ARRAY' and converted_type is null and logical_type is null) "
        "from parquet_schema($1) where num_children is null group by file_name",
        [[str(path) for path in paths]],
    ).fetchall()
    groups: dict[tuple[str, ...], list[Path]] = defaultdict(list)
    keys: dict[tuple[str, ...], tuple[str, ...]] = {}
    for name, columns, own in schemas:
        group = (Path(name).relative_to(raw).parts[0], *columns)
        groups[group].append(Path(name))
        keys[group] = tuple(own or ())
    return [RawFiles(tuple(sorted(found)), keys[group]) for group, found in sorted(groups.items())]


def holding(con: duckdb.DuckDBPyConnection, files: RawFiles, among: str) -> dict[Path, int]:
    """Of these files, those that hold a pseudonym that the SQL `among` gives, each with the number of such rows."""
    if not files.keys:
        return {}
    is_held = " or ".join(f"{identifier(key)} in ({among})" for key in files.keys)
    rows = con.execute(
        f"select filename, count(*) from {_read(files.paths)} where {is_held} group by all order by all"
    ).fetchall()
    return {Path(name): count for name, count in rows}


def rekey_file(con: duckdb.DuckDBPyConnection, source: Path, target: Path, keys: Sequence[str]) -> None:
    """Write one raw file's new version.

    Raises:
        RekeyError: if a row was lost.
    """
    con.execute(
        f"copy (select rows.* exclude (filename) {_replaced('rows', keys)} from {_read([source])} as rows "
        f"{_joins('rows', keys)}) to {literal(str(target))} (format parquet, compression zstd)"
    )
    _compare(con, [source], [target])


def rekey_raw(con: duckdb.DuckDBPyConnection, raw: Path, target: Path) -> int:
    """Write all of raw anew below `target`, receipts included; return the number of files with pseudonyms.

    Revisions are written many at a time: what becomes what may be ten million rows, and is joined once for each
    statement.

    Raises:
        RekeyError: if a row was lost.
    """
    for receipt in raw.glob("*/dt=*/rev=*/*.json"):
        copy = target / receipt.relative_to(raw)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(receipt, copy)
    written = 0
    for files in raw_files(con, raw):
        if not files.keys:
            for path in files.paths:
                (target / path.relative_to(raw)).hardlink_to(path)
            continue
        feed = files.paths[0].relative_to(raw).parts[0]
        for start in range(0, len(files.paths), _FOLDERS_AT_ONCE):
            part = files.paths[start : start + _FOLDERS_AT_ONCE]
            con.execute(
                f"copy (select rows.* exclude (filename) {_replaced('rows', files.keys)} "
                f"from {_read(part, is_partitioned=True)} as rows {_joins('rows', files.keys)}) "
                f"to {literal(str(target / feed))} "
                f"(format parquet, compression zstd, partition_by (dt, rev), overwrite_or_ignore)"
            )
            folders = [target / path.parent.relative_to(raw) for path in part]
            _compare(con, part, [path for folder in folders for path in folder.glob("*.parquet")])
            written += len(part)
    return written


def rekey_database(con: duckdb.DuckDBPyConnection, source: Path, target: Path, storage_version: str | None) -> int:
    """Write a database's new version; return the number of rows that changed a pseudonym, in all tables.

    Views, comments and constraints go along.

    Raises:
        RekeyError: if a pseudonym stands where it cannot be replaced, or a row was lost.
    """
    name = identifier(source.stem)  # views spell out the name of their database
    version = f"(storage_version {literal(storage_version)})" if storage_version else ""
    con.execute(f"attach {literal(str(source))} as origin (read_only)")
    con.execute(f"attach {literal(str(target))} as {name} {version}")
    changed = 0
    try:
        con.execute(f"copy from database origin to {name} (schema)")
        for schema, table, keys in _tables(con):
            relation = _relation(schema, table)
            con.execute(
                f"insert into {name}.{relation} select rows.* {_replaced('rows', keys, 'uuid')} "
                f"from origin.{relation} as rows {_joins('rows', keys, 'uuid')}"
            )
            before, after = (one_number(con, f"select count(*) from {db}.{relation}") for db in ("origin", name))
            if before != after:
                raise RekeyError(f"{source.name}: rows of {relation} were lost; nothing was changed.")
            changed += _held(con, relation, keys)
            if relation == _relation("pipeline", "made_of"):  # of other pseudonyms: what reads them is made again
                con.execute(f"update {name}.{relation} set version = null")
        con.execute(f"checkpoint {name}")
    finally:
        con.execute(f"detach {name}")
        con.execute("detach origin")
    return changed


def database_holds(con: duckdb.DuckDBPyConnection, path: Path) -> int:
    """Rows of a database with a pseudonym of `rekeyed`, over all tables."""
    con.execute(f"attach {literal(str(path))} as origin (read_only)")
    try:
        return sum(_held(con, _relation(schema, table), keys) for schema, table, keys in _tables(con))
    finally:
        con.execute("detach origin")


def _held(con: duckdb.DuckDBPyConnection, relation: str, keys: Sequence[str]) -> int:
    is_held = " or ".join(f"{identifier(key)}::blob in (select old from rekeyed)" for key in keys)
    return one_number(con, f"select count(*) from origin.{relation} where {is_held}") if keys else 0


def _relation(schema: str, table: str) -> str:
    return f"{identifier(schema)}.{identifier(table)}"


def _tables(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str, list[str]]]:
    """Tables of `origin`, each with its columns of pseudonyms."""
    rows = con.execute(
        "select schema_name, table_name, column_name, data_type from duckdb_columns() "
        "where database_name = 'origin' and (schema_name, table_name) in "
        "(select (schema_name, table_name) from duckdb_tables() where database_name = 'origin') order by all"
    ).fetchall()
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for schema, table, column, type_ in rows:
        keys = found[schema, table]
        if type_ in ("UUID", "BLOB"):
            keys.append(column)
        elif "UUID" in type_ or "BLOB" in type_:
            raise RekeyError(f"{schema}.{table}.{column}: pseudonyms inside {type_} cannot be replaced.")
    return [(schema, table, keys) for (schema, table), keys in found.items()]


def _read(paths: Iterable[Path], *, is_partitioned: bool = False) -> str:
    listed = ", ".join(literal(exact(path)) for path in paths)
    partitions = "true, hive_types = {'dt': date, 'rev': integer}" if is_partitioned else "false"
    return f"read_parquet([{listed}], filename = true, hive_partitioning = {partitions})"


def _replaced(rows: str, keys: Sequence[str], type_: str = "blob") -> str:
    """`replace (…)` of a row's pseudonyms by those joined by `_joins`."""
    if not keys:
        return ""
    columns = ", ".join(
        f"coalesce(new_{number}.new::{type_}, {rows}.{identifier(key)}) as {identifier(key)}"
        for number, key in enumerate(keys)
    )
    return f"replace ({columns})"


def _joins(rows: str, keys: Sequence[str], type_: str = "blob") -> str:
    return " ".join(
        f"left join rekeyed as new_{number} on new_{number}.old::{type_} = {rows}.{identifier(key)}"
        for number, key in enumerate(keys)
    )


def _compare(con: duckdb.DuckDBPyConnection, sources: Sequence[Path], targets: Sequence[Path]) -> None:
    count = "select coalesce(sum(num_rows), 0) from parquet_file_metadata($1)"
    before, after = (one_number(con, count, list(map(str, paths))) if paths else 0 for paths in (sources, targets))
    if before != after:
        raise RekeyError(f"{sources[0].parent}: {before} rows before, {after} after; nothing was changed.")
