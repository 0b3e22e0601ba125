{%- set ports_to = data_end('portability_events', [ref('int_port_seller')]) -%}
{%- set months = 13 -%}

with sales as (
    select * from {{ ref('int_port_seller') }}
    where
        dealer_code is not null
        and processed_on >= date_trunc('month', {{ months_after(ports_to, 1 - months) }})
),

terms as (
    select * from {{ ref('dealer_terms') }}
    where terms = 'DEALER'
),

calendar as (
    select * from {{ ref('dim_date') }}
    where is_processing_day
),

open_days as (
    select
        cast(date_trunc('month', date_day) as date) as month,
        count(*) as days
    from calendar
    where date_day <= {{ ports_to }}
    group by cast(date_trunc('month', date_day) as date)
),

by_day as (
    select
        cast(date_trunc('month', processed_on) as date) as month,
        processed_on,
        donor_group,
        recipient_group,
        dealer_code,
        min(sales_channel) as sales_channel,
        sum(ports) as ports,
        sum(withdrawn) as withdrawn
    from sales
    group by
        cast(date_trunc('month', processed_on) as date), processed_on, donor_group, recipient_group, dealer_code
),

monthly as (
    select
        month,
        donor_group,
        recipient_group,
        dealer_code,
        min(sales_channel) as sales_channel,
        sum(ports) as ports,
        sum(withdrawn) as withdrawn,
        max(ports) as busiest_day_ports,
        -- of two such days the later one
        {{ last_by('processed_on', 'ports * 32 + extract(day from processed_on)') }} as busiest_on
    from by_day
    group by month, donor_group, recipient_group, dealer_code
),

usual as (
    select
        monthly.*,
        terms.mass_ports,
        terms.mass_times,
        1e0 * (monthly.ports - monthly.busiest_day_ports) / nullif(open_days.days - 1, 0) as usual_ports_per_day
    from monthly
    inner join open_days on monthly.month = open_days.month
    cross join terms
),

final as (
    select
        month,
        donor_group,
        recipient_group,
        dealer_code,
        sales_channel,
        cast(ports as bigint) as ports,
        cast(withdrawn as bigint) as withdrawn,
        busiest_on,
        cast(busiest_day_ports as bigint) as busiest_day_ports,
        cast(usual_ports_per_day as double) as usual_ports_per_day,
        busiest_day_ports >= mass_ports
        and busiest_day_ports >= mass_times * coalesce(usual_ports_per_day, 0) as has_mass_day
    from usual
)

select * from final
