"""What the tables of schema `ops` hold: grain, and each column with its type and meaning."""

from __future__ import annotations

from orchestration.warehouse.nodes import Column, Node


def _table(name: str, description: str, columns: dict[str, tuple[str, str]], key: tuple[str, ...]) -> Node:
    return Node(
        f"ops.{name}", name, "ops", "table", frozenset({"open"}), description,
        tuple(Column(column, type_, said, column in key) for column, (type_, said) in columns.items()), key,
    )  # fmt: skip


_DELIVERY = _table(
    "delivery",
    "One row per feed, dt and revision: what arrived and what became of its rows.",
    {
        "feed": ("varchar", "Feed, as its contract is called."),
        "dt": ("date", "Extract date: the last day that the delivery knows of."),
        "rev": ("integer", "Revision: 1 for the first, one more for each with other bytes."),
        "status": ("varchar", "ACCEPTED or REFUSED."),
        "refusal": ("varchar", "Why nothing of it was taken; empty for an accepted one."),
        "files": ("integer", "Files of the delivery."),
        "bytes": ("bigint", "Their size in bytes."),
        "sha256": ("varchar", "Checksum of their content."),
        "rows_read": ("bigint", "Rows in the files; each is accepted, quarantined or a duplicate."),
        "rows_accepted": ("bigint", "Rows taken over into raw."),
        "rows_quarantined": ("bigint", "Rows that the contract does not allow."),
        "rows_duplicate": ("bigint", "Rows that repeat another one of the delivery exactly."),
        "reasons": ("varchar", "Quarantined rows by reason, as JSON; a row may have several."),
        "totals": ("varchar", "Control totals of the manifest by column, as JSON."),
        "delivered_at": ("timestamptz", "When it arrived."),
        "ingested_at": ("timestamptz", "When it was taken in."),
    },
    ("feed", "dt", "rev"),
)
_RECONCILIATION = _table(
    "reconciliation",
    "One row per feed, dt and stage of the revision in force: rows and the contract's `reconciledAmount` going in and "
    "coming out, and where the difference went.",
    {
        "feed": ("varchar", "Feed, as its contract is called."),
        "dt": ("date", "Extract date."),
        "stage": ("varchar", "`landing to raw` or `raw to facts`."),
        "rows_in": ("bigint", "Rows going in."),
        "rows_out": ("bigint", "Rows coming out."),
        "rows_difference": ("bigint", "`rows_in` less `rows_out`."),
        "amount_in": ("hugeint", "Amount going in, in the contract's unit; empty for a feed without an amount."),
        "amount_out": ("hugeint", "Amount coming out."),
        "amount_difference": ("hugeint", "`amount_in` less `amount_out`."),
        "explained_by": ("varchar", "What the difference is made of, in words."),
        "rows_unexplained": ("bigint", "Rows of the difference that nothing explains; anything but 0 is a fault."),
    },
    ("feed", "dt", "stage"),
)
_GATE_RESULT = _table(
    "gate_result",
    "One row per run, gate, relation, partition and expectation: the verdict, what was seen, and who accepted it.",
    {
        "run_id": ("varchar", "Run that judged."),
        "judged_at": ("timestamptz", "When."),
        "stage": ("varchar", "raw, staging or marts."),
        "relation": ("varchar", "What was judged: a feed, a model or a mart."),
        "partition": ("varchar", "Day that failed; empty for the relation as a whole."),
        "expectation_id": ("varchar", "Expectation, as its suite calls it."),
        "expectation_type": ("varchar", "Type of Great Expectations."),
        "severity": ("varchar", "critical closes the gate, warning and info are only shown."),
        "passed": ("boolean", "Whether it held."),
        "observed": ("varchar", "What was seen."),
        "expected": ("varchar", "What was expected."),
        "evaluated": ("bigint", "Rows that were looked at."),
        "failed": ("bigint", "Rows that failed; empty where no single row is to blame."),
        "why": ("varchar", "Why the expectation is there."),
        "failing_rows_sql": ("varchar", "Query that finds the rows in the warehouse."),
        "accepted_by": ("varchar", "Who let the failure through; empty if nobody did."),
        "accepted_reason": ("varchar", "Why."),
    },
    ("run_id", "stage", "relation", "expectation_id"),
)
_PUBLICATION = _table(
    "publication",
    "One row per generation, relation and door: what it held, which closed gates kept it at an earlier state, and "
    "which accepted failures it rests on.",
    {
        "generation": ("varchar", "Publication, named by its time in UTC."),
        "run_id": ("varchar", "Run that published it, or `by hand`."),
        "git_commit": ("varchar", "Version of the code; empty outside a repository."),
        "engine": ("varchar", "What ran the models: duckdb or spark."),
        "published_at": ("timestamptz", "When readers saw it first."),
        "relation": ("varchar", "Relation, schema first."),
        "door": ("varchar", "open or restricted: the file that holds it."),
        "rows": ("bigint", "Rows."),
        "checksum": ("varchar", "Hash of its content, whatever the order of rows."),
        "data_through": ("date", "Newest extract date in it."),
        "held_back_by": (
            "varchar",
            "Closed gates because of which it is still the version before; empty for a fresh one.",
        ),
        "rests_on_accepted": ("varchar", "Accepted failures that would have held it back."),
    },
    ("generation", "relation", "door"),
)

_COLUMNS = _table(
    "columns",
    "One row per published relation and column: what it means. It can be searched: "
    "`from ops.columns where description ilike '%fee due%'`.",
    {
        "relation": ("varchar", "Relation, schema first."),
        "column_name": ("varchar", "Column."),
        "position": ("integer", "Its place in the relation, from 1."),
        "data_type": ("varchar", "Its SQL type."),
        "is_key": ("boolean", "Whether it is part of what a row is one of."),
        "description": ("varchar", "What it means, with its unit."),
        "relation_description": ("varchar", "What one row of the relation is."),
        "doors": ("varchar", "Files that hold the relation: open (marts.duckdb), restricted (cases.duckdb), or both."),
    },
    ("relation", "column_name"),
)

#: The tables by name.
TABLES = {table.name: table for table in (_DELIVERY, _RECONCILIATION, _GATE_RESULT, _PUBLICATION, _COLUMNS)}
