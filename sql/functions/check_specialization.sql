create or replace function lockstep.check_specialization(
    p_specialization_id text
)
returns void
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    if not exists (
        select from lockstep.specializations as specialization
        where specialization.id = p_specialization_id
    ) then
        raise exception using
            errcode = 'LS002',
            message = 'specialization not found',
            detail = format('specialization_id=%s', coalesce(p_specialization_id, 'null')),
            hint = 'See lockstep.specializations for those that exist.';
    end if;
end;
$function$;

comment on function lockstep.check_specialization(text) is
'Raises LS002 when there is no such specialization.';

revoke all on function lockstep.check_specialization(text) from public;
