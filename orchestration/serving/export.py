"""A published mart as a file for an office: CSV, Excel or Parquet."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd

from orchestration.base.files import replacing
from orchestration.base.refusal import Refusal, unknown
from orchestration.base.settings import Settings
from orchestration.base.sql import columns_of, connect, first_line, identifier, literal, one_number
from orchestration.serving.generations import current_file
from orchestration.serving.sealed import readable

#: What a file's name ends in → how DuckDB writes it; Excel is written by a library of its own.
FORMATS = {".csv": "format csv, header", ".parquet": "format parquet, compression zstd", ".xlsx": ""}
#: Rows of a sheet of Excel, without the one of names.
_SHEET_ROWS = 1_048_575


class ExportError(Refusal):
    """There is nothing to write, or no way to write it so."""


def export(settings: Settings, relation: str, file: Path, where: str | None = None) -> int:
    """Write an open relation, or its rows that satisfy a condition in SQL, and return how many rows those are.

    A workbook has a second sheet, which says what each column means.

    Raises:
        UnknownNameError: if no open relation has this name.
        ExportError: if nothing is published, the condition is not SQL, or the file is of no known kind or too small.
    """
    kind = file.suffix.lower()
    if kind not in FORMATS:
        raise ExportError(f"{file}: its name must end in one of {', '.join(FORMATS)}")
    published = current_file(settings, "open")
    if published is None:
        raise ExportError("Nothing is published yet: `ringfence run` publishes.")
    with readable(settings, published) as path, connect(settings) as con:
        con.execute(f"attach {literal(str(path))} as published (read_only)")
        con.execute("use published")
        query = f"select * from {_found(con, relation)} where {where or 'true'}"
        rows = _count(con, query)
        with replacing(file, is_durable=False) as unfinished:
            if kind == ".xlsx":
                _write_workbook(con, query, relation, rows, unfinished)
            else:
                con.execute(f"copy ({query} order by all) to {literal(str(unfinished))} ({FORMATS[kind]})")
    return rows


def _found(con: duckdb.DuckDBPyConnection, relation: str) -> str:
    known = {
        f"{schema}.{name}": f"{identifier(schema)}.{identifier(name)}"
        for schema, name in con.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'published'"
        ).fetchall()
    }
    if relation not in known:
        raise unknown("open mart", relation, known)
    return known[relation]


def _count(con: duckdb.DuckDBPyConnection, query: str) -> int:
    try:
        return one_number(con, f"select count(*) from ({query})")
    except duckdb.Error as error:
        raise ExportError(f"The condition is not understood: {first_line(error)}") from None


def _write_workbook(con: duckdb.DuckDBPyConnection, query: str, relation: str, rows: int, file: Path) -> None:
    if rows > _SHEET_ROWS:
        raise ExportError(f"{rows:,} rows are more than a sheet holds ({_SHEET_ROWS:,}): narrow them, or write CSV.")
    meanings = con.execute(
        "select column_name as column, data_type as type, comment as meaning from duckdb_columns() "
        "where database_name = 'published' and schema_name || '.' || table_name = $1 order by column_index",
        [relation],
    ).df()
    # a text that begins with = is a text
    options = {"options": {"strings_to_formulas": False, "strings_to_urls": False}}
    with pd.ExcelWriter(
        file, engine="xlsxwriter", engine_kwargs=options, datetime_format="yyyy-mm-dd hh:mm:ss"
    ) as book:
        _without_zones(con, query).to_excel(book, sheet_name="rows", index=False, freeze_panes=(1, 0))
        meanings.to_excel(book, sheet_name="columns", index=False, freeze_panes=(1, 0))
        for sheet in book.sheets.values():
            sheet.autofit(max_width=360)


def _without_zones(con: duckdb.DuckDBPyConnection, query: str) -> pd.DataFrame:
    """Rows as a sheet can hold them: instants are times of the site, dates are dates, whole numbers stay whole."""
    spelled = {
        "TIMESTAMP WITH TIME ZONE": "{}::timestamp as {}",
        "HUGEINT": "{}::double as {}",
    }
    columns = ", ".join(
        spelled.get(type_, "{}").format(identifier(name), identifier(name))
        for name, type_ in columns_of(con, query).items()
    )
    rows: pd.DataFrame = con.execute(f"select {columns} from ({query} order by all)").to_arrow_table().to_pandas()
    return rows
