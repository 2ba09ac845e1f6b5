create or replace function lockstep.keep_statement_baseline()
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_kept bigint;
begin
    delete from lockstep.statement_baseline;

    insert into lockstep.statement_baseline (role_name, query_id, calls, total_ms)
    select found.role_name, found.query_id, found.calls, found.total_ms
    from lockstep.find_statements() as found
    where found.calls > 0;

    get diagnostics v_kept = row_count;
    return v_kept;
end;
$function$;

comment on function lockstep.keep_statement_baseline() is
$comment$Keeps how long each statement has taken so far, for statement_stats to compare with; the baseline before is gone.

Returns how many statements: 0 without pg_stat_statements.$comment$;

revoke all on function lockstep.keep_statement_baseline() from public;
grant execute on function lockstep.keep_statement_baseline() to lockstep_admin;
