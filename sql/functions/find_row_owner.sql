create or replace function lockstep.find_row_owner(
    p_relation oid,
    p_place tid,
    out user_id bigint,
    out specialization_id text
)
returns record
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_timeout constant text := current_setting('lock_timeout');
begin
    -- Somebody may have the whole table: whoever looks at waits must not be the next to wait.
    perform set_config('lock_timeout', '10ms', true);

    if p_relation = 'lockstep.specialization_progress'::regclass then
        select progress.student_id, progress.specialization_id
        into user_id, specialization_id
        from lockstep.specialization_progress as progress
        where progress.ctid = p_place;
    elsif p_relation = 'lockstep.user_licenses'::regclass then
        select license.user_id, license.specialization_type
        into user_id, specialization_id
        from lockstep.user_licenses as license
        where license.ctid = p_place;
    elsif p_relation = 'lockstep.users'::regclass then
        select person.id
        into user_id
        from lockstep.users as person
        where person.ctid = p_place;
    end if;

    perform set_config('lock_timeout', v_timeout, true);
exception
    when lock_not_available then
        -- What was set is taken back with the block.
        return;
end;
$function$;

comment on function lockstep.find_row_owner(oid, tid) is
$comment$Whose row stands at a place of users or of the coupled tables, and of which specialization; null elsewhere, and
where the whole table is locked. Locks nothing.$comment$;

revoke all on function lockstep.find_row_owner(oid, tid) from public;
