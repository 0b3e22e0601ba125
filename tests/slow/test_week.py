"""A week in fast motion: days on time, late, twice, corrected, one never; nobody runs anything by hand."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest

from orchestration.base.content import content_of
from orchestration.base.settings import Settings
from orchestration.serving.generations import current_publication
from orchestration.state.run_report import Exit
from tests.support.clockwork import Clockwork, days_of
from tests.support.world import FIRST, KEY, World

SEOUL = ZoneInfo("Asia/Seoul")
MONDAY, SUNDAY = date(2026, 1, 5), date(2026, 1, 11)
#: What tells when something was known, where a week with a late history differs from one on time: whole relations …
TELLS_WHEN = {
    "churn.incident_nowcast", "churn.incident_nowcast_quality", "churn.port_restatement", "fraud.incident_restatement",
}  # fmt: skip
#: … and columns of others.
WHEN = {
    "alerted_at", "expected_amount", "expected_claims", "first_alerted_at", "hours_to_alert", "is_before_completion",
    "last_alerted_on", "median_hours_to_alert", "opened_on", "opening_rank",
}  # fmt: skip


def _at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=SEOUL)


@pytest.mark.timeout(7200)
def test_a_week_runs_itself_and_ends_as_if_everything_had_come_on_time(
    published_world: World, new_world: Callable[..., World], tmp_path: Path
) -> None:
    source, landing = published_world.settings.landing_dir, tmp_path / "arriving"

    def arrives(feed: str, day: date) -> Path:
        shutil.copytree(source / feed / f"dt={day}", landing / feed / f"dt={day}", dirs_exist_ok=True)
        return landing / feed / f"dt={day}"

    # a feed that has never come is not missed
    daily = [
        name for name, feed in published_world.feeds.items() if feed.frequency_days == 1 and (source / name).is_dir()
    ]
    for feed in published_world.feeds:
        for folder in (source / feed).glob("dt=*"):
            if (day := date.fromisoformat(folder.name[3:])) < MONDAY:
                arrives(feed, day)
    world = new_world(landing=landing)
    clock = Clockwork(world, _at(MONDAY, 12))
    clock.until(_at(MONDAY, 12, 30))
    (yesterday, history) = clock.asked
    assert (yesterday[0], days_of(yesterday[1])) == ("schedule", _alone(MONDAY - timedelta(days=1)))
    assert (history[0], days_of(history[1])) == ("sensor", (str(FIRST), str(MONDAY - timedelta(days=2))))

    late, twice, corrected, never = (MONDAY + timedelta(days=n) for n in (1, 2, 3, 4))
    for day in (MONDAY + timedelta(days=n) for n in range(7)):
        morning = day + timedelta(days=1)
        clock.until(_at(morning, 5, 45))
        for feed in daily:
            if (feed, day) in {("payments", late), ("subscriptions", never)} or not (
                source / feed / f"dt={day}"
            ).exists():
                continue
            folder = arrives(feed, day)
            if (feed, day) == ("portability_events", corrected):
                _lose_the_last_rows(folder)
        clock.asked.clear()
        clock.until(_at(morning, 10))
        is_short = day in (late, never) or any(not (landing / feed / f"dt={day}").exists() for feed in daily)
        ((who, request),) = clock.asked
        assert (who, days_of(request)) == ("schedule", _alone(day))
        assert bool(request.tags["ringfence/missing"]) == is_short
        if is_short:
            assert any(f"{day}: waiting for" in said and "until 09:00" in said for said in clock.said)
        if morning == late + timedelta(days=2):
            arrives("payments", late)
        if day == twice:
            arrives("portability_events", twice)  # the same bytes, a later time
        if day == corrected:
            arrives("portability_events", corrected)
        clock.asked.clear()
        clock.until(_at(morning, 14))
        wanted = {late + timedelta(days=2): late, corrected + timedelta(days=1): corrected}.get(morning)
        asked = [(who, days_of(request)) for who, request in clock.asked]
        assert asked == ([("sensor", _alone(wanted))] if wanted else [])

    on_time = World(Settings(home=tmp_path / "on-time", landing=landing, pseudonym_key=KEY))  # type: ignore[arg-type]
    assert on_time.run(FIRST, SUNDAY).exit_code is Exit.PUBLISHED
    assert _relations(world) == _relations(on_time)


def _alone(day: date) -> tuple[str, str]:
    return str(day), str(day)


def _lose_the_last_rows(folder: Path) -> None:
    """What a source that broke off leaves."""
    (file,) = folder.glob("*.csv*")
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[: len(lines) * 9 // 10]))
    (folder / "_manifest.json").unlink(missing_ok=True)


def _relations(world: World) -> dict[str, tuple[int, str]]:
    """Rows and checksum of each published relation, without what tells when; fractions to nine significant digits."""
    published = current_publication(world.settings)
    assert published is not None
    assert published.held_back == {}
    found = {}
    for file, door in (("marts.duckdb", "open"), ("cases.duckdb", "restricted")):
        with duckdb.connect(str(world.settings.serving_dir / "current" / file), read_only=True) as con:
            for entry in published.relations:
                if entry.door != door or entry.relation in TELLS_WHEN:
                    continue
                columns = con.execute(f"select column_name, column_type from (describe {entry.relation})").fetchall()
                told = ", ".join(
                    f"printf('%.9g', {name})" if type_ == "DOUBLE" else name
                    for name, type_ in columns
                    if name not in WHEN
                )
                found[f"{entry.relation} ({door})"] = content_of(
                    con, f"(select {told} from {entry.relation})"
                ).as_published
    return found
