{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='payment_id',
) }}

{%- set touched = ref('int_unregistered_payment__touched') %}

with payments as (
    select
        *,
        {{ local_date('occurred_at') }} as occurred_on
    from {{ ref('int_payment_latest') }}
    where
        cell_id is not null
        and {{ is_touched('payment_id', touched) }}
),

registrations as (
    select * from {{ ref('int_cell_registration') }}
),

absences as (
    select * from {{ ref('int_cell_absence') }}
),

final as (
    select
        payments.payment_id,
        payments.line_key,
        payments.number_key,
        payments.cell_id,
        payments.amount,
        payments.occurred_at,
        payments.occurred_on,
        payments.cell_dt,
        registrations.delisted_on,
        absences.absent_to as cleared_on
    {{ from_unregistered('payments', 'occurred_on') }}
)

select * from final
