"""What was known on a day, over many histories."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.integration.test_restated import DAYS, FIRST_DAY, ONE_DAY, built, deliveries, known_on_agrees


@pytest.mark.parametrize("seed", range(4))
def test_what_was_known_on_any_day_is_what_its_deliveries_alone_tell(tmp_path: Path, seed: int) -> None:
    told = deliveries(random.Random(seed))
    now = built(tmp_path, "now", told)
    for n in range(2, DAYS + 3):
        known_on = FIRST_DAY + n * ONE_DAY
        then = built(tmp_path, f"then-{n}", [one for one in told if one.delivered_on <= known_on])
        if then.query("select 1 from fraud.incident_restatement limit 1"):
            known_on_agrees(now, then, known_on)
