"""What fraud rules did, would do, and saw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from orchestration.base.site_profile import Site
from orchestration.reporting.terminal.lists import plain_table
from orchestration.site.money import money

if TYPE_CHECKING:
    from orchestration.rules.backtest import Backtest
    from orchestration.rules.explain import Explanation
    from orchestration.rules.weigh import Weight


def print_backtest(console: Console, tried: Backtest) -> None:
    """The rules in force beside the changed ones, and which payments make the difference."""
    table = plain_table("", ">in force", ">changed")
    for label, measure, form in (
        ("alerts", "alerts", "{:,}"),
        ("alerts a day", "alerts_per_day", "{:.1f}"),
        ("most alerts on one day", "most_alerts_a_day", "{:,}"),
        ("alerts an analyst and day", "alerts_per_analyst_day", "{:.1f}"),
        ("alerts without a verdict", "undecided", "{:,}"),
        ("  of these undisputed: taken for honest", "undisputed", "{:,}"),
        ("precision if the undecided are honest, %", "precision_low_pct", "{:.1f}"),
        ("precision of decided alerts, %", "precision_high_pct", "{:.1f}"),
        ("precision of matured months, %", "precision_matured_pct", "{:.1f}"),
        ("recall of confirmed frauds, %", "recall_pct", "{:.1f}"),
        ("their value alerted, %", "value_alerted_pct", "{:.1f}"),
        ("  after the line's first alert, %", "value_preventable_by_line_pct", "{:.1f}"),
        ("  after the cell's first alert, %", "value_preventable_by_cell_pct", "{:.1f}"),
        ("  while the block list held it, %", "value_preventable_pct", "{:.1f}"),
        ("median hours to alert", "hours_to_alert", "{:.1f}"),
    ):
        values = [getattr(detection, measure) for detection in (tried.in_force, tried.changed)]
        table.add_row(label, *("–" if value is None else form.format(value) for value in values))
    console.print(table)
    change = tried.changed.undecided - tried.in_force.undecided
    console.print(
        f"Alerts without a verdict: {change:+,}. Precision lies between that of all alerts and that of the decided "
        "ones; of what is alerted anew, nobody was asked."
    )
    for what, counts, payments in (
        ("More", tried.gained, tried.gained_payments),
        ("No longer", tried.lost, tried.lost_payments),
    ):
        kinds = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
        named = f", such as {', '.join(payments)}" if payments else ""
        console.print(f"{what} alerted: {kinds or 'none'}{named}")


def print_weights(console: Console, weights: Sequence[Weight]) -> None:
    """What verdicts say of each rule, and the points that they would give it beside those that it has."""
    table = plain_table("rule", ">frauds hit", ">of all, %", ">honest hit", ">of all, %", ">points", ">by evidence")
    for weight in weights:
        table.add_row(
            weight.rule_id, f"{weight.frauds_hit:,}", f"{weight.frauds_hit_pct:.1f}", f"{weight.honest_hit:,}",
            f"{weight.honest_hit_pct:.2f}", str(weight.points), str(weight.proposed),
        )  # fmt: skip
    console.print(table)


def print_explanation(console: Console, payment: Explanation, site: Site) -> None:
    """A payment, its score, and what each rule saw."""
    console.print(
        f"{payment.payment_id}: {money(payment.amount, site)} at {payment.merchant_id} "
        f"({payment.merchant_category}), {payment.occurred_at:%Y-%m-%d %H:%M:%S}, {payment.status}"
    )
    if payment.hits:
        console.print(_hits_table(payment))
    else:
        console.print("No rule hit it hard enough to be kept.")
    if payment.probability is not None:
        why = f": {payment.speaks_for_it}" if payment.speaks_for_it else ""
        console.print(f"The score that learns gives it {100 * payment.probability:.1f} % to be fraud{why}.")
    since = f"{payment.alerted_at:%Y-%m-%d %H:%M}" if payment.alerted_at else ""
    said = f"An alert since {since}, in {payment.case_id}" if payment.case_id else "No alert"
    console.print(f"{said}; verdict: {payment.verdict or 'none yet'}.")


def _hits_table(payment: Explanation) -> Table:
    table = plain_table("rule", ">version", ">points", "delivery of", "evidence")
    for hit in payment.hits:
        evidence = ", ".join(f"{name} {value}" for name, value in hit.evidence.items())
        table.add_row(hit.rule_id, str(hit.version), str(hit.points), str(hit.known_dt), evidence)
    table.add_row("score", "", str(payment.score), "", "")
    return table
