"""The headline marts against published figures, and for another operator with nothing but its ports."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.dbt_warehouse import Warehouse

# KT's waiver by processed day: departures to SKT, LGU and MVNOs as printed, sources in Asia Business Daily
# 2026011409015897111, SBS N1008391309, Donga 133120331 and others; 1 and 2 January were booked together.
KT_WAIVER = {
    "2025-12-31": (5784, 1880, 2478),
    "2026-01-02": (12936, 5592, 2964),
    "2026-01-03": (13616, 5467, 1944),
    "2026-01-05": (19392, 4888, 2114),
    "2026-01-06": (17106, 7325, 4013),
    "2026-01-07": (14885, 4298, 3917),
    "2026-01-08": (15701, 5027, 3524),
    "2026-01-09": (18288, 6069, 3690),
    "2026-01-10": (22193, 8077, 3035),
    "2026-01-12": (32791, 11522, 6266),
    "2026-01-13": (28870, 9985, 7265),
}
KT_PORT_INS = 74_840
LAST_DAY = "2026-02-28"


def _book(warehouse: Warehouse, *, on: str, donor: str, recipient: str, ports: int, dt: str = LAST_DAY) -> None:
    """Add completed ports, asked for the day before, to the delivery of `dt`."""
    with warehouse.connect() as con:
        con.execute(
            "insert into raw.portability_events__all_revisions by name "
            "select $on || $donor || $recipient || i as port_id, 3 as event_seq, md5(port_id)::uuid as number_key, "
            "$donor as donor_provider, split_part($donor, '_', 1) as donor_network, $recipient as recipient_provider, "
            "split_part($recipient, '_', 1) as recipient_network, 'HANDSET' as line_type, 'COMPLETED' as status, "
            "$on::timestamptz - interval 10 hour as requested_at, $on::timestamptz as status_at, "
            "$on::date as processed_on, $dt::date as dt, 1 as rev from range($ports) as t(i)",
            {"on": on, "donor": donor, "recipient": recipient, "ports": ports, "dt": dt},
        )


@pytest.fixture(scope="module")
def kt(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """KT's waiver as KT receives it, with moves around it that must not count."""
    warehouse = Warehouse.create(tmp_path_factory.mktemp("kt"), view="operator:KT")
    warehouse.deliver("portability_events", LAST_DAY, [])
    for day, (to_skt, to_lgu, to_mvno) in KT_WAIVER.items():
        _book(warehouse, on=day, donor="KT", recipient="SKT", ports=to_skt)
        _book(warehouse, on=day, donor="KT", recipient="LGU", ports=to_lgu)
        _book(warehouse, on=day, donor="KT", recipient="KT_MVNO", ports=to_mvno)
    _book(warehouse, on="2026-01-07", donor="SKT", recipient="KT", ports=KT_PORT_INS)
    _book(warehouse, on="2025-12-30", donor="KT", recipient="SKT", ports=2985)
    _book(warehouse, on="2026-01-14", donor="KT", recipient="SKT", ports=3000)
    warehouse.build_models("--select", "+incident_headline")
    return warehouse


def test_the_first_four_days_of_kts_waiver_come_out_as_printed(kt: Warehouse) -> None:
    assert kt.query(
        "select port_outs_cumulative, port_outs_day, top_destination, "
        "round(top_share_all_pct, 1), round(top_share_mno_pct, 1) "
        "from churn.incident_headline where incident_id = 'KT_WAIVER_2026' and as_of_date = '2026-01-03'"
    ) == [(52_661, 21_027, "SKT", 61.4, 71.4)]
    assert kt.query(
        "select port_outs_day from churn.incident_destination "
        "where incident_id = 'KT_WAIVER_2026' and as_of_date = '2026-01-03' and destination_group = 'SKT'"
    ) == [(13_616,)]


def test_the_whole_of_kts_waiver_comes_out_as_printed(kt: Warehouse) -> None:
    assert kt.query(
        "select port_outs_cumulative, net_adds_cumulative "
        "from churn.incident_headline where incident_id = 'KT_WAIVER_2026' and as_of_date = '2026-01-13'"
    ) == [(312_902, -238_062)]
    assert kt.query(
        "select destination_group, port_outs_cumulative from churn.incident_destination "
        "where incident_id = 'KT_WAIVER_2026' and as_of_date = '2026-01-13' order by 2 desc"
    ) == [("SKT", 201_562), ("LGU", 70_130), ("MVNO", 41_210)]


def test_a_headline_has_a_row_for_every_day_of_the_window_sundays_included(kt: Warehouse) -> None:
    assert kt.query(
        "select count(*), min(as_of_date)::varchar, max(as_of_date)::varchar, "
        "count(*) filter (where port_outs_day = 0 and dayname(as_of_date) = 'Sunday') "
        "from churn.incident_headline where incident_id = 'KT_WAIVER_2026'"
    ) == [(14, "2025-12-31", "2026-01-13", 2)]


def test_incidents_of_other_operators_have_no_rows_in_an_operators_view(kt: Warehouse) -> None:
    assert kt.query("select distinct provider_group from churn.provider_daily") == [("KT",)]
    assert kt.query("select distinct incident_id from churn.incident_headline") == [("KT_WAIVER_2026",)]


def test_another_operator_needs_an_incident_row_its_view_and_its_ports_only(tmp_path: Path) -> None:
    (tmp_path / "site" / "reference").mkdir(parents=True)
    (tmp_path / "site" / "reference" / "incidents.csv").write_text(
        "incident_id,provider_group,kind,starts_on,ends_on\n"
        "SKT_OUTAGE_2026,SKT,BREACH,2026-02-02,2026-02-28\n"  # a row of its own
        "SKT_WAIVER_2025,SKT,WAIVER,2026-02-01,2026-02-02\n",  # and one that replaces a default
        "utf-8",
    )
    warehouse = Warehouse.create(tmp_path, view="operator:SKT", site=tmp_path / "site")
    warehouse.deliver("portability_events", "2026-02-03", [])
    for day, ports in {"2026-02-02": 30, "2026-02-03": 10}.items():
        _book(warehouse, on=day, donor="SKT", recipient="KT", ports=ports, dt="2026-02-03")
        _book(warehouse, on=day, donor="SKT", recipient="LGU_MVNO", ports=10, dt="2026-02-03")
    _book(warehouse, on="2026-02-03", donor="LGU", recipient="SKT", ports=5, dt="2026-02-03")
    _book(warehouse, on="2026-02-03", donor="KT", recipient="LGU", ports=500, dt="2026-02-03")
    warehouse.build_models("--select", "+incident_headline", "+fct_port")
    assert warehouse.query(
        "select incident_id, as_of_date::varchar, port_outs_day, port_outs_cumulative, net_adds_cumulative, "
        "top_destination, round(top_share_all_pct, 1), top_share_mno_pct from churn.incident_headline order by 1, 2"
    ) == [
        ("SKT_OUTAGE_2026", "2026-02-02", 40, 40, -40, "KT", 75.0, 100.0),
        ("SKT_OUTAGE_2026", "2026-02-03", 20, 60, -55, "KT", 66.7, 100.0),
        ("SKT_WAIVER_2025", "2026-02-02", 40, 40, -40, "KT", 75.0, 100.0),
    ]
    assert warehouse.query("select count(*) from churn.fct_port") == [(65,)]
    assert warehouse.query(
        "select baseline_from::varchar from reference.incidents where incident_id = 'SKT_WAIVER_2025'"
    ) == [("2025-03-01",)]
