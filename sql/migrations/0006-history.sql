-- license_progressions becomes the append-only history of every level change (A10): who, how,
-- in which transaction. Rows that stand here already are kept as what an old client remarked.

alter table lockstep.license_progressions
add column user_id bigint,
add column progress_from_level integer,
add column route text not null default 'client',
add column database_role text,
add column application_name text,
add column client_address inet,
add column transaction_id xid8;

update lockstep.license_progressions as progression
set user_id = license.user_id
from lockstep.user_licenses as license
where license.id = progression.user_license_id;

insert into lockstep.quarantine (migration, table_name, reason, row_id, row_before)
select
    '0006',
    'license_progressions',
    format('orphan: license %s does not exist', progression.user_license_id),
    progression.id::text,
    to_jsonb(progression)
    - '{user_id,progress_from_level,route,database_role,application_name,client_address,transaction_id}'::text[]
from lockstep.license_progressions as progression
where progression.user_id is null;

delete from lockstep.license_progressions where user_id is null;

-- An actor that does not exist is left out of the row; the quarantine keeps who it was.
insert into lockstep.quarantine (migration, table_name, reason, row_id, row_before, row_after)
select
    '0006',
    'license_progressions',
    format('advanced_by %s does not exist', progression.advanced_by),
    progression.id::text,
    jsonb_build_object('advanced_by', progression.advanced_by),
    jsonb_build_object('advanced_by', null)
from lockstep.license_progressions as progression
where progression.advanced_by is not null
    and not exists (select from lockstep.users as person where person.id = progression.advanced_by);

update lockstep.license_progressions as progression
set advanced_by = null
from lockstep.quarantine as quarantine
where quarantine.migration = '0006'
    and quarantine.table_name = 'license_progressions'
    and quarantine.row_after is not null
    and progression.id = quarantine.row_id::bigint;

do $$
declare
    v_constraint record;
begin
    for v_constraint in
        select con.conname
        from pg_catalog.pg_constraint as con
        where con.contype = 'f' and con.conrelid = 'lockstep.license_progressions'::regclass
    loop
        execute format('alter table lockstep.license_progressions drop constraint %I', v_constraint.conname);
    end loop;
end
$$;

alter table lockstep.license_progressions
alter column user_id set not null,
alter column advanced_at set default clock_timestamp(),
alter column database_role set default coalesce(nullif(current_setting('role'), 'none'), session_user),
alter column application_name set default current_setting('application_name'),
alter column client_address set default inet_client_addr(),
alter column transaction_id set default pg_current_xact_id(),
drop constraint license_progressions_pkey,
add constraint license_progressions_pkey primary key (user_id, id),
add constraint fk_license_progressions_license
foreign key (user_id, user_license_id) references lockstep.user_licenses (user_id, id) on delete restrict,
add constraint fk_license_progressions_advanced_by
foreign key (advanced_by) references lockstep.users (id) on delete restrict,
add constraint ck_license_progressions_route
check (route in ('function', 'raw_sql', 'repair', 'import', 'client'));

create index ix_license_progressions_id on lockstep.license_progressions (id);

comment on table lockstep.license_progressions is
'History, append-only: one row for every committed level change. Rows of route client are remarks, not counted.';
comment on column lockstep.license_progressions.from_level is
'The level that was replaced: the license''s, or the progress row''s where only that one changed; null where the pair was made.';
comment on column lockstep.license_progressions.progress_from_level is
'The level of the progress row before, where it differed from from_level: the pair was out of step.';
comment on column lockstep.license_progressions.advanced_by is
'The application''s actor: a user id as the caller gave it.';
comment on column lockstep.license_progressions.advancement_reason is 'Why, in the caller''s words.';
comment on column lockstep.license_progressions.requirements_met is
'The totals that reached the level, each with what the level asks for; null where nothing was checked.';
comment on column lockstep.license_progressions.route is
'How it came: function, raw_sql, repair, import; client is a row that an old client inserted itself.';
comment on column lockstep.license_progressions.database_role is 'The role that the statement ran as.';
comment on column lockstep.license_progressions.client_address is 'Null over a unix socket.';
comment on column lockstep.license_progressions.transaction_id is 'pg_current_xact_id() of the change.';
comment on constraint fk_license_progressions_license on lockstep.license_progressions is
'A license with history cannot be deleted.';
comment on constraint fk_license_progressions_advanced_by on lockstep.license_progressions is
'Who changed a level is somebody who exists.';
comment on constraint ck_license_progressions_route on lockstep.license_progressions is
'The ways in which a level change comes.';
comment on index lockstep.ix_license_progressions_id is 'Serves clients that address a row by its id alone.';
