"""Who comes and who leaves, period by period.

How many lines end on a day is given by the scenario; whose they are is drawn with odds that follow the scenario's
effects. A period's chances depend on what happened in the periods before it, so they are drawn one after the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from string import Template

import duckdb

from orchestration.simulator.extracts import SQL

#: Reasons for which a line ends, and the days since it was opened from which on it can: a new line may not be ported.
LEAST_DAYS = {"PORT_OUT": 93, "VOLUNTARY": 1, "EX_OFFICIO": 60}
OTHER_REASONS = ("VOLUNTARY", "EX_OFFICIO")
#: What the hazards and the odds of the scenario's tables depend on, see `described` in carrier.sql.
LEAVING, DESTINATION = "leaving_effects", "destination_effects"


@dataclass(frozen=True)
class Period:
    """A time in which everybody's chances stay as they were on its first day."""

    number: int
    from_day: date
    to_day: date
    effects: str


def live(connection: duckdb.DuckDBPyConnection) -> Iterator[Period]:
    """Draw arrivals and endings of all periods, in their order; gives each period after it was drawn.

    Fills `booking` (every completed port with its number and line), `life` and `ended`.
    """
    connection.execute("set variable periods = (select count(*) from leaving_periods)")
    for period in _periods(connection):
        _set_period(connection, period)
        _run(connection, "arriving")
        risks = {
            reason: _risk(connection, effects)
            for reason, effects in (("PORT_OUT", period.effects), *((r, r.lower()) for r in OTHER_REASONS))
        }
        _run(
            connection, "hazards",
            ratios=" union all ".join(
                f"select '{reason}' as reason, line_type, part, {risk} as ratio from described_sample"
                f" where opened_on + {LEAST_DAYS[reason]} <= getvariable('period_from')"
                for reason, risk in risks.items()
            ),
        )  # fmt: skip
        for reason, risk in risks.items():
            _run(connection, "leaving", reason=reason, risk=risk, least_days=str(LEAST_DAYS[reason]))
            if reason == "PORT_OUT":
                odds = {f"odds_{name}": effect_product(connection, DESTINATION, name) for name in ("mvno", "lgu")}
                _run(connection, "departing", **odds)
            else:
                _run(connection, "ending")
        yield period


def _risk(connection: duckdb.DuckDBPyConnection, effects: str) -> str:
    return f"least(getvariable('highest_ratio'), {effect_product(connection, LEAVING, effects)})"


def effect_product(connection: duckdb.DuckDBPyConnection, table: str, effects: str) -> str:
    """SQL expression of the product of a table's effects (one of its columns) over the features of a described line.

    A level with a lower bound holds from there up to the next one's; the others hold for that very value. What has no
    level has no effect.
    """
    levels = connection.execute(
        f"select feature, level, at_least, {effects} from {table} order by feature, at_least desc nulls last, level"
    ).fetchall()
    cases: dict[str, list[str]] = {}
    for feature, level, at_least, effect in levels:
        condition = f"{feature} = '{level}'" if at_least is None else f"{feature} >= {at_least}"
        cases.setdefault(feature, []).append(f"when {condition} then {float(effect)}::double")
    return " * ".join(f"case {' '.join(branches)} else 1::double end" for branches in cases.values())


def period_sql(connection: duckdb.DuckDBPyConnection, part: str, period: Period) -> str:
    """A file of SQL about one period, with the hazard ratio of being ported filled in as `$risk`."""
    filled_in = {"risk": _risk(connection, period.effects), "least_days": str(LEAST_DAYS["PORT_OUT"])}
    return Template((SQL / f"{part}.sql").read_text("utf-8")).substitute(filled_in)


def _periods(connection: duckdb.DuckDBPyConnection) -> list[Period]:
    [[last_day]] = connection.execute("select max(day) from processing_day").fetchall()
    begins = connection.execute("select from_day, effects from leaving_periods order by from_day").fetchall()
    ends = [begin - timedelta(days=1) for begin, _ in begins[1:]] + [last_day]
    [[first_day, last_day]] = connection.execute(
        "select getvariable('world_opens'), getvariable('last_day') + 31"  # a port lives within a month of its booking
    ).fetchall()
    return [
        Period(number, begin, end, effects)
        for number, ((begin, effects), end) in enumerate(zip(begins, ends, strict=True))
        if first_day <= begin <= last_day
    ]


def _set_period(connection: duckdb.DuckDBPyConnection, period: Period) -> None:
    for name, value in (
        ("period_no", period.number), ("period_from", period.from_day), ("period_to", period.to_day)
    ):  # fmt: skip
        connection.execute(f"set variable {name} = $value", {"value": value})


def _run(connection: duckdb.DuckDBPyConnection, part: str, **filled_in: str) -> None:
    connection.execute(Template((SQL / f"{part}.sql").read_text("utf-8")).substitute(filled_in))
