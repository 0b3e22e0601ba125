"""What may not be built on, or shown: what closed gates hold back, and what was built and not judged."""

from __future__ import annotations

from collections.abc import Collection

import duckdb

from orchestration.base.settings import Settings
from orchestration.base.sql import connect
from orchestration.gates import verdicts
from orchestration.warehouse.graph import Graph
from orchestration.warehouse.records import existing
from orchestration.warehouse.work import rows_judged


def held_back(
    settings: Settings, graph: Graph, stages: Collection[str], unjudged: Collection[str] = ()
) -> dict[str, list[str]]:
    """Models and seeds that the latest verdicts of these stages hold back, each with what holds it.

    What is `unjudged` holds back as what is behind a closed gate does.
    """
    latest = verdicts.latest(settings)
    closed = [verdict for verdict in latest if verdict.is_closed and verdict.stage in stages]
    feeds = {verdict.relation for verdict in closed if verdict.stage == "raw"}
    judged = {verdict.relation for verdict in latest if verdict.stage != "raw"}
    return graph.held_back(
        feeds=feeds,
        models={verdict.relation for verdict in closed if verdict.stage != "raw"}.union(unjudged),
        built=judged & _there(settings, graph) if feeds else (),
    )


def _there(settings: Settings, graph: Graph) -> set[str]:
    """Models and seeds that the warehouse has; none are known of one that another process is writing to."""
    if not settings.warehouse.exists():
        return set()
    try:
        with connect(settings, str(settings.warehouse), read_only=True) as con:
            there = existing(con)
    except duckdb.IOException as error:
        if "lock on file" in str(error):
            return set()
        raise
    return {node.name for node in graph.nodes.values() if node.relation in there}


def resting_on_accepted(settings: Settings, graph: Graph) -> dict[str, list[str]]:
    """Models that accepted failures would hold back, each with these, as `raw/payments:volume_low@2026-01-03`."""
    resting: dict[str, list[str]] = {}
    for verdict in verdicts.latest(settings):
        if not verdict.accepted:
            continue
        of_raw = verdict.stage == "raw"
        named = [failure.name for failure in verdict.accepted]
        for model in graph.held_back(
            feeds={verdict.relation} if of_raw else (), models=() if of_raw else {verdict.relation}
        ):
            resting.setdefault(model, []).extend(named)
    return resting


def not_judged_yet(settings: Settings, graph: Graph) -> set[str]:
    """Tables of the warehouse with other rows than their gates looked at last: a run ended between build and gate.

    Nothing of what nobody knows what it is made of, or of a verdict that does not say what it looked at.
    """
    judged = {verdict.relation: rows_judged(verdict) for verdict in verdicts.latest(settings) if verdict.stage != "raw"}
    with connect(settings, str(settings.warehouse), read_only=True) as con:
        try:
            rows = con.execute("select model, version from pipeline.made_of where version is not null").fetchall()
        except duckdb.CatalogException:  # of an earlier version
            return set()
    made = dict(rows)
    return {
        node.name
        for node in graph.nodes.values()
        if node.name in made and not graph.is_told_by_code(node)
        if node.name not in judged or judged[node.name] not in (None, made[node.name])
    }
