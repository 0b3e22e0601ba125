"""What a warehouse holds, in a form in which two of them can be compared."""

from __future__ import annotations

from collections.abc import Mapping

from orchestration.base.sql import connect
from orchestration.warehouse.records import existing
from tests.support.world import World

#: What says how rows came to be, and not what they are.
_OF_THE_RUN = {"made_of", "wanted", "same_rows", "duration", "held_by_spark", "offered"}

Relations = dict[str, tuple[object, ...]]


def relations(world: World) -> Relations:
    """Of each relation built from raw its columns, the number of its rows, and their checksum to nine digits."""
    found: Relations = {}
    with connect(world.settings, str(world.settings.warehouse), read_only=True) as con:
        for relation in sorted(existing(con)):
            schema, name = relation.split(".")
            if schema == "raw" or name in _OF_THE_RUN or name.endswith("__touched") or name == "readable_delivery":
                continue
            columns = con.execute(f"select column_name, column_type from (describe {relation})").fetchall()
            values = ", ".join(
                f"printf('%.9g', \"{column}\")" if type_ == "DOUBLE" else f'"{column}"' for column, type_ in columns
            )
            rows = con.execute(f"select count(*), sum(hash({values})::hugeint) from {relation}").fetchone()
            found[relation] = (columns, rows)
    return found


def differing(ours: Mapping[str, object], theirs: Mapping[str, object]) -> list[str]:
    """Names of what one of the two lacks, or has otherwise."""
    return [name for name in sorted(ours.keys() | theirs.keys()) if ours.get(name) != theirs.get(name)]
