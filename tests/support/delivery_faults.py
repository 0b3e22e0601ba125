"""Deliveries as files: an ordinary Tuesday after four others, and what can be wrong with it."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

from tests.support.feeds import FEEDS

DAY = date(2025, 12, 16)
EARLIER = [DAY - timedelta(weeks=weeks) for weeks in (4, 3, 2, 1)]
EXODUS = date(2026, 1, 6)  # a Tuesday within the fee waiver

#: Rows of an ordinary day.
_ROWS = {
    "portability_events": 1100, "payments": 400, "subscriptions": 400, "cell_registry": 150, "cell_attachments": 300,
    "sim_changes": 120, "alert_dispositions": 20, "termination_fees": 40, "invoices": 60, "payment_disputes": 320,
    "provider_line_counts": 6, "provider_port_records": 200, "retention_contacts": 100,
}  # fmt: skip
#: Feeds that are delivered on each of these days.
DELIVERED = tuple(_ROWS)
Row = dict[str, str]


def row(feed: str, day: date, number: int) -> Row:
    """The row `number` of a feed's delivery for a day."""
    key, at = f"{day:%m%d}{number:05}", f"{day} 10:00:00"
    of_feed: dict[str, Row] = {
        "portability_events": {
            "port_id": f"P{key}", "event_seq": "1", "msisdn": f"010-1234-{number:04}", "donor_provider": "KT",
            "donor_network": "KT", "recipient_provider": "SKT", "recipient_network": "SKT", "line_type": "HANDSET",
            "status": "COMPLETED", "reject_code": "", "requested_at": at, "status_at": f"{day} 11:00:00",
            "processed_on": str(day),
        },
        "payments": {
            "payment_id": f"Y{key}", "event_seq": "1", "line_id": f"L{number}", "msisdn": f"010-1234-{number:04}",
            "product": "MICROPAYMENT", "merchant_id": "M1", "merchant_category": "GAME", "amount": str(9000 + number),
            "auth_method": "ARS", "is_ars_call_complete": "Y", "cell_id": f"C{number % 50}", "monthly_limit": "500000",
            "limit_raised_at": "", "status": "SUCCEEDED", "occurred_at": at,
        },
        "subscriptions": {
            "line_id": f"L{key}", "msisdn": f"010-1234-{number:04}", "provider": "KT", "plan_code": "P1",
            "monthly_fee": "50000", "line_type": "HANDSET", "contract_kind": "SUBSIDY", "activated_on": "2024-01-01",
            "contract_start_on": "2024-01-01", "contract_end_on": "2026-01-01", "etf": "100000", "status": "ACTIVE",
            "termination_reason": "", "birth_year": "1980", "region_code": "11", "changed_at": at,
        },
        "cell_registry": {
            "cell_id": f"C{number}", "kind": "MACRO", "region_code": "11", "registered_on": "2020-01-01",
            "deregistered_on": "",
        },
        "cell_attachments": {
            "msisdn": f"010-1234-{number:04}", "cell_id": f"F{number % 50}", "region_code": "11", "hour_start": at,
            "attach_count": "3", "first_seen_at": f"{day} 10:00:09", "last_seen_at": f"{day} 10:58:30",
        },
        "sim_changes": {"msisdn": f"010-1234-{number:04}", "changed_at": at, "channel": "SHOP"},
        "alert_dispositions": {
            "case_id": f"case-Y{key}", "disposition": "CLEARED", "decided_at": at, "analyst": f"A-{number % 4}",
        },
        "retention_contacts": {
            "line_id": f"L{number}", "offer": "PRICE_CUT", "arm": "CALL", "contacted_at": at, "outcome": "DECLINED",
            "cost_amount": str(2000 + number),
        },
        "termination_fees": {
            "fee_event_id": f"F{key}", "line_id": f"L{number}", "event": "CHARGED", "reason": "", "amount": "130000",
            "occurred_at": at,
        },
        "invoices": {
            "invoice_id": f"B{key}", "line_no": "1", "line_id": f"L{number}", "billing_month": f"{day:%Y-%m}",
            "charge_kind": "RECURRING", "amount": "50000", "invoice_total": "50000", "issued_on": str(day),
        },
        "payment_disputes": {
            "dispute_id": f"D{key}", "event_seq": "1", "payment_id": f"Y{key}", "status": "OPENED",
            "refunded_amount": "0", "occurred_at": at,
        },
        "provider_line_counts": {
            "month": f"{day:%Y-%m}", "provider": f"P{number}", "line_type": "HANDSET",
            "lines": str(1_000_000 + day.day),
        },
        "provider_port_records": {
            "reporter": "KT", "port_id": f"P{key}", "donor_provider": "KT", "recipient_provider": "SKT",
            "status": "COMPLETED", "processed_on": str(day),
        },
    }  # fmt: skip
    return of_feed[feed]


def write(
    folder: Path, feed: str, rows: list[Row], day: date, *, name: str = "day.csv", has_manifest: bool = True
) -> None:
    """Deliver rows as one file, with a manifest that is true of it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(row(feed, day, 0)), delimiter=FEEDS[feed].delimiter, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    if has_manifest:
        manifest(folder, rows, day)


def manifest(folder: Path, rows: list[Row], day: date, /, **changes: object) -> None:
    """A manifest over the folder's files; `changes` are laid over the entry of each."""
    files = [path for path in sorted(folder.iterdir()) if path.name != "_manifest.json"]
    first = rows[0] if rows else {}
    entries = [
        {"name": path.name, "rows": len(rows), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        | ({"control_totals": {"amount": sum(int(entry["amount"]) for entry in rows)}} if "amount" in first else {})
        | changes
        for path in files
    ]
    delivered_at = f"{day + timedelta(days=1)}T05:40:00+09:00"
    (folder / "_manifest.json").write_text(json.dumps({"delivered_at": delivered_at, "files": entries}), "utf-8")


def rows_of(feed: str, day: date, share: float = 1.0) -> list[Row]:
    """An ordinary day's rows, or a share of them."""
    return [row(feed, day, number) for number in range(round(share * _ROWS[feed]))]


def deliver(landing: Path, feed: str, day: date, share: float = 1.0) -> None:
    """An ordinary delivery, or one of another size."""
    write(landing / feed / f"dt={day}", feed, rows_of(feed, day, share), day)


class DeliveryFault(NamedTuple):
    """What is planted into the delivery of `DAY`: a function of its folder, in landing or, once taken, in raw."""

    story: str
    relation: str
    expectation: str
    plant: Callable[[Path], None]
    closes: bool = True
    is_in_raw: bool = False


def _text(change: Callable[[str], str]) -> Callable[[Path], None]:
    """A change of the file as it stands; the manifest no longer lists what it is."""

    def plant(folder: Path) -> None:
        path = folder / "day.csv"
        path.write_text(change(path.read_text("utf-8")), "utf-8")
        manifest_of_time_only(folder)

    return plant


def manifest_of_time_only(folder: Path) -> None:
    """A manifest that says when, and nothing of the files."""
    path = folder / "_manifest.json"
    path.write_text(json.dumps({"delivered_at": json.loads(path.read_text("utf-8"))["delivered_at"]}), "utf-8")


def _rows(feed: str, change: Callable[[list[Row]], list[Row]]) -> Callable[[Path], None]:
    """Another list of rows, with a manifest that is true of it."""
    return lambda folder: write(folder, feed, change(rows_of(feed, DAY)), DAY)


def _each(every: int, **values: str) -> Callable[[list[Row]], list[Row]]:
    """Values laid over each `every`-th row."""
    return lambda rows: [entry | values if number % every == 0 else entry for number, entry in enumerate(rows)]


def _amounts(factor: float) -> Callable[[list[Row]], list[Row]]:
    return lambda rows: [entry | {"amount": str(round(factor * int(entry["amount"])))} for entry in rows]


def _truncated_gzip(folder: Path) -> None:
    path = folder / "day.csv"
    content = gzip.compress(path.read_bytes())
    path.unlink()
    (folder / "day.csv.gz").write_bytes(content[: len(content) // 2])
    manifest_of_time_only(folder)


def _in_two_files(folder: Path) -> None:
    shutil.copyfile(folder / "day.csv", folder / "day-copy.csv")
    manifest_of_time_only(folder)


def _the_week_before(folder: Path) -> None:
    shutil.copyfile(folder.parent / f"dt={EARLIER[-1]}" / "day.csv", folder / "renamed.csv")
    (folder / "day.csv").unlink()
    manifest_of_time_only(folder)


def _a_row_less(folder: Path) -> None:
    """The receipt of a revision says that a row was taken which is in no place."""
    path = folder / "receipt.json"
    receipt = json.loads(path.read_text("utf-8"))
    receipt["files"][0]["accepted"] -= 1
    path.write_text(json.dumps(receipt), "utf-8")


def _manifest(**changes: object) -> Callable[[Path], None]:
    return lambda folder: manifest(folder, rows_of(folder.parent.name, DAY), DAY, **changes)


def _late(folder: Path) -> None:
    path = folder / "_manifest.json"
    path.write_text(path.read_text("utf-8").replace("2025-12-17T", "2025-12-20T"), "utf-8")


def _before_its_day(folder: Path) -> None:
    path = folder / "_manifest.json"
    path.write_text(path.read_text("utf-8").replace("2025-12-17T", "1980-01-01T"), "utf-8")


def _two_days(rows: list[Row]) -> list[Row]:
    return rows + rows_of("portability_events", DAY + timedelta(days=1))


_PORTS, _PAYMENTS, _LINES, _CELLS = "portability_events", "payments", "subscriptions", "cell_registry"
_ATTACHMENTS, _SIMS, _DECISIONS = "cell_attachments", "sim_changes", "alert_dispositions"
_FEES, _INVOICES, _DISPUTES, _LINE_COUNTS = "termination_fees", "invoices", "payment_disputes", "provider_line_counts"
DELIVERY_FAULTS = [
    DeliveryFault(
        "a renamed column", _PORTS, "accepted", _text(lambda text: text.replace("donor_provider", "from_provider", 1))
    ),
    DeliveryFault("a truncated extract: half a gzip file", _PORTS, "accepted", _truncated_gzip),
    DeliveryFault("a file cut off below the manifest's row count", _PAYMENTS, "accepted", _manifest(rows=500)),
    DeliveryFault("a file other than the one in the manifest", _PORTS, "accepted", _manifest(sha256="0" * 64)),
    DeliveryFault("a file that the manifest lists and nobody sent", _PORTS, "accepted", _manifest(name="other.csv")),
    DeliveryFault(
        "a sum other than the manifest's", _PAYMENTS, "accepted", _manifest(control_totals={"amount": 1234567})
    ),
    DeliveryFault("another delimiter", _PORTS, "accepted", _text(lambda text: text.replace(",", ";"))),
    DeliveryFault(
        "a file in UTF-16 without the mark that says so",
        _PORTS,
        "accepted",
        lambda folder: (
            (folder / "day.csv").write_bytes((folder / "day.csv").read_text("utf-8").encode("utf-16-le")),
            manifest_of_time_only(folder),
        )[1],
    ),
    DeliveryFault(
        "half a day", _PORTS, "volume_on_an_ordinary_day", _rows(_PORTS, lambda rows: rows[: len(rows) // 2])
    ),
    DeliveryFault(
        "a volume drop of 30 % on an ordinary day",
        _PORTS,
        "volume_on_an_ordinary_day",
        _rows(_PORTS, lambda rows: rows[: round(0.7 * len(rows))]),
    ),
    DeliveryFault(
        "a volume drop of 30 % of the payments",
        _PAYMENTS,
        "volume_on_an_ordinary_day",
        _rows(_PAYMENTS, lambda rows: rows[: round(0.7 * len(rows))]),
    ),
    DeliveryFault(
        "half of the lines' changes",
        _LINES,
        "volume_on_an_ordinary_day",
        _rows(_LINES, lambda rows: rows[: len(rows) // 2]),
    ),
    DeliveryFault(
        "a header and nothing else",
        _PORTS,
        "volume_on_an_ordinary_day",
        _text(lambda text: text.splitlines(keepends=True)[0]),
    ),
    DeliveryFault("hardly any payments", _PAYMENTS, "volume_collapsed", _rows(_PAYMENTS, lambda rows: rows[:20])),
    DeliveryFault(
        "a sixth of the cell registry missing", _CELLS, "volume_collapsed", _rows(_CELLS, lambda rows: rows[:125])
    ),
    DeliveryFault(
        "some cells missing from the registry", _CELLS, "volume_low", _rows(_CELLS, lambda rows: rows[:143]), False
    ),
    DeliveryFault(
        "an outage of the core: a third of the attachments missing",
        _ATTACHMENTS,
        "volume_low",
        _rows(_ATTACHMENTS, lambda rows: rows[:200]),
        False,
    ),
    DeliveryFault(
        "most of the attachments missing",
        _ATTACHMENTS,
        "volume_collapsed",
        _rows(_ATTACHMENTS, lambda rows: rows[:100]),
    ),
    DeliveryFault(
        "attachments seen outside their hour",
        _ATTACHMENTS,
        "quarantine_within_tolerance",
        _rows(_ATTACHMENTS, _each(9, last_seen_at=f"{DAY} 12:00:00")),
    ),
    DeliveryFault(
        "a wave of SIM changes",
        _SIMS,
        "volume_high",
        _rows(_SIMS, lambda rows: [row(_SIMS, DAY, number) for number in range(4 * len(rows))]),
        False,
    ),
    DeliveryFault(
        "decisions of a kind that nobody agreed on",
        _DECISIONS,
        "quarantine_within_tolerance",
        _rows(_DECISIONS, _each(4, disposition="ESCALATED")),
    ),
    DeliveryFault(
        "refunds refused for no reason",
        _FEES,
        "quarantine_within_tolerance",
        _rows(_FEES, _each(9, event="REFUND_REFUSED")),
    ),
    DeliveryFault(
        "an extract of the invoices taken before the billing run",
        _INVOICES,
        "has_rows",
        _rows(_INVOICES, lambda rows: rows[:0]),
        False,
    ),
    DeliveryFault(
        "a day delivered twice, the second time as another day", _PORTS, "not_delivered_before", _the_week_before
    ),
    DeliveryFault(
        "a file sent twice, the second time under another name", _PORTS, "duplicates_rare", _in_two_files, False
    ),
    DeliveryFault("a delivery said to be older than its day", _PORTS, "time_believed", _before_its_day, False),
    DeliveryFault(
        "a few rows from the future", _PORTS, "rows_in_their_time",
        _rows(_PORTS, _each(300, requested_at="2026-02-01 10:00:00", status_at="2026-02-01 11:00:00")), False,
    ),
    DeliveryFault(
        "last year's file under this day's name", _PORTS, "rows_of_this_day",
        _rows(_PORTS, _each(1, requested_at="2024-12-16 10:00:00", status_at="2024-12-16 11:00:00")),
    ),
    DeliveryFault("two days in one delivery", _PORTS, "volume_high", _rows(_PORTS, _two_days), False),
    DeliveryFault(
        "a column that nobody announced",
        _PORTS,
        "no_unknown_columns",
        _text(lambda text: "".join(f"{line},x\n" for line in text.splitlines())),
        False,
    ),
    DeliveryFault(
        "negative amounts", _PAYMENTS, "quarantine_within_tolerance", _rows(_PAYMENTS, _each(5, amount="-5000"))
    ),
    DeliveryFault(
        "numbers that are not numbers", _PORTS, "quarantine_within_tolerance", _rows(_PORTS, _each(9, msisdn="unknown"))
    ),
    DeliveryFault(
        "ports without a provider", _PORTS, "quarantine_within_tolerance", _rows(_PORTS, _each(9, donor_provider=""))
    ),
    DeliveryFault(
        "keys reused within a day", _PORTS, "quarantine_within_tolerance", _rows(_PORTS, _each(9, port_id="P1"))
    ),
    DeliveryFault(
        "a new word for a state", _PORTS, "no_reason_jumps", _rows(_PORTS, _each(40, status="PARKED")), False
    ),
    DeliveryFault("amounts in another unit", _PAYMENTS, "totals_in_one_unit", _rows(_PAYMENTS, _amounts(0.01))),
    DeliveryFault("amounts of another kind", _PAYMENTS, "totals_as_usual", _rows(_PAYMENTS, _amounts(5)), False),
    DeliveryFault("a delivery three days late", _PORTS, "on_time", _late, False),
    DeliveryFault("a row lost between the file and raw", _PAYMENTS, "rows_conserved", _a_row_less, is_in_raw=True),
    DeliveryFault(
        "an outage of the clearing house: two ports in five", _PORTS, "volume_low",
        _rows(_PORTS, lambda rows: rows[:440]), False,
    ),
    DeliveryFault(
        "an outage of the aggregator: two payments in five", _PAYMENTS, "volume_low",
        _rows(_PAYMENTS, lambda rows: rows[:160]), False,
    ),
    DeliveryFault(
        "a quarter of the lines' changes", _LINES, "volume_low", _rows(_LINES, lambda rows: rows[:100]), False
    ),
    DeliveryFault("hardly any SIM changes", _SIMS, "volume_low", _rows(_SIMS, lambda rows: rows[:10]), False),
    DeliveryFault("complaints that stop", _DISPUTES, "volume_low", _rows(_DISPUTES, lambda rows: rows[:30]), False),
    DeliveryFault(
        "a day on which a provider hardly reports", "provider_port_records", "volume_low",
        _rows("provider_port_records", lambda rows: rows[:10]), False,
    ),
    DeliveryFault(
        "a regulator's month without a line", _LINE_COUNTS, "has_rows", _rows(_LINE_COUNTS, lambda rows: []), False
    ),
    *(
        DeliveryFault(f"the week before once more, as today's {what}", feed, "not_delivered_before", _the_week_before)
        for feed, what in (
            (_PAYMENTS, "payments"), (_LINES, "changes of lines"), (_ATTACHMENTS, "attachments"),
            (_SIMS, "SIM changes"), (_DECISIONS, "decisions"), (_FEES, "fees"), (_INVOICES, "invoices"),
            (_DISPUTES, "complaints"), ("retention_contacts", "calls"),
        )
    ),
    DeliveryFault(
        "a file cut within its last line, and no manifest that counts it",
        _PORTS,
        "last_lines_whole",
        _text(lambda text: text[:-4]),
        False,
    ),
    DeliveryFault(
        "a manifest left out",
        _PORTS,
        "manifest_as_usual",
        lambda folder: (folder / "_manifest.json").unlink(),
        False,
    ),
]  # fmt: skip
