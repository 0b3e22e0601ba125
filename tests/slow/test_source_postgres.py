"""Extracts that are rows of a PostgreSQL database."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import psycopg2
import pytest

from orchestration.ingest.sources import fetch
from tests.support.postgres import postgres_server
from tests.support.small_site import DAY, SmallSite
from tests.unit.test_sources import _from


def test_rows_of_a_day_come_with_their_types_and_a_day_without_rows_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with postgres_server() as address:
        with psycopg2.connect(address) as con, con.cursor() as cursor:
            cursor.execute(
                "create table charge as select 'C' || n as charge_id, "
                "'010-1234-' || lpad((n % 10000)::text, 4, '0') as msisdn, "
                "n::numeric(12,2) as amount, n % 2 = 0 as is_paid, case when n % 3 = 0 then 'ok' end as note, "
                "date '2026-01-03' as charged_on, "
                "timestamptz '2026-01-03 09:00:00+09' + n * interval '1 millisecond' as charged_at, "
                "date '2026-01-03' as loaded_on from generate_series(1, 120000) as t(n)"
            )
        monkeypatch.setenv("BILLING_DATABASE", address.replace("postgresql://", "postgresql+psycopg2://"))
        flag = "case when is_paid then 'Y' else 'N' end as is_paid"
        query = (
            f"select charge_id, msisdn, amount, {flag}, note, charged_on, charged_at from charge where loaded_on = :dt"
        )
        site = _from(SmallSite(tmp_path), query=query, database="BILLING_DATABASE")
        (done,) = fetch(site.settings, site.feed, [DAY, DAY + timedelta(days=1)])
        assert (done.dt, done.files) == (DAY, ["rows.parquet"])
        receipt = site.ingest()
        assert (receipt.rows_accepted, receipt.reasons) == (120_000, {})
        assert site.rows(receipt, "sum(amount), count(*) filter (is_paid), count(note), max(charged_at)::varchar") == [
            (7200060000, 60000, 40000, "2026-01-03 09:02:00+09")
        ]
        assert fetch(site.settings, site.feed, [DAY]) == []
