"""Signing in through an OpenID provider: code flow with PKCE, state and nonce.

What is to be known again at the callback is in a signed cookie of the browser that began, so that no
other can end it, and nothing is kept here. The answer is that of a login: API clients first.
"""

import hmac
import logging
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import urlsplit

import requests
from authlib.integrations.requests_client import OAuth2Session, OAuthError
from authlib.oidc.core import CodeIDToken
from flask import Flask, Response, current_app, redirect, request
from flask_openapi import APIBlueprint, Tag
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from pydantic import AfterValidator, BaseModel, EmailStr, Field, TypeAdapter, ValidationError

from app.http.auth import OneTime, SignedIn, client_address, signed_in
from app.http.database import database
from app.http.models import problems, reply
from app.http.problems import ProblemError, of
from app.http.tokens import STATE_LIFETIME, Tokens
from app.settings import OidcSettings, Settings

log = logging.getLogger(__name__)

api = APIBlueprint("oidc", __name__, url_prefix="/api/v1/auth/oidc", abp_tags=[Tag(name="sign-in")])

COOKIE = "lockstep_sign_in"

# How a state begins that goes on in the console: it comes back where the cookie does not, too late or elsewhere.
FROM_CONSOLE = "console."

# Seconds: to wait for the provider, to believe what it said of itself, and that its clock may be off.
TIMEOUT = 5.0
KNOWN_FOR = 3600.0
LEEWAY = 60

# What may sign an ID token, as far as the provider says that it does: nothing that shares a secret with us.
ALGORITHMS = frozenset(
    ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
)

MOST_GROUPS = 200

_email: TypeAdapter[str] = TypeAdapter(EmailStr)


def _local(path: str) -> str:
    """Refuse an address that leads, in any browser's reading, to another site."""
    place = path.split("?", 1)[0].split("#", 1)[0]
    if not path.startswith("/") or "//" in place or "\\" in path or not path.isascii() or not path.isprintable():
        raise ValueError("has to be a path of this site, from its / on")
    return path


class LoginQuery(BaseModel):
    """Where the client wants to go on."""

    model_config = {"extra": "forbid"}

    return_to: Annotated[str, AfterValidator(_local)] | None = Field(
        None, max_length=1000, description="A path of this site, which the answer of the callback repeats."
    )


class CallbackQuery(BaseModel):
    """What the provider sends the browser back with; it may add more."""

    code: str | None = Field(None, max_length=4096)
    state: str | None = Field(None, max_length=4096)
    error: str | None = Field(None, max_length=4096)
    iss: str | None = Field(None, max_length=4096)


class SignedInByProvider(SignedIn):
    """What an API client goes on with, and where."""

    return_to: str | None = None


@dataclass(frozen=True)
class Person:
    """What the provider says of who signs in, as far as it can be believed."""

    subject: str
    email: str | None
    email_verified: bool
    name: str
    groups: list[str] | None


@dataclass
class Provider:
    """The one provider of this installation, as its discovery document describes it."""

    settings: OidcSettings
    redirect_uri: str
    _metadata: dict[str, Any] = field(default_factory=dict)
    _keys: KeySet = field(default_factory=lambda: KeySet([]))
    _known_until: float = 0.0

    def __post_init__(self) -> None:
        """Raises ValueError for an issuer whose answers anybody on the way could change."""
        self._check_address(self.settings.issuer)

    def address(self, state: str, nonce: str, verifier: str) -> str:
        """Where the browser goes to sign in. Raises ProblemError: the provider is not there."""
        endpoint = self.metadata()["authorization_endpoint"]
        with self._session() as session:
            address, _ = session.create_authorization_url(endpoint, state=state, code_verifier=verifier, nonce=nonce)
        return str(address)

    def identify(self, code: str, verifier: str, nonce: str) -> Person:
        """Exchange the code, and say who signed in. Raises ProblemError: refused, or not there."""
        try:
            with self._session() as session:
                token = session.fetch_token(
                    self.metadata()["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=verifier,
                    redirect_uri=self.redirect_uri,
                    allow_redirects=False,
                )
            return self._person(self._claims(token, nonce))
        except OAuthError as error:
            raise _refused(f"the provider answered {error.error}") from error
        except requests.RequestException as error:
            raise _unavailable(error) from error
        except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise _refused(f"the ID token is not good: {type(error).__name__}") from error

    def metadata(self) -> Mapping[str, Any]:
        """The discovery document, asked for once an hour. Raises ProblemError: the provider is not there."""
        # No lock: while the provider is slow, nobody waits for more than their own question.
        if time.monotonic() > self._known_until:
            found = self._get(f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration")
            try:
                self._check_metadata(found)
            except ValueError as error:
                raise _unavailable(error) from error
            self._metadata, self._keys = found, KeySet([])
            self._known_until = time.monotonic() + KNOWN_FOR
        return self._metadata

    def _claims(self, token: Mapping[str, Any], nonce: str) -> Mapping[str, Any]:
        """Check an ID token: signature, issuer, audience, time and nonce."""
        offered = self.metadata().get("id_token_signing_alg_values_supported", ["RS256"])
        accepted = sorted(ALGORITHMS.intersection(offered))
        if not accepted:  # the library takes none for its own choice, in which are shared secrets
            raise ValueError("no algorithm")
        registry = JWSRegistry(algorithms=accepted, strict_check_header=False)
        try:
            read = jwt.decode(token["id_token"], self._key_set(), registry=registry)
        except InvalidKeyIdError:  # the provider has a new key
            read = jwt.decode(token["id_token"], self._key_set(again=True), registry=registry)
        claims = CodeIDToken(
            read.claims,
            read.header,
            {
                "iss": {"essential": True, "value": self.settings.issuer},
                "aud": {"essential": True, "value": self.settings.client_id},
            },
            {"nonce": nonce, "client_id": self.settings.client_id, "access_token": token.get("access_token")},
        )
        claims.validate(leeway=LEEWAY)
        return dict(claims)

    def _person(self, claims: Mapping[str, Any]) -> Person:
        subject = claims["sub"]
        if not 1 <= len(subject) <= 255 or not subject.isprintable():
            raise ValueError("sub")
        try:
            email = _email.validate_python(claims.get("email"))
        except ValidationError:
            email = None
        groups = claims.get(self.settings.groups_claim, []) if self.settings.groups_claim else None
        return Person(
            subject=subject,
            email=email,
            # Some providers send the word.
            email_verified=email is not None and claims.get("email_verified") in (True, "true"),
            name="".join(letter for letter in str(claims.get("name") or "") if letter.isprintable())[:200],
            groups=None if groups is None else _names(groups),
        )

    def _key_set(self, again: bool = False) -> KeySet:
        address = self.metadata()["jwks_uri"]
        keys = self._keys
        if again or not keys:
            published = [
                key
                for key in self._get(address)["keys"]
                if key.get("kty") in ("RSA", "EC", "OKP") and key.get("use", "sig") == "sig"
            ]
            self._keys = keys = KeySet.import_key_set({"keys": published})
        return keys

    def _session(self) -> OAuth2Session:
        offered = self.metadata().get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        method = "client_secret_basic" if "client_secret_basic" in offered else "client_secret_post"
        return OAuth2Session(
            client_id=self.settings.client_id,
            client_secret=self.settings.client_secret,
            token_endpoint_auth_method=method if self.settings.client_secret else "none",
            scope=self.settings.scope,
            redirect_uri=self.redirect_uri,
            code_challenge_method="S256",
            default_timeout=TIMEOUT,
        )

    def _get(self, address: str) -> dict[str, Any]:
        try:
            answer = requests.get(address, timeout=TIMEOUT, allow_redirects=False)
            if answer.status_code != 200:
                raise ValueError(f"it answered {answer.status_code}")
            found = answer.json()
            if not isinstance(found, dict):
                raise ValueError("it answered something else than an object")
        except (requests.RequestException, ValueError, RecursionError) as error:
            raise _unavailable(error) from error
        return found

    def _check_metadata(self, found: Mapping[str, Any]) -> None:
        """Raises ValueError for what is not the description of this provider."""
        if found.get("issuer") != self.settings.issuer:
            raise ValueError("it says that it is another issuer")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            self._check_address(found.get(name))
        for name in ("id_token_signing_alg_values_supported", "token_endpoint_auth_methods_supported"):
            if not isinstance(found.get(name, []), list):
                raise ValueError(f"{name} is not a list")

    def _check_address(self, address: object) -> None:
        """Only https; without it only on this machine, of an issuer that is there too. Raises ValueError."""
        parts, issuer = urlsplit(str(address)), urlsplit(self.settings.issuer)
        here = ("localhost", "127.0.0.1", "::1")
        if parts.scheme != "https" and (parts.scheme, issuer.scheme, parts.hostname in here) != ("http", "http", True):
            raise ValueError(f"LOCKSTEP_OIDC_ISSUER: {address} is not https")


def init_app(app: Flask, settings: Settings) -> None:
    """Keep the provider with the application, if there is one. Asks it nothing yet."""
    if settings.oidc:
        redirect_uri = f"{settings.public_url.rstrip('/')}/api/v1/auth/oidc/callback"
        app.extensions["lockstep.provider"] = Provider(settings.oidc, redirect_uri)


@api.get("/login", responses={302: {"description": "To the provider"}, **problems(404)})
def login(query: LoginQuery) -> Response:
    """Begin to sign in: go to the provider, which sends the browser back to the callback."""
    provider = _provider()
    state, nonce, verifier = (secrets.token_urlsafe(48) for _ in range(3))
    if _console().is_inside(query.return_to):
        state = FROM_CONSOLE + state
    answer = redirect(provider.address(state, nonce, verifier))
    answer.set_cookie(
        COOKIE,
        _tokens().issue_state(state=state, nonce=nonce, verifier=verifier, return_to=query.return_to),
        max_age=STATE_LIFETIME,
        path=api.url_prefix,
        secure=provider.redirect_uri.startswith("https:"),
        httponly=True,
        samesite="Lax",
    )
    return answer  # type: ignore[return-value]


@api.get("/callback", responses={200: SignedInByProvider, **problems(404, 409)})
def callback(query: CallbackQuery) -> Response:
    """Finish to sign in, in the browser that began it; who comes for the first time gets an account, a student's.

    A `return_to` of the console signs the browser in there, and leads to it; errors are pages then.
    """
    provider = _provider()
    try:
        begun = _tokens().read_state(request.cookies.get(COOKIE, ""))
    except ValueError:
        raise _refused("nothing was begun in this browser") from None
    if not hmac.compare_digest(begun["state"].encode(), (query.state or "").encode()):
        raise _refused("the state is not that of this browser")
    if query.error or not query.code:
        raise _refused("the provider sent no code")
    if query.iss and query.iss != provider.settings.issuer:
        raise _refused("another issuer answered")
    person = provider.identify(query.code, begun["verifier"], begun["nonce"])
    user = database().call(
        "get_or_create_identity",
        issuer=provider.settings.issuer,
        subject=person.subject,
        email=person.email,
        email_verified=person.email_verified,
        name=person.name,
        groups=person.groups,
    )
    refresh_token = OneTime.make(user["id"])
    session = database().call(
        "start_session", user_id=user["id"], address=client_address(), token_hash=refresh_token.hash
    )
    if _console().is_inside(begun["return_to"]):
        answer: Response = _console().admit(session, person.email or person.name, begun["return_to"])
    else:
        answer = reply(SignedInByProvider, signed_in(session, refresh_token) | {"return_to": begun["return_to"]})
    answer.delete_cookie(COOKIE, path=api.url_prefix)
    return answer


@api.errorhandler(Exception)
def refuse(error: Exception) -> Response:
    """Whatever goes wrong: a page for a browser that came from the console, else the problem document."""
    given = request.args
    if given.get("state", "").startswith(FROM_CONSOLE) or _console().is_inside(given.get("return_to")):
        page: Response = _console().refuse(of(error))
        return page
    return of(error)


def _console() -> Any:
    """What the console is to this layer, which knows no more of it."""
    return current_app.extensions["lockstep.console"]


def _provider() -> Provider:
    provider: Provider | None = current_app.extensions.get("lockstep.provider")
    if provider is None:
        raise ProblemError("sign_in_not_offered")
    return provider


def _tokens() -> Tokens:
    tokens: Tokens = current_app.extensions["lockstep.tokens"]
    return tokens


def _names(claimed: object) -> list[str]:
    """The names in a claim that a group can have, one or a list of them."""
    listed = claimed if isinstance(claimed, list) else [claimed]
    return [name for name in listed if isinstance(name, str) and 1 <= len(name) <= 200 and name.isprintable()][
        :MOST_GROUPS
    ]


def _refused(why: str) -> ProblemError:
    """Tell the log more than the browser, which may be somebody else's; codes and tokens neither."""
    log.warning("sign-in refused: %s", why)
    return ProblemError("sign_in_refused")


def _unavailable(error: Exception) -> ProblemError:
    log.warning("the OpenID provider is not usable: %s", type(error).__name__, exc_info=error)
    return ProblemError("provider_unavailable")
