"""Gates: what stands between two stages and says whether a relation may be built upon.

What belongs here: Great Expectations on DuckDB (`engine/`), suites as data (`suites.py`), one relation
judged (`gate.py`), its verdict as a Dagster asset check (`checks.py`).
What does not: the SQL of models, and the decision what a closed gate excludes (`warehouse/`).
"""
