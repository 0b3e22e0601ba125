"""What each feature of a payment adds to its odds to be fraud: logistic regression, by weeks known then.

One model per week, learnt from payments that were old enough when the week began for most of their frauds to be
known, by what was known on the evening before. All frauds are learnt from, and a sample of the others by hash, each
with the weight of those that it stands for: so the probabilities are those of all payments. The coefficients are
calibrated on what each half of the numbers gets from a model of the other (Platt, 1999), which takes back what a small
number of frauds lets it believe too firmly. Lines that bend (knots at high percentiles) were tried on the sample world
and ranked worse out of time.

A week is learnt once, when its first payments come in: scikit-learn is imported then, and on no other morning.

Grain of the result: one row per trained_for and feature; a week with too few frauds has one row, without a
coefficient. Frames in, frame out: nothing here knows of dbt but `model`.
"""

from copy import deepcopy

import numpy as np
import pandas as pd

FEWEST_FRAUDS = 100
FOLDS = 2
RIDGE = 1.0
#: Of the gradient of the mean loss. Frauds are one in thousands: at scikit-learn's 1e-4 the coefficients are far off.
CONVERGED = 1e-7
LEVEL = "INTERCEPT"
NOT_FEATURES = ("payment_id", "first_dt", "number_key", "sample_share", "was_fraud")
TYPES = {
    "trained_for": "datetime64[us]", "feature": "string", "mean": "float64", "spread": "float64",
    "coefficient": "float64", "payments": "int64", "frauds": "int64", "matured_to": "datetime64[us]",
}  # fmt: skip


def model(dbt, session):
    """dbt's entry: weeks to learn, the payments of which any of them learns, labels with the days that they stood."""
    dbt.config(materialized="incremental", incremental_strategy="touched", unique_key="trained_for")
    weeks = dbt.ref("int_score_week").df()
    features, labels = dbt.ref("int_score_feature"), dbt.ref("int_score_label")
    if dbt.is_incremental:
        touched = dbt.ref("int_score_model__touched").df()
        weeks = weeks[weeks["trained_for"].isin(touched["trained_for"])]
    learnt = weeks[weeks["frauds"] >= FEWEST_FRAUDS]
    if learnt.empty:
        return models(weeks, pd.DataFrame(), pd.DataFrame())
    first, last = learnt["learn_from"].min(), learnt["matured_to"].max()
    wanted = (
        f"first_dt between date '{first:%Y-%m-%d}' and date '{last:%Y-%m-%d}'"
        f" and (was_fraud or sample_share < {learnt['sampled_share'].max():.12f})"
    )
    return models(weeks, features.filter(wanted).order("payment_id").df(), labels.df())


def models(weeks: pd.DataFrame, payments: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """The models of the weeks."""
    found = []
    for week in weeks.sort_values("trained_for").to_dict("records"):
        said = {"trained_for": week["trained_for"], "payments": week["payments"], "frauds": week["frauds"],
                "matured_to": week["matured_to"]}  # fmt: skip
        learnt = known_then(week, payments, labels) if week["frauds"] >= FEWEST_FRAUDS else None
        if learnt is None or not tells_apart(*learnt[:2]):
            found.append(pd.DataFrame([{"feature": LEVEL, **said}]))
        else:
            found.append(coefficients(*learnt).assign(**said))
    rows = pd.concat(found, ignore_index=True) if found else pd.DataFrame()
    return rows.reindex(columns=list(TYPES)).astype(TYPES)


def known_then(week: dict, payments: pd.DataFrame, labels: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """The payments that a week learns from, which of them were known as fraud, and how many each stands for."""
    stood = (labels["known_from"] <= week["known_to"]) & (week["known_to"] < labels["known_to"])
    of_time = payments["first_dt"].between(week["learn_from"], week["matured_to"])
    is_fraud = payments["payment_id"].isin(labels.loc[stood, "payment_id"])
    rows = payments[of_time & (is_fraud | (payments["sample_share"] < week["sampled_share"]))]
    is_fraud = is_fraud[rows.index].to_numpy()
    return rows, is_fraud, np.where(is_fraud, 1.0, 1.0 / week["sampled_share"])


def tells_apart(rows: pd.DataFrame, is_fraud: np.ndarray) -> bool:
    """Whether there are frauds and others, and any feature that is not the same in all of them."""
    return 0 < is_fraud.sum() < len(rows) and not varying(rows).empty


def varying(rows: pd.DataFrame) -> pd.DataFrame:
    """The features that are not the same in every row."""
    features = rows.drop(columns=list(NOT_FEATURES))
    return features.loc[:, features.min() < features.max()]


def coefficients(rows: pd.DataFrame, is_fraud: np.ndarray, weight: np.ndarray) -> pd.DataFrame:
    """One row per feature that is not the same in every row; at its `mean` it adds nothing."""
    features = varying(rows)
    values = features.to_numpy(float)
    mean = weight @ values / weight.sum()
    spread = np.sqrt(weight @ (values - mean) ** 2 / weight.sum())
    scaled = (values - mean) / spread
    fold = pd.util.hash_array(rows["number_key"].astype(str).to_numpy(object)) % FOLDS
    fitted = fit(scaled, is_fraud, weight)
    slope, level = calibrated(scaled, is_fraud, weight, fold, fitted)
    return pd.DataFrame({
        "feature": [*features.columns, LEVEL],
        "mean": [*mean, 0.0],
        "spread": [*spread, 1.0],
        "coefficient": [*(slope * fitted.coef_[0] / spread), level + slope * fitted.intercept_[0]],
    })  # fmt: skip


def calibrated(
    design: np.ndarray, is_fraud: np.ndarray, weight: np.ndarray, fold: np.ndarray, fitted
) -> tuple[float, float]:
    """Slope and level by which the log-odds of models that have not seen a payment tell its chance.

    Each of these begins its search where the model of all payments ended: it ends where it would have, and sooner.
    """
    unseen = np.empty(len(design))
    for out in range(FOLDS):
        seen = fold != out
        of_others = deepcopy(fitted).fit(design[seen], is_fraud[seen], sample_weight=weight[seen])
        unseen[~seen] = of_others.decision_function(design[~seen])
    line = fit(unseen[:, None], is_fraud, weight, ridge=1e-6)
    return float(line.coef_[0, 0]), float(line.intercept_[0])


def fit(design: np.ndarray, is_fraud: np.ndarray, weight: np.ndarray, ridge: float = RIDGE):
    """scikit-learn's logistic regression with a ridge on all but the intercept."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=1 / ridge, solver="newton-cholesky", max_iter=100, tol=CONVERGED, warm_start=True).fit(
        design, is_fraud, sample_weight=weight
    )
