{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='port_id',
) }}

{%- set touched = ref('fct_port__touched') %}
{%- set opened_within_days = 7 %}  {#- a line is opened with the port, or told of some days later -#}

with ports as (
    select
        *,
        coalesce(processed_on, {{ local_date('requested_at') }}) as event_on,
        donor_group = recipient_group as is_same_group,
        donor_group <> recipient_group and not is_withdrawn as is_move
    from {{ ref('int_port_latest') }}
    where
        {{ in_view(['donor_group', 'recipient_group']) }}
        and {{ is_touched('port_id', touched) }}
),

lines as (
    select * from {{ ref('dim_line') }}
    where number_key in (select ports.number_key from ports)
),

-- the line that carried the number when the port was asked for; should two claim it, the younger interval
line_at_request as (
    select
        ports.port_id,
        lines.line_key,
        lines.plan_code,
        lines.monthly_fee,
        lines.activated_on,
        lines.contract_end_on,
        row_number() over (
            partition by ports.port_id
            order by lines.valid_from desc, lines.line_key asc
        ) as preference
    from ports
    inner join lines
        on
            ports.number_key = lines.number_key
            and {{ valid_at('lines', 'ports.requested_at') }}
            and lines.status <> 'TERMINATED'
),

-- billing says what was due in the row that ends the line
termination as (
    select
        line_at_request.port_id,
        lines.etf,
        row_number() over (partition by line_at_request.port_id order by lines.valid_from) as ordinal
    from line_at_request
    inner join ports on line_at_request.port_id = ports.port_id
    inner join lines
        on
            line_at_request.line_key = lines.line_key
            and ports.number_key = lines.number_key
            and ports.requested_at <= lines.valid_from
    where
        line_at_request.preference = 1
        and lines.status = 'TERMINATED'
),

-- the line that the recipient opened for the number: the first of its days, should there be two the smaller key
joined_line as (
    select
        ports.port_id,
        lines.line_key,
        lines.plan_code,
        lines.monthly_fee,
        row_number() over (
            partition by ports.port_id
            order by lines.valid_from asc, lines.line_key asc
        ) as preference
    from ports
    inner join lines
        on
            ports.number_key = lines.number_key
            and ports.recipient_provider = lines.provider
            and lines.status <> 'TERMINATED'
            and lines.activated_on >= {{ local_date('ports.requested_at') }}
            and {{ days_between('ports.processed_on', 'lines.activated_on') }} <= {{ opened_within_days }}
    where ports.is_completed
),

-- the first port that brought the number back to the group that it left
back as (
    select
        ports.port_id,
        min(later.processed_on) as returned_on
    from ports
    inner join ports as later
        on
            ports.number_key = later.number_key
            and ports.donor_group = later.recipient_group
            and later.is_completed
            and later.is_move
            and (
                ports.processed_on < later.processed_on
                or (ports.processed_on = later.processed_on and ports.requested_at < later.requested_at)
            )
    where
        ports.is_completed
        and ports.is_move
    group by ports.port_id
),

earlier as (
    select
        ports.port_id,
        max(previous.processed_on) as last_port_on,
        max(previous.processed_on) filter (
            where previous.donor_group = ports.recipient_group and not previous.is_same_group
        ) as left_recipient_on,
        -- where the number was before the group that it leaves now; a withdrawn port brought it nowhere. Of two on one
        -- day the one asked for later, of two at once the later identifier, so that every build agrees
        {{ last_by(
            'previous.donor_group',
            'cast(previous.processed_on as string) || cast(previous.requested_at as string) || previous.port_id'
        ) }} filter (
            where previous.recipient_group = ports.donor_group and previous.is_move
        ) as came_from_group,
        max(previous.processed_on) filter (
            where previous.recipient_group = ports.donor_group and previous.is_move
        ) as came_on
    from ports
    inner join ports as previous
        on
            ports.number_key = previous.number_key
            and ports.port_id <> previous.port_id
            and (
                ports.event_on > previous.processed_on
                or (ports.event_on = previous.processed_on and ports.requested_at > previous.requested_at)
                or (
                    ports.event_on = previous.processed_on
                    and ports.requested_at = previous.requested_at
                    and ports.port_id > previous.port_id
                )
            )
            and previous.is_completed
    group by ports.port_id
),

final as (
    select
        ports.port_id,
        ports.number_key,
        line_at_request.line_key,
        ports.donor_provider,
        ports.donor_network,
        ports.donor_group,
        ports.recipient_provider,
        ports.recipient_network,
        ports.recipient_group,
        ports.line_type,
        ports.status,
        ports.reject_code,
        ports.requested_at,
        ports.status_at,
        ports.processed_on,
        ports.is_completed,
        ports.is_withdrawn,
        ports.is_same_group,
        line_at_request.plan_code,
        line_at_request.monthly_fee,
        {{ days_between('line_at_request.activated_on', 'ports.event_on') }} as tenure_days,
        case
            when line_at_request.contract_end_on >= ports.event_on
                then {{ full_months_between('ports.event_on', 'line_at_request.contract_end_on') }}
        end as contract_months_left,
        termination.etf as etf_due,
        ports.is_completed
        and not ports.is_same_group
        and coalesce({{ days_between('earlier.left_recipient_on', 'ports.event_on') }} <= 365, false) as is_return,
        {{ days_between('earlier.last_port_on', 'ports.event_on') }} as days_since_last_port,
        {{ full_months_between('earlier.last_port_on', 'ports.event_on') }} as months_since_last_port,
        {{ full_months_between('earlier.left_recipient_on', 'ports.event_on') }} as months_away,
        earlier.came_from_group,
        {{ full_months_between('earlier.came_on', 'ports.event_on') }} as months_stayed,
        back.returned_on,
        joined_line.line_key as joined_line_key,
        joined_line.plan_code as joined_plan_code,
        joined_line.monthly_fee as joined_monthly_fee
    from ports
    left join joined_line
        on
            ports.port_id = joined_line.port_id
            and joined_line.preference = 1
    left join back on ports.port_id = back.port_id
    left join line_at_request
        on
            ports.port_id = line_at_request.port_id
            and line_at_request.preference = 1
    left join termination
        on
            ports.port_id = termination.port_id
            and termination.ordinal = 1
    left join earlier on ports.port_id = earlier.port_id
)

select * from final
