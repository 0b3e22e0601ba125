"""Fraud rules: what a change would do, why a payment has its score, adopting a change."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.shell import installation, out, rules_app, settings


@rules_app.command("backtest")
def rules_backtest(
    changes: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="CSV: rule_id and the columns of fraud_rules to change.")
    ],
) -> None:
    """What changed points, parameters or switches would have done on history, against the rules in force.

    Nothing is written but to a copy that is gone afterwards. An empty rule_id stands for every rule.
    """
    from orchestration.reporting.terminal.rules_shown import print_backtest
    from orchestration.rules.backtest import backtest

    with out.status("Trying the changes on a copy of the warehouse"):
        tried = backtest(settings(), changes)
    print_backtest(out, tried)


@rules_app.command("weigh")
def rules_weigh(
    to: Annotated[
        Path, typer.Option(dir_okay=False, help="CSV that the proposed points are written to, as changes.")
    ] = Path("weighed.csv"),
) -> None:
    """Points of each rule by what verdicts say of it, beside those that it has, and what they would change.

    Points are rounded logarithms of how much likelier a hit is in a fraud than in an honest payment, pulled towards
    today's where few were decided. Nothing is adopted: `rules adopt` does that with the file.
    """
    from orchestration.reporting.terminal.rules_shown import print_backtest, print_weights
    from orchestration.rules.backtest import backtest
    from orchestration.rules.weigh import weigh, write_changes

    with out.status("Running every rule over all payments in a copy of the warehouse"):
        weights = weigh(settings())
    print_weights(out, weights)
    if not write_changes(weights, to):
        out.print("Verdicts would leave all points as they are.")
        return
    with out.status("Trying these points on a copy of the warehouse"):
        tried = backtest(settings(), to)
    print_backtest(out, tried)
    out.print(f"Rules that share a cause are counted as if they did not: look at the table first. Written to {to}.")


@rules_app.command("explain")
def rules_explain(
    name: Annotated[str, typer.Argument(metavar="PAYMENT|CASE", help="A payment, or a case with all its alerts.")],
) -> None:
    """Which rules hit a payment, with points, evidence and the day on which each was known."""
    from orchestration.reporting.terminal.rules_shown import print_explanation
    from orchestration.rules.explain import explain, payments_of

    configured = installation()
    for payment in payments_of(configured, name):
        print_explanation(out, explain(configured, payment), configured.site_profile)


@rules_app.command("adopt")
def rules_adopt(
    changes: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV that `rules backtest` has tried.")],
) -> None:
    """Make changes that were tried the site's own: whole rows of its reference/fraud_rules.csv, checked."""
    from orchestration.rules.adopt import adopt

    written = adopt(settings(), changes)
    out.print(f"{written.rows} rules are the site's own in {written.path}; the next run goes by them.")
