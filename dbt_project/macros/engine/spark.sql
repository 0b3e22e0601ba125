{#- Apache Spark, 4 or later: its spelling of what the other files of this folder dispatch. -#}

{% macro spark__last_by(value, rank) -%}
    max_by({{ value }}, case when {{ value }} is not null then {{ rank }} end)
{%- endmacro %}

{% macro spark__quantile(value, share) -%}
    percentile_disc({{ share }}) within group (order by {{ value }})
{%- endmacro %}

{% macro spark__local_date(instant) -%}
    cast({{ instant }} as date)
{%- endmacro %}

{% macro spark__days_between(from_date, to_date) -%}
    cast(date_diff({{ to_date }}, {{ from_date }}) as bigint)
{%- endmacro %}

{% macro spark__full_months_between(from_date, to_date) -%}
    cast(
        12 * (year({{ to_date }}) - year({{ from_date }})) + month({{ to_date }}) - month({{ from_date }})
        - cast(day({{ to_date }}) < day({{ from_date }}) as int)
        as bigint
    )
{%- endmacro %}

{% macro spark__months_after(date_day, months) -%}
    add_months({{ date_day }}, cast({{ months }} as int))
{%- endmacro %}

{#- `sequence` counts down where the end lies before the beginning; of nothing `explode` makes no row. -#}
{% macro spark__days_from_to(from_date, to_date, alias) -%}
    lateral explode(
        case
            when {{ from_date }} <= {{ to_date }}
                then sequence(cast({{ from_date }} as date), cast({{ to_date }} as date), interval 1 day)
        end
    ) as {{ alias }} (date_day)
{%- endmacro %}

{% macro spark__weekday_name(date_day) -%}
    upper(date_format({{ date_day }}, 'EEEE'))
{%- endmacro %}

{% macro spark__integers_from_to(from_number, to_number, alias) -%}
    lateral explode(
        case
            when {{ from_number }} <= {{ to_number }}
                then sequence(cast({{ from_number }} as bigint), cast({{ to_number }} as bigint))
        end
    ) as {{ alias }} (number)
{%- endmacro %}

{% macro spark__start_of_day(date_day) -%}
    cast({{ date_day }} as timestamp)
{%- endmacro %}

{% macro spark__start_of_hour(instant) -%}
    date_trunc('HOUR', {{ instant }})
{%- endmacro %}

{% macro spark__seconds_between(from_instant, to_instant) -%}
    ((unix_micros({{ to_instant }}) - unix_micros({{ from_instant }})) div 1000000)
{%- endmacro %}

{% macro spark__epoch_seconds(instant) -%}
    (unix_micros({{ instant }}) div 1000000)
{%- endmacro %}

{% macro spark__sorted_values(value) -%}
    case when count({{ value }}) > 0 then array_sort(collect_list({{ value }})) end
{%- endmacro %}

{% macro spark__item_at(values, position) -%}
    get({{ values }}, cast({{ position }} as int) - 1)
{%- endmacro %}

{% macro spark__is_in_json_list(value, document) -%}
    array_contains(from_json({{ document }}, 'array<string>'), {{ value }})
{%- endmacro %}

{% macro spark__items_up_to(values, most) -%}
    cast(array_size(filter({{ values }}, item -> item <= {{ most }})) as bigint)
{%- endmacro %}

{% macro spark__items_in(values) -%}
    cast(array_size({{ values }}) as bigint)
{%- endmacro %}

{#- Hashes may be negative here, and so would be their remainders. -#}
{% macro spark__part_of(key, parts) -%}
    pmod(hash({{ key }}), {{ parts }})
{%- endmacro %}

{#- Spark spills what it sorts, and splits it by itself: nothing has to be built in parts. -#}
{% macro spark__parts_in_memory(relation, bytes_per_row) -%}
    {{ return(1) }}
{%- endmacro %}

{% macro spark__share_of(key, purpose) -%}
    cast(conv(left(md5('{{ purpose }}' || {{ key }}), 7), 16, 10) as bigint) / 268435456e0
{%- endmacro %}

{% macro spark__json_text(pairs) -%}
    to_json(
        named_struct(
            {%- for key, value in pairs.items() -%} '{{ key }}', {{ value }}{{ ', ' if not loop.last }} {%- endfor -%}
        ),
        map('ignoreNullFields', 'false', 'timestampFormat', 'yyyy-MM-dd HH:mm:ssx')
    )
{%- endmacro %}

{% macro spark__json_member(document, key) -%}
    get_json_object({{ document }}, '$.{{ key }}')
{%- endmacro %}

{#- By way of a sorted list: `listagg` beside a `count(distinct …)` fails (4.3: a ClassCastException). -#}
{% macro spark__ordered_list(value, order_by) -%}
    array_join(
        transform(
            array_sort(
                collect_list(
                    struct(
                        {%- for key in order_by.split(', ') %}
                        {{ '-' if key.endswith(' desc') }}{{ key | replace(' desc', '') }} as key_{{ loop.index }},
                        {%- endfor %}
                        {{ value }} as item
                    )
                )
            ),
            listed -> listed.item
        ),
        ', '
    )
{%- endmacro %}

{% macro spark__last_known(value) -%}
    last_value({{ value }}) ignore nulls
{%- endmacro %}

{% macro spark__first_known(value) -%}
    first_value({{ value }}) ignore nulls
{%- endmacro %}

{#- Pseudonyms are texts here, spelled as DuckDB spells a UUID: it sorts and hashes them alike. -#}
{% macro spark__key_type() -%}
    string
{%- endmacro %}

{% macro spark__end_of_time() -%}
    timestamp '9999-12-31 00:00:00+00:00'
{%- endmacro %}

{% macro spark__found_day_by_day() -%}
folded as (
    select
        rule_id,
        version,
        aggregate(
            array_sort(collect_list(struct(occurred_on, place, others_ahead, party_key, cases_per_day))),
            named_struct(
                'occurred_on', cast(null as date), 'ahead', cast(0 as bigint),
                'found', cast(array() as array<string>), 'found_on', cast(array() as array<date>)
            ),
            (so_far, it) -> case
                when array_contains(so_far.found, it.party_key) then so_far
                else named_struct(
                    'occurred_on', it.occurred_on,
                    'ahead', if(so_far.occurred_on = it.occurred_on, so_far.ahead, 0) + 1,
                    'found', if(
                        if(so_far.occurred_on = it.occurred_on, so_far.ahead, 0) + it.others_ahead < it.cases_per_day,
                        concat(so_far.found, array(it.party_key)),
                        so_far.found
                    ),
                    'found_on', if(
                        if(so_far.occurred_on = it.occurred_on, so_far.ahead, 0) + it.others_ahead < it.cases_per_day,
                        concat(so_far.found_on, array(it.occurred_on)),
                        so_far.found_on
                    )
                )
            end,
            so_far -> so_far.found_on
        ) as found_on
    from in_reach
    group by rule_id, version
),

looked_at as (
    select
        folded.rule_id,
        folded.version,
        found.occurred_on,
        count(*) as hits
    from folded
    cross join lateral explode(folded.found_on) as found (occurred_on)
    group by folded.rule_id, folded.version, found.occurred_on
)
{%- endmacro %}

{#- In one pass: Spark computes a CTE once for each of its readers, and there is one for each rule. -#}
{% macro spark__rule_hits(rules, payments, versions) -%}
    select * from (
        select
            payments.payment_id,
            versions.rule_id,
            versions.version,
            versions.points,
            case versions.rule_id
                {%- for rule in rules %}
                when '{{ rule.rule_id }}' then {{ json_text(rule.evidence) }}
                {%- endfor %}
            end as evidence,
            case versions.rule_id
                {%- for rule in rules %}
                when '{{ rule.rule_id }}' then payments.{{ rule.rule_id | lower }}__known_dt
                {%- endfor %}
            end as known_dt
        from {{ payments }} as payments
        cross join {{ versions }} as versions
    ) as hits
    where known_dt is not null
{%- endmacro %}

{#- In one pass: a CTE with as many readers as there are columns would be computed as often. -#}
{% macro spark__column_values(relation, keep, columns) -%}
    select
        {{ keep }},
        stack(
            {{ columns | length }}
            {%- for name, column in columns.items() -%} , '{{ name }}', cast({{ column }} as double) {%- endfor -%}
        ) as (name, value)
    from {{ relation }}
{%- endmacro %}
