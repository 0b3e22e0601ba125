-- What providers' own books say of the ports to and from themselves, for a regulator; made only if it is asked for. Some
-- books differ from the clearing house, which nobody tells: port_record_difference has one row per port and provider
-- whose books do, and how.
create view port_record_difference as
with sides as (
    select port_id, operator_or_other as reporter, outcome, hash(port_id, operator_or_other) as drawn,
    from port
    cross join lateral (select unnest([getvariable('operator'), other_provider]) as operator_or_other)
)
select
    port_id,
    reporter,
    case
        when happens('not in the books', drawn, getvariable('books_without_share')) then 'NOT_IN_BOOKS'
        when outcome <> 'COMPLETED' then null
        when happens('another day in the books', drawn, getvariable('books_other_day_share')) then 'ANOTHER_DAY'
        when happens('another state in the books', drawn, getvariable('books_other_state_share')) then 'ANOTHER_STATE'
        when happens('in the books alone', drawn, getvariable('books_alone_share')) then 'IN_BOOKS_ALONE'
    end as difference,
from sides
where difference is not null;

-- One row per provider, port and day on which the port changed in its books; of a port that the books alone have, the
-- identifier is one that the clearing house never gave.
create view provider_port_records_event as
with days as (
    select
        port_id,
        known_on,
        max(donor_provider) as donor_provider,
        max(recipient_provider) as recipient_provider,
        arg_max(status, event_seq) as status,
        arg_max(processed_on, event_seq) as processed_on,
    from portability_events_event
    group by port_id, known_on
),
books as (
    select days.*, reporter, difference,
    from days
    cross join lateral (select unnest([donor_provider, recipient_provider]) as reporter)
    left join port_record_difference using (port_id, reporter)
    where difference is distinct from 'NOT_IN_BOOKS'
),
told as (
    select * from books
    union all by name
    select * replace ('X' || port_id as port_id) from books where difference = 'IN_BOOKS_ALONE'
)
select
    known_on,
    known_on::timestamp as sort_at,
    hash(port_id, reporter, known_on) as chance,
    reporter,
    port_id,
    donor_provider,
    recipient_provider,
    if(difference = 'ANOTHER_STATE' and status in ('COMPLETED', 'WITHDRAWN'), 'CANCELLED', status) as status,
    case
        when difference = 'ANOTHER_STATE' then null
        when difference = 'ANOTHER_DAY' then processed_on + 1
        else processed_on
    end as processed_on,
from told;
