-- Each level row of theirs that our curriculum does not have so, and what becomes of it.
select 'levels', format('%s %s', desk.specialization_id, coalesce(desk.level::text, format('(id %s)', desk.row_id))), case
    when desk.fault is not null then format(
        'left out: %s; %s', desk.fault,
        case
            when desk.ours is null then 'nobody can hold it'
            when desk.fault = 'duplicate' then 'the other row is kept'
            else 'ours stands: ' || (desk.ours ->> 'name')
        end
    )
    when desk.theirs is null then format('goes: %s; the school has no such level, and nobody holds it', desk.ours ->> 'name')
    when desk.ours is null then format(
        'kept: %s, from %s XP and %s sessions; one more than our curriculum has',
        desk.kept ->> 'name', desk.kept ->> 'required_xp', desk.kept ->> 'required_sessions'
    )
    else 'kept as the school has it: ' || differs.listed
end
from desk_level as desk
cross join lateral (
    select string_agg(
        format('%s %s, not %s', found.name, coalesce(found.value, '-'), coalesce(desk.ours ->> found.name, '-')),
        '; ' order by found.name
    ) as listed
    from jsonb_each_text(desk.kept) as found (name, value)
    where found.value is distinct from desk.ours ->> found.name
) as differs
where desk.fault is not null or desk.theirs is null or desk.ours is null or differs.listed is not null
order by desk.specialization_id, desk.level, desk.row_id;
