-- Cuts a school by the user's id over the nodes of a Citus cluster: after the migrations, before functions and
-- views are loaded, while no table has a row of a user. As tables.csv says; what is local stays on the coordinator.

-- Or every table that refers to a reference table is taken into the metadata, and can be cut no more.
select set_config('citus.enable_local_reference_table_foreign_keys', 'off', true);

-- The coupling keys refer to each other, so neither table can be cut while they stand: keys.sql has them again.
alter table lockstep.specialization_progress drop constraint fk_specialization_progress_license;
alter table lockstep.user_licenses drop constraint fk_user_licenses_progress;

select create_reference_table('lockstep.users');
select create_reference_table('lockstep.specializations');
select create_reference_table('lockstep.specialization_levels');
select create_reference_table('lockstep.settings');
select create_reference_table('lockstep.sync_runs');

select create_distributed_table('lockstep.specialization_progress', 'student_id', colocate_with := 'none');
select create_distributed_table('lockstep.user_licenses', 'user_id', colocate_with := 'lockstep.specialization_progress');
select create_distributed_table(
    'lockstep.license_progressions', 'user_id', colocate_with := 'lockstep.specialization_progress'
);
select create_distributed_table(
    'lockstep.idempotency_keys', 'user_id', colocate_with := 'lockstep.specialization_progress'
);
select create_distributed_table(
    'lockstep.queued_level_ups', 'user_id', colocate_with := 'lockstep.specialization_progress'
);
select create_distributed_table(
    'lockstep.sync_run_items', 'user_id', colocate_with := 'lockstep.specialization_progress'
);
select create_distributed_table('lockstep.lock_breaches', 'user_id', colocate_with := 'lockstep.specialization_progress');
