create or replace function lockstep.check_health()
returns lockstep.health_checks
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_started constant timestamptz := clock_timestamp();
    v_check lockstep.health_checks;
begin
    perform lockstep.cover_users();

    while (lockstep.verify_next_range(v_started)).first_user_id is not null loop
        exit when clock_timestamp() > v_started + lockstep.setting('health_budget')::interval;
    end loop;

    insert into lockstep.health_checks (
        status, consistency_rate, total_checked, total_violations, oldest_unverified
    )
    select
        case
            when rate.percent >= 99 then 'healthy'
            when rate.percent >= 95 then 'degraded'
            else 'critical'
        end,
        rate.percent,
        rate.pairs,
        rate.violations,
        rate.oldest
    from (
        select
            coalesce(sum(one.pairs), 0) as pairs,
            coalesce(sum(one.violations), 0) as violations,
            -- Rounded down: 100 means all of them.
            trunc(coalesce(100 * (1 - sum(one.violations) / nullif(sum(one.pairs), 0)), 100), 3) as percent,
            case when bool_and(one.verified_at is not null) then min(one.verified_at) end as oldest
        from lockstep.verified_ranges as one
    ) as rate
    returning * into v_check;

    delete from lockstep.health_checks as old
    where old.checked_at < now() - lockstep.setting('sync_retention')::interval;

    return v_check;
end;
$function$;

comment on function lockstep.check_health() is
$comment$Verifies ranges of pairs, the longest unverified first, for as long as the setting health_budget allows.

Returns the check as recorded: the sum of what every range showed when it was last read.
Locks ranges that it reads, no pair.$comment$;

revoke all on function lockstep.check_health() from public;
grant execute on function lockstep.check_health() to lockstep_admin;
