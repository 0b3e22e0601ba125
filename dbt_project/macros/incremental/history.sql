{#-
CTEs `told`, `contradicted` and `first_change`, of which the last is to be read (one row, `since`): the first day of
which pending deliveries may change what was known. What a payment's later states contradict was said on its first day.
`feeds` are relations of all revisions, `events` that of the payments, `state` their latest state.
-#}
{% macro first_change(feeds, events, state, previous, deliveries, receipts) -%}
    {%- set pending = [] -%}
    {%- for revisions in feeds -%}
        {%- do pending.extend(pending_days(revisions, previous, deliveries)) -%}
    {%- endfor -%}
    {%- set days = pending_days(events, previous, deliveries) -%}
told as (
    select
        *,
        min(event_seq) over (partition by payment_id) as first_seq
    from {{ events }}
    where
        {{ in_days('dt', history_days('payment_id', events, days, state, receipts)) }}
        and payment_id in (select payment_id from {{ events }} where {{ in_days('dt', days) }})
),

-- of which another state, or another revision, says something else than what was said first
contradicted as (
    select min(dt) as since
    from told
    group by payment_id
    having
        max(dt) filter (where event_seq = first_seq) > min(dt)
        or count(line_key) not in (0, count(*))
        {%- for column in [
            'line_key', 'number_key', 'merchant_id', 'merchant_category', 'amount', 'auth_method',
            'is_ars_call_complete', 'cell_id', 'monthly_limit', 'limit_raised_at',
        ] %}
        or min({{ column }}) <> max({{ column }})
        {%- endfor %}
),

first_change as (
    select least(
        (select min(contradicted.since) from contradicted),
        cast({{ "'" ~ (pending | min) ~ "'" if pending else 'null' }} as date)
    ) as since
)
{%- endmacro %}

{#-
Body of a touched relation whose model holds, for each day of first delivery, what was known by then: every such day
from the first on which a pending delivery may change anything. On an ordinary morning that is the day itself. What is
corrected changes what was known on all days since, and what was learnt from them, so these are made again.
-#}
{% macro days_since_first_change(feeds, events, state, previous, deliveries, receipts, day='first_dt') -%}
with {{ first_change(feeds, events, state, previous, deliveries, receipts) }},

days as (
    select distinct first_dt as {{ day }}
    from {{ state }}
    union
    select distinct cell_dt as {{ day }}
    from {{ state }}
    where cell_dt is not null
    {%- if is_kept(previous) %}
    union
    select distinct {{ day }}
    from {{ previous }}
    {%- endif %}
)

select days.{{ day }}
from days
inner join first_change on days.{{ day }} >= first_change.since
{%- endmacro %}
