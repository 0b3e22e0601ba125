"""How each trait of a line moves its chance to be ported out within a month: logistic regression, by months known then.

One model per month, learnt from the beginnings of earlier months whose outcome was known before it began. All traits
are bands or codes, so lines that are alike are one row with a weight, and a score is a sum of coefficients, which SQL
adds up. The fit is Newton's method on the log-likelihood with a small ridge on everything but the intercept and the
months' own levels; the latest level is what a score begins with. scikit-learn gives the same coefficients, as a test
holds, and would cost every morning the second that its import takes.

Grain of the result: one row per trained_for, feature and value. Frames in, frame out: nothing here knows of dbt but
`model`.
"""

import numpy as np
import pandas as pd

RIDGE = 1.0
MOST_STEPS, TOLERANCE = 30, 1e-6
FEWEST_DEPARTURES = 50
LEVEL = "INTERCEPT"
TYPES = {
    "trained_for": "datetime64[us]", "feature": "string", "value": "string", "coefficient": "float64",
    "lines": "int64", "departures": "int64",
}  # fmt: skip


def model(dbt, session):
    """dbt's entry: lines alike, with how many they were and how many left, by the beginning of month."""
    dbt.config(materialized="table")
    cells = dbt.ref("int_propensity_cell").df()
    months = dbt.ref("int_propensity_snapshot").df()
    return coefficients(cells, months)


def coefficients(cells: pd.DataFrame, months: pd.DataFrame) -> pd.DataFrame:
    """The model of every month: what there is to learn from is over when the month begins."""
    lines, left = cells["lines"].to_numpy(float), cells["departures"].to_numpy(float)
    features = [name for name in cells.columns if name not in ("snapshot_on", "known_by", "lines", "departures")]
    levels = indicators(cells["snapshot_on"].astype(str), lines, LEVEL, has_reference=False)
    traits = [indicators(cells[name], lines, name, has_reference=True) for name in features]
    table = pd.concat([levels, *traits], axis=1)
    design, is_level = table.to_numpy(float), np.array([feature == LEVEL for feature, _ in table.columns])
    ridge, found = np.where(is_level, 1e-6, RIDGE), []
    for trained_for in sorted(months["trained_for"].unique()):
        known = (cells["known_by"] <= trained_for).to_numpy()
        if left[known].sum() >= FEWEST_DEPARTURES:
            beta = fitted(design[known], lines[known], left[known], ridge)
            found.append(pd.DataFrame({
                "trained_for": trained_for,
                "feature": [feature for feature, _ in table.columns], "value": [value for _, value in table.columns],
                "coefficient": beta, "lines": np.rint(design[known].T @ lines[known]),
                "departures": np.rint(design[known].T @ left[known]),
            }))  # fmt: skip
    rows = pd.concat(found) if found else pd.DataFrame(columns=list(TYPES))
    rows = rows[rows["lines"] > 0]
    # a score begins with the level of the latest month that was known
    is_old = (rows["feature"] == LEVEL) & rows.duplicated(["trained_for", "feature"], keep="last")
    return rows[~is_old].astype(TYPES)


def indicators(values: pd.Series, lines: np.ndarray, name: str, *, has_reference: bool) -> pd.DataFrame:
    """A column of zeros and ones per value, in order; without the commonest if that is the reference."""
    weights = pd.Series(lines, index=values.index).groupby(values).sum().sort_index()
    reference = weights.idxmax() if has_reference and len(weights) else None
    columns = {(name, str(value)): (values == value).to_numpy() for value in weights.index if value != reference}
    return pd.DataFrame(columns, index=values.index)


def fitted(design: np.ndarray, lines: np.ndarray, left: np.ndarray, ridge: np.ndarray) -> np.ndarray:
    """Newton's method on the penalised log-likelihood of `left` of `lines` at each row of the design.

    It begins with the share that left, and halves a step that would make the likelihood smaller: from further away
    whole steps can diverge. Raises ArithmeticError if it does not settle.
    """

    def likelihood(at: np.ndarray) -> float:
        log_odds = design @ at
        return float(left @ log_odds - lines @ np.logaddexp(0, log_odds) - ridge @ at**2 / 2)

    beta = np.where(ridge < RIDGE, np.log(left.sum() / max(lines.sum() - left.sum(), 1.0)), 0.0)
    reached = likelihood(beta)
    for _ in range(MOST_STEPS):
        chance = 1 / (1 + np.exp(-design @ beta))
        gradient = design.T @ (left - lines * chance) - ridge * beta
        weighted = design * (lines * chance * (1 - chance))[:, None]
        step = np.linalg.solve(design.T @ weighted + np.diag(ridge), gradient)
        if np.abs(step).max() < TOLERANCE:
            return beta + step
        while (next_reached := likelihood(beta + step)) < reached - TOLERANCE:
            step /= 2
        beta, reached = beta + step, next_reached
    raise ArithmeticError(f"the propensity model did not settle in {MOST_STEPS} steps")
