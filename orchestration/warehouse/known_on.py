"""The warehouse as it would have been on an earlier day: the same models over what had been delivered by then.

The models are rendered as a first build would have them and run in memory, without dbt: starting it alone takes longer
than those of a headline do. Models in Python are handed what they ask of dbt, which is a relation by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from types import SimpleNamespace
from typing import Any

import duckdb

from orchestration.base.macros import model_renderer
from orchestration.base.settings import Settings
from orchestration.base.sql import connect
from orchestration.contracts import Feed
from orchestration.site.reference import lay_over, references
from orchestration.warehouse import dbt
from orchestration.warehouse.graph import PIPELINE
from orchestration.warehouse.raw_relations import refresh_raw

#: So many ports are read of each kind of which any will do: that all of them were restated since is not to be expected.
_ENOUGH = 1000


@contextmanager
def built_as_known_on(
    settings: Settings,
    feeds: Mapping[str, Feed],
    known_on: date,
    models: Sequence[str],
    *,
    narrowed: Callable[[duckdb.DuckDBPyConnection], None] = lambda con: None,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Build models and all they rest on in memory, from the revisions that had been delivered by the end of a day.

    `narrowed` may leave out rows of schema `raw` first. The running warehouse is neither read nor locked.
    """
    manifest = dbt.manifest(settings)
    nodes = _with_parents(manifest, models)
    read = _feeds_of(manifest, nodes)
    with connect(settings) as con:
        refresh_raw(con, settings, {name: feed for name, feed in feeds.items() if name in read}, known_on)
        narrowed(con)
        _read_everything(con, nodes)
        names = _names(manifest)
        render = model_renderer(
            names, dbt.environment(settings), lambda query: [row[0] for row in con.execute(query).fetchall()]
        )
        for node in nodes:
            con.execute(f"create schema if not exists {node['schema']}")
            if node["resource_type"] == "seed":
                query = _seed(con, settings, node["name"])
            elif node["language"] == "python":
                query = _python(con, names, node)
            else:
                query = render(node["raw_code"])
            kind = "view" if node["config"]["materialized"] == "view" else "table"
            con.execute(f"create {kind} {node['schema']}.{node['name']} as {query}")
        yield con


def ports_since(day: date) -> Callable[[duckdb.DuckDBPyConnection], None]:
    """Leaves out the ports that no event books under this day or a later one.

    What is counted from that day on stays as it is. So do the first day of all, and who left for whom at any time: of
    these, a number of ports are kept, too.
    """

    def narrow(con: duckdb.DuckDBPyConnection) -> None:
        con.execute(
            f"""
            create temp table ports_since as
            with wanted as (
                select port_id from raw.portability_events where processed_on >= $1
                union all
                select unnest(min(port_id, {_ENOUGH})) from raw.portability_events
                group by donor_provider, recipient_provider
                union all
                select unnest(arg_min(port_id, processed_on, {_ENOUGH})) from raw.portability_events
            )
            from raw.portability_events where port_id in (from wanted)
            """,
            [day],
        )
        con.execute("create or replace view raw.portability_events as from ports_since")

    return narrow


def _with_parents(manifest: Mapping[str, Any], models: Sequence[str]) -> list[Mapping[str, Any]]:
    """These models and what they are built from, parents first; not the pipeline's own, which a first build ignores."""
    by_name = {node["name"]: unique_id for unique_id, node in manifest["nodes"].items()}
    found: dict[str, Mapping[str, Any]] = {}

    def visit(unique_id: str) -> None:
        node = manifest["nodes"].get(unique_id)
        if node is not None and unique_id not in found and PIPELINE not in node["tags"]:
            for parent in manifest["parent_map"][unique_id]:
                visit(parent)
            found[unique_id] = node

    for model in models:
        visit(by_name[model])
    return list(found.values())


def _feeds_of(manifest: Mapping[str, Any], nodes: Sequence[Mapping[str, Any]]) -> set[str]:
    """Feeds whose rows these nodes read."""
    sources = manifest["sources"]
    parents = {parent for node in nodes for parent in manifest["parent_map"][node["unique_id"]]}
    meta = (sources[parent]["config"].get("meta") or {} for parent in parents & sources.keys())
    return {str(entry["feed"]) for entry in meta if "feed" in entry}


def _read_everything(con: duckdb.DuckDBPyConnection, nodes: Sequence[Mapping[str, Any]]) -> None:
    """The pipeline's record of what each incremental model has read: all that is there."""
    incremental = [node["name"] for node in nodes if node["config"]["materialized"] == "incremental"]
    con.execute("create schema pipeline")
    con.execute(
        "create table pipeline.consumed as "
        "select unnest($1::varchar[]) as model, feed, dt, rev from raw.revision where is_current",
        [incremental],
    )


def _names(manifest: Mapping[str, Any]) -> dict[tuple[str, ...], str]:
    """Relations by what a model calls them: `(name,)` of a ref, `(source, name)` of a source."""
    names: dict[tuple[str, ...], str] = {}
    for node in manifest["nodes"].values():
        names[node["name"],] = f"{node['schema']}.{node['name']}"
    for source in manifest["sources"].values():
        names[source["source_name"], source["name"]] = f"{source['schema']}.{source['identifier']}"
    return names


def _seed(con: duckdb.DuckDBPyConnection, settings: Settings, name: str) -> str:
    relation = lay_over(con, settings, name)
    typed = (f"{column}::{type_} as {column}" for column, type_ in references()[name].types.items())
    return f"select {', '.join(typed)} from {relation}"


def _python(con: duckdb.DuckDBPyConnection, names: Mapping[tuple[str, ...], str], node: Mapping[str, Any]) -> str:
    """A model in Python, run: the query of what it returned."""
    scope: dict[str, Any] = {}
    exec(compile(node["raw_code"], node["original_file_path"], "exec"), scope)
    asked = SimpleNamespace(
        ref=lambda name: con.sql(f"from {names[name,]}"), config=lambda **_settings: None, is_incremental=False
    )
    con.register(f"returned_by_{node['name']}", scope["model"](asked, con))
    return f"from returned_by_{node['name']}"
