"""What would have happened without the incident: departures by day, learned from the ordinary days before it.

A straight line over processing days with effects of the weekday, of a holiday, and of a day that follows closed days
(it books theirs too), fitted by least squares, with 95 % prediction intervals for each day and for the sum of all days
so far. Grain of the result: one row per incident_id and date_day. Frames in, frame out: nothing here knows of dbt but
`model`.
"""

import numpy as np
import pandas as pd

LEVEL = 0.95
DEFAULT_BASELINE_DAYS = 60  # before the incident, where its row names no baseline
LEAST_DAYS = 15  # processing days; two weeks and a half, so that most weekdays are seen twice or more
LEAST_SPARE_DAYS = 7  # more processing days than effects to learn
# Tuesday is the reference. Monday comes last: where the clearing house rests on Sundays it is the day after a closed
# one, always, and what is learned of such days (the first effect) holds on any weekday, say on 2 January.
EFFECTS = ["follows_closed", "is_holiday", "trend", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY", "MONDAY"]
KINDS = {"follows_closed": "day after a closed one", "is_holiday": "holiday"}
COLUMNS = [
    "incident_id", "date_day", "baseline_port_outs", "baseline_low", "baseline_high", "baseline_cumulative",
    "baseline_cumulative_low", "baseline_cumulative_high", "baseline_days", "note",
]  # fmt: skip


def model(dbt, session):
    """dbt's entry: incidents against the daily series of their group."""
    dbt.config(materialized="table")
    incidents = dbt.ref("dim_incident").df()
    series = dbt.ref("provider_daily").df()
    calendar = dbt.ref("dim_date").df()
    return baselines(incidents, series, calendar)


def baselines(incidents: pd.DataFrame, series: pd.DataFrame, calendar: pd.DataFrame) -> pd.DataFrame:
    """Baselines of all incidents on the days of their windows that the series covers."""
    days = _features(calendar)
    found = [pd.DataFrame(columns=COLUMNS)]
    for incident in incidents.to_dict("records"):
        own = series[series["provider_group"] == incident["provider_group"]][["date_day", "port_outs"]]
        own = own.merge(days, on="date_day").sort_values("date_day")
        first, last = pd.Timestamp(incident["starts_on"]), pd.Timestamp(incident["ends_on"])
        window = own[own["date_day"].between(first, last)]
        if len(window):
            found.append(
                _baseline(_learned_from(own, incident, first), window).assign(incident_id=incident["incident_id"])
            )
    table = pd.concat([frame for frame in found if len(frame)] or found, ignore_index=True)[COLUMNS]
    types = {name: "float64" for name in COLUMNS if name.startswith("baseline_")} | {
        "incident_id": "string", "date_day": "datetime64[us]", "baseline_days": "int64", "note": "string",
    }  # fmt: skip
    return table.astype(types)


def _features(calendar: pd.DataFrame) -> pd.DataFrame:
    days = calendar.sort_values("date_day").reset_index(drop=True)
    is_open = days["is_processing_day"].astype(bool)
    features = {
        "follows_closed": ~is_open.shift(1, fill_value=True),
        "is_holiday": days["is_holiday"],
        "trend": (days["date_day"] - days["date_day"].min()).dt.days / 30.0,
    } | {name: days["weekday"] == name for name in EFFECTS[3:]}
    return pd.DataFrame({"date_day": days["date_day"], "is_open": is_open, "constant": 1.0} | features).astype(
        dict.fromkeys(EFFECTS, "float64")
    )


def _learned_from(own: pd.DataFrame, incident: dict, first: pd.Timestamp) -> pd.DataFrame:
    """Processing days of the baseline, never any of the incident itself."""
    until = first - pd.Timedelta(days=1)
    if pd.notna(incident["baseline_to"]):
        until = min(until, pd.Timestamp(incident["baseline_to"]))
    since = until - pd.Timedelta(days=DEFAULT_BASELINE_DAYS - 1)
    if pd.notna(incident["baseline_from"]):
        since = pd.Timestamp(incident["baseline_from"])
    return own[own["date_day"].between(since, until) & own["is_open"]]


def _baseline(learned: pd.DataFrame, window: pd.DataFrame) -> pd.DataFrame:
    table = window[["date_day"]].assign(baseline_days=len(learned), note=None)
    effects = ["constant", *_estimable(learned)]
    if len(learned) < max(LEAST_DAYS, len(effects) + LEAST_SPARE_DAYS):
        needed = max(LEAST_DAYS, len(effects) + LEAST_SPARE_DAYS)
        return table.assign(note=f"{len(learned)} processing days before the incident; {needed} are needed").reindex(
            columns=COLUMNS
        )
    return _predict(table, learned, window, effects).reindex(columns=COLUMNS)


def _estimable(learned: pd.DataFrame) -> list[str]:
    """Effects that the learned days tell apart, in the order of `EFFECTS`."""
    kept: list[str] = []
    for name in EFFECTS:
        if np.linalg.matrix_rank(learned[["constant", *kept, name]].to_numpy()) == len(kept) + 2:
            kept.append(name)
    return kept


def _predict(table: pd.DataFrame, learned: pd.DataFrame, window: pd.DataFrame, effects: list[str]) -> pd.DataFrame:
    from scipy.stats import t
    from statsmodels.regression.linear_model import OLS  # takes seconds to import: only where there is something to fit

    fit = OLS(learned["port_outs"].astype("float64"), learned[effects]).fit()
    # a closed day books nothing: no effect, no noise
    given = window[effects].mul(window["is_open"].astype("float64"), axis=0).to_numpy()
    is_open = window["is_open"].astype("float64").to_numpy()
    quantile = t.ppf((1 + LEVEL) / 2, fit.df_resid)
    covariance = fit.cov_params().to_numpy()
    for prefix, x, days in (
        ("baseline", given, is_open),
        ("baseline_cumulative", given.cumsum(axis=0), is_open.cumsum()),
    ):
        expected = x @ fit.params.to_numpy()
        spread = quantile * np.sqrt(np.einsum("ij,jk,ik->i", x, covariance, x) + days * fit.scale)
        name = "baseline_port_outs" if prefix == "baseline" else prefix
        table = table.assign(
            **{name: expected, f"{prefix}_low": np.maximum(expected - spread, 0.0), f"{prefix}_high": expected + spread}
        )
    return _without_the_unseen(table, learned, window)


def _without_the_unseen(table: pd.DataFrame, learned: pd.DataFrame, window: pd.DataFrame) -> pd.DataFrame:
    """No baseline for a day whose kind was never seen, nor for sums from it on."""
    unseen = [name for name in EFFECTS if name != "trend" and not learned[name].any()]
    is_unseen = (window[unseen].any(axis=1) & window["is_open"]).to_numpy()
    kinds = [", ".join(KINDS.get(name, name) for name in unseen if row[name]) for _, row in window[unseen].iterrows()]
    note = [
        f"none of the {len(learned)} days learned from is a {kind}" if is_open else None
        for kind, is_open in zip(kinds, is_unseen, strict=True)
    ]
    daily = ["baseline_port_outs", "baseline_low", "baseline_high"]
    sums = [name for name in COLUMNS if name.startswith("baseline_cumulative")]
    table.loc[is_unseen, daily] = np.nan
    table.loc[is_unseen.cumsum() > 0, sums] = np.nan
    return table.assign(note=note)
