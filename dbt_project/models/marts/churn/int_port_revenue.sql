{{ config(materialized='view') }}

-- each move stands once for the group that it left and once for the group that it joined, as far as the view has them
with moves as (
    select * from {{ ref('fct_port') }}
    where
        is_completed
        and not is_same_group
),

sides as (
    select
        processed_on as date_day,
        donor_group as provider_group,
        'OUT' as direction,
        recipient_group as other_group,
        line_type,
        line_key,
        plan_code,
        monthly_fee
    from moves
    union all
    select
        processed_on as date_day,
        recipient_group as provider_group,
        'IN' as direction,
        donor_group as other_group,
        line_type,
        joined_line_key as line_key,
        joined_plan_code as plan_code,
        joined_monthly_fee as monthly_fee
    from moves
),

final as (
    select * from sides
    where {{ in_view(['provider_group']) }}
)

select * from final
