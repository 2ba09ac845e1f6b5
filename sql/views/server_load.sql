create or replace view lockstep.server_load as
select
    (
        select count(*)
        from pg_catalog.pg_stat_activity as session
        where session.state = 'active'
            and session.backend_type = 'client backend'
            and session.pid <> pg_backend_pid()
    ) as active_sessions,
    (
        select max(standby.replay_lag)
        from pg_catalog.pg_stat_replication as standby
    ) as replication_lag;

comment on view lockstep.server_load is
'What a scan looks at before it goes on: sessions at work, and how far the slowest replica is behind.';
comment on column lockstep.server_load.active_sessions is 'Client sessions that run a statement now, this one left out.';
comment on column lockstep.server_load.replication_lag is
'Of the slowest replica; null without one. Both columns need pg_monitor to see other roles.';

grant select on lockstep.server_load to lockstep_admin, lockstep_readonly;
