create or replace function lockstep.finish_adoption(
    p_run_id bigint
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_sums jsonb;
begin
    -- What was planned as a change and has not come over is no rest.
    if exists (
        select from lockstep.adoption_staging as staged
        where not staged.done
            and staged.outcome in ('imported', 'repaired')
    ) then
        raise exception using
            errcode = 'LS097',
            message = 'rows of an adoption are left',
            detail = format('run_id=%s', p_run_id),
            hint = 'Adopt again: what came over stays.';
    end if;

    perform lockstep.record_adopted(p_run_id, array(
        select distinct staged.table_name
        from lockstep.adoption_staging as staged
        where not staged.done
    ));

    v_sums := (
        select coalesce(jsonb_agg(to_jsonb(sums) order by sums.table_name, sums.outcome), '[]')
        from (
            select
                staged.table_name,
                known.outcome,
                count(*) as rows,
                coalesce(sum(staged.level_found), 0) as level_found,
                coalesce(sum(known.level_kept), 0) as level_kept,
                coalesce(sum(staged.xp_found), 0) as xp_found,
                coalesce(sum(known.xp_kept), 0) as xp_kept,
                coalesce(sum(staged.file_bytes), 0) as bytes,
                coalesce(sum(staged.file_bytes) filter (
                    where known.outcome in ('imported', 'repaired') and known.run_id = p_run_id
                ), 0) as bytes_brought,
                coalesce(sum(octet_length(blob.content)), 0) as bytes_kept
            from lockstep.adoption_staging as staged
            inner join lockstep.adoption_runs as run on run.id = p_run_id
            inner join lockstep.adopted_rows as known
                on known.source = run.source
                and known.table_name = staged.table_name
                and known.source_id = staged.source_id
            -- Of what came with this run: an earlier one may have been changed here since.
            left outer join lockstep.projects as project
                on known.table_name = 'projects'
                and known.outcome in ('imported', 'repaired')
                and known.run_id = p_run_id
                and project.user_id = known.user_id
                and project.id::text = known.target_id
            left outer join lockstep.assets as asset
                on known.table_name = 'assets'
                and known.outcome in ('imported', 'repaired')
                and known.run_id = p_run_id
                and asset.id = known.target_id
            left outer join lockstep.blobs as blob on blob.sha256 = coalesce(project.file_sha256, asset.sha256)
            group by staged.table_name, known.outcome
        ) as sums
    );

    update lockstep.adoption_runs as run
    set ended_at = clock_timestamp(),
        sums = v_sums
    where run.id = p_run_id;

    return v_sums;
end;
$function$;

comment on function lockstep.finish_adoption(bigint) is
$comment$Writes down the rows that do not come over, and adds up what became of all: rows, levels, XP and bytes, by table
and outcome.

Raises LS097 when rows are left that ought to have come over.$comment$;

revoke all on function lockstep.finish_adoption(bigint) from public;
