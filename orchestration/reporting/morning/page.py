"""Reading and writing the morning report of a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
from jinja2 import Environment

from orchestration.base.refusal import Refusal
from orchestration.base.settings import Settings
from orchestration.base.sql import connect, literal
from orchestration.contracts import Feed
from orchestration.reporting.headline import Headline, headline_of, latest_incident
from orchestration.reporting.morning.figures import read_sections
from orchestration.reporting.pages import environment, write_page
from orchestration.reporting.plots.canvas import svg
from orchestration.reporting.plots.churn import departures
from orchestration.serving.generations import current_file, current_publication
from orchestration.serving.sealed import readable
from orchestration.site.money import money_at_a_glance
from orchestration.state.status import read_status

#: Width and height of the chart on a phone and on a desk.
_PHONE, _DESK = (358, 230), (860, 300)


class ReportError(Refusal):
    """There is nothing to report on; the message says why."""


@dataclass(frozen=True)
class MorningReport:
    """Where a report was written, the day that it is about, and its chart as SVG on its own (None without one)."""

    path: Path
    day: date
    picture: str | None


def write_morning_report(settings: Settings, feeds: Mapping[str, Feed], as_of: date | None = None) -> MorningReport:
    """Write `reports/<day>.html` for a day (the newest published one) and return where.

    Raises:
        ReportError: if nothing is published, or nothing up to that day.
    """
    publication, file = current_publication(settings), current_file(settings, "open")
    if publication is None or file is None:
        raise ReportError("Nothing is published yet: `ringfence run` publishes.")
    through = [entry.data_through for entry in publication.relations if entry.data_through]
    day = min(filter(None, [max(through, default=None), as_of]), default=None)
    if day is None:
        raise ReportError("What is published holds no day yet.")
    first = min((feed.first_dt for feed in read_status(settings, feeds).feeds if feed.first_dt), default=day)
    if day < first:
        raise ReportError(f"There is nothing to report on {day}: what is published begins on {first}.")
    published = {entry.relation for entry in publication.relations if entry.door == "open"}
    with readable(settings, file) as sealed, connect(settings) as con:
        con.execute(f"attach {literal(str(sealed))} as marts (read_only)")
        con.execute("use marts")
        content = _read(con, settings, day, published)
        definitions = _Definitions(con)
        page = _templates(settings, definitions).get_template("morning/page.html").render(
            content, publication=publication, status=read_status(settings, feeds), definitions=definitions,
            view=settings.view, gates_page=settings.gates_page.name,
            written_at=datetime.now(ZoneInfo(settings.time_zone)),
        )  # fmt: skip
    path = write_page(settings, f"{day}.html", page)
    return MorningReport(path, day, content["chart_desk"])


def _read(con: duckdb.DuckDBPyConnection, settings: Settings, day: date, published: set[str]) -> dict[str, Any]:
    headline = _headline(con, day, published)
    con.execute("set variable as_of = $1::date", [day])
    con.execute("set variable incident = $1::varchar", [headline and headline.incident_id])
    effect = _rows(con, published, "churn.waiver_effect", _EFFECT) if headline else []
    aftermath = _rows(con, published, "churn.incident_aftermath", _AFTERMATH) if headline else []
    draw = None
    if headline and effect and "churn.incident_destination" in published:
        draw = departures(con, headline.incident_id, headline.provider_group, day)
    return {
        "day": day,
        "headline": headline,
        "incident": _rows(con, published, "core.dim_incident", _INCIDENT)[0] if headline else None,
        "effect": effect[-1] if effect else None,
        "aftermath": aftermath[-1] if aftermath else None,
        "note": next((f"{row['date_day']}: {row['note']}" for row in effect if row["note"]), None),
        "chart_phone": svg(draw, *_PHONE) if draw else None,
        "chart_desk": svg(draw, *_DESK) if draw else None,
        "groups": _rows(con, published, "churn.provider_daily", _GROUPS),
        "restated": _rows(con, published, "churn.port_restatement", _RESTATED),
        "sections": read_sections(con, published),
    }


_OF_HEADLINE = {"churn.incident_headline", "churn.incident_destination", "core.dim_incident"}
_INCIDENT = (
    "select kind, provider_group, starts_on, ends_on from core.dim_incident where incident_id = getvariable('incident')"
)
_EFFECT = """
    select * from churn.waiver_effect
    where incident_id = getvariable('incident') and date_day <= getvariable('as_of') order by date_day
"""
_AFTERMATH = """
    select * from churn.incident_aftermath
    where incident_id = getvariable('incident') and date_day <= getvariable('as_of') order by date_day
"""
_GROUPS = "select * from churn.provider_daily where date_day = getvariable('as_of') order by port_outs desc"
#: What the deliveries of the morning after the day changed of what had been reported before, and the whole count.
_RESTATED = """
    select processed_on, donor_group, sum(port_restatement.change)::bigint as now_known, this_morning.change,
    from churn.port_restatement join (
        select processed_on, donor_group, sum(change)::bigint as change
        from churn.port_restatement
        where known_on = getvariable('as_of') + 1 and now_known <> change
        group by all having sum(change) <> 0
    ) as this_morning using (processed_on, donor_group)
    where known_on <= getvariable('as_of') + 1
    group by all order by processed_on desc, donor_group
"""


def _headline(con: duckdb.DuckDBPyConnection, day: date, published: set[str]) -> Headline | None:
    """That of the latest incident; None where it is not published, or nobody has left by that day."""
    if not published.issuperset(_OF_HEADLINE):
        return None
    incident = latest_incident(con, day)
    return headline_of(con, incident, day) if incident else None


def _rows(con: duckdb.DuckDBPyConnection, published: set[str], relation: str, query: str) -> list[dict[str, Any]]:
    if relation not in published:
        return []
    result = con.execute(query)
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


class _Definitions:
    """Descriptions of the columns that a page used, from the published file's own comments."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        rows = con.execute(
            "select schema_name || '.' || table_name || '.' || column_name, comment from duckdb_columns() "
            "where database_name = 'marts' and comment is not null"
        ).fetchall()
        self._descriptions: dict[str, str] = dict(rows)
        self.used: dict[str, str] = {}

    def __call__(self, relation: str, column: str) -> str:
        """The anchor of a column's definition on the page."""
        name = f"{relation}.{column}"
        self.used[name] = self._descriptions[name]
        return name


def _templates(settings: Settings, definitions: _Definitions) -> Environment:
    templates = environment(settings)
    templates.globals["definition"] = definitions
    units = {
        "count": lambda value: f"{value:,.0f}",
        "signed": lambda value: f"{value:+,.0f}".replace("-", "−"),
        "pct": lambda value: f"{value:.1f} %",
        "hours": lambda value: f"{value:,.1f} h",
        "money": lambda value: money_at_a_glance(value, settings.site_profile),
    }
    templates.filters |= {
        "as_unit": lambda value, unit: "–" if value is None else units[unit](value),
        "day": lambda value: f"{value.day} {value:%B %Y}",
        "weekday": lambda value: f"{value:%A} {value.day} {value:%B %Y}",
        "short": lambda value: f"{value:%a} {value.day} {value:%b}",
    }
    return templates
