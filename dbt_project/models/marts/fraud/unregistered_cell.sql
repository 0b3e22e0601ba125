with days as (
    select * from {{ ref('unregistered_cell_daily') }}
),

attachments as (
    select * from {{ ref('int_unregistered_attachment') }}
),

unregistered_payments as (
    select * from {{ ref('int_unregistered_payment') }}
),

payments as (
    select
        unregistered_payments.cell_id,
        unregistered_payments.number_key,
        fct_payment.product,
        fct_payment.amount,
        flagged.is_alerted,
        flagged.is_confirmed,
        flagged.verdict,
        flagged.decided_by
    from unregistered_payments
    inner join {{ ref('fct_payment') }} as fct_payment on unregistered_payments.payment_id = fct_payment.payment_id
    left join {{ ref('int_flagged_payment') }} as flagged on unregistered_payments.payment_id = flagged.payment_id
),

seen as (
    select
        cell_id,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at,
        min(first_known_on) as first_flagged_on,
        count(distinct date_day) as days,
        count(distinct region_code) filter (where region_code <> 'UNKNOWN') as regions,
        {{ ordered_list("date_day || ' ' || region_code", "date_day, first_seen_at, region_code") }} as regions_by_day,
        case when count(*) = count(cleared_on) then max(cleared_on) end as registered_late_on
    from days
    group by cell_id
),

exposed as (
    select
        cell_id,
        number_key
    from attachments
    union all
    select
        cell_id,
        number_key
    from payments
),

numbers as (
    select
        cell_id,
        count(distinct number_key) as numbers_exposed
    from exposed
    group by cell_id
),

paid as (
    select
        cell_id,
        count(*) as payments,
        count(*) filter (where is_alerted) as alerts,
        count(*) filter (where is_confirmed) as confirmed,
        count(*) filter (where is_alerted and verdict = 'REJECTED' and decided_by = 'DESK') as cleared_by_desk,
    {% for product in payment_products() -%}
        sum(amount) filter (where product = '{{ product | upper }}') as {{ product }}_amount{{ ',' if not loop.last }}
    {% endfor %}
    from payments
    group by cell_id
),

final as (
    select
        seen.cell_id,
        case
            when paid.confirmed > 0 then 'CONFIRMED'
            when seen.registered_late_on is not null then 'CLEARED'
            when paid.alerts > 0 and paid.alerts = paid.cleared_by_desk then 'CLEARED'
            else 'SUSPECTED'
        end as disposition,
        seen.registered_late_on,
        seen.first_flagged_on,
        seen.first_seen_at,
        seen.last_seen_at,
        seen.days,
        seen.regions,
        seen.regions_by_day,
        numbers.numbers_exposed,
        cast(coalesce(paid.payments, 0) as bigint) as payments,
        cast(coalesce(paid.alerts, 0) as bigint) as alerts,
        cast(coalesce(paid.confirmed, 0) as bigint) as confirmed,
    {% for product in payment_products() -%}
        cast(coalesce(paid.{{ product }}_amount, 0) as bigint) as {{ product }}_amount{{ ',' if not loop.last }}
    {% endfor %}
    from seen
    inner join numbers on seen.cell_id = numbers.cell_id
    left join paid on seen.cell_id = paid.cell_id
)

select * from final
