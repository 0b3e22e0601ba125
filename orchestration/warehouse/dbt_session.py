"""This process's dbt: started once, ahead of its use if there is time, and asked again and again (`dbt_process`)."""

from __future__ import annotations

import atexit
import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

_ENDS_IN_SECONDS = 30


class GoneError(ChildProcessError):
    """dbt's process has ended before its command did; the message says how."""


class Session:
    """A dbt process with its environment; `project` is what it is told to have parsed (`dbt_process`)."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self.environment = dict(environment)
        self._unheard = 0
        self._ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "orchestration.warehouse.dbt_process"],
                env=self.environment, cwd=folder, stdin=theirs.fileno(), stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip

    def prepare(self, project: str) -> None:
        """Have the project read while others work; waits for nothing."""
        self._send([], project)
        self._unheard += 1

    def events(self, arguments: Sequence[str], project: str | None, keep_open: Collection[int]) -> Iterator[str | int]:
        """Do a command; yields the lines that dbt prints, and at last its exit code.

        Raises:
            GoneError: if dbt has ended before the command did.
        """
        self._send(arguments, project, keep_open)
        assert self._process.stdout is not None
        for line in self._process.stdout:
            ended = json.loads(line).get("ended") if line.startswith('{"ended"') else None
            if ended is not None and self._unheard:
                self._unheard -= 1
            elif ended is not None:
                yield int(ended)
                return
            else:
                yield line
        raise GoneError(_how_it_ended(self._process.wait(_ENDS_IN_SECONDS)))

    def _send(self, arguments: Sequence[str], project: str | None, keep_open: Collection[int] = ()) -> None:
        command = {"arguments": list(arguments), "project": project, "keep_open": len(keep_open)}
        socket.send_fds(self._ours, [json.dumps(command).encode() + b"\n"], list(keep_open))

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def end(self, *, at_once: bool = False) -> None:
        """Let it end by itself, or `at_once`."""
        self._ours.close()
        if at_once:
            self._process.kill()
        try:
            self._process.wait(_ENDS_IN_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


def _how_it_ended(code: int) -> str:
    said = f"dbt's process was ended by signal {-code}" if code < 0 else f"dbt's process ended with exit code {code}"
    if code == -signal.SIGKILL:
        said += ", as the system does where memory runs out: set RINGFENCE_MEMORY_LIMIT below what the machine has"
    return said


_current: list[Session] = []
_one_at_a_time = threading.Lock()


def _session(environment: Mapping[str, str], folder: Path) -> Session:
    """The process that there is, or another one for another environment."""
    if not _current or not _current[0].is_alive or _current[0].environment != environment:
        end()
        _current.append(Session(environment, folder))
    return _current[0]


def end(*, at_once: bool = False) -> None:
    """End this process's dbt, if it has one."""
    while _current:
        _current.pop().end(at_once=at_once)


def prepare(environment: Mapping[str, str], folder: Path, project: str) -> None:
    """Start dbt, and have it read the project, beside whatever else is done."""
    with _one_at_a_time:
        _session(environment, folder).prepare(project)


def events(
    environment: Mapping[str, str],
    folder: Path,
    arguments: Sequence[str],
    *,
    project: str | None = None,
    keep_open: Collection[int] = (),
) -> Iterator[str | int]:
    """As `Session.events`. Where nobody hears it out, dbt ends at once, whatever it is at."""
    with _one_at_a_time:
        was_heard = False
        try:
            for said in _session(environment, folder).events(arguments, project, keep_open):
                was_heard = isinstance(said, int)
                yield said
        finally:
            if not was_heard:
                end(at_once=True)


atexit.register(end, at_once=True)
