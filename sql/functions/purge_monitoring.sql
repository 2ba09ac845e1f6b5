create or replace function lockstep.purge_monitoring()
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_some bigint;
    v_purged bigint := 0;
begin
    delete from lockstep.monitoring_samples as sample
    where sample.sampled_at < now() - lockstep.setting('sample_retention')::interval;
    get diagnostics v_some = row_count;
    v_purged := v_purged + v_some;

    delete from lockstep.request_counts as counted
    where counted.noted_at < now() - lockstep.setting('sample_retention')::interval;
    get diagnostics v_some = row_count;
    v_purged := v_purged + v_some;

    delete from lockstep.breach_records as breach
    where breach.ended_at is not null
        and breach.last_seen_at < now() - lockstep.setting('breach_retention')::interval;
    get diagnostics v_some = row_count;
    return v_purged + v_some;
end;
$function$;

comment on function lockstep.purge_monitoring() is
$comment$Deletes samples and counts of requests older than the setting sample_retention, and breaches that ended longer ago than
breach_retention. Returns how many rows.$comment$;

revoke all on function lockstep.purge_monitoring() from public;
grant execute on function lockstep.purge_monitoring() to lockstep_admin;
