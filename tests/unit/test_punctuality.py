"""One meaning of late: the clock against the newest extract date, by the contract, in an installation that waits."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from orchestration.automation.feed_checks import feeds_sensor
from orchestration.state.punctuality import due_at
from orchestration.state.status import FeedStatus, read_feeds, read_feeds_as_of
from tests.support.small_site import SmallSite

SEOUL = ZoneInfo("Asia/Seoul")
THIRD = date(2026, 1, 3)


def at(day: int, hour: int, month: int = 1) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=SEOUL)


def status(site: SmallSite, now: datetime) -> FeedStatus:
    (found,) = read_feeds(site.settings, {"charges": site.feed}, now)
    return found


@pytest.fixture
def site(tmp_path: Path) -> SmallSite:
    return SmallSite(tmp_path, options={"latenessDays": 1})


def test_a_feed_is_overdue_when_its_next_delivery_is_due_and_late_when_the_contract_says_so(site: SmallSite) -> None:
    site.take_in(THIRD, at(4, 6))
    assert due_at(site.feed, date(2026, 1, 4), SEOUL) == at(5, 9)
    states = [status(site, now).punctuality for now in (at(5, 8), at(5, 9), at(6, 8), at(6, 9), at(1, 0, month=6))]
    assert states == ["in time", "overdue", "overdue", "late", "late"]


def test_days_are_missing_once_they_are_due_though_nobody_delivers_any_more(site: SmallSite) -> None:
    site.take_in(THIRD, at(4, 6))
    assert status(site, at(5, 8)).missing == []
    assert status(site, at(7, 9)).missing == [date(2026, 1, day) for day in (4, 5, 6)]


def test_history_that_ended_long_ago_is_never_late(site: SmallSite) -> None:
    site.take_in(THIRD, at(20, 6, month=5))
    found = status(site, at(20, 7, month=5))
    assert (found.punctuality, found.is_late, found.missing) == ("history", False, [])


def test_an_installation_begins_to_wait_with_the_first_delivery_that_comes_in_time_and_never_stops(
    site: SmallSite,
) -> None:
    site.take_in(THIRD, at(20, 6, month=5))
    site.take_in(date(2026, 5, 19), at(20, 6, month=5))
    assert status(site, at(20, 7, month=5)).punctuality == "in time"
    assert status(site, at(20, 7, month=9)).punctuality == "late"


def test_how_feeds_stood_on_an_earlier_morning_knows_nothing_of_what_came_later(site: SmallSite) -> None:
    site.take_in(THIRD, at(20, 6, month=5))
    site.take_in(date(2026, 1, 10), at(20, 6, month=5))
    (found,) = read_feeds_as_of(site.settings, {"charges": site.feed}, date(2026, 1, 7))
    assert (found.newest_dt, found.punctuality) == (THIRD, "late")
    assert found.missing == [date(2026, 1, day) for day in (4, 5, 6, 7)]


def test_the_check_in_the_graph_turns_with_the_clock_alone(site: SmallSite) -> None:
    site.take_in(THIRD, at(4, 6))
    feeds, cursor, said = {"charges": site.feed}, None, []
    with dg.instance_for_test() as instance:
        for now in (at(5, 8), at(5, 8) + timedelta(minutes=1), at(5, 9), at(6, 9)):
            sensor = feeds_sensor(site.settings, feeds, lambda now=now: now)  # type: ignore[misc]
            with dg.build_sensor_context(
                instance=instance, cursor=cursor, repository_def=dg.Definitions().get_repository_def()
            ) as context:
                tick = sensor.evaluate_tick(context)
            cursor = tick.cursor
            said += [(event.passed, event.severity.name) for event in tick.asset_events]  # type: ignore[union-attr]
    assert said == [(True, "WARN"), (False, "WARN"), (False, "ERROR")]
