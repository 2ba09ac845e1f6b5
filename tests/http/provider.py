"""An OpenID provider on loopback: real keys, real checks, and answers that a test can spoil."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import requests
from joserfc import jwt
from joserfc.jwk import ECKey, Key, RSAKey
from joserfc.jws import JWSRegistry
from werkzeug import Request, Response
from werkzeug.serving import make_server

from tests.support import DEADLINE

CLIENT_ID, CLIENT_SECRET = "lockstep-tests", "a secret: of /the client%"
CALLBACK = "http://127.0.0.1:8000/api/v1/auth/oidc/callback"

# Made once: they take their time.
RSA, EC = RSAKey.generate_key(2048, {"kid": "rsa"}), ECKey.generate_key("P-256", {"kid": "ec"})
ALGORITHM_OF = {"RSA": "RS256", "EC": "ES256"}

PERSON = {"sub": "ann-1", "email": "ann@school.example", "email_verified": True, "name": "Ann", "groups": ["Red"]}


@dataclass
class Code:
    """What was asked for when a code was given out."""

    challenge: str
    nonce: str
    redirect_uri: str
    person: dict[str, Any]
    used: bool = False


@dataclass
class Provider:
    """What the provider knows; a test changes what it wants to see go wrong."""

    issuer: str
    person: dict[str, Any] = field(default_factory=lambda: dict(PERSON))
    key: Key = field(default_factory=lambda: RSA)
    published: list[dict[str, Any]] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    changes: dict[str, Any] = field(default_factory=dict)  # of the claims of an ID token; None takes one out
    sign: Callable[[dict[str, Any]], str] | None = None
    answers: dict[str, Callable[[], Response]] = field(default_factory=dict)  # by path, instead of the right one
    codes: dict[str, Code] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Answer a request, as a WSGI application."""
        request = Request(environ)
        with self.lock:
            self.asked[request.path] += 1
        routes = {
            "/.well-known/openid-configuration": self.describe,
            "/authorize": self.authorize,
            "/token": self.token,
            "/keys": self.keys,
        }
        if request.path in self.answers:
            answer = self.answers[request.path]()
        elif request.path in routes:
            answer = routes[request.path](request)
        else:
            answer = Response("nothing here", 404)
        return answer(environ, start_response)

    def describe(self, request: Request) -> Response:
        return _json(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256", "ES256"],
                "code_challenge_methods_supported": ["S256"],
            }
            | self.metadata
        )

    def authorize(self, request: Request) -> Response:
        """Let the person in without asking, but not a client that does not say all that it has to."""
        given = request.args
        assert given["response_type"] == "code"
        assert given["client_id"] == CLIENT_ID
        assert given["redirect_uri"] == CALLBACK
        assert given["code_challenge_method"] == "S256"
        assert "openid" in given["scope"].split()
        assert min(len(given["state"]), len(given["nonce"]), len(given["code_challenge"])) >= 43
        code = secrets.token_urlsafe()
        self.codes[code] = Code(given["code_challenge"], given["nonce"], given["redirect_uri"], dict(self.person))
        query = urlencode({"code": code, "state": given["state"], "session_state": "x"})
        return Response(status=302, headers={"Location": f"{given['redirect_uri']}?{query}"})

    def token(self, request: Request) -> Response:
        given = request.form
        basic = request.authorization
        # RFC 6749 has both encoded as in a form before they are joined.
        client = (basic.username, basic.password) if basic else (given.get("client_id"), given.get("client_secret"))
        if client != (CLIENT_ID, CLIENT_SECRET):
            return _json({"error": "invalid_client"}, 401)
        with self.lock:
            known = self.codes.get(given["code"])
            challenge = base64.urlsafe_b64encode(hashlib.sha256(given["code_verifier"].encode()).digest())
            if (
                known is None
                or known.used
                or given["grant_type"] != "authorization_code"
                or given["redirect_uri"] != known.redirect_uri
                or challenge.rstrip(b"=").decode() != known.challenge
            ):
                return _json({"error": "invalid_grant"}, 400)
            known.used = True
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 3600, "nonce": known.nonce}
        claims |= known.person | self.changes
        claims = {name: value for name, value in claims.items() if value is not None}
        signed = self.sign(claims) if self.sign else sign(self.key, claims)
        return _json({"access_token": secrets.token_urlsafe(), "token_type": "Bearer", "id_token": signed})

    def keys(self, request: Request) -> Response:
        return _json({"keys": self.published or [RSA.as_dict(private=False), EC.as_dict(private=False)]})

    def browse(self, address: str) -> str:
        """Go where the login sent the browser; return the path and the query that it is sent back to."""
        answer = requests.get(address, allow_redirects=False, timeout=DEADLINE)
        assert answer.status_code == 302, answer.text
        back = urlsplit(answer.headers["Location"])
        return f"{back.path}?{back.query}"


def sign(key: Key, claims: dict[str, Any], algorithm: str | None = None, **header: Any) -> str:
    """Sign an ID token."""
    algorithm = algorithm or ALGORITHM_OF[key.key_type]
    names = {"alg": algorithm, "kid": key.kid} | header
    registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    return jwt.encode(
        {name: value for name, value in names.items() if value is not None}, claims, key, registry=registry
    )


def query_of(address: str) -> dict[str, str]:
    """The parameters of an address."""
    return {name: value for name, (value,) in parse_qs(urlsplit(address).query).items()}


@contextmanager
def running() -> Iterator[Provider]:
    """Serve a provider on a free port of this machine."""
    provider = Provider("")
    server = make_server("127.0.0.1", 0, provider, threaded=True)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=[0.01], daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _json(value: object, status: int = 200) -> Response:
    return Response(json.dumps(value), status, content_type="application/json")
