"""What the views of schema `raw` show of columns that files, or the site's contract, do not have."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from orchestration.base.settings import Settings
from orchestration.base.sql import columns_of, connect
from orchestration.contracts import load_feeds
from orchestration.ingest import ingest
from orchestration.warehouse.raw_relations import refresh_raw
from tests.support.brazil import BRAZIL, SATURDAY, drop_extracts
from tests.support.small_site import DAY, HEADER, SmallSite, line
from tests.support.world import KEY


def test_a_column_that_the_contract_was_given_later_is_null_in_what_was_taken_before(tmp_path: Path) -> None:
    site = SmallSite(tmp_path)
    site.drop(HEADER + line(1))
    site.ingest()
    site.columns.append({"name": "channel", "logicalType": "string", "required": False})
    with connect(site.settings) as con:
        refresh_raw(con, site.settings, {"charges": site.feed})
        assert con.execute("select charge_id, channel from raw.charges").fetchall() == [("C1", None)]
        site.drop(HEADER.strip() + ",channel\n" + line(2).strip() + ",STORE\n", dt=date(2026, 1, 4))
        site.ingest(date(2026, 1, 4))
        refresh_raw(con, site.settings, {"charges": site.feed})
        assert con.execute("select dt, channel from raw.charges order by 1").fetchall() == [
            (DAY, None), (date(2026, 1, 4), "STORE")
        ]  # fmt: skip


def test_the_last_day_of_a_feed_is_known_from_its_first_file_on(tmp_path: Path) -> None:
    """DuckDB answers neither question of a folder's name where there is one file."""
    site = SmallSite(tmp_path)
    site.drop(HEADER + line(1))
    site.ingest()
    with connect(site.settings) as con:
        refresh_raw(con, site.settings, {"charges": site.feed})
        assert con.execute("select max(dt), max(rev) from raw.charges").fetchall() == [(DAY, 1)]


def test_an_optional_column_that_a_site_leaves_out_of_its_contract_is_null(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, site=BRAZIL, pseudonym_key=KEY)  # type: ignore[arg-type]
    feeds = load_feeds(settings)
    assert "dealer_code" not in (BRAZIL / "contracts" / "portability_events.yaml").read_text("utf-8")
    with connect(settings) as con:
        refresh_raw(con, settings, feeds)
        empty = columns_of(con, "raw.portability_events")
        drop_extracts(settings.landing_dir)
        ingest(settings, feeds["portability_events"], [SATURDAY])
        refresh_raw(con, settings, feeds)
        assert columns_of(con, "raw.portability_events") == empty
        ports = con.execute("select count(*), count(sales_channel), count(dealer_code) from raw.portability_events")
        assert ports.fetchall() == [(60, 0, 0)]
