"""How a contract, a sample and quarantine look in a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from orchestration.contracts import Feed
from orchestration.ingest.quarantine import BadRow, Retried
from orchestration.ingest.receipt import Receipt
from orchestration.ingest.sample import Trial
from orchestration.reporting.terminal.lists import plain_table


def print_contract(console: Console, feed: Feed) -> None:
    """What a contract without mistakes says."""
    console.print(
        f"{feed.name}: {len(feed.columns)} columns, key {', '.join(column.name for column in feed.key)}; "
        f"{feed.encoding}, {feed.delimiter!r} between values, {len(feed.rules)} row rules"
    )
    personal = {column.name: column.raw_name for column in feed.columns if column.pseudonym}
    if personal:
        replaced = ", ".join(f"{name} → {raw_name}" for name, raw_name in personal.items())
        console.print(f"personal, and replaced in raw: {replaced}")
    table = plain_table("column", "is", "")
    for column in feed.columns:
        table.add_row(column.name, column.reads_as, "" if column.required else "may be empty")
    console.print(table)


def print_trial(console: Console, trial: Trial) -> None:
    """Where the columns were found, what became of the rows, and why."""
    receipt = trial.receipt
    if trial.columns:
        table = plain_table("column", "read from")
        for column in trial.columns:
            unread = f"no column: {column.header}" if column.header else "absent, and optional"
            place = f"{column.place}. {column.header}" if column.place else unread
            table.add_row(column.column, place)
        console.print(table)
    for name in trial.unknown:
        console.print(f"unknown column, kept out: {name!r}")
    if receipt.refusal:
        console.print(Text.assemble(("REFUSED", "red"), f": {receipt.refusal}"))
        return
    console.print(
        f"rows: {receipt.rows_read:,} read = {receipt.rows_accepted:,} accepted + {receipt.rows_quarantined:,} "
        f"quarantined + {receipt.rows_duplicate:,} duplicate"
    )
    for file in receipt.files:
        if file.read_as:
            console.print(f"{file.name}: read as {file.read_as}, as its byte order mark says")
        if file.may_be_cut:
            console.print(
                f"{file.name}: its last line does not end, so it may have been cut; a manifest with its rows or "
                "SHA-256 would tell",
            )
    print_good_rows(console, trial)
    for reason, rows in sorted(receipt.reasons.items(), key=lambda entry: -entry[1]):
        console.print(f"  {rows:>8,}  {reason}")
    print_bad_rows(console, trial.bad_rows)


def print_good_rows(console: Console, trial: Trial) -> None:
    """Some accepted rows, each value beside the text that it was read from."""
    width = max((len(name) for row in trial.good_rows for name in row.cells), default=0)
    for number, row in enumerate(trial.good_rows, 1):
        console.print(f"accepted, {number} of {trial.receipt.rows_accepted:,}, under {trial.receipt.dt}:")
        for name, (text, value) in row.cells.items():
            meant = "nothing" if value is None else value
            console.print(f"    {name:<{width}}  {text or '':<28} → {meant}", soft_wrap=True)


def print_bad_rows(console: Console, rows: list[BadRow]) -> None:
    """Masked rows with every reason."""
    for row in rows:
        place = f"{row.feed} {row.dt} rev {row.rev}, {row.file} row {row.row_number}"
        console.print(f"{place}: {', '.join(row.reasons)}\n    {row.masked_row}", soft_wrap=True)


def print_refused(console: Console, receipts: list[Receipt]) -> None:
    """Deliveries of which nothing was taken."""
    for receipt in receipts:
        console.print(f"{receipt.feed} {receipt.dt} rev {receipt.rev}: REFUSED: {receipt.refusal}")


def print_retried(console: Console, done: list[Retried]) -> None:
    """What changed for each delivery that was judged again."""
    if not done:
        console.print("Nothing to judge again: no delivery was refused or has bad rows.")
    for one in done:
        name = f"{one.before.feed} {one.before.dt}"
        if one.after is None:
            console.print(f"{name}: left as it is: {one.why_not}")
        else:
            console.print(
                f"{name}: rev {one.before.rev} {_state(one.before)} → rev {one.after.rev} {_state(one.after)}"
            )


def _state(receipt: Receipt) -> str:
    if receipt.refusal:
        return f"REFUSED ({receipt.refusal})"
    return f"{receipt.rows_accepted:,} accepted, {receipt.rows_quarantined:,} quarantined"
