{#-
UNREGISTERED_CELL: the payment authenticated on a cell that is not in the registry in force that day, which is
the last list delivered for that day or earlier (so a missing list accuses nobody, and before the first list
there is no registry to miss from). Any later list that holds the cell clears it.

Reads the relations `payments`, `rules` and `cell_intervals` of the calling model. One row per hit.
-#}
{% macro rule_unregistered_cell() %}
    with cell_days as (
        select distinct
            cell_id,
            occurred_on
        from payments
        where
            cell_id is not null
            and occurred_on >= (select min(listed_from) from cell_intervals)
    ),

    judged as (
        select
            cell_days.cell_id,
            cell_days.occurred_on,
            coalesce(bool_or(
                coalesce(cell_intervals.listed_to > cell_days.occurred_on, true)
                and coalesce(
                    cell_intervals.deregistered_on >= greatest(cell_days.occurred_on, cell_intervals.listed_from),
                    true
                )
            ) filter (where cell_intervals.cell_id is not null), false) as is_registered,
            max(cell_intervals.listed_to) as last_delisted_on
        from cell_days
        left join cell_intervals on cell_days.cell_id = cell_intervals.cell_id
        group by cell_days.cell_id, cell_days.occurred_on
    )

    select
        payments.payment_id,
        rules.rule_id,
        rules.version,
        rules.points,
        {{ json_text({
            'cell_id': 'judged.cell_id',
            'used_on': 'judged.occurred_on',
            'delisted_on': 'judged.last_delisted_on',
        }) }} as evidence,
        payments.cell_dt as known_dt
    from payments
    inner join judged
        on
            payments.cell_id = judged.cell_id
            and payments.occurred_on = judged.occurred_on
            and not judged.is_registered
    inner join rules on rules.rule_id = 'UNREGISTERED_CELL'
{% endmacro %}
