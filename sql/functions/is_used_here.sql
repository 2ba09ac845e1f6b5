create or replace function lockstep.is_used_here(
    p_source text,
    p_specialization_id text
)
returns boolean
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    return exists (
        select from lockstep.specialization_progress as progress
        where progress.specialization_id = p_specialization_id
            and not exists (
                select from lockstep.adopted_rows as known
                where known.source = p_source
                    and known.user_id = progress.student_id
                    and known.specialization_id = progress.specialization_id
                    and known.target_state is not null
            )
    );
end;
$function$;

comment on function lockstep.is_used_here(text, text) is
'Whether anybody is in a specialization but who came with this source: then its levels here are not the source''s to change.';

revoke all on function lockstep.is_used_here(text, text) from public;
