"""What everybody may read, another account of the machine can; what it may not, it cannot."""

from __future__ import annotations

import errno
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from orchestration.base.settings import Settings
from orchestration.base.sql import connect, one_number
from orchestration.ingest import ingest
from orchestration.privacy.custody import shared
from orchestration.serving.doors import open_doors
from orchestration.serving.generations import DOORS, PARQUET, PUBLICATION
from orchestration.serving.sealed import seal
from tests.support.small_site import DAY, HEADER, SmallSite, line

_ACCOUNT = "nobody"


def _as_somebody_else(*command: str) -> str:
    user = pwd.getpwnam(_ACCOUNT)
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd="/",
        user=user.pw_uid, group=user.pw_gid, extra_groups=[],
    )  # fmt: skip
    return done.stdout + done.stderr


@pytest.fixture
def installation() -> Iterator[Settings]:
    """One that has ingested a day and published a generation, in a folder to which every account can come."""
    if os.getuid() != 0:
        pytest.skip("only root can become another account")
    root = Path(tempfile.mkdtemp(prefix="ringfence-doors-"))
    os.chmod(root, 0o755)
    before = os.umask(0o022)  # as a run that somebody else starts may have it
    try:
        site = SmallSite(root)
        site.drop(HEADER + line(1) + line(2, amount="x"))
        ingest(site.settings, site.feed, [DAY])
        settings = site.settings
        duckdb.connect(str(settings.warehouse)).close()
        generation = settings.serving_dir / "20260104T060000000000Z"
        (generation / PARQUET / "churn").mkdir(parents=True)
        for file, _ in DOORS.values():
            with duckdb.connect(str(generation / file)) as con:
                con.execute("create table told as select 42 as lines")
        duckdb.sql("select 42 as lines").write_parquet(str(generation / PARQUET / "churn" / "told.parquet"))
        (generation / PUBLICATION).write_text("{}", "utf-8")
        seal(generation)
        open_doors(settings, generation)
        (settings.serving_dir / "current").symlink_to(generation.name)
        yield settings
    finally:
        os.umask(before)
        shutil.rmtree(root)


def test_a_home_on_a_disk_that_is_read_only_can_be_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    site = SmallSite(tmp_path)
    with connect(site.settings):
        pass

    def refuses(path: object, mode: int) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(os, "chmod", refuses)
    with connect(site.settings) as con:
        assert one_number(con, "select 42") == 42


def test_what_is_closed_already_may_be_another_account_s(
    installation: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = installation.home / "lost+found"
    theirs.mkdir(mode=0o700)
    change = os.chmod

    def changes(path: Path, mode: int) -> None:
        if path == theirs:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(path))
        change(path, mode)

    monkeypatch.setattr(os, "chmod", changes)
    open_doors(installation, installation.serving_dir / "20260104T060000000000Z")
    assert installation.home.stat().st_mode & 0o777 == 0o711


def test_another_account_reads_what_is_published_for_everybody_and_nothing_else(installation: Settings) -> None:
    home, current = installation.home, installation.serving_dir / "current"
    assert "denied" in _as_somebody_else("ls", str(home))  # nobody can look around in it
    readable = _as_somebody_else("find", f"{current}/", "-type", "f", "-readable", "-printf", "%P\\n").split()
    assert sorted(readable) == ["marts.duckdb", "parquet/churn/told.parquet", "publication.json"]
    closed = [
        path
        for path in home.rglob("*")
        if path.is_file() and installation.serving_dir not in path.parents and not path.is_symlink()
    ]
    assert len(closed) > 4
    for path in [*closed, current / "cases.duckdb"]:
        assert "denied" in _as_somebody_else("cat", str(path)), path


def test_the_next_run_leaves_the_door_as_it_is_and_closes_what_it_writes(installation: Settings) -> None:
    with shared(installation):
        assert installation.home.stat().st_mode & 0o777 == 0o711
    os.chmod(installation.home, 0o777)
    with shared(installation):
        assert installation.home.stat().st_mode & 0o777 == 0o711
