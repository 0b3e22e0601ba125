"""The open file under attack: nobody is found who is one of four, and the attack finds them by other rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.disclosure import BEFORE, WITH_FRAUDS, attack, open_marts, opened, publish_by
from tests.support.world import World


def test_an_attack_on_the_open_file_finds_nobody(published_world: World) -> None:
    with opened(published_world) as con:
        assert attack(con, open_marts(published_world)) == []


@pytest.mark.parametrize("how", sorted(BEFORE.keys() - {*WITH_FRAUDS}))
def test_the_attack_finds_small_groups_in_what_was_published_by_another_rule(
    how: str, published_world: World, tmp_path: Path
) -> None:
    with opened(published_world, tmp_path / "open.duckdb") as con:
        assert attack(con, publish_by(con, open_marts(published_world), BEFORE[how]))
