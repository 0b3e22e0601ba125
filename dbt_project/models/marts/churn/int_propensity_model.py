"""How each trait of a line moves its chance to be ported out within a month: logistic regression, by months known then.

One model per month, learnt from the beginnings of earlier months whose outcome was known before it began. All traits
are bands or codes, so lines that are alike are one row with a weight, and a score is a sum of coefficients, which SQL
adds up. Effects of a trait's values are taken to be drawn from a normal distribution around its commonest value, whose
spread is learnt with them (empirical Bayes, by the EM algorithm): few departures tell little, and a trait that does not
matter is not read as if it did. The months' own levels are free; the latest is what a score begins with. scikit-learn
gives the same coefficients under the same spreads, as a test holds, and would cost every morning the second that its
import takes.

Grain of the result: one row per trained_for, feature and value. Frames in, frame out: nothing here knows of dbt but
`model`.
"""

import numpy as np
import pandas as pd

MOST_STEPS, TOLERANCE = 30, 1e-6
FIRST_SPREAD = 0.3  # of effects in log-odds, before anything is learnt of them
# Ten times as many rounds move a score's log-odds by 0.02, a tenth of its error or less.
MOST_ROUNDS, SPREAD_TOLERANCE, NEAR = 6, 0.25, 0.05
FEWEST_DEPARTURES = 50
LEVEL = "INTERCEPT"
FREE = 1e-6  # the penalty of what is free: none, but for a matrix that can be inverted
TYPES = {
    "trained_for": "datetime64[us]", "feature": "string", "value": "string", "coefficient": "float64",
    "spread": "float64", "lines": "int64", "departures": "int64",
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
    design, trait = table.to_numpy(float), np.array([feature for feature, _ in table.columns])
    value = np.array([value for _, value in table.columns])
    # each month begins with what the month before has learnt
    beta, penalty = np.zeros(len(trait)), np.where(trait == LEVEL, FREE, FIRST_SPREAD**-2)
    learnt_from, found = 0, []
    for trained_for in sorted(months["trained_for"].unique()):
        known = (cells["known_by"] <= trained_for).to_numpy()
        if left[known].sum() < FEWEST_DEPARTURES:
            continue
        if known.sum() != learnt_from:
            learnt_from, met = known.sum(), lines[known] @ design[known] > 0
            rows, of, out = design[np.ix_(known, met)], lines[known], left[known]
            beta[met], penalty[met] = learnt(rows, of, out, trait[met], beta[met], penalty[met])
            month = pd.DataFrame({
                "feature": trait[met], "value": value[met], "coefficient": beta[met],
                "spread": np.where(trait[met] == LEVEL, np.nan, penalty[met] ** -0.5),
                "lines": np.rint(of @ rows), "departures": np.rint(out @ rows),
            })  # fmt: skip
        found.append(month.assign(trained_for=trained_for))
    models = pd.concat(found) if found else pd.DataFrame(columns=list(TYPES))
    # a score begins with the level of the latest month that was known
    is_old = (models["feature"] == LEVEL) & models.duplicated(["trained_for", "feature"], keep="last")
    return models[~is_old][list(TYPES)].astype(TYPES)


def indicators(values: pd.Series, lines: np.ndarray, name: str, *, has_reference: bool) -> pd.DataFrame:
    """A column of zeros and ones per value, in order; without the commonest if that is the reference."""
    weights = pd.Series(lines, index=values.index).groupby(values).sum().sort_index()
    reference = weights.idxmax() if has_reference and len(weights) else None
    columns = {(name, str(value)): (values == value).to_numpy() for value in weights.index if value != reference}
    return pd.DataFrame(columns, index=values.index)


def learnt(
    design: np.ndarray, lines: np.ndarray, left: np.ndarray, trait: np.ndarray, beta: np.ndarray, penalty: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients, and the penalty under which each is found: one over the variance of its trait's effects."""
    is_level = trait == LEVEL
    beta = np.where(is_level & (beta == 0), np.log(left.sum() / max(lines.sum() - left.sum(), 1.0)), beta)
    for _ in range(MOST_ROUNDS):
        beta, covariance = fitted(design, lines, left, penalty, beta, NEAR)
        variance = pd.Series(beta**2 + np.diag(covariance)).groupby(trait).transform("mean").to_numpy()
        before, penalty = penalty, np.where(is_level, FREE, 1 / variance)
        if np.abs(np.log(penalty / before)).max() < SPREAD_TOLERANCE:
            break
    return fitted(design, lines, left, penalty, beta)[0], penalty


def fitted(
    design: np.ndarray,
    lines: np.ndarray,
    left: np.ndarray,
    penalty: np.ndarray,
    beta: np.ndarray,
    tolerance: float = TOLERANCE,
) -> tuple[np.ndarray, np.ndarray]:
    """Newton's method on the penalised log-likelihood of `left` of `lines` at each row of the design, from `beta` on.

    It halves a step that would make the likelihood smaller: from further away whole steps can diverge. Returns the
    coefficients and their covariance; raises ArithmeticError if it does not settle.
    """  # fmt: skip

    def likelihood(at: np.ndarray) -> float:
        log_odds = design @ at
        return float(left @ log_odds - lines @ np.logaddexp(0, log_odds) - penalty @ at**2 / 2)

    reached = likelihood(beta)
    for _ in range(MOST_STEPS):
        chance = 1 / (1 + np.exp(-design @ beta))
        gradient = design.T @ (left - lines * chance) - penalty * beta
        weighted = design * (lines * chance * (1 - chance))[:, None]
        covariance = np.linalg.inv(design.T @ weighted + np.diag(penalty))
        step = covariance @ gradient
        if np.abs(step).max() < tolerance:
            return beta + step, covariance
        while (next_reached := likelihood(beta + step)) < reached - TOLERANCE:
            step /= 2
        beta, reached = beta + step, next_reached
    raise ArithmeticError(f"the propensity model did not settle in {MOST_STEPS} steps")
