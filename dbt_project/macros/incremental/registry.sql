{#-
Full-list feeds (the cell registry): what a pending list can change is bounded by the list before it and the list after
it. `lists` is a relation with one `list_on` per listed row.
-#}

{#-
Query for the lists whose difference to the one before may have changed, those of the `days` and their followers, each
as `list_on` with the list before it as `previous_on`.
-#}
{% macro touched_lists(days, lists, receipts) -%}
with listed as (
    select distinct list_on from {{ lists }}
),

given as (
    select distinct dt as list_on
    from {{ receipts }}
    where
        feed = 'cell_registry'
        and {{ in_days('dt', days) }}
),

followers as (
    select min(listed.list_on) as list_on
    from given
    inner join listed on given.list_on < listed.list_on
    group by given.list_on
),

touched as (
    select list_on from given
    union
    select list_on from followers
)

select
    touched.list_on,
    max(listed.list_on) as previous_on
from touched
left join listed on touched.list_on > listed.list_on
group by touched.list_on
{%- endmacro %}

{#- The days (ISO text) of touched lists, and of the lists before them, as two lists. -#}
{% macro days_of_touched_lists(days, lists, receipts) -%}
    {%- set rows = run_query(touched_lists(days, lists, receipts)).rows if days else [] -%}
    {%- set touched = rows | map(attribute='list_on') | map('string') | list -%}
    {%- set previous = rows | map(attribute='previous_on') | reject('none') | map('string') | list -%}
    {{ return((touched | sort, previous | reject('in', touched) | unique | sort)) }}
{%- endmacro %}

{#-
Query for the `cell_id` whose place in the registry may differ between the lists of some days: on some but not all of
them, superseded revisions included, or with more than one day of deregistration.
-#}
{% macro cells_changed(days, registry) -%}
select cell_id
from {{ registry }}
where {{ in_days('dt', days) }}
group by cell_id
having
    count(distinct (dt, rev)) < (select count(distinct (dt, rev)) from {{ registry }} where {{ in_days('dt', days) }})
    or count(distinct coalesce(deregistered_on, date '9999-12-31')) > 1
{%- endmacro %}

{#-
Query for the payments whose cell may have entered or left the registry with a pending list: those on a cell whose place
in it changed; and, where a pending list is the first there is, those between it and the next one, which had no registry
to miss from before. `changed_cells` is a relation of `cell_id`, `pending` the days of the pending lists.
-#}
{% macro payments_on_changed_cells(payments, lists, changed_cells, pending) -%}
select payment_id
from {{ payments }}
where cell_id in (select cell_id from {{ changed_cells }})
union all
select payments.payment_id
from {{ payments }} as payments
inner join (
    select
        min(list_on) as from_day,
        min(case when list_on > (select min(list_on) from {{ lists }}) then list_on end) as to_day
    from {{ lists }}
) as first_list
    on
        {{ in_days('first_list.from_day', pending) }}
        and {{ local_date('payments.occurred_at') }} >= first_list.from_day
        and {{ local_date('payments.occurred_at') }} < coalesce(first_list.to_day, date '9999-12-31')
{%- endmacro %}
