"""This process's dbt: one start, one reading of the project, and a warehouse that is held for as long as it works."""

from __future__ import annotations

import errno
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.base.files import is_locked, locked
from orchestration.base.settings import PROJECT, Settings
from orchestration.warehouse import dbt, dbt_session
from orchestration.warehouse.dbt_process import _code_of, commands
from orchestration.warehouse.spark_gates import ask_by_file
from tests.support.world import KEY

DBT = """
import os, pathlib, time
from types import SimpleNamespace

class dbtRunner:
    def __init__(self, manifest=None, callbacks=()):
        self.manifest, self.callbacks = manifest, callbacks

    def invoke(self, arguments):
        if arguments[-1] == "parse":
            return SimpleNamespace(result=f"reading {time.monotonic_ns()}", exception=None, success=True)
        if "die" in arguments:
            os._exit(3)
        if "killed" in arguments:
            print("what was last heard of it", flush=True)
            os.kill(os.getpid(), 9)
        pathlib.Path("began").touch()
        while "wait" in arguments and not pathlib.Path("go").exists():
            time.sleep(0.01)
        for tell in self.callbacks:
            node = SimpleNamespace(node_name="a model", node_status="success")
            tell(SimpleNamespace(info=SimpleNamespace(name="NodeFinished"), data=SimpleNamespace(node_info=node)))
        pathlib.Path("ended").touch()
        if "unheard" not in arguments:
            print(f"{os.getpid()} with {self.manifest}", flush=True)
        return SimpleNamespace(result=None, exception=None, success="fail" not in arguments)
"""
CONNECTIONS = """
class DuckDBConnectionManager:
    @classmethod
    def close_all_connections(cls):
        print("closed", flush=True)
"""
CREDENTIALS = "class DuckDBCredentials: pass"


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """One in which dbt is a stub that says which process it is, and what it has read."""
    adapter = "dbt/adapters/duckdb"
    for name, text in (
        ("dbt/cli/main.py", DBT), (f"{adapter}/connections.py", CONNECTIONS), (f"{adapter}/credentials.py", CREDENTIALS)
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    for folder in {path.parent for path in tmp_path.rglob("*.py")} | {tmp_path / "dbt", tmp_path / "dbt/adapters"}:
        (folder / "__init__.py").touch()
    yield os.environ | {"PYTHONPATH": f"{tmp_path}:{PROJECT}"}
    dbt_session.end()


def said(environment: dict[str, str], folder: Path, *arguments: str, project: str = "as it is") -> list[str | int]:
    return list(dbt_session.events(environment, folder, arguments, project=project))


def test_commands_of_one_environment_are_one_process_that_reads_a_project_once(
    environment: dict[str, str], tmp_path: Path
) -> None:
    dbt_session.prepare(environment, tmp_path, "as it is")
    (told, *first), (_, *second) = said(environment, tmp_path, "build"), said(environment, tmp_path, "build")
    _, *changed = said(environment, tmp_path, "build", project="another")
    assert json.loads(str(told)) == {"node": "a model", "status": "success"}
    assert first == second
    assert first[1:] == ["closed\n", 0]
    process, reading = str(first[0]).split(" ", 1)
    assert str(changed[0]).startswith(process)
    assert not str(changed[0]).endswith(reading)
    _, *elsewhere = said({**environment, "RINGFENCE_VIEW": "market"}, tmp_path, "build")
    assert not str(elsewhere[0]).startswith(process)


def test_a_node_that_failed_is_a_result_and_a_dbt_that_is_gone_is_replaced(
    environment: dict[str, str], tmp_path: Path
) -> None:
    assert said(environment, tmp_path, "build", "fail")[-1] == 1
    with pytest.raises(OSError, match="ended with exit code 3"):
        said(environment, tmp_path, "build", "die")
    assert said(environment, tmp_path, "build")[-1] == 0


def test_a_dbt_that_was_killed_is_told_as_that_with_what_to_do(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dbt, "environment", lambda _: environment)
    with pytest.raises(OSError, match=r"by signal 9, .*RINGFENCE_MEMORY_LIMIT.*\nwhat was last heard of it"):
        list(dbt.run(Settings(home=tmp_path), ["build", "killed"]))


def test_a_dbt_that_was_killed_while_it_judged_a_gate_closes_none(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dbt, "environment", lambda _: environment)
    ask = ask_by_file(lambda command: dbt.do(Settings(home=tmp_path), [*command, "killed"]), lambda: None)
    with pytest.raises(OSError, match="by signal 9"):
        ask({"relation": "churn.ports"}, tmp_path)


def test_what_befalls_the_machine_while_dbts_process_does_a_command_of_ours_is_no_answer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def judge(of: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) if of == "the disk" else ValueError("not a gate")

    assert _code_of(judge, ["the suite"]) == 2
    assert json.loads(capsys.readouterr().out) == {"error": "not a gate"}
    with pytest.raises(OSError, match="No space"):
        _code_of(judge, ["the disk"])


def test_a_lock_is_held_until_the_command_has_ended_even_if_whoever_asked_lets_go(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with locked(tmp_path / "lock") as descriptor:
        events = dbt_session.events(environment, tmp_path, ["build", "wait"], keep_open=[descriptor])
        heard: list[str | int] = []
        hearing = threading.Thread(target=lambda: heard.extend(events))
        hearing.start()
        while not (tmp_path / "began").exists():
            time.sleep(0.01)
    assert is_locked(tmp_path / "lock")
    (tmp_path / "go").touch()
    hearing.join()
    assert heard[-1] == 0
    assert not is_locked(tmp_path / "lock")


def test_commands_that_wait_together_have_each_its_own_descriptors(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, locked(tmp_path / "lock") as descriptor:
        for arguments, held in (([], []), (["build"], [descriptor])):
            command = {"arguments": arguments, "project": "as it is", "keep_open": len(held)}
            socket.send_fds(ours, [json.dumps(command).encode() + b"\n"], held)
        waiting = commands(theirs)
        (prepare, of_prepare), (build, of_build) = next(waiting), next(waiting)
    assert (prepare["arguments"], of_prepare) == ([], [])
    assert (build["arguments"], len(of_build)) == (["build"], 1)
    assert is_locked(tmp_path / "lock")
    os.close(of_build[0])


def test_what_is_begun_is_ended_and_the_lock_let_go_when_whoever_asked_was_killed(
    environment: dict[str, str], tmp_path: Path
) -> None:
    session = dbt_session.Session(environment, tmp_path)
    with locked(tmp_path / "lock") as descriptor:
        session._send(["build", "wait", "unheard"], "as it is", [descriptor])
        while not (tmp_path / "began").exists():
            time.sleep(0.01)
    assert session._process.stdout is not None
    session._process.stdout.close()
    session._ours.close()
    (tmp_path / "go").touch()
    session._process.wait(30)
    assert (tmp_path / "ended").exists()
    assert not is_locked(tmp_path / "lock")


def test_dbt_is_told_nothing_that_could_be_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = (
        "AWS_SECRET_ACCESS_KEY",
        "BILLING_DATABASE",
        "DAGSTER_POSTGRES_URL",
        "RINGFENCE_SMTP_PASSWORD",
        "DBT_ENV_SECRET_X",
        "LDAP_PASSWORD",
    )
    for name in names:
        monkeypatch.setenv(name, "the-password")
    told = dbt.environment(Settings(home=tmp_path, pseudonym_key=KEY))  # type: ignore[arg-type]
    assert not [name for name, value in told.items() if value in ("the-password", KEY)]
    assert told["PATH"] == os.environ["PATH"]


def test_the_process_that_was_begun_early_serves_the_run_that_opens_dagster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path, pseudonym_key=KEY)  # type: ignore[arg-type]
    begun_with = dbt.environment(settings)
    for name in ("DAGSTER_HOME", "DAGSTER_EVENT_LOG"):
        monkeypatch.setenv(name, str(tmp_path))
    assert dbt.environment(settings) == begun_with
