create or replace function lockstep.verify_next_range(
    p_older_than timestamptz
)
returns lockstep.verified_ranges
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_range lockstep.verified_ranges;
    v_found record;
begin
    -- Another session at the same time takes another range.
    select one.*
    into v_range
    from lockstep.verified_ranges as one
    where one.verified_at is null
        or one.verified_at < p_older_than
    order by one.verified_at asc nulls first, one.first_user_id
    limit 1
    for no key update skip locked;

    if not found then
        return null;
    end if;

    v_found := lockstep.verify_range(v_range.first_user_id, v_range.last_user_id);

    update lockstep.verified_ranges as one
    set pairs = v_found.pairs,
        violations = v_found.violations,
        level_mismatch = v_found.level_mismatch,
        missing_license = v_found.missing_license,
        missing_progress = v_found.missing_progress,
        verified_at = clock_timestamp()
    where one.first_user_id = v_range.first_user_id
    returning one.* into v_range;

    return v_range;
end;
$function$;

comment on function lockstep.verify_next_range(timestamptz) is
$comment$Reads the pairs of the range of users that was not verified for longest, if that was before p_older_than.

Returns the range with what it showed, null when every range is newer. Locks the range, no pair.$comment$;

revoke all on function lockstep.verify_next_range(timestamptz) from public;
grant execute on function lockstep.verify_next_range(timestamptz) to lockstep_admin;
