"""Points from evidence: what verdicts say, what few of them may say, and that nothing is proposed of nothing."""

from __future__ import annotations

from math import log
from pathlib import Path

import pytest

from orchestration.rules.weigh import PRIOR_VERDICTS, Evidence, proposals, write_changes


def _rule(rule_id: str, points: int, frauds_hit: int, honest_hit: int, verdicts: int) -> Evidence:
    return Evidence(rule_id, points, 1_000, 1_000_000, frauds_hit, honest_hit, verdicts)


def test_a_ratio_is_the_logarithm_of_how_much_likelier_a_hit_is_in_a_fraud() -> None:
    assert _rule("RARE", 40, 500, 1_000, 900).ratio == pytest.approx(log(500), rel=1e-2)


def test_rules_keep_their_sum_of_points_and_are_ordered_by_what_verdicts_say() -> None:
    strong, weak = _rule("STRONG", 20, 500, 1_000, 5_000), _rule("WEAK", 40, 500, 100_000, 5_000)
    first, second = proposals([weak, strong])
    assert (first.rule_id, second.rule_id) == ("STRONG", "WEAK")
    assert first.proposed > 20 > second.proposed
    assert first.proposed % 5 == second.proposed % 5 == 0


def test_a_rule_without_verdicts_keeps_its_points_and_one_with_few_moves_half_way() -> None:
    many = _rule("MANY", 40, 500, 1_000, 1_000_000)
    honest_only = _rule("HONEST_ONLY", 40, 0, 100_000, PRIOR_VERDICTS)
    by_name = {weight.rule_id: weight for weight in proposals([many, honest_only, _rule("SILENT", 30, 0, 7, 0)])}
    assert by_name["SILENT"].proposed == 30
    assert by_name["HONEST_ONLY"].proposed == 5  # half of 40, less half of what is below nought
    assert by_name["MANY"].proposed == 40


def test_a_rule_that_hits_the_honest_alone_gets_no_points_below_nought() -> None:
    assert proposals([_rule("A", 40, 500, 1_000, 900), _rule("B", 10, 0, 900_000, 9_000)])[1].proposed == 0


def test_changes_are_those_rules_alone_whose_points_would_be_others(tmp_path: Path) -> None:
    weights = proposals([_rule("STRONG", 20, 500, 1_000, 5_000), _rule("SILENT", 30, 0, 7, 0)])
    path = tmp_path / "weighed.csv"
    assert write_changes(weights, path) == any(weight.proposed != weight.points for weight in weights)
    assert not write_changes([weight for weight in weights if weight.rule_id == "SILENT"], tmp_path / "none.csv")
    assert not (tmp_path / "none.csv").exists()
