"""How well rules and score rank the same payments at the same budget, with intervals.

Both rank what each morning told, by what was known then. Average precision is scikit-learn's, over a month's payments;
card precision is the Fraud Detection Handbook's: of the `k` lines or numbers that a morning ranks highest, those
defrauded, whoever was found on an earlier morning left out.

Intervals are of a bootstrap over mornings (Efron, 1979; percentiles, 95 %): the frauds of one morning are of one
story, so mornings are drawn, not payments. Both detectors are drawn together, which gives the interval of what the one
is ahead of the other. With fewer than ten mornings or ten frauds there is no interval.

Grain of the result: one row per scope, month and detector. Frames in, frame out: nothing here knows of dbt but `model`.
"""

import numpy as np
import pandas as pd

CHAMPION, CHALLENGER = "RULES", "SCORE"
DRAWS, SEED, FEWEST = 1000, 20260228, 10
FIGURES = ("average_precision", "card_precision")
TYPES = {
    "scope": "string", "month": "datetime64[us]", "detector": "string", "days": "int64", "payments": "int64",
    "frauds": "int64", "frauds_found": "int64", "top_k": "int64",
    **{
        f"{figure}{what}_pct": "float64"
        for figure in FIGURES
        for what in ("", "_low", "_high", "_gain", "_gain_low", "_gain_high")
    },
}  # fmt: skip


def model(dbt, session):
    """dbt's entry: payments and frauds by detector, morning and level; places of cards that were ever defrauded."""
    dbt.config(materialized="table")
    levels = dbt.ref("int_challenger_level").df()
    cards = dbt.ref("int_challenger_card").order("detector, told_on, place").df()
    budget = dbt.ref("int_dispute_horizon").df()
    return measures(levels, cards, int(budget["cases_per_day"].iloc[0]) if len(budget) else 0)


def measures(levels: pd.DataFrame, cards: pd.DataFrame, top_k: int) -> pd.DataFrame:
    """Every month by itself, and all of them together (`TO_DATE`, under the last month)."""
    rows: list[dict] = []
    if len(levels) and top_k:
        found = {name: frauds_found(cards[cards["detector"] == name], top_k) for name in (CHAMPION, CHALLENGER)}
        month = levels["told_on"].dt.to_period("M").dt.to_timestamp()
        for one in sorted(month.unique()):
            rows += _of_period(levels[month == one], found, top_k, {"scope": "MONTH", "month": one})
        rows += _of_period(levels, found, top_k, {"scope": "TO_DATE", "month": month.max()})
    return pd.DataFrame(rows).reindex(columns=list(TYPES)).astype(TYPES)


def frauds_found(cards: pd.DataFrame, top_k: int) -> pd.Series:
    """Cards found by morning: among the first `top_k` of those that were not found before. `place` counts all cards."""
    known: set = set()
    found = {}
    for day, of_day in cards.sort_values("place", kind="stable").groupby("told_on"):
        is_known = of_day["party_key"].isin(known).to_numpy()
        place = of_day["place"].to_numpy() - np.cumsum(is_known)
        hit = of_day.loc[~is_known & (place <= top_k) & of_day["is_defrauded"].to_numpy(bool), "party_key"]
        known |= {*hit}
        found[day] = len(hit)
    return pd.Series(found, dtype="int64")


def _of_period(levels: pd.DataFrame, found: dict, top_k: int, period: dict) -> list[dict]:
    """The two rows of a period."""
    days = np.sort(levels["told_on"].unique())
    drawn = np.random.default_rng(SEED).multinomial(len(days), np.full(len(days), 1 / len(days)), DRAWS)
    weights = np.vstack([np.ones(len(days)), drawn])  # the first row is what was seen
    values, rows = {}, []
    for detector in (CHAMPION, CHALLENGER):
        of_detector = levels[levels["detector"] == detector]
        hits = found[detector].reindex(days, fill_value=0).to_numpy()
        frauds = int(of_detector["frauds"].sum())
        values[detector] = {
            "average_precision": 100 * average_precision(of_detector, days, weights),
            "card_precision": 100 * (weights @ hits) / (len(days) * top_k),
        }
        rows.append({
            **period, "detector": detector, "days": len(days), "payments": int(of_detector["payments"].sum()),
            "frauds": frauds, "frauds_found": int(hits.sum()), "top_k": top_k,
        })  # fmt: skip
        is_enough = min(len(days), frauds) >= FEWEST
        for figure in FIGURES:
            seen = values[detector][figure]
            rows[-1] |= _told(f"{figure}", seen, is_enough)
            if detector == CHALLENGER:
                rows[-1] |= _told(f"{figure}_gain", seen - values[CHAMPION][figure], is_enough)
    return rows


def _told(name: str, values: np.ndarray, is_enough: bool) -> dict[str, float]:
    """What was seen, and its interval."""
    low, high = np.nanpercentile(values[1:], [2.5, 97.5]) if is_enough else (np.nan, np.nan)
    return {f"{name}_pct": values[0], f"{name}_low_pct": low, f"{name}_high_pct": high}


def average_precision(levels: pd.DataFrame, days: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """One figure per row of `weights`, which says how often each of the days counts; nan where there is no fraud.

    Honest payments are counted by the highest level with fraud that they do not fall below.
    """
    of_frauds = levels[levels["frauds"] > 0]
    steps = np.unique(of_frauds["level"])
    if not len(steps):
        return np.full(len(weights), np.nan)
    frauds, payments = np.zeros((len(days), len(steps))), np.zeros((len(days), len(steps)))
    reached = levels[levels["level"] >= steps[0]]
    at = (np.searchsorted(days, reached["told_on"].to_numpy()), np.searchsorted(steps, reached["level"], "right") - 1)
    np.add.at(frauds, at, reached["frauds"].to_numpy())
    np.add.at(payments, at, reached["payments"].to_numpy())
    frauds_at, payments_at = weights @ frauds[:, ::-1], weights @ payments[:, ::-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.cumsum(frauds_at, axis=1) / np.cumsum(payments_at, axis=1)
        return (frauds_at * np.nan_to_num(precision)).sum(axis=1) / frauds_at.sum(axis=1)
