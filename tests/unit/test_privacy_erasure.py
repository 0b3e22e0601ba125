"""A forgotten person's rows stay, and nobody can say any more whose they are."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from orchestration.base.refusal import Refusal
from orchestration.base.settings import Settings
from orchestration.cli import app
from orchestration.ingest import ingest
from orchestration.privacy import swap
from orchestration.privacy.custody import BusyError, shared
from orchestration.rights.audit import AuditError, audit_log
from orchestration.rights.erasure import forget
from orchestration.rights.landing import UnsearchableError, Wanted, files_below, holds
from orchestration.runtime.warehouse_lock import warehouse_lock
from tests.support.privacy_world import (
    ALICE,
    ALICES,
    BOB,
    CAROL,
    E164,
    FIRST_DAY,
    SECOND_DAY,
    Killed,
    deliver,
    digest,
    keys,
    prepare,
    take,
    vault,
)
from tests.support.small_site import DAY, SmallSite
from tests.support.world import KEY


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return prepare(tmp_path_factory.mktemp("prepared"))


@pytest.fixture
def settings(prepared: Settings, tmp_path: Path) -> Settings:
    shutil.copytree(prepared.home, tmp_path / "home")
    return Settings(home=tmp_path / "home", pseudonym_key=KEY)


def test_all_rows_of_a_person_get_one_random_pseudonym_and_no_others_change(settings: Settings) -> None:
    before = keys(settings)
    forget(settings, "asked", numbers=["010.1111.2222"])
    after = keys(settings)
    assert after.keys() == before.keys()
    assert {payment for payment in after if after[payment] != before[payment]} == ALICES
    ((number, line),) = {after[payment] for payment in ALICES}
    assert not {number, line} & {key for pair in before.values() for key in pair}
    assert not {number, line} & vault(settings).keys()
    assert set(vault(settings).values()) == {E164[BOB], BOB[0], E164[CAROL], CAROL[0]}


def test_a_line_is_forgotten_with_its_numbers_unless_only_what_was_named(settings: Settings) -> None:
    forget(settings, "asked", lines=["L-300"], is_only_named=True)
    assert E164[CAROL] in vault(settings).values()
    assert "L-300" not in vault(settings).values()
    forget(settings, "asked", lines=["L-200"])
    assert E164[BOB] not in vault(settings).values()


def test_a_later_delivery_does_not_bring_them_back(settings: Settings) -> None:
    forget(settings, "asked", numbers=[ALICE[1]])
    ((number, line),) = {keys(settings)[payment] for payment in ALICES}
    dave = ("L-400", "01077778888")
    deliver(settings, SECOND_DAY, [dave, CAROL, ALICE])
    take(settings)
    assert keys(settings)[f"P-{SECOND_DAY}-2/2"] == (number, line)
    assert set(vault(settings).values()) == {E164[BOB], BOB[0], E164[CAROL], CAROL[0], "+821077778888", dave[0]}
    forget(settings, "asked again", numbers=[ALICE[1]])
    assert {keys(settings)[payment] for payment in ALICES} == {(number, line)}
    assert not (settings.landing_dir / "payments" / f"dt={SECOND_DAY}").exists()


def test_a_list_of_the_forgotten_without_its_key_is_refused_and_nobody_comes_back(settings: Settings) -> None:
    forget(settings, "asked", numbers=[ALICE[1]])
    (settings.vault_dir / "suppression_key.parquet").unlink()
    deliver(settings, SECOND_DAY, [ALICE])
    with pytest.raises(Refusal, match=r"suppression_key\.parquet is not beside it"):
        take(settings)
    assert E164[ALICE] not in vault(settings).values()


def test_their_deliveries_leave_landing_and_quarantine_and_the_attestation_lists_every_file(settings: Settings) -> None:
    before = {path: path.read_bytes() for path in settings.home.rglob("*") if path.is_file()}
    attestation = forget(settings, "asked", numbers=[ALICE[1]])
    assert not list(settings.landing_dir.glob("payments/dt=*"))
    assert not list(settings.quarantine_dir.glob("payments/dt=*"))
    listed = {Path(entry["path"]): entry for entry in json.loads(attestation.path.read_bytes())["files"]}
    known = {
        ".lock",
        ".warehouse.lock",
        "audit.jsonl",
        "suppressed.parquet",
        "suppression_key.parquet",
        attestation.path.name,
    }
    now = {path: path.read_bytes() for path in settings.home.rglob("*") if path.is_file()}
    changed = {path for path in before.keys() | now.keys() if before.get(path) != now.get(path)}
    assert changed - set(listed) <= {path for path in changed if path.name in known}
    for path, entry in listed.items():
        assert entry["before"] == hashlib.sha256(before[path]).hexdigest()
        assert entry["after"] == (hashlib.sha256(now[path]).hexdigest() if path in now else None)
    assert sum(entry.get("rows", 0) for entry in listed.values()) == len(ALICES)


def test_the_audit_and_the_attestation_know_the_pseudonym_only(settings: Settings) -> None:
    attestation = forget(settings, "wrote from 010-1111-2222", numbers=[ALICE[1]])
    for path in (attestation.path, audit_log(settings)):
        text = path.read_text("utf-8")
        assert "11112222" not in text.replace("-", "")
        assert ALICE[0] not in text
    assert attestation.audit_entry == json.loads(audit_log(settings).read_text("utf-8").splitlines()[-1])["hash"]


def test_what_is_not_ingested_yet_or_was_refused_stays_and_is_named(settings: Settings) -> None:
    waiting = deliver(settings, SECOND_DAY, [ALICE, BOB], name="second.csv")
    attestation = forget(settings, "asked", numbers=[ALICE[1]])
    assert waiting.exists()
    assert {Path(path).name for path in attestation.left} == {"p.csv", "second.csv"}
    take(settings)
    assert forget(settings, "asked", numbers=[ALICE[1]]).left == {}
    assert not waiting.exists()
    assert ALICE[0] not in vault(settings).values()


def test_where_nothing_was_ever_quarantined_nothing_of_it_is_said_to_be_left(settings: Settings) -> None:
    shutil.rmtree(settings.quarantine_dir)
    assert forget(settings, "asked", numbers=["010-9999-8888"]).left == {}


@pytest.mark.parametrize(
    ("name", "told"), [("청구.csv".encode("cp949"), "청구.csv"), (b"01011112222.csv", "###########.csv")]
)
def test_a_file_is_told_by_a_name_that_people_read_and_without_its_number(
    tmp_path: Path, name: bytes, told: str
) -> None:
    settings = Settings(home=tmp_path, pseudonym_key=KEY)
    for day in (FIRST_DAY, SECOND_DAY):
        path = deliver(settings, day, [ALICE])
        path.rename(path.with_name(os.fsdecode(name)))
    take(settings, FIRST_DAY)
    written = json.loads(forget(settings, "asked", numbers=[ALICE[1]]).path.read_bytes())
    folder = settings.landing_dir / "payments"
    assert str(folder / f"dt={FIRST_DAY}" / told) in {entry["path"] for entry in written["files"]}
    assert set(written["left"]) == {str(folder / f"dt={SECOND_DAY}" / told)}


def test_nothing_is_erased_while_landing_is_read_only_and_other_commands_go_on(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, access = digest(settings.home), os.access
    folder = settings.landing_dir / "payments" / f"dt={SECOND_DAY}"
    with monkeypatch.context() as read_only:  # root may write to every folder but one of a read-only file system
        read_only.setattr(
            os, "access", lambda path, mode: (path, mode & os.W_OK) != (folder, os.W_OK) and access(path, mode)
        )
        with pytest.raises(Refusal, match=r"dt=\d{4}-\d\d-\d\d cannot be written to"):
            forget(settings, "asked", numbers=[ALICE[1]])
    take(settings)
    assert digest(settings.home) == before
    assert forget(settings, "asked", numbers=[ALICE[1]]).left == {}


@pytest.mark.parametrize("reason", ["", " "])
def test_nothing_is_erased_without_a_reason_or_for_what_is_no_number(settings: Settings, reason: str) -> None:
    before = digest(settings.home)
    with pytest.raises(AuditError):
        forget(settings, reason, numbers=[ALICE[1]])
    with pytest.raises(Refusal, match="not a subscriber number of KR") as refusal:
        forget(settings, "asked", numbers=["02-123-4567"])
    assert "4567" not in str(refusal.value)
    assert digest(settings.home) == before


def test_nothing_is_erased_while_somebody_uses_the_data(settings: Settings) -> None:
    with shared(settings), pytest.raises(BusyError):
        forget(settings, "asked", numbers=[ALICE[1]])


def test_nothing_is_erased_while_dbt_of_a_killed_run_is_in_the_warehouse(settings: Settings) -> None:
    before = keys(settings)
    with warehouse_lock(settings), pytest.raises(BusyError, match="warehouse is in use"):
        forget(settings, "asked", numbers=[ALICE[1]])
    assert keys(settings) == before
    assert not audit_log(settings).exists()
    assert forget(settings, "asked", numbers=[ALICE[1]]).erased


@pytest.mark.parametrize("step", ["started", "raw", "built"])
def test_killed_before_the_exchange_everything_is_as_before(settings: Settings, step: str) -> None:
    before = digest(settings.home)

    def kill(at: str) -> None:
        if at == step:
            raise Killed

    with pytest.raises(Killed):
        forget(settings, "asked", numbers=[ALICE[1]], on_step=kill)
    take(settings)  # whoever comes next throws away what was built
    assert digest(settings.home) == before
    forget(settings, "asked", numbers=[ALICE[1]])
    assert ALICE[0] not in vault(settings).values()


@pytest.mark.parametrize("moves", [0, 1, 2, 4, 6])
def test_killed_during_the_exchange_whoever_comes_next_carries_it_to_its_end(
    settings: Settings, moves: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, left = keys(settings), moves
    carry_on = swap._roll_forward

    def killed_on_the_way(of: Settings) -> None:
        with monkeypatch.context() as patched:

            def replace(
                source: os.PathLike[str], target: os.PathLike[str], real: Callable[..., None] = os.replace
            ) -> None:
                nonlocal left
                left -= 1
                if left < 0:
                    raise Killed
                real(source, target)

            patched.setattr(swap.os, "replace", replace)
            carry_on(of)

    monkeypatch.setattr(swap, "_roll_forward", killed_on_the_way)
    try:
        forget(settings, "asked", numbers=[ALICE[1]])
    except Killed:
        monkeypatch.setattr(swap, "_roll_forward", carry_on)
        take(settings)
    after = keys(settings)
    assert {payment for payment in after if after[payment] != before[payment]} == ALICES
    assert len({after[payment] for payment in ALICES}) == 1
    assert set(vault(settings).values()) == {E164[BOB], BOB[0], E164[CAROL], CAROL[0]}
    assert not list(settings.landing_dir.glob("payments/dt=*"))
    assert len(list((settings.vault_dir / "attestations").iterdir())) == 1


@pytest.mark.parametrize(
    "left",
    [
        "raw/payments/.tmp-1/dt=2026-01-03/data.parquet",
        "raw/payments/.removed-dt=2026-01-03/rev=1/data.parquet",
        "landing/payments/.removed-dt=2026-01-03/p.csv",
        "tmp/.tmp-1/p.csv",
        "tmp/published-1/cases.duckdb",
        "tmp/backtest-1/warehouse.duckdb",
        "serving/.building-1/cases.duckdb",
    ],
)
def test_what_killed_commands_had_copied_goes_too(settings: Settings, left: str) -> None:
    copy = settings.home / left
    copy.parent.mkdir(parents=True)
    shutil.copyfile(next(settings.landing_dir.rglob("*.csv")), copy)
    attestation = forget(settings, "asked", numbers=[ALICE[1]])
    assert not copy.exists()
    assert attestation.left == {}


def test_a_number_is_found_in_any_spelling_encoding_and_format(tmp_path: Path) -> None:
    texts = {
        "dashes.csv": b"a,010-1111-2222,b\n",
        "international.csv": b"a,+82 (10) 1111 2222,b\n",
        "late.csv": b"x" * (4 << 20) + b"01011112222\n",
        "across.csv": b"x" * ((4 << 20) - 5) + b"01011112222\n",
        "packed.csv.gz": gzip.compress(b"a,01011112222\n"),
        "packed-by-another-name.csv": gzip.compress(b"a,01011112222\n"),
        "wide.csv": "a,010-1111-2222\n".encode("utf-16"),
        "wide-without-mark.csv": "a,010\u30001111\u30002222,b\n".encode("utf-16-be"),
        "widest.csv": "a,０１０-1111-2222\n".encode("utf-32"),
        "full-width.csv": "번호,０１０－１１１１－２２２２\n".encode(),
        "full-width-cp949.csv": "번호,０１０－１１１１－２２２２\n".encode("cp949"),
        "no-break.csv": "010\u00a01111\u00a02222\n".encode(),
        "invisible.csv": "010\u200b1111\u200b2222\n".encode(),
        "arabic.csv": "٠١٠-١١١١-٢٢٢٢\n".encode(),
        "escaped.json": b'"010\\u20111111\\u20112222"\n',
        "excel.csv": b"x,8.21011112222E+11,y\n",
        "line.csv": b'"L-100",x\n',
        ".hidden.csv": b"010,1111,2222\n",
    }
    packed = {
        "cut.csv.gz": gzip.compress(b"nobody" * 100)[:-9],
        "archive.zip": b"PK\x03\x04" + bytes(range(256)) * 9,
        "unknown.csv": "café au lait\n".encode("latin-1") * 9,
        "damaged.parquet": b"PAR1" + bytes(90),
    }
    others = {"other.csv": b"a,010-1111-2223,L-1000,AL-100\n"}
    for name, content in (texts | packed | others).items():
        folder = tmp_path / "feed" / f"dt={name}"
        folder.mkdir(parents=True)
        (folder / name).write_bytes(content)
    typed = {
        "found.parquet": "'010 1111 2222'",
        "none.parquet": "'010 1111 2223'",
        "whole.parquet": "1011112222::bigint",
        "decimal.parquet": "821011112222::decimal(38, 10)",
        "double.parquet": "821011112222::double",
        "binary.parquet": "encode('０１０－1111－2222')",
        "nested.parquet": "[{'phone': '010·1111·2222'}]",
    }
    for name, value in typed.items():
        duckdb.execute(f"copy (select 1 as a, {value} as unknown_column) to '{tmp_path / 'feed' / name}'")
    plan = Settings().site_profile.numbers
    wanted = Wanted.of([("msisdn", E164[ALICE]), ("line", ALICE[0])], plan)
    found, unsearched = set(), set()
    with duckdb.connect() as con:
        for path, _ in files_below(tmp_path):
            try:
                found |= {path.name} if holds(con, path, wanted, ["utf-8", "cp949"]) else set()
            except UnsearchableError:
                unsearched.add(path.name)
    assert found == {*texts, *typed} - {"none.parquet"}
    assert unsearched == {*packed}


@pytest.mark.parametrize(
    "spelled",
    [
        "010-5550-0001",
        "０１０－５５５０－０００１",
        "010–5550–0001",
        "010\u00a05550\u00a00001",
        "010\u200b5550\u200b0001",
        "+82 (0)10-5550-0001",
        "0082 10 5550 0001",
        "010‑5550‑0001",
    ],
)
def test_a_number_is_forgotten_however_a_delivery_spells_it(tmp_path: Path, spelled: str) -> None:
    """Also in the text of a row that was not accepted; the delivery of another number stays."""
    site = SmallSite(tmp_path)
    good = "{id},{number},100,Y,{note},2026-01-03,2026-01-03 09:00:00"
    header = ",".join(column["name"] for column in site.columns)
    bad = f"C3,010-5550-0002,many,Y,{spelled},2026-01-03,2026-01-03 09:00:00"
    theirs = [
        good.format(id="C1", number=spelled, note="ok"),
        good.format(id="C2", number="010-5550-0002", note=""),
        bad,
    ]
    gone = site.drop("\n".join([header, *theirs, ""]))
    kept = site.drop("\n".join([header, theirs[1], ""]), dt=date(2026, 1, 4))
    receipts = [one.receipt for one in ingest(site.settings, site.feed, [DAY, date(2026, 1, 4)])]
    assert [(one.rows_accepted, one.rows_quarantined) for one in receipts] == [(2, 1), (1, 0)]
    attestation = forget(site.settings, "asked", numbers=["010-5550-0001"])
    assert (gone.exists(), kept.exists(), attestation.left) == (False, True, {})
    assert set(vault(site.settings).values()) == {"+821055500002"}
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert spelled.encode() not in written


def test_the_command_takes_the_number_from_standard_input(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGFENCE_HOME", str(settings.home))
    monkeypatch.setenv("RINGFENCE_PSEUDONYM_KEY", KEY)
    told = CliRunner().invoke(app, ["forget", "--stdin", "--reason", "asked"], input="010-1111-2222\n")
    assert told.exit_code == 0, told.output
    assert "1 line, 1 msisdn" in told.output
    assert "1111-2222" not in told.output
    assert ALICE[0] not in vault(settings).values()
