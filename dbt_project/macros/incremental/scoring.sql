{#-
Whose scores pending deliveries may change beside the delivered payments themselves: one macro per kind of knowledge,
each yielding queries for `payment_id`. On an ordinary day they find little more than that day's payments; what speaks
of the past reaches exactly the payments that it concerns.
-#}

{% macro payments_to_judge_again(features, lists, registrations, exposures, known_frauds) -%}
    {{ return(
        payments_beside_delivered(features)
        + payments_on_changed_cells(features, lists)
        + payments_exposed_anew(features, lists, registrations, exposures)
        + payments_of_changed_numbers(features)
        + payments_in_crowded_hours(features)
        + payments_near_known_fraud(features, known_frauds)
    ) }}
{%- endmacro %}

{#-
Payments of numbers that turn out to have been on an unregistered cell, and payments that had been called exposed by
a cell that changed.
-#}
{% macro payments_exposed_anew(features, lists, registrations, exposures) -%}
    {%- set cells = model.name ~ '__cells' -%}
    {%- set numbers = model.name ~ '__numbers' -%}
    {%- do keep_keys(cells, 'cell_id', [cells_changed('cell_registry', lists)]) -%}
    {%- set ever_missing = " and cell_id not in (select cell_id from " ~ registrations
        ~ " where unregistered_from = date '9999-12-31')" -%}
    {%- do keep_keys(numbers, 'number_key', [
        "select number_key from " ~ all_revisions('cell_attachments')
        ~ " where " ~ in_days('dt', pending_days('cell_attachments')) ~ ever_missing,
        "select number_key from " ~ exposures ~ " where cell_id in (select cell_id from " ~ cells ~ ")",
        "select number_key from " ~ model.name ~ "__delivered_rows where cell_id is not null" ~ ever_missing,
    ]) -%}
    {{ return([
        "select payment_id from " ~ features ~ " where number_key in (select number_key from " ~ numbers ~ ")",
        "select payment_id from " ~ this ~ " where rule_id = 'EXPOSED_NUMBER' and "
        ~ json_member('evidence', 'cell_id') ~ " in (select cell_id from " ~ cells ~ ")",
    ]) }}
{%- endmacro %}

{#- Payments of numbers after a pending port or SIM change. -#}
{% macro payments_of_changed_numbers(features) -%}
    {{ return([
        "select payment.payment_id from " ~ features ~ " as payment inner join ("
        ~ "select number_key, changed_at from " ~ all_revisions('sim_changes')
        ~ " where " ~ in_days('dt', pending_days('sim_changes'))
        ~ " union all select number_key, status_at from " ~ all_revisions('portability_events')
        ~ " where " ~ in_days('dt', pending_days('portability_events')) ~ " and status = 'COMPLETED'"
        ~ ") as change on payment.number_key = change.number_key and payment.occurred_at >= change.changed_at"
    ]) }}
{%- endmacro %}

{#- Payments on a cell in an hour that pending attachments crowd. -#}
{% macro payments_in_crowded_hours(features) -%}
    {{ return([
        "select payment.payment_id from " ~ features ~ " as payment inner join ("
        ~ "select cell_id, hour_start from " ~ all_revisions('cell_attachments')
        ~ " where " ~ in_days('dt', pending_days('cell_attachments')) ~ " group by cell_id, hour_start, dt, rev"
        ~ " having count(*) >= " ~ least_numbers_of_a_crowded_hour()
        ~ ") as crowded on payment.cell_id = crowded.cell_id and payment.occurred_hour = crowded.hour_start"
    ]) }}
{%- endmacro %}

{#-
Payments first delivered on or after a pending day, at a merchant or on a cell that has, or had, confirmed fraud.
-#}
{% macro payments_near_known_fraud(features, known_frauds) -%}
    {%- set days = pending_days('payments') + pending_days('payment_disputes') + pending_days('alert_dispositions') -%}
    {%- set frauds = model.name ~ '__frauds' -%}
    {%- do keep_keys(frauds, 'payment_id', [
        "select payment_id from " ~ known_frauds,
        keys_of_pending('payment_disputes', 'payment_id'),
        "select " ~ payment_of_case('case_id') ~ " as payment_id from " ~ all_revisions('alert_dispositions')
        ~ " where " ~ in_days('dt', pending_days('alert_dispositions')),
    ]) -%}
    {%- set places -%}
        (select merchant_id, cell_id from {{ features }} where payment_id in (select payment_id from {{ frauds }})
        union all select merchant_id, cell_id from {{ model.name }}__delivered_rows
        where payment_id in (select payment_id from {{ frauds }})) as place
    {%- endset -%}
    {%- set since = "(select least((select min(since) from " ~ model.name ~ "__delivered_rows where payment_id in ("
        ~ "select payment_id from " ~ model.name ~ "__delivered_rows group by payment_id"
        ~ " having count(distinct merchant_id) > 1 or count(distinct cell_id) > 1)), " ~ earliest(days) ~ "))" -%}
    {{ return([
        "select payment_id from " ~ features ~ " where first_dt >= " ~ since
        ~ " and (merchant_id in (select merchant_id from " ~ places ~ ")"
        ~ " or cell_id in (select cell_id from " ~ places ~ "))"
    ]) }}
{%- endmacro %}
