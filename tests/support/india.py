"""Extracts of the Indian site in `tests/sites/india`."""

from __future__ import annotations

from datetime import date
from pathlib import Path

INDIA = Path(__file__).parents[1] / "sites" / "india"
MONDAY, TUESDAY = date(2026, 2, 2), date(2026, 2, 3)
#: Who took how many numbers of NEEL on each day.
_TAKEN = {MONDAY: {"LAAL": 8, "KIRANA": 3, "SASTA": 1}, TUESDAY: {"LAAL": 4, "BHARAT TALK": 2}}
_NETWORK = {"LAAL": "LAAL", "SASTA": "LAAL", "KIRANA": "NEEL", "BHARAT TALK": "NEEL"}


def drop_extracts(landing: Path) -> None:
    """18 numbers leave NEEL in two days, 12 of them to LAAL; on Tuesday 2 come back. Payments of some lakh rupees."""
    for day, taken in _TAKEN.items():
        rows = [
            (f"{who[0]}{n}", "NEEL", "NEEL", who, _NETWORK[who]) for who, count in taken.items() for n in range(count)
        ]
        rows += [(f"R{n}", "LAAL", "LAAL", "NEEL", "NEEL") for n in range(2) if day == TUESDAY]
        lines = [
            f"{key}-{day:%d},98765{at:05},{donor},{network},{recipient},{to},"
            f"{'Prepaid' if at % 3 else 'Postpaid'},Ported,{day:%d-%b-%Y} 10:00:00,7\n"
            for at, (key, donor, network, recipient, to) in enumerate(rows, 100 * day.day)
        ]
        header = "UPC,Mobile No,DNO,DNO Network,RNO,RNO Network,Plan,Order Status,Scheduled,Batch\n"
        _drop(landing, "portability_events", day, header + "".join(lines))
        amounts = ["1,23,456.78", "₹ 99", "Rs.12,34,567.00"]
        _drop(landing, "payments", day, "".join(
            f"T{day:%d}{at}|+91 98765 {at:05}|M{at}|GAME|{amount}|{day:%d-%b-%Y} 21:15:00\n"
            for at, amount in enumerate(amounts)
        ))  # fmt: skip


def _drop(landing: Path, feed: str, day: date, text: str) -> None:
    folder = landing / feed / f"dt={day}"
    folder.mkdir(parents=True)
    (folder / "extract.csv").write_text(text, "utf-8")
