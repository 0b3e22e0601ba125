"""What no macro would read of a fraud rule's row is refused before a run, by file and line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jinja2 import UndefinedError

from orchestration.base.macros import call_macro
from orchestration.base.settings import PROJECT, Settings
from orchestration.site import check
from orchestration.site.check import check_site
from orchestration.site.fraud_rules import Rule, mistakes_of_rule, rules
from orchestration.site.reference import SiteError

DBT = PROJECT / "dbt_project"


@pytest.mark.parametrize(
    ("rule_id", "parameters", "said"),
    [
        ("CROWD", {"min_number": 5}, ["'min_numbers' is missing", "did you mean 'min_numbers'?"]),
        ("CROWD", {}, ["'min_numbers' is missing"]),
        ("UNREGISTERED_CELL", {"hours": 3}, ["no parameter 'hours'; it has none"]),
        ("CROWD", {"min_numbers": "5"}, ["'min_numbers' must be a whole number"]),
        ("CROWD", {"min_numbers": 4.5}, ["'min_numbers' must be a whole number"]),
        ("CROWD", {"min_numbers": True}, ["'min_numbers' must be a whole number"]),
        ("CAP_RAISED", {"hours": None}, ["'hours' must be a number"]),
        ("RAPID_REPEAT", {"min_payments": 2, "minutes": 61}, ["'minutes' is above 60"]),
        ("NIGHT_BURST", {"from_hour": 2, "to_hour": 6, "min_payments": 2, "minutes": 90}, ["'minutes' is above 60"]),
        ("REFUSED_BEFORE", {"min_refused": 0, "minutes": 60}, ["'min_refused' is below 1"]),
        ("RAPID_REPEAT", {"min_payments": 1, "minutes": 10}, ["'min_payments' is below 2"]),
        ("ATTACH_BURST", {"min_numbers": 4}, ["'min_numbers' is below 5"]),
        ("MERCHANT_TURNED_BAD", {"days": 31, "min_confirmed": 5, "min_confirmed_pct": 5}, ["'days' is above 30"]),
        ("NIGHT_PAYMENT", {"from_hour": 22, "to_hour": 6}, ["'from_hour' must be below 'to_hour'"]),
        ("CASH_LIKE", {"categories": "GAME"}, ["'categories' must be a list of texts"]),
        ("CASH_LIKE", {"categories": []}, ["'categories' must be a list of texts"]),
        ("INCOMPLETE_ARS_CALL", {"auth_method": 3}, ["'auth_method' must be a text"]),
        ("CROWD", [5], ["must be a JSON object"]),
        ("FULL_MOON", {}, ["no macro in dbt_project/macros/rules knows the rule 'FULL_MOON'"]),
    ],
)
def test_what_a_rule_would_not_read_is_named(rule_id: str, parameters: Any, said: list[str]) -> None:
    found = mistakes_of_rule(rule_id, json.dumps(parameters))
    assert len(found) == len(said)
    assert all(words in mistake for words, mistake in zip(said, found, strict=True)), found


def test_values_at_their_bounds_are_taken() -> None:
    assert mistakes_of_rule("RAPID_REPEAT", '{"min_payments": 2, "minutes": 60}') == []
    assert mistakes_of_rule("ATTACH_BURST", '{"min_numbers": 5}') == []
    assert mistakes_of_rule("NIGHT_PAYMENT", '{"from_hour": 0, "to_hour": 24}') == []


def test_a_sites_row_is_refused_with_file_line_and_column(tmp_path: Path) -> None:
    (tmp_path / "reference").mkdir()
    file = tmp_path / "reference" / "fraud_rules.csv"
    file.write_text(
        'rule_id,version,parameters\nCROWD,2,"{""min_numbers"": 5}"\nRAPID_REPEAT,2,"{""min_payments"": 2}"\n', "utf-8"
    )
    with pytest.raises(SiteError) as refusal:
        check_site(Settings(home=tmp_path, site=tmp_path))
    assert str(refusal.value) == f"{file}, line 3, parameters: 'minutes' is missing"


def test_a_macro_without_a_row_would_never_run_and_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = rules()
    monkeypatch.setattr(check, "rules", lambda: {**known, "FULL_MOON": Rule({})})
    with pytest.raises(SiteError, match=r"seeds/fraud_rules\.csv: the rule 'FULL_MOON' has a macro and no row"):
        check_site(Settings(home=tmp_path))


def test_every_parameter_that_a_rule_declares_is_read_by_its_name_and_no_other_is() -> None:
    sql = [path.read_text("utf-8") for path in (*DBT.rglob("macros/**/*.sql"), *DBT.rglob("models/**/*.sql"))]
    read = {name for text in sql for name in re.findall(r"\b([a-z_]+?__[a-z_]+)\b", text)}
    of_rules = {name for name in read if name.split("__")[0].upper() in rules()}
    made_for_each_rule = ("__points", "__known_dt")
    assert {name for name in of_rules if not name.endswith(made_for_each_rule)} == {
        f"{rule_id.lower()}__{name}" for rule_id, rule in rules().items() for name in rule.parameters
    }


def test_a_macro_is_called_as_dbt_would_and_one_that_asks_dbt_is_refused() -> None:
    assert call_macro("days_between", "a", "b").strip() == "date_diff('day', a, b)"
    with pytest.raises(UndefinedError):
        call_macro("flagged_parties", "true")
