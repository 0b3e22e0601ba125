"""With a new key every pseudonym is another one, everything else is as it was, and the two are never mixed."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import duckdb
import pytest
from typer.testing import CliRunner

from orchestration.base.settings import Settings
from orchestration.cli import app
from orchestration.ingest.receipt import read_receipts
from orchestration.privacy import PseudonymKey
from orchestration.privacy.custody import BusyError, KeyMismatchError, shared
from orchestration.rights.audit import AuditError, audit_log
from orchestration.rights.erasure import forget
from orchestration.rights.rekey import RekeyError
from orchestration.rights.rotation import rotate_key
from orchestration.runtime.warehouse_lock import warehouse_lock
from orchestration.serving.generations import PUBLICATION, Publication, PublishedRelation
from orchestration.serving.taken_files import write_file
from tests.support.privacy_world import (
    ALICE,
    ALICES,
    BOB,
    CAROL,
    E164,
    SECOND_DAY,
    Killed,
    deliver,
    digest,
    keys,
    prepare,
    take,
    vault,
)
from tests.support.world import KEY

NEW = "the next key for tests, and for nothing else"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Alice has been forgotten."""
    settings = prepare(tmp_path_factory.mktemp("prepared"))
    forget(settings, "asked", numbers=[ALICE[1]])
    return settings


@pytest.fixture
def settings(prepared: Settings, tmp_path: Path) -> Settings:
    shutil.copytree(prepared.home, tmp_path / "home")
    return Settings(home=tmp_path / "home", pseudonym_key=KEY)


def _with_new_key(settings: Settings) -> Settings:
    return Settings(home=settings.home, pseudonym_key=NEW)


def test_every_pseudonym_is_another_one_and_the_vault_knows_it(settings: Settings) -> None:
    old, known, receipts = keys(settings), vault(settings), read_receipts(settings.raw_dir)
    assert rotate_key(settings, PseudonymKey.from_text(NEW), "yearly") is None
    new, known_now = keys(_with_new_key(settings)), vault(_with_new_key(settings))
    assert new.keys() == old.keys()
    for payment in new.keys() - ALICES:
        assert [known_now[key] for key in new[payment]] == [known[key] for key in old[payment]]
    assert not known.keys() & known_now.keys()
    assert read_receipts(settings.raw_dir) == receipts
    assert not (settings.home / ".rekey").exists()


def test_what_may_be_blocked_is_written_anew_with_the_new_pseudonyms(settings: Settings) -> None:
    """The rows of `block_list.csv` are those of its mart, in a generation that is kept."""
    (payment, revision), *_ = [name.split("/") for name in keys(settings).keys() - ALICES]
    (key, _), folder = keys(settings)[f"{payment}/{revision}"], settings.serving_dir / "g1"
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "cases.duckdb")) as con:
        con.execute("create schema fraud; create table fraud.block_list (case_id varchar, number_key uuid)")
        con.execute("insert into fraud.block_list values ('case-1', $1), ('cell-2', null)", [UUID(bytes=key)])
    with duckdb.connect() as con:
        write_file(con, folder / "cases.duckdb", "fraud.block_list", folder / "block_list.csv")
    listed = PublishedRelation(
        relation="fraud.block_list", door="restricted", rows=2, checksum="", data_through=None, file="block_list.csv"
    )
    publication = Publication(
        generation="g1", run_id="run", git_commit=None, published_at=datetime.now(UTC), inputs="", relations=[listed]
    )
    (folder / PUBLICATION).write_text(publication.model_dump_json(), "utf-8")
    (folder / "block_list.csv").chmod(0o440)
    (settings.serving_dir / "current").symlink_to("g1")

    rotate_key(settings, PseudonymKey.from_text(NEW), "yearly")

    new, _ = keys(_with_new_key(settings))[f"{payment}/{revision}"]
    assert new != key
    assert (folder / "block_list.csv").read_text("utf-8") == f"case_id,number_key\ncase-1,{UUID(bytes=new)}\ncell-2,\n"
    assert (folder / "block_list.csv").stat().st_mode & 0o777 == 0o440


def test_who_was_forgotten_stays_so_under_the_new_key(settings: Settings) -> None:
    forgotten = {keys(settings)[payment] for payment in ALICES}
    rotate_key(settings, PseudonymKey.from_text(NEW), "yearly")
    now = _with_new_key(settings)
    deliver(now, SECOND_DAY, [CAROL, ALICE, BOB])
    take(now)
    assert {keys(now)[f"P-{SECOND_DAY}-1/2"]} == forgotten
    assert set(vault(now).values()) == {E164[BOB], BOB[0], E164[CAROL], CAROL[0]}
    rotate_key(now, PseudonymKey.from_text(KEY), "and back")
    assert {keys(settings)[payment] for payment in ALICES} == forgotten


def test_the_old_key_is_refused_afterwards(settings: Settings) -> None:
    rotate_key(settings, PseudonymKey.from_text(NEW), "yearly")
    deliver(settings, SECOND_DAY, [BOB])
    with pytest.raises(KeyMismatchError):
        take(settings)


@pytest.mark.parametrize("step", ["raw", "publications", "vault"])
def test_killed_before_the_exchange_the_old_key_is_still_the_one(settings: Settings, step: str) -> None:
    before = digest(settings.home)

    def kill(at: str) -> None:
        if at == step:
            raise Killed

    with pytest.raises(Killed):
        rotate_key(settings, PseudonymKey.from_text(NEW), "yearly", kill)
    take(settings)
    assert digest(settings.home) == before


@pytest.mark.parametrize("step", ["exchanged", "published"])
def test_killed_after_the_exchange_the_same_command_completes_it(settings: Settings, step: str) -> None:
    def kill(at: str) -> None:
        if at == step:
            raise Killed

    with pytest.raises(Killed):
        rotate_key(settings, PseudonymKey.from_text(NEW), "yearly", kill)
    with pytest.raises(KeyMismatchError):
        take(settings)
    take(_with_new_key(settings))
    for configured in (settings, _with_new_key(settings)):
        if (settings.home / ".rekey").exists():
            rotate_key(configured, PseudonymKey.from_text(NEW), "yearly")
    assert not (settings.home / ".rekey").exists()
    assert audit_log(settings).read_text("utf-8").count("rotate-key") == 1


def test_a_pseudonym_that_the_vault_does_not_know_stops_it(settings: Settings) -> None:
    shutil.rmtree(settings.vault_dir / "values")
    before = digest(settings.home)
    with pytest.raises(RekeyError, match="raw/payments: the vault does not know 2 of its"):
        rotate_key(settings, PseudonymKey.from_text(NEW), "yearly")
    take(settings)
    assert digest(settings.home) == before


def test_it_needs_the_data_alone_a_reason_and_another_key(settings: Settings) -> None:
    with shared(settings), pytest.raises(BusyError):
        rotate_key(settings, PseudonymKey.from_text(NEW), "yearly")
    with pytest.raises(AuditError):
        rotate_key(settings, PseudonymKey.from_text(NEW), " ")
    with pytest.raises(RekeyError, match="already"):
        rotate_key(settings, PseudonymKey.from_text(KEY), "yearly")


def test_nothing_is_re_keyed_while_dbt_of_a_killed_run_is_in_the_warehouse(settings: Settings) -> None:
    before = keys(settings)
    with warehouse_lock(settings), pytest.raises(BusyError, match="warehouse is in use"):
        rotate_key(settings, PseudonymKey.from_text(NEW), "yearly")
    assert keys(settings) == before
    assert "rotate-key" not in audit_log(settings).read_text("utf-8")


def test_the_command_says_what_to_configure_next(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RINGFENCE_HOME", str(settings.home))
    monkeypatch.setenv("RINGFENCE_PSEUDONYM_KEY", KEY)
    file = tmp_path / "new.key"
    PseudonymKey.write_new(file)
    told = CliRunner().invoke(app, ["rotate-key", "--new-key-file", str(file)])
    assert told.exit_code == 0, told.output
    assert f"RINGFENCE_PSEUDONYM_KEY_FILE={file}" in told.output.replace("\n", "")
    assert file.read_text().strip() not in told.output
    again = CliRunner().invoke(app, ["rotate-key", "--new-key-file", str(file)])
    assert again.exit_code == 1
    assert "already" in again.output
