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
-- Name: asset_file; Type: TYPE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TYPE lockstep.asset_file AS (
	asset_id text,
	type text,
	format text,
	size bigint,
	sha256 text,
	content bytea
);


ALTER TYPE lockstep.asset_file OWNER TO lockstep_owner;

--
-- Name: TYPE asset_file; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TYPE lockstep.asset_file IS 'An asset and its bytes; content is null where the caller has it already.';


--
-- Name: asset_state; Type: TYPE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TYPE lockstep.asset_state AS (
	asset_id text,
	type text,
	format text,
	size bigint,
	sha256 text,
	created_at timestamp with time zone,
	created boolean
);


ALTER TYPE lockstep.asset_state OWNER TO lockstep_owner;

--
-- Name: TYPE asset_state; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TYPE lockstep.asset_state IS 'An asset. created: this call made it.';


--
-- Name: batch_item; Type: TYPE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TYPE lockstep.batch_item AS (
	user_id bigint,
	specialization_id text,
	new_level integer,
	xp_change bigint,
	sessions_change integer,
	projects_change integer,
	theory_hours_change numeric,
	practice_hours_change numeric,
	advanced_by bigint,
	reason text,
	idempotency_key text
);


ALTER TYPE lockstep.batch_item OWNER TO lockstep_owner;

--
-- Name: TYPE batch_item; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TYPE lockstep.batch_item IS 'One call of level_up() (new_level null) or update_level(), as an item of a batch. A change left null is 0.';


--
-- Name: batch_outcome; Type: TYPE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TYPE lockstep.batch_outcome AS (
	place integer,
	outcome text,
	error_code text,
	detail text,
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


ALTER TYPE lockstep.batch_outcome OWNER TO lockstep_owner;

--
-- Name: TYPE batch_outcome; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TYPE lockstep.batch_outcome IS 'What came of an item. place: its number in the batch, from 1; outcome: done, replayed or refused. Of a refused one the SQLSTATE, the message and its detail, and nothing was changed by it; of the others the columns of level_change.';


--
-- Name: change_origin; Type: TYPE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TYPE lockstep.change_origin AS (
	database_role text,
	application_name text,
	client_address inet
);


ALTER TYPE lockstep.change_origin OWNER TO lockstep_owner;

--
-- Name: TYPE change_origin; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TYPE lockstep.change_origin IS 'Who asked for a change that somebody else carries out, for the history.';


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
-- Name: drain_outcome; Type: TYPE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TYPE lockstep.drain_outcome AS (
	claimed integer,
	applied integer,
	refused integer,
	set_aside integer,
	busy integer,
	breach_user_id bigint,
	breach_specialization_id text,
	breach_waited interval
);


ALTER TYPE lockstep.drain_outcome OWNER TO lockstep_owner;

--
-- Name: TYPE drain_outcome; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TYPE lockstep.drain_outcome IS 'What one drain did. applied: entries done, replays included; busy: left for later because somebody held their pair; breach: the pair that was waited for longer than the lock budget, for note_lock_breach().';


--
-- Name: judged_item; Type: TYPE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TYPE lockstep.judged_item AS (
	place integer,
	user_id bigint,
	specialization_id text,
	kind text,
	is_odd boolean,
	item lockstep.batch_item,
	arguments jsonb,
	stored_answer jsonb,
	license_id bigint,
	level integer,
	max_achieved_level integer,
	top_level integer,
	total_xp bigint,
	completed_sessions integer,
	completed_projects integer,
	theory_hours numeric,
	practice_hours numeric
);


ALTER TYPE lockstep.judged_item OWNER TO lockstep_owner;

--
-- Name: TYPE judged_item; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TYPE lockstep.judged_item IS 'An item and the pair it is for, as found. kind: folded (into one change of its pair), replay (of an earlier call) or single (by itself, as the function does it). is_odd: all of its user''s items must go singly. Figures of a pair that is not there yet are null.';


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
-- Name: project_permission; Type: TYPE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TYPE lockstep.project_permission AS ENUM (
    'READ',
    'WRITE',
    'ADMIN'
);


ALTER TYPE lockstep.project_permission OWNER TO lockstep_owner;

--
-- Name: TYPE project_permission; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TYPE lockstep.project_permission IS 'What somebody may do with a project, each more than the one before. READ: see and copy it. WRITE: change it. ADMIN: share, delete and restore it.';


--
-- Name: projects; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.projects (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    title text NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    file_sha256 bytea NOT NULL,
    file_name text NOT NULL,
    copied_from_id bigint,
    copied_from_version integer,
    restored_from integer,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    modified_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    modified_by bigint,
    deleted_at timestamp with time zone,
    CONSTRAINT ck_projects_description CHECK ((length(description) <= 5000)),
    CONSTRAINT ck_projects_file_name CHECK (((length(file_name) >= 1) AND (length(file_name) <= 255))),
    CONSTRAINT ck_projects_title CHECK (((length(title) >= 1) AND (length(title) <= 200))),
    CONSTRAINT ck_projects_version CHECK ((version >= 1))
);


ALTER TABLE lockstep.projects OWNER TO lockstep_owner;

--
-- Name: TABLE projects; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.projects IS 'What students build, as it is now; project_revisions has what it was.';


--
-- Name: COLUMN projects.user_id; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.projects.user_id IS 'The owner.';


--
-- Name: COLUMN projects.version; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.projects.version IS '1, and one more with every update, raw SQL too: what a writer names to change just what they have seen.';


--
-- Name: COLUMN projects.title; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.projects.title IS 'What people call it.';


--
-- Name: COLUMN projects.description; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.projects.description IS 'In the words of those who build it.';


--
-- Name: COLUMN projects.file_sha256; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.projects.file_sha256 IS 'The content of the project file.';


--
-- Name: COLUMN projects.file_name; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.projects.file_name IS 'What the file was called where it came from.';


--
-- Name: COLUMN projects.copied_from_id; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.projects.copied_from_id IS 'The project that it began as a copy of; no key, for it may be gone.';


--
-- Name: COLUMN projects.copied_from_version; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.projects.copied_from_version IS 'Which version of that.';


--
-- Name: COLUMN projects.restored_from; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.projects.restored_from IS 'The version whose state this version brought back; else null.';


--
-- Name: COLUMN projects.modified_by; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.projects.modified_by IS 'Who made this version; null: raw SQL that did not say.';


--
-- Name: COLUMN projects.deleted_at; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.projects.deleted_at IS 'When it was deleted; it can be restored until purge_projects() takes it.';


--
-- Name: CONSTRAINT ck_projects_description ON projects; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_projects_description ON lockstep.projects IS 'A description has at most 5000 characters.';


--
-- Name: CONSTRAINT ck_projects_file_name ON projects; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_projects_file_name ON lockstep.projects IS 'A file name has 1 to 255 characters.';


--
-- Name: CONSTRAINT ck_projects_title ON projects; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_projects_title ON lockstep.projects IS 'A title has 1 to 200 characters.';


--
-- Name: CONSTRAINT ck_projects_version ON projects; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_projects_version ON lockstep.projects IS 'Versions start at 1.';


--
-- Name: locked_project; Type: TYPE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TYPE lockstep.locked_project AS (
	project lockstep.projects,
	permission lockstep.project_permission
);


ALTER TYPE lockstep.locked_project OWNER TO lockstep_owner;

--
-- Name: TYPE locked_project; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TYPE lockstep.locked_project IS 'A project, locked, and what the actor may do with it.';


--
-- Name: planned_change; Type: TYPE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TYPE lockstep.planned_change AS (
	place integer,
	kind text,
	is_last boolean,
	pair_changes boolean,
	license_id bigint,
	item lockstep.batch_item,
	arguments jsonb,
	answer lockstep.level_change,
	error_code text,
	detail text
);


ALTER TYPE lockstep.planned_change OWNER TO lockstep_owner;

--
-- Name: TYPE planned_change; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TYPE lockstep.planned_change IS 'What is to be done about an item, and the answer to it; kind as in judged_item. is_last: the last of its pair; pair_changes: an item of the pair changes its level; license_id is null where the pair is to be made. A single one that was done has the kind done, replay or refused.';


--
-- Name: project_comparison; Type: TYPE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TYPE lockstep.project_comparison AS (
	changed_fields text[],
	wanted_fields text[],
	colliding_fields text[],
	mergeable boolean
);


ALTER TYPE lockstep.project_comparison OWNER TO lockstep_owner;

--
-- Name: TYPE project_comparison; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TYPE lockstep.project_comparison IS 'What others changed since a version, what a writer wants to change, and where the two collide. changed_fields: null where there is no such version.';


--
-- Name: project_file; Type: TYPE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TYPE lockstep.project_file AS (
	project_id bigint,
	version integer,
	file_name text,
	file_size bigint,
	file_sha256 text,
	content bytea
);


ALTER TYPE lockstep.project_file OWNER TO lockstep_owner;

--
-- Name: TYPE project_file; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TYPE lockstep.project_file IS 'The file of a version; content is null where the caller has it already.';


--
-- Name: project_state; Type: TYPE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TYPE lockstep.project_state AS (
	id bigint,
	user_id bigint,
	owner_name text,
	version integer,
	title text,
	description text,
	file_name text,
	file_size bigint,
	file_sha256 text,
	copied_from_id bigint,
	copied_from_version integer,
	created_at timestamp with time zone,
	modified_at timestamp with time zone,
	modified_by bigint,
	modified_by_name text,
	deleted_at timestamp with time zone,
	permission lockstep.project_permission,
	merged_fields text[]
);


ALTER TYPE lockstep.project_state OWNER TO lockstep_owner;

--
-- Name: TYPE project_state; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TYPE lockstep.project_state IS 'A project as somebody sees it. permission: theirs. merged_fields: what others had changed meanwhile and a merge kept; null where there was none.';


--
-- Name: revision_state; Type: TYPE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TYPE lockstep.revision_state AS (
	project_id bigint,
	version integer,
	action text,
	changed_fields text[],
	changed_by bigint,
	changed_by_name text,
	changed_at timestamp with time zone,
	restored_from integer,
	title text,
	description text,
	file_name text,
	file_size bigint,
	file_sha256 text,
	deleted_at timestamp with time zone
);


ALTER TYPE lockstep.revision_state OWNER TO lockstep_owner;

--
-- Name: TYPE revision_state; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TYPE lockstep.revision_state IS 'A version of a project: how it came, and its whole state.';


--
-- Name: share_state; Type: TYPE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TYPE lockstep.share_state AS (
	project_id bigint,
	user_id bigint,
	group_id bigint,
	name text,
	permission lockstep.project_permission,
	granted_by bigint,
	created_at timestamp with time zone,
	modified_at timestamp with time zone
);


ALTER TYPE lockstep.share_state OWNER TO lockstep_owner;

--
-- Name: TYPE share_state; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TYPE lockstep.share_state IS 'With whom a project is shared: a user or a group, and their name.';


--
-- Name: signed_in; Type: TYPE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TYPE lockstep.signed_in AS (
	user_id bigint,
	session_id uuid,
	role text,
	end_reason text
);


ALTER TYPE lockstep.signed_in OWNER TO lockstep_owner;

--
-- Name: TYPE signed_in; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TYPE lockstep.signed_in IS 'A session that somebody has: what an access token names. end_reason: null as long as it goes on.';


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
-- Name: group_members; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.group_members (
    user_id bigint NOT NULL,
    group_id bigint NOT NULL,
    source text DEFAULT 'manual'::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ck_group_members_source CHECK ((source = ANY (ARRAY['manual'::text, 'claim'::text])))
);


ALTER TABLE lockstep.group_members OWNER TO lockstep_owner;

--
-- Name: TABLE group_members; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.group_members IS 'Who is in which group.';


--
-- Name: COLUMN group_members.source; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.group_members.source IS 'manual: an admin put them in. claim: the provider said so, and takes them out by not saying so at a later sign-in.';


--
-- Name: CONSTRAINT ck_group_members_source ON group_members; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_group_members_source ON lockstep.group_members IS 'There are two ways into a group.';


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
-- Name: membership_list; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.membership_list AS
 SELECT member.group_id,
    member.user_id,
    person.email,
    person.name,
    person.role,
    person.is_active,
    member.source,
    member.created_at
   FROM (lockstep.group_members member
     JOIN lockstep.users person ON ((person.id = member.user_id)));


ALTER TABLE lockstep.membership_list OWNER TO lockstep_owner;

--
-- Name: VIEW membership_list; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.membership_list IS 'Who is in which group, with what they are called.';


--
-- Name: add_member(bigint, bigint, bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.add_member(p_actor_id bigint, p_group_id bigint, p_user_id bigint) RETURNS lockstep.membership_list
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_member lockstep.membership_list;
begin
    perform lockstep.lock_account(p_actor_id, p_user_id);
    perform lockstep.check_not_erased(p_user_id);
    perform lockstep.check_group(p_actor_id, p_group_id);

    -- Whom an admin puts in, the provider does not take out any more.
    insert into lockstep.group_members as known (user_id, group_id, source)
    values (p_user_id, p_group_id, 'manual')
    on conflict on constraint group_members_pkey do update
        set source = excluded.source
        where known.source <> excluded.source;

    select member.*
    into v_member
    from lockstep.membership_list as member
    where member.user_id = p_user_id
        and member.group_id = p_group_id;

    return v_member;
end;
$$;


ALTER FUNCTION lockstep.add_member(p_actor_id bigint, p_group_id bigint, p_user_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION add_member(p_actor_id bigint, p_group_id bigint, p_user_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.add_member(p_actor_id bigint, p_group_id bigint, p_user_id bigint) IS 'Puts a person into a group, by an admin; again changes nothing.

Raises LS001 no such user, LS031 the actor is no admin, LS043 erased, LS045 no such group.
Locks the user''s row, then the membership.';


--
-- Name: adopt_asset(bigint, text, bytea, text, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.adopt_asset(p_run_id bigint, p_source_id text, p_content bytea, p_type text, p_format text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_staged lockstep.adoption_staging := lockstep.staged_file('assets', p_source_id, p_content);
begin
    perform lockstep.store_blob(sha256(p_content), p_content, 'asset_limit');

    insert into lockstep.assets (id, sha256, type, format, created_by, created_at)
    select
        md5(p_content),
        sha256(p_content),
        p_type,
        p_format,
        v_staged.user_id,
        coalesce((lockstep.adopted_times(v_staged.content, array['created_at'], run.timezone))[1], clock_timestamp())
    from lockstep.adoption_runs as run
    where run.id = p_run_id
    on conflict do nothing;

    if not exists (
        select from lockstep.assets as asset
        where asset.id = md5(p_content)
            and asset.sha256 = sha256(p_content)
    ) then
        raise exception using
            errcode = 'LS056',
            message = 'another content has this asset id',
            detail = format('asset_id=%s', md5(p_content)),
            hint = 'Two contents with one MD5 are made on purpose: this one cannot be stored.';
    end if;

    update lockstep.adoption_staging as staged
    set target_id = md5(p_content)
    where staged.table_name = 'assets'
        and staged.source_id = p_source_id;

    perform lockstep.record_adopted(p_run_id, array['assets'], p_source_id => p_source_id);
end;
$$;


ALTER FUNCTION lockstep.adopt_asset(p_run_id bigint, p_source_id text, p_content bytea, p_type text, p_format text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION adopt_asset(p_run_id bigint, p_source_id text, p_content bytea, p_type text, p_format text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.adopt_asset(p_run_id bigint, p_source_id text, p_content bytea, p_type text, p_format text) IS 'Brings a planned asset over, with its content; one that is here already stays.

Raises LS055 too large, LS056 another content has this MD5, LS096 not what was planned. Locks the blob.';


--
-- Name: adopt_groups(bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.adopt_groups(p_run_id bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_rows bigint;
begin
    insert into lockstep.groups (name)
    select btrim(staged.content ->> 'name')
    from lockstep.adoption_staging as staged
    where staged.table_name = 'groups'
        and staged.state = 'new'
        and staged.outcome = 'imported'
    order by 1
    on conflict on constraint uq_groups_name do nothing;

    update lockstep.adoption_staging as staged
    set target_id = (
            select min(known.id)
            from lockstep.groups as known
            where lower(known.name) = lower(btrim(staged.content ->> 'name'))
        )::text
    where staged.table_name = 'groups'
        and staged.outcome in ('imported', 'merged');

    insert into lockstep.group_members (user_id, group_id)
    select distinct
        staged.user_id,
        team.target_id::bigint
    from lockstep.adoption_staging as staged
    inner join lockstep.adoption_staging as team
        on team.table_name = 'groups'
        and team.source_id = staged.content ->> 'group_id'
    where staged.table_name = 'user_groups'
        and staged.state = 'new'
        and staged.outcome = 'imported'
    order by 1, 2
    on conflict on constraint group_members_pkey do nothing;

    v_rows := lockstep.record_adopted(p_run_id, array['groups', 'user_groups']);
    return v_rows;
end;
$$;


ALTER FUNCTION lockstep.adopt_groups(p_run_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION adopt_groups(p_run_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.adopt_groups(p_run_id bigint) IS 'Brings groups and who is in them over, in one go. Returns how many rows were written down.

A group that was renamed in the source keeps its name here. Locks the users'' rows that become members.';


--
-- Name: adopt_pairs(bigint, integer); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.adopt_pairs(p_run_id bigint, p_limit integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_source constant text := (
        select run.source from lockstep.adoption_runs as run
        where run.id = p_run_id
    );
    v_first_user bigint;
    v_last_user bigint;
    v_pairs bigint;
    v_user_ids bigint[];
    v_specialization_ids text[];
begin
    select min(next.user_id), max(next.user_id), count(*)
    into v_first_user, v_last_user, v_pairs
    from (
        select pair.user_id
        from lockstep.adoption_pairs as pair
        where not pair.done
        order by pair.user_id, pair.specialization_id
        limit p_limit
    ) as next;

    if v_pairs = 0 then
        return v_pairs;
    end if;

    select array_agg(pair.user_id), array_agg(pair.specialization_id)
    into v_user_ids, v_specialization_ids
    from lockstep.adoption_pairs as pair
    where not pair.done
        and pair.user_id between v_first_user and v_last_user;

    -- Lock order, everywhere: specialization_progress, then user_licenses; before both, the user's row.
    perform
    from lockstep.users as person
    where person.id = any(v_user_ids)
    order by person.id
    for no key update;

    perform
    from lockstep.specialization_progress as progress
    where (progress.student_id, progress.specialization_id) in (
        select * from unnest(v_user_ids, v_specialization_ids)
    )
    order by progress.student_id, progress.specialization_id
    for no key update;

    perform
    from lockstep.user_licenses as license
    where (license.user_id, license.specialization_type) in (
        select * from unnest(v_user_ids, v_specialization_ids)
    )
    order by license.user_id, license.specialization_type
    for no key update;

    -- What was made or changed here since the plan was written is not overwritten.
    update lockstep.adoption_pairs as pair
    set state = 'conflict'
    from lockstep.adopted_pairs_here as here
    where not pair.done
        and pair.user_id between v_first_user and v_last_user
        and pair.state in ('new', 'changed')
        and here.user_id = pair.user_id
        and here.specialization_id = pair.specialization_id
        and not exists (
            select from lockstep.adopted_rows as known
            where known.source = v_source
                and known.user_id = pair.user_id
                and known.specialization_id = pair.specialization_id
                and known.target_state = here.state
        );

    if found then
        perform lockstep.mark_adoption_conflicts(v_source);
    end if;

    perform lockstep.write_adopted_pairs(v_first_user, v_last_user);
    perform lockstep.write_adopted_history(p_run_id, v_first_user, v_last_user);

    perform lockstep.record_adopted(
        p_run_id,
        array['specialization_progress', 'user_licenses', 'license_progressions'],
        p_first_user => v_first_user,
        p_last_user => v_last_user
    );

    update lockstep.adoption_pairs as pair
    set done = true
    where not pair.done
        and pair.user_id between v_first_user and v_last_user;

    get diagnostics v_pairs = row_count;
    return v_pairs;
end;
$$;


ALTER FUNCTION lockstep.adopt_pairs(p_run_id bigint, p_limit integer) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION adopt_pairs(p_run_id bigint, p_limit integer); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.adopt_pairs(p_run_id bigint, p_limit integer) IS 'Brings the next pairs of a planned adoption over, both sides and their history: 0 when all are.

Raises LS095 when a pair does not stand as it was planned.
Locks the users'' rows, by id, then specialization_progress, then user_licenses, by user and specialization.';


--
-- Name: adopt_project(bigint, text, bytea, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.adopt_project(p_run_id bigint, p_source_id text, p_content bytea, p_file_name text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_staged lockstep.adoption_staging := lockstep.staged_file('projects', p_source_id, p_content);
    v_run constant lockstep.adoption_runs := (
        select run from lockstep.adoption_runs as run
        where run.id = p_run_id
    );
    v_title constant text := left(
        coalesce(nullif(btrim(coalesce(v_staged.content ->> 'title', v_staged.content ->> 'name')), ''), 'Untitled'), 200
    );
    v_description constant text := left(coalesce(v_staged.content ->> 'description', ''), 5000);
    v_known lockstep.adopted_rows;
    v_project lockstep.projects;
begin
    select known.*
    into v_known
    from lockstep.adopted_rows as known
    where known.source = v_run.source
        and known.table_name = 'projects'
        and known.source_id = p_source_id
        and known.target_id is not null;

    -- Only the version that an adoption left is written over; a project stays with its owner.
    select project.*
    into v_project
    from lockstep.projects as project
    where project.user_id = v_staged.user_id
        and project.id = v_known.target_id::bigint
        and project.version::text = v_known.target_state
        and project.deleted_at is null
    for no key update;

    if v_project.id is not null or v_known.target_id is null then
        perform lockstep.store_blob(sha256(p_content), p_content, 'project_file_limit');
    end if;

    if v_project.id is not null then
        update lockstep.projects as project
        set title = v_title,
            description = v_description,
            file_sha256 = sha256(p_content),
            file_name = p_file_name,
            modified_by = v_staged.user_id
        where project.user_id = v_project.user_id
            and project.id = v_project.id;
    elsif v_known.target_id is null then
        insert into lockstep.projects (
            user_id, title, description, file_sha256, file_name, created_at, modified_at, modified_by
        )
        values (
            v_staged.user_id,
            v_title,
            v_description,
            sha256(p_content),
            p_file_name,
            coalesce((lockstep.adopted_times(v_staged.content, array['created_at'], v_run.timezone))[1], clock_timestamp()),
            coalesce((lockstep.adopted_times(v_staged.content, array['updated_at'], v_run.timezone))[1], clock_timestamp()),
            v_staged.user_id
        )
        returning * into v_project;
    end if;

    update lockstep.adoption_staging as staged
    set target_id = coalesce(v_project.id::text, v_known.target_id),
        outcome = case when v_project.id is null then 'conflict' else staged.outcome end,
        reasons = case when v_project.id is null then array['changed_here'] else staged.reasons end
    where staged.table_name = 'projects'
        and staged.source_id = p_source_id;

    perform lockstep.record_adopted(p_run_id, array['projects'], p_source_id => p_source_id);
end;
$$;


ALTER FUNCTION lockstep.adopt_project(p_run_id bigint, p_source_id text, p_content bytea, p_file_name text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION adopt_project(p_run_id bigint, p_source_id text, p_content bytea, p_file_name text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.adopt_project(p_run_id bigint, p_source_id text, p_content bytea, p_file_name text) IS 'Brings a planned project over, with its file: version 1, or one version more where the source changed it.

One that was changed here since stays as it is, and is written down as a conflict.
Raises LS055 too large, LS096 not what was planned. Locks the project''s row, then the blob.';


--
-- Name: adopt_users(bigint, integer); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.adopt_users(p_run_id bigint, p_limit integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_run constant lockstep.adoption_runs := (
        select run from lockstep.adoption_runs as run
        where run.id = p_run_id
    );
    v_first_user bigint;
    v_last_user bigint;
    v_rows bigint;
    v_missing bigint;
begin
    select min(next.user_id), max(next.user_id), count(*)
    into v_first_user, v_last_user, v_rows
    from (
        select staged.user_id
        from lockstep.adoption_staging as staged
        where staged.table_name = 'users'
            and not staged.done
        order by staged.user_id
        limit p_limit
    ) as next;

    if v_rows = 0 then
        return v_rows;
    end if;

    perform
    from lockstep.users as person
    inner join lockstep.adoption_staging as staged on staged.user_id = person.id
    where staged.table_name = 'users'
        and not staged.done
        and staged.user_id between v_first_user and v_last_user
    order by person.id
    for no key update of person;

    -- Those who are locked now were perhaps changed after the plan was written.
    perform lockstep.mark_changed_here(v_run.source);

    update lockstep.users as person
    set name = coalesce(staged.content ->> 'name', staged.content ->> 'display_name', staged.content ->> 'username', ''),
        is_active = coalesce(staged.content ->> 'is_active', 'true') not in ('false', '0'),
        updated_at = clock_timestamp()
    from lockstep.adoption_staging as staged
    where staged.table_name = 'users'
        and not staged.done
        and staged.user_id between v_first_user and v_last_user
        and staged.state = 'changed'
        and staged.outcome in ('imported', 'repaired')
        and person.id = staged.user_id;

    insert into lockstep.users (id, email, name, role, is_active, created_at, updated_at)
    select
        staged.user_id,
        coalesce(
            nullif(btrim(staged.content ->> 'email'), ''),
            format('adopted-%s@%s.invalid', staged.user_id, left(md5(v_run.source), 8))
        ),
        coalesce(staged.content ->> 'name', staged.content ->> 'display_name', staged.content ->> 'username', ''),
        case when 'unknown_role' = any(staged.reasons) then 'student' else coalesce(lower(staged.content ->> 'role'), 'student') end,
        coalesce(staged.content ->> 'is_active', 'true') not in ('false', '0'),
        coalesce(read.times[1], now()),
        coalesce(read.times[2], read.times[1], now())
    from lockstep.adoption_staging as staged
    cross join lateral (
        select lockstep.adopted_times(staged.content, array['created_at', 'updated_at'], v_run.timezone) as times
        offset 0
    ) as read
    where staged.table_name = 'users'
        and not staged.done
        and staged.user_id between v_first_user and v_last_user
        and staged.state = 'new'
        and staged.outcome in ('imported', 'repaired')
    on conflict do nothing;

    get diagnostics v_missing = row_count;

    v_missing := (
        select count(*)
        from lockstep.adoption_staging as staged
        where staged.table_name = 'users'
            and not staged.done
            and staged.user_id between v_first_user and v_last_user
            and staged.state = 'new'
            and staged.outcome in ('imported', 'repaired')
    ) - v_missing;

    if v_missing > 0 then
        raise exception using
            errcode = 'serialization_failure',
            message = 'an id or an address was taken by somebody else meanwhile',
            detail = format('%s users', v_missing),
            hint = 'Adopt again: what came over stays.';
    end if;

    perform lockstep.record_adopted(p_run_id, array['users'], v_first_user, v_last_user);
    return v_rows;
end;
$$;


ALTER FUNCTION lockstep.adopt_users(p_run_id bigint, p_limit integer) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION adopt_users(p_run_id bigint, p_limit integer); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.adopt_users(p_run_id bigint, p_limit integer) IS 'Brings the next users of a planned adoption over: 0 when all are.

One whom the source changed gets name and activity from it; role and address stay as they are here.
Raises 40001 (adopt again) when an id or an address was taken meanwhile. Locks the users'' rows, by id.';


--
-- Name: adopted_figures(jsonb, text[]); Type: FUNCTION; Schema: lockstep; Owner: lockstep_owner
--

CREATE FUNCTION lockstep.adopted_figures(p_content jsonb, p_names text[]) RETURNS numeric[]
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
    select array(
        select case
            when p_content ->> name.value ~ '^-?\d{1,30}(\.\d{1,30})?(e[+-]?\d{1,2})?$'
                then (p_content ->> name.value)::numeric
        end
        from unnest(p_names) with ordinality as name (value, place)
        order by name.place
    );
$_$;


ALTER FUNCTION lockstep.adopted_figures(p_content jsonb, p_names text[]) OWNER TO lockstep_owner;

--
-- Name: FUNCTION adopted_figures(p_content jsonb, p_names text[]); Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON FUNCTION lockstep.adopted_figures(p_content jsonb, p_names text[]) IS 'Figures of a row of a source, by the names of their columns; null where it is none: text, NaN or nothing.';


--
-- Name: adopted_times(jsonb, text[], text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_owner
--

CREATE FUNCTION lockstep.adopted_times(p_content jsonb, p_names text[], p_timezone text) RETURNS timestamp with time zone[]
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
    select array(
        select case
            when p_content ->> name.value !~ (
                '^(?!0000)\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])'
                || '([T ]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?([+-][01]\d(:?[0-5]\d)?|Z)?)?$'
            ) then null
            when p_content ->> name.value ~ '[T ].*([+-]\d\d(:?\d\d)?|Z)$' then (p_content ->> name.value)::timestamptz
            else (p_content ->> name.value)::timestamp at time zone p_timezone
        end
        from unnest(p_names) with ordinality as name (value, place)
        order by name.place
    );
$_$;


ALTER FUNCTION lockstep.adopted_times(p_content jsonb, p_names text[], p_timezone text) OWNER TO lockstep_owner;

--
-- Name: FUNCTION adopted_times(p_content jsonb, p_names text[], p_timezone text); Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON FUNCTION lockstep.adopted_times(p_content jsonb, p_names text[], p_timezone text) IS 'Moments of a row of a source, by the names of their columns, read in this zone where they name none; null where it
is no moment.';


--
-- Name: adopted_user_state(lockstep.users); Type: FUNCTION; Schema: lockstep; Owner: lockstep_owner
--

CREATE FUNCTION lockstep.adopted_user_state(p_user lockstep.users) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select md5(concat_ws('|', p_user.email, p_user.name, p_user.role, p_user.is_active));
$$;


ALTER FUNCTION lockstep.adopted_user_state(p_user lockstep.users) OWNER TO lockstep_owner;

--
-- Name: FUNCTION adopted_user_state(p_user lockstep.users); Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON FUNCTION lockstep.adopted_user_state(p_user lockstep.users) IS 'What tells whether a user is still as an adoption left them.';


--
-- Name: apply_sync(bigint, bigint); Type: PROCEDURE; Schema: lockstep; Owner: lockstep_owner
--

CREATE PROCEDURE lockstep.apply_sync(IN p_run_id bigint, IN p_applied_by bigint DEFAULT NULL::bigint)
    LANGUAGE plpgsql
    AS $$
declare
    v_attempts integer;
begin
    perform lockstep.start_sync(p_run_id, p_applied_by);
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


ALTER PROCEDURE lockstep.apply_sync(IN p_run_id bigint, IN p_applied_by bigint) OWNER TO lockstep_owner;

--
-- Name: PROCEDURE apply_sync(IN p_run_id bigint, IN p_applied_by bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON PROCEDURE lockstep.apply_sync(IN p_run_id bigint, IN p_applied_by bigint) IS 'Applies a planned run, or goes on with one whose worker died: batch by batch, a commit after each.

call lockstep.apply_sync(7). Outside a transaction block. What came of it: lockstep.runs, lockstep.run_items.
Raises LS001 no such actor, LS015 no such run, LS016 already finished, LS017 somebody is working on it.';


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
    worker uuid,
    applied_by bigint,
    applied_role text,
    applied_application text,
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

COMMENT ON COLUMN lockstep.sync_runs.requested_by IS 'Who planned it: a user id, as the application says.';


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

COMMENT ON COLUMN lockstep.sync_runs.backend_pid IS 'The server process that works on it; null: worker does, or nobody at this moment.';


--
-- Name: COLUMN sync_runs.issues_found; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.sync_runs.issues_found IS 'Items of the plan.';


--
-- Name: COLUMN sync_runs.worker; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.sync_runs.worker IS 'The HTTP request that works on it, through any server process; null: backend_pid does, or nobody.';


--
-- Name: COLUMN sync_runs.applied_by; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.sync_runs.applied_by IS 'Who took it into work, of several the last: a user id, as the application says. Null: nobody yet, or it did not say.';


--
-- Name: COLUMN sync_runs.applied_role; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.sync_runs.applied_role IS 'The database role that took it into work; null: nobody yet.';


--
-- Name: COLUMN sync_runs.applied_application; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.sync_runs.applied_application IS 'The application_name of that session: how it was applied.';


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
            p_item.user_id, p_item.specialization_id, p_item.source,
            coalesce(p_run.applied_by, p_run.requested_by),
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
-- Name: authenticate(bigint, uuid, text[]); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.authenticate(p_user_id bigint, p_session_id uuid, p_roles text[]) RETURNS lockstep.users
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_person lockstep.users;
begin
    select person.*
    into v_person
    from lockstep.users as person
    inner join lockstep.sessions as session
        on session.user_id = person.id
        and session.id = p_session_id
    where person.id = p_user_id
        and person.is_active
        and session.ended_at is null
        and session.expires_at > now();

    if not found then
        raise exception using
            errcode = 'LS030',
            message = 'not signed in',
            detail = 'the session has ended, or the account is not active',
            hint = 'Sign in again.';
    end if;

    if not v_person.role = any (p_roles) then
        raise exception using
            errcode = 'LS031',
            message = 'this is not for your role',
            detail = format('role=%s allowed=%s', v_person.role, array_to_string(p_roles, ',')),
            hint = 'Ask an admin.';
    end if;

    return v_person;
end;
$$;


ALTER FUNCTION lockstep.authenticate(p_user_id bigint, p_session_id uuid, p_roles text[]) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION authenticate(p_user_id bigint, p_session_id uuid, p_roles text[]); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.authenticate(p_user_id bigint, p_session_id uuid, p_roles text[]) IS 'Whether this session goes on and its person may do what is for these roles; called first in every request.

Returns the person: a deactivation or another role holds from the next request on, whatever a token says.
Raises LS030 session over or account not active, LS031 another role. Locks nothing.';


--
-- Name: award_xp(bigint, bigint, text, bigint, integer, integer, numeric, numeric, text, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.award_xp(p_actor_id bigint, p_user_id bigint, p_specialization_id text, p_xp_gained bigint DEFAULT 0, p_sessions_completed integer DEFAULT 0, p_projects_completed integer DEFAULT 0, p_theory_hours numeric DEFAULT 0, p_practice_hours numeric DEFAULT 0, p_reason text DEFAULT NULL::text, p_idempotency_key text DEFAULT NULL::text) RETURNS lockstep.level_change
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    perform lockstep.check_access(p_actor_id, p_user_id, p_changes => true);
    perform lockstep.check_not_erased(p_user_id);

    return lockstep.level_up(
        p_user_id => p_user_id,
        p_specialization_id => p_specialization_id,
        p_xp_gained => p_xp_gained,
        p_sessions_completed => p_sessions_completed,
        p_projects_completed => p_projects_completed,
        p_theory_hours => p_theory_hours,
        p_practice_hours => p_practice_hours,
        p_advanced_by => p_actor_id,
        p_reason => p_reason,
        p_idempotency_key => p_idempotency_key
    );
end;
$$;


ALTER FUNCTION lockstep.award_xp(p_actor_id bigint, p_user_id bigint, p_specialization_id text, p_xp_gained bigint, p_sessions_completed integer, p_projects_completed integer, p_theory_hours numeric, p_practice_hours numeric, p_reason text, p_idempotency_key text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION award_xp(p_actor_id bigint, p_user_id bigint, p_specialization_id text, p_xp_gained bigint, p_sessions_completed integer, p_projects_completed integer, p_theory_hours numeric, p_practice_hours numeric, p_reason text, p_idempotency_key text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.award_xp(p_actor_id bigint, p_user_id bigint, p_specialization_id text, p_xp_gained bigint, p_sessions_completed integer, p_projects_completed integer, p_theory_hours numeric, p_practice_hours numeric, p_reason text, p_idempotency_key text) IS 'level_up() by a person who signed in: an instructor to their students, an admin to anybody.

Raises LS032 not their student, LS043 erased, and what level_up() raises.
Locks the key, then specialization_progress, then user_licenses.';


--
-- Name: batch_pause(integer); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.batch_pause(p_attempts integer) RETURNS interval
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    -- Four times as long before each further try.
    select lockstep.setting('sync_pause')::interval * 4 ^ p_attempts;
$$;


ALTER FUNCTION lockstep.batch_pause(p_attempts integer) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION batch_pause(p_attempts integer); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.batch_pause(p_attempts integer) IS 'How long to leave the pairs to live traffic between two batches of a run: the setting sync_pause, four times
as long for each time the next items were tried already. Null where nothing is left to try.';


--
-- Name: blob_is_used(bytea); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.blob_is_used(p_sha256 bytea) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select exists (
            select from lockstep.projects as project
            where project.file_sha256 = p_sha256
        )
        or exists (
            select from lockstep.project_revisions as revision
            where revision.file_sha256 = p_sha256
        )
        or exists (
            select from lockstep.assets as asset
            where asset.sha256 = p_sha256
        );
$$;


ALTER FUNCTION lockstep.blob_is_used(p_sha256 bytea) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION blob_is_used(p_sha256 bytea); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.blob_is_used(p_sha256 bytea) IS 'Whether anything refers to a content, as the calling statement sees it.';


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
-- Name: change_one(text, lockstep.batch_item); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.change_one(p_function_name text, p_item lockstep.batch_item) RETURNS lockstep.level_change
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    if p_function_name = 'update_level' then
        return lockstep.update_level(
            p_item.user_id, p_item.specialization_id, p_item.new_level, p_item.xp_change, p_item.sessions_change,
            p_item.projects_change, p_item.theory_hours_change, p_item.practice_hours_change, p_item.advanced_by,
            p_item.reason, p_item.idempotency_key
        );
    end if;

    if p_item.new_level is not null then
        raise exception using
            errcode = 'LS006',
            message = 'invalid argument',
            detail = format('new_level=%s', p_item.new_level),
            hint = 'level_ups() computes the level; update_levels() sets it.';
    end if;

    return lockstep.level_up(
        p_item.user_id, p_item.specialization_id, p_item.xp_change, p_item.sessions_change, p_item.projects_change,
        p_item.theory_hours_change, p_item.practice_hours_change, p_item.advanced_by, p_item.reason,
        p_item.idempotency_key
    );
end;
$$;


ALTER FUNCTION lockstep.change_one(p_function_name text, p_item lockstep.batch_item) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION change_one(p_function_name text, p_item lockstep.batch_item); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.change_one(p_function_name text, p_item lockstep.batch_item) IS 'Calls the function that an item of a batch stands for.

Raises what that raises, and LS006 for a level given to level_ups().';


--
-- Name: change_pair(bigint, text, integer, bigint, integer, integer, numeric, numeric, bigint, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.change_pair(p_user_id bigint, p_specialization_id text, p_new_level integer, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_advanced_by bigint, p_reason text) RETURNS lockstep.level_change
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_pair lockstep.locked_pair;
    v_requirements_met text;
    v_answer lockstep.level_change;
begin
    if p_advanced_by is not null then
        perform lockstep.check_user(p_advanced_by);
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

    return v_answer;
end;
$$;


ALTER FUNCTION lockstep.change_pair(p_user_id bigint, p_specialization_id text, p_new_level integer, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_advanced_by bigint, p_reason text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION change_pair(p_user_id bigint, p_specialization_id text, p_new_level integer, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_advanced_by bigint, p_reason text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.change_pair(p_user_id bigint, p_specialization_id text, p_new_level integer, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_advanced_by bigint, p_reason text) IS 'The general way of update_level() and level_up(), for whatever is not the ordinary call: locks, rules, write, answer.

Without a new level it is the level that the totals reach; a pair out of step then keeps its levels.
Raises LS001 to LS005 as its callers say.
Locks specialization_progress, then user_licenses.';


--
-- Name: change_pairs(text, lockstep.batch_item[], boolean, lockstep.change_origin[]); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.change_pairs(p_function_name text, p_items lockstep.batch_item[], p_all_or_nothing boolean, p_origins lockstep.change_origin[] DEFAULT NULL::lockstep.change_origin[]) RETURNS SETOF lockstep.batch_outcome
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_plan lockstep.planned_change[];
    v_single lockstep.planned_change;
    v_work_mem constant text := current_setting('work_mem');
begin
    -- Some hundred bytes an item, sorted and hashed a few times; given back at the end.
    if cardinality(p_items) > 5000 then
        perform set_config('work_mem', '64MB', true);
    end if;

    -- Lock order, everywhere: keys, users of new pairs, specialization_progress, then user_licenses.
    perform lockstep.claim_idempotency_keys(p_function_name, p_items);
    perform lockstep.lock_pairs(p_items);

    v_plan := array(
        select plan
        from lockstep.plan_changes(p_function_name, p_items) as plan
    );

    perform lockstep.write_changes(p_function_name, v_plan, p_origins);

    -- Each of them claims its key by itself, and gives it back when it is refused.
    perform lockstep.release_idempotency_keys(array(
        select plan.item
        from unnest(v_plan) as plan
        where plan.kind = 'single'
    ));

    for v_single in
        select plan.*
        from unnest(v_plan) as plan
        where plan.kind = 'single'
        order by plan.place
    loop
        v_plan[v_single.place] := lockstep.change_single(p_function_name, v_single, p_all_or_nothing is not false);
    end loop;

    perform set_config('work_mem', v_work_mem, true);

    return query
    select
        plan.place,
        case plan.kind when 'folded' then 'done' when 'replay' then 'replayed' else plan.kind end,
        plan.error_code,
        plan.detail,
        (plan.answer).*
    from unnest(v_plan) as plan;
end;
$$;


ALTER FUNCTION lockstep.change_pairs(p_function_name text, p_items lockstep.batch_item[], p_all_or_nothing boolean, p_origins lockstep.change_origin[]) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION change_pairs(p_function_name text, p_items lockstep.batch_item[], p_all_or_nothing boolean, p_origins lockstep.change_origin[]); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.change_pairs(p_function_name text, p_items lockstep.batch_item[], p_all_or_nothing boolean, p_origins lockstep.change_origin[]) IS 'What level_ups(), update_levels() and the queue share: keys, locks, plan, write, and what is left goes singly.

Raises what the function raises for the first item that it refuses, unless p_all_or_nothing is false.
Locks all keys, users of new pairs, specialization_progress, then user_licenses, each sorted.';


--
-- Name: change_password(bigint, uuid, inet, text, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.change_password(p_actor_id bigint, p_session_id uuid, p_address inet, p_password_hash text, p_new_hash text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    perform lockstep.check_password_hash(p_actor_id, p_password_hash);
    perform lockstep.forget_attempt(p_actor_id, p_address);
    perform lockstep.write_password(p_actor_id, p_new_hash);
    perform lockstep.end_sessions(p_actor_id, 'password_changed', p_session_id);
end;
$$;


ALTER FUNCTION lockstep.change_password(p_actor_id bigint, p_session_id uuid, p_address inet, p_password_hash text, p_new_hash text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION change_password(p_actor_id bigint, p_session_id uuid, p_address inet, p_password_hash text, p_new_hash text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.change_password(p_actor_id bigint, p_session_id uuid, p_address inet, p_password_hash text, p_new_hash text) IS 'Gives somebody a new password whose present one was compared with this hash, and is right.

This session goes on, their others end. Raises LS034 the password was changed since start_password_change(),
23514 not an argon2id hash. Locks the person, the counts, then the sessions.';


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
                when p_name in (
                    'sync_pause', 'health_budget', 'queue_patience', 'queue_retry_pause', 'incident_quiet'
                ) then p_value::interval >= '0'
                -- 0 would be no timeout at all.
                when p_name in ('sync_lock_timeout', 'lock_budget') then p_value::interval between '1 ms' and '1 day'
                else p_value::interval > '0'
            end and p_value::interval <= '100 years';
        else
            v_allowed := case p_name
                when 'reconcile_direction'
                    then p_value in ('progress_to_license', 'license_to_progress', 'to_higher_level')
                when 'require_if_match' then p_value in ('on', 'off')
                else true
            end;
    end case;

    if not v_allowed then
        raise exception using
            errcode = 'LS006',
            message = 'invalid argument',
            detail = format('setting %s, value %s', p_name, p_value),
            hint = 'Integers start at 1; intervals are above 0 (sync_pause, health_budget, queue_patience,'
                ' queue_retry_pause and incident_quiet: 0 or more), at most 100 years, sync_lock_timeout and lock_budget a day;'
                ' reconcile_direction is one of the three directions; require_if_match is on or off.';
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
-- Name: change_single(text, lockstep.planned_change, boolean); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.change_single(p_function_name text, p_single lockstep.planned_change, p_raise boolean) RETURNS lockstep.planned_change
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_done lockstep.planned_change := p_single;
    v_answer lockstep.level_change;
    v_code text;
    v_message text;
    v_detail text;
begin
    if p_raise then
        v_answer := lockstep.change_one(p_function_name, p_single.item);
    else
        begin
            v_answer := lockstep.change_one(p_function_name, p_single.item);
        exception
            when others then
                get stacked diagnostics
                    v_code = returned_sqlstate, v_message = message_text, v_detail = pg_exception_detail;
                -- What passes is not the item's fault: the whole call is to be retried.
                if v_code in ('55P03', '40P01', '40001') then
                    raise;
                end if;
        end;
    end if;

    v_done.kind := case when v_code is not null then 'refused' when v_answer.replayed then 'replay' else 'done' end;
    v_done.answer := v_answer;
    v_done.error_code := v_code;
    -- PostgreSQL's own details show rows.
    v_done.detail := case when v_code like 'LS%' then v_detail end;

    if v_code is not null then
        v_done.answer.user_id := (p_single.item).user_id;
        v_done.answer.specialization_id := (p_single.item).specialization_id;
        v_done.answer.message := v_message;
    end if;

    return v_done;
end;
$$;


ALTER FUNCTION lockstep.change_single(p_function_name text, p_single lockstep.planned_change, p_raise boolean) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION change_single(p_function_name text, p_single lockstep.planned_change, p_raise boolean); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.change_single(p_function_name text, p_single lockstep.planned_change, p_raise boolean) IS 'Does one item of a batch by itself, and notes what came of it; a refusal is raised if p_raise says so.

Raises 55P03, 40001 and 40P01 always: they are no refusal, and the batch may be retried.';


--
-- Name: erasures; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.erasures (
    user_id bigint NOT NULL,
    erased_by bigint NOT NULL,
    erased_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    reason text,
    counts jsonb NOT NULL
);


ALTER TABLE lockstep.erasures OWNER TO lockstep_owner;

--
-- Name: TABLE erasures; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.erasures IS 'Who was erased, by whom, and how many rows were touched: the one exception to a history that only grows.';


--
-- Name: COLUMN erasures.erased_by; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.erasures.erased_by IS 'The admin who did it.';


--
-- Name: COLUMN erasures.counts; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.erasures.counts IS 'Rows deleted or emptied, by table.';


--
-- Name: groups; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.groups (
    id bigint NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ck_groups_name CHECK (((length(name) >= 1) AND (length(name) <= 200)))
);


ALTER TABLE lockstep.groups OWNER TO lockstep_owner;

--
-- Name: TABLE groups; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.groups IS 'Classes, teams: an instructor''s students are those who share a group with them, or are in none.';


--
-- Name: CONSTRAINT ck_groups_name ON groups; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_groups_name ON lockstep.groups IS 'A name has 1 to 200 characters.';


--
-- Name: people; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.people AS
 SELECT person.id,
    person.email,
    person.name,
    person.role,
    person.is_active,
    person.created_at,
    person.updated_at,
    (person.id IN ( SELECT erasure.user_id
           FROM lockstep.erasures erasure)) AS is_erased,
    ARRAY( SELECT known.name
           FROM (lockstep.group_members member
             JOIN lockstep.groups known ON ((known.id = member.group_id)))
          WHERE (member.user_id = person.id)
          ORDER BY known.name) AS group_names
   FROM lockstep.users person;


ALTER TABLE lockstep.people OWNER TO lockstep_owner;

--
-- Name: VIEW people; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.people IS 'Users, as those see them who may: with their groups, and without what signs them in.';


--
-- Name: COLUMN people.is_erased; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.people.is_erased IS 'Whether erase_user() has put a pseudonym in the place of the person.';


--
-- Name: COLUMN people.group_names; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.people.group_names IS 'Names of the groups that the person is in.';


--
-- Name: change_user(bigint, bigint, text, text, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.change_user(p_actor_id bigint, p_user_id bigint, p_email text DEFAULT NULL::text, p_name text DEFAULT NULL::text, p_role text DEFAULT NULL::text) RETURNS lockstep.people
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_person lockstep.people;
begin
    perform lockstep.lock_account(p_actor_id, p_user_id, coalesce(p_role, 'admin') = 'admin');
    perform lockstep.check_not_erased(p_user_id);

    if p_email is not null then
        perform lockstep.check_email(p_email);
    end if;

    begin
        update lockstep.users as person
        set email = coalesce(p_email, person.email),
            name = coalesce(p_name, person.name),
            role = coalesce(p_role, person.role),
            updated_at = clock_timestamp()
        where person.id = p_user_id
            and (person.email, person.name, person.role)
            <> (coalesce(p_email, person.email), coalesce(p_name, person.name), coalesce(p_role, person.role));
    exception
        when unique_violation then
            raise exception using
                errcode = 'LS042',
                message = 'this e-mail address is taken',
                detail = format('email=%s', p_email),
                hint = 'Find who has it: list_users() searches by the beginning of an address.';
    end;

    select person.*
    into v_person
    from lockstep.people as person
    where person.id = p_user_id;

    return v_person;
end;
$$;


ALTER FUNCTION lockstep.change_user(p_actor_id bigint, p_user_id bigint, p_email text, p_name text, p_role text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION change_user(p_actor_id bigint, p_user_id bigint, p_email text, p_name text, p_role text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.change_user(p_actor_id bigint, p_user_id bigint, p_email text, p_name text, p_role text) IS 'Changes the e-mail address, the name, or the role of a person, by an admin; what is null stays.

Returns the person. Another role holds from their next request on.
Raises LS001 no such user, LS006 no e-mail address, LS031 the actor is no admin, LS041 the last admin,
LS042 address taken, LS043 erased, 23514 no such role.
Locks the user''s row; of an admin who is to be none, those of all active admins.';


--
-- Name: changed_fields(jsonb, jsonb); Type: FUNCTION; Schema: lockstep; Owner: lockstep_owner
--

CREATE FUNCTION lockstep.changed_fields(p_before jsonb, p_after jsonb) RETURNS text[]
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select coalesce(array_agg(field.name order by field.name), '{}')
    from jsonb_each(p_after) as field (name, content)
    where p_before -> field.name is distinct from field.content;
$$;


ALTER FUNCTION lockstep.changed_fields(p_before jsonb, p_after jsonb) OWNER TO lockstep_owner;

--
-- Name: FUNCTION changed_fields(p_before jsonb, p_after jsonb); Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON FUNCTION lockstep.changed_fields(p_before jsonb, p_after jsonb) IS 'The names of the fields of the second that differ from the first, by name.';


--
-- Name: check_access(bigint, bigint, boolean); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.check_access(p_actor_id bigint, p_user_id bigint, p_changes boolean DEFAULT false) RETURNS void
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_role text;
begin
    select actor.role
    into v_role
    from lockstep.users as actor
    where actor.id = p_actor_id;

    -- Staff is told that somebody does not exist; a student learns nothing about other ids.
    if v_role in ('admin', 'instructor') then
        perform lockstep.check_user(p_user_id);
    end if;

    -- Nobody awards anything to themselves but an admin, who could make another account for it.
    if not lockstep.may_see(p_actor_id, p_user_id)
        or (p_changes and v_role <> 'admin' and (v_role <> 'instructor' or p_actor_id = p_user_id))
    then
        raise exception using
            errcode = 'LS032',
            message = 'this person is not yours to see or to change',
            detail = format('actor_id=%s user_id=%s', p_actor_id, p_user_id),
            hint = 'A student sees themselves; an instructor the students of their groups, and those in none.';
    end if;
end;
$$;


ALTER FUNCTION lockstep.check_access(p_actor_id bigint, p_user_id bigint, p_changes boolean) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION check_access(p_actor_id bigint, p_user_id bigint, p_changes boolean); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.check_access(p_actor_id bigint, p_user_id bigint, p_changes boolean) IS 'Lets the actor read, or change, the progress of a user, by the rule of may_see().

Changing is for instructors and admins.
Raises LS001 no such user (to instructors and admins only), LS032 not theirs. Locks nothing.';


--
-- Name: check_admin(bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.check_admin(p_actor_id bigint) RETURNS void
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    if not exists (
        select from lockstep.users as actor
        where actor.id = p_actor_id
            and actor.role = 'admin'
            and actor.is_active
    ) then
        raise exception using
            errcode = 'LS031',
            message = 'this is not for your role',
            detail = format('actor_id=%s allowed=admin', coalesce(p_actor_id::text, 'null')),
            hint = 'Ask an admin.';
    end if;
end;
$$;


ALTER FUNCTION lockstep.check_admin(p_actor_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION check_admin(p_actor_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.check_admin(p_actor_id bigint) IS 'Raises LS031 unless the actor is an active admin.';


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
-- Name: check_email(text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_owner
--

CREATE FUNCTION lockstep.check_email(p_email text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
begin
    -- What stands for an address that nobody has ends in .invalid: of those erased, say.
    if p_email is null
        or length(p_email) > 254
        or p_email !~ '^[^@[:space:]]+@[^@[:space:]]+$'
        or lower(p_email) like '%.invalid'
    then
        raise exception using
            errcode = 'LS006',
            message = 'invalid argument',
            detail = format('email=%s', coalesce(left(p_email, 254), 'null')),
            hint = 'Give an e-mail address of at most 254 characters.';
    end if;
end;
$_$;


ALTER FUNCTION lockstep.check_email(p_email text) OWNER TO lockstep_owner;

--
-- Name: FUNCTION check_email(p_email text); Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON FUNCTION lockstep.check_email(p_email text) IS 'Raises LS006 for what is no e-mail address, or only stands for one.';


--
-- Name: check_group(bigint, bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.check_group(p_actor_id bigint, p_group_id bigint) RETURNS void
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    if not exists (
        select
        from lockstep.groups as known
        inner join lockstep.users as actor on actor.id = p_actor_id
        where known.id = p_group_id
            and (
                actor.role = 'admin'
                or exists (
                    select from lockstep.group_members as member
                    where member.user_id = p_actor_id
                        and member.group_id = p_group_id
                )
            )
    ) then
        raise exception using
            errcode = 'LS045',
            message = 'group not found',
            detail = format('group_id=%s', coalesce(p_group_id::text, 'null')),
            hint = 'An admin sees every group; anybody else those that they are in.';
    end if;
end;
$$;


ALTER FUNCTION lockstep.check_group(p_actor_id bigint, p_group_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION check_group(p_actor_id bigint, p_group_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.check_group(p_actor_id bigint, p_group_id bigint) IS 'Raises LS045 when there is no such group, or (to others than admins) none that the actor is in.';


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
-- Name: check_incidents(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.check_incidents() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    -- As of now, by the checks and runs that are committed.
    v_started constant timestamptz := clock_timestamp();
    v_found constant lockstep.incident_conditions[] := array(
        select condition
        from lockstep.incident_conditions as condition
    );
    v_one record;
begin
    for v_one in
        select found.kind, found.subject, found.cause
        from unnest(v_found) as found
        union all
        select incident.kind, incident.subject, null
        from lockstep.noted_incidents as incident
        inner join lockstep.incident_kinds as known
            on known.kind = incident.kind
        where known.is_condition
            and incident.closed_at is null
            and not exists (
                select from unnest(v_found) as found
                where found.kind = incident.kind
                    and found.subject = incident.subject
            )
        order by kind, subject
    loop
        if v_one.cause is null then
            perform lockstep.close_incident(v_one.kind, v_one.subject);
        else
            perform lockstep.note_incident(v_one.kind, v_one.subject, v_one.cause);
        end if;
    end loop;

    update lockstep.incident_checks as last
    set checked_at = v_started;

    return cardinality(v_found)::bigint;
end;
$$;


ALTER FUNCTION lockstep.check_incidents() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION check_incidents(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.check_incidents() IS 'Opens an incident for each row of the view incident_conditions, and closes those that hold no longer.

Returns how many hold. Reads no pair. Locks the kinds, in their order, then the incidents.';


--
-- Name: check_not_erased(bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.check_not_erased(p_user_id bigint) RETURNS void
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    if exists (
        select from lockstep.erasures as erasure
        where erasure.user_id = p_user_id
    ) then
        raise exception using
            errcode = 'LS043',
            message = 'this person was erased',
            detail = format('user_id=%s', p_user_id),
            hint = 'Make a new account, if the person comes back.';
    end if;
end;
$$;


ALTER FUNCTION lockstep.check_not_erased(p_user_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION check_not_erased(p_user_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.check_not_erased(p_user_id bigint) IS 'Raises LS043 when there is only a pseudonym left: nothing that is written about a person may bring them back.';


--
-- Name: check_password_hash(bigint, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.check_password_hash(p_user_id bigint, p_password_hash text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    perform lockstep.lock_person(p_user_id);

    if not exists (
        select from lockstep.credentials as credential
        where credential.user_id = p_user_id
            and credential.password_hash = p_password_hash
    ) then
        raise exception using
            errcode = 'LS034',
            message = 'e-mail or password is wrong',
            detail = 'the password was changed a moment ago',
            hint = 'Use the new one.';
    end if;
end;
$$;


ALTER FUNCTION lockstep.check_password_hash(p_user_id bigint, p_password_hash text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION check_password_hash(p_user_id bigint, p_password_hash text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.check_password_hash(p_user_id bigint, p_password_hash text) IS 'Whether this is still the hash of the password, which stays so until the end of the transaction.

Raises LS030 account not active, LS034 if not. Locks the person.';


--
-- Name: check_password_reset(bigint, bytea); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.check_password_reset(p_user_id bigint, p_token_hash bytea) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    perform from lockstep.users as person
    where person.id = p_user_id
    for no key update;

    if not exists (
        select from lockstep.password_resets as reset
        inner join lockstep.users as person on person.id = reset.user_id
        where reset.user_id = p_user_id
            and reset.token_hash = p_token_hash
            and reset.expires_at > clock_timestamp()
            and person.is_active
    ) then
        raise exception using
            errcode = 'LS035',
            message = 'this reset is not good, or not any more',
            detail = 'the token is wrong, used, replaced or expired, or the account is not active',
            hint = 'Ask an admin for another.';
    end if;
end;
$$;


ALTER FUNCTION lockstep.check_password_reset(p_user_id bigint, p_token_hash bytea) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION check_password_reset(p_user_id bigint, p_token_hash bytea); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.check_password_reset(p_user_id bigint, p_token_hash bytea) IS 'Whether a token may still reset a password: asked before the new one is hashed, which is not for free.

Raises LS035 if not. Locks the person.';


--
-- Name: check_project(bigint, bigint, lockstep.projects, lockstep.project_permission, boolean); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.check_project(p_actor_id bigint, p_project_id bigint, p_project lockstep.projects, p_needed lockstep.project_permission, p_deleted boolean DEFAULT false) RETURNS lockstep.project_permission
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_permission lockstep.project_permission := lockstep.permission_on(
        p_actor_id, p_project.user_id, p_project.id
    );
begin
    if p_project.id is null
        or v_permission is null
        or (p_project.deleted_at is not null and not p_deleted)
    then
        raise exception using
            errcode = 'LS050',
            message = 'project not found',
            detail = concat_ws(
                ' ',
                format('project_id=%s', coalesce(p_project_id::text, 'null')),
                case
                    when p_project.deleted_at is not null and v_permission is not null
                        then format('deleted_at=%s version=%s', p_project.deleted_at, p_project.version)
                end
            ),
            hint = 'One that was deleted can be restored: restore_project().';
    end if;

    if v_permission < p_needed then
        raise exception using
            errcode = 'LS051',
            message = 'your permission on this project does not reach so far',
            detail = format('project_id=%s permission=%s needed=%s', p_project_id, v_permission, p_needed),
            hint = 'Ask its owner to share it, or make a copy of your own.';
    end if;

    return v_permission;
end;
$$;


ALTER FUNCTION lockstep.check_project(p_actor_id bigint, p_project_id bigint, p_project lockstep.projects, p_needed lockstep.project_permission, p_deleted boolean) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION check_project(p_actor_id bigint, p_project_id bigint, p_project lockstep.projects, p_needed lockstep.project_permission, p_deleted boolean); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.check_project(p_actor_id bigint, p_project_id bigint, p_project lockstep.projects, p_needed lockstep.project_permission, p_deleted boolean) IS 'Lets the actor pass who has the permission that is needed; returns theirs. p_project: null where there is none.

Raises LS050 no such project (or deleted, or none of the actor''s business), LS051 permission too low. Locks nothing.';


--
-- Name: check_run(bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.check_run(p_run_id bigint) RETURNS void
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    if not exists (select from lockstep.sync_runs as run where run.id = p_run_id) then
        raise exception using
            errcode = 'LS015',
            message = 'run not found',
            detail = format('run_id=%s', coalesce(p_run_id::text, 'null')),
            hint = 'See lockstep.runs for those that exist.';
    end if;
end;
$$;


ALTER FUNCTION lockstep.check_run(p_run_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION check_run(p_run_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.check_run(p_run_id bigint) IS 'Raises LS015 unless there is such a run. Locks nothing.';


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
-- Name: check_version(lockstep.projects, lockstep.project_permission, integer); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.check_version(p_project lockstep.projects, p_permission lockstep.project_permission, p_expected_version integer) RETURNS void
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    perform lockstep.check_version_given(p_expected_version);

    if p_expected_version <> p_project.version then
        perform lockstep.refuse_stale(
            p_project, p_permission, p_expected_version,
            lockstep.compare_changes(p_project, p_expected_version, '{}')
        );
    end if;
end;
$$;


ALTER FUNCTION lockstep.check_version(p_project lockstep.projects, p_permission lockstep.project_permission, p_expected_version integer) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION check_version(p_project lockstep.projects, p_permission lockstep.project_permission, p_expected_version integer); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.check_version(p_project lockstep.projects, p_permission lockstep.project_permission, p_expected_version integer) IS 'Raises LS052 when the expected version is not the current one, LS053 when it must be named and is not.';


--
-- Name: check_version_given(integer); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.check_version_given(p_expected_version integer) RETURNS void
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    if p_expected_version is null and lockstep.setting('require_if_match') = 'on' then
        raise exception using
            errcode = 'LS053',
            message = 'the version that is to be changed must be named',
            detail = 'expected_version=null',
            hint = 'Read the project, and name the version that was read: If-Match over HTTP.';
    end if;
end;
$$;


ALTER FUNCTION lockstep.check_version_given(p_expected_version integer) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION check_version_given(p_expected_version integer); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.check_version_given(p_expected_version integer) IS 'Raises LS053 when the setting require_if_match is on and no version is named.';


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
-- Name: claim_idempotency_keys(text, lockstep.batch_item[]); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.claim_idempotency_keys(p_function_name text, p_items lockstep.batch_item[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    if not exists (
        select from unnest(p_items) as item
        where item.idempotency_key is not null
    ) then
        return;
    end if;

    -- The arguments follow with the answer: until the commit nobody else sees this row.
    insert into lockstep.idempotency_keys (user_id, key, function_name, arguments)
    select wanted.user_id, wanted.key, p_function_name, 'null'
    from (
        select distinct
            person.id as user_id,
            item.idempotency_key as key
        from unnest(p_items) as item
        inner join lockstep.users as person
            on person.id = item.user_id
        where length(item.idempotency_key) between 1 and 255
    ) as wanted
    order by wanted.user_id, wanted.key
    on conflict do nothing;
end;
$$;


ALTER FUNCTION lockstep.claim_idempotency_keys(p_function_name text, p_items lockstep.batch_item[]) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION claim_idempotency_keys(p_function_name text, p_items lockstep.batch_item[]); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.claim_idempotency_keys(p_function_name text, p_items lockstep.batch_item[]) IS 'Claims the keys of a batch that nobody has used, in order, before any row of a pair is locked.

A key of ours has no answer yet; give back with release_idempotency_keys() what is not used.
Locks the keys.';


--
-- Name: incident_kinds; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.incident_kinds (
    kind text NOT NULL,
    severity text NOT NULL,
    is_condition boolean NOT NULL,
    title text NOT NULL,
    look text NOT NULL,
    mend text NOT NULL,
    CONSTRAINT ck_incident_kinds_severity CHECK ((severity = ANY (ARRAY['critical'::text, 'warning'::text])))
);


ALTER TABLE lockstep.incident_kinds OWNER TO lockstep_owner;

--
-- Name: TABLE incident_kinds; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.incident_kinds IS 'What can go wrong, and what a person does about it.';


--
-- Name: COLUMN incident_kinds.kind; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.incident_kinds.kind IS 'Its name in the calls of note_incident() and close_incident().';


--
-- Name: COLUMN incident_kinds.severity; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.incident_kinds.severity IS 'critical: somebody has to act now; warning: soon.';


--
-- Name: COLUMN incident_kinds.is_condition; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.incident_kinds.is_condition IS 'True where check_incidents() opens and closes it, by the view incident_conditions; else whoever notes it closes it.';


--
-- Name: COLUMN incident_kinds.title; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.incident_kinds.title IS 'What it is, for the subject of a mail.';


--
-- Name: COLUMN incident_kinds.look; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.incident_kinds.look IS 'The command that shows it.';


--
-- Name: COLUMN incident_kinds.mend; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.incident_kinds.mend IS 'The command that mends it, or where it is described.';


--
-- Name: CONSTRAINT ck_incident_kinds_severity ON incident_kinds; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_incident_kinds_severity ON lockstep.incident_kinds IS 'How soon somebody has to act.';


--
-- Name: incident_mails; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.incident_mails (
    id bigint NOT NULL,
    incident_id bigint NOT NULL,
    event text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    try_after timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    error text,
    sent_at timestamp with time zone,
    set_aside_at timestamp with time zone,
    CONSTRAINT ck_incident_mails_end CHECK (((sent_at IS NULL) OR (set_aside_at IS NULL))),
    CONSTRAINT ck_incident_mails_event CHECK ((event = ANY (ARRAY['opened'::text, 'closed'::text])))
);


ALTER TABLE lockstep.incident_mails OWNER TO lockstep_owner;

--
-- Name: TABLE incident_mails; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.incident_mails IS 'The outbox: a mail is written in the transaction that opens or closes its incident, and is delivered later.';


--
-- Name: COLUMN incident_mails.event; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.incident_mails.event IS 'opened or closed.';


--
-- Name: COLUMN incident_mails.try_after; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.incident_mails.try_after IS 'Not to be delivered before this.';


--
-- Name: COLUMN incident_mails.attempts; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.incident_mails.attempts IS 'How often a delivery failed.';


--
-- Name: COLUMN incident_mails.error; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.incident_mails.error IS 'What the mail server, or the way to it, said last; of a sent one, who was refused.';


--
-- Name: COLUMN incident_mails.sent_at; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.incident_mails.sent_at IS 'When a mail server took it.';


--
-- Name: COLUMN incident_mails.set_aside_at; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.incident_mails.set_aside_at IS 'When it was given up: it needs somebody.';


--
-- Name: CONSTRAINT ck_incident_mails_end ON incident_mails; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_incident_mails_end ON lockstep.incident_mails IS 'A mail is sent, or set aside, or waits.';


--
-- Name: CONSTRAINT ck_incident_mails_event ON incident_mails; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_incident_mails_event ON lockstep.incident_mails IS 'What a mail tells of.';


--
-- Name: noted_incidents; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.noted_incidents (
    id bigint NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    cause jsonb NOT NULL,
    last_cause jsonb NOT NULL,
    opened_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    last_seen_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    times_seen bigint DEFAULT 1 NOT NULL,
    times_reopened integer DEFAULT 0 NOT NULL,
    closed_at timestamp with time zone,
    CONSTRAINT ck_noted_incidents_cause CHECK (((jsonb_typeof(cause) = 'object'::text) AND (jsonb_typeof(last_cause) = 'object'::text)))
);


ALTER TABLE lockstep.noted_incidents OWNER TO lockstep_owner;

--
-- Name: TABLE noted_incidents; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.noted_incidents IS 'One row an incident, kept after it is over; the view incidents shows them.';


--
-- Name: COLUMN noted_incidents.kind; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.noted_incidents.kind IS 'What went wrong.';


--
-- Name: COLUMN noted_incidents.subject; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.noted_incidents.subject IS 'What of this kind it is about: names no person.';


--
-- Name: COLUMN noted_incidents.cause; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.noted_incidents.cause IS 'Why it was opened, as an object: figures and names of things, no person.';


--
-- Name: COLUMN noted_incidents.last_cause; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.noted_incidents.last_cause IS 'The same, as it was seen last.';


--
-- Name: COLUMN noted_incidents.times_seen; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.noted_incidents.times_seen IS 'How often it was noted.';


--
-- Name: COLUMN noted_incidents.times_reopened; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.noted_incidents.times_reopened IS 'How often it came again so soon that it is the same one (incident_quiet).';


--
-- Name: COLUMN noted_incidents.closed_at; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.noted_incidents.closed_at IS 'When it was over; null while it is open.';


--
-- Name: CONSTRAINT ck_noted_incidents_cause ON noted_incidents; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_noted_incidents_cause ON lockstep.noted_incidents IS 'A cause has names for what it says.';


--
-- Name: outbox; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.outbox AS
 SELECT mail.id AS mail_id,
    mail.incident_id,
    mail.event,
        CASE
            WHEN (mail.sent_at IS NOT NULL) THEN 'sent'::text
            WHEN (mail.set_aside_at IS NOT NULL) THEN 'set_aside'::text
            WHEN (mail.attempts > 0) THEN 'retrying'::text
            ELSE 'waiting'::text
        END AS state,
    mail.created_at,
    mail.try_after,
    mail.attempts,
    mail.error,
    mail.sent_at,
    mail.set_aside_at,
    incident.kind,
    incident.subject,
    known.severity,
    known.title,
    incident.cause,
    incident.last_cause,
    incident.opened_at,
    incident.last_seen_at,
    incident.times_seen,
    incident.times_reopened,
    incident.closed_at,
    known.look,
    known.mend
   FROM ((lockstep.incident_mails mail
     JOIN lockstep.noted_incidents incident ON ((incident.id = mail.incident_id)))
     JOIN lockstep.incident_kinds known ON ((known.kind = incident.kind)));


ALTER TABLE lockstep.outbox OWNER TO lockstep_owner;

--
-- Name: VIEW outbox; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.outbox IS 'The mails of incidents, each with what it tells, and how far it came.';


--
-- Name: COLUMN outbox.state; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.outbox.state IS 'waiting, retrying (a delivery failed), sent or set_aside.';


--
-- Name: claim_mail(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.claim_mail() RETURNS lockstep.outbox
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_mail_id bigint;
    v_claimed lockstep.outbox;
begin
    select mail.id
    into v_mail_id
    from lockstep.incident_mails as mail
    where mail.sent_at is null
        and mail.set_aside_at is null
        and mail.try_after <= clock_timestamp()
        -- That it is over is told after that it began.
        and not (
            mail.event = 'closed'
            and exists (
                select from lockstep.incident_mails as opened
                where opened.incident_id = mail.incident_id
                    and opened.event = 'opened'
                    and opened.sent_at is null
                    and opened.set_aside_at is null
            )
        )
    order by mail.id
    limit 1
    for no key update of mail skip locked;

    select claimed.*
    into v_claimed
    from lockstep.outbox as claimed
    where claimed.mail_id = v_mail_id;

    return v_claimed;
end;
$$;


ALTER FUNCTION lockstep.claim_mail() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION claim_mail(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.claim_mail() IS 'Takes the oldest mail that is due and that nobody else is delivering, to be ended by finish_mail() in the same transaction.

Returns it as the view outbox shows it; nulls where there is none. Locks the mail until the commit: of a deliverer
that dies the next one takes it. Waits for nobody.';


--
-- Name: queued_level_ups; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.queued_level_ups (
    user_id bigint NOT NULL,
    id bigint NOT NULL,
    specialization_id text NOT NULL,
    xp_gained bigint NOT NULL,
    sessions_completed integer NOT NULL,
    projects_completed integer NOT NULL,
    theory_hours numeric NOT NULL,
    practice_hours numeric NOT NULL,
    advanced_by bigint,
    reason text,
    idempotency_key text,
    database_role text DEFAULT COALESCE(NULLIF(current_setting('role'::text), 'none'::text), (SESSION_USER)::text) NOT NULL,
    application_name text DEFAULT current_setting('application_name'::text) NOT NULL,
    client_address inet DEFAULT inet_client_addr(),
    enqueued_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    try_after timestamp with time zone,
    error_code text,
    error text,
    set_aside_at timestamp with time zone
);


ALTER TABLE lockstep.queued_level_ups OWNER TO lockstep_owner;

--
-- Name: TABLE queued_level_ups; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.queued_level_ups IS 'Calls of level_up() that wait to be drained: an entry goes in the transaction that applies it.';


--
-- Name: COLUMN queued_level_ups.xp_gained; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.queued_level_ups.xp_gained IS 'This and what follows up to the key: the arguments of level_up().';


--
-- Name: COLUMN queued_level_ups.sessions_completed; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.queued_level_ups.sessions_completed IS 'As in level_up().';


--
-- Name: COLUMN queued_level_ups.projects_completed; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.queued_level_ups.projects_completed IS 'As in level_up().';


--
-- Name: COLUMN queued_level_ups.theory_hours; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.queued_level_ups.theory_hours IS 'As in level_up().';


--
-- Name: COLUMN queued_level_ups.practice_hours; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.queued_level_ups.practice_hours IS 'As in level_up().';


--
-- Name: COLUMN queued_level_ups.advanced_by; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.queued_level_ups.advanced_by IS 'As in level_up().';


--
-- Name: COLUMN queued_level_ups.idempotency_key; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.queued_level_ups.idempotency_key IS 'As in level_up(): queued twice, it is applied once.';


--
-- Name: COLUMN queued_level_ups.database_role; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.queued_level_ups.database_role IS 'The role that enqueued it: the history names it, not the worker.';


--
-- Name: COLUMN queued_level_ups.client_address; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.queued_level_ups.client_address IS 'Where it was enqueued from; null: a Unix socket.';


--
-- Name: COLUMN queued_level_ups.attempts; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.queued_level_ups.attempts IS 'How often it was refused; after the third time it is set aside.';


--
-- Name: COLUMN queued_level_ups.try_after; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.queued_level_ups.try_after IS 'Not to be tried again before this; null: at once.';


--
-- Name: COLUMN queued_level_ups.error_code; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.queued_level_ups.error_code IS 'SQLSTATE of the last refusal.';


--
-- Name: COLUMN queued_level_ups.error; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.queued_level_ups.error IS 'Message and detail of the last refusal.';


--
-- Name: COLUMN queued_level_ups.set_aside_at; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.queued_level_ups.set_aside_at IS 'When it was set aside; null: it waits.';


--
-- Name: claim_queue_entries(bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.claim_queue_entries(p_limit bigint) RETURNS lockstep.queued_level_ups[]
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_entries lockstep.queued_level_ups[];
    v_ids bigint[];
begin
    v_entries := array(
        select entry
        from lockstep.queued_level_ups as entry
        where entry.set_aside_at is null
            and (entry.try_after is null or entry.try_after <= clock_timestamp())
        order by entry.id
        limit p_limit
        for no key update skip locked
    );

    v_ids := array(
        select claimed.id
        from unnest(v_entries) as claimed
    );

    -- Order within a pair: an entry only with every earlier one that is not done yet. One that was
    -- refused has left the line.
    return array(
        select claimed
        from unnest(v_entries) as claimed
        inner join (
            select pair.user_id, pair.specialization_id, others.first_id
            from (
                select one.user_id, one.specialization_id, max(one.id) as last_id
                from unnest(v_entries) as one
                group by one.user_id, one.specialization_id
            ) as pair
            left outer join lateral (
                select other.id as first_id
                from lockstep.queued_level_ups as other
                where other.user_id = pair.user_id
                    and other.id <= pair.last_id
                    and other.specialization_id = pair.specialization_id
                    and other.attempts = 0
                    and other.id <> all(v_ids)
                order by other.id
                limit 1
            ) as others on true
        ) as line
            on line.user_id = claimed.user_id
            and line.specialization_id = claimed.specialization_id
        where line.first_id is null
            or claimed.id < line.first_id
        order by claimed.id
    );
end;
$$;


ALTER FUNCTION lockstep.claim_queue_entries(p_limit bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION claim_queue_entries(p_limit bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.claim_queue_entries(p_limit bigint) IS 'Takes the oldest entries of the queue that no other drain has, and leaves out those whose pair another drain has.

Returns them in order. Locks them until the commit; waits for nobody.';


--
-- Name: close_incident(text, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.close_incident(p_kind text, p_subject text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_incident_id bigint;
begin
    -- Lock order: the kind, then the incident, then its mails.
    perform from lockstep.incident_kinds as known
    where known.kind = p_kind
    for no key update;

    update lockstep.noted_incidents as incident
    set closed_at = clock_timestamp()
    where incident.kind = p_kind
        and incident.subject = p_subject
        and incident.closed_at is null
    returning incident.id into v_incident_id;

    if not found then
        return false;
    end if;

    insert into lockstep.incident_mails (incident_id, event, try_after)
    values (v_incident_id, 'closed', clock_timestamp() + lockstep.setting('incident_quiet')::interval);

    return true;
end;
$$;


ALTER FUNCTION lockstep.close_incident(p_kind text, p_subject text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION close_incident(p_kind text, p_subject text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.close_incident(p_kind text, p_subject text) IS 'Closes the open incident of this kind and subject, with a mail that waits for the setting incident_quiet.

Returns whether there was one. Locks the kind, then the incident.';


--
-- Name: compare_changes(lockstep.projects, integer, jsonb); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.compare_changes(p_project lockstep.projects, p_expected_version integer, p_given jsonb) RETURNS lockstep.project_comparison
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_base jsonb;
    v_current jsonb := lockstep.project_fields(
        p_project.title, p_project.description, p_project.file_sha256, p_project.file_name, p_project.deleted_at
    );
    v_answer lockstep.project_comparison;
begin
    select lockstep.project_fields(
        base.title, base.description, base.file_sha256, base.file_name, base.deleted_at
    )
    into v_base
    from lockstep.project_revisions as base
    where base.user_id = p_project.user_id
        and base.project_id = p_project.id
        and base.version = p_expected_version;

    if found then
        v_answer.changed_fields := lockstep.changed_fields(v_base, v_current);
        v_answer.wanted_fields := lockstep.changed_fields(v_base, p_given);
        v_answer.colliding_fields := array(
            select changed.field
            from unnest(v_answer.changed_fields) as changed (field)
            where changed.field = any (v_answer.wanted_fields)
                and p_given -> changed.field <> v_current -> changed.field
            order by changed.field
        );
    else
        v_answer.colliding_fields := array(
            select field.name
            from jsonb_object_keys(p_given) as field (name)
            order by field.name
        );
    end if;

    v_answer.mergeable := v_answer.colliding_fields = '{}' and p_given <> '{}';
    return v_answer;
end;
$$;


ALTER FUNCTION lockstep.compare_changes(p_project lockstep.projects, p_expected_version integer, p_given jsonb) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION compare_changes(p_project lockstep.projects, p_expected_version integer, p_given jsonb); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.compare_changes(p_project lockstep.projects, p_expected_version integer, p_given jsonb) IS 'Compares three ways: a project at the version that a writer saw, as it is now, and as the writer wants it.

p_given: the fields that the writer gives, as project_fields() has them. One that the writer repeats as they
saw it is not wanted; one that others changed to the very same does not collide. Locks nothing.';


--
-- Name: copy_project(bigint, bigint, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.copy_project(p_actor_id bigint, p_project_id bigint, p_title text DEFAULT NULL::text) RETURNS lockstep.project_state
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_source lockstep.projects;
    v_copy lockstep.projects;
begin
    -- Locked, so that the copy waits for a write that is under way and has it whole.
    v_source := (lockstep.lock_project(p_actor_id, p_project_id, 'READ')).project;

    insert into lockstep.projects (
        user_id, title, description, file_sha256, file_name, modified_by, copied_from_id, copied_from_version
    )
    values (
        p_actor_id, coalesce(p_title, v_source.title), v_source.description, v_source.file_sha256,
        v_source.file_name, p_actor_id, v_source.id, v_source.version
    )
    returning * into v_copy;

    return lockstep.describe_project(v_copy, 'ADMIN');
end;
$$;


ALTER FUNCTION lockstep.copy_project(p_actor_id bigint, p_project_id bigint, p_title text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION copy_project(p_actor_id bigint, p_project_id bigint, p_title text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.copy_project(p_actor_id bigint, p_project_id bigint, p_title text) IS 'Makes a project of the actor''s with the present state of another that they may read; its shares are not copied.

Raises LS050 no such project; 23514 a title too long or empty.
Locks the source''s row, then the blob.';


--
-- Name: count_attempt(text, text, integer); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.count_attempt(p_kind text, p_name text, p_free integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_count lockstep.sign_in_attempts;
    v_now timestamptz;
    v_wait interval;
begin
    loop
        select attempt.*
        into v_count
        from lockstep.sign_in_attempts as attempt
        where attempt.kind = p_kind
            and attempt.name = p_name
        for no key update;

        exit when found;

        -- Of many at once one inserts; the others wait for it here, and then for its lock above.
        insert into lockstep.sign_in_attempts (kind, name)
        values (p_kind, p_name)
        on conflict on constraint sign_in_attempts_pkey do nothing;
    end loop;

    -- After the lock, for which this may have waited.
    v_now := clock_timestamp();

    if v_count.last_at < v_now - lockstep.setting('sign_in_memory')::interval then
        v_count.failures := 0;
    end if;

    -- After the last free one a second, and twice as long after each further one.
    v_wait := case
        when v_count.failures < p_free then interval '0'
        else least(
            interval '1 second' * power(2, least(v_count.failures - p_free, 30)),
            lockstep.setting('sign_in_longest_wait')::interval
        )
    end;

    -- What is refused here is rolled back, so it makes nobody wait for longer.
    if v_now < v_count.last_at + v_wait then
        raise exception using
            errcode = 'LS033',
            message = 'too many sign-ins failed',
            detail = format('seconds=%s', ceil(extract(epoch from v_count.last_at + v_wait - v_now))),
            hint = 'Wait for so long; the right password is not looked at before.';
    end if;

    update lockstep.sign_in_attempts as attempt
    set failures = v_count.failures + 1,
        last_at = v_now
    where attempt.kind = p_kind
        and attempt.name = p_name;
end;
$$;


ALTER FUNCTION lockstep.count_attempt(p_kind text, p_name text, p_free integer) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION count_attempt(p_kind text, p_name text, p_free integer); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.count_attempt(p_kind text, p_name text, p_free integer) IS 'Counts an attempt to sign in as failed, until it is taken back; so many are free, then there are waits.

Raises LS033 as long as one has to wait, 23502 for no name. Locks the count.';


--
-- Name: count_raw_write(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.count_raw_write() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_role constant text := coalesce(nullif(current_setting('role'), 'none'), session_user);
begin
    -- A serializable transaction only adds: what it read here, others would conflict with.
    if current_setting('transaction_isolation') <> 'serializable' then
        -- The session's own row, so nobody waits; after PREPARE TRANSACTION that may be held: then another.
        update lockstep.raw_writes as seen
        set statements = seen.statements + 1,
            last_seen_at = clock_timestamp()
        where seen.id = (
            select own.id
            from lockstep.raw_writes as own
            where own.backend_pid = pg_backend_pid()
                and own.table_name = tg_argv[0]
                and own.operation = tg_op
                and own.database_role = v_role
                and own.application_name = current_setting('application_name')
            limit 1
            for no key update skip locked
        );

        if found then
            return null;
        end if;
    end if;

    insert into lockstep.raw_writes (database_role, application_name, table_name, operation)
    values (v_role, current_setting('application_name'), tg_argv[0], tg_op);

    return null;
end;
$$;


ALTER FUNCTION lockstep.count_raw_write() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION count_raw_write(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.count_raw_write() IS 'After a raw statement on a coupled table or the history: counts it, for the view raw_writers.

Locks a row that is the session''s own, and waits for nobody.';


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
-- Name: create_admin(text, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.create_admin(p_email text, p_password_hash text) RETURNS lockstep.users
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_person lockstep.users;
begin
    insert into lockstep.users (email, role)
    values (p_email, 'admin')
    returning * into v_person;

    perform lockstep.write_password(v_person.id, p_password_hash);

    return v_person;
end;
$$;


ALTER FUNCTION lockstep.create_admin(p_email text, p_password_hash text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION create_admin(p_email text, p_password_hash text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.create_admin(p_email text, p_password_hash text) IS 'Makes an admin with a password. For the operator, on the console.

Returns the person. Raises 23505 when somebody has this e-mail address, 23514 not an argon2id hash.';


--
-- Name: group_list; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.group_list AS
 SELECT known.id,
    known.name,
    known.created_at,
    ( SELECT count(*) AS count
           FROM lockstep.group_members member
          WHERE (member.group_id = known.id)) AS members
   FROM lockstep.groups known;


ALTER TABLE lockstep.group_list OWNER TO lockstep_owner;

--
-- Name: VIEW group_list; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.group_list IS 'Groups, each with how many people are in it.';


--
-- Name: COLUMN group_list.members; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.group_list.members IS 'How many people are in it.';


--
-- Name: create_group(bigint, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.create_group(p_actor_id bigint, p_name text) RETURNS lockstep.group_list
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_id bigint;
    v_group lockstep.group_list;
begin
    perform lockstep.check_admin(p_actor_id);

    v_id := lockstep.get_or_create_group(p_name);

    select known.*
    into v_group
    from lockstep.group_list as known
    where known.id = v_id;

    return v_group;
end;
$$;


ALTER FUNCTION lockstep.create_group(p_actor_id bigint, p_name text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION create_group(p_actor_id bigint, p_name text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.create_group(p_actor_id bigint, p_name text) IS 'get_or_create_group() by an admin who signed in: the group of this name, made if there is none.

Raises LS031 the actor is no admin, and what get_or_create_group() raises. Waits for another who makes it.';


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
-- Name: password_resets; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.password_resets (
    user_id bigint NOT NULL,
    token_hash bytea NOT NULL,
    requested_by bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_password_resets_token_hash CHECK ((length(token_hash) = 32))
);


ALTER TABLE lockstep.password_resets OWNER TO lockstep_owner;

--
-- Name: TABLE password_resets; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.password_resets IS 'One open reset a person: a new one replaces it, its use deletes it.';


--
-- Name: COLUMN password_resets.token_hash; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.password_resets.token_hash IS 'SHA-256 of the token, which has 256 random bits.';


--
-- Name: COLUMN password_resets.requested_by; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.password_resets.requested_by IS 'The admin who made it.';


--
-- Name: CONSTRAINT ck_password_resets_token_hash ON password_resets; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_password_resets_token_hash ON lockstep.password_resets IS 'A token in clear is refused.';


--
-- Name: create_password_reset(bigint, bigint, bytea); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.create_password_reset(p_actor_id bigint, p_user_id bigint, p_token_hash bytea) RETURNS lockstep.password_resets
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_reset lockstep.password_resets;
begin
    perform lockstep.check_user(p_user_id);

    perform from lockstep.users as person
    where person.id = p_user_id
    for no key update;

    insert into lockstep.password_resets (user_id, token_hash, requested_by, expires_at)
    values (
        p_user_id, p_token_hash, p_actor_id, now() + lockstep.setting('password_reset_lifetime')::interval
    )
    on conflict on constraint password_resets_pkey do update
        set token_hash = excluded.token_hash,
            requested_by = excluded.requested_by,
            created_at = excluded.created_at,
            expires_at = excluded.expires_at
    returning * into v_reset;

    return v_reset;
end;
$$;


ALTER FUNCTION lockstep.create_password_reset(p_actor_id bigint, p_user_id bigint, p_token_hash bytea) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION create_password_reset(p_actor_id bigint, p_user_id bigint, p_token_hash bytea); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.create_password_reset(p_actor_id bigint, p_user_id bigint, p_token_hash bytea) IS 'Lets a person choose a password without the present one, by a token, once; it replaces an earlier one.

Returns the reset. Raises LS001 no such user, 23514 not a hash of 32 bytes. Locks the person, then the reset.';


--
-- Name: create_project(bigint, text, bytea, text, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.create_project(p_actor_id bigint, p_title text, p_file bytea, p_file_name text, p_description text DEFAULT ''::text) RETURNS lockstep.project_state
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_sha256 bytea := sha256(p_file);
    v_project lockstep.projects;
begin
    perform lockstep.check_user(p_actor_id);

    if p_title is null or p_file is null or p_file_name is null or p_description is null then
        raise exception using
            errcode = 'LS006',
            message = 'invalid argument',
            detail = 'title, file, file name and description may not be null',
            hint = 'A project is a file with a title.';
    end if;

    perform lockstep.store_blob(v_sha256, p_file, 'project_file_limit');

    insert into lockstep.projects (user_id, title, description, file_sha256, file_name, modified_by)
    values (p_actor_id, p_title, p_description, v_sha256, p_file_name, p_actor_id)
    returning * into v_project;

    return lockstep.describe_project(v_project, 'ADMIN');
end;
$$;


ALTER FUNCTION lockstep.create_project(p_actor_id bigint, p_title text, p_file bytea, p_file_name text, p_description text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION create_project(p_actor_id bigint, p_title text, p_file bytea, p_file_name text, p_description text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.create_project(p_actor_id bigint, p_title text, p_file bytea, p_file_name text, p_description text) IS 'Makes a project of the actor''s, file and all: version 1.

Raises LS001 no such actor, LS006 invalid argument, LS055 file too large; 23514 a title or name too long or empty.
Locks the blob.';


--
-- Name: create_user(bigint, text, text, text, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.create_user(p_actor_id bigint, p_email text, p_name text, p_role text DEFAULT 'student'::text, p_password_hash text DEFAULT NULL::text) RETURNS lockstep.people
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_id bigint;
    v_person lockstep.people;
begin
    perform lockstep.check_admin(p_actor_id);
    perform lockstep.check_email(p_email);

    -- Looked up first: an insert that conflicts burns a number of the sequence.
    if not exists (
        select from lockstep.users as known
        where lower(known.email) = lower(p_email)
    ) then
        insert into lockstep.users (email, name, role)
        values (p_email, p_name, p_role)
        on conflict (lower(email)) do nothing
        returning users.id into v_id;
    end if;

    if v_id is null then
        raise exception using
            errcode = 'LS042',
            message = 'this e-mail address is taken',
            detail = format('email=%s', p_email),
            hint = 'Find who has it: list_users() searches by the beginning of an address.';
    end if;

    if p_password_hash is not null then
        perform lockstep.write_password(v_id, p_password_hash);
    end if;

    select person.*
    into v_person
    from lockstep.people as person
    where person.id = v_id;

    return v_person;
end;
$$;


ALTER FUNCTION lockstep.create_user(p_actor_id bigint, p_email text, p_name text, p_role text, p_password_hash text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION create_user(p_actor_id bigint, p_email text, p_name text, p_role text, p_password_hash text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.create_user(p_actor_id bigint, p_email text, p_name text, p_role text, p_password_hash text) IS 'Makes an account, by an admin. Without a password the person signs in by OpenID, or gets a reset.

Returns the person. Of many who make the same account at once one does, the others are refused.
Raises LS006 no e-mail address, LS031 the actor is no admin, LS042 address taken, 23514 no such role, or a
password that is not hashed. Locks nothing; waits for another who takes the same address.';


--
-- Name: create_user_of_identity(text, text, text, boolean, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.create_user_of_identity(p_issuer text, p_subject text, p_email text, p_email_verified boolean, p_name text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    -- An address that nobody checked may be anybody's. One under .invalid can get no mail, and is never given out.
    v_email text := case
        when p_email_verified and p_email is not null then p_email
        else encode(sha256(convert_to(p_issuer || ' ' || p_subject, 'UTF8')), 'hex') || '@identity.invalid'
    end;
    v_id bigint;
begin
    -- Looked up first: an insert that conflicts would burn a number of the sequence each time.
    if not exists (
        select from lockstep.users as person
        where lower(person.email) = lower(v_email)
    ) then
        insert into lockstep.users (email, name)
        values (v_email, coalesce(p_name, ''))
        on conflict do nothing
        returning id into v_id;
    end if;

    if v_id is null then
        raise exception using
            errcode = 'LS036',
            message = 'another account has this e-mail address',
            detail = 'the provider names an address that somebody here has',
            hint = 'Sign in to that account as before, or ask an admin to link this identity to it.';
    end if;

    return v_id;
end;
$$;


ALTER FUNCTION lockstep.create_user_of_identity(p_issuer text, p_subject text, p_email text, p_email_verified boolean, p_name text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION create_user_of_identity(p_issuer text, p_subject text, p_email text, p_email_verified boolean, p_name text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.create_user_of_identity(p_issuer text, p_subject text, p_email text, p_email_verified boolean, p_name text) IS 'Makes the user of a new identity, a student, with their e-mail address if the provider checked it.

Returns the id. Raises LS036 somebody has this address. Waits for another who takes it.';


--
-- Name: deactivate_user(bigint, bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.deactivate_user(p_actor_id bigint, p_user_id bigint) RETURNS lockstep.people
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_person lockstep.people;
begin
    perform lockstep.lock_account(p_actor_id, p_user_id, p_stays_admin => false);
    perform lockstep.check_not_erased(p_user_id);

    update lockstep.users as person
    set is_active = false,
        updated_at = clock_timestamp()
    where person.id = p_user_id
        and person.is_active;

    perform lockstep.end_sessions(p_user_id, 'deactivated');

    select person.*
    into v_person
    from lockstep.people as person
    where person.id = p_user_id;

    return v_person;
end;
$$;


ALTER FUNCTION lockstep.deactivate_user(p_actor_id bigint, p_user_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION deactivate_user(p_actor_id bigint, p_user_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.deactivate_user(p_actor_id bigint, p_user_id bigint) IS 'Shuts a person out, by an admin: no sign-in any more, and every session ends at once. What they earned stays.

Returns the person; again changes nothing.
Raises LS001 no such user, LS031 the actor is no admin, LS041 the last admin, LS043 erased.
Locks the user''s row; of an admin, those of all active admins.';


--
-- Name: delete_group(bigint, bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.delete_group(p_actor_id bigint, p_group_id bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    perform lockstep.check_admin(p_actor_id);
    perform lockstep.check_group(p_actor_id, p_group_id);

    delete from lockstep.groups as known
    where known.id = p_group_id;
end;
$$;


ALTER FUNCTION lockstep.delete_group(p_actor_id bigint, p_group_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION delete_group(p_actor_id bigint, p_group_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.delete_group(p_actor_id bigint, p_group_id bigint) IS 'Deletes a group, by an admin. Its people stay; students who were in no other are seen by every instructor then.

Raises LS031 the actor is no admin, LS045 no such group. Locks the group, then its memberships.';


--
-- Name: delete_project(bigint, bigint, integer); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.delete_project(p_actor_id bigint, p_project_id bigint, p_expected_version integer DEFAULT NULL::integer) RETURNS lockstep.project_state
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_locked lockstep.locked_project;
    v_project lockstep.projects;
begin
    v_locked := lockstep.lock_project(p_actor_id, p_project_id, 'ADMIN');
    v_project := v_locked.project;
    perform lockstep.check_version(v_project, v_locked.permission, p_expected_version);

    update lockstep.projects as project
    set deleted_at = clock_timestamp(),
        restored_from = null,
        modified_by = p_actor_id
    where project.user_id = v_project.user_id
        and project.id = v_project.id
    returning project.* into v_project;

    return lockstep.describe_project(v_project, v_locked.permission);
end;
$$;


ALTER FUNCTION lockstep.delete_project(p_actor_id bigint, p_project_id bigint, p_expected_version integer) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION delete_project(p_actor_id bigint, p_project_id bigint, p_expected_version integer); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.delete_project(p_actor_id bigint, p_project_id bigint, p_expected_version integer) IS 'Deletes a project, so that it can be restored until purge_projects() takes it: a new version.

Raises LS050 no such project, LS051 permission too low, LS052 modified by another, LS053 no version named.
Locks the project''s row.';


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
            format('%s pair%s twice', count(*), case when count(*) <> 1 then 's' end)
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
            format('%s pair%s twice', count(*), case when count(*) <> 1 then 's' end)
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
            format('%s of 2 policies lock progress first', count(*))
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
            format('%s pair%s out of step', count(*), case when count(*) <> 1 then 's' end)
        from lockstep.desync

        union all
        select
            11,
            'guards as installed',
            count(*) filter (where guard.status <> 'intact'),
            false,
            coalesce(
                string_agg(format('%s %s %s', guard.status, guard.kind, guard.name), ', ')
                filter (where guard.status <> 'intact'),
                format('%s intact', count(*))
            )
        from lockstep.guard_status as guard
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
-- Name: describe_project(lockstep.projects, lockstep.project_permission, text[]); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.describe_project(p_project lockstep.projects, p_permission lockstep.project_permission, p_merged_fields text[] DEFAULT NULL::text[]) RETURNS lockstep.project_state
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select row(
        p_project.id,
        p_project.user_id,
        (select owner.name from lockstep.users as owner where owner.id = p_project.user_id),
        p_project.version,
        p_project.title,
        p_project.description,
        p_project.file_name,
        (select length(blob.content) from lockstep.blobs as blob where blob.sha256 = p_project.file_sha256),
        encode(p_project.file_sha256, 'hex'),
        p_project.copied_from_id,
        p_project.copied_from_version,
        p_project.created_at,
        p_project.modified_at,
        p_project.modified_by,
        (select writer.name from lockstep.users as writer where writer.id = p_project.modified_by),
        p_project.deleted_at,
        p_permission,
        p_merged_fields
    )::lockstep.project_state;
$$;


ALTER FUNCTION lockstep.describe_project(p_project lockstep.projects, p_permission lockstep.project_permission, p_merged_fields text[]) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION describe_project(p_project lockstep.projects, p_permission lockstep.project_permission, p_merged_fields text[]); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.describe_project(p_project lockstep.projects, p_permission lockstep.project_permission, p_merged_fields text[]) IS 'A row of projects as the functions return it.';


--
-- Name: project_revisions; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.project_revisions (
    user_id bigint NOT NULL,
    project_id bigint NOT NULL,
    version integer NOT NULL,
    action text NOT NULL,
    changed_fields text[] NOT NULL,
    changed_by bigint,
    changed_at timestamp with time zone NOT NULL,
    restored_from integer,
    title text NOT NULL,
    description text NOT NULL,
    file_sha256 bytea NOT NULL,
    file_name text NOT NULL,
    deleted_at timestamp with time zone,
    database_role text DEFAULT COALESCE(NULLIF(current_setting('role'::text), 'none'::text), (SESSION_USER)::text) NOT NULL,
    transaction_id xid8 DEFAULT pg_current_xact_id() NOT NULL,
    CONSTRAINT ck_project_revisions_action CHECK ((action = ANY (ARRAY['created'::text, 'copied'::text, 'updated'::text, 'reverted'::text, 'deleted'::text, 'restored'::text])))
);


ALTER TABLE lockstep.project_revisions OWNER TO lockstep_owner;

--
-- Name: TABLE project_revisions; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.project_revisions IS 'Every version of every project, whole, append-only: what was acknowledged can be read and brought back.';


--
-- Name: COLUMN project_revisions.user_id; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.project_revisions.user_id IS 'The owner of the project.';


--
-- Name: COLUMN project_revisions.action; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.project_revisions.action IS 'created, copied, updated, reverted (to restored_from), deleted, restored (after deletion).';


--
-- Name: COLUMN project_revisions.changed_fields; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.project_revisions.changed_fields IS 'Which of title, description, file and deleted differ from the version before.';


--
-- Name: COLUMN project_revisions.changed_by; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.project_revisions.changed_by IS 'Who did it; null: raw SQL that did not say.';


--
-- Name: COLUMN project_revisions.restored_from; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.project_revisions.restored_from IS 'The version whose state was brought back; else null.';


--
-- Name: COLUMN project_revisions.title; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.project_revisions.title IS 'As of this version.';


--
-- Name: COLUMN project_revisions.description; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.project_revisions.description IS 'As of this version.';


--
-- Name: COLUMN project_revisions.file_sha256; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.project_revisions.file_sha256 IS 'As of this version.';


--
-- Name: COLUMN project_revisions.file_name; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.project_revisions.file_name IS 'As of this version.';


--
-- Name: COLUMN project_revisions.deleted_at; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.project_revisions.deleted_at IS 'As of this version.';


--
-- Name: COLUMN project_revisions.database_role; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.project_revisions.database_role IS 'The role that the statement ran as.';


--
-- Name: COLUMN project_revisions.transaction_id; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.project_revisions.transaction_id IS 'pg_current_xact_id() of the change.';


--
-- Name: CONSTRAINT ck_project_revisions_action ON project_revisions; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_project_revisions_action ON lockstep.project_revisions IS 'How a version came.';


--
-- Name: describe_revision(lockstep.project_revisions); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.describe_revision(p_revision lockstep.project_revisions) RETURNS lockstep.revision_state
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select row(
        p_revision.project_id,
        p_revision.version,
        p_revision.action,
        p_revision.changed_fields,
        p_revision.changed_by,
        (select writer.name from lockstep.users as writer where writer.id = p_revision.changed_by),
        p_revision.changed_at,
        p_revision.restored_from,
        p_revision.title,
        p_revision.description,
        p_revision.file_name,
        (select length(blob.content) from lockstep.blobs as blob where blob.sha256 = p_revision.file_sha256),
        encode(p_revision.file_sha256, 'hex'),
        p_revision.deleted_at
    )::lockstep.revision_state;
$$;


ALTER FUNCTION lockstep.describe_revision(p_revision lockstep.project_revisions) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION describe_revision(p_revision lockstep.project_revisions); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.describe_revision(p_revision lockstep.project_revisions) IS 'A row of project_revisions as the functions return it.';


--
-- Name: project_shares; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.project_shares (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    project_id bigint NOT NULL,
    grantee_user_id bigint,
    grantee_group_id bigint,
    permission lockstep.project_permission NOT NULL,
    granted_by bigint NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    modified_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT ck_project_shares_grantee CHECK ((num_nonnulls(grantee_user_id, grantee_group_id) = 1))
);


ALTER TABLE lockstep.project_shares OWNER TO lockstep_owner;

--
-- Name: TABLE project_shares; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.project_shares IS 'Who may do what with a project besides its owner: a user or a group. Of several the highest counts.';


--
-- Name: COLUMN project_shares.user_id; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.project_shares.user_id IS 'The owner of the project.';


--
-- Name: COLUMN project_shares.permission; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.project_shares.permission IS 'READ, WRITE or ADMIN.';


--
-- Name: COLUMN project_shares.granted_by; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.project_shares.granted_by IS 'Who shared it, or raised the permission last.';


--
-- Name: CONSTRAINT ck_project_shares_grantee ON project_shares; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_project_shares_grantee ON lockstep.project_shares IS 'A share is with a user or with a group.';


--
-- Name: describe_share(lockstep.project_shares); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.describe_share(p_share lockstep.project_shares) RETURNS lockstep.share_state
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select row(
        p_share.project_id,
        p_share.grantee_user_id,
        p_share.grantee_group_id,
        coalesce(
            (select grantee.name from lockstep.users as grantee where grantee.id = p_share.grantee_user_id),
            (select grantee.name from lockstep.groups as grantee where grantee.id = p_share.grantee_group_id)
        ),
        p_share.permission,
        p_share.granted_by,
        p_share.created_at,
        p_share.modified_at
    )::lockstep.share_state;
$$;


ALTER FUNCTION lockstep.describe_share(p_share lockstep.project_shares) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION describe_share(p_share lockstep.project_shares); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.describe_share(p_share lockstep.project_shares) IS 'A row of project_shares as the functions return it.';


--
-- Name: discard_level_up(bigint, bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.discard_level_up(p_user_id bigint, p_entry_id bigint) RETURNS lockstep.queued_level_ups
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_entry lockstep.queued_level_ups;
begin
    delete from lockstep.queued_level_ups as entry
    where entry.user_id = p_user_id
        and entry.id = p_entry_id
        and entry.set_aside_at is not null
    returning entry.* into v_entry;

    if not found then
        raise exception using
            errcode = 'LS070',
            message = 'no such entry is set aside',
            detail = format('user_id=%s entry_id=%s', p_user_id, p_entry_id),
            hint = 'See lockstep.queue_set_aside.';
    end if;

    return v_entry;
end;
$$;


ALTER FUNCTION lockstep.discard_level_up(p_user_id bigint, p_entry_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION discard_level_up(p_user_id bigint, p_entry_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.discard_level_up(p_user_id bigint, p_entry_id bigint) IS 'Throws away an entry that was set aside. Returns it whole: nothing else keeps it.

Raises LS070 when no such entry is set aside.';


--
-- Name: drain_as_set(lockstep.queued_level_ups[]); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.drain_as_set(p_entries lockstep.queued_level_ups[]) RETURNS lockstep.drain_outcome
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_started constant timestamptz := clock_timestamp();
    v_entries lockstep.queued_level_ups[] := p_entries;
    v_items lockstep.batch_item[];
    v_busy lockstep.batch_item[];
    v_refused lockstep.batch_outcome;
    v_done lockstep.queued_level_ups;
    v_result lockstep.drain_outcome;
begin
    v_items := array(
        select lockstep.queued_item(entry)
        from unnest(v_entries) as entry
    );

    -- Lock order, everywhere: keys, then pairs. One pair is waited for, while no other is held.
    perform lockstep.claim_idempotency_keys('level_up', v_items);

    if v_entries[1].enqueued_at < v_started - lockstep.setting('queue_patience')::interval then
        begin
            perform lockstep.lock_pairs(v_items[1:1]);
        exception
            when lock_not_available then
                v_result.breach_user_id := v_entries[1].user_id;
                v_result.breach_specialization_id := v_entries[1].specialization_id;
                v_result.breach_waited := clock_timestamp() - v_started;
        end;
    end if;

    v_busy := lockstep.lock_free_pairs(v_items);

    if v_busy <> '{}' then
        perform lockstep.release_idempotency_keys(v_busy);
        v_entries := array(
            select entry
            from unnest(v_entries) as entry
            where (entry.user_id, entry.specialization_id) not in (
                select busy.user_id, busy.specialization_id
                from unnest(v_busy) as busy
            )
        );
        v_items := array(
            select lockstep.queued_item(entry)
            from unnest(v_entries) as entry
        );
    end if;

    v_result.claimed := cardinality(p_entries);
    v_result.busy := cardinality(p_entries) - cardinality(v_entries);
    v_result.applied := cardinality(v_entries);
    v_result.refused := 0;
    v_result.set_aside := 0;

    for v_refused in
        select outcome.*
        from lockstep.change_pairs('level_up', v_items, false, array(
            select row(entry.database_role, entry.application_name, entry.client_address)::lockstep.change_origin
            from unnest(v_entries) as entry
        )) as outcome
        where outcome.outcome = 'refused'
    loop
        v_result.applied := v_result.applied - 1;
        v_result.refused := v_result.refused + 1;
        if lockstep.refuse_queue_entry(
            v_entries[v_refused.place].user_id, v_entries[v_refused.place].id, v_refused.error_code,
            concat_ws(': ', v_refused.message, v_refused.detail)
        ) then
            v_result.set_aside := v_result.set_aside + 1;
        end if;
    end loop;

    -- One by one, by key: a queue is empty when it is analyzed, and by such figures a join reads all of a full one.
    foreach v_done in array v_entries loop
        delete from lockstep.queued_level_ups as entry
        where entry.user_id = v_done.user_id
            and entry.id = v_done.id
            -- What was refused has another number by now.
            and entry.attempts = v_done.attempts;
    end loop;

    return v_result;
end;
$$;


ALTER FUNCTION lockstep.drain_as_set(p_entries lockstep.queued_level_ups[]) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION drain_as_set(p_entries lockstep.queued_level_ups[]); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.drain_as_set(p_entries lockstep.queued_level_ups[]) IS 'Applies claimed entries as one batch, those of pairs that nobody holds; the others are busy and stay.

Only the pair of the first entry is waited for, if that is older than the setting queue_patience.
Locks the keys, users of new pairs, specialization_progress, then user_licenses.';


--
-- Name: drain_level_ups(integer); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.drain_level_ups(p_limit integer DEFAULT NULL::integer) RETURNS lockstep.drain_outcome
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_lock_timeout constant text := current_setting('lock_timeout');
    v_seqscan constant text := current_setting('enable_seqscan');
    v_entries lockstep.queued_level_ups[];
    v_result lockstep.drain_outcome;
begin
    if p_limit < 1 then
        raise exception using
            errcode = 'LS006',
            message = 'invalid argument',
            detail = format('limit=%s', p_limit),
            hint = 'Take at least one entry; null takes the setting queue_batch_size.';
    end if;

    perform set_config('lock_timeout', lockstep.lock_budget(), true);

    -- A queue is empty when it is analyzed: by those figures the planner would read all of a full one.
    perform set_config('enable_seqscan', 'off', true);

    v_entries := lockstep.claim_queue_entries(coalesce(p_limit, lockstep.setting('queue_batch_size')::bigint));

    if v_entries = '{}' then
        v_result.claimed := 0;
        v_result.applied := 0;
        v_result.refused := 0;
        v_result.set_aside := 0;
        v_result.busy := 0;
    else
        begin
            v_result := lockstep.drain_as_set(v_entries);
        exception
            when others then
                -- One entry spoils the set; singly it is found, noted, and keeps nobody else.
                v_result := lockstep.drain_singly(v_entries);
        end;
    end if;

    perform set_config('enable_seqscan', v_seqscan, true);
    perform set_config('lock_timeout', v_lock_timeout, true);
    return v_result;
end;
$$;


ALTER FUNCTION lockstep.drain_level_ups(p_limit integer) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION drain_level_ups(p_limit integer); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.drain_level_ups(p_limit integer) IS 'Applies the oldest entries of the queue, p_limit at most (null: the setting queue_batch_size), and takes them out.

Several drains at once share the work. An entry that is refused is tried three times, then set aside with its
error; the others of its pair go on. Returns what it did; where nothing was applied or refused, the rest has to wait.
Raises LS006 for a limit below 1; 40001, 40P01: retry.
Locks the entries, then keys, users of new pairs, specialization_progress, then user_licenses, for no longer than
the setting lock_budget each.';


--
-- Name: drain_queue(bigint); Type: PROCEDURE; Schema: lockstep; Owner: lockstep_owner
--

CREATE PROCEDURE lockstep.drain_queue(INOUT applied bigint DEFAULT 0)
    LANGUAGE plpgsql
    AS $$
declare
    v_result lockstep.drain_outcome;
begin
    applied := 0;

    loop
        v_result := lockstep.drain_level_ups();

        if v_result.breach_user_id is not null then
            perform lockstep.note_lock_breach(
                v_result.breach_user_id, v_result.breach_specialization_id, 'queue', v_result.breach_waited
            );
        end if;

        commit;
        applied := applied + v_result.applied;
        exit when v_result.applied + v_result.refused = 0;
    end loop;
end;
$$;


ALTER PROCEDURE lockstep.drain_queue(INOUT applied bigint) OWNER TO lockstep_owner;

--
-- Name: PROCEDURE drain_queue(INOUT applied bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON PROCEDURE lockstep.drain_queue(INOUT applied bigint) IS 'Drains the queue until nothing is left that can be applied now: a transaction a batch.

call lockstep.drain_queue(). Outside a transaction block. Returns how many entries were applied.';


--
-- Name: drain_singly(lockstep.queued_level_ups[]); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.drain_singly(p_entries lockstep.queued_level_ups[]) RETURNS lockstep.drain_outcome
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_budget constant interval := lockstep.setting('lock_budget')::interval;
    v_started constant timestamptz := clock_timestamp();
    v_tried timestamptz;
    v_entry lockstep.queued_level_ups;
    v_left bigint[] := array[]::bigint[];
    v_code text;
    v_message text;
    v_detail text;
    v_result lockstep.drain_outcome;
begin
    v_result.claimed := cardinality(p_entries);
    v_result.applied := 0;
    v_result.refused := 0;
    v_result.set_aside := 0;

    foreach v_entry in array p_entries loop
        -- Nobody should wait long for what this holds.
        exit when clock_timestamp() > v_started + 10 * v_budget;
        continue when v_entry.user_id = any(v_left);
        v_tried := clock_timestamp();

        begin
            perform lockstep.change_one('level_up', lockstep.queued_item(v_entry));

            delete from lockstep.queued_level_ups as entry
            where entry.user_id = v_entry.user_id
                and entry.id = v_entry.id;

            v_result.applied := v_result.applied + 1;
        exception
            when lock_not_available or serialization_failure or deadlock_detected then
                -- It passes; until then its user's others wait, for the sake of the order.
                get stacked diagnostics v_code = returned_sqlstate;
                v_left := v_left || v_entry.user_id;
                if v_code = '55P03' then
                    v_result.breach_user_id := v_entry.user_id;
                    v_result.breach_specialization_id := v_entry.specialization_id;
                    v_result.breach_waited := clock_timestamp() - v_tried;
                end if;
            when others then
                get stacked diagnostics
                    v_code = returned_sqlstate, v_message = message_text, v_detail = pg_exception_detail;
                v_result.refused := v_result.refused + 1;
                if lockstep.refuse_queue_entry(
                    v_entry.user_id, v_entry.id, v_code, concat_ws(': ', v_message, case when v_code like 'LS%' then v_detail end)
                ) then
                    v_result.set_aside := v_result.set_aside + 1;
                end if;
        end;
    end loop;

    v_result.busy := v_result.claimed - v_result.applied - v_result.refused;
    return v_result;
end;
$$;


ALTER FUNCTION lockstep.drain_singly(p_entries lockstep.queued_level_ups[]) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION drain_singly(p_entries lockstep.queued_level_ups[]); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.drain_singly(p_entries lockstep.queued_level_ups[]) IS 'Applies claimed entries one by one, each in a subtransaction: what a drain does when the set as a whole failed.

An entry that is refused is noted; one whose pair or key somebody holds is left, with its user''s others.
Locks, an entry at a time, the key, specialization_progress, then user_licenses.';


--
-- Name: end_session(bigint, uuid); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.end_session(p_actor_id bigint, p_session_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    update lockstep.sessions as session
    set ended_at = clock_timestamp(),
        end_reason = 'signed_out'
    where session.user_id = p_actor_id
        and session.id = p_session_id
        and session.ended_at is null;
end;
$$;


ALTER FUNCTION lockstep.end_session(p_actor_id bigint, p_session_id uuid) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION end_session(p_actor_id bigint, p_session_id uuid); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.end_session(p_actor_id bigint, p_session_id uuid) IS 'Signs somebody out of one session, with all its tokens; one that is over stays as it ended. Locks it.';


--
-- Name: end_sessions(bigint, text, uuid); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.end_sessions(p_user_id bigint, p_reason text, p_but_session_id uuid DEFAULT NULL::uuid) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_ended bigint;
begin
    update lockstep.sessions as session
    set ended_at = clock_timestamp(),
        end_reason = p_reason
    where session.user_id = p_user_id
        and session.id is distinct from p_but_session_id
        and session.ended_at is null;

    get diagnostics v_ended = row_count;
    return v_ended;
end;
$$;


ALTER FUNCTION lockstep.end_sessions(p_user_id bigint, p_reason text, p_but_session_id uuid) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION end_sessions(p_user_id bigint, p_reason text, p_but_session_id uuid); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.end_sessions(p_user_id bigint, p_reason text, p_but_session_id uuid) IS 'Ends the sessions of a person, all or all but one: their tokens are good for nothing from the commit on.

Returns how many. Locks them.';


--
-- Name: enqueue_level_up(bigint, text, bigint, integer, integer, numeric, numeric, bigint, text, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.enqueue_level_up(p_user_id bigint, p_specialization_id text, p_xp_gained bigint DEFAULT 0, p_sessions_completed integer DEFAULT 0, p_projects_completed integer DEFAULT 0, p_theory_hours numeric DEFAULT 0, p_practice_hours numeric DEFAULT 0, p_advanced_by bigint DEFAULT NULL::bigint, p_reason text DEFAULT NULL::text, p_idempotency_key text DEFAULT NULL::text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_id bigint;
begin
    if not (row(
        p_user_id, p_specialization_id, p_xp_gained, p_sessions_completed,
        p_projects_completed, p_theory_hours, p_practice_hours
    ) is not null)
        or least(p_xp_gained, p_sessions_completed, p_projects_completed, p_theory_hours, p_practice_hours) < 0
        or length(p_idempotency_key) not between 1 and 255
    then
        raise exception using
            errcode = 'LS006',
            message = 'invalid argument',
            detail = 'user and specialization may not be null; gains may be neither null nor negative; a key has'
                ' 1 to 255 characters',
            hint = 'The arguments are those of level_up().';
    end if;

    perform lockstep.check_user(p_user_id);
    perform lockstep.check_specialization(p_specialization_id);

    if p_advanced_by is not null then
        perform lockstep.check_user(p_advanced_by);
    end if;

    insert into lockstep.queued_level_ups (
        user_id, specialization_id, xp_gained, sessions_completed, projects_completed, theory_hours,
        practice_hours, advanced_by, reason, idempotency_key
    )
    values (
        p_user_id, p_specialization_id, p_xp_gained, p_sessions_completed, p_projects_completed, p_theory_hours,
        p_practice_hours, p_advanced_by, p_reason, p_idempotency_key
    )
    returning id into v_id;

    -- A wake-up and no more: who misses it polls.
    perform pg_notify('lockstep_queue', '');

    return v_id;
end;
$$;


ALTER FUNCTION lockstep.enqueue_level_up(p_user_id bigint, p_specialization_id text, p_xp_gained bigint, p_sessions_completed integer, p_projects_completed integer, p_theory_hours numeric, p_practice_hours numeric, p_advanced_by bigint, p_reason text, p_idempotency_key text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION enqueue_level_up(p_user_id bigint, p_specialization_id text, p_xp_gained bigint, p_sessions_completed integer, p_projects_completed integer, p_theory_hours numeric, p_practice_hours numeric, p_advanced_by bigint, p_reason text, p_idempotency_key text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.enqueue_level_up(p_user_id bigint, p_specialization_id text, p_xp_gained bigint, p_sessions_completed integer, p_projects_completed integer, p_theory_hours numeric, p_practice_hours numeric, p_advanced_by bigint, p_reason text, p_idempotency_key text) IS 'Puts a level_up() into the queue: it counts when the caller commits, and is applied exactly once by a drain.

Entries of a pair are applied in the order of their ids; one enqueued after another was committed has the
higher id, two enqueued at the same time have no order. Returns the id of the entry.
Raises LS001 no such user or actor, LS002 no such specialization, LS006 invalid argument; the rest shows when it
is drained.';


--
-- Name: ensure_admin(text, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.ensure_admin(p_email text, p_password_hash text) RETURNS lockstep.users
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_person lockstep.users;
begin
    -- Of two who ask at once the second waits here, and finds what the first did.
    perform from lockstep.settings as setting
    where setting.name = 'session_lifetime'
    for no key update;

    if exists (
        select from lockstep.users as person
        inner join lockstep.credentials as credential on credential.user_id = person.id
        where person.role = 'admin'
            and person.is_active
    ) then
        return null;
    end if;

    select person.*
    into v_person
    from lockstep.users as person
    where person.role = 'admin'
        and person.is_active
    order by person.id
    limit 1;

    if not found then
        return lockstep.create_admin(p_email, p_password_hash);
    end if;

    perform lockstep.write_password(v_person.id, p_password_hash);

    return v_person;
end;
$$;


ALTER FUNCTION lockstep.ensure_admin(p_email text, p_password_hash text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION ensure_admin(p_email text, p_password_hash text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.ensure_admin(p_email text, p_password_hash text) IS 'Sees to it that an active admin can sign in: gives the first one this password if none has one.

Returns them, and null where nothing was to do. The e-mail address is for the admin that is made where there is
none at all. For the operator, on the console. Raises 23514 not an argon2id hash. Locks a setting, then the
person.';


--
-- Name: erase_account(bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.erase_account(p_user_id bigint) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
    v_counts jsonb;
begin
    -- All of it sees the rows as they were, the addresses of sessions and of the person included.
    with attempt as (
        delete from lockstep.sign_in_attempts as known
        where (known.kind = 'account' and known.name in (
            select lower(person.email) from lockstep.users as person where person.id = p_user_id
            union all
            select lower(identity.email) from lockstep.identities as identity where identity.user_id = p_user_id
        ))
        or (known.kind = 'address' and known.name in (
            select lockstep.network_of(session.address) from lockstep.sessions as session where session.user_id = p_user_id
        ))
        returning true
    ),

    credential as (delete from lockstep.credentials as known where known.user_id = p_user_id returning true),

    identity as (delete from lockstep.identities as known where known.user_id = p_user_id returning true),

    token as (delete from lockstep.refresh_tokens as known where known.user_id = p_user_id returning true),

    session as (delete from lockstep.sessions as known where known.user_id = p_user_id returning true),

    reset as (delete from lockstep.password_resets as known where known.user_id = p_user_id returning true),

    member as (delete from lockstep.group_members as known where known.user_id = p_user_id returning true),

    -- Answers of HTTP to others that show the person, too: of an account that was made, say.
    answer as (
        delete from lockstep.idempotency_keys as known
        where known.user_id = p_user_id
            or (known.function_name like 'http %' and jsonb_path_exists(
                known.answer,
                '$.** ? (@.user_id == $id || @.modified_by == $id || (@.id == $id && exists (@.email)))',
                jsonb_build_object('id', p_user_id)
            ))
        returning true
    )

    select jsonb_build_object(
        'sign_in_attempts', (select count(*) from attempt),
        'credentials', (select count(*) from credential),
        'identities', (select count(*) from identity),
        'refresh_tokens', (select count(*) from token),
        'sessions', (select count(*) from session),
        'password_resets', (select count(*) from reset),
        'group_members', (select count(*) from member),
        'idempotency_keys', (select count(*) from answer)
    )
    into v_counts;

    update lockstep.users as person
    set email = format('erased-%s@erased.invalid', person.id),
        name = 'Erased',
        is_active = false,
        updated_at = clock_timestamp()
    where person.id = p_user_id;

    return v_counts;
end;
$_$;


ALTER FUNCTION lockstep.erase_account(p_user_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION erase_account(p_user_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.erase_account(p_user_id bigint) IS 'Puts a pseudonym in the place of a person, and deletes what signed them in and where they belonged.

Returns how many rows went, by table. The caller holds the user''s row.
Locks what it deletes.';


--
-- Name: erase_adopted(bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.erase_adopted(p_user_id bigint) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_rows bigint;
    v_staged bigint;
    v_pairs bigint;
begin
    -- That the row was theirs stays, or the next adoption would bring them back.
    update lockstep.adopted_rows as adopted
    set outcome = 'erased',
        reasons = '{}',
        hash = null,
        target_state = null,
        content = null,
        extra = null
    where adopted.user_id = p_user_id
        and adopted.outcome <> 'erased';

    get diagnostics v_rows = row_count;

    delete from lockstep.adoption_staging as staged
    where staged.user_id = p_user_id;

    get diagnostics v_staged = row_count;

    delete from lockstep.adoption_pairs as pair
    where pair.user_id = p_user_id;

    get diagnostics v_pairs = row_count;

    return jsonb_build_object('adopted_rows', v_rows, 'adoption_staging', v_staged, 'adoption_pairs', v_pairs);
end;
$$;


ALTER FUNCTION lockstep.erase_adopted(p_user_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION erase_adopted(p_user_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.erase_adopted(p_user_id bigint) IS 'Takes what other systems had of a person out of what is kept of an adoption, and keeps them from coming back with
the next one.

Returns how many rows were emptied or deleted, by table. Locks them.';


--
-- Name: erase_projects(bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.erase_projects(p_user_id bigint) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_projects bigint;
    v_revisions bigint;
    v_shares bigint;
    v_assets bigint;
begin
    -- Lock order, everywhere: the project's row, then blobs; several by owner and id.
    perform
    from lockstep.projects as project
    where project.user_id = p_user_id
    order by project.user_id, project.id
    for no key update;

    delete from lockstep.project_shares as share
    where share.user_id = p_user_id
        or share.grantee_user_id = p_user_id;

    get diagnostics v_shares = row_count;

    delete from lockstep.project_revisions as revision
    where revision.user_id = p_user_id;

    get diagnostics v_revisions = row_count;

    delete from lockstep.projects as project
    where project.user_id = p_user_id;

    get diagnostics v_projects = row_count;

    update lockstep.assets as asset
    set created_by = null
    where asset.created_by = p_user_id;

    get diagnostics v_assets = row_count;

    return jsonb_build_object(
        'projects', v_projects,
        'project_revisions', v_revisions,
        'project_shares', v_shares,
        'assets', v_assets,
        'blobs', lockstep.sweep_blobs()
    );
end;
$$;


ALTER FUNCTION lockstep.erase_projects(p_user_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION erase_projects(p_user_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.erase_projects(p_user_id bigint) IS 'Removes a person''s projects, with every version, and what was shared with them; contents that nobody else uses go too.

What they did to projects of others stays, under a pseudonym, and so do copies that others made, and assets.
Returns how many rows went or were emptied, by table.
Locks the projects'' rows, by id, then blobs.';


--
-- Name: erase_queue(bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.erase_queue(p_user_id bigint) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_queued bigint;
    v_breaches bigint;
begin
    -- What was earned is still to be applied: only the words and the addresses go.
    update lockstep.queued_level_ups as entry
    set reason = case when entry.user_id <> p_user_id then entry.reason end,
        error = case when entry.user_id <> p_user_id then entry.error end,
        application_name = '',
        client_address = null
    where p_user_id in (entry.user_id, entry.advanced_by)
        and (
            entry.application_name <> ''
            or entry.client_address is not null
            or (entry.user_id = p_user_id and num_nonnulls(entry.reason, entry.error) > 0)
        );

    get diagnostics v_queued = row_count;

    delete from lockstep.lock_breaches as breach
    where breach.user_id = p_user_id;

    get diagnostics v_breaches = row_count;

    return jsonb_build_object('queued_level_ups', v_queued, 'lock_breaches', v_breaches);
end;
$$;


ALTER FUNCTION lockstep.erase_queue(p_user_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION erase_queue(p_user_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.erase_queue(p_user_id bigint) IS 'Takes the words and the addresses out of what waits in the queue for a person or by them; the figures are applied.

Returns how many rows were emptied or deleted, by table. Locks the entries.';


--
-- Name: erase_records(bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.erase_records(p_user_id bigint) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    -- What a license says in somebody's own words; as a row, and wherever such a row is kept.
    v_no_words constant jsonb := jsonb_build_object('instructor_notes', null);
    v_no_reason constant jsonb := jsonb_build_object('advancement_reason', null, 'requirements_met', null);
    v_counts jsonb;
begin
    -- Lock order, everywhere: specialization_progress, then user_licenses.
    perform
    from lockstep.specialization_progress as progress
    where progress.student_id = p_user_id
    order by progress.specialization_id
    for no key update;

    with license as (
        update lockstep.user_licenses as known
        set instructor_notes = null
        where known.user_id = p_user_id
            and known.instructor_notes is not null
        returning true
    ),

    -- What they did to others stays, with the reason: that is about the other.
    progression as (
        update lockstep.license_progressions as known
        set advancement_reason = case when known.user_id <> p_user_id then known.advancement_reason end,
            requirements_met = case
                when known.user_id <> p_user_id or known.route <> 'client' then known.requirements_met
            end,
            application_name = null,
            client_address = null
        where p_user_id in (known.user_id, known.advanced_by)
            and (
                num_nonnulls(known.application_name, known.client_address) > 0
                or (known.user_id = p_user_id and known.advancement_reason is not null)
                or (known.user_id = p_user_id and known.route = 'client' and known.requirements_met is not null)
            )
        returning true
    ),

    run as (
        update lockstep.sync_runs as known
        set reason = case when known.user_id is distinct from p_user_id then known.reason end,
            message = case when known.user_id is distinct from p_user_id then known.message end,
            applied_application = null
        where p_user_id in (known.user_id, known.applied_by)
            and (
                known.applied_application is not null
                or (known.user_id = p_user_id and num_nonnulls(known.reason, known.message) > 0)
            )
        returning true
    ),

    item as (
        update lockstep.sync_run_items as known
        set detail = null,
            license_before = known.license_before || v_no_words,
            license_after = known.license_after || v_no_words
        where known.user_id = p_user_id
            and num_nonnulls(
                known.detail, known.license_before ->> 'instructor_notes', known.license_after ->> 'instructor_notes'
            ) > 0
        returning true
    ),

    found as (
        update lockstep.quarantine as known
        set row_before = emptied.row_before,
            row_after = emptied.row_after
        from lockstep.quarantine as held
        cross join lateral (
            select
                case held.table_name
                    -- A person as a take-over found them: their number is all that stays.
                    when 'users' then jsonb_build_object('id', p_user_id, 'user_id', p_user_id)
                    when 'license_progressions' then held.row_before || v_no_reason
                    else held.row_before || v_no_words
                end as row_before,
                case held.table_name
                    when 'users' then jsonb_build_object('id', p_user_id, 'user_id', p_user_id)
                    when 'license_progressions' then held.row_after || v_no_reason
                    else held.row_after || v_no_words
                end as row_after
        ) as emptied
        where held.user_id = p_user_id
            and known.id = held.id
            and (
                (held.table_name = 'users' and held.row_before ? 'email')
                or (
                    held.table_name in ('user_licenses', 'license_progressions')
                    and num_nonnulls(
                        held.row_before ->> 'instructor_notes', held.row_after ->> 'instructor_notes',
                        held.row_before ->> 'advancement_reason', held.row_before ->> 'requirements_met'
                    ) > 0
                )
            )
        returning true
    ),

    -- An application that nobody else has been written with is theirs.
    writer as (
        update lockstep.raw_writes as known
        set application_name = ''
        where known.application_name in (
            select progression.application_name
            from lockstep.license_progressions as progression
            where p_user_id in (progression.user_id, progression.advanced_by)
        )
            and not exists (
                select from lockstep.license_progressions as other
                where other.application_name = known.application_name
                    and other.user_id <> p_user_id
                    and other.advanced_by is distinct from p_user_id
            )
            and known.application_name <> ''
        returning true
    )

    select jsonb_build_object(
        'user_licenses', (select count(*) from license),
        'license_progressions', (select count(*) from progression),
        'sync_runs', (select count(*) from run),
        'sync_run_items', (select count(*) from item),
        'quarantine', (select count(*) from found),
        'raw_writes', (select count(*) from writer)
    )
    into v_counts;

    return v_counts;
end;
$$;


ALTER FUNCTION lockstep.erase_records(p_user_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION erase_records(p_user_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.erase_records(p_user_id bigint) IS 'Takes the words and the addresses out of what is kept of a person: their figures, and what they did to others.

Returns how many rows were emptied, by table. The caller has entered the erasure, which guard_erasure() asks for.
Locks specialization_progress, then user_licenses.';


--
-- Name: erase_user(bigint, bigint, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.erase_user(p_actor_id bigint, p_user_id bigint, p_reason text DEFAULT NULL::text) RETURNS lockstep.erasures
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_counts jsonb;
    v_erasure lockstep.erasures;
begin
    perform lockstep.lock_account(p_actor_id, p_user_id, p_stays_admin => false);

    insert into lockstep.erasures (user_id, erased_by, reason, counts)
    values (p_user_id, p_actor_id, p_reason, '{}')
    on conflict on constraint erasures_pkey do nothing;

    -- One function a part of the schema; a test finds a table that none of them names. Records first: they
    -- wait for a change that is under way, and the key of that call is there to be deleted then.
    v_counts := lockstep.erase_queue(p_user_id);
    v_counts := v_counts || lockstep.erase_records(p_user_id);
    v_counts := v_counts || lockstep.erase_projects(p_user_id);
    v_counts := v_counts || lockstep.erase_adopted(p_user_id);
    v_counts := v_counts || lockstep.erase_account(p_user_id);

    update lockstep.erasures as erasure
    set counts = (
            select jsonb_object_agg(
                touched.name, touched.rows::bigint + coalesce((erasure.counts ->> touched.name)::bigint, 0)
            )
            from jsonb_each_text(v_counts) as touched (name, rows)
        )
    where erasure.user_id = p_user_id
    returning erasure.* into v_erasure;

    return v_erasure;
end;
$$;


ALTER FUNCTION lockstep.erase_user(p_actor_id bigint, p_user_id bigint, p_reason text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION erase_user(p_actor_id bigint, p_user_id bigint, p_reason text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.erase_user(p_actor_id bigint, p_user_id bigint, p_reason text) IS 'Erases a person, by an admin: name, addresses, what signs them in, groups, and every free text about them go; the
figures stay, under a pseudonym. The one exception to a history that only grows.

Returns the record of it. A second time takes what came in since; the record keeps who did it first, and why.
Raises LS001 no such user, LS031 the actor is no admin, LS041 the last admin.
Locks the user''s row (of an admin, those of all active admins), then specialization_progress, then user_licenses,
then projects, then blobs.';


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
-- Name: export_account(bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.export_account(p_user_id bigint) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    -- Never what signs somebody in: no hash of a password, none of a token.
    select jsonb_object_agg(section.name, section.found)
    from (
        select 'users', jsonb_agg(to_jsonb(person))
        from lockstep.users as person
        where person.id = p_user_id
        union all
        select 'credentials', jsonb_agg(to_jsonb(credential) - 'password_hash')
        from lockstep.credentials as credential
        where credential.user_id = p_user_id
        union all
        select 'identities', jsonb_agg(to_jsonb(identity) order by identity.created_at)
        from lockstep.identities as identity
        where identity.user_id = p_user_id
        union all
        select 'sessions', jsonb_agg(to_jsonb(session) order by session.created_at)
        from lockstep.sessions as session
        where session.user_id = p_user_id
        union all
        select 'refresh_tokens', jsonb_agg(to_jsonb(token) - 'token_hash' order by token.issued_at)
        from lockstep.refresh_tokens as token
        where token.user_id = p_user_id
        union all
        select 'password_resets', jsonb_agg(to_jsonb(reset) - 'token_hash' order by reset.created_at)
        from lockstep.password_resets as reset
        where reset.user_id = p_user_id
            or reset.requested_by = p_user_id
        union all
        select 'sign_in_attempts', jsonb_agg(to_jsonb(attempt))
        from lockstep.users as person
        inner join lockstep.sign_in_attempts as attempt
            on attempt.kind = 'account'
            and attempt.name = lower(person.email)
        where person.id = p_user_id
        union all
        select 'group_members', jsonb_agg(to_jsonb(member) || jsonb_build_object('name', known.name) order by known.name)
        from lockstep.group_members as member
        inner join lockstep.groups as known on known.id = member.group_id
        where member.user_id = p_user_id
        union all
        select 'erasures', jsonb_agg(to_jsonb(erasure) order by erasure.erased_at)
        from lockstep.erasures as erasure
        where erasure.user_id = p_user_id
            or erasure.erased_by = p_user_id
    ) as section (name, found);
$$;


ALTER FUNCTION lockstep.export_account(p_user_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION export_account(p_user_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.export_account(p_user_id bigint) IS 'What is held about a person as somebody with an account: rows by table, null where there are none.';


--
-- Name: export_adopted(bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.export_adopted(p_user_id bigint) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select jsonb_object_agg(section.name, section.found)
    from (
        select 'adopted_rows', jsonb_agg(to_jsonb(adopted) order by adopted.table_name, adopted.source_id)
        from lockstep.adopted_rows as adopted
        where adopted.user_id = p_user_id
        union all
        select 'adoption_staging', jsonb_agg(to_jsonb(staged) order by staged.table_name, staged.source_id)
        from lockstep.adoption_staging as staged
        where staged.user_id = p_user_id
        union all
        select 'adoption_pairs', jsonb_agg(to_jsonb(pair) order by pair.specialization_id)
        from lockstep.adoption_pairs as pair
        where pair.user_id = p_user_id
    ) as section (name, found);
$$;


ALTER FUNCTION lockstep.export_adopted(p_user_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION export_adopted(p_user_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.export_adopted(p_user_id bigint) IS 'What is held about a person of the systems that were adopted: rows by table, null where there are none.';


--
-- Name: export_projects(bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.export_projects(p_user_id bigint) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select jsonb_object_agg(section.name, section.found)
    from (
        -- The contents are not in it, but their hashes are: read_file() has the bytes.
        select 'projects', jsonb_agg(
            case project.user_id
                when p_user_id
                    then to_jsonb(project) || jsonb_build_object('file_sha256', encode(project.file_sha256, 'hex'))
                else jsonb_build_object(
                    'id', project.id,
                    'version', project.version,
                    'modified_by', project.modified_by,
                    'modified_at', project.modified_at
                )
            end order by project.id
        )
        from lockstep.projects as project
        where project.user_id = p_user_id
            or project.modified_by = p_user_id
        union all
        -- Of what they did to projects of others, what they did: the rest is the other's.
        select 'project_revisions', jsonb_agg(
            case revision.user_id
                when p_user_id
                    then to_jsonb(revision) || jsonb_build_object('file_sha256', encode(revision.file_sha256, 'hex'))
                else jsonb_build_object(
                    'project_id', revision.project_id,
                    'version', revision.version,
                    'action', revision.action,
                    'changed_fields', revision.changed_fields,
                    'changed_by', revision.changed_by,
                    'changed_at', revision.changed_at
                )
            end order by revision.project_id, revision.version
        )
        from lockstep.project_revisions as revision
        where revision.user_id = p_user_id
            or revision.changed_by = p_user_id
        union all
        select 'project_shares', jsonb_agg(to_jsonb(share) order by share.id)
        from lockstep.project_shares as share
        where share.user_id = p_user_id
            or share.grantee_user_id = p_user_id
            or share.granted_by = p_user_id
        union all
        select 'assets', jsonb_agg(
            to_jsonb(asset) || jsonb_build_object('sha256', encode(asset.sha256, 'hex')) order by asset.created_at
        )
        from lockstep.assets as asset
        where asset.created_by = p_user_id
    ) as section (name, found);
$$;


ALTER FUNCTION lockstep.export_projects(p_user_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION export_projects(p_user_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.export_projects(p_user_id bigint) IS 'What is held about a person as somebody who builds projects: rows by table, null where there are none.';


--
-- Name: export_queue(bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.export_queue(p_user_id bigint) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select jsonb_object_agg(section.name, section.found)
    from (
        -- Of what they queued for others, that they did: whose it is, and why, is the other's.
        select 'queued_level_ups', jsonb_agg(
            case entry.user_id
                when p_user_id then to_jsonb(entry)
                else jsonb_build_object(
                    'id', entry.id,
                    'advanced_by', entry.advanced_by,
                    'enqueued_at', entry.enqueued_at,
                    'client_address', entry.client_address
                )
            end order by entry.id
        )
        from lockstep.queued_level_ups as entry
        where entry.user_id = p_user_id
            or entry.advanced_by = p_user_id
        union all
        select 'lock_breaches', jsonb_agg(
            to_jsonb(breach) - 'blocker_query' - 'blocker_application' - 'blocker_role' order by breach.id
        )
        from lockstep.lock_breaches as breach
        where breach.user_id = p_user_id
    ) as section (name, found);
$$;


ALTER FUNCTION lockstep.export_queue(p_user_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION export_queue(p_user_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.export_queue(p_user_id bigint) IS 'What waits in the queue for a person or by them, and waits for their records: rows by table, null where there are none.';


--
-- Name: export_records(bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.export_records(p_user_id bigint) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select jsonb_object_agg(section.name, section.found)
    from (
        select 'specialization_progress', jsonb_agg(to_jsonb(progress) order by progress.specialization_id)
        from lockstep.specialization_progress as progress
        where progress.student_id = p_user_id
        union all
        select 'user_licenses', jsonb_agg(to_jsonb(license) order by license.specialization_type)
        from lockstep.user_licenses as license
        where license.user_id = p_user_id
        union all
        -- Of what they did to others, what it was: whose it is, and why, is the other's.
        select 'license_progressions', jsonb_agg(
            case progression.user_id
                when p_user_id then to_jsonb(progression)
                else jsonb_build_object(
                    'id', progression.id,
                    'from_level', progression.from_level,
                    'to_level', progression.to_level,
                    'advanced_by', progression.advanced_by,
                    'advanced_at', progression.advanced_at,
                    'client_address', progression.client_address
                )
            end order by progression.id
        )
        from lockstep.license_progressions as progression
        where progression.user_id = p_user_id
            or progression.advanced_by = p_user_id
        union all
        select 'idempotency_keys', jsonb_agg(to_jsonb(known) order by known.created_at)
        from lockstep.idempotency_keys as known
        where known.user_id = p_user_id
        union all
        select 'sync_runs', jsonb_agg(to_jsonb(run) order by run.id)
        from lockstep.sync_runs as run
        where run.user_id = p_user_id
            or run.requested_by = p_user_id
            or run.applied_by = p_user_id
        union all
        select 'sync_run_items', jsonb_agg(to_jsonb(item) order by item.run_id, item.specialization_id)
        from lockstep.sync_run_items as item
        where item.user_id = p_user_id
        union all
        select 'quarantine', jsonb_agg(to_jsonb(found) order by found.id)
        from lockstep.quarantine as found
        where found.user_id = p_user_id
    ) as section (name, found);
$$;


ALTER FUNCTION lockstep.export_records(p_user_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION export_records(p_user_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.export_records(p_user_id bigint) IS 'What is held about a person as a student, and as somebody who did something: rows by table, null where there are none.';


--
-- Name: export_user(bigint, bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.export_user(p_actor_id bigint, p_user_id bigint) RETURNS jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    perform lockstep.check_admin(p_actor_id);
    perform lockstep.check_user(p_user_id);

    return jsonb_build_object(
        'user_id', p_user_id,
        'exported_at', clock_timestamp(),
        -- One function a part of the schema; a test finds a table that none of them names.
        'tables', lockstep.export_account(p_user_id)
            || lockstep.export_records(p_user_id)
            || lockstep.export_queue(p_user_id)
            || lockstep.export_projects(p_user_id)
            || lockstep.export_adopted(p_user_id)
    );
end;
$$;


ALTER FUNCTION lockstep.export_user(p_actor_id bigint, p_user_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION export_user(p_actor_id bigint, p_user_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.export_user(p_actor_id bigint, p_user_id bigint) IS 'Everything that is held about a person, for an admin who hands it to them: rows by table, of every table that
can have some. Never a hash of a password or of a token.

Raises LS001 no such user, LS031 the actor is no admin. Locks nothing.';


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
-- Name: find_breaches(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.find_breaches() RETURNS TABLE(kind text, subject text, measured numeric, threshold numeric, cause jsonb)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    with wait as materialized (
        select found.*
        from lockstep.find_lock_waits() as found
    ),

    budget as (
        select
            extract(epoch from lockstep.setting('lock_budget')::interval) * 1000 as milliseconds,
            clock_timestamp() - lockstep.setting('breach_window')::interval as since
    ),

    answered as (
        select
            sum(counted.requests) as requests,
            sum(counted.errors) as errors,
            sum(counted.conflicts) as conflicts,
            sum(counted.retries) as retries
        from lockstep.request_counts as counted
        where counted.noted_at > (select budget.since from budget)
    )

    select
        'connections',
        current_database()::text,
        sum(usage.total)::numeric,
        lockstep.setting('connections_limit')::numeric,
        jsonb_build_object(
            'server_connections', max(usage.server_connections),
            'server_limit', max(usage.server_limit),
            'held_by', jsonb_agg(
                jsonb_build_object(
                    'application', usage.application_name,
                    'role', usage.role,
                    'total', usage.total,
                    'active', usage.active,
                    'idle', usage.idle,
                    'idle_in_transaction', usage.idle_in_transaction,
                    'waiting', usage.waiting,
                    'oldest_transaction', usage.oldest_transaction
                )
                order by usage.total desc, usage.application_name
            )
        )
    from (
        select one.*
        from lockstep.find_pool_usage() as one
    ) as usage
    having sum(usage.total) >= lockstep.setting('connections_limit')::integer

    union all
    select
        'lock_wait',
        format('server process %s', root.root_pid),
        round(root.milliseconds, 3),
        budget.milliseconds,
        jsonb_build_object(
            'blocker', jsonb_build_object(
                'pid', root.root_pid,
                'state', direct.blocker_state,
                'application', direct.blocker_application,
                'role', direct.blocker_role,
                'transaction_start', direct.blocker_transaction_start,
                'query', lockstep.without_literals(direct.blocker_query, false)
            ),
            'waits', root.waits
        )
    from (
        select
            wait.root_pid,
            max(extract(epoch from wait.waited) * 1000) as milliseconds,
            min(wait.waiting_pid) filter (where wait.depth = 1) as first_pid,
            jsonb_agg(
                jsonb_build_object(
                    'chain', to_jsonb(wait.chain),
                    'relation', wait.relation,
                    'place', wait.place,
                    'mode', wait.mode,
                    'since', wait.waiting_since,
                    'application', wait.waiting_application,
                    'role', wait.waiting_role,
                    'query', lockstep.without_literals(wait.waiting_query, false)
                )
                order by wait.chain
            ) as waits
        from wait
        group by wait.root_pid
    ) as root
    inner join wait as direct on direct.waiting_pid = root.first_pid
    cross join budget
    where root.milliseconds >= budget.milliseconds

    union all
    -- Waits that ended before anybody could look: the applications that gave up have written them down.
    select
        'lock_wait',
        'given up',
        round(max(extract(epoch from given_up.waited) * 1000), 3),
        max(budget.milliseconds),
        jsonb_build_object(
            'waits', count(*),
            'newest', (
                select jsonb_agg(to_jsonb(newest) order by newest.noticed_at desc)
                from (
                    select
                        one.noticed_at, one.source, one.waited, one.specialization_id, one.waiter_application,
                        one.blocker_pid, one.blocker_application, one.blocker_role, one.blocker_state,
                        one.blocker_transaction_start,
                        lockstep.without_literals(one.blocker_query, false) as blocker_query
                    from lockstep.lock_breaches as one
                    where one.noticed_at > (select budget.since from budget)
                    order by one.noticed_at desc
                    limit 10
                ) as newest
            )
        )
    from lockstep.lock_breaches as given_up
    cross join budget
    where given_up.noticed_at > budget.since
    having count(*) > 0

    union all
    select
        'error_rate',
        'http',
        round(100 * answered.errors / answered.requests, 3),
        lockstep.setting('error_rate_limit')::numeric,
        jsonb_build_object(
            'requests', answered.requests,
            'errors', answered.errors,
            'conflicts', answered.conflicts,
            'retries', answered.retries,
            'codes', (
                select jsonb_object_agg(coded.code, coded.times)
                from (
                    select code.key as code, sum(code.value::bigint) as times
                    from lockstep.request_counts as counted
                    cross join lateral jsonb_each_text(counted.codes) as code
                    where counted.noted_at > (select budget.since from budget)
                    group by code.key
                ) as coded
            )
        )
    from answered
    where answered.requests >= lockstep.setting('error_rate_requests')::integer
        and answered.errors * 100 >= answered.requests * lockstep.setting('error_rate_limit')::integer

    union all
    select
        'statement_regression',
        format('%s %s', statement.role, statement.query_id),
        round(statement.times_baseline::numeric, 3),
        lockstep.setting('regression_factor')::numeric,
        jsonb_build_object(
            'query', statement.query,
            'baseline_at', statement.baseline_at,
            'baseline_mean_ms', statement.baseline_mean_ms,
            'mean_ms_since', statement.mean_ms_since,
            'calls_since', statement.calls_since
        )
    from lockstep.statement_stats as statement
    where statement.regressed;
$$;


ALTER FUNCTION lockstep.find_breaches() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION find_breaches(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.find_breaches() IS 'Every threshold that is reached now, with its cause: connections, lock_wait, error_rate, statement_regression.

A lock_wait is of each session that others wait for ("server process N"), and of the waits that applications gave up
within the setting breach_window ("given up"). A cause names no user, and its queries have no literals. Locks nothing.';


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
            'lockstep_admin', 'lockstep_auth', 'lockstep_readonly', 'lockstep_legacy'
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
-- Name: find_lock_waits(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.find_lock_waits() RETURNS TABLE(waiting_pid integer, blocker_pid integer, blocking_pids integer[], root_pid integer, chain integer[], depth integer, lock_type text, mode text, relation text, place tid, user_id bigint, specialization_id text, waiting_since timestamp with time zone, waited interval, waiting_role text, waiting_application text, waiting_query text, blocker_role text, blocker_application text, blocker_state text, blocker_transaction_start timestamp with time zone, blocker_query text)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    with recursive known_lock as materialized (
        select known.*
        from pg_catalog.pg_locks as known
    ),

    waiting as materialized (
        select
            wait.pid,
            wait.locktype,
            wait.mode,
            coalesce(wait.waitstart, session.state_change) as since,
            session.usename,
            session.application_name,
            session.query,
            blocked.pids,
            -- Who waits for a transaction holds the tuple meanwhile, and that says which row it is about.
            coalesce(wait.relation, tuple.relation) as relation,
            coalesce(wait.page, tuple.page) as page,
            coalesce(wait.tuple, tuple.tuple) as tuple
        from known_lock as wait
        inner join pg_catalog.pg_stat_activity as session
            on session.pid = wait.pid
            and session.datname = current_database()
        cross join lateral (
            select array(
                select distinct blocking.pid
                from unnest(pg_blocking_pids(wait.pid)) as blocking (pid)
                order by blocking.pid
            ) as pids
        ) as blocked
        left outer join known_lock as tuple
            on tuple.pid = wait.pid
            and tuple.granted
            and tuple.locktype = 'tuple'
            and wait.locktype = 'transactionid'
        where not wait.granted
            -- It may have got it between the two looks.
            and blocked.pids <> '{}'
    ),

    -- Of several blockers, one that waits for nobody; else the one that has waited longest.
    nearest as (
        select distinct on (waiting.pid)
            waiting.pid,
            blocking.pid as blocker_pid
        from waiting
        cross join lateral unnest(waiting.pids) as blocking (pid)
        left outer join waiting as also_waiting on also_waiting.pid = blocking.pid
        order by waiting.pid, also_waiting.pid is not null, also_waiting.since, blocking.pid
    ),

    climb (pid, chain) as (
        select nearest.pid, array[nearest.blocker_pid, nearest.pid]
        from nearest
        union all
        select climb.pid, nearest.blocker_pid || climb.chain
        from climb
        inner join nearest on nearest.pid = climb.chain[1]
        where nearest.blocker_pid <> all(climb.chain)
    ),

    whole as (
        select distinct on (climb.pid) climb.pid, climb.chain
        from climb
        order by climb.pid, cardinality(climb.chain) desc
    )

    select
        waiting.pid,
        nearest.blocker_pid,
        waiting.pids,
        whole.chain[1],
        whole.chain,
        cardinality(whole.chain) - 1,
        waiting.locktype,
        waiting.mode,
        waiting.relation::regclass::text,
        format('(%s,%s)', waiting.page, waiting.tuple)::tid,
        owner.user_id,
        owner.specialization_id,
        waiting.since,
        clock_timestamp() - waiting.since,
        waiting.usename::text,
        waiting.application_name,
        lockstep.without_literals(waiting.query),
        blocker.usename::text,
        blocker.application_name,
        case when nearest.blocker_pid = 0 then 'prepared transaction' else blocker.state end,
        blocker.xact_start,
        lockstep.without_literals(blocker.query)
    from waiting
    inner join nearest on nearest.pid = waiting.pid
    inner join whole on whole.pid = waiting.pid
    left outer join pg_catalog.pg_stat_activity as blocker on blocker.pid = nearest.blocker_pid
    left outer join lateral lockstep.find_row_owner(
        waiting.relation, format('(%s,%s)', waiting.page, waiting.tuple)::tid
    ) as owner on true
    order by whole.chain;
$$;


ALTER FUNCTION lockstep.find_lock_waits() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION find_lock_waits(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.find_lock_waits() IS 'The sessions of this database that wait for a lock now, each with who holds it up: the rows of lock_waits.

Runs as lockstep_coupler, which may see what the sessions of other roles do where it is in pg_read_all_stats;
otherwise applications, states and queries are null. Locks nothing, and waits for nobody.';


--
-- Name: find_pool_usage(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.find_pool_usage() RETURNS TABLE(application_name text, role text, total integer, active integer, idle integer, idle_in_transaction integer, waiting integer, oldest_transaction timestamp with time zone, oldest_age interval, server_connections integer, server_limit integer)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    with session as materialized (
        select one.datname, one.application_name, one.usename, one.state, one.wait_event_type, one.xact_start
        from pg_catalog.pg_stat_activity as one
        -- Of others' sessions only these show to everybody; what has no user or no database is no client.
        where one.usesysid is not null
            and one.datid is not null
    ),

    server as (
        select
            (select count(*) from session) as connections,
            sum(case known.name when 'max_connections' then 1 else -1 end * known.setting::integer) as most
        from pg_catalog.pg_settings as known
        where known.name in ('max_connections', 'superuser_reserved_connections', 'reserved_connections')
    )

    select
        coalesce(session.application_name, ''),
        session.usename::text,
        count(*)::integer,
        count(*) filter (where session.state = 'active')::integer,
        count(*) filter (where session.state = 'idle')::integer,
        count(*) filter (where session.state like 'idle in transaction%')::integer,
        count(*) filter (where session.wait_event_type = 'Lock')::integer,
        min(session.xact_start),
        clock_timestamp() - min(session.xact_start),
        max(server.connections)::integer,
        max(server.most)::integer
    from session
    cross join server
    where session.datname = current_database()
    group by coalesce(session.application_name, ''), session.usename
    order by count(*) desc, session.usename, coalesce(session.application_name, '');
$$;


ALTER FUNCTION lockstep.find_pool_usage() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION find_pool_usage(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.find_pool_usage() IS 'Who holds connections to this database now: the rows of pool_usage.

Runs as lockstep_coupler, which may see the sessions of other roles where it is in pg_read_all_stats;
otherwise they are counted in total only. Locks nothing.';


--
-- Name: find_project(bigint, bigint, lockstep.project_permission); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.find_project(p_actor_id bigint, p_project_id bigint, p_needed lockstep.project_permission) RETURNS lockstep.locked_project
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_project lockstep.projects;
begin
    select project.*
    into v_project
    from lockstep.projects as project
    where project.id = p_project_id;

    return row(v_project, lockstep.check_project(p_actor_id, p_project_id, v_project, p_needed));
end;
$$;


ALTER FUNCTION lockstep.find_project(p_actor_id bigint, p_project_id bigint, p_needed lockstep.project_permission) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION find_project(p_actor_id bigint, p_project_id bigint, p_needed lockstep.project_permission); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.find_project(p_actor_id bigint, p_project_id bigint, p_needed lockstep.project_permission) IS 'A project as the actor may see it, unlocked.

Raises LS050 no such project, LS051 permission too low.';


--
-- Name: find_revision(lockstep.projects, integer); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.find_revision(p_project lockstep.projects, p_version integer) RETURNS lockstep.project_revisions
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_revision lockstep.project_revisions;
begin
    select revision.*
    into v_revision
    from lockstep.project_revisions as revision
    where revision.user_id = p_project.user_id
        and revision.project_id = p_project.id
        and revision.version = p_version;

    if not found then
        raise exception using
            errcode = 'LS054',
            message = 'revision not found',
            detail = format('project_id=%s version=%s', p_project.id, coalesce(p_version::text, 'null')),
            hint = 'See list_revisions() for those that exist.';
    end if;

    return v_revision;
end;
$$;


ALTER FUNCTION lockstep.find_revision(p_project lockstep.projects, p_version integer) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION find_revision(p_project lockstep.projects, p_version integer); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.find_revision(p_project lockstep.projects, p_version integer) IS 'The revision of a project at a version. Raises LS054 when there is none.';


--
-- Name: find_row_owner(oid, tid); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.find_row_owner(p_relation oid, p_place tid, OUT user_id bigint, OUT specialization_id text) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_timeout constant text := current_setting('lock_timeout');
begin
    -- Somebody may have the whole table: whoever looks at waits must not be the next to wait.
    perform set_config('lock_timeout', '10ms', true);

    if p_relation = 'lockstep.specialization_progress'::regclass then
        select progress.student_id, progress.specialization_id
        into user_id, specialization_id
        from lockstep.specialization_progress as progress
        where progress.ctid = p_place;
    elsif p_relation = 'lockstep.user_licenses'::regclass then
        select license.user_id, license.specialization_type
        into user_id, specialization_id
        from lockstep.user_licenses as license
        where license.ctid = p_place;
    elsif p_relation = 'lockstep.users'::regclass then
        select person.id
        into user_id
        from lockstep.users as person
        where person.ctid = p_place;
    end if;

    perform set_config('lock_timeout', v_timeout, true);
exception
    when lock_not_available then
        -- What was set is taken back with the block.
        return;
end;
$$;


ALTER FUNCTION lockstep.find_row_owner(p_relation oid, p_place tid, OUT user_id bigint, OUT specialization_id text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION find_row_owner(p_relation oid, p_place tid, OUT user_id bigint, OUT specialization_id text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.find_row_owner(p_relation oid, p_place tid, OUT user_id bigint, OUT specialization_id text) IS 'Whose row stands at a place of users or of the coupled tables, and of which specialization; null elsewhere, and
where the whole table is locked. Locks nothing.';


--
-- Name: find_statements(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.find_statements() RETURNS TABLE(role_name text, query_id bigint, query text, calls bigint, total_ms double precision, rows_returned bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    -- Looked up when it is called, so the extension may come and go.
    if to_regclass('public.pg_stat_statements') is null then
        return;
    end if;

    return query
    select
        role.rolname::text,
        statement.queryid,
        lockstep.without_literals(min(statement.query)),
        sum(statement.calls)::bigint,
        sum(statement.total_exec_time),
        sum(statement.rows)::bigint
    from public.pg_stat_statements as statement
    inner join pg_catalog.pg_database as known
        on known.oid = statement.dbid
        and known.datname = current_database()
    inner join pg_catalog.pg_roles as role on role.oid = statement.userid
    where statement.queryid is not null
        -- The rest is printed as it was typed, passwords included.
        and statement.query ~* '^\s*(select|insert|update|delete|merge|with|call)\M'
    group by role.rolname, statement.queryid;
exception
    when object_not_in_prerequisite_state then
        -- The extension is there, and its library was not loaded when the server started.
        return;
end;
$$;


ALTER FUNCTION lockstep.find_statements() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION find_statements(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.find_statements() IS 'What pg_stat_statements, in the schema public, has counted in this database, by role and statement; nothing where it is not there.

Runs as lockstep_coupler, which may see the statements of other roles where it is in pg_read_all_stats. Locks nothing.';


--
-- Name: finish_adoption(bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.finish_adoption(p_run_id bigint) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_sums jsonb;
begin
    -- What was planned as a change and has not come over is no rest.
    if exists (
        select from lockstep.adoption_staging as staged
        where not staged.done
            and staged.outcome in ('imported', 'repaired')
    ) then
        raise exception using
            errcode = 'LS097',
            message = 'rows of an adoption are left',
            detail = format('run_id=%s', p_run_id),
            hint = 'Adopt again: what came over stays.';
    end if;

    perform lockstep.record_adopted(p_run_id, array(
        select distinct staged.table_name
        from lockstep.adoption_staging as staged
        where not staged.done
    ));

    v_sums := (
        select coalesce(jsonb_agg(to_jsonb(sums) order by sums.table_name, sums.outcome), '[]')
        from (
            select
                staged.table_name,
                known.outcome,
                count(*) as rows,
                coalesce(sum(staged.level_found), 0) as level_found,
                coalesce(sum(known.level_kept), 0) as level_kept,
                coalesce(sum(staged.xp_found), 0) as xp_found,
                coalesce(sum(known.xp_kept), 0) as xp_kept,
                coalesce(sum(staged.file_bytes), 0) as bytes
            from lockstep.adoption_staging as staged
            inner join lockstep.adoption_runs as run on run.id = p_run_id
            inner join lockstep.adopted_rows as known
                on known.source = run.source
                and known.table_name = staged.table_name
                and known.source_id = staged.source_id
            group by staged.table_name, known.outcome
        ) as sums
    );

    update lockstep.adoption_runs as run
    set ended_at = clock_timestamp(),
        sums = v_sums
    where run.id = p_run_id;

    return v_sums;
end;
$$;


ALTER FUNCTION lockstep.finish_adoption(p_run_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION finish_adoption(p_run_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.finish_adoption(p_run_id bigint) IS 'Writes down the rows that do not come over, and adds up what became of all: rows, levels, XP and bytes, by table
and outcome.

Raises LS097 when rows are left that ought to have come over.';


--
-- Name: finish_mail(bigint, text, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.finish_mail(p_mail_id bigint, p_outcome text, p_error text DEFAULT NULL::text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_state text;
begin
    if p_outcome is null or p_outcome not in ('sent', 'failed', 'refused') then
        raise exception using
            errcode = 'LS006',
            message = 'invalid argument',
            detail = format('outcome %s', coalesce(p_outcome, 'null')),
            hint = 'sent, failed (to be tried again) or refused (for good).';
    end if;

    update lockstep.incident_mails as mail
    set error = left(p_error, 1000),
        sent_at = case when p_outcome = 'sent' then clock_timestamp() end,
        attempts = mail.attempts + (p_outcome <> 'sent')::integer,
        set_aside_at = case
            when p_outcome = 'refused'
                or (p_outcome = 'failed' and mail.attempts + 1 >= lockstep.setting('mail_attempts')::integer)
                then clock_timestamp()
        end,
        try_after = clock_timestamp() + least(
            lockstep.setting('mail_retry_pause')::interval * (2 ^ least(mail.attempts, 20)), interval '1 hour'
        )
    where mail.id = p_mail_id
        and mail.sent_at is null
        and mail.set_aside_at is null
    returning case
        when mail.sent_at is not null then 'sent'
        when mail.set_aside_at is not null then 'set_aside'
        else 'retrying'
    end
    into v_state;

    return v_state;
end;
$$;


ALTER FUNCTION lockstep.finish_mail(p_mail_id bigint, p_outcome text, p_error text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION finish_mail(p_mail_id bigint, p_outcome text, p_error text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.finish_mail(p_mail_id bigint, p_outcome text, p_error text) IS 'Says what came of a delivery: sent, failed (tried again after a pause that doubles) or refused (set aside at once).

One that failed as often as the setting mail_attempts is set aside. Returns sent, retrying or set_aside; null where
it was ended before. Raises LS006 for another outcome. Locks the mail.';


--
-- Name: finish_sign_in(bigint, text, inet, bytea, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.finish_sign_in(p_user_id bigint, p_password_hash text, p_address inet, p_token_hash bytea, p_newer_hash text DEFAULT NULL::text) RETURNS lockstep.signed_in
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    perform lockstep.check_password_hash(p_user_id, p_password_hash);
    perform lockstep.forget_attempt(p_user_id, p_address);

    if p_newer_hash is not null then
        update lockstep.credentials as credential
        set password_hash = p_newer_hash
        where credential.user_id = p_user_id;
    end if;

    return lockstep.start_session(p_user_id, p_address, p_token_hash);
end;
$$;


ALTER FUNCTION lockstep.finish_sign_in(p_user_id bigint, p_password_hash text, p_address inet, p_token_hash bytea, p_newer_hash text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION finish_sign_in(p_user_id bigint, p_password_hash text, p_address inet, p_token_hash bytea, p_newer_hash text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.finish_sign_in(p_user_id bigint, p_password_hash text, p_address inet, p_token_hash bytea, p_newer_hash text) IS 'Signs somebody in whose password was compared with this hash, and is right.

A newer hash of the same password replaces it. Returns the session. Raises LS030 account not active,
LS034 the password was changed since start_sign_in(). Locks the person, then the counts.';


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
            backend_pid = case when run.worker is null then pg_backend_pid() end
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
-- Name: follow_claims(bigint, text[]); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.follow_claims(p_user_id bigint, p_groups text[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_ids bigint[] := array[]::bigint[];
    v_name text;
begin
    -- In one order for all, or two who make the same new groups would wait for each other.
    for v_name in
        select distinct claimed.name
        from unnest(p_groups) as claimed (name)
        order by claimed.name
    loop
        v_ids := v_ids || lockstep.get_or_create_group(v_name);
    end loop;

    delete from lockstep.group_members as member
    where member.user_id = p_user_id
        and member.source = 'claim'
        and member.group_id <> all (v_ids);

    -- Where an admin put them in, that stays so.
    insert into lockstep.group_members (user_id, group_id, source)
    select p_user_id, claimed.id, 'claim'
    from unnest(v_ids) as claimed (id)
    on conflict on constraint group_members_pkey do nothing;
end;
$$;


ALTER FUNCTION lockstep.follow_claims(p_user_id bigint, p_groups text[]) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION follow_claims(p_user_id bigint, p_groups text[]); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.follow_claims(p_user_id bigint, p_groups text[]) IS 'Puts a person into the groups that their provider names, and takes them out of those that it named before.

Groups are made by name; what an admin did by hand stays. Raises 23502 or 23514 for a name that no group can have.
Waits for another who makes the same group.';


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
-- Name: forget_attempt(bigint, inet); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.forget_attempt(p_user_id bigint, p_address inet) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    delete from lockstep.sign_in_attempts as attempt
    using lockstep.users as person
    where person.id = p_user_id
        and attempt.kind = 'account'
        and attempt.name = lower(person.email);

    -- Only this one: who has an account of their own could guess at others' for ever between two sign-ins.
    update lockstep.sign_in_attempts as attempt
    set failures = greatest(attempt.failures - 1, 0)
    where attempt.kind = 'address'
        and attempt.name = lockstep.network_of(p_address);
end;
$$;


ALTER FUNCTION lockstep.forget_attempt(p_user_id bigint, p_address inet) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION forget_attempt(p_user_id bigint, p_address inet); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.forget_attempt(p_user_id bigint, p_address inet) IS 'Takes back what start_sign_in() counted, as it succeeded: all of the account''s failures, one of the address''s.

Locks the counts, account before address.';


--
-- Name: free_connections(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_owner
--

CREATE FUNCTION lockstep.free_connections() RETURNS integer
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select (
        select sum(case setting.name when 'max_connections' then 1 else -1 end * setting.setting::integer)
        from pg_catalog.pg_settings as setting
        where setting.name in ('max_connections', 'superuser_reserved_connections', 'reserved_connections')
    )::integer - (
        -- Of others' sessions only these columns show; what has no user or no database is none of them.
        select count(*)
        from pg_catalog.pg_stat_activity as session
        where session.usesysid is not null
            and session.datid is not null
            and session.pid <> pg_backend_pid()
    )::integer;
$$;


ALTER FUNCTION lockstep.free_connections() OWNER TO lockstep_owner;

--
-- Name: FUNCTION free_connections(); Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON FUNCTION lockstep.free_connections() IS 'How many connections the server would still take from a login that is no superuser, the caller''s own counted as free.

The service asks before it starts. Locks nothing.';


--
-- Name: get_or_create_asset(bigint, bytea, text, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.get_or_create_asset(p_actor_id bigint, p_content bytea, p_type text, p_format text) RETURNS lockstep.asset_state
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_sha256 bytea := sha256(p_content);
    v_asset lockstep.assets;
    v_created boolean;
begin
    perform lockstep.check_user(p_actor_id);
    perform lockstep.store_blob(v_sha256, p_content, 'asset_limit');

    insert into lockstep.assets (id, sha256, type, format, created_by)
    values (md5(p_content), v_sha256, p_type, p_format, p_actor_id)
    on conflict do nothing;

    v_created := found;

    select asset.*
    into v_asset
    from lockstep.assets as asset
    where asset.id = md5(p_content);

    if v_asset.sha256 <> v_sha256 then
        raise exception using
            errcode = 'LS056',
            message = 'another content has this asset id',
            detail = format(
                'asset_id=%s sha256=%s stored=%s', v_asset.id, encode(v_sha256, 'hex'), encode(v_asset.sha256, 'hex')
            ),
            hint = 'Two contents with one MD5 are made on purpose: this one cannot be stored.';
    end if;

    return row(
        v_asset.id, v_asset.type, v_asset.format, length(p_content)::bigint, encode(v_sha256, 'hex'), v_asset.created_at,
        v_created
    );
end;
$$;


ALTER FUNCTION lockstep.get_or_create_asset(p_actor_id bigint, p_content bytea, p_type text, p_format text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION get_or_create_asset(p_actor_id bigint, p_content bytea, p_type text, p_format text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.get_or_create_asset(p_actor_id bigint, p_content bytea, p_type text, p_format text) IS 'The asset of this content, which is made if there is none: one row, however many upload it at once.

Raises LS001 no such actor, LS055 too large, LS056 another content has this MD5; 23502 or 23514 no content, or a
type or format that is no plain word.
Waits for another who stores the same. Locks the blob.';


--
-- Name: get_or_create_group(text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.get_or_create_group(p_name text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_id bigint;
begin
    -- Once for a group that is there; twice for one that this or another makes.
    for v_attempt in 1..3 loop
        select known.id
        into v_id
        from lockstep.groups as known
        where known.name = p_name;

        if found then
            return v_id;
        end if;

        -- Of many at once one gets the name; the others wait here, and have drawn no number of the sequence.
        insert into lockstep.pending_names (kind, name)
        values ('group', p_name)
        on conflict do nothing;

        if found and not exists (
            select from lockstep.groups as known
            where known.name = p_name
        ) then
            insert into lockstep.groups (name)
            values (p_name)
            on conflict (name) do nothing
            returning id into v_id;
        end if;

        delete from lockstep.pending_names as pending
        where pending.kind = 'group'
            and pending.name = p_name;

        if v_id is not null then
            return v_id;
        end if;
    end loop;

    raise exception using
        errcode = 'serialization_failure',
        message = 'the group vanished while it was being made',
        detail = format('name=%s', p_name),
        hint = 'Retry; if it comes back, look for a trigger that suppresses inserts.';
end;
$$;


ALTER FUNCTION lockstep.get_or_create_group(p_name text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION get_or_create_group(p_name text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.get_or_create_group(p_name text) IS 'The id of the group of this name, which is made if there is none: one row, however many ask at once.

Raises 23502 or 23514 for no name, or one of more than 200 characters; 40001 (retry). Waits for another who makes it.
Of several names the lowest first.';


--
-- Name: get_or_create_identity(text, text, text, boolean, text, text[]); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.get_or_create_identity(p_issuer text, p_subject text, p_email text, p_email_verified boolean, p_name text, p_groups text[]) RETURNS lockstep.users
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_user_id bigint;
    v_person lockstep.users;
begin
    -- Claimed before there is anybody to give it to, and for nobody: of many who come at once for the first
    -- time the others wait here, and make no user. No commit leaves it so, the deferred key sees to that.
    insert into lockstep.identities (issuer, subject, user_id)
    values (p_issuer, p_subject, 0)
    on conflict on constraint identities_pkey do nothing;

    if found then
        v_user_id := lockstep.create_user_of_identity(p_issuer, p_subject, p_email, p_email_verified, p_name);
    else
        select known.user_id
        into v_user_id
        from lockstep.identities as known
        where known.issuer = p_issuer
            and known.subject = p_subject;
    end if;

    v_person := lockstep.lock_person(v_user_id);

    update lockstep.identities as known
    set user_id = v_user_id,
        email = p_email,
        email_verified = coalesce(p_email_verified, false),
        last_sign_in_at = clock_timestamp()
    where known.issuer = p_issuer
        and known.subject = p_subject;

    if p_groups is not null then
        perform lockstep.follow_claims(v_user_id, p_groups);
    end if;

    return v_person;
end;
$$;


ALTER FUNCTION lockstep.get_or_create_identity(p_issuer text, p_subject text, p_email text, p_email_verified boolean, p_name text, p_groups text[]) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION get_or_create_identity(p_issuer text, p_subject text, p_email text, p_email_verified boolean, p_name text, p_groups text[]); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.get_or_create_identity(p_issuer text, p_subject text, p_email text, p_email_verified boolean, p_name text, p_groups text[]) IS 'The person whom a provider knows as this subject, who is made at the first sign-in: one, however many come at once.

Never found by e-mail address. Group memberships by claim follow p_groups; null leaves them. Raises LS030 account
not active, LS036 somebody else has the address, 23502 no issuer or subject, 23514 a group''s name too long.
Locks the person, then the identity; a new identity first.';


--
-- Name: get_or_create_user(text, text, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.get_or_create_user(p_email text, p_name text DEFAULT ''::text, p_role text DEFAULT 'student'::text) RETURNS lockstep.users
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_person lockstep.users;
begin
    -- Once for a user who is there; twice for one whom this or another makes.
    for v_attempt in 1..3 loop
        select person.*
        into v_person
        from lockstep.users as person
        where lower(person.email) = lower(p_email);

        if found then
            return v_person;
        end if;

        -- Of many at once one gets the name; the others wait here, and have drawn no number of the sequence.
        insert into lockstep.pending_names (kind, name)
        values ('user', lower(p_email))
        on conflict do nothing;

        if found and not exists (
            select from lockstep.users as person
            where lower(person.email) = lower(p_email)
        ) then
            insert into lockstep.users (email, name, role)
            values (p_email, p_name, p_role)
            on conflict (lower(email)) do nothing
            returning * into v_person;
        end if;

        delete from lockstep.pending_names as pending
        where pending.kind = 'user'
            and pending.name = lower(p_email);

        if v_person.id is not null then
            return v_person;
        end if;
    end loop;

    raise exception using
        errcode = 'serialization_failure',
        message = 'the user vanished while they were being made',
        detail = format('email=%s', p_email),
        hint = 'Retry; if it comes back, look for a trigger that suppresses inserts.';
end;
$$;


ALTER FUNCTION lockstep.get_or_create_user(p_email text, p_name text, p_role text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION get_or_create_user(p_email text, p_name text, p_role text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.get_or_create_user(p_email text, p_name text, p_role text) IS 'The user with this e-mail address, whatever its case, who is made if there is none: one row, however many ask at once.

One who is there stays as they are. For whoever knows whose address it is: nobody signs in by this.
Raises 23502 or 23514 no address, or no such role; 40001 (retry). Waits for another who makes the same.';


--
-- Name: guard_erasure(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.guard_erasure() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_erased lockstep.license_progressions := old;
    v_is_theirs constant boolean := exists (
        select from lockstep.erasures as erasure
        where erasure.user_id = old.user_id
    );
    v_is_their_doing constant boolean := exists (
        select from lockstep.erasures as erasure
        where erasure.user_id = old.advanced_by
    );
begin
    v_erased.application_name := null;
    v_erased.client_address := null;

    if v_is_theirs then
        v_erased.advancement_reason := null;
        -- Of any other route these are figures.
        v_erased.requirements_met := case when old.route <> 'client' then old.requirements_met end;
    end if;

    if not (v_is_theirs or v_is_their_doing) or new is distinct from v_erased then
        raise exception using
            errcode = 'LS010',
            message = 'history is append-only',
            detail = format('%s of license_progressions id=%s', tg_op, old.id),
            hint = 'Write a new row that corrects the old one.';
    end if;

    return new;
end;
$$;


ALTER FUNCTION lockstep.guard_erasure() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION guard_erasure(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.guard_erasure() IS 'The one exception to a history that only grows: a row of somebody erased, or of what they did, may lose the words
and the addresses in it, and nothing else. Only the functions'' own role gets this far.

Raises LS010 for any other UPDATE.';


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
Raises LS010 for UPDATE and DELETE; what an erasure may empty, guard_erasure() says. Locks specialization_progress before an INSERT.';


--
-- Name: guard_revision(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_owner
--

CREATE FUNCTION lockstep.guard_revision() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    raise exception using
        errcode = 'LS057',
        message = 'revisions are append-only',
        detail = format('%s of project_revisions', tg_op),
        hint = 'Bring an earlier version back with restore_revision(): that is a new one.';
end;
$$;


ALTER FUNCTION lockstep.guard_revision() OWNER TO lockstep_owner;

--
-- Name: FUNCTION guard_revision(); Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON FUNCTION lockstep.guard_revision() IS 'Keeps the revisions of projects append-only.

Raises LS057 for UPDATE, DELETE and TRUNCATE.';


--
-- Name: is_alive(lockstep.sync_runs); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.is_alive(p_run lockstep.sync_runs) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select case
        -- Over HTTP the server process of the last batch says nothing: it belongs to a pool.
        when p_run.backend_pid is null then
            p_run.last_batch_at > clock_timestamp() - lockstep.setting('sync_lease')::interval
        else
            exists (select from pg_catalog.pg_stat_activity as worker where worker.pid = p_run.backend_pid)
            and p_run.backend_pid <> pg_backend_pid()
            and p_run.last_batch_at > clock_timestamp() - lockstep.setting('sync_stalled_after')::interval
    end;
$$;


ALTER FUNCTION lockstep.is_alive(p_run lockstep.sync_runs) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION is_alive(p_run lockstep.sync_runs); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.is_alive(p_run lockstep.sync_runs) IS 'Whether this run goes on without the caller: it has committed a batch lately, and its server process is there.

Over HTTP it has no server process of its own; then the last batch alone counts (setting sync_lease).';


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
-- Name: judge_items(text, lockstep.batch_item[]); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.judge_items(p_function_name text, p_items lockstep.batch_item[]) RETURNS SETOF lockstep.judged_item
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    return query
    with given as (
        select
            item.place::integer as place,
            item.user_id,
            item.specialization_id,
            item.new_level,
            coalesce(item.xp_change, 0) as xp_change,
            coalesce(item.sessions_change, 0) as sessions_change,
            coalesce(item.projects_change, 0) as projects_change,
            coalesce(item.theory_hours_change, 0) as theory,
            coalesce(item.practice_hours_change, 0) as practice,
            item.advanced_by,
            item.reason,
            item.idempotency_key
        from unnest(p_items) with ordinality as item (
            user_id, specialization_id, new_level, xp_change, sessions_change, projects_change,
            theory_hours_change, practice_hours_change, advanced_by, reason, idempotency_key, place
        )
    ),

    specialization as (
        select
            level.specialization_id,
            max(level.level) as top_level,
            bool_or(level.theory_hours is not null) as counts_hours
        from lockstep.specialization_levels as level
        group by level.specialization_id
    ),

    checked as (
        select
            given.*,
            specialization.top_level,
            -- Whatever the pair is like, the function would refuse it: it changes nothing for the others.
            (
                person.id is not null
                and specialization.specialization_id is not null
                and (given.advanced_by is null or actor.id is not null)
                and (given.idempotency_key is null or length(given.idempotency_key) between 1 and 255)
                and (specialization.counts_hours or (given.theory = 0 and given.practice = 0))
                and case p_function_name
                    when 'level_up' then given.new_level is null and least(
                        given.xp_change, given.sessions_change, given.projects_change, given.theory, given.practice
                    ) >= 0
                    else held.level is not null
                end
            ) is not true as is_refused,
            case
                when given.idempotency_key is not null then jsonb_build_array(
                    given.specialization_id, given.new_level, given.xp_change, given.sessions_change,
                    given.projects_change, given.theory, given.practice, given.advanced_by, given.reason
                )
            end as arguments
        from given
        left outer join lockstep.users as person
            on person.id = given.user_id
        left outer join lockstep.users as actor
            on actor.id = given.advanced_by
        left outer join specialization
            on specialization.specialization_id = given.specialization_id
        left outer join lockstep.specialization_levels as held
            on held.specialization_id = given.specialization_id
            and held.level = given.new_level
    ),

    keyed as (
        select
            checked.user_id,
            checked.idempotency_key,
            min(checked.place) filter (where not checked.is_refused) as first_place,
            bool_or(checked.is_refused) as has_refused
        from checked
        where checked.idempotency_key is not null
        group by checked.user_id, checked.idempotency_key
    )

    select
        checked.place,
        checked.user_id,
        checked.specialization_id,
        case
            when checked.is_refused then 'single'
            when checked.idempotency_key is null then 'folded'
            when known.answer is not null and known.function_name = p_function_name
                and known.arguments = checked.arguments then 'replay'
            when known.answer is not null then 'single'
            -- The second one with a key of this batch is answered, or refused, once the first is stored.
            when keyed.first_place = checked.place then 'folded'
            else 'single'
        end,
        not checked.is_refused
        and (
            (checked.idempotency_key is not null and (keyed.has_refused or known.key is null))
            -- One side missing, or two levels; a license without progress counts as well.
            or progress.current_level is distinct from license.current_level
            -- Rounded at each step where it stands alone.
            or (checked.theory = round(checked.theory, 2) and checked.practice = round(checked.practice, 2)) is not true
        ),
        row(
            checked.user_id, checked.specialization_id, checked.new_level, checked.xp_change, checked.sessions_change,
            checked.projects_change, checked.theory, checked.practice, checked.advanced_by, checked.reason,
            checked.idempotency_key
        )::lockstep.batch_item,
        checked.arguments,
        known.answer,
        license.id,
        progress.current_level,
        license.max_achieved_level,
        checked.top_level,
        progress.total_xp,
        progress.completed_sessions,
        progress.completed_projects,
        progress.theory_hours_completed,
        progress.practice_hours_completed
    from checked
    left outer join keyed
        on keyed.user_id = checked.user_id
        and keyed.idempotency_key = checked.idempotency_key
    left outer join lockstep.idempotency_keys as known
        on known.user_id = checked.user_id
        and known.key = checked.idempotency_key
    left outer join lockstep.specialization_progress as progress
        on progress.student_id = checked.user_id
        and progress.specialization_id = checked.specialization_id
    left outer join lockstep.user_licenses as license
        on license.user_id = checked.user_id
        and license.specialization_type = checked.specialization_id;
end;
$$;


ALTER FUNCTION lockstep.judge_items(p_function_name text, p_items lockstep.batch_item[]) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION judge_items(p_function_name text, p_items lockstep.batch_item[]); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.judge_items(p_function_name text, p_items lockstep.batch_item[]) IS 'Looks at each item of a batch beside the pair that it is for; the caller holds keys and pairs.

Tells apart what can be folded into one change of its pair, what an earlier call or an earlier item answers,
and what has to be done by itself, because it is refused or because its pair is not as usual.';


--
-- Name: keep_statement_baseline(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.keep_statement_baseline() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_kept bigint;
begin
    delete from lockstep.statement_baseline;

    insert into lockstep.statement_baseline (role_name, query_id, calls, total_ms)
    select found.role_name, found.query_id, found.calls, found.total_ms
    from lockstep.find_statements() as found
    where found.calls > 0;

    get diagnostics v_kept = row_count;
    return v_kept;
end;
$$;


ALTER FUNCTION lockstep.keep_statement_baseline() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION keep_statement_baseline(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.keep_statement_baseline() IS 'Keeps how long each statement has taken so far, for statement_stats to compare with; the baseline before is gone.

Returns how many statements: 0 without pg_stat_statements.';


--
-- Name: leave_run(bigint, uuid); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.leave_run(p_run_id bigint, p_worker uuid DEFAULT NULL::uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    update lockstep.sync_runs as run
    set worker = null,
        backend_pid = null
    where run.id = p_run_id
        and case when p_worker is null then run.backend_pid = pg_backend_pid() else run.worker = p_worker end;
$$;


ALTER FUNCTION lockstep.leave_run(p_run_id bigint, p_worker uuid) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION leave_run(p_run_id bigint, p_worker uuid); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.leave_run(p_run_id bigint, p_worker uuid) IS 'Lets a run go, if this worker (null: this server process) holds it.

Unfinished, it stays under way for the setting sync_lease, and whoever calls next goes on with it. Locks the run.';


--
-- Name: level_up(bigint, text, bigint, integer, integer, numeric, numeric, bigint, text, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.level_up(p_user_id bigint, p_specialization_id text, p_xp_gained bigint DEFAULT 0, p_sessions_completed integer DEFAULT 0, p_projects_completed integer DEFAULT 0, p_theory_hours numeric DEFAULT 0, p_practice_hours numeric DEFAULT 0, p_advanced_by bigint DEFAULT NULL::bigint, p_reason text DEFAULT NULL::text, p_idempotency_key text DEFAULT NULL::text) RETURNS lockstep.level_change
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_progress record;
    v_license record;
    v_stored jsonb;
    v_answer lockstep.level_change;
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

    if p_idempotency_key is not null then
        v_stored := lockstep.claim_idempotency_key(
            p_user_id, p_idempotency_key, 'level_up',
            jsonb_build_array(
                p_specialization_id, null, p_xp_gained, p_sessions_completed, p_projects_completed,
                p_theory_hours, p_practice_hours, p_advanced_by, p_reason
            )
        );

        if v_stored is not null then
            v_answer := jsonb_populate_record(null::lockstep.level_change, v_stored);
            v_answer.replayed := true;
            return v_answer;
        end if;

        v_answer := lockstep.level_up(
            p_user_id, p_specialization_id, p_xp_gained, p_sessions_completed, p_projects_completed,
            p_theory_hours, p_practice_hours, p_advanced_by, p_reason
        );
        perform lockstep.store_answer(p_user_id, p_idempotency_key, to_jsonb(v_answer));
        return v_answer;
    end if;

    if p_theory_hours = 0 and p_practice_hours = 0 then
        if p_advanced_by is not null then
            perform lockstep.check_user(p_advanced_by);
        end if;

        -- The ordinary award: the write itself locks, and is computed anew if it had to wait.
        -- Lock order, everywhere: specialization_progress, then user_licenses, which is only read
        -- where the pair is in step and no level is reached.
        update lockstep.specialization_progress as progress
        set total_xp = progress.total_xp + p_xp_gained,
            completed_sessions = progress.completed_sessions + p_sessions_completed,
            completed_projects = progress.completed_projects + p_projects_completed,
            last_activity = clock_timestamp(),
            updated_at = clock_timestamp()
        where progress.student_id = p_user_id
            and progress.specialization_id = p_specialization_id
        returning
            progress.current_level, progress.total_xp, progress.completed_sessions, progress.completed_projects,
            progress.theory_hours_completed, progress.practice_hours_completed
        into v_progress;

        if found then
            select
                license.current_level,
                license.max_achieved_level,
                license.current_level = v_progress.current_level as in_step,
                license.current_level = v_progress.current_level and next.level is not null as is_reached
            into v_license
            from lockstep.user_licenses as license
            left join lockstep.specialization_levels as next
                on next.specialization_id = license.specialization_type
                and next.level = license.current_level + 1
                and next.required_xp <= v_progress.total_xp
                and next.required_sessions <= v_progress.completed_sessions
                and coalesce(next.theory_hours <= v_progress.theory_hours_completed, true)
                and coalesce(next.practice_hours <= v_progress.practice_hours_completed, true)
            where license.user_id = p_user_id
                and license.specialization_type = p_specialization_id;

            if v_license.is_reached then
                -- What was earned is written: now the level that it reaches.
                v_answer := lockstep.change_pair(
                    p_user_id, p_specialization_id, null, 0, 0, 0, 0, 0, p_advanced_by, p_reason
                );
                v_answer.xp_change := p_xp_gained;
                v_answer.sessions_change := p_sessions_completed;
                return v_answer;
            end if;

            if v_license.in_step is not true then
                -- It may be under repair: a transaction that cannot see that has to try again (40001).
                perform
                from lockstep.user_licenses as license
                where license.user_id = p_user_id
                    and license.specialization_type = p_specialization_id
                for no key update;
            end if;

            return row(
                p_user_id, p_specialization_id, v_progress.current_level, v_progress.current_level,
                v_license.current_level, v_license.current_level, v_license.max_achieved_level,
                v_progress.total_xp, v_progress.completed_sessions, v_progress.completed_projects,
                v_progress.theory_hours_completed, v_progress.practice_hours_completed,
                p_xp_gained, p_sessions_completed, false, v_license.in_step is not true, false,
                case when v_license.in_step then format('Level stays at %s', v_progress.current_level)
                else 'The pair is out of step: totals added, no level changed' end
            )::lockstep.level_change;
        end if;
    end if;

    return lockstep.change_pair(
        p_user_id, p_specialization_id, null, p_xp_gained, p_sessions_completed, p_projects_completed,
        p_theory_hours, p_practice_hours, p_advanced_by, p_reason
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
Locks the key, then specialization_progress, then user_licenses if a level is reached or the pair is out of step.';


--
-- Name: level_ups(lockstep.batch_item[], boolean); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.level_ups(p_items lockstep.batch_item[], p_all_or_nothing boolean DEFAULT true) RETURNS SETOF lockstep.batch_outcome
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select outcome.*
    from lockstep.change_pairs('level_up', p_items, p_all_or_nothing) as outcome;
$$;


ALTER FUNCTION lockstep.level_ups(p_items lockstep.batch_item[], p_all_or_nothing boolean) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION level_ups(p_items lockstep.batch_item[], p_all_or_nothing boolean); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.level_ups(p_items lockstep.batch_item[], p_all_or_nothing boolean) IS 'level_up() for many items in one transaction: the same answers and the same history as one by one, in their order.

From JSON: level_ups(array(select one from jsonb_populate_recordset(null::lockstep.batch_item, $1) as one)).
Returns a row an item, in order. All or nothing (the first refusal is raised, as level_up() raises it) unless
p_all_or_nothing is false: then a refused item says so in its row, and the others are done.
Locks all keys, users of new pairs, specialization_progress, then user_licenses, each sorted; until the commit.';


--
-- Name: identities; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.identities (
    issuer text NOT NULL,
    subject text NOT NULL,
    user_id bigint NOT NULL,
    email text,
    email_verified boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_sign_in_at timestamp with time zone
);


ALTER TABLE lockstep.identities OWNER TO lockstep_owner;

--
-- Name: TABLE identities; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.identities IS 'Who a person is at an OpenID provider, by issuer and subject: never by e-mail, which a provider may hand to another.';


--
-- Name: COLUMN identities.issuer; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.identities.issuer IS 'The URL of the provider, as its tokens name it.';


--
-- Name: COLUMN identities.subject; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.identities.subject IS 'The claim sub: the provider never gives it to anybody else.';


--
-- Name: COLUMN identities.email; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.identities.email IS 'As claimed at the last sign-in.';


--
-- Name: COLUMN identities.email_verified; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.identities.email_verified IS 'Whether the provider says that it checked the address.';


--
-- Name: link_identity(bigint, bigint, text, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.link_identity(p_actor_id bigint, p_user_id bigint, p_issuer text, p_subject text) RETURNS SETOF lockstep.identities
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    perform lockstep.lock_account(p_actor_id, p_user_id);
    perform lockstep.check_not_erased(p_user_id);

    insert into lockstep.identities (issuer, subject, user_id)
    values (p_issuer, p_subject, p_user_id)
    on conflict do nothing;

    if not exists (
        select from lockstep.identities as identity
        where identity.issuer = p_issuer
            and identity.subject = p_subject
            and identity.user_id = p_user_id
    ) then
        raise exception using
            errcode = 'LS044',
            message = 'this identity belongs to somebody else',
            detail = format('issuer=%s subject=%s', p_issuer, p_subject),
            hint = 'Take it from them first.';
    end if;

    return query
    select identity.*
    from lockstep.identities as identity
    where identity.user_id = p_user_id
    order by identity.issuer, identity.subject;
end;
$$;


ALTER FUNCTION lockstep.link_identity(p_actor_id bigint, p_user_id bigint, p_issuer text, p_subject text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION link_identity(p_actor_id bigint, p_user_id bigint, p_issuer text, p_subject text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.link_identity(p_actor_id bigint, p_user_id bigint, p_issuer text, p_subject text) IS 'Says who a person is at an OpenID provider, by an admin: a sign-in there is theirs from now on.

Returns all identities of the person; again changes nothing.
Raises LS001 no such user, LS031 the actor is no admin, LS043 erased, LS044 somebody else''s identity, 23502 no
issuer or subject. Locks the user''s row; waits for a first sign-in with this identity.';


--
-- Name: list_desync(bigint, text, bigint, text, integer, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.list_desync(p_actor_id bigint, p_specialization_id text DEFAULT NULL::text, p_after_user_id bigint DEFAULT NULL::bigint, p_after_specialization text DEFAULT NULL::text, p_limit integer DEFAULT 100, p_issue_type text DEFAULT NULL::text) RETURNS SETOF lockstep.desync
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
    where (p_specialization_id is null or issue.specialization = p_specialization_id)
        and (p_issue_type is null or issue.issue_type = p_issue_type)
        and (
            p_after_user_id is null
            or issue.user_id > p_after_user_id
            or (issue.user_id = p_after_user_id and issue.specialization > p_after_specialization)
        )
        and lockstep.may_see(p_actor_id, issue.user_id)
    order by issue.user_id, issue.specialization
    limit p_limit;
end;
$$;


ALTER FUNCTION lockstep.list_desync(p_actor_id bigint, p_specialization_id text, p_after_user_id bigint, p_after_specialization text, p_limit integer, p_issue_type text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION list_desync(p_actor_id bigint, p_specialization_id text, p_after_user_id bigint, p_after_specialization text, p_limit integer, p_issue_type text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.list_desync(p_actor_id bigint, p_specialization_id text, p_after_user_id bigint, p_after_specialization text, p_limit integer, p_issue_type text) IS 'The pairs out of step that the actor may see, by user and specialization, from after a given one; p_issue_type: of this kind only.

Raises LS002 no such specialization. Locks nothing.';


--
-- Name: list_groups(bigint, bigint, integer); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.list_groups(p_actor_id bigint, p_after_id bigint DEFAULT NULL::bigint, p_limit integer DEFAULT 100) RETURNS SETOF lockstep.group_list
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select known.*
    from lockstep.group_list as known
    inner join lockstep.users as actor
        on actor.id = p_actor_id
        and actor.is_active
    where known.id > coalesce(p_after_id, 0)
        and (
            actor.role = 'admin'
            or exists (
                select from lockstep.group_members as member
                where member.user_id = p_actor_id
                    and member.group_id = known.id
            )
        )
    order by known.id
    limit p_limit;
$$;


ALTER FUNCTION lockstep.list_groups(p_actor_id bigint, p_after_id bigint, p_limit integer) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION list_groups(p_actor_id bigint, p_after_id bigint, p_limit integer); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.list_groups(p_actor_id bigint, p_after_id bigint, p_limit integer) IS 'Groups by id, from after a given one: to an admin every group, to anybody else those that they are in.';


--
-- Name: list_members(bigint, bigint, bigint, integer); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.list_members(p_actor_id bigint, p_group_id bigint, p_after_user_id bigint DEFAULT NULL::bigint, p_limit integer DEFAULT 100) RETURNS SETOF lockstep.membership_list
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    perform lockstep.check_group(p_actor_id, p_group_id);

    return query
    select member.*
    from lockstep.membership_list as member
    inner join lockstep.users as actor on actor.id = p_actor_id
    where member.group_id = p_group_id
        and member.user_id > coalesce(p_after_user_id, 0)
        -- The rule of may_see(), where both are in the group.
        and (
            actor.role = 'admin'
            or member.user_id = p_actor_id
            or (actor.role = 'instructor' and member.role = 'student')
        )
    order by member.user_id
    limit p_limit;
end;
$$;


ALTER FUNCTION lockstep.list_members(p_actor_id bigint, p_group_id bigint, p_after_user_id bigint, p_limit integer) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION list_members(p_actor_id bigint, p_group_id bigint, p_after_user_id bigint, p_limit integer); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.list_members(p_actor_id bigint, p_group_id bigint, p_after_user_id bigint, p_limit integer) IS 'Those in a group whom the actor may see, by user, from after a given one.

Raises LS045 no such group, or (to others than admins) none that they are in. Locks nothing.';


--
-- Name: list_projects(bigint, bigint, boolean, bigint, integer); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.list_projects(p_actor_id bigint, p_user_id bigint DEFAULT NULL::bigint, p_deleted boolean DEFAULT false, p_before_id bigint DEFAULT NULL::bigint, p_limit integer DEFAULT 100) RETURNS SETOF lockstep.project_state
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select described.*
    from lockstep.projects as project
    cross join lateral lockstep.permission_on(p_actor_id, project.user_id, project.id) as granted (permission)
    cross join lateral lockstep.describe_project(project, granted.permission) as described
    where project.id in (
            select own.id
            from lockstep.projects as own
            where own.user_id = coalesce(p_user_id, p_actor_id)
            union all
            select share.project_id
            from lockstep.project_shares as share
            where share.grantee_user_id = p_actor_id
            union all
            select share.project_id
            from lockstep.group_members as member
            inner join lockstep.project_shares as share on share.grantee_group_id = member.group_id
            where member.user_id = p_actor_id
        )
        and (p_user_id is null or project.user_id = p_user_id)
        and (project.deleted_at is not null) = p_deleted
        and (p_before_id is null or project.id < p_before_id)
        and granted.permission >= case when p_deleted then 'ADMIN' else 'READ' end::lockstep.project_permission
    order by project.id desc
    limit least(p_limit, 500);
$$;


ALTER FUNCTION lockstep.list_projects(p_actor_id bigint, p_user_id bigint, p_deleted boolean, p_before_id bigint, p_limit integer) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION list_projects(p_actor_id bigint, p_user_id bigint, p_deleted boolean, p_before_id bigint, p_limit integer); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.list_projects(p_actor_id bigint, p_user_id bigint, p_deleted boolean, p_before_id bigint, p_limit integer) IS 'The projects that are the actor''s or shared with them, the newest first, from before a given id; at most 500.

p_user_id: only those of this owner, as far as the actor may read them. p_deleted: those that can be restored.
Locks nothing.';


--
-- Name: list_revisions(bigint, bigint, integer, integer); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.list_revisions(p_actor_id bigint, p_project_id bigint, p_before_version integer DEFAULT NULL::integer, p_limit integer DEFAULT 100) RETURNS SETOF lockstep.revision_state
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_project lockstep.projects;
begin
    v_project := (lockstep.find_project(p_actor_id, p_project_id, 'READ')).project;

    return query
    select described.*
    from lockstep.project_revisions as revision
    cross join lateral lockstep.describe_revision(revision) as described
    where revision.user_id = v_project.user_id
        and revision.project_id = v_project.id
        and (p_before_version is null or revision.version < p_before_version)
    order by revision.version desc
    limit least(p_limit, 500);
end;
$$;


ALTER FUNCTION lockstep.list_revisions(p_actor_id bigint, p_project_id bigint, p_before_version integer, p_limit integer) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION list_revisions(p_actor_id bigint, p_project_id bigint, p_before_version integer, p_limit integer); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.list_revisions(p_actor_id bigint, p_project_id bigint, p_before_version integer, p_limit integer) IS 'The versions of a project, the newest first, from before a given one; at most 500.

Raises LS050 no such project.';


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
-- Name: list_run_items(bigint, bigint, text, integer); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.list_run_items(p_run_id bigint, p_after_user_id bigint DEFAULT NULL::bigint, p_after_specialization text DEFAULT NULL::text, p_limit integer DEFAULT 100) RETURNS SETOF lockstep.run_items
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    perform lockstep.check_run(p_run_id);

    return query
    select item.*
    from lockstep.run_items as item
    where item.run_id = p_run_id
        and (
            p_after_user_id is null
            or (item.user_id, item.specialization) > (p_after_user_id, p_after_specialization)
        )
    order by item.user_id, item.specialization
    limit p_limit;
end;
$$;


ALTER FUNCTION lockstep.list_run_items(p_run_id bigint, p_after_user_id bigint, p_after_specialization text, p_limit integer) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION list_run_items(p_run_id bigint, p_after_user_id bigint, p_after_specialization text, p_limit integer); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.list_run_items(p_run_id bigint, p_after_user_id bigint, p_after_specialization text, p_limit integer) IS 'What a run is to do to each pair and what came of it, by user and specialization, from after a given pair.

Raises LS015 no such run. Locks nothing.';


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
    run.applied_by,
    run.applied_role,
    run.applied_application,
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
-- Name: COLUMN runs.requested_by; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.runs.requested_by IS 'Who planned it, as the application says.';


--
-- Name: COLUMN runs.applied_by; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.runs.applied_by IS 'Who took it into work, of several the last, as the application says; the history has each.';


--
-- Name: COLUMN runs.applied_role; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.runs.applied_role IS 'The database role that took it into work; null: nobody yet.';


--
-- Name: COLUMN runs.applied_application; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.runs.applied_application IS 'The application_name of that session.';


--
-- Name: COLUMN runs.duration_seconds; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.runs.duration_seconds IS 'Up to its end, or up to its last batch while it has none.';


--
-- Name: list_runs(bigint, integer); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.list_runs(p_before_id bigint DEFAULT NULL::bigint, p_limit integer DEFAULT 100) RETURNS SETOF lockstep.runs
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select run.*
    from lockstep.runs as run
    where p_before_id is null
        or run.run_id < p_before_id
    order by run.run_id desc
    limit p_limit;
$$;


ALTER FUNCTION lockstep.list_runs(p_before_id bigint, p_limit integer) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION list_runs(p_before_id bigint, p_limit integer); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.list_runs(p_before_id bigint, p_limit integer) IS 'The runs of repair, newest first; the next page is what came before the last id. Locks nothing.';


--
-- Name: list_shares(bigint, bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.list_shares(p_actor_id bigint, p_project_id bigint) RETURNS SETOF lockstep.share_state
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_project lockstep.projects;
begin
    v_project := (lockstep.find_project(p_actor_id, p_project_id, 'ADMIN')).project;

    return query
    select described.*
    from lockstep.project_shares as share
    cross join lateral lockstep.describe_share(share) as described
    where share.user_id = v_project.user_id
        and share.project_id = v_project.id
    order by share.id;
end;
$$;


ALTER FUNCTION lockstep.list_shares(p_actor_id bigint, p_project_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION list_shares(p_actor_id bigint, p_project_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.list_shares(p_actor_id bigint, p_project_id bigint) IS 'With whom a project is shared.

Raises LS050 no such project, LS051 permission too low.';


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
-- Name: catalogue; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.catalogue AS
 SELECT specialization.id,
    specialization.name,
    specialization.icon,
    specialization.max_levels,
    specialization.is_active,
    ( SELECT COALESCE(jsonb_agg(jsonb_build_object('level', level.level, 'name', level.name, 'required_xp', level.required_xp, 'required_sessions', level.required_sessions, 'theory_hours', level.theory_hours, 'practice_hours', level.practice_hours, 'total_hours', level.total_hours) ORDER BY level.level), '[]'::jsonb) AS "coalesce"
           FROM lockstep.specialization_levels level
          WHERE (level.specialization_id = specialization.id)) AS levels
   FROM lockstep.specializations specialization;


ALTER TABLE lockstep.catalogue OWNER TO lockstep_owner;

--
-- Name: VIEW catalogue; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.catalogue IS 'The specializations, each with its levels as JSON.';


--
-- Name: COLUMN catalogue.levels; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.catalogue.levels IS 'From level 1 up: name, and what reaching it takes, since the start.';


--
-- Name: list_specializations(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.list_specializations() RETURNS SETOF lockstep.catalogue
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select entry.*
    from lockstep.catalogue as entry
    order by entry.id;
$$;


ALTER FUNCTION lockstep.list_specializations() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION list_specializations(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.list_specializations() IS 'The specializations, each with its levels. Locks nothing.';


--
-- Name: list_users(bigint, text, bigint, boolean, text, bigint, integer); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.list_users(p_actor_id bigint, p_role text DEFAULT NULL::text, p_group_id bigint DEFAULT NULL::bigint, p_is_active boolean DEFAULT NULL::boolean, p_search text DEFAULT NULL::text, p_after_id bigint DEFAULT NULL::bigint, p_limit integer DEFAULT 100) RETURNS SETOF lockstep.people
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_role text;
begin
    if p_group_id is not null then
        perform lockstep.check_group(p_actor_id, p_group_id);
    end if;

    select actor.role
    into v_role
    from lockstep.users as actor
    where actor.id = p_actor_id
        and actor.is_active;

    return query
    select person.*
    from lockstep.people as person
    where person.id > coalesce(p_after_id, 0)
        -- The rule of may_see(), asked for all at once; a test compares the two.
        and (
            v_role = 'admin'
            or (person.id = p_actor_id and v_role is not null)
            or (
                v_role = 'instructor'
                and person.role = 'student'
                and not person.is_erased
                and (
                    person.id in (
                        select member.user_id
                        from lockstep.group_members as colleague
                        inner join lockstep.group_members as member on member.group_id = colleague.group_id
                        where colleague.user_id = p_actor_id
                    )
                    or not exists (
                        select from lockstep.group_members as member
                        where member.user_id = person.id
                    )
                )
            )
        )
        and (p_role is null or person.role = p_role)
        and (p_is_active is null or person.is_active = p_is_active)
        and (p_group_id is null or person.id in (
            select member.user_id
            from lockstep.group_members as member
            where member.group_id = p_group_id
        ))
        and (
            p_search is null
            or starts_with(lower(person.email), lower(p_search))
            or starts_with(lower(person.name), lower(p_search))
        )
    order by person.id
    limit p_limit;
end;
$$;


ALTER FUNCTION lockstep.list_users(p_actor_id bigint, p_role text, p_group_id bigint, p_is_active boolean, p_search text, p_after_id bigint, p_limit integer) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION list_users(p_actor_id bigint, p_role text, p_group_id bigint, p_is_active boolean, p_search text, p_after_id bigint, p_limit integer); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.list_users(p_actor_id bigint, p_role text, p_group_id bigint, p_is_active boolean, p_search text, p_after_id bigint, p_limit integer) IS 'The people whom the actor may see, by id, from after a given one.

p_search: what the e-mail address or the name begins with, whatever its case.
Raises LS045 no such group, or (to others than admins) none that they are in. Locks nothing.';


--
-- Name: lock_account(bigint, bigint, boolean); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.lock_account(p_actor_id bigint, p_user_id bigint, p_stays_admin boolean DEFAULT true) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_leaves constant boolean := not p_stays_admin and exists (
        select from lockstep.users as person
        where person.id = p_user_id
            and person.role = 'admin'
            and person.is_active
    );
begin
    -- Of two admins who remove each other the second waits here, and is no admin any more below.
    perform
    from lockstep.users as person
    where person.id = p_user_id
        or (v_leaves and person.role = 'admin' and person.is_active)
    order by person.id
    for no key update;

    perform lockstep.check_admin(p_actor_id);
    perform lockstep.check_user(p_user_id);

    if not p_stays_admin and not v_leaves and exists (
        select from lockstep.users as person
        where person.id = p_user_id
            and person.role = 'admin'
            and person.is_active
    ) then
        raise exception using
            errcode = 'serialization_failure',
            message = 'the user became an admin meanwhile',
            detail = format('user_id=%s', p_user_id),
            hint = 'Retry.';
    end if;

    if v_leaves and not exists (
        select from lockstep.users as person
        where person.role = 'admin'
            and person.is_active
            and person.id <> p_user_id
    ) then
        raise exception using
            errcode = 'LS041',
            message = 'somebody has to stay admin',
            detail = format('user_id=%s', p_user_id),
            hint = 'Make somebody else an admin first.';
    end if;
end;
$$;


ALTER FUNCTION lockstep.lock_account(p_actor_id bigint, p_user_id bigint, p_stays_admin boolean) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION lock_account(p_actor_id bigint, p_user_id bigint, p_stays_admin boolean); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.lock_account(p_actor_id bigint, p_user_id bigint, p_stays_admin boolean) IS 'Lets an admin change an account, and holds it until the end of the transaction.

p_stays_admin false: whatever the user is now, they will be no active admin; another one has to be left.
Raises LS001 no such user, LS031 the actor is no admin, LS041 the last admin, 40001 (retry) when they became one
meanwhile. Locks the user''s row; where an active admin is to leave, those of all active admins, by id.';


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
-- Name: lock_budget(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.lock_budget() RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select ceil(extract(epoch from lockstep.setting('lock_budget')::interval) * 1000)::text;
$$;


ALTER FUNCTION lockstep.lock_budget() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION lock_budget(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.lock_budget() IS 'The setting lock_budget as lock_timeout takes it: whole milliseconds, rounded up.';


--
-- Name: lock_free_pairs(lockstep.batch_item[]); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.lock_free_pairs(p_items lockstep.batch_item[]) RETURNS lockstep.batch_item[]
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_new_user_ids bigint[];
    v_user_ids bigint[];
    v_progress_ids bigint[];
    v_license_ids bigint[];
begin
    v_new_user_ids := array(
        select distinct item.user_id
        from unnest(p_items) as item
        where not exists (
            select from lockstep.specialization_progress as progress
            where progress.student_id = item.user_id
                and progress.specialization_id = item.specialization_id
        )
    );

    -- There is no progress row to lock yet: the user's row stands in for it.
    v_user_ids := array(
        select person.id
        from lockstep.users as person
        where person.id = any(v_new_user_ids)
        order by person.id
        for no key update skip locked
    );

    -- Lock order, everywhere: specialization_progress, then user_licenses; nothing here waits.
    v_progress_ids := array(
        select locked.id
        from lockstep.specialization_progress as locked
        where (locked.student_id, locked.specialization_id) in (
            select item.user_id, item.specialization_id
            from unnest(p_items) as item
        )
        order by locked.student_id, locked.specialization_id
        for no key update skip locked
    );

    v_license_ids := array(
        select locked.id
        from lockstep.user_licenses as locked
        where (locked.user_id, locked.specialization_type) in (
            select item.user_id, item.specialization_id
            from unnest(p_items) as item
        )
        order by locked.user_id, locked.specialization_type
        for no key update skip locked
    );

    return array(
        select item
        from unnest(p_items) as item
        left outer join lockstep.specialization_progress as progress
            on progress.student_id = item.user_id
            and progress.specialization_id = item.specialization_id
            and progress.id <> all(v_progress_ids)
        left outer join lockstep.user_licenses as license
            on license.user_id = item.user_id
            and license.specialization_type = item.specialization_id
            and license.id <> all(v_license_ids)
        where progress.id is not null
            or license.id is not null
            or (item.user_id = any(v_new_user_ids) and item.user_id <> all(v_user_ids))
    );
end;
$$;


ALTER FUNCTION lockstep.lock_free_pairs(p_items lockstep.batch_item[]) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION lock_free_pairs(p_items lockstep.batch_item[]); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.lock_free_pairs(p_items lockstep.batch_item[]) IS 'Locks the pairs of a batch that nobody holds, and waits for none. Returns the items of those that somebody holds.

Locks the rows of users who lack a pair, then specialization_progress, then user_licenses, where they are free.';


--
-- Name: lock_holders(bigint, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.lock_holders(p_user_id bigint, p_specialization_id text) RETURNS integer[]
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_last_lockers xid[];
    v_last_locker xid;
    v_members xid[];
    v_holders integer[] := array[]::integer[];
begin
    v_last_lockers := array(
        select progress.xmax
        from lockstep.specialization_progress as progress
        where progress.student_id = p_user_id
            and progress.specialization_id = p_specialization_id
        union all
        select license.xmax
        from lockstep.user_licenses as license
        where license.user_id = p_user_id
            and license.specialization_type = p_specialization_id
        union all
        -- Where there is no progress row, the user's row stands in for it.
        select person.xmax
        from lockstep.users as person
        where person.id = p_user_id
            and not exists (
                select from lockstep.specialization_progress as progress
                where progress.student_id = p_user_id
                    and progress.specialization_id = p_specialization_id
            )
    );

    foreach v_last_locker in array v_last_lockers loop
        continue when v_last_locker = '0';
        v_members := array[v_last_locker];

        -- Several lockers at once stand behind one number; whether it is such a number, the row does not say.
        if not exists (
            select from pg_catalog.pg_locks as held
            where held.transactionid = v_last_locker
        ) then
            begin
                v_members := array(
                    select member.xid
                    from pg_get_multixact_members(v_last_locker) as member
                    where member.mode in ('nokeyupd', 'upd', 'fornokeyupd', 'forupd')
                );
            exception
                when internal_error then
                    v_members := array[]::xid[];
            end;
        end if;

        v_holders := v_holders || array(
            select held.pid
            from pg_catalog.pg_locks as held
            where held.locktype = 'transactionid'
                and held.granted
                and held.mode = 'ExclusiveLock'
                and held.transactionid = any(v_members)
                and held.pid <> pg_backend_pid()
                and held.pid <> all(v_holders)
        );
    end loop;

    return v_holders;
end;
$$;


ALTER FUNCTION lockstep.lock_holders(p_user_id bigint, p_specialization_id text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION lock_holders(p_user_id bigint, p_specialization_id text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.lock_holders(p_user_id bigint, p_specialization_id text) IS 'The server processes that hold a pair right now, as its rows and pg_locks show it; empty: nobody.

For who gave up waiting: a session cannot look while it waits.';


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
-- Name: lock_pairs(lockstep.batch_item[]); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.lock_pairs(p_items lockstep.batch_item[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_user_ids bigint[];
begin
    v_user_ids := array(
        select distinct item.user_id
        from unnest(p_items) as item
        where not exists (
            select from lockstep.specialization_progress as progress
            where progress.student_id = item.user_id
                and progress.specialization_id = item.specialization_id
        )
    );

    if v_user_ids <> '{}' then
        -- There is no progress row to lock yet: the user's row stands in for it.
        perform
        from lockstep.users as person
        where person.id = any(v_user_ids)
        order by person.id
        for no key update;
    end if;

    -- Lock order, everywhere: specialization_progress, then user_licenses, several keys sorted.
    perform
    from lockstep.specialization_progress as locked
    where (locked.student_id, locked.specialization_id) in (
        select item.user_id, item.specialization_id
        from unnest(p_items) as item
    )
    order by locked.student_id, locked.specialization_id
    for no key update;

    perform
    from lockstep.user_licenses as locked
    where (locked.user_id, locked.specialization_type) in (
        select item.user_id, item.specialization_id
        from unnest(p_items) as item
    )
    order by locked.user_id, locked.specialization_type
    for no key update;
end;
$$;


ALTER FUNCTION lockstep.lock_pairs(p_items lockstep.batch_item[]) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION lock_pairs(p_items lockstep.batch_item[]); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.lock_pairs(p_items lockstep.batch_item[]) IS 'Locks every pair of a batch, both sides, and waits for those that somebody holds.

Locks the rows of users who lack a pair, then specialization_progress, then user_licenses, each sorted.';


--
-- Name: lock_person(bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.lock_person(p_user_id bigint) RETURNS lockstep.users
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_person lockstep.users;
begin
    -- Lock order of an account, everywhere: the person, then what hangs on them.
    select person.*
    into v_person
    from lockstep.users as person
    where person.id = p_user_id
    for no key update;

    if v_person.is_active is not true then
        raise exception using
            errcode = 'LS030',
            message = 'not signed in',
            detail = 'the account is not active',
            hint = 'Ask an admin.';
    end if;

    return v_person;
end;
$$;


ALTER FUNCTION lockstep.lock_person(p_user_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION lock_person(p_user_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.lock_person(p_user_id bigint) IS 'Holds the account of somebody who signs in, and who stays active until the end of the transaction.

Who deactivates them waits, and then ends the session that was made here too. Raises LS030 account not active.
Locks the person.';


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
-- Name: lock_project(bigint, bigint, lockstep.project_permission, boolean); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.lock_project(p_actor_id bigint, p_project_id bigint, p_needed lockstep.project_permission, p_deleted boolean DEFAULT false) RETURNS lockstep.locked_project
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_project lockstep.projects;
begin
    -- Lock order, everywhere: the project's row, then blobs.
    select project.*
    into v_project
    from lockstep.projects as project
    where project.id = p_project_id
    for no key update;

    -- Asked after the lock: what was taken back while this waited is not there any more.
    return row(v_project, lockstep.check_project(p_actor_id, p_project_id, v_project, p_needed, p_deleted));
end;
$$;


ALTER FUNCTION lockstep.lock_project(p_actor_id bigint, p_project_id bigint, p_needed lockstep.project_permission, p_deleted boolean) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION lock_project(p_actor_id bigint, p_project_id bigint, p_needed lockstep.project_permission, p_deleted boolean); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.lock_project(p_actor_id bigint, p_project_id bigint, p_needed lockstep.project_permission, p_deleted boolean) IS 'Locks a project for a change by the actor, and returns it as it is then. p_deleted: a deleted one too.

Raises LS050 no such project, LS051 permission too low.
Locks the project''s row: before any blob.';


--
-- Name: mark_adoption_conflicts(text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.mark_adoption_conflicts(p_source text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    update lockstep.adoption_staging as staged
    set outcome = 'conflict',
        reasons = array[case when known.source_id is null then 'pair_here' else 'changed_here' end],
        level_kept = null,
        xp_kept = null
    from lockstep.adoption_staging as row
    inner join lockstep.adoption_pairs as pair
        on pair.user_id = row.user_id
        and pair.specialization_id = row.specialization_id
    left outer join lockstep.adopted_rows as known
        on known.source = p_source
        and known.table_name = row.table_name
        and known.source_id = row.source_id
    where row.table_name in ('specialization_progress', 'user_licenses', 'license_progressions')
        and row.state <> 'unchanged'
        and row.outcome in ('imported', 'repaired', 'merged')
        and (
            pair.state = 'conflict'
            -- Of a pair that was in conflict before, new history does not come over either.
            or exists (
                select from lockstep.adopted_rows as refused
                where pair.state = 'unchanged'
                    and refused.source = p_source
                    and refused.user_id = pair.user_id
                    and refused.specialization_id = pair.specialization_id
                    and refused.table_name <> 'license_progressions'
                    and refused.outcome = 'conflict'
            )
        )
        and staged.table_name = row.table_name
        and staged.source_id = row.source_id;
end;
$$;


ALTER FUNCTION lockstep.mark_adoption_conflicts(p_source text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION mark_adoption_conflicts(p_source text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.mark_adoption_conflicts(p_source text) IS 'Leaves out the staged rows of pairs that are here and not as an adoption left them: nothing is overwritten.';


--
-- Name: mark_changed_here(text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.mark_changed_here(p_source text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    update lockstep.adoption_staging as staged
    set outcome = 'conflict',
        reasons = array['changed_here']
    from lockstep.adopted_rows as known
    left outer join lockstep.users as person
        on person.id = known.user_id
        and known.table_name = 'users'
    left outer join lockstep.projects as project
        on project.user_id = known.user_id
        and project.id::text = known.target_id
        and project.deleted_at is null
        and known.table_name = 'projects'
    where staged.table_name in ('users', 'projects')
        and not staged.done
        and staged.state = 'changed'
        and staged.outcome in ('imported', 'repaired')
        and known.source = p_source
        and known.table_name = staged.table_name
        and known.source_id = staged.source_id
        and known.outcome <> 'quarantined'
        and (
            (staged.table_name = 'users' and known.target_state is distinct from lockstep.adopted_user_state(person))
            or (staged.table_name = 'projects' and known.target_state is distinct from project.version::text)
            -- A project stays with its owner.
            or (staged.table_name = 'projects' and known.user_id is distinct from staged.user_id)
        );
end;
$$;


ALTER FUNCTION lockstep.mark_changed_here(p_source text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION mark_changed_here(p_source text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.mark_changed_here(p_source text) IS 'Leaves out the staged users and projects that are here and not as an adoption left them: nothing is overwritten.';


--
-- Name: may_see(bigint, bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.may_see(p_actor_id bigint, p_user_id bigint) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select coalesce(bool_or(
        actor.id = p_user_id
        or actor.role = 'admin'
        or (
            actor.role = 'instructor'
            and exists (
                select from lockstep.users as person
                where person.id = p_user_id
                    and person.role = 'student'
            )
            and not exists (
                select from lockstep.erasures as erasure
                where erasure.user_id = p_user_id
            )
            and (
                not exists (
                    select from lockstep.group_members as member
                    where member.user_id = p_user_id
                )
                or exists (
                    select from lockstep.group_members as member
                    inner join lockstep.group_members as colleague on colleague.group_id = member.group_id
                    where member.user_id = p_user_id
                        and colleague.user_id = p_actor_id
                )
            )
        )
    ), false)
    from lockstep.users as actor
    where actor.id = p_actor_id
        and actor.is_active;
$$;


ALTER FUNCTION lockstep.may_see(p_actor_id bigint, p_user_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION may_see(p_actor_id bigint, p_user_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.may_see(p_actor_id bigint, p_user_id bigint) IS 'Whether the first may read what belongs to the second: the one rule of who sees whom.

Everybody sees themselves; an admin everybody; an instructor the students who share a group with them, and
those who are in no group, unless they were erased. Locks nothing.';


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
-- Name: network_of(inet); Type: FUNCTION; Schema: lockstep; Owner: lockstep_owner
--

CREATE FUNCTION lockstep.network_of(p_address inet) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select host(network(set_masklen(p_address, case family(p_address) when 6 then 64 else 32 end)));
$$;


ALTER FUNCTION lockstep.network_of(p_address inet) OWNER TO lockstep_owner;

--
-- Name: FUNCTION network_of(p_address inet); Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON FUNCTION lockstep.network_of(p_address inet) IS 'What sign-ins are counted by: an IPv4 address, or the /64 of an IPv6 address, which one subscriber has whole.';


--
-- Name: note_incident(text, text, jsonb); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.note_incident(p_kind text, p_subject text, p_cause jsonb) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_cause constant jsonb := coalesce(p_cause, '{}');
    v_incident_id bigint;
begin
    -- Lock order: the kind, then the incident, then its mails.
    perform from lockstep.incident_kinds as known
    where known.kind = p_kind
    for no key update;

    if not found or p_subject is null or jsonb_typeof(v_cause) <> 'object' then
        raise exception using
            errcode = 'LS006',
            message = 'invalid argument',
            detail = format(
                'kind %s, subject %s, cause of type %s', coalesce(p_kind, 'null'), coalesce(p_subject, 'null'),
                jsonb_typeof(v_cause)
            ),
            hint = 'See lockstep.incident_kinds for the kinds; a subject is not null, a cause is an object.';
    end if;

    update lockstep.noted_incidents as incident
    set last_seen_at = clock_timestamp(),
        times_seen = incident.times_seen + 1,
        last_cause = v_cause
    where incident.kind = p_kind
        and incident.subject = p_subject
        and incident.closed_at is null
    returning incident.id into v_incident_id;

    if not found then
        v_incident_id := lockstep.reopen_incident(p_kind, p_subject, v_cause);
    end if;

    if v_incident_id is null then
        insert into lockstep.noted_incidents (kind, subject, cause, last_cause)
        values (p_kind, p_subject, v_cause, v_cause)
        returning id into v_incident_id;

        insert into lockstep.incident_mails (incident_id, event)
        values (v_incident_id, 'opened');
    end if;

    return v_incident_id;
end;
$$;


ALTER FUNCTION lockstep.note_incident(p_kind text, p_subject text, p_cause jsonb) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION note_incident(p_kind text, p_subject text, p_cause jsonb); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.note_incident(p_kind text, p_subject text, p_cause jsonb) IS 'Opens an incident of this kind and subject, with its mail; where one is open, counts it as seen again.

One that was over for less than the setting incident_quiet, and whose close was not told yet, goes on as if it had
never ended. Neither subject nor cause names a person. Returns its id. Raises LS006 unknown kind, or a cause that
is no object. Locks the kind, so that of two who call at once the second counts; several kinds: in their order.';


--
-- Name: note_lock_breach(bigint, text, text, interval); Type: FUNCTION; Schema: lockstep; Owner: lockstep_owner
--

CREATE FUNCTION lockstep.note_lock_breach(p_user_id bigint, p_specialization_id text, p_source text, p_waited interval) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_blocker record;
begin
    select
        holder.pid,
        session.application_name,
        session.usename,
        session.state,
        session.xact_start,
        session.query
    into v_blocker
    from unnest(lockstep.lock_holders(p_user_id, p_specialization_id)) as holder (pid)
    left outer join pg_catalog.pg_stat_activity as session
        on session.pid = holder.pid
    order by session.xact_start
    limit 1;

    perform lockstep.record_lock_breach(
        p_user_id, p_specialization_id, p_source, p_waited, v_blocker.pid, v_blocker.application_name,
        v_blocker.usename, v_blocker.state, v_blocker.xact_start, v_blocker.query
    );

    return v_blocker.pid;
end;
$$;


ALTER FUNCTION lockstep.note_lock_breach(p_user_id bigint, p_specialization_id text, p_source text, p_waited interval) OWNER TO lockstep_owner;

--
-- Name: FUNCTION note_lock_breach(p_user_id bigint, p_specialization_id text, p_source text, p_waited interval); Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON FUNCTION lockstep.note_lock_breach(p_user_id bigint, p_specialization_id text, p_source text, p_waited interval) IS 'To be called right after 55P03, in a new transaction: records the wait, and who holds the pair by now.

p_source: http, queue or client. Runs as the caller, because what another session does is shown to its own role
and to members of pg_monitor only. Returns the blocker''s process id; null: it has let go in between.
Raises LS001 no such user.';


--
-- Name: note_requests(text, bigint, bigint, bigint, bigint, jsonb); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.note_requests(p_process text, p_requests bigint, p_errors bigint, p_conflicts bigint, p_retries bigint, p_codes jsonb) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    insert into lockstep.request_counts (process, requests, errors, conflicts, retries, codes)
    values (p_process, p_requests, p_errors, p_conflicts, p_retries, p_codes)
    returning id;
$$;


ALTER FUNCTION lockstep.note_requests(p_process text, p_requests bigint, p_errors bigint, p_conflicts bigint, p_retries bigint, p_codes jsonb) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION note_requests(p_process text, p_requests bigint, p_errors bigint, p_conflicts bigint, p_retries bigint, p_codes jsonb); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.note_requests(p_process text, p_requests bigint, p_errors bigint, p_conflicts bigint, p_retries bigint, p_codes jsonb) IS 'Writes down what an HTTP process has answered since it did so last, for the error rate. Returns the row''s id.

p_codes: how often each problem, by its code.';


--
-- Name: permission_on(bigint, bigint, bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.permission_on(p_actor_id bigint, p_user_id bigint, p_project_id bigint) RETURNS lockstep.project_permission
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select case
        when bool_or(actor.id = p_user_id or actor.role = 'admin') then 'ADMIN'::lockstep.project_permission
        else greatest(
            max(share.permission),
            case
                when bool_or(actor.role = 'instructor' and lockstep.may_see(actor.id, p_user_id))
                    then 'READ'::lockstep.project_permission
            end
        )
    end
    from lockstep.users as actor
    left outer join lockstep.project_shares as share
        on share.user_id = p_user_id
        and share.project_id = p_project_id
        and (
            share.grantee_user_id = actor.id
            or exists (
                select from lockstep.group_members as member
                where member.group_id = share.grantee_group_id
                    and member.user_id = actor.id
            )
        )
    where actor.id = p_actor_id
        and actor.is_active;
$$;


ALTER FUNCTION lockstep.permission_on(p_actor_id bigint, p_user_id bigint, p_project_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION permission_on(p_actor_id bigint, p_user_id bigint, p_project_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.permission_on(p_actor_id bigint, p_user_id bigint, p_project_id bigint) IS 'What the actor may do with the project of this owner: the highest of all that they were granted; null: nothing.

The owner and an admin: ADMIN. An instructor READs what their students build (may_see()). Locks nothing.';


--
-- Name: plan_adopted_changes(text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.plan_adopted_changes(p_source text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    -- A pair comes over when a row of it is new or has changed; not over what was changed here since.
    update lockstep.adoption_pairs as pair
    set state = case
            when not exists (
                select from lockstep.adoption_staging as side
                where side.user_id = pair.user_id
                    and side.specialization_id = pair.specialization_id
                    and side.table_name in ('specialization_progress', 'user_licenses')
                    and side.state <> 'unchanged'
            ) then 'unchanged'
            when here.state is null then 'new'
            when exists (
                select from lockstep.adopted_rows as known
                where known.source = p_source
                    and known.user_id = pair.user_id
                    and known.specialization_id = pair.specialization_id
                    and known.target_state = here.state
            ) then 'changed'
            else 'conflict'
        end
    from lockstep.adoption_pairs as planned
    left outer join lockstep.adopted_pairs_here as here
        on here.user_id = planned.user_id
        and here.specialization_id = planned.specialization_id
    where pair.user_id = planned.user_id
        and pair.specialization_id = planned.specialization_id;

    -- History only grows: a row of it that changed in the source stays as it came.
    update lockstep.adoption_staging as staged
    set outcome = 'conflict',
        reasons = array['history_changed'],
        level_kept = null
    where staged.table_name = 'license_progressions'
        and staged.state = 'changed'
        and exists (
            select from lockstep.adopted_rows as known
            where known.source = p_source
                and known.table_name = staged.table_name
                and known.source_id = staged.source_id
                and known.outcome in ('imported', 'repaired', 'conflict')
        );

    -- Then pairs, users and projects that are here and not as an adoption left them.
    perform lockstep.mark_adoption_conflicts(p_source);
    perform lockstep.mark_changed_here(p_source);

    -- New history alone is reason enough to visit a pair.
    update lockstep.adoption_pairs as pair
    set state = 'history'
    where pair.state = 'unchanged'
        and exists (
            select from lockstep.adoption_staging as progression
            where progression.user_id = pair.user_id
                and progression.specialization_id = pair.specialization_id
                and progression.table_name = 'license_progressions'
                and progression.state <> 'unchanged'
        );

    update lockstep.adoption_pairs as pair
    set done = true
    where pair.state = 'unchanged';
end;
$$;


ALTER FUNCTION lockstep.plan_adopted_changes(p_source text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION plan_adopted_changes(p_source text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.plan_adopted_changes(p_source text) IS 'Says of each staged pair whether it is new, changed or unchanged, or in conflict with what was changed here.';


--
-- Name: plan_adopted_curriculum(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.plan_adopted_curriculum() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
begin
    update lockstep.adoption_staging as staged
    set specialization_id = specialization.id,
        level_found = (lockstep.adopted_figures(staged.content, array['max_levels']))[1],
        level_kept = specialization.max_levels,
        outcome = case when specialization.id is null then 'quarantined' else 'merged' end,
        reasons = case
            when specialization.id is null then array['no_specialization']
            when (lockstep.adopted_figures(staged.content, array['max_levels']))[1] is distinct from specialization.max_levels
                then array['max_levels_differ']
            else '{}'
        end
    from lockstep.adoption_staging as row
    left outer join lockstep.specializations as specialization on specialization.id = row.source_id
    where row.table_name = 'specializations'
        and staged.table_name = row.table_name
        and staged.source_id = row.source_id;

    -- The curriculum here stands; where the source asks for something else, its row is kept beside.
    update lockstep.adoption_staging as staged
    set specialization_id = known.specialization_id,
        outcome = case when known.level is null then 'quarantined' else 'merged' end,
        reasons = case
            when known.level is null then array['no_level']
            when exists (
                select from jsonb_each_text(to_jsonb(known)) as here (name, value)
                where here.name in (
                    'name', 'required_xp', 'required_sessions', 'theory_hours', 'practice_hours', 'total_hours'
                )
                    and row.content ? here.name
                    and coalesce(
                        (lockstep.adopted_figures(row.content, array[here.name]))[1]
                        <> (lockstep.adopted_figures(to_jsonb(known), array[here.name]))[1],
                        row.content ->> here.name is distinct from here.value
                    )
            ) then array['level_differs']
            else '{}'
        end
    from lockstep.adoption_staging as row
    left outer join lockstep.specialization_levels as known
        on known.specialization_id = upper(regexp_replace(row.table_name, '_levels$', ''))
        and known.level::text = coalesce(row.content ->> 'level', row.source_id)
    where row.table_name in ('player_levels', 'coach_levels', 'internship_levels')
        and staged.table_name = row.table_name
        and staged.source_id = row.source_id;
end;
$_$;


ALTER FUNCTION lockstep.plan_adopted_curriculum() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION plan_adopted_curriculum(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.plan_adopted_curriculum() IS 'Compares the staged specializations and levels with those here, which stand: the level rows win over any cap.';


--
-- Name: plan_adopted_history(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.plan_adopted_history() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    -- History of a license that was merged into another follows it there.
    update lockstep.adoption_staging as staged
    set user_id = license.user_id,
        specialization_id = license.specialization_id,
        actor_id = actor.user_id,
        level_found = level.reached,
        level_kept = case when level.exists and license.outcome not in ('quarantined', 'erased') then level.reached end,
        outcome = case
            when license.outcome = 'erased' then 'erased'
            when license.outcome is null or license.outcome = 'quarantined' or not level.exists then 'quarantined'
            when staged.content ->> 'advanced_by' is not null and actor.user_id is null then 'repaired'
            else 'imported'
        end,
        reasons = array_remove(array[
            case
                when license.outcome is null then 'no_license'
                when license.outcome = 'quarantined' then 'license_in_quarantine'
                when license.outcome <> 'erased' and not level.exists then 'impossible_level'
            end,
            case when staged.content ->> 'advanced_by' is not null and actor.user_id is null then 'no_actor' end
        ], null)
    from lockstep.adoption_staging as progression
    left outer join lockstep.adoption_staging as license
        on license.table_name = 'user_licenses'
        and license.source_id = progression.content ->> 'user_license_id'
    left outer join lockstep.adoption_staging as actor
        on actor.table_name = 'users'
        and actor.source_id = progression.content ->> 'advanced_by'
    left outer join lockstep.specializations as specialization on specialization.id = license.specialization_id
    cross join lateral (
        select
            read.levels[2] as reached,
            coalesce(
                read.levels[2] between 1 and specialization.max_levels
                and (
                    progression.content ->> 'from_level' is null
                    or read.levels[1] between 1 and specialization.max_levels
                ),
                false
            ) as exists
        from (
            select lockstep.adopted_figures(progression.content, array['from_level', 'to_level']) as levels
            offset 0
        ) as read
    ) as level
    where progression.table_name = 'license_progressions'
        and staged.table_name = progression.table_name
        and staged.source_id = progression.source_id;
end;
$$;


ALTER FUNCTION lockstep.plan_adopted_history() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION plan_adopted_history(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.plan_adopted_history() IS 'Says of each staged history row whose it is, and whether it can come over: its license does, and its levels exist.';


--
-- Name: plan_adopted_pairs(text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.plan_adopted_pairs(p_direction text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    -- A level that does not exist becomes the nearest one that does, a figure below 0 or missing becomes 0.
    with pair as (
        select
            coalesce(progress.user_id, license.user_id) as user_id,
            coalesce(progress.specialization_id, license.specialization_id) as specialization_id,
            progress.figures as p,
            license.figures as l,
            progress.times as p_times,
            license.times as l_times,
            license.content,
            case when progress.source_id is not null then nearest.progress_level end as progress_level,
            case when license.source_id is not null then nearest.license_level end as license_level,
            specialization.max_levels
        from (
            select * from lockstep.adoption_staging as side
            where side.table_name = 'specialization_progress' and side.outcome is null
        ) as progress
        full outer join (
            select * from lockstep.adoption_staging as side
            where side.table_name = 'user_licenses' and side.outcome is null
        ) as license
            on license.user_id = progress.user_id
            and license.specialization_id = progress.specialization_id
        inner join lockstep.specializations as specialization
            on specialization.id = coalesce(progress.specialization_id, license.specialization_id)
        cross join lateral (
            select
                least(greatest(coalesce(trunc(progress.level_found), 1), 1), specialization.max_levels)::integer,
                least(greatest(coalesce(trunc(license.level_found), 1), 1), specialization.max_levels)::integer
        ) as nearest (progress_level, license_level)
    ),

    figure as (
        select
            pair.*,
            case
                when pair.license_level is null or p_direction = 'progress_to_license'
                    then coalesce(pair.progress_level, pair.license_level)
                when pair.progress_level is null or p_direction = 'license_to_progress' then pair.license_level
                else greatest(pair.progress_level, pair.license_level)
            end as level,
            array(
                select least(greatest(coalesce(pair.p[most.place + 1], 0), 0), most.value)
                from unnest(
                    array[9e18, 2147483647, 2147483647, 999999.99, 999999.99]
                ) with ordinality as most (value, place)
                order by most.place
            ) as earned
        from pair
    )

    insert into lockstep.adoption_pairs
    select
        figure.user_id,
        figure.specialization_id,
        'new',
        figure.level,
        trunc(figure.earned[1])::bigint,
        trunc(figure.earned[2])::integer,
        trunc(figure.earned[3])::integer,
        figure.earned[4],
        figure.earned[5],
        figure.p_times[1],
        figure.p_times[2],
        figure.p_times[3],
        least(
            greatest(trunc(figure.l[7]), figure.license_level, figure.level),
            figure.max_levels
        )::integer,
        coalesce(figure.l_times[4], figure.l_times[2]),
        figure.l_times[5],
        coalesce(figure.content ->> 'is_active', 'true') not in ('false', '0'),
        figure.content ->> 'instructor_notes',
        figure.l_times[2],
        figure.l_times[3]
    from figure;

    -- Each repair is named on the row that it is done to.
    update lockstep.adoption_staging as staged
    set level_kept = pair.current_level,
        xp_kept = case staged.table_name when 'specialization_progress' then pair.total_xp end,
        reasons = array_remove(array[
            case when found.wrong then 'impossible_level' end,
            case when other.source_id is not null and found.nearest <> pair.current_level then 'desync' end,
            case when other.source_id is null then 'missing_side' end,
            case
                when staged.table_name = 'user_licenses'
                    and side.figures[7] is distinct from greatest(side.figures[7], found.nearest)
                    then 'max_achieved_below'
                when staged.table_name = 'user_licenses'
                    and side.figures[7] > specialization.max_levels
                    then 'max_achieved_above'
            end,
            case when staged.table_name = 'specialization_progress' and found.below then 'negative_figure' end,
            case when staged.table_name = 'specialization_progress' and found.missing then 'missing_figure' end
        ], null)
    from lockstep.adoption_staging as side
    inner join lockstep.adoption_pairs as pair
        on pair.user_id = side.user_id
        and pair.specialization_id = side.specialization_id
    inner join lockstep.specializations as specialization on specialization.id = pair.specialization_id
    left outer join lockstep.adoption_staging as other
        on other.user_id = side.user_id
        and other.specialization_id = side.specialization_id
        and other.table_name in ('specialization_progress', 'user_licenses')
        and other.table_name <> side.table_name
        and other.outcome is null
    cross join lateral (
        select
            coalesce(side.level_found not between 1 and specialization.max_levels, true) as wrong,
            least(greatest(coalesce(trunc(side.level_found), 1), 1), specialization.max_levels) as nearest,
            bool_or(figure.value < 0) as below,
            bool_or(figure.value is null) as missing
        from unnest(side.figures[2:6]) as figure (value)
    ) as found
    where side.table_name in ('specialization_progress', 'user_licenses')
        and side.outcome is null
        and staged.table_name = side.table_name
        and staged.source_id = side.source_id;

    update lockstep.adoption_staging as staged
    set outcome = case cardinality(staged.reasons) when 0 then 'imported' else 'repaired' end
    where staged.table_name in ('specialization_progress', 'user_licenses')
        and staged.outcome is null;
end;
$$;


ALTER FUNCTION lockstep.plan_adopted_pairs(p_direction text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION plan_adopted_pairs(p_direction text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.plan_adopted_pairs(p_direction text) IS 'Puts the two sides of each staged pair together as they are to stand here, and names each repair on the row that it
is done to. The same rules as the migrations have for rows that they find.';


--
-- Name: plan_adopted_projects(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.plan_adopted_projects() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    -- Names of groups that differ in nothing but case are one group: the first of them, or the one that is here.
    update lockstep.adoption_staging as staged
    set outcome = case
            when wanted.name is null or length(wanted.name) > 200 then 'quarantined'
            when wanted.place > 1 or wanted.here then 'merged'
            else 'imported'
        end,
        reasons = array_remove(array[
            case when wanted.name is null then 'no_name' when length(wanted.name) > 200 then 'name_too_long' end,
            case when wanted.name is not null and wanted.place > 1 then 'same_name' end,
            case when wanted.place = 1 and wanted.here then 'same_name_here' end
        ], null)
    from (
        select
            row.source_id,
            nullif(btrim(row.content ->> 'name'), '') as name,
            row_number() over (
                partition by lower(btrim(row.content ->> 'name')) order by length(row.source_id), row.source_id
            ) as place,
            exists (
                select from lockstep.groups as known
                where lower(known.name) = lower(btrim(row.content ->> 'name'))
            ) as here
        from lockstep.adoption_staging as row
        where row.table_name = 'groups'
    ) as wanted
    where staged.table_name = 'groups'
        and staged.source_id = wanted.source_id;

    update lockstep.adoption_staging as staged
    set user_id = person.user_id,
        outcome = case
            when person.outcome = 'erased' then 'erased'
            when person.user_id is null or coalesce(team.outcome, 'quarantined') = 'quarantined' then 'quarantined'
            else 'imported'
        end,
        reasons = array_remove(array[
            case when person.user_id is null then 'no_user' end,
            case
                when team.outcome is null then 'no_group'
                when team.outcome = 'quarantined' then 'group_in_quarantine'
            end
        ], null)
    from lockstep.adoption_staging as member
    left outer join lockstep.adoption_staging as person
        on person.table_name = 'users'
        and person.source_id = member.content ->> 'user_id'
    left outer join lockstep.adoption_staging as team
        on team.table_name = 'groups'
        and team.source_id = member.content ->> 'group_id'
    where member.table_name = 'user_groups'
        and staged.table_name = member.table_name
        and staged.source_id = member.source_id;

    update lockstep.adoption_staging as staged
    set outcome = 'merged',
        reasons = array['duplicate']
    from (
        select
            member.source_id,
            row_number() over (
                partition by member.user_id, lower(btrim(team.content ->> 'name')) order by member.source_id
            ) as place
        from lockstep.adoption_staging as member
        inner join lockstep.adoption_staging as team
            on team.table_name = 'groups'
            and team.source_id = member.content ->> 'group_id'
        where member.table_name = 'user_groups'
            and member.outcome = 'imported'
    ) as ranked
    where ranked.place > 1
        and staged.table_name = 'user_groups'
        and staged.source_id = ranked.source_id;

    -- A project belongs to somebody; an asset may do without.
    update lockstep.adoption_staging as staged
    set user_id = owner.user_id,
        outcome = case
            when owner.outcome = 'erased' and work.table_name = 'projects' then 'erased'
            when work.file_fault is not null or taken.fault is not null or (owner.user_id is null and work.table_name = 'projects')
                then 'quarantined'
            when owner.user_id is null or title.fault is not null then 'repaired'
            else 'imported'
        end,
        reasons = array_remove(array[
            work.file_fault,
            taken.fault,
            case when owner.user_id is null then 'no_owner' end,
            title.fault
        ], null)
    from lockstep.adoption_staging as work
    left outer join lockstep.adoption_staging as owner
        on owner.table_name = 'users'
        and owner.source_id = coalesce(work.content ->> 'owner_id', work.content ->> 'user_id')
    cross join lateral (
        select case
            when work.table_name <> 'projects' then null
            when coalesce(btrim(work.content ->> 'title'), btrim(work.content ->> 'name'), '') = '' then 'no_title'
            when length(coalesce(work.content ->> 'title', work.content ->> 'name')) > 200 then 'title_too_long'
            when length(work.content ->> 'description') > 5000 then 'description_too_long'
        end as fault
    ) as title
    left outer join lateral (
        select 'id_taken_here' as fault
        from lockstep.assets as asset
        where work.table_name = 'assets'
            and asset.id = lower(split_part(work.source_id, '.', 1))
            and encode(asset.sha256, 'hex') <> work.file_sha256
    ) as taken on true
    where work.table_name in ('projects', 'assets')
        and staged.table_name = work.table_name
        and staged.source_id = work.source_id;
end;
$$;


ALTER FUNCTION lockstep.plan_adopted_projects() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION plan_adopted_projects(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.plan_adopted_projects() IS 'Says of each staged group, membership, project and asset what is to become of it; of files it was told before.';


--
-- Name: plan_adopted_sides(text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.plan_adopted_sides(p_timezone text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    update lockstep.adoption_staging as staged
    set user_id = person.user_id,
        specialization_id = specialization.id,
        figures = read.figures,
        times = lockstep.adopted_times(
            side.content,
            array['last_activity', 'created_at', 'updated_at', 'started_at', 'last_advanced_at'],
            p_timezone
        ),
        level_found = read.figures[1],
        xp_found = read.figures[2],
        outcome = case
            when person.outcome = 'erased' then 'erased'
            when person.user_id is null or specialization.id is null then 'quarantined'
        end,
        reasons = array_remove(array[
            case when person.user_id is null then 'no_user' end,
            case when specialization.id is null then 'no_specialization' end
        ], null)
    from lockstep.adoption_staging as side
    left outer join lockstep.adoption_staging as person
        on person.table_name = 'users'
        and person.source_id = coalesce(side.content ->> 'student_id', side.content ->> 'user_id')
    left outer join lockstep.specializations as specialization
        on specialization.id = coalesce(side.content ->> 'specialization_id', side.content ->> 'specialization_type')
        and specialization.max_levels > 0
    cross join lateral (
        select lockstep.adopted_figures(
            side.content,
            array[
                'current_level', 'total_xp', 'completed_sessions', 'completed_projects', 'theory_hours_completed',
                'practice_hours_completed', 'max_achieved_level'
            ]
        ) as figures
        offset 0
    ) as read
    where side.table_name in ('specialization_progress', 'user_licenses')
        and staged.table_name = side.table_name
        and staged.source_id = side.source_id;

    -- Of several rows of one pair one survives: by level, then what was earned or achieved, then the newest (A3).
    update lockstep.adoption_staging as staged
    set outcome = 'merged',
        reasons = array['duplicate']
    from (
        select
            side.table_name,
            side.source_id,
            row_number() over (
                partition by side.table_name, side.user_id, side.specialization_id
                order by
                    side.level_found desc nulls last,
                    case side.table_name when 'user_licenses' then side.figures[7] else side.xp_found end desc nulls last,
                    coalesce(side.times[3], side.times[2]) desc nulls last,
                    length(side.source_id) desc,
                    side.source_id desc
            ) as place
        from lockstep.adoption_staging as side
        where side.table_name in ('specialization_progress', 'user_licenses')
            and side.outcome is null
    ) as ranked
    where ranked.place > 1
        and staged.table_name = ranked.table_name
        and staged.source_id = ranked.source_id;
end;
$$;


ALTER FUNCTION lockstep.plan_adopted_sides(p_timezone text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION plan_adopted_sides(p_timezone text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.plan_adopted_sides(p_timezone text) IS 'Says of each staged progress row and license which pair it is a side of, and which of duplicates survives.';


--
-- Name: plan_adopted_users(text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.plan_adopted_users(p_source text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
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
$_$;


ALTER FUNCTION lockstep.plan_adopted_users(p_source text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION plan_adopted_users(p_source text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.plan_adopted_users(p_source text) IS 'Says of each staged user who they are here: somebody adopted before, somebody with the same address, or somebody
new, who keeps the id where it is free.';


--
-- Name: plan_adoption(text, text, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.plan_adoption(p_source text, p_timezone text, p_direction text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    perform lockstep.plan_adopted_users(p_source);
    perform lockstep.plan_adopted_sides(p_timezone);
    perform lockstep.plan_adopted_pairs(p_direction);
    perform lockstep.plan_adopted_history();
    perform lockstep.plan_adopted_curriculum();
    perform lockstep.plan_adopted_projects();

    update lockstep.adoption_staging as staged
    set state = case
            when known.source_id is null then 'new'
            when known.outcome = 'erased' then 'unchanged'
            when known.hash is distinct from staged.hash then 'changed'
            when known.outcome = 'quarantined' and staged.outcome <> 'quarantined' then 'changed'
            else 'unchanged'
        end
    from lockstep.adoption_staging as row
    left outer join lockstep.adopted_rows as known
        on known.source = p_source
        and known.table_name = row.table_name
        and known.source_id = row.source_id
    where staged.table_name = row.table_name
        and staged.source_id = row.source_id;

    perform lockstep.plan_adopted_changes(p_source);

    update lockstep.adoption_staging as staged
    set done = true
    where staged.state = 'unchanged';
end;
$$;


ALTER FUNCTION lockstep.plan_adoption(p_source text, p_timezone text, p_direction text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION plan_adoption(p_source text, p_timezone text, p_direction text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.plan_adoption(p_source text, p_timezone text, p_direction text) IS 'Says of each staged row of a source what is to become of it, and changes nothing else: a dry run is this.

p_timezone: in which times without a zone are read. p_direction: how pairs out of step are repaired.
Raises 22023 for a time zone that nobody knows.';


--
-- Name: plan_changes(text, lockstep.batch_item[]); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.plan_changes(p_function_name text, p_items lockstep.batch_item[]) RETURNS SETOF lockstep.planned_change
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    return query
    with summed as (
        select
            judged.*,
            coalesce(judged.total_xp, 0) + sum((judged.item).xp_change) over pair as xp_after,
            coalesce(judged.completed_sessions, 0) + sum((judged.item).sessions_change) over pair as sessions_after,
            coalesce(judged.completed_projects, 0) + sum((judged.item).projects_change) over pair as projects_after,
            coalesce(judged.theory_hours, 0) + sum((judged.item).theory_hours_change) over pair as theory_after,
            coalesce(judged.practice_hours, 0) + sum((judged.item).practice_hours_change) over pair as practice_after
        from lockstep.judge_items(p_function_name, p_items) as judged
        window pair as (
            partition by judged.user_id, judged.specialization_id, judged.kind
            order by judged.place
        )
    ),

    leveled as (
        select
            summed.*,
            case p_function_name
                when 'level_up' then coalesce(unmet.level - 1, summed.top_level)
                else (summed.item).new_level
            end as level_after,
            bool_or(
                summed.kind = 'folded'
                and (
                    summed.is_odd
                    or summed.xp_after not between 0 and 9223372036854775807
                    or summed.sessions_after not between 0 and 2147483647
                    or summed.projects_after not between 0 and 2147483647
                    or summed.theory_after not between 0 and 999999.99
                    or summed.practice_after not between 0 and 999999.99
                )
            ) over (partition by summed.user_id) as is_single
        from summed
        left outer join lateral (
            -- As in reached_level(): the totals of a pair only grow, so the walk may start where the pair was.
            select level.level
            from lockstep.specialization_levels as level
            where level.specialization_id = summed.specialization_id
                and level.level > coalesce(summed.level, 1)
                and (
                    level.required_xp > summed.xp_after
                    or level.required_sessions > summed.sessions_after
                    or level.theory_hours > summed.theory_after
                    or level.practice_hours > summed.practice_after
                )
            order by level.level
            limit 1
        ) as unmet on p_function_name = 'level_up' and summed.kind = 'folded'
    ),

    stepped as (
        select
            leveled.*,
            lead(leveled.place) over pair is null as is_last,
            coalesce(lag(leveled.level_after) over pair, leveled.level) as level_before,
            greatest(coalesce(leveled.max_achieved_level, 1), max(leveled.level_after) over pair) as highest,
            min(leveled.level_after) over whole_pair <> coalesce(leveled.level, 1)
            or max(leveled.level_after) over whole_pair <> coalesce(leveled.level, 1) as pair_changes
        from leveled
        window
            whole_pair as (partition by leveled.user_id, leveled.specialization_id, leveled.kind),
            pair as (
                partition by leveled.user_id, leveled.specialization_id, leveled.kind
                order by leveled.place
            )
    )

    select
        stepped.place,
        case when stepped.is_single and stepped.kind <> 'replay' then 'single' else stepped.kind end,
        stepped.is_last,
        stepped.pair_changes,
        stepped.license_id,
        stepped.item,
        stepped.arguments,
        case
            when stepped.kind = 'replay' then jsonb_populate_record(
                null::lockstep.level_change, stepped.stored_answer || '{"replayed": true}'
            )
            when stepped.kind = 'folded' and not stepped.is_single then row(
                stepped.user_id,
                stepped.specialization_id,
                stepped.level_before,
                stepped.level_after,
                stepped.level_before,
                stepped.level_after,
                stepped.highest,
                stepped.xp_after,
                stepped.sessions_after,
                stepped.projects_after,
                stepped.theory_after,
                stepped.practice_after,
                (stepped.item).xp_change,
                (stepped.item).sessions_change,
                stepped.level_after <> coalesce(stepped.level_before, 1),
                false,
                false,
                case
                    when stepped.level_after <> coalesce(stepped.level_before, 1) then format(
                        'Level changed from %s to %s',
                        coalesce(stepped.level_before::text, 'none'), stepped.level_after
                    )
                    else format('Level stays at %s', stepped.level_after)
                end
            )::lockstep.level_change
        end,
        null::text,
        null::text
    from stepped
    order by stepped.place;
end;
$$;


ALTER FUNCTION lockstep.plan_changes(p_function_name text, p_items lockstep.batch_item[]) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION plan_changes(p_function_name text, p_items lockstep.batch_item[]); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.plan_changes(p_function_name text, p_items lockstep.batch_item[]) IS 'What each item of a batch does to its pair, as if they came one after the other, and the answer to it.

Reads what the caller has locked; writes nothing. Items of a user with something unusual are all single.';


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
-- Name: plan_sync(text, text, bigint, bigint, bigint, text, jsonb); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.plan_sync(p_direction text, p_specialization_id text DEFAULT NULL::text, p_user_id bigint DEFAULT NULL::bigint, p_limit bigint DEFAULT NULL::bigint, p_requested_by bigint DEFAULT NULL::bigint, p_reason text DEFAULT NULL::text, p_pairs jsonb DEFAULT NULL::jsonb) RETURNS lockstep.sync_runs
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
            and (p_pairs is null or (found.user_id, found.specialization) in (
                select chosen.user_id, chosen.specialization_id
                from jsonb_to_recordset(p_pairs) as chosen (user_id bigint, specialization_id text)
            ))
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


ALTER FUNCTION lockstep.plan_sync(p_direction text, p_specialization_id text, p_user_id bigint, p_limit bigint, p_requested_by bigint, p_reason text, p_pairs jsonb) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION plan_sync(p_direction text, p_specialization_id text, p_user_id bigint, p_limit bigint, p_requested_by bigint, p_reason text, p_pairs jsonb); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.plan_sync(p_direction text, p_specialization_id text, p_user_id bigint, p_limit bigint, p_requested_by bigint, p_reason text, p_pairs jsonb) IS 'Plans a repair: a run with one item for each pair out of step, as seen now. Changes no pair.

Of one specialization, one user, or (null) of all; at most p_limit items; p_pairs: of these only, a JSON array
of objects with user_id and specialization_id. apply_sync() does just what it lists; a pair that changes in
between is skipped.
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
-- Name: project_fields(text, text, bytea, text, timestamp with time zone); Type: FUNCTION; Schema: lockstep; Owner: lockstep_owner
--

CREATE FUNCTION lockstep.project_fields(p_title text, p_description text, p_file_sha256 bytea, p_file_name text, p_deleted_at timestamp with time zone) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select jsonb_build_object(
        'title', p_title,
        'description', p_description,
        'file', jsonb_build_array(encode(p_file_sha256, 'hex'), p_file_name),
        'deleted', p_deleted_at is not null
    );
$$;


ALTER FUNCTION lockstep.project_fields(p_title text, p_description text, p_file_sha256 bytea, p_file_name text, p_deleted_at timestamp with time zone) OWNER TO lockstep_owner;

--
-- Name: FUNCTION project_fields(p_title text, p_description text, p_file_sha256 bytea, p_file_name text, p_deleted_at timestamp with time zone); Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON FUNCTION lockstep.project_fields(p_title text, p_description text, p_file_sha256 bytea, p_file_name text, p_deleted_at timestamp with time zone) IS 'The fields of a project that people change, as one value to compare: a file is its content and its name.';


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
-- Name: purge_incidents(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.purge_incidents() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_purged bigint;
begin
    -- Its mails go with an incident.
    delete from lockstep.noted_incidents as incident
    where incident.closed_at < now() - lockstep.setting('incident_retention')::interval
        -- What is still to be told is told first.
        and not exists (
            select from lockstep.incident_mails as mail
            where mail.incident_id = incident.id
                and mail.sent_at is null
                and mail.set_aside_at is null
        );

    get diagnostics v_purged = row_count;
    return v_purged;
end;
$$;


ALTER FUNCTION lockstep.purge_incidents() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION purge_incidents(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.purge_incidents() IS 'Deletes incidents that have been over for longer than the setting incident_retention (a year unless changed),
but none with a mail that is still to be sent.

Returns how many.';


--
-- Name: purge_lock_breaches(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.purge_lock_breaches() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_purged bigint;
begin
    delete from lockstep.lock_breaches as breach
    where breach.noticed_at < now() - (
        select setting.value::interval
        from lockstep.settings as setting
        where setting.name = 'breach_retention'
    );

    get diagnostics v_purged = row_count;
    return v_purged;
end;
$$;


ALTER FUNCTION lockstep.purge_lock_breaches() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION purge_lock_breaches(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.purge_lock_breaches() IS 'Deletes breaches of the lock budget older than the setting breach_retention (30 days unless changed).

Returns how many.';


--
-- Name: purge_monitoring(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.purge_monitoring() RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    with old_sample as (
        delete from lockstep.monitoring_samples as sample
        where sample.sampled_at < now() - lockstep.setting('sample_retention')::interval
        returning sample.id
    ),

    old_count as (
        delete from lockstep.request_counts as counted
        where counted.noted_at < now() - lockstep.setting('sample_retention')::interval
        returning counted.id
    ),

    old_breach as (
        delete from lockstep.breach_records as breach
        where breach.ended_at is not null
            and breach.last_seen_at < now() - lockstep.setting('breach_retention')::interval
        returning breach.id
    )

    select count(*)
    from (
        select old_sample.id
        from old_sample
        union all
        select old_count.id
        from old_count
        union all
        select old_breach.id
        from old_breach
    ) as purged;
$$;


ALTER FUNCTION lockstep.purge_monitoring() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION purge_monitoring(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.purge_monitoring() IS 'Deletes samples and counts of requests older than the setting sample_retention, and breaches that ended longer ago than
breach_retention. Returns how many rows.';


--
-- Name: purge_projects(integer); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.purge_projects(p_limit integer DEFAULT 1000) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_found bigint[];
begin
    v_found := array(
        select project.id
        from lockstep.projects as project
        where project.deleted_at < now() - lockstep.setting('project_retention')::interval
        order by project.user_id, project.id
        limit p_limit
        for no key update skip locked
    );

    return lockstep.remove_projects(v_found);
end;
$$;


ALTER FUNCTION lockstep.purge_projects(p_limit integer) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION purge_projects(p_limit integer); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.purge_projects(p_limit integer) IS 'Removes, with revisions and shares, projects that were deleted longer ago than the setting project_retention.

At most p_limit; returns how many. One that is being restored is passed over. Their contents: sweep_blobs().
Locks the projects'' rows, by owner and id; waits for nobody.';


--
-- Name: purge_raw_writes(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.purge_raw_writes() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_purged bigint;
begin
    delete from lockstep.raw_writes as seen
    where seen.last_seen_at < now() - (
        select setting.value::interval
        from lockstep.settings as setting
        where setting.name = 'raw_write_retention'
    );

    get diagnostics v_purged = row_count;

    -- A session that ended writes its row no more: those of one kind become one.
    with ended as (
        delete from lockstep.raw_writes as seen
        where not exists (
            select from pg_catalog.pg_stat_activity as activity
            where activity.pid = seen.backend_pid
        )
        returning seen.*
    )

    insert into lockstep.raw_writes (
        backend_pid, database_role, application_name, table_name, operation, statements, first_seen_at, last_seen_at
    )
    select
        0,
        ended.database_role,
        ended.application_name,
        ended.table_name,
        ended.operation,
        sum(ended.statements),
        min(ended.first_seen_at),
        max(ended.last_seen_at)
    from ended
    group by ended.database_role, ended.application_name, ended.table_name, ended.operation;

    return v_purged;
end;
$$;


ALTER FUNCTION lockstep.purge_raw_writes() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION purge_raw_writes(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.purge_raw_writes() IS 'Forgets who wrote raw SQL longer ago than the setting raw_write_retention (90 days unless changed), and adds
up the rows of sessions that ended.

Returns how many were forgotten.';


--
-- Name: purge_sign_ins(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.purge_sign_ins() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_before timestamptz := now() - lockstep.setting('sign_in_memory')::interval;
    v_purged bigint;
    v_sum bigint;
begin
    delete from lockstep.password_resets as reset
    where reset.expires_at < now();

    get diagnostics v_sum = row_count;

    delete from lockstep.sign_in_attempts as attempt
    where attempt.last_at < v_before;

    get diagnostics v_purged = row_count;
    v_sum := v_sum + v_purged;

    -- Its tokens go with a session.
    delete from lockstep.sessions as session
    where session.expires_at < v_before
        or session.ended_at < v_before;

    get diagnostics v_purged = row_count;
    return v_sum + v_purged;
end;
$$;


ALTER FUNCTION lockstep.purge_sign_ins() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION purge_sign_ins(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.purge_sign_ins() IS 'Deletes sessions over, and failed sign-ins past, for longer than the setting sign_in_memory (a day unless
changed), and password resets that expired.

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
-- Name: queued_item(lockstep.queued_level_ups); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.queued_item(p_entry lockstep.queued_level_ups) RETURNS lockstep.batch_item
    LANGUAGE sql IMMUTABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select
        p_entry.user_id,
        p_entry.specialization_id,
        null::integer,
        p_entry.xp_gained,
        p_entry.sessions_completed,
        p_entry.projects_completed,
        p_entry.theory_hours,
        p_entry.practice_hours,
        p_entry.advanced_by,
        p_entry.reason,
        p_entry.idempotency_key;
$$;


ALTER FUNCTION lockstep.queued_item(p_entry lockstep.queued_level_ups) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION queued_item(p_entry lockstep.queued_level_ups); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.queued_item(p_entry lockstep.queued_level_ups) IS 'An entry of the queue as an item of a batch.';


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
-- Name: reactivate_user(bigint, bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.reactivate_user(p_actor_id bigint, p_user_id bigint) RETURNS lockstep.people
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_person lockstep.people;
begin
    perform lockstep.lock_account(p_actor_id, p_user_id);
    perform lockstep.check_not_erased(p_user_id);

    update lockstep.users as person
    set is_active = true,
        updated_at = clock_timestamp()
    where person.id = p_user_id
        and not person.is_active;

    if found then
        -- A sign-in that raced with the deactivation, or raw SQL, may have left one open.
        perform lockstep.end_sessions(p_user_id, 'deactivated');
    end if;

    select person.*
    into v_person
    from lockstep.people as person
    where person.id = p_user_id;

    return v_person;
end;
$$;


ALTER FUNCTION lockstep.reactivate_user(p_actor_id bigint, p_user_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION reactivate_user(p_actor_id bigint, p_user_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.reactivate_user(p_actor_id bigint, p_user_id bigint) IS 'Lets a person in again, by an admin. Sessions of before do not come back: they sign in anew.

Returns the person; again changes nothing.
Raises LS001 no such user, LS031 the actor is no admin, LS043 erased. Locks the user''s row.';


--
-- Name: read_asset(bigint, text, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.read_asset(p_actor_id bigint, p_asset_id text, p_known_sha256 text DEFAULT NULL::text) RETURNS lockstep.asset_file
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_file lockstep.asset_file;
begin
    perform lockstep.check_user(p_actor_id);

    select
        asset.id,
        asset.type,
        asset.format,
        length(blob.content)::bigint,
        encode(blob.sha256, 'hex'),
        case when encode(blob.sha256, 'hex') is distinct from p_known_sha256 then blob.content end
    into v_file
    from lockstep.assets as asset
    inner join lockstep.blobs as blob on blob.sha256 = asset.sha256
    where asset.id = p_asset_id;

    if not found then
        raise exception using
            errcode = 'LS060',
            message = 'asset not found',
            detail = format('asset_id=%s', coalesce(p_asset_id, 'null')),
            hint = 'The id is the MD5 of the content: upload it first.';
    end if;

    return v_file;
end;
$$;


ALTER FUNCTION lockstep.read_asset(p_actor_id bigint, p_asset_id text, p_known_sha256 text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION read_asset(p_actor_id bigint, p_asset_id text, p_known_sha256 text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.read_asset(p_actor_id bigint, p_asset_id text, p_known_sha256 text) IS 'An asset and its bytes, for everybody who is signed in: who knows its id has seen a project that names it.

p_known_sha256: what the caller has already, in hexadecimal; if it is that, the bytes are left out.
Raises LS001 no such actor, LS060 no such asset.';


--
-- Name: read_consistency(bigint, bigint, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.read_consistency(p_actor_id bigint, p_user_id bigint, p_specialization_id text) RETURNS lockstep.consistency
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    perform lockstep.check_access(p_actor_id, p_user_id);

    return lockstep.validate_consistency(p_user_id, p_specialization_id);
end;
$$;


ALTER FUNCTION lockstep.read_consistency(p_actor_id bigint, p_user_id bigint, p_specialization_id text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION read_consistency(p_actor_id bigint, p_user_id bigint, p_specialization_id text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.read_consistency(p_actor_id bigint, p_user_id bigint, p_specialization_id text) IS 'validate_consistency() for a person who signed in.

Raises LS001 no such user, LS002 no such specialization, LS032 not theirs to see. Locks nothing.';


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
-- Name: breach_records; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.breach_records (
    id bigint NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    began_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    last_seen_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    ended_at timestamp with time zone,
    samples integer DEFAULT 1 NOT NULL,
    measured numeric NOT NULL,
    threshold numeric NOT NULL,
    cause jsonb NOT NULL,
    CONSTRAINT ck_breach_records_kind CHECK ((kind = ANY (ARRAY['connections'::text, 'lock_wait'::text, 'error_rate'::text, 'statement_regression'::text])))
);


ALTER TABLE lockstep.breach_records OWNER TO lockstep_owner;

--
-- Name: TABLE breach_records; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.breach_records IS 'Thresholds that a sample found reached: one row from the first sample that saw it to the first that did not.';


--
-- Name: COLUMN breach_records.kind; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.breach_records.kind IS 'connections, lock_wait, error_rate or statement_regression.';


--
-- Name: COLUMN breach_records.subject; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.breach_records.subject IS 'What it is about: the database, the server process that is waited for, http, a statement.';


--
-- Name: COLUMN breach_records.began_at; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.breach_records.began_at IS 'The first sample that saw it.';


--
-- Name: COLUMN breach_records.last_seen_at; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.breach_records.last_seen_at IS 'The last sample that saw it.';


--
-- Name: COLUMN breach_records.ended_at; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.breach_records.ended_at IS 'The first sample that did not see it any more; null: it goes on.';


--
-- Name: COLUMN breach_records.samples; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.breach_records.samples IS 'How many samples saw it.';


--
-- Name: COLUMN breach_records.measured; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.breach_records.measured IS 'The worst of them: connections; milliseconds waited; percent of requests; times the baseline.';


--
-- Name: COLUMN breach_records.threshold; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.breach_records.threshold IS 'What was reached, in the same unit.';


--
-- Name: COLUMN breach_records.cause; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.breach_records.cause IS 'What was seen with the worst: who blocks, who holds connections, which errors.';


--
-- Name: CONSTRAINT ck_breach_records_kind ON breach_records; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_breach_records_kind ON lockstep.breach_records IS 'What has a threshold.';


--
-- Name: lock_breaches; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.lock_breaches (
    user_id bigint NOT NULL,
    id bigint NOT NULL,
    specialization_id text NOT NULL,
    source text NOT NULL,
    noticed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    waited interval NOT NULL,
    waiter_application text DEFAULT current_setting('application_name'::text) NOT NULL,
    blocker_pid integer,
    blocker_application text,
    blocker_role text,
    blocker_state text,
    blocker_transaction_start timestamp with time zone,
    blocker_query text,
    CONSTRAINT ck_lock_breaches_source CHECK ((source = ANY (ARRAY['http'::text, 'queue'::text, 'client'::text])))
);


ALTER TABLE lockstep.lock_breaches OWNER TO lockstep_owner;

--
-- Name: TABLE lock_breaches; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.lock_breaches IS 'One row for each time somebody waited for a pair longer than the setting lock_budget and gave up, with who held it.';


--
-- Name: COLUMN lock_breaches.source; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_breaches.source IS 'Who waited: http, queue or client.';


--
-- Name: COLUMN lock_breaches.noticed_at; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_breaches.noticed_at IS 'When it was recorded, right after the wait.';


--
-- Name: COLUMN lock_breaches.waited; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_breaches.waited IS 'How long the wait was.';


--
-- Name: COLUMN lock_breaches.waiter_application; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_breaches.waiter_application IS 'The application_name of the session that waited.';


--
-- Name: COLUMN lock_breaches.blocker_pid; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_breaches.blocker_pid IS 'Who held the pair when it was recorded; null: nobody any more, it was let go in between.';


--
-- Name: COLUMN lock_breaches.blocker_application; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_breaches.blocker_application IS 'Its application_name.';


--
-- Name: COLUMN lock_breaches.blocker_role; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_breaches.blocker_role IS 'The role that it logged in as.';


--
-- Name: COLUMN lock_breaches.blocker_state; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_breaches.blocker_state IS 'active, idle in transaction, …; null where the role that recorded it may not see that session.';


--
-- Name: COLUMN lock_breaches.blocker_transaction_start; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_breaches.blocker_transaction_start IS 'Since when its transaction was open.';


--
-- Name: COLUMN lock_breaches.blocker_query; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_breaches.blocker_query IS 'Its last or running statement, the first 1000 characters.';


--
-- Name: CONSTRAINT ck_lock_breaches_source ON lock_breaches; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_lock_breaches_source ON lockstep.lock_breaches IS 'Who keeps a lock budget.';


--
-- Name: breaches; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.breaches AS
 SELECT breach.user_id,
    breach.specialization_id,
    breach.source,
    breach.noticed_at,
    breach.waited,
    breach.waiter_application,
    breach.blocker_pid,
    breach.blocker_application,
    breach.blocker_role,
    breach.blocker_state,
    breach.blocker_transaction_start,
    breach.blocker_query
   FROM lockstep.lock_breaches breach;


ALTER TABLE lockstep.breaches OWNER TO lockstep_owner;

--
-- Name: VIEW breaches; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.breaches IS 'Waits for a pair that took longer than the setting lock_budget and were given up, each with who held it.';


--
-- Name: monitoring_samples; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.monitoring_samples (
    id bigint NOT NULL,
    sampled_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    connections integer NOT NULL,
    active integer NOT NULL,
    idle integer NOT NULL,
    idle_in_transaction integer NOT NULL,
    waiting integer NOT NULL,
    longest_wait interval NOT NULL,
    lock_breaches integer NOT NULL,
    requests bigint NOT NULL,
    errors bigint NOT NULL,
    conflicts bigint NOT NULL,
    retries bigint NOT NULL
);


ALTER TABLE lockstep.monitoring_samples OWNER TO lockstep_owner;

--
-- Name: TABLE monitoring_samples; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.monitoring_samples IS 'What sample_monitoring() saw, one row a look.';


--
-- Name: COLUMN monitoring_samples.connections; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.monitoring_samples.connections IS 'Clients of this database.';


--
-- Name: COLUMN monitoring_samples.active; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.monitoring_samples.active IS 'Of those, the ones that ran a statement.';


--
-- Name: COLUMN monitoring_samples.idle; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.monitoring_samples.idle IS 'Of those, the ones that had nothing to do.';


--
-- Name: COLUMN monitoring_samples.idle_in_transaction; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.monitoring_samples.idle_in_transaction IS 'Of those, the ones that had a transaction open and did nothing.';


--
-- Name: COLUMN monitoring_samples.waiting; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.monitoring_samples.waiting IS 'Of those, the ones that waited for a lock.';


--
-- Name: COLUMN monitoring_samples.longest_wait; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.monitoring_samples.longest_wait IS 'How long the longest of these waits was by then.';


--
-- Name: COLUMN monitoring_samples.lock_breaches; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.monitoring_samples.lock_breaches IS 'Waits that applications gave up and recorded since the sample before (note_lock_breach).';


--
-- Name: COLUMN monitoring_samples.requests; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.monitoring_samples.requests IS 'HTTP requests that were counted since the sample before, without probes.';


--
-- Name: COLUMN monitoring_samples.errors; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.monitoring_samples.errors IS 'Of those, the ones answered 5xx.';


--
-- Name: COLUMN monitoring_samples.conflicts; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.monitoring_samples.conflicts IS 'Of those, the ones answered 409 or 412: no error.';


--
-- Name: COLUMN monitoring_samples.retries; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.monitoring_samples.retries IS 'Calls that lost a race and were run again: no error either.';


--
-- Name: queue_status; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.queue_status AS
 SELECT count(*) FILTER (WHERE (entry.set_aside_at IS NULL)) AS backlog,
    count(*) FILTER (WHERE ((entry.set_aside_at IS NULL) AND (entry.attempts > 0))) AS retrying,
    count(*) FILTER (WHERE (entry.set_aside_at IS NOT NULL)) AS set_aside,
    count(DISTINCT ROW(entry.user_id, entry.specialization_id)) FILTER (WHERE (entry.set_aside_at IS NULL)) AS pairs,
    min(entry.enqueued_at) FILTER (WHERE (entry.set_aside_at IS NULL)) AS oldest_at,
    (clock_timestamp() - min(entry.enqueued_at) FILTER (WHERE (entry.set_aside_at IS NULL))) AS oldest_age
   FROM lockstep.queued_level_ups entry;


ALTER TABLE lockstep.queue_status OWNER TO lockstep_owner;

--
-- Name: VIEW queue_status; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.queue_status IS 'How the queue stands, in one row.';


--
-- Name: COLUMN queue_status.backlog; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.queue_status.backlog IS 'Entries that wait to be applied.';


--
-- Name: COLUMN queue_status.retrying; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.queue_status.retrying IS 'Of those, the ones that were refused and will be tried again.';


--
-- Name: COLUMN queue_status.set_aside; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.queue_status.set_aside IS 'Entries that were refused three times: they need somebody.';


--
-- Name: COLUMN queue_status.pairs; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.queue_status.pairs IS 'Pairs that the backlog is for.';


--
-- Name: COLUMN queue_status.oldest_age; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.queue_status.oldest_age IS 'How long the oldest entry of the backlog has waited.';


--
-- Name: verified_ranges; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.verified_ranges (
    first_user_id bigint NOT NULL,
    last_user_id bigint NOT NULL,
    pairs bigint DEFAULT 0 NOT NULL,
    violations bigint DEFAULT 0 NOT NULL,
    verified_at timestamp with time zone,
    level_mismatch bigint DEFAULT 0 NOT NULL,
    missing_license bigint DEFAULT 0 NOT NULL,
    missing_progress bigint DEFAULT 0 NOT NULL
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
-- Name: COLUMN verified_ranges.level_mismatch; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.verified_ranges.level_mismatch IS 'Of the violations, those with both sides.';


--
-- Name: COLUMN verified_ranges.missing_license; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.verified_ranges.missing_license IS 'Of the violations, those with progress only.';


--
-- Name: COLUMN verified_ranges.missing_progress; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.verified_ranges.missing_progress IS 'Of the violations, those with a license only.';


--
-- Name: ranges; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.ranges AS
 SELECT one.first_user_id,
    one.last_user_id,
    one.pairs,
    one.violations,
    one.verified_at,
    one.level_mismatch,
    one.missing_license,
    one.missing_progress
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
-- Name: statement_baseline; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.statement_baseline (
    role_name text NOT NULL,
    query_id bigint NOT NULL,
    kept_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    calls bigint NOT NULL,
    total_ms double precision NOT NULL
);


ALTER TABLE lockstep.statement_baseline OWNER TO lockstep_owner;

--
-- Name: TABLE statement_baseline; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.statement_baseline IS 'How often each statement had run, and for how long, when keep_statement_baseline() was called.';


--
-- Name: COLUMN statement_baseline.role_name; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.statement_baseline.role_name IS 'Who ran it.';


--
-- Name: COLUMN statement_baseline.query_id; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.statement_baseline.query_id IS 'As pg_stat_statements numbers it.';


--
-- Name: COLUMN statement_baseline.calls; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.statement_baseline.calls IS 'How often it had run.';


--
-- Name: COLUMN statement_baseline.total_ms; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.statement_baseline.total_ms IS 'Milliseconds that these took.';


--
-- Name: statement_stats; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.statement_stats AS
 SELECT judged.role,
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
    (judged.mean_ms_since / NULLIF(judged.baseline_mean_ms, (0)::double precision)) AS times_baseline,
    COALESCE(((judged.calls_since >= (lockstep.setting('regression_calls'::text))::integer) AND (judged.mean_ms_since >= (judged.baseline_mean_ms * ((lockstep.setting('regression_factor'::text))::integer)::double precision)) AND (judged.mean_ms_since >= (judged.baseline_mean_ms + (1)::double precision))), false) AS regressed
   FROM ( SELECT found.role_name AS role,
            found.query_id,
            found.query,
            found.calls,
            found.total_ms,
            (found.total_ms / (NULLIF(found.calls, 0))::double precision) AS mean_ms,
            found.rows_returned,
            baseline.kept_at AS baseline_at,
            (baseline.total_ms / (NULLIF(baseline.calls, 0))::double precision) AS baseline_mean_ms,
                CASE
                    WHEN (found.calls >= baseline.calls) THEN (found.calls - baseline.calls)
                    ELSE found.calls
                END AS calls_since,
                CASE
                    WHEN (found.calls > baseline.calls) THEN ((found.total_ms - baseline.total_ms) / ((found.calls - baseline.calls))::double precision)
                    WHEN (found.calls < baseline.calls) THEN (found.total_ms / (NULLIF(found.calls, 0))::double precision)
                    ELSE NULL::double precision
                END AS mean_ms_since
           FROM (lockstep.find_statements() found(role_name, query_id, query, calls, total_ms, rows_returned)
             LEFT JOIN lockstep.statement_baseline baseline ON (((baseline.role_name = found.role_name) AND (baseline.query_id = found.query_id))))) judged
  ORDER BY judged.total_ms DESC;


ALTER TABLE lockstep.statement_stats OWNER TO lockstep_owner;

--
-- Name: VIEW statement_stats; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.statement_stats IS 'How long statements take, from pg_stat_statements, against the baseline that keep_statement_baseline() has kept. Empty without that extension in the schema public.';


--
-- Name: COLUMN statement_stats.role; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.statement_stats.role IS 'Who ran it: the role that counts, not the one logged in as.';


--
-- Name: COLUMN statement_stats.query; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.statement_stats.query IS 'With $1 for constants, as pg_stat_statements has it.';


--
-- Name: COLUMN statement_stats.mean_ms; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.statement_stats.mean_ms IS 'Milliseconds a call, since the counters were reset.';


--
-- Name: COLUMN statement_stats.rows_returned; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.statement_stats.rows_returned IS 'Rows that it returned or changed.';


--
-- Name: COLUMN statement_stats.baseline_at; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.statement_stats.baseline_at IS 'When its baseline was kept; null: it has none.';


--
-- Name: COLUMN statement_stats.baseline_mean_ms; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.statement_stats.baseline_mean_ms IS 'Milliseconds a call up to then.';


--
-- Name: COLUMN statement_stats.calls_since; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.statement_stats.calls_since IS 'How often it has run since then.';


--
-- Name: COLUMN statement_stats.mean_ms_since; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.statement_stats.mean_ms_since IS 'Milliseconds a call since then.';


--
-- Name: COLUMN statement_stats.times_baseline; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.statement_stats.times_baseline IS 'How many times as long as up to then.';


--
-- Name: COLUMN statement_stats.regressed; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.statement_stats.regressed IS 'It takes regression_factor times its baseline, and a millisecond more, over regression_calls calls or more.';


--
-- Name: figures; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.figures AS
 WITH usage AS MATERIALIZED (
         SELECT found.application_name,
            found.role,
            found.total,
            found.active,
            found.idle,
            found.idle_in_transaction,
            found.waiting,
            found.oldest_transaction,
            found.oldest_age,
            found.server_connections,
            found.server_limit
           FROM lockstep.find_pool_usage() found(application_name, role, total, active, idle, idle_in_transaction, waiting, oldest_transaction, oldest_age, server_connections, server_limit)
        ), wait AS MATERIALIZED (
         SELECT found.waiting_pid,
            found.blocker_pid,
            found.blocking_pids,
            found.root_pid,
            found.chain,
            found.depth,
            found.lock_type,
            found.mode,
            found.relation,
            found.place,
            found.user_id,
            found.specialization_id,
            found.waiting_since,
            found.waited,
            found.waiting_role,
            found.waiting_application,
            found.waiting_query,
            found.blocker_role,
            found.blocker_application,
            found.blocker_state,
            found.blocker_transaction_start,
            found.blocker_query
           FROM lockstep.find_lock_waits() found(waiting_pid, blocker_pid, blocking_pids, root_pid, chain, depth, lock_type, mode, relation, place, user_id, specialization_id, waiting_since, waited, waiting_role, waiting_application, waiting_query, blocker_role, blocker_application, blocker_state, blocker_transaction_start, blocker_query)
        ), named AS (
         SELECT
                CASE
                    WHEN (row_number() OVER (ORDER BY (sum(usage.total)) DESC, usage.application_name) <= 20) THEN usage.application_name
                    ELSE '(others)'::text
                END AS application,
            sum(usage.active) AS active,
            sum(usage.idle) AS idle,
            sum(usage.idle_in_transaction) AS idle_in_transaction,
            sum((((usage.total - usage.active) - usage.idle) - usage.idle_in_transaction)) AS other
           FROM usage
          GROUP BY usage.application_name
        )
 SELECT 'desync_pairs_by_type'::text AS name,
    jsonb_build_object('issue_type', typed.issue_type) AS labels,
    (typed.pairs)::double precision AS value
   FROM (( SELECT COALESCE(sum(range.level_mismatch), (0)::numeric) AS level_mismatch,
            COALESCE(sum(range.missing_license), (0)::numeric) AS missing_license,
            COALESCE(sum(range.missing_progress), (0)::numeric) AS missing_progress
           FROM lockstep.ranges range) counted
     CROSS JOIN LATERAL ( VALUES ('level_mismatch'::text,counted.level_mismatch), ('missing_license'::text,counted.missing_license), ('missing_progress'::text,counted.missing_progress)) typed(issue_type, pairs))
UNION ALL
 SELECT 'runs'::text AS name,
    jsonb_build_object('kind', run.kind, 'status', run.status) AS labels,
    count(*) AS value
   FROM lockstep.runs run
  GROUP BY run.kind, run.status
UNION ALL
 SELECT 'newest_run_pairs'::text AS name,
    jsonb_build_object('outcome', counted.outcome) AS labels,
    counted.pairs AS value
   FROM (( SELECT run.issues_found,
            run.synced_count,
            run.failed_count,
            run.skipped_count
           FROM lockstep.runs run
          ORDER BY run.job_start DESC, run.run_id DESC
         LIMIT 1) newest
     CROSS JOIN LATERAL ( VALUES ('found'::text,newest.issues_found), ('synced'::text,newest.synced_count), ('failed'::text,newest.failed_count), ('skipped'::text,newest.skipped_count)) counted(outcome, pairs))
UNION ALL
 SELECT 'queue_entries'::text AS name,
    jsonb_build_object('state', counted.state) AS labels,
    counted.entries AS value
   FROM (( SELECT queue_1.backlog,
            queue_1.retrying,
            queue_1.set_aside
           FROM lockstep.queue_status queue_1) queue
     CROSS JOIN LATERAL ( VALUES ('waiting'::text,(queue.backlog - queue.retrying)), ('retrying'::text,queue.retrying), ('set_aside'::text,queue.set_aside)) counted(state, entries))
UNION ALL
 SELECT 'queue_oldest_age_seconds'::text AS name,
    '{}'::jsonb AS labels,
    COALESCE(EXTRACT(epoch FROM queue.oldest_age), (0)::numeric) AS value
   FROM lockstep.queue_status queue
UNION ALL
 SELECT 'connections'::text AS name,
    jsonb_build_object('application', named.application, 'state', counted.state) AS labels,
    sum(counted.connections) AS value
   FROM (named
     CROSS JOIN LATERAL ( VALUES ('active'::text,named.active), ('idle'::text,named.idle), ('idle in transaction'::text,named.idle_in_transaction), ('other'::text,named.other)) counted(state, connections))
  GROUP BY named.application, counted.state
UNION ALL
 SELECT 'connections_limit'::text AS name,
    '{}'::jsonb AS labels,
    (lockstep.setting('connections_limit'::text))::double precision AS value
UNION ALL
 SELECT 'server_connections'::text AS name,
    '{}'::jsonb AS labels,
    max(usage.server_connections) AS value
   FROM usage
UNION ALL
 SELECT 'server_connections_limit'::text AS name,
    '{}'::jsonb AS labels,
    max(usage.server_limit) AS value
   FROM usage
UNION ALL
 SELECT 'oldest_transaction_age_seconds'::text AS name,
    '{}'::jsonb AS labels,
    COALESCE(EXTRACT(epoch FROM max(usage.oldest_age)), (0)::numeric) AS value
   FROM usage
UNION ALL
 SELECT 'lock_waits'::text AS name,
    '{}'::jsonb AS labels,
    count(*) AS value
   FROM wait
UNION ALL
 SELECT 'lock_wait_longest_seconds'::text AS name,
    '{}'::jsonb AS labels,
    COALESCE(EXTRACT(epoch FROM max(wait.waited)), (0)::numeric) AS value
   FROM wait
UNION ALL
 SELECT 'lock_budget_seconds'::text AS name,
    '{}'::jsonb AS labels,
    EXTRACT(epoch FROM (lockstep.setting('lock_budget'::text))::interval) AS value
UNION ALL
 SELECT 'lock_breaches'::text AS name,
    jsonb_build_object('source', source.name) AS labels,
    count(breach.noticed_at) AS value
   FROM (unnest(ARRAY['client'::text, 'http'::text, 'queue'::text]) source(name)
     LEFT JOIN lockstep.breaches breach ON ((breach.source = source.name)))
  GROUP BY source.name
UNION ALL
 SELECT 'breaches'::text AS name,
    jsonb_build_object('kind', kind.name, 'state', state.name) AS labels,
    count(breach.id) AS value
   FROM ((unnest(ARRAY['connections'::text, 'error_rate'::text, 'lock_wait'::text, 'statement_regression'::text]) kind(name)
     CROSS JOIN unnest(ARRAY['open'::text, 'ended'::text]) state(name))
     LEFT JOIN lockstep.breach_records breach ON (((breach.kind = kind.name) AND (
        CASE
            WHEN (breach.ended_at IS NULL) THEN 'open'::text
            ELSE 'ended'::text
        END = state.name))))
  GROUP BY kind.name, state.name
UNION ALL
 SELECT 'incidents_open'::text AS name,
    jsonb_build_object('kind', known.kind, 'severity', known.severity) AS labels,
    count(incident.id) AS value
   FROM (lockstep.incident_kinds known
     LEFT JOIN lockstep.noted_incidents incident ON (((incident.kind = known.kind) AND (incident.closed_at IS NULL))))
  GROUP BY known.kind, known.severity
UNION ALL
 SELECT 'statements_regressed'::text AS name,
    '{}'::jsonb AS labels,
    count(*) AS value
   FROM lockstep.statement_stats statement
  WHERE statement.regressed
UNION ALL
 SELECT 'last_sample_timestamp_seconds'::text AS name,
    '{}'::jsonb AS labels,
    EXTRACT(epoch FROM max(sample.sampled_at)) AS value
   FROM lockstep.monitoring_samples sample
 HAVING (count(*) > 0);


ALTER TABLE lockstep.figures OWNER TO lockstep_owner;

--
-- Name: VIEW figures; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.figures IS 'What /metrics shows of the database beside service_state: a row a figure. Reads no pair: desync is as each range showed when it was last read.';


--
-- Name: COLUMN figures.name; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.figures.name IS 'The name of the metric, after its prefix, which is the same for every school.';


--
-- Name: COLUMN figures.labels; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.figures.labels IS 'Its labels, as an object.';


--
-- Name: read_figures(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.read_figures() RETURNS SETOF lockstep.figures
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select figure.*
    from lockstep.figures as figure;
$$;


ALTER FUNCTION lockstep.read_figures() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION read_figures(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.read_figures() IS 'What /metrics shows of the database beside service_state: the rows of figures.

For anybody, as it names no person. Locks nothing.';


--
-- Name: read_file(bigint, bigint, integer, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.read_file(p_actor_id bigint, p_project_id bigint, p_version integer DEFAULT NULL::integer, p_known_sha256 text DEFAULT NULL::text) RETURNS lockstep.project_file
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_project lockstep.projects;
    v_revision lockstep.project_revisions;
    v_file lockstep.project_file;
begin
    v_project := (lockstep.find_project(p_actor_id, p_project_id, 'READ')).project;
    v_revision := lockstep.find_revision(v_project, coalesce(p_version, v_project.version));

    select
        v_revision.project_id,
        v_revision.version,
        v_revision.file_name,
        length(blob.content)::bigint,
        encode(blob.sha256, 'hex'),
        case when encode(blob.sha256, 'hex') is distinct from p_known_sha256 then blob.content end
    into v_file
    from lockstep.blobs as blob
    where blob.sha256 = v_revision.file_sha256;

    return v_file;
end;
$$;


ALTER FUNCTION lockstep.read_file(p_actor_id bigint, p_project_id bigint, p_version integer, p_known_sha256 text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION read_file(p_actor_id bigint, p_project_id bigint, p_version integer, p_known_sha256 text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.read_file(p_actor_id bigint, p_project_id bigint, p_version integer, p_known_sha256 text) IS 'The file of a project, of its newest version or of a given one.

p_known_sha256: what the caller has already, in hexadecimal; if it is that, the bytes are left out.
Raises LS050 no such project, LS054 no such version.';


--
-- Name: read_group(bigint, bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.read_group(p_actor_id bigint, p_group_id bigint) RETURNS SETOF lockstep.group_list
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    perform lockstep.check_group(p_actor_id, p_group_id);

    return query
    select known.*
    from lockstep.group_list as known
    where known.id = p_group_id;
end;
$$;


ALTER FUNCTION lockstep.read_group(p_actor_id bigint, p_group_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION read_group(p_actor_id bigint, p_group_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.read_group(p_actor_id bigint, p_group_id bigint) IS 'A group, for somebody who may see it.

Raises LS045 no such group, or (to others than admins) none that they are in. Locks nothing.';


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
            WHEN (newest.total_violations > 0) THEN format('%s pair%s out of step'::text, newest.total_violations,
            CASE
                WHEN (newest.total_violations <> 1) THEN 's'::text
                ELSE NULL::text
            END)
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
            WHEN (guard.broken > 0) THEN format('%s guard%s broken'::text, guard.broken,
            CASE
                WHEN (guard.broken <> 1) THEN 's'::text
                ELSE NULL::text
            END)
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
-- Name: read_health(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.read_health() RETURNS SETOF lockstep.health
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select state.*
    from lockstep.health as state;
$$;


ALTER FUNCTION lockstep.read_health() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION read_health(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.read_health() IS 'The one row of the view health. Locks nothing.';


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
-- Name: level_history; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.level_history AS
 SELECT progression.id,
    progression.user_id,
    license.specialization_type AS specialization,
    progression.from_level,
    progression.progress_from_level,
    progression.to_level,
    progression.advanced_by,
    progression.advancement_reason AS reason,
    progression.requirements_met,
    progression.route,
    progression.application_name,
    progression.advanced_at
   FROM (lockstep.license_progressions progression
     JOIN lockstep.user_licenses license ON (((license.user_id = progression.user_id) AND (license.id = progression.user_license_id))));


ALTER TABLE lockstep.level_history OWNER TO lockstep_owner;

--
-- Name: VIEW level_history; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.level_history IS 'Every level change, with its specialization; database role and address are in license_progressions only.';


--
-- Name: COLUMN level_history.from_level; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.level_history.from_level IS 'The level of the license before; null where it was made.';


--
-- Name: COLUMN level_history.progress_from_level; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.level_history.progress_from_level IS 'The level of progress before, where the two sides differed.';


--
-- Name: COLUMN level_history.advanced_by; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.level_history.advanced_by IS 'The user who did it, as the application says.';


--
-- Name: read_history(bigint, bigint, text, bigint, integer); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.read_history(p_actor_id bigint, p_user_id bigint, p_specialization_id text, p_before_id bigint DEFAULT NULL::bigint, p_limit integer DEFAULT 100) RETURNS SETOF lockstep.level_history
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    perform lockstep.check_access(p_actor_id, p_user_id);
    perform lockstep.check_specialization(p_specialization_id);

    return query
    select change.*
    from lockstep.level_history as change
    where change.user_id = p_user_id
        and change.specialization = p_specialization_id
        and (p_before_id is null or change.id < p_before_id)
    order by change.id desc
    limit p_limit;
end;
$$;


ALTER FUNCTION lockstep.read_history(p_actor_id bigint, p_user_id bigint, p_specialization_id text, p_before_id bigint, p_limit integer) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION read_history(p_actor_id bigint, p_user_id bigint, p_specialization_id text, p_before_id bigint, p_limit integer); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.read_history(p_actor_id bigint, p_user_id bigint, p_specialization_id text, p_before_id bigint, p_limit integer) IS 'The level changes of a pair, newest first; the next page is what came before the last id.

Raises LS001 no such user, LS002 no such specialization, LS032 not theirs to see. Locks nothing.';


--
-- Name: pairs; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.pairs AS
 SELECT COALESCE(progress.student_id, license.user_id) AS user_id,
    COALESCE(progress.specialization_id, license.specialization_type) AS specialization,
    progress.current_level AS progress_level,
    license.current_level AS license_level,
    license.max_achieved_level,
    COALESCE((progress.current_level = license.current_level), false) AS consistent,
    progress.total_xp,
    progress.completed_sessions,
    progress.completed_projects,
    progress.theory_hours_completed AS theory_hours,
    progress.practice_hours_completed AS practice_hours,
    progress.last_activity,
    license.started_at,
    license.last_advanced_at,
    license.is_active AS license_is_active,
    level.name AS level_name,
    next_level.level AS next_level,
    next_level.name AS next_level_name,
    next_level.required_xp AS next_required_xp,
    next_level.required_sessions AS next_required_sessions,
    next_level.theory_hours AS next_theory_hours,
    next_level.practice_hours AS next_practice_hours
   FROM (((lockstep.specialization_progress progress
     FULL JOIN lockstep.user_licenses license ON (((progress.student_id = license.user_id) AND (progress.specialization_id = license.specialization_type))))
     LEFT JOIN lockstep.specialization_levels level ON (((level.specialization_id = COALESCE(progress.specialization_id, license.specialization_type)) AND (level.level = COALESCE(progress.current_level, license.current_level)))))
     LEFT JOIN lockstep.specialization_levels next_level ON (((next_level.specialization_id = COALESCE(progress.specialization_id, license.specialization_type)) AND (next_level.level = (COALESCE(progress.current_level, license.current_level) + 1)))));


ALTER TABLE lockstep.pairs OWNER TO lockstep_owner;

--
-- Name: VIEW pairs; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.pairs IS 'What a person has earned and holds in each specialization, and what the next level asks for.';


--
-- Name: COLUMN pairs.consistent; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.pairs.consistent IS 'Whether both sides are at the same level.';


--
-- Name: COLUMN pairs.license_is_active; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.pairs.license_is_active IS 'False: the license is suspended; null: there is none.';


--
-- Name: COLUMN pairs.level_name; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.pairs.level_name IS 'Of the level that progress is at; of the license where there is no progress.';


--
-- Name: COLUMN pairs.next_level; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.pairs.next_level IS 'Null at the top.';


--
-- Name: COLUMN pairs.next_required_xp; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.pairs.next_required_xp IS 'XP since the start, not what is still missing.';


--
-- Name: COLUMN pairs.next_required_sessions; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.pairs.next_required_sessions IS 'Sessions since the start.';


--
-- Name: COLUMN pairs.next_theory_hours; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.pairs.next_theory_hours IS 'Hours since the start; null where none are asked for.';


--
-- Name: COLUMN pairs.next_practice_hours; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.pairs.next_practice_hours IS 'Hours since the start; null where none are asked for.';


--
-- Name: read_progress(bigint, bigint, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.read_progress(p_actor_id bigint, p_user_id bigint, p_specialization_id text DEFAULT NULL::text) RETURNS SETOF lockstep.pairs
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    perform lockstep.check_access(p_actor_id, p_user_id);

    if p_specialization_id is not null then
        perform lockstep.check_specialization(p_specialization_id);
    end if;

    return query
    select pair.*
    from lockstep.pairs as pair
    where pair.user_id = p_user_id
        and (p_specialization_id is null or pair.specialization = p_specialization_id)
    order by pair.specialization;

    if not found and p_specialization_id is not null then
        raise exception using
            errcode = 'LS040',
            message = 'nothing was begun in this specialization',
            detail = format('user_id=%s specialization_id=%s', p_user_id, p_specialization_id),
            hint = 'A first award of XP makes the pair.';
    end if;
end;
$$;


ALTER FUNCTION lockstep.read_progress(p_actor_id bigint, p_user_id bigint, p_specialization_id text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION read_progress(p_actor_id bigint, p_user_id bigint, p_specialization_id text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.read_progress(p_actor_id bigint, p_user_id bigint, p_specialization_id text) IS 'What a user has earned and holds: in one specialization, or (null) in each.

Raises LS001 no such user, LS002 no such specialization, LS032 not theirs to see, LS040 nothing begun there.
Locks nothing.';


--
-- Name: read_project(bigint, bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.read_project(p_actor_id bigint, p_project_id bigint) RETURNS lockstep.project_state
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_found lockstep.locked_project;
begin
    v_found := lockstep.find_project(p_actor_id, p_project_id, 'READ');
    return lockstep.describe_project(v_found.project, v_found.permission);
end;
$$;


ALTER FUNCTION lockstep.read_project(p_actor_id bigint, p_project_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION read_project(p_actor_id bigint, p_project_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.read_project(p_actor_id bigint, p_project_id bigint) IS 'A project as it is now, without its bytes.

Raises LS050 no such project.';


--
-- Name: read_revision(bigint, bigint, integer); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.read_revision(p_actor_id bigint, p_project_id bigint, p_version integer) RETURNS lockstep.revision_state
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    return lockstep.describe_revision(lockstep.find_revision(
        (lockstep.find_project(p_actor_id, p_project_id, 'READ')).project, p_version
    ));
end;
$$;


ALTER FUNCTION lockstep.read_revision(p_actor_id bigint, p_project_id bigint, p_version integer) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION read_revision(p_actor_id bigint, p_project_id bigint, p_version integer); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.read_revision(p_actor_id bigint, p_project_id bigint, p_version integer) IS 'One version of a project, without its bytes.

Raises LS050 no such project, LS054 no such version.';


--
-- Name: read_run(bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.read_run(p_run_id bigint) RETURNS jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    perform lockstep.check_run(p_run_id);

    return (
        select to_jsonb(run) || jsonb_build_object(
            'results',
            coalesce(
                (
                    select jsonb_agg(to_jsonb(item) - 'run_id' order by item.user_id, item.specialization)
                    from lockstep.list_run_items(p_run_id, p_limit => 1000) as item
                ),
                '[]'
            )
        )
        from lockstep.runs as run
        where run.run_id = p_run_id
    );
end;
$$;


ALTER FUNCTION lockstep.read_run(p_run_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION read_run(p_run_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.read_run(p_run_id bigint) IS 'A run as one document: the columns of the view runs and, as results, its first 1000 items.

Raises LS015 no such run. Locks nothing.';


--
-- Name: service_state; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.service_state AS
 SELECT applied.version,
    health.status,
    health.last_check,
    health.consistency_rate,
    health.requires_attention,
    health.oldest_unverified,
    health.last_run,
    health.broken_guards,
    verified.pairs,
    verified.desync_pairs,
    newest.status AS newest_run_status
   FROM (((lockstep.health health
     CROSS JOIN ( SELECT max((migration.migration_id)::text) AS version
           FROM lockstep.schema_migrations migration) applied)
     CROSS JOIN ( SELECT (COALESCE(sum(range.pairs), (0)::numeric))::bigint AS pairs,
            (COALESCE(sum(range.violations), (0)::numeric))::bigint AS desync_pairs
           FROM lockstep.ranges range) verified)
     LEFT JOIN ( SELECT run.status
           FROM lockstep.runs run
          ORDER BY run.job_start DESC, run.run_id DESC
         LIMIT 1) newest ON (true));


ALTER TABLE lockstep.service_state OWNER TO lockstep_owner;

--
-- Name: VIEW service_state; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.service_state IS 'One row for what watches the service: version, health, and how it stands by the last look at each range; scans no pair.';


--
-- Name: COLUMN service_state.version; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.service_state.version IS 'The newest migration that was applied.';


--
-- Name: COLUMN service_state.last_check; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.service_state.last_check IS 'When the newest check was; null before the first.';


--
-- Name: COLUMN service_state.requires_attention; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.service_state.requires_attention IS 'As the view health says, whose message has the reason.';


--
-- Name: COLUMN service_state.last_run; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.service_state.last_run IS 'When the last scheduled run ended.';


--
-- Name: COLUMN service_state.broken_guards; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.service_state.broken_guards IS 'Rows of guard_status that are not intact.';


--
-- Name: COLUMN service_state.pairs; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.service_state.pairs IS 'Pairs, as each range showed when it was last read.';


--
-- Name: COLUMN service_state.desync_pairs; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.service_state.desync_pairs IS 'Pairs out of step, likewise; the view desync looks at all of them now.';


--
-- Name: COLUMN service_state.newest_run_status; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.service_state.newest_run_status IS 'What became of the run that began last; null before the first.';


--
-- Name: read_service_state(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.read_service_state() RETURNS lockstep.service_state
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select state.*
    from lockstep.service_state as state;
$$;


ALTER FUNCTION lockstep.read_service_state() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION read_service_state(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.read_service_state() IS 'How the service stands, for probes and for Prometheus: the row of service_state.

For anybody, as it names no person. Locks nothing.';


--
-- Name: read_user(bigint, bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.read_user(p_actor_id bigint, p_user_id bigint) RETURNS SETOF lockstep.people
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    perform lockstep.check_access(p_actor_id, p_user_id);

    return query
    select person.*
    from lockstep.people as person
    where person.id = p_user_id;
end;
$$;


ALTER FUNCTION lockstep.read_user(p_actor_id bigint, p_user_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION read_user(p_actor_id bigint, p_user_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.read_user(p_actor_id bigint, p_user_id bigint) IS 'A person, for somebody who may see them.

Raises LS001 no such user, LS032 not theirs to see. Locks nothing.';


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
    perform lockstep.purge_sign_ins();
    perform lockstep.purge_lock_breaches();
    perform lockstep.purge_incidents();
    perform lockstep.purge_raw_writes();
    commit;
    perform lockstep.purge_projects();
    commit;
    perform lockstep.sweep_blobs();
    commit;
    perform lockstep.watch_incidents();
    commit;
end;
$$;


ALTER PROCEDURE lockstep.reconcile(INOUT run_id bigint) OWNER TO lockstep_owner;

--
-- Name: PROCEDURE reconcile(INOUT run_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON PROCEDURE lockstep.reconcile(INOUT run_id bigint) IS 'The scheduled job: plans a repair of everything, applies it, throws away what is past its retention, and checks
incidents.

call lockstep.reconcile(). Outside a transaction block. Returns the id of the run; it is recorded as skipped
when another run is under way.';


--
-- Name: record_adopted(bigint, text[], bigint, bigint, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.record_adopted(p_run_id bigint, p_table_names text[], p_first_user bigint DEFAULT NULL::bigint, p_last_user bigint DEFAULT NULL::bigint, p_source_id text DEFAULT NULL::text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    -- What has a place here, in any table; the rest of a row is kept beside.
    v_known constant text[] := array[
        'id', 'email', 'name', 'username', 'role', 'is_active', 'created_at', 'updated_at', 'student_id',
        'specialization_id', 'current_level', 'total_xp', 'completed_sessions', 'completed_projects',
        'theory_hours_completed', 'practice_hours_completed', 'last_activity', 'user_id', 'specialization_type',
        'max_achieved_level', 'started_at', 'last_advanced_at', 'instructor_notes', 'user_license_id', 'from_level',
        'to_level', 'advanced_by', 'advancement_reason', 'requirements_met', 'advanced_at', 'title', 'description',
        'owner_id', 'type', 'format', 'group_id', 'file_path', 'display_name'
    ];
    v_rows bigint;
begin
    insert into lockstep.adopted_rows as known (
        source, table_name, source_id, outcome, reasons, user_id, specialization_id, target_id, hash, target_state,
        level_found, level_kept, xp_found, xp_kept, bytes_found, content, extra, run_id
    )
    select
        run.source,
        staged.table_name,
        staged.source_id,
        staged.outcome,
        staged.reasons,
        case when staged.table_name = 'users' or person.id is not null then staged.user_id end,
        staged.specialization_id,
        coalesce(
            staged.target_id,
            case staged.table_name
                when 'users' then staged.user_id
                when 'specialization_progress' then here.progress_id
                when 'user_licenses' then here.license_id
            end::text
        ),
        case when staged.outcome <> 'erased' then staged.hash end,
        case
            when staged.outcome not in ('imported', 'repaired', 'merged') then null
            when staged.table_name = 'users' then lockstep.adopted_user_state(person)
            when staged.table_name in ('specialization_progress', 'user_licenses') then here.state
            when staged.table_name = 'projects' then project.version::text
        end,
        staged.level_found,
        staged.level_kept,
        staged.xp_found,
        staged.xp_kept,
        staged.file_bytes,
        case when staged.outcome not in ('imported', 'erased') then staged.content end,
        case when staged.outcome <> 'erased' then staged.content - v_known end,
        run.id
    from lockstep.adoption_staging as staged
    inner join lockstep.adoption_runs as run on run.id = p_run_id
    left outer join lockstep.users as person on person.id = staged.user_id
    left outer join lockstep.adopted_pairs_here as here
        on here.user_id = staged.user_id
        and here.specialization_id = staged.specialization_id
        and staged.outcome in ('imported', 'repaired', 'merged')
    left outer join lockstep.projects as project
        on project.user_id = staged.user_id
        and project.id::text = staged.target_id
        and staged.table_name = 'projects'
    where staged.table_name = any(p_table_names)
        and not staged.done
        and (p_source_id is null or staged.source_id = p_source_id)
        and (p_last_user is null or staged.user_id between p_first_user and p_last_user)
    on conflict on constraint adopted_rows_pkey do update
    set outcome = excluded.outcome,
        reasons = excluded.reasons,
        user_id = excluded.user_id,
        specialization_id = excluded.specialization_id,
        target_id = coalesce(excluded.target_id, known.target_id),
        hash = excluded.hash,
        -- Of a conflict, what the adoption left here is still known: once it is so again, the source wins again.
        target_state = coalesce(excluded.target_state, known.target_state),
        level_found = excluded.level_found,
        level_kept = excluded.level_kept,
        xp_found = excluded.xp_found,
        xp_kept = excluded.xp_kept,
        bytes_found = excluded.bytes_found,
        content = excluded.content,
        extra = excluded.extra,
        run_id = excluded.run_id,
        adopted_at = clock_timestamp();

    get diagnostics v_rows = row_count;

    update lockstep.adoption_staging as staged
    set done = true
    where staged.table_name = any(p_table_names)
        and not staged.done
        and (p_source_id is null or staged.source_id = p_source_id)
        and (p_last_user is null or staged.user_id between p_first_user and p_last_user);

    return v_rows;
end;
$$;


ALTER FUNCTION lockstep.record_adopted(p_run_id bigint, p_table_names text[], p_first_user bigint, p_last_user bigint, p_source_id text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION record_adopted(p_run_id bigint, p_table_names text[], p_first_user bigint, p_last_user bigint, p_source_id text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.record_adopted(p_run_id bigint, p_table_names text[], p_first_user bigint, p_last_user bigint, p_source_id text) IS 'Writes down what became of staged rows: of these tables, and where it is given of users from one id to another, or
the one of this id there.

Returns how many.';


--
-- Name: record_breaches(timestamp with time zone); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.record_breaches(p_since timestamp with time zone) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_incident record;
begin
    insert into lockstep.breach_records as known (kind, subject, measured, threshold, cause)
    select found.kind, found.subject, found.measured, found.threshold, found.cause
    from lockstep.find_breaches() as found
    on conflict (kind, subject) where ended_at is null do update
    set last_seen_at = excluded.last_seen_at,
        samples = known.samples + 1,
        measured = greatest(known.measured, excluded.measured),
        threshold = excluded.threshold,
        -- With the worst of it.
        cause = case when excluded.measured >= known.measured then excluded.cause else known.cause end;

    update lockstep.breach_records as breach
    set ended_at = clock_timestamp()
    where breach.ended_at is null
        and breach.last_seen_at < p_since;

    for v_incident in
        select
            coalesce(breach.kind, opened.kind) as kind,
            coalesce(breach.subject, opened.subject) as subject,
            breach.cause
        from (
            select
                one.kind,
                -- Of waits for locks one incident, whoever blocks.
                case when one.kind = 'lock_wait' then current_database()::text else one.subject end as subject,
                (array_agg(one.cause order by one.measured desc))[1] as cause
            from lockstep.breach_records as one
            where one.ended_at is null
            group by 1, 2
        ) as breach
        full outer join (
            select one.kind, one.subject
            from lockstep.noted_incidents as one
            where one.closed_at is null
                and one.kind in ('connections', 'lock_wait', 'error_rate', 'statement_regression')
        ) as opened
            on opened.kind = breach.kind
            and opened.subject = breach.subject
        -- Lock order: kinds of incidents by name.
        order by coalesce(breach.kind, opened.kind), coalesce(breach.subject, opened.subject)
    loop
        if v_incident.cause is null then
            perform lockstep.close_incident(v_incident.kind, v_incident.subject);
        else
            perform lockstep.note_incident(v_incident.kind, v_incident.subject, v_incident.cause);
        end if;
    end loop;
end;
$$;


ALTER FUNCTION lockstep.record_breaches(p_since timestamp with time zone) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION record_breaches(p_since timestamp with time zone); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.record_breaches(p_since timestamp with time zone) IS 'Records each threshold that is reached now, ends the records of those that are not any more, and so their incidents.

p_since: when this look began. For sample_monitoring(), which lets one in at a time. Locks kinds of incidents, in their order.';


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
-- Name: record_lock_breach(bigint, text, text, interval, integer, text, text, text, timestamp with time zone, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.record_lock_breach(p_user_id bigint, p_specialization_id text, p_source text, p_waited interval, p_blocker_pid integer, p_blocker_application text, p_blocker_role text, p_blocker_state text, p_blocker_transaction_start timestamp with time zone, p_blocker_query text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    perform lockstep.check_user(p_user_id);

    insert into lockstep.lock_breaches (
        user_id, specialization_id, source, waited, blocker_pid, blocker_application, blocker_role,
        blocker_state, blocker_transaction_start, blocker_query
    )
    values (
        p_user_id, p_specialization_id, p_source, p_waited, p_blocker_pid, p_blocker_application, p_blocker_role,
        p_blocker_state, p_blocker_transaction_start, left(p_blocker_query, 1000)
    );
end;
$$;


ALTER FUNCTION lockstep.record_lock_breach(p_user_id bigint, p_specialization_id text, p_source text, p_waited interval, p_blocker_pid integer, p_blocker_application text, p_blocker_role text, p_blocker_state text, p_blocker_transaction_start timestamp with time zone, p_blocker_query text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION record_lock_breach(p_user_id bigint, p_specialization_id text, p_source text, p_waited interval, p_blocker_pid integer, p_blocker_application text, p_blocker_role text, p_blocker_state text, p_blocker_transaction_start timestamp with time zone, p_blocker_query text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.record_lock_breach(p_user_id bigint, p_specialization_id text, p_source text, p_waited interval, p_blocker_pid integer, p_blocker_application text, p_blocker_role text, p_blocker_state text, p_blocker_transaction_start timestamp with time zone, p_blocker_query text) IS 'Writes down a breach of the lock budget, as note_lock_breach() has seen it.

Raises LS001 no such user, 23514 another source than http, queue or client.';


--
-- Name: record_revision(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.record_revision() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    insert into lockstep.project_revisions (
        user_id, project_id, version, action, changed_fields, changed_by, changed_at, restored_from,
        title, description, file_sha256, file_name, deleted_at
    )
    values (
        new.user_id,
        new.id,
        new.version,
        case
            when tg_op = 'INSERT' then case when new.copied_from_id is null then 'created' else 'copied' end
            when new.deleted_at is not null and old.deleted_at is null then 'deleted'
            when new.deleted_at is null and old.deleted_at is not null then 'restored'
            when new.restored_from is not null then 'reverted'
            else 'updated'
        end,
        lockstep.changed_fields(
            case
                when tg_op = 'UPDATE' then lockstep.project_fields(
                    old.title, old.description, old.file_sha256, old.file_name, old.deleted_at
                )
                else '{"deleted": false}'
            end,
            lockstep.project_fields(new.title, new.description, new.file_sha256, new.file_name, new.deleted_at)
        ),
        new.modified_by,
        new.modified_at,
        new.restored_from,
        new.title,
        new.description,
        new.file_sha256,
        new.file_name,
        new.deleted_at
    );

    return null;
end;
$$;


ALTER FUNCTION lockstep.record_revision() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION record_revision(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.record_revision() IS 'Keeps every version of a project, whole, as a row of project_revisions.';


--
-- Name: refresh_session(bigint, bytea, bytea); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.refresh_session(p_user_id bigint, p_token_hash bytea, p_next_hash bytea) RETURNS lockstep.signed_in
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_session_id uuid;
    v_session lockstep.sessions;
    v_person lockstep.users;
begin
    select token.session_id
    into v_session_id
    from lockstep.refresh_tokens as token
    where token.user_id = p_user_id
        and token.token_hash = p_token_hash;

    -- Of two at once the second waits here, and then finds its token used, or the session over.
    select session.*
    into v_session
    from lockstep.sessions as session
    where session.user_id = p_user_id
        and session.id = v_session_id
    for no key update;

    select person.*
    into v_person
    from lockstep.users as person
    where person.id = v_session.user_id
        and person.is_active
        and v_session.ended_at is null
        and v_session.expires_at > clock_timestamp();

    if not found then
        raise exception using
            errcode = 'LS030',
            message = 'not signed in',
            detail = 'the refresh token is not good, or not any more',
            hint = 'Sign in again.';
    end if;

    update lockstep.refresh_tokens as token
    set used_at = clock_timestamp()
    where token.user_id = p_user_id
        and token.token_hash = p_token_hash
        and token.used_at is null;

    if not found then
        -- Answered, not raised: a raise would roll back what it is about.
        update lockstep.sessions as session
        set ended_at = clock_timestamp(),
            end_reason = 'reused'
        where session.user_id = v_session.user_id
            and session.id = v_session.id;

        return row(v_person.id, v_session.id, v_person.role, 'reused'::text);
    end if;

    insert into lockstep.refresh_tokens (user_id, token_hash, session_id)
    values (v_session.user_id, p_next_hash, v_session.id);

    return row(v_person.id, v_session.id, v_person.role, null::text);
end;
$$;


ALTER FUNCTION lockstep.refresh_session(p_user_id bigint, p_token_hash bytea, p_next_hash bytea) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION refresh_session(p_user_id bigint, p_token_hash bytea, p_next_hash bytea); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.refresh_session(p_user_id bigint, p_token_hash bytea, p_next_hash bytea) IS 'Takes a refresh token, once, and keeps the hash of the next one.

Returns the session. One that comes a second time was stolen from somebody: its session ends, and the answer says
so as end_reason reused instead of an error, which would take that back; whoever called must commit, then refuse.
Raises LS030 no such token, session over or account not active, 23514 not a hash of 32 bytes.
Locks the session.';


--
-- Name: refuse_closed(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.refuse_closed() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    raise exception using
        errcode = 'LS100',
        message = 'this school is closed to writing',
        detail = tg_argv[0],
        hint = 'Write to it where it is now; flask school list says which schools of a database are closed.';
end;
$$;


ALTER FUNCTION lockstep.refuse_closed() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION refuse_closed(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.refuse_closed() IS 'Raises LS100, with the reason that the trigger carries for an argument.

No table has the trigger until its school is moved to another database: then each gets one.';


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
-- Name: refuse_queue_entry(bigint, bigint, text, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.refuse_queue_entry(p_user_id bigint, p_entry_id bigint, p_error_code text, p_error text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_set_aside boolean;
begin
    update lockstep.queued_level_ups as entry
    set attempts = entry.attempts + 1,
        error_code = p_error_code,
        error = p_error,
        -- Four times as long before the third try.
        try_after = clock_timestamp() + lockstep.setting('queue_retry_pause')::interval * 4 ^ entry.attempts,
        set_aside_at = case when entry.attempts >= 2 then clock_timestamp() end
    where entry.user_id = p_user_id
        and entry.id = p_entry_id
    returning entry.set_aside_at is not null into v_set_aside;

    return v_set_aside;
end;
$$;


ALTER FUNCTION lockstep.refuse_queue_entry(p_user_id bigint, p_entry_id bigint, p_error_code text, p_error text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION refuse_queue_entry(p_user_id bigint, p_entry_id bigint, p_error_code text, p_error text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.refuse_queue_entry(p_user_id bigint, p_entry_id bigint, p_error_code text, p_error text) IS 'Notes that an entry was refused and why; it leaves the line of its pair, and is tried again twice.

Returns whether it is set aside: after the third time.';


--
-- Name: refuse_stale(lockstep.projects, lockstep.project_permission, integer, lockstep.project_comparison); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.refuse_stale(p_project lockstep.projects, p_permission lockstep.project_permission, p_expected_version integer, p_comparison lockstep.project_comparison) RETURNS void
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_current lockstep.project_state := lockstep.describe_project(p_project, p_permission);
    v_changes jsonb := (
        select coalesce(jsonb_agg(to_jsonb(change) order by change.version), '[]')
        from (
            select
                revision.version, revision.action, revision.changed_fields, revision.changed_by,
                writer.name as changed_by_name, revision.changed_at
            from lockstep.project_revisions as revision
            left outer join lockstep.users as writer on writer.id = revision.changed_by
            where revision.user_id = p_project.user_id
                and revision.project_id = p_project.id
                and revision.version > p_expected_version
            order by revision.version desc
            limit 20
        ) as change
    );
begin
    raise exception using
        errcode = 'LS052',
        message = 'project was modified by another user',
        detail = jsonb_build_object(
            'detail', format(
                'version %s is not the current one: %s changed the project to version %s at %s',
                p_expected_version, coalesce(v_current.modified_by_name, 'somebody'), p_project.version,
                p_project.modified_at
            ),
            'project_id', p_project.id,
            'expected_version', p_expected_version,
            'current_version', p_project.version,
            'modified_by', p_project.modified_by,
            'modified_by_name', v_current.modified_by_name,
            'modified_at', p_project.modified_at,
            'changed_fields', p_comparison.changed_fields,
            'colliding_fields', p_comparison.colliding_fields,
            'mergeable', p_comparison.mergeable,
            'changes', v_changes,
            'current', to_jsonb(v_current) - '{permission,merged_fields}'::text[]
        )::text,
        hint = 'Read the current version and write again on it; where mergeable is true, ask for a merge.';
end;
$$;


ALTER FUNCTION lockstep.refuse_stale(p_project lockstep.projects, p_permission lockstep.project_permission, p_expected_version integer, p_comparison lockstep.project_comparison) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION refuse_stale(p_project lockstep.projects, p_permission lockstep.project_permission, p_expected_version integer, p_comparison lockstep.project_comparison); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.refuse_stale(p_project lockstep.projects, p_permission lockstep.project_permission, p_expected_version integer, p_comparison lockstep.project_comparison) IS 'Refuses a write on a version that is no longer the current one, and says what happened since.

Raises LS052; its detail is a JSON object: detail (a sentence), the versions, who changed which fields when
(changes: the last twenty), which of them collide with what the writer wants, and the current state.';


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
-- Name: release_idempotency_keys(lockstep.batch_item[]); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.release_idempotency_keys(p_items lockstep.batch_item[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    delete from lockstep.idempotency_keys as claimed
    using unnest(p_items) as item
    where claimed.user_id = item.user_id
        and claimed.key = item.idempotency_key
        -- Claimed in this transaction: whoever else claims a key stores its answer before the commit.
        and claimed.answer is null;
$$;


ALTER FUNCTION lockstep.release_idempotency_keys(p_items lockstep.batch_item[]) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION release_idempotency_keys(p_items lockstep.batch_item[]); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.release_idempotency_keys(p_items lockstep.batch_item[]) IS 'Gives back keys that claim_idempotency_keys() claimed and nothing has answered; others that want them wait on until the commit.';


--
-- Name: remove_member(bigint, bigint, bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.remove_member(p_actor_id bigint, p_group_id bigint, p_user_id bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    perform lockstep.lock_account(p_actor_id, p_user_id);
    perform lockstep.check_group(p_actor_id, p_group_id);

    delete from lockstep.group_members as member
    where member.user_id = p_user_id
        and member.group_id = p_group_id;
end;
$$;


ALTER FUNCTION lockstep.remove_member(p_actor_id bigint, p_group_id bigint, p_user_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION remove_member(p_actor_id bigint, p_group_id bigint, p_user_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.remove_member(p_actor_id bigint, p_group_id bigint, p_user_id bigint) IS 'Takes a person out of a group, by an admin; somebody who is not in it changes nothing.

A membership that the provider claims comes back at the next sign-in.
Raises LS001 no such user, LS031 the actor is no admin, LS045 no such group.
Locks the user''s row, then the membership.';


--
-- Name: remove_projects(bigint[]); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.remove_projects(p_project_ids bigint[]) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_removed bigint;
begin
    delete from lockstep.project_shares as share
    where share.project_id = any (p_project_ids);

    delete from lockstep.project_revisions as revision
    where revision.project_id = any (p_project_ids);

    delete from lockstep.projects as project
    where project.id = any (p_project_ids);

    get diagnostics v_removed = row_count;
    return v_removed;
end;
$$;


ALTER FUNCTION lockstep.remove_projects(p_project_ids bigint[]) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION remove_projects(p_project_ids bigint[]); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.remove_projects(p_project_ids bigint[]) IS 'Removes projects that the caller has locked, with their revisions and shares; returns how many.';


--
-- Name: rename_group(bigint, bigint, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.rename_group(p_actor_id bigint, p_group_id bigint, p_name text) RETURNS lockstep.group_list
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_group lockstep.group_list;
begin
    perform lockstep.check_admin(p_actor_id);
    perform lockstep.check_group(p_actor_id, p_group_id);

    update lockstep.groups as known
    set name = p_name
    where known.id = p_group_id;

    select renamed.*
    into v_group
    from lockstep.group_list as renamed
    where renamed.id = p_group_id;

    return v_group;
end;
$$;


ALTER FUNCTION lockstep.rename_group(p_actor_id bigint, p_group_id bigint, p_name text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION rename_group(p_actor_id bigint, p_group_id bigint, p_name text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.rename_group(p_actor_id bigint, p_group_id bigint, p_name text) IS 'Gives a group another name, by an admin. A provider that goes on saying the old one makes a new group of it.

Returns the group.
Raises LS031 the actor is no admin, LS045 no such group, 23505 name taken, 23514 a name too long or empty.
Locks the group.';


--
-- Name: reopen_incident(text, text, jsonb); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.reopen_incident(p_kind text, p_subject text, p_cause jsonb) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_incident_id bigint;
begin
    -- A mail that is being delivered is locked, and counts as sent.
    delete from lockstep.incident_mails as mail
    where mail.id = (
        select untold.id
        from lockstep.incident_mails as untold
        inner join lockstep.noted_incidents as incident
            on incident.id = untold.incident_id
        where incident.kind = p_kind
            and incident.subject = p_subject
            and incident.closed_at > clock_timestamp() - lockstep.setting('incident_quiet')::interval
            and untold.event = 'closed'
            and untold.sent_at is null
        order by incident.closed_at desc
        limit 1
        for no key update of untold skip locked
    )
    returning mail.incident_id into v_incident_id;

    update lockstep.noted_incidents as incident
    set closed_at = null,
        last_seen_at = clock_timestamp(),
        times_seen = incident.times_seen + 1,
        times_reopened = incident.times_reopened + 1,
        last_cause = p_cause
    where incident.id = v_incident_id;

    return v_incident_id;
end;
$$;


ALTER FUNCTION lockstep.reopen_incident(p_kind text, p_subject text, p_cause jsonb) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION reopen_incident(p_kind text, p_subject text, p_cause jsonb); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.reopen_incident(p_kind text, p_subject text, p_cause jsonb) IS 'Takes back the close of an incident that came again within the setting incident_quiet, and the mail of it.

For note_incident(), which holds the kind. Returns its id, null where there is none or its close was told.
Locks the mail, then the incident; waits for nobody who delivers it.';


--
-- Name: repair_user(bigint, bigint, text, text, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.repair_user(p_actor_id bigint, p_user_id bigint, p_specialization_id text, p_direction text, p_reason text DEFAULT NULL::text) RETURNS lockstep.sync_outcome
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    perform lockstep.check_access(p_actor_id, p_user_id, p_changes => true);

    return lockstep.sync_user(p_user_id, p_specialization_id, p_direction, p_actor_id, p_reason);
end;
$$;


ALTER FUNCTION lockstep.repair_user(p_actor_id bigint, p_user_id bigint, p_specialization_id text, p_direction text, p_reason text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION repair_user(p_actor_id bigint, p_user_id bigint, p_specialization_id text, p_direction text, p_reason text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.repair_user(p_actor_id bigint, p_user_id bigint, p_specialization_id text, p_direction text, p_reason text) IS 'sync_user() by a person who signed in: an instructor for their students, an admin for anybody.

Raises LS032 not their student, and what sync_user() raises.
Locks specialization_progress, then user_licenses, by specialization.';


--
-- Name: repair_user_all(bigint, bigint, text, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.repair_user_all(p_actor_id bigint, p_user_id bigint, p_direction text, p_reason text DEFAULT NULL::text) RETURNS SETOF lockstep.sync_outcome
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    perform lockstep.check_access(p_actor_id, p_user_id, p_changes => true);

    return query
    select outcome.*
    from lockstep.sync_user_all(p_user_id, p_direction, null, p_actor_id, p_reason) as outcome;
end;
$$;


ALTER FUNCTION lockstep.repair_user_all(p_actor_id bigint, p_user_id bigint, p_direction text, p_reason text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION repair_user_all(p_actor_id bigint, p_user_id bigint, p_direction text, p_reason text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.repair_user_all(p_actor_id bigint, p_user_id bigint, p_direction text, p_reason text) IS 'sync_user_all() by a person who signed in: an instructor for their students, an admin for anybody.

Raises LS032 not their student, and what sync_user_all() raises.
Locks specialization_progress, then user_licenses, by specialization.';


--
-- Name: request_run(bigint, text, text, bigint, bigint, boolean, text, jsonb); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.request_run(p_actor_id bigint, p_direction text, p_specialization_id text DEFAULT NULL::text, p_user_id bigint DEFAULT NULL::bigint, p_limit bigint DEFAULT NULL::bigint, p_dry_run boolean DEFAULT true, p_reason text DEFAULT NULL::text, p_pairs jsonb DEFAULT NULL::jsonb) RETURNS lockstep.sync_runs
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_run lockstep.sync_runs;
begin
    v_run := lockstep.plan_sync(p_direction, p_specialization_id, p_user_id, p_limit, p_actor_id, p_reason, p_pairs);

    if p_dry_run is false then
        v_run := lockstep.start_sync(v_run.id, p_actor_id);
        perform lockstep.leave_run(v_run.id);
    end if;

    return v_run;
end;
$$;


ALTER FUNCTION lockstep.request_run(p_actor_id bigint, p_direction text, p_specialization_id text, p_user_id bigint, p_limit bigint, p_dry_run boolean, p_reason text, p_pairs jsonb) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION request_run(p_actor_id bigint, p_direction text, p_specialization_id text, p_user_id bigint, p_limit bigint, p_dry_run boolean, p_reason text, p_pairs jsonb); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.request_run(p_actor_id bigint, p_direction text, p_specialization_id text, p_user_id bigint, p_limit bigint, p_dry_run boolean, p_reason text, p_pairs jsonb) IS 'plan_sync() by an admin who signed in; unless it is a dry run, the run is under way then, for work_on_run().

Returns the run: planned, running, or skipped when another run over many users is under way.
Raises what plan_sync() raises. Locks the run.';


--
-- Name: request_undo(bigint, bigint, boolean, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.request_undo(p_actor_id bigint, p_run_id bigint, p_dry_run boolean DEFAULT false, p_reason text DEFAULT NULL::text) RETURNS lockstep.sync_runs
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_run lockstep.sync_runs;
begin
    v_run := lockstep.plan_undo(p_run_id, p_actor_id, p_reason);

    if p_dry_run is false then
        v_run := lockstep.start_sync(v_run.id, p_actor_id);
        perform lockstep.leave_run(v_run.id);
    end if;

    return v_run;
end;
$$;


ALTER FUNCTION lockstep.request_undo(p_actor_id bigint, p_run_id bigint, p_dry_run boolean, p_reason text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION request_undo(p_actor_id bigint, p_run_id bigint, p_dry_run boolean, p_reason text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.request_undo(p_actor_id bigint, p_run_id bigint, p_dry_run boolean, p_reason text) IS 'plan_undo() by an admin who signed in; unless it is a dry run, the undo is under way then, for work_on_run().

Returns the undo''s run: planned, running, or skipped when another run over many users is under way.
Raises what plan_undo() raises. Locks both runs.';


--
-- Name: requeue_level_up(bigint, bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.requeue_level_up(p_user_id bigint, p_entry_id bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    update lockstep.queued_level_ups as entry
    set set_aside_at = null,
        attempts = 0,
        try_after = null
    where entry.user_id = p_user_id
        and entry.id = p_entry_id
        and entry.set_aside_at is not null;

    if not found then
        raise exception using
            errcode = 'LS070',
            message = 'no such entry is set aside',
            detail = format('user_id=%s entry_id=%s', p_user_id, p_entry_id),
            hint = 'See lockstep.queue_set_aside.';
    end if;

    perform pg_notify('lockstep_queue', '');
    return p_entry_id;
end;
$$;


ALTER FUNCTION lockstep.requeue_level_up(p_user_id bigint, p_entry_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION requeue_level_up(p_user_id bigint, p_entry_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.requeue_level_up(p_user_id bigint, p_entry_id bigint) IS 'Puts an entry that was set aside back into the queue, in its old place, with three tries. Returns its id.

Raises LS070 when no such entry is set aside.';


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
        p_advanced_by => coalesce(p_run.applied_by, p_run.requested_by),
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
-- Name: restore_project(bigint, bigint, integer); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.restore_project(p_actor_id bigint, p_project_id bigint, p_expected_version integer DEFAULT NULL::integer) RETURNS lockstep.project_state
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_locked lockstep.locked_project;
    v_project lockstep.projects;
begin
    v_locked := lockstep.lock_project(p_actor_id, p_project_id, 'ADMIN', p_deleted => true);
    v_project := v_locked.project;

    if v_project.deleted_at is not null then
        -- Nobody overwrites anything here, so a version need not be named.
        if p_expected_version is not null then
            perform lockstep.check_version(v_project, v_locked.permission, p_expected_version);
        end if;

        update lockstep.projects as project
        set deleted_at = null,
            restored_from = null,
            modified_by = p_actor_id
        where project.user_id = v_project.user_id
            and project.id = v_project.id
        returning project.* into v_project;
    end if;

    return lockstep.describe_project(v_project, v_locked.permission);
end;
$$;


ALTER FUNCTION lockstep.restore_project(p_actor_id bigint, p_project_id bigint, p_expected_version integer) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION restore_project(p_actor_id bigint, p_project_id bigint, p_expected_version integer); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.restore_project(p_actor_id bigint, p_project_id bigint, p_expected_version integer) IS 'Brings a deleted project back: a new version. One that is not deleted stays as it is.

Raises LS050 no such project, LS051 permission too low, LS052 modified by another.
Locks the project''s row.';


--
-- Name: restore_revision(bigint, bigint, integer, integer); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.restore_revision(p_actor_id bigint, p_project_id bigint, p_version integer, p_expected_version integer DEFAULT NULL::integer) RETURNS lockstep.project_state
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_locked lockstep.locked_project;
    v_project lockstep.projects;
    v_revision lockstep.project_revisions;
begin
    -- Lock order, everywhere: the project's row, then blobs (the foreign key locks it).
    v_locked := lockstep.lock_project(p_actor_id, p_project_id, 'WRITE');
    v_project := v_locked.project;
    perform lockstep.check_version(v_project, v_locked.permission, p_expected_version);
    v_revision := lockstep.find_revision(v_project, p_version);

    update lockstep.projects as project
    set title = v_revision.title,
        description = v_revision.description,
        file_sha256 = v_revision.file_sha256,
        file_name = v_revision.file_name,
        restored_from = v_revision.version,
        modified_by = p_actor_id
    where project.user_id = v_project.user_id
        and project.id = v_project.id
    returning project.* into v_project;

    return lockstep.describe_project(v_project, v_locked.permission);
end;
$$;


ALTER FUNCTION lockstep.restore_revision(p_actor_id bigint, p_project_id bigint, p_version integer, p_expected_version integer) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION restore_revision(p_actor_id bigint, p_project_id bigint, p_version integer, p_expected_version integer); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.restore_revision(p_actor_id bigint, p_project_id bigint, p_version integer, p_expected_version integer) IS 'Brings title, description and file of an earlier version back: a new version, and nothing is lost.

Raises LS050 no such project, LS051 permission too low, LS052 modified by another, LS053 no version named, LS054 no
such version.
Locks the project''s row, then the blob.';


--
-- Name: retry_mails(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.retry_mails() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_retried bigint;
begin
    update lockstep.incident_mails as mail
    set set_aside_at = null,
        attempts = 0,
        try_after = clock_timestamp()
    where mail.set_aside_at is not null;

    get diagnostics v_retried = row_count;
    return v_retried;
end;
$$;


ALTER FUNCTION lockstep.retry_mails() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION retry_mails(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.retry_mails() IS 'Puts every mail that was set aside back, to be delivered now, with as many attempts as before. Returns how many. Locks them.';


--
-- Name: sample_monitoring(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.sample_monitoring() RETURNS lockstep.monitoring_samples
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_sample lockstep.monitoring_samples;
    v_before timestamptz;
begin
    -- One sampler at a time: another waits here, and what was counted for this one is not counted for it.
    perform from lockstep.settings as setting
    where setting.name = 'sample_retention'
    for no key update;

    v_before := (
        select coalesce(max(sample.sampled_at), '-infinity')
        from lockstep.monitoring_samples as sample
    );

    insert into lockstep.monitoring_samples (
        connections, active, idle, idle_in_transaction, waiting, longest_wait, lock_breaches,
        requests, errors, conflicts, retries
    )
    select
        usage.connections, usage.active, usage.idle, usage.idle_in_transaction, wait.waiting, wait.longest,
        given_up.breaches, answered.requests, answered.errors, answered.conflicts, answered.retries
    from (
        select
            sum(one.total) as connections,
            sum(one.active) as active,
            sum(one.idle) as idle,
            sum(one.idle_in_transaction) as idle_in_transaction
        from lockstep.find_pool_usage() as one
    ) as usage
    cross join (
        select count(*) as waiting, coalesce(max(one.waited), '0') as longest
        from lockstep.find_lock_waits() as one
    ) as wait
    cross join (
        select count(*) as breaches
        from lockstep.lock_breaches as one
        where one.noticed_at > v_before
    ) as given_up
    cross join (
        select
            coalesce(sum(one.requests), 0) as requests,
            coalesce(sum(one.errors), 0) as errors,
            coalesce(sum(one.conflicts), 0) as conflicts,
            coalesce(sum(one.retries), 0) as retries
        from lockstep.request_counts as one
        where one.noted_at > v_before
    ) as answered
    returning * into v_sample;

    perform lockstep.record_breaches(v_sample.sampled_at);
    perform lockstep.purge_monitoring();

    return v_sample;
end;
$$;


ALTER FUNCTION lockstep.sample_monitoring() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION sample_monitoring(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.sample_monitoring() IS 'Looks at connections, locks and requests, and records the look, and each threshold that is reached with its cause.

For the job of every five minutes and for flask monitor. Two at once: one after the other. Returns the sample.
Purges what is past its retention. Locks the setting sample_retention, then kinds of incidents.';


--
-- Name: set_level(bigint, bigint, text, integer, bigint, integer, integer, numeric, numeric, text, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.set_level(p_actor_id bigint, p_user_id bigint, p_specialization_id text, p_new_level integer, p_xp_change bigint DEFAULT 0, p_sessions_change integer DEFAULT 0, p_projects_change integer DEFAULT 0, p_theory_hours_change numeric DEFAULT 0, p_practice_hours_change numeric DEFAULT 0, p_reason text DEFAULT NULL::text, p_idempotency_key text DEFAULT NULL::text) RETURNS lockstep.level_change
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    perform lockstep.check_access(p_actor_id, p_user_id, p_changes => true);
    perform lockstep.check_not_erased(p_user_id);

    return lockstep.update_level(
        p_user_id => p_user_id,
        p_specialization_id => p_specialization_id,
        p_new_level => p_new_level,
        p_xp_change => p_xp_change,
        p_sessions_change => p_sessions_change,
        p_projects_change => p_projects_change,
        p_theory_hours_change => p_theory_hours_change,
        p_practice_hours_change => p_practice_hours_change,
        p_advanced_by => p_actor_id,
        p_reason => p_reason,
        p_idempotency_key => p_idempotency_key
    );
end;
$$;


ALTER FUNCTION lockstep.set_level(p_actor_id bigint, p_user_id bigint, p_specialization_id text, p_new_level integer, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_reason text, p_idempotency_key text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION set_level(p_actor_id bigint, p_user_id bigint, p_specialization_id text, p_new_level integer, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_reason text, p_idempotency_key text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.set_level(p_actor_id bigint, p_user_id bigint, p_specialization_id text, p_new_level integer, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_reason text, p_idempotency_key text) IS 'update_level() by a person who signed in: an instructor of their students, an admin of anybody.

Raises LS032 not their student, LS043 erased, and what update_level() raises.
Locks the key, then specialization_progress, then user_licenses.';


--
-- Name: set_password(text, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.set_password(p_email text, p_password_hash text) RETURNS lockstep.users
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_person lockstep.users;
begin
    select person.*
    into v_person
    from lockstep.users as person
    where lower(person.email) = lower(p_email);

    if not found then
        raise exception using
            errcode = 'LS001',
            message = 'user not found',
            detail = format('email=%s', coalesce(p_email, 'null')),
            hint = 'See lockstep.users for those that exist.';
    end if;

    perform lockstep.write_password(v_person.id, p_password_hash);
    perform lockstep.end_sessions(v_person.id, 'password_changed');

    return v_person;
end;
$$;


ALTER FUNCTION lockstep.set_password(p_email text, p_password_hash text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION set_password(p_email text, p_password_hash text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.set_password(p_email text, p_password_hash text) IS 'Gives the person with this e-mail address a password, and ends their sessions. For the operator, on the console.

Returns the person. Raises LS001 no such user, 23514 not an argon2id hash. Locks the person, then the sessions.';


--
-- Name: share_project(bigint, bigint, lockstep.project_permission, bigint, bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.share_project(p_actor_id bigint, p_project_id bigint, p_permission lockstep.project_permission, p_user_id bigint DEFAULT NULL::bigint, p_group_id bigint DEFAULT NULL::bigint) RETURNS lockstep.share_state
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_project lockstep.projects;
    v_share lockstep.project_shares;
begin
    v_project := (lockstep.lock_project(p_actor_id, p_project_id, 'ADMIN')).project;

    if p_permission is null or num_nonnulls(p_user_id, p_group_id) <> 1 or p_user_id = v_project.user_id then
        raise exception using
            errcode = 'LS006',
            message = 'invalid argument',
            detail = format('permission=%s user_id=%s group_id=%s', p_permission, p_user_id, p_group_id),
            hint = 'Share with one user or one group, not with the owner: READ, WRITE or ADMIN.';
    end if;

    if p_user_id is not null then
        perform lockstep.check_user(p_user_id);
    else
        perform lockstep.check_group(p_actor_id, p_group_id);
    end if;

    -- Raised, never lowered: of many grants at once none is lost. The project's row is held, so this is no race.
    update lockstep.project_shares as share
    set permission = greatest(share.permission, p_permission),
        granted_by = case when share.permission < p_permission then p_actor_id else share.granted_by end,
        modified_at = case when share.permission < p_permission then clock_timestamp() else share.modified_at end
    where share.user_id = v_project.user_id
        and share.project_id = v_project.id
        and (share.grantee_user_id = p_user_id or share.grantee_group_id = p_group_id)
    returning share.* into v_share;

    if not found then
        insert into lockstep.project_shares (
            user_id, project_id, grantee_user_id, grantee_group_id, permission, granted_by
        )
        values (v_project.user_id, v_project.id, p_user_id, p_group_id, p_permission, p_actor_id)
        returning * into v_share;
    end if;

    return lockstep.describe_share(v_share);
end;
$$;


ALTER FUNCTION lockstep.share_project(p_actor_id bigint, p_project_id bigint, p_permission lockstep.project_permission, p_user_id bigint, p_group_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION share_project(p_actor_id bigint, p_project_id bigint, p_permission lockstep.project_permission, p_user_id bigint, p_group_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.share_project(p_actor_id bigint, p_project_id bigint, p_permission lockstep.project_permission, p_user_id bigint, p_group_id bigint) IS 'Grants a permission on a project to a user or to a group. A higher one stays: take it back to lower it.

Raises LS050 no such project, LS051 permission too low, LS001 no such user, LS006 invalid argument, LS045 no
such group, or not the actor''s.
Locks the project''s row.';


--
-- Name: adoption_staging; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE UNLOGGED TABLE lockstep.adoption_staging (
    table_name text NOT NULL,
    source_id text NOT NULL,
    content jsonb NOT NULL,
    file_sha256 text,
    file_bytes bigint,
    file_fault text,
    hash text GENERATED ALWAYS AS (md5(((content)::text || COALESCE(file_sha256, file_fault, ''::text)))) STORED,
    user_id bigint,
    specialization_id text,
    actor_id bigint,
    outcome text,
    reasons text[] DEFAULT '{}'::text[] NOT NULL,
    state text,
    figures numeric[],
    times timestamp with time zone[],
    level_found numeric,
    level_kept integer,
    xp_found numeric,
    xp_kept bigint,
    target_id text,
    done boolean DEFAULT false NOT NULL
);


ALTER TABLE lockstep.adoption_staging OWNER TO lockstep_owner;

--
-- Name: TABLE adoption_staging; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.adoption_staging IS 'The rows of a source while it is adopted, each with what is to become of it; empty otherwise.';


--
-- Name: COLUMN adoption_staging.source_id; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adoption_staging.source_id IS 'The id of the row in the source, as text.';


--
-- Name: COLUMN adoption_staging.content; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adoption_staging.content IS 'The whole row.';


--
-- Name: COLUMN adoption_staging.file_sha256; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adoption_staging.file_sha256 IS 'Of the file of a project or an asset, in hex.';


--
-- Name: COLUMN adoption_staging.file_bytes; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adoption_staging.file_bytes IS 'The length of that file.';


--
-- Name: COLUMN adoption_staging.file_fault; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adoption_staging.file_fault IS 'Why the file of a project or an asset cannot be taken.';


--
-- Name: COLUMN adoption_staging.hash; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adoption_staging.hash IS 'Of the row and its file: tells whether it changed since it was adopted.';


--
-- Name: COLUMN adoption_staging.user_id; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adoption_staging.user_id IS 'Whose it is here: a user who is there, or will be.';


--
-- Name: COLUMN adoption_staging.actor_id; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adoption_staging.actor_id IS 'Who did it, of a history row: a user here.';


--
-- Name: COLUMN adoption_staging.outcome; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adoption_staging.outcome IS 'What is to become of it, in the words of adopted_rows.';


--
-- Name: COLUMN adoption_staging.reasons; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adoption_staging.reasons IS 'What is wrong with it, in the words of adopted_rows.';


--
-- Name: COLUMN adoption_staging.state; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adoption_staging.state IS 'new, changed, or unchanged since it was adopted.';


--
-- Name: COLUMN adoption_staging.figures; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adoption_staging.figures IS 'Of a progress row or a license: level, XP, sessions, projects, hours of theory, of practice, highest level.';


--
-- Name: COLUMN adoption_staging.times; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adoption_staging.times IS 'Of a progress row or a license: last activity, made, changed, started, last advanced.';


--
-- Name: COLUMN adoption_staging.level_found; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adoption_staging.level_found IS 'The level as the source has it.';


--
-- Name: COLUMN adoption_staging.level_kept; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adoption_staging.level_kept IS 'The level as it is to stand here.';


--
-- Name: COLUMN adoption_staging.xp_found; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adoption_staging.xp_found IS 'XP as the source has it.';


--
-- Name: COLUMN adoption_staging.xp_kept; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adoption_staging.xp_kept IS 'XP as it is to stand here.';


--
-- Name: COLUMN adoption_staging.target_id; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adoption_staging.target_id IS 'The id of the row here, where the row alone does not tell it.';


--
-- Name: COLUMN adoption_staging.done; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adoption_staging.done IS 'It stands in adopted_rows.';


--
-- Name: staged_file(text, text, bytea); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.staged_file(p_table_name text, p_source_id text, p_content bytea) RETURNS lockstep.adoption_staging
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_staged lockstep.adoption_staging;
begin
    select staged.*
    into v_staged
    from lockstep.adoption_staging as staged
    where staged.table_name = p_table_name
        and staged.source_id = p_source_id
        and staged.outcome in ('imported', 'repaired')
        and not staged.done;

    if v_staged.file_sha256 is distinct from encode(sha256(p_content), 'hex') then
        raise exception using
            errcode = 'LS096',
            message = 'a file is not the one that was planned',
            detail = format('%s %s', p_table_name, p_source_id),
            hint = 'Adopt again: it is read anew.';
    end if;

    return v_staged;
end;
$$;


ALTER FUNCTION lockstep.staged_file(p_table_name text, p_source_id text, p_content bytea) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION staged_file(p_table_name text, p_source_id text, p_content bytea); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.staged_file(p_table_name text, p_source_id text, p_content bytea) IS 'The staged row of a project or an asset whose file comes over now.

Raises LS096 when the content is not the one that was planned, or nothing is planned.';


--
-- Name: stamp_project(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_owner
--

CREATE FUNCTION lockstep.stamp_project() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    if new.user_id <> old.user_id or new.id <> old.id then
        raise exception using
            errcode = 'LS058',
            message = 'a project cannot move to another owner',
            detail = format('user_id=%s project_id=%s', old.user_id, old.id),
            hint = 'Let the other copy it: copy_project().';
    end if;

    new.version := old.version + 1;
    new.created_at := old.created_at;
    new.modified_at := clock_timestamp();

    -- Raw SQL that does not say who it is for is nobody's, not the last writer's.
    if current_user <> 'lockstep_coupler' then
        new.modified_by := case when new.modified_by is distinct from old.modified_by then new.modified_by end;
        new.restored_from := null;
    end if;

    return new;
end;
$$;


ALTER FUNCTION lockstep.stamp_project() OWNER TO lockstep_owner;

--
-- Name: FUNCTION stamp_project(); Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON FUNCTION lockstep.stamp_project() IS 'Raises the version of a project with every update, whatever wrote it, and says when.

Raises LS058 when the project would move to another owner or id.';


--
-- Name: adoption_runs; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.adoption_runs (
    id bigint NOT NULL,
    source text NOT NULL,
    timezone text NOT NULL,
    direction text NOT NULL,
    started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    ended_at timestamp with time zone,
    sums jsonb,
    CONSTRAINT ck_adoption_runs_direction CHECK ((direction = ANY (ARRAY['to_higher_level'::text, 'progress_to_license'::text, 'license_to_progress'::text])))
);


ALTER TABLE lockstep.adoption_runs OWNER TO lockstep_owner;

--
-- Name: TABLE adoption_runs; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.adoption_runs IS 'Adoptions: each reads a source once, and brings over what is new or changed in it.';


--
-- Name: COLUMN adoption_runs.source; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adoption_runs.source IS 'The name of the source: rows of it are known by it.';


--
-- Name: COLUMN adoption_runs.timezone; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adoption_runs.timezone IS 'The zone in which times of the source that name none are read.';


--
-- Name: COLUMN adoption_runs.direction; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adoption_runs.direction IS 'How pairs out of step are repaired on the way.';


--
-- Name: COLUMN adoption_runs.ended_at; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adoption_runs.ended_at IS 'Null: under way, or interrupted. The next adoption brings the rest.';


--
-- Name: COLUMN adoption_runs.sums; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adoption_runs.sums IS 'What was found and what became of it, by table.';


--
-- Name: CONSTRAINT ck_adoption_runs_direction ON adoption_runs; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_adoption_runs_direction ON lockstep.adoption_runs IS 'The directions of a repair.';


--
-- Name: start_adoption(text, text, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.start_adoption(p_source text, p_timezone text, p_direction text) RETURNS lockstep.adoption_runs
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_run lockstep.adoption_runs;
    v_sequence constant regclass := pg_get_serial_sequence('lockstep.users', 'id')::regclass;
begin
    insert into lockstep.adoption_runs (source, timezone, direction)
    values (p_source, p_timezone, p_direction)
    returning * into v_run;

    -- Users keep their ids: whoever signs up meanwhile gets one after them.
    perform setval(v_sequence, greatest(nextval(v_sequence), (
        select max(staged.user_id)
        from lockstep.adoption_staging as staged
        where staged.table_name = 'users'
    )));

    return v_run;
end;
$$;


ALTER FUNCTION lockstep.start_adoption(p_source text, p_timezone text, p_direction text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION start_adoption(p_source text, p_timezone text, p_direction text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.start_adoption(p_source text, p_timezone text, p_direction text) IS 'Enters an adoption that is planned already into the ledger, and keeps the ids of its users free.

Raises 23514 for another direction.';


--
-- Name: credentials; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.credentials (
    user_id bigint NOT NULL,
    password_hash text NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ck_credentials_password_hash CHECK ((password_hash ~~ '$argon2id$%'::text))
);


ALTER TABLE lockstep.credentials OWNER TO lockstep_owner;

--
-- Name: TABLE credentials; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.credentials IS 'Passwords, as argon2id hashes; who signs in elsewhere only has none.';


--
-- Name: COLUMN credentials.password_hash; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.credentials.password_hash IS 'In the PHC string format, parameters and salt included.';


--
-- Name: CONSTRAINT ck_credentials_password_hash ON credentials; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_credentials_password_hash ON lockstep.credentials IS 'A password in clear, or hashed in another way, is refused.';


--
-- Name: start_password_change(bigint, inet); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.start_password_change(p_actor_id bigint, p_address inet) RETURNS lockstep.credentials
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select found.*
    from lockstep.users as person
    cross join lateral lockstep.start_sign_in(person.email, p_address) as found
    where person.id = p_actor_id;
$$;


ALTER FUNCTION lockstep.start_password_change(p_actor_id bigint, p_address inet) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION start_password_change(p_actor_id bigint, p_address inet); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.start_password_change(p_actor_id bigint, p_address inet) IS 'start_sign_in() for somebody who has a session: who found it open may not guess the password for ever either.

Raises LS033 after too many failures. Locks the counts, account before address.';


--
-- Name: start_session(bigint, inet, bytea); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.start_session(p_user_id bigint, p_address inet, p_token_hash bytea) RETURNS lockstep.signed_in
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_person lockstep.users;
    v_session_id uuid;
begin
    v_person := lockstep.lock_person(p_user_id);

    insert into lockstep.sessions (user_id, expires_at, address)
    values (v_person.id, now() + lockstep.setting('session_lifetime')::interval, p_address)
    returning id into v_session_id;

    insert into lockstep.refresh_tokens (user_id, token_hash, session_id)
    values (v_person.id, p_token_hash, v_session_id);

    return row(v_person.id, v_session_id, v_person.role, null::text);
end;
$$;


ALTER FUNCTION lockstep.start_session(p_user_id bigint, p_address inet, p_token_hash bytea) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION start_session(p_user_id bigint, p_address inet, p_token_hash bytea); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.start_session(p_user_id bigint, p_address inet, p_token_hash bytea) IS 'Starts a session of somebody of whom it is known who they are, with its first refresh token.

Raises LS030 account not active, 23514 not a hash of 32 bytes. Locks the person.';


--
-- Name: start_sign_in(text, inet); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.start_sign_in(p_email text, p_address inet) RETURNS lockstep.credentials
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_known lockstep.credentials;
begin
    perform lockstep.count_attempt(
        'account', lower(p_email), lockstep.setting('sign_in_free_failures')::integer
    );

    if p_address is not null then
        perform lockstep.count_attempt(
            'address', lockstep.network_of(p_address), lockstep.setting('sign_in_free_failures_address')::integer
        );
    end if;

    select credential.*
    into v_known
    from lockstep.users as person
    inner join lockstep.credentials as credential on credential.user_id = person.id
    where lower(person.email) = lower(p_email)
        and person.is_active;

    return v_known;
end;
$$;


ALTER FUNCTION lockstep.start_sign_in(p_email text, p_address inet) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION start_sign_in(p_email text, p_address inet); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.start_sign_in(p_email text, p_address inet) IS 'Counts an attempt to sign in, of the account and of the address, and says what the password is compared with.

It is counted as failed before anybody looks at the password, so that guesses in parallel count too: commit it,
then compare; finish_sign_in() takes it back. Returns nulls where nobody active has this e-mail address and a
password, after the same work. Raises LS033 after too many failures, 23502 for no e-mail address.
Locks the counts, account before address.';


--
-- Name: start_sync(bigint, bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.start_sync(p_run_id bigint, p_applied_by bigint DEFAULT NULL::bigint) RETURNS lockstep.sync_runs
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_run lockstep.sync_runs;
begin
    if p_applied_by is not null then
        perform lockstep.check_user(p_applied_by);
    end if;

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

    -- Over HTTP a run is nobody's between two requests: then whoever asks goes on with it.
    if v_run.status = 'running'
        and (v_run.worker is not null or v_run.backend_pid is not null)
        and lockstep.is_alive(v_run)
    then
        raise exception using
            errcode = 'LS017',
            message = 'run is under way',
            detail = format(
                'run_id=%s held by %s', p_run_id,
                coalesce('server process ' || v_run.backend_pid, 'an HTTP request')
            ),
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
            worker = null,
            message = null,
            applied_by = p_applied_by,
            applied_role = coalesce(nullif(current_setting('role'), 'none'), session_user),
            applied_application = current_setting('application_name')
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


ALTER FUNCTION lockstep.start_sync(p_run_id bigint, p_applied_by bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION start_sync(p_run_id bigint, p_applied_by bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.start_sync(p_run_id bigint, p_applied_by bigint) IS 'Takes a planned run into work, or one whose worker died or let it go: it goes on where that stopped.

The run keeps who did: p_applied_by, the role and the application_name of the session.
Returns the run: running, or skipped when another run over many users is under way.
Raises LS001 no such actor, LS015 no such run, LS016 already finished, LS017 somebody is working on it.
Locks the run.';


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
-- Name: store_blob(bytea, bytea, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.store_blob(p_sha256 bytea, p_content bytea, p_limit text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    if length(p_content) > lockstep.setting(p_limit)::bigint then
        raise exception using
            errcode = 'LS055',
            message = 'the content is too large',
            detail = format('%s bytes, at most %s', length(p_content), lockstep.setting(p_limit)),
            hint = 'The limits are settings: project_file_limit and asset_limit.';
    end if;

    -- Once is enough, unless a sweep takes the blob between the two statements.
    for v_attempt in 1..3 loop
        insert into lockstep.blobs (sha256, content)
        values (p_sha256, p_content)
        on conflict do nothing;

        -- Shared, for many may refer to one content at once; a sweep that has it goes first.
        perform
        from lockstep.blobs as blob
        where blob.sha256 = p_sha256
        for key share;

        if found then
            return;
        end if;
    end loop;

    raise exception using
        errcode = 'serialization_failure',
        message = 'the content vanished while it was being stored',
        detail = format('sha256=%s', encode(p_sha256, 'hex')),
        hint = 'Retry; if it comes back, look for a trigger that suppresses inserts.';
end;
$$;


ALTER FUNCTION lockstep.store_blob(p_sha256 bytea, p_content bytea, p_limit text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION store_blob(p_sha256 bytea, p_content bytea, p_limit text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.store_blob(p_sha256 bytea, p_content bytea, p_limit text) IS 'Stores a content, unless it is there, and holds it for the rest of the transaction. p_limit: a setting, in bytes.

Raises LS055 too large, 23514 when p_sha256 is not that of the content, 40001 (retry) when sweeps take it again
and again. Waits for another who stores the same. Locks the blob: after the project''s row; of several the
lowest hash first.';


--
-- Name: sweep_blobs(integer); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.sweep_blobs(p_limit integer DEFAULT 10000) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_found bytea[];
    v_swept bigint;
begin
    -- Whoever refers to a blob in an open transaction holds it: those are passed over.
    v_found := array(
        select blob.sha256
        from lockstep.blobs as blob
        where not lockstep.blob_is_used(blob.sha256)
        order by blob.sha256
        limit p_limit
        for update skip locked
    );

    -- Asked again: a statement of its own sees what was committed before the lock was there.
    delete from lockstep.blobs as blob
    where blob.sha256 = any (v_found)
        and not lockstep.blob_is_used(blob.sha256);

    get diagnostics v_swept = row_count;
    return v_swept;
end;
$$;


ALTER FUNCTION lockstep.sweep_blobs(p_limit integer) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION sweep_blobs(p_limit integer); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.sweep_blobs(p_limit integer) IS 'Deletes contents that nothing refers to, at most p_limit; returns how many. None that is referred to can go:
what is being stored is passed over, and the foreign keys refuse the rest.

Raises 23001 or 23503 under REPEATABLE READ, when a reference came after its snapshot.
Locks the blobs, the lowest hash first; waits for nobody.';


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

    perform lockstep.start_sync(run_id, p_requested_by);
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
    perform pg_sleep_for(lockstep.batch_pause(p_attempts));
end;
$$;


ALTER FUNCTION lockstep.sync_pause(p_attempts integer) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION sync_pause(p_attempts integer); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.sync_pause(p_attempts integer) IS 'Pauses between two batches, as long as batch_pause() says.';


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
    perform lockstep.start_sync(v_run.id, p_requested_by);

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
    perform lockstep.start_sync(undo_run_id, p_requested_by);
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
-- Name: unlink_identity(bigint, bigint, text, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.unlink_identity(p_actor_id bigint, p_user_id bigint, p_issuer text, p_subject text) RETURNS SETOF lockstep.identities
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    perform lockstep.lock_account(p_actor_id, p_user_id);

    delete from lockstep.identities as identity
    where identity.issuer = p_issuer
        and identity.subject = p_subject
        and identity.user_id = p_user_id;

    return query
    select identity.*
    from lockstep.identities as identity
    where identity.user_id = p_user_id
    order by identity.issuer, identity.subject;
end;
$$;


ALTER FUNCTION lockstep.unlink_identity(p_actor_id bigint, p_user_id bigint, p_issuer text, p_subject text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION unlink_identity(p_actor_id bigint, p_user_id bigint, p_issuer text, p_subject text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.unlink_identity(p_actor_id bigint, p_user_id bigint, p_issuer text, p_subject text) IS 'Takes an identity at an OpenID provider from a person, by an admin. Sessions that it began go on.

Returns the identities that are left; one that the person does not have changes nothing.
Raises LS001 no such user, LS031 the actor is no admin. Locks the user''s row.';


--
-- Name: unshare_project(bigint, bigint, bigint, bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.unshare_project(p_actor_id bigint, p_project_id bigint, p_user_id bigint DEFAULT NULL::bigint, p_group_id bigint DEFAULT NULL::bigint) RETURNS lockstep.share_state
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_project lockstep.projects;
    v_share lockstep.project_shares;
begin
    v_project := (lockstep.lock_project(
        p_actor_id, p_project_id,
        -- Whoever it was shared with may leave.
        case when p_user_id = p_actor_id then 'READ' else 'ADMIN' end::lockstep.project_permission
    )).project;

    delete from lockstep.project_shares as share
    where share.user_id = v_project.user_id
        and share.project_id = v_project.id
        and (share.grantee_user_id = p_user_id or share.grantee_group_id = p_group_id)
    returning share.* into v_share;

    if not found then
        raise exception using
            errcode = 'LS059',
            message = 'share not found',
            detail = format('project_id=%s user_id=%s group_id=%s', p_project_id, p_user_id, p_group_id),
            hint = 'See list_shares() for those that exist.';
    end if;

    return lockstep.describe_share(v_share);
end;
$$;


ALTER FUNCTION lockstep.unshare_project(p_actor_id bigint, p_project_id bigint, p_user_id bigint, p_group_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION unshare_project(p_actor_id bigint, p_project_id bigint, p_user_id bigint, p_group_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.unshare_project(p_actor_id bigint, p_project_id bigint, p_user_id bigint, p_group_id bigint) IS 'Takes back what was granted on a project to a user or to a group; returns what that was.

Raises LS050 no such project, LS051 permission too low, LS059 no such share.
Locks the project''s row: a write that waits for this is asked for its permission afterwards.';


--
-- Name: update_level(bigint, text, integer, bigint, integer, integer, numeric, numeric, bigint, text, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.update_level(p_user_id bigint, p_specialization_id text, p_new_level integer, p_xp_change bigint DEFAULT 0, p_sessions_change integer DEFAULT 0, p_projects_change integer DEFAULT 0, p_theory_hours_change numeric DEFAULT 0, p_practice_hours_change numeric DEFAULT 0, p_advanced_by bigint DEFAULT NULL::bigint, p_reason text DEFAULT NULL::text, p_idempotency_key text DEFAULT NULL::text) RETURNS lockstep.level_change
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_now timestamptz;
    v_pair record;
    v_stored jsonb;
    v_answer lockstep.level_change;
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

    if p_idempotency_key is not null then
        v_stored := lockstep.claim_idempotency_key(
            p_user_id, p_idempotency_key, 'update_level',
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

        v_answer := lockstep.update_level(
            p_user_id, p_specialization_id, p_new_level, p_xp_change, p_sessions_change, p_projects_change,
            p_theory_hours_change, p_practice_hours_change, p_advanced_by, p_reason
        );
        perform lockstep.store_answer(p_user_id, p_idempotency_key, to_jsonb(v_answer));
        return v_answer;
    end if;

    -- The ordinary change: a pair in step, another level that exists, no total below 0.
    -- Lock order, everywhere: specialization_progress, then user_licenses.
    select
        progress.current_level as old_level,
        progress.total_xp + p_xp_change as total_xp,
        progress.completed_sessions + p_sessions_change as sessions,
        progress.completed_projects + p_projects_change as projects,
        (progress.theory_hours_completed + p_theory_hours_change)::numeric(8, 2) as theory_hours,
        (progress.practice_hours_completed + p_practice_hours_change)::numeric(8, 2) as practice_hours,
        license.id as license_id,
        greatest(license.max_achieved_level, p_new_level) as max_achieved_level
    into v_pair
    from lockstep.specialization_progress as progress
    inner join lockstep.user_licenses as license
        on license.user_id = progress.student_id
        and license.specialization_type = progress.specialization_id
        and license.current_level = progress.current_level
    where progress.student_id = p_user_id
        and progress.specialization_id = p_specialization_id
        and progress.current_level <> p_new_level
        and exists (
            select from lockstep.specialization_levels as level
            where level.specialization_id = p_specialization_id
                and level.level = p_new_level
                and (level.theory_hours is not null or (p_theory_hours_change = 0 and p_practice_hours_change = 0))
        )
    for no key update of progress
    for no key update of license;

    if found and least(
        v_pair.total_xp, v_pair.sessions, v_pair.projects, v_pair.theory_hours, v_pair.practice_hours
    ) >= 0 then
        if p_advanced_by is not null then
            perform lockstep.check_user(p_advanced_by);
        end if;

        -- After the locks, so that the times of a pair's changes follow one another.
        v_now := clock_timestamp();

        -- One statement, so that constraints set immediate see both sides or none.
        with progress as (
            update lockstep.specialization_progress as progress
            set current_level = p_new_level,
                total_xp = v_pair.total_xp,
                completed_sessions = v_pair.sessions,
                completed_projects = v_pair.projects,
                theory_hours_completed = v_pair.theory_hours,
                practice_hours_completed = v_pair.practice_hours,
                last_activity = v_now,
                updated_at = v_now
            where progress.student_id = p_user_id
                and progress.specialization_id = p_specialization_id
        ),

        license as (
            update lockstep.user_licenses as license
            set current_level = p_new_level,
                max_achieved_level = v_pair.max_achieved_level,
                last_advanced_at = v_now,
                updated_at = v_now
            where license.user_id = p_user_id
                and license.specialization_type = p_specialization_id
        )

        insert into lockstep.license_progressions (
            user_id, user_license_id, from_level, to_level, advanced_by, advancement_reason, advanced_at, route
        )
        values (
            p_user_id, v_pair.license_id, v_pair.old_level, p_new_level, p_advanced_by, p_reason, v_now,
            'function'
        );

        return row(
            p_user_id, p_specialization_id, v_pair.old_level, p_new_level, v_pair.old_level, p_new_level,
            v_pair.max_achieved_level, v_pair.total_xp, v_pair.sessions, v_pair.projects,
            v_pair.theory_hours, v_pair.practice_hours, p_xp_change, p_sessions_change, true, false, false,
            format('Level changed from %s to %s', v_pair.old_level, p_new_level)
        )::lockstep.level_change;
    end if;

    return lockstep.change_pair(
        p_user_id, p_specialization_id, p_new_level, p_xp_change, p_sessions_change, p_projects_change,
        p_theory_hours_change, p_practice_hours_change, p_advanced_by, p_reason
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
-- Name: update_levels(lockstep.batch_item[], boolean); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.update_levels(p_items lockstep.batch_item[], p_all_or_nothing boolean DEFAULT true) RETURNS SETOF lockstep.batch_outcome
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select outcome.*
    from lockstep.change_pairs('update_level', p_items, p_all_or_nothing) as outcome;
$$;


ALTER FUNCTION lockstep.update_levels(p_items lockstep.batch_item[], p_all_or_nothing boolean) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION update_levels(p_items lockstep.batch_item[], p_all_or_nothing boolean); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.update_levels(p_items lockstep.batch_item[], p_all_or_nothing boolean) IS 'update_level() for many items in one transaction: the same answers and the same history as one by one, in their order.

From JSON: update_levels(array(select one from jsonb_populate_recordset(null::lockstep.batch_item, $1) as one)).
Returns a row an item, in order. All or nothing (the first refusal is raised, as update_level() raises it) unless
p_all_or_nothing is false: then a refused item says so in its row, and the others are done.
Locks all keys, users of new pairs, specialization_progress, then user_licenses, each sorted; until the commit.';


--
-- Name: update_project(bigint, bigint, integer, text, text, bytea, text, boolean); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.update_project(p_actor_id bigint, p_project_id bigint, p_expected_version integer DEFAULT NULL::integer, p_title text DEFAULT NULL::text, p_description text DEFAULT NULL::text, p_file bytea DEFAULT NULL::bytea, p_file_name text DEFAULT NULL::text, p_merge boolean DEFAULT false) RETURNS lockstep.project_state
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_sha256 bytea := sha256(p_file);
    v_locked lockstep.locked_project;
    v_project lockstep.projects;
    v_given jsonb;
    v_comparison lockstep.project_comparison;
begin
    -- Lock order, everywhere: the project's row, then blobs.
    v_locked := lockstep.lock_project(p_actor_id, p_project_id, 'WRITE');
    v_project := v_locked.project;
    perform lockstep.check_version_given(p_expected_version);

    v_given := jsonb_strip_nulls(jsonb_build_object(
        'title', p_title,
        'description', p_description,
        'file', case
            when p_file is not null or p_file_name is not null then jsonb_build_array(
                encode(coalesce(v_sha256, v_project.file_sha256), 'hex'), coalesce(p_file_name, v_project.file_name)
            )
        end
    ));

    if v_given = '{}' then
        raise exception using
            errcode = 'LS006',
            message = 'invalid argument',
            detail = format('project_id=%s: nothing is given', p_project_id),
            hint = 'Give a title, a description or a file.';
    end if;

    if p_expected_version <> v_project.version then
        v_comparison := lockstep.compare_changes(v_project, p_expected_version, v_given);

        if p_merge is not true or not v_comparison.mergeable then
            perform lockstep.refuse_stale(v_project, v_locked.permission, p_expected_version, v_comparison);
        end if;

        -- What the writer repeats as they saw it stays as the others made it.
        v_given := (
            select coalesce(jsonb_object_agg(field.name, field.content), '{}')
            from jsonb_each(v_given) as field (name, content)
            where field.name = any (v_comparison.wanted_fields)
        );
    end if;

    if v_given ? 'file' and p_file is not null then
        perform lockstep.store_blob(v_sha256, p_file, 'project_file_limit');
    end if;

    update lockstep.projects as project
    set title = coalesce(v_given ->> 'title', project.title),
        description = coalesce(v_given ->> 'description', project.description),
        file_sha256 = coalesce(decode(v_given -> 'file' ->> 0, 'hex'), project.file_sha256),
        file_name = coalesce(v_given -> 'file' ->> 1, project.file_name),
        restored_from = null,
        modified_by = p_actor_id
    where project.user_id = v_project.user_id
        and project.id = v_project.id
    returning project.* into v_project;

    return lockstep.describe_project(v_project, v_locked.permission, v_comparison.changed_fields);
end;
$$;


ALTER FUNCTION lockstep.update_project(p_actor_id bigint, p_project_id bigint, p_expected_version integer, p_title text, p_description text, p_file bytea, p_file_name text, p_merge boolean) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION update_project(p_actor_id bigint, p_project_id bigint, p_expected_version integer, p_title text, p_description text, p_file bytea, p_file_name text, p_merge boolean); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.update_project(p_actor_id bigint, p_project_id bigint, p_expected_version integer, p_title text, p_description text, p_file bytea, p_file_name text, p_merge boolean) IS 'Changes what is given of a project, the rest stays: a new version. Without an expected version the last writer wins.

p_merge: where the version is stale, goes on if what others changed since does not collide with what is given.
Raises LS050 no such project, LS051 permission too low, LS052 modified by another (the detail says how), LS053 no
version named, LS055 file too large, LS006 nothing given; 23514 a title or name too long or empty.
Locks the project''s row, then the blob.';


--
-- Name: use_password_reset(bigint, bytea, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.use_password_reset(p_user_id bigint, p_token_hash bytea, p_new_hash text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    perform lockstep.check_password_reset(p_user_id, p_token_hash);
    -- Takes the reset away.
    perform lockstep.write_password(p_user_id, p_new_hash);
    perform lockstep.end_sessions(p_user_id, 'password_changed');
end;
$$;


ALTER FUNCTION lockstep.use_password_reset(p_user_id bigint, p_token_hash bytea, p_new_hash text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION use_password_reset(p_user_id bigint, p_token_hash bytea, p_new_hash text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.use_password_reset(p_user_id bigint, p_token_hash bytea, p_new_hash text) IS 'Gives the person of a reset the password of their choice, and ends their sessions. A token does this once.

Raises LS035 not a good token, 23514 not an argon2id hash. Locks the person, then the sessions.';


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
        level_mismatch = v_found.level_mismatch,
        missing_license = v_found.missing_license,
        missing_progress = v_found.missing_progress,
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

CREATE FUNCTION lockstep.verify_range(p_first_user_id bigint, p_last_user_id bigint, OUT pairs bigint, OUT violations bigint, OUT level_mismatch bigint, OUT missing_license bigint, OUT missing_progress bigint) RETURNS record
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    select
        count(*),
        count(*) filter (where progress.current_level is distinct from license.current_level),
        count(*) filter (where progress.current_level <> license.current_level),
        count(*) filter (where license.user_id is null),
        count(*) filter (where progress.student_id is null)
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


ALTER FUNCTION lockstep.verify_range(p_first_user_id bigint, p_last_user_id bigint, OUT pairs bigint, OUT violations bigint, OUT level_mismatch bigint, OUT missing_license bigint, OUT missing_progress bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION verify_range(p_first_user_id bigint, p_last_user_id bigint, OUT pairs bigint, OUT violations bigint, OUT level_mismatch bigint, OUT missing_license bigint, OUT missing_progress bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.verify_range(p_first_user_id bigint, p_last_user_id bigint, OUT pairs bigint, OUT violations bigint, OUT level_mismatch bigint, OUT missing_license bigint, OUT missing_progress bigint) IS 'How many pairs the users of this range of ids have, how many of them are out of step, and in which way. Locks nothing.';


--
-- Name: watch(); Type: PROCEDURE; Schema: lockstep; Owner: lockstep_owner
--

CREATE PROCEDURE lockstep.watch()
    LANGUAGE plpgsql
    AS $$
begin
    perform lockstep.check_health();
    commit;
    perform lockstep.watch_incidents();
    commit;
    perform lockstep.watch_monitoring();
    commit;
end;
$$;


ALTER PROCEDURE lockstep.watch() OWNER TO lockstep_owner;

--
-- Name: PROCEDURE watch(); Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON PROCEDURE lockstep.watch() IS 'The job of every five minutes: checks health, then incidents, then samples connections, locks and requests,
each in a transaction of its own.

call lockstep.watch(). Outside a transaction block.';


--
-- Name: watch_incidents(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.watch_incidents() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_code text;
    v_text text;
begin
    -- Whoever asks has done its own work already, and is not kept waiting for long.
    perform set_config('lock_timeout', '2s', true);

    begin
        return lockstep.check_incidents();
    exception
        when others then
            get stacked diagnostics v_code = returned_sqlstate, v_text = message_text;
    end;

    raise warning using
        errcode = v_code,
        message = 'incidents could not be checked',
        detail = v_text,
        hint = 'Runs and health checks are not concerned: select lockstep.check_incidents() shows what is wrong.';

    begin
        perform lockstep.note_incident(
            'unhealthy', 'incidents', jsonb_build_object('sqlstate', v_code, 'message', v_text)
        );
    exception
        when others then
            raise warning using errcode = sqlstate, message = 'this could not be noted either', detail = sqlerrm;
    end;

    return null;
end;
$$;


ALTER FUNCTION lockstep.watch_incidents() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION watch_incidents(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.watch_incidents() IS 'check_incidents() for those who must not fail for it: runs, health checks, deliveries of mails.

Returns how many conditions hold, null where they could not be checked: then it says so as a warning, which is in the
server''s log and on the caller''s stderr, and notes it as an incident (unhealthy, incidents), which the next check that
succeeds closes. Waits for a lock for 2 s at most.';


--
-- Name: watch_monitoring(); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.watch_monitoring() RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_code text;
    v_text text;
begin
    -- Whoever asks has done its own work already, and is not kept waiting for long.
    perform set_config('lock_timeout', '2s', true);
    perform lockstep.sample_monitoring();
    return true;
exception
    when others then
        get stacked diagnostics v_code = returned_sqlstate, v_text = message_text;

        raise warning using
            errcode = v_code,
            message = 'connections, locks and requests could not be sampled',
            detail = v_text,
            hint = 'Health checks are not concerned: select lockstep.sample_monitoring() shows what is wrong.';

        return false;
end;
$$;


ALTER FUNCTION lockstep.watch_monitoring() OWNER TO lockstep_coupler;

--
-- Name: FUNCTION watch_monitoring(); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.watch_monitoring() IS 'sample_monitoring() for the job of every five minutes, which must not fail for it.

Returns whether it was done; if not, says why as a warning, which is in the server''s log and on the caller''s stderr.
Waits for a lock for 2 s at most.';


--
-- Name: without_literals(text, boolean); Type: FUNCTION; Schema: lockstep; Owner: lockstep_owner
--

CREATE FUNCTION lockstep.without_literals(p_query text, p_keep_numbers boolean DEFAULT true) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
    select case when p_keep_numbers then worded.query else regexp_replace(worded.query, '(?<![$\w.])[0-9]+', '?', 'g') end
    from (
        -- The last of a query that was cut off has no end.
        select regexp_replace(
            regexp_replace(
                regexp_replace(
                    left(p_query, 1000),
                    '\$([A-Za-z_]*?)\$.*?(?:\$\1\$|$)', '''?''', 'g'
                ),
                '\me''(?:[^''\\]|\\.|'''')*(?:''|$)', '''?''', 'gi'
            ),
            '''(?:[^'']|'''')*(?:''|$)', '''?''', 'g'
        ) as query
    ) as worded;
$_$;


ALTER FUNCTION lockstep.without_literals(p_query text, p_keep_numbers boolean) OWNER TO lockstep_owner;

--
-- Name: FUNCTION without_literals(p_query text, p_keep_numbers boolean); Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON FUNCTION lockstep.without_literals(p_query text, p_keep_numbers boolean) IS 'A query with ''?'' for each string in it, its first 1000 characters: names, addresses and passwords are not for whoever looks at waits.

p_keep_numbers: false for what is kept, as a number may say which user.';


--
-- Name: work_on_run(bigint, uuid, bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.work_on_run(p_run_id bigint, p_worker uuid, p_actor_id bigint DEFAULT NULL::bigint) RETURNS interval
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

    if v_run.status is distinct from 'running' or v_run.worker is distinct from p_worker then
        perform lockstep.start_sync(p_run_id, p_actor_id);

        update lockstep.sync_runs as run
        set worker = p_worker,
            backend_pid = null
        where run.id = p_run_id;
    end if;

    return lockstep.batch_pause(lockstep.apply_sync_batch(p_run_id));
end;
$$;


ALTER FUNCTION lockstep.work_on_run(p_run_id bigint, p_worker uuid, p_actor_id bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION work_on_run(p_run_id bigint, p_worker uuid, p_actor_id bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.work_on_run(p_run_id bigint, p_worker uuid, p_actor_id bigint) IS 'One batch of a run, in one transaction, by a worker that comes through any server process of a pool.

The first call takes the run, as start_sync() does; it is the worker''s until leave_run(), or until no batch
has come for the setting sync_lease. Returns how long to pause before the next call, null when the run is over.
Raises LS001 no such actor, LS015 no such run, LS016 already finished, LS017 somebody else is working on it.
Locks the run, and each item''s specialization_progress, then user_licenses.';


--
-- Name: write_adopted_history(bigint, bigint, bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.write_adopted_history(p_run_id bigint, p_first_user bigint, p_last_user bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_timezone constant text := (
        select run.timezone from lockstep.adoption_runs as run
        where run.id = p_run_id
    );
begin
    insert into lockstep.license_progressions (
        user_id, user_license_id, from_level, to_level, advanced_by, advancement_reason, requirements_met,
        advanced_at, route
    )
    select
        staged.user_id,
        here.license_id,
        (staged.content ->> 'from_level')::numeric::integer,
        staged.level_kept,
        staged.actor_id,
        staged.content ->> 'advancement_reason',
        staged.content ->> 'requirements_met',
        coalesce((lockstep.adopted_times(staged.content, array['advanced_at'], v_timezone))[1], now()),
        'import'
    from lockstep.adoption_pairs as pair
    inner join lockstep.adoption_staging as staged
        on staged.user_id = pair.user_id
        and staged.specialization_id = pair.specialization_id
    inner join lockstep.adopted_pairs_here as here
        on here.user_id = pair.user_id
        and here.specialization_id = pair.specialization_id
    where not pair.done
        and pair.user_id between p_first_user and p_last_user
        and staged.table_name = 'license_progressions'
        and not staged.done
        and staged.outcome in ('imported', 'repaired')
    order by staged.user_id, staged.content ->> 'advanced_at', length(staged.source_id), staged.source_id;

    -- The history of a pair ends at its level: where that of the source does not, a row says that the import did it.
    insert into lockstep.license_progressions (
        user_id, user_license_id, from_level, to_level, advancement_reason, advanced_at, route
    )
    select
        pair.user_id,
        here.license_id,
        last.to_level,
        pair.current_level,
        format('adoption %s', p_run_id),
        clock_timestamp(),
        'import'
    from lockstep.adoption_pairs as pair
    inner join lockstep.adopted_pairs_here as here
        on here.user_id = pair.user_id
        and here.specialization_id = pair.specialization_id
    left outer join lateral (
        select progression.to_level
        from lockstep.license_progressions as progression
        where progression.user_id = pair.user_id
            and progression.user_license_id = here.license_id
            and progression.route <> 'client'
        order by progression.id desc
        limit 1
    ) as last on true
    where not pair.done
        and pair.user_id between p_first_user and p_last_user
        and pair.state in ('new', 'changed')
        and coalesce(last.to_level, 1) <> pair.current_level
    order by pair.user_id, pair.specialization_id;
end;
$$;


ALTER FUNCTION lockstep.write_adopted_history(p_run_id bigint, p_first_user bigint, p_last_user bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION write_adopted_history(p_run_id bigint, p_first_user bigint, p_last_user bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.write_adopted_history(p_run_id bigint, p_first_user bigint, p_last_user bigint) IS 'Writes the history of planned pairs, route import, with times and actors as the source has them.

The caller holds the locks.';


--
-- Name: write_adopted_pairs(bigint, bigint); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.write_adopted_pairs(p_first_user bigint, p_last_user bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_wrong text;
begin
    -- One statement, so that constraints set immediate see both sides or none.
    with pair as materialized (
        select planned.*
        from lockstep.adoption_pairs as planned
        where not planned.done
            and planned.user_id between p_first_user and p_last_user
            and planned.state in ('new', 'changed')
    ),

    made_progress as (
        insert into lockstep.specialization_progress (
            student_id, specialization_id, current_level, total_xp, completed_sessions, completed_projects,
            theory_hours_completed, practice_hours_completed, last_activity, created_at, updated_at
        )
        select
            pair.user_id, pair.specialization_id, pair.current_level, pair.total_xp, pair.completed_sessions,
            pair.completed_projects, pair.theory_hours_completed, pair.practice_hours_completed, pair.last_activity,
            coalesce(pair.progress_created_at, pair.license_created_at, now()), coalesce(pair.progress_updated_at, now())
        from pair
        where pair.state = 'new'
        order by pair.user_id, pair.specialization_id
    ),

    made_license as (
        insert into lockstep.user_licenses (
            user_id, specialization_type, current_level, max_achieved_level, started_at, last_advanced_at, is_active,
            instructor_notes, created_at, updated_at
        )
        select
            pair.user_id, pair.specialization_id, pair.current_level, pair.max_achieved_level,
            coalesce(pair.started_at, pair.progress_created_at, now()), pair.last_advanced_at, pair.is_active,
            pair.instructor_notes, coalesce(pair.license_created_at, pair.progress_created_at, now()),
            coalesce(pair.license_updated_at, now())
        from pair
        where pair.state = 'new'
        order by pair.user_id, pair.specialization_id
    ),

    progress as (
        update lockstep.specialization_progress as known
        set current_level = pair.current_level,
            total_xp = pair.total_xp,
            completed_sessions = pair.completed_sessions,
            completed_projects = pair.completed_projects,
            theory_hours_completed = pair.theory_hours_completed,
            practice_hours_completed = pair.practice_hours_completed,
            last_activity = pair.last_activity,
            updated_at = clock_timestamp()
        from pair
        where pair.state = 'changed'
            and known.student_id = pair.user_id
            and known.specialization_id = pair.specialization_id
    )

    update lockstep.user_licenses as known
    set current_level = pair.current_level,
        max_achieved_level = greatest(known.max_achieved_level, pair.max_achieved_level),
        last_advanced_at = coalesce(pair.last_advanced_at, known.last_advanced_at),
        is_active = pair.is_active,
        instructor_notes = pair.instructor_notes,
        updated_at = clock_timestamp()
    from pair
    where pair.state = 'changed'
        and known.user_id = pair.user_id
        and known.specialization_type = pair.specialization_id;

    select format('user_id=%s specialization_id=%s', pair.user_id, pair.specialization_id)
    into v_wrong
    from lockstep.adoption_pairs as pair
    left outer join lockstep.adopted_pairs_here as here
        on here.user_id = pair.user_id
        and here.specialization_id = pair.specialization_id
    where not pair.done
        and pair.user_id between p_first_user and p_last_user
        and pair.state in ('new', 'changed')
        and (here.current_level, here.total_xp) is distinct from (pair.current_level, pair.total_xp)
    limit 1;

    if found then
        raise exception using
            errcode = 'LS095',
            message = 'a pair does not stand as it was planned',
            detail = v_wrong,
            hint = 'Look for a trigger that changes or suppresses what is written.';
    end if;
end;
$$;


ALTER FUNCTION lockstep.write_adopted_pairs(p_first_user bigint, p_last_user bigint) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION write_adopted_pairs(p_first_user bigint, p_last_user bigint); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.write_adopted_pairs(p_first_user bigint, p_last_user bigint) IS 'Writes planned pairs, both sides in one statement.

Raises LS095 when one does not stand as it was planned. The caller holds the locks.';


--
-- Name: write_changes(text, lockstep.planned_change[], lockstep.change_origin[]); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.write_changes(p_function_name text, p_plan lockstep.planned_change[], p_origins lockstep.change_origin[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    v_now constant timestamptz := clock_timestamp();
    v_missing bigint;
begin
    -- One statement, so that constraints set immediate see both sides or none.
    with pair as materialized (
        select
            (plan.item).user_id,
            (plan.item).specialization_id,
            plan.license_id,
            plan.pair_changes,
            (plan.answer).progress_new_level as new_level,
            (plan.answer).max_achieved_level,
            (plan.answer).total_xp,
            (plan.answer).completed_sessions,
            (plan.answer).completed_projects,
            (plan.answer).theory_hours,
            (plan.answer).practice_hours
        from unnest(p_plan) as plan
        where plan.kind = 'folded'
            and plan.is_last
    ),

    made_progress as (
        insert into lockstep.specialization_progress (
            student_id, specialization_id, current_level, total_xp, completed_sessions, completed_projects,
            theory_hours_completed, practice_hours_completed, last_activity, updated_at
        )
        select
            pair.user_id, pair.specialization_id, pair.new_level, pair.total_xp, pair.completed_sessions,
            pair.completed_projects, pair.theory_hours, pair.practice_hours, v_now, v_now
        from pair
        where pair.license_id is null
        order by pair.user_id, pair.specialization_id
        on conflict do nothing
        returning id
    ),

    progress as (
        update lockstep.specialization_progress as progress
        set current_level = pair.new_level,
            total_xp = pair.total_xp,
            completed_sessions = pair.completed_sessions,
            completed_projects = pair.completed_projects,
            theory_hours_completed = pair.theory_hours,
            practice_hours_completed = pair.practice_hours,
            last_activity = v_now,
            updated_at = v_now
        from pair
        where pair.license_id is not null
            and progress.student_id = pair.user_id
            and progress.specialization_id = pair.specialization_id
    ),

    made_license as (
        insert into lockstep.user_licenses (
            user_id, specialization_type, current_level, max_achieved_level, last_advanced_at, updated_at
        )
        select
            pair.user_id,
            pair.specialization_id,
            pair.new_level,
            pair.max_achieved_level,
            case when pair.pair_changes then v_now end,
            case when pair.pair_changes then v_now else now() end
        from pair
        where pair.license_id is null
        order by pair.user_id, pair.specialization_id
        on conflict do nothing
        returning id, user_id, specialization_type
    ),

    license as (
        update lockstep.user_licenses as license
        set current_level = pair.new_level,
            max_achieved_level = pair.max_achieved_level,
            last_advanced_at = v_now,
            updated_at = v_now
        from pair
        where pair.license_id is not null
            and pair.pair_changes
            and license.user_id = pair.user_id
            and license.specialization_type = pair.specialization_id
    ),

    history as (
        insert into lockstep.license_progressions (
            user_id, user_license_id, from_level, to_level, advanced_by, advancement_reason, requirements_met,
            advanced_at, route, database_role, application_name, client_address
        )
        select
            (plan.item).user_id,
            coalesce(plan.license_id, made_license.id),
            (plan.answer).license_old_level,
            (plan.answer).license_new_level,
            (plan.item).advanced_by,
            (plan.item).reason,
            case p_function_name when 'level_up' then lockstep.requirements_met(plan.answer) end,
            v_now,
            'function',
            case
                when origin.database_role is null then coalesce(nullif(current_setting('role'), 'none'), session_user)
                else origin.database_role
            end,
            case
                when origin.database_role is null then current_setting('application_name')
                else origin.application_name
            end,
            case when origin.database_role is null then inet_client_addr() else origin.client_address end
        from unnest(p_plan) as plan
        left outer join made_license
            on plan.license_id is null
            and made_license.user_id = (plan.item).user_id
            and made_license.specialization_type = (plan.item).specialization_id
        left outer join unnest(p_origins) with ordinality as origin (
            database_role, application_name, client_address, place
        ) on origin.place = plan.place
        where plan.kind = 'folded'
            and (plan.answer).progression_created
        order by plan.place
    )

    select count(*) filter (where pair.license_id is null) * 2
        - (select count(*) from made_progress) - (select count(*) from made_license)
    into v_missing
    from pair;

    if v_missing > 0 then
        raise exception using
            errcode = 'serialization_failure',
            message = 'a pair was made by somebody else meanwhile',
            detail = format('%s sides were there already', v_missing),
            hint = 'Retry; if it comes back, look for a trigger that suppresses inserts.';
    end if;

    if not exists (
        select from unnest(p_plan) as plan
        where (plan.item).idempotency_key is not null
    ) then
        return;
    end if;

    update lockstep.idempotency_keys as claimed
    set function_name = p_function_name,
        arguments = plan.arguments,
        answer = to_jsonb(plan.answer)
    from unnest(p_plan) as plan
    where plan.kind = 'folded'
        and (plan.item).idempotency_key is not null
        and claimed.user_id = (plan.item).user_id
        and claimed.key = (plan.item).idempotency_key;
end;
$$;


ALTER FUNCTION lockstep.write_changes(p_function_name text, p_plan lockstep.planned_change[], p_origins lockstep.change_origin[]) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION write_changes(p_function_name text, p_plan lockstep.planned_change[], p_origins lockstep.change_origin[]); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.write_changes(p_function_name text, p_plan lockstep.planned_change[], p_origins lockstep.change_origin[]) IS 'Writes what a plan folds: each pair once, its history row by row, the answers under their keys.

The history names who asked: the caller, or the origin at the item''s place.
Raises 40001 (retry) when a pair that was to be made is there already.
Locks nothing that the caller does not hold, but what it makes: specialization_progress, then user_licenses.';


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
-- Name: write_password(bigint, text); Type: FUNCTION; Schema: lockstep; Owner: lockstep_coupler
--

CREATE FUNCTION lockstep.write_password(p_user_id bigint, p_password_hash text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    perform from lockstep.users as person
    where person.id = p_user_id
    for no key update;

    insert into lockstep.credentials (user_id, password_hash)
    values (p_user_id, p_password_hash)
    on conflict on constraint credentials_pkey do update
        set password_hash = excluded.password_hash,
            changed_at = clock_timestamp();

    -- What was made to get around the old password is of no use any more, and neither is its count.
    delete from lockstep.password_resets as reset
    where reset.user_id = p_user_id;

    delete from lockstep.sign_in_attempts as attempt
    using lockstep.users as person
    where person.id = p_user_id
        and attempt.kind = 'account'
        and attempt.name = lower(person.email);
end;
$$;


ALTER FUNCTION lockstep.write_password(p_user_id bigint, p_password_hash text) OWNER TO lockstep_coupler;

--
-- Name: FUNCTION write_password(p_user_id bigint, p_password_hash text); Type: COMMENT; Schema: lockstep; Owner: lockstep_coupler
--

COMMENT ON FUNCTION lockstep.write_password(p_user_id bigint, p_password_hash text) IS 'Stores the hash of a person''s new password, and forgets their reset and their failed sign-ins.

Raises 23503 no such user, 23514 not an argon2id hash. Locks the person.';


--
-- Name: adopted_pairs_here; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.adopted_pairs_here AS
 SELECT progress.student_id AS user_id,
    progress.specialization_id,
    progress.id AS progress_id,
    license.id AS license_id,
    progress.current_level,
    progress.total_xp,
    md5(concat_ws('|'::text, progress.current_level, progress.total_xp, progress.completed_sessions, progress.completed_projects, progress.theory_hours_completed, progress.practice_hours_completed, license.current_level, license.max_achieved_level, license.is_active, license.instructor_notes)) AS state
   FROM (lockstep.specialization_progress progress
     JOIN lockstep.user_licenses license ON (((license.user_id = progress.student_id) AND (license.specialization_type = progress.specialization_id))));


ALTER TABLE lockstep.adopted_pairs_here OWNER TO lockstep_owner;

--
-- Name: VIEW adopted_pairs_here; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.adopted_pairs_here IS 'Pairs with what tells whether they are still as an adoption left them.';


--
-- Name: COLUMN adopted_pairs_here.state; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adopted_pairs_here.state IS 'A hash of the figures, the level and the words of both sides.';


--
-- Name: adopted_rows; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.adopted_rows (
    source text NOT NULL,
    table_name text NOT NULL,
    source_id text NOT NULL,
    outcome text NOT NULL,
    reasons text[] DEFAULT '{}'::text[] NOT NULL,
    user_id bigint,
    specialization_id text,
    target_id text,
    hash text,
    target_state text,
    level_found numeric,
    level_kept integer,
    xp_found numeric,
    xp_kept bigint,
    bytes_found bigint,
    content jsonb,
    extra jsonb,
    run_id bigint NOT NULL,
    adopted_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT ck_adopted_rows_outcome CHECK ((outcome = ANY (ARRAY['imported'::text, 'repaired'::text, 'merged'::text, 'quarantined'::text, 'conflict'::text, 'erased'::text])))
);


ALTER TABLE lockstep.adopted_rows OWNER TO lockstep_owner;

--
-- Name: TABLE adopted_rows; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.adopted_rows IS 'Every row of an adopted source, and what became of it. What did not come over as it was stands here whole.';


--
-- Name: COLUMN adopted_rows.outcome; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adopted_rows.outcome IS 'imported as it was, repaired, merged into another row, quarantined, conflict (the row here has changed, and stays),
or erased (its person was, and it does not come back).';


--
-- Name: COLUMN adopted_rows.reasons; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adopted_rows.reasons IS 'What was wrong with it: docs/adoption.md explains each word.';


--
-- Name: COLUMN adopted_rows.user_id; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adopted_rows.user_id IS 'Whose it is here; null where that is nobody.';


--
-- Name: COLUMN adopted_rows.target_id; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adopted_rows.target_id IS 'The id of the row here.';


--
-- Name: COLUMN adopted_rows.hash; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adopted_rows.hash IS 'Of the row as it was read: another one later means it changed there.';


--
-- Name: COLUMN adopted_rows.target_state; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adopted_rows.target_state IS 'Of the row here as the adoption left it: another one later means it changed here, and it is not overwritten.';


--
-- Name: COLUMN adopted_rows.level_found; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adopted_rows.level_found IS 'The level as the source had it.';


--
-- Name: COLUMN adopted_rows.level_kept; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adopted_rows.level_kept IS 'The level as it came over.';


--
-- Name: COLUMN adopted_rows.xp_found; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adopted_rows.xp_found IS 'XP as the source had it.';


--
-- Name: COLUMN adopted_rows.xp_kept; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adopted_rows.xp_kept IS 'XP as it came over.';


--
-- Name: COLUMN adopted_rows.bytes_found; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adopted_rows.bytes_found IS 'The length of its file, of a project or an asset.';


--
-- Name: COLUMN adopted_rows.content; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adopted_rows.content IS 'The whole row as it was read; null where it was imported as it was.';


--
-- Name: COLUMN adopted_rows.extra; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adopted_rows.extra IS 'Columns of the source that have no place here.';


--
-- Name: CONSTRAINT ck_adopted_rows_outcome ON adopted_rows; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_adopted_rows_outcome ON lockstep.adopted_rows IS 'What can become of a row.';


--
-- Name: adoption_pairs; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE UNLOGGED TABLE lockstep.adoption_pairs (
    user_id bigint NOT NULL,
    specialization_id text NOT NULL,
    state text NOT NULL,
    current_level integer NOT NULL,
    total_xp bigint NOT NULL,
    completed_sessions integer NOT NULL,
    completed_projects integer NOT NULL,
    theory_hours_completed numeric(8,2) NOT NULL,
    practice_hours_completed numeric(8,2) NOT NULL,
    last_activity timestamp with time zone,
    progress_created_at timestamp with time zone,
    progress_updated_at timestamp with time zone,
    max_achieved_level integer NOT NULL,
    started_at timestamp with time zone,
    last_advanced_at timestamp with time zone,
    is_active boolean NOT NULL,
    instructor_notes text,
    license_created_at timestamp with time zone,
    license_updated_at timestamp with time zone,
    done boolean DEFAULT false NOT NULL
);


ALTER TABLE lockstep.adoption_pairs OWNER TO lockstep_owner;

--
-- Name: TABLE adoption_pairs; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.adoption_pairs IS 'Pairs as they are to stand here, both sides in one row, while a source is adopted; empty otherwise.';


--
-- Name: COLUMN adoption_pairs.state; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adoption_pairs.state IS 'new, changed, unchanged, or conflict: the pair here is not as an adoption left it.';


--
-- Name: COLUMN adoption_pairs.total_xp; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adoption_pairs.total_xp IS 'As it is to stand in specialization_progress.';


--
-- Name: COLUMN adoption_pairs.completed_sessions; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adoption_pairs.completed_sessions IS 'As it is to stand in specialization_progress.';


--
-- Name: COLUMN adoption_pairs.theory_hours_completed; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adoption_pairs.theory_hours_completed IS 'As it is to stand in specialization_progress.';


--
-- Name: COLUMN adoption_pairs.practice_hours_completed; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adoption_pairs.practice_hours_completed IS 'As it is to stand in specialization_progress.';


--
-- Name: COLUMN adoption_pairs.last_activity; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adoption_pairs.last_activity IS 'As it is to stand in specialization_progress.';


--
-- Name: COLUMN adoption_pairs.done; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adoption_pairs.done IS 'It has come over.';


--
-- Name: adoption_plan; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.adoption_plan AS
 SELECT staged.table_name,
        CASE staged.state
            WHEN 'unchanged'::text THEN 'unchanged'::text
            ELSE staged.outcome
        END AS outcome,
        CASE
            WHEN (staged.state <> 'unchanged'::text) THEN array_to_string(staged.reasons, ', '::text)
            ELSE ''::text
        END AS reasons,
    count(*) AS rows,
    COALESCE(sum(staged.level_found), (0)::numeric) AS level_found,
    COALESCE(sum(staged.level_kept), (0)::bigint) AS level_kept,
    COALESCE(sum(staged.xp_found), (0)::numeric) AS xp_found,
    COALESCE(sum(staged.xp_kept), (0)::numeric) AS xp_kept,
    COALESCE(sum(staged.file_bytes), (0)::numeric) AS bytes
   FROM lockstep.adoption_staging staged
  GROUP BY staged.table_name,
        CASE staged.state
            WHEN 'unchanged'::text THEN 'unchanged'::text
            ELSE staged.outcome
        END,
        CASE
            WHEN (staged.state <> 'unchanged'::text) THEN array_to_string(staged.reasons, ', '::text)
            ELSE ''::text
        END;


ALTER TABLE lockstep.adoption_plan OWNER TO lockstep_owner;

--
-- Name: VIEW adoption_plan; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.adoption_plan IS 'What is to become of the rows of a source, counted; empty while nothing is adopted.';


--
-- Name: COLUMN adoption_plan.reasons; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adoption_plan.reasons IS 'What is wrong with these rows, or why they stay out.';


--
-- Name: COLUMN adoption_plan.rows; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adoption_plan.rows IS 'How many rows.';


--
-- Name: COLUMN adoption_plan.bytes; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.adoption_plan.bytes IS 'The length of their files, of projects and assets.';


--
-- Name: adoption_quarantine; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.adoption_quarantine AS
 SELECT adopted.source,
    adopted.table_name,
    adopted.source_id,
    adopted.outcome,
    adopted.reasons,
    adopted.user_id,
    adopted.content,
    adopted.adopted_at
   FROM lockstep.adopted_rows adopted
  WHERE (adopted.outcome = ANY (ARRAY['quarantined'::text, 'conflict'::text]));


ALTER TABLE lockstep.adoption_quarantine OWNER TO lockstep_owner;

--
-- Name: VIEW adoption_quarantine; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.adoption_quarantine IS 'Rows of adopted sources that did not come over, whole, each with the reason. The next adoption tries them again.';


--
-- Name: adoption_runs_id_seq; Type: SEQUENCE; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE lockstep.adoption_runs ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lockstep.adoption_runs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: assets; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.assets (
    id text NOT NULL,
    sha256 bytea NOT NULL,
    type text NOT NULL,
    format text NOT NULL,
    created_by bigint,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT ck_assets_format CHECK ((format ~ '^[a-z0-9]{1,10}$'::text)),
    CONSTRAINT ck_assets_id CHECK ((id ~ '^[0-9a-f]{32}$'::text)),
    CONSTRAINT ck_assets_type CHECK ((type ~ '^[a-z][a-z0-9_-]{0,31}$'::text))
);


ALTER TABLE lockstep.assets OWNER TO lockstep_owner;

--
-- Name: TABLE assets; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.assets IS 'Pictures and sounds, one row a content, whoever uploads it.';


--
-- Name: COLUMN assets.id; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.assets.id IS 'MD5 of the content in hexadecimal, as project.json names its costumes and sounds; what the content is, sha256 says.';


--
-- Name: COLUMN assets.sha256; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.assets.sha256 IS 'The content.';


--
-- Name: COLUMN assets.type; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.assets.type IS 'What the first to upload it used it as: costume, sound and the like.';


--
-- Name: COLUMN assets.format; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.assets.format IS 'png, svg, wav and the like, as recognized by content.';


--
-- Name: COLUMN assets.created_by; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.assets.created_by IS 'Who uploaded it first; null: erased.';


--
-- Name: CONSTRAINT ck_assets_format ON assets; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_assets_format ON lockstep.assets IS 'The ending of a file name, in lower case.';


--
-- Name: CONSTRAINT ck_assets_id ON assets; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_assets_id ON lockstep.assets IS 'An MD5, 32 digits in lower case.';


--
-- Name: CONSTRAINT ck_assets_type ON assets; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_assets_type ON lockstep.assets IS 'A word in lower case.';


--
-- Name: blobs; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.blobs (
    sha256 bytea NOT NULL,
    content bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ck_blobs_sha256 CHECK ((sha256 = sha256(content)))
);
ALTER TABLE ONLY lockstep.blobs ALTER COLUMN content SET STORAGE EXTERNAL;


ALTER TABLE lockstep.blobs OWNER TO lockstep_owner;

--
-- Name: TABLE blobs; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.blobs IS 'Contents of files, one row each, by SHA-256. sweep_blobs() takes those that nothing refers to.';


--
-- Name: COLUMN blobs.sha256; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.blobs.sha256 IS 'SHA-256 of content, 32 bytes.';


--
-- Name: COLUMN blobs.content; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.blobs.content IS 'The bytes.';


--
-- Name: CONSTRAINT ck_blobs_sha256 ON blobs; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_blobs_sha256 ON lockstep.blobs IS 'A content that was altered does not fit its key.';


--
-- Name: breach_records_id_seq; Type: SEQUENCE; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE lockstep.breach_records ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lockstep.breach_records_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


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
-- Name: groups_id_seq; Type: SEQUENCE; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE lockstep.groups ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lockstep.groups_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


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
-- Name: health_history; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.health_history AS
 SELECT date_trunc('hour'::text, one.checked_at) AS hour,
    count(*) AS checks,
    min(one.consistency_rate) AS lowest_rate,
    max(one.total_violations) AS most_violations,
    max(one.total_checked) AS total_checked
   FROM lockstep.health_checks one
  WHERE (one.checked_at > (now() - '7 days'::interval))
  GROUP BY (date_trunc('hour'::text, one.checked_at));


ALTER TABLE lockstep.health_history OWNER TO lockstep_owner;

--
-- Name: VIEW health_history; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.health_history IS 'The health checks of the last seven days, one row an hour that had any: the worst of each.';


--
-- Name: COLUMN health_history.hour; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.health_history.hour IS 'When the hour began.';


--
-- Name: COLUMN health_history.checks; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.health_history.checks IS 'How many checks there were.';


--
-- Name: COLUMN health_history.lowest_rate; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.health_history.lowest_rate IS 'The smallest share of pairs in step, in percent.';


--
-- Name: COLUMN health_history.most_violations; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.health_history.most_violations IS 'The most pairs out of step that a check of it found.';


--
-- Name: COLUMN health_history.total_checked; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.health_history.total_checked IS 'The most pairs that a check of it counted.';


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
-- Name: incident_checks; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.incident_checks (
    is_only boolean DEFAULT true NOT NULL,
    checked_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_incident_checks_only CHECK (is_only)
);


ALTER TABLE lockstep.incident_checks OWNER TO lockstep_owner;

--
-- Name: TABLE incident_checks; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.incident_checks IS 'One row: when check_incidents() was last through.';


--
-- Name: COLUMN incident_checks.is_only; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.incident_checks.is_only IS 'Always true: there is one row.';


--
-- Name: CONSTRAINT ck_incident_checks_only ON incident_checks; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_incident_checks_only ON lockstep.incident_checks IS 'There is one row.';


--
-- Name: incident_conditions; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.incident_conditions AS
 WITH checks AS (
         SELECT (last.checked_at - '00:01:00'::interval) AS before
           FROM lockstep.incident_checks last
        ), seen AS (
         SELECT GREATEST(state.oldest_unverified, run.job_start) AS since
           FROM (lockstep.health state
             LEFT JOIN ( SELECT max(clean.job_start) AS job_start
                   FROM lockstep.sync_runs clean
                  WHERE (clean.scheduled AND (clean.status = 'success'::text) AND (clean.issues_found = 0))) run ON (true))
        ), finder AS (
         SELECT run.id,
            run.kind,
            run.direction,
            run.dry_run,
            run.status,
            run.specialization_id,
            run.user_id,
            run.undo_of,
            run.requested_by,
            run.reason,
            run.scheduled,
            run.job_start,
            run.job_end,
            run.last_batch_at,
            run.backend_pid,
            run.issues_found,
            run.synced_count,
            run.failed_count,
            run.skipped_count,
            run.message,
            run.worker,
            run.applied_by,
            run.applied_role,
            run.applied_application
           FROM ((lockstep.sync_runs run
             CROSS JOIN seen)
             CROSS JOIN checks)
          WHERE ((run.kind = 'sync'::text) AND (run.issues_found > 0) AND ((run.job_start > COALESCE(seen.since, '-infinity'::timestamp with time zone)) OR (COALESCE(run.job_end, run.job_start) > checks.before)))
          ORDER BY run.id DESC
         LIMIT 1
        )
 SELECT 'desync_found'::text AS kind,
    'pairs'::text AS subject,
    (jsonb_build_object('out_of_step_at_last_check', state.total_violations, 'of_pairs', state.total_checked) || COALESCE(( SELECT jsonb_build_object('run', finder.id, 'run_found', finder.issues_found, 'run_repaired', finder.synced_count, 'run_failed_on', finder.failed_count) AS jsonb_build_object
           FROM finder), '{}'::jsonb)) AS cause
   FROM lockstep.health state
  WHERE ((state.total_violations > 0) OR (EXISTS ( SELECT
           FROM finder)))
UNION ALL
 SELECT 'run_failed'::text AS kind,
    'runs'::text AS subject,
    failed.cause
   FROM ( SELECT jsonb_build_object('run', run.id, 'status',
                CASE
                    WHEN (run.status = 'running'::text) THEN 'its worker is gone'::text
                    ELSE run.status
                END, 'message', run.message, 'failed_on', run.failed_count, 'began', run.job_start) AS cause
           FROM lockstep.sync_runs run
          WHERE ((run.kind = 'sync'::text) AND (run.user_id IS NULL) AND (NOT run.dry_run) AND ((run.status = ANY (ARRAY['failed'::text, 'partial_failure'::text])) OR ((run.status = 'running'::text) AND (run.last_batch_at < (clock_timestamp() - (lockstep.setting('sync_stalled_after'::text))::interval)))) AND (NOT (EXISTS ( SELECT
                   FROM lockstep.sync_runs later
                  WHERE ((later.id > run.id) AND (later.kind = 'sync'::text) AND (later.user_id IS NULL) AND (NOT later.dry_run) AND (later.status = 'success'::text) AND ((later.specialization_id IS NULL) OR (later.specialization_id = run.specialization_id)))))))
          ORDER BY run.id DESC
         LIMIT 1) failed
UNION ALL
 SELECT 'guards_broken'::text AS kind,
    'guards'::text AS subject,
    jsonb_build_object('broken', count(*), 'first', (array_agg(guard.said))[1:20]) AS cause
   FROM ( SELECT format('%s %s: %s'::text, one.kind, one.name, one.status) AS said
           FROM lockstep.guard_status one
          WHERE (one.status <> 'intact'::text)
          ORDER BY one.kind, one.name) guard
 HAVING (count(*) > 0)
UNION ALL
 SELECT 'no_run'::text AS kind,
    job.name AS subject,
    jsonb_build_object('last', job.last, 'allowed', lockstep.setting('run_overdue_after'::text)) AS cause
   FROM (lockstep.health state
     CROSS JOIN LATERAL ( VALUES ('reconcile'::text,state.last_run,state.run_overdue), ('health'::text,state.last_check,(state.last_check < (now() - (lockstep.setting('run_overdue_after'::text))::interval)))) job(name, last, is_overdue))
  WHERE job.is_overdue
UNION ALL
 SELECT 'unhealthy'::text AS kind,
    'health'::text AS subject,
    jsonb_build_object('status', state.status, 'percent_in_step', state.consistency_rate, 'message', state.message) AS cause
   FROM lockstep.health state
  WHERE (state.status = ANY (ARRAY['degraded'::text, 'critical'::text]));


ALTER TABLE lockstep.incident_conditions OWNER TO lockstep_owner;

--
-- Name: VIEW incident_conditions; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.incident_conditions IS 'What is wrong now, of what check_incidents() looks at: each row is an incident while it is here.';


--
-- Name: COLUMN incident_conditions.kind; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.incident_conditions.kind IS 'desync_found, run_failed, guards_broken, no_run or unhealthy.';


--
-- Name: COLUMN incident_conditions.subject; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.incident_conditions.subject IS 'pairs, runs, guards, the job that is silent, or health.';


--
-- Name: COLUMN incident_conditions.cause; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.incident_conditions.cause IS 'Figures and names of things, no person.';


--
-- Name: incident_mails_id_seq; Type: SEQUENCE; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE lockstep.incident_mails ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lockstep.incident_mails_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: incidents; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.incidents AS
 SELECT incident.id AS incident_id,
    incident.kind,
    incident.subject,
    known.severity,
    known.title,
    incident.cause,
    incident.last_cause,
    incident.opened_at,
    incident.last_seen_at,
    incident.times_seen,
    incident.times_reopened,
    incident.closed_at,
    (COALESCE(incident.closed_at, clock_timestamp()) - incident.opened_at) AS duration,
        CASE
            WHEN (opened.sent_at IS NOT NULL) THEN 'sent'::text
            WHEN (opened.set_aside_at IS NOT NULL) THEN 'set_aside'::text
            WHEN (opened.attempts > 0) THEN 'retrying'::text
            WHEN (opened.id IS NOT NULL) THEN 'waiting'::text
            ELSE NULL::text
        END AS opened_mail,
        CASE
            WHEN (closed.sent_at IS NOT NULL) THEN 'sent'::text
            WHEN (closed.set_aside_at IS NOT NULL) THEN 'set_aside'::text
            WHEN (closed.attempts > 0) THEN 'retrying'::text
            WHEN (closed.id IS NOT NULL) THEN 'waiting'::text
            ELSE NULL::text
        END AS closed_mail,
    known.look,
    known.mend
   FROM (((lockstep.noted_incidents incident
     JOIN lockstep.incident_kinds known ON ((known.kind = incident.kind)))
     LEFT JOIN lockstep.incident_mails opened ON (((opened.incident_id = incident.id) AND (opened.event = 'opened'::text))))
     LEFT JOIN lockstep.incident_mails closed ON (((closed.incident_id = incident.id) AND (closed.event = 'closed'::text))));


ALTER TABLE lockstep.incidents OWNER TO lockstep_owner;

--
-- Name: VIEW incidents; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.incidents IS 'What went wrong, from when to when, and whether it was told; open ones have no closed_at.';


--
-- Name: COLUMN incidents.duration; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.incidents.duration IS 'From its opening to its end, or until now.';


--
-- Name: COLUMN incidents.opened_mail; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.incidents.opened_mail IS 'waiting, retrying (a delivery failed), sent or set_aside.';


--
-- Name: COLUMN incidents.closed_mail; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.incidents.closed_mail IS 'The same of the mail that tells of its end; null while it is open.';


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
-- Name: level_distribution; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.level_distribution AS
 SELECT level.specialization_id AS specialization,
    level.level,
    level.name,
    COALESCE(held.students, (0)::bigint) AS students
   FROM (lockstep.specialization_levels level
     LEFT JOIN ( SELECT progress.specialization_id,
            progress.current_level,
            count(*) AS students
           FROM lockstep.specialization_progress progress
          GROUP BY progress.specialization_id, progress.current_level) held ON (((held.specialization_id = level.specialization_id) AND (held.current_level = level.level))));


ALTER TABLE lockstep.level_distribution OWNER TO lockstep_owner;

--
-- Name: VIEW level_distribution; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.level_distribution IS 'How many students are at each level of each specialization, by their progress; it reads every pair.';


--
-- Name: COLUMN level_distribution.specialization; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.level_distribution.specialization IS 'The id of the specialization.';


--
-- Name: COLUMN level_distribution.students; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.level_distribution.students IS '0 for a level that nobody is at.';


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
-- Name: lock_breaches_id_seq; Type: SEQUENCE; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE lockstep.lock_breaches ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lockstep.lock_breaches_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: lock_waits; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.lock_waits AS
 SELECT found.waiting_pid,
    found.blocker_pid,
    found.blocking_pids,
    found.root_pid,
    found.chain,
    found.depth,
    found.lock_type,
    found.mode,
    found.relation,
    found.place,
    found.user_id,
    found.specialization_id,
    found.waiting_since,
    found.waited,
    found.waiting_role,
    found.waiting_application,
    found.waiting_query,
    found.blocker_role,
    found.blocker_application,
    found.blocker_state,
    found.blocker_transaction_start,
    found.blocker_query
   FROM lockstep.find_lock_waits() found(waiting_pid, blocker_pid, blocking_pids, root_pid, chain, depth, lock_type, mode, relation, place, user_id, specialization_id, waiting_since, waited, waiting_role, waiting_application, waiting_query, blocker_role, blocker_application, blocker_state, blocker_transaction_start, blocker_query);


ALTER TABLE lockstep.lock_waits OWNER TO lockstep_owner;

--
-- Name: VIEW lock_waits; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.lock_waits IS 'Who waits for a lock now, and who holds them up: a row a waiting session of this database. lock_tree is the same to read.';


--
-- Name: COLUMN lock_waits.waiting_pid; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_waits.waiting_pid IS 'The server process that waits.';


--
-- Name: COLUMN lock_waits.blocker_pid; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_waits.blocker_pid IS 'The next one up the chain; of several, one that waits for nobody itself. 0: a prepared transaction.';


--
-- Name: COLUMN lock_waits.blocking_pids; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_waits.blocking_pids IS 'All that it waits for.';


--
-- Name: COLUMN lock_waits.root_pid; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_waits.root_pid IS 'The end of the chain, who waits for nobody: end that, and the rest goes on.';


--
-- Name: COLUMN lock_waits.chain; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_waits.chain IS 'From the root down to the one that waits.';


--
-- Name: COLUMN lock_waits.depth; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_waits.depth IS 'How many are before it in the chain.';


--
-- Name: COLUMN lock_waits.lock_type; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_waits.lock_type IS 'transactionid: for the end of a transaction that has changed the row; tuple: for the next turn at the row; relation; …';


--
-- Name: COLUMN lock_waits.mode; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_waits.mode IS 'The lock that it asks for.';


--
-- Name: COLUMN lock_waits.relation; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_waits.relation IS 'The table; null where the lock names none, as at a key that two insert.';


--
-- Name: COLUMN lock_waits.place; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_waits.place IS 'The row within the table, as its ctid.';


--
-- Name: COLUMN lock_waits.user_id; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_waits.user_id IS 'Whose row that is, of users and of the two sides of a pair.';


--
-- Name: COLUMN lock_waits.specialization_id; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_waits.specialization_id IS 'Which pair of theirs.';


--
-- Name: COLUMN lock_waits.waiting_since; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_waits.waiting_since IS 'When the wait began.';


--
-- Name: COLUMN lock_waits.waited; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_waits.waited IS 'How long that is by now.';


--
-- Name: COLUMN lock_waits.waiting_role; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_waits.waiting_role IS 'The role that it logged in as.';


--
-- Name: COLUMN lock_waits.waiting_application; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_waits.waiting_application IS 'Its application_name.';


--
-- Name: COLUMN lock_waits.waiting_query; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_waits.waiting_query IS 'The statement that waits, with ''?'' for strings.';


--
-- Name: COLUMN lock_waits.blocker_role; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_waits.blocker_role IS 'The role that the blocker logged in as.';


--
-- Name: COLUMN lock_waits.blocker_application; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_waits.blocker_application IS 'The blocker''s application_name.';


--
-- Name: COLUMN lock_waits.blocker_state; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_waits.blocker_state IS 'active; idle in transaction: it holds the lock and does nothing; null: not to be seen.';


--
-- Name: COLUMN lock_waits.blocker_transaction_start; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_waits.blocker_transaction_start IS 'Since when the blocker''s transaction is open.';


--
-- Name: COLUMN lock_waits.blocker_query; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_waits.blocker_query IS 'The statement that the blocker runs, or ran last, with ''?'' for strings: not always the one that took the lock.';


--
-- Name: lock_tree; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.lock_tree AS
 WITH wait AS MATERIALIZED (
         SELECT found.waiting_pid,
            found.blocker_pid,
            found.blocking_pids,
            found.root_pid,
            found.chain,
            found.depth,
            found.lock_type,
            found.mode,
            found.relation,
            found.place,
            found.user_id,
            found.specialization_id,
            found.waiting_since,
            found.waited,
            found.waiting_role,
            found.waiting_application,
            found.waiting_query,
            found.blocker_role,
            found.blocker_application,
            found.blocker_state,
            found.blocker_transaction_start,
            found.blocker_query
           FROM lockstep.lock_waits found
        )
 SELECT line.session,
    line.doing,
    line.lasting,
    line.application_name,
    line.role,
    line.query
   FROM ( SELECT DISTINCT ON (wait.root_pid) ARRAY[wait.root_pid] AS path,
            (wait.root_pid)::text AS session,
            COALESCE(wait.blocker_state, 'not to be seen'::text) AS doing,
            (clock_timestamp() - wait.blocker_transaction_start) AS lasting,
            wait.blocker_application AS application_name,
            wait.blocker_role AS role,
            wait.blocker_query AS query
           FROM wait
          WHERE (wait.depth = 1)
        UNION ALL
         SELECT wait.chain,
            ((repeat('   '::text, (wait.depth - 1)) || '-> '::text) || wait.waiting_pid),
            concat_ws(' '::text, 'waits for', wait.relation, COALESCE((wait.place)::text, wait.lock_type), ('user '::text || wait.user_id), wait.specialization_id) AS concat_ws,
            wait.waited,
            wait.waiting_application,
            wait.waiting_role,
            wait.waiting_query
           FROM wait) line
  ORDER BY line.path;


ALTER TABLE lockstep.lock_tree OWNER TO lockstep_owner;

--
-- Name: VIEW lock_tree; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.lock_tree IS 'The waits of now as a tree: who waits for nobody comes first, under it who waits for it. Empty: nobody waits.';


--
-- Name: COLUMN lock_tree.session; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_tree.session IS 'The server process, as far to the right as it is from the root.';


--
-- Name: COLUMN lock_tree.doing; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_tree.doing IS 'What the root does; what the others wait for.';


--
-- Name: COLUMN lock_tree.lasting; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_tree.lasting IS 'How old the root''s transaction is; how long the others have waited.';


--
-- Name: COLUMN lock_tree.role; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_tree.role IS 'The role that it logged in as.';


--
-- Name: COLUMN lock_tree.query; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.lock_tree.query IS 'What it runs, or ran last, with ''?'' for strings.';


--
-- Name: monitoring_samples_id_seq; Type: SEQUENCE; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE lockstep.monitoring_samples ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lockstep.monitoring_samples_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: noted_incidents_id_seq; Type: SEQUENCE; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE lockstep.noted_incidents ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lockstep.noted_incidents_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: pending_names; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.pending_names (
    kind text NOT NULL,
    name text NOT NULL,
    CONSTRAINT ck_pending_names_kind CHECK ((kind = ANY (ARRAY['user'::text, 'group'::text]))),
    CONSTRAINT ck_pending_names_name CHECK ((length(name) <= 320))
);


ALTER TABLE lockstep.pending_names OWNER TO lockstep_owner;

--
-- Name: TABLE pending_names; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.pending_names IS 'Empty, as seen by everybody: who is about to make a row of this name puts it here and takes it away before the commit. A second one waits for that, and has drawn no number of a sequence.';


--
-- Name: COLUMN pending_names.kind; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.pending_names.kind IS 'user (the name is an e-mail address in lower case) or group.';


--
-- Name: CONSTRAINT ck_pending_names_kind ON pending_names; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_pending_names_kind ON lockstep.pending_names IS 'What is made so.';


--
-- Name: CONSTRAINT ck_pending_names_name ON pending_names; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_pending_names_name ON lockstep.pending_names IS 'No e-mail address is longer.';


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
-- Name: pool_usage; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.pool_usage AS
 SELECT found.application_name,
    found.role,
    found.total,
    found.active,
    found.idle,
    found.idle_in_transaction,
    found.waiting,
    found.oldest_transaction,
    found.oldest_age,
    found.server_connections,
    found.server_limit
   FROM lockstep.find_pool_usage() found(application_name, role, total, active, idle, idle_in_transaction, waiting, oldest_transaction, oldest_age, server_connections, server_limit);


ALTER TABLE lockstep.pool_usage OWNER TO lockstep_owner;

--
-- Name: VIEW pool_usage; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.pool_usage IS 'Who holds connections to this database now, by application and role, the one that asks included; and what the server has.';


--
-- Name: COLUMN pool_usage.role; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.pool_usage.role IS 'The role that the sessions logged in as.';


--
-- Name: COLUMN pool_usage.total; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.pool_usage.total IS 'Connections.';


--
-- Name: COLUMN pool_usage.active; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.pool_usage.active IS 'Of those, the ones that run a statement, or wait for a lock in one.';


--
-- Name: COLUMN pool_usage.idle; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.pool_usage.idle IS 'Of those, the ones that have nothing to do.';


--
-- Name: COLUMN pool_usage.idle_in_transaction; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.pool_usage.idle_in_transaction IS 'Of those, the ones that have a transaction open and do nothing: they may hold locks.';


--
-- Name: COLUMN pool_usage.waiting; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.pool_usage.waiting IS 'Of the active, the ones that wait for a lock.';


--
-- Name: COLUMN pool_usage.oldest_transaction; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.pool_usage.oldest_transaction IS 'When the oldest transaction of theirs began; null: none is open.';


--
-- Name: COLUMN pool_usage.oldest_age; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.pool_usage.oldest_age IS 'How old it is.';


--
-- Name: COLUMN pool_usage.server_connections; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.pool_usage.server_connections IS 'Clients of the whole server, all databases; the same in each row.';


--
-- Name: COLUMN pool_usage.server_limit; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.pool_usage.server_limit IS 'How many the server takes of roles that are no superuser; the same in each row.';


--
-- Name: project_shares_id_seq; Type: SEQUENCE; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE lockstep.project_shares ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lockstep.project_shares_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: projects_id_seq; Type: SEQUENCE; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE lockstep.projects ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lockstep.projects_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


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
-- Name: queue_set_aside; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.queue_set_aside AS
 SELECT entry.user_id,
    entry.id AS entry_id,
    entry.specialization_id,
    entry.error_code,
    entry.error,
    entry.enqueued_at,
    entry.set_aside_at,
    entry.xp_gained,
    entry.sessions_completed,
    entry.projects_completed,
    entry.theory_hours,
    entry.practice_hours,
    entry.advanced_by,
    entry.reason,
    entry.idempotency_key,
    entry.database_role,
    entry.application_name,
    entry.client_address
   FROM lockstep.queued_level_ups entry
  WHERE (entry.set_aside_at IS NOT NULL);


ALTER TABLE lockstep.queue_set_aside OWNER TO lockstep_owner;

--
-- Name: VIEW queue_set_aside; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.queue_set_aside IS 'Entries that were refused three times, with the error: requeue_level_up() or discard_level_up() them.';


--
-- Name: queued_level_ups_id_seq; Type: SEQUENCE; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE lockstep.queued_level_ups ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lockstep.queued_level_ups_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: raw_writes; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.raw_writes (
    id bigint NOT NULL,
    backend_pid integer DEFAULT pg_backend_pid() NOT NULL,
    database_role text NOT NULL,
    application_name text NOT NULL,
    table_name text NOT NULL,
    operation text NOT NULL,
    statements bigint DEFAULT 1 NOT NULL,
    first_seen_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    last_seen_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
)
WITH (fillfactor='50');


ALTER TABLE lockstep.raw_writes OWNER TO lockstep_owner;

--
-- Name: TABLE raw_writes; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.raw_writes IS 'Raw statements on the coupled tables and the history, counted: a row a session, so that nobody waits for another.';


--
-- Name: COLUMN raw_writes.backend_pid; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.raw_writes.backend_pid IS 'The server process of the session; 0: sessions that ended, added up.';


--
-- Name: COLUMN raw_writes.database_role; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.raw_writes.database_role IS 'The role that the statement ran as.';


--
-- Name: COLUMN raw_writes.application_name; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.raw_writes.application_name IS 'As the session called itself.';


--
-- Name: COLUMN raw_writes.operation; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.raw_writes.operation IS 'INSERT, UPDATE or DELETE.';


--
-- Name: COLUMN raw_writes.statements; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.raw_writes.statements IS 'How many, whatever they changed: one that found no row counts too.';


--
-- Name: raw_writers; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.raw_writers AS
 SELECT seen.database_role,
    seen.application_name,
    seen.table_name,
    seen.operation,
        CASE seen.table_name
            WHEN 'license_progressions'::text THEN 'client'::text
            ELSE 'raw_sql'::text
        END AS route,
    (sum(seen.statements))::bigint AS statements,
    min(seen.first_seen_at) AS first_seen_at,
    max(seen.last_seen_at) AS last_seen_at
   FROM lockstep.raw_writes seen
  GROUP BY seen.database_role, seen.application_name, seen.table_name, seen.operation;


ALTER TABLE lockstep.raw_writers OWNER TO lockstep_owner;

--
-- Name: VIEW raw_writers; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.raw_writers IS 'Who still writes raw SQL, past the functions: role, application, table, operation, how often, when last.';


--
-- Name: COLUMN raw_writers.database_role; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.raw_writers.database_role IS 'The role that the statements ran as.';


--
-- Name: COLUMN raw_writers.operation; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.raw_writers.operation IS 'INSERT, UPDATE or DELETE.';


--
-- Name: COLUMN raw_writers.route; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.raw_writers.route IS 'As in the history: raw_sql, or client for remarks.';


--
-- Name: COLUMN raw_writers.statements; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.raw_writers.statements IS 'Whatever they changed: XP alone leaves no history, and counts here.';


--
-- Name: raw_writes_id_seq; Type: SEQUENCE; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE lockstep.raw_writes ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lockstep.raw_writes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: refresh_tokens; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.refresh_tokens (
    user_id bigint NOT NULL,
    token_hash bytea NOT NULL,
    session_id uuid NOT NULL,
    issued_at timestamp with time zone DEFAULT now() NOT NULL,
    used_at timestamp with time zone,
    CONSTRAINT ck_refresh_tokens_token_hash CHECK ((length(token_hash) = 32))
);


ALTER TABLE lockstep.refresh_tokens OWNER TO lockstep_owner;

--
-- Name: TABLE refresh_tokens; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.refresh_tokens IS 'Each is good for one refresh; one that comes a second time was stolen, and ends its session.';


--
-- Name: COLUMN refresh_tokens.token_hash; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.refresh_tokens.token_hash IS 'SHA-256 of the token, which has 256 random bits.';


--
-- Name: COLUMN refresh_tokens.used_at; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.refresh_tokens.used_at IS 'When the next one was given for it.';


--
-- Name: CONSTRAINT ck_refresh_tokens_token_hash ON refresh_tokens; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_refresh_tokens_token_hash ON lockstep.refresh_tokens IS 'A token in clear is refused.';


--
-- Name: request_counts; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.request_counts (
    id bigint NOT NULL,
    noted_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    process text NOT NULL,
    requests bigint NOT NULL,
    errors bigint NOT NULL,
    conflicts bigint NOT NULL,
    retries bigint NOT NULL,
    codes jsonb NOT NULL
);


ALTER TABLE lockstep.request_counts OWNER TO lockstep_owner;

--
-- Name: TABLE request_counts; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.request_counts IS 'What each HTTP process has answered since its row before, every half minute: no request writes anything.';


--
-- Name: COLUMN request_counts.noted_at; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.request_counts.noted_at IS 'When the process wrote it down.';


--
-- Name: COLUMN request_counts.process; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.request_counts.process IS 'Host and process id.';


--
-- Name: COLUMN request_counts.requests; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.request_counts.requests IS 'Requests answered; probes and /metrics are none.';


--
-- Name: COLUMN request_counts.errors; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.request_counts.errors IS 'Of those, the ones answered 5xx.';


--
-- Name: COLUMN request_counts.conflicts; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.request_counts.conflicts IS 'Of those, the ones answered 409 or 412.';


--
-- Name: COLUMN request_counts.retries; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.request_counts.retries IS 'Calls that lost a race (40001, 40P01, 55P03) and were run again.';


--
-- Name: COLUMN request_counts.codes; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.request_counts.codes IS 'Errors and conflicts by the code of their problem.';


--
-- Name: request_counts_id_seq; Type: SEQUENCE; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE lockstep.request_counts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lockstep.request_counts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


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
-- Name: samples; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.samples AS
 SELECT sample.sampled_at,
    sample.connections,
    sample.active,
    sample.idle,
    sample.idle_in_transaction,
    sample.waiting,
    sample.longest_wait,
    sample.lock_breaches,
    sample.requests,
    sample.errors,
    sample.conflicts,
    sample.retries
   FROM lockstep.monitoring_samples sample;


ALTER TABLE lockstep.samples OWNER TO lockstep_owner;

--
-- Name: VIEW samples; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.samples IS 'Connections, waits and requests over time: a row a look of sample_monitoring().';


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
-- Name: sessions; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.sessions (
    user_id bigint NOT NULL,
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    end_reason text,
    address inet,
    CONSTRAINT ck_sessions_end CHECK (((ended_at IS NULL) = (end_reason IS NULL)))
);


ALTER TABLE lockstep.sessions OWNER TO lockstep_owner;

--
-- Name: TABLE sessions; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.sessions IS 'From a sign-in to its end; every access token names one, and ends with it.';


--
-- Name: COLUMN sessions.expires_at; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.sessions.expires_at IS 'When it ends whatever happens: a refresh does not move it.';


--
-- Name: COLUMN sessions.end_reason; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.sessions.end_reason IS 'signed_out, reused, password_changed or deactivated.';


--
-- Name: COLUMN sessions.address; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.sessions.address IS 'Where the sign-in came from.';


--
-- Name: CONSTRAINT ck_sessions_end ON sessions; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_sessions_end ON lockstep.sessions IS 'A session that ended says why.';


--
-- Name: sign_in_attempts; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.sign_in_attempts (
    kind text NOT NULL,
    name text NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    last_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ck_sign_in_attempts_kind CHECK ((kind = ANY (ARRAY['account'::text, 'address'::text])))
);


ALTER TABLE lockstep.sign_in_attempts OWNER TO lockstep_owner;

--
-- Name: TABLE sign_in_attempts; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.sign_in_attempts IS 'Sign-ins that were begun and did not succeed, by account and by address: the next one has to wait for longer.';


--
-- Name: COLUMN sign_in_attempts.kind; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.sign_in_attempts.kind IS 'account or address.';


--
-- Name: COLUMN sign_in_attempts.name; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.sign_in_attempts.name IS 'The e-mail address in lower case, whether anybody has it or not; or the address of the network.';


--
-- Name: COLUMN sign_in_attempts.failures; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.sign_in_attempts.failures IS 'Since the last success, or since they were forgotten.';


--
-- Name: CONSTRAINT ck_sign_in_attempts_kind ON sign_in_attempts; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT ck_sign_in_attempts_kind ON lockstep.sign_in_attempts IS 'What is counted.';


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
-- Name: taken_over; Type: TABLE; Schema: lockstep; Owner: lockstep_owner
--

CREATE TABLE lockstep.taken_over (
    id bigint NOT NULL,
    step integer NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    detail jsonb,
    undo text,
    taken_at timestamp with time zone DEFAULT now() NOT NULL
);


ALTER TABLE lockstep.taken_over OWNER TO lockstep_owner;

--
-- Name: TABLE taken_over; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TABLE lockstep.taken_over IS 'What a take-over in place found on the old tables, and how give-back makes it again. Empty where there was none.';


--
-- Name: COLUMN taken_over.step; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.taken_over.step IS 'The order in which give-back goes through them.';


--
-- Name: COLUMN taken_over.kind; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.taken_over.kind IS 'table, column, sequence, constraint, index, trigger, view, setting, …';


--
-- Name: COLUMN taken_over.detail; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.taken_over.detail IS 'As the catalog showed it.';


--
-- Name: COLUMN taken_over.undo; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON COLUMN lockstep.taken_over.undo IS 'The SQL that makes it again once the tables are back in public. Run as the installer: only the owner may write it.';


--
-- Name: taken_over_id_seq; Type: SEQUENCE; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE lockstep.taken_over ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lockstep.taken_over_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: threshold_breaches; Type: VIEW; Schema: lockstep; Owner: lockstep_owner
--

CREATE VIEW lockstep.threshold_breaches AS
 SELECT breach.id AS breach_id,
    breach.kind,
    breach.subject,
    breach.began_at,
    breach.last_seen_at,
    breach.ended_at,
    breach.samples,
    breach.measured,
    breach.threshold,
    breach.cause
   FROM lockstep.breach_records breach;


ALTER TABLE lockstep.threshold_breaches OWNER TO lockstep_owner;

--
-- Name: VIEW threshold_breaches; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON VIEW lockstep.threshold_breaches IS 'Thresholds that were reached, each with its cause, from the first sample that saw it to the first that did not. Of waits for a pair that were given up, breaches has each.';


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
-- Name: adopted_rows adopted_rows_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.adopted_rows
    ADD CONSTRAINT adopted_rows_pkey PRIMARY KEY (source, table_name, source_id);


--
-- Name: adoption_pairs adoption_pairs_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.adoption_pairs
    ADD CONSTRAINT adoption_pairs_pkey PRIMARY KEY (user_id, specialization_id);


--
-- Name: adoption_runs adoption_runs_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.adoption_runs
    ADD CONSTRAINT adoption_runs_pkey PRIMARY KEY (id);


--
-- Name: adoption_staging adoption_staging_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.adoption_staging
    ADD CONSTRAINT adoption_staging_pkey PRIMARY KEY (table_name, source_id);


--
-- Name: assets assets_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.assets
    ADD CONSTRAINT assets_pkey PRIMARY KEY (id);


--
-- Name: blobs blobs_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.blobs
    ADD CONSTRAINT blobs_pkey PRIMARY KEY (sha256);


--
-- Name: breach_records breach_records_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.breach_records
    ADD CONSTRAINT breach_records_pkey PRIMARY KEY (id);


--
-- Name: credentials credentials_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.credentials
    ADD CONSTRAINT credentials_pkey PRIMARY KEY (user_id);


--
-- Name: erasures erasures_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.erasures
    ADD CONSTRAINT erasures_pkey PRIMARY KEY (user_id);


--
-- Name: group_members group_members_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.group_members
    ADD CONSTRAINT group_members_pkey PRIMARY KEY (user_id, group_id);


--
-- Name: groups groups_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.groups
    ADD CONSTRAINT groups_pkey PRIMARY KEY (id);


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
-- Name: identities identities_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.identities
    ADD CONSTRAINT identities_pkey PRIMARY KEY (issuer, subject);


--
-- Name: incident_checks incident_checks_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.incident_checks
    ADD CONSTRAINT incident_checks_pkey PRIMARY KEY (is_only);


--
-- Name: incident_kinds incident_kinds_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.incident_kinds
    ADD CONSTRAINT incident_kinds_pkey PRIMARY KEY (kind);


--
-- Name: incident_mails incident_mails_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.incident_mails
    ADD CONSTRAINT incident_mails_pkey PRIMARY KEY (id);


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
-- Name: lock_breaches lock_breaches_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.lock_breaches
    ADD CONSTRAINT lock_breaches_pkey PRIMARY KEY (user_id, id);


--
-- Name: monitoring_samples monitoring_samples_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.monitoring_samples
    ADD CONSTRAINT monitoring_samples_pkey PRIMARY KEY (id);


--
-- Name: noted_incidents noted_incidents_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.noted_incidents
    ADD CONSTRAINT noted_incidents_pkey PRIMARY KEY (id);


--
-- Name: password_resets password_resets_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.password_resets
    ADD CONSTRAINT password_resets_pkey PRIMARY KEY (user_id);


--
-- Name: pending_names pending_names_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.pending_names
    ADD CONSTRAINT pending_names_pkey PRIMARY KEY (kind, name);


--
-- Name: project_revisions project_revisions_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.project_revisions
    ADD CONSTRAINT project_revisions_pkey PRIMARY KEY (user_id, project_id, version);


--
-- Name: project_shares project_shares_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.project_shares
    ADD CONSTRAINT project_shares_pkey PRIMARY KEY (user_id, id);


--
-- Name: projects projects_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.projects
    ADD CONSTRAINT projects_pkey PRIMARY KEY (user_id, id);


--
-- Name: quarantine quarantine_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.quarantine
    ADD CONSTRAINT quarantine_pkey PRIMARY KEY (id);


--
-- Name: queued_level_ups queued_level_ups_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.queued_level_ups
    ADD CONSTRAINT queued_level_ups_pkey PRIMARY KEY (user_id, id);


--
-- Name: raw_writes raw_writes_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.raw_writes
    ADD CONSTRAINT raw_writes_pkey PRIMARY KEY (id);


--
-- Name: refresh_tokens refresh_tokens_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.refresh_tokens
    ADD CONSTRAINT refresh_tokens_pkey PRIMARY KEY (user_id, token_hash);


--
-- Name: request_counts request_counts_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.request_counts
    ADD CONSTRAINT request_counts_pkey PRIMARY KEY (id);


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
-- Name: sessions sessions_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (user_id, id);


--
-- Name: settings settings_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.settings
    ADD CONSTRAINT settings_pkey PRIMARY KEY (name);


--
-- Name: sign_in_attempts sign_in_attempts_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.sign_in_attempts
    ADD CONSTRAINT sign_in_attempts_pkey PRIMARY KEY (kind, name);


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
-- Name: statement_baseline statement_baseline_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.statement_baseline
    ADD CONSTRAINT statement_baseline_pkey PRIMARY KEY (role_name, query_id);


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
-- Name: taken_over taken_over_pkey; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.taken_over
    ADD CONSTRAINT taken_over_pkey PRIMARY KEY (id);


--
-- Name: assets uq_assets_sha256; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.assets
    ADD CONSTRAINT uq_assets_sha256 UNIQUE (sha256);


--
-- Name: CONSTRAINT uq_assets_sha256 ON assets; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT uq_assets_sha256 ON lockstep.assets IS 'One asset a content.';


--
-- Name: groups uq_groups_name; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.groups
    ADD CONSTRAINT uq_groups_name UNIQUE (name);


--
-- Name: CONSTRAINT uq_groups_name ON groups; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT uq_groups_name ON lockstep.groups IS 'One group a name.';


--
-- Name: incident_mails uq_incident_mails_event; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.incident_mails
    ADD CONSTRAINT uq_incident_mails_event UNIQUE (incident_id, event);


--
-- Name: CONSTRAINT uq_incident_mails_event ON incident_mails; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT uq_incident_mails_event ON lockstep.incident_mails IS 'One mail when it opens, one when it closes.';


--
-- Name: project_shares uq_project_shares_group; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.project_shares
    ADD CONSTRAINT uq_project_shares_group UNIQUE (user_id, project_id, grantee_group_id);


--
-- Name: CONSTRAINT uq_project_shares_group ON project_shares; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT uq_project_shares_group ON lockstep.project_shares IS 'One row a project and group.';


--
-- Name: project_shares uq_project_shares_user; Type: CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.project_shares
    ADD CONSTRAINT uq_project_shares_user UNIQUE (user_id, project_id, grantee_user_id);


--
-- Name: CONSTRAINT uq_project_shares_user ON project_shares; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT uq_project_shares_user ON lockstep.project_shares IS 'One row a project and user.';


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
-- Name: ix_adopted_rows_run_id; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE INDEX ix_adopted_rows_run_id ON lockstep.adopted_rows USING btree (run_id);


--
-- Name: INDEX ix_adopted_rows_run_id; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.ix_adopted_rows_run_id IS 'Serves the foreign key.';


--
-- Name: ix_adopted_rows_user_id; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE INDEX ix_adopted_rows_user_id ON lockstep.adopted_rows USING btree (user_id, specialization_id);


--
-- Name: INDEX ix_adopted_rows_user_id; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.ix_adopted_rows_user_id IS 'Finds what was adopted of a person, and of a pair.';


--
-- Name: ix_adoption_staging_pair; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE INDEX ix_adoption_staging_pair ON lockstep.adoption_staging USING btree (user_id, specialization_id);


--
-- Name: INDEX ix_adoption_staging_pair; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.ix_adoption_staging_pair IS 'Finds the rows of a pair.';


--
-- Name: ix_assets_created_by; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE INDEX ix_assets_created_by ON lockstep.assets USING btree (created_by);


--
-- Name: INDEX ix_assets_created_by; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.ix_assets_created_by IS 'Serves export, erasure and the foreign key.';


--
-- Name: ix_breach_records_last_seen_at; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE INDEX ix_breach_records_last_seen_at ON lockstep.breach_records USING btree (last_seen_at);


--
-- Name: INDEX ix_breach_records_last_seen_at; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.ix_breach_records_last_seen_at IS 'Serves the newest breaches and the retention.';


--
-- Name: ix_group_members_group_id; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE INDEX ix_group_members_group_id ON lockstep.group_members USING btree (group_id);


--
-- Name: INDEX ix_group_members_group_id; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.ix_group_members_group_id IS 'Serves who is in a group.';


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
-- Name: ix_identities_user_id; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE INDEX ix_identities_user_id ON lockstep.identities USING btree (user_id);


--
-- Name: INDEX ix_identities_user_id; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.ix_identities_user_id IS 'Serves export and erasure.';


--
-- Name: ix_incident_mails_waiting; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE INDEX ix_incident_mails_waiting ON lockstep.incident_mails USING btree (try_after) WHERE ((sent_at IS NULL) AND (set_aside_at IS NULL));


--
-- Name: INDEX ix_incident_mails_waiting; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.ix_incident_mails_waiting IS 'Serves a delivery: the mails that wait.';


--
-- Name: ix_license_progressions_id; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE INDEX ix_license_progressions_id ON lockstep.license_progressions USING btree (id);


--
-- Name: INDEX ix_license_progressions_id; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.ix_license_progressions_id IS 'Serves clients that address a row by its id alone.';


--
-- Name: ix_lock_breaches_noticed_at; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE INDEX ix_lock_breaches_noticed_at ON lockstep.lock_breaches USING btree (noticed_at);


--
-- Name: INDEX ix_lock_breaches_noticed_at; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.ix_lock_breaches_noticed_at IS 'Serves the newest breaches and the retention.';


--
-- Name: ix_monitoring_samples_sampled_at; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE INDEX ix_monitoring_samples_sampled_at ON lockstep.monitoring_samples USING btree (sampled_at);


--
-- Name: INDEX ix_monitoring_samples_sampled_at; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.ix_monitoring_samples_sampled_at IS 'Serves the newest sample and the retention.';


--
-- Name: ix_noted_incidents_closed_at; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE INDEX ix_noted_incidents_closed_at ON lockstep.noted_incidents USING btree (closed_at);


--
-- Name: INDEX ix_noted_incidents_closed_at; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.ix_noted_incidents_closed_at IS 'Serves the retention.';


--
-- Name: ix_project_revisions_changed_by; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE INDEX ix_project_revisions_changed_by ON lockstep.project_revisions USING btree (changed_by);


--
-- Name: INDEX ix_project_revisions_changed_by; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.ix_project_revisions_changed_by IS 'Serves export and erasure.';


--
-- Name: ix_project_revisions_file_sha256; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE INDEX ix_project_revisions_file_sha256 ON lockstep.project_revisions USING btree (file_sha256);


--
-- Name: INDEX ix_project_revisions_file_sha256; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.ix_project_revisions_file_sha256 IS 'Serves sweep_blobs() and the foreign key.';


--
-- Name: ix_project_shares_grantee_group_id; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE INDEX ix_project_shares_grantee_group_id ON lockstep.project_shares USING btree (grantee_group_id);


--
-- Name: INDEX ix_project_shares_grantee_group_id; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.ix_project_shares_grantee_group_id IS 'Serves what is shared with a group.';


--
-- Name: ix_project_shares_grantee_user_id; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE INDEX ix_project_shares_grantee_user_id ON lockstep.project_shares USING btree (grantee_user_id);


--
-- Name: INDEX ix_project_shares_grantee_user_id; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.ix_project_shares_grantee_user_id IS 'Serves what is shared with a user.';


--
-- Name: ix_projects_deleted_at; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE INDEX ix_projects_deleted_at ON lockstep.projects USING btree (deleted_at) WHERE (deleted_at IS NOT NULL);


--
-- Name: INDEX ix_projects_deleted_at; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.ix_projects_deleted_at IS 'Serves purge_projects().';


--
-- Name: ix_projects_file_sha256; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE INDEX ix_projects_file_sha256 ON lockstep.projects USING btree (file_sha256);


--
-- Name: INDEX ix_projects_file_sha256; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.ix_projects_file_sha256 IS 'Serves sweep_blobs() and the foreign key.';


--
-- Name: ix_projects_id; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE INDEX ix_projects_id ON lockstep.projects USING btree (id);


--
-- Name: INDEX ix_projects_id; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.ix_projects_id IS 'Serves clients that address a row by its id alone.';


--
-- Name: ix_projects_modified_by; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE INDEX ix_projects_modified_by ON lockstep.projects USING btree (modified_by);


--
-- Name: INDEX ix_projects_modified_by; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.ix_projects_modified_by IS 'Serves export.';


--
-- Name: ix_queued_level_ups_waiting; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE INDEX ix_queued_level_ups_waiting ON lockstep.queued_level_ups USING btree (id) WHERE (set_aside_at IS NULL);


--
-- Name: INDEX ix_queued_level_ups_waiting; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.ix_queued_level_ups_waiting IS 'Serves a drain: the oldest entries first.';


--
-- Name: ix_raw_writes_session; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE INDEX ix_raw_writes_session ON lockstep.raw_writes USING btree (backend_pid);


--
-- Name: INDEX ix_raw_writes_session; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.ix_raw_writes_session IS 'Serves the session that counts.';


--
-- Name: ix_refresh_tokens_session; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE INDEX ix_refresh_tokens_session ON lockstep.refresh_tokens USING btree (user_id, session_id);


--
-- Name: INDEX ix_refresh_tokens_session; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.ix_refresh_tokens_session IS 'Serves the foreign key.';


--
-- Name: ix_request_counts_noted_at; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE INDEX ix_request_counts_noted_at ON lockstep.request_counts USING btree (noted_at);


--
-- Name: INDEX ix_request_counts_noted_at; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.ix_request_counts_noted_at IS 'Serves the error rate and the retention.';


--
-- Name: ix_sign_in_attempts_last_at; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE INDEX ix_sign_in_attempts_last_at ON lockstep.sign_in_attempts USING btree (last_at);


--
-- Name: INDEX ix_sign_in_attempts_last_at; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.ix_sign_in_attempts_last_at IS 'Serves the purge of what is forgotten.';


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
-- Name: uq_breach_records_open; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE UNIQUE INDEX uq_breach_records_open ON lockstep.breach_records USING btree (kind, subject) WHERE (ended_at IS NULL);


--
-- Name: INDEX uq_breach_records_open; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.uq_breach_records_open IS 'A breach that goes on is one row, however many samplers see it.';


--
-- Name: uq_noted_incidents_open; Type: INDEX; Schema: lockstep; Owner: lockstep_owner
--

CREATE UNIQUE INDEX uq_noted_incidents_open ON lockstep.noted_incidents USING btree (kind, subject) WHERE (closed_at IS NULL);


--
-- Name: INDEX uq_noted_incidents_open; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON INDEX lockstep.uq_noted_incidents_open IS 'One open incident of a kind and subject.';


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
-- Name: specialization_progress count_delete; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER count_delete AFTER DELETE ON lockstep.specialization_progress FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'lockstep_coupler'::name)) EXECUTE FUNCTION lockstep.count_raw_write('specialization_progress');


--
-- Name: TRIGGER count_delete ON specialization_progress; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER count_delete ON lockstep.specialization_progress IS 'Raw DELETE: counted. The functions'' own role passes.';


--
-- Name: user_licenses count_delete; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER count_delete AFTER DELETE ON lockstep.user_licenses FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'lockstep_coupler'::name)) EXECUTE FUNCTION lockstep.count_raw_write('user_licenses');


--
-- Name: TRIGGER count_delete ON user_licenses; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER count_delete ON lockstep.user_licenses IS 'Raw DELETE: counted. The functions'' own role passes.';


--
-- Name: license_progressions count_insert; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER count_insert AFTER INSERT ON lockstep.license_progressions FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'lockstep_coupler'::name)) EXECUTE FUNCTION lockstep.count_raw_write('license_progressions');


--
-- Name: TRIGGER count_insert ON license_progressions; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER count_insert ON lockstep.license_progressions IS 'A remark of a client: counted. The functions'' own role passes.';


--
-- Name: specialization_progress count_insert; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER count_insert AFTER INSERT ON lockstep.specialization_progress FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'lockstep_coupler'::name)) EXECUTE FUNCTION lockstep.count_raw_write('specialization_progress');


--
-- Name: TRIGGER count_insert ON specialization_progress; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER count_insert ON lockstep.specialization_progress IS 'Raw INSERT: counted. The functions'' own role passes.';


--
-- Name: user_licenses count_insert; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER count_insert AFTER INSERT ON lockstep.user_licenses FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'lockstep_coupler'::name)) EXECUTE FUNCTION lockstep.count_raw_write('user_licenses');


--
-- Name: TRIGGER count_insert ON user_licenses; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER count_insert ON lockstep.user_licenses IS 'Raw INSERT: counted. The functions'' own role passes.';


--
-- Name: specialization_progress count_update; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER count_update AFTER UPDATE ON lockstep.specialization_progress FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'lockstep_coupler'::name)) EXECUTE FUNCTION lockstep.count_raw_write('specialization_progress');


--
-- Name: TRIGGER count_update ON specialization_progress; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER count_update ON lockstep.specialization_progress IS 'Raw UPDATE: counted, also where no level changes. The functions'' own role passes.';


--
-- Name: user_licenses count_update; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER count_update AFTER UPDATE ON lockstep.user_licenses FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'lockstep_coupler'::name)) EXECUTE FUNCTION lockstep.count_raw_write('user_licenses');


--
-- Name: TRIGGER count_update ON user_licenses; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER count_update ON lockstep.user_licenses IS 'Raw UPDATE: counted, also where no level changes. The functions'' own role passes.';


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
-- Name: project_revisions guard_delete; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER guard_delete BEFORE DELETE ON lockstep.project_revisions FOR EACH ROW WHEN ((CURRENT_USER <> 'lockstep_coupler'::name)) EXECUTE FUNCTION lockstep.guard_revision();


--
-- Name: TRIGGER guard_delete ON project_revisions; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER guard_delete ON lockstep.project_revisions IS 'Revisions go with their project only. The functions'' own role passes.';


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
-- Name: license_progressions guard_erasure; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER guard_erasure BEFORE UPDATE ON lockstep.license_progressions FOR EACH ROW WHEN ((CURRENT_USER = 'lockstep_coupler'::name)) EXECUTE FUNCTION lockstep.guard_erasure();


--
-- Name: TRIGGER guard_erasure ON license_progressions; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER guard_erasure ON lockstep.license_progressions IS 'What erase_user() empties may be emptied. Every other role meets guard_update.';


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

CREATE TRIGGER guard_update BEFORE UPDATE ON lockstep.license_progressions FOR EACH ROW WHEN ((CURRENT_USER <> 'lockstep_coupler'::name)) EXECUTE FUNCTION lockstep.guard_progression();


--
-- Name: TRIGGER guard_update ON license_progressions; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER guard_update ON lockstep.license_progressions IS 'History is append-only, for everybody. The functions'' own role meets guard_erasure.';


--
-- Name: project_revisions guard_update; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER guard_update BEFORE UPDATE ON lockstep.project_revisions FOR EACH ROW EXECUTE FUNCTION lockstep.guard_revision();


--
-- Name: TRIGGER guard_update ON project_revisions; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER guard_update ON lockstep.project_revisions IS 'Revisions are append-only, for everybody.';


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
-- Name: projects record_revision; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER record_revision AFTER INSERT OR UPDATE ON lockstep.projects FOR EACH ROW EXECUTE FUNCTION lockstep.record_revision();


--
-- Name: TRIGGER record_revision ON projects; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER record_revision ON lockstep.projects IS 'Every version is kept, raw SQL too.';


--
-- Name: license_progressions refuse_truncate; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON lockstep.license_progressions FOR EACH STATEMENT EXECUTE FUNCTION lockstep.refuse_truncate();


--
-- Name: TRIGGER refuse_truncate ON license_progressions; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER refuse_truncate ON lockstep.license_progressions IS 'TRUNCATE is refused.';


--
-- Name: project_revisions refuse_truncate; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON lockstep.project_revisions FOR EACH STATEMENT EXECUTE FUNCTION lockstep.guard_revision();


--
-- Name: TRIGGER refuse_truncate ON project_revisions; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER refuse_truncate ON lockstep.project_revisions IS 'TRUNCATE is refused.';


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
-- Name: projects stamp_update; Type: TRIGGER; Schema: lockstep; Owner: lockstep_owner
--

CREATE TRIGGER stamp_update BEFORE UPDATE ON lockstep.projects FOR EACH ROW EXECUTE FUNCTION lockstep.stamp_project();


--
-- Name: TRIGGER stamp_update ON projects; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON TRIGGER stamp_update ON lockstep.projects IS 'Every update is a new version, raw SQL too.';


--
-- Name: adopted_rows fk_adopted_rows_run; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.adopted_rows
    ADD CONSTRAINT fk_adopted_rows_run FOREIGN KEY (run_id) REFERENCES lockstep.adoption_runs(id) ON DELETE RESTRICT;


--
-- Name: CONSTRAINT fk_adopted_rows_run ON adopted_rows; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_adopted_rows_run ON lockstep.adopted_rows IS 'The adoption that wrote the row last.';


--
-- Name: assets fk_assets_content; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.assets
    ADD CONSTRAINT fk_assets_content FOREIGN KEY (sha256) REFERENCES lockstep.blobs(sha256) ON DELETE RESTRICT;


--
-- Name: CONSTRAINT fk_assets_content ON assets; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_assets_content ON lockstep.assets IS 'The content of an asset cannot be deleted.';


--
-- Name: assets fk_assets_created_by; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.assets
    ADD CONSTRAINT fk_assets_created_by FOREIGN KEY (created_by) REFERENCES lockstep.users(id) ON DELETE SET NULL;


--
-- Name: CONSTRAINT fk_assets_created_by ON assets; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_assets_created_by ON lockstep.assets IS 'An asset outlives who uploaded it.';


--
-- Name: credentials fk_credentials_user; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.credentials
    ADD CONSTRAINT fk_credentials_user FOREIGN KEY (user_id) REFERENCES lockstep.users(id) ON DELETE CASCADE;


--
-- Name: CONSTRAINT fk_credentials_user ON credentials; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_credentials_user ON lockstep.credentials IS 'A password belongs to a person.';


--
-- Name: group_members fk_group_members_group; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.group_members
    ADD CONSTRAINT fk_group_members_group FOREIGN KEY (group_id) REFERENCES lockstep.groups(id) ON DELETE CASCADE;


--
-- Name: CONSTRAINT fk_group_members_group ON group_members; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_group_members_group ON lockstep.group_members IS 'A group that is gone has no members.';


--
-- Name: group_members fk_group_members_user; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.group_members
    ADD CONSTRAINT fk_group_members_user FOREIGN KEY (user_id) REFERENCES lockstep.users(id) ON DELETE CASCADE;


--
-- Name: CONSTRAINT fk_group_members_user ON group_members; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_group_members_user ON lockstep.group_members IS 'A member is a person.';


--
-- Name: identities fk_identities_user; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.identities
    ADD CONSTRAINT fk_identities_user FOREIGN KEY (user_id) REFERENCES lockstep.users(id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;


--
-- Name: CONSTRAINT fk_identities_user ON identities; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_identities_user ON lockstep.identities IS 'An identity belongs to a person.';


--
-- Name: incident_mails fk_incident_mails_incident; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.incident_mails
    ADD CONSTRAINT fk_incident_mails_incident FOREIGN KEY (incident_id) REFERENCES lockstep.noted_incidents(id) ON DELETE CASCADE;


--
-- Name: CONSTRAINT fk_incident_mails_incident ON incident_mails; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_incident_mails_incident ON lockstep.incident_mails IS 'Mails go with their incident.';


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
-- Name: noted_incidents fk_noted_incidents_kind; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.noted_incidents
    ADD CONSTRAINT fk_noted_incidents_kind FOREIGN KEY (kind) REFERENCES lockstep.incident_kinds(kind) ON DELETE RESTRICT;


--
-- Name: CONSTRAINT fk_noted_incidents_kind ON noted_incidents; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_noted_incidents_kind ON lockstep.noted_incidents IS 'An incident is of a known kind.';


--
-- Name: password_resets fk_password_resets_user; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.password_resets
    ADD CONSTRAINT fk_password_resets_user FOREIGN KEY (user_id) REFERENCES lockstep.users(id) ON DELETE CASCADE;


--
-- Name: CONSTRAINT fk_password_resets_user ON password_resets; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_password_resets_user ON lockstep.password_resets IS 'A reset belongs to a person.';


--
-- Name: project_revisions fk_project_revisions_changed_by; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.project_revisions
    ADD CONSTRAINT fk_project_revisions_changed_by FOREIGN KEY (changed_by) REFERENCES lockstep.users(id) ON DELETE RESTRICT;


--
-- Name: CONSTRAINT fk_project_revisions_changed_by ON project_revisions; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_project_revisions_changed_by ON lockstep.project_revisions IS 'Who changed it is somebody who exists.';


--
-- Name: project_revisions fk_project_revisions_file; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.project_revisions
    ADD CONSTRAINT fk_project_revisions_file FOREIGN KEY (file_sha256) REFERENCES lockstep.blobs(sha256) ON DELETE RESTRICT;


--
-- Name: CONSTRAINT fk_project_revisions_file ON project_revisions; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_project_revisions_file ON lockstep.project_revisions IS 'The content of a version cannot be deleted.';


--
-- Name: project_revisions fk_project_revisions_project; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.project_revisions
    ADD CONSTRAINT fk_project_revisions_project FOREIGN KEY (user_id, project_id) REFERENCES lockstep.projects(user_id, id) ON DELETE RESTRICT;


--
-- Name: CONSTRAINT fk_project_revisions_project ON project_revisions; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_project_revisions_project ON lockstep.project_revisions IS 'A project with revisions cannot be deleted but by purge_projects() and erase_projects().';


--
-- Name: project_shares fk_project_shares_granted_by; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.project_shares
    ADD CONSTRAINT fk_project_shares_granted_by FOREIGN KEY (granted_by) REFERENCES lockstep.users(id) ON DELETE RESTRICT;


--
-- Name: CONSTRAINT fk_project_shares_granted_by ON project_shares; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_project_shares_granted_by ON lockstep.project_shares IS 'Who shared it is somebody who exists.';


--
-- Name: project_shares fk_project_shares_grantee_group; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.project_shares
    ADD CONSTRAINT fk_project_shares_grantee_group FOREIGN KEY (grantee_group_id) REFERENCES lockstep.groups(id) ON DELETE CASCADE;


--
-- Name: CONSTRAINT fk_project_shares_grantee_group ON project_shares; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_project_shares_grantee_group ON lockstep.project_shares IS 'A share goes with its group.';


--
-- Name: project_shares fk_project_shares_grantee_user; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.project_shares
    ADD CONSTRAINT fk_project_shares_grantee_user FOREIGN KEY (grantee_user_id) REFERENCES lockstep.users(id) ON DELETE CASCADE;


--
-- Name: CONSTRAINT fk_project_shares_grantee_user ON project_shares; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_project_shares_grantee_user ON lockstep.project_shares IS 'A share goes with its user.';


--
-- Name: project_shares fk_project_shares_project; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.project_shares
    ADD CONSTRAINT fk_project_shares_project FOREIGN KEY (user_id, project_id) REFERENCES lockstep.projects(user_id, id) ON DELETE RESTRICT;


--
-- Name: CONSTRAINT fk_project_shares_project ON project_shares; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_project_shares_project ON lockstep.project_shares IS 'A share is of a project.';


--
-- Name: projects fk_projects_file; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.projects
    ADD CONSTRAINT fk_projects_file FOREIGN KEY (file_sha256) REFERENCES lockstep.blobs(sha256) ON DELETE RESTRICT;


--
-- Name: CONSTRAINT fk_projects_file ON projects; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_projects_file ON lockstep.projects IS 'The content of a project cannot be deleted.';


--
-- Name: projects fk_projects_modified_by; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.projects
    ADD CONSTRAINT fk_projects_modified_by FOREIGN KEY (modified_by) REFERENCES lockstep.users(id) ON DELETE RESTRICT;


--
-- Name: CONSTRAINT fk_projects_modified_by ON projects; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_projects_modified_by ON lockstep.projects IS 'Who changed it is somebody who exists.';


--
-- Name: projects fk_projects_user; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.projects
    ADD CONSTRAINT fk_projects_user FOREIGN KEY (user_id) REFERENCES lockstep.users(id) ON DELETE RESTRICT;


--
-- Name: CONSTRAINT fk_projects_user ON projects; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_projects_user ON lockstep.projects IS 'A project has an owner.';


--
-- Name: queued_level_ups fk_queued_level_ups_user; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.queued_level_ups
    ADD CONSTRAINT fk_queued_level_ups_user FOREIGN KEY (user_id) REFERENCES lockstep.users(id) ON DELETE RESTRICT;


--
-- Name: CONSTRAINT fk_queued_level_ups_user ON queued_level_ups; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_queued_level_ups_user ON lockstep.queued_level_ups IS 'A user with entries in the queue cannot be deleted.';


--
-- Name: refresh_tokens fk_refresh_tokens_session; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.refresh_tokens
    ADD CONSTRAINT fk_refresh_tokens_session FOREIGN KEY (user_id, session_id) REFERENCES lockstep.sessions(user_id, id) ON DELETE CASCADE;


--
-- Name: CONSTRAINT fk_refresh_tokens_session ON refresh_tokens; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_refresh_tokens_session ON lockstep.refresh_tokens IS 'A token goes with its session.';


--
-- Name: sessions fk_sessions_user; Type: FK CONSTRAINT; Schema: lockstep; Owner: lockstep_owner
--

ALTER TABLE ONLY lockstep.sessions
    ADD CONSTRAINT fk_sessions_user FOREIGN KEY (user_id) REFERENCES lockstep.users(id) ON DELETE CASCADE;


--
-- Name: CONSTRAINT fk_sessions_user ON sessions; Type: COMMENT; Schema: lockstep; Owner: lockstep_owner
--

COMMENT ON CONSTRAINT fk_sessions_user ON lockstep.sessions IS 'A session belongs to a person.';


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
GRANT USAGE ON SCHEMA lockstep TO lockstep_auth;


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
-- Name: TABLE projects; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lockstep.projects TO lockstep_coupler;


--
-- Name: TABLE group_members; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lockstep.group_members TO lockstep_coupler;


--
-- Name: TABLE users; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,UPDATE ON TABLE lockstep.users TO lockstep_coupler;
GRANT SELECT ON TABLE lockstep.users TO lockstep_legacy;


--
-- Name: TABLE membership_list; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.membership_list TO lockstep_coupler;
GRANT SELECT ON TABLE lockstep.membership_list TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.membership_list TO lockstep_readonly;


--
-- Name: FUNCTION add_member(p_actor_id bigint, p_group_id bigint, p_user_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.add_member(p_actor_id bigint, p_group_id bigint, p_user_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.add_member(p_actor_id bigint, p_group_id bigint, p_user_id bigint) TO lockstep_admin;


--
-- Name: FUNCTION adopt_asset(p_run_id bigint, p_source_id text, p_content bytea, p_type text, p_format text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.adopt_asset(p_run_id bigint, p_source_id text, p_content bytea, p_type text, p_format text) FROM PUBLIC;


--
-- Name: FUNCTION adopt_groups(p_run_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.adopt_groups(p_run_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION adopt_pairs(p_run_id bigint, p_limit integer); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.adopt_pairs(p_run_id bigint, p_limit integer) FROM PUBLIC;


--
-- Name: FUNCTION adopt_project(p_run_id bigint, p_source_id text, p_content bytea, p_file_name text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.adopt_project(p_run_id bigint, p_source_id text, p_content bytea, p_file_name text) FROM PUBLIC;


--
-- Name: FUNCTION adopt_users(p_run_id bigint, p_limit integer); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.adopt_users(p_run_id bigint, p_limit integer) FROM PUBLIC;


--
-- Name: FUNCTION adopted_figures(p_content jsonb, p_names text[]); Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

REVOKE ALL ON FUNCTION lockstep.adopted_figures(p_content jsonb, p_names text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.adopted_figures(p_content jsonb, p_names text[]) TO lockstep_coupler;


--
-- Name: FUNCTION adopted_times(p_content jsonb, p_names text[], p_timezone text); Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

REVOKE ALL ON FUNCTION lockstep.adopted_times(p_content jsonb, p_names text[], p_timezone text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.adopted_times(p_content jsonb, p_names text[], p_timezone text) TO lockstep_coupler;


--
-- Name: FUNCTION adopted_user_state(p_user lockstep.users); Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

REVOKE ALL ON FUNCTION lockstep.adopted_user_state(p_user lockstep.users) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.adopted_user_state(p_user lockstep.users) TO lockstep_coupler;


--
-- Name: PROCEDURE apply_sync(IN p_run_id bigint, IN p_applied_by bigint); Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

REVOKE ALL ON PROCEDURE lockstep.apply_sync(IN p_run_id bigint, IN p_applied_by bigint) FROM PUBLIC;
GRANT ALL ON PROCEDURE lockstep.apply_sync(IN p_run_id bigint, IN p_applied_by bigint) TO lockstep_admin;


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
-- Name: FUNCTION authenticate(p_user_id bigint, p_session_id uuid, p_roles text[]); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.authenticate(p_user_id bigint, p_session_id uuid, p_roles text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.authenticate(p_user_id bigint, p_session_id uuid, p_roles text[]) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.authenticate(p_user_id bigint, p_session_id uuid, p_roles text[]) TO lockstep_admin;
GRANT ALL ON FUNCTION lockstep.authenticate(p_user_id bigint, p_session_id uuid, p_roles text[]) TO lockstep_auth;


--
-- Name: FUNCTION award_xp(p_actor_id bigint, p_user_id bigint, p_specialization_id text, p_xp_gained bigint, p_sessions_completed integer, p_projects_completed integer, p_theory_hours numeric, p_practice_hours numeric, p_reason text, p_idempotency_key text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.award_xp(p_actor_id bigint, p_user_id bigint, p_specialization_id text, p_xp_gained bigint, p_sessions_completed integer, p_projects_completed integer, p_theory_hours numeric, p_practice_hours numeric, p_reason text, p_idempotency_key text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.award_xp(p_actor_id bigint, p_user_id bigint, p_specialization_id text, p_xp_gained bigint, p_sessions_completed integer, p_projects_completed integer, p_theory_hours numeric, p_practice_hours numeric, p_reason text, p_idempotency_key text) TO lockstep_app;


--
-- Name: FUNCTION batch_pause(p_attempts integer); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.batch_pause(p_attempts integer) FROM PUBLIC;


--
-- Name: FUNCTION blob_is_used(p_sha256 bytea); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.blob_is_used(p_sha256 bytea) FROM PUBLIC;


--
-- Name: FUNCTION broken_guards(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.broken_guards() FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.broken_guards() TO lockstep_admin;


--
-- Name: FUNCTION change_one(p_function_name text, p_item lockstep.batch_item); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.change_one(p_function_name text, p_item lockstep.batch_item) FROM PUBLIC;


--
-- Name: FUNCTION change_pair(p_user_id bigint, p_specialization_id text, p_new_level integer, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_advanced_by bigint, p_reason text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.change_pair(p_user_id bigint, p_specialization_id text, p_new_level integer, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_advanced_by bigint, p_reason text) FROM PUBLIC;


--
-- Name: FUNCTION change_pairs(p_function_name text, p_items lockstep.batch_item[], p_all_or_nothing boolean, p_origins lockstep.change_origin[]); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.change_pairs(p_function_name text, p_items lockstep.batch_item[], p_all_or_nothing boolean, p_origins lockstep.change_origin[]) FROM PUBLIC;


--
-- Name: FUNCTION change_password(p_actor_id bigint, p_session_id uuid, p_address inet, p_password_hash text, p_new_hash text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.change_password(p_actor_id bigint, p_session_id uuid, p_address inet, p_password_hash text, p_new_hash text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.change_password(p_actor_id bigint, p_session_id uuid, p_address inet, p_password_hash text, p_new_hash text) TO lockstep_auth;


--
-- Name: FUNCTION change_setting(p_name text, p_value text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.change_setting(p_name text, p_value text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.change_setting(p_name text, p_value text) TO lockstep_admin;


--
-- Name: FUNCTION change_single(p_function_name text, p_single lockstep.planned_change, p_raise boolean); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.change_single(p_function_name text, p_single lockstep.planned_change, p_raise boolean) FROM PUBLIC;


--
-- Name: TABLE erasures; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT ON TABLE lockstep.erasures TO lockstep_coupler;


--
-- Name: COLUMN erasures.counts; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT UPDATE(counts) ON TABLE lockstep.erasures TO lockstep_coupler;


--
-- Name: TABLE groups; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lockstep.groups TO lockstep_coupler;


--
-- Name: TABLE people; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.people TO lockstep_coupler;
GRANT SELECT ON TABLE lockstep.people TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.people TO lockstep_readonly;


--
-- Name: FUNCTION change_user(p_actor_id bigint, p_user_id bigint, p_email text, p_name text, p_role text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.change_user(p_actor_id bigint, p_user_id bigint, p_email text, p_name text, p_role text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.change_user(p_actor_id bigint, p_user_id bigint, p_email text, p_name text, p_role text) TO lockstep_admin;


--
-- Name: FUNCTION changed_fields(p_before jsonb, p_after jsonb); Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

REVOKE ALL ON FUNCTION lockstep.changed_fields(p_before jsonb, p_after jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.changed_fields(p_before jsonb, p_after jsonb) TO lockstep_coupler;


--
-- Name: FUNCTION check_access(p_actor_id bigint, p_user_id bigint, p_changes boolean); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.check_access(p_actor_id bigint, p_user_id bigint, p_changes boolean) FROM PUBLIC;


--
-- Name: FUNCTION check_admin(p_actor_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.check_admin(p_actor_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION check_change(p_change lockstep.level_change, p_theory_hours_change numeric, p_practice_hours_change numeric); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.check_change(p_change lockstep.level_change, p_theory_hours_change numeric, p_practice_hours_change numeric) FROM PUBLIC;


--
-- Name: FUNCTION check_email(p_email text); Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

REVOKE ALL ON FUNCTION lockstep.check_email(p_email text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.check_email(p_email text) TO lockstep_coupler;


--
-- Name: FUNCTION check_group(p_actor_id bigint, p_group_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.check_group(p_actor_id bigint, p_group_id bigint) FROM PUBLIC;


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
-- Name: FUNCTION check_incidents(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.check_incidents() FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.check_incidents() TO lockstep_admin;


--
-- Name: FUNCTION check_not_erased(p_user_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.check_not_erased(p_user_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION check_password_hash(p_user_id bigint, p_password_hash text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.check_password_hash(p_user_id bigint, p_password_hash text) FROM PUBLIC;


--
-- Name: FUNCTION check_password_reset(p_user_id bigint, p_token_hash bytea); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.check_password_reset(p_user_id bigint, p_token_hash bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.check_password_reset(p_user_id bigint, p_token_hash bytea) TO lockstep_auth;


--
-- Name: FUNCTION check_project(p_actor_id bigint, p_project_id bigint, p_project lockstep.projects, p_needed lockstep.project_permission, p_deleted boolean); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.check_project(p_actor_id bigint, p_project_id bigint, p_project lockstep.projects, p_needed lockstep.project_permission, p_deleted boolean) FROM PUBLIC;


--
-- Name: FUNCTION check_run(p_run_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.check_run(p_run_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION check_specialization(p_specialization_id text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.check_specialization(p_specialization_id text) FROM PUBLIC;


--
-- Name: FUNCTION check_user(p_user_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.check_user(p_user_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION check_version(p_project lockstep.projects, p_permission lockstep.project_permission, p_expected_version integer); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.check_version(p_project lockstep.projects, p_permission lockstep.project_permission, p_expected_version integer) FROM PUBLIC;


--
-- Name: FUNCTION check_version_given(p_expected_version integer); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.check_version_given(p_expected_version integer) FROM PUBLIC;


--
-- Name: FUNCTION claim_idempotency_key(p_user_id bigint, p_key text, p_function_name text, p_arguments jsonb); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.claim_idempotency_key(p_user_id bigint, p_key text, p_function_name text, p_arguments jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.claim_idempotency_key(p_user_id bigint, p_key text, p_function_name text, p_arguments jsonb) TO lockstep_auth;


--
-- Name: FUNCTION claim_idempotency_keys(p_function_name text, p_items lockstep.batch_item[]); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.claim_idempotency_keys(p_function_name text, p_items lockstep.batch_item[]) FROM PUBLIC;


--
-- Name: TABLE incident_kinds; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,UPDATE ON TABLE lockstep.incident_kinds TO lockstep_coupler;


--
-- Name: TABLE incident_mails; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lockstep.incident_mails TO lockstep_coupler;


--
-- Name: TABLE noted_incidents; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lockstep.noted_incidents TO lockstep_coupler;


--
-- Name: TABLE outbox; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.outbox TO lockstep_coupler;
GRANT SELECT ON TABLE lockstep.outbox TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.outbox TO lockstep_readonly;


--
-- Name: FUNCTION claim_mail(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.claim_mail() FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.claim_mail() TO lockstep_admin;


--
-- Name: TABLE queued_level_ups; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lockstep.queued_level_ups TO lockstep_coupler;


--
-- Name: FUNCTION claim_queue_entries(p_limit bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.claim_queue_entries(p_limit bigint) FROM PUBLIC;


--
-- Name: FUNCTION close_incident(p_kind text, p_subject text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.close_incident(p_kind text, p_subject text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.close_incident(p_kind text, p_subject text) TO lockstep_admin;


--
-- Name: FUNCTION compare_changes(p_project lockstep.projects, p_expected_version integer, p_given jsonb); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.compare_changes(p_project lockstep.projects, p_expected_version integer, p_given jsonb) FROM PUBLIC;


--
-- Name: FUNCTION copy_project(p_actor_id bigint, p_project_id bigint, p_title text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.copy_project(p_actor_id bigint, p_project_id bigint, p_title text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.copy_project(p_actor_id bigint, p_project_id bigint, p_title text) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.copy_project(p_actor_id bigint, p_project_id bigint, p_title text) TO lockstep_admin;


--
-- Name: FUNCTION count_attempt(p_kind text, p_name text, p_free integer); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.count_attempt(p_kind text, p_name text, p_free integer) FROM PUBLIC;


--
-- Name: FUNCTION count_raw_write(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.count_raw_write() FROM PUBLIC;


--
-- Name: FUNCTION cover_users(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.cover_users() FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.cover_users() TO lockstep_admin;


--
-- Name: FUNCTION create_admin(p_email text, p_password_hash text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.create_admin(p_email text, p_password_hash text) FROM PUBLIC;


--
-- Name: TABLE group_list; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.group_list TO lockstep_coupler;
GRANT SELECT ON TABLE lockstep.group_list TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.group_list TO lockstep_readonly;


--
-- Name: FUNCTION create_group(p_actor_id bigint, p_name text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.create_group(p_actor_id bigint, p_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.create_group(p_actor_id bigint, p_name text) TO lockstep_admin;


--
-- Name: FUNCTION create_pair(p_user_id bigint, p_specialization_id text, p_progress_held boolean, OUT progress_created boolean, OUT license_created boolean); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.create_pair(p_user_id bigint, p_specialization_id text, p_progress_held boolean, OUT progress_created boolean, OUT license_created boolean) FROM PUBLIC;


--
-- Name: TABLE password_resets; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lockstep.password_resets TO lockstep_coupler;


--
-- Name: FUNCTION create_password_reset(p_actor_id bigint, p_user_id bigint, p_token_hash bytea); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.create_password_reset(p_actor_id bigint, p_user_id bigint, p_token_hash bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.create_password_reset(p_actor_id bigint, p_user_id bigint, p_token_hash bytea) TO lockstep_admin;


--
-- Name: FUNCTION create_project(p_actor_id bigint, p_title text, p_file bytea, p_file_name text, p_description text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.create_project(p_actor_id bigint, p_title text, p_file bytea, p_file_name text, p_description text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.create_project(p_actor_id bigint, p_title text, p_file bytea, p_file_name text, p_description text) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.create_project(p_actor_id bigint, p_title text, p_file bytea, p_file_name text, p_description text) TO lockstep_admin;


--
-- Name: FUNCTION create_user(p_actor_id bigint, p_email text, p_name text, p_role text, p_password_hash text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.create_user(p_actor_id bigint, p_email text, p_name text, p_role text, p_password_hash text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.create_user(p_actor_id bigint, p_email text, p_name text, p_role text, p_password_hash text) TO lockstep_admin;


--
-- Name: FUNCTION create_user_of_identity(p_issuer text, p_subject text, p_email text, p_email_verified boolean, p_name text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.create_user_of_identity(p_issuer text, p_subject text, p_email text, p_email_verified boolean, p_name text) FROM PUBLIC;


--
-- Name: FUNCTION deactivate_user(p_actor_id bigint, p_user_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.deactivate_user(p_actor_id bigint, p_user_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.deactivate_user(p_actor_id bigint, p_user_id bigint) TO lockstep_admin;


--
-- Name: FUNCTION delete_group(p_actor_id bigint, p_group_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.delete_group(p_actor_id bigint, p_group_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.delete_group(p_actor_id bigint, p_group_id bigint) TO lockstep_admin;


--
-- Name: FUNCTION delete_project(p_actor_id bigint, p_project_id bigint, p_expected_version integer); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.delete_project(p_actor_id bigint, p_project_id bigint, p_expected_version integer) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.delete_project(p_actor_id bigint, p_project_id bigint, p_expected_version integer) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.delete_project(p_actor_id bigint, p_project_id bigint, p_expected_version integer) TO lockstep_admin;


--
-- Name: FUNCTION deployment_report(p_expected_version text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.deployment_report(p_expected_version text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.deployment_report(p_expected_version text) TO lockstep_admin;
GRANT ALL ON FUNCTION lockstep.deployment_report(p_expected_version text) TO lockstep_readonly;


--
-- Name: FUNCTION describe_project(p_project lockstep.projects, p_permission lockstep.project_permission, p_merged_fields text[]); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.describe_project(p_project lockstep.projects, p_permission lockstep.project_permission, p_merged_fields text[]) FROM PUBLIC;


--
-- Name: TABLE project_revisions; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,DELETE ON TABLE lockstep.project_revisions TO lockstep_coupler;


--
-- Name: FUNCTION describe_revision(p_revision lockstep.project_revisions); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.describe_revision(p_revision lockstep.project_revisions) FROM PUBLIC;


--
-- Name: TABLE project_shares; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lockstep.project_shares TO lockstep_coupler;


--
-- Name: FUNCTION describe_share(p_share lockstep.project_shares); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.describe_share(p_share lockstep.project_shares) FROM PUBLIC;


--
-- Name: FUNCTION discard_level_up(p_user_id bigint, p_entry_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.discard_level_up(p_user_id bigint, p_entry_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.discard_level_up(p_user_id bigint, p_entry_id bigint) TO lockstep_admin;


--
-- Name: FUNCTION drain_as_set(p_entries lockstep.queued_level_ups[]); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.drain_as_set(p_entries lockstep.queued_level_ups[]) FROM PUBLIC;


--
-- Name: FUNCTION drain_level_ups(p_limit integer); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.drain_level_ups(p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.drain_level_ups(p_limit integer) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.drain_level_ups(p_limit integer) TO lockstep_admin;


--
-- Name: PROCEDURE drain_queue(INOUT applied bigint); Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

REVOKE ALL ON PROCEDURE lockstep.drain_queue(INOUT applied bigint) FROM PUBLIC;
GRANT ALL ON PROCEDURE lockstep.drain_queue(INOUT applied bigint) TO lockstep_app;
GRANT ALL ON PROCEDURE lockstep.drain_queue(INOUT applied bigint) TO lockstep_admin;


--
-- Name: FUNCTION drain_singly(p_entries lockstep.queued_level_ups[]); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.drain_singly(p_entries lockstep.queued_level_ups[]) FROM PUBLIC;


--
-- Name: FUNCTION end_session(p_actor_id bigint, p_session_id uuid); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.end_session(p_actor_id bigint, p_session_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.end_session(p_actor_id bigint, p_session_id uuid) TO lockstep_auth;


--
-- Name: FUNCTION end_sessions(p_user_id bigint, p_reason text, p_but_session_id uuid); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.end_sessions(p_user_id bigint, p_reason text, p_but_session_id uuid) FROM PUBLIC;


--
-- Name: FUNCTION enqueue_level_up(p_user_id bigint, p_specialization_id text, p_xp_gained bigint, p_sessions_completed integer, p_projects_completed integer, p_theory_hours numeric, p_practice_hours numeric, p_advanced_by bigint, p_reason text, p_idempotency_key text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.enqueue_level_up(p_user_id bigint, p_specialization_id text, p_xp_gained bigint, p_sessions_completed integer, p_projects_completed integer, p_theory_hours numeric, p_practice_hours numeric, p_advanced_by bigint, p_reason text, p_idempotency_key text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.enqueue_level_up(p_user_id bigint, p_specialization_id text, p_xp_gained bigint, p_sessions_completed integer, p_projects_completed integer, p_theory_hours numeric, p_practice_hours numeric, p_advanced_by bigint, p_reason text, p_idempotency_key text) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.enqueue_level_up(p_user_id bigint, p_specialization_id text, p_xp_gained bigint, p_sessions_completed integer, p_projects_completed integer, p_theory_hours numeric, p_practice_hours numeric, p_advanced_by bigint, p_reason text, p_idempotency_key text) TO lockstep_admin;


--
-- Name: FUNCTION ensure_admin(p_email text, p_password_hash text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.ensure_admin(p_email text, p_password_hash text) FROM PUBLIC;


--
-- Name: FUNCTION erase_account(p_user_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.erase_account(p_user_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION erase_adopted(p_user_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.erase_adopted(p_user_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION erase_projects(p_user_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.erase_projects(p_user_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION erase_queue(p_user_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.erase_queue(p_user_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION erase_records(p_user_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.erase_records(p_user_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION erase_user(p_actor_id bigint, p_user_id bigint, p_reason text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.erase_user(p_actor_id bigint, p_user_id bigint, p_reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.erase_user(p_actor_id bigint, p_user_id bigint, p_reason text) TO lockstep_admin;


--
-- Name: FUNCTION explain_desync(p_user_id bigint, p_specialization_id text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.explain_desync(p_user_id bigint, p_specialization_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.explain_desync(p_user_id bigint, p_specialization_id text) TO lockstep_admin;


--
-- Name: FUNCTION export_account(p_user_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.export_account(p_user_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION export_adopted(p_user_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.export_adopted(p_user_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION export_projects(p_user_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.export_projects(p_user_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION export_queue(p_user_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.export_queue(p_user_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION export_records(p_user_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.export_records(p_user_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION export_user(p_actor_id bigint, p_user_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.export_user(p_actor_id bigint, p_user_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.export_user(p_actor_id bigint, p_user_id bigint) TO lockstep_admin;


--
-- Name: FUNCTION fail_dead_runs(p_but_run_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.fail_dead_runs(p_but_run_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION find_breaches(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.find_breaches() FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.find_breaches() TO lockstep_admin;


--
-- Name: FUNCTION recommended_action(p_progress_level integer, p_license_level integer); Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

REVOKE ALL ON FUNCTION lockstep.recommended_action(p_progress_level integer, p_license_level integer) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.recommended_action(p_progress_level integer, p_license_level integer) TO lockstep_coupler;
GRANT ALL ON FUNCTION lockstep.recommended_action(p_progress_level integer, p_license_level integer) TO lockstep_admin;
GRANT ALL ON FUNCTION lockstep.recommended_action(p_progress_level integer, p_license_level integer) TO lockstep_readonly;
GRANT ALL ON FUNCTION lockstep.recommended_action(p_progress_level integer, p_license_level integer) TO lockstep_legacy;


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
-- Name: FUNCTION find_lock_waits(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.find_lock_waits() FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.find_lock_waits() TO lockstep_admin;
GRANT ALL ON FUNCTION lockstep.find_lock_waits() TO lockstep_readonly;


--
-- Name: FUNCTION find_pool_usage(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.find_pool_usage() FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.find_pool_usage() TO lockstep_admin;
GRANT ALL ON FUNCTION lockstep.find_pool_usage() TO lockstep_readonly;


--
-- Name: FUNCTION find_project(p_actor_id bigint, p_project_id bigint, p_needed lockstep.project_permission); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.find_project(p_actor_id bigint, p_project_id bigint, p_needed lockstep.project_permission) FROM PUBLIC;


--
-- Name: FUNCTION find_revision(p_project lockstep.projects, p_version integer); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.find_revision(p_project lockstep.projects, p_version integer) FROM PUBLIC;


--
-- Name: FUNCTION find_row_owner(p_relation oid, p_place tid, OUT user_id bigint, OUT specialization_id text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.find_row_owner(p_relation oid, p_place tid, OUT user_id bigint, OUT specialization_id text) FROM PUBLIC;


--
-- Name: FUNCTION find_statements(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.find_statements() FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.find_statements() TO lockstep_admin;
GRANT ALL ON FUNCTION lockstep.find_statements() TO lockstep_readonly;


--
-- Name: FUNCTION finish_adoption(p_run_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.finish_adoption(p_run_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION finish_mail(p_mail_id bigint, p_outcome text, p_error text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.finish_mail(p_mail_id bigint, p_outcome text, p_error text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.finish_mail(p_mail_id bigint, p_outcome text, p_error text) TO lockstep_admin;


--
-- Name: FUNCTION finish_sign_in(p_user_id bigint, p_password_hash text, p_address inet, p_token_hash bytea, p_newer_hash text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.finish_sign_in(p_user_id bigint, p_password_hash text, p_address inet, p_token_hash bytea, p_newer_hash text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.finish_sign_in(p_user_id bigint, p_password_hash text, p_address inet, p_token_hash bytea, p_newer_hash text) TO lockstep_auth;


--
-- Name: FUNCTION finish_sync_batch(p_run_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.finish_sync_batch(p_run_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION follow_claims(p_user_id bigint, p_groups text[]); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.follow_claims(p_user_id bigint, p_groups text[]) FROM PUBLIC;


--
-- Name: FUNCTION follow_level_rows(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.follow_level_rows() FROM PUBLIC;


--
-- Name: FUNCTION forget_attempt(p_user_id bigint, p_address inet); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.forget_attempt(p_user_id bigint, p_address inet) FROM PUBLIC;


--
-- Name: FUNCTION free_connections(); Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

REVOKE ALL ON FUNCTION lockstep.free_connections() FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.free_connections() TO lockstep_app;


--
-- Name: FUNCTION get_or_create_asset(p_actor_id bigint, p_content bytea, p_type text, p_format text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.get_or_create_asset(p_actor_id bigint, p_content bytea, p_type text, p_format text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.get_or_create_asset(p_actor_id bigint, p_content bytea, p_type text, p_format text) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.get_or_create_asset(p_actor_id bigint, p_content bytea, p_type text, p_format text) TO lockstep_admin;


--
-- Name: FUNCTION get_or_create_group(p_name text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.get_or_create_group(p_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.get_or_create_group(p_name text) TO lockstep_admin;
GRANT ALL ON FUNCTION lockstep.get_or_create_group(p_name text) TO lockstep_auth;


--
-- Name: FUNCTION get_or_create_identity(p_issuer text, p_subject text, p_email text, p_email_verified boolean, p_name text, p_groups text[]); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.get_or_create_identity(p_issuer text, p_subject text, p_email text, p_email_verified boolean, p_name text, p_groups text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.get_or_create_identity(p_issuer text, p_subject text, p_email text, p_email_verified boolean, p_name text, p_groups text[]) TO lockstep_auth;


--
-- Name: FUNCTION get_or_create_user(p_email text, p_name text, p_role text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.get_or_create_user(p_email text, p_name text, p_role text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.get_or_create_user(p_email text, p_name text, p_role text) TO lockstep_admin;


--
-- Name: FUNCTION guard_erasure(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.guard_erasure() FROM PUBLIC;


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
-- Name: FUNCTION guard_revision(); Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

REVOKE ALL ON FUNCTION lockstep.guard_revision() FROM PUBLIC;


--
-- Name: FUNCTION is_alive(p_run lockstep.sync_runs); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.is_alive(p_run lockstep.sync_runs) FROM PUBLIC;


--
-- Name: FUNCTION is_recorded(p_user_id bigint, p_license_id bigint, p_to_level integer); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.is_recorded(p_user_id bigint, p_license_id bigint, p_to_level integer) FROM PUBLIC;


--
-- Name: FUNCTION judge_items(p_function_name text, p_items lockstep.batch_item[]); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.judge_items(p_function_name text, p_items lockstep.batch_item[]) FROM PUBLIC;


--
-- Name: FUNCTION keep_statement_baseline(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.keep_statement_baseline() FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.keep_statement_baseline() TO lockstep_admin;


--
-- Name: FUNCTION leave_run(p_run_id bigint, p_worker uuid); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.leave_run(p_run_id bigint, p_worker uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.leave_run(p_run_id bigint, p_worker uuid) TO lockstep_admin;


--
-- Name: FUNCTION level_up(p_user_id bigint, p_specialization_id text, p_xp_gained bigint, p_sessions_completed integer, p_projects_completed integer, p_theory_hours numeric, p_practice_hours numeric, p_advanced_by bigint, p_reason text, p_idempotency_key text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.level_up(p_user_id bigint, p_specialization_id text, p_xp_gained bigint, p_sessions_completed integer, p_projects_completed integer, p_theory_hours numeric, p_practice_hours numeric, p_advanced_by bigint, p_reason text, p_idempotency_key text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.level_up(p_user_id bigint, p_specialization_id text, p_xp_gained bigint, p_sessions_completed integer, p_projects_completed integer, p_theory_hours numeric, p_practice_hours numeric, p_advanced_by bigint, p_reason text, p_idempotency_key text) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.level_up(p_user_id bigint, p_specialization_id text, p_xp_gained bigint, p_sessions_completed integer, p_projects_completed integer, p_theory_hours numeric, p_practice_hours numeric, p_advanced_by bigint, p_reason text, p_idempotency_key text) TO lockstep_admin;


--
-- Name: FUNCTION level_ups(p_items lockstep.batch_item[], p_all_or_nothing boolean); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.level_ups(p_items lockstep.batch_item[], p_all_or_nothing boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.level_ups(p_items lockstep.batch_item[], p_all_or_nothing boolean) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.level_ups(p_items lockstep.batch_item[], p_all_or_nothing boolean) TO lockstep_admin;


--
-- Name: TABLE identities; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lockstep.identities TO lockstep_coupler;


--
-- Name: FUNCTION link_identity(p_actor_id bigint, p_user_id bigint, p_issuer text, p_subject text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.link_identity(p_actor_id bigint, p_user_id bigint, p_issuer text, p_subject text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.link_identity(p_actor_id bigint, p_user_id bigint, p_issuer text, p_subject text) TO lockstep_admin;


--
-- Name: FUNCTION list_desync(p_actor_id bigint, p_specialization_id text, p_after_user_id bigint, p_after_specialization text, p_limit integer, p_issue_type text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.list_desync(p_actor_id bigint, p_specialization_id text, p_after_user_id bigint, p_after_specialization text, p_limit integer, p_issue_type text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.list_desync(p_actor_id bigint, p_specialization_id text, p_after_user_id bigint, p_after_specialization text, p_limit integer, p_issue_type text) TO lockstep_app;


--
-- Name: FUNCTION list_groups(p_actor_id bigint, p_after_id bigint, p_limit integer); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.list_groups(p_actor_id bigint, p_after_id bigint, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.list_groups(p_actor_id bigint, p_after_id bigint, p_limit integer) TO lockstep_app;


--
-- Name: FUNCTION list_members(p_actor_id bigint, p_group_id bigint, p_after_user_id bigint, p_limit integer); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.list_members(p_actor_id bigint, p_group_id bigint, p_after_user_id bigint, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.list_members(p_actor_id bigint, p_group_id bigint, p_after_user_id bigint, p_limit integer) TO lockstep_app;


--
-- Name: FUNCTION list_projects(p_actor_id bigint, p_user_id bigint, p_deleted boolean, p_before_id bigint, p_limit integer); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.list_projects(p_actor_id bigint, p_user_id bigint, p_deleted boolean, p_before_id bigint, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.list_projects(p_actor_id bigint, p_user_id bigint, p_deleted boolean, p_before_id bigint, p_limit integer) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.list_projects(p_actor_id bigint, p_user_id bigint, p_deleted boolean, p_before_id bigint, p_limit integer) TO lockstep_admin;


--
-- Name: FUNCTION list_revisions(p_actor_id bigint, p_project_id bigint, p_before_version integer, p_limit integer); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.list_revisions(p_actor_id bigint, p_project_id bigint, p_before_version integer, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.list_revisions(p_actor_id bigint, p_project_id bigint, p_before_version integer, p_limit integer) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.list_revisions(p_actor_id bigint, p_project_id bigint, p_before_version integer, p_limit integer) TO lockstep_admin;


--
-- Name: TABLE run_items; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.run_items TO lockstep_coupler;
GRANT SELECT ON TABLE lockstep.run_items TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.run_items TO lockstep_readonly;


--
-- Name: FUNCTION list_run_items(p_run_id bigint, p_after_user_id bigint, p_after_specialization text, p_limit integer); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.list_run_items(p_run_id bigint, p_after_user_id bigint, p_after_specialization text, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.list_run_items(p_run_id bigint, p_after_user_id bigint, p_after_specialization text, p_limit integer) TO lockstep_admin;


--
-- Name: TABLE runs; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.runs TO lockstep_coupler;
GRANT SELECT ON TABLE lockstep.runs TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.runs TO lockstep_readonly;


--
-- Name: FUNCTION list_runs(p_before_id bigint, p_limit integer); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.list_runs(p_before_id bigint, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.list_runs(p_before_id bigint, p_limit integer) TO lockstep_admin;


--
-- Name: FUNCTION list_shares(p_actor_id bigint, p_project_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.list_shares(p_actor_id bigint, p_project_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.list_shares(p_actor_id bigint, p_project_id bigint) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.list_shares(p_actor_id bigint, p_project_id bigint) TO lockstep_admin;


--
-- Name: TABLE specialization_levels; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.specialization_levels TO lockstep_coupler;
GRANT SELECT ON TABLE lockstep.specialization_levels TO lockstep_legacy;


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
-- Name: TABLE catalogue; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.catalogue TO lockstep_coupler;
GRANT SELECT ON TABLE lockstep.catalogue TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.catalogue TO lockstep_readonly;


--
-- Name: FUNCTION list_specializations(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.list_specializations() FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.list_specializations() TO lockstep_app;


--
-- Name: FUNCTION list_users(p_actor_id bigint, p_role text, p_group_id bigint, p_is_active boolean, p_search text, p_after_id bigint, p_limit integer); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.list_users(p_actor_id bigint, p_role text, p_group_id bigint, p_is_active boolean, p_search text, p_after_id bigint, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.list_users(p_actor_id bigint, p_role text, p_group_id bigint, p_is_active boolean, p_search text, p_after_id bigint, p_limit integer) TO lockstep_app;


--
-- Name: FUNCTION lock_account(p_actor_id bigint, p_user_id bigint, p_stays_admin boolean); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.lock_account(p_actor_id bigint, p_user_id bigint, p_stays_admin boolean) FROM PUBLIC;


--
-- Name: FUNCTION lock_before_insert(p_user_id bigint, p_specialization_id text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.lock_before_insert(p_user_id bigint, p_specialization_id text) FROM PUBLIC;


--
-- Name: FUNCTION lock_budget(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.lock_budget() FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.lock_budget() TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.lock_budget() TO lockstep_admin;
GRANT ALL ON FUNCTION lockstep.lock_budget() TO lockstep_auth;


--
-- Name: FUNCTION lock_free_pairs(p_items lockstep.batch_item[]); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.lock_free_pairs(p_items lockstep.batch_item[]) FROM PUBLIC;


--
-- Name: FUNCTION lock_holders(p_user_id bigint, p_specialization_id text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.lock_holders(p_user_id bigint, p_specialization_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.lock_holders(p_user_id bigint, p_specialization_id text) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.lock_holders(p_user_id bigint, p_specialization_id text) TO lockstep_admin;


--
-- Name: FUNCTION lock_pair(p_user_id bigint, p_specialization_id text, p_make_license boolean); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.lock_pair(p_user_id bigint, p_specialization_id text, p_make_license boolean) FROM PUBLIC;


--
-- Name: FUNCTION lock_pairs(p_items lockstep.batch_item[]); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.lock_pairs(p_items lockstep.batch_item[]) FROM PUBLIC;


--
-- Name: FUNCTION lock_person(p_user_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.lock_person(p_user_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION lock_progress_first(p_user_id bigint, p_specialization_id text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.lock_progress_first(p_user_id bigint, p_specialization_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.lock_progress_first(p_user_id bigint, p_specialization_id text) TO lockstep_legacy;


--
-- Name: FUNCTION lock_project(p_actor_id bigint, p_project_id bigint, p_needed lockstep.project_permission, p_deleted boolean); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.lock_project(p_actor_id bigint, p_project_id bigint, p_needed lockstep.project_permission, p_deleted boolean) FROM PUBLIC;


--
-- Name: FUNCTION mark_adoption_conflicts(p_source text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.mark_adoption_conflicts(p_source text) FROM PUBLIC;


--
-- Name: FUNCTION mark_changed_here(p_source text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.mark_changed_here(p_source text) FROM PUBLIC;


--
-- Name: FUNCTION may_see(p_actor_id bigint, p_user_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.may_see(p_actor_id bigint, p_user_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION mirror_license(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.mirror_license() FROM PUBLIC;


--
-- Name: FUNCTION mirror_progress(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.mirror_progress() FROM PUBLIC;


--
-- Name: FUNCTION network_of(p_address inet); Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

REVOKE ALL ON FUNCTION lockstep.network_of(p_address inet) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.network_of(p_address inet) TO lockstep_coupler;


--
-- Name: FUNCTION note_incident(p_kind text, p_subject text, p_cause jsonb); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.note_incident(p_kind text, p_subject text, p_cause jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.note_incident(p_kind text, p_subject text, p_cause jsonb) TO lockstep_admin;


--
-- Name: FUNCTION note_lock_breach(p_user_id bigint, p_specialization_id text, p_source text, p_waited interval); Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

REVOKE ALL ON FUNCTION lockstep.note_lock_breach(p_user_id bigint, p_specialization_id text, p_source text, p_waited interval) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.note_lock_breach(p_user_id bigint, p_specialization_id text, p_source text, p_waited interval) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.note_lock_breach(p_user_id bigint, p_specialization_id text, p_source text, p_waited interval) TO lockstep_admin;


--
-- Name: FUNCTION note_requests(p_process text, p_requests bigint, p_errors bigint, p_conflicts bigint, p_retries bigint, p_codes jsonb); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.note_requests(p_process text, p_requests bigint, p_errors bigint, p_conflicts bigint, p_retries bigint, p_codes jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.note_requests(p_process text, p_requests bigint, p_errors bigint, p_conflicts bigint, p_retries bigint, p_codes jsonb) TO lockstep_app;


--
-- Name: FUNCTION permission_on(p_actor_id bigint, p_user_id bigint, p_project_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.permission_on(p_actor_id bigint, p_user_id bigint, p_project_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION plan_adopted_changes(p_source text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.plan_adopted_changes(p_source text) FROM PUBLIC;


--
-- Name: FUNCTION plan_adopted_curriculum(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.plan_adopted_curriculum() FROM PUBLIC;


--
-- Name: FUNCTION plan_adopted_history(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.plan_adopted_history() FROM PUBLIC;


--
-- Name: FUNCTION plan_adopted_pairs(p_direction text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.plan_adopted_pairs(p_direction text) FROM PUBLIC;


--
-- Name: FUNCTION plan_adopted_projects(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.plan_adopted_projects() FROM PUBLIC;


--
-- Name: FUNCTION plan_adopted_sides(p_timezone text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.plan_adopted_sides(p_timezone text) FROM PUBLIC;


--
-- Name: FUNCTION plan_adopted_users(p_source text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.plan_adopted_users(p_source text) FROM PUBLIC;


--
-- Name: FUNCTION plan_adoption(p_source text, p_timezone text, p_direction text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.plan_adoption(p_source text, p_timezone text, p_direction text) FROM PUBLIC;


--
-- Name: FUNCTION plan_changes(p_function_name text, p_items lockstep.batch_item[]); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.plan_changes(p_function_name text, p_items lockstep.batch_item[]) FROM PUBLIC;


--
-- Name: FUNCTION plan_reconcile(p_attempt integer); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.plan_reconcile(p_attempt integer) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.plan_reconcile(p_attempt integer) TO lockstep_admin;


--
-- Name: FUNCTION plan_sync(p_direction text, p_specialization_id text, p_user_id bigint, p_limit bigint, p_requested_by bigint, p_reason text, p_pairs jsonb); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.plan_sync(p_direction text, p_specialization_id text, p_user_id bigint, p_limit bigint, p_requested_by bigint, p_reason text, p_pairs jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.plan_sync(p_direction text, p_specialization_id text, p_user_id bigint, p_limit bigint, p_requested_by bigint, p_reason text, p_pairs jsonb) TO lockstep_admin;


--
-- Name: FUNCTION plan_undo(p_run_id bigint, p_requested_by bigint, p_reason text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.plan_undo(p_run_id bigint, p_requested_by bigint, p_reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.plan_undo(p_run_id bigint, p_requested_by bigint, p_reason text) TO lockstep_admin;


--
-- Name: FUNCTION project_fields(p_title text, p_description text, p_file_sha256 bytea, p_file_name text, p_deleted_at timestamp with time zone); Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

REVOKE ALL ON FUNCTION lockstep.project_fields(p_title text, p_description text, p_file_sha256 bytea, p_file_name text, p_deleted_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.project_fields(p_title text, p_description text, p_file_sha256 bytea, p_file_name text, p_deleted_at timestamp with time zone) TO lockstep_coupler;


--
-- Name: FUNCTION purge_idempotency_keys(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.purge_idempotency_keys() FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.purge_idempotency_keys() TO lockstep_admin;


--
-- Name: FUNCTION purge_incidents(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.purge_incidents() FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.purge_incidents() TO lockstep_admin;


--
-- Name: FUNCTION purge_lock_breaches(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.purge_lock_breaches() FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.purge_lock_breaches() TO lockstep_admin;


--
-- Name: FUNCTION purge_monitoring(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.purge_monitoring() FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.purge_monitoring() TO lockstep_admin;


--
-- Name: FUNCTION purge_projects(p_limit integer); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.purge_projects(p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.purge_projects(p_limit integer) TO lockstep_admin;


--
-- Name: FUNCTION purge_raw_writes(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.purge_raw_writes() FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.purge_raw_writes() TO lockstep_admin;


--
-- Name: FUNCTION purge_sign_ins(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.purge_sign_ins() FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.purge_sign_ins() TO lockstep_admin;


--
-- Name: FUNCTION purge_sync_runs(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.purge_sync_runs() FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.purge_sync_runs() TO lockstep_admin;


--
-- Name: FUNCTION queued_item(p_entry lockstep.queued_level_ups); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.queued_item(p_entry lockstep.queued_level_ups) FROM PUBLIC;


--
-- Name: FUNCTION reached_level(p_specialization_id text, p_from_level integer, p_total_xp bigint, p_completed_sessions integer, p_theory_hours numeric, p_practice_hours numeric); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.reached_level(p_specialization_id text, p_from_level integer, p_total_xp bigint, p_completed_sessions integer, p_theory_hours numeric, p_practice_hours numeric) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.reached_level(p_specialization_id text, p_from_level integer, p_total_xp bigint, p_completed_sessions integer, p_theory_hours numeric, p_practice_hours numeric) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.reached_level(p_specialization_id text, p_from_level integer, p_total_xp bigint, p_completed_sessions integer, p_theory_hours numeric, p_practice_hours numeric) TO lockstep_admin;


--
-- Name: FUNCTION reactivate_user(p_actor_id bigint, p_user_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.reactivate_user(p_actor_id bigint, p_user_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.reactivate_user(p_actor_id bigint, p_user_id bigint) TO lockstep_admin;


--
-- Name: FUNCTION read_asset(p_actor_id bigint, p_asset_id text, p_known_sha256 text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.read_asset(p_actor_id bigint, p_asset_id text, p_known_sha256 text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.read_asset(p_actor_id bigint, p_asset_id text, p_known_sha256 text) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.read_asset(p_actor_id bigint, p_asset_id text, p_known_sha256 text) TO lockstep_admin;


--
-- Name: FUNCTION read_consistency(p_actor_id bigint, p_user_id bigint, p_specialization_id text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.read_consistency(p_actor_id bigint, p_user_id bigint, p_specialization_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.read_consistency(p_actor_id bigint, p_user_id bigint, p_specialization_id text) TO lockstep_app;


--
-- Name: FUNCTION setting(p_name text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.setting(p_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.setting(p_name text) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.setting(p_name text) TO lockstep_admin;
GRANT ALL ON FUNCTION lockstep.setting(p_name text) TO lockstep_readonly;


--
-- Name: TABLE breach_records; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lockstep.breach_records TO lockstep_coupler;


--
-- Name: TABLE lock_breaches; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lockstep.lock_breaches TO lockstep_coupler;


--
-- Name: TABLE breaches; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.breaches TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.breaches TO lockstep_readonly;


--
-- Name: TABLE monitoring_samples; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lockstep.monitoring_samples TO lockstep_coupler;


--
-- Name: TABLE queue_status; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.queue_status TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.queue_status TO lockstep_readonly;


--
-- Name: TABLE verified_ranges; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lockstep.verified_ranges TO lockstep_coupler;


--
-- Name: TABLE ranges; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.ranges TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.ranges TO lockstep_readonly;


--
-- Name: TABLE statement_baseline; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lockstep.statement_baseline TO lockstep_coupler;


--
-- Name: TABLE statement_stats; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.statement_stats TO lockstep_coupler;
GRANT SELECT ON TABLE lockstep.statement_stats TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.statement_stats TO lockstep_readonly;


--
-- Name: TABLE figures; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.figures TO lockstep_coupler;
GRANT SELECT ON TABLE lockstep.figures TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.figures TO lockstep_readonly;


--
-- Name: FUNCTION read_figures(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.read_figures() FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.read_figures() TO lockstep_app;


--
-- Name: FUNCTION read_file(p_actor_id bigint, p_project_id bigint, p_version integer, p_known_sha256 text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.read_file(p_actor_id bigint, p_project_id bigint, p_version integer, p_known_sha256 text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.read_file(p_actor_id bigint, p_project_id bigint, p_version integer, p_known_sha256 text) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.read_file(p_actor_id bigint, p_project_id bigint, p_version integer, p_known_sha256 text) TO lockstep_admin;


--
-- Name: FUNCTION read_group(p_actor_id bigint, p_group_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.read_group(p_actor_id bigint, p_group_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.read_group(p_actor_id bigint, p_group_id bigint) TO lockstep_app;


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
-- Name: FUNCTION read_health(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.read_health() FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.read_health() TO lockstep_admin;


--
-- Name: TABLE license_progressions; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT ON TABLE lockstep.license_progressions TO lockstep_coupler;
GRANT SELECT,INSERT ON TABLE lockstep.license_progressions TO lockstep_legacy;


--
-- Name: COLUMN license_progressions.advancement_reason; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT UPDATE(advancement_reason) ON TABLE lockstep.license_progressions TO lockstep_coupler;


--
-- Name: COLUMN license_progressions.requirements_met; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT UPDATE(requirements_met) ON TABLE lockstep.license_progressions TO lockstep_coupler;


--
-- Name: COLUMN license_progressions.application_name; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT UPDATE(application_name) ON TABLE lockstep.license_progressions TO lockstep_coupler;


--
-- Name: COLUMN license_progressions.client_address; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT UPDATE(client_address) ON TABLE lockstep.license_progressions TO lockstep_coupler;


--
-- Name: TABLE level_history; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.level_history TO lockstep_coupler;
GRANT SELECT ON TABLE lockstep.level_history TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.level_history TO lockstep_readonly;


--
-- Name: FUNCTION read_history(p_actor_id bigint, p_user_id bigint, p_specialization_id text, p_before_id bigint, p_limit integer); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.read_history(p_actor_id bigint, p_user_id bigint, p_specialization_id text, p_before_id bigint, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.read_history(p_actor_id bigint, p_user_id bigint, p_specialization_id text, p_before_id bigint, p_limit integer) TO lockstep_app;


--
-- Name: TABLE pairs; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.pairs TO lockstep_coupler;
GRANT SELECT ON TABLE lockstep.pairs TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.pairs TO lockstep_readonly;


--
-- Name: FUNCTION read_progress(p_actor_id bigint, p_user_id bigint, p_specialization_id text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.read_progress(p_actor_id bigint, p_user_id bigint, p_specialization_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.read_progress(p_actor_id bigint, p_user_id bigint, p_specialization_id text) TO lockstep_app;


--
-- Name: FUNCTION read_project(p_actor_id bigint, p_project_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.read_project(p_actor_id bigint, p_project_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.read_project(p_actor_id bigint, p_project_id bigint) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.read_project(p_actor_id bigint, p_project_id bigint) TO lockstep_admin;


--
-- Name: FUNCTION read_revision(p_actor_id bigint, p_project_id bigint, p_version integer); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.read_revision(p_actor_id bigint, p_project_id bigint, p_version integer) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.read_revision(p_actor_id bigint, p_project_id bigint, p_version integer) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.read_revision(p_actor_id bigint, p_project_id bigint, p_version integer) TO lockstep_admin;


--
-- Name: FUNCTION read_run(p_run_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.read_run(p_run_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.read_run(p_run_id bigint) TO lockstep_admin;


--
-- Name: TABLE service_state; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.service_state TO lockstep_coupler;
GRANT SELECT ON TABLE lockstep.service_state TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.service_state TO lockstep_readonly;


--
-- Name: FUNCTION read_service_state(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.read_service_state() FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.read_service_state() TO lockstep_app;


--
-- Name: FUNCTION read_user(p_actor_id bigint, p_user_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.read_user(p_actor_id bigint, p_user_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.read_user(p_actor_id bigint, p_user_id bigint) TO lockstep_app;


--
-- Name: PROCEDURE reconcile(INOUT run_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

REVOKE ALL ON PROCEDURE lockstep.reconcile(INOUT run_id bigint) FROM PUBLIC;
GRANT ALL ON PROCEDURE lockstep.reconcile(INOUT run_id bigint) TO lockstep_admin;


--
-- Name: FUNCTION record_adopted(p_run_id bigint, p_table_names text[], p_first_user bigint, p_last_user bigint, p_source_id text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.record_adopted(p_run_id bigint, p_table_names text[], p_first_user bigint, p_last_user bigint, p_source_id text) FROM PUBLIC;


--
-- Name: FUNCTION record_breaches(p_since timestamp with time zone); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.record_breaches(p_since timestamp with time zone) FROM PUBLIC;


--
-- Name: FUNCTION record_guards(p_broken text[]); Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

REVOKE ALL ON FUNCTION lockstep.record_guards(p_broken text[]) FROM PUBLIC;


--
-- Name: FUNCTION record_lock_breach(p_user_id bigint, p_specialization_id text, p_source text, p_waited interval, p_blocker_pid integer, p_blocker_application text, p_blocker_role text, p_blocker_state text, p_blocker_transaction_start timestamp with time zone, p_blocker_query text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.record_lock_breach(p_user_id bigint, p_specialization_id text, p_source text, p_waited interval, p_blocker_pid integer, p_blocker_application text, p_blocker_role text, p_blocker_state text, p_blocker_transaction_start timestamp with time zone, p_blocker_query text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.record_lock_breach(p_user_id bigint, p_specialization_id text, p_source text, p_waited interval, p_blocker_pid integer, p_blocker_application text, p_blocker_role text, p_blocker_state text, p_blocker_transaction_start timestamp with time zone, p_blocker_query text) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.record_lock_breach(p_user_id bigint, p_specialization_id text, p_source text, p_waited interval, p_blocker_pid integer, p_blocker_application text, p_blocker_role text, p_blocker_state text, p_blocker_transaction_start timestamp with time zone, p_blocker_query text) TO lockstep_admin;


--
-- Name: FUNCTION record_revision(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.record_revision() FROM PUBLIC;


--
-- Name: FUNCTION refresh_session(p_user_id bigint, p_token_hash bytea, p_next_hash bytea); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.refresh_session(p_user_id bigint, p_token_hash bytea, p_next_hash bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.refresh_session(p_user_id bigint, p_token_hash bytea, p_next_hash bytea) TO lockstep_auth;


--
-- Name: FUNCTION refuse_closed(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.refuse_closed() FROM PUBLIC;


--
-- Name: FUNCTION refuse_delete_with_history(p_user_id bigint, p_specialization_id text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.refuse_delete_with_history(p_user_id bigint, p_specialization_id text) FROM PUBLIC;


--
-- Name: FUNCTION refuse_queue_entry(p_user_id bigint, p_entry_id bigint, p_error_code text, p_error text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.refuse_queue_entry(p_user_id bigint, p_entry_id bigint, p_error_code text, p_error text) FROM PUBLIC;


--
-- Name: FUNCTION refuse_stale(p_project lockstep.projects, p_permission lockstep.project_permission, p_expected_version integer, p_comparison lockstep.project_comparison); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.refuse_stale(p_project lockstep.projects, p_permission lockstep.project_permission, p_expected_version integer, p_comparison lockstep.project_comparison) FROM PUBLIC;


--
-- Name: FUNCTION refuse_truncate(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.refuse_truncate() FROM PUBLIC;


--
-- Name: FUNCTION release_idempotency_keys(p_items lockstep.batch_item[]); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.release_idempotency_keys(p_items lockstep.batch_item[]) FROM PUBLIC;


--
-- Name: FUNCTION remove_member(p_actor_id bigint, p_group_id bigint, p_user_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.remove_member(p_actor_id bigint, p_group_id bigint, p_user_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.remove_member(p_actor_id bigint, p_group_id bigint, p_user_id bigint) TO lockstep_admin;


--
-- Name: FUNCTION remove_projects(p_project_ids bigint[]); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.remove_projects(p_project_ids bigint[]) FROM PUBLIC;


--
-- Name: FUNCTION rename_group(p_actor_id bigint, p_group_id bigint, p_name text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.rename_group(p_actor_id bigint, p_group_id bigint, p_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.rename_group(p_actor_id bigint, p_group_id bigint, p_name text) TO lockstep_admin;


--
-- Name: FUNCTION reopen_incident(p_kind text, p_subject text, p_cause jsonb); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.reopen_incident(p_kind text, p_subject text, p_cause jsonb) FROM PUBLIC;


--
-- Name: FUNCTION repair_user(p_actor_id bigint, p_user_id bigint, p_specialization_id text, p_direction text, p_reason text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.repair_user(p_actor_id bigint, p_user_id bigint, p_specialization_id text, p_direction text, p_reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.repair_user(p_actor_id bigint, p_user_id bigint, p_specialization_id text, p_direction text, p_reason text) TO lockstep_app;


--
-- Name: FUNCTION repair_user_all(p_actor_id bigint, p_user_id bigint, p_direction text, p_reason text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.repair_user_all(p_actor_id bigint, p_user_id bigint, p_direction text, p_reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.repair_user_all(p_actor_id bigint, p_user_id bigint, p_direction text, p_reason text) TO lockstep_app;


--
-- Name: FUNCTION request_run(p_actor_id bigint, p_direction text, p_specialization_id text, p_user_id bigint, p_limit bigint, p_dry_run boolean, p_reason text, p_pairs jsonb); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.request_run(p_actor_id bigint, p_direction text, p_specialization_id text, p_user_id bigint, p_limit bigint, p_dry_run boolean, p_reason text, p_pairs jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.request_run(p_actor_id bigint, p_direction text, p_specialization_id text, p_user_id bigint, p_limit bigint, p_dry_run boolean, p_reason text, p_pairs jsonb) TO lockstep_admin;


--
-- Name: FUNCTION request_undo(p_actor_id bigint, p_run_id bigint, p_dry_run boolean, p_reason text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.request_undo(p_actor_id bigint, p_run_id bigint, p_dry_run boolean, p_reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.request_undo(p_actor_id bigint, p_run_id bigint, p_dry_run boolean, p_reason text) TO lockstep_admin;


--
-- Name: FUNCTION requeue_level_up(p_user_id bigint, p_entry_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.requeue_level_up(p_user_id bigint, p_entry_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.requeue_level_up(p_user_id bigint, p_entry_id bigint) TO lockstep_admin;


--
-- Name: FUNCTION requirements_met(p_change lockstep.level_change); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.requirements_met(p_change lockstep.level_change) FROM PUBLIC;


--
-- Name: FUNCTION restore_pair(p_item lockstep.sync_run_items, p_run lockstep.sync_runs); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.restore_pair(p_item lockstep.sync_run_items, p_run lockstep.sync_runs) FROM PUBLIC;


--
-- Name: FUNCTION restore_project(p_actor_id bigint, p_project_id bigint, p_expected_version integer); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.restore_project(p_actor_id bigint, p_project_id bigint, p_expected_version integer) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.restore_project(p_actor_id bigint, p_project_id bigint, p_expected_version integer) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.restore_project(p_actor_id bigint, p_project_id bigint, p_expected_version integer) TO lockstep_admin;


--
-- Name: FUNCTION restore_revision(p_actor_id bigint, p_project_id bigint, p_version integer, p_expected_version integer); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.restore_revision(p_actor_id bigint, p_project_id bigint, p_version integer, p_expected_version integer) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.restore_revision(p_actor_id bigint, p_project_id bigint, p_version integer, p_expected_version integer) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.restore_revision(p_actor_id bigint, p_project_id bigint, p_version integer, p_expected_version integer) TO lockstep_admin;


--
-- Name: FUNCTION retry_mails(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.retry_mails() FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.retry_mails() TO lockstep_admin;


--
-- Name: FUNCTION sample_monitoring(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.sample_monitoring() FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.sample_monitoring() TO lockstep_admin;


--
-- Name: FUNCTION set_level(p_actor_id bigint, p_user_id bigint, p_specialization_id text, p_new_level integer, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_reason text, p_idempotency_key text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.set_level(p_actor_id bigint, p_user_id bigint, p_specialization_id text, p_new_level integer, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_reason text, p_idempotency_key text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.set_level(p_actor_id bigint, p_user_id bigint, p_specialization_id text, p_new_level integer, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_reason text, p_idempotency_key text) TO lockstep_app;


--
-- Name: FUNCTION set_password(p_email text, p_password_hash text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.set_password(p_email text, p_password_hash text) FROM PUBLIC;


--
-- Name: FUNCTION share_project(p_actor_id bigint, p_project_id bigint, p_permission lockstep.project_permission, p_user_id bigint, p_group_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.share_project(p_actor_id bigint, p_project_id bigint, p_permission lockstep.project_permission, p_user_id bigint, p_group_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.share_project(p_actor_id bigint, p_project_id bigint, p_permission lockstep.project_permission, p_user_id bigint, p_group_id bigint) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.share_project(p_actor_id bigint, p_project_id bigint, p_permission lockstep.project_permission, p_user_id bigint, p_group_id bigint) TO lockstep_admin;


--
-- Name: TABLE adoption_staging; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lockstep.adoption_staging TO lockstep_coupler;


--
-- Name: FUNCTION staged_file(p_table_name text, p_source_id text, p_content bytea); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.staged_file(p_table_name text, p_source_id text, p_content bytea) FROM PUBLIC;


--
-- Name: FUNCTION stamp_project(); Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

REVOKE ALL ON FUNCTION lockstep.stamp_project() FROM PUBLIC;


--
-- Name: TABLE adoption_runs; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lockstep.adoption_runs TO lockstep_coupler;


--
-- Name: FUNCTION start_adoption(p_source text, p_timezone text, p_direction text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.start_adoption(p_source text, p_timezone text, p_direction text) FROM PUBLIC;


--
-- Name: TABLE credentials; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lockstep.credentials TO lockstep_coupler;


--
-- Name: FUNCTION start_password_change(p_actor_id bigint, p_address inet); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.start_password_change(p_actor_id bigint, p_address inet) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.start_password_change(p_actor_id bigint, p_address inet) TO lockstep_auth;


--
-- Name: FUNCTION start_session(p_user_id bigint, p_address inet, p_token_hash bytea); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.start_session(p_user_id bigint, p_address inet, p_token_hash bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.start_session(p_user_id bigint, p_address inet, p_token_hash bytea) TO lockstep_auth;


--
-- Name: FUNCTION start_sign_in(p_email text, p_address inet); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.start_sign_in(p_email text, p_address inet) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.start_sign_in(p_email text, p_address inet) TO lockstep_auth;


--
-- Name: FUNCTION start_sync(p_run_id bigint, p_applied_by bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.start_sync(p_run_id bigint, p_applied_by bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.start_sync(p_run_id bigint, p_applied_by bigint) TO lockstep_admin;


--
-- Name: FUNCTION store_answer(p_user_id bigint, p_key text, p_answer jsonb); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.store_answer(p_user_id bigint, p_key text, p_answer jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.store_answer(p_user_id bigint, p_key text, p_answer jsonb) TO lockstep_auth;


--
-- Name: FUNCTION store_blob(p_sha256 bytea, p_content bytea, p_limit text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.store_blob(p_sha256 bytea, p_content bytea, p_limit text) FROM PUBLIC;


--
-- Name: FUNCTION sweep_blobs(p_limit integer); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.sweep_blobs(p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.sweep_blobs(p_limit integer) TO lockstep_admin;


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
-- Name: FUNCTION unlink_identity(p_actor_id bigint, p_user_id bigint, p_issuer text, p_subject text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.unlink_identity(p_actor_id bigint, p_user_id bigint, p_issuer text, p_subject text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.unlink_identity(p_actor_id bigint, p_user_id bigint, p_issuer text, p_subject text) TO lockstep_admin;


--
-- Name: FUNCTION unshare_project(p_actor_id bigint, p_project_id bigint, p_user_id bigint, p_group_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.unshare_project(p_actor_id bigint, p_project_id bigint, p_user_id bigint, p_group_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.unshare_project(p_actor_id bigint, p_project_id bigint, p_user_id bigint, p_group_id bigint) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.unshare_project(p_actor_id bigint, p_project_id bigint, p_user_id bigint, p_group_id bigint) TO lockstep_admin;


--
-- Name: FUNCTION update_level(p_user_id bigint, p_specialization_id text, p_new_level integer, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_advanced_by bigint, p_reason text, p_idempotency_key text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.update_level(p_user_id bigint, p_specialization_id text, p_new_level integer, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_advanced_by bigint, p_reason text, p_idempotency_key text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.update_level(p_user_id bigint, p_specialization_id text, p_new_level integer, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_advanced_by bigint, p_reason text, p_idempotency_key text) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.update_level(p_user_id bigint, p_specialization_id text, p_new_level integer, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_advanced_by bigint, p_reason text, p_idempotency_key text) TO lockstep_admin;


--
-- Name: FUNCTION update_levels(p_items lockstep.batch_item[], p_all_or_nothing boolean); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.update_levels(p_items lockstep.batch_item[], p_all_or_nothing boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.update_levels(p_items lockstep.batch_item[], p_all_or_nothing boolean) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.update_levels(p_items lockstep.batch_item[], p_all_or_nothing boolean) TO lockstep_admin;


--
-- Name: FUNCTION update_project(p_actor_id bigint, p_project_id bigint, p_expected_version integer, p_title text, p_description text, p_file bytea, p_file_name text, p_merge boolean); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.update_project(p_actor_id bigint, p_project_id bigint, p_expected_version integer, p_title text, p_description text, p_file bytea, p_file_name text, p_merge boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.update_project(p_actor_id bigint, p_project_id bigint, p_expected_version integer, p_title text, p_description text, p_file bytea, p_file_name text, p_merge boolean) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.update_project(p_actor_id bigint, p_project_id bigint, p_expected_version integer, p_title text, p_description text, p_file bytea, p_file_name text, p_merge boolean) TO lockstep_admin;


--
-- Name: FUNCTION use_password_reset(p_user_id bigint, p_token_hash bytea, p_new_hash text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.use_password_reset(p_user_id bigint, p_token_hash bytea, p_new_hash text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.use_password_reset(p_user_id bigint, p_token_hash bytea, p_new_hash text) TO lockstep_auth;


--
-- Name: FUNCTION validate_consistency(p_user_id bigint, p_specialization_id text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.validate_consistency(p_user_id bigint, p_specialization_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.validate_consistency(p_user_id bigint, p_specialization_id text) TO lockstep_app;
GRANT ALL ON FUNCTION lockstep.validate_consistency(p_user_id bigint, p_specialization_id text) TO lockstep_admin;


--
-- Name: FUNCTION verify_next_range(p_older_than timestamp with time zone); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.verify_next_range(p_older_than timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.verify_next_range(p_older_than timestamp with time zone) TO lockstep_admin;


--
-- Name: FUNCTION verify_range(p_first_user_id bigint, p_last_user_id bigint, OUT pairs bigint, OUT violations bigint, OUT level_mismatch bigint, OUT missing_license bigint, OUT missing_progress bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.verify_range(p_first_user_id bigint, p_last_user_id bigint, OUT pairs bigint, OUT violations bigint, OUT level_mismatch bigint, OUT missing_license bigint, OUT missing_progress bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.verify_range(p_first_user_id bigint, p_last_user_id bigint, OUT pairs bigint, OUT violations bigint, OUT level_mismatch bigint, OUT missing_license bigint, OUT missing_progress bigint) TO lockstep_admin;


--
-- Name: PROCEDURE watch(); Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

REVOKE ALL ON PROCEDURE lockstep.watch() FROM PUBLIC;
GRANT ALL ON PROCEDURE lockstep.watch() TO lockstep_admin;


--
-- Name: FUNCTION watch_incidents(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.watch_incidents() FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.watch_incidents() TO lockstep_admin;


--
-- Name: FUNCTION watch_monitoring(); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.watch_monitoring() FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.watch_monitoring() TO lockstep_admin;


--
-- Name: FUNCTION without_literals(p_query text, p_keep_numbers boolean); Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

REVOKE ALL ON FUNCTION lockstep.without_literals(p_query text, p_keep_numbers boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.without_literals(p_query text, p_keep_numbers boolean) TO lockstep_coupler;


--
-- Name: FUNCTION work_on_run(p_run_id bigint, p_worker uuid, p_actor_id bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.work_on_run(p_run_id bigint, p_worker uuid, p_actor_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION lockstep.work_on_run(p_run_id bigint, p_worker uuid, p_actor_id bigint) TO lockstep_admin;


--
-- Name: FUNCTION write_adopted_history(p_run_id bigint, p_first_user bigint, p_last_user bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.write_adopted_history(p_run_id bigint, p_first_user bigint, p_last_user bigint) FROM PUBLIC;


--
-- Name: FUNCTION write_adopted_pairs(p_first_user bigint, p_last_user bigint); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.write_adopted_pairs(p_first_user bigint, p_last_user bigint) FROM PUBLIC;


--
-- Name: FUNCTION write_changes(p_function_name text, p_plan lockstep.planned_change[], p_origins lockstep.change_origin[]); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.write_changes(p_function_name text, p_plan lockstep.planned_change[], p_origins lockstep.change_origin[]) FROM PUBLIC;


--
-- Name: FUNCTION write_levels(p_user_id bigint, p_specialization_id text, p_license_id bigint, p_progress_from integer, p_license_from integer, p_to_level integer, p_write_progress boolean, p_write_license boolean, p_route text, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_advanced_by bigint, p_reason text, p_requirements_met text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.write_levels(p_user_id bigint, p_specialization_id text, p_license_id bigint, p_progress_from integer, p_license_from integer, p_to_level integer, p_write_progress boolean, p_write_license boolean, p_route text, p_xp_change bigint, p_sessions_change integer, p_projects_change integer, p_theory_hours_change numeric, p_practice_hours_change numeric, p_advanced_by bigint, p_reason text, p_requirements_met text) FROM PUBLIC;


--
-- Name: FUNCTION write_password(p_user_id bigint, p_password_hash text); Type: ACL; Schema: lockstep; Owner: lockstep_coupler
--

REVOKE ALL ON FUNCTION lockstep.write_password(p_user_id bigint, p_password_hash text) FROM PUBLIC;


--
-- Name: TABLE adopted_pairs_here; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.adopted_pairs_here TO lockstep_coupler;


--
-- Name: TABLE adopted_rows; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lockstep.adopted_rows TO lockstep_coupler;


--
-- Name: TABLE adoption_pairs; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lockstep.adoption_pairs TO lockstep_coupler;


--
-- Name: TABLE assets; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT ON TABLE lockstep.assets TO lockstep_coupler;


--
-- Name: COLUMN assets.created_by; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT UPDATE(created_by) ON TABLE lockstep.assets TO lockstep_coupler;


--
-- Name: TABLE blobs; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,DELETE ON TABLE lockstep.blobs TO lockstep_coupler;


--
-- Name: COLUMN blobs.created_at; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT UPDATE(created_at) ON TABLE lockstep.blobs TO lockstep_coupler;


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
-- Name: TABLE health_history; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.health_history TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.health_history TO lockstep_readonly;


--
-- Name: TABLE idempotency_keys; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lockstep.idempotency_keys TO lockstep_coupler;


--
-- Name: TABLE incident_checks; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,UPDATE ON TABLE lockstep.incident_checks TO lockstep_coupler;


--
-- Name: TABLE incident_conditions; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.incident_conditions TO lockstep_coupler;
GRANT SELECT ON TABLE lockstep.incident_conditions TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.incident_conditions TO lockstep_readonly;


--
-- Name: TABLE incidents; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.incidents TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.incidents TO lockstep_readonly;


--
-- Name: TABLE internship_levels; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.internship_levels TO lockstep_app;
GRANT SELECT ON TABLE lockstep.internship_levels TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.internship_levels TO lockstep_readonly;
GRANT SELECT ON TABLE lockstep.internship_levels TO lockstep_legacy;


--
-- Name: TABLE level_distribution; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.level_distribution TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.level_distribution TO lockstep_readonly;


--
-- Name: TABLE lock_waits; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.lock_waits TO lockstep_coupler;
GRANT SELECT ON TABLE lockstep.lock_waits TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.lock_waits TO lockstep_readonly;


--
-- Name: TABLE lock_tree; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.lock_tree TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.lock_tree TO lockstep_readonly;


--
-- Name: TABLE pending_names; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,DELETE ON TABLE lockstep.pending_names TO lockstep_coupler;


--
-- Name: TABLE player_levels; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.player_levels TO lockstep_app;
GRANT SELECT ON TABLE lockstep.player_levels TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.player_levels TO lockstep_readonly;
GRANT SELECT ON TABLE lockstep.player_levels TO lockstep_legacy;


--
-- Name: TABLE pool_usage; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.pool_usage TO lockstep_coupler;
GRANT SELECT ON TABLE lockstep.pool_usage TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.pool_usage TO lockstep_readonly;


--
-- Name: TABLE quarantine; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.quarantine TO lockstep_coupler;


--
-- Name: COLUMN quarantine.row_before; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT UPDATE(row_before) ON TABLE lockstep.quarantine TO lockstep_coupler;


--
-- Name: COLUMN quarantine.row_after; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT UPDATE(row_after) ON TABLE lockstep.quarantine TO lockstep_coupler;


--
-- Name: TABLE queue_set_aside; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.queue_set_aside TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.queue_set_aside TO lockstep_readonly;


--
-- Name: TABLE raw_writes; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lockstep.raw_writes TO lockstep_coupler;


--
-- Name: TABLE raw_writers; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.raw_writers TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.raw_writers TO lockstep_readonly;


--
-- Name: TABLE refresh_tokens; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lockstep.refresh_tokens TO lockstep_coupler;


--
-- Name: TABLE request_counts; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lockstep.request_counts TO lockstep_coupler;


--
-- Name: TABLE run_reports; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.run_reports TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.run_reports TO lockstep_readonly;


--
-- Name: TABLE samples; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.samples TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.samples TO lockstep_readonly;


--
-- Name: TABLE server_load; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.server_load TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.server_load TO lockstep_readonly;


--
-- Name: TABLE sessions; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lockstep.sessions TO lockstep_coupler;


--
-- Name: TABLE sign_in_attempts; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE lockstep.sign_in_attempts TO lockstep_coupler;


--
-- Name: TABLE threshold_breaches; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT ON TABLE lockstep.threshold_breaches TO lockstep_admin;
GRANT SELECT ON TABLE lockstep.threshold_breaches TO lockstep_readonly;


--
-- Name: SEQUENCE users_id_seq; Type: ACL; Schema: lockstep; Owner: lockstep_owner
--

GRANT SELECT,UPDATE ON SEQUENCE lockstep.users_id_seq TO lockstep_coupler;


--
-- PostgreSQL database dump complete
--


