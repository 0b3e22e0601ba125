{#-
CTEs that end with `looked_at` (before it, `steps` on DuckDB and `folded` on Spark): the frauds that a detector finds,
day by day, among the first `cases_per_day` cards; whoever was found is not looked at again. Columns `rule_id`,
`version`, `occurred_on` and `hits`. Reads `detectors` and `in_reach`: one row per detector, day and fraud that could be
among them (`party_key`, `place`, `others_ahead`, `cases_per_day`).

What was found before decides what is found next. DuckDB goes by recursion from day to day with fraud; Spark allows no
aggregate in one, and folds.
-#}
{% macro found_day_by_day() -%}
    {{ return(adapter.dispatch('found_day_by_day', 'ringfence')()) }}
{%- endmacro %}

{% macro duckdb__found_day_by_day() -%}
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
