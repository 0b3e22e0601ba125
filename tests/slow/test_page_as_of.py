"""An earlier day's page is what a run that ended on that day would have shown, where it says "as known by then"."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.support.world import FIRST, LAST, World

#: Days between the first and the last, drawn anew for each of these.
SEEDS = (1, 2)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_desk_had_before_it_on_any_day_what_a_run_that_ended_then_says(
    published_world: World, new_world: Callable[..., World], tmp_path: Path, seed: int
) -> None:
    day = FIRST + timedelta(days=random.Random(seed).randint(3, (LAST - FIRST).days - 2))
    landing = tmp_path / "landing"
    for folder in published_world.settings.landing_dir.glob("*/dt=*"):
        if date.fromisoformat(folder.name.removeprefix("dt=")) <= day:
            (landing / folder.parent.name).mkdir(parents=True, exist_ok=True)
            (landing / folder.parent.name / folder.name).symlink_to(folder)
    then = new_world(landing=landing)
    then.run(FIRST, day)
    sql = f"select * from fraud.desk_daily where as_of_date <= '{day}' order by as_of_date"
    assert then.query(sql) == published_world.query(sql)
