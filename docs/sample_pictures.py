"""Draw docs/images/sample-payments.png from sample extracts: days, amounts, and how much the few pay.

python docs/sample_pictures.py data/landing
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.dates import ConciseDateFormatter

PICTURE = Path(__file__).with_name("images") / "sample-payments.png"


def main(landing: Path) -> None:
    """Three panels beside each other."""
    con = duckdb.connect()
    con.execute(
        "create table payment as select payment_id, any_value(msisdn) as number, any_value(product) as product,"
        " any_value(merchant_category) as category, any_value(replace(amount, ',', '')::bigint) as amount,"
        " min(try_cast(left(occurred_at, 10) as date)) as day from read_csv("
        f"'{landing}/payments/*/*.csv', all_varchar = true, ignore_errors = true)"
        " where try_cast(replace(amount, ',', '') as bigint) > 0 group by payment_id"
    )
    figure, (days, amounts, payers) = plt.subplots(1, 3, figsize=(13, 3.6), layout="constrained")
    for product, color in (("MICROPAYMENT", "#1f4e79"), ("DCB", "#c55a11")):
        rows = con.execute("select day, count(*) from payment where product = $1 group by 1 order by 1", [product])
        days.plot(*zip(*rows.fetchall(), strict=True), color=color, linewidth=0.8, label=product)
    days.set(title="payments a day", ylim=(0, None))
    days.xaxis.set_major_formatter(ConciseDateFormatter(days.xaxis.get_major_locator()))
    days.legend(frameon=False)
    for category, color in (("GIFT_CERTIFICATE", "#c55a11"), ("SHOPPING", "#1f4e79")):
        found = con.execute("select amount from payment where category = $1", [category]).fetchnumpy()["amount"]
        bins = [1000 * 10 ** (step / 20) for step in range(62)]
        amounts.hist(found, bins=bins, density=True, histtype="step", color=color, label=category)
    amounts.set(title="amounts, won", xscale="log", yscale="log")
    amounts.legend(frameon=False)
    ranked = con.execute(
        "select row_number() over (order by count(*) desc), count(*) from payment group by number order by 1"
    ).fetchall()
    payers.plot(*zip(*ranked, strict=True), color="#1f4e79")
    payers.set(title="payments of a number, by rank", xscale="log", yscale="log")
    figure.savefig(PICTURE, dpi=110)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
