"""docs/sites.md from an empty folder to a British carrier's headline, with the figures that are right."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb

from orchestration.base.settings import PROJECT
from tests.support.followed import do, is_as_shown, run, steps
from tests.support.uk import drop_extracts

PAGE = (PROJECT / "docs" / "sites.md").read_text("utf-8")


def test_a_british_carrier_has_its_headline_by_the_steps_of_the_page(tmp_path: Path) -> None:
    for step in steps(PAGE, "A new country"):
        if step.language != "console":
            do(step, tmp_path)
        for arguments, shown in step.commands():
            if arguments[0] == "run":
                drop_extracts(tmp_path / "data" / "landing")
            assert is_as_shown(run(arguments, tmp_path), shown), arguments
    with duckdb.connect(str(tmp_path / "data" / "serving" / "current" / "marts.duckdb"), read_only=True) as con:

        def rows(sql: str) -> list[tuple[object, ...]]:
            return con.execute(sql).fetchall()

        assert rows(
            "select recipient_group, sum(ports)::integer from churn.port_flow_daily "
            "where processed_on >= '2026-03-01' group by all having sum(ports) > 0 order by 2 desc"
        ) == [("VMO2", 840), ("VODAFONE", 630), ("THREE", 420), ("MVNO", 210)]
        # with another country's holidays, the first two days had nothing to be compared with, and the week no sum
        assert rows(
            "select count(baseline_port_outs), round(max(baseline_cumulative))::integer, max(note) "
            "from churn.waiver_effect where incident_id = 'EE_WAIVER_2026'"
        ) == [(7, 338, None)]
        assert rows("select date_day::varchar from core.dim_date where is_holiday order by 1") == [
            ("2026-01-01",), ("2026-04-03",)
        ]  # fmt: skip
        assert rows("select incident_id from core.dim_incident") == [("EE_WAIVER_2026",)]
    glossary = next(tmp_path.rglob("glossary.html")).read_text("utf-8")
    assert "number portability" in glossary
    assert not re.search("[\uac00-\ud7a3]", glossary)
    assert "Nothing is in quarantine." in run(["quarantine", "show", "--feed", "portability_events"], tmp_path)
