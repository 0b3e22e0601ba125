with lines as (
    select
        *,
        {{ local_date('valid_from') }} as stated_on
    from {{ ref('dim_line') }}
),

kinds as (
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

-- beside each statement, what billing stated first of the same contract
stated as (
    select
        *,
        first_value(etf) over contract as etf_begun,
        first_value(stated_on) over contract as begun_on,
        row_number() over contract as statement_no
    from lines
    window contract as (partition by line_key, contract_start_on order by valid_from)
),

-- each line that is here, on the day that billing reaches; and each that ended, on its last
asked as (
    select
        *,
        status = 'TERMINATED' as has_ended,
        case
            when status = 'TERMINATED' then stated_on
            else {{ data_end('subscriptions', [ref('int_subscription_interval')]) }}
        end as due_on
    from stated
    where
        is_current
        or status = 'TERMINATED'
),

basis as (
    select
        asked.line_key,
        asked.has_ended,
        asked.due_on,
        asked.etf as etf_last_stated,
        asked.valid_from as last_stated_at,
        asked.contract_kind,
        asked.contract_end_on,
        asked.monthly_fee,
        -- the statement that ends a line foretells nothing of itself
        case when not asked.has_ended or asked.statement_no > 1 then asked.etf_begun end as etf_begun,
        kinds.fee_basis,
        kinds.basis_pct,
        kinds.rounded_down_to,
        cast(floor({{ days_between('asked.contract_start_on', 'asked.due_on') }} / kinds.month_days) as bigint)
            as month_due,
        cast(floor({{ days_between('asked.contract_start_on', 'asked.begun_on') }} / kinds.month_days) as bigint)
            as month_begun
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
        bounded.has_ended,
        bounded.due_on,
        bounded.etf_last_stated,
        bounded.last_stated_at,
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
