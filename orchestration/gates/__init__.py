"""Gates: what stands between two stages and says whether a relation may be built upon.

What belongs here: Great Expectations on DuckDB (`engine/`), suites as data (`suites.py`), one relation judged
(`gate.py`) by whatever tells of its failed rows (`failed_rows.py`), what was found (`outcome.py`) and its rows as
people may see them (`shown_rows.py`), again only where it has changed (`changed.py`), what was let through
(`overrides.py`), verdicts on disk (`verdicts.py`) and as Dagster asset checks (`asset_checks.py`), and all of these in
one judgement (`judging.py`).
What does not: Spark, the SQL of models, and the decision what a closed gate excludes (`warehouse/`).
"""
