"""Files that several processes write, read or wait for at once."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.base.files import clone, is_locked, locked, replace_text, replacing, write_durably

_HOLD = """
import sys
from pathlib import Path
from orchestration.base.files import locked
with locked(Path(sys.argv[1]), is_shared=sys.argv[2] == 'shared'):
    print('held', flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "lock"


def _holder(lock: Path, how: str) -> subprocess.Popen[str]:
    """Another process that holds the lock until its standard input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(lock), how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_whoever_will_not_wait_is_told_that_another_process_holds_the_lock(lock: Path) -> None:
    with _holder(lock, "alone") as other:
        assert is_locked(lock)
        with pytest.raises(BlockingIOError), locked(lock, is_patient=False):
            pass
        other.kill()
    assert not is_locked(lock), "the lock ends with the process that held it"


def test_many_may_share_a_lock_that_nobody_then_has_alone(lock: Path) -> None:
    with _holder(lock, "shared") as other:
        with locked(lock, is_shared=True, is_patient=False):
            pass
        with pytest.raises(BlockingIOError), locked(lock, is_patient=False):
            pass
        other.kill()


def test_nobody_holds_a_lock_that_is_not_there_and_looking_makes_none(lock: Path) -> None:
    assert not is_locked(lock)
    assert not lock.exists()


def test_a_file_that_cannot_be_written_to_its_end_is_as_it_was_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    replace_text(path, "before")
    with pytest.raises(KeyboardInterrupt), replacing(path, is_durable=True) as temporary:
        temporary.write_text("aft", "utf-8")
        raise KeyboardInterrupt
    assert [(found, found.read_text("utf-8")) for found in tmp_path.iterdir()] == [(path, "before")]


def test_what_is_written_durably_is_for_its_owner_alone(tmp_path: Path) -> None:
    write_durably(tmp_path / "key", b"secret")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_a_file_is_copied_where_it_cannot_be_cloned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"rows")
    clone(source, target)
    assert target.read_bytes() == b"rows"
    source.write_bytes(b"other rows")
    with monkeypatch.context() as patched:
        patched.setattr(os, "copy_file_range", refuse, raising=False)
        clone(source, target)
    assert target.read_bytes() == b"other rows"
