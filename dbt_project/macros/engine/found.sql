{#-
CTE `looked_at`: the frauds that a detector finds, day by day, among the first `cases_per_day` cards; whoever was found
is not looked at again. Columns `rule_id`, `version`, `occurred_on` and `hits`. Reads `cards` (one row per detector, day
and `party_key`), `detectors` and `horizon`.

What was found before decides what is found next. What is no fraud is never found, so that of it only its number ahead
of each fraud counts. DuckDB goes by recursion from day to day with fraud; Spark allows no aggregate in one, and folds.
-#}
{% macro found_day_by_day() -%}
    {{ return(adapter.dispatch('found_day_by_day', 'ringfence')()) }}
{%- endmacro %}

{% macro duckdb__found_day_by_day() -%}
in_reach as (
    select *
    from (
        select
            cards.*,
            horizon.cases_per_day,
            count(*) filter (where not cards.is_fraud) over by_place as others_ahead,
            row_number() over by_place as place
        from cards
        cross join horizon
        window by_place as (
            partition by cards.rule_id, cards.version, cards.occurred_on
            order by cards.score desc nulls last, cards.first_payment_id asc
        )
    ) as placed
    where
        is_fraud
        and others_ahead < cases_per_day
),

-- a recursion makes anew, at each of its steps, what it does not find made
steps as materialized (
    select
        rule_id,
        version,
        occurred_on,
        any_value(cases_per_day) as cases_per_day,
        list(struct_pack(party_key := party_key, others_ahead := others_ahead) order by place) as frauds,
        row_number() over (partition by rule_id, version order by occurred_on) as step
    from in_reach
    group by rule_id, version, occurred_on
),

looked_at as (
    select
        rule_id,
        version,
        cast(0 as bigint) as step,
        cast(null as date) as occurred_on,
        cast([] as uuid[]) as found,
        cast(0 as bigint) as hits
    from detectors
    union all
    select
        rule_id,
        version,
        step,
        occurred_on,
        list_concat(found, found_today) as found,
        len(found_today) as hits
    from (
        select
            looked_at.rule_id,
            looked_at.version,
            steps.step,
            steps.occurred_on,
            looked_at.found,
            [
                fraud.party_key
                for fraud, number in list_filter(
                    steps.frauds, lambda one: not list_contains(looked_at.found, one.party_key)
                )
                if number + fraud.others_ahead <= steps.cases_per_day
            ] as found_today
        from looked_at
        inner join steps
            on
                looked_at.rule_id = steps.rule_id
                and looked_at.version = steps.version
                and looked_at.step + 1 = steps.step
    ) as tops
)
{%- endmacro %}
