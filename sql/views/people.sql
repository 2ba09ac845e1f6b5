create or replace view lockstep.people as
select
    person.id,
    person.email,
    person.name,
    person.role,
    person.is_active,
    person.created_at,
    person.updated_at,
    person.id in (select erasure.user_id from lockstep.erasures as erasure) as is_erased,
    array(
        select known.name
        from lockstep.group_members as member
        inner join lockstep.groups as known on known.id = member.group_id
        where member.user_id = person.id
        order by known.name
    ) as group_names
from lockstep.users as person;

comment on view lockstep.people is 'Users, as those see them who may: with their groups, and without what signs them in.';
comment on column lockstep.people.is_erased is 'Whether erase_user() has put a pseudonym in the place of the person.';
comment on column lockstep.people.group_names is 'Names of the groups that the person is in.';

grant select on lockstep.people to lockstep_coupler, lockstep_admin, lockstep_readonly;
