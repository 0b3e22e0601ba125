{#- Ages from which open requests are counted, in days since the request. -#}
{%- set ages = [0, 1, 3, 7] -%}

with outcomes as (
    select * from {{ ref('int_port_outcome') }}
),

calendar as (
    select * from {{ ref('dim_date') }}
),

service_levels as (
    select * from {{ ref('service_levels') }}
    where service = 'PORT'
),

-- a request counts as open from the day on which it has an age to the day before the one that ends the waiting
turns as (
    {%- for age in ages %}
        select
            requested_on + {{ age }} as date_day,
            donor_group,
            recipient_group,
            line_type,
            outcome,
            {{ age }} as age_days,
            ports as turned
        from outcomes
        where coalesce(ended_on > requested_on + {{ age }}, true)
        union all
        select
            ended_on as date_day,
            donor_group,
            recipient_group,
            line_type,
            outcome,
            {{ age }} as age_days,
            -ports as turned
        from outcomes
        where ended_on > requested_on + {{ age }}
        {%- if not loop.last %}
            union all
        {%- endif %}
    {%- endfor %}
),

completed as (
    select
        outcomes.ended_on as date_day,
        outcomes.donor_group,
        outcomes.recipient_group,
        outcomes.line_type,
        {{ days_between('outcomes.requested_on', 'outcomes.ended_on') }} as lead_days,
        booked.processing_day_index - asked.processing_day_index as lead_processing_days,
        sum(outcomes.ports) as ports
    from outcomes
    inner join calendar as asked on outcomes.requested_on = asked.date_day
    inner join calendar as booked on outcomes.ended_on = booked.date_day
    where outcomes.outcome = 'COMPLETED'
    group by
        outcomes.ended_on, outcomes.donor_group, outcomes.recipient_group, outcomes.line_type,
        outcomes.requested_on, booked.processing_day_index, asked.processing_day_index
),

ranked as (
    select
        *,
        sum(ports) over (
            partition by date_day, donor_group, recipient_group, line_type
            order by lead_days
        ) as ports_so_far,
        sum(ports) over (partition by date_day, donor_group, recipient_group, line_type) as ports_of_day
    from completed
),

leads as (
    select
        ranked.date_day,
        ranked.donor_group,
        ranked.recipient_group,
        ranked.line_type,
        sum(ranked.ports) filter (where ranked.lead_days = 0) as completed_same_day,
        sum(ranked.ports) filter (where ranked.lead_days = 1) as completed_next_day,
        sum(ranked.ports) filter (where ranked.lead_processing_days <= service_levels.processing_days)
            as completed_in_time,
        min(ranked.lead_days) filter (where 2 * ranked.ports_so_far >= ranked.ports_of_day) as lead_median_days,
        min(ranked.lead_days) filter (where 10 * ranked.ports_so_far >= 9 * ranked.ports_of_day) as lead_p90_days,
        max(service_levels.target_pct) as target_pct
    from ranked
    cross join service_levels
    group by ranked.date_day, ranked.donor_group, ranked.recipient_group, ranked.line_type
),

-- every way in which a request makes a figure on a day
moments as (
    select
        requested_on as date_day,
        donor_group,
        recipient_group,
        line_type,
        'REQUESTED' as what,
        ports
    from outcomes
    union all
    select
        ended_on as date_day,
        donor_group,
        recipient_group,
        line_type,
        outcome as what,
        ports
    from outcomes
    where ended_on is not null
    union all
    select
        withdrawn_on as date_day,
        donor_group,
        recipient_group,
        line_type,
        'WITHDRAWN' as what,
        ports
    from outcomes
    where withdrawn_on is not null
),

counted as (
    select
        date_day,
        donor_group,
        recipient_group,
        line_type,
        sum(ports) filter (where what = 'REQUESTED') as requested,
        sum(ports) filter (where what = 'COMPLETED') as completed,
        sum(ports) filter (where what = 'REJECTED') as rejected,
        sum(ports) filter (where what = 'CANCELLED') as cancelled,
        sum(ports) filter (where what = 'WITHDRAWN') as withdrawn
    from moments
    group by date_day, donor_group, recipient_group, line_type
),

turned as (
    select
        date_day,
        donor_group,
        recipient_group,
        line_type,
        {%- for age in ages %}
            sum(turned) filter (where age_days = {{ age }}) as open_{{ age }},
        {%- endfor %}
        sum(turned) filter (where age_days = 0 and outcome = 'COMPLETED') as open_completed
    from turns
    group by date_day, donor_group, recipient_group, line_type
),

pairs as (
    select
        donor_group,
        recipient_group,
        line_type,
        min(requested_on) as first_on
    from outcomes
    group by donor_group, recipient_group, line_type
),

-- what waits, waits on closed days too
days as (
    select
        pairs.*,
        calendar.date_day
    from pairs
    inner join calendar
        on
            calendar.date_day between pairs.first_on
            and {{ data_end('portability_events', [ref('int_port_outcome')]) }}
),

final as (
    select
        days.date_day,
        days.donor_group,
        days.recipient_group,
        days.line_type,
        {%- for what in ['requested', 'completed', 'rejected', 'cancelled', 'withdrawn'] %}
            cast(coalesce(counted.{{ what }}, 0) as bigint) as {{ what }},
        {%- endfor %}
        cast(coalesce(sum(turned.open_0) over so_far, 0) as bigint) as open_requests,
        cast(coalesce(sum(turned.open_1) over so_far, 0) as bigint) as open_1_day_or_more,
        cast(coalesce(sum(turned.open_3) over so_far, 0) as bigint) as open_3_days_or_more,
        cast(coalesce(sum(turned.open_7) over so_far, 0) as bigint) as open_7_days_or_more,
        cast(coalesce(sum(turned.open_completed) over so_far, 0) as bigint) as open_completed_since,
        cast(coalesce(leads.completed_same_day, 0) as bigint) as completed_same_day,
        cast(coalesce(leads.completed_next_day, 0) as bigint) as completed_next_day,
        cast(coalesce(leads.completed_in_time, 0) as bigint) as completed_in_time,
        100e0 * coalesce(leads.completed_in_time, 0) / counted.completed as in_time_pct,
        100e0 * coalesce(leads.completed_in_time, 0) >= leads.target_pct * counted.completed as is_service_level_met,
        100e0 * sum(
            case when days.donor_group <> days.recipient_group then coalesce(leads.completed_in_time, 0) end
        ) over of_donor
        / nullif(
            sum(case when days.donor_group <> days.recipient_group then counted.completed end) over of_donor, 0
        ) as departures_in_time_pct,
        leads.lead_median_days,
        leads.lead_p90_days
    from days
    left join counted
        on
            days.date_day = counted.date_day
            and days.donor_group = counted.donor_group
            and days.recipient_group = counted.recipient_group
            and days.line_type = counted.line_type
    left join turned
        on
            days.date_day = turned.date_day
            and days.donor_group = turned.donor_group
            and days.recipient_group = turned.recipient_group
            and days.line_type = turned.line_type
    left join leads
        on
            days.date_day = leads.date_day
            and days.donor_group = leads.donor_group
            and days.recipient_group = leads.recipient_group
            and days.line_type = leads.line_type
    window
        so_far as (
            partition by days.donor_group, days.recipient_group, days.line_type
            order by days.date_day
            rows between unbounded preceding and current row
        ),
        of_donor as (partition by days.date_day, days.donor_group)
)

select * from final
where requested + completed + rejected + cancelled + withdrawn + open_requests > 0
