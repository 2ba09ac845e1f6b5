create or replace function lockstep.mark_adoption_conflicts(
    p_source text
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    update lockstep.adoption_staging as staged
    set outcome = 'conflict',
        reasons = array[case when known.source_id is null then 'pair_here' else 'changed_here' end],
        level_kept = null,
        xp_kept = null
    from lockstep.adoption_staging as row
    inner join lockstep.adoption_pairs as pair
        on pair.user_id = row.user_id
        and pair.specialization_id = row.specialization_id
    left outer join lockstep.adopted_rows as known
        on known.source = p_source
        and known.table_name = row.table_name
        and known.source_id = row.source_id
    where row.table_name in ('specialization_progress', 'user_licenses', 'license_progressions')
        and row.state <> 'unchanged'
        and row.outcome in ('imported', 'repaired', 'merged')
        and (
            pair.state = 'conflict'
            -- Of a pair that was in conflict before, new history does not come over either.
            or exists (
                select from lockstep.adopted_rows as refused
                where pair.state = 'unchanged'
                    and refused.source = p_source
                    and refused.user_id = pair.user_id
                    and refused.specialization_id = pair.specialization_id
                    and refused.table_name <> 'license_progressions'
                    and refused.outcome = 'conflict'
            )
        )
        and staged.table_name = row.table_name
        and staged.source_id = row.source_id;
end;
$function$;

comment on function lockstep.mark_adoption_conflicts(text) is
'Leaves out the staged rows of pairs that are here and not as an adoption left them: nothing is overwritten.';

revoke all on function lockstep.mark_adoption_conflicts(text) from public;
