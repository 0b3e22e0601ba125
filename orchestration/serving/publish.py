"""Building a generation from the warehouse, verifying it, and making it the current one."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from orchestration.contracts import Feed
from orchestration.gates import overrides
from orchestration.gates.suites import SHIPPED
from orchestration.ingest.receipt import current, newest, read_receipts
from orchestration.serving.generations import (
    PUBLICATION,
    Publication,
    PublishedRelation,
    current_dir,
    current_publication,
    prune,
    switch,
)
from orchestration.serving.ops import create_ops
from orchestration.settings import PROJECT, Settings
from orchestration.sql import connect, identifier, literal
from orchestration.warehouse import dbt
from orchestration.warehouse.graph import Graph, Node
from orchestration.warehouse.stage import held_back, resting_on_accepted

#: Tag of a mart → the file that holds it, and that file's mode.
DOORS = {"open": ("marts.duckdb", 0o444), "restricted": ("cases.duckdb", 0o640)}
#: Old enough for the drivers in BI tools.
STORAGE_VERSION = "v1.2.0"


class VerificationError(RuntimeError):
    """A generation differs from what it was built from; it was not switched to."""


@dataclass(frozen=True)
class _Source:
    """Where a relation of the new generation comes from: a catalogue attached to the building connection."""

    catalog: str
    data_through: date | None
    held_back_by: tuple[str, ...]
    rests_on_accepted: tuple[str, ...]


def inputs_fingerprint(settings: Settings, feeds: Mapping[str, Feed]) -> str:
    """Identity of what a publication rests on: revisions, contracts, models, references, suites, overrides, view."""
    digest = hashlib.sha256(dbt.fingerprint(settings).encode())
    for receipt in newest(read_receipts(settings.raw_dir)):
        digest.update(f"{receipt.feed}|{receipt.dt}|{receipt.rev}|{receipt.sha256}".encode())
    for feed in feeds.values():
        digest.update(feed.fingerprint.encode())
    for folder in [SHIPPED, *([settings.site / "expectations"] if settings.site else [])]:
        for path in sorted(folder.rglob("*.json")):
            digest.update(path.read_bytes())
    for path in overrides.files(settings):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def publish(settings: Settings, graph: Graph, feeds: Mapping[str, Feed], run_id: str) -> Publication | None:
    """Publish what its gates let through, beside the previous version of what they hold back.

    Returns None if there is no relation to publish, neither a fresh one nor an earlier one.

    Raises:
        VerificationError: if what was written differs from what was read; readers keep the current generation.
    """
    now = datetime.now(UTC)
    generation = f"{now:%Y%m%dT%H%M%S%fZ}"
    building = settings.serving_dir / f".building-{generation}"
    building.mkdir(parents=True)
    try:
        relations, missing = _build(settings, graph, building)
        if not relations:
            return None
        publication = Publication(
            generation=generation, run_id=run_id, git_commit=_git_commit(), published_at=now,
            inputs=inputs_fingerprint(settings, feeds), relations=relations, missing=missing,
        )  # fmt: skip
        create_ops(settings, building / DOORS["open"][0], publication, STORAGE_VERSION)
        _seal(building, publication)
        building.rename(settings.serving_dir / generation)
        switch(settings, generation)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    prune(settings)
    return publication


def _build(settings: Settings, graph: Graph, building: Path) -> tuple[list[PublishedRelation], dict[str, list[str]]]:
    held = held_back(settings, graph, ("raw", "staging", "marts"))
    accepted = resting_on_accepted(settings, graph)
    nodes = graph.published()
    previous, previous_dir = current_publication(settings), current_dir(settings)
    before = {entry.relation: entry for entry in previous.relations} if previous else {}
    relations, missing = [], {}
    with connect(settings) as con:
        con.execute(f"attach {literal(str(settings.warehouse))} as warehouse (read_only)")
        built = {row[0] for row in con.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where database_name = 'warehouse' union all "
                "select schema_name || '.' || view_name from duckdb_views() where database_name = 'warehouse'"
        ).fetchall()}  # fmt: skip
        through = _newest_dt(settings)
        for door, (file, _) in DOORS.items():
            con.execute(
                f"attach {literal(str(building / file))} as {door} (storage_version {literal(STORAGE_VERSION)})"
            )
            if previous_dir:
                con.execute(f"attach {literal(str(previous_dir / file))} as previous_{door} (read_only)")
        for node in nodes:
            door = "open" if "open" in node.tags else "restricted"
            holders = tuple(held.get(node.name, ()))
            if not holders and node.relation in built:
                newest_dt = max((through[feed] for feed in graph.feeds_of(node) if feed in through), default=None)
                source = _Source("warehouse", newest_dt, (), tuple(accepted.get(node.name, ())))
            elif node.relation in before:
                kept = before[node.relation]
                source = _Source(f"previous_{door}", kept.data_through, holders, tuple(kept.rests_on_accepted))
            else:
                missing[node.relation] = list(holders)
                continue
            relations.append(_copy(con, node, door, source))
        for door in DOORS:
            con.execute(f"checkpoint {door}")
            con.execute(f"detach {door}")
    return relations, missing


def _copy(con: duckdb.DuckDBPyConnection, node: Node, door: str, source: _Source) -> PublishedRelation:
    origin, target = f"{source.catalog}.{node.relation}", f"{door}.{node.relation}"
    con.execute(f"create schema if not exists {door}.{identifier(node.schema)}")
    con.execute(f"create table {target} as select * from {origin}")
    con.execute(f"comment on table {target} is {literal(node.description)}")
    for name, description in node.columns:
        con.execute(f"comment on column {target}.{identifier(name)} is {literal(description)}")
    read, written = checksum(con, origin), checksum(con, target)
    if read != written:
        raise VerificationError(f"{node.relation}: {read} in {source.catalog}, but {written} in the new generation")
    return PublishedRelation(
        relation=node.relation, door=door, rows=written[0], checksum=written[1],
        data_through=source.data_through, held_back_by=list(source.held_back_by),
        rests_on_accepted=list(source.rests_on_accepted),
    )  # fmt: skip


def checksum(con: duckdb.DuckDBPyConnection, relation: str) -> tuple[int, str]:
    """Rows, and a hash of their content that does not depend on their order."""
    row = con.execute(f"select count(*), coalesce(sum(hash(rows)), 0)::varchar from {relation} as rows").fetchone()
    assert row is not None
    return row[0], hashlib.sha256(row[1].encode()).hexdigest()[:16]


def _newest_dt(settings: Settings) -> dict[str, date]:
    found: dict[str, date] = {}
    for receipt in current(read_receipts(settings.raw_dir)):
        found[receipt.feed] = max(receipt.dt, found.get(receipt.feed, receipt.dt))
    return found


def _seal(building: Path, publication: Publication) -> None:
    """Everything on disk and closed to change before anybody is pointed at it."""
    (building / PUBLICATION).write_text(json.dumps(publication.model_dump(mode="json"), indent=1), "utf-8")
    for file, mode in DOORS.values():
        os.chmod(building / file, mode)
    for path in [*building.iterdir(), building]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _git_commit() -> str | None:
    command: Sequence[str] = ("git", "-C", str(PROJECT), "rev-parse", "--short=12", "HEAD")
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
