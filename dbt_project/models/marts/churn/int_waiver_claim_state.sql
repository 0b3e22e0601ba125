{%- set data_end = data_end('termination_fees', [ref('waiver_claim')]) -%}

with claims as (
    select
        claims.*,
        waivers.claims_until + 1 as lapses_on
    from {{ ref('waiver_claim') }} as claims
    inner join {{ ref('int_waiver') }} as waivers on claims.incident_id = waivers.incident_id
    -- covered on the day it was charged, whatever became of it
    where
        claims.excluded_on is null
        or claims.excluded_on > claims.charged_on
),

turns as (
    {%- for day in ['charged_on', 'requested_on', 'refunded_on', 'refused_on', 'lapses_on', 'excluded_on'] %}
        select
            incident_id,
            line_key,
            fee_no,
            {{ day }} as turned_on
        from claims
        {% if not loop.last %}union{% endif %}
    {%- endfor %}
),

states as (
    select
        claims.incident_id,
        claims.line_key,
        claims.fee_no,
        claims.line_type,
        turns.turned_on,
        claims.charged_amount,
        claims.refunded_amount,
        case
            when claims.excluded_on <= turns.turned_on then 'UNCOVERED'
            when claims.refunded_on <= turns.turned_on then 'PAID'
            when claims.refused_on <= turns.turned_on then 'REFUSED'
            when claims.requested_on <= turns.turned_on then 'UNDECIDED'
            when claims.lapses_on <= turns.turned_on then 'LAPSED'
            else 'UNASKED'
        end as state
    from claims
    inner join turns
        on
            claims.incident_id = turns.incident_id
            and claims.line_key = turns.line_key
            and claims.fee_no = turns.fee_no
            and turns.turned_on between claims.charged_on and {{ data_end }}
),

-- of a fee paid in part, the rest is refused, whether billing says so afterwards or not
final as (
    select
        incident_id,
        line_key,
        fee_no,
        line_type,
        turned_on as holds_from,
        lead(turned_on) over (partition by incident_id, line_key, fee_no order by turned_on) as holds_to,
        state,
        charged_amount,
        case when state = 'PAID' then refunded_amount else 0 end as paid_amount,
        case
            when state = 'PAID' then greatest(charged_amount - refunded_amount, 0)
            when state = 'REFUSED' then charged_amount
            else 0
        end as refused_amount
    from states
)

select * from final
where state <> 'UNCOVERED'
