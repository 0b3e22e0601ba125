"""The doctor names what is wrong with a set-up, and only that."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.base.settings import Settings
from orchestration.site.doctor import examine

KEY = "a key for tests, and for nothing else at all"


def test_a_sound_set_up_has_no_finding(tmp_path: Path) -> None:
    (tmp_path / "landing").mkdir(mode=0o700)
    assert [finding for finding in examine(Settings(home=tmp_path, pseudonym_key=KEY)) if finding.problem] == []


def test_to_look_settles_no_key(tmp_path: Path) -> None:
    (tmp_path / "landing").mkdir(mode=0o700)
    for key in (KEY, f"another one: {KEY}"):
        looked = {finding.subject: finding.problem for finding in examine(Settings(home=tmp_path, pseudonym_key=key))}
        assert looked["pseudonym key"] is None


def test_every_fault_is_named_in_one_pass_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "landing").mkdir(mode=0o755)
    (tmp_path / "landing").chmod(0o755)
    site = tmp_path / "site"
    (site / "contracts").mkdir(parents=True)
    (site / "contracts" / "broken.yaml").write_text("kind: [", "utf-8")
    problems = {f.subject: f.problem for f in examine(Settings(home=tmp_path, site=site)) if f.problem}
    assert set(problems) == {"pseudonym key", "landing", "contracts"}
    assert "RINGFENCE_PSEUDONYM_KEY_FILE" in str(problems["pseudonym key"])
    assert "chmod 700" in str(problems["landing"])
    assert "broken.yaml" in str(problems["contracts"])


def test_records_that_cannot_be_reached_are_named_without_the_password(tmp_path: Path) -> None:
    (tmp_path / "landing").mkdir(mode=0o700)
    address = "postgresql://ringfence:the-password@127.0.0.1:1/dagster"
    settings = Settings(home=tmp_path, pseudonym_key=KEY, env="prod", postgres_url=address)
    ((subject, problem),) = [(f.subject, f.problem) for f in examine(settings) if f.problem]
    assert subject == "records"
    assert "127.0.0.1" in str(problem)
    assert "the-password" not in str(problem)


def test_a_variable_that_is_no_setting_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "landing").mkdir(mode=0o700)
    monkeypatch.setenv("RINGFENCE_KEEP_RAW_DAY", "90")
    problems = [finding.problem for finding in examine(Settings(home=tmp_path, pseudonym_key=KEY)) if finding.problem]
    assert problems == [
        "the environment: there is no setting 'RINGFENCE_KEEP_RAW_DAY'; did you mean 'RINGFENCE_KEEP_RAW_DAYS'?"
    ]
