{{ config(materialized='view') }}

with cash_like as (
    select {{ json_member('parameters', 'categories') }} as categories
    from {{ ref('fraud_rules') }}
    where
        rule_id = 'CASH_LIKE'
        and is_enabled
    qualify row_number() over (order by version desc) = 1
),

frauds as (
    select distinct
        payment_id,
        true as was_fraud
    from {{ ref('int_fraud_known') }}
),

exposures as (
    select
        payments.payment_id,
        true as is_exposed
    from {{ ref('int_payment_feature') }} as payments
    inner join {{ ref('int_unregistered_use') }} as uses on payments.number_key = uses.number_key
    where
        uses.known_dt <= payments.first_dt
        and payments.first_dt < coalesce(uses.cleared_dt, date '9999-12-31')
        and uses.seen_from <= payments.occurred_at
        and {{ seconds_between('uses.seen_to', 'payments.occurred_at') }} <= 259200
    group by payments.payment_id
),

known as (
    select
        payments.payment_id,
        payments.first_dt,
        payments.number_key,
        coalesce(frauds.was_fraud, false) as was_fraud,
        payments.amount,
        payments.monthly_limit,
        payments.merchant_usual_amount,
        case
            when payments.limit_raised_dt <= payments.first_dt and payments.limit_raised_at <= payments.occurred_at
                then {{ seconds_between('payments.limit_raised_at', 'payments.occurred_at') }} / 86400e0
        end as days_since_cap_raise,
        payments.earlier_payments as earlier_ever,
        payments.earlier_at_merchant,
        payments.earlier_in_category,
        payments.earlier_by_method,
        {{ items_up_to('payments.neighbour_seconds', 600) }} as within_10_minutes,
        {{ items_in('payments.neighbour_seconds') }} as within_60_minutes,
        {{ items_in('payments.refused_seconds') }} as refused_before,
        case when payments.cell_dt <= payments.first_dt then payments.crowd_numbers else 1 end as crowd_numbers,
        hour(payments.occurred_at) as hour_of_day,
        coalesce({{ is_in_json_list('payments.merchant_category', 'cash_like.categories') }}, false) as is_cash_like,
        coalesce(
            not payments.is_ars_call_complete and payments.ars_incomplete_dt <= payments.first_dt, false
        ) as is_call_incomplete,
        coalesce(payments.cell_dt <= payments.first_dt, false) as is_on_cell,
        coalesce(
            unregistered.cell_dt <= payments.first_dt
            and payments.first_dt < coalesce(unregistered.cleared_on, date '9999-12-31'),
            false
        ) as is_unregistered,
        coalesce(exposures.is_exposed, false) as is_exposed,
        habits.earlier_payments,
        habits.usual_amount as number_usual_amount,
        habits.days_since_payment,
        habits.cap_used_pct,
        habits.failed_1d,
        habits.failed_7d,
        habits.abandoned_7d,
        habits.frauds_30d as number_frauds_30d,
        habits.rejected_disputes,
        habits.days_since_activation,
        habits.days_since_port_in,
        habits.days_since_sim_change,
        {%- for days in feature_windows() %}
            habits.payments_{{ days }}d as number_payments_{{ days }}d,
            1e0 * habits.amount_{{ days }}d / nullif(habits.payments_{{ days }}d, 0) as number_usual_{{ days }}d,
            habits.largest_{{ days }}d as number_largest_{{ days }}d,
            {%- for place in ['merchant', 'cell'] %}
                {{ place }}s.payments_{{ days }}d as {{ place }}_payments_{{ days }}d,
                {{ place }}s.numbers_{{ days }}d as {{ place }}_numbers_{{ days }}d,
                {{ place }}s.frauds_{{ days }}d as {{ place }}_frauds_{{ days }}d,
                1e0 * {{ place }}s.amount_{{ days }}d / nullif({{ place }}s.payments_{{ days }}d, 0)
                    as {{ place }}_usual_{{ days }}d,
            {%- endfor %}
        {%- endfor %}
        {{ share_of('payments.payment_id', 'learn from') }} as sample_share
    from {{ ref('int_payment_feature') }} as payments
    -- first, so that a sample of the honest and all frauds are taken before anything is computed of them
    left join frauds on payments.payment_id = frauds.payment_id
    inner join {{ ref('int_number_habit') }} as habits on payments.payment_id = habits.payment_id
    left join cash_like on true
    left join exposures on payments.payment_id = exposures.payment_id
    left join {{ ref('int_unregistered_payment') }} as unregistered on payments.payment_id = unregistered.payment_id
    left join {{ ref('int_place_day') }} as merchants
        on
            merchants.kind = 'MERCHANT'
            and payments.merchant_id = merchants.place
            and payments.first_dt = merchants.dt
    left join {{ ref('int_place_day') }} as cells
        on
            cells.kind = 'CELL'
            and payments.cell_id = cells.place
            and case when payments.cell_dt <= payments.first_dt then payments.cell_dt end = cells.dt
),

final as (
    select
        payment_id,
        first_dt,
        number_key,
        was_fraud,
        sample_share,
    {%- for name, feature in score_features().items() %}
        cast({{ feature.sql }} as double) as {{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
    from known
)

select * from final
