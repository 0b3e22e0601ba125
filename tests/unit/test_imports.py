"""The house as its imports draw it: every arrow leads down, and no two files rest on each other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

from orchestration.base.settings import PACKAGE

#: Rooms from the ground up, then the doors: each may import those before it.
FLOORS = (
    "base", "contracts", "privacy", "gates", "site", "runtime", "ingest", "warehouse", "serving", "state", "rights",
    "rules", "evidence", "simulator", "reporting", "automation", "definitions", "runner", "cli",
    "__main__",
)  # fmt: skip


def _module(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


MODULES = {_module(path): path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.stem != "__init__"}


def _imported(path: Path) -> Iterator[str]:
    """Modules of the package that a file imports: at its top, in a function, or for types only."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in MODULES else node.module for name in names if node.module in MODULES)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)


IMPORTS = {module: set(_imported(path)) for module, path in MODULES.items()}


def _room(module: str) -> str:
    return module.split(".")[1]


def test_every_file_has_a_room_or_is_a_door() -> None:
    assert {_room(module) for module in MODULES} == set(FLOORS)


def test_no_room_imports_one_above_it() -> None:
    floor = {room: number for number, room in enumerate(FLOORS)}
    up = [
        f"{module} imports {imported}"
        for module, all_imported in IMPORTS.items()
        for imported in sorted(all_imported)
        if floor[_room(imported)] > floor[_room(module)]
    ]
    assert not up


def test_no_two_files_rest_on_each_other() -> None:
    TopologicalSorter(IMPORTS).prepare()  # a CycleError names the files of the circle


def test_only_one_file_imports_what_dagster_keeps_to_itself() -> None:
    private = [
        f"{module}: {node.module}"
        for module, path in MODULES.items()
        if module != "orchestration.runtime.dagster_internals"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(("dagster._", "dagster_dbt."))
    ]
    assert not private


def test_no_two_files_of_one_name_stand_in_different_rooms() -> None:
    rooms: dict[str, set[str]] = {}
    for module in MODULES:
        rooms.setdefault(module.rpartition(".")[2], set()).add(_room(module))
    of_every_room = {"assets"}
    assert not {name: where for name, where in rooms.items() if len(where) > 1 and name not in of_every_room}
