"""What was known of a payment's number, merchant and cell, counted again row by row, in pandas, without a window."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import duckdb
import pandas as pd

Row = dict[str, Any]
WINDOWS = (1, 7, 30)
DAY = timedelta(days=1)


class Known:
    """The facts of a warehouse, and what of them was known by a day."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        facts = con.sql("from intermediate.int_payment_latest")
        self.payments = pd.DataFrame(facts.fetchall(), columns=facts.columns)
        for column in [name for name in self.payments if name.endswith("_dt")]:
            self.payments[column] = pd.to_datetime(self.payments[column])
        begin = self.payments["first_dt"].dt.tz_localize("Asia/Seoul")
        end = begin + DAY - timedelta(seconds=1)
        occurred = self.payments["occurred_at"].dt.tz_convert("Asia/Seoul")
        self.payments["known_at"] = occurred.clip(lower=begin, upper=end)
        self.payments["is_refused"] = self.payments["refused_dt"] <= self.payments["first_dt"]
        labels = con.sql("select *, coalesce(known_to, date '9999-12-31') as until from intermediate.int_fraud_known")
        self.labels = [dict(zip(labels.columns, row, strict=True)) for row in labels.fetchall()]
        rejected = con.sql(
            "select payment_id, min(dt) from raw.payment_disputes where status = 'REJECTED' group by all"
        ).fetchall()
        self.rejected: dict[str, date] = dict(rejected)
        lines = con.sql(
            "select line_key, dt, activated_on from raw.subscriptions order by line_key, dt, changed_at"
        ).fetchall()
        self.first_of_line = {line: (dt, activated_on) for line, dt, activated_on in reversed(lines)}

    def frauds(self, of: pd.DataFrame, day: date, days: int, dt: str = "first_dt") -> int:
        """Of these payments, those known as fraud on the day, since so many days at most."""
        told = dict(zip(of["payment_id"], of[dt], strict=True))
        stand = (label for label in self.labels if label["payment_id"] in told and day < label["until"])
        since = (max(label["known_from"], told[label["payment_id"]].date()) for label in stand)
        return sum(day - timedelta(days=days) < known_on <= day for known_on in since)

    def of_numbers(self) -> Iterator[Row]:
        """What `int_number_habit` says of each payment, as far as payments and labels tell it."""
        for payment in self.payments.to_dict("records"):
            own = self.payments[self.payments["number_key"] == payment["number_key"]]
            age, day = payment["known_at"] - own["known_at"], payment["first_dt"]
            paid = own[~own["is_refused"]]
            before = paid[(age[paid.index] >= timedelta(seconds=1)) & (age[paid.index] <= 90 * DAY)]
            month = paid[(age[paid.index] >= timedelta(0)) & (paid["first_dt"].dt.to_period("M") == day.to_period("M"))]
            row: Row = {"payment_id": payment["payment_id"], "earlier_payments": len(before)}
            row["usual_amount"] = before["amount"].mean() if len(before) else None
            row["cap_used_pct"] = 100 * month["amount"].sum() / payment["monthly_limit"]
            for days in WINDOWS:
                within = paid[(age[paid.index] >= timedelta(0)) & (age[paid.index] <= days * DAY)]
                row[f"payments_{days}d"] = len(within)
                row[f"amount_{days}d"] = within["amount"].sum()
                row[f"largest_{days}d"] = within["amount"].max() if len(within) else 0
            row["failed_7d"] = sum(
                timedelta(0) <= payment["known_at"] - told <= 7 * DAY for told in self._failures(own)
            )
            row["abandoned_7d"] = sum(
                timedelta(0) <= payment["known_at"] - (first + DAY).tz_localize("Asia/Seoul") <= 7 * DAY
                for first, ended in zip(own["first_dt"], own["ended_dt"], strict=True)
                if not ended <= first + DAY
            )
            row["frauds_30d"] = self.frauds(own, day.date(), 30)
            told, activated_on = self.first_of_line.get(payment["line_key"], (date.max, None))
            row["days_since_activation"] = (day.date() - activated_on).days if told <= day.date() else None
            row["rejected_disputes"] = sum(
                day.date() - 180 * DAY < self.rejected.get(name, date.max) <= day.date() for name in own["payment_id"]
            )
            yield row

    def _failures(self, own: pd.DataFrame) -> Iterator[pd.Timestamp]:
        for known_at, first, refused in zip(own["known_at"], own["first_dt"], own["refused_dt"], strict=True):
            if refused <= first:
                yield known_at
            elif refused <= first + 30 * DAY:
                yield refused.tz_localize("Asia/Seoul")

    def of_places(self) -> Iterator[Row]:
        """What `int_place_day` says of each merchant and cell."""
        for kind, place, dt in (("MERCHANT", "merchant_id", "first_dt"), ("CELL", "cell_id", "cell_dt")):
            for name, there in self.payments[self.payments[place].notna()].groupby(place):
                for day in there[dt].unique():
                    row: Row = {"kind": kind, "place": name, "dt": day.date()}
                    for days in WINDOWS:
                        within = there[(there[dt] <= day) & (there[dt] > day - days * DAY)]
                        row[f"payments_{days}d"] = len(within)
                        row[f"amount_{days}d"] = within["amount"].sum()
                        row[f"numbers_{days}d"] = within["number_key"].nunique()
                        row[f"frauds_{days}d"] = self.frauds(there, day.date(), days, dt)
                    yield row
