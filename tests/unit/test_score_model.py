"""What the learned score learns: by week, from labels known then, as scikit-learn does."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from tests.support.python_model import python_model

MONDAYS = pd.to_datetime(["2025-09-01", "2025-09-08", "2025-09-15"])
DAY = pd.Timedelta(days=1)


@pytest.fixture(scope="module")
def mart() -> ModuleType:
    return python_model("int_score_model")


@pytest.fixture(scope="module")
def payments() -> pd.DataFrame:
    """Payments of two months, of which a large amount, and more so one at a place with known fraud, is often fraud."""
    rng = np.random.default_rng(7)
    rows = 30_000
    table = pd.DataFrame({
        "payment_id": [f"M{n:05}" for n in range(rows)],
        "first_dt": pd.Timestamp("2025-07-15") + pd.to_timedelta(rng.integers(0, 60, rows), unit="D"),
        "number_key": rng.integers(0, 5_000, rows).astype(str),
        "sample_share": rng.random(rows),
        "amount": rng.normal(9, 1, rows),
        "merchant_fraud_rate_7": rng.random(rows) * (rng.random(rows) < 0.1),
        "is_on_cell": 0.0,
    })  # fmt: skip
    odds = -14.5 + table["amount"] + 4 * table["merchant_fraud_rate_7"]
    table["is_fraud"] = rng.random(rows) < 1 / (1 + np.exp(-odds))
    return table


@pytest.fixture(scope="module")
def labels(payments: pd.DataFrame) -> pd.DataFrame:
    """A fraud is known a week after it was told, and some are taken back."""
    frauds = payments[payments["is_fraud"]]
    known_from = frauds["first_dt"] + 7 * DAY
    known_to = (known_from + 3 * DAY).where(frauds.index % 20 == 0, pd.Timestamp("2262-01-01"))
    return pd.DataFrame({"payment_id": frauds["payment_id"], "known_from": known_from, "known_to": known_to})


def _weeks(payments: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    weeks = pd.DataFrame({"trained_for": MONDAYS, "known_to": MONDAYS - DAY, "learn_from": MONDAYS - 182 * DAY})
    weeks["matured_to"] = weeks["known_to"] - 7 * DAY
    weeks["payments"] = [int((payments["first_dt"] <= to).sum()) for to in weeks["matured_to"]]
    weeks["frauds"] = [int((labels["known_from"] <= to).sum()) for to in weeks["known_to"]]
    weeks["sampled_share"] = [0.5, 0.4, 0.3]
    return weeks


def _features(payments: pd.DataFrame) -> pd.DataFrame:
    return payments.rename(columns={"is_fraud": "was_fraud"})


def test_all_weeks_at_once_are_each_week_by_itself_with_what_was_known_then(
    mart: ModuleType, payments: pd.DataFrame, labels: pd.DataFrame
) -> None:
    weeks = _weeks(payments, labels)
    at_once = mart.models(weeks, _features(payments), labels)
    for week in weeks.to_dict("records"):
        known = labels[labels["known_from"] <= week["known_to"]]
        delivered = _features(payments[payments["first_dt"] <= week["known_to"]])
        alone = mart.models(weeks[weeks["trained_for"] == week["trained_for"]], delivered, known)
        same = at_once[at_once["trained_for"] == week["trained_for"]].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone, same, rtol=1e-9)


def test_the_sample_stands_for_all_payments(mart: ModuleType, payments: pd.DataFrame, labels: pd.DataFrame) -> None:
    week = _weeks(payments, labels).to_dict("records")[2]
    rows, is_fraud, weight = mart.known_then(week, _features(payments), labels)
    matured = payments["first_dt"] <= week["matured_to"]
    assert weight.sum() == pytest.approx(matured.sum(), rel=0.03)
    found = mart.coefficients(rows, is_fraud, weight).set_index("feature")
    assert set(found.index) == {"amount", "merchant_fraud_rate_7", "INTERCEPT"}  # not what is the same everywhere
    log_odds = found.loc["INTERCEPT", "coefficient"] + sum(
        found.loc[name, "coefficient"] * (payments[name] - found.loc[name, "mean"])
        for name in ("amount", "merchant_fraud_rate_7")
    )
    everything = payments[matured]
    theirs = LogisticRegression(C=1e6, max_iter=1000).fit(
        everything[["amount", "merchant_fraud_rate_7"]], everything["is_fraud"]
    )
    assert found.loc["amount", "coefficient"] == pytest.approx(theirs.coef_[0, 0], abs=0.15)
    assert found.loc["merchant_fraud_rate_7", "coefficient"] == pytest.approx(theirs.coef_[0, 1], abs=0.4)
    later = ~matured
    assert (1 / (1 + np.exp(-log_odds[later]))).sum() == pytest.approx(payments["is_fraud"][later].sum(), rel=0.2)


def test_where_frauds_are_one_in_thousands_the_search_ends_where_that_of_another_solver_does(mart: ModuleType) -> None:
    rng = np.random.default_rng(3)
    design = rng.normal(size=(20_000, 12)) ** 3  # as amounts and counts are: most are small, and a few are not
    odds = 2 * np.tanh(design[:, :3]).sum(axis=1) - 3.5
    is_fraud = rng.random(len(design)) < 1 / (1 + np.exp(-odds)) / 8
    weight = np.where(is_fraud, 1.0, 20.0)
    assert 1 / 3_000 < is_fraud.sum() / weight.sum() < 1 / 1_000
    theirs = LogisticRegression(C=1 / mart.RIDGE, solver="lbfgs", tol=1e-10, max_iter=10_000)
    theirs.fit(design, is_fraud, sample_weight=weight)
    fitted = mart.fit(design, is_fraud, weight)
    np.testing.assert_allclose(fitted.coef_, theirs.coef_, atol=1e-4)
    fold = np.arange(len(design)) % mart.FOLDS
    # the models of both halves begin where that of all payments ended; the other solver begins at nothing
    ours = mart.calibrated(design, is_fraud, weight, fold, fitted)
    assert ours == pytest.approx(mart.calibrated(design, is_fraud, weight, fold, theirs), rel=0.001)


def test_a_week_with_too_few_frauds_says_so_and_has_no_model(
    mart: ModuleType, payments: pd.DataFrame, labels: pd.DataFrame
) -> None:
    weeks = _weeks(payments, labels).assign(frauds=mart.FEWEST_FRAUDS - 1)
    said = mart.models(weeks, pd.DataFrame(), pd.DataFrame())
    assert list(said["trained_for"]) == list(MONDAYS)
    assert said["coefficient"].isna().all()
    assert set(said["frauds"]) == {mart.FEWEST_FRAUDS - 1}


def test_where_payments_are_all_alike_nothing_is_learnt_and_nothing_breaks(
    mart: ModuleType, payments: pd.DataFrame, labels: pd.DataFrame
) -> None:
    alike = payments.assign(amount=9.0, merchant_fraud_rate_7=0.0)
    models = mart.models(_weeks(payments, labels), _features(alike), labels)
    assert set(models["feature"]) == {mart.LEVEL}
    assert models["coefficient"].isna().all()
