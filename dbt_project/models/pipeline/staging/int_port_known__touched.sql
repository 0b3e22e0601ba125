{#- As of a latest state, and the days on which a corrected delivery took away rows of the touched ports. -#}
{%- set events = source('clearing_house', 'portability_events__all_revisions') -%}
{%- set days = pending_days(events, source('intermediate_before', 'int_port_known'), ref('readable_delivery')) -%}
{%- set ports = ref('int_port_latest') -%}
with named as (
    select distinct
        port_id,
        dt
    from {{ events }}
    where {{ in_days('dt', days) }}
),

final as (
    select
        port_id,
        dt as from_dt,
        dt as to_dt
    from {{ events }}
    where
        {{ in_days('dt', history_days('port_id', events, days, ports, source('receipts', 'revision'))) }}
        and port_id in (select named.port_id from named)
    group by port_id, dt
)

select * from final
