create or replace function lockstep.plan_adopted_changes(
    p_source text
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    -- A pair comes over when a row of it is new or has changed; not over what was changed here since.
    update lockstep.adoption_pairs as pair
    set state = case
            when not exists (
                select from lockstep.adoption_staging as side
                where side.user_id = pair.user_id
                    and side.specialization_id = pair.specialization_id
                    and side.table_name in ('specialization_progress', 'user_licenses')
                    and side.state <> 'unchanged'
            ) then 'unchanged'
            when here.state is null then 'new'
            when exists (
                select from lockstep.adopted_rows as known
                where known.source = p_source
                    and known.user_id = pair.user_id
                    and known.specialization_id = pair.specialization_id
                    and known.target_state = here.state
            ) then 'changed'
            else 'conflict'
        end
    from lockstep.adoption_pairs as planned
    left outer join lockstep.adopted_pairs_here as here
        on here.user_id = planned.user_id
        and here.specialization_id = planned.specialization_id
    where pair.user_id = planned.user_id
        and pair.specialization_id = planned.specialization_id;

    -- History only grows: a row of it that changed in the source stays as it came.
    update lockstep.adoption_staging as staged
    set outcome = 'conflict',
        reasons = array['history_changed'],
        level_kept = null
    where staged.table_name = 'license_progressions'
        and staged.state = 'changed'
        and exists (
            select from lockstep.adopted_rows as known
            where known.source = p_source
                and known.table_name = staged.table_name
                and known.source_id = staged.source_id
                and known.outcome in ('imported', 'repaired', 'conflict')
        );

    -- Then pairs, users and projects that are here and not as an adoption left them.
    perform lockstep.mark_adoption_conflicts(p_source);
    perform lockstep.mark_changed_here(p_source);

    -- New history alone is reason enough to visit a pair.
    update lockstep.adoption_pairs as pair
    set state = 'history'
    where pair.state = 'unchanged'
        and exists (
            select from lockstep.adoption_staging as progression
            where progression.user_id = pair.user_id
                and progression.specialization_id = pair.specialization_id
                and progression.table_name = 'license_progressions'
                and progression.state <> 'unchanged'
        );

    update lockstep.adoption_pairs as pair
    set done = true
    where pair.state = 'unchanged';
end;
$function$;

comment on function lockstep.plan_adopted_changes(text) is
'Says of each staged pair whether it is new, changed or unchanged, or in conflict with what was changed here.';

revoke all on function lockstep.plan_adopted_changes(text) from public;
