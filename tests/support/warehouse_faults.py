"""A small warehouse that dbt builds, and what can be wrong in it behind clean deliveries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import duckdb

from tests.support.dbt_warehouse import Warehouse
from tests.support.feeds import FEEDS

# Four thousand ports over twenty days to Christmas and New Year, and what billing and payments know of them.
WORLD = """
    create temp table port as
    select
        i,
        'P' || lpad(i::varchar, 8, '0') as port_id,
        md5('number' || i)::uuid as number_key,
        if(i % 3 = 0, 'SKT', 'KT') as donor,
        case i % 3 when 0 then 'KT' when 1 then 'SKT' else 'LGU_MVNO' end as recipient,
        day,
        if(dayofweek(day) = 0 or day = '2026-01-01', day + 1, day) as booked_on
    from (select i, date '2025-12-22' + (i % 20)::integer as day from range(4000) as t(i));

    -- a few went back where they had come from
    insert into port
    select i, 'R' || lpad(i::varchar, 8, '0'), number_key, recipient, donor, day + 5, day + 5
    from port where i % 600 in (0, 80);

    create temp table event as
    select *, 1 as seq, 'REQUESTED' as status, day + interval 9 hour as at_, day as dt from port
    union all
    select *, 2, 'COMPLETED', booked_on + interval 11 hour, booked_on from port
    union all
    select *, 3, 'WITHDRAWN', booked_on + interval '5 days 11 hours', booked_on + 5 from port where i % 100 = 7;

    insert into raw.portability_events__all_revisions by name
    select
        port_id, seq as event_seq, number_key, donor as donor_provider, donor as donor_network,
        recipient as recipient_provider, replace(recipient, '_MVNO', '') as recipient_network, 'HANDSET' as line_type,
        status, (day + interval 9 hour)::timestamptz as requested_at, at_::timestamptz as status_at,
        if(status = 'COMPLETED', booked_on, null) as processed_on,
        if(i % 4 = 0, 'DEALER', 'ONLINE') as sales_channel, if(i % 4 = 0, 'D1', null) as dealer_code, dt, 1 as rev
    from event;

    -- some are rejected
    insert into raw.portability_events__all_revisions by name
    select
        'X' || i as port_id, seq as event_seq, md5('asked' || i)::uuid as number_key, 'KT' as donor_provider,
        'KT' as donor_network, 'SKT' as recipient_provider, 'SKT' as recipient_network, 'HANDSET' as line_type,
        if(seq = 1, 'REQUESTED', 'REJECTED') as status, if(seq = 2, 'UNPAID_BILL', null) as reject_code,
        (day + interval 9 hour)::timestamptz as requested_at,
        (day + interval 8 hour + seq * interval 1 hour)::timestamptz as status_at,
        day as dt, 1 as rev
    from (select i, date '2025-12-22' + (i % 20)::integer as day from range(40) as t(i)), range(1, 3) as s(seq);

    insert into raw.subscriptions__all_revisions
    select
        md5('line' || i)::uuid, number_key, 'KT', 'P1', 50000, 'HANDSET', 'SUBSIDY', date '2025-01-01',
        date '2025-01-01', date '2027-01-01',
        case when s = 1 then 100000 when booked_on + 1 < '2025-12-27' then 72000 else 67000 end,
        if(s = 1, 'ACTIVE', 'TERMINATED'), if(s = 2, 'PORT_OUT', null),
        '30-39', '11', if(s = 1, '2025-01-01', (booked_on + 1)::varchar)::timestamp::timestamptz, null, null,
        md5('account' || i // 2)::uuid,
        if(s = 1, date '2025-12-22', booked_on + 1), 1
    from port, range(1, 3) as t(s)
    where donor = 'KT' and i % 7 < 4;

    insert into raw.subscriptions__all_revisions
    select
        md5('stays' || i)::uuid, md5('quiet' || i)::uuid, 'KT', 'P1', 50000, 'HANDSET', 'SUBSIDY', date '2024-01-01',
        date '2024-01-01', date '2026-01-01', 50000, 'ACTIVE', null, '30-39', '11',
        timestamp '2024-01-01 00:00:00'::timestamptz, null, null, null, date '2025-12-22', 1
    from range(40) as t(i);

    -- two dealers, one of which opens lines that do not stay
    insert into raw.subscriptions__all_revisions
    select
        md5('sold' || i)::uuid, md5('sold number' || i)::uuid, 'KT', 'P1', 50000, 'HANDSET', 'NONE', date '2025-12-23',
        null, null, 0, if(s = 1, 'ACTIVE', 'TERMINATED'), if(s = 2, 'VOLUNTARY', null), '30-39', '11',
        (date '2025-12-23' + (6 * s::integer - 6))::timestamp::timestamptz, 'DEALER', 'D' || i % 2, null,
        date '2025-12-23' + (6 * s::integer - 6), 1
    from range(40) as t(i), range(1, 3) as u(s)
    where s = 1 or i % 2 = 0;

    insert into raw.payments__all_revisions
    select
        'Y' || i, 1, if(i % 3 > 0 and i % 7 < 4, md5('line' || i)::uuid, null), md5('number' || i)::uuid,
        'MICROPAYMENT', 'M1', 'GAME', 1000, 'ARS', true,
        if(i % 19 = 3, 'ROGUE', 'C' || (i % 50)), 500000, null, 'SUCCEEDED',
        (day + interval 13 hour)::timestamptz, day, 1
    from (select i, date '2025-12-22' + (i % 20)::integer as day from range(3000) as t(i));

    insert into raw.payment_disputes__all_revisions
    select
        'D' || i, s, 'Y' || i, if(s = 1, 'OPENED', 'CONFIRMED_FRAUD'), if(s = 1, 0, 1000),
        (date '2026-01-12' + s::integer)::timestamp::timestamptz, date '2026-01-12' + s::integer, 1
    from range(3000) as t(i), range(1, 3) as u(s)
    where i % 19 = 3 and i % 209 <> 41;  -- of some robbed payments, nobody has complained yet

    -- robbed during the breach of the summer before
    insert into raw.payments__all_revisions
    select
        'Z' || i, 1, md5('line' || i)::uuid, md5('number' || i)::uuid, 'MICROPAYMENT', 'M2', 'GAME', 1000, 'ARS', true,
        'C5', 500000, null, 'SUCCEEDED', timestamptz '2025-08-20 13:00:00', date '2025-08-20', 1
    from range(300) as t(i)
    where i % 3 > 0 and i % 7 < 4 and i % 19 <> 3;

    insert into raw.payment_disputes__all_revisions
    select
        'E' || payment_id, s, payment_id, if(s = 1, 'OPENED', 'CONFIRMED_FRAUD'), if(s = 1, 0, 1000),
        (date '2025-09-01' + s::integer)::timestamp::timestamptz, date '2025-09-01' + s::integer, 1
    from raw.payments__all_revisions, range(1, 3) as u(s)
    where payment_id like 'Z%';

    insert into raw.cell_registry__all_revisions
    select 'C' || i, if(i < 40, 'MACRO', 'FEMTO'), '11', date '2020-01-01', null, date '2025-12-22' + d::integer, 1
    from range(50) as t(i), range(20) as u(d);

    insert into raw.cell_attachments__all_revisions
    select
        md5('number' || i)::uuid, 'C' || (40 + i // 20 % 10), '11', hour_start, 1 + i % 5,
        hour_start + interval 1 minute, hour_start + interval 50 minute, hour_start::date, 1
    from (
        select i, (date '2025-12-22' + (i % 20)::integer + interval 18 hour)::timestamptz as hour_start
        from range(4000) as t(i)
    );

    insert into raw.sim_changes__all_revisions
    -- most numbers get another SIM once their port is done, and before they pay
    select md5('number' || i)::uuid, (day + interval 12 hour)::timestamptz, 'SHOP', day, 1
    from (select i, date '2025-12-22' + (i % 20)::integer as day from range(4000) as t(i));

    insert into raw.alert_dispositions__all_revisions
    select
        'case-Y' || i, if(i % 2 = 0, 'CONFIRMED', 'WATCH'), (date '2026-01-12' + interval 15 hour)::timestamptz,
        md5('analyst')::uuid, date '2026-01-12', 1
    from range(3, 3000, 19) as t(i);

    insert into raw.termination_fees__all_revisions
    select 'F' || line_key, line_key, 'CHARGED', null, etf, changed_at + interval 1 hour, dt, rev
    from raw.subscriptions__all_revisions where status = 'TERMINATED';

    insert into raw.invoices__all_revisions
    select
        'B' || line_key, line_no, line_key, date '2025-12-01', charge_kind, amount, 37500, date '2026-01-08',
        date '2026-01-08', 1
    from
        raw.subscriptions__all_revisions,
        (values (1, 'RECURRING', 50000), (2, 'DISCOUNT', -12500)) as c(line_no, charge_kind, amount)
    where status = 'ACTIVE';

    insert into raw.retention_contacts__all_revisions
    select
        md5('line' || i)::uuid, if(i % 2 = 0, 'A', 'B'), if(i % 10 < 7, 'CALL', 'HOLD_OUT'),
        timestamptz '2025-12-11 10:00:00', if(i % 10 < 7, 'DECLINED', 'NOT_CALLED'), 2500, date '2025-12-11', 1
    from port
    where donor = 'KT' and i % 7 < 4;

    insert into raw.provider_line_counts__all_revisions
    select month, provider, 'HANDSET', 1000000, month + 40, 1
    from (values (date '2025-10-01'), (date '2025-11-01')) as m(month), (values ('KT'), ('SKT')) as p(provider);

    -- KT's own books of the ports to and from itself
    insert into raw.provider_port_records__all_revisions by name
    select
        'KT' as reporter, port_id, donor_provider, recipient_provider, max_by(status, event_seq) as status,
        max(processed_on) as processed_on, max(dt) as dt, 1 as rev
    from raw.portability_events__all_revisions
    where 'KT' in (donor_provider, recipient_provider)
    group by port_id, donor_provider, recipient_provider;
"""


@contextmanager
def build_world(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The world, built by dbt."""
    warehouse = Warehouse.create(folder)
    with warehouse.connect() as con:
        con.execute(WORLD)
        for feed in FEEDS:
            con.execute(
                f"insert into raw.revision select distinct '{feed}', dt, rev, (dt + 1)::timestamp::timestamptz, true "
                f"from raw.{feed}__all_revisions"
            )
    warehouse.build_models()
    with warehouse.connect() as con:
        yield con


class WarehouseFault(NamedTuple):
    """SQL that plants a fault; `{here}` is a place: one row's key (`one`), or everywhere."""

    story: str
    relation: str
    expectation: str
    sql: str
    one: str | None = None


_PORTS, _LINES = "int_port_latest", "int_subscription_interval"
_PAYMENTS, _VERDICTS = "int_payment_latest", "int_payment_verdict"
_INVOICE = "invoice_id = (select min(invoice_id) from intermediate.int_invoice)"
_DRIFT = (
    "insert into fraud.feature_drift values ('2026-01-01', 'amount', 'the amount', {payments}, true, {index}, 'LARGE')"
)
#: Rows of both detectors for both scopes.
_CHALLENGER = (
    "insert into fraud.challenger_quality by name select scope, date '2025-11-01' as month, detector, 30 as days, "
    "{payments} as payments, 5 as frauds, 100 as top_k, 1 as frauds_found, 0.1 as card_precision_pct "
    "from (values ('RULES'), ('SCORE')) as d(detector), (values ('MONTH'), ('TO_DATE')) as s(scope)"
)
_PORT, _LINE, _PAYMENT = "port_id = 'P00000107'", "line_key = md5('line1')::uuid", "payment_id = 'Y3'"
WAREHOUSE_FAULTS = [
    WarehouseFault("a few ports from a provider that nobody knows, then all of them",
        _PORTS, "donor_known",
        "update intermediate.int_port_latest set donor_group = 'UNKNOWN' where {here}", _PORT,
    ),
    WarehouseFault("a few ports to a provider that nobody knows, then all of them",
        _PORTS, "recipient_known",
        "update intermediate.int_port_latest set recipient_group = 'UNKNOWN' where {here}", _PORT,
    ),
    WarehouseFault("donor read into the recipient's column",
        _PORTS, "donor_is_not_recipient",
        "update intermediate.int_port_latest set recipient_provider = donor_provider where {here}", _PORT,
    ),
    WarehouseFault("the time of the state in another zone than that of the request",
        _PORTS, "state_after_request",
        "update intermediate.int_port_latest set status_at = requested_at - interval 1 hour where {here}", _PORT,
    ),
    WarehouseFault("the clearing house's times shifted by a zone, over midnight",
        _PORTS, "requested_booked_delivered",
        "update intermediate.int_port_latest set requested_at = requested_at + interval 16 hour where {here}", _PORT,
    ),
    WarehouseFault("ports booked under a day before their request",
        _PORTS, "requested_booked_delivered",
        "update intermediate.int_port_latest set processed_on = processed_on - 3 where {here}", _PORT,
    ),
    WarehouseFault("withdrawals whose completion was never delivered",
        _PORTS, "withdrawn_was_completed",
        "update intermediate.int_port_latest set is_completed = false where is_withdrawn and {here}", _PORT,
    ),
    WarehouseFault("another process reported under the name of withdrawal, weeks later",
        _PORTS, "withdrawn_within_14_days",
        "update intermediate.int_port_latest set status_at = status_at + interval 10 day where {here}", _PORT,
    ),
    WarehouseFault("ports delivered again under new port identifiers",
        _PORTS, "a_number_leaves_where_it_is",
        "insert into intermediate.int_port_latest by name "
        "select * replace ('again' || port_id as port_id, processed_on + 1 as processed_on) "
        "from intermediate.int_port_latest where not is_withdrawn and {here}", "port_id = 'P00000108'",
    ),
    WarehouseFault("two numbers under one pseudonym, or numbers given out twice",
        _LINES, "one_line_per_number",
        "insert into intermediate.int_subscription_interval by name "
        "select * replace (md5(line_key::varchar)::uuid as line_key, valid_from + interval 1 day as valid_from) "
        "from intermediate.int_subscription_interval where {here}", _LINE,
    ),
    WarehouseFault("line identifiers reused for new customers",
        _LINES, "terminated_for_good",
        "insert into intermediate.int_subscription_interval by name "
        "select * replace ('ACTIVE' as status, valid_from + interval 20 day as valid_from) "
        "from intermediate.int_subscription_interval where status = 'TERMINATED' and {here}", _LINE,
    ),
    WarehouseFault("lines that change before they are activated",
        _LINES, "changed_after_activated",
        "update intermediate.int_subscription_interval set activated_on = '2026-03-01' where {here}", _LINE,
    ),
    WarehouseFault("payments' times shifted by half a day: nights become days",
        _PAYMENTS, "happened_before_delivered",
        "update intermediate.int_payment_latest set occurred_at = occurred_at + interval 12 hour where {here}",
        _PAYMENT,
    ),
    WarehouseFault("amounts in thousandths of the currency",
        _PAYMENTS, "within_the_limit",
        "update intermediate.int_payment_latest set amount = amount * 1000 where {here}", _PAYMENT,
    ),
    WarehouseFault("a day of payments missing behind the disputes about them",
        _VERDICTS, "disputed_payment_known",
        # complaints of the first sixty days may be about payments from before them
        "update raw.payments__all_revisions set payment_id = 'X' || payment_id where {here}; "
        "update intermediate.int_payment_verdict set first_disputed_at = first_disputed_at + interval 60 day, "
        "verdict_at = verdict_at + interval 60 day where {here}",
        _PAYMENT,
    ),
    WarehouseFault("verdicts dated before their complaints",
        _VERDICTS, "decided_after_disputed",
        "update intermediate.int_payment_verdict set verdict_at = verdict_at - interval 9 day where {here}", _PAYMENT,
    ),
    WarehouseFault("cells listed before they were registered",
        "stg_network__cells", "registered_when_listed",
        "update raw.cell_registry__all_revisions set registered_on = '2026-06-01' where {here}",
        "cell_id = 'C1' and dt = '2025-12-22'",
    ),
    WarehouseFault("the core's hours shifted by half a day",
        "stg_network__cell_attachments", "attached_before_delivered",
        "update raw.cell_attachments__all_revisions set hour_start = hour_start + interval 12 hour where {here}",
        "number_key = md5('number3')::uuid",
    ),
    WarehouseFault("numbers on a cell that nobody listed: the incident, and the gate stays open",
        "stg_network__cell_attachments", "cells_listed",
        "update raw.cell_attachments__all_revisions set cell_id = 'ROGUE' where cell_id = 'C41'",
    ),
    WarehouseFault("the core names all its cells in another way than the registry",
        "stg_network__cell_attachments", "unlisted_cells_are_few",
        "update raw.cell_attachments__all_revisions set cell_id = number_key::varchar",
    ),
    WarehouseFault("macro cells among the femtocells",
        "stg_network__cell_attachments", "macro_cells_left_out",
        "update raw.cell_attachments__all_revisions set cell_id = 'C1' where dt = '2025-12-22'",
    ),
    WarehouseFault("SIM changes' times shifted by half a day, over midnight",
        "stg_network__sim_changes", "changed_before_delivered",
        "update raw.sim_changes__all_revisions set changed_at = changed_at + interval 14 hour where {here}",
        "number_key = md5('number9')::uuid",
    ),
    WarehouseFault("test numbers among the SIM changes, or many numbers under one pseudonym",
        "stg_network__sim_changes", "numbers_change_rarely",
        "update raw.sim_changes__all_revisions set number_key = md5('number9')::uuid",
    ),
    WarehouseFault("decisions dated after their delivery",
        "stg_desk__dispositions", "decided_before_delivered",
        "update raw.alert_dispositions__all_revisions set decided_at = decided_at + interval 1 day where {here}",
        "case_id = 'case-Y3'",
    ),
    WarehouseFault("calls of lines that billing has never told of",
        "stg_retention__contacts", "lines_known",
        "update raw.retention_contacts__all_revisions set line_key = md5(line_key::varchar)::uuid where {here}", _LINE,
    ),
    WarehouseFault("calls of those who were to be left alone",
        "stg_retention__contacts", "held_out_are_left_alone",
        "update raw.retention_contacts__all_revisions set arm = 'HOLD_OUT', outcome = 'DECLINED' where {here}", _LINE,
    ),
    WarehouseFault("lines counted for two dealers",
        "dealer_early_churn", "lines_are_billings",
        "update churn.dealer_early_churn set activations = 3 * activations",
    ),
    WarehouseFault("a dealer of which more ends than it opened",
        "dealer_early_churn", "ended_within_followed",
        "update churn.dealer_early_churn set ended_early = activations + 1",
    ),
    WarehouseFault("a line drawn with two offers",
        "offer_effect", "offers_add_up",
        "update churn.offer_effect set lines_called = lines_called + 1 where offer = 'A'",
    ),
    WarehouseFault("a line that counts once for each call",
        "offer_effect", "lines_are_the_lists",
        "update churn.offer_effect set lines_called = 2 * lines_called",
    ),
    WarehouseFault("invoices whose rows do not add up",
        "int_invoice", "rows_add_up",
        "update intermediate.int_invoice set lines_amount = lines_amount + 100 where {here}", _INVOICE,
    ),
    WarehouseFault("invoices of lines that billing has never told of",
        "int_invoice", "lines_known",
        "update intermediate.int_invoice set line_key = md5(invoice_id)::uuid where {here}", _INVOICE,
    ),
    WarehouseFault("fees without a line",
        "int_termination_fee", "lines_known",
        "update intermediate.int_termination_fee set line_key = md5(line_key::varchar)::uuid where {here}", _LINE,
    ),
    WarehouseFault("refunds whose charge was never delivered",
        "int_termination_fee", "charged_before_refunded",
        "update intermediate.int_termination_fee set fee_no = 0, charged_amount = 0 where {here}", _LINE,
    ),
    WarehouseFault("refunds booked twice",
        "int_termination_fee", "refunded_within_charge",
        "update intermediate.int_termination_fee set refunded_amount = 2 * charged_amount where {here}", _LINE,
    ),
    WarehouseFault("more paid back than was asked for",
        "waiver_refunds", "refunds_within_requests",
        "update churn.waiver_refunds set refunded_amount = requested_amount + 1",
    ),
    WarehouseFault("a waiver's refunds booked for another one",
        "waiver_refunds", "refunds_reconcile",
        "update intermediate.int_termination_fee set refunded_amount = 1, waiver_code = 'KT_WAIVER_2026'",
    ),
    WarehouseFault("answers to requests that were never delivered",
        "waiver_refunds", "answered_after_asked",
        "update churn.waiver_refunds set undecided = -1",
    ),
    WarehouseFault("covered claims that are neither paid, refused, lapsed nor open",
        "waiver_refunds", "liability_adds_up",
        "update churn.waiver_refunds set claims_open = claims_open + 1",
    ),
    WarehouseFault("claims that a waiver covers, and that its liability lacks",
        "waiver_refunds", "covered_are_the_claims",
        "delete from churn.waiver_refunds where date_day > '2026-01-02'",
    ),
    WarehouseFault("a day's claims that the liability has not seen",
        "refund_liability", "liability_is_the_refunds",
        "update churn.refund_liability set claims_covered_amount = claims_covered_amount - 1 where claims_covered > 0",
    ),
    WarehouseFault("an expectation below what has been asked back already",
        "refund_liability", "expected_is_no_less_than_asked",
        "update churn.refund_liability set expected_claims = claims_asked - 1",
    ),
    WarehouseFault("refunds refused to customers whom no rule excludes",
        "waiver_refunds", "rules_agree",
        "update churn.waiver_refunds set refused = 5, refused_though_covered = 1",
    ),
    WarehouseFault("departures that an incident's revenue counts twice",
        "revenue_lost", "departures_are_the_headline",
        "update churn.revenue_lost set departures = 2 * departures",
    ),
    WarehouseFault("fees that a waiver covers and that nobody was charged",
        "revenue_lost", "covered_and_refunded_were_charged",
        "update churn.revenue_lost set etf_covered_sum = etf_charged_sum + 1",
    ),
    WarehouseFault("a day's departures that the revenue by day left out",
        "revenue_daily", "last_day_is_the_revenue_lost",
        "update churn.revenue_daily set monthly_fee_sum = monthly_fee_sum - 1, "
        "departures_with_line = departures_with_line - 1 where departures_with_line > 0",
    ),
    WarehouseFault("more departures with a line than departures",
        "revenue_daily", "only_grows",
        "update churn.revenue_daily set departures_with_line = departures + 1",
    ),
    WarehouseFault("lines that ended and still count as here",
        "revenue_at_risk", "lines_are_those_that_started_less_those_that_ended",
        "update churn.revenue_at_risk set lines = lines + 1",
    ),
    WarehouseFault("tariffs with another schedule of fees than the reference table's",
        "revenue_at_risk", "schedule_gives_the_fees_that_billing_charged",
        "update reference.etf_schedule set due_pct = due_pct / 2",
    ),
    WarehouseFault("an estimate from other sums than those that the marts show",
        "incident_amount", "covered_sums_are_the_marts",
        "update churn.incident_amount set covered_sum = covered_sum + 1",
    ),
    WarehouseFault("an estimate above a sum that is complete",
        "incident_amount", "all_covered_is_no_estimate",
        "update churn.incident_amount set units_covered = units, estimate = covered_sum + 1",
    ),
    WarehouseFault("a regulator's month that lost a third of the lines",
        "stg_regulator__line_counts", "lines_change_slowly",
        "update raw.provider_line_counts__all_revisions set lines = lines * 0.7 where month = '2025-11-01'",
    ),
    WarehouseFault("the regulator's figures in thousands",
        "stg_regulator__line_counts", "lines_in_one_unit",
        "update raw.provider_line_counts__all_revisions set lines = lines / 1000 where month = '2025-11-01'",
    ),
    WarehouseFault(
        "a fact that an update forgot",
        "fct_port", "facts_are_the_latest_ports",
        "update churn.fct_port set status = 'REQUESTED' where " + _PORT,
    ),
    WarehouseFault(
        "ports joined to lines that were activated afterwards",
        "fct_port", "line_older_than_its_port",
        "update churn.fct_port set tenure_days = -1 where {here}", _PORT,
    ),
    WarehouseFault(
        "withdrawn ports counted twice",
        "port_flow_daily", "withdrawn_within_ports",
        "update churn.port_flow_daily set withdrawn = ports + 1",
    ),
    WarehouseFault("a restated day whose flows were not counted again",
        "port_flow_daily", "flows_are_the_facts",
        "delete from churn.port_flow_daily where processed_on = '2026-01-03'",
    ),
    WarehouseFault("requests booked under a day that the flows count elsewhere",
        "port_pipeline_daily", "completed_are_the_flow",
        "update churn.port_pipeline_daily set completed = completed + 1 where completed > 0",
    ),
    WarehouseFault("requests that were completed and still wait",
        "port_pipeline_daily", "what_waits_adds_up",
        "update churn.port_pipeline_daily set open_requests = open_requests + 1",
    ),
    WarehouseFault("rejections of a code that nobody reads",
        "port_rejection_daily", "codes_add_up_to_the_rejected",
        "update churn.port_pipeline_daily set rejected = rejected + 1 where date_day = '2026-01-03'",
    ),
    WarehouseFault("a group that the market's shares leave out",
        "market", "shares_make_a_whole",
        "update churn.market set is_whole = true, share_pct = 40, share_handset_pct = 40",
    ),
    WarehouseFault("lines counted twice beside the regulator's",
        "market", "lines_are_the_regulators",
        "update churn.market set lines = 2 * lines; insert into churn.provider_monthly by name "
        "select month, provider_group, true as is_complete, 1 as lines, 1 as lines_handset, 0 as port_ins, "
        "0 as port_outs, 0 as net_adds, 0 as port_ins_withdrawn, 0 as port_outs_withdrawn, "
        "0 as port_ins_net_of_withdrawn, 0 as port_outs_net_of_withdrawn, 0 as port_outs_handset, "
        "0 as port_outs_to_mno from churn.market",
    ),
    WarehouseFault("a destination missing from the matrix",
        "market_flow", "departures_are_the_months",
        "delete from churn.market_flow where recipient_group = 'SKT'",
    ),
    WarehouseFault("ports that one side gains and no other loses",
        "market_flow", "what_one_gains_another_loses",
        "update churn.market_flow set net_ports = abs(net_ports)",
    ),
    WarehouseFault("departures of which nobody follows whether they return",
        "return_curve", "departures_are_the_facts",
        "delete from churn.return_curve where destination_group = 'SKT'",
    ),
    WarehouseFault("returns that are taken back a month later",
        "return_curve", "curves_only_rise",
        "update churn.return_curve set return_incidence_low_pct = return_incidence_pct + 1",
    ),
    WarehouseFault("a day's departures whose revenue is counted twice",
        "revenue_flow", "ports_are_the_days",
        "update churn.revenue_flow set ports = 2 * ports where date_day = '2026-01-03'",
    ),
    WarehouseFault("departures whose line was found by one mart alone",
        "revenue_flow", "covered_departures_are_the_coverage",
        "update churn.revenue_flow set ports_with_line = ports_with_line + 1 where direction = 'OUT'",
    ),
    WarehouseFault("a tariff missing from the month's revenue",
        "revenue_flow_plan", "months_are_the_days",
        "update churn.revenue_flow_plan set monthly_fee_sum = monthly_fee_sum + 1",
    ),
    WarehouseFault("departures that a trait counts twice",
        "departure_profile", "traits_add_up_to_the_headline",
        "update churn.departure_profile set departures = departures + 1",
    ),
    WarehouseFault("lines at risk under two values of a trait",
        "departure_profile", "traits_are_of_the_same_lines",
        "update churn.departure_profile set lines_at_risk = 2 * lines_at_risk where trait = 'PLAN'",
    ),
    WarehouseFault("a line scored that billing does not have",
        "line_propensity", "lines_are_billings",
        "insert into churn.line_propensity values "
        "(md5('nobody')::uuid, null, '2026-01-11', '2026-01-01', 50000, 0.01, null, 1, 'SKT')",
    ),
    WarehouseFault("log-odds in the place of probabilities",
        "line_propensity", "probabilities_are_some",
        "insert into churn.line_propensity "
        "select line_key, null, '2026-01-11', '2026-01-01', 50000, -4.6, null, 1, 'SKT' "
        "from core.dim_line where status <> 'TERMINATED' limit 1",
    ),
    WarehouseFault("a list of more calls than the desk can make",
        "call_list", "within_the_desks_day",
        "insert into churn.call_list select '2026-01-11', i, md5('line' || i)::uuid, null, 'CALL', 0.01, null, 50000, "
        "6000, 1200, 'SKT', 'age: 20-29' from range(101) as t(i)",
    ),
    WarehouseFault("a call to somebody whom no model has scored",
        "call_list", "listed_are_scored",
        "insert into churn.call_list values ('2026-01-11', 1, md5('nobody')::uuid, null, 'CALL', 0.01, null, 50000, "
        "6000, 1200, 'SKT', 'age: 20-29')",
    ),
    WarehouseFault("a decile that the month's quality left out",
        "propensity_calibration", "deciles_are_the_month",
        "insert into churn.propensity_calibration values "
        "('2025-11-01', 1, true, 100, 6, 5.5, 5.5, 2.0, 9.0, 6.0, 3.0, 9.0, true, true, 1.0)",
    ),
    WarehouseFault("a model that ranks those highest who stay",
        "propensity_quality", "better_than_blind",
        "insert into churn.propensity_quality values ('2025-11-01', true, 1000, 60, 55.0, 6.0, 0.4, 0.5, 0.6, 2, 9)",
    ),
    WarehouseFault("a fit that gives victims a certainty of leaving",
        "propensity_quality", "level_of_the_month",
        "insert into churn.propensity_quality values ('2025-11-01', true, 1000, 60, 107.0, 6.0, 0.6, 0.5, 2.2, 8, 9)",
    ),
    WarehouseFault("pairs of lines counted twice",
        "propensity_quality", "auc_in_range",
        "insert into churn.propensity_quality values ('2025-11-01', true, 1000, 60, 55.0, 6.0, 1.4, 0.5, 3.0, 9, 9)",
    ),
    WarehouseFault("ports that two channels claim",
        "channel_daily", "channels_add_up_to_the_flow",
        "insert into churn.channel_daily by name select * replace ('ONLINE' as sales_channel) from churn.channel_daily",
    ),
    WarehouseFault("dealers that sold more than was sold",
        "dealer_monthly", "dealers_within_the_channels",
        "insert into churn.dealer_monthly values "
        "('2026-01-01', 'KT', 'SKT', 'D1', 'DEALER', 100000, 0, '2026-01-05', 9, 0.5, false)",
    ),
    WarehouseFault("a busiest day of another month",
        "dealer_monthly", "busiest_within_the_month",
        "insert into churn.dealer_monthly values "
        "('2026-01-01', 'KT', 'SKT', 'D1', 'DEALER', 9, 0, '2025-12-31', 9, 0.5, false)",
    ),
    WarehouseFault("single ports on a Sunday",
        "provider_daily", "closed_days_empty",
        "update churn.provider_daily set port_ins = 1 where date_day = '2026-01-04'",
    ),
    WarehouseFault("a busy Sunday: every day shifted by one",
        "provider_daily", "closed_days_not_busy",
        "update churn.provider_daily set port_outs = 1000 where date_day = '2026-01-04'",
    ),
    WarehouseFault("one side of the market counted twice",
        "provider_daily", "ins_are_outs",
        "insert into churn.provider_daily by name select * replace ('SKT' as provider_group) from churn.provider_daily",
    ),
    WarehouseFault(
        "departures doubled beside their flows",
        "provider_daily", "flows_add_up",
        "update churn.provider_daily set port_outs = port_outs * 2",
    ),
    WarehouseFault(
        "a share over 100 per cent",
        "incident_destination", "share_all_in_range",
        "update churn.incident_destination set share_all_pct = 101",
    ),
    WarehouseFault(
        "a share below nothing",
        "incident_destination", "share_mno_in_range",
        "update churn.incident_destination set share_mno_pct = -1",
    ),
    WarehouseFault("a destination lost from the split",
        "incident_destination", "shares_add_up",
        "delete from churn.incident_destination where destination_group = 'SKT'",
    ),
    WarehouseFault("a day on which the cumulative count starts over",
        "incident_destination", "cumulative_never_falls",
        "update churn.incident_destination set port_outs_cumulative = 0 where as_of_date = '2026-01-05'",
    ),
    WarehouseFault("a doubled headline",
        "incident_headline", "headline_is_the_facts",
        "update churn.incident_headline set port_outs_day = 2 * port_outs_day",
    ),
    WarehouseFault("one destination's rows missing beside the headline",
        "incident_headline", "destinations_add_up",
        "delete from churn.incident_destination where destination_group = 'MVNO'",
    ),
    WarehouseFault("arrivals since the start that fall",
        "incident_headline", "cumulative_never_falls",
        "update churn.incident_headline set port_ins_cumulative = 0 where as_of_date = '2026-01-05'",
    ),
    WarehouseFault("more withdrawn than left",
        "incident_headline", "withdrawn_within_departures",
        "update churn.incident_headline set port_outs_withdrawn_ever = port_outs_cumulative + 1",
    ),
    WarehouseFault("arrivals withdrawn by then that were never withdrawn",
        "incident_headline", "withdrawn_by_then_within_ever",
        "update churn.incident_headline set port_ins_withdrawn_by_as_of = port_ins_withdrawn_ever + 1",
    ),
    WarehouseFault(
        "the top share's decimal point lost",
        "incident_headline", "top_share_in_range",
        "update churn.incident_headline set top_share_all_pct = 714",
    ),
    WarehouseFault("a delivery that the restatements have not read",
        "port_restatement", "latest_is_the_flow",
        "delete from churn.port_restatement where processed_on = '2026-01-03'",
    ),
    WarehouseFault("ports of an incident lost between two models",
        "port_incident", "departures_are_the_headline",
        "delete from churn.port_incident where processed_on = '2026-01-03'",
    ),
    WarehouseFault("a month that is not the sum of its days",
        "provider_monthly", "months_are_the_days",
        "update churn.provider_monthly set port_outs = port_outs + 1 where month = '2026-01-01'",
    ),
    WarehouseFault("a churn rate that misses the lines that ported out",
        "provider_monthly", "billing_knows_who_left",
        "update churn.provider_monthly set terminations = 1",
    ),
    WarehouseFault("lines that depart from two cohorts",
        "retention_cohort", "departures_are_the_lines",
        "update churn.retention_cohort set departed = departed + 1",
    ),
    WarehouseFault("other endings that are also counted as departures",
        "retention_cohort", "shares_make_a_whole",
        "update churn.retention_cohort set departure_incidence_pct = departure_incidence_pct + 1",
    ),
    WarehouseFault("an effect held against other departures than the headline's",
        "waiver_effect", "actual_is_the_headline",
        "update churn.waiver_effect set port_outs_cumulative = port_outs where date_day = '2026-01-05'",
    ),
    WarehouseFault("no baseline, and no word why",
        "waiver_effect", "baseline_or_a_reason",
        "update churn.waiver_effect set note = null",
    ),
    WarehouseFault("an estimate that knows what was told later",
        "incident_nowcast", "known_is_what_was_told_by_then",
        "update churn.incident_nowcast set known = known - 1 where target = 'PORT_OUTS_FINAL'",
    ),
    WarehouseFault("an interval that does not hold its estimate",
        "incident_nowcast", "intervals_are_nested",
        "update churn.incident_nowcast set high_50 = low_50 - 1",
    ),
    WarehouseFault("a track record against another number than the printed one",
        "incident_nowcast_quality", "actual_is_the_headline",
        "insert into churn.incident_nowcast_quality select incident_id, as_of_date, target, false, processing_day, "
        "processing_days, estimate, estimate + 1, 0.0, true, true, true from churn.incident_nowcast "
        "where target = 'PORT_OUTS_FINAL'",
    ),
    WarehouseFault("lines that are victims and controls at once",
        "breach_churn", "no_line_counted_twice",
        "update fraud.breach_churn set line_days = 3 * line_days",
    ),
    WarehouseFault("departures of a breach's lines that portability does not know",
        "breach_churn", "departures_within_the_flow",
        "delete from intermediate.int_port_latest where donor_group = 'KT' and port_id not like '%00'",
    ),
    WarehouseFault("a departure on the waiver's first day, counted before and during it",
        "breach_churn", "periods_add_up",
        "update fraud.breach_churn set departures = departures + 1 where period = 'DURING_WAIVER'",
    ),
    WarehouseFault("a hazard ratio from a model that did not converge",
        "breach_churn", "ratio_within_its_interval",
        "update fraud.breach_churn set hazard_ratio_high = 'infinity' where line_group = 'VICTIM'",
    ),
    WarehouseFault("portability and billing no longer speak of the same numbers",
        "port_coverage_daily", "lines_still_found",
        "update churn.port_coverage_daily set "
        "port_outs = 1000, line_coverage_pct = if(processed_on = '2026-01-05', 1, line_coverage_pct)",
    ),
    WarehouseFault("an alert older than its payment",
        "alert", "alerted_after_it_happened",
        "update fraud.alert set first_alerted_at = occurred_at - interval 1 minute where " + _PAYMENT,
    ),
    WarehouseFault(
        "more money back than was taken",
        "alert", "refunded_within_amount",
        "update fraud.alert set refunded_amount = 2 * amount where " + _PAYMENT,
    ),
    WarehouseFault(
        "the cell registry missing: every cell suspect",
        "alert", "suspect_cells_are_few",
        "update fraud.alert set occurred_on = '2025-12-25', cell_id = payment_id",
    ),
    WarehouseFault("alerts that are in nobody's queue",
        "case", "alerts_are_all_in_a_case",
        "delete from fraud.case where opened_on = '2025-12-26'",
    ),
    WarehouseFault("decisions about cases that we do not have",
        "case", "decisions_find_their_case",
        "update raw.alert_dispositions__all_revisions set case_id = 'case-' || md5(case_id)",
    ),
    WarehouseFault("verdicts counted twice in a case",
        "case", "decided_within_alerts",
        "update fraud.case set alerts_decided = alerts + 1",
    ),
    WarehouseFault("a cell blocked that nobody has a case of",
        "block_list", "blocked_have_a_case",
        "insert into fraud.block_list values "
        "('cell-C1', 'CELL', 'C1', null, '2026-01-13', '2026-01-12', '2026-01-20', 'DESK')",
    ),
    WarehouseFault("what the desk cleared blocked all the same",
        "block_list", "cleared_are_not_blocked",
        "update fraud.case set disposition = 'CLEARED', is_open = false",
    ),
    WarehouseFault("a registry that has lost its rows, and every cell blocked",
        "block_list", "few_cells_are_blocked",
        "insert into fraud.block_list select 'cell-C' || i, 'CELL', 'C' || i, null, '2026-01-13', '2026-01-12', "
        "'2026-01-20', 'UNREGISTERED_CELL' from range(50) as t(i)",
    ),
    WarehouseFault("a port suspected before it was asked for",
        "port_alert", "alerted_after_it_was_asked_for",
        "insert into fraud.port_alert values ('P1', md5('number')::uuid, '2025-12-26 10:00:00+09', "
        "'2025-12-25 10:00:00+09', 'SHOP', 24, 0, 0, 0, 60, 'SIM_CHANGED 60', '2025-12-26 06:00:00+09', 'REQUESTED', "
        "null, true, 'SKT', null)",
    ),
    WarehouseFault("a programme that replaces every card, and every port suspect",
        "port_alert", "suspect_ports_are_few",
        "insert into fraud.port_alert select port_id, number_key, requested_at, requested_at - interval 1 hour, "
        "'SHOP', 1, 0, 0, 0, 60, 'SIM_CHANGED 60', requested_at + interval 1 day, status, null, true, 'SKT', null "
        "from intermediate.int_port_latest where port_id not in (select port_id from fraud.port_alert)",
    ),
    WarehouseFault("round trips counted once for each port of theirs",
        "port_round_trip", "trips_are_departures",
        "insert into fraud.port_round_trip select md5('number')::uuid, 'KT', count(*), 0, true, date '2025-12-25', "
        "date '2025-12-26', 1, null from intermediate.int_port_latest",
    ),
    WarehouseFault("a number that came back before it had left",
        "port_round_trip", "came_back_after_it_left",
        "insert into fraud.port_round_trip values "
        "(md5('number')::uuid, 'KT', 1, 0, false, '2025-12-27', '2025-12-26', -1, null)",
    ),
    WarehouseFault("payments counted in two rings",
        "ring", "payments_are_in_one_ring",
        "insert into fraud.ring select 'ring-P', 2, count(*) + 1, 0, 0, 1, 0, 0, 'CELL C1', 2, now(), now(), 1, 0, 0 "
        "from intermediate.int_flagged_payment",
    ),
    WarehouseFault("a shop where everybody goes, and one ring of all victims",
        "ring", "no_ring_swallows_all",
        "insert into fraud.ring select 'ring-P', greatest(100, count(distinct party_key)), 1, 0, 0, 1, 0, 0, "
        "'MERCHANT M1', 2, now(), now(), 1, 0, 0 from intermediate.int_flagged_payment",
    ),
    WarehouseFault("decisions counted for two analysts",
        "analyst_daily", "decisions_are_counted_once",
        "insert into fraud.analyst_daily select date '2026-01-12', md5('another')::uuid, count(*), 0, 0, 1, 0, null "
        "from raw.alert_dispositions",
    ),
    WarehouseFault("alerts of a month that no detector was judged by",
        "detection_quality", "alerts_are_all_counted",
        "delete from fraud.detection_quality where month = '2025-12-01'",
    ),
    WarehouseFault("verdicts counted twice in a precision",
        "detection_quality", "outcomes_add_up",
        "update fraud.detection_quality set alerts_confirmed = alerts_confirmed + 1",
    ),
    WarehouseFault("frauds counted in the month of their verdict",
        "detection_quality", "recall_in_range",
        "update fraud.detection_quality set recall_pct = 140 where rule_id = 'ALL'",
    ),
    WarehouseFault("alerts counted among what was looked at by chance",
        "audit_quality", "audited_as_often_as_asked",
        "insert into fraud.audit_quality by name select date '2025-11-01' as month, 1000 as payments_unalerted, "
        "32 * (select 1 + audited_per_day from reference.desks where desk = 'FRAUD') as audited, 0 as alerted_since, "
        "0 as decided, 0 as confirmed",
    ),
    WarehouseFault("amounts that a feed tells in another unit since this month",
        "feature_drift", "features_have_not_moved_far", _DRIFT.format(payments=1, index=2.5),
    ),
    WarehouseFault("payments sampled twice",
        "feature_drift", "sampled_from_what_was_told", _DRIFT.format(payments=10**9, index=0.01),
    ),
    WarehouseFault("a challenger that was judged on other payments",
        "challenger_quality", "same_payments_for_both",
        _CHALLENGER.format(payments="1000 + (detector = 'SCORE')::int"),
    ),
    WarehouseFault("a month of champion and challenger that is left out",
        "challenger_quality", "months_are_all_payments_that_are_judged",
        _CHALLENGER.format(payments="1000"),
    ),
    WarehouseFault(
        "a score that is not the sum of its hits",
        "alert", "score_is_its_hits",
        "update fraud.alert set score = score + 10 where " + _PAYMENT,
    ),
    WarehouseFault(
        "disputes counted instead of confirmed frauds",
        "fraud_daily", "confirmed_within_payments",
        "update fraud.fraud_daily set confirmed = payments + 1",
    ),
    WarehouseFault(
        "a day of payments lost from the page",
        "fraud_daily", "days_are_the_facts",
        "delete from fraud.fraud_daily where date_day = '2026-01-03'",
    ),
    WarehouseFault(
        "alerts missing from the day's figures",
        "fraud_daily", "alerts_are_all_counted",
        "update fraud.fraud_daily set alerts = 0",
    ),
    WarehouseFault(
        "verdicts missing from the day's figures",
        "fraud_daily", "confirmed_are_all_counted",
        "update fraud.fraud_daily set confirmed = 0",
    ),
    WarehouseFault(
        "payments' hours shifted by a zone, in the hourly figures alone",
        "fraud_hourly", "hours_are_the_days",
        "update fraud.fraud_hourly set date_day = date_day + 1 where hour_of_day >= 13",
    ),
    WarehouseFault(
        "a victim whom nobody would tell",
        "victim", "victims_are_the_confirmed",
        "delete from fraud.victim where number_key = md5('number3')::uuid",
    ),
    WarehouseFault(
        "an unregistered cell that an update forgot",
        "unregistered_cell", "payments_are_counted_once",
        "delete from fraud.unregistered_cell where cell_id = 'ROGUE'",
    ),
    WarehouseFault(
        "more alerts on a cell than payments",
        "unregistered_cell", "numbers_within_reach",
        "update fraud.unregistered_cell set alerts = payments + 1",
    ),
    WarehouseFault(
        "robbed before exposed",
        "exposed_number", "fraud_follows_exposure",
        "update fraud.exposed_number set first_fraud_at = first_exposed_at - interval 1 hour",
    ),
    WarehouseFault(
        "cases that were decided and still count as open",
        "desk_daily", "latest_is_the_queue",
        "update fraud.desk_daily set cases_open = cases_open + 1",
    ),
    WarehouseFault(
        "alerts that become known twice",
        "desk_daily", "alerts_are_counted_once",
        "update fraud.desk_daily set alerts = alerts + 1",
    ),
    WarehouseFault(
        "a restatement that did not read the last delivery",
        "incident_restatement", "latest_is_the_cells",
        "delete from fraud.incident_restatement where known_on > '2025-12-23'; "
        "update fraud.incident_restatement set cells = cells - 1",
    ),
    WarehouseFault(
        "donor and recipient swapped for a day",
        _PORTS, "direction_as_billing_says",
        "update intermediate.int_port_latest set donor_provider = recipient_provider, donor_group = recipient_group, "
        "recipient_provider = donor_provider, recipient_group = donor_group where processed_on = '2026-01-06'",
    ),
    WarehouseFault(
        "port identifiers reused: a new port under the key of an old one",
        _PORTS, "requested_booked_delivered",
        "update intermediate.int_port_latest set first_dt = first_dt - 10 where {here}", _PORT,
    ),
    WarehouseFault(
        "payment identifiers reused",
        _PAYMENTS, "happened_before_delivered",
        "update intermediate.int_payment_latest set first_dt = first_dt - 10 where {here}", _PAYMENT,
    ),
    WarehouseFault(
        "payments charged to lines that billing does not have",
        _PAYMENTS, "line_known",
        "update intermediate.int_payment_latest set line_key = md5(payment_id)::uuid where {here}", _PAYMENT,
    ),
    WarehouseFault(
        "ports delivered that no latest state knows",
        _PORTS, "every_delivered_row_is_accounted_for",
        "update intermediate.int_port_reconciled set rows_lost = 3 where dt = '2026-01-02'",
    ),
    WarehouseFault(
        "a payment that was never delivered",
        _PAYMENTS, "every_delivered_row_is_accounted_for",
        "update intermediate.int_payment_reconciled set rows_invented = 1 where dt = '2026-01-02'",
    ),
    WarehouseFault(
        "changes of lines that an update passed over",
        _LINES, "every_delivered_row_is_accounted_for",
        "update intermediate.int_subscription_reconciled set rows_lost = 1 where dt = '2025-12-22'",
    ),
    WarehouseFault(
        "hits of a payment lost on the way",
        "rule_hit", "hits_reach_what_is_kept",
        "delete from fraud.rule_hit where rule_id <> 'UNREGISTERED_CELL' and " + _PAYMENT,
    ),
    WarehouseFault(
        "hits left over from a delivery that was taken back",
        "rule_hit", "hits_are_of_payments",
        "delete from intermediate.int_payment_latest where " + _PAYMENT,
    ),
    WarehouseFault(
        "a verdict that an update forgot",
        "payment_verdict", "the_latest_word_counts",
        "update intermediate.int_payment_verdict set verdict_at = verdict_at + interval 9 day where " + _PAYMENT,
    ),
    WarehouseFault(
        "lines that stay suspected after the desk has decided",
        "suspected_line", "suspects_are_the_undecided",
        "delete from fraud.payment_verdict where " + _PAYMENT,
    ),
    WarehouseFault(
        "a cell's payments counted in each of its regions",
        "unregistered_cell_daily", "payments_are_counted_once",
        "insert into fraud.unregistered_cell_daily by name "
        "select * replace ('elsewhere' as region_code) from fraud.unregistered_cell_daily",
    ),
    WarehouseFault(
        "payments joined to two lines each",
        "payment_daily", "days_are_the_facts",
        "update fraud.payment_daily set payments = 2 * payments, amount = 2 * amount "
        "where occurred_on = '2026-01-03'",
    ),
    WarehouseFault(
        "hours of a day that is not counted again",
        "payment_hourly", "hours_are_the_facts",
        "delete from fraud.payment_hourly where occurred_on = '2026-01-03'",
    ),
    WarehouseFault(
        "returns counted twice",
        "port_return", "returns_are_the_facts",
        "update churn.port_return set ports = 2 * ports",
    ),
    WarehouseFault(
        "reports that are compared with nothing",
        "port_reconciliation", "every_report_is_compared",
        "delete from churn.port_reconciliation where donor_group = 'KT'"
    ),
    WarehouseFault(
        "ports of two states that are called matched",
        "port_reconciliation", "agreement_is_of_the_sides",
        "update churn.port_reconciliation set donor_status = 'REQUESTED' where is_donor_reporting"
    ),
    WarehouseFault(
        "a provider that books every port a day later",
        "port_reconciliation", "most_ports_are_matched",
        "update churn.port_reconciliation set agreement = 'DIFFERENT_DAY', donor_processed_on = donor_processed_on + 1 "
        "where is_donor_reporting and donor_processed_on is not null"
    ),
    WarehouseFault(
        "chains that end where they began, and are not called returns",
        "port_chain", "chains_are_the_facts",
        "update churn.port_chain set is_return = not is_return",
    ),
    WarehouseFault(
        "refunds asked for under a waiver, and in nobody's list",
        "waiver_claim", "every_request_is_a_claim",
        "update intermediate.int_termination_fee set waiver_code = 'KT_WAIVER_2026'; "
        "delete from churn.waiver_claim where exclusion is null",
    ),
    WarehouseFault(
        "a refund that two waivers count",
        "waiver_claim", "refunds_are_the_fees",
        "update intermediate.int_termination_fee set waiver_code = 'KT_WAIVER_2026'; "
        "update churn.waiver_claim set refunded_amount = 1",
    ),
    WarehouseFault(
        "lines whose end an update passed over",
        "line_flow_daily", "lines_in_service_began_and_have_not_ended",
        "update churn.line_flow_daily set terminated = 0",
    ),
]  # fmt: skip
