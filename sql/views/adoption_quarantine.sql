create or replace view lockstep.adoption_quarantine as
select
    adopted.source,
    adopted.table_name,
    adopted.source_id,
    adopted.outcome,
    adopted.reasons,
    adopted.user_id,
    adopted.content,
    adopted.adopted_at
from lockstep.adopted_rows as adopted
where adopted.outcome in ('quarantined', 'conflict');

comment on view lockstep.adoption_quarantine is
'Rows of adopted sources that did not come over, whole, each with the reason. The next adoption tries them again.';
