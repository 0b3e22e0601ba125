"""Why a payment has its score: the rules that hit it, what each saw, and when that was known."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import duckdb

from orchestration.base.refusal import UnknownNameError
from orchestration.base.settings import Settings
from orchestration.base.site_profile import Site
from orchestration.serving.generations import current_file
from orchestration.serving.sealed import readable
from orchestration.site.fraud_rules import rules
from orchestration.site.money import money


class ExplainError(UnknownNameError):
    """There is no such payment or case in the publication; the message says so."""


@dataclass(frozen=True)
class Hit:
    """One rule's part in a score; `known_dt` is the extract date by which it was known, `evidence` is spelled out."""

    rule_id: str
    version: int
    points: int
    known_dt: date
    evidence: dict[str, str]


@dataclass(frozen=True)
class Explanation:
    """A payment's score and what it is made of; `alerted_at` and `case_id` are None where it is no alert.

    `probability` is that of the score that learns, and `speaks_for_it` what raises it most, in words and points; both
    are None where the week has no model, the latter also far down the day's list.
    """

    payment_id: str
    occurred_at: datetime
    merchant_id: str
    merchant_category: str
    amount: int
    status: str
    score: int
    hits: list[Hit]
    alerted_at: datetime | None
    case_id: str | None
    verdict: str | None
    probability: float | None
    speaks_for_it: str | None


def payments_of(settings: Settings, name: str) -> list[str]:
    """The payments that a name stands for: the alerts of a case, the first first, or the payment itself."""
    file = current_file(settings, "restricted")
    if file is None:
        raise ExplainError("Nothing has been published yet.")
    with readable(settings, file) as published, duckdb.connect(str(published), read_only=True) as con:
        alerts = con.execute(
            "select payment_id from fraud.alert where case_id = $1 order by first_alerted_at, payment_id", [name]
        ).fetchall()
    return [payment_id for (payment_id,) in alerts] or [name]


def explain(settings: Settings, payment_id: str) -> Explanation:
    """Explain a payment from what is published, without its number.

    Raises:
        ExplainError: if nothing is published yet, or the payment is not.
    """
    file = current_file(settings, "restricted")
    if file is None:
        raise ExplainError("Nothing has been published yet.")
    with readable(settings, file) as published, duckdb.connect(str(published), read_only=True) as con:
        con.execute("set timezone = $1", [settings.time_zone])
        payment = con.execute(
            "select occurred_at, merchant_id, merchant_category, amount, status, "
            "alerts.first_alerted_at, alerts.case_id, verdicts.verdict, scores.probability, scores.reasons "
            "from fraud.fct_payment as payments "
            "left join (select payment_id, first_alerted_at, case_id from fraud.alert) as alerts using (payment_id) "
            "left join (select payment_id, verdict from fraud.payment_verdict) as verdicts using (payment_id) "
            "left join (select payment_id, probability, reasons from fraud.score) as scores using (payment_id) "
            "where payment_id = $1",
            [payment_id],
        ).fetchone()
        hits = con.execute(
            "select rule_id, version, points, known_dt, evidence from fraud.rule_hit where payment_id = $1 "
            "order by points desc, rule_id",
            [payment_id],
        ).fetchall()
    if payment is None:
        raise ExplainError(f"The current publication has no payment {payment_id!r}, and no such case.")
    found = [
        Hit(rule, version, points, known, _spelled(json.loads(evidence), rule, settings.site_profile))
        for rule, version, points, known, evidence in hits
    ]
    occurred_at, merchant_id, category, amount, status, *of_alert_and_score = payment
    return Explanation(
        payment_id, occurred_at, merchant_id, category, amount, status, sum(hit.points for hit in found), found,
        *of_alert_and_score,
    )  # fmt: skip


def _spelled(evidence: dict[str, Any], rule_id: str, site: Site) -> dict[str, str]:
    """What a rule saw, as people read it; a rule that is gone since says of nothing that it is money."""
    rule = rules().get(rule_id)
    amounts = rule.amounts if rule else frozenset()
    return {
        name: money(value, site) if name in amounts else str(value)
        for name, value in evidence.items()
        if value is not None
    }
