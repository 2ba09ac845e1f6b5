create or replace function lockstep.lock_progress_first(
    p_user_id bigint,
    p_specialization_id text
)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    -- Lock order, everywhere: specialization_progress, then user_licenses.
    perform
    from lockstep.specialization_progress as progress
    where progress.student_id = p_user_id
        and progress.specialization_id = p_specialization_id
    for no key update;

    return true;
end;
$function$;

comment on function lockstep.lock_progress_first(bigint, text) is
$comment$The lock-order hook: row security calls it before a raw UPDATE, DELETE or SELECT FOR UPDATE
locks a license, so that raw SQL too locks progress before license. Always true.

Locks specialization_progress. Superusers, BYPASSRLS roles and the table's owner are not under it.$comment$;

revoke all on function lockstep.lock_progress_first(bigint, text) from public;
grant execute on function lockstep.lock_progress_first(bigint, text) to lockstep_legacy;

drop policy if exists license_select on lockstep.user_licenses;
drop policy if exists license_insert on lockstep.user_licenses;
drop policy if exists license_update on lockstep.user_licenses;
drop policy if exists license_delete on lockstep.user_licenses;
drop policy if exists license_coupler on lockstep.user_licenses;

create policy license_select on lockstep.user_licenses for select using (true);
create policy license_insert on lockstep.user_licenses for insert with check (true);
-- with check (true): otherwise the hook would run a second time, for the new row.
create policy license_update on lockstep.user_licenses for update
using (lockstep.lock_progress_first(user_id, specialization_type))
with check (true);
create policy license_delete on lockstep.user_licenses for delete
using (lockstep.lock_progress_first(user_id, specialization_type));
-- The functions lock in order by themselves; the planner folds the hook away for them.
create policy license_coupler on lockstep.user_licenses to lockstep_coupler using (true) with check (true);

comment on policy license_select on lockstep.user_licenses is 'Grants decide who reads; row security hides nothing.';
comment on policy license_insert on lockstep.user_licenses is 'Grants decide who inserts.';
comment on policy license_update on lockstep.user_licenses is 'The lock-order hook: progress before license.';
comment on policy license_delete on lockstep.user_licenses is 'The lock-order hook: progress before license.';
comment on policy license_coupler on lockstep.user_licenses is 'The functions'' own role is not under the hook.';
