create or replace function lockstep.adopted_extra(
    p_table_name text,
    p_content jsonb
)
returns jsonb
language sql
immutable
set search_path = pg_catalog, pg_temp
as $function$
    select p_content - case p_table_name
        when 'users' then array['id', 'email', 'role', 'is_active', 'created_at', 'updated_at', coalesce(
            case when p_content ->> 'name' is not null then 'name' end,
            case when p_content ->> 'display_name' is not null then 'display_name' end,
            'username'
        ), 'name']
        when 'specialization_progress' then array[
            'id', 'student_id', 'user_id', 'specialization_id', 'specialization_type', 'current_level', 'total_xp',
            'completed_sessions', 'completed_projects', 'theory_hours_completed', 'practice_hours_completed',
            'last_activity', 'created_at', 'updated_at'
        ]
        when 'user_licenses' then array[
            'id', 'user_id', 'student_id', 'specialization_type', 'specialization_id', 'current_level',
            'max_achieved_level', 'started_at', 'last_advanced_at', 'is_active', 'instructor_notes', 'created_at',
            'updated_at'
        ]
        when 'license_progressions' then array[
            'id', 'user_license_id', 'from_level', 'to_level', 'advanced_by', 'advancement_reason', 'requirements_met',
            'advanced_at'
        ]
        when 'specializations' then array['id', 'name', 'icon', 'max_levels', 'is_active']
        when 'groups' then array['id', 'name']
        when 'user_groups' then array['user_id', 'group_id']
        when 'projects' then array['id', 'description', 'file_path', 'created_at', 'updated_at',
            case when p_content ->> 'title' is not null then 'title' else 'name' end,
            case when p_content ->> 'owner_id' is not null then 'owner_id' else 'user_id' end
        ]
        when 'assets' then array['id', 'type', 'format', 'file_path', 'created_at',
            case when p_content ->> 'owner_id' is not null then 'owner_id' else 'user_id' end
        ]
        else array[
            'id', 'level', 'name', 'name_en', 'color', 'required_xp', 'required_sessions', 'theory_hours',
            'practice_hours', 'total_hours'
        ]
    end;
$function$;

comment on function lockstep.adopted_extra(text, jsonb) is
'What a row of a source has in columns that its table has no place for here.';

revoke all on function lockstep.adopted_extra(text, jsonb) from public;
grant execute on function lockstep.adopted_extra(text, jsonb) to lockstep_coupler;
