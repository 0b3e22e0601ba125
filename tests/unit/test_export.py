"""A published mart as a file for a spreadsheet."""

from __future__ import annotations

import zipfile
from datetime import date, datetime
from pathlib import Path

import duckdb
import openpyxl
import pandas as pd
import pytest
from typer.testing import CliRunner

from orchestration.base.refusal import UnknownNameError
from orchestration.base.settings import Settings
from orchestration.cli import app
from orchestration.serving.export import ExportError, export
from tests.support.world import KEY


@pytest.fixture
def published(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path / "home", pseudonym_key=KEY)  # type: ignore[arg-type]
    generation = settings.serving_dir / "20260104T000000000000Z"
    generation.mkdir(parents=True)
    with duckdb.connect(str(generation / "marts.duckdb")) as con:
        con.execute(
            """
            create schema churn;
            create table churn.flow (day date, destination varchar, lines bigint, total hugeint, seen_at timestamptz);
            comment on column churn.flow.lines is 'Lines that left.';
            insert into churn.flow values
                ('2026-01-03', 'SKT', 12836, 52661, '2026-01-03 21:00:00+09'),
                ('2026-01-02', '=1+1', 0, null, null)
            """
        )
    (settings.serving_dir / "current").symlink_to(generation.name)
    return settings


def test_every_format_holds_the_rows_in_order(published: Settings, tmp_path: Path) -> None:
    for kind, read in ((".csv", pd.read_csv), (".parquet", pd.read_parquet)):
        file = tmp_path / f"flow{kind}"
        assert export(published, "churn.flow", file) == 2
        rows = read(file)
        assert list(rows["lines"]) == [0, 12836]
        assert list(rows["destination"]) == ["=1+1", "SKT"]
    assert sorted(path.name for path in tmp_path.glob("flow*")) == ["flow.csv", "flow.parquet"]


def test_a_workbook_has_typed_cells_and_says_what_its_columns_mean(published: Settings, tmp_path: Path) -> None:
    file = tmp_path / "flow.xlsx"
    assert export(published, "churn.flow", file) == 2
    rows, columns = openpyxl.load_workbook(file).worksheets
    assert [cell.value for cell in rows[1]] == ["day", "destination", "lines", "total", "seen_at"]
    first, second = rows[2], rows[3]
    assert first[0].value.date() == date(2026, 1, 2)
    assert (first[1].value, first[1].data_type) == ("=1+1", "s")
    assert second[3].value == 52661
    assert second[4].value == datetime(2026, 1, 3, 21)
    assert ["lines", "BIGINT", "Lines that left."] in [[cell.value for cell in row] for row in columns]


def test_a_text_that_looks_like_a_formula_is_a_text_in_a_workbook(published: Settings, tmp_path: Path) -> None:
    export(published, "churn.flow", tmp_path / "flow.xlsx")
    with zipfile.ZipFile(tmp_path / "flow.xlsx") as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        assert "<f>" not in sheet
        assert "=1+1" in book.read("xl/sharedStrings.xml").decode()


def test_a_condition_narrows_the_rows_and_a_wrong_one_is_said(published: Settings, tmp_path: Path) -> None:
    assert export(published, "churn.flow", tmp_path / "skt.csv", "destination = 'SKT'") == 1
    with pytest.raises(ExportError, match="condition is not understood"):
        export(published, "churn.flow", tmp_path / "none.csv", "destnation = 'SKT'")
    assert not (tmp_path / "none.csv").exists()


def test_what_cannot_be_written_is_refused(published: Settings, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean 'churn\.flow'"):
        export(published, "churn.flows", tmp_path / "flow.csv")
    with pytest.raises(ExportError, match=r"must end in one of \.csv"):
        export(published, "churn.flow", tmp_path / "flow.ods")


@pytest.mark.parametrize("kind", [".csv", ".parquet", ".xlsx"])
def test_a_folder_that_is_not_there_is_named_without_a_traceback(
    published: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("RINGFENCE_HOME", str(published.home))
    told = CliRunner().invoke(app, ["export", "churn.flow", str(tmp_path / "nowhere" / f"flow{kind}")])
    assert told.exit_code == 1
    assert isinstance(told.exception, SystemExit)
    assert str(tmp_path / "nowhere") in told.stderr
