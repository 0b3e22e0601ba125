{#-
The log-odds of a payment are those of its week's model at the means, and what each feature adds above or below its own:
its coefficient times what it is above its mean.
-#}
{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='first_dt',
) }}

{%- set touched = ref('score__touched') -%}
{%- set features = score_features() %}

with payments as (
    select
        *,
        cast(date_trunc('week', first_dt) as date) as trained_for
    from {{ ref('int_score_feature') }}
    where {{ is_touched_day('first_dt', touched) }}
),

-- one row per week: its model's coefficients, and what the features of the same words usually add together
models as (
    select
        trained_for,
        {%- for name in features %}
            coalesce(max(coefficient) filter (where feature = '{{ name }}'), 0) as {{ name }}_coefficient,
        {%- endfor %}
        {%- for words in score_words() %}
            coalesce(sum(coefficient * mean) filter (where feature in ({{ names_of_words(words) }})), 0)
                as usual_{{ loop.index }},
        {%- endfor %}
        max(coefficient) filter (where feature = 'INTERCEPT') as level
    from {{ ref('int_score_model') }}
    group by trained_for
),

added as (
    select
        payments.payment_id,
        payments.first_dt,
        payments.trained_for,
        models.level,
    {%- for words in score_words() %}
        {{ score_added(words) }} - models.usual_{{ loop.index }} as added_{{ loop.index }}{{ ',' if not loop.last }}
    {%- endfor %}
    from payments
    inner join models on payments.trained_for = models.trained_for
    where models.level is not null
),

scored as (
    select
        *,
        level
        {%- for words in score_words() %} + added_{{ loop.index }}{%- endfor %} as log_odds
    from added
),

ranked as (
    select
        *,
        1e0 / (1e0 + exp(-log_odds)) as probability,
        row_number() over (partition by first_dt order by log_odds desc, payment_id asc) as rank_of_day
    from scored
),

-- what speaks for fraud, of those that anybody may look at; ten points double the odds
shown as (
    select * from ranked
    where rank_of_day <= {{ scores_with_reasons() | int }}
),

added_by_words as (
    {%- set columns = {} -%}
    {%- for words in score_words() -%}
        {%- do columns.update({words: 'added_' ~ loop.index}) -%}
    {%- endfor %}
    {{ column_values('shown', 'payment_id', columns) }}
),

reasons as (
    select
        payment_id,
        name as words,
        cast(round(10 * value / ln(2)) as bigint) as points
    from added_by_words
),

told as (
    select
        payment_id,
        {{ ordered_list("words || ' ' || points", 'points desc, words') }} as reasons
    from (
        select
            *,
            row_number() over (partition by payment_id order by points desc, words asc) as place
        from reasons
        where points > 0
    ) as places
    where place <= 4
    group by payment_id
),

final as (
    select
        ranked.payment_id,
        ranked.first_dt,
        ranked.trained_for,
        cast(ranked.probability as double) as probability,
        cast(ranked.rank_of_day as bigint) as rank_of_day,
        told.reasons
    from ranked
    left join told on ranked.payment_id = told.payment_id
)

select * from final
