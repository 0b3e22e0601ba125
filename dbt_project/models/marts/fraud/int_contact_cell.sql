with uses as (
    select * from {{ ref('int_unregistered_use') }}
),

suspects as (
    select
        cell_id,
        min(date_day) as since,
        case when count(*) = count(cleared_known_on) then max(cleared_known_on) end as cleared_on
    from uses
    group by cell_id
),

payments as (
    select * from {{ ref('fct_payment') }}
),

-- on a cell that a list cleared, until the list was there
final as (
    select
        {{ case_of_subject('CELL', 'cell_id') }} as case_id,
        number_key,
        cast(null as string) as payment_id,
        seen_from as contact_at
    from uses
    where payment_id is null
    union all
    select
        {{ case_of_subject('CELL', 'suspects.cell_id') }} as case_id,
        payments.number_key,
        payments.payment_id,
        payments.occurred_at as contact_at
    from payments
    inner join suspects
        on
            payments.cell_id = suspects.cell_id
            and payments.occurred_on >= suspects.since
            and payments.occurred_on < coalesce(suspects.cleared_on, date '9999-12-31')
)

select * from final
