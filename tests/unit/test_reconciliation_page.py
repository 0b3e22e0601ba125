"""The page of the reconciliation counts ports by provider, day and how they differ."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from orchestration.base.settings import Settings
from orchestration.reporting.reconciliation import write_reconciliation
from orchestration.serving.generations import PUBLICATION, Publication, PublishedRelation, switch
from tests.support.world import KEY

_ROWS = """
    create schema churn;
    create table churn.port_reconciliation as
    select 'P' || i as port_id, date '2026-01-02' as processed_on, 'KT' as donor_provider, 'SKT' as recipient_provider,
        'COMPLETED' as clearing_house_status, date '2026-01-02' as clearing_house_processed_on,
        true as is_donor_reporting, case when i < 95 then 'COMPLETED' end as donor_status,
        case when i < 90 then date '2026-01-02' when i < 95 then date '2026-01-03' end as donor_processed_on,
        false as is_recipient_reporting, null::varchar as recipient_status, null::date as recipient_processed_on,
        case when i < 90 then 'MATCHED' when i < 95 then 'DIFFERENT_DAY' else 'ONE_SIDED' end as agreement
    from range({ports}) as t(i)
"""


def _published(tmp_path: Path, ports: int) -> Settings:
    settings = Settings(home=tmp_path, pseudonym_key=KEY)
    folder = settings.serving_dir / "20260104T000000000000Z"
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "cases.duckdb")) as con:
        con.execute(_ROWS.replace("{ports}", str(ports)))
    relation = PublishedRelation(
        relation="churn.port_reconciliation", door="restricted", rows=ports, checksum="", data_through=None
    )
    entry = Publication(
        generation=folder.name, run_id="by hand", git_commit=None, published_at=datetime(2026, 1, 4, tzinfo=UTC),
        inputs="", relations=[relation],
    )  # fmt: skip
    (folder / PUBLICATION).write_text(entry.model_dump_json(), "utf-8")
    switch(settings, folder.name)
    return settings


def test_the_page_says_who_differs_and_how(tmp_path: Path) -> None:
    path = write_reconciliation(_published(tmp_path, 100))
    assert path is not None
    text = " ".join(re.sub(r"<[^>]+>", " ", path.read_text("utf-8")).split())
    assert "KT donor 100 90 5 0 5 90.00" in text
    assert "KT donor completed completed 1 5" in text
    assert "KT donor completed not known 5" in text
    assert "2026-01-02 100 90 5 0 5 90.00" in text


def test_where_nobody_reports_there_is_no_page(tmp_path: Path) -> None:
    assert write_reconciliation(_published(tmp_path, 0)) is None
    assert write_reconciliation(Settings(home=tmp_path / "new", pseudonym_key=KEY)) is None
