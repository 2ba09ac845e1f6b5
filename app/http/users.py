"""People: accounts, made and changed by admins; who somebody is, read by those who may see them."""

from datetime import datetime
from typing import Annotated, Any

from flask import Response
from flask_openapi import APIBlueprint, Tag
from pydantic import BaseModel, EmailStr, Field

from app.http.access import Role, actor
from app.http.database import Options, database
from app.http.models import BEARER, Body, DryRunQuery, Id, KeyHeader, Reason, UserPath, options, problems, reply
from app.http.paging import PageQuery, page
from app.http.passwords import NewPassword, hash_password

api = APIBlueprint(
    "users",
    __name__,
    url_prefix="/api/v1",
    abp_tags=[Tag(name="users")],
    abp_security=BEARER,
)

Name = Annotated[str, Field(min_length=1, max_length=200)]
Issuer = Annotated[str, Field(min_length=1, max_length=500, description="The provider's URL, as its tokens name it.")]
Subject = Annotated[str, Field(min_length=1, max_length=255, description="The claim `sub`.")]


class User(BaseModel):
    """A person."""

    id: int
    email: str
    name: str
    role: Role
    is_active: bool
    created_at: datetime
    updated_at: datetime
    is_erased: bool = Field(description="Only a pseudonym is left.")
    group_names: list[str]


class Users(BaseModel):
    """A page of them."""

    items: list[User]
    next: str | None


class UsersQuery(PageQuery):
    """Which people."""

    role: Role | None = None
    group: Id | None = Field(None, description="The id of a group.")
    is_active: bool | None = None
    search: str | None = Field(
        None, min_length=1, max_length=254, description="What the e-mail address or the name begins with."
    )


class NewUser(Body):
    """An account; without a password the person signs in by OpenID Connect, or is given a reset."""

    email: EmailStr
    name: Name
    role: Role = "student"
    password: NewPassword | None = None


class UserChange(Body):
    """What is to change; what is left out stays."""

    email: EmailStr | None = None
    name: Name | None = None
    role: Role | None = None


class Export(BaseModel):
    """Everything that is held about a person."""

    user_id: int
    exported_at: datetime
    tables: dict[str, list[dict[str, Any]] | None] = Field(description="Rows by table; null where there are none.")


class Erase(Body):
    """Why, in words that name nobody: they are kept."""

    reason: Reason


class Erasure(BaseModel):
    """The record of an erasure."""

    user_id: int
    erased_by: int
    erased_at: datetime
    reason: str | None
    counts: dict[str, int] = Field(description="Rows deleted or emptied, by table.")
    dry_run: bool = False


class IdentityKey(Body):
    """Who a person is at an OpenID provider."""

    issuer: Issuer
    subject: Subject


class Identity(BaseModel):
    """The same, and what the provider said at the last sign-in."""

    issuer: str
    subject: str
    email: str | None
    email_verified: bool
    created_at: datetime
    last_sign_in_at: datetime | None


class Identities(BaseModel):
    """All that a person has."""

    items: list[Identity]


@api.get("/me", responses={200: User, **problems()})
def read_me() -> Response:
    """Read who is calling."""
    return reply(User, database().call("read_user", actor_id=actor().id, user_id=actor().id))


@api.get("/users", responses={200: Users, **problems(404)})
def list_all(query: UsersQuery) -> Response:
    """List people: an admin sees everybody, an instructor their students."""
    (after,) = query.key(int)
    rows = database().rows(
        "list_users",
        actor_id=actor().id,
        role=query.role,
        group_id=query.group,
        is_active=query.is_active,
        search=query.search,
        after_id=after,
        limit=query.limit + 1,
    )
    return reply(Users, page(rows, query.limit, "id"))


@api.post("/users", responses={201: User, **problems(409)})
def create(header: KeyHeader, query: DryRunQuery, body: NewUser) -> Response:
    """Make an account."""
    row = database().call(
        "create_user",
        options(header, query),
        actor_id=actor().id,
        email=body.email,
        name=body.name,
        role=body.role,
        password_hash=hash_password(body.password) if body.password else None,
    )
    return reply(User, row, 201)


@api.get("/users/<user_id>", responses={200: User, **problems(404)})
def read(path: UserPath) -> Response:
    """Read who somebody is."""
    return reply(User, database().call("read_user", **_of(path)))


@api.patch("/users/<user_id>", responses={200: User, **problems(404, 409)})
def change(path: UserPath, query: DryRunQuery, body: UserChange) -> Response:
    """Change somebody's name, e-mail address or role."""
    row = database().call("change_user", Options(dry_run=query.dry_run), **_of(path), **body.model_dump())
    return reply(User, row)


@api.post("/users/<user_id>/deactivate", responses={200: User, **problems(404, 409)})
def deactivate(path: UserPath, header: KeyHeader, query: DryRunQuery) -> Response:
    """Shut somebody out: their sessions end at once, what they earned stays."""
    return reply(User, database().call("deactivate_user", options(header, query), **_of(path)))


@api.post("/users/<user_id>/reactivate", responses={200: User, **problems(404, 409)})
def reactivate(path: UserPath, header: KeyHeader, query: DryRunQuery) -> Response:
    """Let somebody in again."""
    return reply(User, database().call("reactivate_user", options(header, query), **_of(path)))


@api.get("/users/<user_id>/export", responses={200: Export, **problems(404)})
def export(path: UserPath) -> Response:
    """Export everything that is held about somebody."""
    return reply(Export, database().call("export_user", **_of(path))["export_user"])


@api.post("/users/<user_id>/erase", responses={200: Erasure, **problems(404, 409)})
def erase(path: UserPath, header: KeyHeader, query: DryRunQuery, body: Erase) -> Response:
    """Erase somebody, for good: their figures stay, under a pseudonym. Again takes what came in since."""
    row = database().call("erase_user", options(header, query), **_of(path), reason=body.reason)
    return reply(Erasure, row | {"dry_run": query.dry_run})


@api.post("/users/<user_id>/identities", responses={200: Identities, **problems(404, 409)})
def link_identity(path: UserPath, header: KeyHeader, query: DryRunQuery, body: IdentityKey) -> Response:
    """Let somebody sign in through an OpenID provider, as this subject of it."""
    rows = database().rows("link_identity", options(header, query), **_of(path), **body.model_dump())
    return reply(Identities, {"items": rows})


@api.delete("/users/<user_id>/identities", responses={200: Identities, **problems(404)})
def unlink_identity(path: UserPath, query: IdentityKey) -> Response:
    """Take that from them; answer what is left. Sessions go on: deactivate somebody to end those."""
    rows = database().rows("unlink_identity", **_of(path), **query.model_dump())
    return reply(Identities, {"items": rows})


def _of(path: UserPath) -> dict[str, object]:
    return {"actor_id": actor().id, "user_id": path.user_id}
