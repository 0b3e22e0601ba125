"""Write the table in docs/fraud.md that says which rule, or the score, finds which planted kind of fraud, and how late.

    ringfence simulate --out data/again --truth data/truth       # the demo's extracts, and what they do not tell
    RINGFENCE_HOME=data python docs/fraud_found.py data/truth     # after `make demo`

What was planted is held against what the demo's installation has published: alerts, which are the rules' as shipped,
scores, and the hits of rules.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

from orchestration.base.settings import Settings
from orchestration.base.sql import literal
from orchestration.serving.generations import DOORS, current_dir

PAGE = Path(__file__).with_name("fraud.md")
BEGIN, END = "<!-- written by docs/fraud_found.py -->", "<!-- until here -->"
_HEADS = (
    "planted", "charges of so many", "rules: charges", "of so many", "hours, median", "score: charges", "of so many",
    "hours, median", "rules that hit most of the alerted",
)  # fmt: skip
#: One row per kind: charges and episodes, those found, and hours from an episode's first charge to its first alert.
_FOUND = """
    with told as (
        select dt, min(delivered_at) as delivered_at from open.ops.delivery where feed = 'payments' group by dt
    ),
    charge as (
        select
            planted.kind, planted.is_fraud, planted.episode_no, planted.payment_id, planted.requested_at,
            alerts.first_alerted_at as rules_at,
            if(scores.probability >= 0.5, told.delivered_at, null) as score_at, -- alert_probability_pct, as shipped
            scores.payment_id is not null as has_score,
        from planted
        join restricted.fraud.fct_payment as payments using (payment_id)
        left join restricted.fraud.alert as alerts using (payment_id)
        left join restricted.fraud.score as scores using (payment_id)
        left join told on scores.first_dt = told.dt
    ),
    episode as (
        select
            kind, is_fraud, episode_no, count(*) as charges, count(rules_at) as rules_charges,
            count(*) filter (has_score) as charges_scored, count(score_at) as score_charges,
            date_diff('minute', min(requested_at), min(rules_at)) / 60 as rules_hours,
            date_diff('minute', min(requested_at), min(score_at)) / 60 as score_hours,
        from charge group by all
    ),
    hit as (
        select kind, rule_id, count(*) as hits
        from charge join restricted.fraud.rule_hit using (payment_id)
        where rules_at is not null
        group by kind, rule_id
        qualify row_number() over (partition by kind order by hits desc, rule_id) <= 4
    )
    select
        kind, is_fraud, sum(charges)::int, count(*), sum(rules_charges)::int, count(rules_hours), median(rules_hours),
        sum(charges_scored)::int, sum(score_charges)::int, count(*) filter (charges_scored > 0), count(score_hours),
        median(score_hours), (select string_agg('`' || rule_id || '`', ', ' order by hits desc) from hit
            where hit.kind = episode.kind)
    from episode group by kind, is_fraud order by is_fraud desc, sum(charges) desc
"""


def found(settings: Settings, truth: Path) -> Iterator[tuple[Any, ...]]:
    """Rows of the table: per kind, what was planted and what of it was found."""
    folder = current_dir(settings)
    if folder is None:
        sys.exit("nothing is published yet: make demo")
    with duckdb.connect() as con:
        for door, (name, _) in DOORS.items():
            con.execute(f"attach '{folder / name}' as {door} (read_only)")
        con.execute(f"create view planted as from {literal(str(truth / 'planted_payments.parquet'))}")
        yield from con.execute(_FOUND).fetchall()


def table(rows: Iterator[tuple[Any, ...]]) -> str:
    """The table, in Markdown."""
    lines = [f"| {' | '.join(_HEADS)} |", "|---|" + "--:|" * (len(_HEADS) - 2) + "---|"]
    for kind, is_fraud, charges, episodes, by_rules, seen, late, scored, by_score, lives, noted, slow, rules in rows:
        cells = [
            f"`{kind}`" if is_fraud else f"`{kind}` (honest)", f"{charges:,} of {episodes:,}",
            _share(by_rules, charges), f"{seen} of {episodes}", _hours(late),
            _share(by_score, scored), f"{noted} of {lives}" if lives else "–", _hours(slow), rules or "–",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _share(part: int, whole: int) -> str:
    return f"{part}, {100 * part / whole:.0f} %" if whole else "–"


def _hours(hours: float | None) -> str:
    return "–" if hours is None else f"{hours:.0f}"


if __name__ == "__main__":
    if not sys.argv[1:]:
        sys.exit(__doc__)
    page = PAGE.read_text("utf-8")
    before, rest = page.split(BEGIN)
    PAGE.write_text(
        f"{before}{BEGIN}\n\n{table(found(Settings(), Path(sys.argv[1])))}\n\n{END}{rest.split(END)[1]}", "utf-8"
    )
