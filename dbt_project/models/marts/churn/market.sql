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
        lag(month) over (order by month) as month_before,
        sum(lines) as lines,
        sum(lines_handset) as lines_handset,
        count(*) = (select count(distinct providers.group_name) from providers) as is_whole
    from group_lines
    group by month
),

shared as (
    select
        group_lines.*,
        whole.month_before,
        whole.is_whole,
        case when whole.is_whole then 100e0 * group_lines.lines / nullif(whole.lines, 0) end as share_pct,
        case when whole.is_whole then 100e0 * group_lines.lines_handset / nullif(whole.lines_handset, 0) end
            as share_handset_pct
    from group_lines
    inner join whole on group_lines.month = whole.month
),

final as (
    select
        shared.month,
        shared.provider_group,
        shared.is_whole,
        cast(shared.lines as bigint) as lines,
        cast(shared.lines_handset as bigint) as lines_handset,
        shared.share_pct,
        shared.share_handset_pct,
        shared.share_handset_pct - before.share_handset_pct as share_handset_change_points,
        sum(shared.share_pct * shared.share_pct) over (partition by shared.month) as hhi,
        sum(shared.share_handset_pct * shared.share_handset_pct) over (partition by shared.month) as hhi_handset
    from shared
    left join shared as before
        on
            shared.month_before = before.month
            and shared.provider_group = before.provider_group
)

select * from final
