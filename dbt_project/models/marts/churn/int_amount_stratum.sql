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

-- a unit is a line that is still here; the regulator counts all of them by kind
lines as (
    select
        *,
        line_type as stratum,
        true as is_seen
    from {{ ref('int_line_at_risk') }}
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

panel as (
    select * from {{ ref('int_panel') }}
),

-- one pass over each; whole numbers, so that sums are the same in whatever order they are made
{%- for relation, rows in units.items() %}
    {{ relation }}_summed as (
        select
            incident_id,
            stratum,
            count(*) as units,
            count(*) filter (where is_seen) as units_seen
            {%- for measure, value in measures[relation].items() %}
                {%- set value = 'cast(' ~ value ~ ' as decimal(18, 0))' %},
                count({{ value }}) filter (where is_seen) as {{ measure }}_lines,
                coalesce(sum({{ value }}) filter (where is_seen), 0) as {{ measure }}_value_sum,
                coalesce(sum({{ value }} * {{ value }}) filter (where is_seen), 0) as {{ measure }}_value_square_sum
            {%- endfor %}
        from {{ rows }}
        group by incident_id, stratum
    ),
{%- endfor %}

totalled as (
    {%- for relation in units %}
        {%- set outer = loop %}
        {%- for measure in measures[relation] %}
            select
                incident_id,
                '{{ relation }}' as relation,
                '{{ measure }}' as measure,
                stratum,
                {{ measure }}_lines as lines,
                {{ measure }}_value_sum as value_sum,
                {{ measure }}_value_square_sum as value_square_sum
            from {{ relation }}_summed
            {%- if relation != 'revenue_lost' %}
                -- a kind of line that no rule makes eligible is not among those that are estimated for
                where {{ measure }}_lines > 0
            {%- endif %}
            {%- if not (loop.last and outer.last) %}
                union all
            {%- endif %}
        {%- endfor %}
    {%- endfor %}
),

units as (
    select
        incident_id,
        'revenue_lost' as relation,
        stratum,
        units,
        units_seen
    from revenue_lost_summed
    union all
    select
        lines.incident_id,
        'revenue_at_risk' as relation,
        lines.stratum,
        cast(round(lines.units * (panel.lines_all / panel.lines_billed)) as bigint) as units,
        lines.units_seen
    from revenue_at_risk_summed as lines
    left join panel
        on
            lines.incident_id = panel.incident_id
            and lines.stratum = panel.line_type
            and panel.occasion = 'LINES'
    union all
    select
        incident_id,
        'waiver_refunds' as relation,
        line_type as stratum,
        lines_all as units,
        lines_billed as units_seen
    from panel
    where occasion = 'CLAIMS'
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
