create or replace function lockstep.plan_adoption(
    p_source text,
    p_timezone text,
    p_direction text
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform lockstep.plan_adopted_users(p_source);
    perform lockstep.plan_adopted_sides(p_timezone);
    perform lockstep.plan_adopted_pairs(p_direction);
    perform lockstep.plan_adopted_history();
    perform lockstep.plan_adopted_projects();

    update lockstep.adoption_staging as staged
    set state = case
            when known.source_id is null then 'new'
            when known.outcome = 'erased' then 'unchanged'
            -- Somebody who could not come before is nobody here.
            when known.outcome = 'quarantined' and staged.outcome <> 'quarantined' then
                case when known.table_name = 'users' and known.user_id is null then 'new' else 'changed' end
            when known.hash is distinct from staged.hash then 'changed'
            else 'unchanged'
        end
    from lockstep.adoption_staging as row
    left outer join lockstep.adopted_rows as known
        on known.source = p_source
        and known.table_name = row.table_name
        and known.source_id = row.source_id
    where staged.table_name = row.table_name
        and staged.source_id = row.source_id;

    perform lockstep.plan_adopted_changes(p_source);

    update lockstep.adoption_staging as staged
    set done = true
    where staged.state = 'unchanged';
end;
$function$;

comment on function lockstep.plan_adoption(text, text, text) is
$comment$Says of each staged row of a source what is to become of it, and changes nothing else: a dry run is this. The levels
are here already: adopt_curriculum() goes before.

p_timezone: in which times without a zone are read. p_direction: how pairs out of step are repaired.
Raises 22023 for a time zone that nobody knows.$comment$;

revoke all on function lockstep.plan_adoption(text, text, text) from public;
