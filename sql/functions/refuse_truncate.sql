create or replace function lockstep.refuse_truncate()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    raise exception using
        errcode = 'LS013',
        message = 'this table cannot be truncated',
        detail = 'specialization_progress, user_licenses and license_progressions stand and fall together',
        hint = 'Delete pairs without history; deactivate the others.';
end;
$function$;

comment on function lockstep.refuse_truncate() is 'Raises LS013: TRUNCATE would pass every row trigger by.';

revoke all on function lockstep.refuse_truncate() from public;

create or replace trigger refuse_truncate
before truncate on lockstep.specialization_progress
for each statement execute function lockstep.refuse_truncate();

create or replace trigger refuse_truncate
before truncate on lockstep.user_licenses
for each statement execute function lockstep.refuse_truncate();

create or replace trigger refuse_truncate
before truncate on lockstep.license_progressions
for each statement execute function lockstep.refuse_truncate();

comment on trigger refuse_truncate on lockstep.specialization_progress is 'TRUNCATE is refused.';
comment on trigger refuse_truncate on lockstep.user_licenses is 'TRUNCATE is refused.';
comment on trigger refuse_truncate on lockstep.license_progressions is 'TRUNCATE is refused.';
