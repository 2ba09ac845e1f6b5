create or replace function lockstep.write_adopted_history(
    p_run_id bigint,
    p_first_user bigint,
    p_last_user bigint
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_timezone constant text := (
        select run.timezone from lockstep.adoption_runs as run
        where run.id = p_run_id
    );
begin
    insert into lockstep.license_progressions (
        user_id, user_license_id, from_level, to_level, advanced_by, advancement_reason, requirements_met,
        advanced_at, route
    )
    select
        staged.user_id,
        here.license_id,
        (staged.content ->> 'from_level')::numeric::integer,
        staged.level_kept,
        staged.actor_id,
        staged.content ->> 'advancement_reason',
        staged.content ->> 'requirements_met',
        coalesce((lockstep.adopted_times(staged.content, array['advanced_at'], v_timezone))[1], now()),
        'import'
    from lockstep.adoption_pairs as pair
    inner join lockstep.adoption_staging as staged
        on staged.user_id = pair.user_id
        and staged.specialization_id = pair.specialization_id
    inner join lockstep.adopted_pairs_here as here
        on here.user_id = pair.user_id
        and here.specialization_id = pair.specialization_id
    where not pair.done
        and pair.user_id between p_first_user and p_last_user
        and staged.table_name = 'license_progressions'
        and not staged.done
        and staged.outcome in ('imported', 'repaired')
    order by staged.user_id, staged.content ->> 'advanced_at', length(staged.source_id), staged.source_id;

    -- The history of a pair ends at its level: where that of the source does not, a row says that the import did it.
    insert into lockstep.license_progressions (
        user_id, user_license_id, from_level, to_level, advancement_reason, advanced_at, route
    )
    select
        pair.user_id,
        here.license_id,
        last.to_level,
        pair.current_level,
        format('adoption %s', p_run_id),
        clock_timestamp(),
        'import'
    from lockstep.adoption_pairs as pair
    inner join lockstep.adopted_pairs_here as here
        on here.user_id = pair.user_id
        and here.specialization_id = pair.specialization_id
    left outer join lateral (
        select progression.to_level
        from lockstep.license_progressions as progression
        where progression.user_id = pair.user_id
            and progression.user_license_id = here.license_id
            and progression.route <> 'client'
        order by progression.id desc
        limit 1
    ) as last on true
    where not pair.done
        and pair.user_id between p_first_user and p_last_user
        and pair.state in ('new', 'changed')
        and coalesce(last.to_level, 1) <> pair.current_level
    order by pair.user_id, pair.specialization_id;
end;
$function$;

comment on function lockstep.write_adopted_history(bigint, bigint, bigint) is
$comment$Writes the history of planned pairs, route import, with times and actors as the source has them.

The caller holds the locks.$comment$;

revoke all on function lockstep.write_adopted_history(bigint, bigint, bigint) from public;
