-- Who pays. payer: one row per handset of the panel, ranked so that some pay much more often than others. Steady
-- payers (there from the start, never closed) step in for a line that is not open on the day.
create table payer as
with open_lines as (
    select
        line_idx,
        number_idx,
        region_code,
        opened_at,
        if(closed_reason = 'PORT_OUT', closed_at, null) as left_at,
        coalesce(if(back_at is null, closed_at, null), timestamp '9999-12-31') as closed_at,
        opened_at::date <= getvariable('world_from') and closed_at is null as is_steady,
    from panel_line
    where line_type = 'HANDSET'
),
ranked as (
    select
        *,
        row_number() over (order by draw('payer rank', line_idx), line_idx) - 1 as payer_no,
        row_number() over (partition by is_steady order by draw('payer rank', line_idx), line_idx) - 1 as steady_no,
    from open_lines
),
region_cells as (
    select region_code, nth, cell_id, max(nth) over (partition by region_code) + 1 as cells from serving_cell
),
cell_counts as (
    select region_code, any_value(cells) as cells from region_cells group by all
)
select
    r.* exclude (is_steady),
    if(r.is_steady, r.steady_no, null) as steady_payer_no,
    coalesce(c.cell_id, e.cell_id) as home_cell_id,
from ranked as r
left join cell_counts as n using (region_code)
left join region_cells as c
    on c.region_code = r.region_code and c.nth = draw_int('home cell', r.number_idx, n.cells)
join serving_cell as e on e.overall = draw_int('home cell', r.number_idx, getvariable('serving_cells'));

set variable payers = (select count(*) from payer);
set variable steady_payers = (select count(steady_payer_no) from payer);

-- What the cells of a day carry before they are listed: 15 payments in a thousand, but at most so many on each.
create table late_day as
select
    served_on,
    count(*) as cells,
    least(0.015, getvariable('late_cell_payments') * count(*) * getvariable('payments_counted_days')
        / ((getvariable('micropayments') + getvariable('dcb_payments')) * getvariable('panel'))) as share,
from late_cell
group by all;

create table late_cell_of_day as
select served_on, cell_id, row_number() over (partition by served_on order by cell_id) - 1 as nth from late_cell;
