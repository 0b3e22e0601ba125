"""The open file of the demo's first two months under attack: with its panel, and with the frauds of August 2025."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from pydantic import SecretStr

from orchestration.base.settings import Settings
from orchestration.simulator import simulate
from tests.support.disclosure import BEFORE, attack, open_marts, opened, publish_by
from tests.support.world import KEY, World

FIRST, LAST = date(2025, 8, 1), date(2025, 9, 30)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("demo")
    world = World(Settings(home=folder / "home", landing=folder / "extracts", pseudonym_key=SecretStr(KEY)))
    simulate(world.settings.landing_dir, first_day=FIRST, last_day=LAST)
    world.run(FIRST, LAST)
    return world


def test_an_attack_on_the_demos_open_file_finds_nobody(demo: World) -> None:
    with opened(demo) as con:
        assert attack(con, open_marts(demo)) == []


@pytest.mark.parametrize("how", BEFORE)
def test_the_attack_finds_what_was_told_before(how: str, demo: World, tmp_path: Path) -> None:
    with opened(demo, tmp_path / "open.duckdb") as con:
        found = attack(con, publish_by(con, open_marts(demo), BEFORE[how]))
    assert found
    if how == "each mart by its own rule":  # what is in the one mart and not in the other
        assert any("has no row of" in said for said in found)
