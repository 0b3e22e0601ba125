{#- A group of whose departures billing knows this share at least has all its lines in billing, not a panel of them. -#}
{%- set all_pct = 99 -%}
{%- set billing_to = data_end('subscriptions', [ref('int_subscription_interval')]) -%}
{%- set billing_from = data_start('subscriptions', [ref('int_subscription_interval')]) -%}

with waivers as (
    select * from {{ ref('int_waiver') }}
),

providers as (
    select * from {{ ref('dim_provider') }}
),

counted as (
    select
        *,
        cast(month + interval '1 month' as date) as counted_on
    from {{ ref('int_group_count') }}
),

departures as (
    select * from {{ ref('port_coverage_daily') }}
),

lines as (
    select * from {{ ref('dim_line') }}
    where status <> 'TERMINATED'
),

-- for the waiver's claims, the lines when it began to reach back; for the lines still here, those last counted
occasions as (
    select
        incident_id,
        provider_group,
        'CLAIMS' as occasion,
        eligibility_from as latest_on
    from waivers
    union all
    select
        incident_id,
        provider_group,
        'LINES' as occasion,
        {{ billing_to }} as latest_on
    from waivers
),

days as (
    select
        occasions.incident_id,
        occasions.occasion,
        occasions.provider_group,
        max(counted.counted_on) as counted_on,
        coalesce(max(counted.counted_on), max(occasions.latest_on)) as date_day
    from occasions
    left join counted
        on
            occasions.provider_group = counted.provider_group
            -- of the days before its first delivery, billing knows survivors only
            and counted.counted_on between {{ billing_from }} and occasions.latest_on
    group by occasions.incident_id, occasions.occasion, occasions.provider_group
),

billed as (
    select
        days.incident_id,
        days.occasion,
        days.provider_group,
        days.counted_on,
        lines.line_type,
        count(*) as lines_billed
    from days
    inner join providers on days.provider_group = providers.group_name
    inner join lines
        on
            providers.provider = lines.provider
            and {{ valid_at('lines', start_of_day('days.date_day')) }}
    group by days.incident_id, days.occasion, days.provider_group, days.counted_on, lines.line_type
),

complete as (
    select
        donor_group,
        sum(port_outs_with_line) >= {{ all_pct }} / 100e0 * sum(port_outs) as is_complete
    from departures
    group by donor_group
),

final as (
    select
        billed.incident_id,
        billed.occasion,
        billed.line_type,
        billed.counted_on,
        billed.lines_billed,
        cast(case
            when complete.is_complete or counted.lines < billed.lines_billed then billed.lines_billed
            else counted.lines
        end as bigint) as lines_all
    from billed
    left join complete on billed.provider_group = complete.donor_group
    left join counted
        on
            billed.provider_group = counted.provider_group
            and billed.line_type = counted.line_type
            and billed.counted_on = counted.counted_on
)

select * from final
