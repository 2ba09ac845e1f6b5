create or replace function lockstep.plan_adopted_users(
    p_source text
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_last bigint;
begin
    -- Rows with one address, whatever its case, are one person: who was adopted already, else who signed up first.
    with person as (
        select
            staged.source_id,
            first_value(staged.source_id) over same_mail as survivor_id,
            nullif(lower(btrim(staged.content ->> 'email')), '') as mail
        from lockstep.adoption_staging as staged
        left outer join lockstep.adopted_rows as known
            on known.source = p_source
            and known.table_name = 'users'
            and known.source_id = staged.source_id
        where staged.table_name = 'users'
        window same_mail as (
            partition by coalesce(nullif(lower(btrim(staged.content ->> 'email')), ''), 'id ' || staged.source_id)
            order by known.source_id is null, staged.content ->> 'created_at', length(staged.source_id), staged.source_id
        )
    )

    update lockstep.adoption_staging as staged
    set user_id = coalesce(known.user_id, here.id, kept.id),
        outcome = case
            when erasure.user_id is not null then 'erased'
            when known.user_id is not null then known.outcome
            when person.source_id <> person.survivor_id or here.id is not null then 'merged'
        end,
        reasons = case
            when person.source_id <> person.survivor_id then array['same_mail']
            when known.outcome = 'merged' then known.reasons
            when known.user_id is null and here.id is not null then array['same_mail_here']
            else array_remove(array[
                case when person.mail is null then 'no_mail' end,
                case
                    when lower(staged.content ->> 'role') not in ('student', 'instructor', 'admin') then 'unknown_role'
                end
            ], null)
        end
    from person
    left outer join lockstep.adopted_rows as known
        on known.source = p_source
        and known.table_name = 'users'
        and known.source_id = person.survivor_id
    left outer join lockstep.erasures as erasure
        on erasure.user_id = known.user_id
    left outer join lockstep.users as here
        on lower(here.email) = person.mail
    left outer join lateral (
        -- Ids of a source are kept up to 12 digits: one of 10^18 would use the sequence up.
        select case when person.survivor_id ~ '^[1-9]\d{0,11}$' then person.survivor_id::bigint end as id
    ) as wanted on true
    left outer join lateral (
        select wanted.id
        where not exists (select from lockstep.users as taken where taken.id = wanted.id)
    ) as kept on true
    where staged.table_name = 'users'
        and staged.source_id = person.source_id;

    -- Whose id is taken, or no figure, gets the next one after all of them.
    v_last := greatest(
        (select max(person.id) from lockstep.users as person),
        (select max(staged.user_id) from lockstep.adoption_staging as staged),
        0
    );

    update lockstep.adoption_staging as staged
    set user_id = given.id
    from (
        select
            person.source_id,
            v_last + dense_rank() over (
                order by coalesce(nullif(lower(btrim(person.content ->> 'email')), ''), 'id ' || person.source_id)
            ) as id
        from lockstep.adoption_staging as person
        where person.table_name = 'users'
            and person.user_id is null
    ) as given
    where staged.table_name = 'users'
        and staged.source_id = given.source_id;

    update lockstep.adoption_staging as staged
    set outcome = case cardinality(staged.reasons) when 0 then 'imported' else 'repaired' end
    where staged.table_name = 'users'
        and coalesce(staged.outcome, 'repaired') in ('imported', 'repaired');
end;
$function$;

comment on function lockstep.plan_adopted_users(text) is
$comment$Says of each staged user who they are here: somebody adopted before, somebody with the same address, or somebody
new, who keeps the id where it is free.$comment$;

revoke all on function lockstep.plan_adopted_users(text) from public;
