with ports as (
    select
        incident_id,
        port_id,
        line_key,
        requested_on,
        processed_on,
        recipient_group,
        line_type,
        coalesce(plan_code, 'unknown') as plan_code,
        {{ tenure_band('tenure_days') }} as tenure_band,
        monthly_fee
    from {{ ref('port_incident') }}
    where
        direction = 'OUT'
        and is_processed_in_window
),

fees as (
    select
        *,
        {{ local_date('charged_at') }} as charged_on
    from {{ ref('int_termination_fee') }}
),

claims as (
    select * from {{ ref('waiver_claim') }}
),

invoices as (
    select
        line_key,
        billing_month,
        sum(recurring_amount) as recurring_amount
    from {{ ref('int_invoice') }}
    group by line_key, billing_month
),

-- a fee is of one port: the line's last that was asked for by then, if billing charges it within a month
brought as (
    select
        fees.*,
        departures.port_id
    from fees
    inner join {{ ref('fct_port') }} as departures
        on
            fees.line_key = departures.line_key
            and departures.is_completed
            and {{ local_date('departures.requested_at') }} <= fees.charged_on
            and {{ days_between('departures.processed_on', 'fees.charged_on') }} <= 31
    qualify
        row_number() over (
            partition by fees.line_key, fees.fee_no order by departures.requested_at desc, departures.port_id desc
        ) = 1
),

charged as (
    select
        ports.incident_id,
        ports.port_id,
        sum(brought.charged_amount) as charged_amount,
        sum(case when claims.exclusion is null then claims.charged_amount end) as covered_amount,
        sum(claims.refunded_amount) as refunded_amount
    from ports
    inner join brought on ports.port_id = brought.port_id
    left join claims
        on
            ports.incident_id = claims.incident_id
            and brought.line_key = claims.line_key
            and brought.fee_no = claims.fee_no
    group by ports.incident_id, ports.port_id
),

-- what the last invoice of a whole month charged every month
invoiced as (
    select
        ports.incident_id,
        ports.port_id,
        {{ last_by('invoices.recurring_amount', 'invoices.billing_month') }} as recurring_amount
    from ports
    inner join invoices
        on
            ports.line_key = invoices.line_key
            and invoices.billing_month < date_trunc('month', ports.requested_on)
    group by ports.incident_id, ports.port_id
),

final as (
    select
        ports.*,
        coalesce(charged.charged_amount, 0) as etf_charged,
        coalesce(charged.covered_amount, 0) as etf_covered,
        coalesce(charged.refunded_amount, 0) as etf_refunded,
        invoiced.port_id is not null as is_invoiced,
        invoiced.recurring_amount as invoiced_recurring_amount
    from ports
    left join charged
        on
            ports.incident_id = charged.incident_id
            and ports.port_id = charged.port_id
    left join invoiced
        on
            ports.incident_id = invoiced.incident_id
            and ports.port_id = invoiced.port_id
)

select * from final
