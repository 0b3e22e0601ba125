"""Points from evidence: what verdicts say of each rule, as rounded log-likelihood ratios with a prior beside today's.

A rule's weight of evidence is ln(P(hit | fraud) / P(hit | honest)) (Good, 1950), over all payments old enough for
silence to be an answer. Points are that, in units in which all rules together keep the points that they have, so the
threshold keeps its meaning. Like any naive Bayes score it counts evidence twice where two rules see one thing.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from orchestration.base.settings import Settings
from orchestration.base.sql import connect
from orchestration.rules.copied import build_changed, copied

#: Verdicts that today's points are worth: with as many, the evidence counts half.
PRIOR_VERDICTS = 20
_STEP = 5  # points are multiples of it
_NOBODY = 0.5  # Jeffreys' prior: nothing has no logarithm


@dataclass(frozen=True)
class Weight:
    """A rule, whom it hit of `frauds` and `honest` payments, how many hits were decided, and its points now and then.

    `proposed` are points by evidence.
    """

    rule_id: str
    frauds: int
    honest: int
    frauds_hit: int
    honest_hit: int
    verdicts: int
    points: int
    proposed: int

    @property
    def frauds_hit_pct(self) -> float:
        """Of confirmed frauds."""
        return 100 * self.frauds_hit / self.frauds if self.frauds else 0.0

    @property
    def honest_hit_pct(self) -> float:
        """Of payments that were rejected, or that nobody disputed in time."""
        return 100 * self.honest_hit / self.honest if self.honest else 0.0


@dataclass(frozen=True)
class Evidence:
    """What was counted of a rule."""

    rule_id: str
    points: int
    frauds: int
    honest: int
    frauds_hit: int
    honest_hit: int
    verdicts: int

    @property
    def ratio(self) -> float:
        """Its log-likelihood ratio."""
        hit_if_fraud = (self.frauds_hit + _NOBODY) / (self.frauds + 2 * _NOBODY)
        hit_if_honest = (self.honest_hit + _NOBODY) / (self.honest + 2 * _NOBODY)
        return log(hit_if_fraud / hit_if_honest)


def weigh(settings: Settings) -> list[Weight]:
    """Weigh the rules in force, the heaviest by evidence first.

    Raises:
        BacktestError: if there is no warehouse, or it is in use.
    """
    with copied(settings) as apart, TemporaryDirectory() as folder:
        every_hit = Path(folder) / "every_hit.csv"  # of payments of whatever score
        every_hit.write_text("rule_id,kept_from_score\n,0\n", "utf-8")
        build_changed(settings, apart, every_hit, "rule_hit")
        with connect(apart, str(apart.warehouse)) as con:
            return proposals(_counted(con))


def proposals(evidence: Sequence[Evidence]) -> list[Weight]:
    """Points for each rule, in units in which the rules that verdicts speak for keep the points that they have."""
    scale = _scale([one for one in evidence if one.frauds_hit and one.points > 0 and one.ratio > 0])
    weights = [
        Weight(
            one.rule_id, one.frauds, one.honest, one.frauds_hit, one.honest_hit, one.verdicts, one.points,
            _proposed(one, scale),
        )
        for one in evidence
    ]  # fmt: skip
    return sorted(weights, key=lambda weight: (-weight.proposed, weight.rule_id))


def write_changes(weights: Sequence[Weight], path: Path) -> bool:
    """Write the rules whose points would be others as changes that `rules backtest` reads; False if there are none."""
    changed = [weight for weight in weights if weight.proposed != weight.points]
    if changed:
        with path.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(("rule_id", "points"))
            rows.writerows((weight.rule_id, weight.proposed) for weight in changed)
    return bool(changed)


def _scale(spoken_for: Sequence[Evidence]) -> float:
    """Points per unit of evidence, by least squares through the origin."""
    squares = sum(one.ratio**2 for one in spoken_for)
    return sum(one.points * one.ratio for one in spoken_for) / squares if squares else 0.0


def _proposed(one: Evidence, scale: float) -> int:
    if not scale or not one.verdicts:
        return one.points
    share = one.verdicts / (one.verdicts + PRIOR_VERDICTS)
    return _STEP * round(max(0.0, share * scale * one.ratio + (1 - share) * one.points) / _STEP)


def _counted(con: duckdb.DuckDBPyConnection) -> list[Evidence]:
    """Hits by what payments turned out to be, of months that are old enough."""
    rows = con.execute(
        """
        with labels as (
            select
                payment_id,
                verdicts.verdict is not null as is_decided,
                coalesce(verdicts.verdict = 'CONFIRMED_FRAUD', false) as is_fraud
            from fraud.fct_payment as payments
            left join fraud.payment_verdict as verdicts using (payment_id)
            left join intermediate.int_payment_verdict as disputes using (payment_id)
            where occurred_on <= (select matured_to from intermediate.int_dispute_horizon)
                and (verdicts.verdict is not null or disputes.payment_id is null)
        ),
        totals as (
            select count(*) filter (is_fraud) as frauds, count(*) filter (not is_fraud) as honest from labels
        ),
        hits as (
            select
                rule_id,
                count(*) filter (is_fraud) as frauds_hit,
                count(*) filter (not is_fraud) as honest_hit,
                count(*) filter (is_decided) as verdicts
            from fraud.rule_hit join labels using (payment_id)
            group by rule_id
        ),
        rules as (
            from reference.fraud_rules where is_enabled
            qualify row_number() over (partition by rule_id order by version desc) = 1
        )
        select rule_id, points, frauds, honest, coalesce(frauds_hit, 0), coalesce(honest_hit, 0), coalesce(verdicts, 0)
        from rules cross join totals left join hits using (rule_id)
        """
    ).fetchall()
    return [Evidence(*row) for row in rows]
