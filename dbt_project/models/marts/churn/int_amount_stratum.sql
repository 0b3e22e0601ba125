{#- What is estimated: by mart, the columns that are sums, each with what one unit adds to it. -#}
{%- set measures = {
    'revenue_lost': {
        'monthly_fee_sum': 'monthly_fee',
        'etf_charged_sum': 'etf_charged',
        'etf_covered_sum': 'etf_covered',
        'etf_refunded_sum': 'etf_refunded',
    },
    'revenue_at_risk': {
        'monthly_fee_sum': 'monthly_fee',
        'eligible_monthly_fee_sum': 'case when is_eligible then monthly_fee end',
        'etf_due_sum': 'etf_due',
        'eligible_etf_due_sum': 'case when is_eligible then etf_due end',
    },
    'waiver_refunds': {
        'claims_covered_amount': 'charged_amount',
        'claims_paid_amount': 'paid_amount',
        'claims_refused_amount': 'refused_amount',
        'claims_lapsed_amount': "case when state = 'LAPSED' then charged_amount else 0 end",
        'claims_open_amount': "case when state in ('UNASKED', 'UNDECIDED') then charged_amount else 0 end",
    },
} -%}
{%- set units = {'revenue_lost': 'departures', 'revenue_at_risk': 'lines', 'waiver_refunds': 'claims'} -%}

-- a unit is a departure, of which all are known, and what it took with it for some
with departures as (
    select
        *,
        cast(processed_on as string) || ' ' || recipient_group || ' ' || line_type as stratum,
        line_key is not null as is_seen
    from {{ ref('int_departure_revenue') }}
),

departure_units as (
    select
        incident_id,
        stratum,
        count(*) as units,
        count(line_key) as units_seen
    from departures
    group by incident_id, stratum
),

panel as (
    select * from {{ ref('int_panel') }}
),

-- a unit is a line that is still here; the regulator counts all of them by kind
lines as (
    select
        *,
        line_type as stratum,
        true as is_seen
    from {{ ref('int_line_at_risk') }}
),

line_units as (
    select
        lines.incident_id,
        lines.stratum,
        cast(round(count(*) * (panel.lines_all / panel.lines_billed)) as bigint) as units,
        count(*) as units_seen
    from lines
    left join panel
        on
            lines.incident_id = panel.incident_id
            and lines.line_type = panel.line_type
            and panel.occasion = 'LINES'
    group by lines.incident_id, lines.stratum, panel.lines_all, panel.lines_billed
),

-- a unit is a line that was here when the waiver began to reach back, and what it claims, nothing most often
claims as (
    select
        *,
        line_type as stratum,
        true as is_seen
    from {{ ref('int_waiver_claim_state') }}
    where holds_to is null
),

claim_units as (
    select
        incident_id,
        line_type as stratum,
        lines_all as units,
        lines_billed as units_seen
    from panel
    where occasion = 'CLAIMS'
),

units as (
    select
        *,
        'revenue_lost' as relation
    from departure_units
    union all
    select
        *,
        'revenue_at_risk' as relation
    from line_units
    union all
    select
        *,
        'waiver_refunds' as relation
    from claim_units
),

-- whole numbers, so that sums are the same in whatever order they are made
valued as (
    {%- for relation, rows in units.items() %}
        {%- set outer = loop %}
        {%- for measure, value in measures[relation].items() %}
            select
                incident_id,
                '{{ relation }}' as relation,
                '{{ measure }}' as measure,
                stratum,
                case when is_seen then cast({{ value }} as decimal(18, 0)) end as value
            from {{ rows }}
            {%- if not (loop.last and outer.last) %}
                union all
            {%- endif %}
        {%- endfor %}
    {%- endfor %}
),

totalled as (
    select
        incident_id,
        relation,
        measure,
        stratum,
        count(value) as lines,
        coalesce(sum(value), 0) as value_sum,
        coalesce(sum(value * value), 0) as value_square_sum
    from valued
    group by incident_id, relation, measure, stratum
    -- a kind of line that no rule makes eligible is not among those that are estimated for
    having
        count(value) > 0
        or relation = 'revenue_lost'
),

final as (
    select
        totalled.*,
        units.units,
        units.units_seen
    from totalled
    left join units
        on
            totalled.incident_id = units.incident_id
            and totalled.relation = units.relation
            and totalled.stratum = units.stratum
)

select * from final
