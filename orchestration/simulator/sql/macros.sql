-- Deterministic chance: every draw is a hash of the seed, the name of the draw and the key of what is drawn for.
create or replace macro draw(tag, k) as hash(getvariable('seed'), tag, k);
-- unsigned as the hash is: a mixed remainder is taken with 128 bits, at fifty times the cost
create or replace macro draw_int(tag, k, n) as (draw(tag, k) % n::ubigint)::bigint;
create or replace macro draw_unit(tag, k) as draw_int(tag, k, 1000003) / 1000003.0;
create or replace macro draw_fine(tag, k) as (draw(tag, k) >> 11)::bigint / 9007199254740992.0;
-- between 0 and 1, and never either
create or replace macro draw_exact(tag, k) as ((draw(tag, k) >> 11)::double + 0.5) / 9007199254740992.0;
create or replace macro happens(tag, k, share) as draw_int(tag, k, 1000000) < share * 1000000;

-- Bijections, so that no two lines share a number or an identifier, and neither betrays the other.
create or replace macro subscriber_number(number_idx) as
    20000000 + (number_idx * 48271397 + getvariable('seed') % 80000000) % 80000000;
create or replace macro line_identifier(line_idx) as
    'L' || lpad(((line_idx * 736878713 + getvariable('seed')) % 10000000000)::varchar, 10, '0');
create or replace macro femto_identifier(cell_no) as
    'KTF' || lpad(((cell_no * 7368787 + getvariable('seed')) % 100000000)::varchar, 8, '0');
create or replace macro macro_identifier(cell_no) as
    'KTM' || lpad(((cell_no * 7368787 + getvariable('seed')) % 100000000)::varchar, 8, '0');

-- Instants from a day and seconds since its midnight; everything is local time.
create or replace macro instant(day, seconds) as day::timestamp + to_seconds(seconds::bigint);

-- What a line may be charged in a month, and when some have had it raised.
create or replace macro cap_class(number_idx) as draw_int('limit', number_idx, 100);
create or replace macro cap_raised_at(number_idx) as
    if(cap_class(number_idx) >= 92,
       instant(getvariable('world_from') + draw_int('limit raised', number_idx, 580)::int, 36000), null);
create or replace macro monthly_cap(number_idx, asked_at) as
    case
        when cap_class(number_idx) < 30 then 300000
        when cap_class(number_idx) < 70 then 500000
        when cap_class(number_idx) < 92 or asked_at >= cap_raised_at(number_idx) then 1000000
        else 100000
    end;
create or replace macro network_of(provider) as split_part(provider, '_', 1);
