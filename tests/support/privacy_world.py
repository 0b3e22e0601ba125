"""A handful of people with carrier-billing payments, for tests of the vault, erasure and key rotation."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import duckdb

from orchestration.base.settings import Settings
from orchestration.base.sql import connect
from orchestration.contracts import load_feeds
from orchestration.ingest import ingest
from orchestration.privacy.custody import shared
from orchestration.privacy.vault import Vault
from tests.support.world import KEY

FIRST_DAY, SECOND_DAY = date(2026, 1, 3), date(2026, 1, 4)
ALICE, BOB, CAROL = ("L-100", "010-1111-2222"), ("L-200", "+82 10 3333 4444"), ("L-300", "01055556666")
E164 = {ALICE: "+821011112222", BOB: "+821033334444", CAROL: "+821055556666"}
_HEADER = (
    "payment_id,event_seq,line_id,msisdn,product,merchant_id,merchant_category,amount,auth_method,"
    "is_ars_call_complete,cell_id,monthly_limit,limit_raised_at,status,occurred_at\n"
)

#: Payment and revision of Alice's rows after `prepare`.
ALICES = {f"P-{FIRST_DAY}-0/1", f"P-{FIRST_DAY}-0/2", f"P-{SECOND_DAY}-1/1"}

Person = tuple[str, str]


class Killed(Exception):
    """In place of SIGKILL."""


def prepare(home: Path) -> Settings:
    """Alice pays on two days, and on the first in two revisions; Bob and Carol on one day each."""
    settings = Settings(home=home, pseudonym_key=KEY)
    deliver(settings, FIRST_DAY, [ALICE])
    take(settings)
    deliver(settings, FIRST_DAY, [ALICE, BOB], bad=True)
    deliver(settings, SECOND_DAY, [CAROL, ALICE])
    take(settings)
    return settings


def deliver(settings: Settings, day: date, people: Iterable[Person], *, name: str = "p.csv", bad: bool = False) -> Path:
    """One payment of each of the people on a day, and a row that cannot be accepted if asked for."""
    rows = [f"P-{day}-{i},1,{line},{number},DCB,M1,GAME" for i, (line, number) in enumerate(people)]
    texts = [f"{row},1000,ARS,Y,C1,500000,,SUCCEEDED,{day} 10:00:00\n" for row in rows]
    if bad:
        texts.append(texts[0].replace(",1000,", ",a lot,").replace("-0,1,", "-bad,1,"))
    folder = settings.landing_dir / "payments" / f"dt={day}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(_HEADER + "".join(texts), "utf-8")
    return folder / name


def take(settings: Settings, *days: date) -> None:
    """Ingest the days' payments."""
    ingest(settings, load_feeds(settings)["payments"], days or (FIRST_DAY, SECOND_DAY))


def keys(settings: Settings) -> dict[str, tuple[bytes, bytes]]:
    """Payment, revision → pseudonyms of number and line, as raw holds them."""
    files = [str(path) for path in sorted(settings.raw_dir.glob("*/dt=*/rev=*/*.parquet"))]
    rows = duckdb.execute(
        "select payment_id || '/' || rev, number_key, line_key from read_parquet($1, hive_partitioning = true)", [files]
    ).fetchall()
    return {payment: (number, line) for payment, number, line in rows}


def vault(settings: Settings) -> dict[bytes, str]:
    """All that the vault knows: pseudonym → value."""
    with shared(settings) as key, connect(settings) as con:
        rows = con.execute(f"select pseudonym, value from {Vault.open(con, settings, key).values_sql()}").fetchall()
        assert len(rows) == len(dict(rows))
        return dict(rows)


def digest(folder: Path) -> dict[str, bytes]:
    """Every file below a folder and its bytes, but for locks and logs."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in (".lock", ".warehouse.lock", "audit.jsonl", "suppression_key.parquet")
    }
