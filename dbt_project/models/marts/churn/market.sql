with counts as (
    select * from {{ ref('int_group_count') }}
),

providers as (
    select * from {{ ref('dim_provider') }}
),

group_lines as (
    select
        month,
        provider_group,
        sum(lines) as lines,
        coalesce(sum(lines) filter (where line_type = 'HANDSET'), 0) as lines_handset
    from counts
    group by month, provider_group
),

-- shares are of the whole market, so every group has to be counted
whole as (
    select
        month,
        sum(lines) as lines,
        sum(lines_handset) as lines_handset,
        count(*) = (select count(distinct providers.group_name) from providers) as is_whole
    from group_lines
    group by month
),

shared as (
    select
        group_lines.*,
        whole.is_whole,
        case when whole.is_whole then 100.0 * group_lines.lines / nullif(whole.lines, 0) end as share_pct,
        case when whole.is_whole then 100.0 * group_lines.lines_handset / nullif(whole.lines_handset, 0) end
            as share_handset_pct
    from group_lines
    inner join whole on group_lines.month = whole.month
),

final as (
    select
        month,
        provider_group,
        is_whole,
        cast(lines as bigint) as lines,
        cast(lines_handset as bigint) as lines_handset,
        share_pct,
        share_handset_pct,
        share_handset_pct - lag(share_handset_pct) over (partition by provider_group order by month)
            as share_handset_change_points,
        sum(share_pct * share_pct) over (partition by month) as hhi,
        sum(share_handset_pct * share_handset_pct) over (partition by month) as hhi_handset
    from shared
)

select * from final
