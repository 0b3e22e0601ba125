with providers as (
    select * from {{ ref('providers') }}
),

final as (
    select
        provider,
        network,
        group_name,
        kind,
        {{ in_view(['group_name']) }} as is_in_view
    from providers
)

select * from final
