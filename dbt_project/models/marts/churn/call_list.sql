{#- A line is due for a call on one day in so many, drawn by its pseudonym: so nobody is called every morning. -#}
{%- set every_days = 30 -%}
{%- set reasons_told = 3 -%}

with lines as (
    select
        *,
        coalesce(probability_in_window, probability) as chance
    from {{ ref('line_propensity') }}
),

desks as (
    select * from {{ ref('desks') }}
    where desk = 'RETENTION'
),

due as (
    select
        lines.*,
        desks.cases_per_day,
        {{ share_of('lines.line_key', 'hold-out') }} < coalesce(desks.hold_out_pct, 0) / 100e0 as is_held_out,
        lines.chance * lines.monthly_fee * desks.months_at_stake as amount_at_risk,
        lines.chance * lines.monthly_fee * desks.months_at_stake * desks.saved_pct / 100e0 as amount_saved
    from lines
    cross join desks
    where
        cast(floor({{ share_of('lines.line_key', 'due day') }} * {{ every_days }}) as bigint)
        = {{ days_between("date '2000-01-01'", 'lines.scored_on') }} % {{ every_days }}
),

-- the budget is of calls: who is held out takes nobody's place
ranked as (
    select
        *,
        row_number() over (order by amount_saved desc, line_key asc) as queue_position,
        count(*) filter (where not is_held_out) over (
            order by amount_saved desc, line_key asc
            rows between unbounded preceding and current row
        ) as calls_so_far
    from due
),

listed as (
    select * from ranked
    where calls_so_far <= cases_per_day
),

scores as (
    select * from {{ ref('int_propensity_score') }}
    where
        is_today
        and line_key in (select listed.line_key from listed)
),

contributions as (
    {%- for feature, words in propensity_words().items() %}
        select
            line_key,
            '{{ words }}: ' || {{ feature }} as reason,
            of_{{ feature }} as contribution
        from scores
        {%- if not loop.last %}
            union all
        {%- endif %}
    {%- endfor %}
),

weighed as (
    select
        *,
        row_number() over (partition by line_key order by contribution desc, reason asc) as place
    from contributions
    where contribution > 0
),

told as (
    select
        line_key,
        {{ ordered_list('reason', 'place') }} as reasons
    from weighed
    where place <= {{ reasons_told }}
    group by line_key
),

final as (
    select
        listed.scored_on as list_on,
        cast(listed.queue_position as bigint) as queue_position,
        listed.line_key,
        listed.number_key,
        case when listed.is_held_out then 'HOLD_OUT' else 'CALL' end as arm,
        listed.probability,
        listed.probability_in_window,
        listed.monthly_fee,
        cast(round(listed.amount_at_risk) as bigint) as at_risk_amount,
        cast(round(listed.amount_saved) as bigint) as expected_saved_amount,
        listed.likely_destination,
        coalesce(told.reasons, 'nothing that stands out') as reasons
    from listed
    left join told on listed.line_key = told.line_key
)

select * from final
