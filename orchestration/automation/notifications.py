"""Telling people, once per cause and channel, whoever looks: the command at the end of its run, and a sensor."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

import dagster as dg

from orchestration.automation.causes import Cause, causes
from orchestration.automation.channels import channels
from orchestration.automation.default_status import sensor_status
from orchestration.base.files import locked, replace_text
from orchestration.base.settings import Settings, private_dir
from orchestration.contracts import Feed

_log = logging.getLogger(__name__)
_INTERVAL_SECONDS = 60


def notifications_sensor(settings: Settings, feeds: Mapping[str, Feed]) -> dg.SensorDefinition:
    """Tells of what runs from the UI, the schedule and the sensor come to, and of what fails to arrive."""

    @dg.sensor(
        name="notifications",
        minimum_interval_seconds=_INTERVAL_SECONDS,
        default_status=sensor_status(settings),
        description="Tells of failed runs, closed gates, late feeds and fraud cases, once each.",
    )
    def notifications(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        told = announce(settings, feeds, context.instance)
        return dg.SkipReason("Told: " + "; ".join(told) if told else "Nothing new to tell.")

    return notifications


def announce(
    settings: Settings, feeds: Mapping[str, Feed], instance: dg.DagsterInstance, now: datetime | None = None
) -> list[str]:
    """Send what has not been sent yet, and return its titles. A channel that fails is tried again the next time.

    A cause that is gone is forgotten, so that it is told of if it comes back.
    """
    with _ledger(settings) as ledger:
        found = list(causes(settings, feeds, instance, now or datetime.now(UTC)))
        told = [cause.title for cause in found if _tell(settings, cause, ledger.setdefault(cause.key, []))]
        for gone in ledger.keys() - {cause.key for cause in found}:
            del ledger[gone]
    return told


def _tell(settings: Settings, cause: Cause, told: list[str]) -> bool:
    """Send one cause through the channels that have not had it; `told` grows by those that took it."""
    is_new = False
    for name, send in channels(settings).items():
        if name not in told:
            try:
                send(f"Ringfence {settings.env}: {cause.title}", cause.text)
            except Exception as error:  # its words may hold the address, which is a secret
                _log.warning("Channel %s failed with %s; it is tried again.", name, type(error).__name__)
            else:
                told.append(name)
                is_new = True
    return is_new


@contextmanager
def _ledger(settings: Settings) -> Iterator[dict[str, list[str]]]:
    """Which channels have had which cause; one process at a time."""
    path = private_dir(settings.notifications_dir) / "told.json"
    with locked(settings.notifications_dir / ".lock"):
        ledger: dict[str, list[str]] = json.loads(path.read_text("utf-8")) if path.exists() else {}
        yield ledger
        replace_text(path, json.dumps(ledger, indent=1))
