"""The learned score and the rules' points on payments of another shape, by the Fraud Detection Handbook's protocol.

    python benchmarks/bench_handbook.py [--seed 1] [--customers 5000] [--terminals 10000]

The transactions are made by the generator that the Handbook publishes (Le Borgne, Siblini, Lebichot, Bontempi:
Reproducible Machine Learning for Credit Card Fraud Detection, chapter 3, "Transaction data simulator"), written anew
after its text: customers with a mean amount of 5 to 100 and 0 to 4 transactions a day, who pay at terminals within a
radius of 5, and three frauds: an amount above 220; two terminals a day compromised for 28 days; three customers a day
compromised for 14 days, of whose transactions one in three is of five times the amount. They come through our feeds
(merchants are terminals; not a cell, cap, line or call log), and a label comes seven days later, as a dispute.

The last week is tested (2018-08-08 to 14) as in chapter 5: average precision over its transactions, and of each day's
100 most suspicious cards those that are fraudulent; cards known as defrauded by then are left out. `shipped` is what
`fraud.score` says, whose weeks learn from all that was known; `seven days` is the same regression learnt from 25 to 31
July alone, with the gap of seven days, as the Handbook's models are. Points are the rules', of which each hit is kept.
Nothing was tuned on any seed.
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score

from orchestration.base.settings import Settings
from orchestration.base.sql import connect
from orchestration.contracts import load_feeds
from orchestration.ingest import ingest
from orchestration.runtime.partitions import days_between
from orchestration.warehouse import dbt
from orchestration.warehouse.raw_relations import refresh_raw

KEY = "a key for benchmarks, and for nothing else at all"
FIRST, LEARN, TEST = date(2018, 4, 1), date(2018, 7, 25), date(2018, 8, 8)
DAYS, WEEK, TOP = 136, 7, 100
RADIUS = 5.0

PAYMENTS = """
    copy (
        select
            payment_id, 1 as event_seq, null as line_id,
            '010-' || (2000 + customer // 10000)::varchar || '-' || lpad((customer % 10000)::varchar, 4, '0') as msisdn,
            'DCB' as product, 'T' || lpad(terminal::varchar, 6, '0') as merchant_id, 'SHOPPING' as merchant_category,
            greatest(1, round(100 * amount))::bigint as amount, 'PIN' as auth_method, null as is_ars_call_complete,
            null as cell_id, 0 as monthly_limit, null as limit_raised_at, 'SUCCEEDED' as status,
            strftime(date '{first}' + to_days(day::integer) + to_seconds(second), '%Y-%m-%d %H:%M:%S') as occurred_at,
            date '{first}' + day::integer as dt
        from transactions
    ) to '{landing}/payments' (format csv, header, partition_by (dt), filename_pattern 'payments-{{i}}')
"""
DISPUTES = """
    copy (
        select
            'D' || payment_id as dispute_id, 1 as event_seq, payment_id, 'CONFIRMED_FRAUD' as status,
            greatest(1, round(100 * amount))::bigint as refunded_amount,
            strftime(date '{first}' + (day + 7)::integer + interval 12 hour, '%Y-%m-%d %H:%M:%S') as occurred_at,
            date '{first}' + (day + 7)::integer as dt
        from transactions
        where is_fraud and day + 7 < {days}
    ) to '{landing}/payment_disputes' (
        format csv, header, delimiter ';', partition_by (dt), filename_pattern 'payment_disputes-{{i}}'
    )
"""


def main() -> None:
    """Make the transactions of a seed, run the feeds and models over them, and print both measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--customers", type=int, default=5000)
    parser.add_argument("--terminals", type=int, default=10_000)
    arguments = parser.parse_args()
    transactions = handbook_transactions(arguments.seed, arguments.customers, arguments.terminals)
    print(f"seed {arguments.seed}: {len(transactions):,} transactions, {transactions['is_fraud'].mean():.2%} fraud")
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), pseudonym_key=KEY)
        build(settings, transactions)
        told = scored(settings, transactions)
    for name in ("points", "shipped", "seven days"):
        average, top = measured(told, name)
        print(f"  {name:<12} average precision {average:.3f}   card precision at {TOP} {top:.3f}", flush=True)


def handbook_transactions(seed: int, customers: int, terminals: int) -> pd.DataFrame:
    """One row per transaction, as the Handbook's generator makes them, with its label."""
    rng = np.random.default_rng(seed)
    homes, places = rng.uniform(0, 100, (customers, 2)), rng.uniform(0, 100, (terminals, 2))
    mean_amount, mean_number = rng.uniform(5, 100, customers), rng.uniform(0, 4, customers)
    near = [np.flatnonzero(((places - home) ** 2).sum(axis=1) < RADIUS**2) for home in homes]
    numbers = rng.poisson(mean_number[:, None], (customers, DAYS))
    customer = np.repeat(np.arange(customers), numbers.sum(axis=1))
    day = np.concatenate([np.repeat(np.arange(DAYS), numbers[one]) for one in range(customers)])
    second = rng.normal(86400 / 2, 20000, len(customer)).astype(int)
    amount = rng.normal(mean_amount[customer], mean_amount[customer] / 2)
    amount = np.where(amount < 0, rng.uniform(0, 2 * mean_amount[customer]), amount).round(2)
    table = pd.DataFrame({"customer": customer, "day": day, "second": second, "amount": amount})
    table = table[(second > 0) & (second < 86400) & (np.array([len(found) for found in near]) > 0)[customer]]
    table["terminal"] = [rng.choice(near[one]) for one in table["customer"]]
    table = table.sort_values(["day", "second"], kind="stable", ignore_index=True)
    table["payment_id"] = [f"H{n:08}" for n in range(len(table))]
    return with_frauds(table, rng, customers, terminals)


def with_frauds(table: pd.DataFrame, rng: np.random.Generator, customers: int, terminals: int) -> pd.DataFrame:
    """The three scenarios, in the Handbook's order."""
    amount, is_fraud = table["amount"].to_numpy().copy(), (table["amount"] > 220).to_numpy().copy()
    day = table["day"].to_numpy()
    for start in range(DAYS):
        hit = np.isin(table["terminal"], rng.choice(terminals, 2, replace=False))
        is_fraud |= hit & (day >= start) & (day < start + 28)
    for start in range(DAYS):
        hit = np.isin(table["customer"], rng.choice(customers, 3, replace=False))
        of_time = np.flatnonzero(hit & (day >= start) & (day < start + 14))
        chosen = rng.choice(of_time, len(of_time) // 3, replace=False)
        amount[chosen] *= 5
        is_fraud[chosen] = True
    return table.assign(amount=amount, is_fraud=is_fraud)


def build(settings: Settings, transactions: pd.DataFrame) -> None:
    """Deliver the transactions day by day, and build features, hits and scores."""
    last = FIRST + timedelta(days=DAYS - 1)
    words = {"landing": settings.landing_dir, "first": FIRST, "days": DAYS}
    settings.landing_dir.mkdir(parents=True, exist_ok=True)
    feeds = load_feeds(settings)
    with connect(settings, ":memory:") as con:
        con.register("transactions", transactions)
        con.execute("set threads = 1")  # one file a day
        con.execute(PAYMENTS.format(**words))
        con.execute(DISPUTES.format(**words))
    for feed in ("payments", "payment_disputes"):
        ingest(settings, feeds[feed], days_between(FIRST, last))
    with connect(settings, str(settings.warehouse)) as con:
        refresh_raw(con, settings, feeds)
    dbt.build(settings, select=["resource_type:seed"], tests=[])
    with connect(settings, str(settings.warehouse)) as con:
        con.execute("update reference.fraud_rules set kept_from_score = 0")
    dbt.build(settings, select=["+score,resource_type:model", "+rule_hit,resource_type:model"], tests=[])


def scored(settings: Settings, transactions: pd.DataFrame) -> pd.DataFrame:
    """The transactions with their points and both scores."""
    mart = _model("int_score_model")
    with connect(settings, str(settings.warehouse), read_only=True) as con:
        said = con.execute(
            "select payment_id, coalesce(points, 0), coalesce(probability, 0) from intermediate.int_payment_feature "
            "left join (select payment_id, sum(points)::double as points from fraud.rule_hit group by all) "
            "using (payment_id) left join fraud.score using (payment_id) where int_payment_feature.first_dt >= $1",
            [TEST],
        ).fetchall()
        features = con.sql(
            f"from intermediate.int_score_feature where first_dt >= date '{LEARN}' order by payment_id"
        ).df()
    told = pd.DataFrame(said, columns=["payment_id", "points", "shipped"])
    known = transactions[transactions["is_fraud"] & (transactions["day"] < (TEST - FIRST).days - WEEK)]
    learnt = features[features["first_dt"] < pd.Timestamp(LEARN + timedelta(days=WEEK))].reset_index(drop=True)
    is_fraud = learnt["payment_id"].isin(known["payment_id"]).to_numpy()
    found = mart.coefficients(learnt, is_fraud, np.ones(len(learnt))).set_index("feature")
    names = [name for name in found.index if name != mart.LEVEL]
    odds = (features[names] - found.loc[names, "mean"]) @ found.loc[names, "coefficient"]
    told = told.merge(pd.DataFrame({"payment_id": features["payment_id"], "seven days": odds}), on="payment_id")
    return transactions.merge(told, on="payment_id", how="left")


def measured(transactions: pd.DataFrame, score: str) -> tuple[float, float]:
    """Average precision and card precision of the test week, without the cards known as defrauded by then."""
    learn, test = (LEARN - FIRST).days, (TEST - FIRST).days
    frauds = transactions[transactions["is_fraud"]]
    known = {*frauds.loc[frauds["day"].between(learn, learn + WEEK - 1), "customer"]}
    days, found, precisions = [], set[int](), []
    for day in range(test, test + WEEK):
        known |= {*frauds.loc[frauds["day"] == day - WEEK - 1, "customer"]}
        of_day = transactions[(transactions["day"] == day) & ~transactions["customer"].isin(known)]
        days.append(of_day)
        cards = of_day[~of_day["customer"].isin(found)].groupby("customer")[[score, "is_fraud"]].max()
        top = cards.sort_values(score, ascending=False, kind="stable").head(TOP)
        hits = {*top.index[top["is_fraud"]]}
        precisions.append(len(hits) / TOP)
        found |= hits
    week = pd.concat(days)
    return float(average_precision_score(week["is_fraud"], week[score])), float(np.mean(precisions))


def _model(name: str) -> ModuleType:
    (path,) = dbt.DBT_PROJECT.glob(f"models/**/{name}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
