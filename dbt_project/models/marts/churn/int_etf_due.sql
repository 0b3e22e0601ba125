{{ config(materialized='view') }}

with kinds as (
    select * from {{ ref('contract_kinds') }}
),

schedule as (
    select
        *,
        coalesce(lead(from_month) over (partition by contract_kind order by from_month) - 1, from_month) as until_month,
        max(from_month) over (partition by contract_kind) as last_month
    from {{ ref('etf_schedule') }}
),

-- one row per kind of contract and month; whatever comes after the last is like it
months as (
    select
        schedule.contract_kind,
        schedule.last_month,
        month.number as month,
        schedule.due_pct
    from schedule,
        {{ integers_from_to('schedule.from_month', 'schedule.until_month', 'month') }}
),

-- each line that is here, on the day that billing reaches; and each that ended, on its last
asked as (
    select
        *,
        status = 'TERMINATED' as has_ended,
        case
            when status = 'TERMINATED' then {{ local_date('valid_from') }}
            else {{ data_end('subscriptions', [ref('int_subscription_interval')]) }}
        end as due_on
    from {{ ref('int_subscription_interval') }}
    where
        valid_to is null
        or status = 'TERMINATED'
),

basis as (
    select
        asked.*,
        kinds.fee_basis,
        kinds.basis_pct,
        kinds.rounded_down_to,
        -- the statement that ends a line foretells nothing of itself
        case when not asked.has_ended or asked.valid_from > asked.contract_stated_from then asked.contract_etf end
            as etf_begun,
        cast(floor({{ days_between('asked.contract_start_on', 'asked.due_on') }} / kinds.month_days) as bigint)
            as month_due,
        cast(floor(
            {{ days_between('asked.contract_start_on', local_date('asked.contract_stated_from')) }} / kinds.month_days
        ) as bigint) as month_begun
    from asked
    left join kinds on asked.contract_kind = kinds.contract_kind
),

bounded as (
    select
        basis.*,
        case when basis.month_due is not null then greatest(least(basis.month_due, last.last_month), 0) end
            as schedule_month_due,
        case when basis.month_begun is not null then greatest(least(basis.month_begun, last.last_month), 0) end
            as schedule_month_begun
    from basis
    left join months as last
        on
            basis.contract_kind = last.contract_kind
            and last.month = last.last_month
),

final as (
    select
        bounded.line_key,
        bounded.provider,
        bounded.line_type,
        bounded.plan_code,
        bounded.monthly_fee,
        bounded.activated_on,
        bounded.contract_start_on,
        bounded.contract_end_on,
        bounded.has_ended,
        bounded.due_on,
        bounded.etf as etf_last_stated,
        bounded.valid_from as last_stated_at,
        cast(case
            when (select count(*) from kinds) = 0 then null  -- without a schedule, billing's word is all there is
            when bounded.fee_basis is null or bounded.contract_end_on < bounded.due_on then 0
            when bounded.fee_basis = 'MONTHLY_FEE'
                then
                    floor(
                        floor(bounded.monthly_fee * bounded.basis_pct / (100 * bounded.rounded_down_to))
                        * due.due_pct / 100
                    ) * bounded.rounded_down_to
            when bounded.fee_basis = 'STATED'
                then
                    floor(
                        bounded.etf_begun * due.due_pct / (nullif(begun.due_pct, 0) * bounded.rounded_down_to)
                    ) * bounded.rounded_down_to
        end as bigint) as etf_by_schedule
    from bounded
    left join months as due
        on
            bounded.contract_kind = due.contract_kind
            and bounded.schedule_month_due = due.month
    left join months as begun
        on
            bounded.contract_kind = begun.contract_kind
            and bounded.schedule_month_begun = begun.month
)

select * from final
