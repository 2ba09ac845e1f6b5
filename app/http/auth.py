"""Signing in with a password, staying signed in, and passwords themselves.

A view that looks at a password makes two calls, and hashes between them: the attempt is counted and
committed first, and no connection is held for the tenth of a second that a hash takes.
"""

import hashlib
import ipaddress
import re
import secrets
from datetime import datetime
from typing import Annotated, NamedTuple

from flask import Response, current_app, request
from flask_openapi import APIBlueprint, Tag
from pydantic import BaseModel, Field

from app.db import Row
from app.http import passwords
from app.http.access import actor
from app.http.database import database
from app.http.models import BEARER, Body, UserPath, problems, reply
from app.http.passwords import NewPassword, Password
from app.http.problems import ProblemError
from app.http.tokens import LIFETIME, Tokens

api = APIBlueprint("auth", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="sign-in")])

Secret = Annotated[str, Field(min_length=1, max_length=200)]


class Login(Body):
    """Who, and the proof of it."""

    email: str = Field(min_length=1, max_length=320)
    password: Password


class Refresh(Body):
    """What the last sign-in or refresh gave."""

    refresh_token: Secret


class PasswordChange(Body):
    """The password as it is, and as it shall be."""

    current_password: Password
    new_password: NewPassword


class PasswordChoice(Body):
    """What an admin handed out, and the password that its receiver chooses."""

    token: Secret
    new_password: NewPassword


class SignedIn(BaseModel):
    """What an API client goes on with."""

    access_token: str
    token_type: str = "Bearer"
    expires_in: int = Field(LIFETIME, description="Seconds that the access token is good for.")
    refresh_token: str = Field(description="For one refresh; a second one ends the session.")


class PasswordReset(BaseModel):
    """A token that lets its holder choose a new password, once."""

    user_id: int
    token: str
    expires_at: datetime


class OneTime(NamedTuple):
    """A secret that is told once: the database keeps its SHA-256, under the person whose it is."""

    text: str
    user_id: int

    @classmethod
    def make(cls, user_id: int) -> "OneTime":
        """Make one, of 256 random bits."""
        return cls(f"{user_id}.{secrets.token_urlsafe(32)}", user_id)

    @classmethod
    def read(cls, text: str, otherwise: str) -> "OneTime":
        """Read one. Raises ProblemError of this code for what we never gave out."""
        if not re.fullmatch(r"[0-9]{1,18}\.[A-Za-z0-9_-]{43}", text):
            raise ProblemError(otherwise)
        return cls(text, int(text.partition(".")[0]))

    @property
    def hash(self) -> bytes:
        """What is kept of it."""
        return hashlib.sha256(self.text.encode()).digest()


def client_address() -> str | None:
    """Where the request comes from; behind proxies, as the setting LOCKSTEP_PROXIES has it read."""
    try:
        address = ipaddress.ip_address((request.remote_addr or "").partition("%")[0])
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)


def signed_in(session: Row, refresh_token: OneTime) -> dict[str, object]:
    """Make the answer to a sign-in."""
    tokens: Tokens = current_app.extensions["lockstep.tokens"]
    access_token = tokens.issue(session["user_id"], session["session_id"], session["role"])
    return {"access_token": access_token, "refresh_token": refresh_token.text}


def sign_in(email: str, password: str) -> tuple[Row, OneTime]:
    """Start a session. Whether an account exists is not told, and neither is it by the time it takes.

    Raises ProblemError for wrong credentials, psycopg.Error for too many of them.
    """
    known = database().call("start_sign_in", email=email, address=client_address())
    if not passwords.is_right(password, known["password_hash"]):
        raise ProblemError("wrong_credentials")
    refresh_token = OneTime.make(known["user_id"])
    session = database().call(
        "finish_sign_in",
        user_id=known["user_id"],
        password_hash=known["password_hash"],
        address=client_address(),
        token_hash=refresh_token.hash,
        newer_hash=passwords.newer_hash(password, known["password_hash"]),
    )
    return session, refresh_token


@api.post("/auth/login", responses={200: SignedIn, **problems(429)})
def login(body: Login) -> Response:
    """Sign in with a password. Whether an account exists is not told, and neither is it by the time it takes."""
    return reply(SignedIn, signed_in(*sign_in(body.email, body.password)))


@api.post("/auth/refresh", responses={200: SignedIn, **problems()})
def refresh(body: Refresh) -> Response:
    """Get new tokens for a refresh token, once: one that comes again ends the session."""
    used = OneTime.read(body.refresh_token, "not_signed_in")
    following = OneTime.make(used.user_id)
    session = database().call("refresh_session", user_id=used.user_id, token_hash=used.hash, next_hash=following.hash)
    # Committed by now, so the session is over though the answer is an error.
    if session["end_reason"]:
        raise ProblemError("not_signed_in", "the refresh token was used before, so the session was ended")
    return reply(SignedIn, signed_in(session, following))


@api.post("/auth/logout", security=BEARER, responses={204: None, **problems()})
def logout() -> tuple[str, int]:
    """End the session, and all its tokens with it."""
    database().call("end_session", actor_id=actor().id, session_id=actor().session_id)
    return "", 204


@api.put("/me/password", security=BEARER, responses={204: None, **problems(429)})
def change_password(body: PasswordChange) -> tuple[str, int]:
    """Change one's own password. This session goes on, the others end."""
    known = database().call("start_password_change", actor_id=actor().id, address=client_address())
    if not passwords.is_right(body.current_password, known["password_hash"]):
        raise ProblemError("wrong_credentials")
    database().call(
        "change_password",
        actor_id=actor().id,
        session_id=actor().session_id,
        address=client_address(),
        password_hash=known["password_hash"],
        new_hash=passwords.hash_password(body.new_password),
    )
    return "", 204


@api.post("/users/<user_id>/password-reset", security=BEARER, responses={201: PasswordReset, **problems(404)})
def create_reset(path: UserPath) -> Response:
    """Make a token for somebody who cannot sign in. A second one replaces the first, so asking again is safe."""
    token = OneTime.make(path.user_id)
    reset = database().call("create_password_reset", actor_id=actor().id, user_id=path.user_id, token_hash=token.hash)
    return reply(PasswordReset, reset | {"token": token.text}, 201)


@api.post("/auth/password", responses={204: None, **problems()})
def use_reset(body: PasswordChoice) -> tuple[str, int]:
    """Choose a password with the token of a reset. Every session ends."""
    token = OneTime.read(body.token, "reset_not_good")
    database().call("check_password_reset", user_id=token.user_id, token_hash=token.hash)
    database().call(
        "use_password_reset",
        user_id=token.user_id,
        token_hash=token.hash,
        new_hash=passwords.hash_password(body.new_password),
    )
    return "", 204
