-- The guards guard themselves (C5): what every installation left behind, to compare with what is there.

create table lockstep.guard_baseline (
    kind text not null,
    name text not null,
    definition text not null,
    recorded_at timestamptz not null default clock_timestamp(),
    constraint guard_baseline_pkey primary key (kind, name)
);

comment on table lockstep.guard_baseline is
'Everything that the guarantee rests on, as installed: recorded by record_guards() after each load.';
comment on column lockstep.guard_baseline.kind is
'constraint, key trigger, trigger, function, view, policy, table, column, index, owner, grant, role, …';
comment on column lockstep.guard_baseline.definition is 'As the catalog prints it; of functions and views a hash.';

create type lockstep.desync_explanation as (
    user_id bigint,
    specialization_id text,
    agreed_level integer,
    agreed_at timestamptz,
    agreed_by bigint,
    agreed_database_role text,
    agreed_application text,
    agreed_route text,
    side text,
    side_level integer,
    changed_at timestamptz,
    changed_transaction xid,
    gap text
);

comment on type lockstep.desync_explanation is
'One side of a pair out of step: the last state both sides agreed on and who made it, the first change that the history does not know, and the gap it came through. changed_at: exact only with track_commit_timestamp on, else the row''s updated_at.';
