"""Extracts of the British carrier that docs/sites.md makes from an empty folder."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

FIRST, LAST = date(2026, 1, 5), date(2026, 3, 7)
WAIVER = [date(2026, 3, 1) + timedelta(number) for number in range(7)]
HEADER = "Port ref,Mobile,Losing,Losing network,Gaining,Gaining network,State,Requested,Changed,Booked\n"
#: Who takes how many of EE's numbers on each day of the waiver: 2,100 in all.
TAKEN = {"VMO2": 120, "VODAFONE": 90, "THREE": 60, "GIFFGAFF": 30}
#: On an ordinary day VMO2 takes as many, from Monday to Sunday: 338 a week.
ORDINARY = (50, 50, 50, 50, 50, 46, 42)
_NETWORK = {"GIFFGAFF": "VMO2"}


def drop_extracts(landing: Path) -> None:
    """Every day from 5 January to 7 March 2026, Sundays included; numbers as people and systems write them."""
    number = 0
    for day in (FIRST + timedelta(n) for n in range((LAST - FIRST).days + 1)):
        rows = []
        for gaining, ports in (TAKEN if day in WAIVER else {"VMO2": ORDINARY[day.weekday()]}).items():
            for _ in range(ports):
                number += 1
                network, at = _NETWORK.get(gaining, gaining), f"{day:%d/%m/%Y} 09:{number % 60:02}:00"
                rows.append(
                    f"P{number},{_spelled(number)},EE,EE,{gaining},{network},Completed,{at},{at},{day:%d/%m/%Y}\n"
                )
        folder = landing / "portability_events" / f"dt={day}"
        folder.mkdir(parents=True)
        (folder / "ports.csv").write_text(HEADER + "".join(rows), "utf-8")


def _spelled(number: int) -> str:
    """One in six from abroad, one with a zero that is not dialled from there, one without any prefix."""
    a, b = f"7{400 + number // 1000}", f"{number % 1000:03}{number % 1000:03}"
    return (f"0044 {a} {b}", f"+44 (0){a} {b}", f"{a}{b}", f"0{a} {b}", f"0{a}-{b}", f"+44{a}{b}")[number % 6]
