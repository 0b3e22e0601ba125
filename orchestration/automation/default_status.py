"""What is on until somebody switches it in the UI: sensors and schedule, where an environment runs by itself."""

from __future__ import annotations

import dagster as dg

from orchestration.base.settings import Settings


def sensor_status(settings: Settings) -> dg.DefaultSensorStatus:
    """Of a sensor that nobody has switched."""
    return dg.DefaultSensorStatus.RUNNING if settings.environment.runs_by_itself else dg.DefaultSensorStatus.STOPPED


def schedule_status(settings: Settings) -> dg.DefaultScheduleStatus:
    """Of a schedule that nobody has switched."""
    return dg.DefaultScheduleStatus.RUNNING if settings.environment.runs_by_itself else dg.DefaultScheduleStatus.STOPPED
