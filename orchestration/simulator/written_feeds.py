"""How each source writes its feed: the one table of write formats, matched to the contracts."""

from __future__ import annotations

from orchestration.simulator.flaws import Break, Flaw
from orchestration.simulator.formats import Column, FeedFormat

_SUBSCRIBER = ("msisdn", "subscriber number", "subscriber  number", "subscriber number ")
_EMPTY = Break(Flaw.EMPTY_REQUIRED, "''")
_NUMBER_AS_KEY = Break(
    Flaw.NUMBER_IN_KEY, "'010-' || (subscriber // 10000) || '-' || right(subscriber::varchar, 4) || '/' || event_seq"
)


def _bad_number(spelled: str) -> tuple[Break, ...]:
    return (Break(Flaw.BAD_NUMBER, spelled),)


def _unknown(spelled: str) -> tuple[Break, ...]:
    return (Break(Flaw.UNKNOWN_STATUS, spelled),)


def _wrong_recipient(otherwise: str) -> tuple[Break, ...]:
    wrong = f"case recipient_provider when 'SKT' then 'LGU' when 'LGU' then 'SKT' else {otherwise} end"
    return (Break(Flaw.WRONG_CONTENT, wrong),)


def _missing_where(state: str) -> tuple[Break, ...]:
    return (Break(Flaw.MISSING_FOR_STATE, "''", state),)


FORMATS: tuple[FeedFormat, ...] = (
    FeedFormat(
        feed="portability_events",
        delimiter=",",
        has_history=True,
        days_in_hand=62,
        tears=(Flaw.EXTRA_COLUMN, Flaw.OPEN_QUOTE),
        columns=(
            Column("port_id", breaks=(_NUMBER_AS_KEY,)),
            Column("event_seq", "count"),
            Column("msisdn", "phone", _SUBSCRIBER, _bad_number("'010-0000'")),
            Column("donor_provider"),
            Column("donor_network"),
            Column("recipient_provider", breaks=_wrong_recipient("recipient_provider")),
            Column("recipient_network", breaks=_wrong_recipient("recipient_network")),
            Column("line_type"),
            Column("status", breaks=_unknown("'??'")),
            Column("reject_code", breaks=_missing_where("status = 'REJECTED'")),
            Column("requested_at", "instant", breaks=(_EMPTY,)),
            Column("status_at", "instant"),
            Column(
                "processed_on",
                "day",
                breaks=(
                    *_missing_where("status = 'COMPLETED'"),
                    Break(Flaw.OUT_OF_ORDER, "'19' || right(processed_on::varchar, 8)", "processed_on is not null"),
                ),
            ),
            Column("sales_channel"),
            Column("dealer_code"),
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
        feed="provider_port_records",
        delimiter=",",
        on_demand=True,
        days_in_hand=62,
        late_per_100k=0,  # without a sequence, an older state that came later would count
        columns=(
            Column("reporter"),
            Column("port_id"),
            Column("donor_provider"),
            Column("recipient_provider"),
            Column("status"),
            Column("processed_on", "day"),
        ),
    ),
    FeedFormat(
        feed="subscriptions",
        delimiter="|",
        encoding="cp949",
        second_instant="%Y%m%d%H%M%S",
        tears=(Flaw.EXTRA_COLUMN,),
        columns=(
            Column("line_id", headers=("line_id", "회선번호", "line_id  ")),
            Column("msisdn", "phone", ("msisdn", "전화번호", "전화번호 "), _bad_number("'전화번호 없음'")),
            Column("provider"),
            Column("plan_code", headers=("plan_code", "요금제", "요금제  ")),
            Column("monthly_fee", "money"),
            Column("line_type"),
            Column("contract_kind"),
            Column("activated_on", "day", breaks=(_EMPTY,)),
            Column("contract_start_on", "day", breaks=(Break(Flaw.BAD_DATE, "'2025-02-30'"),)),
            Column(
                "contract_end_on",
                "day",
                breaks=(Break(Flaw.OUT_OF_ORDER, "(contract_start_on - 1)::varchar", "contract_start_on is not null"),),
            ),
            Column("etf", "money"),
            Column("status", breaks=_unknown("'확인중'")),
            Column("termination_reason", breaks=_missing_where("status = 'TERMINATED'")),
            Column("birth_year", "count", breaks=(Break(Flaw.TOO_LARGE, "'9999'"),)),
            Column("region_code"),
            Column("changed_at", "instant"),
            Column("sales_channel"),
            Column("dealer_code"),
            Column("account"),
        ),
    ),
    FeedFormat(
        feed="termination_fees",
        delimiter=",",
        money="amount",
        columns=(
            Column("fee_event_id"),
            Column("line_id", breaks=(_EMPTY,)),
            Column("event", breaks=_unknown("'PENDING'")),
            Column("reason", breaks=_missing_where("event in ('REFUND_REQUESTED', 'REFUND_REFUSED')")),
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
        columns=(
            Column("payment_id"),
            Column("event_seq", "count"),
            Column("line_id"),
            Column("msisdn", "phone", breaks=_bad_number("'0'")),
            Column("product"),
            Column("merchant_id", breaks=(_EMPTY,)),
            Column("merchant_category", headers=("merchant_category", "merchant_category ")),
            Column("amount", "money"),
            Column("auth_method"),
            Column("is_ars_call_complete", "flag", breaks=(Break(Flaw.BAD_FLAG, "'?'"),)),
            Column("cell_id", breaks=(Break(Flaw.KEY_CONFLICT, "'KTM' || copy_no"),)),
            Column("monthly_limit", "money", breaks=(Break(Flaw.BAD_QUANTITY, "'1.0E+06'"),)),
            Column("limit_raised_at", "instant"),
            Column("status", breaks=_unknown("'timeout'")),
            Column("occurred_at", "instant", breaks=(Break(Flaw.BAD_INSTANT, "'0'"),)),
        ),
    ),
    FeedFormat(
        feed="payment_disputes",
        delimiter=";",
        after="payments",
        money="refunded_amount",
        columns=(
            Column("dispute_id"),
            Column("event_seq", "count"),
            Column("payment_id", breaks=(_EMPTY,)),
            Column("status", headers=("status", " status"), breaks=_unknown("'?'")),
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
        tears=(Flaw.EXTRA_COLUMN, Flaw.MISSING_COLUMN, Flaw.LONG_LINE),
        columns=(
            Column("msisdn", "phone", breaks=_bad_number("'+82'")),
            Column("cell_id", headers=("cell_id", "cell_id "), breaks=(_EMPTY,)),
            Column("region_code"),
            Column("hour_start", "instant"),
            Column("attach_count", "count", breaks=(Break(Flaw.TOO_SMALL, "'0'"),)),
            Column("first_seen_at", "instant"),
            Column(
                "last_seen_at",
                "instant",
                breaks=(Break(Flaw.OUT_OF_ORDER, "(hour_start + interval 2 hour)::varchar"),),
            ),
        ),
    ),
    FeedFormat(
        feed="sim_changes",
        delimiter="|",
        second_instant="%Y%m%d%H%M%S",
        columns=(
            Column("msisdn", "phone", breaks=_bad_number("'unknown'")),
            Column("changed_at", "instant", breaks=(_EMPTY,)),
            Column("channel"),
        ),
    ),
    FeedFormat(
        feed="alert_dispositions",
        delimiter=";",
        after="payments",
        columns=(
            Column("case_id", breaks=(_EMPTY,)),
            Column("disposition", breaks=_unknown("'REVIEW'")),
            Column("decided_at", "instant", dialects=False),
            Column("analyst"),
        ),
    ),
    FeedFormat(
        feed="retention_contacts",
        delimiter=",",
        columns=(
            Column("line_id", breaks=(_EMPTY,)),
            Column("offer", headers=("offer", "offer ")),
            Column("arm", breaks=_unknown("'?'")),
            Column("contacted_at", "instant"),
            Column("outcome"),
            Column("cost_amount", "money"),
        ),
    ),
)
