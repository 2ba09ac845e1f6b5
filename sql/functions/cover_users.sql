create or replace function lockstep.cover_users()
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_width constant bigint := lockstep.setting('health_range')::bigint;
    v_highest constant bigint := (select max(person.id) from lockstep.users as person);
    v_first bigint := coalesce(
        (select max(known.last_user_id) + 1 from lockstep.verified_ranges as known),
        (select least(min(person.id), 0) from lockstep.users as person)
    );
    v_last bigint;
    v_added bigint := 0::bigint;
begin
    while v_first <= coalesce(v_highest, 0) loop
        v_last := greatest(
            v_first + v_width - 1,
            -- Where ids are sparse a range is wider: else one id of 10^15 would make 10^11 ranges.
            coalesce(
                (
                    select person.id - 1
                    from lockstep.users as person
                    where person.id >= v_first
                    order by person.id
                    offset v_width / 2
                    limit 1
                ),
                v_highest
            )
        );

        insert into lockstep.verified_ranges (first_user_id, last_user_id)
        values (v_first, v_last)
        on conflict do nothing;

        v_added := v_added + found::integer;
        v_first := v_last + 1;
    end loop;

    return v_added;
end;
$function$;

comment on function lockstep.cover_users() is
$comment$Adds ranges to verified_ranges until every user id is in one; they are as wide as the setting health_range,
or wider where fewer than half of the ids are used.

Returns how many were added.$comment$;

revoke all on function lockstep.cover_users() from public;
grant execute on function lockstep.cover_users() to lockstep_admin;
