"""The nowcast of an exodus, on the two that are public: what each evening could have said of the end."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta, betaprime

from tests.support.dbt_warehouse import REFERENCE
from tests.support.python_model import python_model

FROM_SECOND_WEEK = pd.Timestamp("2026-01-08")


@pytest.fixture(scope="module")
def mart() -> ModuleType:
    return python_model("int_incident_nowcast")


@pytest.fixture(scope="module")
def incidents() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "incidents.csv", parse_dates=["starts_on", "ends_on"])


@pytest.fixture(scope="module")
def shapes() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "incident_shapes.csv", parse_dates=["processed_on", "published_on"])


@pytest.fixture(scope="module")
def calendar() -> pd.DataFrame:
    days = pd.DataFrame({"date_day": pd.date_range("2025-07-01", "2026-01-31")})
    is_closed = (days["date_day"].dt.day_name() == "Sunday") | (days["date_day"] == "2026-01-01")
    return days.assign(is_processing_day=~is_closed)


def _known(counts: pd.DataFrame) -> pd.DataFrame:
    """What every evening of a window knew: the days until then; arrivals are 6,000 a day."""
    mornings = [
        counts[counts["processed_on"] <= as_of].assign(as_of_date=as_of)
        for as_of in pd.date_range(counts["processed_on"].min(), counts["processed_on"].max())
    ]
    return pd.concat(mornings).rename(columns={"processed_on": "date_day"}).assign(port_ins=6000)


def _waiting(known: pd.DataFrame, open_requests: int = 0, completing_share: float = 1.0) -> pd.DataFrame:
    mornings = known[["incident_id", "as_of_date"]].drop_duplicates()
    return mornings.assign(open_requests=open_requests, completing_share=completing_share)


@pytest.fixture(scope="module")
def both(mart: ModuleType, incidents: pd.DataFrame, shapes: pd.DataFrame, calendar: pd.DataFrame) -> pd.DataFrame:
    """Nowcasts of both exoduses, each from the other's shape, beside what came."""
    known = pd.concat(_known(days) for _, days in shapes.groupby("incident_id"))
    table = mart.nowcasts(incidents, shapes, calendar, known, _waiting(known))
    table["final"] = table["incident_id"].map(shapes.groupby("incident_id")["port_outs"].sum())
    table["error_pct"] = 100 * (table["estimate"] / table["final"] - 1)
    return table


def _of(table: pd.DataFrame, incident_id: str, target: str = "PORT_OUTS_FINAL") -> pd.DataFrame:
    return table[(table["incident_id"] == incident_id) & (table["target"] == target)].set_index("as_of_date")


def test_from_the_evening_of_3_january_the_final_count_is_within_ten_per_cent(both: pd.DataFrame) -> None:
    errors = _of(both, "KT_WAIVER_2026")["error_pct"]
    assert errors["2026-01-03":].abs().max() < 10
    assert errors[FROM_SECOND_WEEK:].abs().max() < 5


def test_eighty_per_cent_intervals_hold_on_eighty_per_cent_of_the_days_of_both(both: pd.DataFrame) -> None:
    days = both[(both["target"] == "PORT_OUTS_FINAL") & (both["processing_day"] < both["processing_days"])]
    holds = days["final"].between(days["low_80"], days["high_80"])
    assert len(days) > 18
    assert holds.mean() >= 0.8


def test_tomorrow_lies_within_its_interval_on_eighty_per_cent_of_the_days(
    both: pd.DataFrame, shapes: pd.DataFrame
) -> None:
    tomorrow = both[both["target"] == "PORT_OUTS_NEXT_DAY"].copy()
    days = {name: own["processed_on"].to_numpy() for name, own in shapes.groupby("incident_id")}
    counts = {name: own["port_outs"].to_numpy() for name, own in shapes.groupby("incident_id")}
    tomorrow["actual"] = [
        counts[name][np.searchsorted(days[name], as_of.to_datetime64(), side="right")]
        for name, as_of in zip(tomorrow["incident_id"], tomorrow["as_of_date"], strict=True)
    ]
    assert tomorrow["actual"].between(tomorrow["low_80"], tomorrow["high_80"]).mean() >= 0.8


def test_nothing_that_came_later_is_in_it(
    mart: ModuleType, incidents: pd.DataFrame, shapes: pd.DataFrame, calendar: pd.DataFrame, both: pd.DataFrame
) -> None:
    evening = pd.Timestamp("2026-01-05")
    kt = shapes["incident_id"] == "KT_WAIVER_2026"
    otherwise = shapes.assign(port_outs=shapes["port_outs"].where(~kt | (shapes["processed_on"] <= evening), 7))
    known = _known(otherwise[kt])
    table = mart.nowcasts(incidents, otherwise, calendar, known, _waiting(known))
    same = ["known", "estimate", "low_95", "high_95"]
    assert _of(table, "KT_WAIVER_2026").loc[:evening, same].equals(_of(both, "KT_WAIVER_2026").loc[:evening, same])


def test_a_shape_that_was_not_public_then_is_hindsight(both: pd.DataFrame) -> None:
    assert not _of(both, "KT_WAIVER_2026")["is_hindsight"].any()
    assert _of(both, "SKT_WAIVER_2025")["is_hindsight"].all()


def test_the_last_day_leaves_nothing_to_guess(both: pd.DataFrame) -> None:
    last = _of(both, "KT_WAIVER_2026").loc["2026-01-13"]
    assert (last["estimate"], last["low_95"], last["high_95"]) == (312_902, 312_902, 312_902)
    net = _of(both, "KT_WAIVER_2026", "NET_ADDS_FINAL").loc["2026-01-13"]
    assert net["estimate"] == 11 * 6000 - 312_902


def test_claims_grow_with_departures_and_as_many_ask_as_of_the_last_waiver(mart: ModuleType) -> None:
    evening = pd.Series(
        {"claims_before": 100, "claims_within": 400, "claims_asked": 20, "earlier_claims": 1000, "earlier_asked": 800}
    )
    rng, growth = np.random.default_rng(3), np.full(20_000, 2.0)
    asked = mart._asked(rng, evening, growth)
    assert np.median(asked) == pytest.approx(0.8 * (100 + 400 + 2 * 400), rel=0.01)
    spread = np.sqrt(0.8**2 * (2 * 400 + 4 * 400) + 1300 * 0.16 + 1300**2 * 0.16 / 1000)
    assert asked.std() == pytest.approx(spread, rel=0.05)
    nobody_knows = mart._asked(rng, evening.replace({800: 0, 1000: 0}), growth)
    assert np.quantile(nobody_knows, [0.1, 0.9]) == pytest.approx([1300 * 0.55, 1300 * 0.95], rel=0.03)
    assert mart._asked(rng, evening.replace({20: 1400}), growth).min() == 1400


def test_draws_are_the_beta_shares_that_the_model_states(mart: ModuleType) -> None:
    mean, counts = np.array([0.1, 0.2, 0.3, 0.4]), np.array([1000.0, 2000.0, 0.0, 0.0])
    is_seen = np.array([True, True, False, False])
    ahead = mart._drawn(np.random.default_rng(1), mean, 100.0, counts, is_seen)
    quantiles = [0.025, 0.25, 0.5, 0.75, 0.975]
    final = 3000 / beta.ppf(1 - np.array(quantiles), 30, 70)
    assert np.quantile(3000 + ahead.sum(axis=1), quantiles) == pytest.approx(final, rel=0.03)
    tomorrow = 3000 * betaprime.ppf(quantiles, 30, 30)
    assert np.quantile(ahead[:, 0], quantiles) == pytest.approx(tomorrow, rel=0.03)


def test_concentration_is_recovered_from_shapes_drawn_with_it(mart: ModuleType) -> None:
    rng, mean = np.random.default_rng(2), np.full(12, 1 / 12)
    unseen = np.zeros(12, dtype=bool)
    found = [
        1 / (mart._concentration(list(rng.dirichlet(200 * mean, size=2)), np.zeros(12), unseen) + 1) for _ in range(400)
    ]
    assert 1 / np.mean(found) - 1 == pytest.approx(200, rel=0.1)


def test_requests_that_wait_are_a_floor(
    mart: ModuleType, incidents: pd.DataFrame, shapes: pd.DataFrame, calendar: pd.DataFrame
) -> None:
    known = _known(shapes[shapes["incident_id"] == "KT_WAIVER_2026"])
    table = mart.nowcasts(incidents, shapes, calendar, known, _waiting(known, 400_000, 0.9))
    evening = _of(table, "KT_WAIVER_2026").loc["2026-01-03"]
    assert evening["floor"] == 52_661 + 360_000
    assert evening["low_95"] >= evening["floor"]


def test_a_day_that_was_not_delivered_is_in_neither_count_nor_share(
    mart: ModuleType, incidents: pd.DataFrame, shapes: pd.DataFrame, calendar: pd.DataFrame, both: pd.DataFrame
) -> None:
    known = _known(shapes[shapes["incident_id"] == "KT_WAIVER_2026"])
    without = known[known["date_day"] != "2026-01-07"]
    table = mart.nowcasts(incidents, shapes, calendar, without, _waiting(known))
    evening, whole = (_of(one, "KT_WAIVER_2026").loc["2026-01-08"] for one in (table, both))
    assert evening["processing_day"] == whole["processing_day"] - 1
    assert evening["estimate"] == pytest.approx(whole["estimate"], rel=0.05)


def test_without_another_incident_of_its_kind_there_is_no_nowcast(
    mart: ModuleType, incidents: pd.DataFrame, shapes: pd.DataFrame, calendar: pd.DataFrame
) -> None:
    own = shapes[shapes["incident_id"] == "KT_WAIVER_2026"]
    known = _known(own)
    assert mart.nowcasts(incidents, own, calendar, known, _waiting(known)).empty


def test_the_shape_of_an_incident_that_the_site_does_not_have_lends_nothing(
    mart: ModuleType, incidents: pd.DataFrame, shapes: pd.DataFrame, calendar: pd.DataFrame
) -> None:
    known = _known(shapes[shapes["incident_id"] == "KT_WAIVER_2026"])
    alone = incidents[incidents["incident_id"] == "KT_WAIVER_2026"]
    assert mart.nowcasts(alone, shapes, calendar, known, _waiting(known)).empty
