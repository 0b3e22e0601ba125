{#-
Where the rows of each delivery of a feed went: body of a model with one row per `dt`, incremental by touched days.

A delivered row is in the facts if the latest state of its key (`state` says which, `state_dt` which delivery told it)
is this very row. Else the facts know a later state of the key, or the same state from a later delivery; a row with
neither is lost, and a fact without its row is invented. Each side is counted independently: they check each other.

`events` are the delivered rows with `dt`, `latest` the facts; `state` is the column that orders a key's states in
`events`, `fact_state` the one in `latest`, where every state is a fact if `has_all_states`; `amount` is a column of
both, in the feed's unit.
-#}
{% macro reconciled(touched, events, latest, key, state, fact_state=none, has_all_states=false, amount=none) -%}
{%- set fact_state = fact_state or state -%}
with delivered as (
    select
        dt,
        {{ key }},
        {{ state }} as state,
        {{ amount or 'cast(null as bigint)' }} as amount
    from {{ events }}
    where {{ is_touched_day('dt', touched) }}
),

facts as (
    select
        {{ key }},
        {{ fact_state }} as state,
        state_dt,
        {{ amount or 'cast(null as bigint)' }} as amount
    from {{ latest }}
),

placed as (
    select
        delivered.dt,
        delivered.amount,
        facts.state = delivered.state and facts.state_dt = delivered.dt as is_fact,
        facts.state > delivered.state as has_later_state,
        facts.state = delivered.state and facts.state_dt > delivered.dt as is_told_again
    from delivered
    left join facts
        on
            delivered.{{ key }} = facts.{{ key }}
            {%- if has_all_states %}
            and delivered.state = facts.state
            {%- endif %}
),

per_day as (
    select
        dt,
        count(*) as rows_delivered,
        cast(sum(amount) as bigint) as amount_delivered,
        count(*) filter (where has_later_state) as rows_with_later_state,
        cast(sum(amount) filter (where has_later_state) as bigint) as amount_with_later_state,
        count(*) filter (where is_told_again) as rows_told_again,
        cast(sum(amount) filter (where is_told_again) as bigint) as amount_told_again,
        count(*) filter (where is_fact) as rows_found_in_facts,
        count(*) filter (where not coalesce(is_fact or has_later_state or is_told_again, false)) as rows_lost
    from placed
    group by dt
),

facts_per_day as (
    select
        dt,
        count(*) as rows_in_facts,
        cast(sum(amount) as bigint) as amount_in_facts
    from (select state_dt as dt, amount from facts) as told
    where {{ is_touched_day('dt', touched) }}
    group by dt
),

final as (
    select
        coalesce(per_day.dt, facts_per_day.dt) as dt,
        cast(coalesce(per_day.rows_delivered, 0) as bigint) as rows_delivered,
        cast(coalesce(facts_per_day.rows_in_facts, 0) as bigint) as rows_in_facts,
        cast(coalesce(per_day.rows_with_later_state, 0) as bigint) as rows_with_later_state,
        cast(coalesce(per_day.rows_told_again, 0) as bigint) as rows_told_again,
        cast(coalesce(per_day.rows_lost, 0) as bigint) as rows_lost,
        cast(coalesce(facts_per_day.rows_in_facts, 0) - coalesce(per_day.rows_found_in_facts, 0) as bigint)
            as rows_invented,
        per_day.amount_delivered,
        facts_per_day.amount_in_facts,
        per_day.amount_with_later_state,
        per_day.amount_told_again
    from per_day
    full join facts_per_day on per_day.dt = facts_per_day.dt
)

select * from final
{%- endmacro %}

{#-
Body of its touched relation: days of pending deliveries, and days on which the keys that they name were delivered
before, as `state` (`first_dt`, `last_dt` per key) remembers.
-#}
{% macro days_to_reconcile(key, revisions, state, previous, deliveries, receipts) -%}
{%- set days = pending_days(revisions, previous, deliveries) -%}
select distinct receipts.dt
from {{ receipts }} as receipts
where
    receipts.feed = '{{ feed_of(revisions) }}'
    and receipts.is_current
    and (
        {{ in_days('receipts.dt', days) }}
        or exists (
            select 1
            from (
                select distinct
                    first_dt,
                    last_dt
                from {{ state }}
                where {{ key }} in (select {{ key }} from {{ revisions }} where {{ in_days('dt', days) }})
            ) as span
            where receipts.dt between span.first_dt and span.last_dt
        )
    )
{%- endmacro %}
