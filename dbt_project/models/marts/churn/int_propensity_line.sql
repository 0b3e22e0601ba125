{#- Lines whose past is looked at: all of them up to about this many, otherwise a part, by their pseudonym. -#}
{%- set enough = 900000 -%}
{#- Departures are what is learnt from, and few: of those who stay, one in sixteen is looked at, and stands for all. -#}
{%- set halvings = 4 -%}

with snapshots as (
    select * from {{ ref('int_propensity_snapshot') }}
    where
        is_over
        or is_today
),

providers as (
    select * from {{ ref('dim_provider') }}
),

sized as (
    select {{ enough }} * 1e0 / count(*) as watched_share
    from {{ ref('dim_line') }}
    where status <> 'TERMINATED'
),

ports as (
    select
        line_key,
        port_id,
        requested_at,
        processed_on,
        recipient_group
    from {{ ref('fct_port') }}
    where
        is_completed
        and not is_same_group
        and line_key is not null
),

departures as (
    select
        snapshots.snapshot_on,
        ports.line_key,
        ports.processed_on as left_on,
        ports.recipient_group as left_for
    from snapshots
    inner join ports
        on
            snapshots.snapshot_on <= ports.processed_on
            and {{ days_between('snapshots.snapshot_on', 'ports.processed_on') }} < {{ horizon_days() }}
    -- of a port that was withdrawn and another one, the first
    qualify
        row_number() over (
            partition by snapshots.snapshot_on, ports.line_key
            order by ports.processed_on, ports.requested_at, ports.port_id
        ) = 1
),

sim_changes as (
    select
        snapshots.snapshot_on,
        changes.number_key
    from snapshots
    inner join {{ ref('int_number_change') }} as changes
        on
            snapshots.snapshot_on > changes.dt
            and changes.kind = 'SIM_CHANGE'
            and {{ days_between('changes.dt', 'snapshots.snapshot_on') }} <= {{ horizon_days() }}
    group by snapshots.snapshot_on, changes.number_key
),

-- lines looked at on past days: whoever left, and of those who stayed a part
sampled as (
    select * from {{ ref('int_line_told') }}
    where
        {{ is_sampled('line_key', halvings, of='stayers') }}
        or line_key in (select departures.line_key from departures)
),

-- and the other lines of their accounts
beside_them as (
    select * from {{ ref('dim_line') }}
    where
        status <> 'TERMINATED'
        and account_key in (select sampled.account_key from sampled)
),

-- today all accounts are looked at, on past days those of sampled lines
lines_of_accounts as (
    select
        true as is_for_today,
        *
    from {{ ref('dim_line') }}
    union all
    select
        false as is_for_today,
        *
    from beside_them
),

-- accounts that paid for more than one line then
accounts as (
    select
        snapshots.snapshot_on,
        lines.account_key,
        count(*) as lines
    from snapshots
    inner join lines_of_accounts as lines
        on
            snapshots.is_today = lines.is_for_today
            and {{ valid_at('lines', start_of_day('snapshots.snapshot_on')) }}
    where
        lines.account_key is not null
        and lines.status <> 'TERMINATED'
    group by snapshots.snapshot_on, lines.account_key
    having count(*) > 1
),

-- and those of which a line had just left
leavers as (
    select
        snapshots.snapshot_on,
        ports.line_key
    from snapshots
    inner join ports
        on
            snapshots.snapshot_on > ports.processed_on
            and {{ days_between('ports.processed_on', 'snapshots.snapshot_on') }} <= {{ horizon_days() }}
    group by snapshots.snapshot_on, ports.line_key
),

owners as (
    select
        leavers.snapshot_on,
        leavers.line_key,
        {{ last_by('lines.account_key', 'lines.valid_from') }} as account_key
    from leavers
    inner join {{ ref('dim_line') }} as lines on leavers.line_key = lines.line_key
    where
        lines.account_key is not null
        and lines.status <> 'TERMINATED'
    group by leavers.snapshot_on, leavers.line_key
),

just_left as (
    select
        snapshot_on,
        account_key
    from owners
    group by snapshot_on, account_key
),

-- and all lines, on past days those sampled
looked_at as (
    select
        true as is_for_today,
        *
    from {{ ref('int_line_told') }}
    union all
    select
        false as is_for_today,
        *
    from sampled
),

-- who was there on each of the days
there as (
    select
        snapshots.*,
        lines.*,
        providers.group_name as provider_group
    from snapshots
    cross join providers
    inner join looked_at as lines
        on
            providers.provider = lines.provider
            and snapshots.is_today = lines.is_for_today
            and {{ valid_at('lines', start_of_day('snapshots.snapshot_on')) }}
    where {{ in_view(['providers.group_name']) }}
),

watched as (
    select
        there.*,
        departures.left_on,
        departures.left_for,
        case when there.is_today or departures.left_on is not null then 1 else {{ 2 ** halvings }} end as stands_for
    from there
    cross join sized
    left join departures
        on
            there.snapshot_on = departures.snapshot_on
            and there.line_key = departures.line_key
    where
        there.is_today
        or (departures.left_on is not null or {{ is_sampled('there.line_key', halvings, of='stayers') }})
        and {{ share_of('there.line_key', 'watched') }} < sized.watched_share
),

-- while a waiver pays fees back, no contract binds
unbound as (
    select
        snapshots.snapshot_on,
        waivers.provider_group
    from snapshots
    inner join {{ ref('int_waiver') }} as waivers
        on snapshots.snapshot_on between waivers.starts_on and waivers.ends_on
    group by snapshots.snapshot_on, waivers.provider_group
),

aged as (
    select
        watched.*,
        {{ full_months_between('watched.activated_on', 'watched.snapshot_on') }} as tenure_months,
        case
            when watched.contract_end_on >= watched.snapshot_on and unbound.snapshot_on is null
                then {{ full_months_between('watched.snapshot_on', 'watched.contract_end_on') }}
        end as contract_months_left
    from watched
    left join unbound
        on
            watched.snapshot_on = unbound.snapshot_on
            and watched.provider_group = unbound.provider_group
),

final as (
    select
        aged.snapshot_on,
        aged.is_today,
        aged.is_over,
        aged.is_ordinary,
        aged.trained_for,
        aged.line_key,
        aged.number_key,
        aged.provider_group,
        aged.monthly_fee,
        case
            when aged.contract_months_left is null then 'none'
            when aged.contract_months_left < 3 then 'under 3 months'
            when aged.contract_months_left < 9 then '3 to 9 months'
            when aged.contract_months_left < 16 then '9 to 16 months'
            else 'over 16 months'
        end as months_left,
        case when aged.contract_months_left is null then 'NONE' else aged.contract_kind end as contract,
        case
            when aged.contract_months_left is null or aged.etf = 0 then 'nothing'
            when aged.etf < 4 * aged.monthly_fee then 'under 4 monthly fees'
            when aged.etf < 7 * aged.monthly_fee then '4 to 7 monthly fees'
            else 'over 7 monthly fees'
        end as fee_stated,
        case
            when aged.tenure_months < 3 then 'under 3 months'
            when aged.tenure_months < 6 then '3 to 6 months'
            when aged.tenure_months < 12 then '6 to 12 months'
            when aged.tenure_months < 24 then '1 to 2 years'
            when aged.tenure_months < 60 then '2 to 5 years'
            when aged.tenure_months < 120 then '5 to 10 years'
            else 'over 10 years'
        end as tenure,
        aged.plan_code,
        coalesce(aged.age_band, 'unknown') as age_band,
        coalesce(aged.province, 'unknown') as province,
        case
            when aged.fraud_known_dt < aged.snapshot_on then 'victim'
            when aged.exposure_known_on < aged.snapshot_on then 'exposed'
            else 'neither'
        end as exposure,
        case when aged.disputed_on < aged.snapshot_on then 'disputed' else 'never' end as disputed,
        coalesce(aged.came_from, 'not known to') as came_from,
        case when sim_changes.number_key is null then 'not lately' else 'within a month' end as sim_changed,
        aged.line_type,
        case
            when aged.account_key is null then 'unknown'
            when just_left.account_key is not null then 'one has just left'
            when accounts.lines = 2 then 'one'
            when accounts.lines > 2 then 'two or more'
            else 'none'
        end as other_lines,
        aged.left_on,
        aged.left_for,
        aged.stands_for
    from aged
    left join sim_changes
        on
            aged.snapshot_on = sim_changes.snapshot_on
            and aged.number_key = sim_changes.number_key
    left join accounts
        on
            aged.snapshot_on = accounts.snapshot_on
            and aged.account_key = accounts.account_key
    left join just_left
        on
            aged.snapshot_on = just_left.snapshot_on
            and aged.account_key = just_left.account_key
)

select * from final
