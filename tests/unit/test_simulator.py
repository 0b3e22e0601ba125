"""The simulator's worlds, judged from the files alone: read as a stranger would, without our ingest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest

from orchestration.base.refusal import Refusal
from orchestration.simulator import SimulationSummary, simulate
from orchestration.simulator.scenario import SCENARIOS

WAIVER = SCENARIOS / "kt_2025" / "waiver_daily.csv"
PORT_COLUMNS = (
    "port_id", "event_seq", "msisdn", "donor_provider", "donor_network", "recipient_provider", "recipient_network",
    "line_type", "status", "reject_code", "requested_at", "status_at", "processed_on", "sales_channel", "dealer_code",
)  # fmt: skip
PAYMENT_COLUMNS = (
    "payment_id", "event_seq", "line_id", "msisdn", "product", "merchant_id", "merchant_category", "amount",
    "auth_method", "is_ars_call_complete", "cell_id", "monthly_limit", "limit_raised_at", "status", "occurred_at",
)  # fmt: skip
DISPUTE_COLUMNS = ("dispute_id", "event_seq", "payment_id", "status", "refunded_amount", "occurred_at")
CELL_COLUMNS = ("cell_id", "kind", "region_code", "registered_on", "deregistered_on")
ATTACHMENT_COLUMNS = (
    "msisdn", "cell_id", "region_code", "hour_start", "attach_count", "first_seen_at", "last_seen_at",
)  # fmt: skip
SIM_COLUMNS = ("msisdn", "changed_at", "channel")
DECISION_COLUMNS = ("case_id", "disposition", "decided_at", "analyst")


def csv(pattern: Path, columns: tuple[str, ...], delimiter: str = ",", quote: str = '"') -> str:
    named = ", ".join(f"'{column}': 'varchar'" for column in columns)
    return (
        f"read_csv('{pattern}', header = false, skip = 1, auto_detect = false, delim = '{delimiter}',"
        f" quote = '{quote}', columns = {{{named}}}, filename = true, ignore_errors = true)"
    )


def read_ports(out: Path) -> duckdb.DuckDBPyConnection:
    """Rows of the portability files that can be read, and `port_event`: the last delivered row of each event."""
    connection = duckdb.connect()
    folder = out / "portability_events"
    connection.execute(
        f"create table row as select {', '.join(PORT_COLUMNS)}, right(regexp_replace(msisdn, '[^0-9]', '', 'g'), 10)"
        f" as number, replace(processed_on, '-', '') as booked,"
        f" regexp_extract(filename, 'dt=([0-9-]+)', 1) as dt from ("
        f"select * from {csv(folder / '*' / '*.csv', PORT_COLUMNS, quote='')} union all by name"
        f" select * from read_parquet('{folder}/*/*.parquet', filename = true))"
    )
    connection.execute(
        "create table port_event as select *, strptime(booked, '%Y%m%d')::date as processed from row"
        " where port_id like 'P%' and requested_at <> '' and length(number) = 10 and length(msisdn) > 9"
        " and length(status) > 2"
        " qualify row_number() over (partition by port_id, event_seq order by dt desc) = 1"
    )
    return connection


@pytest.fixture(scope="module")
def waiver(tmp_path_factory: pytest.TempPathFactory) -> SimulationSummary:
    return simulate(
        tmp_path_factory.mktemp("waiver"), first_day=date(2025, 12, 20), last_day=date(2026, 1, 14),
        history_from=date(2025, 7, 20), panel=0.0005,
    )  # fmt: skip


@pytest.fixture(scope="module")
def ports(waiver: SimulationSummary) -> Iterator[duckdb.DuckDBPyConnection]:
    with read_ports(waiver.out) as connection:
        yield connection


@pytest.fixture(scope="module")
def summer(tmp_path_factory: pytest.TempPathFactory) -> SimulationSummary:
    return simulate(
        tmp_path_factory.mktemp("summer"), first_day=date(2025, 8, 1), last_day=date(2025, 10, 25),
        history_from=date(2025, 7, 25), panel=0.0005, dirt=0,
    )  # fmt: skip


@pytest.fixture(scope="module")
def payments(summer: SimulationSummary) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(
            f"create table payment as select * from {csv(summer.out / 'payments/*/*.csv', PAYMENT_COLUMNS)}"
        )
        cells = csv(summer.out / "cell_registry/*/*.csv.gz", CELL_COLUMNS, "\t")
        connection.execute(
            f"create table cell as select *, regexp_extract(filename, 'dt=([0-9-]+)', 1)::date as dt from {cells}"
        )
        disputes = csv(summer.out / "payment_disputes/*/*.csv", DISPUTE_COLUMNS, ";")
        connection.execute(f"create table dispute as select * from {disputes}")
        for name, feed, columns, delimiter in (
            ("attachment", "cell_attachments/*/*.csv.gz", ATTACHMENT_COLUMNS, ","),
            ("decision", "alert_dispositions/*/*.csv", DECISION_COLUMNS, ";"),
        ):
            connection.execute(f"create table {name} as select * from {csv(summer.out / feed, columns, delimiter)}")
        connection.execute("create table rogue as from attachment where cell_id not in (select cell_id from cell)")
        connection.execute(
            "create table fraud as select * from payment where payment_id in"
            " (select payment_id from dispute where status = 'CONFIRMED_FRAUD') and status = 'SUCCEEDED'"
            " and msisdn in (select msisdn from rogue)"
        )
        yield connection


def digest(out: Path) -> dict[str, str]:
    files = sorted(path for path in out.rglob("*") if path.is_file())
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_seed_writes_the_same_bytes_into_any_folder_and_another_seed_others(tmp_path: Path) -> None:
    one, again, other = (
        digest(
            simulate(
                tmp_path / name, seed=seed, first_day=date(2026, 1, 2), last_day=date(2026, 1, 3),
                history_from=date(2026, 1, 1), panel=0.0005, truth=tmp_path / f"truth of {name}",
            ).out
        )
        for name, seed in (("one", 7), ("it's [again]", 7), ("other", 8))
    )  # fmt: skip
    assert one == again
    assert one.keys() == other.keys()
    assert one != other


def test_an_unknown_scenario_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="kt_2025"):
        simulate(tmp_path, scenario="nowhere")


def test_waiver_days_are_exact_from_dirty_files(ports: duckdb.DuckDBPyConnection) -> None:
    counted = ports.sql(
        "select processed, count(*), count(*) filter (recipient_provider = 'SKT'),"
        " count(*) filter (recipient_provider = 'LGU'), count(*) filter (recipient_provider like '%_MVNO')"
        " from port_event where status = 'COMPLETED' and donor_provider = 'KT'"
        " and processed between '2025-12-31' and '2026-01-13' group by 1 order by 1"
    ).fetchall()
    published = ports.sql(
        f"select processed_on, port_outs, to_skt, to_lgu, to_mvno from read_csv('{WAIVER}')"
        " where port_outs > 0 order by 1"
    ).fetchall()
    assert counted == published


def test_the_net_of_the_waiver_is_the_published_one(ports: duckdb.DuckDBPyConnection) -> None:
    [[net]] = ports.sql(
        "select count(*) filter (recipient_provider = 'KT') - count(*) filter (donor_provider = 'KT')"
        " from port_event where status = 'COMPLETED' and processed between '2025-12-31' and '2026-01-13'"
    ).fetchall()
    assert net == -238_062


def test_the_day_before_the_waiver_is_the_published_ordinary_day(ports: duckdb.DuckDBPyConnection) -> None:
    [[outs]] = ports.sql(
        "select count(*) from port_event where status = 'COMPLETED' and donor_provider = 'KT'"
        " and processed = '2025-12-30'"
    ).fetchall()
    assert outs == 2985


def test_nothing_is_booked_on_sundays_or_on_new_years_day(ports: duckdb.DuckDBPyConnection) -> None:
    closed = "isodow(processed) = 7 or processed = '2026-01-01'"
    assert ports.sql(f"select count(*) from port_event where {closed}").fetchall() == [(0,)]


def test_ports_are_asked_for_on_other_days_and_by_every_ending(ports: duckdb.DuckDBPyConnection) -> None:
    [[other_day]] = ports.sql(
        "select avg((replace(requested_at[:10], '-', '') <> booked)::int) from port_event"
        " where status = 'COMPLETED' and requested_at[5] = '-'"
    ).fetchall()
    assert 0.1 < other_day < 0.6
    endings = {row[0] for row in ports.sql("select distinct status from port_event").fetchall()}
    assert endings == {"REQUESTED", "AUTHENTICATED", "REJECTED", "CANCELLED", "COMPLETED", "WITHDRAWN"}


def test_an_operator_sees_only_its_own_ports(ports: duckdb.DuckDBPyConnection) -> None:
    foreign = "select count(*) from port_event where (donor_provider = 'KT') = (recipient_provider = 'KT')"
    assert ports.sql(foreign).fetchall() == [(0,)]


def test_a_number_is_at_one_provider_at_a_time_and_rests_three_months(ports: duckdb.DuckDBPyConnection) -> None:
    moves = ports.sql(
        "with withdrawn as (select port_id from port_event where status = 'WITHDRAWN'),"
        " moved as (select * from port_event anti join withdrawn using (port_id) where status = 'COMPLETED')"
        " select donor_provider = lag(recipient_provider) over mine as follows,"
        " processed - lag(processed) over mine as rest_days"
        ", lag(processed) over mine between '2025-12-31' and '2026-01-13' and processed > '2026-01-13'"
        " from moved window mine as (partition by number order by processed) qualify rest_days is not null"
    ).fetchall()
    assert len(moves) > 1000, "returners should be visible"
    assert all(follows for follows, *_ in moves)
    assert min(rest_days for _, rest_days, is_round_trip in moves if not is_round_trip) > 90


def test_dirt_leaves_few_broken_rows_that_come_again_sound(waiver: SimulationSummary) -> None:
    for feed, tally in waiver.feeds.items():
        assert tally.broken < 0.05 * max(tally.rows, 1), feed
    assert waiver.feeds["portability_events"].broken > 0
    assert waiver.feeds["portability_events"].repeated > 0
    assert waiver.feeds["portability_events"].untrue > 0


def test_a_missing_file_has_no_folder_and_its_rows_come_the_day_after(waiver: SimulationSummary) -> None:
    folder = waiver.out / "payments"
    assert waiver.feeds["payments"].missing == [date(2025, 12, 24)]
    assert not (folder / "dt=2025-12-24").exists()
    next_file = (folder / "dt=2025-12-25" / "payments-0.csv").read_text("utf-8")
    assert "2025-12-24" in next_file


def test_every_file_is_as_its_manifest_says(waiver: SimulationSummary) -> None:
    for manifest in waiver.out.rglob("_manifest.json"):
        content = json.loads(manifest.read_text("utf-8"))
        names = {entry["name"] for entry in content["files"]}
        assert names == {path.name for path in manifest.parent.iterdir()} - {manifest.name}
        for entry in content["files"]:
            data = (manifest.parent / entry["name"]).read_bytes()
            assert hashlib.sha256(data).hexdigest() == entry["sha256"]
            if entry["name"].endswith(".csv"):
                assert data.count(b"\n") == entry["rows"] + 1


def test_subscriptions_are_written_in_the_encoding_of_their_source(waiver: SimulationSummary) -> None:
    data = (waiver.out / "subscriptions/dt=2025-12-20/subscriptions-0.csv").read_bytes()
    assert "LTE베이직".encode("cp949") in data


def test_lines_that_port_out_are_terminated_with_their_fee(waiver: SimulationSummary) -> None:
    ended = 0
    for path in sorted((waiver.out / "subscriptions").glob("dt=2026-01-0*/*.csv")):
        for line in path.read_text("cp949").splitlines()[1:]:
            cells = line.split("|")
            if cells[11] == "TERMINATED" and cells[12] == "PORT_OUT":
                ended += 1
                assert int(cells[10].replace(",", "")) >= 0
    assert ended > 20


def test_the_fraud_reproduces_the_published_totals(payments: duckdb.DuckDBPyConnection) -> None:
    [row] = payments.sql(
        "select count(*), sum(amount::bigint), count(distinct msisdn),"
        " count(distinct cell_id) filter (cell_id not in (select cell_id from cell)),"
        " count(*) filter (auth_method = 'SMS'), count(*) filter (auth_method = 'ARS'),"
        " count(*) filter (amount = '996000'), count(*) filter (product <> 'MICROPAYMENT'),"
        " min(occurred_at)[:10], max(occurred_at)[:10] from fraud"
    ).fetchall()
    assert row == (764, 243_190_000, 368, 20, 63, 701, 7, 0, "2025-08-05", "2025-09-05")


def test_some_victims_are_customers_of_an_mvno(payments: duckdb.DuckDBPyConnection) -> None:
    [[victims]] = payments.sql("select count(distinct msisdn) from fraud where line_id is null").fetchall()
    assert 10 < victims < 100


def test_victims_become_known_by_the_published_steps(payments: duckdb.DuckDBPyConnection) -> None:
    steps = payments.sql(
        "with known as (select f.msisdn, min(d.occurred_at)[:10] as known_on from dispute as d join fraud as f"
        " using (payment_id) where d.status = 'CONFIRMED_FRAUD' group by all union all"
        " select f.msisdn, min(decided_at)[:10] from decision join fraud as f on case_id = 'case-' || f.payment_id"
        " where disposition = 'CONFIRMED' group by all)"
        " select announced_on, (select count(distinct msisdn) from known where known_on <= w.announced_on::varchar)"
        f" from read_csv('{SCENARIOS / 'kt_2025' / 'verdicts.csv'}') as w order by 1"
    ).fetchall()
    assert steps == [(date(2025, 9, 11), 278), (date(2025, 9, 18), 362), (date(2025, 10, 17), 368)]


def test_payments_become_known_by_the_published_counts(payments: duckdb.DuckDBPyConnection) -> None:
    known = payments.sql(
        "with known as (select f.payment_id, min(d.occurred_at)[:10] as known_on from dispute as d join fraud as f"
        " using (payment_id) where d.status = 'CONFIRMED_FRAUD' group by all) select payments_so_far,"
        " (select count(*) from known where known_on <= w.announced_on::varchar)"
        f" from read_csv('{SCENARIOS / 'kt_2025' / 'verdicts.csv'}') as w order by announced_on"
    ).fetchall()
    assert [found for published, found in known if published] == [527, 764]
    assert 527 < known[1][1] < 764
    [[by_the_desk]] = payments.sql(
        "with worked as (select distinct f.msisdn from decision join fraud as f on case_id = 'case-' || f.payment_id"
        " where decided_at < '2025-09-12' and disposition = 'CONFIRMED')"
        " select count(*) from fraud where msisdn in (from worked) and payment_id not in"
        " (select payment_id from dispute where status = 'CONFIRMED_FRAUD' and occurred_at < '2025-09-12')"
    ).fetchall()
    assert by_the_desk == 0, "a case that the desk has confirmed makes no other payment known by then"


def test_fraud_is_confirmed_late_and_refunded(payments: duckdb.DuckDBPyConnection) -> None:
    [row] = payments.sql(
        "select count(*), sum(d.refunded_amount::bigint), median(d.occurred_at::timestamp - f.occurred_at::timestamp)"
        " > interval 5 days from dispute as d join fraud as f using (payment_id) where d.status = 'CONFIRMED_FRAUD'"
    ).fetchall()
    assert row == (764, 243_190_000, True)


def test_everybody_exposed_was_seen_on_a_rogue_cell_and_some_victims_had_moved_on_when_they_were_charged(
    payments: duckdb.DuckDBPyConnection,
) -> None:
    exposed = payments.sql("select count(distinct msisdn), count(distinct cell_id) from rogue").fetchall()
    assert exposed == [(22_227, 20)]
    [[victims, before, elsewhere]] = payments.sql(
        "select count(distinct f.msisdn), bool_and(r.hour_start::timestamp <= f.occurred_at::timestamp),"
        " count(distinct f.msisdn) filter (f.cell_id in (select cell_id from cell))"
        " from fraud as f join rogue as r using (msisdn)"
    ).fetchall()
    assert (victims, before) == (368, True)
    assert 5 < elsewhere < 60


def test_honest_numbers_are_seen_on_registered_femtocells_only(payments: duckdb.DuckDBPyConnection) -> None:
    kinds = payments.sql(
        "select distinct cell.kind from attachment join cell using (cell_id) where attachment.cell_id not in"
        " (select cell_id from rogue)"
    ).fetchall()
    assert kinds == [("FEMTO",)]


def test_the_desk_decides_on_cases_named_after_the_first_payment_of_a_victim(
    payments: duckdb.DuckDBPyConnection,
) -> None:
    [[cases, early]] = payments.sql(
        "select count(distinct case_id), bool_or(d.decided_at::timestamp <= f.first_at)"
        " from decision as d join (select arg_min(payment_id, occurred_at) as id, min(occurred_at)::timestamp"
        " as first_at from fraud group by msisdn) as f on d.case_id = 'case-' || f.id where disposition = 'CONFIRMED'"
    ).fetchall()
    assert (cases, early) == (200, False)


def test_the_desk_confirms_each_cell_of_the_story_once_it_has_served(payments: duckdb.DuckDBPyConnection) -> None:
    told = payments.sql(
        "select count(distinct case_id), bool_and(disposition = 'CONFIRMED'), min(decided_at)[:10] from decision"
        " where case_id in (select 'cell-' || cell_id from rogue)"
    ).fetchall()
    [[cells]] = payments.sql(
        "select count(distinct cell_id) from fraud where cell_id in (select cell_id from rogue)"
    ).fetchall()
    assert told == [(cells, True, "2025-09-08")]


def test_a_scenario_on_another_one_brings_its_own_story_only(tmp_path: Path) -> None:
    swap = simulate(
        tmp_path, scenario="sim_swap_2025", first_day=date(2025, 10, 19), last_day=date(2025, 10, 26),
        history_from=date(2025, 10, 18), panel=0.0005, dirt=0,
    )  # fmt: skip
    assert swap.story == {
        "rogue_cells": 0, "exposed_numbers": 196, "victims": 196, "payments": 320, "amount": 66_560_000,
    }  # fmt: skip
    new_shop = (
        f"select msisdn, min(occurred_at::timestamp) as at_ from {csv(tmp_path / 'payments/*/*.csv', PAYMENT_COLUMNS)}"
        " where merchant_id like '%9000' group by all"
    )
    with duckdb.connect() as connection:
        [[victims, swapped]] = connection.sql(
            f"with charged as ({new_shop}) select count(distinct c.msisdn), count(distinct s.msisdn) from charged as c"
            f" left join {csv(tmp_path / 'sim_changes/*/*.csv', SIM_COLUMNS, '|')} as s on s.msisdn = c.msisdn"
            " and s.changed_at::timestamp between c.at_ - interval 1 day and c.at_"
        ).fetchall()
    assert victims == swapped > 10


def test_honest_customers_look_suspicious_too_and_some_use_a_cell_before_it_is_listed(
    payments: duckdb.DuckDBPyConnection,
) -> None:
    [[late]] = payments.sql(
        "with listed as (select cell_id, min(dt) as listed_on from cell group by all)"
        " select count(*) from payment join listed using (cell_id)"
        " where occurred_at::date < listed_on and listed_on > '2025-08-01'"
    ).fetchall()
    assert late > 0
    [[nights, gifts, raised]] = payments.sql(
        "select count(*) filter (hour(occurred_at::timestamp) between 2 and 5),"
        " count(*) filter (merchant_category = 'GIFT_CERTIFICATE'), count(limit_raised_at)"
        " from payment where payment_id not in (select payment_id from fraud)"
    ).fetchall()
    assert min(nights, gifts, raised) > 50


def test_without_dirt_nothing_is_broken_repeated_or_missing(summer: SimulationSummary) -> None:
    for tally in summer.feeds.values():
        assert (tally.broken, tally.repeated, tally.untrue) == (0, 0, 0)
    for path in summer.out.rglob("*.csv"):
        if path.parent.parent.name != "subscriptions":
            assert not path.read_bytes().startswith(b"\xef\xbb\xbf")
