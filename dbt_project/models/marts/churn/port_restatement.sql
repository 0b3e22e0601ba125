{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='processed_on',
) }}

{%- set touched = ref('port_restatement__touched') %}

with ports as (
    select * from {{ ref('int_port_known') }}
    where {{ is_touched('processed_on', touched) }}
),

providers as (
    select * from {{ ref('providers') }}
),

grouped as (
    select
        ports.processed_on,
        ports.line_type,
        ports.known_from,
        ports.known_until,
        coalesce(donor.group_name, 'UNKNOWN') as donor_group,
        coalesce(recipient.group_name, 'UNKNOWN') as recipient_group
    from ports
    left join providers as donor on ports.donor_provider = donor.provider
    left join providers as recipient on ports.recipient_provider = recipient.provider
),

-- a port comes into the count on one day, and may go out of it on another
moves as (
    select
        processed_on,
        donor_group,
        recipient_group,
        line_type,
        known_from as known_on,
        1 as change
    from grouped
    union all
    select
        processed_on,
        donor_group,
        recipient_group,
        line_type,
        known_until as known_on,
        -1 as change
    from grouped
    where known_until is not null
),

changes as (
    select
        processed_on,
        donor_group,
        recipient_group,
        line_type,
        known_on,
        cast(sum(change) as bigint) as change
    from moves
    where {{ in_view(['donor_group', 'recipient_group']) }}
    group by processed_on, donor_group, recipient_group, line_type, known_on
    having sum(change) <> 0
),

running as (
    select
        *,
        cast(sum(change) over so_far as bigint) as now_known,
        first_value(change) over so_far as first_reported
    from changes
    window so_far as (
        partition by processed_on, donor_group, recipient_group, line_type
        order by known_on
        rows between unbounded preceding and current row
    )
),

final as (
    select
        processed_on,
        donor_group,
        recipient_group,
        line_type,
        known_on,
        first_reported,
        now_known,
        now_known - first_reported as difference,
        change
    from running
)

select * from final
