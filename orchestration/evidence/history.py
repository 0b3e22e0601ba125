"""Every value that a figure had: by the day on which it was known, and in the generations that are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from orchestration.base.settings import Settings
from orchestration.base.sql import columns_of
from orchestration.evidence.basis import Basis
from orchestration.evidence.deliveries import Delivery
from orchestration.evidence.figure import Figure, FigureError, published, read
from orchestration.serving.generations import publications


@dataclass(frozen=True)
class KnownValue:
    """A figure as it was known at the end of a day, and the deliveries of that day that changed it."""

    known_on: date
    value: Any
    deliveries: list[str]


@dataclass(frozen=True)
class PublishedValue:
    """A figure as a generation has it; None where it has no such row."""

    generation: str
    published_at: datetime
    value: Any


def known_values(
    con: duckdb.DuckDBPyConnection, settings: Settings, basis: Basis, door: str, deliveries: Sequence[Delivery]
) -> list[KnownValue]:
    """Values of a figure, one for each day that changed it; empty where no relation follows what it is counted by."""
    restated = basis.facts.restated
    if restated is None:
        return []
    followed = columns_of(con, f"open.{restated.relation}").keys() | restated.also.keys()
    if not basis.columns_but(restated.given) <= followed:
        return []
    also = "".join(f", {sql} as {name}" for name, sql in restated.also.items())
    facts = f"(select *{also} from open.{restated.relation})"
    number = f"sum(fact.{restated.change})"
    rows = con.execute(
        f"""
        with days as (select distinct fact.{restated.known_on} as known_on
            {basis.pairs_sql(door, facts, restated.given)})
        select days.known_on, {basis.value_sql(number)}
        {basis.crossed_sql(door, facts)} join days on fact.{restated.known_on} <= days.known_on
        where {basis.holds_sql(restated.given)}
        group by days.known_on order by days.known_on
        """
    ).fetchall()
    zone = ZoneInfo(settings.time_zone)
    arrived: dict[date, list[str]] = {}
    for one in deliveries:
        if one.rows_counted or not one.is_in_force:
            day = one.delivered_at.astimezone(zone).date()
            arrived.setdefault(day, []).append(f"{one.feed} {one.dt} rev {one.rev}")
    values = [KnownValue(known_on, value, arrived.get(known_on, [])) for known_on, value in rows]
    before = [None, *(one.value for one in values)]
    return [one for one, earlier in zip(values, before, strict=False) if one.value != earlier]


def published_values(settings: Settings, figure: Figure, *, adds_up: bool) -> list[PublishedValue]:
    """The figure in every generation that is kept, oldest first."""
    found = []
    for entry in publications(settings):
        with published(settings, entry.generation) as (con, _):
            try:
                value = read(con, figure, adds_up=adds_up).value
            except FigureError:
                value = None
        found.append(PublishedValue(entry.generation, entry.published_at, value))
    return found
