"""Every query of docs/numbers.md runs, and gives what the page says it gives."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from tests.support.dbt_warehouse import Warehouse
from tests.support.world import World

PAGE = Path(__file__).resolve().parents[2] / "docs" / "numbers.md"
FIRST_PRINT, RESTATED = 925_672, 956_863


class Block(NamedTuple):
    """A query of the page, and the row that is written under it, if one is."""

    sql: str
    row: tuple[float, ...] | None


def _blocks() -> list[Block]:
    found = re.findall(r"```sql\n(.*?)```(?:\n```text\n(.*?)\n```)?", PAGE.read_text("utf-8"), re.DOTALL)
    return [Block(sql, tuple(float(part) for part in row.split(",")) if row else None) for sql, row in found]


MARKET = [block for block in _blocks() if block.sql.startswith("-- market")]
SAMPLE = [block for block in _blocks() if block not in MARKET]


#: Commands of the page, each with what is written under it.
COMPARED = [
    (shlex.split(command)[1:], said)
    for command, said in re.findall(
        r"```sh\n(ringfence [^\n]+)\n```\n```text\n(.*?)\n```", PAGE.read_text("utf-8"), re.DOTALL
    )
]


def _agrees(block: Block, rows: list[tuple[object, ...]]) -> None:
    assert rows
    if block.row is not None:
        assert [tuple(float(str(value)) for value in row) for row in rows] == [block.row]


def test_the_page_has_a_query_for_each_figure_that_was_printed_twice() -> None:
    written = {value for block in _blocks() for value in block.row or ()}
    assert written >= {10_142, 7_664, 61.4, 71.4, 312_902, 271_692, FIRST_PRINT, RESTATED, RESTATED - FIRST_PRINT}


@pytest.mark.parametrize("block", SAMPLE, ids=lambda block: " ".join(block.sql.split())[:60])
def test_a_query_of_the_page_gives_what_is_written_under_it(block: Block, published_world: World) -> None:
    file = "cases.duckdb" if block.sql.startswith("-- cases") else "marts.duckdb"
    _agrees(block, published_world.query(block.sql, file))


@pytest.mark.parametrize("command", COMPARED, ids=lambda command: command[1].split()[0])
def test_a_comparison_of_the_page_says_what_is_written_under_it(
    command: tuple[list[str], str], published_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    published_world.as_environment(monkeypatch)
    arguments, written = command
    assert CliRunner().invoke(app, arguments).output.rstrip() == written


def test_a_restated_month_has_both_its_prints(tmp_path: Path) -> None:
    warehouse = Warehouse.create(tmp_path, view="market")
    for dt, first, last in (("2025-07-31", 0, FIRST_PRINT), ("2025-08-20", FIRST_PRINT, RESTATED)):
        warehouse.deliver("portability_events", dt, [])
        with warehouse.connect() as con:
            con.execute(
                "insert into raw.portability_events__all_revisions by name "
                "select 'P' || i as port_id, 1 as event_seq, md5('N' || i)::uuid as number_key, "
                "'KT' as donor_provider, 'KT' as donor_network, 'SKT' as recipient_provider, "
                "'SKT' as recipient_network, 'HANDSET' as line_type, 'COMPLETED' as status, "
                "booked_on::timestamptz as requested_at, booked_on::timestamptz as status_at, "
                "booked_on as processed_on, $dt::date as dt, 1 as rev "
                "from (select i, date '2025-07-01' + (i % 31)::integer as booked_on from range($a, $b) as t(i))",
                {"dt": dt, "a": first, "b": last},
            )
    warehouse.build_models("--select", "+port_restatement")
    (block,) = MARKET
    _agrees(block, warehouse.query(block.sql))
