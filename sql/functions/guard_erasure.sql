create or replace function lockstep.guard_erasure()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_erased lockstep.license_progressions := old;
    v_is_theirs constant boolean := exists (
        select from lockstep.erasures as erasure
        where erasure.user_id = old.user_id
    );
    v_is_their_doing constant boolean := exists (
        select from lockstep.erasures as erasure
        where erasure.user_id = old.advanced_by
    );
begin
    v_erased.application_name := null;
    v_erased.client_address := null;

    if v_is_theirs then
        v_erased.advancement_reason := null;
        -- Of any other route these are figures.
        v_erased.requirements_met := case when old.route <> 'client' then old.requirements_met end;
    end if;

    if not (v_is_theirs or v_is_their_doing) or new is distinct from v_erased then
        raise exception using
            errcode = 'LS010',
            message = 'history is append-only',
            detail = format('%s of license_progressions id=%s', tg_op, old.id),
            hint = 'Write a new row that corrects the old one.';
    end if;

    return new;
end;
$function$;

comment on function lockstep.guard_erasure() is
$comment$The one exception to a history that only grows: a row of somebody erased, or of what they did, may lose the words
and the addresses in it, and nothing else. Only the functions' own role gets this far.

Raises LS010 for any other UPDATE.$comment$;

revoke all on function lockstep.guard_erasure() from public;

create or replace trigger guard_erasure
before update on lockstep.license_progressions
for each row when (current_user = 'lockstep_coupler')
execute function lockstep.guard_erasure();

comment on trigger guard_erasure on lockstep.license_progressions is
'What erase_user() empties may be emptied. Every other role meets guard_update.';
