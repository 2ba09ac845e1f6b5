-- after: adoption_outcomes
create or replace view lockstep.adoption_quarantine as
select
    adopted.way,
    adopted.source,
    adopted.table_name,
    adopted.source_id,
    adopted.outcome,
    adopted.reasons,
    adopted.user_id,
    adopted.content,
    adopted.adopted_at
from lockstep.adoption_outcomes as adopted
where adopted.outcome in ('quarantined', 'conflict');

comment on view lockstep.adoption_quarantine is
$comment$Rows of other systems that did not come over, whole, each with the reason: the one place to look, however they were
taken over. The next adoption tries its own again.$comment$;
comment on column lockstep.adoption_quarantine.way is 'As in adoption_outcomes: adopt, or in place.';
