{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='line_key',
) }}

{%- set touched = ref('waiver_claim__touched') %}

with fees as (
    select
        *,
        coalesce({{ local_date('charged_at') }}, {{ local_date('requested_at') }}, {{ local_date('refunded_at') }})
            as fee_on
    from {{ ref('int_termination_fee') }}
    where {{ is_touched('line_key', touched) }}
),

lines as (
    select * from {{ ref('dim_line') }}
),

providers as (
    select * from {{ ref('dim_provider') }}
),

waivers as (
    select * from {{ ref('int_waiver') }}
),

-- the row that ended the line when the fee was charged; should there be none, the one nearest in time
ended as (
    select
        fees.line_key,
        fees.fee_no,
        lines.number_key,
        lines.provider,
        lines.plan_code,
        lines.line_type,
        lines.activated_on,
        lines.contract_start_on,
        lines.termination_reason,
        lines.valid_from as ended_at,
        row_number() over (
            partition by fees.line_key, fees.fee_no
            order by
                case when lines.status = 'TERMINATED' then 0 else 1 end,
                abs({{ days_between(local_date('lines.valid_from'), 'fees.fee_on') }}),
                lines.valid_from desc
        ) as preference
    from fees
    inner join lines on fees.line_key = lines.line_key
),

-- who left so late that the waiver's terms forbid it to come back, and had the number back in the group before it ended
returned as (
    select
        waivers.incident_id,
        ended.line_key,
        ended.fee_no,
        min({{ local_date('lines.valid_from') }}) as returned_on
    from ended
    inner join waivers on {{ local_date('ended.ended_at') }} between waivers.returners_from and waivers.ends_on
    inner join lines
        on
            ended.number_key = lines.number_key
            and ended.ended_at < lines.valid_from
            and lines.status <> 'TERMINATED'
            and {{ local_date('lines.valid_from') }} <= waivers.ends_on
    inner join providers
        on
            lines.provider = providers.provider
            and waivers.provider_group = providers.group_name
    where ended.preference = 1
    group by waivers.incident_id, ended.line_key, ended.fee_no
),

group_networks as (
    select distinct
        group_name,
        network
    from providers
    where kind = 'MNO'
),

-- whose lines a waiver speaks of: its group's, and those of MVNOs in its network
reached as (
    select distinct
        waivers.incident_id,
        providers.provider
    from waivers
    cross join providers
    left join group_networks
        on
            waivers.provider_group = group_networks.group_name
            and providers.network = group_networks.network
    where
        waivers.provider_group = providers.group_name
        or (providers.kind = 'MVNO' and group_networks.network is not null)
),

-- fees within a waiver's reach, and whatever invokes it
claims as (
    select
        waivers.incident_id,
        waivers.ends_on,
        waivers.eligibility_from,
        fees.*,
        ended.number_key,
        ended.plan_code,
        ended.line_type,
        ended.activated_on,
        ended.contract_start_on,
        ended.termination_reason,
        providers.group_name = waivers.provider_group as is_own,
        returned.returned_on,
        -- paid back whole and no waiver invoked: the port was withdrawn, or the charge was wrong
        case
            when fees.waiver_code is null and fees.charged_amount <= fees.refunded_amount
                then {{ local_date('fees.refunded_at') }}
        end as cancelled_on
    from fees
    left join ended
        on
            fees.line_key = ended.line_key
            and fees.fee_no = ended.fee_no
            and ended.preference = 1
    left join providers on ended.provider = providers.provider
    cross join waivers
    left join reached
        on
            waivers.incident_id = reached.incident_id
            and providers.provider = reached.provider
    left join returned
        on
            waivers.incident_id = returned.incident_id
            and fees.line_key = returned.line_key
            and fees.fee_no = returned.fee_no
    where
        fees.waiver_code = waivers.incident_id
        or (
            fees.fee_on between waivers.eligibility_from and waivers.ends_on
            and reached.provider is not null
        )
),

judged as (
    select
        *,
        coalesce(waiver_code = incident_id, true) as names_no_other,
        case
            when number_key is null then 'LINE_UNKNOWN'
            when fee_no = 0 or fee_on not between eligibility_from and ends_on then 'OUTSIDE_WINDOW'
            when not is_own then 'MVNO'
            when activated_on >= eligibility_from then 'JOINED_SINCE'
            when contract_start_on >= eligibility_from then 'RECONTRACTED_SINCE'
            when line_type = 'IOT' then 'IOT'
            when termination_reason = 'EX_OFFICIO' then 'EX_OFFICIO'
            when cancelled_on is not null then 'CANCELLED'
            when returned_on is not null then 'RETURNED'
        end as exclusion
    from claims
),

final as (
    select
        incident_id,
        line_key,
        fee_no,
        number_key,
        plan_code,
        line_type,
        fee_on as charged_on,
        charged_amount,
        exclusion,
        case
            when exclusion = 'CANCELLED' then least(cancelled_on, coalesce(returned_on, cancelled_on))
            when exclusion = 'RETURNED' then returned_on
            when exclusion is not null then fee_on
        end as excluded_on,
        -- asked back under another code, it is neither asked back nor refused under this waiver
        case when names_no_other then {{ local_date('requested_at') }} end as requested_on,
        case when waiver_code = incident_id then {{ local_date('refunded_at') }} end as refunded_on,
        case when waiver_code = incident_id then refunded_amount else 0 end as refunded_amount,
        case when names_no_other then {{ local_date('refused_at') }} end as refused_on,
        case when names_no_other then refusal_reason end as refusal_reason
    from judged
)

select * from final
