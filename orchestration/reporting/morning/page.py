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
from orchestration.base.sql import connect, literal, one_value
from orchestration.contracts import Feed
from orchestration.evidence.figure import trace_command
from orchestration.ingest.receipt import read_receipts
from orchestration.reporting.headline import Headline, headline_of, latest_incident
from orchestration.reporting.morning.figures import read_sections
from orchestration.reporting.morning.known import Known
from orchestration.reporting.pages import environment, write_page
from orchestration.reporting.plots.canvas import Draw, png, svg
from orchestration.reporting.plots.churn import departures, nowcast_of
from orchestration.serving.generations import current_file, current_publication
from orchestration.serving.sealed import as_this_version_publishes, readable
from orchestration.site.money import money_at_a_glance
from orchestration.state.punctuality import Punctuality
from orchestration.state.status import FeedStatus, read_feeds, read_feeds_as_of, read_status

#: Width and height of the chart on a phone and on a desk.
_PHONE, _DESK = (358, 230), (860, 300)


class ReportError(Refusal):
    """There is nothing to report on; the message says why."""


class NothingToReportError(ReportError):
    """What is published holds no day yet."""


@dataclass(frozen=True)
class MorningReport:
    """Where a report was written, the day that it is about, what it says in plain text, and its drawing (or None)."""

    path: Path
    day: date
    summary: str
    draw: Draw | None

    @property
    def title(self) -> str:
        """What it is."""
        return f"morning report of {self.day}"

    @property
    def svg(self) -> str | None:
        """Its drawing, to stand alone."""
        return svg(self.draw, *_DESK) if self.draw else None

    @property
    def png(self) -> bytes | None:
        """Its drawing, for who shows no SVG."""
        return png(self.draw, transparent=False)[1] if self.draw else None


def write_morning_report(settings: Settings, feeds: Mapping[str, Feed], as_of: date | None = None) -> MorningReport:
    """Write `reports/<day>.html` for a day (the newest published one) and return where.

    Raises:
        ReportError: if nothing is published, or the day is not among what is.
        NothingToReportError: if no day is.
    """
    publication, file = current_publication(settings), current_file(settings, "open")
    if publication is None or file is None:
        raise ReportError("Nothing is published yet: `ringfence run` publishes.")
    newest = max((entry.data_through for entry in publication.relations if entry.data_through), default=None)
    if newest is None:
        arrived = sorted({receipt.feed for receipt in read_receipts(settings.raw_dir)})
        raise NothingToReportError(
            "There is nothing to report on: no mart holds a day yet, since none of the feeds that marts are made of "
            f"has arrived. What has ({', '.join(arrived) or 'nothing'}) is in raw, and in ops.delivery (docs/feeds.md)."
        )
    day = as_of or newest
    published = {entry.relation for entry in publication.relations if entry.door == "open"}
    with as_this_version_publishes(ReportError), readable(settings, file) as sealed, connect(settings) as con:
        con.execute(f"attach {literal(str(sealed))} as marts (read_only)")
        con.execute("use marts")
        first = one_value(con, "select min(dt) from ops.delivery")
        if not first <= day <= newest:
            raise ReportError(f"There is no report on {day}: what is published goes from {first} to {newest}.")
        content = _read(con, Known.by(day, con, feeds, publication), published)
        definitions = _Definitions(con)
        templates = _templates(settings, definitions)
        shown = content | {
            "publication": publication, "status": read_status(settings, feeds), "definitions": definitions,
            "feeds": _feeds(settings, feeds, day, newest), "view": settings.view,
            "gates_page": settings.gates_page.name, "currency": settings.site_profile.currency,
            "is_newest": day == newest, "written_at": datetime.now(ZoneInfo(settings.time_zone)),
        }  # fmt: skip
        path = write_page(settings, f"{day}.html", templates.get_template("morning/page.html").render(shown))
        summary = templates.get_template("morning/summary.txt").render(shown)
    return MorningReport(path, day, summary, content["draw"])


def _feeds(settings: Settings, feeds: Mapping[str, Feed], day: date, newest: date) -> list[FeedStatus]:
    """How feeds stand now on the page of the newest day; on an earlier one, and in history, on the morning after."""
    now = read_feeds(settings, feeds)
    is_followed = any(feed.punctuality is not Punctuality.HISTORY for feed in now if feed.has_arrived)
    return now if day == newest and is_followed else read_feeds_as_of(settings, feeds, day)


def _read(con: duckdb.DuckDBPyConnection, known: Known, published: set[str]) -> dict[str, Any]:
    day, ports_to = known.day, known.through_of("churn.incident_headline", [PORTS])
    headline = _headline(con, ports_to, published) if ports_to else None
    con.execute("set variable as_of = $1::date", [day])
    con.execute("set variable ports_to = $1::date", [ports_to])
    con.execute("set variable incident = $1::varchar", [headline and headline.incident_id])
    con.execute("set variable incident_group = $1::varchar", [headline and headline.provider_group])
    effect = _rows(con, published, "churn.waiver_effect", _EFFECT) if headline else []
    aftermath = _rows(con, published, "churn.incident_aftermath", _AFTERMATH) if headline else []
    nowcasts = _rows(con, published, "churn.incident_nowcast", _NOWCASTS) if headline else []
    moved = nowcast_of(con, headline.incident_id, ports_to) if headline and ports_to and nowcasts else None
    draw = None
    if headline and ports_to and effect and "churn.incident_destination" in published:
        draw = departures(con, headline.incident_id, headline.provider_group, ports_to)
    return {
        "day": day,
        "ports_to": ports_to,
        "headline": headline,
        "incident": _rows(con, published, "core.dim_incident", _INCIDENT)[0] if headline else None,
        "effect": effect[-1] if effect else None,
        "aftermath": aftermath[-1] if aftermath else None,
        "note": next((f"{row['date_day']}: {row['note']}" for row in effect if row["note"]), None),
        "nowcasts": {row["target"]: row for row in nowcasts},
        "nowcast_phone": svg(moved, *_PHONE) if moved else None,
        "nowcast_desk": svg(moved, *_DESK) if moved else None,
        "draw": draw,
        "chart_phone": svg(draw, *_PHONE) if draw else None,
        "chart_desk": svg(draw, *_DESK) if draw else None,
        "groups": _rows(con, published, "churn.provider_daily", _GROUPS) if ports_to == day else [],
        "restated": _rows(con, published, "churn.port_restatement", _RESTATED),
        "idle_rules": _rows(con, published, "fraud.detection_quality", _IDLE_RULES),
        "sections": list(read_sections(con, known, published, has_incident=headline is not None)),
    }


#: The feed that says who left for whom.
PORTS = "portability_events"
_OF_HEADLINE = {"churn.incident_headline", "churn.incident_destination", "core.dim_incident"}
_INCIDENT = (
    "select kind, provider_group, starts_on, ends_on from core.dim_incident where incident_id = getvariable('incident')"
)
_EFFECT = """
    select * from churn.waiver_effect
    where incident_id = getvariable('incident') and date_day <= getvariable('ports_to') order by date_day
"""
_AFTERMATH = """
    select * from churn.incident_aftermath
    where incident_id = getvariable('incident') and date_day <= getvariable('ports_to') order by date_day
"""
#: What is still to come; nothing once the window is over.
_NOWCASTS = """
    select * from churn.incident_nowcast
    where incident_id = getvariable('incident') and as_of_date = getvariable('ports_to')
        and processing_day < processing_days
"""
#: Rules of which nothing has come in the last three months that are old enough to judge: nobody was alerted, or too few
#: to be told, or honest payers alone.
_IDLE_RULES = """
    with months as (
        select distinct month from fraud.detection_quality
        where rule_id = 'ALL' and is_matured and month + interval 1 month <= getvariable('as_of')
        order by month desc limit 3
    )
    select rule_id, coalesce(sum(alerts), 0) > 0 as hits_the_honest
    from fraud.detection_quality semi join months using (month)
    where rule_id <> 'ALL'
    group by rule_id
    having count(*) = 3 and coalesce(sum(alerts_confirmed), 0) = 0 and count(alerts) = count(alerts_confirmed)
    order by rule_id
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
        self.commands: dict[str, list[str]] = {}

    def __call__(self, relation: str, column: str, command: str) -> str:
        """The anchor of a column's definition on the page, which has the commands that trace its figures."""
        name = f"{relation}.{column}"
        self.used[name] = self._descriptions[name]
        commands = self.commands.setdefault(name, [])
        if command not in commands:
            commands.append(command)
        return name


def _picked(**columns: Any) -> str:
    """A condition that picks a row by some of its columns."""
    return " and ".join(f"{name} = {literal(str(value))}" for name, value in columns.items())


def _templates(settings: Settings, definitions: _Definitions) -> Environment:
    templates = environment(settings)
    templates.globals |= {"definition": definitions, "picked": _picked, "traced_by": trace_command}
    units = {
        "count": lambda value: f"{value:,.0f}",
        "signed": lambda value: f"{value:+,.0f}",
        "pct": lambda value: f"{value:.1f} %",
        "hours": lambda value: f"{value:,.1f} h",
        "times": lambda value: f"{value:.1f} times",
        "money": lambda value: money_at_a_glance(value, settings.site_profile),
    }
    templates.filters |= {
        "as_unit": lambda value, unit: "–" if value is None else units[unit](value).replace("-", "−"),
        "day": lambda value: f"{value.day} {value:%B %Y}",
        "weekday": lambda value: f"{value:%A} {value.day} {value:%B %Y}",
        "short": lambda value: f"{value:%a} {value.day} {value:%b}",
    }
    return templates
