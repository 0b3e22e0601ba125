"""The dbt project's macros, called from Python: for what models and commands must say in the same words.

Rendered by Jinja alone, for DuckDB, without a database: `return` and `adapter.dispatch` are as in dbt, and a macro may
call any other macro of the project. One that asks what only dbt knows (`ref`, `this`, `graph`) is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from types import SimpleNamespace
from typing import Any

from jinja2 import Environment, StrictUndefined
from jinja2.nodes import Macro

from orchestration.base.settings import PROJECT

_FOLDER = PROJECT / "dbt_project" / "macros"
_Macros = Mapping[str, Callable[..., Any]]


class _Returned(Exception):
    def __init__(self, value: Any) -> None:
        self.value = value


def call_macro(name: str, *arguments: Any) -> Any:
    """What a macro renders, or returns.

    Raises:
        KeyError: if the project has no macro of that name.
        UndefinedError: (of Jinja) if it asks what only dbt knows.
    """
    return _macros()[name](*arguments)


@cache
def _macros() -> _Macros:
    environment = Environment(undefined=StrictUndefined, extensions=["jinja2.ext.do"])
    texts = [path.read_text("utf-8") for path in sorted(_FOLDER.rglob("*.sql"))]
    names = [macro.name for text in texts for macro in environment.parse(text).find_all(Macro)]
    found: dict[str, Callable[..., Any]] = {}
    # Jinja looks up what a file names when it reads the file, so every macro must have a name before any is read
    callers = {name: _caller(found, name) for name in names}
    adapter = SimpleNamespace(dispatch=lambda name, _project: callers[f"duckdb__{name}"])
    environment.globals |= callers | {"return": _return, "adapter": adapter}
    for text in texts:
        module = environment.from_string(text).module
        found |= {name: macro for name, macro in vars(module).items() if name in callers}
    return callers


def _return(value: Any) -> Any:
    raise _Returned(value)


def _caller(found: _Macros, name: str) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        try:
            return found[name](*arguments, **named)
        except _Returned as returned:
            return returned.value

    return call
