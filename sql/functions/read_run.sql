create or replace function lockstep.read_run(
    p_run_id bigint
)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform lockstep.check_run(p_run_id);

    return (
        select to_jsonb(run) || jsonb_build_object(
            'results',
            coalesce(
                (
                    select jsonb_agg(to_jsonb(item) - 'run_id' order by item.user_id, item.specialization)
                    from lockstep.list_run_items(p_run_id, p_limit => 1000) as item
                ),
                '[]'
            )
        )
        from lockstep.runs as run
        where run.run_id = p_run_id
    );
end;
$function$;

comment on function lockstep.read_run(bigint) is
$comment$A run as one document: the columns of the view runs and, as results, its first 1000 items.

Raises LS015 no such run. Locks nothing.$comment$;

revoke all on function lockstep.read_run(bigint) from public;
grant execute on function lockstep.read_run(bigint) to lockstep_admin;
