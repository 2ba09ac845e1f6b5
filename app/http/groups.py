"""Groups, and who is in them: an instructor's students are those who share a group with them, or are in none."""

from datetime import datetime
from typing import Annotated, Literal

from flask import Response
from flask_openapi import APIBlueprint, Tag
from pydantic import BaseModel, Field

from app.http.access import Role, actor
from app.http.database import Options, database
from app.http.models import BEARER, Body, DryRunQuery, Id, KeyHeader, options, problems, reply
from app.http.paging import PageQuery, page

api = APIBlueprint(
    "groups",
    __name__,
    url_prefix="/api/v1/groups",
    abp_tags=[Tag(name="groups")],
    abp_security=BEARER,
)


class GroupPath(BaseModel):
    """Which group."""

    group_id: Id


class MemberPath(GroupPath):
    """Who in it."""

    user_id: Id


class GroupName(Body):
    """What it is called."""

    name: Annotated[str, Field(min_length=1, max_length=200)]


class Group(BaseModel):
    """A group."""

    id: int
    name: str
    created_at: datetime
    members: int = Field(description="How many people are in it.")


class Groups(BaseModel):
    """A page of them."""

    items: list[Group]
    next: str | None


class Member(BaseModel):
    """Somebody in a group."""

    group_id: int
    user_id: int
    email: str
    name: str
    role: Role
    is_active: bool
    source: Literal["manual", "claim"] = Field(description="Who put them in: an admin, or the provider of sign-ins.")
    created_at: datetime


class Members(BaseModel):
    """A page of them."""

    items: list[Member]
    next: str | None


@api.get("", responses={200: Groups, **problems()})
def list_all(query: PageQuery) -> Response:
    """List groups: an admin sees all, an instructor those that they are in."""
    (after,) = query.key(int)
    rows = database().rows("list_groups", actor_id=actor().id, after_id=after, limit=query.limit + 1)
    return reply(Groups, page(rows, query.limit, "id"))


@api.post("", responses={200: Group, **problems(409)})
def create(header: KeyHeader, query: DryRunQuery, body: GroupName) -> Response:
    """Make the group of this name, unless there is one; answer it."""
    return reply(Group, database().call("create_group", options(header, query), actor_id=actor().id, name=body.name))


@api.get("/<group_id>", responses={200: Group, **problems(404)})
def read(path: GroupPath) -> Response:
    """Read a group."""
    return reply(Group, database().call("read_group", **_of(path)))


@api.patch("/<group_id>", responses={200: Group, **problems(404, 409)})
def rename(path: GroupPath, query: DryRunQuery, body: GroupName) -> Response:
    """Give a group another name."""
    return reply(Group, database().call("rename_group", Options(dry_run=query.dry_run), **_of(path), name=body.name))


@api.delete("/<group_id>", responses={204: None, **problems(404)})
def delete(path: GroupPath) -> Response:
    """Delete a group. Students who were in no other are seen by every instructor then."""
    database().call("delete_group", **_of(path))
    return Response(status=204)


@api.get("/<group_id>/members", responses={200: Members, **problems(404)})
def list_members(path: GroupPath, query: PageQuery) -> Response:
    """List who is in a group: an instructor sees the students."""
    (after,) = query.key(int)
    rows = database().rows("list_members", **_of(path), after_user_id=after, limit=query.limit + 1)
    return reply(Members, page(rows, query.limit, "user_id"))


@api.put("/<group_id>/members/<user_id>", responses={200: Member, **problems(404, 409)})
def add_member(path: MemberPath) -> Response:
    """Put somebody into a group."""
    return reply(Member, database().call("add_member", **_of(path), user_id=path.user_id))


@api.delete("/<group_id>/members/<user_id>", responses={204: None, **problems(404)})
def remove_member(path: MemberPath) -> Response:
    """Take somebody out of a group; who is not in it stays so."""
    database().call("remove_member", **_of(path), user_id=path.user_id)
    return Response(status=204)


def _of(path: GroupPath) -> dict[str, object]:
    return {"actor_id": actor().id, "group_id": path.group_id}
