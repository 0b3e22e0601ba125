"""The headline of an incident, read from the published marts."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import date

import duckdb

from orchestration.base.refusal import Refusal, unknown
from orchestration.base.settings import Settings
from orchestration.base.sql import connect
from orchestration.contracts import load_feeds
from orchestration.serving.generations import current_file
from orchestration.serving.sealed import as_this_version_publishes, readable
from orchestration.site.reference import lay_over
from orchestration.warehouse.known_on import built_as_known_on, ports_since

#: What the headline is read from.
MARTS = ("incident_headline", "incident_destination", "dim_incident")


class HeadlineError(Refusal):
    """There is no such headline; the message says what there is."""


@dataclass(frozen=True)
class Destination:
    """Where lines went: counts of ports, shares in per cent; `share_mno_pct` is None for an MVNO destination."""

    group: str
    is_mno: bool
    port_outs_day: int
    port_outs_cumulative: int
    share_all_pct: float | None
    share_mno_pct: float | None


@dataclass(frozen=True)
class Headline:
    """One row of `churn.incident_headline` with its destinations; counts of ports, shares in per cent."""

    incident_id: str
    provider_group: str
    starts_on: date
    as_of_date: date
    port_outs_day: int
    port_outs_cumulative: int
    port_ins_cumulative: int
    net_adds_cumulative: int
    port_outs_withdrawn_by_as_of: int
    port_outs_withdrawn_ever: int
    top_destination: str | None
    top_share_all_pct: float | None
    top_share_mno_pct: float | None
    destinations: tuple[Destination, ...]

    @property
    def to_operators_day(self) -> int:
        """Departures of the day to other network operators, those to MVNOs left out."""
        return sum(entry.port_outs_day for entry in self.destinations if entry.is_mno)

    @property
    def to_operators_cumulative(self) -> int:
        """The same since the incident began."""
        return sum(entry.port_outs_cumulative for entry in self.destinations if entry.is_mno)

    @property
    def to_operators_pct(self) -> float | None:
        """Their share of all departures, in per cent; None before the first."""
        total = self.port_outs_cumulative
        return 100 * self.to_operators_cumulative / total if total else None


def read_headline(
    settings: Settings, incident: str | None = None, as_of: date | None = None, known_on: date | None = None
) -> Headline:
    """The headline of an incident (the latest one) as of a day of it (its last one).

    It is read from what is published; with `known_on` it is built again from the revisions that had been delivered
    by the end of that day, and equals what a run on that day would have published.

    Raises:
        HeadlineError: if nothing is published, or the incident has no such day in it.
        UnknownNameError: if there is no such incident.
    """
    if known_on:
        return _known(settings, incident, as_of, known_on)
    file = current_file(settings, "open")
    if file is None:
        raise HeadlineError("Nothing is published yet: `ringfence run` publishes.")
    with (
        as_this_version_publishes(HeadlineError),
        readable(settings, file) as published,
        duckdb.connect(str(published), read_only=True) as con,
    ):
        return _asked_for(con, incident, as_of)


def _known(settings: Settings, incident: str | None, as_of: date | None, known_on: date) -> Headline:
    """Built from the ports since the incident began, a third of the work; from all of them where that has no answer."""
    feeds = load_feeds(settings)
    if since := _began(settings, incident, as_of, known_on):
        with (
            contextlib.suppress(HeadlineError),
            built_as_known_on(settings, feeds, known_on, MARTS, narrowed=ports_since(since)) as con,
        ):
            found = _asked_for(con, incident, as_of)
            if found.starts_on >= since:
                return found
    with built_as_known_on(settings, feeds, known_on, MARTS) as con:
        return _asked_for(con, incident, as_of)


def _began(settings: Settings, incident: str | None, as_of: date | None, known_on: date) -> date | None:
    """When the incident that is most likely meant began."""
    with connect(settings) as con:
        row = con.execute(
            f"select max(starts_on::date) from {lay_over(con, settings, 'incidents')} "
            "where ($1 is null or incident_id = $1) and starts_on::date <= $3 "
            "and ($2 is null or $2::date between starts_on::date and ends_on::date)",
            [incident, as_of, known_on],
        ).fetchone()
    return row[0] if row else None


def _asked_for(con: duckdb.DuckDBPyConnection, incident: str | None, as_of: date | None) -> Headline:
    try:
        known = {name for (name,) in con.execute("select incident_id from core.dim_incident").fetchall()}
        if incident and incident not in known:
            raise unknown("incident", incident, known)
        incident = incident or (_incident_of(con, as_of) if as_of else latest_incident(con))
        found = headline_of(con, incident, as_of) if incident else None
        if found is None or (as_of and found.as_of_date != as_of):
            raise HeadlineError(_nothing(con, incident, as_of))
    except duckdb.CatalogException:
        raise HeadlineError(
            "The headline has not been published yet: a gate has held it back (`ringfence status`)."
        ) from None
    return found


def headline_of(con: duckdb.DuckDBPyConnection, incident: str, by: date | None = None) -> Headline | None:
    """The headline of an incident on its last day, up to a day; None where it has none."""
    row = con.execute(
        """
        select headline.incident_id, incident.provider_group, incident.starts_on, headline.as_of_date,
            port_outs_day, port_outs_cumulative, port_ins_cumulative, net_adds_cumulative,
            port_outs_withdrawn_by_as_of, port_outs_withdrawn_ever, top_destination, top_share_all_pct,
            top_share_mno_pct,
        from churn.incident_headline as headline join core.dim_incident as incident using (incident_id)
        where incident_id = $1 and ($2 is null or as_of_date <= $2)
        order by as_of_date desc limit 1
        """,
        [incident, by],
    ).fetchone()
    if row is None:
        return None
    destinations = con.execute(
        """
        select destination_group, is_mno, port_outs_day, port_outs_cumulative, share_all_pct, share_mno_pct,
        from churn.incident_destination where incident_id = $1 and as_of_date = $2
        order by port_outs_cumulative desc, destination_group
        """,
        [incident, row[3]],
    ).fetchall()
    return Headline(*(*row, tuple(Destination(*entry) for entry in destinations)))


def _incident_of(con: duckdb.DuckDBPyConnection, day: date) -> str | None:
    """The incident that a day belongs to; of several, the one that began last."""
    row = con.execute(
        "select incident_id from churn.incident_headline join core.dim_incident using (incident_id) "
        "where as_of_date = $1 order by starts_on desc, incident_id limit 1",
        [day],
    ).fetchone()
    return str(row[0]) if row else None


def latest_incident(con: duckdb.DuckDBPyConnection, as_of: date | None = None) -> str | None:
    """The incident that began last, of those with departures (by a day)."""
    row = con.execute(
        "select incident_id from churn.incident_headline join core.dim_incident using (incident_id) "
        "where port_outs_cumulative > 0 and ($1 is null or as_of_date <= $1) "
        "order by starts_on desc, incident_id limit 1",
        [as_of],
    ).fetchone()
    return str(row[0]) if row else None


def _nothing(con: duckdb.DuckDBPyConnection, incident: str | None, as_of: date | None) -> str:
    known = con.execute(
        "select incident_id, min(as_of_date), max(as_of_date) from churn.incident_headline group by all order by all"
    ).fetchall()
    listed = "; ".join(f"{name} from {first} to {last}" for name, first, last in known) or "none"
    wanted = f" for {incident}" if incident else ""
    return f"There is no headline{wanted}{f' as of {as_of}' if as_of else ''}. There are: {listed}."
