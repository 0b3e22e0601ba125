{#-
The region in which the payer lived when a payment happened, joined as `line`: a payment without a line (an MVNO's
customer), or one that billing did not know then, has none. `payments` needs `line_key` and `occurred_at`.
-#}
{% macro join_line_at_payment(payments, lines) -%}
    left join {{ lines }} as line
        on
            {{ payments }}.line_key = line.line_key
            and {{ payments }}.occurred_at >= line.valid_from
            and ({{ payments }}.occurred_at < line.valid_to or line.valid_to is null)
{%- endmacro %}
