"""A process may be killed at any moment of dbt or of the publication."""

from __future__ import annotations

from collections.abc import Callable

from tests.support.killed_runs import check_kills
from tests.support.world import World


def test_work_killed_in_dbt_and_in_publication_ends_with_the_marts_of_undisturbed_work(
    published_world: World, copy_of: Callable[..., World]
) -> None:
    disturbed, undisturbed = copy_of(published_world, "disturbed"), copy_of(published_world, "undisturbed")
    check_kills(disturbed, undisturbed, seed=20260103, kills={"staging": 1, "marts": 2, "publication": 3})
