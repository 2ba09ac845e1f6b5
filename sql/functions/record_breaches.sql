create or replace function lockstep.record_breaches(
    p_since timestamptz
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_incident record;
begin
    insert into lockstep.breach_records as known (kind, subject, measured, threshold, cause)
    select found.kind, found.subject, found.measured, found.threshold, found.cause
    from lockstep.find_breaches() as found
    on conflict (kind, subject) where ended_at is null do update
    set last_seen_at = excluded.last_seen_at,
        samples = known.samples + 1,
        measured = greatest(known.measured, excluded.measured),
        threshold = excluded.threshold,
        -- With the worst of it.
        cause = case when excluded.measured >= known.measured then excluded.cause else known.cause end;

    update lockstep.breach_records as breach
    set ended_at = clock_timestamp()
    where breach.ended_at is null
        and breach.last_seen_at < p_since;

    for v_incident in
        select
            coalesce(breach.kind, opened.kind) as kind,
            coalesce(breach.subject, opened.subject) as subject,
            breach.cause
        from (
            select
                one.kind,
                -- Of waits for locks one incident, whoever blocks.
                case when one.kind = 'lock_wait' then current_database()::text else one.subject end as subject,
                (array_agg(one.cause order by one.measured desc))[1] as cause
            from lockstep.breach_records as one
            where one.ended_at is null
            group by 1, 2
        ) as breach
        full outer join (
            select one.kind, one.subject
            from lockstep.noted_incidents as one
            where one.closed_at is null
                and one.kind in ('connections', 'lock_wait', 'error_rate', 'statement_regression')
        ) as opened
            on opened.kind = breach.kind
            and opened.subject = breach.subject
        -- Lock order: kinds of incidents by name.
        order by coalesce(breach.kind, opened.kind), coalesce(breach.subject, opened.subject)
    loop
        if v_incident.cause is null then
            perform lockstep.close_incident(v_incident.kind, v_incident.subject);
        else
            perform lockstep.note_incident(v_incident.kind, v_incident.subject, v_incident.cause);
        end if;
    end loop;
end;
$function$;

comment on function lockstep.record_breaches(timestamptz) is
$comment$Records each threshold that is reached now, ends the records of those that are not any more, and so their incidents.

p_since: when this look began. For sample_monitoring(), which lets one in at a time. Locks kinds of incidents, in their order.$comment$;

revoke all on function lockstep.record_breaches(timestamptz) from public;
