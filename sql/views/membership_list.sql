create or replace view lockstep.membership_list as
select
    member.group_id,
    member.user_id,
    person.email,
    person.name,
    person.role,
    person.is_active,
    member.source,
    member.created_at
from lockstep.group_members as member
inner join lockstep.users as person on person.id = member.user_id;

comment on view lockstep.membership_list is 'Who is in which group, with what they are called.';

grant select on lockstep.membership_list to lockstep_coupler, lockstep_admin, lockstep_readonly;
