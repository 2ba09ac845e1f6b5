"""Tokens that this service signs, with Ed25519, by keys of a file that only it reads.

An access token names a person, a session and a role, for a few minutes. Its key is found by `kid`: the
first of the file signs, the others verify until what they signed has expired.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet, OKPKey
from joserfc.jws import JWSRegistry

from app.http.access import Actor
from app.http.problems import ProblemError
from app.schema import DEFAULT

ALGORITHM = "Ed25519"

# What a token is for: none is taken for another.
ACCESS, STATE, CONSOLE = "at+jwt", "oidc-state+jwt", "console+jwt"

# Seconds: of an access token, of a sign-in through a provider that was begun, and of a browser without a request.
LIFETIME = 300
STATE_LIFETIME = 600
CONSOLE_LIFETIME = 1800

# Seconds between two looks at the file; an unknown key is looked for at once.
RELOAD = 5.0

# Seconds that a key goes on verifying once another signs: of the longest token, and until everybody noticed.
OVERLAP = CONSOLE_LIFETIME + 60

_registry = JWSRegistry(algorithms=[ALGORITHM])
_times: dict[str, Any] = {"exp": {"essential": True}, "iat": {"essential": True}}

# Whatever can be wrong with what somebody calls a token. The header, which is parsed before the signature is
# known, has 512 bytes at most: too few to nest deeply.
_BROKEN = (JoseError, ValueError, TypeError, KeyError, AttributeError)


@dataclass
class Tokens:
    """Signs and reads tokens with the keys of a JSON Web Key Set in a file.

    issuer: the school. Services of several schools may share a file, and believe no token of another's.
    """

    path: Path
    issuer: str = DEFAULT
    _keys: KeySet = field(default_factory=lambda: KeySet([]))
    _version: tuple[int, ...] = ()
    _looked: float = 0.0

    def issue(self, user_id: int, session_id: UUID, role: str) -> str:
        """Make an access token, good for LIFETIME seconds."""
        claims = {"sub": str(user_id), "sid": str(session_id), "role": role, "jti": uuid4().hex}
        return self._sign(ACCESS, claims, LIFETIME)

    def read_access(self, token: str) -> Actor:
        """Say who is calling. Raises ProblemError, 401, whatever is wrong with the token."""
        try:
            claims = self._read(ACCESS, token)
            return Actor(int(claims["sub"]), UUID(claims["sid"]), claims["role"])
        except _BROKEN:
            raise ProblemError("not_signed_in", "the access token is not good, or not any more") from None

    def issue_state(self, **claims: str | None) -> str:
        """Sign what this service has to know again in STATE_LIFETIME seconds, at most."""
        return self._sign(STATE, claims, STATE_LIFETIME)

    def read_state(self, token: str) -> Mapping[str, Any]:
        """Read that. Raises ValueError, whatever is wrong with it."""
        try:
            return self._read(STATE, token)
        except _BROKEN:
            raise ValueError("not a state of ours, or not any more") from None

    def issue_console(self, **claims: str) -> str:
        """Sign what a browser at the console keeps, good for CONSOLE_LIFETIME seconds."""
        return self._sign(CONSOLE, claims, CONSOLE_LIFETIME)

    def read_console(self, token: str) -> Mapping[str, Any]:
        """Read that. Raises ValueError, whatever is wrong with it."""
        try:
            return self._read(CONSOLE, token)
        except _BROKEN:
            raise ValueError("not a cookie of ours, or not any more") from None

    def _sign(self, kind: str, claims: Mapping[str, Any], lifetime: int) -> str:
        key = self._key_set().keys[0]
        now = int(time.time())
        return jwt.encode(
            {"alg": ALGORITHM, "typ": kind, "kid": key.kid},
            {"iss": self.issuer, **claims, "iat": now, "exp": now + lifetime},
            key,
            registry=_registry,
        )

    def _read(self, kind: str, token: str) -> dict[str, Any]:
        try:
            read = jwt.decode(token, self._key_set(), registry=_registry)
        except InvalidKeyIdError:
            # Perhaps another process signs with a new key already.
            read = jwt.decode(token, self._key_set(at_once=True), registry=_registry)
        if read.header.get("typ") != kind:
            raise ValueError(kind)
        jwt.JWTClaimsRegistry(iss={"essential": True, "value": self.issuer}, **_times).validate(read.claims)
        return read.claims

    def _key_set(self, at_once: bool = False) -> KeySet:
        """The keys, newest first, read again when the file changed or a key's time is over."""
        now = time.monotonic()
        if at_once or not self._keys or now - self._looked > RELOAD:
            if not self.path.exists():
                make_keys(self.path)
            version = _version(self.path)
            if version != self._version or now - self._looked > RELOAD:
                self._keys = KeySet([OKPKey.import_key(key) for key in _good(_read(self.path))])
                self._version, self._looked = version, now
        return self._keys


def make_keys(path: Path) -> None:
    """Make the file with its first key, unless it is there; of several who try at once, one does."""
    with _beside(path, [_new_key()]) as made, suppress(FileExistsError):
        os.link(made, path)


def rotate(path: Path) -> int:
    """Put a new key first in the file, and drop those whose time is over; return how many old ones are left.

    Raises PermissionError for a file that others may read.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with (path.with_name(f"{path.name}.lock")).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        old = _read(path) if path.exists() else []
        keys = _good([_new_key(), *old])
        with _beside(path, keys) as made:
            made.replace(path)  # another process sees the old file or the new one, never a half
    return len(keys) - 1


def _new_key() -> dict[str, Any]:
    key = OKPKey.generate_key("Ed25519", {"kid": uuid4().hex, "alg": ALGORITHM, "use": "sig"})
    return key.as_dict(private=True) | {"made_at": int(time.time())}


def _good(keys: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first key, and those that the next newer one took over from less than OVERLAP seconds ago."""
    newer = zip(keys[1:], keys, strict=False)
    return keys[:1] + [key for key, successor in newer if successor["made_at"] > time.time() - OVERLAP]


def _read(path: Path) -> list[dict[str, Any]]:
    """Read the keys. Raises PermissionError: who reads them signs in as anybody."""
    with path.open(encoding="utf-8") as file:
        if os.fstat(file.fileno()).st_mode & 0o077:
            raise PermissionError(f"{path} is open to others than its owner: chmod 600 {path}")
        return list(json.load(file)["keys"])


def _version(path: Path) -> tuple[int, ...]:
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_mode


@contextmanager
def _beside(path: Path, keys: list[dict[str, Any]]) -> Iterator[Path]:
    """Write keys to a file of one's own, whole, before it gets its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{uuid4().hex}")
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump({"keys": keys}, file)
        file.flush()
        os.fsync(file.fileno())
    try:
        yield beside
    finally:
        beside.unlink(missing_ok=True)
