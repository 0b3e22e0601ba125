"""The morning report reaches people: by e-mail and to a webhook, once per day and channel, not before its hour."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg

from orchestration.automation.channels import mail, post
from orchestration.automation.default_status import sensor_status
from orchestration.base.files import locked, replace_text
from orchestration.base.refusal import Refusal
from orchestration.base.settings import Settings, private_dir
from orchestration.contracts import Feed
from orchestration.reporting.morning import MorningReport, write_morning_report
from orchestration.serving.generations import current_publication

_log = logging.getLogger(__name__)
_INTERVAL_SECONDS = 60

#: Sends a report, or raises.
SendReport = Callable[[MorningReport], None]


class NobodyToSendToError(Refusal):
    """No channel for the report is configured."""


def report_sensor(settings: Settings, feeds: Mapping[str, Feed]) -> dg.SensorDefinition:
    """Sends the page of a day that has been published, once its hour has come."""

    @dg.sensor(
        name="report",
        minimum_interval_seconds=_INTERVAL_SECONDS,
        default_status=sensor_status(settings),
        description="Sends the morning report of the newest published day by e-mail and to a webhook, once each.",
    )
    def report(_: dg.SensorEvaluationContext) -> dg.SkipReason:
        sent = deliver_report(settings, feeds)
        return dg.SkipReason(f"Sent: {', '.join(sent)}." if sent else "Nothing to send.")

    return report


def deliver_report(settings: Settings, feeds: Mapping[str, Feed], now: datetime | None = None) -> list[str]:
    """Send the page of the newest published day to the channels that have not had it; return those that took it.

    A channel that fails is tried again the next time. Before `report_at` nothing is sent, nor of a day that readers
    were pointed back to.
    """
    hour = (now or datetime.now(UTC)).astimezone(ZoneInfo(settings.time_zone)).time()
    if (settings.report_at and hour < settings.report_at) or not _channels(settings):
        return []
    publication = current_publication(settings)
    through = [entry.data_through for entry in publication.relations if entry.data_through] if publication else []
    if not through:
        return []
    with _ledger(settings, max(through).isoformat()) as had:
        if had is None or not (waiting := {n: send for n, send in _channels(settings).items() if n not in had}):
            return []
        report = write_morning_report(settings, feeds)
        sent = [name for name, send in waiting.items() if _is_sent(name, send, report)]
        had.extend(sent)
    return sent


def send_report(settings: Settings, report: MorningReport) -> dict[str, bool]:
    """Send a report now, whoever had it; return whether each channel took it.

    Raises:
        NobodyToSendToError: if there is not a channel.
    """
    channels = _channels(settings)
    if not channels:
        raise NobodyToSendToError("Nobody to send to: set RINGFENCE_REPORT_EMAIL or RINGFENCE_REPORT_WEBHOOK.")
    return {name: _is_sent(name, send, report) for name, send in channels.items()}


def _channels(settings: Settings) -> dict[str, SendReport]:
    found: dict[str, SendReport] = {}
    if settings.report_email:
        found["email"] = lambda report: mail(settings, _message(settings, report))
    if address := settings.report_webhook:
        found["webhook"] = lambda report: post(address, _content(settings, report))
    return found


def _is_sent(name: str, send: SendReport, report: MorningReport) -> bool:
    try:
        send(report)
    except Exception as error:  # its words may hold the address, which is a secret
        _log.warning("The report was not sent: channel %s failed with %s.", name, type(error).__name__)
        return False
    return True


def _message(settings: Settings, report: MorningReport) -> EmailMessage:
    """The summary as text and beside its picture, and the whole page as an attachment."""
    message = EmailMessage()
    message["Subject"] = f"Ringfence {settings.env}: {report.title}"
    message["From"], message["To"] = settings.smtp_sender, settings.report_email
    message.set_content(_text(settings, report))
    picture = '<p><img src="cid:exodus" alt="Departures by day" style="max-width:100%"></p>' if report.png else ""
    text = f'<div style="white-space:pre-line">{escape(_text(settings, report))}</div>'
    message.add_alternative(f"<html><body>{picture}{text}</body></html>", subtype="html")
    if report.png:
        html = message.get_body(("html",))
        assert isinstance(html, EmailMessage)
        html.add_related(report.png, "image", "png", cid="<exodus>", filename="exodus.png")
    message.add_attachment(report.path.read_text("utf-8"), subtype="html", filename=report.path.name)
    return message


def _content(settings: Settings, report: MorningReport) -> dict[str, Any]:
    """What Slack and Mattermost take: a text. What Teams takes: an adaptive card, in which a picture may stand."""
    text = _text(settings, report)
    if settings.report_webhook_format == "slack":
        return {"text": f"*{report.title}*\n{text}"}
    body: list[dict[str, Any]] = [{"type": "TextBlock", "text": report.title, "weight": "Bolder", "wrap": True}]
    if report.png:
        picture = base64.b64encode(report.png).decode()
        body.append({"type": "Image", "url": f"data:image/png;base64,{picture}", "altText": "Departures by day"})
    body += [{"type": "TextBlock", "text": line, "wrap": True} for line in text.splitlines() if line]
    card = {"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4"}
    content_type = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": content_type, "content": card | {"body": body}}]}


def _text(settings: Settings, report: MorningReport) -> str:
    """The summary, and where the page is if others can open it."""
    can_be_opened = "reports_url" in settings.model_fields_set
    return f"{report.summary}\n{settings.page_url(report.path.name)}\n" if can_be_opened else report.summary


@contextmanager
def _ledger(settings: Settings, day: str) -> Iterator[list[str] | None]:
    """The channels that have had the report of a day, None once a later one was sent; one process at a time.

    Only the last day is kept.
    """
    path = private_dir(settings.notifications_dir) / "report_sent.json"
    with locked(settings.notifications_dir / ".lock"):
        known = json.loads(path.read_text("utf-8")) if path.exists() else {}
        if any(sent > day for sent in known):
            yield None
            return
        had: list[str] = known.get(day, [])
        yield had
        replace_text(path, json.dumps({day: had}))
