{{ ports_of_touched_numbers(
    events=source('clearing_house', 'portability_events__all_revisions'),
    subscriptions=source('billing', 'subscriptions__all_revisions'),
    ports=ref('int_port_latest'),
    lines=ref('dim_line'),
    previous=source('churn_before', 'fct_port'),
    deliveries=ref('readable_delivery'),
    line_columns=['line_key', 'joined_line_key'],
) }}
