with ports as (
    select * from {{ ref('int_port_latest') }}
    where
        {{ in_view(['donor_group']) }}
        and donor_group <> recipient_group
),

changes as (
    select * from {{ ref('stg_network__sim_changes') }}
),

reach as (
    select max(hours) as hours
    from {{ ref('port_rules') }}
    where is_enabled
),

-- the last change before the request; a change told twice is known from the first delivery
final as (
    select
        ports.port_id,
        ports.number_key,
        ports.requested_at,
        ports.first_dt as port_dt,
        ports.status,
        ports.status_at,
        ports.processed_on,
        ports.recipient_group,
        ports.dealer_code,
        changes.changed_at,
        {{ last_by('changes.channel', 'changes.dt') }} as channel,
        min(changes.dt) as change_dt
    from ports
    inner join changes
        on
            ports.number_key = changes.number_key
            and ports.requested_at >= changes.changed_at
    inner join reach on {{ seconds_between('changes.changed_at', 'ports.requested_at') }} <= 3600 * reach.hours
    group by
        ports.port_id, ports.number_key, ports.requested_at, ports.first_dt, ports.status, ports.status_at,
        ports.processed_on, ports.recipient_group, ports.dealer_code, changes.changed_at
    qualify row_number() over (partition by ports.port_id order by changes.changed_at desc) = 1
)

select * from final
