{{ config(materialized='view') }}

select
    *,
    payment_id in (select known.payment_id from {{ ref('int_fraud_known') }} as known) as was_fraud
from {{ ref('int_score_feature') }}
