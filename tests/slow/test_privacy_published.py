"""Erasure and key rotation where people read: behind both doors, in all generations, before and after a rebuild."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import duckdb
import pytest

from orchestration.base.content import content_of
from orchestration.base.settings import Settings
from orchestration.privacy import PseudonymKey
from orchestration.rights.erasure import forget
from orchestration.rights.reidentify import UnknownCaseError, reidentify
from orchestration.rights.rotation import rotate_key
from orchestration.serving.generations import current_publication, publications
from tests.support.world import World

NEW = "the next key for tests, and for nothing else"

Rows = dict[str, list[tuple[object, ...]]]


def _aggregates(world: World) -> Rows:
    """Every relation of the open door, floating-point values to nine significant digits."""
    found: Rows = {}
    path = world.settings.serving_dir / "current" / "marts.duckdb"
    with duckdb.connect(str(path), read_only=True) as con:
        tables = con.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where schema_name <> 'ops' order by all"
        ).fetchall()
        for (table,) in tables:
            columns = con.execute(f"select column_name, column_type from (describe {table})").fetchall()
            values = ", ".join(
                f"printf('%.9g', {name})" if type_ in ("DOUBLE", "FLOAT") else f'"{name}"' for name, type_ in columns
            )
            found[table] = con.execute(f"select {values} from {table} order by all").fetchall()
    return found


def _payer(world: World) -> tuple[UUID, str]:
    """Somebody with a line, a number and payments: the pseudonym, and one of the payments."""
    ((number_key, payment),) = world.query(
        "select number_key, min(payment_id) from fraud.fct_payment "
        "where line_key is not null and number_key is not null group by all order by count(*) desc, number_key limit 1",
        "cases.duckdb",
    )
    assert isinstance(number_key, UUID)
    return number_key, str(payment)


def _holding(folder: Path, key: UUID) -> list[str]:
    """Files below a folder that hold the bytes of a pseudonym, as Parquet, DuckDB or text writes them."""
    high, low = (key.int >> 64) ^ (1 << 63), key.int & (2**64 - 1)
    forms = [key.bytes, low.to_bytes(8, "little") + high.to_bytes(8, "little"), str(key).encode()]
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.name != "audit.jsonl" and any(form in path.read_bytes() for form in forms)
    ]


def _rebuild(world: World) -> None:
    """Publish from a warehouse that is built anew from raw."""
    world.settings.warehouse.unlink()
    (world.settings.serving_dir / "current").unlink()
    assert world.run().errors == []


def _checksums_hold(settings: Settings) -> None:
    for publication in publications(settings):
        for file, door in (("marts.duckdb", "open"), ("cases.duckdb", "restricted")):
            with duckdb.connect(str(settings.serving_dir / publication.generation / file), read_only=True) as con:
                for entry in publication.relations:
                    if entry.door == door:
                        found = content_of(con, entry.relation)
                        assert found.as_published == (entry.rows, entry.checksum), entry.relation


def test_no_aggregate_moves_when_a_person_is_forgotten_nor_when_everything_is_rebuilt(
    published_world: World, copy_of: Callable[[World], World]
) -> None:
    world = copy_of(published_world)
    key, payment = _payer(world)
    before = _aggregates(world)
    (found,) = reidentify(world.settings, "a test", number_keys=[key])
    assert found.value is not None
    with pytest.raises(UnknownCaseError, match=r"fraud\.alert"):
        reidentify(world.settings, "a test", alerts=["no such payment"])

    forget(world.settings, "asked", numbers=[found.value])

    (rows,) = world.query(f"select number_key from fraud.fct_payment where payment_id = '{payment}'", "cases.duckdb")
    assert rows != (key,)
    assert _aggregates(world) == before
    _checksums_hold(world.settings)
    for folder in ("raw", "serving", "vault"):
        assert _holding(world.settings.home / folder, key) == []
    with duckdb.connect(str(world.settings.warehouse), read_only=True) as con:
        tables = con.execute(
            "select schema_name || '.' || table_name, column_name from duckdb_columns() "
            "where data_type = 'UUID' and table_oid in (select table_oid from duckdb_tables())"
        ).fetchall()
        assert tables
        for table, column in tables:
            assert con.execute(f"select count(*) from {table} where {column} = $1", [key]).fetchone() == (0,)

    _rebuild(world)
    assert _aggregates(world) == before


def test_a_new_key_is_a_new_publication_of_the_same_aggregates(
    published_world: World, copy_of: Callable[[World], World]
) -> None:
    world = copy_of(published_world)
    key, payment = _payer(world)
    before, generation = _aggregates(world), current_publication(world.settings)
    (found,) = reidentify(world.settings, "a test", number_keys=[key])

    published = rotate_key(world.settings, PseudonymKey.from_text(NEW), "yearly")

    assert published is not None
    assert generation is not None
    assert published.generation > generation.generation
    assert _aggregates(world) == before
    _checksums_hold(world.settings)
    for folder in ("raw", "serving", "vault"):
        assert _holding(world.settings.home / folder, key) == []
    now = Settings(home=world.settings.home, landing=world.settings.landing, pseudonym_key=NEW)
    ((new_key,),) = world.query(
        f"select number_key from fraud.fct_payment where payment_id = '{payment}'", "cases.duckdb"
    )
    assert isinstance(new_key, UUID)
    assert [entry.value for entry in reidentify(now, "a test", number_keys=[new_key])] == [found.value]

    world.settings = now
    assert world.run().was_up_to_date
