-- The lines that end otherwise: given up by the customer in the afternoon, or closed by the operator at night.
insert into ended by name
select
    line_idx,
    reason,
    day as ended_on,
    instant(day, if(reason = 'VOLUNTARY', 36000 + draw_int('gives up at', line_idx, 32000), 10800)) as closed_at,
    getvariable('period_no') as period_no,
from leaver
order by line_idx;
