drop index lockstep.ix_license_progressions_id;

alter table lockstep.license_progressions
drop constraint ck_license_progressions_route,
drop constraint fk_license_progressions_advanced_by,
drop constraint fk_license_progressions_license,
drop constraint license_progressions_pkey,
add constraint license_progressions_pkey primary key (id),
alter column advanced_at set default now(),
drop column user_id,
drop column progress_from_level,
drop column route,
drop column database_role,
drop column application_name,
drop column client_address,
drop column transaction_id;

update lockstep.license_progressions as progression
set advanced_by = (quarantine.row_before ->> 'advanced_by')::bigint
from lockstep.quarantine as quarantine
where quarantine.migration = '0006'
    and quarantine.row_after is not null
    and progression.id = quarantine.row_id::bigint;

insert into lockstep.license_progressions
select restored.*
from lockstep.quarantine as quarantine
cross join lateral jsonb_populate_record(null::lockstep.license_progressions, quarantine.row_before) as restored
where quarantine.migration = '0006' and quarantine.row_after is null;

delete from lockstep.quarantine where migration = '0006';

comment on table lockstep.license_progressions is 'The history of license levels.';
comment on column lockstep.license_progressions.from_level is 'The level that was left; null where the license was made.';
comment on column lockstep.license_progressions.advanced_by is 'The user who did it, as the application says.';
comment on column lockstep.license_progressions.advancement_reason is null;
comment on column lockstep.license_progressions.requirements_met is null;
