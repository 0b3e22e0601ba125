"""What names an installation: the file in its folder, the environment before it; what is said where there is none."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestration.base.refusal import Refusal
from orchestration.base.settings import Settings, origins
from orchestration.cli import app
from orchestration.evidence.signing import SigningKey
from tests.support.disk import full_disk


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("RINGFENCE_CONFIG")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def ringfence() -> Callable[..., tuple[int, str]]:
    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, arguments)
        return done.exit_code, done.output

    return run


def test_what_init_wrote_is_found_from_below_and_the_environment_goes_before_it(
    folder: Path, ringfence: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ringfence("init")[0] == 0
    key = folder / "data" / "pseudonym.key"
    assert key.stat().st_mode & 0o777 == 0o600
    below = folder / "any" / "where"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert (Settings().home, Settings().pseudonym_key_file) == (folder / "data", key)
    assert origins() == dict.fromkeys(("home", "pseudonym_key_file"), str(folder / "ringfence.toml"))
    monkeypatch.setenv("RINGFENCE_HOME", "/elsewhere")
    monkeypatch.setenv("RINGFENCE_PSEUDONYM_KEY", "a key from the environment, as a secret store gives it")
    assert (Settings().home, Settings().pseudonym_key_file) == (Path("/elsewhere"), None)
    assert origins() == {"home": "RINGFENCE_HOME", "pseudonym_key": "RINGFENCE_PSEUDONYM_KEY"}


def test_every_path_of_the_file_is_taken_from_its_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = ("home", "landing", "site", "pseudonym_key_file", "statement_key_file")
    (folder / "given" / "site").mkdir(parents=True)
    (folder / "ringfence.toml").write_text("".join(f'{name} = "given/{name}"\n' for name in paths), "utf-8")
    below = folder / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    read = Settings().model_dump()
    assert {name for name, value in read.items() if isinstance(value, Path)} == set(paths)
    assert [read[name] for name in paths] == [folder / "given" / name for name in paths]


def test_a_second_init_changes_nothing(folder: Path, ringfence: Callable[..., tuple[int, str]]) -> None:
    ringfence("init")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    code, said = ringfence("init")
    assert (code, "left as it is" in said) == (0, True)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_init_makes_its_folder_and_one_that_ended_half_way_is_taken_up(
    folder: Path, ringfence: Callable[..., tuple[int, str]]
) -> None:
    assert ringfence("init", "the carrier's/own")[0] == 0
    file, key = (folder / "the carrier's" / "own" / name for name in ("ringfence.toml", "data/pseudonym.key"))
    before = key.read_text("utf-8")
    file.unlink()
    assert ringfence("init", "the carrier's/own")[0] == 0
    assert (file.exists(), key.read_text("utf-8")) == (True, before)


def test_a_key_that_could_not_be_written_is_not_there(folder: Path, ringfence: Callable[..., tuple[int, str]]) -> None:
    with full_disk():
        done = ringfence("new-key", "a.key")
        with pytest.raises(OSError, match="File too large"):
            SigningKey.of(Settings(home=folder))
    assert done == (1, "File too large\n")
    assert not list(folder.iterdir())


@pytest.mark.parametrize("name", ["[1]", "a#1", "why?", "all*", "a%20b"])
def test_a_home_that_dagster_or_dbt_would_look_for_elsewhere_is_refused_and_nothing_is_made(
    folder: Path, ringfence: Callable[..., tuple[int, str]], name: str
) -> None:
    code, said = ringfence("init", name)
    assert (code, "use a folder without" in said) == (1, True), said
    assert not list(folder.iterdir())
    (folder / "ringfence.toml").write_text(f'home = "{name}"', "utf-8")
    code, said = ringfence("status")
    assert (code, f"RINGFENCE_HOME: {folder / name} has " in said) == (1, True), said
    assert said.count("RINGFENCE_") == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('hime = "data"', "there is no setting 'hime'; did you mean 'home'?"),
        ("home = ", "Invalid value"),
    ],
)
def test_a_mistake_in_the_file_is_named(folder: Path, content: str, said: str) -> None:
    (folder / "ringfence.toml").write_text(content, "utf-8")
    with pytest.raises(Refusal, match=r"ringfence\.toml: ") as refused:
        Settings()
    assert said in str(refused.value)


def test_where_there_is_no_installation_the_command_says_where_it_looked_and_makes_nothing(
    folder: Path, ringfence: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestration.base.installation._PROJECT", folder)  # which may have one of its own
    for command in ("status", "headline", "generations", "runs", "report"):
        code, said = ringfence(command)
        assert code == 1
        assert f"{folder / 'data'} does not exist" in said
        assert "`ringfence init`" in said
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("quarantine", "show", "--feed", "payment"), "did you mean 'payments'?"),
        (("gates", "show", "raw/payments"), "There is no gate"),
        (("rules", "explain", "case-none"), "Nothing has been published yet"),
    ],
)
def test_a_name_that_nothing_has_is_refused(
    folder: Path, ringfence: Callable[..., tuple[int, str]], arguments: tuple[str, ...], said: str
) -> None:
    ringfence("init")
    code, output = ringfence(*arguments)
    assert (code, said in output) == (2, True), output


def test_a_view_that_nobody_belongs_to_is_refused_by_what_shows_figures(
    folder: Path, ringfence: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ringfence("init")
    monkeypatch.setenv("RINGFENCE_VIEW", "operator:KTT")
    for command in ("status", "headline", "report"):
        code, said = ringfence(command)
        assert (code, "did you mean 'KT'?" in said) == (2, True)


@pytest.mark.parametrize("amount", ["lots", "1..2GB", ".GB", "0GB", "1KB", "63MB"])
def test_an_amount_of_memory_that_is_none_or_too_small_to_open_a_file_is_refused(
    ringfence: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch, amount: str
) -> None:
    monkeypatch.setenv("RINGFENCE_MEMORY_LIMIT", amount)
    said = f"RINGFENCE_MEMORY_LIMIT: '{amount}' is not an amount of memory such as 6GB, of 64MB or more\n"
    assert ringfence("status") == (1, said)


def test_before_the_first_run_status_says_what_waits_and_what_nobody_reads(
    folder: Path, ringfence: Callable[..., tuple[int, str]]
) -> None:
    ringfence("init")
    landing = folder / "data" / "landing"
    assert f"Nothing has arrived yet in {landing}." in ringfence("status")[1]
    for place in ("payments/dt=2026-01-02", "paymenst/dt=2026-01-02"):
        (landing / place).mkdir(parents=True)
        (landing / place / "one.csv").write_text("payment_id\n", "utf-8")
    said = ringfence("status")[1]
    assert f"Deliveries wait in {landing}: payments. `ringfence run` takes them in." in said
    assert "paymenst: there is no feed of that name" in said


def _piped(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("ringfence")), *arguments]
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_no_line_is_broken_in_a_pipe(folder: Path) -> None:
    deep = folder / "a-folder-whose-name-is-long-enough-to-fill-most-of-a-terminal" / ("and-more" * 4)
    deep.mkdir(parents=True)
    assert _piped("init", str(deep)).stdout.count("\n") == 1
    assert re.fullmatch(r"ringfence [0-9.]+\n", _piped("--version").stdout)


def test_a_quiet_command_says_only_what_went_wrong(folder: Path) -> None:
    quiet = _piped("-q", "init")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
    wrong = _piped("-q", "run", "--from", "2026-01-02", "--to", "2026-01-01")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "The range is empty" in wrong.stderr
