"""Access tokens: JWTs signed with Ed25519, by keys of a file that only this service reads.

A token names a person, a session and a role, for a few minutes. Its key is found by `kid`: a new key
signs from the moment it is in the file, an old one verifies until it is taken out.
"""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey
from joserfc.jws import JWSRegistry

from app.http.access import Actor
from app.http.problems import ProblemError

ALGORITHM = "Ed25519"
ISSUER = "lockstep"

# Seconds.
LIFETIME = 300

# Seconds between two looks at the file.
RELOAD = 5.0

_registry = JWSRegistry(algorithms=[ALGORITHM])
_claims = jwt.JWTClaimsRegistry(
    iss={"essential": True, "value": ISSUER},
    sub={"essential": True},
    sid={"essential": True},
    role={"essential": True},
    exp={"essential": True},
    iat={"essential": True},
)


@dataclass
class Tokens:
    """Signs and reads access tokens with the keys of a JSON Web Key Set in a file."""

    path: Path
    _keys: KeySet | None = None
    _mtime: float = 0.0
    _looked: float = 0.0

    def issue(self, user_id: int, session_id: UUID, role: str) -> str:
        """Make an access token, good for LIFETIME seconds."""
        key = self._key_set().keys[0]
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": str(user_id),
            "sid": str(session_id),
            "role": role,
            "iat": now,
            "exp": now + LIFETIME,
            "jti": uuid4().hex,
        }
        return jwt.encode({"alg": ALGORITHM, "typ": "at+jwt", "kid": key.kid}, claims, key, registry=_registry)

    def read_access(self, token: str) -> Actor:
        """Say who is calling. Raises ProblemError, 401, whatever is wrong with the token."""
        try:
            read = jwt.decode(token, self._key_set(), registry=_registry)
            if read.header.get("typ") != "at+jwt":
                raise ValueError
            _claims.validate(read.claims)
            return Actor(int(read.claims["sub"]), UUID(read.claims["sid"]), read.claims["role"])
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            raise ProblemError("not_signed_in", "the access token is not good, or not any more") from None

    def _key_set(self) -> KeySet:
        """The keys, newest first, read again when the file changes."""
        now = time.monotonic()
        if self._keys is None or now - self._looked > RELOAD:
            if not self.path.exists():
                make_keys(self.path)
            mtime = self.path.stat().st_mtime
            if self._keys is None or mtime != self._mtime:
                self._keys = KeySet.import_key_set(json.loads(self.path.read_text("utf-8")))
                self._mtime = mtime
            self._looked = now
        return self._keys


def make_keys(path: Path, keep: int = 0) -> None:
    """Put a new key first in the file, and keep so many of the old ones."""
    old = json.loads(path.read_text("utf-8"))["keys"][:keep] if path.exists() else []
    new = OKPKey.generate_key("Ed25519", {"kid": uuid4().hex, "alg": ALGORITHM, "use": "sig"})
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump({"keys": [new.as_dict(private=True), *old]}, file)
    beside.replace(path)  # another process sees the old file or the new one, never a half
