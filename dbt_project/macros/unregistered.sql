{#-
Clauses from `from` on: the rows of `uses` on a cell that the registry in force on the day `used_on` does not hold, with
`registrations` and `absences` of the cell, both of which it reads, beside them. A missing list accuses nobody, and
before the first list there is no registry to miss from.
-#}
{% macro from_unregistered(uses, used_on) -%}
    from {{ uses }}
    left join registrations on {{ uses }}.cell_id = registrations.cell_id
    left join absences
        on
            {{ uses }}.cell_id = absences.cell_id
            and {{ uses }}.{{ used_on }} >= absences.absent_from
            and {{ uses }}.{{ used_on }} < absences.absent_to
    where
        {{ uses }}.{{ used_on }} >= (select min(known.listed_from) from registrations as known)
        and (
            {{ uses }}.{{ used_on }} >= coalesce(registrations.unregistered_from, date '0001-01-01')
            or absences.cell_id is not null
        )
{%- endmacro %}
