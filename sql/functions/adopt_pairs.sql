create or replace function lockstep.adopt_pairs(
    p_run_id bigint,
    p_limit integer
)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_source constant text := (
        select run.source from lockstep.adoption_runs as run
        where run.id = p_run_id
    );
    v_first_user bigint;
    v_last_user bigint;
    v_pairs bigint;
    v_user_ids bigint[];
    v_specialization_ids text[];
begin
    select min(next.user_id), max(next.user_id), count(*)
    into v_first_user, v_last_user, v_pairs
    from (
        select pair.user_id
        from lockstep.adoption_pairs as pair
        where not pair.done
        order by pair.user_id, pair.specialization_id
        limit p_limit
    ) as next;

    if v_pairs = 0 then
        return v_pairs;
    end if;

    select array_agg(pair.user_id), array_agg(pair.specialization_id)
    into v_user_ids, v_specialization_ids
    from lockstep.adoption_pairs as pair
    where not pair.done
        and pair.user_id between v_first_user and v_last_user;

    -- Lock order, everywhere: specialization_progress, then user_licenses; before both, the user's row.
    perform
    from lockstep.users as person
    where person.id = any(v_user_ids)
    order by person.id
    for no key update;

    perform
    from lockstep.specialization_progress as progress
    where (progress.student_id, progress.specialization_id) in (
        select * from unnest(v_user_ids, v_specialization_ids)
    )
    order by progress.student_id, progress.specialization_id
    for no key update;

    perform
    from lockstep.user_licenses as license
    where (license.user_id, license.specialization_type) in (
        select * from unnest(v_user_ids, v_specialization_ids)
    )
    order by license.user_id, license.specialization_type
    for no key update;

    -- What was made or changed here since the plan was written is not overwritten.
    update lockstep.adoption_pairs as pair
    set state = 'conflict'
    from lockstep.adopted_pairs_here as here
    where not pair.done
        and pair.user_id between v_first_user and v_last_user
        and pair.state in ('new', 'changed')
        and here.user_id = pair.user_id
        and here.specialization_id = pair.specialization_id
        and not exists (
            select from lockstep.adopted_rows as known
            where known.source = v_source
                and known.user_id = pair.user_id
                and known.specialization_id = pair.specialization_id
                and known.target_state = here.state
        );

    if found then
        perform lockstep.mark_adoption_conflicts(v_source);
    end if;

    perform lockstep.write_adopted_pairs(v_first_user, v_last_user);
    perform lockstep.write_adopted_history(p_run_id, v_first_user, v_last_user);

    perform lockstep.record_adopted(
        p_run_id,
        array['specialization_progress', 'user_licenses', 'license_progressions'],
        p_first_user => v_first_user,
        p_last_user => v_last_user
    );

    update lockstep.adoption_pairs as pair
    set done = true
    where not pair.done
        and pair.user_id between v_first_user and v_last_user;

    get diagnostics v_pairs = row_count;
    return v_pairs;
end;
$function$;

comment on function lockstep.adopt_pairs(bigint, integer) is
$comment$Brings the next pairs of a planned adoption over, both sides and their history: 0 when all are.

Raises LS095 when a pair does not stand as it was planned.
Locks the users' rows, by id, then specialization_progress, then user_licenses, by user and specialization.$comment$;

revoke all on function lockstep.adopt_pairs(bigint, integer) from public;
