"""The vault learns at ingest, keeps to itself, and belongs to one key."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration.base.settings import Settings
from orchestration.privacy import KeyMissingError, PseudonymKey, custody
from orchestration.privacy.custody import KeyMismatchError, shared
from orchestration.rights.audit import AuditError
from orchestration.rights.erasure import forget
from tests.support.privacy_world import ALICE, BOB, CAROL, E164, FIRST_DAY, SECOND_DAY, deliver, keys, take, vault
from tests.support.world import KEY, World


@pytest.fixture
def settings(new_world: Callable[..., World]) -> Settings:
    return new_world().settings


def test_the_vault_gives_back_each_number_as_e164_and_each_line(settings: Settings) -> None:
    deliver(settings, FIRST_DAY, [ALICE, BOB])
    take(settings)
    known = vault(settings)
    pairs = {(known[number], known[line]) for number, line in keys(settings).values()}
    assert pairs == {(E164[ALICE], ALICE[0]), (E164[BOB], BOB[0])}


def test_only_who_is_new_is_added(settings: Settings) -> None:
    deliver(settings, FIRST_DAY, [ALICE, BOB])
    take(settings)
    (first,) = (settings.vault_dir / "values").iterdir()
    deliver(settings, SECOND_DAY, [BOB, ALICE])
    take(settings)
    assert [path.name for path in (settings.vault_dir / "values").iterdir()] == [first.name]
    deliver(settings, SECOND_DAY, [BOB, CAROL])
    take(settings)
    assert len(list((settings.vault_dir / "values").iterdir())) == 2
    assert sorted(vault(settings).values()) == sorted([*E164.values(), "L-100", "L-200", "L-300"])


def test_a_row_that_is_not_accepted_leaves_nobody_in_the_vault(settings: Settings) -> None:
    file = deliver(settings, FIRST_DAY, [ALICE, CAROL])
    file.write_text(file.read_text().replace("1000,ARS", "0,ARS", 1))
    take(settings)
    assert set(vault(settings).values()) == {E164[CAROL], CAROL[0]}


def test_no_clear_value_reaches_the_disk(settings: Settings) -> None:
    deliver(settings, FIRST_DAY, [ALICE, BOB, CAROL], bad=True)
    take(settings)
    for path in settings.home.rglob("*"):
        if path.is_file() and not path.is_relative_to(settings.landing_dir):
            content = path.read_bytes()
            for line, number in (ALICE, BOB, CAROL):
                for text in (line, number, E164[line, number], E164[line, number][3:]):
                    assert text.encode() not in content, path


def test_the_vault_is_for_its_owner_only(settings: Settings) -> None:
    deliver(settings, FIRST_DAY, [ALICE])
    take(settings)
    for path in [settings.vault_dir, *settings.vault_dir.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_another_key_than_before_is_refused_by_name_of_the_way_to_change_it(settings: Settings) -> None:
    deliver(settings, FIRST_DAY, [ALICE])
    take(settings)
    before = keys(settings)
    deliver(settings, SECOND_DAY, [BOB])
    other = Settings(home=settings.home, pseudonym_key="another key, and long enough to be one")
    with pytest.raises(KeyMismatchError, match="rotate-key") as refusal:
        take(other)
    assert "another key" not in str(refusal.value)
    assert keys(settings) == before


def test_of_two_first_ingests_with_different_keys_one_is_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Settings(home=settings.home, pseudonym_key="another key, and long enough to be one")
    deliver(settings, FIRST_DAY, [ALICE])
    refused: list[KeyMismatchError] = []

    def take_with_other() -> None:
        try:
            with shared(other) as key:
                custody.pin(other, key)
        except KeyMismatchError as error:
            refused.append(error)

    second = threading.Thread(target=take_with_other)
    write = custody.write_fingerprint

    def written_while_another_comes(path: Path, key: PseudonymKey) -> None:
        if not second.ident:
            second.start()
            second.join(0.5)  # it is through, or waits for us
        write(path, key)

    monkeypatch.setattr(custody, "write_fingerprint", written_while_another_comes)
    take(settings)
    second.join()
    assert len(refused) == 1
    assert len(keys(settings)) == 1


def test_what_is_refused_before_anything_is_made_settles_no_key(settings: Settings) -> None:
    other = Settings(home=settings.home, pseudonym_key="another key, and long enough to be one")
    custody.check_key(other)
    take(other)  # nothing was delivered
    with pytest.raises(AuditError):
        forget(other, "", numbers=[ALICE[1]])
    deliver(settings, FIRST_DAY, [ALICE])
    take(settings)
    assert len(keys(settings)) == 1


def test_who_is_forgotten_before_the_first_ingest_settles_the_key(settings: Settings) -> None:
    forget(settings, "asked", numbers=[ALICE[1]])
    with pytest.raises(KeyMismatchError):
        custody.check_key(Settings(home=settings.home, pseudonym_key="another key, and long enough to be one"))


def test_no_refusal_of_a_key_quotes_it(tmp_path: Path) -> None:
    with pytest.raises(KeyMissingError) as short:
        PseudonymKey.from_text("too short, and secret")
    (tmp_path / "key").write_bytes(b"secret \xff" * 10)
    with pytest.raises(KeyMissingError) as unreadable:
        PseudonymKey.read(tmp_path / "key")
    assert "secret" not in f"{short.value} {unreadable.value} {PseudonymKey.from_text(KEY + ' secret')!r}"
    with pytest.raises(KeyMissingError, match="cannot be read"):
        PseudonymKey.read(tmp_path / "no such file")


def test_derived_keys_and_fingerprints_tell_keys_and_purposes_apart() -> None:
    one, other = PseudonymKey.from_text(KEY), PseudonymKey.from_text(KEY + "!")
    assert len({one.derive("vault"), one.derive("other"), other.derive("vault")}) == 3
    assert one.fingerprint == PseudonymKey.from_text(f"{KEY}\n").fingerprint != other.fingerprint
