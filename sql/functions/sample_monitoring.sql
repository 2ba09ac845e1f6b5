create or replace function lockstep.sample_monitoring()
returns lockstep.monitoring_samples
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_sample lockstep.monitoring_samples;
    v_before timestamptz;
begin
    -- One sampler at a time: another waits here, and what was counted for this one is not counted for it.
    perform from lockstep.settings as setting
    where setting.name = 'sample_retention'
    for no key update;

    v_before := (
        select coalesce(max(sample.sampled_at), '-infinity')
        from lockstep.monitoring_samples as sample
    );

    insert into lockstep.monitoring_samples (
        connections, active, idle, idle_in_transaction, waiting, longest_wait, lock_breaches,
        requests, errors, conflicts, retries
    )
    select
        usage.connections, usage.active, usage.idle, usage.idle_in_transaction, wait.waiting, wait.longest,
        given_up.breaches, answered.requests, answered.errors, answered.conflicts, answered.retries
    from (
        select
            sum(one.total) as connections,
            sum(one.active) as active,
            sum(one.idle) as idle,
            sum(one.idle_in_transaction) as idle_in_transaction
        from lockstep.find_pool_usage() as one
    ) as usage
    cross join (
        select count(*) as waiting, coalesce(max(one.waited), '0') as longest
        from lockstep.find_lock_waits() as one
    ) as wait
    cross join (
        select count(*) as breaches
        from lockstep.lock_breaches as one
        where one.noticed_at > v_before
    ) as given_up
    cross join (
        select
            coalesce(sum(one.requests), 0) as requests,
            coalesce(sum(one.errors), 0) as errors,
            coalesce(sum(one.conflicts), 0) as conflicts,
            coalesce(sum(one.retries), 0) as retries
        from lockstep.request_counts as one
        where one.noted_at > v_before
    ) as answered
    returning * into v_sample;

    perform lockstep.record_breaches(v_sample.sampled_at);
    perform lockstep.purge_monitoring();

    return v_sample;
end;
$function$;

comment on function lockstep.sample_monitoring() is
$comment$Looks at connections, locks and requests, and records the look, and each threshold that is reached with its cause.

For the job of every five minutes and for flask monitor. Two at once: one after the other. Returns the sample.
Purges what is past its retention. Locks the setting sample_retention, then kinds of incidents.$comment$;

revoke all on function lockstep.sample_monitoring() from public;
grant execute on function lockstep.sample_monitoring() to lockstep_admin;
