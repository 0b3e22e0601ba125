{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='list_on',
) }}

{%- set cells = ref('stg_network__cells') -%}
{%- set touched = ref('int_cell_registry_change__touched') %}

with cells as (
    select * from {{ cells }}
    where
        {{ is_touched_day('list_on', touched) }}
        or {{ is_touched_day('list_on', touched, key='previous_on') }}
),

list_days as (
    select
        list_on,
        lead(list_on) over (order by list_on) as next_list_on
    from (select distinct list_on from {{ cells }}) as listed
),

-- each list beside the one before it: a missing list changes nothing
previous as (
    select
        cells.*,
        list_days.next_list_on
    from cells
    inner join list_days on cells.list_on = list_days.list_on
    where list_days.next_list_on is not null
),

compared as (
    select
        coalesce(cells.cell_id, previous.cell_id) as cell_id,
        coalesce(cells.list_on, previous.next_list_on) as list_on,
        cells.cell_id is not null as is_listed,
        cells.kind,
        cells.region_code,
        cells.registered_on,
        cells.deregistered_on
    from cells
    full outer join previous
        on
            cells.cell_id = previous.cell_id
            and cells.list_on = previous.next_list_on
    where
        cells.cell_id is null
        or previous.cell_id is null
        or cells.kind is distinct from previous.kind
        or cells.region_code is distinct from previous.region_code
        or cells.registered_on is distinct from previous.registered_on
        or cells.deregistered_on is distinct from previous.deregistered_on
),

final as (
    select * from compared
    where {{ is_touched('list_on', touched) }}
)

select * from final
