"""Projects: files with a title, shared, versioned, and never lost.

The ETag of a project is its version. A writer names the version that they saw in If-Match, and is told
what happened where it is not the current one; one who names none overwrites, and is told so.
"""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from flask import Response, request
from flask_openapi import APIBlueprint, Tag
from pydantic import BaseModel, Field, model_validator

from app.db import Row
from app.http import uploads
from app.http.access import actor
from app.http.database import Options, database
from app.http.models import BEARER, LEFT_OUT, Body, Id, KeyHeader, options, problems, reply
from app.http.paging import PageQuery, page
from app.http.uploads import File

api = APIBlueprint(
    "projects",
    __name__,
    url_prefix="/api/projects",
    abp_tags=[Tag(name="projects")],
    abp_security=BEARER,
)

SB3 = "application/x.scratch.sb3"

# Kept by the client, and asked for again each time: the answer is 304 where nothing changed.
ASK_AGAIN = "private, no-cache"

UNNAMED = '299 - "no version was named in If-Match: the last writer wins"'

Title = Annotated[str, Field(min_length=1, max_length=200)]
Description = Annotated[str, Field(max_length=5000)]
Permission = Literal["READ", "WRITE", "ADMIN"]
Version = Annotated[int, Field(ge=1, le=2**31 - 1)]


class ProjectPath(BaseModel):
    """Which."""

    project_id: Id


class RevisionPath(ProjectPath):
    """Which version of which."""

    version: Version


class UserSharePath(ProjectPath):
    """With which user it is shared."""

    grantee_id: Id


class GroupSharePath(ProjectPath):
    """With which group it is shared."""

    grantee_id: Id


class ProjectsQuery(PageQuery):
    """Which projects."""

    limit: int = Field(100, ge=1, le=499, description="Items on a page, at most.")
    user_id: Id | None = Field(None, description="Only those of this owner.")
    deleted: bool = Field(False, description="Only those that were deleted and can be restored.")


class RevisionsQuery(PageQuery):
    """Which part of the list."""

    limit: int = Field(100, ge=1, le=499, description="Items on a page, at most.")


class WriteHeader(BaseModel):
    """Which version is to be changed."""

    if_match: str | None = Field(
        None,
        alias="If-Match",
        max_length=1000,
        description="The ETag that was read. Without it the last writer wins, or it is asked for, by a setting.",
    )


class RepeatableWriteHeader(WriteHeader, KeyHeader):
    """Which version is to be changed, and a key that makes the request safe to repeat."""


class MergeQuery(BaseModel):
    """What to do where the version is no longer the current one."""

    model_config = {"extra": "forbid"}

    merge: bool = Field(False, description="Go on if what others changed does not collide with this.")


class NewProject(BaseModel):
    """An .sb3 and what to call it."""

    project_file: File
    title: Title
    description: Description = ""


class ProjectForm(BaseModel):
    """What to change; what is left out stays."""

    project_file: File = Field(LEFT_OUT)
    title: Title = Field(LEFT_OUT)
    description: Description = Field(LEFT_OUT)


class ProjectChange(Body):
    """What to change; what is left out stays."""

    title: Title | None = None
    description: Description | None = None


class _Optional(Body):
    """A body that may be missing."""

    @model_validator(mode="before")
    @classmethod
    def _missing(cls, value: Any) -> Any:
        return {} if value is None else value


class Restoration(_Optional):
    """What to bring back."""

    version: Version | None = Field(None, description="An earlier version; none: the project after its deletion.")


class CopyTitle(_Optional):
    """What to call the copy."""

    title: Title | None = Field(None, description="None: as the project is called.")


class NewShare(Body):
    """A user or a group, and what they may do."""

    permission: Permission
    user_id: Id | None = None
    group_id: Id | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.user_id is None) == (self.group_id is None):
            raise ValueError("name a user or a group")
        return self


class Project(BaseModel):
    """A project as the caller sees it."""

    id: int
    user_id: int = Field(description="The owner.")
    owner_name: str
    version: int
    title: str
    description: str
    file_name: str
    file_size: int = Field(description="Bytes.")
    file_sha256: str
    copied_from_id: int | None
    copied_from_version: int | None
    created_at: datetime
    modified_at: datetime
    modified_by: int | None
    modified_by_name: str | None
    deleted_at: datetime | None
    permission: Permission = Field(description="What the caller may do: the highest that they were granted.")
    merged_fields: list[str] | None = Field(
        description="What others had changed meanwhile and a merge kept; null where there was none."
    )


class Projects(BaseModel):
    """A page of them, newest first."""

    items: list[Project]
    next: str | None


class Revision(BaseModel):
    """A version of a project, whole."""

    project_id: int
    version: int
    action: str = Field(description="created, copied, updated, reverted, deleted or restored.")
    changed_fields: list[str]
    changed_by: int | None
    changed_by_name: str | None
    changed_at: datetime
    restored_from: int | None
    title: str
    description: str
    file_name: str
    file_size: int
    file_sha256: str
    deleted_at: datetime | None


class Revisions(BaseModel):
    """A page of them, newest first."""

    items: list[Revision]
    next: str | None


class Share(BaseModel):
    """With whom a project is shared."""

    project_id: int
    user_id: int | None
    group_id: int | None
    name: str
    permission: Permission
    granted_by: int
    created_at: datetime
    modified_at: datetime


class Shares(BaseModel):
    """All of them."""

    items: list[Share]


@api.post("", strict_slashes=False, responses={201: Project, **problems(404, 409)})
def create(header: KeyHeader, form: NewProject) -> Response:
    """Make a project of a file, version 1."""
    file, name = uploads.project_file(form.project_file)
    row = database().call(
        "create_project",
        options(header),
        actor_id=actor().id,
        title=form.title,
        file=file,
        file_name=name,
        description=form.description,
    )
    return _made(row)


@api.get("", strict_slashes=False, responses={200: Projects, **problems()})
def list_all(query: ProjectsQuery) -> Response:
    """List the projects that are the caller's or shared with them, newest first."""
    (before,) = query.key(int)
    rows = database().rows(
        "list_projects",
        actor_id=actor().id,
        user_id=query.user_id,
        deleted=query.deleted,
        before_id=before,
        limit=query.limit + 1,
    )
    return reply(Projects, page(rows, query.limit, "id"))


@api.get("/<project_id>", strict_slashes=False, responses={200: Project, 304: None, **problems(404)})
def read(path: ProjectPath) -> Response:
    """Read a project, without its file."""
    return _project(database().call("read_project", **_which(path)))


@api.put("/<project_id>", strict_slashes=False, responses={200: Project, **problems(404, 409, 412, 428)})
def replace(path: ProjectPath, header: WriteHeader, query: MergeQuery, form: ProjectForm) -> Response:
    """Change file, title and description, as far as they are given: a new version."""
    given: dict[str, object] = {"title": form.title, "description": form.description}
    if form.project_file:
        given["file"], given["file_name"] = uploads.project_file(form.project_file)
    return _changed(path, query, given)


@api.patch("/<project_id>", strict_slashes=False, responses={200: Project, **problems(404, 409, 412, 428)})
def change(path: ProjectPath, header: WriteHeader, query: MergeQuery, body: ProjectChange) -> Response:
    """Change title and description, as far as they are given: a new version."""
    return _changed(path, query, body.model_dump())


@api.delete("/<project_id>", strict_slashes=False, responses={204: None, **problems(404, 409, 412, 428)})
def delete(path: ProjectPath, header: WriteHeader) -> Response:
    """Delete a project; it can be restored for a time."""
    row = database().call("delete_project", **_which(path), expected_version=_expected(path))
    answer = Response(status=204)
    answer.set_etag(str(row["version"]))
    return _warned(answer)


@api.get("/<project_id>/file", strict_slashes=False, responses={200: None, 304: None, **problems(404)})
def read_file(path: ProjectPath) -> Response:
    """Read the project file; Content-Location names the version that it is of."""
    return _file(path, None)


@api.get("/<project_id>/revisions", strict_slashes=False, responses={200: Revisions, **problems(404)})
def list_revisions(path: ProjectPath, query: RevisionsQuery) -> Response:
    """List the versions of a project, newest first."""
    (before,) = query.key(int)
    rows = database().rows("list_revisions", **_which(path), before_version=before, limit=query.limit + 1)
    return reply(Revisions, page(rows, query.limit, "version"))


@api.get("/<project_id>/revisions/<version>", strict_slashes=False, responses={200: Revision, **problems(404)})
def read_revision(path: RevisionPath) -> Response:
    """Read one version, without its file."""
    return reply(Revision, database().call("read_revision", **_which(path), version=path.version))


@api.get(
    "/<project_id>/revisions/<version>/file",
    strict_slashes=False,
    responses={200: None, 304: None, **problems(404)},
)
def read_revision_file(path: RevisionPath) -> Response:
    """Read the file of one version."""
    return _file(path, path.version)


@api.post("/<project_id>/restore", strict_slashes=False, responses={200: Project, **problems(404, 409, 412, 428)})
def restore(path: ProjectPath, header: RepeatableWriteHeader, body: Restoration) -> Response:
    """Bring an earlier version back, or a deleted project: a new version."""
    which = _which(path) | {"expected_version": _expected(path)}
    if body.version is None:
        return _project(database().call("restore_project", options(header), **which))
    return _warned(_project(database().call("restore_revision", options(header), **which, version=body.version)))


@api.post("/<project_id>/copy", strict_slashes=False, responses={201: Project, **problems(404, 409)})
def copy(path: ProjectPath, header: KeyHeader, body: CopyTitle) -> Response:
    """Make a project of the caller's with the present state of this one."""
    return _made(database().call("copy_project", options(header), **_which(path), title=body.title))


@api.get("/<project_id>/shares", strict_slashes=False, responses={200: Shares, **problems(404)})
def list_shares(path: ProjectPath) -> Response:
    """List with whom a project is shared."""
    return reply(Shares, {"items": database().rows("list_shares", **_which(path))})


@api.post("/<project_id>/shares", strict_slashes=False, responses={200: Share, **problems(404, 409)})
def share(path: ProjectPath, header: KeyHeader, body: NewShare) -> Response:
    """Share a project with a user or a group. A permission is raised by this and never lowered."""
    return reply(Share, database().call("share_project", options(header), **_which(path), **body.model_dump()))


@api.delete("/<project_id>/shares/users/<grantee_id>", strict_slashes=False, responses={204: None, **problems(404)})
def unshare_user(path: UserSharePath) -> Response:
    """Take back what was granted to a user; who it was granted to may do that, too."""
    database().call("unshare_project", **_which(path), user_id=path.grantee_id)
    return Response(status=204)


@api.delete("/<project_id>/shares/groups/<grantee_id>", strict_slashes=False, responses={204: None, **problems(404)})
def unshare_group(path: GroupSharePath) -> Response:
    """Take back what was granted to a group."""
    database().call("unshare_project", **_which(path), group_id=path.grantee_id)
    return Response(status=204)


def _which(path: ProjectPath) -> dict[str, object]:
    return {"actor_id": actor().id, "project_id": path.project_id}


def _expected(path: ProjectPath) -> int | None:
    """The version that If-Match names; None: it names none, 0: one that cannot be.

    Of several it is the current one, if that is among them; the database compares again, under its lock.
    """
    tags = request.if_match
    if "If-Match" not in request.headers or tags.star_tag:
        return None
    versions = {int(tag) for tag in tags.as_set() if tag.isascii() and tag.isdigit() and len(tag) < 10}
    if len(versions) > 1:
        current: int = database().call("read_project", **_which(path))["version"]
        return current if current in versions else max(versions)
    return next(iter(versions), 0)


def _changed(path: ProjectPath, query: MergeQuery, given: dict[str, object]) -> Response:
    row = database().call(
        "update_project", **_which(path), expected_version=_expected(path), **given, merge=query.merge
    )
    return _warned(_project(row))


def _project(row: Row, status: int = 200) -> Response:
    answer = reply(Project, row, status)
    answer.set_etag(str(row["version"]))
    answer.headers["Cache-Control"] = ASK_AGAIN
    if request.method in ("GET", "HEAD"):
        answer.make_conditional(request)
    return answer


def _made(row: Row) -> Response:
    answer = _project(row, 201)
    answer.headers["Location"] = f"/api/projects/{row['id']}"
    return answer


def _warned(answer: Response) -> Response:
    if "If-Match" not in request.headers:
        answer.headers["Warning"] = UNNAMED
    return answer


def _file(path: ProjectPath, version: int | None) -> Response:
    row = database().call(
        "read_file", Options(binary=True), **_which(path), version=version, known_sha256=uploads.known_sha256()
    )
    answer = uploads.file_answer(row | {"sha256": row["file_sha256"]}, SB3, row["file_name"])
    answer.headers["Cache-Control"] = ASK_AGAIN
    answer.headers["Content-Location"] = f"/api/projects/{row['project_id']}/revisions/{row['version']}/file"
    return answer
