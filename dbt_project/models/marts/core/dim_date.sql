with calendar as (
    select * from {{ ref('calendar') }}
),

incidents as (
    select * from {{ ref('incidents') }}
),

receipts as (
    select * from {{ ref('stg_receipts__revisions') }}
    where is_current
),

dated as (
    select
        *,
        try_cast(day as date) as date_day
    from calendar
),

mentioned as (
    select date_day from dated
    union all
    -- what a delivery tells of happened within a month of its day
    select dt - 31 as date_day from receipts
    union all
    select dt + 31 as date_day from receipts
    union all
    select starts_on as date_day from incidents
    union all
    select baseline_from as date_day from incidents
    union all
    select eligibility_from as date_day from incidents
    union all
    select ends_on as date_day from incidents
),

-- whole calendar years around everything that any table mentions
span as (
    select
        date_trunc('year', min(date_day)) as from_day,
        date_trunc('year', max(date_day)) + interval '1 year' - interval '1 day' as to_day
    from mentioned
),

days as (
    select spine.date_day
    from span
    cross join {{ days_from_to('span.from_day', 'span.to_day', 'spine') }}
),

ruled as (
    {{ kind_of_day('days', 'dated') }}
),

final as (
    select
        date_day,
        weekday,
        is_processing_day,
        cast(sum(case when is_processing_day then 1 else 0 end) over (
            order by date_day rows between unbounded preceding and current row
        ) as bigint) as processing_day_index,
        is_holiday,
        holiday
    from ruled
)

select * from final
