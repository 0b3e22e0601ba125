"""How many it will be in the end: an exodus in its first days, continued in the shape of earlier ones.

A waiver's departures have a shape: the share of all that had left by each day of the window, with a rush at the end and
two days' bookings on the first day after closed ones. The share that an earlier incident had reached at the same point
is what has been seen of this one. Windows differ in length, and there are two clocks by which they can be laid over
each other, processing days and calendar days. Neither is known to be the better one, so each counts for half.

Daily shares are Dirichlet around that mean. Its concentration, on which the intervals rest, is estimated from two kinds
of disagreement, both known at the time: of the shapes among themselves, and of the days so far with them. What is seen
is a Beta share of the whole, so what is to come follows in closed form. It is drawn here, because requests that
already wait in the log are a floor, and because net figures need departures and arrivals together. Arrivals are taken
to go on as they do: their shape is a straight line.

Of a waiver, those who will ask for their fee are counted among billing's lines: the claims there are, those that
departures to come bring as the ones so far did (Poisson, its rate Gamma), and of all these the share that asks: that of
the last waiver that was over by then, or, while none was, anything from a half to all of them.

Grain of the result: one row per incident_id, as_of_date and target. Frames in, frame out: nothing here knows of dbt but
`model`.
"""

import numpy as np
import pandas as pd

DRAWS, SEED = 20_000, 2026
LEAST_DRAWS = 1_000  # above the floor; with fewer, what lies below is lifted to it
LEVELS = (50, 80, 95)
UNKNOWN_TAKE_UP = (0.5, 1.0)
TYPES = {
    "incident_id": "string", "as_of_date": "datetime64[us]", "target": "string", "target_on": "datetime64[us]",
    "processing_day": "int64", "processing_days": "int64", "known": "int64", "floor": "Int64", "estimate": "float64",
    **{f"{end}_{level}": "float64" for level in LEVELS for end in ("low", "high")},
    "shapes": "string", "concentration": "float64", "is_hindsight": "bool",
}  # fmt: skip


def model(dbt, session):
    """dbt's entry: open and past windows, the shapes of others, and what each morning knew."""
    dbt.config(materialized="table")
    incidents = dbt.ref("dim_incident").df()
    shapes = dbt.ref("incident_shapes").df()
    calendar = dbt.ref("dim_date").df()
    known = dbt.ref("int_incident_known").df()
    waiting = dbt.ref("int_incident_waiting").df()
    claims = dbt.ref("int_incident_claim").df()
    evenings = waiting.merge(claims, how="left").fillna(dict.fromkeys(claims.columns[2:], 0))
    return nowcasts(incidents, shapes, calendar, known, evenings)


def nowcasts(
    incidents: pd.DataFrame, shapes: pd.DataFrame, calendar: pd.DataFrame, known: pd.DataFrame, evenings: pd.DataFrame
) -> pd.DataFrame:
    """Nowcasts of every morning of every window to which another incident of its kind lends a shape.

    `evenings` are what waited in the log, and what claims a waiver had, one row per incident and day.
    """
    lent = shapes[shapes["incident_id"].isin(incidents["incident_id"])]
    curves = [Curve(incidents[incidents["incident_id"] == name], days) for name, days in lent.groupby("incident_id")]
    open_days = calendar.loc[calendar["is_processing_day"].astype(bool), "date_day"].sort_values()
    mornings = evenings.set_index(["incident_id", "as_of_date"])
    rows = []
    for incident in incidents.to_dict("records"):
        window = Window(incident, open_days)
        others = [curve for curve in curves if curve.lends_to(incident)]
        for as_of, seen in known[known["incident_id"] == incident["incident_id"]].groupby("as_of_date"):
            rows += _of_morning(window, others, pd.Timestamp(as_of), seen, mornings.loc[(window.incident_id, as_of)])
    return pd.DataFrame(rows, columns=list(TYPES)).astype(TYPES)


# ---------------------------------------------------------------- shapes
class Window:
    """An incident's processing days, and how far each lies in it by either clock, from 0 to 1."""

    def __init__(self, incident: dict, open_days: pd.Series) -> None:
        self.incident_id = incident["incident_id"]
        first, last = pd.Timestamp(incident["starts_on"]), pd.Timestamp(incident["ends_on"])
        self.last = last
        self.days = pd.DatetimeIndex(open_days[open_days.between(first, last)])
        self.clocks = _clocks(self.days, first, last)


class Curve:
    """The share of an earlier incident's departures by each of its days, as published."""

    def __init__(self, incident: pd.DataFrame, days: pd.DataFrame) -> None:
        days = days.sort_values("processed_on")
        self.incident_id = days["incident_id"].iloc[0]
        self.kind = incident["kind"].iloc[0]
        self.published_on = pd.Timestamp(days["published_on"].max())
        first, last = pd.Timestamp(incident["starts_on"].iloc[0]), pd.Timestamp(incident["ends_on"].iloc[0])
        self.clocks = _clocks(pd.DatetimeIndex(days["processed_on"]), first, last)
        self.reached = np.cumsum(days["port_outs"].to_numpy(dtype="float64")) / days["port_outs"].sum()

    def lends_to(self, incident: dict) -> bool:
        """Whether this is another incident of the same kind."""
        return self.kind == incident["kind"] and self.incident_id != incident["incident_id"]

    def daily_shares(self, window: Window) -> list[np.ndarray]:
        """The share of each of the window's processing days, by either clock."""
        return [
            np.diff(np.interp(at, np.r_[0.0, own], np.r_[0.0, self.reached]), prepend=0.0)
            for at, own in zip(window.clocks, self.clocks, strict=True)
        ]


def _clocks(days: pd.DatetimeIndex, first: pd.Timestamp, last: pd.Timestamp) -> tuple[np.ndarray, np.ndarray]:
    """How far each day lies in the window: by processing days, and by calendar days."""
    by_processing = np.arange(1, len(days) + 1) / max(len(days), 1)
    by_calendar = ((days - first).days + 1).to_numpy() / ((last - first).days + 1)
    by_calendar[-1:] = 1.0  # what closes with the window is booked on its last processing day
    return by_processing, by_calendar


# ---------------------------------------------------------------- one morning
def _of_morning(
    window: Window, others: list[Curve], as_of: pd.Timestamp, seen: pd.DataFrame, evening: pd.Series
) -> list[dict]:
    """The targets of one morning; nothing before the first booked day, or without a shape."""
    counts = seen.set_index("date_day").reindex(window.days)[["port_outs", "port_ins"]].fillna(0).to_numpy(dtype=float)
    is_seen = (counts[:, 0] > 0) & (window.days <= as_of)
    public = [curve for curve in others if curve.published_on <= as_of]
    used = public or others
    if not used or not is_seen.any():
        return []
    shares = [share for curve in used for share in curve.daily_shares(window)]
    out, in_ = counts[:, 0] * is_seen, counts[:, 1] * is_seen
    still_waiting = 0 if is_seen.all() else evening["open_requests"] * np.nan_to_num(evening["completing_share"])
    floor = int(out.sum() + np.floor(still_waiting))

    rng = np.random.default_rng(SEED)  # two evenings that know the same say the same
    concentration = _concentration(shares, out, is_seen)
    ahead = _drawn(rng, np.mean(shares, axis=0), concentration, out, is_seen)
    ahead = _above(ahead, floor - out.sum())
    straight = [np.diff(clock, prepend=0.0) for clock in window.clocks]
    arriving = _drawn(rng, np.mean(straight, axis=0), _concentration(straight, in_, is_seen), in_, is_seen)
    net = in_.sum() + arriving.sum(axis=1)[: len(ahead)] - out.sum() - ahead.sum(axis=1)
    found = [
        ("PORT_OUTS_FINAL", window.last, out.sum(), floor, out.sum() + ahead.sum(axis=1)),
        ("NET_ADDS_FINAL", window.last, in_.sum() - out.sum(), None, net),
    ]
    if evening.get("claims_within", 0) > 0:
        asked = _asked(rng, evening, ahead.sum(axis=1) / out.sum())
        found.append(("REFUNDS_FINAL", window.last, evening["claims_asked"], None, asked))
    if not is_seen.all():
        found.append(("PORT_OUTS_NEXT_DAY", window.days[~is_seen][0], 0, None, ahead[:, 0]))
    return [
        {
            "incident_id": window.incident_id, "as_of_date": as_of, "target": target, "target_on": target_on,
            "processing_day": int(is_seen.sum()), "processing_days": len(window.days),
            "known": int(known), "floor": least, **_quantiles(draws),
            "shapes": ", ".join(sorted(curve.incident_id for curve in used)),
            "concentration": concentration, "is_hindsight": not public,
        }
        for target, target_on, known, least, draws in found
    ]  # fmt: skip


def _concentration(shares: list[np.ndarray], counts: np.ndarray, is_seen: np.ndarray) -> float:
    """Concentration of the Dirichlet by moments: chi-square over its degrees of freedom is 1 / (concentration + 1).

    The shapes are taken as draws around their mean, and so are the shares that the days seen have among themselves.
    """
    mean = np.mean(shares, axis=0)
    is_some = mean > 0
    distance = sum(float((((share - mean) ** 2)[is_some] / mean[is_some]).sum()) for share in shares)
    freedom = (len(shares) - 1) * (int(is_some.sum()) - 1)
    seen = is_seen & is_some
    if seen.sum() > 1 and counts[seen].sum() > 0:
        expected = mean[seen] / mean[seen].sum()
        actual = counts[seen] / counts[seen].sum()
        distance += float(((actual - expected) ** 2 / expected).sum()) * float(mean[seen].sum())
        freedom += int(seen.sum()) - 1
    return max(freedom / max(distance, 1e-9) - 1.0, 1.0)


def _drawn(
    rng: np.random.Generator, mean: np.ndarray, concentration: float, counts: np.ndarray, is_seen: np.ndarray
) -> np.ndarray:
    """Departures of each day ahead (columns) in each draw: Dirichlet shares as ratios of Gamma variables."""
    weights = np.maximum(concentration * mean, 1e-9)
    seen = rng.gamma(weights[is_seen].sum(), size=(DRAWS, 1))
    ahead = rng.gamma(weights[~is_seen], size=(DRAWS, int((~is_seen).sum())))
    return counts.sum() * ahead / seen


def _above(ahead: np.ndarray, floor: float) -> np.ndarray:
    """The draws in which what already waits does leave."""
    if not ahead.shape[1]:
        return ahead
    total = ahead.sum(axis=1)
    is_above = total >= floor
    if is_above.sum() >= LEAST_DRAWS:
        return ahead[is_above]
    return ahead * (np.maximum(total, floor) / np.maximum(total, 1e-9))[:, None]


def _asked(rng: np.random.Generator, evening: pd.Series, growth: np.ndarray) -> np.ndarray:
    """Claims that will have been asked back in each draw, in which departures grow by so many times those so far."""
    to_come = rng.poisson(rng.gamma(evening["claims_within"] + 0.5, size=len(growth)) * growth)
    claims = int(evening["claims_before"] + evening["claims_within"]) + to_come
    if evening["earlier_claims"] > 0:
        asked = evening["earlier_asked"]
        share = rng.beta(asked + 0.5, evening["earlier_claims"] - asked + 0.5, size=len(growth))
    else:
        share = rng.uniform(*UNKNOWN_TAKE_UP, size=len(growth))
    return np.maximum(rng.binomial(claims, share), evening["claims_asked"])


def _quantiles(draws: np.ndarray) -> dict[str, float]:
    """The median, and the ends of each interval."""
    ends = {f"low_{level}": (100 - level) / 200 for level in LEVELS} | {
        f"high_{level}": (100 + level) / 200 for level in LEVELS
    }
    found = np.quantile(draws, [0.5, *ends.values()])
    return {"estimate": float(found[0])} | dict(zip(ends, map(float, found[1:]), strict=True))
