{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='payment_id',
    meta={'consumes': ['payments', 'cell_registry']},
) }}

{%- set cells = ref('stg_network__cells') -%}
{%- if is_incremental() -%}
    {%- do touch('payment_id', payments_to_judge_again(ref('fct_payment'), cells)) -%}
{%- endif %}

with payments as (
    select * from {{ ref('fct_payment') }}
    where {{ is_touched('payment_id') }}
),

cell_intervals as (
    select * from {{ ref('int_cell_interval') }}
),

rules as (
    select * from {{ ref('fraud_rules') }}
    where is_enabled
),

unregistered_cell as (
    {{ rule_unregistered_cell() }}
),

incomplete_ars_call as (
    {{ rule_incomplete_ars_call() }}
),

final as (
    select * from unregistered_cell
    union all
    select * from incomplete_ars_call
)

select * from final
