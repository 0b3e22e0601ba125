"""Which columns a model's columns are made of, read from its compiled SQL.

Reading SQL takes seconds for a whole project, and the answer changes only with the model's code and its parents': it is
kept beside the manifest until these change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node as Leaf
from sqlglot.lineage import lineage
from sqlglot.optimizer import Scope, build_scope, qualify
from sqlglot.schema import MappingSchema

from orchestration.base.settings import Settings
from orchestration.warehouse import dbt
from orchestration.warehouse.engines import engine_of
from orchestration.warehouse.lineage_file import load_lineage, save_lineage
from orchestration.warehouse.made_of import digest
from orchestration.warehouse.nodes import Node, is_sql

#: Per model (unique id), per column: the columns it comes from, as (schema, relation, column).
Lineage = Mapping[str, Mapping[str, list[tuple[str, str, str]]]]

#: What models are read in, whatever engine builds them.
_DIALECT = "duckdb"


def column_lineage(
    settings: Settings, nodes: Sequence[Node], manifest: Mapping[str, Any], code: Mapping[str, str],
    columns: Mapping[str, dg.TableSchema],
) -> Lineage:  # fmt: skip
    """Lineage of these nodes' columns; `columns` are the warehouse's, by relation.

    It is read again where the `code` of a node, by its name, is not that under which it was read.
    """
    kept = load_lineage(settings)
    wanted = {node.unique_id: digest(code[node.name]) for node in nodes if is_sql(manifest["nodes"][node.unique_id])}
    new = [one for one, read_as in wanted.items() if one not in kept or kept[one]["code"] != read_as]
    if new:
        schema, known = _schema(columns), _relations(manifest)
        for one in new:
            found = _of_model(_compiled(settings, manifest["nodes"][one]), schema) or {}
            named = {column: [leaf for leaf in leaves if leaf[:2] in known] for column, leaves in found.items()}
            kept[one] = {"code": wanted[one], "columns": named}
        save_lineage(settings, kept)
    return {one: kept[one]["columns"] for one in wanted}


def as_metadata(of_model: Mapping[str, list[tuple[str, str, str]]]) -> dg.TableColumnLineage:
    """One model's lineage in Dagster's terms; an asset's key is its schema and name."""
    return dg.TableColumnLineage(
        {
            column: [dg.TableColumnDep(dg.AssetKey([schema, name]), source) for schema, name, source in sources]
            for column, sources in of_model.items()
        }
    )


def _relations(manifest: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {(entry["schema"], entry["name"]) for kind in ("nodes", "sources") for entry in manifest[kind].values()}


def _compiled(settings: Settings, node: Mapping[str, Any]) -> Path:
    folder = engine_of(settings).compiled_dir(dbt.target_dir(settings) / "compiled")
    return folder / str(node["package_name"]) / str(node["original_file_path"])


def _schema(columns: Mapping[str, dg.TableSchema]) -> MappingSchema:
    schema = MappingSchema(dialect=_DIALECT)
    for relation, table in columns.items():
        schema.add_table(relation, {column.name: column.type for column in table.columns}, match_depth=False)
    return schema


def _of_model(path: Path, schema: MappingSchema) -> dict[str, list[tuple[str, str, str]]] | None:
    if not path.exists():
        return None
    try:
        tree = parse_one(path.read_text("utf-8"), dialect=_DIALECT)
        for table in tree.find_all(exp.Table):
            table.set("catalog", None)  # the warehouse's own name says nothing
        query = qualify.qualify(tree, schema=schema, dialect=_DIALECT, validate_qualify_columns=False)
        scope = build_scope(query)
        assert isinstance(query, exp.Query)
        return {name: _sources(name, query, schema, scope) for name in query.named_selects}
    except (SqlglotError, ValueError, KeyError):
        return {}  # a model whose SQL is not understood is shown without lineage


def _sources(column: str, query: exp.Query, schema: MappingSchema, scope: Scope | None) -> list[tuple[str, str, str]]:
    """The columns that a column comes from. Copying the query for every column and step takes twenty times as long."""
    leaf = lineage(column, query, schema=schema, scope=scope, dialect=_DIALECT, copy=False, trim_selects=False)
    return sorted(set(_leaves(leaf)))


def _leaves(root: Leaf) -> list[tuple[str, str, str]]:
    found = []
    for node in root.walk():
        if not node.downstream and isinstance(node.source, exp.Table) and node.source.db:
            found.append((node.source.db, node.source.name, node.name.rsplit(".", 1)[-1].strip('"')))
    return found
