{#-
What is said of detection, by every model and command that says it: definitions of the Fraud Detection Handbook
(chapter 4), of which its authors have tests against scikit-learn. Of a payment, of its row of alerts and of its row of
verdicts (each null where there is none), then of a relation of such payments, then of its counts.
-#}

{#- Select list: what a payment is to a detector that gave it a score. -#}
{% macro detected(payment, alert, verdict) -%}
    {{ alert }}.payment_id is not null as is_alert,
    {{ days_between(payment ~ '.occurred_on', alert ~ '.first_alerted_on') }} as delay_days,
    {{ verdict }}.verdict is not null as is_decided,
    coalesce({{ verdict }}.verdict = 'CONFIRMED_FRAUD', false) as is_fraud,
    {{ alert }}.payment_id is not null and {{ verdict }}.verdict is null as is_pending
{%- endmacro %}

{#- Select list: counts over rows of `detected`, which have an `amount`. -#}
{% macro detection_counts() -%}
    count(*) filter (where is_alert) as alerts,
    count(*) filter (where is_alert and is_decided) as alerts_decided,
    count(*) filter (where is_pending) as alerts_pending,
    count(*) filter (where is_alert and is_fraud) as alerts_confirmed,
    cast(coalesce(sum(amount) filter (where is_alert and is_fraud), 0) as bigint) as detected_amount,
    median(delay_days) filter (where is_alert and is_fraud) as median_delay_days
{%- endmacro %}

{#- Select list: shares of these counts, and of all `frauds` and their `fraud_amount`; null without any. -#}
{% macro detection_rates(counted, frauds) -%}
    100.0 * {{ counted }}.alerts_confirmed / nullif({{ counted }}.alerts_decided, 0) as precision_pct,
    100.0 * coalesce({{ counted }}.alerts_confirmed, 0) / nullif({{ frauds }}.frauds, 0) as recall_pct,
    100.0 * coalesce({{ counted }}.detected_amount, 0) / nullif({{ frauds }}.fraud_amount, 0)
        as value_detection_rate_pct
{%- endmacro %}
