"""The warehouse's views over Spark's Parquet: relations of the names, columns and types that DuckDB would have made.

A table is a view of its folder, cast to the types that DuckDB gives the same model over the same relations. A view of
dbt's is rendered for DuckDB, and reads the facade.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from orchestration.base.macros import model_renderer
from orchestration.base.sql import columns_of, exact, identifier, literal
from orchestration.site.reference import references
from orchestration.warehouse.graph import PIPELINE
from orchestration.warehouse.records import existing

_TOUCHED = "__touched"


class BrokenContractError(RuntimeError):
    """A table that Spark made has a null where its model's contract says that there is none; nothing was taken over."""


def show(
    con: duckdb.DuckDBPyConnection,
    manifest: Mapping[str, Any],
    built: Sequence[str],
    environment: Mapping[str, str],
    compiled: Path,
) -> None:
    """Make or replace the views of these nodes, in the order in which they were built.

    Their models in DuckDB's words are left below `compiled`.
    """
    rendered = model_renderer(_names(manifest), environment, lambda query: _first_column(con, query))

    def render(node: Mapping[str, Any]) -> str:
        path = compiled / node["package_name"] / node["original_file_path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        query = rendered(node["raw_code"])
        path.write_text(query, "utf-8")
        return query

    folders = dict(con.execute("select relation, folder from pipeline.held_by_spark").fetchall())
    # a touched relation has keys of its model, which is built after it
    for unique_id in sorted(built, key=lambda one: one.endswith(_TOUCHED)):
        node = manifest["nodes"].get(unique_id)
        if node is None or node["resource_type"] not in ("model", "seed"):
            continue
        relation = f"{node['schema']}.{node['name']}"
        con.execute(f"create schema if not exists {node['schema']}")
        if relation not in folders or (folders[relation] is None and PIPELINE in node["tags"]):
            continue
        if folders[relation] is None:
            con.execute(f"create or replace view {relation} as {render(node)}")
            continue
        files = literal(f"{exact(Path(folders[relation]))}/*.parquet")
        rows = f"read_parquet({files})"
        held = columns_of(con, f"select * from {rows}")
        types = held | _types(con, node, held, manifest, render)
        values = ", ".join(f"cast({identifier(name)} as {types[name]}) as {identifier(name)}" for name in held)
        con.execute(f"create or replace view {relation} as select {values} from {rows}")
        _check_not_null(con, relation, files, node)


def _check_not_null(con: duckdb.DuckDBPyConnection, relation: str, files: str, node: Mapping[str, Any]) -> None:
    """Raises:
    BrokenContractError: if a column is null that must not be; Parquet's own statistics tell, no row is read.
    """
    required = [
        name
        for name, column in node["columns"].items()
        if any(constraint["type"] == "not_null" for constraint in column.get("constraints") or ())
    ]
    broken = con.execute(
        f"select path_in_schema, sum(stats_null_count)::bigint from parquet_metadata({files}) "
        "where stats_null_count > 0 and list_contains($1::varchar[], path_in_schema) group by all",
        [required],
    ).fetchall()
    if broken:
        said = ", ".join(f"{rows} rows have no {name}" for name, rows in broken)
        raise BrokenContractError(f"{relation}: {said}, which its contract does not allow")


def _types(
    con: duckdb.DuckDBPyConnection,
    node: Mapping[str, Any],
    held: Mapping[str, str],
    manifest: Mapping[str, Any],
    render: Callable[[Mapping[str, Any]], str],
) -> dict[str, str]:
    """Types of a table's columns on DuckDB, as far as it says them."""
    if node["resource_type"] == "seed":
        return dict(references()[node["name"]].types)
    if node["name"].endswith(_TOUCHED):
        name = node["name"].removesuffix(_TOUCHED)
        [model] = [one for one in manifest["nodes"].values() if one["name"] == name and one["resource_type"] == "model"]
        relation = f"{model['schema']}.{name}"
        types = columns_of(con, relation) if relation in existing(con) else {}
        return {key: types[key] for key in types.keys() & {model["config"].get("unique_key")}}
    if node["language"] == "python":  # a frame's days and instants have no zone
        return {name: "TIMESTAMP" for name, type_ in held.items() if type_ == "TIMESTAMP WITH TIME ZONE"}
    return columns_of(con, render(node))


def _names(manifest: Mapping[str, Any]) -> dict[tuple[str, ...], str]:
    names = {(node["name"],): f"{node['schema']}.{node['name']}" for node in manifest["nodes"].values()}
    sources = manifest["sources"].values()
    return names | {(one["source_name"], one["name"]): f"{one['schema']}.{one['identifier']}" for one in sources}


def _first_column(con: duckdb.DuckDBPyConnection, query: str) -> list[Any]:
    return [row[0] for row in con.execute(query).fetchall()]
