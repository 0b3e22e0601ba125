{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='invoice_id',
) }}

{%- set touched = ref('int_invoice__touched') %}

with invoice_lines as (
    select * from {{ ref('stg_billing__invoice_lines') }}
    where {{ is_in_stretches('invoice_id', touched) }}
),

-- of a row that was delivered more than once, the latest delivery
ranked as (
    select
        *,
        row_number() over (partition by invoice_id, line_no order by dt desc) as recency,
        min(dt) over (partition by invoice_id, line_no) as first_dt
    from invoice_lines
),

-- what the whole invoice says is taken from the row delivered last
latest as (
    select
        *,
        row_number() over (partition by invoice_id order by dt desc, line_no asc) = 1 as is_last_delivered
    from ranked
    where recency = 1
),

final as (
    select
        invoice_id,
        max(line_key) filter (where is_last_delivered) as line_key,
        max(billing_month) filter (where is_last_delivered) as billing_month,
        max(issued_on) filter (where is_last_delivered) as issued_on,
        cast(coalesce(sum(amount) filter (where charge_kind in ('RECURRING', 'DISCOUNT')), 0) as bigint)
            as recurring_amount,
        cast(coalesce(sum(amount) filter (where charge_kind = 'ETF'), 0) as bigint) as etf_amount,
        cast(sum(amount) as bigint) as lines_amount,
        max(invoice_total) filter (where is_last_delivered) as invoice_total,
        min(first_dt) as first_dt,
        max(dt) as last_dt
    from latest
    group by invoice_id
)

select * from final
