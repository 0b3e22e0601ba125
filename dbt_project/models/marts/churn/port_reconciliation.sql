with records as (
    select * from {{ ref('stg_regulator__port_records') }}
),

ports as (
    select * from {{ ref('int_port_latest') }}
),

providers as (
    select * from {{ ref('providers') }}
),

-- what a provider's books said last of a port
books as (
    select
        reporter,
        port_id,
        {{ last_by('donor_provider', 'dt') }} as donor_provider,
        {{ last_by('recipient_provider', 'dt') }} as recipient_provider,
        {{ last_by('status', 'dt') }} as status,
        {{ last_by('processed_on', 'dt') }} as processed_on
    from records
    group by reporter, port_id
),

-- a provider answers for the days that its reports cover, and for no others
reporters as (
    select
        reporter,
        {{ start_of_day('min(dt)') }} as from_at,
        max(dt) as to_dt
    from records
    group by reporter
),

-- of the clearing house: ports that last changed, and were told to have, in days that one of their sides reports
answerable as (
    select
        ports.port_id,
        coalesce(bool_or(ports.donor_provider = reporters.reporter), false) as is_donor_reporting,
        coalesce(bool_or(ports.recipient_provider = reporters.reporter), false) as is_recipient_reporting
    from ports
    inner join reporters
        on
            reporters.reporter in (ports.donor_provider, ports.recipient_provider)
            and ports.status_at >= reporters.from_at
            and ports.state_dt <= reporters.to_dt
    group by ports.port_id
),

sides as (
    select
        port_id,
        max(donor_provider) as donor_provider,
        max(recipient_provider) as recipient_provider,
        max(case when reporter = donor_provider then status end) as donor_status,
        max(case when reporter = donor_provider then processed_on end) as donor_processed_on,
        max(case when reporter = recipient_provider then status end) as recipient_status,
        max(case when reporter = recipient_provider then processed_on end) as recipient_processed_on
    from books
    group by port_id
),

-- a port that was told of before its reporter's days, or after them, is compared if somebody reports it
known as (
    select port_id from answerable
    union
    select port_id from sides
),

viewed as (
    select
        known.port_id,
        coalesce(ports.donor_provider, sides.donor_provider) as donor_provider,
        coalesce(ports.recipient_provider, sides.recipient_provider) as recipient_provider,
        ports.status as clearing_house_status,
        ports.processed_on as clearing_house_processed_on,
        sides.donor_status,
        sides.donor_processed_on,
        sides.recipient_status,
        sides.recipient_processed_on,
        coalesce(answerable.is_donor_reporting, false) or sides.donor_status is not null as is_donor_reporting,
        coalesce(answerable.is_recipient_reporting, false) or sides.recipient_status is not null
            as is_recipient_reporting
    from known
    left join ports on known.port_id = ports.port_id
    left join sides on known.port_id = sides.port_id
    left join answerable on known.port_id = answerable.port_id
),

final as (
    select
        viewed.port_id,
        coalesce(viewed.clearing_house_processed_on, viewed.donor_processed_on, viewed.recipient_processed_on)
            as processed_on,
        viewed.donor_provider,
        viewed.recipient_provider,
        coalesce(donor.group_name, 'UNKNOWN') as donor_group,
        coalesce(recipient.group_name, 'UNKNOWN') as recipient_group,
        viewed.clearing_house_status,
        viewed.clearing_house_processed_on,
        viewed.is_donor_reporting,
        viewed.donor_status,
        viewed.donor_processed_on,
        viewed.is_recipient_reporting,
        viewed.recipient_status,
        viewed.recipient_processed_on,
        case
            when
                viewed.clearing_house_status is null
                or (viewed.is_donor_reporting and viewed.donor_status is null)
                or (viewed.is_recipient_reporting and viewed.recipient_status is null)
                then 'ONE_SIDED'
            when
                viewed.donor_status <> viewed.clearing_house_status
                or viewed.recipient_status <> viewed.clearing_house_status
                then 'DIFFERENT_STATE'
            when
                viewed.donor_processed_on <> viewed.clearing_house_processed_on
                or viewed.recipient_processed_on <> viewed.clearing_house_processed_on
                then 'DIFFERENT_DAY'
            else 'MATCHED'
        end as agreement
    from viewed
    left join providers as donor on viewed.donor_provider = donor.provider
    left join providers as recipient on viewed.recipient_provider = recipient.provider
)

select * from final
