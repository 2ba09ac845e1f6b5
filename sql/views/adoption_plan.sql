create or replace view lockstep.adoption_plan as
select
    staged.table_name,
    case staged.state when 'unchanged' then 'unchanged' else staged.outcome end as outcome,
    case when staged.state <> 'unchanged' then array_to_string(staged.reasons, ', ') else '' end as reasons,
    count(*) as rows,
    coalesce(sum(staged.level_found), 0) as level_found,
    coalesce(sum(staged.level_kept), 0) as level_kept,
    coalesce(sum(staged.xp_found), 0) as xp_found,
    coalesce(sum(staged.xp_kept), 0) as xp_kept,
    coalesce(sum(staged.file_bytes), 0) as bytes
from lockstep.adoption_staging as staged
group by 1, 2, 3;

comment on view lockstep.adoption_plan is
'What is to become of the rows of a source, counted; empty while nothing is adopted.';
comment on column lockstep.adoption_plan.rows is 'How many rows.';
comment on column lockstep.adoption_plan.bytes is 'The length of their files, of projects and assets.';
comment on column lockstep.adoption_plan.reasons is 'What is wrong with these rows, or why they stay out.';
