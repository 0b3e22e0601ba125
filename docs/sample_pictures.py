"""Draw the pictures of docs/sample.md: who leaves and when, what is paid, how much and by how many.

    ringfence simulate --out data/landing --truth data/truth
    python docs/sample_pictures.py data/landing data/truth

Writes docs/images/sample-lines.png and sample-payments.png. Dots are published figures.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.dates import ConciseDateFormatter

from orchestration.simulator.scenario import SCENARIOS

IMAGES = Path(__file__).with_name("images")
KT = SCENARIOS / "kt_2025"
BLUE, ORANGE, GREEN = "#1f4e79", "#c55a11", "#548235"
#: A Monday's departures by those of a Tuesday: SKT, 7 and 8 July 2025.
SKT_MONDAY = 17_488 / 13_710
PERIODS = {
    "before": ("period_from < '2025-12-31'", BLUE),
    "waiver": ("period_from = '2025-12-31'", ORANGE),
    "after": ("period_from > '2025-12-31'", GREEN),
}


def main(landing: Path, truth: Path) -> None:
    """Both pictures."""
    con = duckdb.connect()
    con.execute(f"create view line_period as from '{truth}/line_period/*.parquet'")
    files = f"'{landing}/portability_events/*/*.csv', all_varchar = true, quote = '', ignore_errors = true"
    con.execute(
        "create table port as select distinct port_id, donor_provider,"
        " try_strptime(replace(processed_on, '-', ''), '%Y%m%d')::date as day from ("
        f" select port_id, donor_provider, status, processed_on from read_csv({files}) union all"
        f" select port_id, donor_provider, status, processed_on from '{landing}/portability_events/*/*.parquet')"
        " where status = 'COMPLETED' and day > '2025-01-01'"
    )
    con.execute(
        "create table payment as select payment_id, any_value(msisdn) as number, any_value(product) as product,"
        " any_value(merchant_category) as category, any_value(replace(amount, ',', '')::bigint) as amount,"
        " min(try_cast(left(occurred_at, 10) as date)) as day from read_csv("
        f"'{landing}/payments/*/*.csv', all_varchar = true, ignore_errors = true)"
        " where try_cast(replace(amount, ',', '') as bigint) > 0 group by payment_id"
    )
    _lines(con)
    _payments(con)


def _lines(con: duckdb.DuckDBPyConnection) -> None:
    figure, ((months_left, tenure), (days, week)) = plt.subplots(2, 2, figsize=(13, 7), layout="constrained")
    _rates(con, months_left, "months_left")
    months_left.set(title="handsets that leave, per cent in 30 days, by months left of the contract")
    _rates(con, tenure, "least(tenure_months // 6 * 6, 150)")
    tenure.set(title="likewise, by months since the line was opened (150 and more are one)")
    _flows(con, days)
    _week(con, week)
    figure.savefig(IMAGES / "sample-lines.png", dpi=100)


def _rates(con: duckdb.DuckDBPyConnection, panel: Axes, band: str) -> None:
    """What happened as a line, and the true chances, which are smoother, dashed."""
    for name, (where, color) in PERIODS.items():
        rows = con.execute(
            f"select {band} as band, 3000.0 * count(left_on) / sum(days), 3000.0 * sum(probability) / sum(days)"
            f" from (select *, period_to - period_from + 1 as days from line_period where {where})"
            " group by 1 having count(left_on) > 20 order by 1"
        ).fetchall()
        bands, seen, true = zip(*rows, strict=True)
        panel.plot(bands, seen, color=color, linewidth=1.2, label=name)
        panel.plot(bands, true, color=color, linewidth=0.8, linestyle="--")
    panel.set(yscale="log", yticks=[0.3, 0.5, 1, 2, 5, 10], yticklabels=["0.3", "0.5", "1", "2", "5", "10"])
    panel.minorticks_off()
    panel.legend(frameon=False)


def _flows(con: duckdb.DuckDBPyConnection, panel: Axes) -> None:
    rows = con.execute(
        "select day, count(*) from port where donor_provider = 'KT' and day between '2025-08-01' and '2026-02-28'"
        " group by 1 order by 1"
    ).fetchall()
    panel.plot(*zip(*rows, strict=True), color=BLUE, linewidth=0.8, label="departures a day")
    published = con.execute(
        f"select processed_on, port_outs from '{KT}/waiver_daily.csv' where port_outs > 0 union all"
        f" select processed_on, sum(ports) from '{KT}/pinned_days.csv' where direction = 'OUT' group by 1 order by 1"
    ).fetchall()
    panel.plot(*zip(*published, strict=True), "o", color=ORANGE, markersize=3, label="published")
    panel.set(title="departures a day", yscale="log")
    panel.xaxis.set_major_formatter(ConciseDateFormatter(panel.xaxis.get_major_locator()))
    panel.legend(frameon=False)


def _week(con: duckdb.DuckDBPyConnection, panel: Axes) -> None:
    """Each ordinary day against its week's Tuesday: mean, and from the tenth to the ninetieth of a hundred."""
    rows = con.execute(
        "with d as (select day, count(*) as n from port where donor_provider = 'KT' and (day between '2025-08-01' and"
        f" '2025-12-28' or day > '2026-01-25') and day not in (select day from '{KT}/holidays.csv') group by 1)"
        " select isodow(a.day), avg(a.n / b.n), quantile_cont(a.n / b.n, 0.1), quantile_cont(a.n / b.n, 0.9)"
        " from d as a join d as b on isodow(b.day) = 2 and date_trunc('week', a.day) = date_trunc('week', b.day)"
        " group by 1 order by 1"
    ).fetchall()
    days, means, low, high = zip(*rows, strict=True)
    panel.fill_between(days, low, high, color=BLUE, alpha=0.15)
    panel.plot(days, means, color=BLUE, label="ordinary days")
    panel.plot([1], [SKT_MONDAY], "o", color=ORANGE, label="SKT, 7 July 2025")
    panel.set(title="departures by weekday, of those of the Tuesday", ylim=(0, None))
    panel.set_xticks(range(1, 7), ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat"])
    panel.legend(frameon=False)


def _payments(con: duckdb.DuckDBPyConnection) -> None:
    figure, ((days, amounts), (values, payers)) = plt.subplots(2, 2, figsize=(13, 7), layout="constrained")
    for product, color in (("MICROPAYMENT", BLUE), ("DCB", ORANGE)):
        rows = con.execute("select day, count(*) from payment where product = $1 group by 1 order by 1", [product])
        days.plot(*zip(*rows.fetchall(), strict=True), color=color, linewidth=0.8, label=product)
    days.set(title="payments a day", ylim=(0, None))
    days.xaxis.set_major_formatter(ConciseDateFormatter(days.xaxis.get_major_locator()))
    days.legend(frameon=False)
    for category, color in (("GIFT_CERTIFICATE", ORANGE), ("SHOPPING", BLUE)):
        found = con.execute("select amount from payment where category = $1", [category]).fetchnumpy()["amount"]
        bins = [1000 * 10 ** (step / 20) for step in range(62)]
        amounts.hist(found, bins=bins, density=True, histtype="step", color=color, label=category)
    amounts.set(title="amounts, won", xscale="log", yscale="log")
    amounts.legend(frameon=False)
    faces = con.execute(
        "with paid as (select amount, 100.0 * count(*) / sum(count(*)) over () as pct from payment"
        " where category = 'GIFT_CERTIFICATE' group by 1) select format('{:,}', amount), pct from paid"
        " where pct > 0.5 order by amount"
    ).fetchall()
    values.bar(*zip(*faces, strict=True), color=ORANGE)
    values.set(title="gift certificates by face value, per cent")
    values.tick_params(axis="x", labelrotation=30)
    ranked = con.execute(
        "select row_number() over (order by count(*) desc), count(*) from payment group by number order by 1"
    ).fetchall()
    payers.plot(*zip(*ranked, strict=True), color=BLUE)
    payers.set(title="payments of a number, by rank", xscale="log", yscale="log")
    figure.savefig(IMAGES / "sample-payments.png", dpi=100)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
