"""Two hundred random ports and what billing knows of them: every churn mart against a simple count of our own."""

from __future__ import annotations

import csv
import random
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
from lifelines import AalenJohansenFitter, KaplanMeierFitter
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from tests.support.dbt_warehouse import REFERENCE, Warehouse

PROVIDERS = {"KT": "KT", "SKT": "SKT", "LGU": "LGU", "KT_MVNO": "MVNO", "SKT_MVNO": "MVNO"}
MNOS = {"KT", "SKT", "LGU"}
INCIDENTS = {
    "SKT_BREACH_2025": ("SKT", "2025-04-19", "2025-07-04"),
    "SKT_SIGNUP_SUSPENSION_2025": ("SKT", "2025-05-05", "2025-06-23"),
    "SKT_WAIVER_2025": ("SKT", "2025-07-05", "2025-07-14"),
    "KT_BREACH_2025": ("KT", "2025-08-05", "2025-09-05"),
    "KT_WAIVER_2026": ("KT", "2025-12-31", "2026-01-13"),
}
WAIVERS = {"SKT_WAIVER_2025": date(2025, 4, 19), "KT_WAIVER_2026": date(2025, 9, 1)}  # the day each reaches back to
RETURNERS_FROM = {"KT_WAIVER_2026": date(2025, 9, 1)}
CLAIMS_UNTIL = {"KT_WAIVER_2026": date(2026, 1, 31)}
WAIVER_YEAR = {"SKT": 2025, "KT": 2026}
FIRST, LAST = date(2025, 1, 5), date(2026, 2, 28)
FEES_TOLD_ON = date(2026, 1, 5)  # what came then; the rest came on the last day
Row = dict[str, Any]


def _key(kind: int, number: int) -> UUID:
    return UUID(int=kind << 64 | number)


def _noon(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time()) + timedelta(hours=12)


def _months(since: date, until: date) -> int:
    """Full months between two dates."""
    return (until.year - since.year) * 12 + until.month - since.month - (until.day < since.day)


def _port_events(rng: random.Random) -> dict[tuple[date, int], list[Row]]:
    """Deliveries of two hundred ports, five to a number, by day and revision; seven days are corrected."""
    days: dict[tuple[date, int], list[Row]] = defaultdict(list)
    for i in range(200):
        donor, recipient = rng.sample(sorted(PROVIDERS), 2)
        booked_on = FIRST + timedelta(days=i // 40 * 75 + rng.randrange(1, 74))
        asked_on = booked_on - timedelta(days=rng.randrange(3))
        end = rng.choices(["COMPLETED", "REJECTED", "WITHDRAWN"], [80, 10, 10])[0]
        life = [("REQUESTED", asked_on), ("REJECTED" if end == "REJECTED" else "COMPLETED", booked_on)]
        life += [("WITHDRAWN", booked_on + timedelta(days=4))] if end == "WITHDRAWN" else []
        for seq, (status, on) in enumerate(life, 1):
            row = {
                "port_id": f"P{i}", "event_seq": seq, "number_key": _key(1, i % 40), "donor_provider": donor,
                "donor_network": donor[:2], "recipient_provider": recipient, "recipient_network": recipient[:2],
                "line_type": "IOT" if i % 9 == 0 else "HANDSET", "status": status, "requested_at": _noon(asked_on),
                "sales_channel": ["DEALER", "ONLINE", None][i % 3], "dealer_code": None if i % 3 else f"D{i % 2}",
                "status_at": _noon(on), "processed_on": booked_on if status == "COMPLETED" else None,
            }  # fmt: skip
            days[on + timedelta(days=rng.choice([0, 0, 0, 2, 5])), 1].append(row)
    for dt, _ in rng.sample(sorted(days), 7):
        days[dt, 2] = [
            row | {"processed_on": row["processed_on"] and row["processed_on"] + timedelta(days=1)}
            for row in days[dt, 1][rng.randrange(2) :]
        ]
    days[LAST, 1] += []
    return days


def _subscriptions(rng: random.Random) -> list[Row]:
    """Eighty lines, forty of them with a number that ports; billing tells of none before 2025."""
    rows = []
    for i in range(80):
        activated_on = date(2024, 10, 1) + timedelta(days=rng.randrange(300))
        observed_on = max(activated_on, date(2025, 1, 1))
        base = {
            "line_key": _key(2, i), "number_key": _key(1, i), "provider": "KT" if i % 2 else "SKT",
            "plan_code": "AB"[i % 3 % 2], "monthly_fee": 30_000 + 1_000 * i, "contract_kind": "SUBSIDY",
            "line_type": "IOT" if i % 7 == 0 else "HANDSET", "activated_on": activated_on, "region_code": "41210",
            "contract_start_on": activated_on + timedelta(days=100 * (i % 4 < 2)), "etf": 2_000 * i,
            "contract_end_on": activated_on + timedelta(days=540),
            "dealer_code": f"D{i % 5}" if i % 5 < 3 else None, "account_key": _key(4, i // 6) if i % 4 else None,
        }  # fmt: skip
        rows.append(base | {"status": "ACTIVE", "changed_at": _noon(observed_on)})
        if rng.random() < 0.6:
            ended_on = observed_on + timedelta(days=rng.randrange(1, 200))
            reason = rng.choice(["PORT_OUT", "PORT_OUT", "VOLUNTARY"] if i % 5 else ["EX_OFFICIO"])
            rows.append(base | {"status": "TERMINATED", "termination_reason": reason, "changed_at": _noon(ended_on)})
            if rng.random() < 0.2:
                rows.append(base | {"status": "ACTIVE", "changed_at": _noon(ended_on + timedelta(days=3))})
    return rows


def _leavers(rng: random.Random) -> list[Row]:
    """Forty lines that a waiver's terms allow to leave, on days since it reaches back; some come back."""
    rows = []
    for i in range(100, 140):
        activated_on = date(2025, 1, 1) + timedelta(days=i)
        ended_on = date(2025, 9, 1) + timedelta(days=rng.randrange(130))
        base = {
            "line_key": _key(2, i), "number_key": _key(1, i), "provider": "KT", "plan_code": "AB"[i % 2],
            "monthly_fee": 30_000, "contract_kind": "SUBSIDY", "line_type": "HANDSET", "activated_on": activated_on,
            "region_code": "41210", "contract_start_on": activated_on, "etf": 2_000 * i,
            "contract_end_on": activated_on + timedelta(days=540),
        }  # fmt: skip
        rows.append(base | {"status": "ACTIVE", "changed_at": _noon(activated_on)})
        rows.append(base | {"status": "TERMINATED", "termination_reason": "PORT_OUT", "changed_at": _noon(ended_on)})
        if i % 5 == 0:
            rows.append(base | {"status": "ACTIVE", "changed_at": _noon(ended_on + timedelta(days=3))})
    return rows


def _fees(rng: random.Random, subscriptions: list[Row]) -> list[Row]:
    """The fee of every line that ended, asked back by most: paid, refused, or not decided yet."""
    rows = []
    for line in subscriptions:
        if line["status"] != "TERMINATED":
            continue
        fate = rng.choice(["KEPT", "ASKED", "REFUNDED", "REFUNDED", "REFUND_REFUSED"])
        life = [("CHARGED", None, 0)]
        if line["line_key"].int % 11 == 0:  # the port is withdrawn, and the fee with it
            fate, life = "KEPT", [*life, ("REFUNDED", "PORT_WITHDRAWN", 3)]
        life += [("REFUND_REQUESTED", f"{line['provider']}_WAIVER_{WAIVER_YEAR[line['provider']]}", 20)] * (
            fate != "KEPT"
        )
        life += [(fate, rng.choice(["IOT", "LOST_FILE"]) if fate.endswith("REFUSED") else None, 40)] * fate.startswith(
            "R"
        )
        rows += [
            {
                "fee_event_id": f"{line['line_key']}{event}", "line_key": line["line_key"], "event": event,
                "reason": reason, "amount": line["etf"], "occurred_at": line["changed_at"] + timedelta(days=after),
            }
            for event, reason, after in life
        ]  # fmt: skip
    return rows


def _invoices(subscriptions: list[Row]) -> list[Row]:
    """Three invoices of every other line: the list fee, and a discount that grows with the month."""
    return [
        {
            "invoice_id": f"B{line['line_key']}{month}", "line_no": no, "line_key": line["line_key"],
            "billing_month": date(2025, month, 1), "charge_kind": kind, "amount": amount, "issued_on": LAST,
            "invoice_total": line["monthly_fee"] - month,
        }
        for line in subscriptions[::2] if line["status"] == "ACTIVE"
        for month in (3, 5, 7)
        for no, (kind, amount) in enumerate([("RECURRING", line["monthly_fee"]), ("DISCOUNT", -month)], 1)
    ]  # fmt: skip


def _contacts(rng: random.Random, subscriptions: list[Row], ports: list[Row]) -> list[Row]:
    """Calls of every line, and others in the weeks before a port; one in four lines is held out, one of them not."""
    keys = sorted({row["line_key"] for row in subscriptions})
    days = [(key, FIRST + timedelta(days=rng.randrange(400))) for key in keys for _ in range(6)]
    days += [
        (_key(2, port["number_key"].int & 0xFF), port["on"] - timedelta(days=rng.randrange(-1, 45))) for port in ports
    ]
    rows = []
    for key, day in days:
        arm = "CALL" if key.int % 4 else "HOLD_OUT"
        outcome = rng.choice(["ACCEPTED", "DECLINED", "NOT_REACHED"]) if arm == "CALL" or key.int % 8 else "NOT_CALLED"
        rows.append({
            "line_key": key, "offer": rng.choice("AB"), "arm": arm, "outcome": outcome,
            "contacted_at": _noon(day) + timedelta(minutes=rng.randrange(600)),
            "cost_amount": rng.choice([None, 2_500, 60_000]),
        })  # fmt: skip
    return list({(row["line_key"], row["contacted_at"]): row for row in rows}.values())


def _counts(rng: random.Random) -> dict[date, list[Row]]:
    """The regulator's counts of four months, by delivery: the second month's are corrected, the third lacks a group."""
    days = {}
    for at, dt in enumerate((date(2025, 4, 20), date(2025, 5, 20), date(2025, 6, 20), date(2025, 6, 24), LAST)):
        month = [date(2025, 3, 1), date(2025, 4, 1), date(2025, 5, 1), date(2025, 4, 1), date(2025, 6, 1)][at]
        days[dt] = [
            {"month": month, "provider": provider, "line_type": kind, "lines": rng.randrange(10**5, 10**6)}
            for provider in PROVIDERS for kind in ("HANDSET", "IOT") if (at, provider) != (2, "LGU")
        ]  # fmt: skip
    return days


class ByHand:
    """The world's rows, and the built warehouse beside them."""

    def __init__(self, warehouse: Warehouse) -> None:
        rng = random.Random(20260113)
        self.warehouse = warehouse
        self.deliveries = _port_events(rng)
        self.subscriptions = _subscriptions(rng) + _leavers(random.Random(14))
        for (dt, rev), rows in sorted(self.deliveries.items(), key=lambda item: item[0]):
            warehouse.deliver("portability_events", str(dt), rows, rev=rev)
        warehouse.deliver("subscriptions", "2025-01-01", self.subscriptions)
        self.fees = _fees(rng, self.subscriptions)
        self.invoices = list(
            {(row["invoice_id"], row["line_no"]): row for row in _invoices(self.subscriptions)}.values()
        )
        for dt, is_early in ((FEES_TOLD_ON, True), (LAST, False)):
            told = [row for row in self.fees if (row["occurred_at"].date() <= FEES_TOLD_ON) == is_early]
            warehouse.deliver("termination_fees", str(dt), told)
        warehouse.deliver("invoices", str(LAST), self.invoices)
        with warehouse.connect() as con:  # one revision tells that billing reaches as far as the ports
            con.execute("insert into raw.revision values ('subscriptions', $1, 1, now(), true)", [LAST])
        self.ports = self.known_by(date(9999, 1, 1))
        self.contacts = _contacts(random.Random(8), self.subscriptions, self.moves)
        warehouse.deliver("retention_contacts", str(LAST), self.contacts)
        self.counts = _counts(random.Random(3))
        for dt, rows in self.counts.items():
            warehouse.deliver("provider_line_counts", str(dt), rows)

    def known_by(self, day: date) -> list[Row]:
        """Completed ports between groups and within them, as the deliveries up to the end of a day tell them."""
        in_force: dict[date, int] = {}
        for dt, rev in sorted(self.deliveries):
            if dt + timedelta(days=rev) <= day:
                in_force[dt] = rev
        events = [row | {"dt": dt} for dt, rev in in_force.items() for row in self.deliveries[dt, rev]]
        ports = []
        for port_id in sorted({row["port_id"] for row in events}):
            own = sorted((row for row in events if row["port_id"] == port_id), key=lambda row: row["event_seq"])
            booked = [row["processed_on"] for row in own if row["status"] == "COMPLETED"]
            if booked:
                donor, recipient = PROVIDERS[own[-1]["donor_provider"]], PROVIDERS[own[-1]["recipient_provider"]]
                is_withdrawn = any(row["status"] == "WITHDRAWN" for row in own)
                ports.append(own[-1] | {"on": booked[-1], "from": donor, "to": recipient, "withdrawn": is_withdrawn})
        return ports

    @property
    def moves(self) -> list[Row]:
        return [port for port in self.ports if port["from"] != port["to"]]

    def line_of(self, port: Row) -> UUID | None:
        """The line in service that carried the port's number when it was asked for."""
        own = [
            row for row in self.subscriptions
            if row["number_key"] == port["number_key"] and row["changed_at"] <= port["requested_at"]
        ]  # fmt: skip
        return own[-1]["line_key"] if own and own[-1]["status"] != "TERMINATED" else None

    def same(self, sql: str, expected: Counter[tuple[Any, ...]] | dict[tuple[Any, ...], Any]) -> None:
        """The query's rows are the expected ones, each once; the last column is the count."""
        wanted = Counter((*key, value) for key, value in expected.items() if value)
        assert Counter(row for row in self.warehouse.query(sql) if row[-1]) == wanted


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> ByHand:
    made = ByHand(Warehouse.create(tmp_path_factory.mktemp("byhand"), view="market"))
    made.warehouse.build_models("--select", "+path:models/marts/churn")
    return made


def test_flows_and_provider_days_count_each_port_once(world: ByHand) -> None:
    flows = Counter((p["on"], p["from"], p["to"], p["line_type"]) for p in world.ports)
    world.same("select processed_on, donor_group, recipient_group, line_type, ports from churn.port_flow_daily", flows)
    outs = Counter((p["on"], p["from"]) for p in world.moves)
    ins = Counter((p["on"], p["to"]) for p in world.moves)
    world.same("select date_day, provider_group, port_outs from churn.provider_daily where port_outs > 0", outs)
    world.same("select date_day, provider_group, port_ins from churn.provider_daily where port_ins > 0", ins)
    withdrawn = Counter((p["on"], p["from"]) for p in world.moves if p["withdrawn"])
    sql = "select date_day, provider_group, {0} from churn.provider_daily where {0} > 0"
    world.same(sql.format("port_outs_withdrawn"), withdrawn)
    withdrawn = Counter((p["on"], p["to"]) for p in world.moves if p["withdrawn"])
    world.same(sql.format("port_ins_withdrawn"), withdrawn)


def _requests(world: ByHand) -> list[Row]:
    """Every port's request, and the day that ended its waiting, as the last deliveries tell it."""
    latest: dict[date, int] = {}
    for dt, rev in sorted(world.deliveries):
        latest[dt] = rev
    events: dict[str, list[Row]] = defaultdict(list)
    for dt, rev in latest.items():
        for row in world.deliveries[dt, rev]:
            events[row["port_id"]].append(row)
    requests = []
    for own in events.values():
        own.sort(key=lambda row: row["event_seq"])
        states = {row["status"]: row for row in own}
        completed, rejected = states.get("COMPLETED"), states.get("REJECTED")
        ended = completed["processed_on"] if completed else rejected and rejected["status_at"].date()
        pair = PROVIDERS[own[-1]["donor_provider"]], PROVIDERS[own[-1]["recipient_provider"]], own[-1]["line_type"]
        outcome = "completed" if completed else "rejected" if rejected else "open"
        requests.append({"on": own[-1]["requested_at"].date(), "ended": ended, "pair": pair, "outcome": outcome})
    return requests


def test_a_request_waits_from_its_day_to_the_one_that_ends_it(world: ByHand) -> None:
    requests = _requests(world)
    days: dict[str, Counter[tuple[Any, ...]]] = defaultdict(Counter)
    leads: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for request in requests:
        ended, pair = request["ended"], request["pair"]
        days["requested"][request["on"], *pair] += 1
        if ended:
            days[request["outcome"]][ended, *pair] += 1
        if request["outcome"] == "completed":
            leads[ended, *pair].append((ended - request["on"]).days)
        for age in range((min(ended or date.max, LAST + timedelta(days=1)) - request["on"]).days):
            on = request["on"] + timedelta(days=age)
            days["open_requests"][on, *pair] += 1
            days["open_1_day_or_more"][on, *pair] += age >= 1
            days["open_3_days_or_more"][on, *pair] += age >= 3
            days["open_completed_since"][on, *pair] += request["outcome"] == "completed"
    assert len(days) == 7
    key = "date_day, donor_group, recipient_group, line_type"
    for column, expected in days.items():
        world.same(f"select {key}, {column} from churn.port_pipeline_daily", expected)
    median = {at: sorted(own)[(len(own) - 1) // 2] for at, own in leads.items()}
    world.same(f"select {key}, lead_median_days from churn.port_pipeline_daily", median)
    in_time: dict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
    pcts: dict[tuple[Any, ...], set[float]] = defaultdict(set)
    for day, donor, to, completed, by_then, pct in world.warehouse.query(
        "select date_day, donor_group, recipient_group, completed, completed_in_time, departures_in_time_pct "
        "from churn.port_pipeline_daily"
    ):
        in_time[day, donor].update({"completed": completed, "in time": by_then} if donor != to else {})
        pcts[day, donor].add(pct)
    for at, own in in_time.items():
        (pct,) = pcts[at]
        assert pct == (pytest.approx(100 * own["in time"] / own["completed"]) if own["completed"] else None)
    assert len({pct for own in pcts.values() for pct in own}) > 2
    sql = "select date_day, sum(rejected) from churn.port_rejection_daily group by all"
    world.same(sql, Counter((request["ended"],) for request in requests if request["outcome"] == "rejected"))


def test_a_port_is_sold_in_one_way_and_perhaps_by_a_dealer(world: ByHand) -> None:
    channels = Counter((p["on"], p["from"], p["to"], p["sales_channel"] or "unknown") for p in world.moves)
    key = "donor_group, recipient_group"
    world.same(f"select processed_on, {key}, sales_channel, ports from churn.channel_daily", channels)
    days: dict[tuple[Any, ...], Counter[date]] = defaultdict(Counter)
    for port in (port for port in world.moves if port["dealer_code"] and port["on"] >= date(2025, 2, 1)):
        days[port["on"].replace(day=1), port["from"], port["to"], port["dealer_code"]][port["on"]] += 1
    where = f"select month, {key}, dealer_code"
    world.same(f"{where}, ports from churn.dealer_monthly", {at: sum(own.values()) for at, own in days.items()})
    world.same(
        f"{where}, busiest_day_ports from churn.dealer_monthly", {at: max(own.values()) for at, own in days.items()}
    )


def test_provider_months_add_up_their_days(world: ByHand) -> None:
    outs = Counter((p["on"].replace(day=1), p["from"]) for p in world.moves)
    world.same("select month, provider_group, port_outs from churn.provider_monthly where port_outs > 0", outs)
    to_mno = Counter((p["on"].replace(day=1), p["from"]) for p in world.moves if p["to"] in MNOS)
    sql = "select month, provider_group, port_outs_to_mno from churn.provider_monthly where port_outs_to_mno > 0"
    world.same(sql, to_mno)
    with_line = Counter((p["on"].replace(day=1), p["from"]) for p in world.moves if world.line_of(p))
    assert with_line
    for month, group, coverage in world.warehouse.query(
        "select month, provider_group, line_coverage_pct from churn.provider_monthly where port_outs > 0"
    ):
        assert coverage == pytest.approx(100 * with_line[month, group] / outs[month, group])


def test_months_of_flows_are_a_matrix_of_what_each_took_from_each(world: ByHand) -> None:
    key = [(p["on"].replace(day=1), p["from"], p["to"]) for p in world.moves]
    ports = Counter(key)
    cell = "select month, donor_group, recipient_group"
    world.same(f"{cell}, ports from churn.market_flow", ports)
    withdrawn = Counter(at for at, p in zip(key, world.moves, strict=True) if p["withdrawn"])
    world.same(f"{cell}, withdrawn from churn.market_flow", withdrawn)
    net = {(month, donor, to): count - ports[month, to, donor] for (month, donor, to), count in ports.items()}
    world.same(f"{cell}, net_ports from churn.market_flow", net)
    left, came = Counter(at[:2] for at in key), Counter((at[0], at[2]) for at in key)
    for month, donor, to, *shares in world.warehouse.query(
        f"{cell}, share_of_departures_pct, share_of_arrivals_pct from churn.market_flow"
    ):
        count = ports[month, donor, to]
        assert shares == pytest.approx([100 * count / left[month, donor], 100 * count / came[month, to]])


def test_the_market_is_shared_by_those_whom_the_regulator_counted_last(world: ByHand) -> None:
    last = {(r["month"], r["provider"], r["line_type"]): r for _, rows in sorted(world.counts.items()) for r in rows}
    lines = pd.DataFrame(last.values())
    lines["group"] = lines["provider"].map(PROVIDERS)
    found = pd.DataFrame(
        world.warehouse.query(
            "select month, provider_group, is_whole, lines, lines_handset, share_pct, share_handset_pct, "
            "share_handset_change_points, hhi, hhi_handset from churn.market order by all"
        )
    ).set_index([0, 1])
    assert len(found) == 15
    for columns, counted in (((3, 5, 8), lines), ((4, 6, 9), lines[lines["line_type"] == "HANDSET"])):
        table = counted.pivot_table(index="month", columns="group", values="lines", aggfunc="sum")
        share = 100 * table.div(table.sum(axis=1), axis=0).where(table.notna().all(axis=1), axis=0)
        assert share.isna().all(axis=1).tolist() == [False, False, True, False]
        hhi = (share**2).sum(axis=1, min_count=1)
        for (month, group), row in found.iterrows():
            assert row[2] == share.loc[month].notna().all()
            assert row[columns[0]] == table.loc[month, group]
            assert row[columns[1]] == pytest.approx(share.loc[month, group], nan_ok=True)
            assert row[columns[2]] == pytest.approx(hhi[month], nan_ok=True)
    changes = share.diff().stack()
    assert found[7].dropna().to_dict() == pytest.approx(changes.dropna().to_dict())
    assert len(changes.dropna()) == 4


def test_churn_rates_are_terminations_over_the_mean_count(world: ByHand) -> None:
    lines = pd.DataFrame(world.subscriptions).sort_values(["line_key", "changed_at"])
    rates = world.warehouse.query(
        "select month, provider_group, billed_lines, terminations, churn_rate_pct from churn.provider_monthly "
        "where churn_rate_pct is not null order by all"
    )
    assert len(rates) > 20
    for month, group, billed, terminations, rate in rates:
        own = lines[lines["provider"] == group]
        after = pd.Timestamp(month) + pd.offsets.MonthBegin()
        ends = [
            own[own["changed_at"] < end].groupby("line_key")["status"].last().eq("ACTIVE").sum()
            for end in (pd.Timestamp(month), after)
        ]
        ended = own[(own["status"] == "TERMINATED") & own["changed_at"].between(pd.Timestamp(month), after)]
        assert (billed, terminations) == (ends[1], len(ended))
        assert rate == pytest.approx(100 * len(ended) / (sum(ends) / 2))


def test_incidents_count_what_was_booked_in_their_windows(world: ByHand) -> None:
    window = [
        (name, port, "OUT" if port["from"] == group else "IN")
        for name, (group, first, last) in INCIDENTS.items()
        for port in world.moves
        if group in (port["from"], port["to"])
        and any(first <= str(day) <= last for day in (port["on"], port["requested_at"].date()))
    ]  # fmt: skip
    sql = "select incident_id, port_id, direction, 1 from churn.port_incident"
    world.same(sql, Counter((name, port["port_id"], direction) for name, port, direction in window))
    booked = [
        (name, port) for name, port, direction in window
        if direction == "OUT" and INCIDENTS[name][1] <= str(port["on"]) <= INCIDENTS[name][2]
    ]  # fmt: skip
    last_day = "qualify row_number() over (partition by incident_id order by as_of_date desc) = 1"
    world.same(
        f"select incident_id, port_outs_cumulative from churn.incident_headline {last_day}",
        Counter((name,) for name, _ in booked),
    )
    world.same(
        "select incident_id, destination_group, port_outs_cumulative from churn.incident_destination "
        f"where port_outs_cumulative > 0 {last_day.replace('incident_id', 'incident_id, destination_group')}",
        Counter((name, port["to"]) for name, port in booked),
    )
    sql = "select incident_id, date_day, port_outs from churn.waiver_effect where port_outs > 0"
    world.same(sql, Counter((name, port["on"]) for name, port in booked))


def test_a_headline_counts_withdrawals_by_its_day_and_ever(world: ByHand) -> None:
    differing = 0
    for name, day, *found in world.warehouse.query(
        "select incident_id, as_of_date, port_outs_withdrawn_by_as_of, port_outs_withdrawn_ever, "
        "port_ins_withdrawn_by_as_of, port_ins_withdrawn_ever, net_adds_net_of_withdrawn_by_as_of, "
        "net_adds_net_of_withdrawn_ever from churn.incident_headline"
    ):
        group, first, _ = INCIDENTS[name]
        booked = [port for port in world.moves if first <= str(port["on"]) <= str(day)]
        outs, ins = ([port for port in booked if port[side] == group] for side in ("from", "to"))
        ever = [sum(port["withdrawn"] for port in side) for side in (outs, ins)]
        by_then = [sum(port["withdrawn"] and port["status_at"].date() <= day for port in side) for side in (outs, ins)]
        gross = len(ins) - len(outs)
        nets = [gross - in_again + out_again for out_again, in_again in (by_then, ever)]
        assert found == [by_then[0], ever[0], by_then[1], ever[1], *nets]
        differing += by_then != ever
    assert differing


def _order(port: Row) -> tuple[Any, ...]:
    """Ports of a number follow each other by their booking; of one day by their request, then by their identifier."""
    return port["on"], port["requested_at"], port["port_id"]


def test_returns_and_chains_follow_each_number(world: ByHand) -> None:
    returns: Counter[tuple[Any, ...]] = Counter()
    chains: Counter[tuple[Any, ...]] = Counter()
    for port in world.moves:
        before = [p for p in world.moves if p["number_key"] == port["number_key"] and _order(p) < _order(port)]
        left = [p["on"] for p in before if p["from"] == port["to"]]
        if left and (port["on"] - max(left)).days <= 365:
            returns[port["from"], port["to"], _months(max(left), port["on"])] += 1
        came = [p for p in before if p["to"] == port["from"] and not p["withdrawn"]]
        if came:
            last = max(came, key=_order)
            chains[last["from"], port["from"], port["to"], _months(last["on"], port["on"])] += 1
    assert len(returns) > 10
    assert len(chains) > 10
    world.same("select group_left, group_returned_to, months_away, ports from churn.port_return", returns)
    world.same("select first_group, via_group, last_group, months_stayed, ports from churn.port_chain", chains)


def test_what_was_known_on_any_day(world: ByHand) -> None:
    restated = world.warehouse.query("select count(*) from churn.port_restatement where difference <> 0")[0][0]
    assert restated > 0
    for day in (FIRST + timedelta(days=n) for n in range(0, 420, 30)):
        world.same(
            "select processed_on, donor_group, recipient_group, line_type, sum(change) as ports "
            f"from churn.port_restatement where known_on <= '{day}' group by all having ports <> 0",
            Counter((p["on"], p["from"], p["to"], p["line_type"]) for p in world.known_by(day)),
        )


def _band(days: int) -> str:
    years = days / 365
    return "under 1 year" if years < 1 else "1 to 2 years" if years < 2 else "2 to 4 years"  # nobody is here longer


def _claims(world: ByHand) -> list[Row]:
    """Every fee within a waiver's reach, or that invokes it, judged by the waiver's rules one by one."""
    claims = []
    for charge in (row for row in world.fees if row["event"] == "CHARGED"):
        own = [row for row in world.subscriptions if row["line_key"] == charge["line_key"]]
        (end,) = (row for row in own if row["status"] == "TERMINATED" and row["changed_at"] == charge["occurred_at"])
        events = {row["event"]: row for row in world.fees if row["line_key"] == charge["line_key"]}
        asked = events.get("REFUND_REQUESTED")
        for waiver, reaches_back_to in WAIVERS.items():
            group, _, last = INCIDENTS[waiver]
            on = charge["occurred_at"].date()
            is_within = reaches_back_to <= on <= date.fromisoformat(last)
            if not (asked and asked["reason"] == waiver) and not (is_within and end["provider"] == group):
                continue
            back = [
                row["changed_at"].date() for row in own
                if row["changed_at"] > end["changed_at"] and str(row["changed_at"].date()) <= last
            ]  # fmt: skip
            is_returner = waiver in RETURNERS_FROM and on >= RETURNERS_FROM[waiver] and str(on) <= last and bool(back)
            cancelled = [events["REFUNDED"]["occurred_at"].date()] if "REFUNDED" in events and not asked else []
            exclusions = {
                "OUTSIDE_WINDOW": not is_within,
                "JOINED_SINCE": end["activated_on"] >= reaches_back_to,
                "RECONTRACTED_SINCE": end["contract_start_on"] >= reaches_back_to,
                "IOT": end["line_type"] == "IOT",
                "EX_OFFICIO": end["termination_reason"] == "EX_OFFICIO",
                "CANCELLED": bool(cancelled),
                "RETURNED": is_returner,
            }
            exclusion = next((rule for rule, applies in exclusions.items() if applies), None)
            since = on if exclusion else date.max
            if exclusion in ("CANCELLED", "RETURNED"):
                since = min(cancelled + back * is_returner)
            claims.append({"waiver": waiver, "on": on, "amount": charge["amount"], "events": events,
                           "line": end, "exclusion": exclusion, "since": since})  # fmt: skip
    return claims


def test_waiver_claims_and_refunds_follow_each_fee(world: ByHand) -> None:
    claims = _claims(world)
    assert len({claim["exclusion"] for claim in claims}) > 4
    sql = "select incident_id, line_key, exclusion, count(*) from churn.waiver_claim group by all"
    world.same(sql, Counter((c["waiver"], c["line"]["line_key"], c["exclusion"]) for c in claims))
    days: dict[str, Counter[tuple[Any, ...]]] = defaultdict(Counter)
    for claim in claims:
        for event, column in (
            ("REFUND_REQUESTED", "requested"),
            ("REFUNDED", "refunded"),
            ("REFUND_REFUSED", "refused"),
        ):
            if event in claim["events"] and "REFUND_REQUESTED" in claim["events"]:
                on = claim["events"][event]["occurred_at"].date()
                days[f"{column}_amount"][claim["waiver"], on] += claim["amount"]
    assert len(days) == 3
    for column, expected in days.items():
        world.same(f"select incident_id, date_day, {column} from churn.waiver_refunds", expected)


def _state(claim: Row, on: date) -> str:
    """What a claim is by the end of a day; empty before it is charged and after the waiver no longer covers it."""
    days = {event: row["occurred_at"].date() for event, row in claim["events"].items()}
    if not claim["on"] <= on < claim["since"]:
        return ""
    for event, state in (("REFUNDED", "paid"), ("REFUND_REFUSED", "refused"), ("REFUND_REQUESTED", "undecided")):
        if event in days and days[event] <= on:
            return state
    return "lapsed" if on > CLAIMS_UNTIL.get(claim["waiver"], date.max) else "unasked"


def test_a_waivers_liability_adds_up_on_every_day(world: ByHand) -> None:
    claims = _claims(world)
    found = world.warehouse.query(
        "select incident_id, date_day, claims_covered, claims_covered_amount, claims_asked_amount, "
        "claims_not_asked_amount, claims_paid_amount, claims_refused_amount, claims_lapsed_amount, claims_open_amount "
        "from churn.waiver_refunds"
    )
    seen = set()
    for waiver, day, covered, covered_amount, *parts in found:
        of_state: Counter[str] = Counter()
        for claim in (claim for claim in claims if claim["waiver"] == waiver):
            state = _state(claim, min(day, LAST))
            of_state[state] += claim["amount"]
            of_state["covered"] += bool(state)
        seen |= {state for state, amount in of_state.items() if amount}
        unasked = of_state["unasked"] + of_state["lapsed"]
        asked = of_state["paid"] + of_state["refused"] + of_state["undecided"]
        is_open = of_state["unasked"] + of_state["undecided"]
        assert (covered, covered_amount) == (of_state["covered"], asked + unasked)
        assert parts == [asked, unasked, of_state["paid"], of_state["refused"], of_state["lapsed"], is_open]
    assert seen >= {"paid", "refused", "undecided", "unasked", "lapsed"}


def test_what_a_waiver_owes_stands_on_every_day_and_grows_with_the_nowcast(world: ByHand) -> None:
    claims = _claims(world)
    first = {name: date.fromisoformat(INCIDENTS[name][1]) for name in WAIVERS}
    growth = {
        (name, day): estimate / known
        for name, day, known, estimate in world.warehouse.query(
            "select incident_id, as_of_date::date, known, estimate from intermediate.int_incident_nowcast "
            "where target = 'PORT_OUTS_FINAL' and not is_hindsight and known > 0"
        )
    }
    found = world.warehouse.query(
        "select incident_id, date_day, claims_covered, claims_asked_amount, claims_lapsed_amount, take_up_basis, "
        "take_up_pct, expected_amount from churn.refund_liability"
    )
    assert {basis for *_, basis, _, _ in found} >= {"OWN", "ALL_ASK"}
    for waiver, day, covered, asked_amount, lapsed_amount, _basis, take_up_pct, expected in found:
        amounts: Counter[str] = Counter()
        before = count = 0
        for claim in (claim for claim in claims if claim["waiver"] == waiver):
            state = _state(claim, min(day, LAST))
            amounts[state] += claim["amount"]
            count += bool(state)
            before += claim["amount"] * bool(_state(claim, first[waiver] - timedelta(days=1)))
        asked = amounts["paid"] + amounts["refused"] + amounts["undecided"]
        accrued = sum(amount for state, amount in amounts.items() if state)
        assert (covered, asked_amount, lapsed_amount) == (count, asked, amounts["lapsed"])
        if day >= first[waiver]:
            grown = take_up_pct / 100 * (before + (accrued - before) * growth.get((waiver, day), 1))
            assert expected == pytest.approx(max(asked, grown), abs=1)


def test_an_evening_of_a_waiver_knows_the_claims_that_had_been_delivered(world: ByHand) -> None:
    expected = {}
    for waiver in WAIVERS:
        _, first, last = INCIDENTS[waiver]
        for day in pd.date_range(max(date.fromisoformat(first), FEES_TOLD_ON), last):
            on = day.date()
            told = [c for c in _claims(world) if c["waiver"] == waiver and c["on"] <= FEES_TOLD_ON and _state(c, on)]
            requests = [c["events"]["REFUND_REQUESTED"]["occurred_at"].date() for c in told
                        if "REFUND_REQUESTED" in c["events"]]  # fmt: skip
            within = sum(claim["on"] >= date.fromisoformat(first) for claim in told)
            asked = sum(requested_on <= FEES_TOLD_ON for requested_on in requests)
            if told:
                expected[waiver, on] = len(told) - within, within, asked
    found = world.warehouse.query(
        "select incident_id, as_of_date, claims_before, claims_within, claims_asked "
        "from intermediate.int_incident_claim"
    )
    assert {tuple(row[:2]): tuple(row[2:]) for row in found} == expected
    assert len(found) > 5
    targets = {row[0] for row in world.warehouse.query("select distinct target from churn.incident_nowcast")}
    assert "REFUNDS_FINAL" in targets


def _due_pct(line: Row, on: date) -> int:
    """The share of a subsidy that is due on a day, by the shipped schedule."""
    month = max((on - line["contract_start_on"]).days // 30, 0)
    with (REFERENCE / "etf_schedule.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["contract_kind"] == "SUBSIDY"]
    return max((int(row["from_month"]), int(row["due_pct"])) for row in rows if int(row["from_month"]) <= month)[1]


def _etf_due(world: ByHand, line: Row) -> int:
    """The fee that billing stated first of the contract, less what has been served since."""
    first = next(row for row in world.subscriptions if row["line_key"] == line["line_key"])
    return line["etf"] * _due_pct(line, LAST) // (_due_pct(line, first["changed_at"].date()) * 10) * 10


def _port_of_fee(world: ByHand, fee: Row) -> str | None:
    """The line's last port that was asked for by the charge, at most a month before it."""
    ports = [
        port for port in world.ports
        if world.line_of(port) == fee["line_key"]
        and port["requested_at"].date() <= fee["occurred_at"].date() <= port["on"] + timedelta(days=31)
    ]  # fmt: skip
    return max(ports, key=lambda port: (port["requested_at"], port["port_id"]))["port_id"] if ports else None


def test_revenue_lost_and_at_risk(world: ByHand) -> None:
    lost: dict[str, Counter[tuple[Any, ...]]] = defaultdict(Counter)
    lines = {row["line_key"]: row for row in world.subscriptions}
    covered = {(c["waiver"], c["line"]["line_key"]): c["amount"] for c in _claims(world) if c["exclusion"] is None}
    for name, (group, first, last) in INCIDENTS.items():
        for port in (p for p in world.moves if p["from"] == group and first <= str(p["on"]) <= last):
            asked_on, line = port["requested_at"].date(), lines.get(world.line_of(port))  # type: ignore[arg-type]
            tenure = (port["on"] - line["activated_on"]).days if line else None
            key = (name, line["plan_code"] if line else "unknown", "unknown" if tenure is None else _band(tenure))
            lost["departures"][key] += 1
            if line is None:
                continue
            lost["departures_with_line"][key] += 1
            lost["monthly_fee_sum"][key] += line["monthly_fee"]
            invoiced = [
                row["billing_month"].month for row in world.invoices
                if row["line_key"] == line["line_key"] and row["billing_month"] < asked_on.replace(day=1)
            ]  # fmt: skip
            if invoiced:
                lost["invoiced_recurring_amount_sum"][key] += line["monthly_fee"] - max(invoiced)
            for fee in (f for f in world.fees if f["line_key"] == line["line_key"] and f["event"] == "CHARGED"):
                if _port_of_fee(world, fee) == port["port_id"]:
                    lost["etf_charged_sum"][key] += fee["amount"]
                    lost["etf_covered_sum"][key] += covered.get((name, line["line_key"]), 0)
    assert len(lost) > 3
    for column, expected in lost.items():
        world.same(f"select incident_id, plan_code, tenure_band, {column} from churn.revenue_lost", expected)
    risk: dict[str, Counter[tuple[Any, ...]]] = defaultdict(Counter)
    for waiver, reaches_back_to in WAIVERS.items():
        for line in (row for row in lines.values() if row["status"] == "ACTIVE"):
            if line["provider"] == INCIDENTS[waiver][0]:
                key = (waiver, line["plan_code"], _band((LAST - line["activated_on"]).days))
                is_eligible = line["contract_start_on"] < reaches_back_to and line["line_type"] != "IOT"
                risk["lines"][key] += 1
                risk["etf_last_stated_sum"][key] += line["etf"]
                risk["etf_due_sum"][key] += _etf_due(world, line)
                risk["eligible_etf_due_sum"][key] += _etf_due(world, line) * is_eligible
                risk["eligible_monthly_fee_sum"][key] += line["monthly_fee"] * is_eligible
                risk["lines_in_contract"][key] += line["contract_end_on"] >= LAST
    for column, expected in risk.items():
        world.same(f"select incident_id, plan_code, tenure_band, {column} from churn.revenue_at_risk", expected)


def test_departures_that_billing_lacks_are_taken_to_be_like_those_that_it_has(world: ByHand) -> None:
    lines = {row["line_key"]: row for row in world.subscriptions}
    estimates = {
        row[0]: row[1:]
        for row in world.warehouse.query(
            "select incident_id, units, units_covered, covered_sum, estimate, estimate_low, estimate_high "
            "from churn.incident_amount where relation = 'revenue_lost' and measure = 'monthly_fee_sum'"
        )
    }
    for name, (group, first, last) in INCIDENTS.items():
        left = [p for p in world.moves if p["from"] == group and first <= str(p["on"]) <= last]
        if not left:
            continue
        strata: dict[tuple[Any, ...], list[int | None]] = defaultdict(list)
        for port in left:
            line = world.line_of(port)
            strata[port["on"], port["to"], port["line_type"]].append(line and lines[line]["monthly_fee"])
        total, rest = 0.0, []
        sizes = {key: sum(fee is not None for fee in fees) for key, fees in strata.items()}
        largest = min(sizes, key=lambda key: (-sizes[key], " ".join(map(str, key))))
        for key, fees in strata.items():  # none has ten: what is not known whole is put together
            if sizes[key] == len(fees) and key != largest:
                total += sum(filter(None, fees))
            else:
                rest += fees
        seen = [fee for fee in rest if fee is not None]
        units, covered, covered_sum, estimate, low, high = estimates.pop(name)
        assert (units, covered) == (len(left), sum(sizes.values()))
        assert covered_sum == sum(fee or 0 for fees in strata.values() for fee in fees)
        if len(seen) > 1:
            assert estimate == pytest.approx(total + len(rest) * sum(seen) / len(seen), abs=1)
            assert covered_sum <= low <= estimate <= high
    assert estimates == {}


def test_revenue_by_day_is_what_had_gone_by_then(world: ByHand) -> None:
    lines = {row["line_key"]: row for row in world.subscriptions}
    days: dict[str, Counter[tuple[Any, ...]]] = defaultdict(Counter)
    for name, as_of_date in world.warehouse.query("select incident_id, as_of_date from churn.incident_headline"):
        group, first, last = INCIDENTS[str(name)]
        for port in (p for p in world.moves if p["from"] == group and first <= str(p["on"]) <= last):
            if port["on"] <= as_of_date:
                line = lines.get(world.line_of(port))  # type: ignore[arg-type]
                days["departures"][name, as_of_date] += 1
                days["departures_with_line"][name, as_of_date] += line is not None
                days["monthly_fee_sum"][name, as_of_date] += line["monthly_fee"] if line else 0
    assert len(days) == 3
    for column, expected in days.items():
        world.same(f"select incident_id, as_of_date, {column} from churn.revenue_daily", expected)
    pcts = {at: 100 * days["departures_with_line"][at] / count for at, count in days["departures"].items()}
    found = world.warehouse.query("select incident_id, as_of_date, line_coverage_pct from churn.revenue_daily")
    assert {row[:2]: row[2] for row in found if row[2] is not None} == pytest.approx(pcts)


def test_lines_that_a_waiver_could_let_go_are_those_at_the_end_of_the_day(world: ByHand) -> None:
    days: Counter[tuple[Any, ...]] = Counter()
    for name, group, reaches_back, as_of_date in world.warehouse.query(
        "select incident_id, provider_group, coalesce(eligibility_from, starts_on), as_of_date "
        "from churn.revenue_daily join core.dim_incident using (incident_id) where kind = 'WAIVER'"
    ):
        told = [row for row in world.subscriptions if row["changed_at"].date() <= as_of_date]  # type: ignore[operator]
        for line in {row["line_key"]: row for row in sorted(told, key=lambda row: row["changed_at"])}.values():
            began = max(line["activated_on"], line["contract_start_on"])
            is_there = PROVIDERS[line["provider"]] == group and line["status"] != "TERMINATED"
            days[name, as_of_date] += is_there and began < reaches_back and line["line_type"] != "IOT"
    assert len(set(days.values())) == 3
    world.same("select incident_id, as_of_date, eligible_lines from churn.revenue_daily", days)


def _age(activated_on: date, day: date) -> float:
    """Age in full months, and the days since as a fraction of the longest month."""
    months = max(_months(activated_on, day), 0)
    return months + (pd.Timestamp(day) - (pd.Timestamp(activated_on) + pd.DateOffset(months=months))).days / 32


def _joined_line(world: ByHand, port: Row) -> Row | None:
    """The line that the recipient opened for a port's number, at most a week after its booking."""
    opened = [
        row for row in world.subscriptions
        if (row["number_key"], row["provider"]) == (port["number_key"], port["recipient_provider"])
        and port["requested_at"].date() <= row["activated_on"] <= port["on"] + timedelta(days=7)
        and row["status"] == "ACTIVE"
    ]  # fmt: skip
    return min(opened, key=lambda row: row["changed_at"], default=None)


def test_revenue_flows_out_with_the_line_that_left_and_in_with_the_one_opened(world: ByHand) -> None:
    lines = {row["line_key"]: row for row in world.subscriptions}
    flow: dict[str, Counter[tuple[Any, ...]]] = defaultdict(Counter)
    plans: Counter[tuple[Any, ...]] = Counter()
    for port in world.moves:
        left, joined = lines.get(world.line_of(port)), _joined_line(world, port)  # type: ignore[arg-type]
        for group, direction, other, line in ((port["from"], "OUT", port["to"], left), (port["to"], "IN", port["from"], joined)):  # fmt: skip  # noqa: E501
            flow["ports"][port["on"], group, direction, other] += 1
            if line:
                flow["ports_with_line"][port["on"], group, direction, other] += 1
                flow["monthly_fee_sum"][port["on"], group, direction, other] += line["monthly_fee"]
                plans[port["on"].replace(day=1), group, direction, other, line["plan_code"]] += line["monthly_fee"]
    assert plans
    key = "provider_group, direction, other_group"
    for column, expected in flow.items():
        world.same(f"select date_day, {key}, {column} from churn.revenue_flow", expected)
    world.same(f"select month, {key}, plan_code, monthly_fee_sum from churn.revenue_flow_plan", plans)


def test_a_profile_splits_the_headline_and_the_lines_that_were_there(world: ByHand) -> None:
    lines = {row["line_key"]: row for row in world.subscriptions}
    departures: Counter[tuple[Any, ...]] = Counter()
    at_risk: Counter[tuple[Any, ...]] = Counter()
    for name, (group, first, last) in INCIDENTS.items():
        begin = date.fromisoformat(first)
        here = []
        for key in lines:
            own = [
                row for row in world.subscriptions
                if row["line_key"] == key and row["changed_at"] <= datetime.combine(begin, datetime.min.time())
            ]  # fmt: skip
            if own and own[-1]["status"] == "ACTIVE" and own[-1]["provider"] == group:
                here.append(own[-1])
        accounts = Counter(line.get("account_key") for line in here)
        for line in here:
            at_risk[name, "PLAN", line["plan_code"]] += 1
            at_risk[name, "TENURE", _band((begin - line["activated_on"]).days)] += 1
            at_risk[name, "REGION", line["region_code"]] += 1
            at_risk[name, "ACCOUNT_LINES", _account_lines(line, accounts)] += 1
        for port in (p for p in world.moves if p["from"] == group and first <= str(p["on"]) <= last):
            left = lines.get(world.line_of(port))  # type: ignore[arg-type]
            tenure = left and (port["requested_at"].date() - left["activated_on"]).days
            departures[name, "PLAN", left["plan_code"] if left else "unknown"] += 1
            departures[name, "TENURE", "unknown" if tenure is None else _band(tenure)] += 1
            departures[name, "REGION", left["region_code"] if left else "unknown"] += 1
            departures[name, "ACCOUNT_LINES", _account_lines(left or {}, accounts)] += 1
    where = "from churn.departure_profile where trait in ('PLAN', 'TENURE', 'REGION', 'ACCOUNT_LINES')"
    world.same(f"select incident_id, trait, trait_value, departures {where}", departures)
    world.same(f"select incident_id, trait, trait_value, lines_at_risk {where}", at_risk)
    assert {value for _, trait, value in at_risk if trait == "ACCOUNT_LINES"} == {
        "one",
        "two",
        "three or more",
        "unknown",
    }


def _account_lines(line: Row, accounts: Counter[UUID | None]) -> str:
    if line.get("account_key") is None:
        return "unknown"
    return {0: "one", 1: "one", 2: "two"}.get(accounts[line["account_key"]], "three or more")


def test_a_dealers_early_churn_is_that_of_the_lines_it_opened(world: ByHand) -> None:
    early = 180
    sold: dict[tuple[Any, ...], list[tuple[bool, bool, bool]]] = defaultdict(list)
    for key in sorted({row["line_key"] for row in world.subscriptions}):
        own = [row for row in world.subscriptions if row["line_key"] == key]
        opened_on, last = own[0]["activated_on"], own[-1]
        if own[0].get("dealer_code") and opened_on >= date(2025, 2, 1):
            days = (last["changed_at"].date() - opened_on).days if last["status"] == "TERMINATED" else early
            is_followed = opened_on + timedelta(days=early) <= LAST
            is_port = last.get("termination_reason") == "PORT_OUT"
            cell = opened_on.replace(day=1), PROVIDERS[own[0]["provider"]], own[0]["dealer_code"]
            sold[cell].append((is_followed, is_followed and days < early, is_followed and days < early and is_port))
    expected = {cell: (len(own), *(sum(column) for column in zip(*own, strict=True))) for cell, own in sold.items()}
    found = world.warehouse.query(
        "select month, provider_group, dealer_code, activations, activations_followed, ended_early, ported_out_early, "
        "early_churn_low_pct, early_churn_high_pct, usual_early_churn_pct, is_conspicuous from churn.dealer_early_churn"
    )
    assert {row[:3]: row[3:7] for row in found} == expected
    for month, group, dealer, _, followed, ended, _, low, high, usual, is_conspicuous in found:
        theirs = proportion_confint(ended, followed, method="wilson")
        assert [low / 100, high / 100] == pytest.approx(theirs, abs=1e-12)
        others = [own for cell, own in expected.items() if cell[:2] == (month, group) and cell[2] != dealer]
        if others:
            assert usual == pytest.approx(100 * sum(own[2] for own in others) / sum(own[1] for own in others))
            assert is_conspicuous == (ended >= 3 and low > usual)
    assert sum(ended for *_, ended, _ in expected.values()) > 5


def test_an_offers_effect_is_that_of_the_arms_as_they_were_drawn(world: ByHand) -> None:
    months: dict[tuple[date, UUID], list[Row]] = defaultdict(list)
    for contact in sorted(world.contacts, key=lambda row: row["contacted_at"]):
        months[contact["contacted_at"].date().replace(day=1), contact["line_key"]].append(contact)
    left = [(world.line_of(port), port["on"]) for port in world.moves]
    groups: dict[tuple[Any, ...], list[tuple[str, bool, int, set[str]]]] = defaultdict(list)
    for (month, key), contacts in months.items():
        day = contacts[0]["contacted_at"].date()
        if day + timedelta(days=30) <= LAST:
            has_left = any(line == key and day <= on < day + timedelta(days=30) for line, on in left)
            costs = [row["cost_amount"] for row in contacts if row["cost_amount"] is not None]
            one = contacts[0]["arm"], has_left, sum(costs), {row["outcome"] for row in contacts}
            later = [m for m, _ in months if m > month and m + timedelta(days=30) <= LAST]
            for offer in ("ALL", contacts[0]["offer"]):
                groups[month, offer, "MONTH"].append(one)
                for until in {month, *later}:
                    groups[until, offer, "TO_DATE"].append(one)
    with world.warehouse.connect() as con:
        found = con.execute("from churn.offer_effect").df().to_dict("records")
    keys = {(row["month"].date(), row["offer"], row["scope"]) for row in found}
    assert {key for key in keys if key[2] == "MONTH"} == {key for key in groups if key[2] == "MONTH"}
    intervals = 0
    for row in found:
        own = groups[row["month"].date(), row["offer"], row["scope"]]
        arms = {arm: [has_left for drawn, has_left, *_ in own if drawn == arm] for arm in ("CALL", "HOLD_OUT")}
        called, held_out = arms.values()
        assert (row["lines_called"], row["departures_called"]) == (len(called), sum(called))
        assert (row["lines_held_out"], row["departures_held_out"]) == (len(held_out), sum(held_out))
        cost = sum(cost for arm, _, cost, _ in own if arm == "CALL")
        outcomes = [came_of_it for arm, *_, came_of_it in own if arm == "CALL"]
        assert row["lines_reached"] == sum(bool(those & {"ACCEPTED", "DECLINED"}) for those in outcomes)
        assert row["lines_accepted"] == sum("ACCEPTED" in those for those in outcomes)
        if called and held_out:
            counts = sum(held_out), len(held_out), sum(called), len(called)
            theirs = confint_proportions_2indep(*counts, method="newcomb")
            ours = row["uplift_low_points"] / 100, row["uplift_high_points"] / 100
            assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-12)
            lines = sum(held_out) / len(held_out) * len(called) - sum(called)
            assert row["lines_saved"] == pytest.approx(lines)
            if lines > 0:
                assert row["per_line_saved_amount"] == pytest.approx(cost / lines)
                assert not row["per_line_saved_low_amount"] > row["per_line_saved_amount"]
        if sum(called) and sum(held_out):
            counts = sum(called), len(called), sum(held_out), len(held_out)
            theirs = confint_proportions_2indep(*counts, compare="ratio", method="log")
            ours = 1 - row["saved_high_pct"] / 100, 1 - row["saved_low_pct"] / 100
            assert ours == pytest.approx(theirs, rel=1e-9)
            intervals += 1
    assert intervals > 10


def test_a_curve_of_returns_is_that_of_lifelines(world: ByHand) -> None:
    cohorts: dict[tuple[Any, ...], list[tuple[float, bool]]] = defaultdict(list)
    for port in (port for port in world.moves if not port["withdrawn"]):
        back = [
            other["on"] for other in world.moves
            if other["number_key"] == port["number_key"] and other["to"] == port["from"] and not other["withdrawn"]
            and (other["on"], other["requested_at"]) > (port["on"], port["requested_at"]) and other["on"] >= port["on"]
        ]  # fmt: skip
        cohort = port["from"], port["to"], port["on"].replace(day=1)
        cohorts[cohort].append((_age(port["on"], min(back, default=LAST)), bool(back)))
    held = 0
    for (group, destination, month), spells in cohorts.items():
        ages, returned = zip(*spells, strict=True)
        away = KaplanMeierFitter().fit(ages, returned)
        for since, departures, at_risk, back, *shares in world.warehouse.query(
            "select months_since, departures, at_risk, returned_cumulative, return_incidence_pct, "
            "return_incidence_low_pct, return_incidence_high_pct from churn.return_curve where "
            f"(group_left, destination_group, month_left) = ('{group}', '{destination}', date '{month}')"
        ):
            assert (departures, at_risk) == (len(spells), sum(age >= since for age in ages))
            assert back == sum(came and age < since + 1 for age, came in spells)
            if 0 < shares[0] < 100:
                theirs = _at(away.survival_function_, away.confidence_interval_, since)
                assert shares == pytest.approx([100 - theirs[0], 100 - theirs[2], 100 - theirs[1]], rel=1e-9)
                held += 1
    assert held > 20


def test_survival_and_the_incidence_of_departures_are_those_of_lifelines(world: ByHand) -> None:
    cohorts: dict[tuple[date, str], list[tuple[float, float, int]]] = defaultdict(list)
    for key in sorted({row["line_key"] for row in world.subscriptions}):
        own = [row for row in world.subscriptions if row["line_key"] == key]
        activated_on, is_ended = own[0]["activated_on"], own[-1]["status"] == "TERMINATED"
        until = own[-1]["changed_at"].date() if is_ended else LAST
        cause = (1 if own[-1]["termination_reason"] == "PORT_OUT" else 2) if is_ended else 0
        ages = _age(activated_on, own[0]["changed_at"].date()), _age(activated_on, until)
        cohorts[activated_on.replace(day=1), own[0]["provider"]].append((*ages, cause))
    survived = incidences = 0
    for (month, group), lines in cohorts.items():
        entries, exits, causes = (np.array(column) for column in zip(*lines, strict=True))
        survival = KaplanMeierFitter().fit(exits, causes > 0, entry=entries)
        ends = exits[causes > 0]
        # lifelines shakes endings of one day, to have an order
        incidence = (
            AalenJohansenFitter().fit(exits, causes, event_of_interest=1, entry=entries)
            if len(ends) == len(set(ends)) and (causes == 1).any()
            else None
        )
        for since, at_risk, departed, otherwise, *shares in world.warehouse.query(
            "select months_since, at_risk, departed, ended_otherwise, survival_pct, survival_low_pct, "
            "survival_high_pct, departure_incidence_pct, departure_incidence_low_pct, departure_incidence_high_pct, "
            "other_ending_incidence_pct from churn.retention_cohort "
            f"where activation_month = '{month}' and provider_group = '{group}' order by 1"
        ):
            assert at_risk == sum(int(entry) <= since <= int(age) for entry, age, _ in lines)
            assert departed == sum(int(age) == since and cause == 1 for _, age, cause in lines)
            assert otherwise == sum(int(age) == since and cause == 2 for _, age, cause in lines)
            assert shares[0] + shares[3] + shares[6] == pytest.approx(100)
            theirs = _at(survival.survival_function_, survival.confidence_interval_, since)
            if 0 < shares[0] < 100:
                assert shares[:3] == pytest.approx(theirs, rel=1e-9)
                survived += 1
            if incidence and 0 < shares[3] < 100 and shares[0] > 0:
                theirs = _at(incidence.cumulative_density_, incidence.confidence_interval_, since)
                assert shares[3:6] == pytest.approx(theirs, rel=1e-6)
                incidences += 1
    assert survived > 50
    assert incidences > 20


def _at(estimates: pd.DataFrame, interval: pd.DataFrame, months: int) -> list[float]:
    """Estimate, lower and upper end in per cent at the end of a month of age."""
    (estimate,), ends = (frame[frame.index < months + 1].iloc[-1] for frame in (estimates, interval))
    return [100 * estimate, *sorted(100 * ends)]
