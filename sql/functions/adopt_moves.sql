create or replace function lockstep.adopt_moves(
    p_run_id bigint
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
    v_source_ids text[];
begin
    perform
    from lockstep.users as person
    inner join lockstep.adoption_staging as staged on staged.user_id = person.id
    where staged.table_name = 'users'
        and staged.moves_to is not null
        and not staged.done
    order by person.id
    for no key update of person;

    -- Those who are locked now were perhaps changed after the plan was written.
    perform lockstep.mark_changed_here(v_source);
    perform lockstep.settle_moves();

    -- Two may change places: so everybody leaves first.
    update lockstep.users as person
    set email = format('moving-%s@adoption.invalid', person.id)
    from lockstep.adoption_staging as staged
    where staged.table_name = 'users'
        and staged.moves_to is not null
        and not staged.done
        and person.id = staged.user_id;

    update lockstep.users as person
    set email = btrim(staged.content ->> 'email')
    from lockstep.adoption_staging as staged
    where staged.table_name = 'users'
        and staged.moves_to is not null
        and not staged.done
        and person.id = staged.user_id;

    v_source_ids := array(
        select staged.source_id
        from lockstep.adoption_staging as staged
        where staged.table_name = 'users'
            and staged.moves_to is not null
            and not staged.done
    );

    perform lockstep.write_adopted_users(v_source_ids);
    return lockstep.record_adopted(p_run_id, array['users'], p_source_ids => v_source_ids);
exception
    when unique_violation then
        raise exception using
            errcode = 'serialization_failure',
            message = 'an id or an address was taken by somebody else meanwhile',
            detail = sqlerrm,
            hint = 'Adopt again: what came over stays.';
end;
$function$;

comment on function lockstep.adopt_moves(bigint) is
$comment$Brings those over who have another address in the source now, all at once: 0 when there are none.

Raises 40001 (adopt again) when an address was taken meanwhile. Locks the users' rows, by id.$comment$;

revoke all on function lockstep.adopt_moves(bigint) from public;
