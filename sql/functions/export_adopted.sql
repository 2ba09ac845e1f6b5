create or replace function lockstep.export_adopted(
    p_user_id bigint
)
returns jsonb
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select jsonb_object_agg(section.name, section.found)
    from (
        select 'adopted_rows', jsonb_agg(to_jsonb(adopted) order by adopted.table_name, adopted.source_id)
        from lockstep.adopted_rows as adopted
        where adopted.user_id = p_user_id
        union all
        select 'adoption_staging', jsonb_agg(to_jsonb(staged) order by staged.table_name, staged.source_id)
        from lockstep.adoption_staging as staged
        where staged.user_id = p_user_id
        union all
        select 'adoption_pairs', jsonb_agg(to_jsonb(pair) order by pair.specialization_id)
        from lockstep.adoption_pairs as pair
        where pair.user_id = p_user_id
    ) as section (name, found);
$function$;

comment on function lockstep.export_adopted(bigint) is
'What is held about a person of the systems that were adopted: rows by table, null where there are none.';

revoke all on function lockstep.export_adopted(bigint) from public;
