"""The register of errors: what a SQLSTATE means to a caller, in one table.

docs/errors.md says the same for people, and more. A test keeps the two equal to each other and to
what the functions in sql/ raise.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import psycopg

ErrorType = Literal["validation_error", "not_found", "conflict", "retry", "permission_denied", "database_error"]


@dataclass(frozen=True)
class Condition:
    """A line of the register.

    sqlstate  five characters; two and `***` for the rest of a class; `*****` for all the rest; none
              for what only HTTP says
    status    of HTTP; a code has one
    retry     nothing was changed, and the same call again may succeed
    message   for a person, in lower case; of our own class LS, the very one that is raised
    """

    sqlstate: str
    code: str
    status: int
    error_type: ErrorType
    retry: bool
    message: str
    meaning: str


@dataclass(frozen=True)
class Problem:
    """What went wrong in one call. The detail holds values, and is given for class LS only.

    Where the function raised a JSON object for a detail, `members` are its members, and `detail` is the
    one of that name: for a person, as the others are for a program.
    """

    condition: Condition
    detail: str | None
    members: Mapping[str, Any] = field(default_factory=dict)

    @property
    def message(self) -> str:
        """One line for a person: what, and which."""
        message = self.condition.message[0].upper() + self.condition.message[1:]
        return f"{message}: {self.detail}" if self.detail else message


CONDITIONS = (
    Condition(
        "LS001", "user_not_found", 404, "not_found", False,
        "user not found",
        "No row of users has this id.",
    ),
    Condition(
        "LS002", "specialization_not_found", 404, "not_found", False,
        "specialization not found",
        "No row of specializations has this id.",
    ),
    Condition(
        "LS003", "level_not_found", 422, "validation_error", False,
        "level does not exist in this specialization",
        "No row of specialization_levels has this number.",
    ),
    Condition(
        "LS004", "negative_total", 422, "validation_error", False,
        "a total would fall below 0",
        "More XP, sessions, projects or hours would be taken away than are there.",
    ),
    Condition(
        "LS005", "hours_not_counted", 422, "validation_error", False,
        "hours are not counted in this specialization",
        "Hours were given for a specialization whose level rows have no theory_hours.",
    ),
    Condition(
        "LS006", "invalid_argument", 422, "validation_error", False,
        "invalid argument",
        "An argument is null, negative, or none of the values that are allowed; the detail says which.",
    ),
    Condition(
        "LS007", "idempotency_key_reused", 409, "conflict", False,
        "idempotency key was used with other arguments",
        "An earlier call for this user has this key, but another function or other arguments.",
    ),
    Condition(
        "LS008", "pair_has_history", 409, "conflict", False,
        "a pair with history cannot be deleted",
        "The license has rows in license_progressions, and history is kept.",
    ),
    Condition(
        "LS009", "record_cannot_move", 409, "conflict", False,
        "a record cannot move to another user or specialization",
        "Raw SQL changed the user or the specialization of a progress row or a license.",
    ),
    Condition(
        "LS010", "history_is_append_only", 409, "conflict", False,
        "history is append-only",
        "UPDATE or DELETE of license_progressions, by anything but an erasure.",
    ),
    Condition(
        "LS011", "levels_have_a_gap", 422, "validation_error", False,
        "levels run from 1 without a gap",
        "A write of specialization_levels would leave a number out.",
    ),
    Condition(
        "LS012", "max_levels_is_derived", 422, "validation_error", False,
        "max_levels follows the level rows",
        "specializations.max_levels was written by hand, with a figure that the level rows do not back.",
    ),
    Condition(
        "LS013", "truncate_refused", 409, "conflict", False,
        "this table cannot be truncated",
        "TRUNCATE of a table whose rows stand beside those of another.",
    ),
    Condition(
        "LS014", "source_record_not_found", 404, "not_found", False,
        "the source record does not exist",
        "sync_records() was told to copy from a side that this pair does not have.",
    ),
    Condition(
        "LS015", "run_not_found", 404, "not_found", False,
        "run not found",
        "No row of sync_runs has this id.",
    ),
    Condition(
        "LS016", "run_is_finished", 409, "conflict", False,
        "run is finished",
        "A run that has ended was to be applied.",
    ),
    Condition(
        "LS017", "run_is_under_way", 409, "conflict", False,
        "run is under way",
        "Another session is applying this very run.",
    ),
    Condition(
        "LS018", "nothing_to_undo", 409, "conflict", False,
        "run has nothing to undo",
        "Only a run that was applied can be undone, and this one was not.",
    ),
    Condition(
        "LS030", "not_signed_in", 401, "permission_denied", False,
        "not signed in",
        "The session has ended or the account is not active; over HTTP also a token that is missing,"
        " expired or not ours.",
    ),
    Condition(
        "LS031", "role_not_allowed", 403, "permission_denied", False,
        "this is not for your role",
        "The person is signed in, as another role than those that may do this.",
    ),
    Condition(
        "LS032", "not_yours", 403, "permission_denied", False,
        "this person is not yours to see or to change",
        "A student asked for somebody else, or an instructor for a student of other groups only.",
    ),
    Condition(
        "LS033", "too_many_sign_ins", 429, "retry", True,
        "too many sign-ins failed",
        "Too many sign-ins of this account, or from this address, failed: the next one has to wait.",
    ),
    Condition(
        "LS034", "wrong_credentials", 401, "permission_denied", False,
        "e-mail or password is wrong",
        "A sign-in failed. It is not said which of the two was wrong, nor whether the account exists or is active.",
    ),
    Condition(
        "LS035", "reset_not_good", 422, "validation_error", False,
        "this reset is not good, or not any more",
        "The token of a password reset is wrong, used, replaced or expired, or the account is not active.",
    ),
    Condition(
        "LS036", "identity_not_linked", 409, "conflict", False,
        "another account has this e-mail address",
        "A first sign-in through a provider, with an address that somebody here has: accounts are never joined by it.",
    ),
    Condition(
        "LS040", "nothing_begun", 404, "not_found", False,
        "nothing was begun in this specialization",
        "The user has neither progress nor a license there.",
    ),
    Condition(
        "LS041", "last_admin", 409, "conflict", False,
        "somebody has to stay admin",
        "The last active admin was to be demoted, deactivated or erased.",
    ),
    Condition(
        "LS042", "email_taken", 409, "conflict", False,
        "this e-mail address is taken",
        "Somebody else has it, in whatever case it is written.",
    ),
    Condition(
        "LS043", "person_erased", 409, "conflict", False,
        "this person was erased",
        "What was to be written would bring back somebody of whom there is only a pseudonym left.",
    ),
    Condition(
        "LS044", "identity_taken", 409, "conflict", False,
        "this identity belongs to somebody else",
        "Another account signs in with this subject of this issuer.",
    ),
    Condition(
        "LS045", "group_not_found", 404, "not_found", False,
        "group not found",
        "No row of groups has this id, or it is a group that the instructor is not in.",
    ),
    Condition(
        "LS050", "project_not_found", 404, "not_found", False,
        "project not found",
        "No project has this id, it was deleted, or it is none of the caller's business.",
    ),
    Condition(
        "LS051", "project_permission_denied", 403, "permission_denied", False,
        "your permission on this project does not reach so far",
        "The caller may see the project, and not do this with it: writing needs WRITE, sharing, deleting and "
        "restoring ADMIN.",
    ),
    Condition(
        "LS052", "project_modified", 412, "conflict", False,
        "project was modified by another user",
        "The version that was to be changed is no longer the current one; the detail is a JSON object that "
        "says what happened since.",
    ),
    Condition(
        "LS053", "version_required", 428, "conflict", False,
        "the version that is to be changed must be named",
        "The setting require_if_match is on, and the call names no version.",
    ),
    Condition(
        "LS054", "revision_not_found", 404, "not_found", False,
        "revision not found",
        "The project has no version of this number.",
    ),
    Condition(
        "LS055", "content_too_large", 413, "validation_error", False,
        "the content is too large",
        "A file is larger than the setting project_file_limit or asset_limit allows.",
    ),
    Condition(
        "LS056", "asset_id_taken", 409, "conflict", False,
        "another content has this asset id",
        "Another content has the same MD5: somebody made the two so on purpose.",
    ),
    Condition(
        "LS057", "revisions_are_append_only", 409, "conflict", False,
        "revisions are append-only",
        "UPDATE, DELETE or TRUNCATE of project_revisions.",
    ),
    Condition(
        "LS058", "project_cannot_move", 409, "conflict", False,
        "a project cannot move to another owner",
        "Raw SQL changed the owner or the id of a project.",
    ),
    Condition(
        "LS059", "share_not_found", 404, "not_found", False,
        "share not found",
        "The project is not shared with this user or group.",
    ),
    Condition(
        "LS060", "asset_not_found", 404, "not_found", False,
        "asset not found",
        "No asset has this id.",
    ),
    Condition(
        "LS070", "queue_entry_not_found", 404, "not_found", False,
        "no such entry is set aside",
        "requeue_level_up() or discard_level_up() was given an entry that is not set aside.",
    ),
    Condition(
        "LS095", "pair_not_as_planned", 500, "database_error", False,
        "a pair does not stand as it was planned",
        "An adoption wrote a pair, and something changed or suppressed what it wrote.",
    ),
    Condition(
        "LS096", "file_not_as_planned", 409, "conflict", False,
        "a file is not the one that was planned",
        "The file of a project or an asset changed while its source was adopted.",
    ),
    Condition(
        "LS097", "adoption_not_whole", 409, "conflict", False,
        "rows of an adoption are left",
        "An adoption was to end, and rows that it planned have not come over.",
    ),
    Condition(
        "LS100", "school_closed", 409, "conflict", False,
        "this school is closed to writing",
        "The school was moved to another database, or is arriving in this one; the detail says where it is.",
    ),
    Condition(
        "22***", "invalid_value", 422, "validation_error", False,
        "a value has the wrong form, or is out of range",
        "A value does not fit its type: a word for a number, or a number too big.",
    ),
    Condition(
        "23001", "reference_restricted", 409, "conflict", False,
        "something still refers to this",
        "A foreign key with ON DELETE RESTRICT refuses; PostgreSQL 18 gives it this code of its own, 15 says 23503.",
    ),
    Condition(
        "23502", "missing_value", 422, "validation_error", False,
        "a value is missing",
        "A column that must hold something was given null.",
    ),
    Condition(
        "23503", "reference_conflict", 409, "conflict", False,
        "what this refers to is not there, or something still refers to this",
        "A foreign key refuses: a row that does not exist, a row that is needed, a level that is held,"
        " or (at commit) progress and license at different levels.",
    ),
    Condition(
        "23505", "already_exists", 409, "conflict", False,
        "this exists already",
        "A unique constraint refuses a second row; raw INSERT, UPSERT or MERGE may get it in a race.",
    ),
    Condition(
        "23514", "value_not_allowed", 422, "validation_error", False,
        "a value is not allowed",
        "A CHECK constraint refuses: a figure below 0, or a max_achieved_level that would fall.",
    ),
    Condition(
        "40001", "serialization_failure", 503, "retry", True,
        "somebody else changed the same records at the same time",
        "Two transactions cannot be put one after the other; this one was rolled back.",
    ),
    Condition(
        "40P01", "deadlock_detected", 503, "retry", True,
        "two transactions waited for each other",
        "A deadlock; this transaction was the one that was rolled back.",
    ),
    Condition(
        "55P03", "lock_not_available", 503, "retry", True,
        "somebody else holds these records",
        "A lock was not free within lock_timeout, or at once where the caller asked for that.",
    ),
    Condition(
        "57014", "query_canceled", 503, "retry", True,
        "the call took too long, or was cancelled",
        "statement_timeout passed, or somebody cancelled the statement.",
    ),
    Condition(
        "42501", "permission_denied", 403, "permission_denied", False,
        "permission denied",
        "The role may not call this function or touch this table.",
    ),
    Condition(
        "*****", "database_error", 500, "database_error", False,
        "the database could not do this",
        "Anything else. A connection lost in the middle of a call too: whether that was done is not known.",
    ),
)  # fmt: skip

# What HTTP refuses before, or beside, a call of the database: these have no SQLSTATE.
HTTP_CONDITIONS = (
    Condition(
        "", "malformed_request", 400, "validation_error", False,
        "the request cannot be read",
        "The body is not the JSON that it says it is, or the request is broken otherwise.",
    ),
    Condition(
        "", "form_refused", 403, "permission_denied", False,
        "this form is not good any more",
        "A form of the console came without the secret of the page that it was on: the page is old, or another"
        " site sent it.",
    ),
    Condition(
        "", "sign_in_refused", 401, "permission_denied", False,
        "the sign-in through the provider failed",
        "The provider refused, its answer is not good, or it is not the answer to what this browser began.",
    ),
    Condition(
        "", "sign_in_not_offered", 404, "not_found", False,
        "no provider is set up here",
        "This installation signs nobody in by OpenID Connect.",
    ),
    Condition(
        "", "route_not_found", 404, "not_found", False,
        "there is nothing at this address",
        "No route of the API and no page of the console has this path.",
    ),
    Condition(
        "", "method_not_allowed", 405, "not_found", False,
        "this method is not offered here",
        "The path exists, with other methods: the header Allow names them.",
    ),
    Condition(
        "", "payload_too_large", 413, "validation_error", False,
        "the request is too large",
        "The body is longer than this route takes.",
    ),
    Condition(
        "", "unsupported_media_type", 415, "validation_error", False,
        "this kind of content is not taken here",
        "The header Content-Type names another kind than the route reads.",
    ),
    Condition(
        "", "invalid_request", 422, "validation_error", False,
        "the request has fields that are missing, unknown or wrong",
        "The member errors lists each field and what is wrong with it. Nothing was changed.",
    ),
    Condition(
        "", "content_refused", 422, "validation_error", False,
        "the file is not of a kind that is taken here",
        "By its content it is no project file, picture or sound, not what was said, or it would harm who opens it.",
    ),
    Condition(
        "", "pool_exhausted", 503, "retry", True,
        "the service is busy",
        "No connection to the database became free in time. Nothing was changed.",
    ),
    Condition(
        "", "database_unavailable", 503, "retry", True,
        "the database cannot be reached",
        "No connection could be opened. Nothing was changed.",
    ),
    Condition(
        "", "provider_unavailable", 503, "retry", True,
        "the provider of sign-ins cannot be reached",
        "The OpenID provider did not answer in time, or not with what it has to answer.",
    ),
    Condition(
        "", "not_ready", 503, "retry", True,
        "the service is not ready",
        "A check of /readyz fails: the member checks says which.",
    ),
    Condition(
        "", "outcome_unknown", 500, "database_error", False,
        "whether this was done is not known",
        "The connection to the database was lost while it committed.",
    ),
    Condition(
        "", "internal_error", 500, "database_error", False,
        "something went wrong here",
        "A mistake of ours; the request_id finds it in the log.",
    ),
)  # fmt: skip

_BY_SQLSTATE = {condition.sqlstate: condition for condition in CONDITIONS}
_BY_CODE = {condition.code: condition for condition in (*CONDITIONS, *HTTP_CONDITIONS)}


def find(sqlstate: str) -> Condition:
    """Return the line for a SQLSTATE: its own, that of its class, or the last."""
    candidates = (sqlstate, f"{sqlstate[:2]}***", "*****")
    return next(_BY_SQLSTATE[line] for line in candidates if line in _BY_SQLSTATE)


def named(code: str) -> Condition:
    """Return the line of this code."""
    return _BY_CODE[code]


def describe(error: psycopg.Error) -> Problem:
    """Say what an error of the database means to the caller.

    Only details that our own functions wrote are passed on: PostgreSQL's show tables and rows.
    """
    # What psycopg refuses to send, as a text with a NUL in it, has no SQLSTATE.
    sqlstate = error.sqlstate or ("22000" if isinstance(error, psycopg.DataError) else "")
    detail = error.diag.message_detail if sqlstate.startswith("LS") else None
    if detail and detail.startswith("{"):
        members = json.loads(detail)
        return Problem(find(sqlstate), members.pop("detail", None), members)
    return Problem(find(sqlstate), detail)
