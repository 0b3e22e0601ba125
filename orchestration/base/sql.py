"""The few words of SQL that every room spells the same way."""

from __future__ import annotations

import glob
from datetime import date
from functools import cache
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb

from orchestration.base.settings import Settings, private_dir

IN_MEMORY = ":memory:"


def literal(value: str | date) -> str:
    """A text or date as an SQL literal. Never for a secret: those are bound as parameters."""
    return "'" + str(value).replace("'", "''") + "'"


def exact(path: Path) -> str:
    """A path for DuckDB's readers, which take `*`, `?` and `[` for wildcards: here they stand for themselves."""
    return glob.escape(str(path))


def identifier(name: str) -> str:
    """A quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def one_value(con: duckdb.DuckDBPyConnection, query: str, *parameters: object) -> Any:
    """The first value of the first row that a query finds, or None."""
    row = con.execute(query, list(parameters)).fetchone()
    return row[0] if row else None


def one_number(con: duckdb.DuckDBPyConnection, query: str, *parameters: object) -> int:
    """The one number that a query finds; 0 for none."""
    return int(one_value(con, query, *parameters) or 0)


def columns_of(con: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    """The columns of a relation or query, in order, each with its SQL type."""
    return {row[0]: row[1] for row in con.execute(f"describe {relation}").fetchall()}


def first_line(error: Exception) -> str:
    """The first line of an error's message, or its kind if it says nothing; the rest may quote data."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def connect(settings: Settings, database: str = IN_MEMORY, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """A connection in the site's time zone, within the memory limit, spilling only encrypted and in private.

    DuckDB alone can read what is encrypted but not write it: the first spilled block would be an error.
    """
    import_module("pandas")  # DuckDB does at the first value that is bound, and swallows a Ctrl-C meanwhile
    # a file takes settings of an opening only if whoever else has it open gave the same
    is_alone = database == IN_MEMORY
    if is_alone:
        _check_signature(_openssl())
    con = duckdb.connect(database, read_only=read_only, config={"allow_unsigned_extensions": True} if is_alone else {})
    con.execute(f"load {literal(_openssl())}")
    if is_alone:
        con.execute("set allow_unsigned_extensions = false")  # for good: it cannot be set to true again
    con.execute(f"set timezone = {literal(settings.time_zone)}")
    con.execute(f"set memory_limit = {literal(settings.memory_limit)}")
    con.execute(f"set temp_directory = {literal(str(private_dir(settings.scratch_dir)))}")
    con.execute("set temp_file_encryption = true")
    con.execute("set enable_progress_bar = false")
    return con


@cache
def _openssl() -> str:
    """The extension that brings OpenSSL, from its Python package: nothing is fetched from a network."""
    return str(files("duckdb_extension_httpfs") / "extensions" / f"v{duckdb.__version__}" / "httpfs.duckdb_extension")


@cache
def _check_signature(extension: str) -> None:
    """Let DuckDB look at an extension's signature, once a process: it takes 80 ms, nine tenths of a connection.

    Raises:
        duckdb.Error: if it is not signed, or not by DuckDB's makers.
    """
    with duckdb.connect() as con:
        con.execute(f"load {literal(extension)}")
