"""Ingest in a process that is killed, or that finds no room."""

from __future__ import annotations

import multiprocessing
import random
import resource
import time
from datetime import date, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from orchestration.base.settings import Settings
from orchestration.contracts import load_feed
from orchestration.ingest import StorageError, ingest
from orchestration.ingest.receipt import read_receipts
from tests.support.small_site import HEADER, SmallSite, line
from tests.support.world import KEY

DAYS = [date(2026, 1, 1) + timedelta(n) for n in range(6)]
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["orchestration.ingest", "tests.support.killing"])


def prepare(root: Path) -> SmallSite:
    """Six dirty deliveries, one of them in CP949's stead of a copy in scratch."""
    site = SmallSite(root)
    for n, dt in enumerate(DAYS):
        rows = [line(n * 10_000 + i, amount="x" if i % 40 == 0 else str(i)) for i in range(600)]
        ends = "\r\n\r\n" if n % 2 else "\n"  # blank lines: read from a clean copy
        site.drop((HEADER + "".join(rows) + rows[1]).replace("\n", ends), dt=dt)
    site.contract.parent.mkdir(parents=True, exist_ok=True)
    assert site.feed
    return site


def _work(home: Path, landing: Path, contract: Path, most_bytes: int | None, pipe: Connection) -> None:
    settings = Settings(home=home, landing=landing, pseudonym_key=KEY)  # type: ignore[arg-type]
    feed = load_feed(contract)
    if most_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
    pipe.send("begun")
    try:
        ingest(settings, feed, DAYS)
        pipe.send("done")
    except StorageError as error:
        pipe.send(str(error))


def start(site: SmallSite, home: Path, most_bytes: int | None = None) -> tuple[Any, Connection]:
    """Begin to ingest in a process of its own; returns once it has begun."""
    ours, theirs = _CONTEXT.Pipe()
    process = _CONTEXT.Process(target=_work, args=(home, site.settings.landing_dir, site.contract, most_bytes, theirs))
    process.start()
    assert ours.recv() == "begun"
    return process, ours


def undisturbed(site: SmallSite) -> tuple[dict[str, Any], float]:
    """What an ingest in peace comes to, and how long it takes."""
    home = site.root / "undisturbed"
    process, pipe = start(site, home)
    started = time.monotonic()
    assert pipe.recv() == "done"
    seconds = time.monotonic() - started
    process.join()
    return state(site, home), seconds


def kill_once(site: SmallSite, home: Path, after_seconds: float) -> None:
    """Kill an ingest after a while; what it leaves is whole deliveries, and the next ingest does the rest."""
    process, _ = start(site, home)
    time.sleep(after_seconds)
    process.kill()
    process.join()
    for receipt in read_receipts(home / "raw"):
        assert receipt.status == "ACCEPTED"
    settings = Settings(home=home, landing=site.settings.landing_dir, pseudonym_key=KEY)  # type: ignore[arg-type]
    ingest(settings, load_feed(site.contract), DAYS)


def state(site: SmallSite, home: Path) -> dict[str, Any]:
    """Rows, quarantine and counts of every revision, and every file that is not one of these."""
    other = SmallSite(site.root)
    found: dict[str, Any] = {}
    settings = Settings(home=home, landing=site.settings.landing_dir, pseudonym_key=KEY)  # type: ignore[arg-type]
    for receipt in read_receipts(home / "raw"):
        counts = [(file.read, file.accepted, file.quarantined, file.duplicate) for file in receipt.files]
        found[f"{receipt.dt} {receipt.rev}"] = (
            counts,
            other.rows(receipt, home=home),
            other.bad_rows(receipt.dt, home=home),
        )
    left = [path for room in ("raw", "quarantine", "tmp") for path in (settings.home / room).glob("**/.tmp-*")]
    found["left behind"] = left
    return found


def random_kills(root: Path, seed: int, kills: int) -> None:
    """Kill as many ingests, each of a fresh home, at random moments."""
    print(f"seed {seed}")  # noqa: T201
    rng = random.Random(seed)
    site = prepare(root)
    expected, seconds = undisturbed(site)
    assert len(expected) == len(DAYS) + 1
    for n in range(kills):
        home = root / f"home-{n}"
        kill_once(site, home, rng.uniform(0, 1.1 * seconds))
        assert state(site, home) == expected
