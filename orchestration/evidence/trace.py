"""One published figure answers for itself: value, definition, descent, deliveries, gates, and what it was before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from orchestration.base.settings import Settings
from orchestration.contracts import Feed
from orchestration.evidence.basis import Basis, adds_up, basis_of
from orchestration.evidence.deliveries import Delivery, Span, of_days, resting_on
from orchestration.evidence.descent import Step, checksums_of, descent, upstream
from orchestration.evidence.figure import Figure, FigureError, figure_of, has_restricted, published, read, span_of
from orchestration.evidence.history import KnownValue, PublishedValue, known_values, published_values
from orchestration.ingest.receipt import read_receipts
from orchestration.serving.generations import Publication, PublishedRelation
from orchestration.state.status import FeedStatus, read_feeds
from orchestration.warehouse.graph import Graph


@dataclass(frozen=True)
class GateSeen:
    """One expectation as it was judged last before the publication."""

    stage: str
    relation: str
    partition: str | None
    expectation_id: str
    severity: str
    passed: bool
    observed: str
    expected: str
    judged_at: datetime
    accepted_by: str | None
    accepted_reason: str | None


@dataclass(frozen=True)
class Trace:
    """What is known of one figure.

    `shown` is what the open file shows where small groups are merged there, `recounted` the value counted again from
    single rows, None where the mart does not say which rows it counts. `row` is the row that the figure stands in, for
    one that stands in one: the interval of an estimate and what it was learned from are columns of it. `may_change`
    says what is late, missing or waiting. `models` are all that the relation is built from, each with the SHA-256 of
    its text. It stands in so many `rows` of the relation, of which it `is_sum`, or in each of them.
    """

    figure: str
    relation: str
    column: str
    where: str
    value: Any
    shown: Any
    unit: str
    definition: str
    scope: str
    view: str
    days: Span | None
    row: dict[str, Any]
    rows: int
    is_sum: bool
    publication: PublishedRelation
    generation: str
    published_at: datetime
    code: str | None
    counts: str | None
    conditions: list[str]
    recounted: Any
    steps: list[Step]
    models: dict[str, str]
    deliveries: list[Delivery]
    gates: list[GateSeen]
    may_change: list[str]
    known_values: list[KnownValue]
    published_values: list[PublishedValue]

    @property
    def accepted(self) -> list[GateSeen]:
        """Failures that somebody let through."""
        return [gate for gate in self.gates if gate.accepted_by]


def trace(
    settings: Settings, graph: Graph, feeds: Mapping[str, Feed], name: str, where: str | None = None,
    generation: str | None = None,
) -> Trace:  # fmt: skip
    """Trace a figure of a generation (the current one).

    Raises:
        FigureError: if it is not one published figure.
        UnknownNameError: if a relation or column has no such name.
    """
    figure = figure_of(graph, name, where)
    basis = basis_of(graph, figure)
    is_sum = adds_up(graph, figure)
    with published(settings, generation) as (con, publication):
        found = read(con, figure, adds_up=is_sum)
        span = span_of(con, figure, found.rows)
        if basis and not basis.says_of(con, found.door):
            basis = None
        if basis and has_restricted(con) and found.is_exact(figure):
            recounted = recount(con, basis, found.door)
            by = publication.published_at
            deliveries = resting_on(con, settings, feeds[basis.facts.feed], basis, found.door, by, span)
            known = known_values(con, settings, basis, found.door, deliveries)
        else:
            recounted, known = None, []
            deliveries = of_days(settings, graph.feeds_of(figure.node) & feeds.keys(), publication.published_at, span)
        names = upstream(graph, figure)
        entry = next(
            one for one in publication.relations if (one.relation, one.door) == (figure.node.relation, found.door)
        )
        return Trace(
            figure=str(figure), relation=figure.node.relation, column=figure.column.name, where=figure.where,
            value=found.value, shown=found.shown, unit=_unit(settings, figure), definition=figure.column.description,
            scope=" ".join(figure.node.description.split()), view=settings.view, days=span,
            row=found.rows[0] if len(found.rows) == 1 else {}, rows=len(found.rows), is_sum=is_sum, publication=entry,
            generation=publication.generation, published_at=publication.published_at, code=publication.git_commit,
            counts=basis.facts.noun if basis else None,
            conditions=[one.holds for one in basis.conditions.values()] if basis else [],
            recounted=recounted, steps=descent(settings, graph, figure, basis), models=checksums_of(graph, names),
            deliveries=deliveries,
            gates=_gates(con, {*names, *{one.feed for one in deliveries}}, deliveries, publication),
            may_change=list(_may_change(settings, feeds, entry, deliveries, span, publication)),
            known_values=known, published_values=published_values(settings, figure, adds_up=is_sum),
        )  # fmt: skip


def recount(con: duckdb.DuckDBPyConnection, basis: Basis, door: str) -> Any:
    """A figure counted again from the single rows that it counts.

    Raises:
        FigureError: if a row is counted in several of the mart's rows, whose sum would count it twice.
    """
    row = con.execute(
        f"select {basis.value_sql('count(*)')}, count(*) - count(distinct {basis.facts.fact_key}) "
        f"{basis.pairs_sql(door, basis.published)}"
    ).fetchone()
    assert row is not None
    value, counted_twice = row
    if counted_twice:
        raise FigureError(
            f"--where picks rows that count the same {basis.facts.noun} twice. Name one, or disjoint ones."
        )
    return value


def _unit(settings: Settings, figure: Figure) -> str:
    """What a value is in, by its column's name and description."""
    name, kind = figure.column.name, figure.column.data_type or ""
    for ending, unit in {"_pct": "per cent", "_days": "days", "_hours": "hours", "_months": "months"}.items():
        if name.endswith(ending):
            return unit
    if "smallest unit" in figure.column.description:
        return f"smallest unit of {settings.site_profile.currency}"
    return "a number" if kind != "bigint" else "count"


def _gates(
    con: duckdb.DuckDBPyConnection, relations: set[str], deliveries: Sequence[Delivery], publication: Publication
) -> list[GateSeen]:
    """Every expectation of these relations as judged last by the publication; of a failed delivery, only a figure's."""
    days = {str(one.dt) for one in deliveries}
    rows = con.execute(
        """
        with judged as (
            select *, rank() over (partition by stage, relation, expectation_id order by judged_at desc) as place
            from open.ops.gate_result where list_contains($1, relation) and judged_at <= $2
        )
        select stage, relation, "partition", expectation_id, severity, passed, observed, expected, judged_at,
            accepted_by, accepted_reason,
        from judged
        where place = 1 and ("partition" is null or stage <> 'raw' or list_contains($3, "partition"))
        order by stage, relation, expectation_id, "partition"
        """,
        [sorted(relations), publication.published_at, sorted(days)],
    ).fetchall()
    order = {"raw": 0, "staging": 1, "marts": 2}
    return sorted((GateSeen(*row) for row in rows), key=lambda gate: order[gate.stage])


def _may_change(
    settings: Settings, feeds: Mapping[str, Feed], entry: PublishedRelation, deliveries: Sequence[Delivery],
    span: Span | None, publication: Publication,
) -> Iterator[str]:  # fmt: skip
    """What is late, missing, held back or waiting, as far as it could still change the figure."""
    if entry.held_back_by:
        yield f"it is still the version before: held back by {', '.join(entry.held_back_by)}"
    names = {one.feed for one in deliveries}
    for status in read_feeds(settings, feeds):
        if status.feed in names and span:
            yield from _gaps(status, span)
    for name in sorted(names):
        waiting = [one for one in read_receipts(settings.raw_dir, name) if one.ingested_at > publication.published_at]
        if waiting:
            yield f"{name}: {len(waiting)} deliveries came in after this publication"
    quarantined = sum(one.rows_quarantined for one in deliveries if one.is_in_force)
    if quarantined:
        yield f"{quarantined:,} rows of these deliveries are in quarantine (`ringfence quarantine show`)"
    refused = [f"{one.feed} {one.dt} rev {one.rev}" for one in deliveries if one.status == "REFUSED"]
    if refused:
        yield f"refused: {', '.join(refused)}"


def _gaps(status: FeedStatus, span: Span) -> Iterator[str]:
    missing = [day for day in status.missing if span[0] <= day <= span[1]]
    if missing:
        yield f"{status.feed}: not delivered for {', '.join(map(str, missing))}"
    if status.newest_dt and status.newest_dt <= span[1]:
        yield f"{status.feed}: its newest delivery is of {status.newest_dt}; what is told late is yet to come"
    if status.is_late:
        yield f"{status.feed}: its next delivery is late"
