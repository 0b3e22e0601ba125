{%- set ports_to = data_end('portability_events', [ref('fct_port')]) -%}
{%- set arms = {'called': "arm = 'CALL'", 'held_out': "arm = 'HOLD_OUT'"} -%}
{%- set counts = ['lines_called', 'lines_held_out', 'lines_reached', 'lines_accepted', 'departures_called',
                  'departures_held_out', 'cost_amount'] -%}

with contacts as (
    select
        *,
        {{ local_date('contacted_at') }} as contacted_on,
        cast(date_trunc('month', {{ local_date('contacted_at') }}) as date) as month
    from {{ ref('stg_retention__contacts') }}
    -- of a contact that was delivered more than once, the latest delivery
    qualify row_number() over (partition by line_key, contacted_at order by dt desc) = 1
),

ports as (
    select * from {{ ref('fct_port') }}
    where
        is_completed
        and not is_same_group
        and line_key is not null
),

-- in a month a line counts once, in the arm and with the offer of its first time, and with what came of all of them
drawn as (
    select
        *,
        sum(cost_amount) over of_month as month_cost_amount,
        bool_or(outcome in ('ACCEPTED', 'DECLINED')) over of_month as was_reached,
        bool_or(outcome = 'ACCEPTED') over of_month as has_accepted,
        row_number() over (partition by line_key, month order by contacted_at) as nth
    from contacts
    window of_month as (partition by line_key, month)
),

-- whose thirty days are over
followed as (
    select
        drawn.month,
        drawn.offer,
        drawn.arm,
        drawn.line_key,
        drawn.was_reached,
        drawn.has_accepted,
        drawn.month_cost_amount,
        count(ports.port_id) > 0 as has_left
    from drawn
    left join ports
        on
            drawn.line_key = ports.line_key
            and drawn.contacted_on <= ports.processed_on
            and ports.processed_on < drawn.contacted_on + {{ horizon_days() }}
    where
        drawn.nth = 1
        and {{ days_between('drawn.contacted_on', ports_to) }} >= {{ horizon_days() }}
    group by
        drawn.month, drawn.offer, drawn.arm, drawn.line_key, drawn.was_reached, drawn.has_accepted,
        drawn.month_cost_amount
),

monthly as (
    select
        month,
        coalesce(offer, 'ALL') as offer,
        {%- for arm, holds in arms.items() %}
            count(*) filter (where {{ holds }}) as lines_{{ arm }},
            count(*) filter (where {{ holds }} and has_left) as departures_{{ arm }},
        {%- endfor %}
        count(*) filter (where arm = 'CALL' and was_reached) as lines_reached,
        count(*) filter (where arm = 'CALL' and has_accepted) as lines_accepted,
        sum(month_cost_amount) filter (where arm = 'CALL') as cost_amount
    from followed
    group by grouping sets ((month, offer), (month))
),

scoped as (
    select
        month,
        offer,
        {{ counts | join(', ') }},
        'MONTH' as scope
    from monthly
    union all
    select
        month,
        offer,
        {%- for column in counts %}
            sum({{ column }}) over (partition by offer order by month) as {{ column }},
        {%- endfor %}
        'TO_DATE' as scope
    from monthly
),

shares as (
    select
        *,
        1e0 * departures_called / nullif(lines_called, 0) as called,
        1e0 * departures_held_out / nullif(lines_held_out, 0) as held_out
    from scoped
),

bounded as (
    select
        *,
        {%- for arm in arms %}
            {{ wilson_middle(arm, 'nullif(lines_' ~ arm ~ ', 0)') }} as {{ arm }}_middle,
            {{ wilson_half_width(arm, 'nullif(lines_' ~ arm ~ ', 0)') }} as {{ arm }}_half_width,
        {%- endfor %}
        case
            when departures_called > 0 and departures_held_out > 0
                then
                    {{ interval_z() }} * sqrt(
                        1e0 / departures_called - 1e0 / lines_called
                        + 1e0 / departures_held_out - 1e0 / lines_held_out
                    )
        end as log_ratio_half_width
    from shares
),

-- of a difference, Newcombe's interval from both of Wilson's; of a ratio, Katz's, on its logarithm
compared as (
    select
        *,
        held_out - called as uplift,
        sqrt(
            power(held_out - held_out_middle + held_out_half_width, 2)
            + power(called_middle + called_half_width - called, 2)
        ) as uplift_below,
        sqrt(
            power(held_out_middle + held_out_half_width - held_out, 2)
            + power(called - called_middle + called_half_width, 2)
        ) as uplift_above,
        called / nullif(held_out, 0) as ratio
    from bounded
),

final as (
    select
        month,
        offer,
        scope,
        cast(lines_called as bigint) as lines_called,
        cast(lines_held_out as bigint) as lines_held_out,
        cast(lines_reached as bigint) as lines_reached,
        cast(lines_accepted as bigint) as lines_accepted,
        cast(departures_called as bigint) as departures_called,
        cast(departures_held_out as bigint) as departures_held_out,
        100e0 * called as departed_called_pct,
        100e0 * held_out as departed_held_out_pct,
        100e0 * uplift as uplift_points,
        100e0 * (uplift - uplift_below) as uplift_low_points,
        100e0 * (uplift + uplift_above) as uplift_high_points,
        100e0 * (1e0 - ratio) as saved_pct,
        100e0 * (1e0 - ratio * exp(log_ratio_half_width)) as saved_low_pct,
        100e0 * (1e0 - ratio * exp(-log_ratio_half_width)) as saved_high_pct,
        lines_called * uplift as lines_saved,
        lines_called * (uplift - uplift_below) as lines_saved_low,
        lines_called * (uplift + uplift_above) as lines_saved_high,
        cast(cost_amount as bigint) as cost_amount,
        case when uplift > 0 then cost_amount / (lines_called * uplift) end as per_line_saved_amount,
        case when uplift + uplift_above > 0 then cost_amount / (lines_called * (uplift + uplift_above)) end
            as per_line_saved_low_amount,
        case when uplift - uplift_below > 0 then cost_amount / (lines_called * (uplift - uplift_below)) end
            as per_line_saved_high_amount
    from compared
)

select * from final
