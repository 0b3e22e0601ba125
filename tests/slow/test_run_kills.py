"""Two hundred kills of dbt and of the publication, some of them of whole runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.killed_runs import check_kills
from tests.support.world import World


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("part", range(4))
def test_fifty_killed_processes_are_made_good(published_world: World, copy_of: Callable[..., World], part: int) -> None:
    disturbed, undisturbed = copy_of(published_world, "disturbed"), copy_of(published_world, "undisturbed")
    check_kills(disturbed, undisturbed, seed=part, kills={"staging": 15, "marts": 20, "publication": 15})


@pytest.mark.timeout(7200)
def test_killed_runs_are_picked_up_by_the_next(published_world: World, copy_of: Callable[..., World]) -> None:
    disturbed, undisturbed = copy_of(published_world, "disturbed"), copy_of(published_world, "undisturbed")
    kills = {"staging": 3, "marts": 3, "publication": 3}
    check_kills(disturbed, undisturbed, seed=20260105, kills=kills, are_whole_runs=True)
