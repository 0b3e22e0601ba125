"""A site's folder is looked at before anything rests on it, and what is wrong in it is named by file and line."""

from __future__ import annotations

import codecs
import csv
import shutil
from pathlib import Path

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from orchestration.base.settings import Settings
from orchestration.cli import app
from orchestration.contracts import load_feeds
from orchestration.site.check import check_site
from orchestration.site.reference import SiteError, references, write_references
from orchestration.warehouse import dbt

BRAZIL = Path(__file__).parents[1] / "sites" / "brazil"


def _refused(tmp_path: Path, files: dict[str, str | bytes], view: str = "market") -> list[str]:
    """What is said of a site of these files, without the folder's own path."""
    site = tmp_path / "site"
    for name, text in files.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(SiteError) as refusal:
        check_site(Settings(home=tmp_path, site=site, view=view))
    return str(refusal.value).replace(f"{site}/", "").splitlines()


def test_the_shipped_site_and_a_whole_one_are_sound(tmp_path: Path) -> None:
    check_site(Settings(home=tmp_path))
    check_site(Settings(home=tmp_path, site=BRAZIL, view="operator:CLARO"))


def test_reference_rows_that_would_do_nothing_are_named_with_line_and_column(tmp_path: Path) -> None:
    header = "incident_id,provider_group,kind,starts_on,ends_on,baseline_from,baseline_to\n"
    rules = "rule_id,version,is_enabled\nCROWDD,1,false\n"
    said = _refused(
        tmp_path,
        {
            "reference/incidents.csv": header
            + "A,SKTT,WAIVR,2025-07-05,2025-07-04,,\n"
            + "B,SKT,WAIVER,2025-07-05,,2025-06-30,2025-06-01\n"
            + "B,SKT,WAIVER,2025-07-05,2025-07-07,,\n",
            "reference/calendar.csv": "day,is_holiday\n2026-1-1,true\nfriday,true\n",
            "reference/fraud_rules.csv": rules,
            "reference/desks.csv": "desk,cases_per_day\nFRAUD,many\n",
            "reference/regions.csv": "code,name\n1,x\n",
        },
    )
    assert sorted(line for line in said if "CROWDD" not in line and "fraud_rules" not in line) == [
        "reference/calendar.csv, line 2, day: 2026-1-1 is neither a date (2026-01-01) nor a weekday (SUNDAY)",
        "reference/desks.csv, line 2, cases_per_day: 'many' is not an integer",
        "reference/incidents.csv, line 2, ends_on: 2025-07-04 is before starts_on",
        "reference/incidents.csv, line 2, kind: 'WAIVR' is not one of BREACH, WAIVER, SIGNUP_SUSPENSION",
        "reference/incidents.csv, line 2, provider_group: 'SKTT' is not one of KT, LGU, MVNO, SKT",
        "reference/incidents.csv, line 3, baseline_to: 2025-06-01 is before baseline_from",
        "reference/incidents.csv, line 3, ends_on: is empty",
        "reference/incidents.csv, line 4, incident_id: a line above it has the same key (B)",
        "reference/regions.csv, line 1: column 'code' is not one of region_code, name, name_local, province",
    ]
    assert any(line.startswith("reference/fraud_rules.csv, line 2, rule_id: 'CROWDD' is not one of ") for line in said)


def test_a_reference_table_as_a_spreadsheet_saves_it_is_named_by_file_line_and_column(tmp_path: Path) -> None:
    header = "incident_id,provider_group,kind,starts_on,ends_on,baseline_from,baseline_to\n"
    said = _refused(
        tmp_path,
        {
            "reference/calendar.csv": "day,is_holiday\n2026-01-01,true\n설날,true\n".encode("cp949"),
            "reference/regions.csv": "region_code,name\n11,Seoul\n12\n".encode("utf-16"),
            "reference/desks.csv": "desk;cases_per_day\nFRAUD;9\n",
            "reference/providers.csv": "provider,group_name\nKT,KT\nA,KT,KT\n",
        },
    )
    assert sorted(said) == [
        "reference/calendar.csv, line 3: is not in utf-8; save the file as UTF-8",
        "reference/desks.csv, line 1: ';' stands between the names; save the file with commas",
        "reference/providers.csv, line 3: 3 values, where the header has 2 names",
        "reference/regions.csv: is in utf-16; save the file as UTF-8",
    ]
    incident = "\ufeff" + header + "A,SKT,WAIVER,2025. 7. 5,2025-07-14,,\n"
    assert _refused(tmp_path / "dates", {"reference/incidents.csv": incident}) == [
        "reference/incidents.csv, line 2, starts_on: '2025. 7. 5' is not a date"
    ]
    empty = {"reference/incidents.csv": header + "A,SKT,WAIVER,2025-07-05,2025-07-14,,\n,,,,,,\n"}
    assert "reference/incidents.csv, line 3, incident_id: is empty" in _refused(tmp_path / "rows", empty)
    empty = {"reference/regions.csv": "region_code,name,,\n11,Seoul,,\n"}
    assert _refused(tmp_path / "columns", empty) == [
        "reference/regions.csv, line 1: a column has no name; take out the columns that are empty"
    ]


def test_a_byte_order_mark_before_what_a_site_says_does_no_harm(tmp_path: Path) -> None:
    site = tmp_path / "site"
    shutil.copytree(BRAZIL, site)
    for path in [*site.rglob("*.toml"), *site.rglob("*.yaml"), *site.rglob("*.json"), *site.rglob("*.csv")]:
        path.write_bytes(codecs.BOM_UTF8 + path.read_bytes())
    settings = Settings(home=tmp_path, site=site, view="operator:CLARO")
    check_site(settings)
    assert settings.site_profile == Settings(home=tmp_path, site=BRAZIL).site_profile
    assert [feed.columns for feed in load_feeds(settings).values()] == [
        feed.columns for feed in load_feeds(Settings(home=tmp_path, site=BRAZIL)).values()
    ]


def test_a_row_replaces_a_shipped_one_without_the_columns_that_its_file_leaves_out(tmp_path: Path) -> None:
    (tmp_path / "site" / "reference").mkdir(parents=True)
    (tmp_path / "site" / "reference" / "fraud_rules.csv").write_text("rule_id,version,points\nEXPOSED_NUMBER,2,40\n")
    check_site(Settings(home=tmp_path, site=tmp_path / "site"))


def test_what_raises_alerts_reaches_dbt_and_another_choice_is_another_project(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    before = Settings(home=tmp_path, site=tmp_path / "site")
    (tmp_path / "site" / "site.toml").write_text('alert_by = "either"', "utf-8")
    after = Settings(home=tmp_path, site=tmp_path / "site")
    assert [dbt.environment(one)["RINGFENCE_ALERT_BY"] for one in (before, after)] == ["rules", "either"]
    assert dbt.fingerprint(before) != dbt.fingerprint(after)


def test_files_that_nobody_would_read_and_a_group_that_nobody_belongs_to_are_named(tmp_path: Path) -> None:
    files = {"reference/incidentz.csv": "", "expectations/mart/x.json": "", "expectations/raw/paymnts.json": "{}"}
    said = _refused(
        tmp_path, {**files, "contracts/top_ups.yml": "", "contract/x.yaml": "", "README.md": ""}, "operator:XX"
    )
    assert sorted(said) == [
        "RINGFENCE_VIEW: There is no group of providers 'XX'; there are: KT, LGU, MVNO, SKT",
        "contract: nobody reads this; did you mean 'contracts'?",
        "contracts/top_ups.yml: nobody reads this; a contract's name ends in .yaml",
        "expectations/mart: is not named after a stage; did you mean 'marts'?",
        "expectations/raw/paymnts.json: is not named after a relation of stage raw; did you mean 'payments.json'?",
        "reference/incidentz.csv: is not named after a reference table; did you mean 'incidents.csv'?",
    ]


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        ('time_zone = "Asia/Soul"', "time_zone: there is no time zone 'Asia/Soul'"),
        ('timezone = "Asia/Seoul"', "timezone: Extra inputs are not permitted"),
        ("time_zone = ", "Invalid value"),
        ('alert_by = "both"', "alert_by: Input should be 'rules', 'score' or 'either'"),
        ('[numbers]\ncalling_code = "x"', "numbers.calling_code: "),
    ],
)
def test_a_wrong_profile_is_refused_by_every_command_and_names_its_place(
    tmp_path: Path, profile: str, said: str
) -> None:
    (tmp_path / "site.toml").write_text(profile, "utf-8")
    with pytest.raises(ValidationError, match=r"site\.toml"):
        Settings(home=tmp_path, site=tmp_path)
    told = CliRunner(env={"RINGFENCE_SITE": str(tmp_path)}).invoke(app, ["status"])
    assert told.exit_code == 1
    assert f"{tmp_path}/site.toml: {said}" in told.output


def test_a_profile_overrides_key_by_key_in_its_tables_too(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text('[numbers]\ntrunk_prefix = "1"\n', "utf-8")
    numbers = Settings(home=tmp_path, site=tmp_path).site_profile.numbers
    assert (numbers.trunk_prefix, numbers.calling_code) == ("1", "82")


@pytest.mark.parametrize(
    "command",
    [
        ["run", "--from", "2026-01-13", "--to", "2026-01-13"],
        ["report"], ["glossary"], ["publish"], ["quarantine", "show"], ["headline"],
        ["gates", "show", "raw/[/payments]"], ["headline", "--incident", "[/x]"], ["rollback", "--to", "[/x]"],
        ["rules", "explain", "[/x]"], ["reidentify", "--reason", "why"], ["simulate", "--out", "x", "--scenario", "no"],
    ],
)  # fmt: skip
def test_a_command_that_cannot_be_done_ends_with_the_reason_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()  # where a folder could be made, if it were none
    environment = {"RINGFENCE_HOME": str(tmp_path / "file" / "home"), "RINGFENCE_PSEUDONYM_KEY": "k" * 40}
    told = CliRunner(env=environment).invoke(app, command)
    assert told.exit_code == 1
    assert told.exception is None or isinstance(told.exception, SystemExit)
    assert told.output.strip()


def test_the_warehouse_gets_each_table_with_the_sites_rows_in_place_of_the_shipped_ones(tmp_path: Path) -> None:
    site, folder = tmp_path / "site", tmp_path / "tables"
    (site / "reference").mkdir(parents=True)
    folder.mkdir()
    own = 'provider,group_name,kind\nKT,MVNO,MVNO\n"A, ""B""",MVNO,MVNO\n'
    (site / "reference" / "providers.csv").write_text(own, "utf-8")
    write_references(Settings(home=tmp_path / "home", site=site), folder)
    with (folder / "providers.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["provider"]: row for row in csv.DictReader(file)}
    assert rows["KT"] == {"provider": "KT", "network": "KT", "group_name": "MVNO", "kind": "MVNO"}
    assert rows['A, "B"'] == {"provider": 'A, "B"', "network": "", "group_name": "MVNO", "kind": "MVNO"}
    assert rows["SKT"]["kind"] == "MNO"
    assert {path.stem for path in folder.iterdir()} == set(references())
