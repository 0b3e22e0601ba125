"""docs/feeds.md and docs/sites.md, followed literally: what they show is what comes of it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestration.base.settings import PROJECT, Settings
from orchestration.base.site_profile import read_profile
from orchestration.cli import app
from orchestration.site.check import check_site
from tests.support.followed import do, is_as_shown, run, steps
from tests.unit.test_new_site import KEY

FEEDS, SITES = ((PROJECT / "docs" / f"{page}.md").read_text("utf-8") for page in ("feeds", "sites"))


def _blocks(page: str, language: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    return [block for of, block in found if of == language]


def _console(page: str, command: str) -> tuple[list[str], list[str]]:
    """A command that a page shows, and the lines below it up to the next one."""
    (block,) = [block for block in _blocks(page, "console") if f"$ ringfence {command}" in block]
    shown = block.split(f"$ ringfence {command}")[1].split("\n$ ")[0]
    first, *rest = shown.splitlines()
    return shlex.split(command + first), rest


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RINGFENCE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RINGFENCE_PSEUDONYM_KEY", KEY)
    return tmp_path


def _top_ups(folder: Path, change: dict[str, str] | None = None) -> None:
    contract = next(block for block in _blocks(FEEDS, "yaml") if block.startswith("apiVersion"))
    for before, after in (change or {}).items():
        assert before in contract
        contract = contract.replace(before, after)
    (folder / "site" / "contracts").mkdir(parents=True, exist_ok=True)
    (folder / "site" / "contracts" / "top_ups.yaml").write_text(contract, "utf-8")


def test_the_contract_of_the_page_reads_the_sample_as_the_page_shows(folder: Path) -> None:
    _top_ups(folder)
    rows = [
        "top_up_id;전화번호;amount;bonus;channel;topped_up_at;clerk",
        "T1;010-5550-0001;10,000;;앱;22/11/2026 09:30;kim",
        "T2;010-5550-0002;5,000;6,000;매장;22/11/2026 09:31;kim",
        "T3;12345;x;;앱;22/11/2026 09:32;kim",
    ]
    (folder / "drop").mkdir()
    (folder / "drop" / "topups.csv").write_bytes("\n".join([*rows, ""]).encode("cp949"))
    command, shown = _console(FEEDS, "feeds check")
    told = CliRunner().invoke(app, [*command, "--dt", "2026-11-22"])
    assert told.exit_code == 0, told.output
    output = " ".join(told.output.split())
    for line in shown:
        if line and not line.startswith("["):
            assert " ".join(line.removesuffix("…}").split()) in output, line


def test_mistakes_are_told_as_the_page_shows(folder: Path) -> None:
    _top_ups(
        folder,
        {
            "property: encoding": "property: encodign",
            '["%Y-%m-%d %H:%M:%S", "%d/%m/%Y %H:%M"]': '"%Y-%m-%dT%H:%M:%SZ"',
            "{property: eventTime, value: topped_up_at}": '{property: dateFormat, value: "yyyyMMdd"}',
            "bonus <= amount": "bonus <= amuont",
        },
    )
    shown = next(block for block in _blocks(FEEDS, "") if block.startswith("top_ups.yaml, line 10"))
    told = CliRunner().invoke(app, ["feeds", "check", "site/contracts/top_ups.yaml"])
    assert told.exit_code == 1
    assert [line.removeprefix("site/contracts/") for line in told.output.splitlines()] == shown.splitlines()


def test_a_new_country_is_set_up_as_the_page_says(tmp_path: Path) -> None:
    done = []
    for step in steps(SITES, "A new country"):
        if step.language != "console":
            do(step, tmp_path)
        for arguments, shown in step.commands():
            if arguments[0] in ("run", "headline"):  # tests/slow/test_new_country.py goes on from here
                continue
            assert is_as_shown(run(arguments, tmp_path), shown), arguments
            done.append(arguments[0])
    assert done == ["init", "site", "feeds", "doctor"]


def test_a_new_site_is_taken_by_an_installation_without_a_site_and_without_data_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RINGFENCE_CONFIG")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("orchestration.base.installation._PROJECT", tmp_path)
    new = ["site", "new", "--country", "KE"]
    assert "Now set RINGFENCE_SITE=" in CliRunner().invoke(app, [*new, "none"]).output
    CliRunner().invoke(app, ["init"])
    (tmp_path / "data" / "raw").mkdir()
    assert "Now set RINGFENCE_SITE=" in CliRunner().invoke(app, [*new, "late"]).output
    (tmp_path / "data" / "raw").rmdir()
    assert "names it now" in CliRunner().invoke(app, [*new, "first"]).output
    assert Settings().site == tmp_path / "first"
    assert "Now set RINGFENCE_SITE=" in CliRunner().invoke(app, [*new, "second"]).output
    assert Settings().site == tmp_path / "first"


def test_the_pages_sources_are_sources(folder: Path) -> None:
    CliRunner().invoke(app, ["site", "new", "site", "--country", "GB"])
    (block,) = _blocks(SITES, "toml")
    profile = folder / "site" / "site.toml"
    profile.write_text(profile.read_text("utf-8") + block, "utf-8")
    check_site(Settings(site=folder / "site"))
    sources = read_profile(folder / "site").landing
    assert sources.keys() == {"portability_events", "payments", "subscriptions"}
    assert sources["portability_events"].secrets == {"password": "CLEARING_PASSWORD"}


def test_every_key_of_a_profile_stands_in_the_pages_table() -> None:
    table = SITES.split("| `site.toml` | |")[1].split("\n\n")[0]
    from orchestration.base.site_profile import NumberPlan, Site

    named = set(re.findall(r"`([a-z_.]+)`", table))
    keys = Site.model_fields.keys() - {"numbers"}
    assert keys | {f"numbers.{name}" for name in NumberPlan.model_fields} <= named
    assert 'based_on = ""' in SITES
