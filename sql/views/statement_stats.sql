-- after: find_statements, setting
create or replace view lockstep.statement_stats as
select
    judged.role,
    judged.query_id,
    judged.query,
    judged.calls,
    judged.total_ms,
    judged.mean_ms,
    judged.rows_returned,
    judged.baseline_at,
    judged.baseline_mean_ms,
    judged.calls_since,
    judged.mean_ms_since,
    judged.mean_ms_since / nullif(judged.baseline_mean_ms, 0) as times_baseline,
    coalesce(
        judged.calls_since >= lockstep.setting('regression_calls')::integer
        and judged.mean_ms_since >= judged.baseline_mean_ms * lockstep.setting('regression_factor')::integer
        -- Twice next to nothing is next to nothing.
        and judged.mean_ms_since >= judged.baseline_mean_ms + 1,
        false
    ) as regressed
from (
    select
        found.role_name as role,
        found.query_id,
        found.query,
        found.calls,
        found.total_ms,
        found.total_ms / nullif(found.calls, 0) as mean_ms,
        found.rows_returned,
        baseline.kept_at as baseline_at,
        baseline.total_ms / nullif(baseline.calls, 0) as baseline_mean_ms,
        -- After a reset the counters begin anew.
        case when found.calls >= baseline.calls then found.calls - baseline.calls else found.calls end
        as calls_since,
        case
            when found.calls > baseline.calls
                then (found.total_ms - baseline.total_ms) / (found.calls - baseline.calls)
            when found.calls < baseline.calls then found.total_ms / nullif(found.calls, 0)
        end as mean_ms_since
    from lockstep.find_statements() as found
    left outer join lockstep.statement_baseline as baseline
        on baseline.role_name = found.role_name
        and baseline.query_id = found.query_id
) as judged
order by judged.total_ms desc;

comment on view lockstep.statement_stats is
'How long statements take, from pg_stat_statements, against the baseline that keep_statement_baseline() has kept. Empty without that extension in the schema public.';
comment on column lockstep.statement_stats.role is 'Who ran it: the role that counts, not the one logged in as.';
comment on column lockstep.statement_stats.query is 'With $1 for constants, as pg_stat_statements has it.';
comment on column lockstep.statement_stats.mean_ms is 'Milliseconds a call, since the counters were reset.';
comment on column lockstep.statement_stats.rows_returned is 'Rows that it returned or changed.';
comment on column lockstep.statement_stats.baseline_at is 'When its baseline was kept; null: it has none.';
comment on column lockstep.statement_stats.baseline_mean_ms is 'Milliseconds a call up to then.';
comment on column lockstep.statement_stats.calls_since is 'How often it has run since then.';
comment on column lockstep.statement_stats.mean_ms_since is 'Milliseconds a call since then.';
comment on column lockstep.statement_stats.times_baseline is 'How many times as long as up to then.';
comment on column lockstep.statement_stats.regressed is
'It takes regression_factor times its baseline, and a millisecond more, over regression_calls calls or more.';

grant select on lockstep.statement_stats to lockstep_coupler, lockstep_admin, lockstep_readonly;
