{#-
What a payment cost the customer: charged and not refunded. One that was denied or cancelled, and one that was paid
back, stays an attempt.
-#}
{% macro lost_amount(payment, dispute) -%}
    case
        when {{ payment }}.status = 'SUCCEEDED'
            then greatest({{ payment }}.amount - cast(coalesce({{ dispute }}.refunded_amount, 0) as bigint), 0)
        else 0
    end
{%- endmacro %}
