with scored as (
    select * from {{ ref('int_detector_score') }}
),

frauds as (
    select * from {{ ref('int_detector_fraud') }}
),

-- from the arrival of the delivery that made the first alert, somebody could have known
first_on_line as (
    select
        rule_id,
        version,
        party_key,
        min(first_alerted_at) as alerted_at
    from scored
    where is_alert
    group by rule_id, version, party_key
),

first_on_cell as (
    select
        rule_id,
        version,
        cell_id,
        min(first_alerted_at) as alerted_at
    from scored
    where
        is_alert
        and cell_id is not null
    group by rule_id, version, cell_id
),

preventable as (
    select
        first_on_line.rule_id,
        first_on_line.version,
        frauds.month,
        'LINE' as by_what,
        frauds.party_key,
        frauds.amount
    from frauds
    inner join first_on_line
        on
            frauds.party_key = first_on_line.party_key
            and frauds.occurred_at >= first_on_line.alerted_at
    union all
    select
        first_on_cell.rule_id,
        first_on_cell.version,
        frauds.month,
        'CELL' as by_what,
        frauds.party_key,
        frauds.amount
    from frauds
    inner join first_on_cell
        on
            frauds.cell_id = first_on_cell.cell_id
            and frauds.occurred_at >= first_on_cell.alerted_at
),

final as (
    select
        rule_id,
        version,
        month,
        cast(coalesce(sum(amount) filter (where by_what = 'LINE'), 0) as bigint) as by_line_amount,
        cast(coalesce(sum(amount) filter (where by_what = 'CELL'), 0) as bigint) as by_cell_amount,
        count(distinct party_key) filter (where by_what = 'LINE') as by_line_payers,
        count(distinct party_key) filter (where by_what = 'CELL') as by_cell_payers
    from preventable
    group by rule_id, version, month
)

select * from final
