-- Which rows each delivery holds and in which state: sound, late, repeated or broken. $feed and $select_list are filled in
-- from the feed's write format; every broken or untrue copy has a sound row in a later delivery, so that a correct
-- ingest recovers exactly the world behind the files. A line with an open quote is the first: behind it are enough
-- others for any reader to see that no value is so long.
create or replace temp table delivered as
with known as (
    select *, hash(getvariable('seed'), '$feed', chance) as h
    from ${feed}_event
    where known_on between
        greatest(getvariable('from_day') - getvariable('reach_back_days'), getvariable('first_day'))
        and getvariable('to_day')
),
fated as (
    select
        *,
        known_on < getvariable('last_day')
            and h % 100000 < $late_per_100k * getvariable('dirt') as is_late,
        (h // 100000) % 100000 < $duplicates_per_100k * getvariable('dirt') as is_repeated,
        if(getvariable('dirt') > 0, ((h // 10000000000) % 100)::int, 0) as spelling,
        (1 + (h // 1000000000000) % 5)::int as late_days,
        $flaw as possible_flaw,
    from known
),
-- one broken row of a dozen would be a broken delivery: only larger ones have some
large_day as (
    select known_on from known group by all having count(*) >= 100
),
-- rows with a flaw that a delivery has once at most, and only one delivery in so many
rare_row as (
    select min(f.h) as h
    from fated as f
    join (select unnest($rare_flaws, recursive := true)) as r on r.flaw = f.possible_flaw
    where f.is_late and draw_int('rare flaw', hash('$feed', f.known_on, r.flaw), r.every) = 0
    group by f.known_on, r.flaw
),
copies as (
    select
        * replace (
            if(copy_no >= 2, known_on,
               least(known_on + if(is_late, late_days, 0), getvariable('last_day'))) as known_on,
            if(copy_no = 1, (spelling + 50) % 100, spelling) as spelling
        ),
        if(copy_no >= 2, possible_flaw, 0) as flaw,
    from fated
    cross join (values (0), (1), (2), (3)) as c(copy_no)
    where copy_no = 0
        or (copy_no = 1 and is_repeated)
        -- one key said in two ways is two rows
        or (is_late and possible_flaw > 0 and (copy_no = 2 or possible_flaw = $key_conflict)
            and copy_no >= 2 and known_on in (from large_day) and $is_there)
),
arrived as (
    select * replace (
        if(list_contains(getvariable('missing_days'), known_on) and known_on < getvariable('last_day'),
           known_on + 1, known_on) as known_on
    )
    from copies
)
select
    known_on as dt,
    sort_at,
    copy_no,
    $money as money,
    flaw,
    $is_spelled_oddly as is_spelled_oddly,
    $select_list,
from arrived
where known_on between getvariable('from_day') and getvariable('to_day')
order by dt, flaw <> $open_quote, sort_at, $select_names;
