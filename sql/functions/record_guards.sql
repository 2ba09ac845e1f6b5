create or replace function lockstep.record_guards(
    p_broken text[] default '{}'
)
returns bigint
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_recorded bigint;
begin
    delete from lockstep.guard_baseline as installed
    where installed.kind || ': ' || installed.name <> all(p_broken)
        and not exists (
            select from lockstep.find_guards() as found
            where found.kind = installed.kind
                and found.name = installed.name
        );

    insert into lockstep.guard_baseline (kind, name, definition)
    select found.kind, found.name, found.definition
    from lockstep.find_guards() as found
    where found.kind || ': ' || found.name <> all(p_broken)
    on conflict (kind, name) do update
    set definition = excluded.definition,
        recorded_at = excluded.recorded_at
    where guard_baseline.definition <> excluded.definition;

    get diagnostics v_recorded = row_count;
    return v_recorded;
end;
$function$;

comment on function lockstep.record_guards(text[]) is
$comment$Takes what the catalog shows now as what was installed, except for the guards named as broken.

Returns how many rows of the baseline are new or changed. The loader calls it; a DBA who has changed a
guard on purpose calls it without an argument, as the installer.$comment$;

revoke all on function lockstep.record_guards(text[]) from public;
