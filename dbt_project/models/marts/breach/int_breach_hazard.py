"""How much faster those whom a breach concerned leave than comparable lines: hazard ratios with 95 % intervals.

Cox's proportional hazards with one covariate (concerned or not), stratified by what lines are matched on, and Efron's
treatment of ties, from risk sets instead of lines: all that the partial likelihood needs of a day on which somebody
left. Grain of the result: one row per incident_id and concerned. Frames in, frame out: nothing here knows of dbt but
`model`.
"""

import numpy as np
import pandas as pd

Z = 1.959963984540054  # 95 % of a normal distribution
MOST_STEPS = 50
TOLERANCE = 1e-10
COLUMNS = ["incident_id", "concerned", "hazard_ratio", "hazard_ratio_low", "hazard_ratio_high"]


def model(dbt, session):
    """dbt's entry: risk sets of all incidents and concerned groups."""
    dbt.config(materialized="table")
    return hazard_ratios(dbt.ref("int_breach_risk_set").df())


def hazard_ratios(risk_sets: pd.DataFrame) -> pd.DataFrame:
    """One hazard ratio per incident and concerned group; none where nobody of one side left."""
    rows = [
        (incident_id, concerned, *hazard_ratio(own))
        for (incident_id, concerned), own in risk_sets.groupby(["incident_id", "concerned"], sort=True)
    ]
    types = {"incident_id": "string", "concerned": "string"} | dict.fromkeys(COLUMNS[2:], "float64")
    return pd.DataFrame(rows, columns=COLUMNS).astype(types)


def hazard_ratio(risk_sets: pd.DataFrame) -> tuple[float, float, float]:
    """Estimate, lower and upper end of its 95 % interval, by Newton's method on the log hazard ratio."""
    left, stayed = (risk_sets[f"departures_{side}"].to_numpy(float) for side in ("concerned", "control"))
    if not left.sum() or not stayed.sum():
        return np.nan, np.nan, np.nan
    # Efron: of d lines that leave on one day, the l-th leaves a risk set from which l/d of the others is gone
    ties = (left + stayed).astype(int)
    gone = np.concatenate([np.arange(d) / d for d in ties])
    concerned, control = (
        np.repeat(risk_sets[f"at_risk_{side}"].to_numpy(float), ties) - gone * np.repeat(leavers, ties)
        for side, leavers in (("concerned", left), ("control", stayed))
    )
    log_ratio = 0.0
    for _ in range(MOST_STEPS):
        share = concerned * np.exp(log_ratio) / (concerned * np.exp(log_ratio) + control)
        information = (share * (1 - share)).sum()
        step = (left.sum() - share.sum()) / information
        log_ratio += np.clip(step, -1, 1)
        if abs(step) < TOLERANCE:
            break
    error = Z / np.sqrt(information)
    return tuple(float(np.exp(log_ratio + shift)) for shift in (0.0, -error, error))
