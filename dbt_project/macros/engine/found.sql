{#-
CTE `looked_at`: the frauds that a detector finds, day by day, among the first `cases_per_day` cards; whoever was found
is not looked at again. Columns `rule_id`, `version`, `occurred_on` and `hits`. Reads `cards` (one row per detector, day
and `party_key`), `detectors`, `last_day` and `horizon`.

What was found before decides what is found next. DuckDB goes from day to day by recursion. Spark allows no aggregate in
one; there, each detector's frauds are folded, in order: what is no fraud is never found, so that of it only its number
ahead of each fraud counts.
-#}
{% macro found_day_by_day() -%}
    {{ return(adapter.dispatch('found_day_by_day', 'ringfence')()) }}
{%- endmacro %}

{% macro duckdb__found_day_by_day() -%}
looked_at as (
    select
        rule_id,
        version,
        cast(0 as bigint) as day_number,
        cast(null as date) as occurred_on,
        cast([] as uuid[]) as found,
        cast(0 as bigint) as hits
    from detectors
    union all
    select
        rule_id,
        version,
        day_number,
        occurred_on,
        list_concat(found, found_today) as found,
        len(found_today) as hits
    from (
        select
            rule_id,
            version,
            day_number,
            max(occurred_on) as occurred_on,
            any_value(found) as found,
            coalesce(
                list(party_key) filter (where is_fraud and not was_found and place <= cases_per_day), []
            ) as found_today
        from (
            select
                looked_at.rule_id,
                looked_at.version,
                looked_at.day_number + 1 as day_number,
                looked_at.found,
                horizon.cases_per_day,
                cards.occurred_on,
                cards.party_key,
                cards.is_fraud,
                list_contains(looked_at.found, cards.party_key) as was_found,
                row_number() over (
                    partition by looked_at.rule_id, looked_at.version
                    order by
                        list_contains(looked_at.found, cards.party_key) asc,
                        cards.score desc nulls last,
                        cards.first_payment_id asc
                ) as place
            from looked_at
            inner join last_day on looked_at.day_number < last_day.day_number
            cross join horizon
            left join cards
                on
                    looked_at.rule_id = cards.rule_id
                    and looked_at.version = cards.version
                    and looked_at.day_number + 1 = cards.day_number
        ) as places
        group by rule_id, version, day_number
    ) as tops
)
{%- endmacro %}
