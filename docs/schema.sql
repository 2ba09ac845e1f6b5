--
-- PostgreSQL database dump
--



SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: lockstep; Type: SCHEMA; Schema: -; Owner: lockstep_owner
--

CREATE SCHEMA lockstep;


ALTER SCHEMA lockstep OWNER TO lockstep_owner;

--
-- Name: SCHEMA lockstep; Type: COMMENT; Schema: -; Owner: lockstep_owner
--

COMMENT ON SCHEMA lockstep IS 'Lockstep: a student''s progress and the license they hold, two records that cannot disagree.';


--
-- Name: consistency; Type: TYPE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TYPE lockstep.consistency AS (
	consistent boolean,
	message text,
	progress_exists boolean,
	license_exists boolean,
	progress_level integer,
	license_level integer,
	level integer,
	difference integer,
	recommended_action text
);


ALTER TYPE lockstep.consistency OWNER TO lockstep_owner;

--
-- Name: TYPE consistency; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TYPE lockstep.consistency IS 'Whether progress and license agree. level: where they do; difference: progress minus license.';


--
-- Name: deployment_check; Type: TYPE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TYPE lockstep.deployment_check AS (
	check_name text,
	status text,
	detail text
);


ALTER TYPE lockstep.deployment_check OWNER TO lockstep_owner;

--
-- Name: TYPE deployment_check; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TYPE lockstep.deployment_check IS 'One line of the deployment report. status: pass, warn or fail.';


--
-- Name: desync_explanation; Type: TYPE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TYPE lockstep.desync_explanation AS (
	user_id bigint,
	specialization_id text,
	agreed_level integer,
	agreed_at timestamp with time zone,
	agreed_by bigint,
	agreed_database_role text,
	agreed_application text,
	agreed_route text,
	side text,
	side_level integer,
	changed_at timestamp with time zone,
	changed_transaction xid,
	gap text
);


ALTER TYPE lockstep.desync_explanation OWNER TO lockstep_owner;

--
-- Name: TYPE desync_explanation; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TYPE lockstep.desync_explanation IS 'One side of a pair out of step: the last state both sides agreed on and who made it, the first change that the history does not know, and the gap it came through. changed_at: exact only with track_commit_timestamp on, else the row''s updated_at.';


--
-- Name: level_change; Type: TYPE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TYPE lockstep.level_change AS (
	user_id bigint,
	specialization_id text,
	progress_old_level integer,
	progress_new_level integer,
	license_old_level integer,
	license_new_level integer,
	max_achieved_level integer,
	total_xp bigint,
	completed_sessions integer,
	completed_projects integer,
	theory_hours numeric(8,2),
	practice_hours numeric(8,2),
	xp_change bigint,
	sessions_change integer,
	progression_created boolean,
	desync boolean,
	replayed boolean,
	message text
);


ALTER TYPE lockstep.level_change OWNER TO lockstep_owner;

--
-- Name: TYPE level_change; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TYPE lockstep.level_change IS 'The pair as a call left it. Old levels are null where the call made that side. desync: the pair is, or was found, out of step. replayed: an earlier call with this key did it.';


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: specialization_progress; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.specialization_progress (
    id bigint NOT NULL,
    student_id bigint NOT NULL,
    specialization_id text NOT NULL,
    current_level integer DEFAULT 1 NOT NULL,
    total_xp bigint DEFAULT 0 NOT NULL,
    completed_sessions integer DEFAULT 0 NOT NULL,
    completed_projects integer DEFAULT 0 NOT NULL,
    theory_hours_completed numeric(8,2) DEFAULT 0 NOT NULL,
    practice_hours_completed numeric(8,2) DEFAULT 0 NOT NULL,
    last_activity timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ck_specialization_progress_not_negative CHECK (((total_xp >= 0) AND (completed_sessions >= 0) AND (completed_projects >= 0) AND ((theory_hours_completed >= (0)::numeric) AND (theory_hours_completed <= 999999.99)) AND ((practice_hours_completed >= (0)::numeric) AND (practice_hours_completed <= 999999.99))))
);


ALTER TABLE lockstep.specialization_progress OWNER TO lockstep_owner;

--
-- Name: TABLE specialization_progress; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.specialization_progress IS 'What a student has earned in a specialization; its level equals the level of the license in user_licenses.';


--
-- Name: COLUMN specialization_progress.total_xp; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.specialization_progress.total_xp IS 'XP since the start, not per level.';


--
-- Name: COLUMN specialization_progress.completed_sessions; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.specialization_progress.completed_sessions IS 'Sessions since the start, not per level.';


--
-- Name: COLUMN specialization_progress.theory_hours_completed; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.specialization_progress.theory_hours_completed IS 'Hours since the start; counted only where the level rows ask for theory_hours.';


--
-- Name: COLUMN specialization_progress.practice_hours_completed; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.specialization_progress.practice_hours_completed IS 'Hours since the start; counted only where the level rows ask for theory_hours.';


--
-- Name: COLUMN specialization_progress.last_activity; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.specialization_progress.last_activity IS 'When progress was last earned.';


--
-- Name: CONSTRAINT ck_specialization_progress_not_negative ON specialization_progress; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_specialization_progress_not_negative ON lockstep.specialization_progress IS 'XP, sessions, projects and hours are never negative.';


--
-- Name: user_licenses; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.user_licenses (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    specialization_type text NOT NULL,
    current_level integer DEFAULT 1 NOT NULL,
    max_achieved_level integer DEFAULT 1 NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    last_advanced_at timestamp with time zone,
    is_active boolean DEFAULT true NOT NULL,
    instructor_notes text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ck_user_licenses_max_achieved_level CHECK ((max_achieved_level >= current_level))
);


ALTER TABLE lockstep.user_licenses OWNER TO lockstep_owner;

--
-- Name: TABLE user_licenses; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.user_licenses IS 'The license a user holds in a specialization; its level equals that of specialization_progress.';


--
-- Name: COLUMN user_licenses.specialization_type; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.user_licenses.specialization_type IS 'The id of the specialization.';


--
-- Name: COLUMN user_licenses.max_achieved_level; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.user_licenses.max_achieved_level IS 'The highest level ever held: never falls.';


--
-- Name: COLUMN user_licenses.last_advanced_at; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.user_licenses.last_advanced_at IS 'When the level last changed.';


--
-- Name: CONSTRAINT ck_user_licenses_max_achieved_level ON user_licenses; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_user_licenses_max_achieved_level ON lockstep.user_licenses IS 'The highest level ever held is at least the level held now.';


--
-- Name: locked_pair; Type: TYPE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TYPE lockstep.locked_pair AS (
	progress lockstep.specialization_progress,
	license lockstep.user_licenses,
	progress_created boolean,
	license_created boolean
);


ALTER TYPE lockstep.locked_pair OWNER TO lockstep_owner;

--
-- Name: TYPE locked_pair; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TYPE lockstep.locked_pair IS 'Both rows of a pair, locked, and which of them the call made.';


--
-- Name: sync_outcome; Type: TYPE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TYPE lockstep.sync_outcome AS (
	user_id bigint,
	specialization_id text,
	action text,
	old_level integer,
	new_level integer,
	synced boolean,
	message text
);


ALTER TYPE lockstep.sync_outcome OWNER TO lockstep_owner;

--
-- Name: TYPE sync_outcome; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TYPE lockstep.sync_outcome IS 'What a synchronization did to one pair. action: none, created, updated or skipped; levels are those of the side written.';


--
-- Name: apply_sync(bigint); Type: PROCEDURE; Schema: lockstep; Owner: lockstep_owner
--

CREATE PROCEDURE lockstep.apply_sync(IN p_run_id bigint)
    LANGUAGE plpgsql
    AS $$
declare
    v_attempts integer;
begin
    perform lockstep.start_sync(p_run_id);
    commit;

    loop
        v_attempts := lockstep.apply_sync_batch(p_run_id);
        commit;
        exit when v_attempts is null;
        perform lockstep.sync_pause(v_attempts);
        commit;
    end loop;
end;
$$;


ALTER PROCEDURE lockstep.apply_sync(IN p_run_id bigint) OWNER TO lockstep_owner;

--
-- Name: PROCEDURE apply_sync(IN p_run_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON PROCEDURE lockstep.apply_sync(IN p_run_id bigint) IS 'Applies a planned run, or goes on with one whose worker died: batch by batch, a commit after each.

call lockstep.apply_sync(7). Outside a transaction block. What came of it: lockstep.runs, lockstep.run_items.
Raises LS015 no such run, LS016 already finished, LS017 somebody is working on it.';


--
-- Name: apply_sync_batch(bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.apply_sync_batch(p_run_id bigint) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_started constant timestamptz := clock_timestamp();
    v_run lockstep.sync_runs;
    v_item lockstep.sync_run_items;
    v_code text;
    v_detail text;
begin
    select run.*
    into v_run
    from lockstep.sync_runs as run
    where run.id = p_run_id
        and run.status = 'running'
    for no key update;

    if not found then
        return null;
    end if;

    -- Live traffic wins: a pair that is busy is left for later.
    perform set_config(
        'lock_timeout',
        ceil(extract(epoch from lockstep.setting('sync_lock_timeout')::interval) * 1000)::text,
        true
    );

    for v_item in
        select item.*
        from lockstep.sync_run_items as item
        where item.run_id = p_run_id
            and item.outcome = 'planned'
            -- Those tried less often go first; within a batch, keys in order, but before them those
            -- that lock a user's row, for want of a progress row.
            and item.attempts = (
                select min(open.attempts)
                from lockstep.sync_run_items as open
                where open.run_id = p_run_id
                    and open.outcome = 'planned'
            )
        order by (item.progress_before is null) desc, item.user_id, item.specialization_id
        limit lockstep.setting('sync_batch_size')::bigint
    loop
        v_item.attempts := v_item.attempts + 1;

        begin
            v_item := lockstep.apply_sync_item(v_item, v_run);
        exception
            when others then
                get stacked diagnostics v_code = returned_sqlstate, v_detail = message_text;
                v_item.error_code := v_code;
                v_item.detail := v_detail;
                -- Lock timeout, deadlock and serialization pass; they are tried three times.
                if v_code not in ('55P03', '40P01', '40001') or v_item.attempts >= 3 then
                    v_item.outcome := 'failed';
                    v_item.applied_at := clock_timestamp();
                end if;
        end;

        update lockstep.sync_run_items as item
        set outcome = v_item.outcome,
            detail = v_item.detail,
            error_code = v_item.error_code,
            attempts = v_item.attempts,
            progress_after = v_item.progress_after,
            license_after = v_item.license_after,
            applied_at = v_item.applied_at
        where item.run_id = v_item.run_id
            and item.user_id = v_item.user_id
            and item.specialization_id = v_item.specialization_id;

        -- Nobody should wait long for the pairs that this batch holds.
        exit when clock_timestamp() > v_started + interval '100 ms';
    end loop;

    return lockstep.finish_sync_batch(p_run_id);
end;
$$;


ALTER FUNCTION lockstep.apply_sync_batch(p_run_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION apply_sync_batch(p_run_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.apply_sync_batch(p_run_id bigint) IS 'One batch of a run, in one transaction: some items, in lock order, each in a subtransaction of its own.

Returns how often the next items have been tried already, null when none is left: the run is finished then.
A failed item is recorded and does not stop the others; 55P03, 40P01 and 40001 are tried three times.
Locks the run, and each item''s specialization_progress, then user_licenses.';


--
-- Name: sync_run_items; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.sync_run_items (
    user_id bigint NOT NULL,
    run_id bigint NOT NULL,
    specialization_id text NOT NULL,
    issue_type text NOT NULL,
    action text NOT NULL,
    source text,
    progress_before jsonb,
    license_before jsonb,
    expected_level integer,
    outcome text DEFAULT 'planned'::text NOT NULL,
    detail text,
    error_code text,
    attempts integer DEFAULT 0 NOT NULL,
    progress_after jsonb,
    license_after jsonb,
    applied_at timestamp with time zone,
    CONSTRAINT ck_sync_run_items_action CHECK ((action = ANY (ARRAY['create_license'::text, 'create_progress'::text, 'update_license'::text, 'update_progress'::text, 'restore'::text, 'none'::text]))),
    CONSTRAINT ck_sync_run_items_outcome CHECK ((outcome = ANY (ARRAY['planned'::text, 'synced'::text, 'undone'::text, 'undone_in_step'::text, 'skipped'::text, 'failed'::text])))
);


ALTER TABLE lockstep.sync_run_items OWNER TO lockstep_owner;

--
-- Name: TABLE sync_run_items; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.sync_run_items IS 'What a run is to do to one pair, and what came of it.';


--
-- Name: COLUMN sync_run_items.issue_type; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.sync_run_items.issue_type IS 'As in the desync view, when the plan was made.';


--
-- Name: COLUMN sync_run_items.action; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.sync_run_items.action IS 'create_license, create_progress, update_license, update_progress, restore (undo), or none: the source is missing.';


--
-- Name: COLUMN sync_run_items.source; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.sync_run_items.source IS 'The side that the other takes its level from: progress or license.';


--
-- Name: COLUMN sync_run_items.progress_before; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.sync_run_items.progress_before IS 'The whole row as the plan saw it; null where it was missing.';


--
-- Name: COLUMN sync_run_items.license_before; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.sync_run_items.license_before IS 'The whole row as the plan saw it; null where it was missing.';


--
-- Name: COLUMN sync_run_items.expected_level; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.sync_run_items.expected_level IS 'The level of both sides afterwards.';


--
-- Name: COLUMN sync_run_items.outcome; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.sync_run_items.outcome IS 'planned, synced, undone, undone_in_step (the old state was a disagreement: both sides took the level that was replaced), skipped or failed.';


--
-- Name: COLUMN sync_run_items.error_code; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.sync_run_items.error_code IS 'SQLSTATE of the last failure.';


--
-- Name: COLUMN sync_run_items.attempts; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.sync_run_items.attempts IS 'At most three, for failures that pass.';


--
-- Name: COLUMN sync_run_items.progress_after; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.sync_run_items.progress_after IS 'The whole row as the run left it: what an undo compares.';


--
-- Name: COLUMN sync_run_items.license_after; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.sync_run_items.license_after IS 'The whole row as the run left it: what an undo compares.';


--
-- Name: CONSTRAINT ck_sync_run_items_action ON sync_run_items; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_sync_run_items_action ON lockstep.sync_run_items IS 'What an item can list.';


--
-- Name: CONSTRAINT ck_sync_run_items_outcome ON sync_run_items; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_sync_run_items_outcome ON lockstep.sync_run_items IS 'What can come of an item.';


--
-- Name: sync_runs; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.sync_runs (
    id bigint NOT NULL,
    kind text DEFAULT 'sync'::text NOT NULL,
    direction text NOT NULL,
    dry_run boolean DEFAULT true NOT NULL,
    status text DEFAULT 'planned'::text NOT NULL,
    specialization_id text,
    user_id bigint,
    undo_of bigint,
    requested_by bigint,
    reason text,
    scheduled boolean DEFAULT false NOT NULL,
    job_start timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    job_end timestamp with time zone,
    last_batch_at timestamp with time zone,
    backend_pid integer,
    issues_found bigint DEFAULT 0 NOT NULL,
    synced_count bigint DEFAULT 0 NOT NULL,
    failed_count bigint DEFAULT 0 NOT NULL,
    skipped_count bigint DEFAULT 0 NOT NULL,
    message text,
    CONSTRAINT ck_sync_runs_direction CHECK ((direction = ANY (ARRAY['progress_to_license'::text, 'license_to_progress'::text, 'to_higher_level'::text]))),
    CONSTRAINT ck_sync_runs_kind CHECK ((kind = ANY (ARRAY['sync'::text, 'undo'::text]))),
    CONSTRAINT ck_sync_runs_status CHECK ((status = ANY (ARRAY['planned'::text, 'running'::text, 'success'::text, 'partial_failure'::text, 'failed'::text, 'skipped'::text])))
);


ALTER TABLE lockstep.sync_runs OWNER TO lockstep_owner;

--
-- Name: TABLE sync_runs; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.sync_runs IS 'One row a run of repair: planned, applied, undone or skipped.';


--
-- Name: COLUMN sync_runs.kind; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.sync_runs.kind IS 'sync, or undo of another run.';


--
-- Name: COLUMN sync_runs.direction; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.sync_runs.direction IS 'progress_to_license, license_to_progress or to_higher_level; of an undo, that of the run undone.';


--
-- Name: COLUMN sync_runs.dry_run; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.sync_runs.dry_run IS 'True while it is a plan that nobody has applied.';


--
-- Name: COLUMN sync_runs.status; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.sync_runs.status IS 'planned, running, success, partial_failure (items failed), failed, or skipped (another run was under way).';


--
-- Name: COLUMN sync_runs.undo_of; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.sync_runs.undo_of IS 'The run that this one undoes.';


--
-- Name: COLUMN sync_runs.requested_by; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.sync_runs.requested_by IS 'The application''s actor: a user id.';


--
-- Name: COLUMN sync_runs.scheduled; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.sync_runs.scheduled IS 'True for a run of reconcile().';


--
-- Name: COLUMN sync_runs.last_batch_at; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.sync_runs.last_batch_at IS 'When the last batch committed: shows a run that was killed.';


--
-- Name: COLUMN sync_runs.backend_pid; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.sync_runs.backend_pid IS 'The server process that works on it.';


--
-- Name: COLUMN sync_runs.issues_found; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.sync_runs.issues_found IS 'Items of the plan.';


--
-- Name: CONSTRAINT ck_sync_runs_direction ON sync_runs; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_sync_runs_direction ON lockstep.sync_runs IS 'Which side the level comes from.';


--
-- Name: CONSTRAINT ck_sync_runs_kind ON sync_runs; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_sync_runs_kind ON lockstep.sync_runs IS 'A run repairs, or undoes another.';


--
-- Name: CONSTRAINT ck_sync_runs_status ON sync_runs; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_sync_runs_status ON lockstep.sync_runs IS 'The states of a run.';


--
-- Name: apply_sync_item(lockstep.sync_run_items, lockstep.sync_runs); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.apply_sync_item(p_item lockstep.sync_run_items, p_run lockstep.sync_runs) RETURNS lockstep.sync_run_items
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_progress lockstep.specialization_progress;
    v_license lockstep.user_licenses;
    v_item lockstep.sync_run_items := p_item;
begin
    if p_item.progress_before is null then
        -- There is no progress row to lock: the user's row stands in for it.
        perform
        from lockstep.users as person
        where person.id = p_item.user_id
        for no key update;
    end if;

    -- Lock order, everywhere: specialization_progress, then user_licenses.
    select progress.*
    into v_progress
    from lockstep.specialization_progress as progress
    where progress.student_id = p_item.user_id
        and progress.specialization_id = p_item.specialization_id
    for no key update;

    select license.*
    into v_license
    from lockstep.user_licenses as license
    where license.user_id = p_item.user_id
        and license.specialization_type = p_item.specialization_id
    for no key update;

    v_item.applied_at := clock_timestamp();
    v_item.error_code := null;

    -- Compared as rows, not as JSON: that would print times in the zone of the session. A column that
    -- came after the plan is taken as it is now.
    if (v_progress.id is null) <> (p_item.progress_before is null)
        or (v_license.id is null) <> (p_item.license_before is null)
        or v_progress <> jsonb_populate_record(v_progress, p_item.progress_before)
        or v_license <> jsonb_populate_record(v_license, p_item.license_before)
    then
        v_item.outcome := 'skipped';
        v_item.detail := 'changed since the plan';
        return v_item;
    end if;

    if p_item.action = 'none' then
        v_item.outcome := 'skipped';
        v_item.detail := format('there is no %s to take the level from', p_item.source);
        return v_item;
    end if;

    if p_item.action = 'restore' then
        v_item.outcome := lockstep.restore_pair(p_item, p_run);
    else
        perform lockstep.sync_records(
            p_item.user_id, p_item.specialization_id, p_item.source, p_run.requested_by,
            coalesce(p_run.reason, format('run %s: %s', p_run.id, p_run.direction))
        );
        v_item.outcome := 'synced';
    end if;

    v_item.detail := null;
    v_item.progress_after := (
        select to_jsonb(progress)
        from lockstep.specialization_progress as progress
        where progress.student_id = p_item.user_id
            and progress.specialization_id = p_item.specialization_id
    );
    v_item.license_after := (
        select to_jsonb(license)
        from lockstep.user_licenses as license
        where license.user_id = p_item.user_id
            and license.specialization_type = p_item.specialization_id
    );

    -- Found here it is one bad item; found by the keys at commit it would be the whole batch.
    if array[v_item.progress_after -> 'current_level', v_item.license_after -> 'current_level']
        is distinct from array_fill(to_jsonb(p_item.expected_level), array[2])
    then
        raise exception using
            errcode = 'serialization_failure',
            message = 'the pair is not at the level that was written',
            detail = format(
                'user_id=%s specialization_id=%s level=%s', p_item.user_id, p_item.specialization_id,
                p_item.expected_level
            ),
            hint = 'If it comes back, look for a trigger that suppresses or changes updates.';
    end if;

    return v_item;
end;
$$;


ALTER FUNCTION lockstep.apply_sync_item(p_item lockstep.sync_run_items, p_run lockstep.sync_runs) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION apply_sync_item(p_item lockstep.sync_run_items, p_run lockstep.sync_runs); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.apply_sync_item(p_item lockstep.sync_run_items, p_run lockstep.sync_runs) IS 'Does what one item of a run lists, if both rows still are as the plan saw them; else skips it.

Returns the item with its outcome. Raises whatever the write raises: 55P03 when live traffic holds the pair,
40001 when a trigger kept a side from its level.
Locks specialization_progress, then user_licenses (before them the user''s row, where there is no progress).';


--
-- Name: arm_keys(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_owner
--

CREATE FUNCTION lockstep.arm_keys() RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_trigger record;
    v_unarmed bigint;
begin
    if current_setting('is_superuser') <> 'on' then
        v_unarmed := (
            select count(*)
            from lockstep.coupled_key_triggers as key_trigger
            where not key_trigger.armed
        );
        return format(
            case v_unarmed
                when 0 then 'keys are armed'
                else 'keys are not armed: %s of their triggers need a superuser to set them ENABLE ALWAYS'
            end,
            v_unarmed
        );
    end if;

    for v_trigger in
        select key_trigger.table_name, key_trigger.trigger_name
        from lockstep.coupled_key_triggers as key_trigger
        where not key_trigger.armed
    loop
        execute format(
            'alter table %s enable always trigger %I', v_trigger.table_name, v_trigger.trigger_name
        );
    end loop;

    return 'keys are armed';
end;
$$;


ALTER FUNCTION lockstep.arm_keys() OWNER TO lockstep_owner;

--
-- Name: FUNCTION arm_keys(); Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON FUNCTION lockstep.arm_keys() IS 'Sets the triggers of the coupling and level keys to ENABLE ALWAYS, so that they hold for the
replica role too. Only a superuser can; for others it says how many are not. Part of every installation;
to be called again after a restore, which does not keep it.';


--
-- Name: broken_guards(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.broken_guards() RETURNS text[]
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select coalesce(array_agg(guard.kind || ': ' || guard.name order by guard.kind, guard.name), '{}')
    from lockstep.guard_status as guard
    where guard.status <> 'intact'
        -- These a load puts right by itself.
        and guard.kind not in ('function', 'view', 'trigger', 'policy')
        and exists (select from lockstep.guard_status as recorded where recorded.as_installed is not null);
$$;


ALTER FUNCTION lockstep.broken_guards() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION broken_guards(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.broken_guards() IS 'The guards that loading functions and views does not mend, as "kind: name".

The loader asks before it loads and hands the answer to record_guards(), so that an installation
never takes damage for what ought to be. Empty on the first installation.';


--
-- Name: change_pair(text, bigint, text, integer, bigint, integer, integer, numeric, numeric, bigint, text, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.change_pair(p_function_name text, p_user_id bigint, p_specialization_id text, p_new_level integer, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_advanced_by bigint, p_reason text, p_idempotency_key text) RETURNS lockstep.level_change
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_pair lockstep.locked_pair;
    v_stored jsonb;
    v_requirements_met text;
    v_answer lockstep.level_change;
begin
    if p_advanced_by is not null then
        perform lockstep.check_user(p_advanced_by);
    end if;

    if p_idempotency_key is not null then
        v_stored := lockstep.claim_idempotency_key(
            p_user_id, p_idempotency_key, p_function_name,
            jsonb_build_array(
                p_specialization_id, p_new_level, p_xp_change, p_sessions_change, p_projects_change,
                p_theory_hours_change, p_practice_hours_change, p_advanced_by, p_reason
            )
        );

        if v_stored is not null then
            v_answer := jsonb_populate_record(null::lockstep.level_change, v_stored);
            v_answer.replayed := true;
            return v_answer;
        end if;
    end if;

    -- Lock order, everywhere: specialization_progress, then user_licenses.
    v_pair := lockstep.lock_pair(p_user_id, p_specialization_id, p_new_level is not null);

    v_answer.user_id := p_user_id;
    v_answer.specialization_id := p_specialization_id;
    v_answer.progress_old_level := case when not v_pair.progress_created then (v_pair.progress).current_level end;
    v_answer.license_old_level := case when not v_pair.license_created then (v_pair.license).current_level end;
    v_answer.desync := v_answer.progress_old_level is distinct from v_answer.license_old_level;
    v_answer.total_xp := (v_pair.progress).total_xp + p_xp_change;
    v_answer.completed_sessions := (v_pair.progress).completed_sessions + p_sessions_change;
    v_answer.completed_projects := (v_pair.progress).completed_projects + p_projects_change;
    v_answer.theory_hours := (v_pair.progress).theory_hours_completed + p_theory_hours_change;
    v_answer.practice_hours := (v_pair.progress).practice_hours_completed + p_practice_hours_change;
    v_answer.xp_change := p_xp_change;
    v_answer.sessions_change := p_sessions_change;
    v_answer.replayed := false;

    if p_new_level is not null then
        v_answer.progress_new_level := p_new_level;
        v_answer.license_new_level := p_new_level;
    elsif v_answer.desync then
        -- An award of XP neither heals a pair out of step nor hides it.
        v_answer.progress_new_level := (v_pair.progress).current_level;
        v_answer.license_new_level := (v_pair.license).current_level;
    else
        v_answer.progress_new_level := lockstep.reached_level(
            p_specialization_id, (v_pair.progress).current_level, v_answer.total_xp,
            v_answer.completed_sessions, v_answer.theory_hours, v_answer.practice_hours
        );
        v_answer.license_new_level := v_answer.progress_new_level;
    end if;

    perform lockstep.check_change(v_answer, p_theory_hours_change, p_practice_hours_change);

    if p_new_level is null and v_answer.progress_new_level > (v_pair.progress).current_level then
        v_requirements_met := lockstep.requirements_met(v_answer);
    end if;

    v_answer.progression_created := lockstep.write_levels(
        p_user_id => p_user_id,
        p_specialization_id => p_specialization_id,
        p_license_id => (v_pair.license).id,
        p_progress_from => v_answer.progress_old_level,
        -- A license that this call leaves out of step has no change to record.
        p_license_from => case
            when v_answer.license_new_level = v_answer.progress_new_level then v_answer.license_old_level
            else v_answer.progress_new_level
        end,
        p_to_level => v_answer.progress_new_level,
        p_write_progress => true,
        p_write_license => v_answer.license_new_level <> (v_pair.license).current_level,
        p_route => 'function',
        p_xp_change => p_xp_change,
        p_sessions_change => p_sessions_change,
        p_projects_change => p_projects_change,
        p_theory_hours_change => p_theory_hours_change,
        p_practice_hours_change => p_practice_hours_change,
        p_advanced_by => p_advanced_by,
        p_reason => p_reason,
        p_requirements_met => v_requirements_met
    ) is not null;

    v_answer.max_achieved_level := greatest((v_pair.license).max_achieved_level, v_answer.license_new_level);
    v_answer.message := case
        when v_answer.desync and p_new_level is null
            then 'The pair is out of step: totals added, no level changed'
        when v_answer.desync then format('Level set to %s on a pair that was out of step', p_new_level)
        when v_answer.progression_created then format(
            'Level changed from %s to %s',
            coalesce(v_answer.license_old_level::text, 'none'), v_answer.license_new_level
        )
        else format('Level stays at %s', v_answer.license_new_level)
    end;

    if p_idempotency_key is not null then
        perform lockstep.store_answer(p_user_id, p_idempotency_key, to_jsonb(v_answer));
    end if;

    return v_answer;
end;
$$;


ALTER FUNCTION lockstep.change_pair(p_function_name text, p_user_id bigint, p_specialization_id text, p_new_level integer, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_advanced_by bigint, p_reason text, p_idempotency_key text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION change_pair(p_function_name text, p_user_id bigint, p_specialization_id text, p_new_level integer, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_advanced_by bigint, p_reason text, p_idempotency_key text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.change_pair(p_function_name text, p_user_id bigint, p_specialization_id text, p_new_level integer, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_advanced_by bigint, p_reason text, p_idempotency_key text) IS 'What update_level() and level_up() share: key, locks, rules, write, answer.

Without a new level it is the level that the totals reach; a pair out of step then keeps its levels.
Raises LS001 to LS005 and LS007 as its callers say.
Locks the key, then specialization_progress, then user_licenses.';


--
-- Name: change_setting(text, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.change_setting(p_name text, p_value text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_setting lockstep.settings;
    v_allowed boolean;
begin
    select setting.*
    into v_setting
    from lockstep.settings as setting
    where setting.name = p_name
    for no key update;

    if not found or p_value is null then
        raise exception using
            errcode = 'LS006',
            message = 'invalid argument',
            detail = format('setting %s, value %s', coalesce(p_name, 'null'), coalesce(p_value, 'null')),
            hint = 'See lockstep.settings for those that exist and their units.';
    end if;

    -- A value that cannot be read fails here (22P02, 22007), not at its next use.
    case v_setting.kind
        when 'integer' then
            v_allowed := p_value::integer >= 1;
        when 'interval' then
            v_allowed := case
                when p_name in ('sync_pause', 'health_budget') then p_value::interval >= '0'
                -- 0 would be no timeout at all.
                when p_name = 'sync_lock_timeout' then p_value::interval between '1 ms' and '1 day'
                else p_value::interval > '0'
            end and p_value::interval <= '100 years';
        else
            v_allowed := p_name <> 'reconcile_direction'
                or p_value in ('progress_to_license', 'license_to_progress', 'to_higher_level');
    end case;

    if not v_allowed then
        raise exception using
            errcode = 'LS006',
            message = 'invalid argument',
            detail = format('setting %s, value %s', p_name, p_value),
            hint = 'Integers start at 1; intervals are above 0 (sync_pause, health_budget: 0 or more), at most'
                ' 100 years, sync_lock_timeout a day; reconcile_direction is one of the three directions.';
    end if;

    update lockstep.settings as setting
    set value = p_value
    where setting.name = p_name;

    return v_setting.value;
end;
$$;


ALTER FUNCTION lockstep.change_setting(p_name text, p_value text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION change_setting(p_name text, p_value text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.change_setting(p_name text, p_value text) IS 'Changes a setting; read at its next use. Returns the value before.

Raises LS006 when there is no such setting or the value would stop what it steers, 22007 or 22P02 for a value that is not of its kind. Locks its row.';


--
-- Name: check_change(lockstep.level_change, numeric, numeric); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.check_change(p_change lockstep.level_change, p_theory_hours_change numeric, p_practice_hours_change numeric) RETURNS void
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    if p_change.progress_new_level is distinct from p_change.progress_old_level
        and not exists (
            select from lockstep.specialization_levels as level
            where level.specialization_id = p_change.specialization_id
                and level.level = p_change.progress_new_level
        )
    then
        raise exception using
            errcode = 'LS003',
            message = 'level does not exist in this specialization',
            detail = format(
                'specialization_id=%s level=%s', p_change.specialization_id, p_change.progress_new_level
            ),
            hint = 'See lockstep.specialization_levels for those that exist.';
    end if;

    if least(
        p_change.total_xp, p_change.completed_sessions, p_change.completed_projects,
        p_change.theory_hours, p_change.practice_hours
    ) < 0 then
        raise exception using
            errcode = 'LS004',
            message = 'a total would fall below 0',
            detail = format(
                'user_id=%s specialization_id=%s total_xp=%s completed_sessions=%s completed_projects=%s'
                || ' theory_hours=%s practice_hours=%s',
                p_change.user_id, p_change.specialization_id, p_change.total_xp, p_change.completed_sessions,
                p_change.completed_projects, p_change.theory_hours, p_change.practice_hours
            ),
            hint = 'Take away no more than is there.';
    end if;

    if (p_theory_hours_change <> 0 or p_practice_hours_change <> 0)
        and not exists (
            select from lockstep.specialization_levels as level
            where level.specialization_id = p_change.specialization_id
                and level.theory_hours is not null
        )
    then
        raise exception using
            errcode = 'LS005',
            message = 'hours are not counted in this specialization',
            detail = format(
                'specialization_id=%s theory_hours=%s practice_hours=%s',
                p_change.specialization_id, p_theory_hours_change, p_practice_hours_change
            ),
            hint = 'Only a specialization whose level rows have theory_hours counts hours.';
    end if;
end;
$$;


ALTER FUNCTION lockstep.check_change(p_change lockstep.level_change, p_theory_hours_change numeric, p_practice_hours_change numeric) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION check_change(p_change lockstep.level_change, p_theory_hours_change numeric, p_practice_hours_change numeric); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.check_change(p_change lockstep.level_change, p_theory_hours_change numeric, p_practice_hours_change numeric) IS 'Refuses a change of a pair that the rules do not allow, before anything is written.

Raises LS003 no such level, LS004 a total would fall below 0, LS005 hours where none are counted.';


--
-- Name: health_checks; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.health_checks (
    id bigint NOT NULL,
    checked_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    status text NOT NULL,
    consistency_rate numeric(6,3) NOT NULL,
    total_checked bigint NOT NULL,
    total_violations bigint NOT NULL,
    oldest_unverified timestamp with time zone,
    CONSTRAINT ck_health_checks_status CHECK ((status = ANY (ARRAY['healthy'::text, 'degraded'::text, 'critical'::text])))
);


ALTER TABLE lockstep.health_checks OWNER TO lockstep_owner;

--
-- Name: TABLE health_checks; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.health_checks IS 'One row a health check, every five minutes.';


--
-- Name: COLUMN health_checks.status; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.health_checks.status IS 'healthy: at least 99 % of the pairs are in step; degraded: at least 95 %; else critical.';


--
-- Name: COLUMN health_checks.consistency_rate; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.health_checks.consistency_rate IS 'Share of pairs in step, in percent.';


--
-- Name: COLUMN health_checks.total_checked; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.health_checks.total_checked IS 'Pairs, each as its range was last read.';


--
-- Name: COLUMN health_checks.total_violations; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.health_checks.total_violations IS 'Of those, the pairs out of step.';


--
-- Name: COLUMN health_checks.oldest_unverified; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.health_checks.oldest_unverified IS 'No pair was last read before this; null while a range was never read.';


--
-- Name: CONSTRAINT ck_health_checks_status ON health_checks; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_health_checks_status ON lockstep.health_checks IS 'The states of health.';


--
-- Name: check_health(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.check_health() RETURNS lockstep.health_checks
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_started constant timestamptz := clock_timestamp();
    v_check lockstep.health_checks;
begin
    perform lockstep.cover_users();

    while (lockstep.verify_next_range(v_started)).first_user_id is not null loop
        exit when clock_timestamp() > v_started + lockstep.setting('health_budget')::interval;
    end loop;

    insert into lockstep.health_checks (
        status, consistency_rate, total_checked, total_violations, oldest_unverified
    )
    select
        case
            when rate.percent >= 99 then 'healthy'
            when rate.percent >= 95 then 'degraded'
            else 'critical'
        end,
        rate.percent,
        rate.pairs,
        rate.violations,
        rate.oldest
    from (
        select
            coalesce(sum(one.pairs), 0) as pairs,
            coalesce(sum(one.violations), 0) as violations,
            -- Rounded down: 100 means all of them.
            trunc(coalesce(100 * (1 - sum(one.violations) / nullif(sum(one.pairs), 0)), 100), 3) as percent,
            case when bool_and(one.verified_at is not null) then min(one.verified_at) end as oldest
        from lockstep.verified_ranges as one
    ) as rate
    returning * into v_check;

    delete from lockstep.health_checks as old
    where old.checked_at < now() - lockstep.setting('sync_retention')::interval;

    return v_check;
end;
$$;


ALTER FUNCTION lockstep.check_health() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION check_health(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.check_health() IS 'Verifies ranges of pairs, the longest unverified first, for as long as the setting health_budget allows.

Returns the check as recorded: the sum of what every range showed when it was last read.
Locks ranges that it reads, no pair.';


--
-- Name: check_specialization(text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.check_specialization(p_specialization_id text) RETURNS void
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    if not exists (
        select from lockstep.specializations as specialization
        where specialization.id = p_specialization_id
    ) then
        raise exception using
            errcode = 'LS002',
            message = 'specialization not found',
            detail = format('specialization_id=%s', coalesce(p_specialization_id, 'null')),
            hint = 'See lockstep.specializations for those that exist.';
    end if;
end;
$$;


ALTER FUNCTION lockstep.check_specialization(p_specialization_id text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION check_specialization(p_specialization_id text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.check_specialization(p_specialization_id text) IS 'Raises LS002 when there is no such specialization.';


--
-- Name: check_user(bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.check_user(p_user_id bigint) RETURNS void
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    if not exists (
        select from lockstep.users as person
        where person.id = p_user_id
    ) then
        raise exception using
            errcode = 'LS001',
            message = 'user not found',
            detail = format('user_id=%s', coalesce(p_user_id::text, 'null')),
            hint = 'Create the user first.';
    end if;
end;
$$;


ALTER FUNCTION lockstep.check_user(p_user_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION check_user(p_user_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.check_user(p_user_id bigint) IS 'Raises LS001 when there is no such user.';


--
-- Name: claim_idempotency_key(bigint, text, text, jsonb); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.claim_idempotency_key(p_user_id bigint, p_key text, p_function_name text, p_arguments jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_known lockstep.idempotency_keys;
begin
    if length(p_key) not between 1 and 255 then
        raise exception using
            errcode = 'LS006',
            message = 'invalid argument',
            detail = format('idempotency_key has %s characters', length(p_key)),
            hint = 'Use 1 to 255 characters.';
    end if;

    -- A second caller with the same key waits here until the first has committed or rolled back.
    insert into lockstep.idempotency_keys (user_id, key, function_name, arguments)
    select person.id, p_key, p_function_name, p_arguments
    from lockstep.users as person
    where person.id = p_user_id
    on conflict do nothing;

    if found then
        return null;
    end if;

    select known.*
    into v_known
    from lockstep.idempotency_keys as known
    where known.user_id = p_user_id
        and known.key = p_key;

    if not found then
        perform lockstep.check_user(p_user_id);

        -- A purge took the old key between the two statements: nothing was claimed.
        raise exception using
            errcode = 'serialization_failure',
            message = 'the idempotency key expired meanwhile',
            detail = format('user_id=%s key=%s', p_user_id, p_key),
            hint = 'Retry.';
    end if;

    if v_known.function_name <> p_function_name or v_known.arguments <> p_arguments then
        raise exception using
            errcode = 'LS007',
            message = 'idempotency key was used with other arguments',
            detail = format(
                'user_id=%s key=%s first: %s%s now: %s%s',
                p_user_id, p_key, v_known.function_name, v_known.arguments, p_function_name, p_arguments
            ),
            hint = 'A new request needs a new key; a retry repeats its arguments exactly.';
    end if;

    return v_known.answer;
end;
$$;


ALTER FUNCTION lockstep.claim_idempotency_key(p_user_id bigint, p_key text, p_function_name text, p_arguments jsonb) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION claim_idempotency_key(p_user_id bigint, p_key text, p_function_name text, p_arguments jsonb); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.claim_idempotency_key(p_user_id bigint, p_key text, p_function_name text, p_arguments jsonb) IS 'Claims a key for this call, in this transaction: a rollback gives it back.

Returns null when the call is the first with this key, else the answer stored by the first.
Raises LS001 when the user does not exist, LS006 for an unusable key, LS007 when the key was used
with another function or other arguments, 40001 (retry) when a purge takes the old key meanwhile.
Locks the key, before any row of the pair.';


--
-- Name: cover_users(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.cover_users() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_width constant bigint := lockstep.setting('health_range')::bigint;
    v_highest constant bigint := (select max(person.id) from lockstep.users as person);
    v_first bigint := coalesce(
        (select max(known.last_user_id) + 1 from lockstep.verified_ranges as known),
        (select least(min(person.id), 0) from lockstep.users as person)
    );
    v_last bigint;
    v_added bigint := 0::bigint;
begin
    while v_first <= coalesce(v_highest, 0) loop
        v_last := greatest(
            v_first + v_width - 1,
            -- Where ids are sparse a range is wider: else one id of 10^15 would make 10^11 ranges.
            coalesce(
                (
                    select person.id - 1
                    from lockstep.users as person
                    where person.id >= v_first
                    order by person.id
                    offset v_width / 2
                    limit 1
                ),
                v_highest
            )
        );

        insert into lockstep.verified_ranges (first_user_id, last_user_id)
        values (v_first, v_last)
        on conflict do nothing;

        v_added := v_added + found::integer;
        v_first := v_last + 1;
    end loop;

    return v_added;
end;
$$;


ALTER FUNCTION lockstep.cover_users() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION cover_users(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.cover_users() IS 'Adds ranges to verified_ranges until every user id is in one; they are as wide as the setting health_range,
or wider where fewer than half of the ids are used.

Returns how many were added.';


--
-- Name: create_pair(bigint, text, boolean); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.create_pair(p_user_id bigint, p_specialization_id text, p_progress_held boolean, OUT progress_created boolean, OUT license_created boolean) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_level integer;
begin
    if not p_progress_held then
        -- There is no progress row to lock yet: the user's row stands in for it.
        perform
        from lockstep.users as person
        where person.id = p_user_id
        for no key update;

        perform lockstep.check_user(p_user_id);
    end if;

    perform lockstep.check_specialization(p_specialization_id);

    v_level := coalesce(
        (
            select progress.current_level
            from lockstep.specialization_progress as progress
            where progress.student_id = p_user_id
                and progress.specialization_id = p_specialization_id
        ),
        (
            select license.current_level
            from lockstep.user_licenses as license
            where license.user_id = p_user_id
                and license.specialization_type = p_specialization_id
        ),
        1
    );

    -- One statement, so that constraints set immediate see both sides or none.
    with new_progress as (
        insert into lockstep.specialization_progress (student_id, specialization_id, current_level)
        values (p_user_id, p_specialization_id, v_level)
        on conflict do nothing
        returning id
    ),

    new_license as (
        insert into lockstep.user_licenses (
            user_id, specialization_type, current_level, max_achieved_level
        )
        select
            p_user_id,
            p_specialization_id,
            v_level,
            v_level
        -- Lock order: never a license beside a progress row that somebody else may hold.
        where p_progress_held
            or exists (select from new_progress)
        on conflict do nothing
        returning id
    )

    select
        exists(select from new_progress),
        exists(select from new_license)
    into progress_created, license_created;
end;
$$;


ALTER FUNCTION lockstep.create_pair(p_user_id bigint, p_specialization_id text, p_progress_held boolean, OUT progress_created boolean, OUT license_created boolean) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION create_pair(p_user_id bigint, p_specialization_id text, p_progress_held boolean, OUT progress_created boolean, OUT license_created boolean); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.create_pair(p_user_id bigint, p_specialization_id text, p_progress_held boolean, OUT progress_created boolean, OUT license_created boolean) IS 'Makes what is missing of a pair: both sides at level 1, or one side at the level of the other.

Returns which sides this call made. Two callers at once: one makes them, the other waits and makes none.
Raises LS001 when the user does not exist, LS002 when the specialization does not.
Locks the user''s row, unless the caller says that it holds the progress row.';


--
-- Name: deployment_report(text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.deployment_report(p_expected_version text DEFAULT NULL::text) RETURNS SETOF lockstep.deployment_check
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    with expected_constraint (table_name, constraint_name) as (
        values
            ('specialization_progress', 'uq_specialization_progress_user_spec'),
            ('specialization_progress', 'uq_specialization_progress_user_spec_level'),
            ('specialization_progress', 'fk_specialization_progress_user'),
            ('specialization_progress', 'fk_specialization_progress_spec'),
            ('specialization_progress', 'fk_specialization_progress_level'),
            ('specialization_progress', 'fk_specialization_progress_license'),
            ('specialization_progress', 'ck_specialization_progress_not_negative'),
            ('user_licenses', 'uq_user_licenses_user_spec'),
            ('user_licenses', 'uq_user_licenses_user_spec_level'),
            ('user_licenses', 'fk_user_licenses_user'),
            ('user_licenses', 'fk_user_licenses_spec'),
            ('user_licenses', 'fk_user_licenses_level'),
            ('user_licenses', 'fk_user_licenses_max_level'),
            ('user_licenses', 'fk_user_licenses_progress'),
            ('user_licenses', 'ck_user_licenses_max_achieved_level')
    ),

    measured (place, check_name, failures, warns_only, detail) as (
        select
            1,
            'version at head',
            (p_expected_version is distinct from max(applied.migration_id))::integer,
            p_expected_version is null,
            format('applied %s, expected %s', max(applied.migration_id), coalesce(p_expected_version, 'not given'))
        from lockstep.schema_migrations as applied

        union all
        select
            2,
            'INTERNSHIP has 3 levels',
            (count(*) <> 1)::integer,
            false,
            coalesce(string_agg(format('%s, max_levels %s', one.name, one.max_levels), '; '), 'no such row')
        from lockstep.specializations as one
        where one.id = 'INTERNSHIP'
            and one.max_levels = 3

        union all
        select
            3,
            'max_levels equal the level rows',
            count(*) filter (where counted.max_levels <> counted.levels or counted.levels = 0),
            false,
            string_agg(format('%s %s of %s', counted.id, counted.levels, counted.max_levels), ', ' order by counted.id)
        from (
            select specialization.id, specialization.max_levels, count(level.level) as levels
            from lockstep.specializations as specialization
            left outer join lockstep.specialization_levels as level
                on level.specialization_id = specialization.id
            where specialization.is_active
            group by specialization.id
        ) as counted

        union all
        select
            4,
            'no duplicate progress',
            count(*),
            false,
            format('%s pairs twice', count(*))
        from (
            select from lockstep.specialization_progress as progress
            group by progress.student_id, progress.specialization_id
            having count(*) > 1
        ) as twice

        union all
        select
            5,
            'no duplicate license',
            count(*),
            false,
            format('%s pairs twice', count(*))
        from (
            select from lockstep.user_licenses as license
            group by license.user_id, license.specialization_type
            having count(*) > 1
        ) as twice

        union all
        select
            6,
            'named constraints there and validated',
            count(*) filter (where con.oid is null),
            false,
            coalesce(
                'missing: ' || string_agg(expected.constraint_name, ', ') filter (where con.oid is null),
                format('%s found', count(*))
            )
        from expected_constraint as expected
        left outer join pg_catalog.pg_constraint as con
            on con.conname = expected.constraint_name
            and con.conrelid = ('lockstep.' || expected.table_name)::regclass
            and con.convalidated

        union all
        select
            7,
            'keys armed for the replica role',
            count(*) filter (where not key_trigger.armed),
            true,
            format('%s of %s triggers fire ALWAYS', count(*) filter (where key_trigger.armed), count(*))
        from lockstep.coupled_key_triggers as key_trigger

        union all
        select
            8,
            'no trigger disabled',
            count(*),
            false,
            coalesce(string_agg(format('%s on %s', trig.tgname, trig.tgrelid::regclass), ', '), 'none')
        from pg_catalog.pg_trigger as trig
        inner join pg_catalog.pg_class as class on class.oid = trig.tgrelid
        where class.relnamespace = 'lockstep'::regnamespace
            and trig.tgenabled in ('D', 'R')

        union all
        select
            9,
            'lock-order hook on',
            (count(*) filter (where class.relrowsecurity and policy.polqual is not null) <> 2)::integer,
            false,
            format('%s policies lock progress first', count(*))
        from pg_catalog.pg_class as class
        inner join pg_catalog.pg_policy as policy on policy.polrelid = class.oid
        where class.oid = 'lockstep.user_licenses'::regclass
            and policy.polname in ('license_update', 'license_delete')

        union all
        select
            10,
            'no desync',
            count(*),
            false,
            format('%s pairs out of step', count(*))
        from lockstep.desync
    )

    select
        measured.check_name,
        case
            when measured.failures = 0 then 'pass'
            when measured.warns_only then 'warn'
            else 'fail'
        end,
        measured.detail
    from measured
    order by measured.place;
$$;


ALTER FUNCTION lockstep.deployment_report(p_expected_version text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION deployment_report(p_expected_version text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.deployment_report(p_expected_version text) IS 'Checks a deployment, one line a check: pass, warn or fail, with what was found.

p_expected_version: the newest migration of the release (its file''s name without the ending).
Reads both coupled tables whole. Locks nothing.';


--
-- Name: explain_desync(bigint, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.explain_desync(p_user_id bigint, p_specialization_id text) RETURNS SETOF lockstep.desync_explanation
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_pair record;
    v_agreed lockstep.license_progressions;
    v_side record;
    v_gap text;
begin
    perform lockstep.check_user(p_user_id);
    perform lockstep.check_specialization(p_specialization_id);

    select
        progress.current_level as progress_level,
        progress.xmin as progress_transaction,
        progress.updated_at as progress_updated_at,
        license.id as license_id,
        license.current_level as license_level,
        license.xmin as license_transaction,
        license.updated_at as license_updated_at
    into v_pair
    from (values (p_user_id, p_specialization_id)) as key (user_id, specialization_id)
    left outer join lockstep.specialization_progress as progress
        on progress.student_id = key.user_id
        and progress.specialization_id = key.specialization_id
    left outer join lockstep.user_licenses as license
        on license.user_id = key.user_id
        and license.specialization_type = key.specialization_id;

    if v_pair.progress_level is not distinct from v_pair.license_level then
        return;
    end if;

    -- Every row of the history but a client's remark was written with both sides at its level.
    select progression.*
    into v_agreed
    from lockstep.license_progressions as progression
    where progression.user_id = p_user_id
        and progression.user_license_id = v_pair.license_id
        and progression.route <> 'client'
    order by progression.id desc
    limit 1;

    v_gap := (
        select string_agg(format('%s %s %s', gap.guards, gap.kind, gap.status), ', ' order by gap.kind, gap.status)
        from (
            select guard.kind, guard.status, count(*) as guards
            from lockstep.guard_status as guard
            where guard.status <> 'intact'
            group by guard.kind, guard.status
        ) as gap
    );

    for v_side in
        select *
        from (
            values
                ('progress', v_pair.progress_level, v_pair.progress_transaction, v_pair.progress_updated_at),
                ('license', v_pair.license_level, v_pair.license_transaction, v_pair.license_updated_at)
        ) as side (name, level, transaction_id, updated_at)
        where side.level is distinct from coalesce(v_agreed.to_level, 1)
    loop
        return next row(
            p_user_id, p_specialization_id,
            coalesce(v_agreed.to_level, 1), v_agreed.advanced_at, v_agreed.advanced_by,
            v_agreed.database_role, v_agreed.application_name, v_agreed.route,
            v_side.name, v_side.level,
            case
                when current_setting('track_commit_timestamp') = 'on'
                    then coalesce(pg_xact_commit_timestamp(v_side.transaction_id), v_side.updated_at)
                else v_side.updated_at
            end,
            v_side.transaction_id,
            coalesce(
                'open now, see guard_status: ' || v_gap,
                'no guard is broken now: a superuser disabled triggers and enabled them again, or wrote under the replica role while keys were not armed'
            )
        );
    end loop;
end;
$$;


ALTER FUNCTION lockstep.explain_desync(p_user_id bigint, p_specialization_id text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION explain_desync(p_user_id bigint, p_specialization_id text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.explain_desync(p_user_id bigint, p_specialization_id text) IS 'Why a pair is out of step: the last state both sides agreed on, and each side that left it.

Returns one row a side that differs from the agreed level (a missing side has no level), none for a pair in
step. Who made the change past the rules is not in the database: the transaction id leads to the server''s log.
Raises LS001 no such user, LS002 no such specialization. Locks nothing.';


--
-- Name: fail_dead_runs(bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.fail_dead_runs(p_but_run_id bigint DEFAULT NULL::bigint) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    update lockstep.sync_runs as run
    set status = 'failed',
        job_end = clock_timestamp(),
        message = 'interrupted: its worker is gone; apply_sync() goes on where it stopped',
        (synced_count, failed_count, skipped_count) = (
            select
                count(*) filter (where item.outcome in ('synced', 'undone', 'undone_in_step')),
                count(*) filter (where item.outcome = 'failed'),
                count(*) filter (where item.outcome = 'skipped')
            from lockstep.sync_run_items as item
            where item.run_id = run.id
        )
    where run.status = 'running'
        and run.id is distinct from p_but_run_id
        and not lockstep.is_alive(run);
$$;


ALTER FUNCTION lockstep.fail_dead_runs(p_but_run_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION fail_dead_runs(p_but_run_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.fail_dead_runs(p_but_run_id bigint) IS 'Marks runs whose worker is gone as failed, with what they did until then, so that they block nobody; such a run can be resumed.';


--
-- Name: recommended_action(integer, integer); Type: FUNCTION; Schema: lockstep; Owner: lockstep_owner
--

CREATE FUNCTION lockstep.recommended_action(p_progress_level integer, p_license_level integer) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select case
        when p_progress_level = p_license_level then null
        when p_license_level is null and p_progress_level is null then null
        when p_license_level is null then 'create_license_from_progress'
        when p_progress_level is null then 'create_progress_from_license'
        else 'sync_to_higher_level'
    end;
$$;


ALTER FUNCTION lockstep.recommended_action(p_progress_level integer, p_license_level integer) OWNER TO lockstep_owner;

--
-- Name: FUNCTION recommended_action(p_progress_level integer, p_license_level integer); Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON FUNCTION lockstep.recommended_action(p_progress_level integer, p_license_level integer) IS 'What to do about these two levels of one pair; null where they agree. A missing side is null.';


--
-- Name: users; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.users (
    id bigint NOT NULL,
    email text NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    role text DEFAULT 'student'::text NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ck_users_role CHECK ((role = ANY (ARRAY['student'::text, 'instructor'::text, 'admin'::text])))
);


ALTER TABLE lockstep.users OWNER TO lockstep_owner;

--
-- Name: TABLE users; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.users IS 'People: students, instructors and admins.';


--
-- Name: COLUMN users.email; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.users.email IS 'Unique whatever its case (uq_users_email, on lower(email)).';


--
-- Name: COLUMN users.role; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.users.role IS 'student, instructor or admin.';


--
-- Name: COLUMN users.is_active; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.users.is_active IS 'False: deactivated; the records stay.';


--
-- Name: CONSTRAINT ck_users_role ON users; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_users_role ON lockstep.users IS 'There are three roles.';


--
-- Name: desync; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.desync AS
 SELECT COALESCE(progress.student_id, license.user_id) AS user_id,
    ( SELECT person.email
           FROM lockstep.users person
          WHERE (person.id = COALESCE(progress.student_id, license.user_id))) AS user_email,
    COALESCE(progress.specialization_id, license.specialization_type) AS specialization,
    progress.current_level AS progress_level,
    license.current_level AS license_level,
    (progress.current_level - license.current_level) AS difference,
        CASE
            WHEN (license.user_id IS NULL) THEN 'missing_license'::text
            WHEN (progress.student_id IS NULL) THEN 'missing_progress'::text
            ELSE 'level_mismatch'::text
        END AS issue_type,
    lockstep.recommended_action(progress.current_level, license.current_level) AS recommended_action
   FROM (( SELECT one.student_id,
            one.specialization_id,
            one.current_level
           FROM lockstep.specialization_progress one
          ORDER BY one.student_id, one.specialization_id, one.current_level) progress
     FULL JOIN ( SELECT one.user_id,
            one.specialization_type,
            one.current_level
           FROM lockstep.user_licenses one
          ORDER BY one.user_id, one.specialization_type, one.current_level) license ON (((progress.student_id = license.user_id) AND (progress.specialization_id = license.specialization_type))))
  WHERE (
        CASE
            WHEN (progress.current_level = license.current_level) THEN 0
            ELSE 1
        END = 1);


ALTER TABLE lockstep.desync OWNER TO lockstep_owner;

--
-- Name: VIEW desync; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.desync IS 'Every pair whose progress and license disagree: what somebody forced past the rules. Empty is healthy.';


--
-- Name: COLUMN desync.user_email; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.desync.user_email IS 'The user''s address, as in users.';


--
-- Name: COLUMN desync.specialization; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.desync.specialization IS 'The id of the specialization.';


--
-- Name: COLUMN desync.difference; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.desync.difference IS 'Progress minus license; null where a side is missing.';


--
-- Name: COLUMN desync.issue_type; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.desync.issue_type IS 'level_mismatch, missing_license or missing_progress.';


--
-- Name: COLUMN desync.recommended_action; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.desync.recommended_action IS 'sync_to_higher_level, create_license_from_progress or create_progress_from_license.';


--
-- Name: find_desync(text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.find_desync(p_specialization_id text DEFAULT NULL::text) RETURNS SETOF lockstep.desync
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    if p_specialization_id is not null then
        perform lockstep.check_specialization(p_specialization_id);
    end if;

    return query
    select issue.*
    from lockstep.desync as issue
    where p_specialization_id is null
        or issue.specialization = p_specialization_id
    order by issue.user_id, issue.specialization;
end;
$$;


ALTER FUNCTION lockstep.find_desync(p_specialization_id text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION find_desync(p_specialization_id text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.find_desync(p_specialization_id text) IS 'The rows of the desync view, of one specialization or (null) of all, by user and specialization.

Raises LS002 no such specialization. Locks nothing.';


--
-- Name: find_guards(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.find_guards() RETURNS TABLE(kind text, name text, definition text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    with relation as (
        select class.oid, class.relname, class.relkind, class.relowner, class.relacl, class.relpersistence,
            class.relrowsecurity, class.relforcerowsecurity, class.reloptions, class.relhastriggers,
            class.relhasindex, class.relchecks
        from pg_catalog.pg_class as class
        where class.relnamespace = 'lockstep'::regnamespace
            and class.relkind in ('r', 'p', 'v', 'm', 'f')
    ),

    routine as (
        select
            proc.oid, proc.proowner, proc.proacl, proc.prosrc, proc.prokind, proc.provolatile, proc.prosecdef,
            proc.proisstrict, proc.proleakproof, proc.proargdefaults, proc.proconfig, proc.prorettype, proc.prolang,
            format('%s(%s)', proc.proname, pg_get_function_identity_arguments(proc.oid)) as name
        from pg_catalog.pg_proc as proc
        where proc.pronamespace = 'lockstep'::regnamespace
    ),

    lockstep_role as (
        select role.oid, role.rolname, role.rolcanlogin, role.rolsuper, role.rolbypassrls, role.rolreplication,
            role.rolcreaterole
        from pg_catalog.pg_roles as role
        where role.rolname in (
            'lockstep_owner', 'lockstep_coupler', 'lockstep_app',
            'lockstep_admin', 'lockstep_readonly', 'lockstep_legacy'
        )
    ),

    granted as (
        select 'schema lockstep'::text as name, acl.grantee, acl.privilege_type, acl.is_grantable
        from pg_catalog.pg_namespace as namespace
        cross join lateral aclexplode(coalesce(namespace.nspacl, acldefault('n', namespace.nspowner))) as acl
        where namespace.oid = 'lockstep'::regnamespace
        union all
        select relation.relname, acl.grantee, acl.privilege_type, acl.is_grantable
        from relation
        cross join lateral aclexplode(coalesce(relation.relacl, acldefault('r', relation.relowner))) as acl
        union all
        select format('%s.%s', relation.relname, att.attname), acl.grantee, acl.privilege_type, acl.is_grantable
        from relation
        inner join pg_catalog.pg_attribute as att on att.attrelid = relation.oid
        cross join lateral aclexplode(att.attacl) as acl
        union all
        select routine.name, acl.grantee, acl.privilege_type, acl.is_grantable
        from routine
        cross join lateral aclexplode(coalesce(routine.proacl, acldefault('f', routine.proowner))) as acl
        union all
        -- What a superuser alone may set, given to somebody else.
        select format('parameter %s', parameter.parname), acl.grantee, acl.privilege_type, acl.is_grantable
        from pg_catalog.pg_parameter_acl as parameter
        cross join lateral aclexplode(parameter.paracl) as acl
        left outer join pg_catalog.pg_roles as grantee on grantee.oid = acl.grantee
        where parameter.parname in ('session_replication_role', 'fsync', 'full_page_writes')
            and grantee.rolsuper is not true
    )

    select 'table' as kind, relation.relname::text as name, concat_ws(
        ', ',
        format(
            'kind %s, persistence %s, row security %s, forced %s',
            relation.relkind, relation.relpersistence, relation.relrowsecurity, relation.relforcerowsecurity
        ),
        -- Edits of the catalog that leave the guards in place and have the server pass them by.
        case when not relation.relhastriggers and exists (
            select from pg_catalog.pg_trigger as trig
            where trig.tgrelid = relation.oid
        ) then 'triggers ignored' end,
        case when not relation.relhasindex and exists (
            select from pg_catalog.pg_index as index
            where index.indrelid = relation.oid
        ) then 'indexes ignored' end,
        case when relation.relchecks <> (
            select count(*) from pg_catalog.pg_constraint as con
            where con.conrelid = relation.oid and con.contype = 'c'
        ) then 'checks ignored' end
    ) as definition
    from relation
    where relation.relkind <> 'v'

    union all
    select 'view', relation.relname, concat_ws(
        ' ', md5(pg_get_viewdef(relation.oid)), array_to_string(relation.reloptions, ' ')
    )
    from relation
    where relation.relkind = 'v'

    union all
    select 'column', format('%s.%s', relation.relname, att.attname), concat_ws(
        ' ',
        format_type(att.atttypid, att.atttypmod),
        case when att.attcollation <> type.typcollation then 'collate ' || att.attcollation::regcollation end,
        case when att.attnotnull then 'not null' end,
        'default ' || pg_get_expr(def.adbin, def.adrelid),
        'generated ' || nullif(att.attgenerated::text, ''),
        'identity ' || nullif(att.attidentity::text, '')
    )
    from relation
    inner join pg_catalog.pg_attribute as att on att.attrelid = relation.oid
    inner join pg_catalog.pg_type as type on type.oid = att.atttypid
    left outer join pg_catalog.pg_attrdef as def on def.adrelid = att.attrelid and def.adnum = att.attnum
    where relation.relkind <> 'v'
        and att.attnum > 0
        and not att.attisdropped

    union all
    select 'constraint', format('%s on %s', con.conname, relation.relname), concat_ws(
        ' ',
        pg_get_constraintdef(con.oid),
        case when not con.convalidated then 'not validated' end
    )
    from pg_catalog.pg_constraint as con
    inner join relation on relation.oid = con.conrelid
    where con.contype in ('c', 'f', 'p', 'u', 'x')

    union all
    select 'index', index_class.relname, concat_ws(
        ' ',
        pg_get_indexdef(index.indexrelid),
        case when not index.indisvalid then 'invalid' end,
        case when not index.indisready then 'not ready' end,
        case when not index.indislive then 'not live' end,
        case when not index.indimmediate then 'deferrable' end
    )
    from pg_catalog.pg_index as index
    inner join relation on relation.oid = index.indrelid
    inner join pg_catalog.pg_class as index_class on index_class.oid = index.indexrelid

    union all
    select 'key trigger', format(
        '%s: %s on %s', con.conname, proc.proname, trig.tgrelid::regclass
    ), format(
        '%s, type %s, deferrable %s, deferred %s',
        case trig.tgenabled
            when 'A' then 'fires always'
            when 'O' then 'fires, but not under the replica role'
            when 'R' then 'fires under the replica role only'
            else 'disabled'
        end,
        trig.tgtype, trig.tgdeferrable, trig.tginitdeferred
    )
    from pg_catalog.pg_trigger as trig
    inner join pg_catalog.pg_constraint as con on con.oid = trig.tgconstraint
    inner join pg_catalog.pg_proc as proc on proc.oid = trig.tgfoid
    inner join relation on relation.oid = con.conrelid
    where trig.tgisinternal

    union all
    select 'trigger', format('%s on %s', trig.tgname, relation.relname), format(
        '%s, %s',
        pg_get_triggerdef(trig.oid),
        case trig.tgenabled
            when 'A' then 'fires always'
            when 'O' then 'fires'
            when 'R' then 'fires under the replica role only'
            else 'disabled'
        end
    )
    from pg_catalog.pg_trigger as trig
    inner join relation on relation.oid = trig.tgrelid
    where not trig.tgisinternal

    union all
    select 'rule', format('%s on %s', rule.rulename, relation.relname), format(
        '%s, enabled %s', pg_get_ruledef(rule.oid), rule.ev_enabled
    )
    from pg_catalog.pg_rewrite as rule
    inner join relation on relation.oid = rule.ev_class
    where rule.rulename <> '_RETURN'

    union all
    select 'policy', format('%s on %s', policy.polname, relation.relname), concat_ws(
        ' ',
        case when policy.polpermissive then 'permissive' else 'restrictive' end,
        policy.polcmd::text,
        'to ' || (
            select string_agg(
                case when role_oid = 0 then 'public' else role_oid::regrole::text end, ', '
                order by role_oid
            )
            from unnest(policy.polroles) as role_oid
        ),
        'using ' || pg_get_expr(policy.polqual, policy.polrelid),
        'check ' || pg_get_expr(policy.polwithcheck, policy.polrelid)
    )
    from pg_catalog.pg_policy as policy
    inner join relation on relation.oid = policy.polrelid

    union all
    select 'child table', format('%s of %s', inherits.inhrelid::regclass, relation.relname), 'inherits'
    from pg_catalog.pg_inherits as inherits
    inner join relation on relation.oid = inherits.inhparent

    union all
    -- A write to the parent asks for no right on the child, and passes its row security by.
    select 'parent table', format('%s over %s', inherits.inhparent::regclass, relation.relname), 'inherits'
    from pg_catalog.pg_inherits as inherits
    inner join relation on relation.oid = inherits.inhrelid

    union all
    -- What a subscription applies comes under the replica role: past mirrors and history.
    select 'subscription', format('%s to %s', subscription.subname, relation.relname), 'applies'
    from pg_catalog.pg_subscription_rel as subscribed
    inner join pg_catalog.pg_subscription as subscription on subscription.oid = subscribed.srsubid
    inner join relation on relation.oid = subscribed.srrelid

    union all
    select 'shadow table', format('%s.%s', class.relnamespace::regnamespace, class.relname), 'hides the table of this name'
    from pg_catalog.pg_class as class
    inner join relation on relation.relname = class.relname
    where class.relpersistence = 't'
        and class.relkind in ('r', 'p', 'v', 'f')

    union all
    select 'function', routine.name, format(
        'returns %s, language %s, kind %s, volatility %s, security definer %s, strict %s, leakproof %s, settings %s,'
        || ' defaults %s, body %s',
        routine.prorettype::regtype, lang.lanname, routine.prokind, routine.provolatile, routine.prosecdef,
        routine.proisstrict, routine.proleakproof, routine.proconfig, pg_get_expr(routine.proargdefaults, 0),
        md5(routine.prosrc)
    )
    from routine
    inner join pg_catalog.pg_language as lang on lang.oid = routine.prolang

    union all
    select 'owner', owned.name, owned.owner_oid::regrole::text
    from (
        select 'schema lockstep'::text as name, namespace.nspowner as owner_oid
        from pg_catalog.pg_namespace as namespace
        where namespace.oid = 'lockstep'::regnamespace
        union all
        select relation.relname, relation.relowner from relation
        union all
        select routine.name, routine.proowner from routine
    ) as owned

    union all
    select
        'grant',
        format(
            '%s on %s to %s', granted.privilege_type, granted.name,
            case when granted.grantee = 0 then 'public' else granted.grantee::regrole::text end
        ),
        case when bool_or(granted.is_grantable) then 'with grant option' else 'granted' end
    from granted
    -- Two may have granted the same.
    group by granted.name, granted.privilege_type, granted.grantee

    union all
    select 'role', lockstep_role.rolname, format(
        'login %s, superuser %s, bypasses row security %s, replication %s, creates roles %s',
        lockstep_role.rolcanlogin, lockstep_role.rolsuper, lockstep_role.rolbypassrls, lockstep_role.rolreplication,
        lockstep_role.rolcreaterole
    )
    from lockstep_role

    union all
    -- Who may act as the owner or as the functions' own role stands outside the rules; so does one
    -- of our roles that may act as another.
    select
        'membership',
        format('%s in %s', member.rolname, role.rolname),
        case when bool_or(membership.admin_option) then 'member, may add members' else 'member' end
    from pg_catalog.pg_auth_members as membership
    inner join pg_catalog.pg_roles as role on role.oid = membership.roleid
    inner join pg_catalog.pg_roles as member on member.oid = membership.member
    where role.rolname in ('lockstep_owner', 'lockstep_coupler')
        or member.oid in (select lockstep_role.oid from lockstep_role)
    group by member.rolname, role.rolname

    union all
    select 'setting', format(
        '%s for %s in %s',
        split_part(setting, '=', 1),
        coalesce(role.rolname::text, 'every role'),
        case when stored.setdatabase = 0 then 'every database' else 'this database' end
    ), setting
    from pg_catalog.pg_db_role_setting as stored
    cross join lateral unnest(stored.setconfig) as setting
    left outer join pg_catalog.pg_roles as role on role.oid = stored.setrole
    where stored.setdatabase in (0, (select db.oid from pg_catalog.pg_database as db where db.datname = current_database()))
        and split_part(setting, '=', 1) in (
            'session_replication_role', 'row_security', 'search_path', 'default_transaction_read_only'
        )

    union all
    select 'setting', setting.name, setting.reset_val
    from pg_catalog.pg_settings as setting
    where setting.name in (
        'fsync', 'full_page_writes', 'synchronous_commit', 'max_prepared_transactions', 'session_replication_role'
    );
$$;


ALTER FUNCTION lockstep.find_guards() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION find_guards(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.find_guards() IS 'Everything that the guarantee rests on, as the catalog shows it now, one row a thing.

guard_status compares it with what was installed. Locks nothing.';


--
-- Name: finish_sync_batch(bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.finish_sync_batch(p_run_id bigint) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_attempts constant integer := (
        select min(item.attempts)
        from lockstep.sync_run_items as item
        where item.run_id = p_run_id
            and item.outcome = 'planned'
    );
begin
    if v_attempts is not null then
        update lockstep.sync_runs as run
        set last_batch_at = clock_timestamp(),
            backend_pid = pg_backend_pid()
        where run.id = p_run_id;

        return v_attempts;
    end if;

    update lockstep.sync_runs as run
    set last_batch_at = clock_timestamp(),
        job_end = clock_timestamp(),
        synced_count = counted.synced,
        failed_count = counted.failed,
        skipped_count = counted.skipped,
        status = case
            when counted.failed = 0 then 'success'
            when counted.synced + counted.skipped > 0 then 'partial_failure'
            else 'failed'
        end
    from (
        select
            count(*) filter (where item.outcome in ('synced', 'undone', 'undone_in_step')) as synced,
            count(*) filter (where item.outcome = 'failed') as failed,
            count(*) filter (where item.outcome = 'skipped') as skipped
        from lockstep.sync_run_items as item
        where item.run_id = p_run_id
    ) as counted
    where run.id = p_run_id;

    return null;
end;
$$;


ALTER FUNCTION lockstep.finish_sync_batch(p_run_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION finish_sync_batch(p_run_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.finish_sync_batch(p_run_id bigint) IS 'Notes that a batch is done and how often the next items have been tried; after the last one closes the run (null).';


--
-- Name: follow_level_rows(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.follow_level_rows() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_specialization_id text;
    v_levels bigint;
    v_highest integer;
begin
    foreach v_specialization_id in array array_remove(array[
        case when tg_op <> 'INSERT' then old.specialization_id end,
        case when tg_op <> 'DELETE' then new.specialization_id end
    ], null)
    loop
        -- Two writers of levels go one after the other: the second counts what the first committed.
        perform
        from lockstep.specializations as specialization
        where specialization.id = v_specialization_id
        for no key update;

        select count(*), max(level.level)
        into v_levels, v_highest
        from lockstep.specialization_levels as level
        where level.specialization_id = v_specialization_id;

        if v_levels <> coalesce(v_highest, 0) then
            raise exception using
                errcode = 'LS011',
                message = 'levels run from 1 without a gap',
                detail = format(
                    'specialization_id=%s: %s rows, the highest is %s', v_specialization_id, v_levels, v_highest
                ),
                hint = 'Add the next level, or remove the highest.';
        end if;

        update lockstep.specializations as specialization
        set max_levels = v_levels,
            updated_at = clock_timestamp()
        where specialization.id = v_specialization_id
            and specialization.max_levels <> v_levels;
    end loop;

    return null;
end;
$$;


ALTER FUNCTION lockstep.follow_level_rows() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION follow_level_rows(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.follow_level_rows() IS 'After a write of level rows: they still run from 1 to n, and max_levels is n, in the same statement.

Raises LS011 for a gap. Locks the specialization''s row.';


--
-- Name: guard_held_level(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.guard_held_level() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_holders bigint;
    v_named text;
begin
    with holder as (
        select progress.student_id as user_id
        from lockstep.specialization_progress as progress
        where progress.specialization_id = old.specialization_id
            and progress.current_level = old.level
        union
        select license.user_id
        from lockstep.user_licenses as license
        where license.specialization_type = old.specialization_id
            and old.level in (license.current_level, license.max_achieved_level)
    )

    select
        count(*),
        string_agg(holder.user_id::text, ', ' order by holder.user_id) filter (where holder.place <= 20)
    into v_holders, v_named
    from (
        select holder.user_id, row_number() over (order by holder.user_id) as place
        from holder
    ) as holder;

    if v_holders > 0 then
        raise exception using
            errcode = 'foreign_key_violation',
            message = 'level is held or has been achieved',
            detail = format(
                'specialization_id=%s level=%s holders=%s: user ids %s%s',
                old.specialization_id, old.level, v_holders, v_named,
                case when v_holders > 20 then ', …' else '' end
            ),
            hint = 'A level that somebody holds or has achieved stays.',
            schema = 'lockstep',
            table = 'specialization_levels';
    end if;

    return case tg_op when 'DELETE' then old else new end;
end;
$$;


ALTER FUNCTION lockstep.guard_held_level() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION guard_held_level(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.guard_held_level() IS 'Before a level row goes: raises 23503 and names up to twenty who hold it or have achieved it.

The foreign keys refuse it too, for whoever reaches the level in between.';


--
-- Name: guard_license(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.guard_license() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    if tg_op = 'INSERT' then
        -- Nothing is locked yet, so this is where a raw insert joins the lock order: the user's
        -- row (there may be no progress row yet), then specialization_progress, then user_licenses.
        perform lockstep.lock_before_insert(new.user_id, new.specialization_type);
        new.max_achieved_level := greatest(new.max_achieved_level, new.current_level);
        return new;
    end if;

    if tg_op = 'DELETE' then
        perform lockstep.refuse_delete_with_history(old.user_id, old.specialization_type);
        return old;
    end if;

    if new.user_id <> old.user_id or new.specialization_type <> old.specialization_type then
        raise exception using
            errcode = 'LS009',
            message = 'a record cannot move to another user or specialization',
            detail = format(
                'user_licenses id=%s from (%s, %s) to (%s, %s)',
                old.id, old.user_id, old.specialization_type, new.user_id, new.specialization_type
            ),
            hint = 'Make the other pair with update_level(); this one keeps its history.';
    end if;

    if new.max_achieved_level < old.max_achieved_level then
        raise exception using
            errcode = 'check_violation',
            message = 'max_achieved_level never falls',
            detail = format(
                'user_licenses id=%s from %s to %s', old.id, old.max_achieved_level, new.max_achieved_level
            ),
            hint = 'Leave it out: it follows the level by itself.',
            schema = 'lockstep',
            table = 'user_licenses',
            column = 'max_achieved_level';
    end if;

    new.max_achieved_level := greatest(new.max_achieved_level, new.current_level);

    if new.current_level <> old.current_level and new.last_advanced_at is not distinct from old.last_advanced_at then
        new.last_advanced_at := clock_timestamp();
    end if;

    if new.updated_at is not distinct from old.updated_at then
        new.updated_at := clock_timestamp();
    end if;

    return new;
end;
$$;


ALTER FUNCTION lockstep.guard_license() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION guard_license(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.guard_license() IS 'Before raw SQL writes user_licenses: locks in order, keeps the key, the history and the highest level.

Raises LS008 for a DELETE of a pair with history, LS009 for a change of the key, 23514 when
max_achieved_level would fall; it rises with the level by itself.
Locks the user''s row and specialization_progress before an INSERT.';


--
-- Name: guard_max_levels(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.guard_max_levels() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_levels bigint;
begin
    v_levels := (
        select count(*)
        from lockstep.specialization_levels as level
        where level.specialization_id = new.id
    );

    -- An INSERT that leaves it out says 0, also where ON CONFLICT will find the row.
    if new.max_levels <> v_levels and (tg_op = 'UPDATE' or new.max_levels <> 0) then
        raise exception using
            errcode = 'LS012',
            message = 'max_levels follows the level rows',
            detail = format('specialization_id=%s max_levels=%s level rows=%s', new.id, new.max_levels, v_levels),
            hint = 'Leave max_levels out; insert or delete rows of specialization_levels.';
    end if;

    return new;
end;
$$;


ALTER FUNCTION lockstep.guard_max_levels() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION guard_max_levels(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.guard_max_levels() IS 'Before max_levels is written: raises LS012 for a figure that the level rows do not back.';


--
-- Name: guard_progress(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.guard_progress() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    if tg_op = 'INSERT' then
        -- Nothing is locked yet, so this is where a raw insert joins the lock order: the user's
        -- row (there may be no progress row yet), then specialization_progress, then user_licenses.
        perform lockstep.lock_before_insert(new.student_id, new.specialization_id);
        return new;
    end if;

    if tg_op = 'DELETE' then
        perform lockstep.refuse_delete_with_history(old.student_id, old.specialization_id);
        return old;
    end if;

    if new.student_id <> old.student_id or new.specialization_id <> old.specialization_id then
        raise exception using
            errcode = 'LS009',
            message = 'a record cannot move to another user or specialization',
            detail = format(
                'specialization_progress id=%s from (%s, %s) to (%s, %s)',
                old.id, old.student_id, old.specialization_id, new.student_id, new.specialization_id
            ),
            hint = 'Make the other pair with update_level(); this one keeps its history.';
    end if;

    if new.updated_at is not distinct from old.updated_at then
        new.updated_at := clock_timestamp();
    end if;

    return new;
end;
$$;


ALTER FUNCTION lockstep.guard_progress() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION guard_progress(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.guard_progress() IS 'Before raw SQL writes specialization_progress: locks in order, keeps the key and the history.

Raises LS008 for a DELETE of a pair with history, LS009 for a change of the key.
Locks the user''s row and specialization_progress before an INSERT.';


--
-- Name: guard_progression(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.guard_progression() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_license lockstep.user_licenses;
begin
    if tg_op in ('UPDATE', 'DELETE') then
        raise exception using
            errcode = 'LS010',
            message = 'history is append-only',
            detail = format('%s of license_progressions id=%s', tg_op, old.id),
            hint = 'Write a new row that corrects the old one.';
    end if;

    select license.*
    into v_license
    from lockstep.user_licenses as license
    where license.id = new.user_license_id;

    -- Lock order, everywhere: specialization_progress, then user_licenses (the foreign key locks it).
    perform lockstep.lock_progress_first(v_license.user_id, v_license.specialization_type);

    new.user_id := coalesce(v_license.user_id, new.user_id);
    new.route := 'client';
    new.progress_from_level := null;
    new.database_role := coalesce(nullif(current_setting('role'), 'none'), session_user);
    new.application_name := current_setting('application_name');
    new.client_address := inet_client_addr();
    new.transaction_id := pg_current_xact_id();

    return new;
end;
$$;


ALTER FUNCTION lockstep.guard_progression() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION guard_progression(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.guard_progression() IS 'Keeps the history append-only, and marks a row that a client inserts itself as its remark.

Such a row gets route client, the user of the license, and who and where it really came from.
Raises LS010 for UPDATE and DELETE. Locks specialization_progress before an INSERT.';


--
-- Name: is_alive(lockstep.sync_runs); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.is_alive(p_run lockstep.sync_runs) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select exists (select from pg_catalog.pg_stat_activity as worker where worker.pid = p_run.backend_pid)
        and p_run.backend_pid <> pg_backend_pid()
        and p_run.last_batch_at > clock_timestamp() - (
            select setting.value::interval
            from lockstep.settings as setting
            where setting.name = 'sync_stalled_after'
        );
$$;


ALTER FUNCTION lockstep.is_alive(p_run lockstep.sync_runs) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION is_alive(p_run lockstep.sync_runs); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.is_alive(p_run lockstep.sync_runs) IS 'Whether another session still works on this run: its server process is there and has committed a batch lately.';


--
-- Name: is_recorded(bigint, bigint, integer); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.is_recorded(p_user_id bigint, p_license_id bigint, p_to_level integer) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select coalesce((
        select progression.to_level = p_to_level
            and progression.transaction_id = pg_current_xact_id_if_assigned()
        from lockstep.license_progressions as progression
        where progression.user_id = p_user_id
            and progression.user_license_id = p_license_id
            and progression.route <> 'client'
        order by progression.id desc
        limit 1
    ), false);
$$;


ALTER FUNCTION lockstep.is_recorded(p_user_id bigint, p_license_id bigint, p_to_level integer) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION is_recorded(p_user_id bigint, p_license_id bigint, p_to_level integer); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.is_recorded(p_user_id bigint, p_license_id bigint, p_to_level integer) IS 'Whether the newest history row of a license is of this transaction and ends at this level: one statement that
writes both sides alike fires both mirrors, and is one change.';


--
-- Name: level_up(bigint, text, bigint, integer, integer, numeric, numeric, bigint, text, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.level_up(p_user_id bigint, p_specialization_id text, p_xp_gained bigint DEFAULT 0, p_sessions_completed integer DEFAULT 0, p_projects_completed integer DEFAULT 0, p_theory_hours numeric DEFAULT 0, p_practice_hours numeric DEFAULT 0, p_advanced_by bigint DEFAULT NULL::bigint, p_reason text DEFAULT NULL::text, p_idempotency_key text DEFAULT NULL::text) RETURNS lockstep.level_change
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    if not (row(
        p_user_id, p_specialization_id, p_xp_gained, p_sessions_completed,
        p_projects_completed, p_theory_hours, p_practice_hours
    ) is not null)
        or least(p_xp_gained, p_sessions_completed, p_projects_completed, p_theory_hours, p_practice_hours) < 0
    then
        raise exception using
            errcode = 'LS006',
            message = 'invalid argument',
            detail = 'user and specialization may not be null; gains may be neither null nor negative',
            hint = 'level_up() only adds; update_level() takes away.';
    end if;

    return lockstep.change_pair(
        'level_up', p_user_id, p_specialization_id, null, p_xp_gained, p_sessions_completed,
        p_projects_completed, p_theory_hours, p_practice_hours, p_advanced_by, p_reason,
        p_idempotency_key
    );
end;
$$;


ALTER FUNCTION lockstep.level_up(p_user_id bigint, p_specialization_id text, p_xp_gained bigint, p_sessions_completed integer, p_projects_completed integer, p_theory_hours numeric, p_practice_hours numeric, p_advanced_by bigint, p_reason text, p_idempotency_key text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION level_up(p_user_id bigint, p_specialization_id text, p_xp_gained bigint, p_sessions_completed integer, p_projects_completed integer, p_theory_hours numeric, p_practice_hours numeric, p_advanced_by bigint, p_reason text, p_idempotency_key text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.level_up(p_user_id bigint, p_specialization_id text, p_xp_gained bigint, p_sessions_completed integer, p_projects_completed integer, p_theory_hours numeric, p_practice_hours numeric, p_advanced_by bigint, p_reason text, p_idempotency_key text) IS 'Adds what was earned to the totals of a pair and raises its level as far as they reach.

Level n+1 is reached when XP, sessions and (where its row asks for them) hours, all totals since the start,
reach what it requires; one level at a time, up to the first that is not met. Never lowers. Makes a missing
pair. A pair out of step keeps its levels: desync is true in what comes back.
Raises LS001 no such user or actor, LS002 no such specialization, LS005 hours where none are counted, LS006 invalid
argument, LS007 key used otherwise; 40001, 40P01: retry.
Locks the key, then specialization_progress, then user_licenses.';


--
-- Name: lock_before_insert(bigint, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.lock_before_insert(p_user_id bigint, p_specialization_id text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    perform
    from lockstep.users as person
    where person.id = p_user_id
    for no key update;

    perform
    from lockstep.specialization_progress as progress
    where progress.student_id = p_user_id
        and progress.specialization_id = p_specialization_id
    for no key update;
end;
$$;


ALTER FUNCTION lockstep.lock_before_insert(p_user_id bigint, p_specialization_id text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION lock_before_insert(p_user_id bigint, p_specialization_id text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.lock_before_insert(p_user_id bigint, p_specialization_id text) IS 'Locks what a raw INSERT of either side must hold before it writes.

Locks the user''s row, then specialization_progress.';


--
-- Name: lock_pair(bigint, text, boolean); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.lock_pair(p_user_id bigint, p_specialization_id text, p_make_license boolean) RETURNS lockstep.locked_pair
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_progress lockstep.specialization_progress;
    v_license lockstep.user_licenses;
    v_created record;
    v_progress_created boolean := false;
    v_license_created boolean := false;
begin
    -- Once is enough for a pair that is there, twice for one that is made here.
    for v_attempt in 1..3 loop
        -- Lock order, everywhere: specialization_progress, then user_licenses.
        select locked.*
        into v_progress
        from lockstep.specialization_progress as locked
        where locked.student_id = p_user_id
            and locked.specialization_id = p_specialization_id
        for no key update;

        if found then
            select locked.*
            into v_license
            from lockstep.user_licenses as locked
            where locked.user_id = p_user_id
                and locked.specialization_type = p_specialization_id
            for no key update;

            if found or not p_make_license then
                return row(v_progress, v_license, v_progress_created, v_license_created);
            end if;
        end if;

        v_created := lockstep.create_pair(p_user_id, p_specialization_id, v_progress.id is not null);
        v_progress_created := v_progress_created or v_created.progress_created;
        v_license_created := v_license_created or v_created.license_created;
    end loop;

    raise exception using
        errcode = 'serialization_failure',
        message = 'the pair vanished while it was being locked',
        detail = format('user_id=%s specialization_id=%s', p_user_id, p_specialization_id),
        hint = 'Retry; if it comes back, look for a trigger that suppresses inserts.';
end;
$$;


ALTER FUNCTION lockstep.lock_pair(p_user_id bigint, p_specialization_id text, p_make_license boolean) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION lock_pair(p_user_id bigint, p_specialization_id text, p_make_license boolean); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.lock_pair(p_user_id bigint, p_specialization_id text, p_make_license boolean) IS 'Locks both sides of a pair and returns them, making first what is missing.

Without p_make_license, a license missing beside a progress row that is there is left missing: nulls.
Raises LS001 when the user does not exist, LS002 when the specialization does not, 40001 (retry) when
the pair is deleted meanwhile.
Locks specialization_progress, then user_licenses.';


--
-- Name: lock_progress_first(bigint, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.lock_progress_first(p_user_id bigint, p_specialization_id text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    -- Lock order, everywhere: specialization_progress, then user_licenses.
    perform
    from lockstep.specialization_progress as progress
    where progress.student_id = p_user_id
        and progress.specialization_id = p_specialization_id
    for no key update;

    return true;
end;
$$;


ALTER FUNCTION lockstep.lock_progress_first(p_user_id bigint, p_specialization_id text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION lock_progress_first(p_user_id bigint, p_specialization_id text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.lock_progress_first(p_user_id bigint, p_specialization_id text) IS 'The lock-order hook: row security calls it before a raw UPDATE, DELETE or SELECT FOR UPDATE
locks a license, so that raw SQL too locks progress before license. Always true.

Locks specialization_progress. Superusers, BYPASSRLS roles and the table''s owner are not under it.';


--
-- Name: mirror_license(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.mirror_license() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_progress_level integer;
    v_progress_from integer;
begin
    if tg_op = 'DELETE' then
        delete from lockstep.specialization_progress as progress
        where progress.student_id = old.user_id
            and progress.specialization_id = old.specialization_type;
        return null;
    end if;

    -- The lock-order hook, or the trigger before the insert, holds this row already.
    select progress.current_level
    into v_progress_level
    from lockstep.specialization_progress as progress
    where progress.student_id = new.user_id
        and progress.specialization_id = new.specialization_type
    for no key update;

    v_progress_from := v_progress_level;

    if not found then
        insert into lockstep.specialization_progress (student_id, specialization_id, current_level)
        values (new.user_id, new.specialization_type, new.current_level)
        returning current_level into v_progress_level;
    elsif v_progress_level = new.current_level
        and lockstep.is_recorded(new.user_id, new.id, new.current_level)
    then
        return null;
    end if;

    perform lockstep.write_levels(
        p_user_id => new.user_id,
        p_specialization_id => new.specialization_type,
        p_license_id => new.id,
        p_progress_from => v_progress_from,
        p_license_from => case tg_op when 'UPDATE' then old.current_level end,
        p_to_level => new.current_level,
        p_write_progress => v_progress_level <> new.current_level,
        p_write_license => false,
        p_route => 'raw_sql'
    );

    return null;
end;
$$;


ALTER FUNCTION lockstep.mirror_license() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION mirror_license(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.mirror_license() IS 'After raw SQL changed a level in user_licenses: brings the progress row into step, with history.

Makes a missing progress row; deletes the progress row of a deleted license.
Locks specialization_progress, which the lock-order hook holds already.';


--
-- Name: mirror_progress(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.mirror_progress() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_license lockstep.user_licenses;
    v_license_from integer;
begin
    if tg_op = 'DELETE' then
        delete from lockstep.user_licenses as license
        where license.user_id = old.student_id
            and license.specialization_type = old.specialization_id;
        return null;
    end if;

    -- Lock order, everywhere: specialization_progress (the statement holds it), then user_licenses.
    select license.*
    into v_license
    from lockstep.user_licenses as license
    where license.user_id = new.student_id
        and license.specialization_type = new.specialization_id
    for no key update;

    v_license_from := v_license.current_level;

    if not found then
        insert into lockstep.user_licenses (user_id, specialization_type, current_level, max_achieved_level)
        values (new.student_id, new.specialization_id, new.current_level, new.current_level)
        returning * into v_license;
    elsif v_license_from = new.current_level
        and lockstep.is_recorded(new.student_id, v_license.id, new.current_level)
    then
        return null;
    end if;

    perform lockstep.write_levels(
        p_user_id => new.student_id,
        p_specialization_id => new.specialization_id,
        p_license_id => v_license.id,
        p_progress_from => case tg_op when 'UPDATE' then old.current_level end,
        p_license_from => v_license_from,
        p_to_level => new.current_level,
        p_write_progress => false,
        p_write_license => v_license.current_level <> new.current_level,
        p_route => 'raw_sql'
    );

    return null;
end;
$$;


ALTER FUNCTION lockstep.mirror_progress() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION mirror_progress(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.mirror_progress() IS 'After raw SQL changed a level in specialization_progress: brings the license into step, with history.

Makes a missing license; deletes the license of a deleted progress row.
Locks user_licenses; the statement itself holds specialization_progress.';


--
-- Name: plan_reconcile(integer); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.plan_reconcile(p_attempt integer DEFAULT 1) RETURNS lockstep.sync_runs
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_run lockstep.sync_runs;
begin
    perform lockstep.fail_dead_runs();
    v_run := lockstep.plan_sync(
        lockstep.setting('reconcile_direction'), p_reason => 'scheduled reconciliation'
    );

    update lockstep.sync_runs as run
    set scheduled = true
    where run.id = v_run.id
    returning run.* into v_run;

    return v_run;
exception
    when serialization_failure or deadlock_detected or lock_not_available then
        if p_attempt < 3 then
            return null;
        end if;

        -- Three times is enough: the ledger says that this slot failed, and why.
        insert into lockstep.sync_runs (
            direction, dry_run, status, scheduled, reason, job_end, message
        )
        values (
            lockstep.setting('reconcile_direction'), false, 'failed', true, 'scheduled reconciliation',
            clock_timestamp(), format('not planned after %s attempts: %s %s', p_attempt, sqlstate, sqlerrm)
        )
        returning * into v_run;

        return v_run;
end;
$$;


ALTER FUNCTION lockstep.plan_reconcile(p_attempt integer) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION plan_reconcile(p_attempt integer); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.plan_reconcile(p_attempt integer) IS 'Plans the scheduled run: every pair out of step, in the direction of the setting reconcile_direction.

Returns the run; null when it failed for a reason that passes (40001, 40P01, 55P03) and is worth
another attempt; after the third, a run that is recorded as failed.';


--
-- Name: plan_sync(text, text, bigint, bigint, bigint, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.plan_sync(p_direction text, p_specialization_id text DEFAULT NULL::text, p_user_id bigint DEFAULT NULL::bigint, p_limit bigint DEFAULT NULL::bigint, p_requested_by bigint DEFAULT NULL::bigint, p_reason text DEFAULT NULL::text) RETURNS lockstep.sync_runs
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_run lockstep.sync_runs;
begin
    if p_direction is null
        or p_direction not in ('progress_to_license', 'license_to_progress', 'to_higher_level')
    then
        raise exception using
            errcode = 'LS006',
            message = 'invalid argument',
            detail = format('direction=%s', coalesce(p_direction, 'null')),
            hint = 'The direction is progress_to_license, license_to_progress or to_higher_level.';
    end if;

    if p_user_id is not null then
        perform lockstep.check_user(p_user_id);
    end if;

    if p_specialization_id is not null then
        perform lockstep.check_specialization(p_specialization_id);
    end if;

    if p_requested_by is not null then
        perform lockstep.check_user(p_requested_by);
    end if;

    insert into lockstep.sync_runs (direction, specialization_id, user_id, requested_by, reason)
    values (p_direction, p_specialization_id, p_user_id, p_requested_by, p_reason)
    returning * into v_run;

    -- Chosen before anything is joined: so one user costs two index lookups, not a scan of everybody.
    with issue as materialized (
        select found.*
        from lockstep.desync as found
        where (p_specialization_id is null or found.specialization = p_specialization_id)
            and (p_user_id is null or found.user_id = p_user_id)
        order by found.user_id, found.specialization
        limit p_limit
    )

    insert into lockstep.sync_run_items (
        user_id, run_id, specialization_id, issue_type, action, source,
        progress_before, license_before, expected_level
    )
    select
        issue.user_id,
        v_run.id,
        issue.specialization,
        issue.issue_type,
        case
            when chosen.source = 'progress' and issue.progress_level is null then 'none'
            when chosen.source = 'license' and issue.license_level is null then 'none'
            when issue.license_level is null then 'create_license'
            when issue.progress_level is null then 'create_progress'
            when chosen.source = 'progress' then 'update_license'
            else 'update_progress'
        end,
        chosen.source,
        to_jsonb(progress),
        to_jsonb(license),
        case chosen.source when 'progress' then issue.progress_level else issue.license_level end
    from issue
    left outer join lockstep.specialization_progress as progress
        on progress.student_id = issue.user_id
        and progress.specialization_id = issue.specialization
    left outer join lockstep.user_licenses as license
        on license.user_id = issue.user_id
        and license.specialization_type = issue.specialization
    cross join lateral (
        select case
            when p_direction = 'progress_to_license' then 'progress'
            when p_direction = 'license_to_progress' then 'license'
            when issue.license_level is null or issue.progress_level > issue.license_level then 'progress'
            else 'license'
        end as source
    ) as chosen;

    update lockstep.sync_runs as run
    set issues_found = (
            select count(*)
            from lockstep.sync_run_items as item
            where item.run_id = v_run.id
        )
    where run.id = v_run.id
    returning run.* into v_run;

    return v_run;
end;
$$;


ALTER FUNCTION lockstep.plan_sync(p_direction text, p_specialization_id text, p_user_id bigint, p_limit bigint, p_requested_by bigint, p_reason text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION plan_sync(p_direction text, p_specialization_id text, p_user_id bigint, p_limit bigint, p_requested_by bigint, p_reason text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.plan_sync(p_direction text, p_specialization_id text, p_user_id bigint, p_limit bigint, p_requested_by bigint, p_reason text) IS 'Plans a repair: a run with one item for each pair out of step, as seen now. Changes no pair.

Of one specialization, one user, or (null) of all; at most p_limit items. apply_sync() does just what it
lists; a pair that changes in between is skipped.
Raises LS001 no such user or actor, LS002 no such specialization, LS006 another direction. Locks nothing.';


--
-- Name: plan_undo(bigint, bigint, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.plan_undo(p_run_id bigint, p_requested_by bigint DEFAULT NULL::bigint, p_reason text DEFAULT NULL::text) RETURNS lockstep.sync_runs
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_done lockstep.sync_runs;
    v_run lockstep.sync_runs;
begin
    select run.*
    into v_done
    from lockstep.sync_runs as run
    where run.id = p_run_id
    for no key update;

    if not found then
        raise exception using
            errcode = 'LS015',
            message = 'run not found',
            detail = format('run_id=%s', coalesce(p_run_id::text, 'null')),
            hint = 'See lockstep.runs for those that exist.';
    end if;

    if v_done.status in ('planned', 'running', 'skipped') then
        raise exception using
            errcode = 'LS018',
            message = 'run has nothing to undo',
            detail = format('run_id=%s status=%s', p_run_id, v_done.status),
            hint = 'Only a run that was applied can be undone.';
    end if;

    if p_requested_by is not null then
        perform lockstep.check_user(p_requested_by);
    end if;

    insert into lockstep.sync_runs (kind, direction, specialization_id, user_id, undo_of, requested_by, reason)
    values ('undo', v_done.direction, v_done.specialization_id, v_done.user_id, p_run_id, p_requested_by, p_reason)
    returning * into v_run;

    -- What the run left behind is what the undo must find.
    insert into lockstep.sync_run_items (
        user_id, run_id, specialization_id, issue_type, action, source,
        progress_before, license_before, expected_level
    )
    select
        done.user_id,
        v_run.id,
        done.specialization_id,
        done.issue_type,
        'restore',
        done.source,
        done.progress_after,
        done.license_after,
        case
            when done.progress_before is null or done.license_before is null then done.expected_level
            when done.progress_before -> 'current_level' = done.license_before -> 'current_level'
                or done.source = 'license' then (done.progress_before ->> 'current_level')::integer
            else (done.license_before ->> 'current_level')::integer
        end
    from lockstep.sync_run_items as done
    where done.run_id = p_run_id
        and done.outcome in ('synced', 'undone', 'undone_in_step')
    order by done.user_id, done.specialization_id;

    update lockstep.sync_runs as run
    set issues_found = (
            select count(*)
            from lockstep.sync_run_items as item
            where item.run_id = v_run.id
        )
    where run.id = v_run.id
    returning run.* into v_run;

    return v_run;
end;
$$;


ALTER FUNCTION lockstep.plan_undo(p_run_id bigint, p_requested_by bigint, p_reason text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION plan_undo(p_run_id bigint, p_requested_by bigint, p_reason text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.plan_undo(p_run_id bigint, p_requested_by bigint, p_reason text) IS 'Plans the undo of a run (or of an undo): a run with one item for each pair that it changed.

apply_sync() does it; a pair that changed since is skipped.
Raises LS001 no such actor, LS015 no such run, LS018 nothing to undo. Locks the run that is undone.';


--
-- Name: purge_idempotency_keys(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.purge_idempotency_keys() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_purged bigint;
begin
    delete from lockstep.idempotency_keys as known
    where known.created_at < now() - (
        select setting.value::interval
        from lockstep.settings as setting
        where setting.name = 'idempotency_retention'
    );

    get diagnostics v_purged = row_count;
    return v_purged;
end;
$$;


ALTER FUNCTION lockstep.purge_idempotency_keys() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION purge_idempotency_keys(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.purge_idempotency_keys() IS 'Deletes idempotency keys older than the setting idempotency_retention (30 days unless changed).

Returns how many.';


--
-- Name: purge_sync_runs(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.purge_sync_runs() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_purged bigint;
begin
    delete from lockstep.sync_runs as run
    where run.status <> 'running'
        and run.job_start < now() - lockstep.setting('sync_retention')::interval
        -- An undo that is still to be done reads the rows as this run found them.
        and not exists (
            select from lockstep.sync_runs as later
            where later.undo_of = run.id
                and later.status in ('planned', 'running', 'failed')
        );

    get diagnostics v_purged = row_count;
    return v_purged;
end;
$$;


ALTER FUNCTION lockstep.purge_sync_runs() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION purge_sync_runs(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.purge_sync_runs() IS 'Deletes runs, and their items, older than the setting sync_retention (90 days unless changed), but none
that runs or that an undo still needs.

Returns how many runs.';


--
-- Name: reached_level(text, integer, bigint, integer, numeric, numeric); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.reached_level(p_specialization_id text, p_from_level integer, p_total_xp bigint, p_completed_sessions integer, p_theory_hours numeric, p_practice_hours numeric) RETURNS integer
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_unmet integer;
begin
    v_unmet := (
        select level.level
        from lockstep.specialization_levels as level
        where level.specialization_id = p_specialization_id
            and level.level > p_from_level
            and (
                level.required_xp > p_total_xp
                or level.required_sessions > p_completed_sessions
                or level.theory_hours > p_theory_hours
                or level.practice_hours > p_practice_hours
            )
        order by level.level
        limit 1
    );

    return coalesce(v_unmet - 1, (
        select max(level.level)
        from lockstep.specialization_levels as level
        where level.specialization_id = p_specialization_id
    ));
end;
$$;


ALTER FUNCTION lockstep.reached_level(p_specialization_id text, p_from_level integer, p_total_xp bigint, p_completed_sessions integer, p_theory_hours numeric, p_practice_hours numeric) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION reached_level(p_specialization_id text, p_from_level integer, p_total_xp bigint, p_completed_sessions integer, p_theory_hours numeric, p_practice_hours numeric); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.reached_level(p_specialization_id text, p_from_level integer, p_total_xp bigint, p_completed_sessions integer, p_theory_hours numeric, p_practice_hours numeric) IS 'The level that these totals reach from this level: one at a time, up to the first level whose XP,
sessions or (where asked for) hours are not all met. Totals since the start; total_hours is not asked.';


--
-- Name: reconcile(bigint); Type: PROCEDURE; Schema: lockstep; Owner: lockstep_owner
--

CREATE PROCEDURE lockstep.reconcile(INOUT run_id bigint DEFAULT NULL::bigint)
    LANGUAGE plpgsql
    AS $$
declare
    v_run lockstep.sync_runs;
    v_attempts integer;
begin
    for v_attempt in 1..3 loop
        v_run := lockstep.plan_reconcile(v_attempt);
        commit;
        exit when v_run.id is not null;
        perform lockstep.sync_pause(v_attempt);
        commit;
    end loop;

    run_id := v_run.id;

    if v_run.status = 'planned' then
        perform lockstep.start_sync(run_id);
        commit;
    end if;

    loop
        v_attempts := lockstep.apply_sync_batch(run_id);
        commit;
        exit when v_attempts is null;
        perform lockstep.sync_pause(v_attempts);
        commit;
    end loop;

    perform lockstep.purge_sync_runs();
    perform lockstep.purge_idempotency_keys();
    commit;
end;
$$;


ALTER PROCEDURE lockstep.reconcile(INOUT run_id bigint) OWNER TO lockstep_owner;

--
-- Name: PROCEDURE reconcile(INOUT run_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON PROCEDURE lockstep.reconcile(INOUT run_id bigint) IS 'The scheduled job: plans a repair of everything, applies it, and throws away what is past its retention.

call lockstep.reconcile(). Outside a transaction block. Returns the id of the run; it is recorded as skipped
when another run is under way.';


--
-- Name: record_guards(text[]); Type: FUNCTION; Schema: lockstep; Owner: lockstep_owner
--

CREATE FUNCTION lockstep.record_guards(p_broken text[] DEFAULT '{}'::text[]) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_recorded bigint;
begin
    delete from lockstep.guard_baseline as installed
    where installed.kind || ': ' || installed.name <> all(p_broken)
        and not exists (
            select from lockstep.find_guards() as found
            where found.kind = installed.kind
                and found.name = installed.name
        );

    insert into lockstep.guard_baseline (kind, name, definition)
    select found.kind, found.name, found.definition
    from lockstep.find_guards() as found
    where found.kind || ': ' || found.name <> all(p_broken)
    on conflict (kind, name) do update
    set definition = excluded.definition,
        recorded_at = excluded.recorded_at
    where guard_baseline.definition <> excluded.definition;

    get diagnostics v_recorded = row_count;
    return v_recorded;
end;
$$;


ALTER FUNCTION lockstep.record_guards(p_broken text[]) OWNER TO lockstep_owner;

--
-- Name: FUNCTION record_guards(p_broken text[]); Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON FUNCTION lockstep.record_guards(p_broken text[]) IS 'Takes what the catalog shows now as what was installed, except for the guards named as broken.

Returns how many rows of the baseline are new or changed. The loader calls it; a DBA who has changed a
guard on purpose calls it without an argument, as the installer.';


--
-- Name: refuse_delete_with_history(bigint, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.refuse_delete_with_history(p_user_id bigint, p_specialization_id text) RETURNS void
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    if exists (
        select
        from lockstep.user_licenses as license
        inner join lockstep.license_progressions as progression
            on progression.user_id = license.user_id
            and progression.user_license_id = license.id
        where license.user_id = p_user_id
            and license.specialization_type = p_specialization_id
    ) then
        raise exception using
            errcode = 'LS008',
            message = 'a pair with history cannot be deleted',
            detail = format('user_id=%s specialization_id=%s', p_user_id, p_specialization_id),
            hint = 'Deactivate it: update user_licenses set is_active = false.';
    end if;
end;
$$;


ALTER FUNCTION lockstep.refuse_delete_with_history(p_user_id bigint, p_specialization_id text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION refuse_delete_with_history(p_user_id bigint, p_specialization_id text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.refuse_delete_with_history(p_user_id bigint, p_specialization_id text) IS 'Raises LS008 when the license of this pair has history. A pair without history may go.';


--
-- Name: refuse_truncate(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.refuse_truncate() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    raise exception using
        errcode = 'LS013',
        message = 'this table cannot be truncated',
        detail = 'specialization_progress, user_licenses and license_progressions stand and fall together',
        hint = 'Delete pairs without history; deactivate the others.';
end;
$$;


ALTER FUNCTION lockstep.refuse_truncate() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION refuse_truncate(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.refuse_truncate() IS 'Raises LS013: TRUNCATE would pass every row trigger by.';


--
-- Name: requirements_met(lockstep.level_change); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.requirements_met(p_change lockstep.level_change) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select concat_ws(
        ', ',
        format('total_xp %s of %s', p_change.total_xp, level.required_xp),
        format('completed_sessions %s of %s', p_change.completed_sessions, level.required_sessions),
        'theory_hours ' || p_change.theory_hours || ' of ' || level.theory_hours,
        'practice_hours ' || p_change.practice_hours || ' of ' || level.practice_hours
    )
    from lockstep.specialization_levels as level
    where level.specialization_id = p_change.specialization_id
        and level.level = p_change.progress_new_level;
$$;


ALTER FUNCTION lockstep.requirements_met(p_change lockstep.level_change) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION requirements_met(p_change lockstep.level_change); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.requirements_met(p_change lockstep.level_change) IS 'The totals that reached a level, each with what the level asks for, as the history keeps them.';


--
-- Name: restore_pair(lockstep.sync_run_items, lockstep.sync_runs); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.restore_pair(p_item lockstep.sync_run_items, p_run lockstep.sync_runs) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_done lockstep.sync_run_items;
    v_progress lockstep.specialization_progress;
    v_license lockstep.user_licenses;
    v_level integer;
    v_in_step boolean;
begin
    select done.*
    into strict v_done
    from lockstep.sync_run_items as done
    where done.run_id = p_run.undo_of
        and done.user_id = p_item.user_id
        and done.specialization_id = p_item.specialization_id;

    if v_done.progress_before is null or v_done.license_before is null then
        -- A side that the repair made stays: without it the other would stand alone.
        return 'undone_in_step';
    end if;

    v_progress := jsonb_populate_record(null::lockstep.specialization_progress, v_done.progress_before);
    v_license := jsonb_populate_record(null::lockstep.user_licenses, v_done.license_before);
    v_in_step := v_progress.current_level = v_license.current_level;
    -- A disagreement cannot come back: both sides take the level that the repair replaced.
    v_level := case
        when v_in_step or v_done.source = 'license' then v_progress.current_level
        else v_license.current_level
    end;

    perform lockstep.write_levels(
        p_user_id => p_item.user_id,
        p_specialization_id => p_item.specialization_id,
        p_license_id => v_license.id,
        p_progress_from => (p_item.progress_before ->> 'current_level')::integer,
        p_license_from => (p_item.license_before ->> 'current_level')::integer,
        p_to_level => v_level,
        p_write_progress => true,
        p_write_license => true,
        p_route => 'repair',
        p_advanced_by => p_run.requested_by,
        p_reason => coalesce(p_run.reason, format('run %s: undo of run %s', p_run.id, p_run.undo_of))
    );

    update lockstep.specialization_progress as progress
    set total_xp = v_progress.total_xp,
        completed_sessions = v_progress.completed_sessions,
        completed_projects = v_progress.completed_projects,
        theory_hours_completed = v_progress.theory_hours_completed,
        practice_hours_completed = v_progress.practice_hours_completed,
        last_activity = v_progress.last_activity,
        created_at = v_progress.created_at,
        updated_at = v_progress.updated_at
    where progress.student_id = p_item.user_id
        and progress.specialization_id = p_item.specialization_id;

    update lockstep.user_licenses as license
    set max_achieved_level = greatest(v_license.max_achieved_level, v_level),
        started_at = v_license.started_at,
        last_advanced_at = v_license.last_advanced_at,
        is_active = v_license.is_active,
        instructor_notes = v_license.instructor_notes,
        created_at = v_license.created_at,
        updated_at = v_license.updated_at
    where license.user_id = p_item.user_id
        and license.specialization_type = p_item.specialization_id;

    return case when v_in_step then 'undone' else 'undone_in_step' end;
end;
$$;


ALTER FUNCTION lockstep.restore_pair(p_item lockstep.sync_run_items, p_run lockstep.sync_runs) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION restore_pair(p_item lockstep.sync_run_items, p_run lockstep.sync_runs); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.restore_pair(p_item lockstep.sync_run_items, p_run lockstep.sync_runs) IS 'Puts a pair back as it was before the run that is being undone; the caller holds the locks.

Returns undone where every column came back, undone_in_step where the old state was a disagreement: then
both sides take the level that the repair replaced, and a side that the repair made stays.';


--
-- Name: setting(text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.setting(p_name text) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select setting.value
    from lockstep.settings as setting
    where setting.name = p_name;
$$;


ALTER FUNCTION lockstep.setting(p_name text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION setting(p_name text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.setting(p_name text) IS 'The value of a setting, null where there is none of this name.';


--
-- Name: start_sync(bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.start_sync(p_run_id bigint) RETURNS lockstep.sync_runs
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_run lockstep.sync_runs;
begin
    select run.*
    into v_run
    from lockstep.sync_runs as run
    where run.id = p_run_id
    for no key update;

    if not found then
        raise exception using
            errcode = 'LS015',
            message = 'run not found',
            detail = format('run_id=%s', coalesce(p_run_id::text, 'null')),
            hint = 'See lockstep.runs for those that exist.';
    end if;

    if v_run.status not in ('planned', 'running')
        and not (
            v_run.status = 'failed'
            and exists (
                select from lockstep.sync_run_items as open
                where open.run_id = p_run_id
                    and open.outcome = 'planned'
            )
        )
    then
        raise exception using
            errcode = 'LS016',
            message = 'run is finished',
            detail = format('run_id=%s status=%s', p_run_id, v_run.status),
            hint = 'Plan a new one, or undo this one.';
    end if;

    perform lockstep.fail_dead_runs(p_run_id);

    if v_run.status = 'running' and lockstep.is_alive(v_run) then
        raise exception using
            errcode = 'LS017',
            message = 'run is under way',
            detail = format('run_id=%s backend_pid=%s', p_run_id, v_run.backend_pid),
            hint = 'Wait for it to end.';
    end if;

    -- Only this statement is taken back below: the lock on the run stays.
    begin
        update lockstep.sync_runs as run
        set status = 'running',
            dry_run = false,
            job_start = case when run.dry_run then clock_timestamp() else run.job_start end,
            job_end = null,
            last_batch_at = clock_timestamp(),
            backend_pid = pg_backend_pid(),
            message = null
        where run.id = p_run_id
        returning run.* into v_run;
    exception
        when unique_violation then
            -- uq_sync_runs_running: another run got there first.
            update lockstep.sync_runs as run
            set status = 'skipped',
                job_end = clock_timestamp(),
                message = 'another run was under way'
            where run.id = p_run_id
            returning run.* into v_run;
    end;

    return v_run;
end;
$$;


ALTER FUNCTION lockstep.start_sync(p_run_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION start_sync(p_run_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.start_sync(p_run_id bigint) IS 'Takes a planned run into work, or one whose worker died: it goes on where that stopped.

Returns the run: running, or skipped when another run over many users is under way.
Raises LS015 no such run, LS016 already finished, LS017 somebody is working on it. Locks the run.';


--
-- Name: store_answer(bigint, text, jsonb); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.store_answer(p_user_id bigint, p_key text, p_answer jsonb) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    update lockstep.idempotency_keys as known
    set answer = p_answer
    where known.user_id = p_user_id
        and known.key = p_key;
$$;


ALTER FUNCTION lockstep.store_answer(p_user_id bigint, p_key text, p_answer jsonb) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION store_answer(p_user_id bigint, p_key text, p_answer jsonb); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.store_answer(p_user_id bigint, p_key text, p_answer jsonb) IS 'Keeps what the call that claimed this key returns, for those who retry it.';


--
-- Name: sync_all(text, boolean, bigint, text, bigint, text); Type: PROCEDURE; Schema: lockstep; Owner: lockstep_owner
--

CREATE PROCEDURE lockstep.sync_all(IN p_direction text, IN p_dry_run boolean DEFAULT true, INOUT run_id bigint DEFAULT NULL::bigint, IN p_specialization_id text DEFAULT NULL::text, IN p_requested_by bigint DEFAULT NULL::bigint, IN p_reason text DEFAULT NULL::text)
    LANGUAGE plpgsql
    AS $$
declare
    v_attempts integer;
begin
    run_id := (lockstep.plan_sync(
        p_direction, p_specialization_id, null, null, p_requested_by, p_reason
    )).id;
    commit;

    if p_dry_run is not false then
        return;
    end if;

    perform lockstep.start_sync(run_id);
    commit;

    loop
        v_attempts := lockstep.apply_sync_batch(run_id);
        commit;
        exit when v_attempts is null;
        perform lockstep.sync_pause(v_attempts);
        commit;
    end loop;
end;
$$;


ALTER PROCEDURE lockstep.sync_all(IN p_direction text, IN p_dry_run boolean, INOUT run_id bigint, IN p_specialization_id text, IN p_requested_by bigint, IN p_reason text) OWNER TO lockstep_owner;

--
-- Name: PROCEDURE sync_all(IN p_direction text, IN p_dry_run boolean, INOUT run_id bigint, IN p_specialization_id text, IN p_requested_by bigint, IN p_reason text); Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON PROCEDURE lockstep.sync_all(IN p_direction text, IN p_dry_run boolean, INOUT run_id bigint, IN p_specialization_id text, IN p_requested_by bigint, IN p_reason text) IS 'Repairs every pair out of step, or (unless p_dry_run is false) only lists what it would do.

call lockstep.sync_all(''to_higher_level''), then call lockstep.apply_sync(run_id) does just what was listed.
Outside a transaction block. Returns the id of the run.
Raises LS002 no such specialization, LS006 another direction.';


--
-- Name: sync_pause(integer); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.sync_pause(p_attempts integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    -- Four times as long before each further try.
    perform pg_sleep(extract(epoch from lockstep.setting('sync_pause')::interval) * 4 ^ p_attempts);
end;
$$;


ALTER FUNCTION lockstep.sync_pause(p_attempts integer) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION sync_pause(p_attempts integer); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.sync_pause(p_attempts integer) IS 'Pauses between two batches: the setting sync_pause, four times as long for each time the items were tried.';


--
-- Name: sync_records(bigint, text, text, bigint, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.sync_records(p_user_id bigint, p_specialization_id text, p_source text, p_advanced_by bigint DEFAULT NULL::bigint, p_reason text DEFAULT NULL::text) RETURNS lockstep.sync_outcome
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_pair lockstep.locked_pair;
    v_target_created boolean;
    v_progress_level integer;
    v_license_level integer;
    v_outcome lockstep.sync_outcome;
begin
    if p_source is null or p_source not in ('progress', 'license') then
        raise exception using
            errcode = 'LS006',
            message = 'invalid argument',
            detail = format('source=%s', coalesce(p_source, 'null')),
            hint = 'The source is progress or license.';
    end if;

    if p_advanced_by is not null then
        perform lockstep.check_user(p_advanced_by);
    end if;

    -- Lock order, everywhere: specialization_progress, then user_licenses.
    v_pair := lockstep.lock_pair(p_user_id, p_specialization_id, true);

    if (p_source = 'progress' and v_pair.progress_created)
        or (p_source = 'license' and v_pair.license_created)
    then
        raise exception using
            errcode = 'LS014',
            message = 'the source record does not exist',
            detail = format(
                'user_id=%s specialization_id=%s source=%s', p_user_id, p_specialization_id, p_source
            ),
            hint = 'Take the other side as the source, or call update_level() to make the pair.';
    end if;

    v_target_created := v_pair.progress_created or v_pair.license_created;
    v_progress_level := case when not v_pair.progress_created then (v_pair.progress).current_level end;
    v_license_level := case when not v_pair.license_created then (v_pair.license).current_level end;

    v_outcome.user_id := p_user_id;
    v_outcome.specialization_id := p_specialization_id;
    v_outcome.old_level := case p_source when 'progress' then v_license_level else v_progress_level end;
    v_outcome.new_level := case p_source when 'progress' then v_progress_level else v_license_level end;
    v_outcome.action := case
        when v_target_created then 'created'
        when v_outcome.old_level <> v_outcome.new_level then 'updated'
        else 'none'
    end;
    v_outcome.synced := v_outcome.action <> 'none';
    v_outcome.message := case v_outcome.action
        when 'none' then format('Already in step at level %s', v_outcome.new_level)
        when 'created' then format('Missing record created at level %s', v_outcome.new_level)
        else format('Level %s replaced by %s', v_outcome.old_level, v_outcome.new_level)
    end;

    if v_outcome.synced then
        perform lockstep.write_levels(
            p_user_id => p_user_id,
            p_specialization_id => p_specialization_id,
            p_license_id => (v_pair.license).id,
            p_progress_from => v_progress_level,
            p_license_from => v_license_level,
            p_to_level => v_outcome.new_level,
            p_write_progress => v_outcome.action = 'updated' and p_source = 'license',
            p_write_license => v_outcome.action = 'updated' and p_source = 'progress',
            p_route => 'repair',
            p_advanced_by => p_advanced_by,
            p_reason => coalesce(p_reason, format('sync_records from %s', p_source))
        );
    end if;

    return v_outcome;
end;
$$;


ALTER FUNCTION lockstep.sync_records(p_user_id bigint, p_specialization_id text, p_source text, p_advanced_by bigint, p_reason text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION sync_records(p_user_id bigint, p_specialization_id text, p_source text, p_advanced_by bigint, p_reason text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.sync_records(p_user_id bigint, p_specialization_id text, p_source text, p_advanced_by bigint, p_reason text) IS 'Makes one side of a pair equal to the other: source progress or license. A missing side is made.

Returns the action: none (already equal, nothing written), created or updated, with the levels of the side
that was written.
Raises LS001 no such user, LS002 no such specialization, LS006 another source, LS014 the source does not exist.
Locks specialization_progress, then user_licenses.';


--
-- Name: sync_user(bigint, text, text, bigint, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.sync_user(p_user_id bigint, p_specialization_id text, p_direction text, p_requested_by bigint DEFAULT NULL::bigint, p_reason text DEFAULT NULL::text) RETURNS lockstep.sync_outcome
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_outcome lockstep.sync_outcome;
    v_state lockstep.consistency;
begin
    perform lockstep.check_specialization(p_specialization_id);

    select outcome.*
    into v_outcome
    from lockstep.sync_user_all(
        p_user_id, p_direction, p_specialization_id, p_requested_by, p_reason
    ) as outcome;

    if not found then
        v_state := lockstep.validate_consistency(p_user_id, p_specialization_id);
        v_outcome := row(
            p_user_id, p_specialization_id, 'none', v_state.level, v_state.level, false, v_state.message
        );
    end if;

    return v_outcome;
end;
$$;


ALTER FUNCTION lockstep.sync_user(p_user_id bigint, p_specialization_id text, p_direction text, p_requested_by bigint, p_reason text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION sync_user(p_user_id bigint, p_specialization_id text, p_direction text, p_requested_by bigint, p_reason text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.sync_user(p_user_id bigint, p_specialization_id text, p_direction text, p_requested_by bigint, p_reason text) IS 'Repairs the pair of one user in one specialization, in this transaction; recorded as a run.

Returns its outcome; action none when it is in step.
Raises LS001 no such user or actor, LS002 no such specialization, LS006 another direction.
Locks specialization_progress, then user_licenses.';


--
-- Name: sync_user_all(bigint, text, text, bigint, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.sync_user_all(p_user_id bigint, p_direction text, p_specialization_id text DEFAULT NULL::text, p_requested_by bigint DEFAULT NULL::bigint, p_reason text DEFAULT NULL::text) RETURNS SETOF lockstep.sync_outcome
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_lock_timeout constant text := current_setting('lock_timeout');
    v_run lockstep.sync_runs;
begin
    perform lockstep.check_user(p_user_id);
    v_run := lockstep.plan_sync(
        p_direction, p_specialization_id, p_user_id, null, p_requested_by, p_reason
    );
    perform lockstep.start_sync(v_run.id);

    while lockstep.apply_sync_batch(v_run.id) is not null loop
        -- The next batch: there is one more where live traffic held a pair.
    end loop;

    -- Batches wait briefly; the rest of the caller's transaction as long as it did before.
    perform set_config('lock_timeout', v_lock_timeout, true);

    return query
    select
        item.user_id,
        item.specialization_id,
        case
            when item.outcome <> 'synced' then 'skipped'
            when item.action in ('create_license', 'create_progress') then 'created'
            else 'updated'
        end,
        case item.source
            when 'progress' then (item.license_before ->> 'current_level')::integer
            else (item.progress_before ->> 'current_level')::integer
        end,
        case when item.outcome = 'synced' then item.expected_level end,
        item.outcome = 'synced',
        coalesce(item.error_code || ' ' || item.detail, item.detail, format('Level is %s', item.expected_level))
    from lockstep.sync_run_items as item
    where item.run_id = v_run.id
    order by item.specialization_id;
end;
$$;


ALTER FUNCTION lockstep.sync_user_all(p_user_id bigint, p_direction text, p_specialization_id text, p_requested_by bigint, p_reason text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION sync_user_all(p_user_id bigint, p_direction text, p_specialization_id text, p_requested_by bigint, p_reason text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.sync_user_all(p_user_id bigint, p_direction text, p_specialization_id text, p_requested_by bigint, p_reason text) IS 'Repairs every pair of one user that is out of step (or the one of a specialization), in this transaction.

Returns one row a pair with its outcome, none when all are in step; one that fails does not stop the others.
It is a run like any other: recorded, and undone by undo_sync().
Raises LS001 no such user or actor, LS002 no such specialization, LS006 another direction.
Locks specialization_progress, then user_licenses, by specialization.';


--
-- Name: undo_sync(bigint, bigint, bigint, text); Type: PROCEDURE; Schema: lockstep; Owner: lockstep_owner
--

CREATE PROCEDURE lockstep.undo_sync(IN p_run_id bigint, INOUT undo_run_id bigint DEFAULT NULL::bigint, IN p_requested_by bigint DEFAULT NULL::bigint, IN p_reason text DEFAULT NULL::text)
    LANGUAGE plpgsql
    AS $$
declare
    v_attempts integer;
begin
    undo_run_id := (lockstep.plan_undo(p_run_id, p_requested_by, p_reason)).id;
    perform lockstep.start_sync(undo_run_id);
    commit;

    loop
        v_attempts := lockstep.apply_sync_batch(undo_run_id);
        commit;
        exit when v_attempts is null;
        perform lockstep.sync_pause(v_attempts);
        commit;
    end loop;
end;
$$;


ALTER PROCEDURE lockstep.undo_sync(IN p_run_id bigint, INOUT undo_run_id bigint, IN p_requested_by bigint, IN p_reason text) OWNER TO lockstep_owner;

--
-- Name: PROCEDURE undo_sync(IN p_run_id bigint, INOUT undo_run_id bigint, IN p_requested_by bigint, IN p_reason text); Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON PROCEDURE lockstep.undo_sync(IN p_run_id bigint, INOUT undo_run_id bigint, IN p_requested_by bigint, IN p_reason text) IS 'Undoes a run, batch by batch, a commit after each; the undo is a run too, and can be undone.

call lockstep.undo_sync(7). Outside a transaction block. Returns the id of the undo''s run.
Every column of both rows comes back, except where the old state was a disagreement: then both sides take
the level that the repair replaced. A pair that changed since is skipped.
Raises LS015 no such run, LS018 nothing to undo.';


--
-- Name: update_level(bigint, text, integer, bigint, integer, integer, numeric, numeric, bigint, text, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.update_level(p_user_id bigint, p_specialization_id text, p_new_level integer, p_xp_change bigint DEFAULT 0, p_sessions_change integer DEFAULT 0, p_projects_change integer DEFAULT 0, p_theory_hours_change numeric DEFAULT 0, p_practice_hours_change numeric DEFAULT 0, p_advanced_by bigint DEFAULT NULL::bigint, p_reason text DEFAULT NULL::text, p_idempotency_key text DEFAULT NULL::text) RETURNS lockstep.level_change
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    if not (row(
        p_user_id, p_specialization_id, p_new_level, p_xp_change, p_sessions_change,
        p_projects_change, p_theory_hours_change, p_practice_hours_change
    ) is not null) then
        raise exception using
            errcode = 'LS006',
            message = 'invalid argument',
            detail = 'user, specialization, new level and the changes may not be null',
            hint = 'Leave a change out, or give 0, for none.';
    end if;

    return lockstep.change_pair(
        'update_level', p_user_id, p_specialization_id, p_new_level, p_xp_change, p_sessions_change,
        p_projects_change, p_theory_hours_change, p_practice_hours_change, p_advanced_by, p_reason,
        p_idempotency_key
    );
end;
$$;


ALTER FUNCTION lockstep.update_level(p_user_id bigint, p_specialization_id text, p_new_level integer, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_advanced_by bigint, p_reason text, p_idempotency_key text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION update_level(p_user_id bigint, p_specialization_id text, p_new_level integer, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_advanced_by bigint, p_reason text, p_idempotency_key text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.update_level(p_user_id bigint, p_specialization_id text, p_new_level integer, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_advanced_by bigint, p_reason text, p_idempotency_key text) IS 'Sets the level of a pair, up or down, and adds to its totals: all of it or nothing.

Makes a missing pair. On a pair out of step it sets both sides and returns both old levels. XP in points,
hours with two decimals. The same idempotency key and arguments return the first answer.
Raises LS001 no such user or actor, LS002 no such specialization, LS003 no such level, LS004 a total would fall below
0, LS005 hours where none are counted, LS006 invalid argument, LS007 key used otherwise; 40001, 40P01: retry.
Locks the key, then specialization_progress, then user_licenses.';


--
-- Name: validate_consistency(bigint, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.validate_consistency(p_user_id bigint, p_specialization_id text) RETURNS lockstep.consistency
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_answer lockstep.consistency;
begin
    perform lockstep.check_user(p_user_id);
    perform lockstep.check_specialization(p_specialization_id);

    -- One statement, one snapshot: two reads could straddle a commit.
    select
        (
            select progress.current_level
            from lockstep.specialization_progress as progress
            where progress.student_id = p_user_id
                and progress.specialization_id = p_specialization_id
        ),
        (
            select license.current_level
            from lockstep.user_licenses as license
            where license.user_id = p_user_id
                and license.specialization_type = p_specialization_id
        )
    into v_answer.progress_level, v_answer.license_level;

    v_answer.progress_exists := v_answer.progress_level is not null;
    v_answer.license_exists := v_answer.license_level is not null;
    v_answer.consistent := v_answer.progress_level is not distinct from v_answer.license_level;
    v_answer.level := case when v_answer.consistent then v_answer.progress_level end;
    v_answer.difference := v_answer.progress_level - v_answer.license_level;
    v_answer.recommended_action := lockstep.recommended_action(
        v_answer.progress_level, v_answer.license_level
    );
    v_answer.message := case
        when not v_answer.progress_exists and not v_answer.license_exists then 'No progress and no license'
        when v_answer.consistent then format('In step at level %s', v_answer.level)
        else format(
            'Desync detected: Progress=%s, License=%s',
            coalesce(v_answer.progress_level::text, 'missing'),
            coalesce(v_answer.license_level::text, 'missing')
        )
    end;

    return v_answer;
end;
$$;


ALTER FUNCTION lockstep.validate_consistency(p_user_id bigint, p_specialization_id text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION validate_consistency(p_user_id bigint, p_specialization_id text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.validate_consistency(p_user_id bigint, p_specialization_id text) IS 'Whether the progress and the license of a user in a specialization agree.

Returns one row for every state: in step, out of step, one side missing, neither there (consistent).
Raises LS001 no such user, LS002 no such specialization. Locks nothing.';


--
-- Name: verified_ranges; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.verified_ranges (
    first_user_id bigint NOT NULL,
    last_user_id bigint NOT NULL,
    pairs bigint DEFAULT 0 NOT NULL,
    violations bigint DEFAULT 0 NOT NULL,
    verified_at timestamp with time zone
);


ALTER TABLE lockstep.verified_ranges OWNER TO lockstep_owner;

--
-- Name: TABLE verified_ranges; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.verified_ranges IS 'What the last look at each range of user ids found.';


--
-- Name: COLUMN verified_ranges.pairs; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.verified_ranges.pairs IS 'How many pairs its users have.';


--
-- Name: COLUMN verified_ranges.violations; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.verified_ranges.violations IS 'Pairs out of step in this range.';


--
-- Name: COLUMN verified_ranges.verified_at; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.verified_ranges.verified_at IS 'When the range was last read; null: never.';


--
-- Name: verify_next_range(timestamp with time zone); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.verify_next_range(p_older_than timestamp with time zone) RETURNS lockstep.verified_ranges
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_range lockstep.verified_ranges;
    v_found record;
begin
    -- Another session at the same time takes another range.
    select one.*
    into v_range
    from lockstep.verified_ranges as one
    where one.verified_at is null
        or one.verified_at < p_older_than
    order by one.verified_at asc nulls first, one.first_user_id
    limit 1
    for no key update skip locked;

    if not found then
        return null;
    end if;

    v_found := lockstep.verify_range(v_range.first_user_id, v_range.last_user_id);

    update lockstep.verified_ranges as one
    set pairs = v_found.pairs,
        violations = v_found.violations,
        verified_at = clock_timestamp()
    where one.first_user_id = v_range.first_user_id
    returning one.* into v_range;

    return v_range;
end;
$$;


ALTER FUNCTION lockstep.verify_next_range(p_older_than timestamp with time zone) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION verify_next_range(p_older_than timestamp with time zone); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.verify_next_range(p_older_than timestamp with time zone) IS 'Reads the pairs of the range of users that was not verified for longest, if that was before p_older_than.

Returns the range with what it showed, null when every range is newer. Locks the range, no pair.';


--
-- Name: verify_range(bigint, bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.verify_range(p_first_user_id bigint, p_last_user_id bigint, OUT pairs bigint, OUT violations bigint) RETURNS record
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select
        count(*),
        count(*) filter (where progress.current_level is distinct from license.current_level)
    from (
        select one.student_id, one.specialization_id, one.current_level
        from lockstep.specialization_progress as one
        where one.student_id between p_first_user_id and p_last_user_id
    ) as progress
    full outer join (
        select one.user_id, one.specialization_type, one.current_level
        from lockstep.user_licenses as one
        where one.user_id between p_first_user_id and p_last_user_id
    ) as license
        on license.user_id = progress.student_id
        and license.specialization_type = progress.specialization_id;
$$;


ALTER FUNCTION lockstep.verify_range(p_first_user_id bigint, p_last_user_id bigint, OUT pairs bigint, OUT violations bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION verify_range(p_first_user_id bigint, p_last_user_id bigint, OUT pairs bigint, OUT violations bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.verify_range(p_first_user_id bigint, p_last_user_id bigint, OUT pairs bigint, OUT violations bigint) IS 'How many pairs the users of this range of ids have, and how many of them are out of step. Locks nothing.';


--
-- Name: write_levels(bigint, text, bigint, integer, integer, integer, boolean, boolean, text, bigint, integer, integer, numeric, numeric, bigint, text, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.write_levels(p_user_id bigint, p_specialization_id text, p_license_id bigint, p_progress_from integer, p_license_from integer, p_to_level integer, p_write_progress boolean, p_write_license boolean, p_route text, p_xp_change bigint DEFAULT 0, p_sessions_change integer DEFAULT 0, p_projects_change integer DEFAULT 0, p_theory_hours_change numeric DEFAULT 0, p_practice_hours_change numeric DEFAULT 0, p_advanced_by bigint DEFAULT NULL::bigint, p_reason text DEFAULT NULL::text, p_requirements_met text DEFAULT NULL::text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_now constant timestamptz := clock_timestamp();
    v_from constant integer := case
        when p_license_from is distinct from p_to_level then p_license_from
        else p_progress_from
    end;
    v_progression_id bigint;
begin
    -- One statement, so that constraints set immediate see both sides or none.
    with progress as (
        update lockstep.specialization_progress as progress
        set current_level = p_to_level,
            total_xp = progress.total_xp + p_xp_change,
            completed_sessions = progress.completed_sessions + p_sessions_change,
            completed_projects = progress.completed_projects + p_projects_change,
            theory_hours_completed = progress.theory_hours_completed + p_theory_hours_change,
            practice_hours_completed = progress.practice_hours_completed + p_practice_hours_change,
            last_activity = v_now,
            updated_at = v_now
        where p_write_progress
            and progress.student_id = p_user_id
            and progress.specialization_id = p_specialization_id
    ),

    license as (
        update lockstep.user_licenses as license
        set current_level = p_to_level,
            max_achieved_level = greatest(license.max_achieved_level, p_to_level),
            last_advanced_at = v_now,
            updated_at = v_now
        where p_write_license
            and license.user_id = p_user_id
            and license.specialization_type = p_specialization_id
    )

    insert into lockstep.license_progressions (
        user_id, user_license_id, from_level, to_level, progress_from_level, advanced_by,
        advancement_reason, requirements_met, advanced_at, route
    )
    select
        p_user_id,
        p_license_id,
        v_from,
        p_to_level,
        nullif(p_progress_from, v_from),
        p_advanced_by,
        p_reason,
        p_requirements_met,
        v_now,
        p_route
    -- A side that changed; a side made at level 1 is none.
    where coalesce(p_progress_from, 1) <> p_to_level
        or coalesce(p_license_from, 1) <> p_to_level
    returning id into v_progression_id;

    return v_progression_id;
end;
$$;


ALTER FUNCTION lockstep.write_levels(p_user_id bigint, p_specialization_id text, p_license_id bigint, p_progress_from integer, p_license_from integer, p_to_level integer, p_write_progress boolean, p_write_license boolean, p_route text, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_advanced_by bigint, p_reason text, p_requirements_met text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION write_levels(p_user_id bigint, p_specialization_id text, p_license_id bigint, p_progress_from integer, p_license_from integer, p_to_level integer, p_write_progress boolean, p_write_license boolean, p_route text, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_advanced_by bigint, p_reason text, p_requirements_met text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.write_levels(p_user_id bigint, p_specialization_id text, p_license_id bigint, p_progress_from integer, p_license_from integer, p_to_level integer, p_write_progress boolean, p_write_license boolean, p_route text, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_advanced_by bigint, p_reason text, p_requirements_met text) IS 'The one place where a level is written and its history row with it.

The caller holds the locks and has checked everything; the sides are told apart so that a mirror
writes only the other one. The levels before are null where a side was just made.
Returns the id of the history row, null when no level changed.';


--
-- Name: specialization_levels; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.specialization_levels (
    specialization_id text NOT NULL,
    level integer NOT NULL,
    name text NOT NULL,
    name_en text,
    color text,
    required_xp bigint NOT NULL,
    required_sessions integer DEFAULT 0 NOT NULL,
    theory_hours numeric(8,2),
    practice_hours numeric(8,2),
    total_hours numeric(8,2),
    CONSTRAINT ck_specialization_levels_level CHECK ((level >= 1)),
    CONSTRAINT ck_specialization_levels_requirements CHECK (((required_xp >= 0) AND (required_sessions >= 0) AND ((theory_hours >= (0)::numeric) AND (theory_hours <= 999999.99)) AND ((practice_hours >= (0)::numeric) AND (practice_hours <= 999999.99)) AND ((total_hours >= (0)::numeric) AND (total_hours <= 999999.99))))
);


ALTER TABLE lockstep.specialization_levels OWNER TO lockstep_owner;

--
-- Name: TABLE specialization_levels; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.specialization_levels IS 'Every level that can be held, 1 to n for each specialization, and what it takes to reach it.';


--
-- Name: COLUMN specialization_levels.name; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.specialization_levels.name IS 'The name that a diploma shows.';


--
-- Name: COLUMN specialization_levels.required_xp; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.specialization_levels.required_xp IS 'XP since the start that reaching this level takes; the row of level 1 is never a condition.';


--
-- Name: COLUMN specialization_levels.required_sessions; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.specialization_levels.required_sessions IS 'Sessions since the start.';


--
-- Name: COLUMN specialization_levels.theory_hours; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.specialization_levels.theory_hours IS 'Hours of theory since the start; null where the specialization asks for none.';


--
-- Name: COLUMN specialization_levels.practice_hours; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.specialization_levels.practice_hours IS 'Hours of practice since the start; null where the specialization asks for none.';


--
-- Name: COLUMN specialization_levels.total_hours; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.specialization_levels.total_hours IS 'Shown, never checked.';


--
-- Name: CONSTRAINT ck_specialization_levels_level ON specialization_levels; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_specialization_levels_level ON lockstep.specialization_levels IS 'Levels start at 1.';


--
-- Name: CONSTRAINT ck_specialization_levels_requirements ON specialization_levels; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_specialization_levels_requirements ON lockstep.specialization_levels IS 'What a level asks for is never negative.';


--
-- Name: coach_levels; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.coach_levels AS
 SELECT level.level AS id,
    level.name,
    level.name_en,
    level.color,
    level.required_xp,
    level.required_sessions,
    level.theory_hours,
    level.practice_hours
   FROM lockstep.specialization_levels level
  WHERE (level.specialization_id = 'COACH'::text);


ALTER TABLE lockstep.coach_levels OWNER TO lockstep_owner;

--
-- Name: VIEW coach_levels; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.coach_levels IS 'The levels of COACH as rows of their own, by level number: a view of specialization_levels, to read only.';


--
-- Name: coupled_key_triggers; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.coupled_key_triggers AS
 SELECT con.conname AS constraint_name,
    (trig.tgrelid)::regclass AS table_name,
    trig.tgname AS trigger_name,
    trig.tgenabled AS firing_mode,
    (trig.tgenabled = 'A'::"char") AS armed
   FROM (pg_trigger trig
     JOIN pg_constraint con ON ((con.oid = trig.tgconstraint)))
  WHERE ((con.contype = 'f'::"char") AND (con.conrelid = ANY (ARRAY[('lockstep.specialization_progress'::regclass)::oid, ('lockstep.user_licenses'::regclass)::oid])) AND (con.conname = ANY (ARRAY['fk_specialization_progress_license'::name, 'fk_user_licenses_progress'::name, 'fk_specialization_progress_level'::name, 'fk_user_licenses_level'::name, 'fk_user_licenses_max_level'::name])));


ALTER TABLE lockstep.coupled_key_triggers OWNER TO lockstep_owner;

--
-- Name: VIEW coupled_key_triggers; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.coupled_key_triggers IS 'The internal triggers that carry the coupling keys and the level keys, and whether each fires ALWAYS (is armed).';


--
-- Name: COLUMN coupled_key_triggers.firing_mode; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.coupled_key_triggers.firing_mode IS 'pg_trigger.tgenabled: O origin, A always, R replica, D disabled.';


--
-- Name: COLUMN coupled_key_triggers.armed; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.coupled_key_triggers.armed IS 'Whether it fires ALWAYS: for the replica role too.';


--
-- Name: guard_baseline; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.guard_baseline (
    kind text NOT NULL,
    name text NOT NULL,
    definition text NOT NULL,
    recorded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);


ALTER TABLE lockstep.guard_baseline OWNER TO lockstep_owner;

--
-- Name: TABLE guard_baseline; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.guard_baseline IS 'Everything that the guarantee rests on, as installed: recorded by record_guards() after each load.';


--
-- Name: COLUMN guard_baseline.kind; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.guard_baseline.kind IS 'constraint, key trigger, trigger, function, view, policy, table, column, index, owner, grant, role, …';


--
-- Name: COLUMN guard_baseline.definition; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.guard_baseline.definition IS 'As the catalog prints it; of functions and views a hash.';


--
-- Name: guard_status; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.guard_status AS
 SELECT COALESCE(installed.kind, found.kind) AS kind,
    COALESCE(installed.name, found.name) AS name,
        CASE
            WHEN (found.name IS NULL) THEN 'missing'::text
            WHEN (installed.name IS NULL) THEN 'unexpected'::text
            WHEN (installed.definition <> found.definition) THEN 'altered'::text
            ELSE 'intact'::text
        END AS status,
    installed.definition AS as_installed,
    found.definition AS as_found
   FROM (lockstep.guard_baseline installed
     FULL JOIN lockstep.find_guards() found(kind, name, definition) ON (((found.kind = installed.kind) AND (found.name = installed.name))));


ALTER TABLE lockstep.guard_status OWNER TO lockstep_owner;

--
-- Name: VIEW guard_status; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.guard_status IS 'The sentinel: every guard as installed against as found. Whatever is not intact is a way round the rules.';


--
-- Name: COLUMN guard_status.status; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.guard_status.status IS 'intact, altered, missing or unexpected.';


--
-- Name: COLUMN guard_status.as_installed; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.guard_status.as_installed IS 'Null for what no installation put there.';


--
-- Name: COLUMN guard_status.as_found; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.guard_status.as_found IS 'Null for what is gone.';


--
-- Name: schema_migrations; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.schema_migrations (
    migration_hash character varying(64) NOT NULL,
    migration_id character varying(255),
    applied_at_utc timestamp without time zone,
    apply_sha256 text NOT NULL,
    rollback_sha256 text NOT NULL
);


ALTER TABLE lockstep.schema_migrations OWNER TO lockstep_owner;

--
-- Name: TABLE schema_migrations; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.schema_migrations IS 'The migrations that are applied.';


--
-- Name: COLUMN schema_migrations.migration_hash; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.schema_migrations.migration_hash IS 'SHA-256 of migration_id.';


--
-- Name: COLUMN schema_migrations.migration_id; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.schema_migrations.migration_id IS 'The name of the file, without its ending.';


--
-- Name: COLUMN schema_migrations.apply_sha256; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.schema_migrations.apply_sha256 IS 'SHA-256 of the file as it was applied: frozen from then on.';


--
-- Name: COLUMN schema_migrations.rollback_sha256; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.schema_migrations.rollback_sha256 IS 'SHA-256 of its rollback file at that time: frozen from then on.';


--
-- Name: settings; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.settings (
    name text NOT NULL,
    value text NOT NULL,
    kind text NOT NULL,
    description text NOT NULL,
    CONSTRAINT ck_settings_kind CHECK ((kind = ANY (ARRAY['interval'::text, 'integer'::text, 'text'::text])))
);


ALTER TABLE lockstep.settings OWNER TO lockstep_owner;

--
-- Name: TABLE settings; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.settings IS 'Figures that a school may change; read at each use.';


--
-- Name: COLUMN settings.kind; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.settings.kind IS 'What the value must read as: interval, integer or text.';


--
-- Name: COLUMN settings.description; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.settings.description IS 'What it decides.';


--
-- Name: CONSTRAINT ck_settings_kind ON settings; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_settings_kind ON lockstep.settings IS 'What change_setting() knows how to read.';


--
-- Name: health; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.health AS
 SELECT COALESCE(newest.status, 'unknown'::text) AS status,
    newest.checked_at AS last_check,
    newest.consistency_rate,
    COALESCE(newest.total_checked, (0)::bigint) AS total_checked,
    COALESCE(newest.total_violations, (0)::bigint) AS total_violations,
    (COALESCE(((newest.status <> 'healthy'::text) OR (newest.total_violations > 0)), true) OR (newest.checked_at < (now() - (run.limit_text)::interval)) OR run.overdue OR (guard.broken > 0)) AS requires_attention,
    newest.oldest_unverified,
    run.last_run,
    run.overdue AS run_overdue,
    guard.broken AS broken_guards,
    concat_ws('; '::text,
        CASE
            WHEN (newest.id IS NULL) THEN 'no check yet'::text
            ELSE NULL::text
        END,
        CASE
            WHEN (newest.total_violations > 0) THEN format('%s pairs out of step'::text, newest.total_violations)
            ELSE NULL::text
        END,
        CASE
            WHEN (newest.checked_at < (now() - (run.limit_text)::interval)) THEN format('no check for %s'::text, run.limit_text)
            ELSE NULL::text
        END,
        CASE
            WHEN run.overdue THEN format('no run for %s'::text, run.limit_text)
            ELSE NULL::text
        END,
        CASE
            WHEN (guard.broken > 0) THEN format('%s guards broken'::text, guard.broken)
            ELSE NULL::text
        END) AS message
   FROM ((( SELECT finished.last_run,
            limit_setting.value AS limit_text,
            (COALESCE(finished.last_run, installed.at) < (now() - (limit_setting.value)::interval)) AS overdue
           FROM ((( SELECT max(one.job_end) AS last_run
                   FROM lockstep.sync_runs one
                  WHERE (one.scheduled AND (one.status = ANY (ARRAY['success'::text, 'partial_failure'::text])))) finished
             CROSS JOIN ( SELECT (min(applied.applied_at_utc) AT TIME ZONE 'UTC'::text) AS at
                   FROM lockstep.schema_migrations applied) installed)
             CROSS JOIN ( SELECT COALESCE(max(setting.value), '7 hours'::text) AS value
                   FROM lockstep.settings setting
                  WHERE (setting.name = 'run_overdue_after'::text)) limit_setting)) run
     CROSS JOIN ( SELECT count(*) FILTER (WHERE (one.status <> 'intact'::text)) AS broken
           FROM lockstep.guard_status one) guard)
     LEFT JOIN ( SELECT one.id,
            one.checked_at,
            one.status,
            one.consistency_rate,
            one.total_checked,
            one.total_violations,
            one.oldest_unverified
           FROM lockstep.health_checks one
          ORDER BY one.id DESC
         LIMIT 1) newest ON (true));


ALTER TABLE lockstep.health OWNER TO lockstep_owner;

--
-- Name: VIEW health; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.health IS 'How it stands: share of pairs in step, what was found, how old the oldest look is, whether runs come on time.';


--
-- Name: COLUMN health.status; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.health.status IS 'healthy (at least 99 % in step), degraded (at least 95 %), critical, or unknown before the first check.';


--
-- Name: COLUMN health.last_check; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.health.last_check IS 'When the newest check was; null before the first.';


--
-- Name: COLUMN health.consistency_rate; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.health.consistency_rate IS 'Share of pairs in step, in percent.';


--
-- Name: COLUMN health.requires_attention; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.health.requires_attention IS 'Not healthy, a pair out of step, a check or a run overdue, a guard broken, or no check yet.';


--
-- Name: COLUMN health.oldest_unverified; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.health.oldest_unverified IS 'No pair was last read before this; null while some were never read.';


--
-- Name: COLUMN health.last_run; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.health.last_run IS 'When the last scheduled run ended.';


--
-- Name: COLUMN health.run_overdue; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.health.run_overdue IS 'No scheduled run for longer than the setting run_overdue_after.';


--
-- Name: COLUMN health.broken_guards; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.health.broken_guards IS 'Rows of guard_status that are not intact.';


--
-- Name: health_checks_id_seq; Type: SEQUENCE; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE lockstep.health_checks ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lockstep.health_checks_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: idempotency_keys; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.idempotency_keys (
    user_id bigint NOT NULL,
    key text NOT NULL,
    function_name text NOT NULL,
    arguments jsonb NOT NULL,
    answer jsonb,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ck_idempotency_keys_key CHECK (((length(key) >= 1) AND (length(key) <= 255)))
);


ALTER TABLE lockstep.idempotency_keys OWNER TO lockstep_owner;

--
-- Name: TABLE idempotency_keys; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.idempotency_keys IS 'Calls that were answered, by target user and key: a retry gets the stored answer.';


--
-- Name: COLUMN idempotency_keys.user_id; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.idempotency_keys.user_id IS 'The user whose records the call changed.';


--
-- Name: COLUMN idempotency_keys.arguments; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.idempotency_keys.arguments IS 'The arguments as normalized by the function: with its name, the fingerprint of the call.';


--
-- Name: COLUMN idempotency_keys.answer; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.idempotency_keys.answer IS 'What the first call returned; null only inside that call.';


--
-- Name: CONSTRAINT ck_idempotency_keys_key ON idempotency_keys; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_idempotency_keys_key ON lockstep.idempotency_keys IS 'A key has 1 to 255 characters.';


--
-- Name: internship_levels; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.internship_levels AS
 SELECT level.level AS id,
    level.name,
    level.name_en,
    level.color,
    level.required_xp,
    level.required_sessions,
    level.total_hours
   FROM lockstep.specialization_levels level
  WHERE (level.specialization_id = 'INTERNSHIP'::text);


ALTER TABLE lockstep.internship_levels OWNER TO lockstep_owner;

--
-- Name: VIEW internship_levels; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.internship_levels IS 'The levels of INTERNSHIP as rows of their own, by level number: a view of specialization_levels, to read only.';


--
-- Name: license_progressions; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.license_progressions (
    id bigint NOT NULL,
    user_license_id bigint NOT NULL,
    from_level integer,
    to_level integer NOT NULL,
    advanced_by bigint,
    advancement_reason text,
    requirements_met text,
    advanced_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    user_id bigint NOT NULL,
    progress_from_level integer,
    route text DEFAULT 'client'::text NOT NULL,
    database_role text DEFAULT COALESCE(NULLIF(current_setting('role'::text), 'none'::text), (SESSION_USER)::text),
    application_name text DEFAULT current_setting('application_name'::text),
    client_address inet DEFAULT inet_client_addr(),
    transaction_id xid8 DEFAULT pg_current_xact_id(),
    CONSTRAINT ck_license_progressions_route CHECK ((route = ANY (ARRAY['function'::text, 'raw_sql'::text, 'repair'::text, 'import'::text, 'client'::text])))
);


ALTER TABLE lockstep.license_progressions OWNER TO lockstep_owner;

--
-- Name: TABLE license_progressions; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.license_progressions IS 'History, append-only: one row for every committed level change. Rows of route client are remarks, not counted.';


--
-- Name: COLUMN license_progressions.from_level; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.license_progressions.from_level IS 'The level that was replaced: the license''s, or the progress row''s where only that one changed; null where the pair was made.';


--
-- Name: COLUMN license_progressions.advanced_by; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.license_progressions.advanced_by IS 'The application''s actor: a user id as the caller gave it.';


--
-- Name: COLUMN license_progressions.advancement_reason; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.license_progressions.advancement_reason IS 'Why, in the caller''s words.';


--
-- Name: COLUMN license_progressions.requirements_met; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.license_progressions.requirements_met IS 'The totals that reached the level, each with what the level asks for; null where nothing was checked.';


--
-- Name: COLUMN license_progressions.progress_from_level; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.license_progressions.progress_from_level IS 'The level of the progress row before, where it differed from from_level: the pair was out of step.';


--
-- Name: COLUMN license_progressions.route; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.license_progressions.route IS 'How it came: function, raw_sql, repair, import; client is a row that an old client inserted itself.';


--
-- Name: COLUMN license_progressions.database_role; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.license_progressions.database_role IS 'The role that the statement ran as.';


--
-- Name: COLUMN license_progressions.client_address; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.license_progressions.client_address IS 'Null over a unix socket.';


--
-- Name: COLUMN license_progressions.transaction_id; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.license_progressions.transaction_id IS 'pg_current_xact_id() of the change.';


--
-- Name: CONSTRAINT ck_license_progressions_route ON license_progressions; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_license_progressions_route ON lockstep.license_progressions IS 'The ways in which a level change comes.';


--
-- Name: license_progressions_id_seq; Type: SEQUENCE; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE lockstep.license_progressions ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME lockstep.license_progressions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: loaded_sources; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.loaded_sources (
    version text NOT NULL,
    "position" integer NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    source text NOT NULL,
    loaded_at timestamp with time zone DEFAULT now() NOT NULL
);


ALTER TABLE lockstep.loaded_sources OWNER TO lockstep_owner;

--
-- Name: TABLE loaded_sources; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.loaded_sources IS 'Functions and views as last loaded at each version of the schema: going down loads them again.';


--
-- Name: COLUMN loaded_sources.version; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.loaded_sources.version IS 'The newest migration applied at that time; 0: none.';


--
-- Name: COLUMN loaded_sources."position"; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.loaded_sources."position" IS 'The place in the order of loading.';


--
-- Name: COLUMN loaded_sources.kind; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.loaded_sources.kind IS 'functions or views: the folder of the file.';


--
-- Name: player_levels; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.player_levels AS
 SELECT level.level AS id,
    level.name,
    level.name_en,
    level.color,
    level.required_xp,
    level.required_sessions
   FROM lockstep.specialization_levels level
  WHERE (level.specialization_id = 'PLAYER'::text);


ALTER TABLE lockstep.player_levels OWNER TO lockstep_owner;

--
-- Name: VIEW player_levels; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.player_levels IS 'The levels of PLAYER as rows of their own, by level number: a view of specialization_levels, to read only.';


--
-- Name: quarantine; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.quarantine (
    id bigint NOT NULL,
    migration text NOT NULL,
    table_name text NOT NULL,
    reason text NOT NULL,
    row_id text NOT NULL,
    row_before jsonb,
    row_after jsonb,
    user_id bigint GENERATED ALWAYS AS ((COALESCE((COALESCE(row_before, row_after) ->> 'student_id'::text), (COALESCE(row_before, row_after) ->> 'user_id'::text)))::bigint) STORED,
    survivor_id bigint,
    moved_references bigint[] DEFAULT '{}'::bigint[] NOT NULL,
    quarantined_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);


ALTER TABLE lockstep.quarantine OWNER TO lockstep_owner;

--
-- Name: TABLE quarantine; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.quarantine IS 'Rows as they were found before a cleaning step removed, changed or made them; rolling the step back returns them.';


--
-- Name: COLUMN quarantine.migration; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.quarantine.migration IS 'The number of the migration that did it.';


--
-- Name: COLUMN quarantine.reason; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.quarantine.reason IS 'Why, in words and figures.';


--
-- Name: COLUMN quarantine.row_id; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.quarantine.row_id IS 'The id of the row in its table.';


--
-- Name: COLUMN quarantine.row_before; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.quarantine.row_before IS 'The whole row as found; null where the step made it.';


--
-- Name: COLUMN quarantine.row_after; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.quarantine.row_after IS 'What the step wrote into the row; null where it removed it.';


--
-- Name: COLUMN quarantine.user_id; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.quarantine.user_id IS 'Whose row it is, where the row says so: an id alone may belong to rows of two users.';


--
-- Name: COLUMN quarantine.survivor_id; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.quarantine.survivor_id IS 'Of duplicates: the id of the row that stayed.';


--
-- Name: COLUMN quarantine.moved_references; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.quarantine.moved_references IS 'Ids of license_progressions that pointed at this row and now point at the survivor.';


--
-- Name: quarantine_id_seq; Type: SEQUENCE; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE lockstep.quarantine ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lockstep.quarantine_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: ranges; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.ranges AS
 SELECT one.first_user_id,
    one.last_user_id,
    one.pairs,
    one.violations,
    one.verified_at
   FROM lockstep.verified_ranges one;


ALTER TABLE lockstep.ranges OWNER TO lockstep_owner;

--
-- Name: VIEW ranges; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.ranges IS 'The ranges of user ids that a health check reads, and what the last look at each found.';


--
-- Name: COLUMN ranges.pairs; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.ranges.pairs IS 'How many pairs its users have.';


--
-- Name: COLUMN ranges.violations; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.ranges.violations IS 'Pairs out of step in this range.';


--
-- Name: COLUMN ranges.verified_at; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.ranges.verified_at IS 'When the range was last read; null: never.';


--
-- Name: run_items; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.run_items AS
 SELECT item.run_id,
    item.user_id,
    person.email AS user_email,
    item.specialization_id AS specialization,
    item.issue_type,
    ((item.progress_before ->> 'current_level'::text))::integer AS progress_level,
    ((item.license_before ->> 'current_level'::text))::integer AS license_level,
    item.action,
    item.expected_level,
    item.outcome,
    item.detail,
    item.error_code,
    item.attempts,
    item.applied_at
   FROM (lockstep.sync_run_items item
     LEFT JOIN lockstep.users person ON ((person.id = item.user_id)));


ALTER TABLE lockstep.run_items OWNER TO lockstep_owner;

--
-- Name: VIEW run_items; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.run_items IS 'What each run is to do to each pair, and what came of it.';


--
-- Name: COLUMN run_items.progress_level; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.run_items.progress_level IS 'As the plan saw it; null where it was missing.';


--
-- Name: COLUMN run_items.license_level; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.run_items.license_level IS 'As the plan saw it; null where it was missing.';


--
-- Name: runs; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.runs AS
 SELECT run.id AS run_id,
    run.kind,
        CASE run.status
            WHEN 'planned'::text THEN 'success'::text
            ELSE run.status
        END AS status,
    run.dry_run,
    run.direction,
    run.specialization_id AS specialization,
    run.user_id,
    run.undo_of,
    run.scheduled,
    run.requested_by,
    run.reason,
    run.job_start,
    run.job_end,
    round(EXTRACT(epoch FROM (COALESCE(run.job_end, run.last_batch_at, run.job_start) - run.job_start)), 3) AS duration_seconds,
    run.issues_found,
    run.synced_count,
    run.failed_count,
    run.skipped_count,
    run.message
   FROM lockstep.sync_runs run;


ALTER TABLE lockstep.runs OWNER TO lockstep_owner;

--
-- Name: VIEW runs; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.runs IS 'One row a run of repair; a plan that was not applied has dry_run true.';


--
-- Name: COLUMN runs.status; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.runs.status IS 'success, partial_failure, failed, skipped, or running.';


--
-- Name: COLUMN runs.undo_of; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.runs.undo_of IS 'The run that this one undid.';


--
-- Name: COLUMN runs.duration_seconds; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.runs.duration_seconds IS 'Up to its end, or up to its last batch while it has none.';


--
-- Name: run_reports; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.run_reports AS
 SELECT run.run_id,
    jsonb_build_object('run_id', run.run_id, 'status', run.status, 'dry_run', run.dry_run, 'direction', run.direction, 'job_start', run.job_start, 'job_end', run.job_end, 'duration_seconds', run.duration_seconds, 'issues_found', run.issues_found, 'synced_count', run.synced_count, 'failed_count', run.failed_count, 'skipped_count', run.skipped_count, 'results', COALESCE(( SELECT jsonb_agg((to_jsonb(item.*) - 'run_id'::text) ORDER BY item.user_id, item.specialization) AS jsonb_agg
           FROM ( SELECT one.run_id,
                    one.user_id,
                    one.user_email,
                    one.specialization,
                    one.issue_type,
                    one.progress_level,
                    one.license_level,
                    one.action,
                    one.expected_level,
                    one.outcome,
                    one.detail,
                    one.error_code,
                    one.attempts,
                    one.applied_at
                   FROM lockstep.run_items one
                  WHERE (one.run_id = run.run_id)
                  ORDER BY one.user_id, one.specialization
                 LIMIT 10000) item), '[]'::jsonb)) AS report
   FROM lockstep.runs run;


ALTER TABLE lockstep.run_reports OWNER TO lockstep_owner;

--
-- Name: VIEW run_reports; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.run_reports IS 'Each run as one JSON document, with its items as results.';


--
-- Name: COLUMN run_reports.report; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.run_reports.report IS 'The keys of a run and, as results, its first 10,000 items; run_items has all.';


--
-- Name: schema_migration_format; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.schema_migration_format (
    version integer NOT NULL,
    installed_at_utc timestamp without time zone
);


ALTER TABLE lockstep.schema_migration_format OWNER TO lockstep_owner;

--
-- Name: TABLE schema_migration_format; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.schema_migration_format IS 'Which format the migrator''s own tables have: not the version of the schema.';


--
-- Name: schema_migration_log; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.schema_migration_log (
    id character varying(36) NOT NULL,
    migration_hash character varying(64),
    migration_id character varying(255),
    operation character varying(10),
    username character varying(255),
    hostname character varying(255),
    comment character varying(255),
    created_at_utc timestamp without time zone
);


ALTER TABLE lockstep.schema_migration_log OWNER TO lockstep_owner;

--
-- Name: TABLE schema_migration_log; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.schema_migration_log IS 'Every migration applied and rolled back: when, by whom, from where.';


--
-- Name: COLUMN schema_migration_log.operation; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.schema_migration_log.operation IS 'apply or rollback.';


--
-- Name: COLUMN schema_migration_log.username; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.schema_migration_log.username IS 'The role that the migrator logged in as.';


--
-- Name: server_load; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.server_load AS
 SELECT ( SELECT count(*) AS count
           FROM pg_stat_activity session
          WHERE ((session.state = 'active'::text) AND (session.backend_type = 'client backend'::text) AND (session.pid <> pg_backend_pid()))) AS active_sessions,
    ( SELECT max(standby.replay_lag) AS max
           FROM pg_stat_replication standby) AS replication_lag;


ALTER TABLE lockstep.server_load OWNER TO lockstep_owner;

--
-- Name: VIEW server_load; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.server_load IS 'What a scan looks at before it goes on: sessions at work, and how far the slowest replica is behind.';


--
-- Name: COLUMN server_load.active_sessions; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.server_load.active_sessions IS 'Client sessions that run a statement now, this one left out.';


--
-- Name: COLUMN server_load.replication_lag; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.server_load.replication_lag IS 'Of the slowest replica; null without one. Both columns need pg_monitor to see other roles.';


--
-- Name: specialization_progress_id_seq; Type: SEQUENCE; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE lockstep.specialization_progress ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME lockstep.specialization_progress_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: specializations; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.specializations (
    id text NOT NULL,
    name text NOT NULL,
    icon text,
    max_levels integer DEFAULT 0 NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);


ALTER TABLE lockstep.specializations OWNER TO lockstep_owner;

--
-- Name: TABLE specializations; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.specializations IS 'What a student can specialize in: PLAYER, COACH, INTERNSHIP, or any row added later.';


--
-- Name: COLUMN specializations.icon; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.specializations.icon IS 'An emoji for display.';


--
-- Name: COLUMN specializations.max_levels; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.specializations.max_levels IS 'How many levels there are: follows the rows of specialization_levels, never written by hand.';


--
-- Name: sync_runs_id_seq; Type: SEQUENCE; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE lockstep.sync_runs ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lockstep.sync_runs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: user_licenses_id_seq; Type: SEQUENCE; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE lockstep.user_licenses ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME lockstep.user_licenses_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: users_id_seq; Type: SEQUENCE; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE lockstep.users ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME lockstep.users_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: guard_baseline guard_baseline_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.guard_baseline
    ADD CONSTRAINT guard_baseline_pkey PRIMARY KEY (kind, name);


--
-- Name: health_checks health_checks_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.health_checks
    ADD CONSTRAINT health_checks_pkey PRIMARY KEY (id);


--
-- Name: idempotency_keys idempotency_keys_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (user_id, key);


--
-- Name: license_progressions license_progressions_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.license_progressions
    ADD CONSTRAINT license_progressions_pkey PRIMARY KEY (user_id, id);


--
-- Name: loaded_sources loaded_sources_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.loaded_sources
    ADD CONSTRAINT loaded_sources_pkey PRIMARY KEY (version, "position");


--
-- Name: quarantine quarantine_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.quarantine
    ADD CONSTRAINT quarantine_pkey PRIMARY KEY (id);


--
-- Name: schema_migration_format schema_migration_format_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.schema_migration_format
    ADD CONSTRAINT schema_migration_format_pkey PRIMARY KEY (version);


--
-- Name: schema_migration_log schema_migration_log_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.schema_migration_log
    ADD CONSTRAINT schema_migration_log_pkey PRIMARY KEY (id);


--
-- Name: schema_migrations schema_migrations_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (migration_hash);


--
-- Name: settings settings_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.settings
    ADD CONSTRAINT settings_pkey PRIMARY KEY (name);


--
-- Name: specialization_levels specialization_levels_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.specialization_levels
    ADD CONSTRAINT specialization_levels_pkey PRIMARY KEY (specialization_id, level);


--
-- Name: specialization_progress specialization_progress_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.specialization_progress
    ADD CONSTRAINT specialization_progress_pkey PRIMARY KEY (student_id, id);


--
-- Name: specializations specializations_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.specializations
    ADD CONSTRAINT specializations_pkey PRIMARY KEY (id);


--
-- Name: sync_run_items sync_run_items_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.sync_run_items
    ADD CONSTRAINT sync_run_items_pkey PRIMARY KEY (user_id, run_id, specialization_id);


--
-- Name: sync_runs sync_runs_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.sync_runs
    ADD CONSTRAINT sync_runs_pkey PRIMARY KEY (id);


--
-- Name: specialization_progress uq_specialization_progress_user_spec; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.specialization_progress
    ADD CONSTRAINT uq_specialization_progress_user_spec UNIQUE (student_id, specialization_id);


--
-- Name: CONSTRAINT uq_specialization_progress_user_spec ON specialization_progress; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT uq_specialization_progress_user_spec ON lockstep.specialization_progress IS 'One progress row per student and specialization.';


--
-- Name: specialization_progress uq_specialization_progress_user_spec_level; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.specialization_progress
    ADD CONSTRAINT uq_specialization_progress_user_spec_level UNIQUE (student_id, specialization_id, current_level);


--
-- Name: CONSTRAINT uq_specialization_progress_user_spec_level ON specialization_progress; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT uq_specialization_progress_user_spec_level ON lockstep.specialization_progress IS 'What fk_user_licenses_progress points at.';


--
-- Name: user_licenses uq_user_licenses_user_spec; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.user_licenses
    ADD CONSTRAINT uq_user_licenses_user_spec UNIQUE (user_id, specialization_type);


--
-- Name: CONSTRAINT uq_user_licenses_user_spec ON user_licenses; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT uq_user_licenses_user_spec ON lockstep.user_licenses IS 'One license per user and specialization.';


--
-- Name: user_licenses uq_user_licenses_user_spec_level; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.user_licenses
    ADD CONSTRAINT uq_user_licenses_user_spec_level UNIQUE (user_id, specialization_type, current_level);


--
-- Name: CONSTRAINT uq_user_licenses_user_spec_level ON user_licenses; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT uq_user_licenses_user_spec_level ON lockstep.user_licenses IS 'What fk_specialization_progress_license points at.';


--
-- Name: user_licenses user_licenses_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.user_licenses
    ADD CONSTRAINT user_licenses_pkey PRIMARY KEY (user_id, id);


--
-- Name: users users_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);


--
-- Name: verified_ranges verified_ranges_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.verified_ranges
    ADD CONSTRAINT verified_ranges_pkey PRIMARY KEY (first_user_id);


--
-- Name: ix_health_checks_checked_at; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE INDEX ix_health_checks_checked_at ON lockstep.health_checks USING btree (checked_at);


--
-- Name: INDEX ix_health_checks_checked_at; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.ix_health_checks_checked_at IS 'Serves the newest check and the retention.';


--
-- Name: ix_idempotency_keys_created_at; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE INDEX ix_idempotency_keys_created_at ON lockstep.idempotency_keys USING btree (created_at);


--
-- Name: INDEX ix_idempotency_keys_created_at; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.ix_idempotency_keys_created_at IS 'Serves purge_idempotency_keys().';


--
-- Name: ix_license_progressions_id; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE INDEX ix_license_progressions_id ON lockstep.license_progressions USING btree (id);


--
-- Name: INDEX ix_license_progressions_id; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.ix_license_progressions_id IS 'Serves clients that address a row by its id alone.';


--
-- Name: ix_specialization_progress_id; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE INDEX ix_specialization_progress_id ON lockstep.specialization_progress USING btree (id);


--
-- Name: INDEX ix_specialization_progress_id; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.ix_specialization_progress_id IS 'Serves clients that address a row by its id alone.';


--
-- Name: ix_sync_run_items_open; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE INDEX ix_sync_run_items_open ON lockstep.sync_run_items USING btree (run_id, attempts, ((progress_before IS NULL)) DESC, user_id, specialization_id) WHERE (outcome = 'planned'::text);


--
-- Name: INDEX ix_sync_run_items_open; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.ix_sync_run_items_open IS 'Serves the next batch of a run: those tried less often first, in lock order.';


--
-- Name: ix_sync_run_items_run; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE INDEX ix_sync_run_items_run ON lockstep.sync_run_items USING btree (run_id, user_id, specialization_id);


--
-- Name: INDEX ix_sync_run_items_run; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.ix_sync_run_items_run IS 'Serves the items of one run, in lock order.';


--
-- Name: ix_sync_runs_job_start; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE INDEX ix_sync_runs_job_start ON lockstep.sync_runs USING btree (job_start);


--
-- Name: INDEX ix_sync_runs_job_start; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.ix_sync_runs_job_start IS 'Serves the list of runs and the retention.';


--
-- Name: ix_user_licenses_id; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE INDEX ix_user_licenses_id ON lockstep.user_licenses USING btree (id);


--
-- Name: INDEX ix_user_licenses_id; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.ix_user_licenses_id IS 'Serves clients that address a row by its id alone.';


--
-- Name: uq_sync_runs_running; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE UNIQUE INDEX uq_sync_runs_running ON lockstep.sync_runs USING btree ((true)) WHERE ((status = 'running'::text) AND (user_id IS NULL));


--
-- Name: INDEX uq_sync_runs_running; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.uq_sync_runs_running IS 'One run over many users at a time; runs of one user pass.';


--
-- Name: uq_users_email; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE UNIQUE INDEX uq_users_email ON lockstep.users USING btree (lower(email));


--
-- Name: INDEX uq_users_email; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.uq_users_email IS 'One user an e-mail address, whatever its case.';


--
-- Name: specialization_levels follow_delete; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER follow_delete AFTER DELETE ON lockstep.specialization_levels FOR EACH ROW EXECUTE FUNCTION lockstep.follow_level_rows();


--
-- Name: TRIGGER follow_delete ON specialization_levels; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER follow_delete ON lockstep.specialization_levels IS 'max_levels follows the level rows.';


--
-- Name: specialization_levels follow_insert; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER follow_insert AFTER INSERT ON lockstep.specialization_levels FOR EACH ROW EXECUTE FUNCTION lockstep.follow_level_rows();


--
-- Name: TRIGGER follow_insert ON specialization_levels; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER follow_insert ON lockstep.specialization_levels IS 'max_levels follows the level rows.';


--
-- Name: specialization_levels follow_update; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER follow_update AFTER UPDATE ON lockstep.specialization_levels FOR EACH ROW WHEN (((old.level IS DISTINCT FROM new.level) OR (old.specialization_id IS DISTINCT FROM new.specialization_id))) EXECUTE FUNCTION lockstep.follow_level_rows();


--
-- Name: TRIGGER follow_update ON specialization_levels; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER follow_update ON lockstep.specialization_levels IS 'max_levels follows the level rows.';


--
-- Name: license_progressions guard_delete; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER guard_delete BEFORE DELETE ON lockstep.license_progressions FOR EACH ROW EXECUTE FUNCTION lockstep.guard_progression();


--
-- Name: TRIGGER guard_delete ON license_progressions; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER guard_delete ON lockstep.license_progressions IS 'History is append-only, for everybody.';


--
-- Name: specialization_progress guard_delete; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER guard_delete BEFORE DELETE ON lockstep.specialization_progress FOR EACH ROW WHEN ((CURRENT_USER <> 'lockstep_coupler'::name)) EXECUTE FUNCTION lockstep.guard_progress();


--
-- Name: TRIGGER guard_delete ON specialization_progress; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER guard_delete ON lockstep.specialization_progress IS 'Raw DELETE: refused where there is history. The functions'' own role passes.';


--
-- Name: user_licenses guard_delete; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER guard_delete BEFORE DELETE ON lockstep.user_licenses FOR EACH ROW WHEN ((CURRENT_USER <> 'lockstep_coupler'::name)) EXECUTE FUNCTION lockstep.guard_license();


--
-- Name: TRIGGER guard_delete ON user_licenses; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER guard_delete ON lockstep.user_licenses IS 'Raw DELETE: refused where there is history. The functions'' own role passes.';


--
-- Name: specialization_levels guard_held_delete; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER guard_held_delete BEFORE DELETE ON lockstep.specialization_levels FOR EACH ROW EXECUTE FUNCTION lockstep.guard_held_level();


--
-- Name: TRIGGER guard_held_delete ON specialization_levels; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER guard_held_delete ON lockstep.specialization_levels IS 'A level that somebody holds or has achieved stays.';


--
-- Name: specialization_levels guard_held_update; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER guard_held_update BEFORE UPDATE ON lockstep.specialization_levels FOR EACH ROW WHEN (((old.level IS DISTINCT FROM new.level) OR (old.specialization_id IS DISTINCT FROM new.specialization_id))) EXECUTE FUNCTION lockstep.guard_held_level();


--
-- Name: TRIGGER guard_held_update ON specialization_levels; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER guard_held_update ON lockstep.specialization_levels IS 'A level that somebody holds or has achieved keeps its number.';


--
-- Name: license_progressions guard_insert; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER guard_insert BEFORE INSERT ON lockstep.license_progressions FOR EACH ROW WHEN ((CURRENT_USER <> 'lockstep_coupler'::name)) EXECUTE FUNCTION lockstep.guard_progression();


--
-- Name: TRIGGER guard_insert ON license_progressions; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER guard_insert ON lockstep.license_progressions IS 'A row of a client is a remark. The functions'' own role passes.';


--
-- Name: specialization_progress guard_insert; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER guard_insert BEFORE INSERT ON lockstep.specialization_progress FOR EACH ROW WHEN ((CURRENT_USER <> 'lockstep_coupler'::name)) EXECUTE FUNCTION lockstep.guard_progress();


--
-- Name: TRIGGER guard_insert ON specialization_progress; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER guard_insert ON lockstep.specialization_progress IS 'Raw INSERT: locks in order. The functions'' own role passes.';


--
-- Name: user_licenses guard_insert; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER guard_insert BEFORE INSERT ON lockstep.user_licenses FOR EACH ROW WHEN ((CURRENT_USER <> 'lockstep_coupler'::name)) EXECUTE FUNCTION lockstep.guard_license();


--
-- Name: TRIGGER guard_insert ON user_licenses; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER guard_insert ON lockstep.user_licenses IS 'Raw INSERT: locks in order, lifts max_achieved_level. The functions'' own role passes.';


--
-- Name: specializations guard_max_levels_insert; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER guard_max_levels_insert BEFORE INSERT ON lockstep.specializations FOR EACH ROW EXECUTE FUNCTION lockstep.guard_max_levels();


--
-- Name: TRIGGER guard_max_levels_insert ON specializations; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER guard_max_levels_insert ON lockstep.specializations IS 'A new specialization has no level rows yet, so max_levels starts at 0.';


--
-- Name: specializations guard_max_levels_update; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER guard_max_levels_update BEFORE UPDATE ON lockstep.specializations FOR EACH ROW WHEN ((old.max_levels IS DISTINCT FROM new.max_levels)) EXECUTE FUNCTION lockstep.guard_max_levels();


--
-- Name: TRIGGER guard_max_levels_update ON specializations; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER guard_max_levels_update ON lockstep.specializations IS 'A hand-written figure that the level rows do not back is refused.';


--
-- Name: license_progressions guard_update; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER guard_update BEFORE UPDATE ON lockstep.license_progressions FOR EACH ROW EXECUTE FUNCTION lockstep.guard_progression();


--
-- Name: TRIGGER guard_update ON license_progressions; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER guard_update ON lockstep.license_progressions IS 'History is append-only, for everybody.';


--
-- Name: specialization_progress guard_update; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER guard_update BEFORE UPDATE ON lockstep.specialization_progress FOR EACH ROW WHEN ((CURRENT_USER <> 'lockstep_coupler'::name)) EXECUTE FUNCTION lockstep.guard_progress();


--
-- Name: TRIGGER guard_update ON specialization_progress; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER guard_update ON lockstep.specialization_progress IS 'Raw UPDATE: the key stays, updated_at follows. The functions'' own role passes.';


--
-- Name: user_licenses guard_update; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER guard_update BEFORE UPDATE ON lockstep.user_licenses FOR EACH ROW WHEN ((CURRENT_USER <> 'lockstep_coupler'::name)) EXECUTE FUNCTION lockstep.guard_license();


--
-- Name: TRIGGER guard_update ON user_licenses; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER guard_update ON lockstep.user_licenses IS 'Raw UPDATE: the key stays, max_achieved_level follows and never falls. The functions'' own role passes.';


--
-- Name: specialization_progress mirror_delete; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER mirror_delete AFTER DELETE ON lockstep.specialization_progress FOR EACH ROW WHEN ((CURRENT_USER <> 'lockstep_coupler'::name)) EXECUTE FUNCTION lockstep.mirror_progress();


--
-- Name: TRIGGER mirror_delete ON specialization_progress; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER mirror_delete ON lockstep.specialization_progress IS 'Raw DELETE: the license goes too. The functions'' own role passes.';


--
-- Name: user_licenses mirror_delete; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER mirror_delete AFTER DELETE ON lockstep.user_licenses FOR EACH ROW WHEN ((CURRENT_USER <> 'lockstep_coupler'::name)) EXECUTE FUNCTION lockstep.mirror_license();


--
-- Name: TRIGGER mirror_delete ON user_licenses; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER mirror_delete ON lockstep.user_licenses IS 'Raw DELETE: the progress row goes too. The functions'' own role passes.';


--
-- Name: specialization_progress mirror_insert; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER mirror_insert AFTER INSERT ON lockstep.specialization_progress FOR EACH ROW WHEN ((CURRENT_USER <> 'lockstep_coupler'::name)) EXECUTE FUNCTION lockstep.mirror_progress();


--
-- Name: TRIGGER mirror_insert ON specialization_progress; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER mirror_insert ON lockstep.specialization_progress IS 'Raw INSERT: the license follows. The functions'' own role passes.';


--
-- Name: user_licenses mirror_insert; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER mirror_insert AFTER INSERT ON lockstep.user_licenses FOR EACH ROW WHEN ((CURRENT_USER <> 'lockstep_coupler'::name)) EXECUTE FUNCTION lockstep.mirror_license();


--
-- Name: TRIGGER mirror_insert ON user_licenses; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER mirror_insert ON lockstep.user_licenses IS 'Raw INSERT: the progress row follows. The functions'' own role passes.';


--
-- Name: specialization_progress mirror_update; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER mirror_update AFTER UPDATE ON lockstep.specialization_progress FOR EACH ROW WHEN (((CURRENT_USER <> 'lockstep_coupler'::name) AND (old.current_level IS DISTINCT FROM new.current_level))) EXECUTE FUNCTION lockstep.mirror_progress();


--
-- Name: TRIGGER mirror_update ON specialization_progress; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER mirror_update ON lockstep.specialization_progress IS 'Raw UPDATE of the level: the license follows. The functions'' own role passes.';


--
-- Name: user_licenses mirror_update; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER mirror_update AFTER UPDATE ON lockstep.user_licenses FOR EACH ROW WHEN (((CURRENT_USER <> 'lockstep_coupler'::name) AND (old.current_level IS DISTINCT FROM new.current_level))) EXECUTE FUNCTION lockstep.mirror_license();


--
-- Name: TRIGGER mirror_update ON user_licenses; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER mirror_update ON lockstep.user_licenses IS 'Raw UPDATE of the level: the progress row follows. The functions'' own role passes.';


--
-- Name: license_progressions refuse_truncate; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON lockstep.license_progressions FOR EACH STATEMENT EXECUTE FUNCTION lockstep.refuse_truncate();


--
-- Name: TRIGGER refuse_truncate ON license_progressions; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER refuse_truncate ON lockstep.license_progressions IS 'TRUNCATE is refused.';


--
-- Name: specialization_progress refuse_truncate; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON lockstep.specialization_progress FOR EACH STATEMENT EXECUTE FUNCTION lockstep.refuse_truncate();


--
-- Name: TRIGGER refuse_truncate ON specialization_progress; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER refuse_truncate ON lockstep.specialization_progress IS 'TRUNCATE is refused.';


--
-- Name: user_licenses refuse_truncate; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON lockstep.user_licenses FOR EACH STATEMENT EXECUTE FUNCTION lockstep.refuse_truncate();


--
-- Name: TRIGGER refuse_truncate ON user_licenses; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER refuse_truncate ON lockstep.user_licenses IS 'TRUNCATE is refused.';


--
-- Name: license_progressions fk_license_progressions_advanced_by; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.license_progressions
    ADD CONSTRAINT fk_license_progressions_advanced_by FOREIGN KEY (advanced_by) REFERENCES lockstep.users(id) ON DELETE RESTRICT;


--
-- Name: CONSTRAINT fk_license_progressions_advanced_by ON license_progressions; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_license_progressions_advanced_by ON lockstep.license_progressions IS 'Who changed a level is somebody who exists.';


--
-- Name: license_progressions fk_license_progressions_license; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.license_progressions
    ADD CONSTRAINT fk_license_progressions_license FOREIGN KEY (user_id, user_license_id) REFERENCES lockstep.user_licenses(user_id, id) ON DELETE RESTRICT;


--
-- Name: CONSTRAINT fk_license_progressions_license ON license_progressions; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_license_progressions_license ON lockstep.license_progressions IS 'A license with history cannot be deleted.';


--
-- Name: specialization_levels fk_specialization_levels_specialization; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.specialization_levels
    ADD CONSTRAINT fk_specialization_levels_specialization FOREIGN KEY (specialization_id) REFERENCES lockstep.specializations(id) ON DELETE RESTRICT;


--
-- Name: CONSTRAINT fk_specialization_levels_specialization ON specialization_levels; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_specialization_levels_specialization ON lockstep.specialization_levels IS 'A specialization goes after its levels.';


--
-- Name: specialization_progress fk_specialization_progress_level; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.specialization_progress
    ADD CONSTRAINT fk_specialization_progress_level FOREIGN KEY (specialization_id, current_level) REFERENCES lockstep.specialization_levels(specialization_id, level) ON DELETE RESTRICT;


--
-- Name: CONSTRAINT fk_specialization_progress_level ON specialization_progress; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_specialization_progress_level ON lockstep.specialization_progress IS 'Only a level that exists can be held; a held level cannot be deleted.';


--
-- Name: specialization_progress fk_specialization_progress_license; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.specialization_progress
    ADD CONSTRAINT fk_specialization_progress_license FOREIGN KEY (student_id, specialization_id, current_level) REFERENCES lockstep.user_licenses(user_id, specialization_type, current_level) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: CONSTRAINT fk_specialization_progress_license ON specialization_progress; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_specialization_progress_license ON lockstep.specialization_progress IS 'At commit, a license of the same level stands beside every progress row.';


--
-- Name: specialization_progress fk_specialization_progress_spec; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.specialization_progress
    ADD CONSTRAINT fk_specialization_progress_spec FOREIGN KEY (specialization_id) REFERENCES lockstep.specializations(id) ON DELETE RESTRICT;


--
-- Name: CONSTRAINT fk_specialization_progress_spec ON specialization_progress; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_specialization_progress_spec ON lockstep.specialization_progress IS 'A specialization that somebody is in cannot be deleted.';


--
-- Name: specialization_progress fk_specialization_progress_user; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.specialization_progress
    ADD CONSTRAINT fk_specialization_progress_user FOREIGN KEY (student_id) REFERENCES lockstep.users(id) ON DELETE RESTRICT;


--
-- Name: CONSTRAINT fk_specialization_progress_user ON specialization_progress; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_specialization_progress_user ON lockstep.specialization_progress IS 'A user with progress cannot be deleted.';


--
-- Name: sync_run_items fk_sync_run_items_run; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.sync_run_items
    ADD CONSTRAINT fk_sync_run_items_run FOREIGN KEY (run_id) REFERENCES lockstep.sync_runs(id) ON DELETE CASCADE;


--
-- Name: CONSTRAINT fk_sync_run_items_run ON sync_run_items; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_sync_run_items_run ON lockstep.sync_run_items IS 'Items go with their run.';


--
-- Name: sync_runs fk_sync_runs_undo_of; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.sync_runs
    ADD CONSTRAINT fk_sync_runs_undo_of FOREIGN KEY (undo_of) REFERENCES lockstep.sync_runs(id) ON DELETE SET NULL;


--
-- Name: CONSTRAINT fk_sync_runs_undo_of ON sync_runs; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_sync_runs_undo_of ON lockstep.sync_runs IS 'An undo outlives the run that it undid.';


--
-- Name: user_licenses fk_user_licenses_level; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.user_licenses
    ADD CONSTRAINT fk_user_licenses_level FOREIGN KEY (specialization_type, current_level) REFERENCES lockstep.specialization_levels(specialization_id, level) ON DELETE RESTRICT;


--
-- Name: CONSTRAINT fk_user_licenses_level ON user_licenses; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_user_licenses_level ON lockstep.user_licenses IS 'Only a level that exists can be held; a held level cannot be deleted.';


--
-- Name: user_licenses fk_user_licenses_max_level; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.user_licenses
    ADD CONSTRAINT fk_user_licenses_max_level FOREIGN KEY (specialization_type, max_achieved_level) REFERENCES lockstep.specialization_levels(specialization_id, level) ON DELETE RESTRICT;


--
-- Name: CONSTRAINT fk_user_licenses_max_level ON user_licenses; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_user_licenses_max_level ON lockstep.user_licenses IS 'A level that somebody has achieved cannot be deleted.';


--
-- Name: user_licenses fk_user_licenses_progress; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.user_licenses
    ADD CONSTRAINT fk_user_licenses_progress FOREIGN KEY (user_id, specialization_type, current_level) REFERENCES lockstep.specialization_progress(student_id, specialization_id, current_level) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: CONSTRAINT fk_user_licenses_progress ON user_licenses; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_user_licenses_progress ON lockstep.user_licenses IS 'At commit, a progress row of the same level stands beside every license.';


--
-- Name: user_licenses fk_user_licenses_spec; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.user_licenses
    ADD CONSTRAINT fk_user_licenses_spec FOREIGN KEY (specialization_type) REFERENCES lockstep.specializations(id) ON DELETE RESTRICT;


--
-- Name: CONSTRAINT fk_user_licenses_spec ON user_licenses; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_user_licenses_spec ON lockstep.user_licenses IS 'A specialization that somebody is licensed in cannot be deleted.';


--
-- Name: user_licenses fk_user_licenses_user; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.user_licenses
    ADD CONSTRAINT fk_user_licenses_user FOREIGN KEY (user_id) REFERENCES lockstep.users(id) ON DELETE RESTRICT;


--
-- Name: CONSTRAINT fk_user_licenses_user ON user_licenses; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_user_licenses_user ON lockstep.user_licenses IS 'A user with a license cannot be deleted.';


--
-- Name: user_licenses license_coupler; Type: POLICY; Schema: lockstep; Owner: lockstep_owner
--

CREATE POLICY license_coupler ON lockstep.user_licenses TO lockstep_coupler USING (true) WITH CHECK (true);


--
-- Name: POLICY license_coupler ON user_licenses; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON POLICY license_coupler ON lockstep.user_licenses IS 'The functions'' own role is not under the hook.';


--
-- Name: user_licenses license_delete; Type: POLICY; Schema: lockstep; Owner: lockstep_owner
--

CREATE POLICY license_delete ON lockstep.user_licenses FOR DELETE USING (lockstep.lock_progress_first(user_id, specialization_type));


--
-- Name: POLICY license_delete ON user_licenses; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON POLICY license_delete ON lockstep.user_licenses IS 'The lock-order hook: progress before license.';


--
-- Name: user_licenses license_insert; Type: POLICY; Schema: lockstep; Owner: lockstep_owner
--

CREATE POLICY license_insert ON lockstep.user_licenses FOR INSERT WITH CHECK (true);


--
-- Name: POLICY license_insert ON user_licenses; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON POLICY license_insert ON lockstep.user_licenses IS 'Grants decide who inserts.';


--
-- Name: user_licenses license_select; Type: POLICY; Schema: lockstep; Owner: lockstep_owner
--

CREATE POLICY license_select ON lockstep.user_licenses FOR SELECT USING (true);


--
-- Name: POLICY license_select ON user_licenses; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON POLICY license_select ON lockstep.user_licenses IS 'Grants decide who reads; row security hides nothing.';


--
-- Name: user_licenses license_update; Type: POLICY; Schema: lockstep; Owner: lockstep_owner
--

CREATE POLICY license_update ON lockstep.user_licenses FOR UPDATE USING (lockstep.lock_progress_first(user_id, specialization_type)) WITH CHECK (true);


--
-- Name: POLICY license_update ON user_licenses; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON POLICY license_update ON lockstep.user_licenses IS 'The lock-order hook: progress before license.';


--
-- Name: user_licenses; Type: ROW SECURITY; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE lockstep.user_licenses ENABLE ROW LEVEL SECURITY;

--
-- Name: SCHEMA lockstep; Type: ACL; Schema: -; Owner: lockstep_owner
--

GRANT USAGE ON SCHEMA lockstep TO lockstep_coupler;
GRANT USAGE ON SCHEMA lockstep TO lockstep_app;
GRANT USAGE ON SCHEMA lockstep TO lockstep_admin;
GRANT USAGE ON SCHEMA lockstep TO lockstep_readonly;
GRANT USAGE ON SCHEMA lockstep TO lockstep_legacy;


--
-- Name: TABLE specialization_progress; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lockstep.specialization_progress TO lockstep_coupler;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lockstep.specialization_progress TO lockstep_legacy;


--
-- Name: TABLE user_licenses; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lockstep.user_licenses TO lockstep_coupler;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lockstep.user_licenses TO lockstep_legacy;


--
-- Name: PROCEDURE apply_sync(IN p_run_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

REVOKE ALL ON PROCEDURE lockstep.apply_sync(IN p_run_id bigint) FROM PUBLIC;
GRANT ALL ON PROCEDURE lockstep.apply_sync(IN p_run_id bigint) TO lockstep_admin;


--
-- Name: FUNCTION apply_sync_batch(p_run_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.apply_sync_batch(p_run_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.apply_sync_batch(p_run_id bigint) TO lockstep_admin;


--
-- Name: TABLE sync_run_items; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lockstep.sync_run_items TO lockstep_coupler;


--
-- Name: TABLE sync_runs; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lockstep.sync_runs TO lockstep_coupler;


--
-- Name: FUNCTION apply_sync_item(p_item lockstep.sync_run_items, p_run lockstep.sync_runs); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.apply_sync_item(p_item lockstep.sync_run_items, p_run lockstep.sync_runs) FROM PUBLIC;


--
-- Name: FUNCTION arm_keys(); Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

REVOKE ALL ON FUNCTION lockstep.arm_keys() FROM PUBLIC;


--
-- Name: FUNCTION broken_guards(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.broken_guards() FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.broken_guards() TO lockstep_admin;


--
-- Name: FUNCTION change_pair(p_function_name text, p_user_id bigint, p_specialization_id text, p_new_level integer, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_advanced_by bigint, p_reason text, p_idempotency_key text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.change_pair(p_function_name text, p_user_id bigint, p_specialization_id text, p_new_level integer, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_advanced_by bigint, p_reason text, p_idempotency_key text) FROM PUBLIC;


--
-- Name: FUNCTION change_setting(p_name text, p_value text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.change_setting(p_name text, p_value text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.change_setting(p_name text, p_value text) TO lockstep_admin;


--
-- Name: FUNCTION check_change(p_change lockstep.level_change, p_theory_hours_change numeric, p_practice_hours_change numeric); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.check_change(p_change lockstep.level_change, p_theory_hours_change numeric, p_practice_hours_change numeric) FROM PUBLIC;


--
-- Name: TABLE health_checks; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lockstep.health_checks TO lockstep_coupler;


--
-- Name: FUNCTION check_health(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.check_health() FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.check_health() TO lockstep_admin;


--
-- Name: FUNCTION check_specialization(p_specialization_id text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.check_specialization(p_specialization_id text) FROM PUBLIC;


--
-- Name: FUNCTION check_user(p_user_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.check_user(p_user_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION claim_idempotency_key(p_user_id bigint, p_key text, p_function_name text, p_arguments jsonb); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.claim_idempotency_key(p_user_id bigint, p_key text, p_function_name text, p_arguments jsonb) FROM PUBLIC;


--
-- Name: FUNCTION cover_users(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.cover_users() FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.cover_users() TO lockstep_admin;


--
-- Name: FUNCTION create_pair(p_user_id bigint, p_specialization_id text, p_progress_held boolean, OUT progress_created boolean, OUT license_created boolean); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.create_pair(p_user_id bigint, p_specialization_id text, p_progress_held boolean, OUT progress_created boolean, OUT license_created boolean) FROM PUBLIC;


--
-- Name: FUNCTION deployment_report(p_expected_version text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.deployment_report(p_expected_version text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.deployment_report(p_expected_version text) TO lockstep_admin;
GRANT ALL ON FUNCTION lockstep.deployment_report(p_expected_version text) TO lockstep_readonly;


--
-- Name: FUNCTION explain_desync(p_user_id bigint, p_specialization_id text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.explain_desync(p_user_id bigint, p_specialization_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.explain_desync(p_user_id bigint, p_specialization_id text) TO lockstep_admin;


--
-- Name: FUNCTION fail_dead_runs(p_but_run_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.fail_dead_runs(p_but_run_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION recommended_action(p_progress_level integer, p_license_level integer); Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

REVOKE ALL ON FUNCTION lockstep.recommended_action(p_progress_level integer, p_license_level integer) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.recommended_action(p_progress_level integer, p_license_level integer) TO lockstep_coupler;
GRANT ALL ON FUNCTION lockstep.recommended_action(p_progress_level integer, p_license_level integer) TO lockstep_admin;
GRANT ALL ON FUNCTION lockstep.recommended_action(p_progress_level integer, p_license_level integer) TO lockstep_readonly;
GRANT ALL ON FUNCTION lockstep.recommended_action(p_progress_level integer, p_license_level integer) TO lockstep_legacy;


--
-- Name: TABLE users; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.users TO lockstep_coupler;
GRANT SELECT ON TABLE lockstep.users TO lockstep_legacy;


--
-- Name: COLUMN users.updated_at; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT UPDATE(updated_at) ON TABLE lockstep.users TO lockstep_coupler;


--
-- Name: TABLE desync; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.desync TO lockstep_coupler;
GRANT SELECT ON TABLE lockstep.desync TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.desync TO lockstep_readonly;
GRANT SELECT ON TABLE lockstep.desync TO lockstep_legacy;


--
-- Name: FUNCTION find_desync(p_specialization_id text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.find_desync(p_specialization_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.find_desync(p_specialization_id text) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.find_desync(p_specialization_id text) TO lockstep_admin;
GRANT ALL ON FUNCTION lockstep.find_desync(p_specialization_id text) TO lockstep_readonly;


--
-- Name: FUNCTION find_guards(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.find_guards() FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.find_guards() TO lockstep_owner;
GRANT ALL ON FUNCTION lockstep.find_guards() TO lockstep_admin;
GRANT ALL ON FUNCTION lockstep.find_guards() TO lockstep_readonly;


--
-- Name: FUNCTION finish_sync_batch(p_run_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.finish_sync_batch(p_run_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION follow_level_rows(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.follow_level_rows() FROM PUBLIC;


--
-- Name: FUNCTION guard_held_level(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.guard_held_level() FROM PUBLIC;


--
-- Name: FUNCTION guard_license(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.guard_license() FROM PUBLIC;


--
-- Name: FUNCTION guard_max_levels(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.guard_max_levels() FROM PUBLIC;


--
-- Name: FUNCTION guard_progress(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.guard_progress() FROM PUBLIC;


--
-- Name: FUNCTION guard_progression(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.guard_progression() FROM PUBLIC;


--
-- Name: FUNCTION is_alive(p_run lockstep.sync_runs); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.is_alive(p_run lockstep.sync_runs) FROM PUBLIC;


--
-- Name: FUNCTION is_recorded(p_user_id bigint, p_license_id bigint, p_to_level integer); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.is_recorded(p_user_id bigint, p_license_id bigint, p_to_level integer) FROM PUBLIC;


--
-- Name: FUNCTION level_up(p_user_id bigint, p_specialization_id text, p_xp_gained bigint, p_sessions_completed integer, p_projects_completed integer, p_theory_hours numeric, p_practice_hours numeric, p_advanced_by bigint, p_reason text, p_idempotency_key text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.level_up(p_user_id bigint, p_specialization_id text, p_xp_gained bigint, p_sessions_completed integer, p_projects_completed integer, p_theory_hours numeric, p_practice_hours numeric, p_advanced_by bigint, p_reason text, p_idempotency_key text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.level_up(p_user_id bigint, p_specialization_id text, p_xp_gained bigint, p_sessions_completed integer, p_projects_completed integer, p_theory_hours numeric, p_practice_hours numeric, p_advanced_by bigint, p_reason text, p_idempotency_key text) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.level_up(p_user_id bigint, p_specialization_id text, p_xp_gained bigint, p_sessions_completed integer, p_projects_completed integer, p_theory_hours numeric, p_practice_hours numeric, p_advanced_by bigint, p_reason text, p_idempotency_key text) TO lockstep_admin;


--
-- Name: FUNCTION lock_before_insert(p_user_id bigint, p_specialization_id text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.lock_before_insert(p_user_id bigint, p_specialization_id text) FROM PUBLIC;


--
-- Name: FUNCTION lock_pair(p_user_id bigint, p_specialization_id text, p_make_license boolean); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.lock_pair(p_user_id bigint, p_specialization_id text, p_make_license boolean) FROM PUBLIC;


--
-- Name: FUNCTION lock_progress_first(p_user_id bigint, p_specialization_id text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.lock_progress_first(p_user_id bigint, p_specialization_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.lock_progress_first(p_user_id bigint, p_specialization_id text) TO lockstep_legacy;


--
-- Name: FUNCTION mirror_license(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.mirror_license() FROM PUBLIC;


--
-- Name: FUNCTION mirror_progress(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.mirror_progress() FROM PUBLIC;


--
-- Name: FUNCTION plan_reconcile(p_attempt integer); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.plan_reconcile(p_attempt integer) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.plan_reconcile(p_attempt integer) TO lockstep_admin;


--
-- Name: FUNCTION plan_sync(p_direction text, p_specialization_id text, p_user_id bigint, p_limit bigint, p_requested_by bigint, p_reason text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.plan_sync(p_direction text, p_specialization_id text, p_user_id bigint, p_limit bigint, p_requested_by bigint, p_reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.plan_sync(p_direction text, p_specialization_id text, p_user_id bigint, p_limit bigint, p_requested_by bigint, p_reason text) TO lockstep_admin;


--
-- Name: FUNCTION plan_undo(p_run_id bigint, p_requested_by bigint, p_reason text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.plan_undo(p_run_id bigint, p_requested_by bigint, p_reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.plan_undo(p_run_id bigint, p_requested_by bigint, p_reason text) TO lockstep_admin;


--
-- Name: FUNCTION purge_idempotency_keys(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.purge_idempotency_keys() FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.purge_idempotency_keys() TO lockstep_admin;


--
-- Name: FUNCTION purge_sync_runs(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.purge_sync_runs() FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.purge_sync_runs() TO lockstep_admin;


--
-- Name: FUNCTION reached_level(p_specialization_id text, p_from_level integer, p_total_xp bigint, p_completed_sessions integer, p_theory_hours numeric, p_practice_hours numeric); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.reached_level(p_specialization_id text, p_from_level integer, p_total_xp bigint, p_completed_sessions integer, p_theory_hours numeric, p_practice_hours numeric) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.reached_level(p_specialization_id text, p_from_level integer, p_total_xp bigint, p_completed_sessions integer, p_theory_hours numeric, p_practice_hours numeric) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.reached_level(p_specialization_id text, p_from_level integer, p_total_xp bigint, p_completed_sessions integer, p_theory_hours numeric, p_practice_hours numeric) TO lockstep_admin;


--
-- Name: PROCEDURE reconcile(INOUT run_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

REVOKE ALL ON PROCEDURE lockstep.reconcile(INOUT run_id bigint) FROM PUBLIC;
GRANT ALL ON PROCEDURE lockstep.reconcile(INOUT run_id bigint) TO lockstep_admin;


--
-- Name: FUNCTION record_guards(p_broken text[]); Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

REVOKE ALL ON FUNCTION lockstep.record_guards(p_broken text[]) FROM PUBLIC;


--
-- Name: FUNCTION refuse_delete_with_history(p_user_id bigint, p_specialization_id text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.refuse_delete_with_history(p_user_id bigint, p_specialization_id text) FROM PUBLIC;


--
-- Name: FUNCTION refuse_truncate(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.refuse_truncate() FROM PUBLIC;


--
-- Name: FUNCTION requirements_met(p_change lockstep.level_change); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.requirements_met(p_change lockstep.level_change) FROM PUBLIC;


--
-- Name: FUNCTION restore_pair(p_item lockstep.sync_run_items, p_run lockstep.sync_runs); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.restore_pair(p_item lockstep.sync_run_items, p_run lockstep.sync_runs) FROM PUBLIC;


--
-- Name: FUNCTION setting(p_name text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.setting(p_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.setting(p_name text) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.setting(p_name text) TO lockstep_admin;
GRANT ALL ON FUNCTION lockstep.setting(p_name text) TO lockstep_readonly;


--
-- Name: FUNCTION start_sync(p_run_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.start_sync(p_run_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.start_sync(p_run_id bigint) TO lockstep_admin;


--
-- Name: FUNCTION store_answer(p_user_id bigint, p_key text, p_answer jsonb); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.store_answer(p_user_id bigint, p_key text, p_answer jsonb) FROM PUBLIC;


--
-- Name: PROCEDURE sync_all(IN p_direction text, IN p_dry_run boolean, INOUT run_id bigint, IN p_specialization_id text, IN p_requested_by bigint, IN p_reason text); Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

REVOKE ALL ON PROCEDURE lockstep.sync_all(IN p_direction text, IN p_dry_run boolean, INOUT run_id bigint, IN p_specialization_id text, IN p_requested_by bigint, IN p_reason text) FROM PUBLIC;
GRANT ALL ON PROCEDURE lockstep.sync_all(IN p_direction text, IN p_dry_run boolean, INOUT run_id bigint, IN p_specialization_id text, IN p_requested_by bigint, IN p_reason text) TO lockstep_admin;


--
-- Name: FUNCTION sync_pause(p_attempts integer); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.sync_pause(p_attempts integer) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.sync_pause(p_attempts integer) TO lockstep_admin;


--
-- Name: FUNCTION sync_records(p_user_id bigint, p_specialization_id text, p_source text, p_advanced_by bigint, p_reason text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.sync_records(p_user_id bigint, p_specialization_id text, p_source text, p_advanced_by bigint, p_reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.sync_records(p_user_id bigint, p_specialization_id text, p_source text, p_advanced_by bigint, p_reason text) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.sync_records(p_user_id bigint, p_specialization_id text, p_source text, p_advanced_by bigint, p_reason text) TO lockstep_admin;


--
-- Name: FUNCTION sync_user(p_user_id bigint, p_specialization_id text, p_direction text, p_requested_by bigint, p_reason text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.sync_user(p_user_id bigint, p_specialization_id text, p_direction text, p_requested_by bigint, p_reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.sync_user(p_user_id bigint, p_specialization_id text, p_direction text, p_requested_by bigint, p_reason text) TO lockstep_admin;


--
-- Name: FUNCTION sync_user_all(p_user_id bigint, p_direction text, p_specialization_id text, p_requested_by bigint, p_reason text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.sync_user_all(p_user_id bigint, p_direction text, p_specialization_id text, p_requested_by bigint, p_reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.sync_user_all(p_user_id bigint, p_direction text, p_specialization_id text, p_requested_by bigint, p_reason text) TO lockstep_admin;


--
-- Name: PROCEDURE undo_sync(IN p_run_id bigint, INOUT undo_run_id bigint, IN p_requested_by bigint, IN p_reason text); Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

REVOKE ALL ON PROCEDURE lockstep.undo_sync(IN p_run_id bigint, INOUT undo_run_id bigint, IN p_requested_by bigint, IN p_reason text) FROM PUBLIC;
GRANT ALL ON PROCEDURE lockstep.undo_sync(IN p_run_id bigint, INOUT undo_run_id bigint, IN p_requested_by bigint, IN p_reason text) TO lockstep_admin;


--
-- Name: FUNCTION update_level(p_user_id bigint, p_specialization_id text, p_new_level integer, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_advanced_by bigint, p_reason text, p_idempotency_key text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.update_level(p_user_id bigint, p_specialization_id text, p_new_level integer, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_advanced_by bigint, p_reason text, p_idempotency_key text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.update_level(p_user_id bigint, p_specialization_id text, p_new_level integer, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_advanced_by bigint, p_reason text, p_idempotency_key text) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.update_level(p_user_id bigint, p_specialization_id text, p_new_level integer, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_advanced_by bigint, p_reason text, p_idempotency_key text) TO lockstep_admin;


--
-- Name: FUNCTION validate_consistency(p_user_id bigint, p_specialization_id text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.validate_consistency(p_user_id bigint, p_specialization_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.validate_consistency(p_user_id bigint, p_specialization_id text) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.validate_consistency(p_user_id bigint, p_specialization_id text) TO lockstep_admin;


--
-- Name: TABLE verified_ranges; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lockstep.verified_ranges TO lockstep_coupler;


--
-- Name: FUNCTION verify_next_range(p_older_than timestamp with time zone); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.verify_next_range(p_older_than timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.verify_next_range(p_older_than timestamp with time zone) TO lockstep_admin;


--
-- Name: FUNCTION verify_range(p_first_user_id bigint, p_last_user_id bigint, OUT pairs bigint, OUT violations bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.verify_range(p_first_user_id bigint, p_last_user_id bigint, OUT pairs bigint, OUT violations bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.verify_range(p_first_user_id bigint, p_last_user_id bigint, OUT pairs bigint, OUT violations bigint) TO lockstep_admin;


--
-- Name: FUNCTION write_levels(p_user_id bigint, p_specialization_id text, p_license_id bigint, p_progress_from integer, p_license_from integer, p_to_level integer, p_write_progress boolean, p_write_license boolean, p_route text, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_advanced_by bigint, p_reason text, p_requirements_met text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.write_levels(p_user_id bigint, p_specialization_id text, p_license_id bigint, p_progress_from integer, p_license_from integer, p_to_level integer, p_write_progress boolean, p_write_license boolean, p_route text, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_advanced_by bigint, p_reason text, p_requirements_met text) FROM PUBLIC;


--
-- Name: TABLE specialization_levels; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.specialization_levels TO lockstep_coupler;
GRANT SELECT ON TABLE lockstep.specialization_levels TO lockstep_legacy;


--
-- Name: TABLE coach_levels; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.coach_levels TO lockstep_app;
GRANT SELECT ON TABLE lockstep.coach_levels TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.coach_levels TO lockstep_readonly;
GRANT SELECT ON TABLE lockstep.coach_levels TO lockstep_legacy;


--
-- Name: TABLE coupled_key_triggers; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.coupled_key_triggers TO lockstep_coupler;
GRANT SELECT ON TABLE lockstep.coupled_key_triggers TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.coupled_key_triggers TO lockstep_readonly;


--
-- Name: TABLE guard_status; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.guard_status TO lockstep_coupler;
GRANT SELECT ON TABLE lockstep.guard_status TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.guard_status TO lockstep_readonly;


--
-- Name: TABLE schema_migrations; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.schema_migrations TO lockstep_coupler;


--
-- Name: TABLE settings; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,UPDATE ON TABLE lockstep.settings TO lockstep_coupler;


--
-- Name: TABLE health; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.health TO lockstep_coupler;
GRANT SELECT ON TABLE lockstep.health TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.health TO lockstep_readonly;


--
-- Name: TABLE idempotency_keys; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lockstep.idempotency_keys TO lockstep_coupler;


--
-- Name: TABLE internship_levels; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.internship_levels TO lockstep_app;
GRANT SELECT ON TABLE lockstep.internship_levels TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.internship_levels TO lockstep_readonly;
GRANT SELECT ON TABLE lockstep.internship_levels TO lockstep_legacy;


--
-- Name: TABLE license_progressions; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT ON TABLE lockstep.license_progressions TO lockstep_coupler;
GRANT SELECT,INSERT ON TABLE lockstep.license_progressions TO lockstep_legacy;


--
-- Name: TABLE player_levels; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.player_levels TO lockstep_app;
GRANT SELECT ON TABLE lockstep.player_levels TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.player_levels TO lockstep_readonly;
GRANT SELECT ON TABLE lockstep.player_levels TO lockstep_legacy;


--
-- Name: TABLE ranges; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.ranges TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.ranges TO lockstep_readonly;


--
-- Name: TABLE run_items; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.run_items TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.run_items TO lockstep_readonly;


--
-- Name: TABLE runs; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.runs TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.runs TO lockstep_readonly;


--
-- Name: TABLE run_reports; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.run_reports TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.run_reports TO lockstep_readonly;


--
-- Name: TABLE server_load; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.server_load TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.server_load TO lockstep_readonly;


--
-- Name: TABLE specializations; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.specializations TO lockstep_coupler;
GRANT SELECT ON TABLE lockstep.specializations TO lockstep_legacy;


--
-- Name: COLUMN specializations.max_levels; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT UPDATE(max_levels) ON TABLE lockstep.specializations TO lockstep_coupler;


--
-- Name: COLUMN specializations.updated_at; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT UPDATE(updated_at) ON TABLE lockstep.specializations TO lockstep_coupler;


--
-- PostgreSQL database dump complete
--


