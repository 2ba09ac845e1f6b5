create or replace view lockstep.group_list as
select
    known.id,
    known.name,
    known.created_at,
    (
        select count(*)
        from lockstep.group_members as member
        where member.group_id = known.id
    ) as members
from lockstep.groups as known;

comment on view lockstep.group_list is 'Groups, each with how many people are in it.';
comment on column lockstep.group_list.members is 'How many people are in it.';

grant select on lockstep.group_list to lockstep_coupler, lockstep_admin, lockstep_readonly;
