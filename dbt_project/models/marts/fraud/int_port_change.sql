with ports as (
    select
        *,
        -- of a port that was withdrawn afterwards, the end of the day under which it is booked
        case
            when status = 'COMPLETED' then status_at
            when processed_on is not null then {{ start_of_day('processed_on + 1') }}
        end as completed_at
    from {{ ref('int_port_latest') }}
    where
        {{ in_view(['donor_group']) }}
        and donor_group <> recipient_group
),

changes as (
    select
        number_key,
        changed_at,
        {{ last_by('channel', 'dt') }} as channel,
        min(dt) as change_dt
    from {{ ref('stg_network__sim_changes') }}
    group by number_key, changed_at
),

reach as (
    select max(hours) as hours
    from {{ ref('port_rules') }}
    where is_enabled
),

-- the last change before the number was gone, or while the port waited, but for those long before the request
final as (
    select
        ports.port_id,
        ports.number_key,
        ports.requested_at,
        ports.first_dt as port_dt,
        ports.status,
        ports.completed_at,
        ports.recipient_group,
        ports.dealer_code,
        changes.changed_at,
        changes.channel,
        changes.change_dt,
        {{ hours_between('changes.changed_at', 'ports.requested_at') }} as hours_between
    from ports
    inner join changes on ports.number_key = changes.number_key
    inner join reach on {{ seconds_between('changes.changed_at', 'ports.requested_at') }} <= 3600 * reach.hours
    where
        changes.changed_at < ports.completed_at
        or changes.changed_at <= ports.requested_at
        or ports.status in ('REQUESTED', 'AUTHENTICATED')
    qualify row_number() over (partition by ports.port_id order by changes.changed_at desc) = 1
)

select * from final
