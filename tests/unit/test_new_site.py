"""A new site: a folder that is sound as it is written, that stands alone, and says what it does not have."""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from pydantic import ValidationError
from rich.console import Console
from typer.testing import CliRunner

from orchestration.base.settings import PACKAGE, PROJECT, Settings
from orchestration.base.site_profile import DEFAULT_SITE
from orchestration.cli import app
from orchestration.contracts import load_feeds
from orchestration.reporting.assets import report_asset
from orchestration.reporting.morning import ReportError, write_morning_report
from orchestration.reporting.terminal.status_shown import print_exceptions, print_status
from orchestration.serving.generations import PUBLICATION, Publication, PublishedRelation, switch
from orchestration.site.check import check_site
from orchestration.site.countries import countries
from orchestration.site.reference import SiteError, lay_over, seed_file, write_references
from orchestration.site.skeleton import SkeletonError, write_skeleton
from orchestration.state.punctuality import Punctuality
from orchestration.state.status import read_feeds, read_status
from orchestration.warehouse.graph import Graph
from orchestration.warehouse.needs import check_needs
from tests.support.dbt_warehouse import REFERENCE
from tests.support.small_site import HEADER, SmallSite, line

KEY = "a key for tests, and for nothing else at all"


def _settings(tmp_path: Path, country: str = "GB") -> Settings:
    write_skeleton(tmp_path / "site", country)
    return Settings(home=tmp_path / "home", site=tmp_path / "site")


@pytest.mark.parametrize("country", sorted(countries()))
def test_a_new_site_is_sound_as_it_is_written_in_every_country(tmp_path: Path, country: str) -> None:
    settings = _settings(tmp_path, country)
    check_site(settings)
    check_needs(settings)
    assert settings.view == "operator:ONE"
    assert settings.site_profile.numbers == countries()[country].numbers
    assert load_feeds(settings)["portability_events"].source_system == "clearing_house"


def test_the_command_writes_one_that_the_doctor_finds_nothing_in_and_touches_no_other(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    told = CliRunner().invoke(app, ["site", "new", str(folder), "--country", "za"])
    assert told.exit_code == 0, told.output
    (tmp_path / "home" / "landing").mkdir(parents=True, mode=0o700)
    environment = {"RINGFENCE_HOME": str(tmp_path / "home"), "RINGFENCE_SITE": str(folder)}
    examined = CliRunner(env=environment | {"RINGFENCE_PSEUDONYM_KEY": KEY}).invoke(app, ["doctor"])
    assert examined.exit_code == 0, examined.output
    again = CliRunner().invoke(app, ["site", "new", str(folder), "--country", "za"])
    assert again.exit_code == 1
    assert "is not an empty folder" in again.output
    with pytest.raises(SkeletonError, match="Of 'XX' nothing is known"):
        write_skeleton(tmp_path / "other", "XX")
    assert not (tmp_path / "other").exists()


def test_a_site_that_stands_alone_has_no_rows_but_its_own_in_tables_of_a_country(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    tables = tmp_path / "tables"
    tables.mkdir()
    write_references(settings, tables)
    rows = {path.stem: list(csv.DictReader(path.open(encoding="utf-8"))) for path in tables.iterdir()}
    assert [row["day"] for row in rows["calendar"]] == ["SUNDAY", "2026-01-01"]
    assert {row["group_name"] for row in rows["providers"]} == {"ONE", "TWO", "MVNO"}
    assert len(rows["fraud_rules"]) > 10


def test_a_site_that_stands_alone_inherits_nothing(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text('based_on = ""\ncountry = "GB"\ncurrency = "GBP"\n', "utf-8")
    with pytest.raises(ValidationError, match=r"site\.toml: time_zone: Field required"):
        Settings(home=tmp_path, site=tmp_path)


def test_the_views_default_is_the_sites_and_the_environment_overrides_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site.toml").write_text('view = "operator:SKT"\n', "utf-8")
    assert Settings(site=tmp_path).view == "operator:SKT"
    monkeypatch.setenv("RINGFENCE_VIEW", "market")
    assert Settings(site=tmp_path).view == "market"
    monkeypatch.delenv("RINGFENCE_VIEW")
    assert Settings().view == "operator:KT"


def test_a_feed_that_the_site_does_not_have_is_said_once_and_missed_by_nobody(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    feeds = load_feeds(settings)
    states = {status.feed: status.punctuality for status in read_feeds(settings, feeds)}
    assert {name for name, state in states.items() if state is Punctuality.NEVER_ARRIVED} == {"portability_events"}
    assert {state for name, state in states.items() if name != "portability_events"} == {Punctuality.ABSENT}
    console = Console(width=400, record=True)
    print_exceptions(console, read_status(settings, feeds))
    told = console.export_text()
    assert told.count("invoices") == 1
    assert "portability_events: has never arrived" in told


def test_a_feed_that_nobody_knows_cannot_be_absent(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text('absent = ["paymnts"]\n', "utf-8")
    with pytest.raises(SiteError, match=r"absent: there is no feed 'paymnts'; did you mean 'payments'\?"):
        check_site(Settings(home=tmp_path / "home", site=tmp_path))


def test_a_site_with_feeds_of_its_own_alone_is_told_where_they_are(tmp_path: Path) -> None:
    site = SmallSite(tmp_path)
    site.drop(HEADER + line(1))
    site.ingest()
    folder = site.settings.serving_dir / "20260104T000000000000Z"
    folder.mkdir(parents=True)
    duckdb.connect(str(folder / "marts.duckdb")).close()
    entry = Publication(
        generation=folder.name, run_id="by hand", git_commit=None, published_at=datetime(2026, 1, 4, tzinfo=UTC),
        inputs="", relations=[
            PublishedRelation(relation="churn.fct_port", door="open", rows=0, checksum="", data_through=None)
        ],
    )  # fmt: skip
    (folder / PUBLICATION).write_text(entry.model_dump_json(), "utf-8")
    switch(site.settings, folder.name)
    feeds = load_feeds(site.settings)
    with pytest.raises(ReportError, match=r"no mart holds a day yet.*What has \(charges\) is in raw"):
        write_morning_report(site.settings, feeds)
    report = report_asset(site.settings, feeds, Graph({"nodes": {}, "sources": {}, "parent_map": {}, "child_map": {}}))
    with dg.DagsterInstance.ephemeral() as instance:
        told_of = dg.materialize([report], instance=instance).asset_materializations_for_node(report.op.name)
    assert "no mart holds a day yet" in str(told_of[0].metadata["summary"].value), "it has not failed"
    console = Console(width=400, record=True)
    print_status(console, read_status(site.settings, feeds))
    told = console.export_text()
    assert "no mart holds a day yet" in told
    assert "None" not in told


#: Besides what the default site's own tables name: its country, language, money, prefix, and what its press calls them.
WORDS = (
    "Korea", "Korean", "Seoul", "Hangul", "KRW", "KT", "SKT", "SK Telecom", "LGU", "LGU+", "LG U+", "LG Uplus", "KTM",
    "Seollal", "Chuseok",
)  # fmt: skip
#: Names that other countries' tables have, too.
COMMON = {"", "New Year's Day", "Christmas Day", "Children's Day", "Memorial Day", "Presidential election"}
#: Files that may name a country: what is known of every country alike.
OF_ALL_COUNTRIES = {"orchestration/site/countries.toml"}


def test_nothing_of_the_default_sites_country_stands_outside_its_folder_and_the_simulator() -> None:
    named = {
        "providers": ["provider"],
        "calendar": ["name"],
        "regions": ["name", "province"],
        "incidents": ["incident_id"],
    }
    words = {
        row[column]
        for table, columns in named.items()
        for row in csv.DictReader((REFERENCE / f"{table}.csv").open(encoding="utf-8"))
        for column in columns
    }
    assert {"KT", "Seollal", "Jongno-gu"} <= words
    listed = "|".join(map(re.escape, sorted((words | set(WORDS)) - COMMON, key=len, reverse=True)))
    pattern = re.compile(rf"[\uac00-\ud7a3\u1100-\u11ff]|(?<![\w-])(?:{listed})(?![\w-])|(?<!\d)(?:\+82|8210)")
    ours = [PACKAGE / "sites" / DEFAULT_SITE, PACKAGE / "simulator"]
    found = [
        f"{path.relative_to(PROJECT)}: {match[0]}"
        for folder in ("orchestration", "dbt_project", "expectations")
        for path in sorted((PROJECT / folder).rglob("*"))
        if path.is_file() and not {"__pycache__", "target", "logs"} & {*path.parts}
        if not any(place in path.parents for place in ours) and str(path.relative_to(PROJECT)) not in OF_ALL_COUNTRIES
        for match in pattern.finditer(path.read_text("utf-8"))
    ]
    assert found == []


def test_tables_of_a_country_have_no_shipped_row(tmp_path: Path) -> None:
    tables = {path.stem for path in REFERENCE.glob("*.csv")}
    assert tables == {
        "calendar", "contract_kinds", "etf_schedule", "incident_shapes", "incidents", "providers", "regions"
    }  # fmt: skip
    assert {name: seed_file(name).read_text("utf-8").count("\n") for name in tables} == dict.fromkeys(tables, 1)
    with duckdb.connect() as con:
        alone = Settings(home=tmp_path / "home", site=_alone(tmp_path / "site"))
        counts = {name: con.execute(f"from {lay_over(con, alone, name)}").fetchall() for name in tables}
    assert counts == {name: [] for name in tables}
    (tmp_path / "site" / "reference" / "etf_schedule.csv").write_text("contract_kind,from_month,due_pct\nA,0,100\n")
    with pytest.raises(SiteError, match=r"etf_schedule\.csv, line 2, contract_kind: 'A' is unknown: there are none"):
        check_site(alone)


def _alone(folder: Path) -> Path:
    """A site without a reference table of its own."""
    write_skeleton(folder, "KE")
    for path in (folder / "reference").iterdir():
        path.unlink()
    return folder
