"""Champion and challenger, measured: figures as scikit-learn has them, intervals as SciPy's bootstrap has them."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from scipy.stats import bootstrap
from sklearn.metrics import average_precision_score

from tests.support.python_model import python_model

TOP = 5
DAYS = pd.date_range("2025-11-03", periods=40)


@pytest.fixture(scope="module")
def mart() -> ModuleType:
    return python_model("int_challenger_measure")


@pytest.fixture(scope="module")
def payments() -> pd.DataFrame:
    """Forty mornings of 60 payments of 90 lines; the challenger ranks better, and both give many the same level."""
    rng = np.random.default_rng(3)
    rows = len(DAYS) * 60
    table = pd.DataFrame({
        "told_on": np.repeat(DAYS, 60),
        "party_key": rng.integers(0, 90, rows),
        "is_fraud": rng.random(rows) < np.repeat(rng.choice([0.0, 0.02, 0.1], len(DAYS)), 60),
    })  # fmt: skip
    table["RULES"] = np.maximum(0, rng.normal(1.0 * table["is_fraud"], 1).round(1))
    table["SCORE"] = rng.normal(2.0 * table["is_fraud"], 1).round(1)
    return table


@pytest.fixture(scope="module")
def told(mart: ModuleType, payments: pd.DataFrame) -> pd.DataFrame:
    measured: pd.DataFrame = mart.measures(_levels(payments), _cards(payments), TOP)
    return measured.set_index(["scope", "month", "detector"]).sort_index()


def _levels(payments: pd.DataFrame) -> pd.DataFrame:
    long = payments.melt(["told_on", "party_key", "is_fraud"], ["RULES", "SCORE"], "detector", "level")
    counted = long.groupby(["detector", "told_on", "level"])["is_fraud"].agg(["size", "sum"]).reset_index()
    return counted.rename(columns={"size": "payments", "sum": "frauds"})


def _cards(payments: pd.DataFrame) -> pd.DataFrame:
    parts = []
    for name in ("RULES", "SCORE"):
        cards = payments.groupby(["told_on", "party_key"]).agg(level=(name, "max"), is_defrauded=("is_fraud", "max"))
        cards = cards.reset_index().sort_values(["told_on", "level"], ascending=[True, False], kind="stable")
        cards["place"] = cards.groupby("told_on").cumcount() + 1
        parts.append(cards.assign(detector=name))
    cards = pd.concat(parts)
    return cards[cards["party_key"].isin(payments.loc[payments["is_fraud"], "party_key"])]


def _found_by_hand(payments: pd.DataFrame, name: str) -> list[int]:
    """Morning by morning: strike out who was found, look at the first k of the others."""
    found: set[int] = set()
    hits = []
    for _, of_day in payments.groupby("told_on"):
        cards = of_day.groupby("party_key").agg(level=(name, "max"), is_fraud=("is_fraud", "max"))
        top = cards[~cards.index.isin(found)].sort_values("level", ascending=False, kind="stable").head(TOP)
        found |= {*top.index[top["is_fraud"]]}
        hits.append(int(top["is_fraud"].sum()))
    return hits


@pytest.mark.parametrize("name", ["RULES", "SCORE"])
def test_average_precision_is_scikit_learns_by_month_and_to_date(
    name: str, told: pd.DataFrame, payments: pd.DataFrame
) -> None:
    month = payments["told_on"].dt.to_period("M").dt.to_timestamp()
    expected = {("MONTH", one): rows for one, rows in payments.groupby(month)} | {("TO_DATE", month.max()): payments}
    assert {key[:2] for key in told.index} == expected.keys()
    for key, rows in expected.items():
        seen = 100 * average_precision_score(rows["is_fraud"], rows[name])
        assert told.loc[(*key, name), "average_precision_pct"] == pytest.approx(seen)
        assert told.loc[(*key, name), ["payments", "frauds"]].tolist() == [len(rows), rows["is_fraud"].sum()]


@pytest.mark.parametrize("name", ["RULES", "SCORE"])
def test_card_precision_strikes_out_whoever_was_found_before(
    name: str, told: pd.DataFrame, payments: pd.DataFrame
) -> None:
    hits = _found_by_hand(payments, name)
    row = told.loc[("TO_DATE", pd.Timestamp("2025-12-01"), name)]
    assert row["frauds_found"] == sum(hits) > 0
    assert row["card_precision_pct"] == pytest.approx(100 * np.mean(hits) / TOP)


def test_intervals_are_those_of_scipys_bootstrap_over_mornings(told: pd.DataFrame, payments: pd.DataFrame) -> None:
    days = [rows for _, rows in payments.groupby("told_on")]

    def average_precision(which: np.ndarray, name: str) -> float:
        drawn = pd.concat([days[int(one)] for one in which])
        return 100 * float(average_precision_score(drawn["is_fraud"], drawn[name]))

    def ahead(which: np.ndarray) -> float:
        return average_precision(which, "SCORE") - average_precision(which, "RULES")

    row = told.loc[("TO_DATE", pd.Timestamp("2025-12-01"), "SCORE")]
    hits = 100 * np.array(_found_by_hand(payments, "SCORE")) / TOP
    for figure, sample, statistic, draws in (
        ("card_precision", hits, np.mean, 5000),
        ("average_precision_gain", np.arange(len(days)), ahead, 200),
    ):
        by_scipy = bootstrap(
            (sample,), statistic, n_resamples=draws, method="percentile", vectorized=False, rng=np.random.default_rng(1)
        ).confidence_interval
        near = 0.1 * (by_scipy.high - by_scipy.low)  # what both draw differs by so much
        low, high = row[f"{figure}_low_pct"], row[f"{figure}_high_pct"]
        assert (low, high) == (pytest.approx(by_scipy.low, abs=near), pytest.approx(by_scipy.high, abs=near))
        assert low < row[f"{figure}_pct"] < high


def test_a_challenger_that_ranks_the_same_is_ahead_by_nothing(mart: ModuleType, payments: pd.DataFrame) -> None:
    same = payments.assign(SCORE=payments["RULES"])
    rows = mart.measures(_levels(same), _cards(same), TOP)
    gains = rows.loc[rows["detector"] == "SCORE", [name for name in rows.columns if "gain" in name]]
    assert len(gains) == 3
    assert (gains == 0).all(axis=None)


def test_few_mornings_have_figures_without_an_interval_and_none_have_no_row(
    mart: ModuleType, payments: pd.DataFrame
) -> None:
    few = payments[payments["told_on"] < DAYS[9]]
    rows = mart.measures(_levels(few), _cards(few), TOP)
    assert rows["average_precision_pct"].notna().all()
    assert rows[[name for name in rows.columns if "_low" in name or "_high" in name]].isna().all(axis=None)
    assert mart.measures(_levels(payments).iloc[:0], _cards(payments).iloc[:0], TOP).empty
