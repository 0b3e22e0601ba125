"""A carrier that is nothing like the default one is a folder of its own: contracts, reference tables, a profile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from orchestration.base.settings import Settings
from orchestration.base.sql import connect
from orchestration.contracts import load_feeds
from orchestration.definitions import build_defs
from orchestration.ingest import ingest
from orchestration.ingest.receipt import read_receipts, revision_dir
from orchestration.site.money import money
from tests.support import india as indian
from tests.support.brazil import BRAZIL, SATURDAY, SUNDAY, drop_extracts
from tests.support.india import INDIA, MONDAY, TUESDAY
from tests.support.small_site import HEADER, SmallSite, line
from tests.support.world import KEY


def test_extracts_in_another_layout_and_country_are_read_by_contracts_alone(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, site=BRAZIL, view="market", pseudonym_key=KEY)  # type: ignore[arg-type]
    drop_extracts(settings.landing_dir)
    for feed in load_feeds(settings).values():
        ingest(settings, feed, [SATURDAY, SUNDAY])
    receipts = {(one.feed, one.dt): one for one in read_receipts(settings.raw_dir)}
    assert {one.refusal for one in receipts.values()} == {None}
    assert [one.rows_accepted for one in receipts.values()] == [1, 60, 34]
    assert receipts["portability_events", SUNDAY].unknown_columns == ["Lote"]

    def rows(feed: str, columns: str) -> list[tuple[Any, ...]]:
        folder = revision_dir(settings.raw_dir, feed, SUNDAY, 1)
        with connect(settings) as con:
            return con.execute(f"select {columns} from '{folder}/*.parquet' group by all order by all").fetchall()

    assert rows("payment_disputes", "status, refunded_amount") == [("CONFIRMED_FRAUD", 123456)]
    assert rows("portability_events", "donor_provider, recipient_network, status, line_type, count(*)") == [
        ("CLARO", "TIM", "COMPLETED", "HANDSET", 12), ("CLARO", "TIM", "REQUESTED", "HANDSET", 12),
        ("VIVO", "CLARO", "COMPLETED", "HANDSET", 5), ("VIVO", "CLARO", "REQUESTED", "HANDSET", 5),
    ]  # fmt: skip
    assert rows("portability_events", "extract(hour from requested_at), min(octet_length(number_key))") == [(10, 16)]


def test_a_site_with_lakhs_its_own_words_and_one_row_per_port_is_read_by_contracts_alone(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, site=INDIA, pseudonym_key=KEY)  # type: ignore[arg-type]
    indian.drop_extracts(settings.landing_dir)
    feeds = load_feeds(settings)
    for name in ("portability_events", "payments"):
        ingest(settings, feeds[name], [MONDAY, TUESDAY])
    receipts = {(one.feed, one.dt): one for one in read_receipts(settings.raw_dir)}
    assert {one.refusal for one in receipts.values()} == {None}
    assert sum(one.rows_quarantined for one in receipts.values()) == 0
    assert {one.rows_ahead + one.rows_behind for one in receipts.values()} == {0}
    assert [one.rows_accepted for one in receipts.values()] == [3, 3, 12, 8]

    def rows(feed: str, columns: str) -> list[tuple[Any, ...]]:
        folder = revision_dir(settings.raw_dir, feed, MONDAY, 1)
        with connect(settings) as con:
            return con.execute(f"select {columns} from '{folder}/*.parquet' group by all order by all").fetchall()

    assert [amount for (amount,) in rows("payments", "amount")] == [9900, 12345678, 123456700]
    assert money(12345678, settings.site_profile) == "123,456.78 INR"
    assert rows("payments", "product, auth_method, monthly_limit, line_key, cell_id") == [
        ("MICROPAYMENT", "SMS", 10000000, None, None)
    ]
    assert rows(
        "portability_events", "status, line_type, event_seq, requested_at = status_at, processed_on::varchar"
    ) == [("COMPLETED", "HANDSET", 1, True, "2026-02-02")]
    assert len(rows("portability_events", "number_key")) == 12
    assert receipts["portability_events", MONDAY].unknown_columns == []


@pytest.mark.parametrize(("tolerance", "is_open"), [(20, True), (5, False)])
def test_a_yaml_alone_gives_a_pseudonymised_and_gated_raw_asset(tmp_path: Path, tolerance: int, is_open: bool) -> None:
    site = SmallSite(tmp_path, options={"tolerancePct": tolerance})
    assert site.feed
    site.drop(HEADER + "".join(line(n) for n in range(1, 41)) + "".join(line(n, amount="x") for n in range(41, 46)))
    asset = build_defs(settings=site.settings).get_repository_def().assets_defs_by_key[dg.AssetKey(["raw", "charges"])]
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([asset], partition_key="2026-01-03", instance=instance, raise_on_error=False)
    (materialized,) = result.asset_materializations_for_node("raw_charges")
    assert materialized.metadata["rows_quarantined"].value == 5
    (gate,) = result.get_asset_check_evaluations()
    assert gate.passed is is_open
    (receipt,) = read_receipts(site.settings.raw_dir)
    assert [len(key) for (key,) in site.rows(receipt, "number_key")] == [16] * 40
