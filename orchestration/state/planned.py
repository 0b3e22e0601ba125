"""What the next run would build, why, about how long that takes, and the disk that it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from orchestration.base.refusal import Refusal
from orchestration.base.settings import Settings
from orchestration.base.sql import connect
from orchestration.contracts import Feed
from orchestration.ingest.arrivals import deliveries, is_waiting, newest_receipts
from orchestration.warehouse import dbt
from orchestration.warehouse.disk import Disk, disk_for
from orchestration.warehouse.due import plan
from orchestration.warehouse.engines import built_by
from orchestration.warehouse.graph import REVISION, Graph
from orchestration.warehouse.held import held_back
from orchestration.warehouse.made_of import MadeOf
from orchestration.warehouse.raw_relations import revisions_in_raw
from orchestration.warehouse.records import durations, prepare, raw_versions


class PlanError(Refusal):
    """Nobody can look now."""


@dataclass(frozen=True)
class Planned:
    """One relation to build: whole, or where deliveries touch it; `seconds` as last time, None if nobody knows."""

    relation: str
    is_whole: bool
    because: tuple[str, ...]
    seconds: float | None

    @property
    def rests_on_rows(self) -> bool:
        """Whether it is only built if the rows of a parent, whose code is another one, come out others."""
        return all(cause.startswith("parent ") for cause in self.because)


@dataclass(frozen=True)
class RunPlan:
    """What the next run would build, parents first, of how many relations; feeds whose deliveries it would take in.

    What gates hold back by now is not in it.
    """

    planned: list[Planned]
    relations: int
    waiting: list[str]
    disk: Disk

    @property
    def seconds(self) -> float:
        """About how long dbt would be at it, in seconds."""
        return sum(one.seconds or 0 for one in self.planned) / dbt.THREADS


def run_plan(settings: Settings, feeds: Mapping[str, Feed]) -> RunPlan:
    """Hold what was built against the project, the site's references, raw and what waits in landing.

    Raises:
        PlanError: if a run is in the warehouse.
    """
    manifest = dbt.manifest(settings)
    graph = Graph(manifest)
    receipts = newest_receipts(settings)
    arrived = deliveries(settings, feeds)
    waiting = sorted({one.feed for one in arrived if is_waiting(one, receipts, feeds[one.feed])})
    held = held_back(settings, graph, ("raw", "staging"))
    is_built = settings.warehouse.exists() and built_by(settings) == settings.engine
    try:
        # an empty one, where there is none: then everything is built
        con = connect(settings, str(settings.warehouse), read_only=True) if is_built else connect(settings)
    except duckdb.IOException:
        raise PlanError("The warehouse is in use; ask again when the run has ended.") from None
    with con:
        if not is_built:
            prepare(con)
        raw = raw_versions(con, revisions_in_raw(con, settings))
        arriving = [*waiting, REVISION] if waiting else []
        raw |= {name: f"{raw.get(name)} and what waits" for name in arriving}
        made_of = MadeOf(settings, manifest, dbt.environment(settings))
        due = plan(con, graph, made_of, feeds, raw, held).due
        took = durations(con)
        planned = [
            Planned(one.node.relation, one.is_whole, one.because, took.get((name, one.is_whole)))
            for name, one in due.items()
        ]
        disk = disk_for(con, settings, [one.node for one in due.values() if one.is_whole])
    return RunPlan(planned, len(graph.nodes), waiting, disk)
