create or replace function lockstep.purge_monitoring()
returns bigint
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    with old_sample as (
        delete from lockstep.monitoring_samples as sample
        where sample.sampled_at < now() - lockstep.setting('sample_retention')::interval
        returning sample.id
    ),

    old_count as (
        delete from lockstep.request_counts as counted
        where counted.noted_at < now() - lockstep.setting('sample_retention')::interval
        returning counted.id
    ),

    old_breach as (
        delete from lockstep.breach_records as breach
        where breach.ended_at is not null
            and breach.last_seen_at < now() - lockstep.setting('breach_retention')::interval
        returning breach.id
    )

    select count(*)
    from (
        select old_sample.id
        from old_sample
        union all
        select old_count.id
        from old_count
        union all
        select old_breach.id
        from old_breach
    ) as purged;
$function$;

comment on function lockstep.purge_monitoring() is
$comment$Deletes samples and counts of requests older than the setting sample_retention, and breaches that ended longer ago than
breach_retention. Returns how many rows.$comment$;

revoke all on function lockstep.purge_monitoring() from public;
grant execute on function lockstep.purge_monitoring() to lockstep_admin;
