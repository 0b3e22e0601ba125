"""SIGKILL at random moments of an erasure and of a key rotation: the state is the old one or the new one."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.base.settings import Settings
from orchestration.privacy import PseudonymKey
from orchestration.privacy.custody import key_in_use
from orchestration.rights.erasure import forget
from orchestration.rights.rotation import rotate_key
from tests.support.privacy_world import ALICE, ALICES, BOB, CAROL, E164, keys, prepare, take, vault
from tests.support.world import KEY

NEW = "the next key for tests, and for nothing else"
KILLS = 30
_REST = {E164[BOB], BOB[0], E164[CAROL], CAROL[0]}
_WORK = """
import sys
from orchestration.privacy import PseudonymKey
from orchestration.privacy.erasure import forget
from orchestration.privacy.rotation import rotate_key
from orchestration.base.settings import Settings
settings = Settings(home=sys.argv[1], pseudonym_key=sys.argv[2])
sys.stdin.readline()
{call}
"""
_FORGET = f"forget(settings, 'asked', numbers=[{ALICE[1]!r}])"
_ROTATE = f"rotate_key(settings, PseudonymKey.from_text({NEW!r}), 'yearly')"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return prepare(tmp_path_factory.mktemp("prepared"))


def _run_and_kill(settings: Settings, call: str, after_seconds: float) -> None:
    command = [sys.executable, "-c", _WORK.format(call=call), str(settings.home), KEY]
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
        try:
            process.wait(after_seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)


@pytest.fixture
def moment(attempt: int) -> float:
    """Seconds until the kill, some before the work has begun and some after its end."""
    seconds = random.SystemRandom().uniform(0.5, 3.0)
    print(f"killed after {seconds} s")  # noqa: T201
    return seconds


@pytest.mark.parametrize("attempt", range(KILLS))
def test_an_erasure_killed_at_any_moment_is_none_or_whole(prepared: Settings, tmp_path: Path, moment: float) -> None:
    shutil.copytree(prepared.home, tmp_path / "home")
    settings = Settings(home=tmp_path / "home", pseudonym_key=KEY)
    before = keys(settings)
    _run_and_kill(settings, _FORGET, moment)
    take(settings)
    after = keys(settings)
    changed = {payment for payment in after if after[payment] != before[payment]}
    assert (changed, set(vault(settings).values())) in ((set(), {*_REST, E164[ALICE], ALICE[0]}), (ALICES, _REST))
    forget(settings, "asked", numbers=[ALICE[1]])
    after = keys(settings)
    assert {payment for payment in after if after[payment] != before[payment]} == ALICES
    assert set(vault(settings).values()) == _REST


@pytest.mark.parametrize("attempt", range(KILLS))
def test_a_rotation_killed_at_any_moment_never_mixes_keys(prepared: Settings, tmp_path: Path, moment: float) -> None:
    shutil.copytree(prepared.home, tmp_path / "home")
    settings = Settings(home=tmp_path / "home", pseudonym_key=KEY)
    now = Settings(home=tmp_path / "home", pseudonym_key=NEW)
    people = {payment: [vault(settings)[key] for key in pair] for payment, pair in keys(settings).items()}
    _run_and_kill(settings, _ROTATE, moment)
    new_key = PseudonymKey.from_text(NEW)
    if key_in_use(settings) != new_key.fingerprint or (settings.home / ".rekey").exists():
        rotate_key(settings, new_key, "yearly")
    assert {payment: [vault(now)[key] for key in pair] for payment, pair in keys(now).items()} == people
    assert not (settings.home / ".rekey").exists()
