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

lines as (
    select
        *,
        {{ share_of('line_key', 'watched') }} as share,
        {{ is_sampled('line_key', halvings, of='stayers') }} as stands_for_stayers
    from {{ ref('dim_line') }}
    where status <> 'TERMINATED'
),

regions as (
    select * from {{ ref('regions') }}
),

sized as (
    select {{ enough }} * 1e0 / count(*) as watched_share
    from lines
),

ports as (
    select * from {{ ref('fct_port') }}
    where
        is_completed
        and not is_same_group
),

departures as (
    select
        snapshots.snapshot_on,
        ports.line_key,
        min(ports.processed_on) as left_on,
        min(ports.recipient_group) as left_for
    from snapshots
    inner join ports
        on
            snapshots.snapshot_on <= ports.processed_on
            and {{ days_between('snapshots.snapshot_on', 'ports.processed_on') }} < {{ horizon_days() }}
    where ports.line_key is not null
    group by snapshots.snapshot_on, ports.line_key
),

watched as (
    select
        snapshots.*,
        lines.*,
        providers.group_name as provider_group,
        departures.left_on,
        departures.left_for,
        case when snapshots.is_today or departures.left_on is not null then 1 else {{ 2 ** halvings }} end as stands_for
    from snapshots
    cross join sized
    inner join lines on {{ valid_at('lines', start_of_day('snapshots.snapshot_on')) }}
    inner join providers on lines.provider = providers.provider
    left join departures
        on
            snapshots.snapshot_on = departures.snapshot_on
            and lines.line_key = departures.line_key
    where
        {{ in_view(['providers.group_name']) }}
        and (snapshots.is_today or lines.share < sized.watched_share)
        and (snapshots.is_today or lines.stands_for_stayers or departures.left_on is not null)
),

arrivals as (
    select
        joined_line_key as line_key,
        min(donor_group) as came_from
    from ports
    where joined_line_key is not null
    group by joined_line_key
),

exposed as (
    select
        number_key,
        min(known_on) as known_on
    from {{ ref('int_exposure') }}
    group by number_key
),

payments as (
    select
        payment_id,
        line_key
    from {{ ref('int_payment_latest') }}
    where line_key is not null
),

robbed as (
    select
        payments.line_key,
        min(frauds.known_from) as known_dt
    from {{ ref('int_fraud_known') }} as frauds
    inner join payments on frauds.payment_id = payments.payment_id
    where frauds.known_to is null
    group by payments.line_key
),

disputed as (
    select
        payments.line_key,
        min({{ local_date('verdicts.first_disputed_at') }}) as disputed_on
    from {{ ref('int_payment_verdict') }} as verdicts
    inner join payments on verdicts.payment_id = payments.payment_id
    group by payments.line_key
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

-- of accounts that pay for more than one line: how many then, and whether one of them had just left
accounts as (
    select
        snapshots.snapshot_on,
        lines.account_key,
        count(*) as lines
    from snapshots
    inner join lines on {{ valid_at('lines', start_of_day('snapshots.snapshot_on')) }}
    where lines.account_key is not null
    group by snapshots.snapshot_on, lines.account_key
),

owners as (
    select
        line_key,
        {{ last_by('account_key', 'valid_from') }} as account_key
    from lines
    where account_key is not null
    group by line_key
),

just_left as (
    select
        snapshots.snapshot_on,
        owners.account_key
    from snapshots
    inner join ports
        on
            snapshots.snapshot_on > ports.processed_on
            and {{ days_between('ports.processed_on', 'snapshots.snapshot_on') }} <= {{ horizon_days() }}
    inner join owners on ports.line_key = owners.line_key
    group by snapshots.snapshot_on, owners.account_key
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
        coalesce(regions.province, 'unknown') as province,
        case
            when robbed.known_dt < aged.snapshot_on then 'victim'
            when exposed.known_on < aged.snapshot_on then 'exposed'
            else 'neither'
        end as exposure,
        case when disputed.disputed_on < aged.snapshot_on then 'disputed' else 'never' end as disputed,
        coalesce(arrivals.came_from, 'not known to') as came_from,
        case when sim_changes.number_key is null then 'not lately' else 'within a month' end as sim_changed,
        aged.line_type,
        case
            when aged.account_key is null then 'unknown'
            when just_left.account_key is not null then 'one has just left'
            when accounts.lines = 1 then 'none'
            when accounts.lines = 2 then 'one'
            else 'two or more'
        end as other_lines,
        aged.left_on,
        aged.left_for,
        aged.stands_for
    from aged
    left join regions on aged.region_code = regions.region_code
    left join arrivals on aged.line_key = arrivals.line_key
    left join exposed on aged.number_key = exposed.number_key
    left join robbed on aged.line_key = robbed.line_key
    left join disputed on aged.line_key = disputed.line_key
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
