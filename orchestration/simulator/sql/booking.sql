-- booking: one row per completed port of the whole scenario, with its number and its line at the operator.
create table booking as
select
    s.* exclude (stranger_idx),
    coalesce(c.line_idx, s.stranger_idx) as line_idx,
    coalesce(c.number_idx, s.stranger_idx) as number_idx,
from leaving_slot as s
left join chosen as c using (k)
union all by name
select
    s.* exclude (number_idx),
    coalesce(c.line_idx, s.number_idx + if(s.is_again, 100000000, 0)) as line_idx,
    coalesce(c.number_idx, s.number_idx) as number_idx,
from port_slot as s
left join chosen as c using (k)
where s.direction = 'IN'
order by processed_on, k;  -- days that lie together can be skipped together
