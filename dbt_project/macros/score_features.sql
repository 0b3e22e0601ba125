{#-
What the learned score looks at: by name, an SQL expression over the columns of `int_score_feature`'s `known`, and the
words of its group. Each is known by the payment's first delivery, never null, and of a size that a regression can bear:
money, counts and days as logarithms, recency as 1 / (1 + days). What a site's feeds do not tell is nought in every row,
and so weighs nothing.
-#}
{% macro score_features() -%}
    {%- set amount, number, merchant, cell = 'amount', 'what the number did before', 'the merchant', 'the cell' -%}
    {%- set features = {
        'amount': {'sql': log_of('amount'), 'words': amount},
        'amount_to_usual': {'sql': ratio_of('amount', 'number_usual_amount'), 'words': amount},
        'amount_to_merchant': {'sql': ratio_of('amount', 'merchant_usual_amount'), 'words': amount},
        'amount_to_cap': {'sql': share_in('amount', 'monthly_limit'), 'words': 'the monthly cap'},
        'cap_used': {'sql': share_in('cap_used_pct', '100e0'), 'words': 'the monthly cap'},
        'cap_raised': {'sql': recency_of('days_since_cap_raise'), 'words': 'the monthly cap'},
        'earlier_payments': {'sql': log_of('earlier_payments'), 'words': number},
        'since_payment': {'sql': log_of('coalesce(days_since_payment, 90)'), 'words': number},
        'failed_1d': {'sql': log_of('failed_1d'), 'words': 'failed attempts'},
        'failed_7d': {'sql': log_of('failed_7d'), 'words': 'failed attempts'},
        'abandoned_7d': {'sql': log_of('abandoned_7d'), 'words': 'failed attempts'},
        'refused_before': {'sql': log_of('refused_before'), 'words': 'failed attempts'},
        'number_frauds': {'sql': log_of('number_frauds_30d'), 'words': 'known fraud of the number'},
        'rejected_disputes': {'sql': log_of('rejected_disputes'), 'words': 'rejected disputes'},
        'since_activation': {'sql': recency_of('days_since_activation'), 'words': 'a new line, number or SIM'},
        'since_port_in': {'sql': recency_of('days_since_port_in'), 'words': 'a new line, number or SIM'},
        'since_sim_change': {'sql': recency_of('days_since_sim_change'), 'words': 'a new line, number or SIM'},
        'within_minutes': {'sql': log_of('within_10_minutes'), 'words': 'payments close together'},
        'within_hour': {'sql': log_of('within_60_minutes'), 'words': 'payments close together'},
        'crowd': {'sql': log_of('crowd_numbers - 1'), 'words': 'a crowd in one place'},
        'is_night': {'sql': 'cast(hour_of_day between 0 and 5 as double)', 'words': 'the hour'},
        'hour_sine': {'sql': 'sin(hour_of_day * pi() / 12)', 'words': 'the hour'},
        'hour_cosine': {'sql': 'cos(hour_of_day * pi() / 12)', 'words': 'the hour'},
        'is_first_at_merchant': {'sql': 'cast(earlier_at_merchant = 0 as double)', 'words': merchant},
        'is_first_in_category': {'sql': 'cast(earlier_in_category = 0 as double)', 'words': merchant},
        'is_cash_like': {'sql': 'cast(is_cash_like as double)', 'words': 'something as good as cash'},
        'method_share': {
            'sql': '1e0 * earlier_by_method / greatest(earlier_ever, 1)', 'words': 'how it was authenticated'
        },
        'is_call_incomplete': {'sql': 'cast(is_call_incomplete as double)', 'words': 'how it was authenticated'},
        'is_on_cell': {'sql': 'cast(is_on_cell as double)', 'words': cell},
        'is_unregistered': {'sql': 'cast(is_unregistered as double)', 'words': cell},
        'is_exposed': {'sql': 'cast(is_exposed as double)', 'words': 'exposure to an unregistered cell'},
    } -%}
    {%- for days in feature_windows() -%}
        {%- for what in ['payments', 'usual', 'largest'] -%}
            {%- do features.update({
                'number_' ~ what ~ '_' ~ days: {'sql': log_of('number_' ~ what ~ '_' ~ days ~ 'd'), 'words': number},
            }) -%}
        {%- endfor -%}
        {%- for place, words in {'merchant': merchant, 'cell': cell}.items() -%}
            {%- set name = place ~ '_{}_' ~ days -%}
            {%- set frauds, payments = name.format('frauds') ~ 'd', name.format('payments') ~ 'd' -%}
            {%- do features.update({
                name.format('payments'): {'sql': log_of(payments), 'words': words},
                name.format('numbers'): {'sql': share_in(name.format('numbers') ~ 'd', payments), 'words': words},
                name.format('usual'): {'sql': log_of(name.format('usual') ~ 'd'), 'words': words},
                name.format('frauds'): {'sql': log_of(frauds), 'words': 'known fraud at ' ~ words},
                name.format('fraud_rate'): {'sql': share_in(frauds, payments), 'words': 'known fraud at ' ~ words},
            }) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(features) }}
{%- endmacro %}

{#- The groups of words, each once. -#}
{% macro score_words() -%}
    {{ return(score_features().values() | map(attribute='words') | unique | list) }}
{%- endmacro %}

{% macro log_of(amount) -%}
    ln(1e0 + coalesce({{ amount }}, 0))
{%- endmacro %}

{#- The logarithm of a ratio; nought where there is nothing to compare with. -#}
{% macro ratio_of(amount, usual) -%}
    ln((1e0 + {{ amount }}) / (1e0 + coalesce({{ usual }}, {{ amount }})))
{%- endmacro %}

{% macro share_in(part, whole) -%}
    case
        when {{ part }} >= {{ whole }} and {{ whole }} > 0 then 1e0
        else coalesce(1e0 * {{ part }} / nullif({{ whole }}, 0), 0e0)
    end
{%- endmacro %}

{% macro recency_of(days) -%}
    coalesce(1e0 / (1e0 + abs({{ days }})), 0e0)
{%- endmacro %}

{#- Days before a week of whose payments its model learns. -#}
{% macro days_to_learn_from() -%}
    182
{%- endmacro %}

{#- Honest payments, about, that a model learns from, each for as many as there were; of frauds it learns from all. -#}
{% macro payments_to_learn_from() -%}
    20000
{%- endmacro %}

{#- Of each day, so many of the payments with the highest scores say why. -#}
{% macro scores_with_reasons() -%}
    300
{%- endmacro %}

{#- The names of these words' features, quoted. -#}
{% macro names_of_words(words) -%}
    {%- for name, feature in score_features().items() if feature.words == words -%}
    {{ ', ' if not loop.first }}'{{ name }}'
    {%- endfor -%}
{%- endmacro %}

{#- What the features of these words add to a payment's log-odds, by the week's model in `models`. -#}
{% macro score_added(words) -%}
    {%- for name, feature in score_features().items() if feature.words == words %}
    {{ '+ ' if not loop.first }}models.{{ name }}_coefficient * payments.{{ name }}
    {%- endfor %}
{%- endmacro %}

{#- Relations whose deliveries change what a score rests on, its model's labels included. -#}
{% macro feeds_of_scores() -%}
    {{ return([
        source('payments', 'payments__all_revisions'),
        source('desk', 'payment_disputes__all_revisions'),
        source('desk', 'alert_dispositions__all_revisions'),
        source('network', 'cell_registry__all_revisions'),
        source('network', 'cell_attachments__all_revisions'),
        source('network', 'sim_changes__all_revisions'),
        source('clearing_house', 'portability_events__all_revisions'),
        source('billing', 'subscriptions__all_revisions'),
    ]) }}
{%- endmacro %}
