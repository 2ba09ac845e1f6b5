create or replace function lockstep.note_requests(
    p_process text,
    p_requests bigint,
    p_errors bigint,
    p_conflicts bigint,
    p_retries bigint,
    p_codes jsonb
)
returns bigint
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    insert into lockstep.request_counts (process, requests, errors, conflicts, retries, codes)
    values (p_process, p_requests, p_errors, p_conflicts, p_retries, p_codes)
    returning id;
$function$;

comment on function lockstep.note_requests(text, bigint, bigint, bigint, bigint, jsonb) is
$comment$Writes down what an HTTP process has answered since it did so last, for the error rate. Returns the row's id.

p_codes: how often each problem, by its code.$comment$;

revoke all on function lockstep.note_requests(text, bigint, bigint, bigint, bigint, jsonb) from public;
grant execute on function lockstep.note_requests(text, bigint, bigint, bigint, bigint, jsonb) to lockstep_app;
