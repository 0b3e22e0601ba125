"""Where messages go: a log file, a webhook, e-mail. A channel that fails says so by its error's kind alone."""

from __future__ import annotations

import json
import smtplib
import ssl
import urllib.request
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

from pydantic import SecretStr

from orchestration.base.settings import Settings, private_dir

_PATIENCE_SECONDS = 10

#: Sends a title and a text, or raises.
Send = Callable[[str, str], None]


def channels(settings: Settings) -> dict[str, Send]:
    """The configured channels by name; the log file is always one."""
    found: dict[str, Send] = {"log": lambda title, text: _log(settings, title, text)}
    if settings.notify_webhook:
        found["webhook"] = lambda title, text: _post(settings, title, text)
    if settings.notify_email:
        found["email"] = lambda title, text: _mail(settings, title, text)
    return found


def _log(settings: Settings, title: str, text: str) -> None:
    """One JSON object per line."""
    entry = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "title": title, "text": text}
    private_dir(settings.notifications_dir)
    with (settings.notifications_dir / "log.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry, ensure_ascii=False) + "\n")


def _post(settings: Settings, title: str, text: str) -> None:
    """What Slack, Mattermost and others take."""
    assert settings.notify_webhook
    post(settings.notify_webhook, {"text": f"*{title}*\n{text}"})


def _mail(settings: Settings, title: str, text: str) -> None:
    assert settings.notify_email
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = title, settings.smtp_sender, settings.notify_email
    message.set_content(text)
    mail(settings, message)


def post(address: SecretStr, content: Mapping[str, Any]) -> None:
    """Post JSON to an address, or raise."""
    request = urllib.request.Request(
        address.get_secret_value(), json.dumps(content).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=_PATIENCE_SECONDS):
        pass


def mail(settings: Settings, message: EmailMessage) -> None:
    """Hand a message to the mail server, or raise; where it encrypts, its certificate is verified."""
    with smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=_PATIENCE_SECONDS) as server:
        if settings.smtp_starttls:
            server.starttls(context=ssl.create_default_context())
        if settings.smtp_user and settings.smtp_password:
            server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
        server.send_message(message)
