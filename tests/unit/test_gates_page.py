"""The page of all gates: what it says, and that it needs nothing but itself; and failing rows in a terminal."""

from __future__ import annotations

import re
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from orchestration.base.settings import Settings
from orchestration.gates import overrides, verdicts
from orchestration.gates.outcome import Outcome
from orchestration.reporting.failures import Failure
from orchestration.reporting.gates_page import write_gates_page
from orchestration.reporting.terminal.gates_shown import print_failures

HELD = Outcome(
    stage="marts", relation="alert", partition=None, expectation_id="refunded_within_amount", expectation_type="x",
    severity="critical", passed=True, observed="none of 9 rows", expected="amount >= refunded", evaluated=9, failed=0,
    why="Money back & <more> is in another unit.",
)  # fmt: skip
FAILED = replace(HELD, passed=False, observed="3 of 9 rows", failed=3)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def _judge(settings: Settings, run: str, outcome: Outcome) -> None:
    outcomes = overrides.apply(settings, [outcome], stage="marts", relation="alert")
    verdicts.record(settings, run, outcomes, stage="marts", relation="alert")


def _page(settings: Settings) -> str:
    return write_gates_page(settings).read_text("utf-8")


def test_the_page_is_one_file_that_asks_no_network(settings: Settings) -> None:
    _judge(settings, "first", FAILED)
    page = _page(settings)
    assert not re.search(r"https?:|src=|@import|<link|<script", page)


def test_a_closed_gate_says_what_failed_how_to_look_and_how_to_override(settings: Settings) -> None:
    _judge(settings, "first", FAILED)
    page = _page(settings)
    assert "ringfence gates show marts/alert:refunded_within_amount" in page
    assert "--accept marts/alert:refunded_within_amount --reason" in page
    assert "3 of 9 rows" in page
    assert "Money back &amp; &lt;more&gt; is in another unit." in page


def test_every_run_leaves_a_mark_of_what_it_said(settings: Settings) -> None:
    _judge(settings, "first", HELD)
    _judge(settings, "second", FAILED)
    overrides.accept(settings, ["marts/alert:refunded_within_amount"], "looked at", {})
    _judge(settings, "third", FAILED)
    page = _page(settings)
    strip = re.search(r'aria-label="([^"]*)"', page)
    assert strip is not None
    assert strip[1] == "1 open, 1 closed, 1 accepted"
    assert "looked at" in page


def test_the_page_of_a_new_installation_is_empty_and_no_error(settings: Settings) -> None:
    assert "No gate is closed." in _page(settings)
    assert "Nothing has arrived." in _page(settings)


def test_rows_too_wide_for_the_terminal_are_shown_a_line_a_column() -> None:
    said = replace(FAILED, expectation_id="positive", partition="2026-01-05", observed="1 of 9 rows")
    row = {f"column_{number}": f"value {number}" for number in range(20)}
    for width in (80, 400):
        written = StringIO()
        print_failures(Console(file=written, width=width), "marts/ports", [Failure(said, (row,))])
        text = written.getvalue()
        assert "positive on 2026-01-05 (critical): 1 of 9 rows" in text
        assert all(value in text for value in row.values())
        assert ("row 1" in text) == (width == 80)
