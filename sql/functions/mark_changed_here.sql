create or replace function lockstep.mark_changed_here(
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
        reasons = array['changed_here']
    from lockstep.adopted_rows as known
    left outer join lockstep.users as person
        on person.id = known.user_id
        and known.table_name = 'users'
    left outer join lockstep.projects as project
        on project.user_id = known.user_id
        and project.id::text = known.target_id
        and project.deleted_at is null
        and known.table_name = 'projects'
    where staged.table_name in ('users', 'projects')
        and not staged.done
        and staged.state = 'changed'
        and staged.outcome in ('imported', 'repaired')
        and known.source = p_source
        and known.table_name = staged.table_name
        and known.source_id = staged.source_id
        -- What never came over cannot have changed here.
        and (known.outcome <> 'quarantined' or known.target_state is not null)
        and (
            (staged.table_name = 'users' and known.target_state is distinct from lockstep.adopted_user_state(person))
            or (staged.table_name = 'projects' and known.target_state is distinct from project.version::text)
            -- A project stays with its owner.
            or (staged.table_name = 'projects' and known.user_id is distinct from staged.user_id)
        );
end;
$function$;

comment on function lockstep.mark_changed_here(text) is
'Leaves out the staged users and projects that are here and not as an adoption left them: nothing is overwritten.';

revoke all on function lockstep.mark_changed_here(text) from public;
