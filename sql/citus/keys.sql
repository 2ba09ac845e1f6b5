-- The coupling keys again, on every shard: after rows.sql and the functions. Both sides of a pair stand on one
-- node, so the proof is asked there, at commit.

alter table lockstep.specialization_progress
add constraint fk_specialization_progress_license
foreign key (student_id, specialization_id, current_level)
references lockstep.user_licenses (user_id, specialization_type, current_level)
deferrable initially deferred;

alter table lockstep.user_licenses
add constraint fk_user_licenses_progress
foreign key (user_id, specialization_type, current_level)
references lockstep.specialization_progress (student_id, specialization_id, current_level)
deferrable initially deferred;

comment on constraint fk_specialization_progress_license on lockstep.specialization_progress is
'At commit, a license of the same level stands beside every progress row.';
comment on constraint fk_user_licenses_progress on lockstep.user_licenses is
'At commit, a progress row of the same level stands beside every license.';

-- A call goes whole to the node of its user.
select create_distributed_function(
    proc.oid::regprocedure, 'p_user_id', colocate_with := 'lockstep.specialization_progress'
)
from pg_catalog.pg_proc as proc
where proc.pronamespace = 'lockstep'::regnamespace
    and proc.proname in ('update_level', 'level_up', 'sync_records', 'validate_consistency');
