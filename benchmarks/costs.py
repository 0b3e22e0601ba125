"""What a benchmark's processes take, and what they are told of the machine that they run on."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_BLOCK_BYTES = 512


@dataclass(frozen=True)
class Cost:
    """What a process took, with all that it started."""

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    written_bytes: int

    def __str__(self) -> str:
        return (
            f"{self.wall_seconds:8.1f} s {self.cpu_seconds:8.1f} CPU s {self.peak_bytes / 1e9:6.2f} GB peak "
            f"{self.written_bytes / 1e9:7.2f} GB written"
        )


def cost_of(command: Sequence[str], environment: Mapping[str, str]) -> Cost:
    """Run a command, and raise if it fails."""
    started = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, env=dict(environment), stdout=said, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{said.read().decode()[-4000:]}")
    return Cost(
        time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024,
        usage.ru_oublock * _BLOCK_BYTES,
    )  # fmt: skip


def without_settings() -> dict[str, str]:
    """This process's environment without anything that an installation of this machine says."""
    return {name: value for name, value in os.environ.items() if not name.startswith("RINGFENCE_")}


def forget_settings() -> None:
    """Take the same out of this process's environment."""
    for name in os.environ.keys() - without_settings().keys():
        del os.environ[name]
