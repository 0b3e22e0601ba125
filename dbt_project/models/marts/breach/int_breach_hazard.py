"""How much faster those whom a breach concerned leave than comparable lines: hazard ratios with 95 % intervals.

Cox's proportional hazards with one covariate (concerned or not), stratified by what lines are matched on, and Efron's
treatment of ties, from risk sets instead of lines: all that the partial likelihood needs of a day on which somebody
left. Lines that end otherwise leave the risk set, so a ratio is that of the cause-specific hazard of a departure. Since
the likelihood is a product over days, a period's ratio is that of its days, and the likelihood-ratio test of a ratio
that changes with the period compares their sum with the pooled one. Grain of the result: one row per incident_id,
concerned and period. Frames in, frame out: nothing here knows of dbt but `model`.
"""

import math

import numpy as np
import pandas as pd

Z = 1.959963984540054  # the macro interval_z, which Python cannot call
MOST_STEPS = 50
TOLERANCE = 1e-10
NEVER = -30.0  # log of a ratio that stands for none
POOLED = "ALL"
KEY = ["incident_id", "concerned", "period"]
FIGURES = ["hazard_ratio", "hazard_ratio_low", "hazard_ratio_high", "proportionality_p_value"]


def model(dbt, session):
    """dbt's entry: risk sets of all incidents, concerned groups and periods."""
    dbt.config(materialized="table")
    return hazard_ratios(dbt.ref("int_breach_risk_set").df())


def hazard_ratios(risk_sets: pd.DataFrame) -> pd.DataFrame:
    """One hazard ratio per incident, concerned group and period; a p-value of proportionality beside the pooled one."""
    rows = []
    for (incident_id, concerned), own in risk_sets.groupby(KEY[:2], sort=True):
        fits = {period: Likelihood(sets) for period, sets in own.groupby("period", sort=True)}
        p_value = proportionality(fits)
        rows += [
            (incident_id, concerned, period, *fit.ratio(), p_value if period == POOLED else math.nan)
            for period, fit in fits.items()
        ]
    types = dict.fromkeys(KEY, "string") | dict.fromkeys(FIGURES, "float64")
    return pd.DataFrame(rows, columns=[*KEY, *FIGURES]).astype(types)


def proportionality(fits: dict) -> float:
    """P-value of one ratio for all periods against one for each, by the likelihood ratio; nan with fewer than two."""
    parts = [fit for period, fit in fits.items() if period != POOLED]
    if len(parts) <= 1:
        return math.nan
    gained = 2 * (sum(fit.best() for fit in parts) - fits[POOLED].best())
    return chi2_above(max(gained, 0.0), len(parts) - 1)


def chi2_above(value: float, degrees: int) -> float:
    """Probability that a chi-squared variable with one or two degrees of freedom exceeds a value."""
    return math.erfc(math.sqrt(value / 2)) if degrees == 1 else math.exp(-value / 2)


class Likelihood:
    """Cox's partial likelihood of the log hazard ratio, of risk sets with columns `at_risk_…` and `departures_…`."""

    def __init__(self, risk_sets: pd.DataFrame) -> None:
        left, stayed = (risk_sets[f"departures_{side}"].to_numpy(float) for side in ("concerned", "control"))
        # Efron: of d lines that leave on one day, the l-th leaves a risk set from which l/d of the others is gone
        ties = (left + stayed).astype(int)
        gone = np.concatenate([np.arange(d) / d for d in ties])
        self._concerned, self._control = (
            np.repeat(risk_sets[f"at_risk_{side}"].to_numpy(float), ties) - gone * np.repeat(leavers, ties)
            for side, leavers in (("concerned", left), ("control", stayed))
        )
        self._departures = left.sum(), stayed.sum()

    def at(self, log_ratio: float) -> float:
        """Its logarithm."""
        risk = np.logaddexp(np.log(self._concerned) + log_ratio, np.log(self._control))
        return float(self._departures[0] * log_ratio - risk.sum())

    def estimate(self) -> tuple[float, float]:
        """The log hazard ratio at which it is greatest, and its information there, by Newton's method."""
        log_ratio = 0.0
        for _ in range(MOST_STEPS):
            share = self._concerned * np.exp(log_ratio) / (self._concerned * np.exp(log_ratio) + self._control)
            information = (share * (1 - share)).sum()
            step = (self._departures[0] - share.sum()) / information
            log_ratio += np.clip(step, -1, 1)
            if abs(step) < TOLERANCE:
                break
        return log_ratio, information

    def best(self) -> float:
        """Its greatest logarithm; where one side has no departures, the limit that it comes to."""
        if all(self._departures):
            return self.at(self.estimate()[0])
        return self.at(NEVER if self._departures[1] else -NEVER)

    def ratio(self) -> tuple[float, float, float]:
        """Estimate, lower and upper end of its 95 % interval; none where no control left.

        Where nobody concerned left, the ratio is 0 and its upper end is where the likelihood has fallen as far below
        its limit as a 95 % interval allows.
        """
        concerned, control = self._departures
        if not control:
            return math.nan, math.nan, math.nan
        if not concerned:
            return 0.0, 0.0, math.exp(self._falls_to(self.at(NEVER) - Z**2 / 2))
        log_ratio, information = self.estimate()
        error = Z / np.sqrt(information)
        return tuple(float(np.exp(log_ratio + shift)) for shift in (0.0, -error, error))

    def _falls_to(self, value: float) -> float:
        """The log ratio at which a falling likelihood has this logarithm, by halving."""
        low, high = NEVER, -NEVER
        while high - low > TOLERANCE:
            middle = (low + high) / 2
            low, high = (middle, high) if self.at(middle) > value else (low, middle)
        return low
