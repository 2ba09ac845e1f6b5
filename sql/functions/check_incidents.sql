create or replace function lockstep.check_incidents()
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    -- As of now, by the checks and runs that are committed.
    v_started constant timestamptz := clock_timestamp();
    v_found constant lockstep.incident_conditions[] := array(
        select condition
        from lockstep.incident_conditions as condition
    );
    v_one record;
begin
    for v_one in
        select found.kind, found.subject, found.cause
        from unnest(v_found) as found
        union all
        select incident.kind, incident.subject, null
        from lockstep.noted_incidents as incident
        inner join lockstep.incident_kinds as known
            on known.kind = incident.kind
        where known.is_condition
            and incident.closed_at is null
            and not exists (
                select from unnest(v_found) as found
                where found.kind = incident.kind
                    and found.subject = incident.subject
            )
        order by kind, subject
    loop
        if v_one.cause is null then
            perform lockstep.close_incident(v_one.kind, v_one.subject);
        else
            perform lockstep.note_incident(v_one.kind, v_one.subject, v_one.cause);
        end if;
    end loop;

    update lockstep.incident_checks as last
    set checked_at = v_started;

    return cardinality(v_found)::bigint;
end;
$function$;

comment on function lockstep.check_incidents() is
$comment$Opens an incident for each row of the view incident_conditions, and closes those that hold no longer.

Returns how many hold. Reads no pair. Locks the kinds, in their order, then the incidents.$comment$;

revoke all on function lockstep.check_incidents() from public;
grant execute on function lockstep.check_incidents() to lockstep_admin;
