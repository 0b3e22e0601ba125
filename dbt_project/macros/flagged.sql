{#- Measures over rows of `int_flagged_payment`: what is suspected and what is confirmed, each with its amounts. -#}
{% macro flagged_measures() -%}
    {%- for name, flag in [('alert', 'is_alerted'), ('confirmed', 'is_confirmed')] %}
    count(*) filter (where {{ flag }}) as {{ 'alerts' if name == 'alert' else name }},
    count(*) filter (where counts_{{ name }}_payer) as {{ name }}_payers,
    {%- for amount in ['attempted', 'lost', 'refunded'] %}
    sum({{ amount }}_amount) filter (where {{ flag }}) as {{ name }}_{{ amount }}_amount
    {{- ',' if not (loop.last and name == 'confirmed') }}
    {%- endfor %}
    {%- endfor %}
{%- endmacro %}

{#- The same measures of a joined aggregate, nothing being nought. -#}
{% macro flagged_measures_of(alias) -%}
    {%- set names = ['alerts', 'alert_payers', 'alert_attempted_amount', 'alert_lost_amount', 'alert_refunded_amount',
        'confirmed', 'confirmed_payers', 'confirmed_attempted_amount', 'confirmed_lost_amount',
        'confirmed_refunded_amount'] -%}
    {%- for name in names %}
    cast(coalesce({{ alias }}.{{ name }}, 0) as bigint) as {{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#-
Whether a payment is its payer's first of the day, of its product and, where given, of those that `flag` marks. Counts
of such payments count every payer once, and add up over whatever divides a day.
-#}
{% macro is_payers_first(payment, flag=none) -%}
    {%- if flag %}{{ flag }} and {% endif -%}
    row_number() over (
        partition by
            {{ payment }}.occurred_on,
            {{ payment }}.product,
            coalesce({{ payment }}.line_key, {{ payment }}.number_key)
            {{- ', ' ~ flag if flag }}
        order by {{ payment }}.occurred_at, {{ payment }}.payment_id
    ) = 1
{%- endmacro %}

{#- The two products of carrier billing, as prefixes of columns: they are counted beside each other, never as one. -#}
{% macro payment_products() -%}
    {{ return(['micropayment', 'dcb']) }}
{%- endmacro %}

{#- Count and amounts of flagged payments, by product. -#}
{% macro measures_by_product() -%}
    {%- for product in payment_products() %}
    {%- set of_product = "filter (where product = '" ~ product | upper ~ "')" %}
    count(*) {{ of_product }} as {{ product }}_payments,
    {%- for amount in ['attempted', 'lost', 'refunded'] %}
    cast(coalesce(sum({{ amount }}_amount) {{ of_product }}, 0) as bigint) as {{ product }}_{{ amount }}_amount,
    {%- endfor %}
    {%- endfor %}
{%- endmacro %}

{#- Body of a mart with one row per line or number: those of its flagged payments that `filter` keeps. -#}
{% macro flagged_parties(filter) -%}
with flagged as (
    select * from {{ ref('int_flagged_payment') }}
    where {{ filter }}
),

final as (
    select
        party_key,
        {{ last_by('line_key', 'occurred_at') }} as line_key,
        {{ last_by('number_key', 'occurred_at') }} as number_key,
        {{ measures_by_product() }}
        min(occurred_at) as first_occurred_at,
        max(occurred_at) as last_occurred_at,
        min(first_alerted_at) as first_alerted_at,
        {{ hours_between('min(occurred_at)', 'min(first_alerted_at)') }} as hours_to_alert
    from flagged
    group by party_key
)

select * from final
{%- endmacro %}
