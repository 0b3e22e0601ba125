with delivered as (
    select * from {{ ref('stg_desk__dispositions') }}
),

-- what is delivered again as it was is not decided again
dispositions as (
    select * from delivered
    qualify
        disposition is distinct from lag(disposition) over (partition by case_id, decided_at order by dt)
        or analyst_key is distinct from lag(analyst_key) over (partition by case_id, decided_at order by dt)
),

alerts as (
    select * from {{ ref('int_alert') }}
),

evidence as (
    {{ of_every_kind('int_suspicion') }}
),

audits as (
    select * from {{ ref('int_case_audit') }}
),

-- a line's case keeps the decisions on a payment that once opened it, though an earlier one came in later
named as (
    select
        {{ case_of_payment('payment_id') }} as named_id,
        case_id
    from alerts
    union
    select
        case_id as named_id,
        case_id
    from evidence
    union
    select
        case_id as named_id,
        case_id
    from audits
),

final as (
    select
        named.case_id,
        dispositions.disposition,
        dispositions.decided_at,
        dispositions.dt,
        dispositions.analyst_key,
        lead(dispositions.dt) over of_case as next_dt,
        row_number() over of_case = count(*) over (partition by named.case_id) as is_latest,
        lead(dispositions.dt) over (
            partition by named.case_id, dispositions.case_id, dispositions.decided_at
            order by dispositions.dt
        ) is not null as is_corrected
    from dispositions
    inner join named on dispositions.case_id = named.named_id
    window of_case as (
        partition by named.case_id
        order by dispositions.decided_at asc, dispositions.dt asc, dispositions.case_id desc
    )
)

select * from final
