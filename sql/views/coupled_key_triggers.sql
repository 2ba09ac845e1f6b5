create or replace view lockstep.coupled_key_triggers as
select
    con.conname as constraint_name,
    trig.tgrelid::regclass as table_name,
    trig.tgname as trigger_name,
    trig.tgenabled as firing_mode,
    trig.tgenabled = 'A' as armed
from pg_catalog.pg_trigger as trig
inner join pg_catalog.pg_constraint as con on con.oid = trig.tgconstraint
where con.contype = 'f'
    and con.conrelid in ('lockstep.specialization_progress'::regclass, 'lockstep.user_licenses'::regclass)
    and con.conname in (
        'fk_specialization_progress_license',
        'fk_user_licenses_progress',
        'fk_specialization_progress_level',
        'fk_user_licenses_level',
        'fk_user_licenses_max_level'
    );

comment on view lockstep.coupled_key_triggers is
'The internal triggers that carry the coupling keys and the level keys, and whether each fires ALWAYS (is armed).';
comment on column lockstep.coupled_key_triggers.firing_mode is
'pg_trigger.tgenabled: O origin, A always, R replica, D disabled.';
comment on column lockstep.coupled_key_triggers.armed is 'Whether it fires ALWAYS: for the replica role too.';

grant select on lockstep.coupled_key_triggers to lockstep_coupler, lockstep_admin, lockstep_readonly;
