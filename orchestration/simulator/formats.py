"""How each source writes its file: the one table of write formats, matched to the contracts.

A column says where its value comes from and how it may be spelled. The expressions made here are SQL over a row of
`<feed>_event` with two more columns: `spelling` (0..99, 0 = the plain spelling) and `flaw` (0 = sound, else what is
broken in this copy of the row).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

Kind = Literal["text", "count", "phone", "money", "day", "month", "instant", "flag"]
#: Files as each source writes them (CSV, of some feeds compressed), all CSV compressed, or all Parquet of text columns.
FileFormat = Literal["csv", "csv.gz", "parquet"]


class Flaw(IntEnum):
    """What is wrong with a broken copy of a row; the sound row always comes too."""

    NONE = 0
    BAD_NUMBER = 1
    UNKNOWN_STATUS = 2
    EMPTY_REQUIRED = 3
    EXTRA_COLUMN = 4
    WRONG_CONTENT = 5  # well-formed but untrue; a later delivery corrects it
    MISSING_COLUMN = 6
    KEY_CONFLICT = 7  # two copies of one key that say different things
    BAD_DATE = 8
    BAD_INSTANT = 9
    BAD_QUANTITY = 10
    BAD_FLAG = 11
    TOO_SMALL = 12
    TOO_LARGE = 13


@dataclass(frozen=True)
class Column:
    """One column of a file: its header spellings (the first is the plain one), its kind, what may break in it."""

    name: str
    kind: Kind = "text"
    headers: tuple[str, ...] = ()
    flaw: Flaw = Flaw.NONE
    broken: str = "''"
    dialects: bool = True  # whether the contract admits a second spelling of this column's dates or numbers


@dataclass(frozen=True)
class FeedFormat:
    """How one feed is written: separator, encoding, compression, columns, and which flaws its rows can have.

    Where it `has_history`, the first delivery also tells what was before. `made_by` names the SQL that makes the rows
    of some days just before they are written; `days_in_hand` are made at a time, else as many as the panel allows.
    """

    feed: str
    delimiter: str
    columns: tuple[Column, ...]
    flaws: tuple[Flaw, ...] = ()
    money: str | None = None
    encoding: Literal["utf-8", "cp949"] = "utf-8"
    is_gzipped: bool = False
    is_monthly: bool = False
    has_history: bool = False
    made_by: str | None = None
    days_in_hand: int | None = None
    second_instant: str = "%Y-%m-%dT%H:%M:%S+0900"
    late_per_100k: int = 300
    duplicates_per_100k: int = 150

    def suffix(self, file_format: FileFormat) -> str:
        """Extension of the feed's files."""
        return "csv.gz" if file_format == "csv" and self.is_gzipped else file_format

    def select_list(self, file_format: FileFormat) -> str:
        """SQL of a row of the file, spelled and broken as the row says: its `line`, or in Parquet its columns."""
        if file_format == "parquet":
            return ", ".join(
                f"nullif({self._cell(column, is_quoted=False)}, '') as {column.name}" for column in self.columns
            )
        cells = ", ".join(f"coalesce({self._cell(column, is_quoted=True)}, '')" for column in self.columns)
        whole = f"concat_ws('{self.delimiter}', {cells})"
        shorter = f"regexp_replace({whole}, '[{self.delimiter}][^{self.delimiter}]*$', '')"
        return (
            f"case flaw when {Flaw.EXTRA_COLUMN:d} then {whole} || '{self.delimiter}?'"
            f" when {Flaw.MISSING_COLUMN:d} then {shorter} else {whole} end as line"
        )

    def select_names(self, file_format: FileFormat) -> str:
        """Names of the columns of `select_list`."""
        return ", ".join(column.name for column in self.columns) if file_format == "parquet" else "line"

    def flaw(self, file_format: FileFormat) -> str:
        """SQL expression of the flaw that an untrue copy of a row has, from its hash `h`; a half of them has none."""
        if not self.flaws:
            return "0"
        # a row of Parquet has no cell too many or too few
        torn = {Flaw.EXTRA_COLUMN, Flaw.MISSING_COLUMN} if file_format == "parquet" else set()
        listed = ", ".join("0" if flaw in torn else f"{flaw:d}" for flaw in self.flaws)
        nth = f"((h // 20000000000000) % {len(self.flaws)})::int"
        return f"if((h // 10000000000000) % 2 = 0, [{listed}][1 + {nth}], 0)"

    def is_spelled_oddly(self) -> str:
        """SQL condition: the row has a phone number in a spelling that no contract announces."""
        phones = [column for column in self.columns if column.kind == "phone"]
        sound = [f"flaw <> {column.flaw:d}" for column in phones]
        return " and ".join(["getvariable('field_dirt')", _IS_FIELD_SPELLING, *sound]) if phones else "false"

    def plain_columns(self) -> str:
        """SQL select list of all columns as text in their plain spelling, under their plain headers."""
        return ", ".join(f"{_PLAIN[column.kind].format(c=column.name)} as {column.name}" for column in self.columns)

    def _cell(self, column: Column, *, is_quoted: bool) -> str:
        spelled = self._spelled(column, is_quoted=is_quoted)
        return f"if(flaw = {column.flaw:d}, {column.broken}, {spelled})" if column.flaw else spelled

    def _spelled(self, column: Column, *, is_quoted: bool) -> str:
        plain, odd = _PLAIN[column.kind].format(c=column.name), None
        if column.dialects:
            odd = _ODD.get(column.kind, "").format(c=column.name, instant=self.second_instant)
            if column.kind == "money" and self.delimiter == "," and is_quoted:
                odd = f"'\"' || {odd} || '\"'"
        if column.kind == "phone":
            plain = f"if(getvariable('field_dirt') and {_IS_FIELD_SPELLING}, {_FIELD_PHONE}, {plain})"
        return f"if(spelling >= 90, {odd}, {plain})" if odd else plain


_PLAIN: dict[str, str] = {
    "text": "{c}",
    "count": "{c}::varchar",
    "phone": "'010-' || (subscriber // 10000) || '-' || right(subscriber::varchar, 4)",
    "money": "{c}::varchar",
    "day": "{c}::varchar",
    "month": "strftime({c}, '%Y-%m')",
    "instant": "{c}::varchar",
    "flag": "case {c} when true then 'Y' when false then 'N' end",
}
_ODD: dict[str, str] = {
    "phone": "if(spelling % 2 = 0, '+8210', '010') || subscriber",
    "money": "format('{{:,}}', {c}::bigint)",
    "day": "replace({c}::varchar, '-', '')",
    "instant": "strftime({c}, '{instant}')",
}

# spellings after public reports, in signs that CP949 has too
_IS_FIELD_SPELLING = "spelling between 84 and 89"
_FIELD_PHONE = (
    "case spelling when 84 then '+82 (0)10-' || (subscriber // 10000) || '-' || right(subscriber::varchar, 4)"
    " when 85 then '0082 10 ' || subscriber when 86 then '(010) ' || subscriber"
    " when 87 then '+82-10-' || (subscriber // 10000) || '-' || right(subscriber::varchar, 4)"
    " when 88 then translate('010' || subscriber, '0123456789', '０１２３４５６７８９')"
    " else '010.' || (subscriber // 10000) || '.' || right(subscriber::varchar, 4) end"
)

_SUBSCRIBER = ("msisdn", "subscriber number", "subscriber  number", "subscriber number ")

_WRONG_RECIPIENT = "case recipient_provider when 'SKT' then 'LGU' when 'LGU' then 'SKT' else {otherwise} end"

FORMATS: tuple[FeedFormat, ...] = (
    FeedFormat(
        feed="portability_events",
        delimiter=",",
        has_history=True,
        days_in_hand=62,
        flaws=(Flaw.BAD_NUMBER, Flaw.UNKNOWN_STATUS, Flaw.EMPTY_REQUIRED, Flaw.EXTRA_COLUMN, Flaw.WRONG_CONTENT),
        columns=(
            Column("port_id"),
            Column("event_seq", "count"),
            Column("msisdn", "phone", _SUBSCRIBER, Flaw.BAD_NUMBER, "'010-0000'"),
            Column("donor_provider"),
            Column("donor_network"),
            Column(
                "recipient_provider",
                flaw=Flaw.WRONG_CONTENT,
                broken=_WRONG_RECIPIENT.format(otherwise="recipient_provider"),
            ),
            Column(
                "recipient_network",
                flaw=Flaw.WRONG_CONTENT,
                broken=_WRONG_RECIPIENT.format(otherwise="recipient_network"),
            ),
            Column("line_type"),
            Column("status", flaw=Flaw.UNKNOWN_STATUS, broken="'??'"),
            Column("reject_code"),
            Column("requested_at", "instant", flaw=Flaw.EMPTY_REQUIRED),
            Column("status_at", "instant"),
            Column("processed_on", "day"),
        ),
    ),
    FeedFormat(
        feed="provider_line_counts",
        delimiter=",",
        is_monthly=True,
        late_per_100k=0,
        duplicates_per_100k=0,
        columns=(Column("month", "month"), Column("provider"), Column("line_type"), Column("lines", "money")),
    ),
    FeedFormat(
        feed="subscriptions",
        delimiter="|",
        encoding="cp949",
        second_instant="%Y%m%d%H%M%S",
        flaws=(
            Flaw.BAD_NUMBER,
            Flaw.UNKNOWN_STATUS,
            Flaw.EMPTY_REQUIRED,
            Flaw.EXTRA_COLUMN,
            Flaw.BAD_DATE,
            Flaw.TOO_LARGE,
        ),
        columns=(
            Column("line_id", headers=("line_id", "회선번호", "line_id  ")),
            Column("msisdn", "phone", ("msisdn", "전화번호", "전화번호 "), Flaw.BAD_NUMBER, "'전화번호 없음'"),
            Column("provider"),
            Column("plan_code", headers=("plan_code", "요금제", "요금제  ")),
            Column("monthly_fee", "money"),
            Column("line_type"),
            Column("contract_kind"),
            Column("activated_on", "day", flaw=Flaw.EMPTY_REQUIRED),
            Column("contract_start_on", "day", flaw=Flaw.BAD_DATE, broken="'2025-02-30'"),
            Column("contract_end_on", "day"),
            Column("etf", "money"),
            Column("status", flaw=Flaw.UNKNOWN_STATUS, broken="'확인중'"),
            Column("termination_reason"),
            Column("birth_year", "count", flaw=Flaw.TOO_LARGE, broken="'9999'"),
            Column("region_code"),
            Column("changed_at", "instant"),
        ),
    ),
    FeedFormat(
        feed="termination_fees",
        delimiter=",",
        money="amount",
        flaws=(Flaw.UNKNOWN_STATUS, Flaw.EMPTY_REQUIRED),
        columns=(
            Column("fee_event_id"),
            Column("line_id", flaw=Flaw.EMPTY_REQUIRED),
            Column("event", flaw=Flaw.UNKNOWN_STATUS, broken="'PENDING'"),
            Column("reason"),
            Column("amount", "money"),
            Column("occurred_at", "instant"),
        ),
    ),
    FeedFormat(
        feed="invoices",
        delimiter=";",
        is_monthly=True,
        money="amount",
        late_per_100k=0,
        columns=(
            Column("invoice_id"),
            Column("line_no", "count"),
            Column("line_id", headers=("line_id", "line_id ")),
            Column("billing_month", "month"),
            Column("charge_kind"),
            Column("amount", "money"),
            Column("invoice_total", "money"),
            Column("issued_on", "day"),
        ),
    ),
    FeedFormat(
        feed="payments",
        delimiter=",",
        made_by="payments_chunk",
        money="amount",
        flaws=(
            Flaw.BAD_NUMBER,
            Flaw.UNKNOWN_STATUS,
            Flaw.EMPTY_REQUIRED,
            Flaw.BAD_QUANTITY,
            Flaw.BAD_FLAG,
            Flaw.BAD_INSTANT,
            Flaw.KEY_CONFLICT,
        ),
        columns=(
            Column("payment_id"),
            Column("event_seq", "count"),
            Column("line_id"),
            Column("msisdn", "phone", flaw=Flaw.BAD_NUMBER, broken="'0'"),
            Column("product"),
            Column("merchant_id", flaw=Flaw.EMPTY_REQUIRED),
            Column("merchant_category", headers=("merchant_category", "merchant_category ")),
            Column("amount", "money"),
            Column("auth_method"),
            Column("is_ars_call_complete", "flag", flaw=Flaw.BAD_FLAG, broken="'?'"),
            Column("cell_id", flaw=Flaw.KEY_CONFLICT, broken="'KTM' || copy_no"),
            Column("monthly_limit", "money", flaw=Flaw.BAD_QUANTITY, broken="'1.0E+06'"),
            Column("limit_raised_at", "instant"),
            Column("status", flaw=Flaw.UNKNOWN_STATUS, broken="'timeout'"),
            Column("occurred_at", "instant", flaw=Flaw.BAD_INSTANT, broken="'0'"),
        ),
    ),
    FeedFormat(
        feed="payment_disputes",
        delimiter=";",
        money="refunded_amount",
        flaws=(Flaw.UNKNOWN_STATUS, Flaw.EMPTY_REQUIRED),
        columns=(
            Column("dispute_id"),
            Column("event_seq", "count"),
            Column("payment_id", flaw=Flaw.EMPTY_REQUIRED),
            Column("status", headers=("status", " status"), flaw=Flaw.UNKNOWN_STATUS, broken="'?'"),
            Column("refunded_amount", "money"),
            Column("occurred_at", "instant", dialects=False),
        ),
    ),
    FeedFormat(
        feed="cell_registry",
        delimiter="\t",
        is_gzipped=True,
        late_per_100k=0,
        duplicates_per_100k=40,
        columns=(
            Column("cell_id"),
            Column("kind", headers=("kind", "kind ")),
            Column("region_code"),
            Column("registered_on", "day"),
            Column("deregistered_on", "day"),
        ),
    ),
    FeedFormat(
        feed="cell_attachments",
        delimiter=",",
        is_gzipped=True,
        flaws=(Flaw.BAD_NUMBER, Flaw.EMPTY_REQUIRED, Flaw.EXTRA_COLUMN, Flaw.MISSING_COLUMN, Flaw.TOO_SMALL),
        columns=(
            Column("msisdn", "phone", flaw=Flaw.BAD_NUMBER, broken="'+82'"),
            Column("cell_id", headers=("cell_id", "cell_id "), flaw=Flaw.EMPTY_REQUIRED),
            Column("region_code"),
            Column("hour_start", "instant"),
            Column("attach_count", "count", flaw=Flaw.TOO_SMALL, broken="'0'"),
            Column("first_seen_at", "instant"),
            Column("last_seen_at", "instant"),
        ),
    ),
    FeedFormat(
        feed="sim_changes",
        delimiter="|",
        second_instant="%Y%m%d%H%M%S",
        flaws=(Flaw.BAD_NUMBER, Flaw.EMPTY_REQUIRED),
        columns=(
            Column("msisdn", "phone", flaw=Flaw.BAD_NUMBER, broken="'unknown'"),
            Column("changed_at", "instant", flaw=Flaw.EMPTY_REQUIRED),
            Column("channel"),
        ),
    ),
    FeedFormat(
        feed="alert_dispositions",
        delimiter=";",
        flaws=(Flaw.UNKNOWN_STATUS, Flaw.EMPTY_REQUIRED),
        columns=(
            Column("case_id", flaw=Flaw.EMPTY_REQUIRED),
            Column("disposition", flaw=Flaw.UNKNOWN_STATUS, broken="'REVIEW'"),
            Column("decided_at", "instant", dialects=False),
            Column("analyst"),
        ),
    ),
)
