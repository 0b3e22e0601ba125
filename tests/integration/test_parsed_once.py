"""dbt parses the project once, not for every copy of an installation."""

from __future__ import annotations

import json
from pathlib import Path

from orchestration.base.settings import Settings
from orchestration.warehouse import dbt
from tests.support.world import World


def test_nothing_is_parsed_again_for_another_place_or_another_limit_of_memory(
    published_world: World, tmp_path: Path
) -> None:
    copy = Settings(home=tmp_path, memory_limit="1GB")
    dbt.know_what_was_parsed(copy, published_world.settings)
    dbt.do(copy, ["parse"])
    counted = json.loads((dbt.target_dir(copy) / "perf_info.json").read_text("utf-8"))
    assert (counted["is_partial_parse_enabled"], counted["parsed_path_count"]) == (True, 0)
