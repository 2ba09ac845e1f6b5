-- What the functions return, and pass among themselves. Named types, so that a stored answer can
-- be read back into one, and a checker can follow them.

create type lockstep.level_change as (
    user_id bigint,
    specialization_id text,
    progress_old_level integer,
    progress_new_level integer,
    license_old_level integer,
    license_new_level integer,
    max_achieved_level integer,
    total_xp bigint,
    completed_sessions integer,
    completed_projects integer,
    theory_hours numeric(8, 2),
    practice_hours numeric(8, 2),
    xp_change bigint,
    sessions_change integer,
    progression_created boolean,
    desync boolean,
    replayed boolean,
    message text
);

comment on type lockstep.level_change is
'The pair as a call left it. Old levels are null where the call made that side. desync: the pair is, or was found, out of step. replayed: an earlier call with this key did it.';

create type lockstep.sync_outcome as (
    user_id bigint,
    specialization_id text,
    action text,
    old_level integer,
    new_level integer,
    synced boolean,
    message text
);

comment on type lockstep.sync_outcome is
'What a synchronization did to one pair. action: none, created, updated or skipped; levels are those of the side written.';

create type lockstep.consistency as (
    consistent boolean,
    message text,
    progress_exists boolean,
    license_exists boolean,
    progress_level integer,
    license_level integer,
    level integer,
    difference integer,
    recommended_action text
);

comment on type lockstep.consistency is
'Whether progress and license agree. level: where they do; difference: progress minus license.';

create type lockstep.deployment_check as (
    check_name text,
    status text,
    detail text
);

comment on type lockstep.deployment_check is 'One line of the deployment report. status: pass, warn or fail.';

create type lockstep.locked_pair as (
    progress lockstep.specialization_progress,
    license lockstep.user_licenses,
    progress_created boolean,
    license_created boolean
);

comment on type lockstep.locked_pair is 'Both rows of a pair, locked, and which of them the call made.';
