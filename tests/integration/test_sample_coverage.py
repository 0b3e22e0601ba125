"""`docs/sample-coverage.md` has every rule, mart and reason that there is, and explains what does not occur."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

from orchestration.base.settings import PROJECT
from orchestration.contracts import load_feeds
from orchestration.ingest.judge import Judged
from orchestration.warehouse import dbt
from orchestration.warehouse.graph import Graph
from tests.support.world import World

PAGE = (PROJECT / "docs" / "sample-coverage.md").read_text("utf-8")
MEASURED, EXPLAINED = PAGE.split("## What does not occur, and why")


def _rows(text: str) -> Iterator[list[str]]:
    """Cells of every row of a table that begins with a name."""
    for line in text.splitlines():
        if line.startswith("| `"):
            yield [cell.strip() for cell in line.strip("| ").split(" | ")]


def _names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_every_rule_column_and_reason_is_counted(published_world: World) -> None:
    counted = {_names(cells[0])[0]: cells[1:] for cells in _rows(MEASURED)}
    with (PROJECT / "dbt_project" / "seeds" / "fraud_rules.csv").open(encoding="utf-8") as file:
        rules = {row["rule_id"] for row in csv.DictReader(file)}
    judged = [Judged(feed, published_world.settings.site_profile.numbers, {}) for feed in load_feeds(
        published_world.settings
    ).values()]  # fmt: skip
    reasons = {reason.partition(":")[0] for one in judged for reason in one.all_reasons()}
    relations = {node.relation: len(node.columns) for node in Graph(dbt.manifest(published_world.settings)).published()}
    assert rules | reasons | {"KEY_CONFLICT"} <= set(counted)
    assert {name: int(cells[1]) for name, cells in counted.items() if "." in name} == relations


def test_what_does_not_occur_is_explained_and_nothing_else_is() -> None:
    missing = set()
    for cells in _rows(MEASURED):
        (name,) = _names(cells[0])
        if "." in name:
            missing |= {f"{name}.{column}" for column in _names(cells[3])}
        elif cells[1] == "0":
            missing.add(name)
    assert {_names(cells[0])[0] for cells in _rows(EXPLAINED) if cells[1]} == missing
