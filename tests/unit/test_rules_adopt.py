"""A file of changes that was tried becomes the site's table, whole, or nothing of it does."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from orchestration.base.settings import Settings
from orchestration.base.sql import connect
from orchestration.rules.adopt import AdoptError, adopt
from orchestration.rules.changes import ChangesError
from orchestration.site.check import check_site
from orchestration.site.reference import lay_over


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "site").mkdir()
    return Settings(home=tmp_path / "home", site=tmp_path / "site")


def _adopt(settings: Settings, text: str | bytes) -> list[dict[str, str]]:
    changes = settings.home.parent / "changes.csv"
    changes.write_bytes(text.encode() if isinstance(text, str) else text)
    with adopt(settings, changes).path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _points(settings: Settings) -> dict[str, tuple[str, str]]:
    with connect(settings) as con:
        rows = con.execute(
            f"select rule_id, points, is_enabled from {lay_over(con, settings, 'fraud_rules')}"
        ).fetchall()
    return {rule: (points, enabled) for rule, points, enabled in rows}


def test_what_is_adopted_is_in_force_and_the_rest_stays(settings: Settings) -> None:
    before = _points(settings)
    rows = _adopt(settings, "rule_id,points\nCASH_LIKE,7\n")
    assert [row["rule_id"] for row in rows] == ["CASH_LIKE"]
    assert all(rows[0].values()), "a whole row, since the site's replaces the shipped one"
    rows = _adopt(settings, "rule_id,is_enabled\nNIGHT_PAYMENT,false\n")
    assert {row["rule_id"] for row in rows} == {"CASH_LIKE", "NIGHT_PAYMENT"}
    after = _points(settings)
    assert after["CASH_LIKE"] == ("7", before["CASH_LIKE"][1])
    assert after["NIGHT_PAYMENT"] == (before["NIGHT_PAYMENT"][0], "false")
    changed = {rule for rule in before if before[rule] != after[rule]}
    assert changed == {"CASH_LIKE", "NIGHT_PAYMENT"}
    check_site(settings)


def test_changes_are_read_as_excel_saves_them(settings: Settings) -> None:
    (row,) = _adopt(settings, "rule_id,points\r\nCASH_LIKE,7\r\n".encode("utf-16"))
    assert (row["rule_id"], row["points"]) == ("CASH_LIKE", "7")


def test_an_empty_rule_stands_for_all_as_it_does_when_they_are_tried(settings: Settings) -> None:
    rows = _adopt(settings, "rule_id,alert_threshold\n,80\n")
    assert {row["rule_id"] for row in rows} == _points(settings).keys()
    assert {row["alert_threshold"] for row in rows} == {"80"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ("rule_id,points\nFULL_MOON,1\n", r"changes\.csv, line 2: there is no rule 'FULL_MOON'"),
        ("rule_id,points\nCASH_LIKE,many\n", r"changes\.csv, line 2, points: 'many' is not an integer"),
        ("rule_id,points\nCASH_LIKE,7,9,9\n", r"changes\.csv, line 2: has more values than there are columns"),
        ("points\n40\n", r"changes\.csv: has no column 'rule_id'"),
        ("", r"changes\.csv: has no column 'rule_id'"),
        ("rule_id,points\n현금,7\n".encode("cp949"), r"changes\.csv, line 2: is not in utf-8"),
    ],
)
def test_a_mistake_is_told_by_its_line_and_nothing_is_written(
    settings: Settings, changes: str | bytes, said: str
) -> None:
    with pytest.raises(ChangesError, match=said):
        _adopt(settings, changes)
    assert settings.site is not None
    assert list(settings.site.rglob("*")) == []


def test_without_a_site_there_is_nowhere_to_write_to(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(AdoptError, match="RINGFENCE_SITE"):
        adopt(settings.model_copy(update={"site": None}), tmp_path / "changes.csv")
