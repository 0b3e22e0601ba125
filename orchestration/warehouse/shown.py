"""What stands for the rows that a reader of the warehouse sees, and by which of them they differ from those before."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from orchestration.warehouse.graph import PIPELINE, Graph
from orchestration.warehouse.made_of import digest
from orchestration.warehouse.records import raw_versions


@dataclass(frozen=True)
class Shown:
    """What stands for a relation's rows: `version`.

    If its last build replaced the rows of some keys alone, `before` stands for the rows that it found, and rows whose
    `key` is among `keys` (a query) are all that differ.
    """

    version: str
    before: str | None = None
    key: str | None = None
    keys: str | None = None


def rows_shown(con: duckdb.DuckDBPyConnection, graph: Graph) -> dict[str, Shown]:
    """By name, of each relation in an attached `warehouse`; of a view, what stands for the rows of what it reads.

    Nothing of a relation that is made of nobody knows what, or of a warehouse that does not say.
    """
    try:
        recorded = con.execute("select model, version, replaced, was_whole from warehouse.pipeline.made_of").fetchall()
        raw = raw_versions(con, "warehouse.raw.revision")
        ahead, touched = _ahead_of_their_models(con), _touched(con)
    except duckdb.CatalogException:
        return {}
    made = {model: rest for model, *rest in recorded}
    found: dict[str, Shown] = {}
    for node in graph.in_order():
        version, replaced, was_whole = made.get(node.name, (None, None, None))
        if not version:
            continue
        if node.is_view:
            parents, feeds = graph.made_from(node)
            reads = [found.get(parent.name) for parent in parents]
            versions = [one.version if one else None for one in reads] + [raw.get(feed) for feed in feeds]
            if all(versions):
                found[node.name] = _of_view(version, versions, reads[0] if len(versions) == len(reads) == 1 else None)
        elif replaced and was_whole is False and node.name not in ahead and (keys := touched.get(node.name)):
            found[node.name] = Shown(version, replaced, node.unique_key, f"select {node.unique_key} from {keys}")
        else:
            found[node.name] = Shown(version)
    return found


def _of_view(code: str, reads: list[str | None], of_one: Shown | None) -> Shown:
    """A view of one relation shows its rows, and differs by those that differ there."""
    if of_one is None or of_one.before is None:
        return Shown(digest(code, reads))
    return Shown(digest(code, reads), digest(code, [of_one.before]), of_one.key, of_one.keys)


def _ahead_of_their_models(con: duckdb.DuckDBPyConnection) -> set[str]:
    """Models whose touched keys are those of a build that never came to its end."""
    rows = con.execute(
        "select distinct model from (from warehouse.pipeline.offered except from warehouse.pipeline.consumed)"
    ).fetchall()
    return {model for (model,) in rows}


def _touched(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """By model, the relation with the keys that its last build replaced."""
    rows = con.execute(
        "select table_name from information_schema.tables where table_catalog = 'warehouse' and table_schema = $1",
        [PIPELINE],
    ).fetchall()
    ending = "__touched"
    names = [name for (name,) in rows if name.endswith(ending)]
    return {name.removesuffix(ending): f"warehouse.{PIPELINE}.{name}" for name in names}
