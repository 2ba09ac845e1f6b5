create or replace function lockstep.record_adopted(
    p_run_id bigint,
    p_table_names text[],
    p_first_user bigint default null,
    p_last_user bigint default null,
    p_source_ids text[] default null
)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_rows bigint;
begin
    insert into lockstep.adopted_rows as known (
        source, table_name, source_id, outcome, reasons, user_id, specialization_id, target_id, hash, target_state,
        level_found, level_kept, xp_found, xp_kept, bytes_found, content, extra, run_id
    )
    select
        run.source,
        staged.table_name,
        staged.source_id,
        staged.outcome,
        staged.reasons,
        case when staged.table_name = 'users' or person.id is not null then staged.user_id end,
        staged.specialization_id,
        coalesce(
            staged.target_id,
            case staged.table_name
                when 'users' then staged.user_id
                when 'specialization_progress' then here.progress_id
                when 'user_licenses' then here.license_id
            end::text
        ),
        case when staged.outcome <> 'erased' then staged.hash end,
        case
            when staged.outcome not in ('imported', 'repaired', 'merged') then null
            when staged.table_name = 'users' then lockstep.adopted_user_state(person)
            when staged.table_name in ('specialization_progress', 'user_licenses') then here.state
            when staged.table_name = 'projects' then project.version::text
            when rung.level is not null then md5(rung::text)
        end,
        staged.level_found,
        staged.level_kept,
        staged.xp_found,
        staged.xp_kept,
        staged.file_bytes,
        case when staged.outcome not in ('imported', 'erased') then staged.content end,
        case when staged.outcome <> 'erased' then lockstep.adopted_extra(staged.table_name, staged.content) end,
        run.id
    from lockstep.adoption_staging as staged
    inner join lockstep.adoption_runs as run on run.id = p_run_id
    left outer join lockstep.users as person on person.id = staged.user_id
    left outer join lockstep.adopted_pairs_here as here
        on here.user_id = staged.user_id
        and here.specialization_id = staged.specialization_id
        and staged.outcome in ('imported', 'repaired', 'merged')
    left outer join lockstep.projects as project
        on project.user_id = staged.user_id
        and project.id::text = staged.target_id
        and staged.table_name = 'projects'
    left outer join lockstep.specialization_levels as rung
        on rung.specialization_id = staged.specialization_id
        and rung.level::text = staged.target_id
        and staged.table_name in ('player_levels', 'coach_levels', 'internship_levels')
    where staged.table_name = any(p_table_names)
        and not staged.done
        and (p_source_ids is null or staged.source_id = any(p_source_ids))
        and (p_last_user is null or staged.user_id between p_first_user and p_last_user)
    on conflict on constraint adopted_rows_pkey do update
    set outcome = excluded.outcome,
        reasons = excluded.reasons,
        user_id = excluded.user_id,
        specialization_id = excluded.specialization_id,
        target_id = coalesce(excluded.target_id, known.target_id),
        hash = excluded.hash,
        -- Of a conflict, what the adoption left here is still known: once it is so again, the source wins again.
        target_state = coalesce(excluded.target_state, known.target_state),
        level_found = excluded.level_found,
        level_kept = excluded.level_kept,
        xp_found = excluded.xp_found,
        xp_kept = excluded.xp_kept,
        bytes_found = excluded.bytes_found,
        content = excluded.content,
        extra = excluded.extra,
        run_id = excluded.run_id,
        adopted_at = clock_timestamp();

    get diagnostics v_rows = row_count;

    update lockstep.adoption_staging as staged
    set done = true
    where staged.table_name = any(p_table_names)
        and not staged.done
        and (p_source_ids is null or staged.source_id = any(p_source_ids))
        and (p_last_user is null or staged.user_id between p_first_user and p_last_user);

    return v_rows;
end;
$function$;

comment on function lockstep.record_adopted(bigint, text[], bigint, bigint, text[]) is
$comment$Writes down what became of staged rows: of these tables, and where it is given of users from one id to another, or
the one of this id there.

Returns how many.$comment$;

revoke all on function lockstep.record_adopted(bigint, text[], bigint, bigint, text[]) from public;
