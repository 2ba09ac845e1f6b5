create or replace function lockstep.broken_guards()
returns text[]
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select coalesce(array_agg(guard.kind || ': ' || guard.name order by guard.kind, guard.name), '{}')
    from lockstep.guard_status as guard
    where guard.status <> 'intact'
        -- These a load puts right by itself.
        and guard.kind not in ('function', 'view', 'trigger', 'policy')
        and exists (select from lockstep.guard_status as recorded where recorded.as_installed is not null);
$function$;

comment on function lockstep.broken_guards() is
$comment$The guards that loading functions and views does not mend, as "kind: name".

The loader asks before it loads and hands the answer to record_guards(), so that an installation
never takes damage for what ought to be. Empty on the first installation.$comment$;

revoke all on function lockstep.broken_guards() from public;
grant execute on function lockstep.broken_guards() to lockstep_admin;
