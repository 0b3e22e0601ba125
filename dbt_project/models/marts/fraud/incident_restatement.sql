with known_frauds as (
    select * from {{ ref('int_fraud_delivered') }}
),

payments as (
    select * from {{ ref('fct_payment') }}
),

deliveries as (
    select * from {{ ref('int_first_delivery') }}
    where feed = 'payments'
),

-- a verdict tells of nobody before the payment that it is about is known
frauds as (
    select
        greatest(
            known_frauds.known_from, coalesce(deliveries.delivered_on, payments.first_dt + 1)
        ) as known_from,
        known_frauds.known_until,
        coalesce(payments.line_key, payments.number_key) as party_key,
        payments.product,
        payments.amount
    from known_frauds
    inner join payments on known_frauds.payment_id = payments.payment_id
    left join deliveries on payments.first_dt = deliveries.dt
),

-- a number on a cell that was missing from the registry, until a list held the cell after all
uses as (
    select
        cell_id,
        number_key,
        known_on as known_from,
        coalesce(cleared_known_on, date '9999-12-31') as known_until
    from {{ ref('int_unregistered_use') }}
),

first_days as (
    select known_from from frauds
    where known_from < known_until
    union all
    select known_from from uses
),

spans as (
    select
        min(known_from) as first_on,
        greatest(
            max(known_from),
            {{ data_end('payments', [ref('int_payment_latest'), ref('int_unregistered_payment')]) }} + 1
        ) as last_on
    from first_days
),

days as (
    select calendar.date_day as known_on
    from spans
    cross join {{ days_from_to('spans.first_on', 'spans.last_on', 'calendar') }}
    where spans.first_on is not null
),

frauds_known as (
    select
        days.known_on,
        count(distinct frauds.party_key) as victims,
    {% for product in payment_products() -%}
        count(distinct frauds.party_key) filter (where frauds.product = '{{ product | upper }}')
            as {{ product }}_victims,
        count(*) filter (where frauds.product = '{{ product | upper }}') as {{ product }}_payments,
        sum(frauds.amount) filter (where frauds.product = '{{ product | upper }}')
            as {{ product }}_amount{{ ',' if not loop.last }}
    {% endfor %}
    from days
    inner join frauds
        on
            days.known_on >= frauds.known_from
            and days.known_on < frauds.known_until
    group by days.known_on
),

marks as (
    select
        'CELL' as kind,
        cell_id as mark,
        known_from,
        known_until
    from uses
    union all
    select
        'NUMBER' as kind,
        cast(number_key as string) as mark,
        known_from,
        known_until
    from uses
),

-- what no list cleared stays known from its first sign on; what one cleared was known until then
mark_spans as (
    select
        kind,
        mark,
        min(known_from) as known_from,
        known_until
    from marks
    group by kind, mark, known_until
),

uses_known as (
    select
        days.known_on,
        count(distinct mark_spans.mark) filter (where mark_spans.kind = 'CELL') as cells,
        count(distinct mark_spans.mark) filter (where mark_spans.kind = 'NUMBER') as exposed_numbers
    from days
    inner join mark_spans
        on
            days.known_on >= mark_spans.known_from
            and days.known_on < mark_spans.known_until
    group by days.known_on
),

final as (
    select
        days.known_on,
        cast(coalesce(frauds_known.victims, 0) as bigint) as victims,
        {% for product in payment_products() -%}
            cast(coalesce(frauds_known.{{ product }}_victims, 0) as bigint) as {{ product }}_victims,
            cast(coalesce(frauds_known.{{ product }}_payments, 0) as bigint) as {{ product }}_payments,
            cast(coalesce(frauds_known.{{ product }}_amount, 0) as bigint) as {{ product }}_amount,
        {% endfor -%}
        cast(coalesce(uses_known.cells, 0) as bigint) as cells,
        cast(coalesce(uses_known.exposed_numbers, 0) as bigint) as exposed_numbers
    from days
    left join frauds_known on days.known_on = frauds_known.known_on
    left join uses_known on days.known_on = uses_known.known_on
)

select * from final
