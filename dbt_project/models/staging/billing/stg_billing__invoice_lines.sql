with source as (
    select * from {{ source('billing', 'invoices') }}
),

final as (
    select
        invoice_id,
        line_no,
        line_key,
        billing_month,
        charge_kind,
        amount,
        invoice_total,
        issued_on,
        dt,
        rev
    from source
)

select * from final
