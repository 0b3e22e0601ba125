"""The warehouse: raw relations, one dbt asset set per stage, and what a closed gate holds back.

Here: everything that opens `warehouse.duckdb` for writing. Not here: transformations, which are dbt's.
"""
