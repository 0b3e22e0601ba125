{#- Who sold a number is all that ports add: cases are not held back when their feed is. -#}
{{ config(meta={'last_good': ['int_port_latest']}) }}

with ports as (
    select * from {{ ref('int_port_latest') }}
    where
        is_completed
        and dealer_code is not null
        and {{ in_view(['recipient_group']) }}
),

sold as (
    select
        number_key,
        processed_on as sold_on,
        {{ last_by('dealer_code', 'requested_at') }} as dealer_code
    from ports
    group by number_key, processed_on
),

horizon as (
    select max(days) as days
    from {{ ref('suspicion_reasons') }}
    where reason = 'DEALER_TURNED_BAD'
),

final as (
    select
        sold.*,
        sold.sold_on + horizon.days as answered_to
    from sold
    cross join horizon
)

select * from final
