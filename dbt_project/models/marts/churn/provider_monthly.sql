{%- set billing_from = data_start('subscriptions', [ref('line_flow_daily')]) -%}

with provider_days as (
    select * from {{ ref('provider_daily') }}
),

flows as (
    select * from {{ ref('port_flow_daily') }}
    where donor_group <> recipient_group
),

counts as (
    select * from {{ ref('int_group_count') }}
),

providers as (
    select * from {{ ref('dim_provider') }}
),

line_changes as (
    select
        *,
        started + came_back - terminated as net
    from {{ ref('line_flow_daily') }}
),

coverage as (
    select * from {{ ref('port_coverage_daily') }}
),

monthly as (
    select
        cast(date_trunc('month', date_day) as date) as month,
        provider_group,
        max(date_day) as last_day,
        cast(sum(port_ins) as bigint) as port_ins,
        cast(sum(port_outs) as bigint) as port_outs,
        cast(sum(port_ins_withdrawn) as bigint) as port_ins_withdrawn,
        cast(sum(port_outs_withdrawn) as bigint) as port_outs_withdrawn,
        cast(sum(port_ins_net_of_withdrawn) as bigint) as port_ins_net_of_withdrawn,
        cast(sum(port_outs_net_of_withdrawn) as bigint) as port_outs_net_of_withdrawn,
        -- the first month of the deliveries may have begun before them
        min(date_day) = date_trunc('month', min(date_day))
        and max(date_day) + 1 = date_trunc('month', min(date_day)) + interval '1 month' as is_complete
    from provider_days
    group by cast(date_trunc('month', date_day) as date), provider_group
),

destinations as (
    select
        *,
        recipient_group in (
            select providers.group_name
            from providers
            where providers.kind = 'MNO'
        ) as is_to_mno
    from flows
),

scopes as (
    select
        cast(date_trunc('month', processed_on) as date) as month,
        donor_group as provider_group,
        cast(sum(ports) filter (where line_type = 'HANDSET') as bigint) as port_outs_handset,
        cast(sum(ports) filter (where is_to_mno) as bigint) as port_outs_to_mno
    from destinations
    group by cast(date_trunc('month', processed_on) as date), donor_group
),

group_counts as (
    select
        month,
        provider_group,
        cast(sum(lines) as bigint) as lines,
        cast(sum(lines) filter (where line_type = 'HANDSET') as bigint) as lines_handset
    from counts
    group by month, provider_group
),

billed as (
    select
        monthly.month,
        monthly.provider_group,
        cast(sum(line_changes.net) as bigint) as billed_lines,
        cast(sum(
            case when line_changes.changed_on < monthly.month then 0 else line_changes.terminated end
        ) as bigint) as terminations,
        sum(case when line_changes.changed_on < monthly.month then line_changes.net else 0 end) as billed_lines_previous
    from monthly
    inner join line_changes
        on
            monthly.provider_group = line_changes.provider_group
            and line_changes.changed_on < monthly.month + interval '1 month'
    -- billing's first delivery holds every line of its day; of earlier month ends it knows survivors only
    where
        monthly.is_complete
        and monthly.month >= {{ billing_from }}
    group by monthly.month, monthly.provider_group
),

covered as (
    select
        cast(date_trunc('month', processed_on) as date) as month,
        donor_group as provider_group,
        100e0 * sum(port_outs_with_line) / sum(port_outs) as line_coverage_pct
    from coverage
    group by cast(date_trunc('month', processed_on) as date), donor_group
),

final as (
    select
        monthly.month,
        monthly.provider_group,
        monthly.is_complete,
        monthly.port_ins,
        monthly.port_outs,
        monthly.port_ins - monthly.port_outs as net_adds,
        monthly.port_ins_withdrawn,
        monthly.port_outs_withdrawn,
        monthly.port_ins_net_of_withdrawn,
        monthly.port_outs_net_of_withdrawn,
        coalesce(scopes.port_outs_handset, 0) as port_outs_handset,
        coalesce(scopes.port_outs_to_mno, 0) as port_outs_to_mno,
        this_month.lines,
        this_month.lines_handset,
        case
            when monthly.is_complete
                then
                    200e0 * coalesce(scopes.port_outs_handset, 0)
                    / nullif(this_month.lines_handset + last_month.lines_handset, 0)
        end as handset_port_out_rate_pct,
        billed.billed_lines,
        billed.terminations,
        200e0 * billed.terminations
        / nullif(billed.billed_lines + billed.billed_lines_previous, 0) as churn_rate_pct,
        100e0 * billed.terminations / nullif(billed.billed_lines_previous, 0) as churn_rate_opening_pct,
        covered.line_coverage_pct
    from monthly
    left join scopes
        on
            monthly.month = scopes.month
            and monthly.provider_group = scopes.provider_group
    left join group_counts as this_month
        on
            monthly.month = this_month.month
            and monthly.provider_group = this_month.provider_group
    left join group_counts as last_month
        on
            monthly.month = last_month.month + interval '1 month'
            and monthly.provider_group = last_month.provider_group
    left join billed
        on
            monthly.month = billed.month
            and monthly.provider_group = billed.provider_group
    left join covered
        on
            monthly.month = covered.month
            and monthly.provider_group = covered.provider_group
)

select * from final
