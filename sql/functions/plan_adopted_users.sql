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
    -- Who was adopted before stays who they are, whatever their address is by now.
    perform lockstep.plan_known_users(p_source);

    -- Of the others, rows with one address, whatever its case, are one person: who was adopted already, else who is
    -- here, else who signed up first.
    with person as (
        select
            staged.source_id,
            staged.user_id as known_id,
            first_value(staged.source_id) over same_mail as survivor_id,
            first_value(staged.user_id) over same_mail as survivor_known_id,
            nullif(lower(btrim(staged.content ->> 'email')), '') as mail
        from lockstep.adoption_staging as staged
        where staged.table_name = 'users'
        window same_mail as (
            partition by coalesce(nullif(lower(btrim(staged.content ->> 'email')), ''), 'id ' || staged.source_id)
            order by staged.user_id is null, staged.content ->> 'created_at', length(staged.source_id), staged.source_id
        )
    )

    update lockstep.adoption_staging as staged
    set user_id = case when taken.reason is null then coalesce(person.survivor_known_id, here.id, kept.id) end,
        outcome = case
            when erasure.user_id is not null then 'erased'
            when taken.reason is not null then 'quarantined'
            when person.source_id <> person.survivor_id or here.id is not null then 'merged'
        end,
        reasons = case
            when taken.reason is not null then array[taken.reason]
            when person.source_id <> person.survivor_id then array['same_mail']
            when here.id is not null then array['same_mail_here']
            else array_remove(array[
                case when person.mail is null then 'no_mail' end,
                case
                    when lower(btrim(staged.content ->> 'role')) not in ('student', 'instructor', 'admin')
                        then 'unknown_role'
                end
            ], null)
        end
    from person
    left outer join lockstep.erasures as erasure
        on erasure.user_id = person.survivor_known_id
    left outer join lateral (
        -- Who has the address here: perhaps somebody of this source, who has another one there by now.
        select
            other.id,
            count(theirs.source_id) > 0 as is_known,
            count(theirs.moves_to) > 0 as moves
        from lockstep.users as other
        left outer join lockstep.adoption_staging as theirs
            on theirs.table_name = 'users'
            and theirs.user_id = other.id
        where lower(other.email) = person.mail
            and person.survivor_known_id is null
        group by other.id
    ) as holder on true
    left outer join lateral (
        select holder.id
        where not holder.is_known
    ) as here on true
    cross join lateral (
        select case when holder.is_known and not holder.moves then 'mail_taken_here' end as reason
    ) as taken
    left outer join lateral (
        -- Ids of a source are kept up to 12 digits: one of 10^18 would use the sequence up.
        select case when person.survivor_id ~ '^[1-9]\d{0,11}$' then person.survivor_id::bigint end as id
    ) as wanted on true
    left outer join lateral (
        select wanted.id
        where not exists (select from lockstep.users as taken_id where taken_id.id = wanted.id)
    ) as kept on true
    where staged.table_name = 'users'
        and staged.source_id = person.source_id
        and person.known_id is null;

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
            and person.outcome is distinct from 'quarantined'
    ) as given
    where staged.table_name = 'users'
        and staged.source_id = given.source_id;

    update lockstep.adoption_staging as staged
    set outcome = case when staged.reasons && array['no_mail', 'unknown_role'] then 'repaired' else 'imported' end
    where staged.table_name = 'users'
        and coalesce(staged.outcome, 'repaired') in ('imported', 'repaired');
end;
$function$;

comment on function lockstep.plan_adopted_users(text) is
$comment$Says of each staged user who they are here: somebody adopted before, somebody with the same address, or somebody
new, who keeps the id where it is free.$comment$;

revoke all on function lockstep.plan_adopted_users(text) from public;
