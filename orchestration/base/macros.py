"""The dbt project's macros, called from Python: for what models and commands must say in the same words.

Rendered by Jinja alone, for DuckDB if nothing else is said, without a database: `return` and `adapter.dispatch` are as
in dbt, and a macro may call any other macro of the project. One that asks what only dbt knows (`ref`, `this`, `graph`)
is refused. Whole models are rendered as well, as a first build would have them, where their SQL is to be read and not
run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from types import SimpleNamespace
from typing import Any

import duckdb
from jinja2 import Environment, StrictUndefined
from jinja2.nodes import Macro, Template

from orchestration.base.settings import PROJECT

_FOLDER = PROJECT / "dbt_project" / "macros"
_Macros = Mapping[str, Callable[..., Any]]
#: Macros that are SQL of their arguments alone, which conditions may use, with how many arguments they take.
SHARED_WORDS = {"tenure_band": 1, "months_left_band": 1, "full_months_between": 2}


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


def install_words(con: duckdb.DuckDBPyConnection) -> None:
    """Make `SHARED_WORDS` macros of a connection, so that SQL written elsewhere uses the project's own words."""
    for name, count in SHARED_WORDS.items():
        arguments = [f"argument_{place}" for place in range(count)]
        con.execute(f"create or replace temp macro {name}({', '.join(arguments)}) as ({call_macro(name, *arguments)})")


class Relation(str):
    """A relation as a rendered model names it, `schema.name`."""

    @property
    def schema(self) -> str:
        return self.partition(".")[0]

    @property
    def identifier(self) -> str:
        return self.partition(".")[2]

    name = identifier
    database = None


def render_model(text: str, engine: str = "duckdb") -> str:
    """A model's SQL as an engine reads it; `ref` is schema `model`, a source its own.

    Raises:
        UndefinedError: (of Jinja) if it asks the warehouse.
    """
    return str(_models(engine).from_string(text).render())


def model_renderer(
    names: Mapping[tuple[str, ...], str], variables: Mapping[str, str], column_of: Callable[[str], list[Any]]
) -> Callable[[str], str]:
    """Renders models to be run: `names` are relations by the arguments of `ref` and `source`, `variables` dbt's own.

    `column_of` is asked for the first column of a query, such as how large a relation is.
    """
    environment = _first_build(
        lambda *call: Relation(names[call]), lambda name, default="": variables.get(name, default), column_of=column_of
    )
    return lambda text: str(environment.from_string(text).render())


@cache
def _models(engine: str) -> Environment:
    return _first_build(
        lambda *call: Relation(".".join(("model", *call)[-2:])),
        lambda _name, default="": default,
        engine=engine,
        parts_in_memory=lambda _relation, _bytes_per_row: 1,
    )


def _first_build(
    relation: Callable[..., Relation], env_var: Callable[..., str], engine: str = "duckdb", **words: Callable[..., Any]
) -> Environment:
    """An environment with what dbt puts before a model, answered as before a first build."""
    return _environment(
        {
            "ref": relation,
            "source": relation,
            "this": Relation("model.this"),
            "config": lambda **_settings: "",
            "env_var": env_var,
            "is_incremental": lambda: False,
            "load_relation": lambda _relation: None,
            "execute": False,
            **words,
        },
        engine,
    )[0]


@cache
def _macros() -> _Macros:
    return _environment({})[1]


def _environment(words: Mapping[str, Any], engine: str = "duckdb") -> tuple[Environment, _Macros]:
    """Jinja with the project's macros and some words of dbt's, and the macros by name."""
    environment = Environment(undefined=StrictUndefined, extensions=["jinja2.ext.do"])
    files = [environment.parse(path.read_text("utf-8")) for path in sorted(_FOLDER.rglob("*.sql"))]
    macros = [macro for file in files for macro in file.find_all(Macro)]
    found: dict[str, Callable[..., Any]] = {}
    # Jinja looks up what a file names when it reads the file, so every macro must have a name before any is read
    callers = {macro.name: _caller(found, macro.name) for macro in macros}
    adapter = SimpleNamespace(dispatch=lambda name, _project: callers[f"{engine}__{name}"])
    environment.globals |= {**callers, "return": _return, "adapter": adapter, **words}
    for macro in macros:  # each by itself: in one template they would call each other past their callers
        module = environment.from_string(Template([macro], lineno=macro.lineno)).module
        found[macro.name] = vars(module)[macro.name]
    return environment, callers


def _return(value: Any) -> Any:
    raise _Returned(value)


def _caller(found: _Macros, name: str) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        try:
            return found[name](*arguments, **named)
        except _Returned as returned:
            return returned.value

    return call
