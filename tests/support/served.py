"""A real browser, and a server of the command `ringfence` on loopback for as long as a test looks at it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.world import KEY, World

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)


@contextmanager
def served(world: World, command: str, *, probe: str, seconds: int, stop: signal.Signals) -> Iterator[str]:
    """`ringfence <command>` over a world; yields its address once `probe` answers, or when `seconds` are over."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "RINGFENCE_HOME": str(world.settings.home),
        "RINGFENCE_LANDING": str(world.settings.landing_dir),
        "RINGFENCE_PSEUDONYM_KEY": KEY,
    }
    arguments = [str(Path(sys.executable).with_name("ringfence")), command, "--port", str(port)]
    process = subprocess.Popen(arguments, env=environment, start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(seconds):
            try:
                urllib.request.urlopen(f"{url}/{probe}", timeout=2)
                break
            except OSError:
                time.sleep(1)
        yield url
    finally:
        os.killpg(process.pid, stop)
        try:
            process.wait(120)
        finally:
            with contextlib.suppress(ProcessLookupError):  # it has ended, and everything that it started
                os.killpg(process.pid, signal.SIGKILL)
