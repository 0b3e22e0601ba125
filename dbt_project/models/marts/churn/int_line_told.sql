{{ config(materialized='view') }}

with lines as (
    select * from {{ ref('dim_line') }}
    where status <> 'TERMINATED'
),

regions as (
    select * from {{ ref('regions') }}
),

arrivals as (
    select
        joined_line_key as line_key,
        min(donor_group) as came_from
    from {{ ref('fct_port') }}
    where
        is_completed
        and not is_same_group
        and joined_line_key is not null
    group by joined_line_key
),

exposed as (
    select
        line_key,
        min(known_on) as known_on
    from {{ ref('int_line_exposure') }}
    group by line_key
),

robbed as (
    select
        payments.line_key,
        min(frauds.known_from) as known_dt
    from {{ ref('int_fraud_known') }} as frauds
    inner join {{ ref('int_payment_latest') }} as payments on frauds.payment_id = payments.payment_id
    where
        frauds.known_to is null
        and payments.line_key is not null
    group by payments.line_key
),

disputed as (
    select
        payments.line_key,
        min({{ local_date('verdicts.first_disputed_at') }}) as disputed_on
    from {{ ref('int_payment_verdict') }} as verdicts
    inner join {{ ref('int_payment_latest') }} as payments on verdicts.payment_id = payments.payment_id
    where payments.line_key is not null
    group by payments.line_key
),

final as (
    select
        lines.*,
        regions.province,
        arrivals.came_from,
        exposed.known_on as exposure_known_on,
        robbed.known_dt as fraud_known_dt,
        disputed.disputed_on
    from lines
    -- first of all: what is joined before it, DuckDB holds in memory where a query reads this twice, with all lines
    left join exposed on lines.line_key = exposed.line_key
    left join regions on lines.region_code = regions.region_code
    left join arrivals on lines.line_key = arrivals.line_key
    left join robbed on lines.line_key = robbed.line_key
    left join disputed on lines.line_key = disputed.line_key
)

select * from final
