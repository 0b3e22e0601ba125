"""An amount is shown in its currency's large unit, with the currency, and never off by a power of ten."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError
from rich.console import Console

from orchestration.base.settings import Settings
from orchestration.reporting.terminal.rules_shown import print_explanation
from orchestration.rules import explain
from orchestration.rules.explain import Explanation, Hit
from orchestration.site.money import exponent, money, money_at_a_glance, smallest_unit


def _settings(tmp_path: Path, currency: str, more: str = "") -> Settings:
    (tmp_path / "site.toml").write_text(f'currency = "{currency}"\n{more}', "utf-8")
    return Settings(home=tmp_path / "home", site=tmp_path)


@pytest.mark.parametrize(
    ("currency", "amount", "exact", "at_a_glance"),
    [
        ("KRW", 3511200, "3,511,200 KRW", "3.5 M KRW"),
        ("GBP", 3511200, "35,112.00 GBP", "35,112 GBP"),
        ("GBP", 3955, "39.55 GBP", "39.55 GBP"),
        ("GBP", 99, "0.99 GBP", "0.99 GBP"),
        ("GBP", -869400, "-8,694.00 GBP", "-8,694 GBP"),
        ("KWD", 1234567, "1,234.567 KWD", "1,235 KWD"),
        ("RWF", 1999, "1,999 RWF", "1,999 RWF"),
        ("JPY", 250, "250 JPY", "250 JPY"),
        ("IQD", 1500, "1.500 IQD", "1.500 IQD"),
        ("BRL", 123456789012, "1,234,567,890.12 BRL", "1.2 bn BRL"),
    ],
)
def test_an_amount_has_the_decimals_of_its_currency(
    tmp_path: Path, currency: str, amount: int, exact: str, at_a_glance: str
) -> None:
    site = _settings(tmp_path, currency).site_profile
    assert money(amount, site) == exact
    assert money_at_a_glance(amount, site) == at_a_glance


def test_a_site_says_in_what_its_amounts_come_where_the_standards_unit_is_not_used(tmp_path: Path) -> None:
    assert exponent(_settings(tmp_path, "MMK").site_profile) == 2
    whole = _settings(tmp_path, "MMK", "currency_decimals = 0\n").site_profile
    assert money(45000, whole) == "45,000 MMK"


@pytest.mark.parametrize(("currency", "unit"), [("KRW", "KRW"), ("GBP", "1/100 GBP"), ("KWD", "1/1000 KWD")])
def test_what_amounts_are_counted_in_has_a_name(tmp_path: Path, currency: str, unit: str) -> None:
    assert smallest_unit(_settings(tmp_path, currency).site_profile) == unit


def test_a_currency_that_there_is_none_of_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="there is no currency 'GPB'"):
        _settings(tmp_path, "GPB")


def test_a_score_is_explained_in_money(tmp_path: Path) -> None:
    site = _settings(tmp_path, "GBP").site_profile
    evidence = explain._spelled({"amount": 3955, "monthly_limit": 4000, "cell_id": None}, "NEAR_CAP", site)
    counted = explain._spelled({"numbers": 4000}, "CROWD", site)
    hits = [Hit("NEAR_CAP", 1, 20, date(2026, 3, 2), evidence), Hit("CROWD", 1, 9, date(2026, 3, 2), counted)]
    console = Console(width=200, record=True)
    at = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
    payment = Explanation("P1", at, "M9", "GAME", 3955, "SUCCEEDED", 29, hits, None, None, None, 0.834, "the hour 12")
    print_explanation(console, payment, site)
    told = console.export_text()
    assert "gives it 83.4 % to be fraud: the hour 12." in told
    assert "P1: 39.55 GBP at M9" in told
    assert "amount 39.55 GBP, monthly_limit 40.00 GBP" in told
    assert "numbers 4000" in told
