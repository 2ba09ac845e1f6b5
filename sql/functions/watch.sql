-- A procedure that commits can carry neither security definer nor a search_path of its own: it only
-- calls pinned functions by their full names.
create or replace procedure lockstep.watch()
language plpgsql
as $procedure$
begin
    perform lockstep.check_health();
    commit;
    perform lockstep.watch_incidents();
    commit;
    perform lockstep.watch_monitoring();
    commit;
end;
$procedure$;

comment on procedure lockstep.watch() is
$comment$The job of every five minutes: checks health, then incidents, then samples connections, locks and requests,
each in a transaction of its own.

call lockstep.watch(). Outside a transaction block.$comment$;

revoke all on procedure lockstep.watch() from public;
grant execute on procedure lockstep.watch() to lockstep_admin;
