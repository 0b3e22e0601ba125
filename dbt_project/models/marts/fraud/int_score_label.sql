{{ config(materialized='view') }}

select
    payment_id,
    known_from,
    coalesce(known_to, date '2262-01-01') as known_to
from {{ ref('int_fraud_known') }}
