with flagged as (
    select * from {{ ref('int_flagged_payment') }}
),

payments as (
    select * from {{ ref('fct_payment') }}
),

sold as (
    select * from {{ ref('int_dealer_number') }}
),

links as (
    select * from {{ ref('ring_links') }}
    where is_enabled
),

places as (
    select
        'CELL' as kind,
        cell_id as place,
        party_key,
        payment_id,
        occurred_on
    from flagged
    where cell_id is not null
    union all
    select
        'MERCHANT' as kind,
        merchant_id as place,
        party_key,
        payment_id,
        occurred_on
    from flagged
    union all
    select
        'DEALER' as kind,
        sold.dealer_code as place,
        flagged.party_key,
        flagged.payment_id,
        sold.sold_on as occurred_on
    from flagged
    inner join sold
        on
            flagged.number_key = sold.number_key
            and flagged.occurred_on >= sold.sold_on
            and flagged.occurred_on < sold.answered_to
),

spans as (
    select
        kind,
        place,
        count(distinct party_key) as parties,
        count(distinct case when kind = 'DEALER' then cast(party_key as string) else payment_id end) as doings,
        min(occurred_on) as first_on,
        max(occurred_on) as last_on
    from places
    group by kind, place
    having count(distinct party_key) > 1
),

doings as (
    select
        'CELL' as kind,
        cell_id as place,
        occurred_on
    from payments
    where cell_id is not null
    union all
    select
        'MERCHANT' as kind,
        merchant_id as place,
        occurred_on
    from payments
    union all
    select
        'DEALER' as kind,
        dealer_code as place,
        sold_on as occurred_on
    from sold
),

-- all that was done there in that time, honest or not
everything as (
    select
        spans.kind,
        spans.place,
        count(*) as doings
    from doings
    inner join spans
        on
            doings.kind = spans.kind
            and doings.place = spans.place
            and doings.occurred_on >= spans.first_on
            and doings.occurred_on <= spans.last_on
    group by spans.kind, spans.place
),

joining as (
    select
        spans.kind,
        spans.place
    from spans
    inner join everything
        on
            spans.kind = everything.kind
            and spans.place = everything.place
    inner join links
        on
            spans.kind = links.kind
            and spans.parties <= links.max_numbers
            and 100e0 * spans.doings >= links.min_flagged_pct * everything.doings
),

final as (
    select distinct
        places.kind,
        places.place,
        places.party_key,
        places.payment_id
    from places
    inner join joining
        on
            places.kind = joining.kind
            and places.place = joining.place
)

select * from final
