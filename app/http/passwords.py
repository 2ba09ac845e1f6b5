"""Passwords: what is one, and argon2id hashes of them.

The hasher has its library's parameters, RFC 9106's second choice: 64 MiB and about 0.1 s a hash. They
rise with the library, and a sign-in then stores a new hash.
"""

import secrets
import threading
import unicodedata
from typing import Annotated

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import AfterValidator, Field

# Characters, after normalization. Nothing is asked of what they are: length is what holds.
SHORTEST, LONGEST = 12, 256

# Hashes at once in a process: each takes 64 MiB, whoever asks for it.
AT_ONCE = 2

_hasher = PasswordHasher()
_turn = threading.BoundedSemaphore(AT_ONCE)


def normalize(password: str) -> str:
    """Make the same characters the same bytes, however a keyboard composes them (NFKC)."""
    return unicodedata.normalize("NFKC", password)


def checked(password: str) -> str:
    """Return a password that somebody chose, normalized. Raises ValueError: too short, or too long."""
    password = normalize(password)
    if not SHORTEST <= len(password) <= LONGEST:
        raise ValueError(f"has to have {SHORTEST} to {LONGEST} characters")
    return password


# One that somebody chooses; what somebody types to sign in is only bounded.
NewPassword = Annotated[str, AfterValidator(checked), Field(json_schema_extra={"minLength": 1, "format": "password"})]
Password = Annotated[str, Field(min_length=1, max_length=4 * LONGEST, json_schema_extra={"format": "password"})]


def invent() -> str:
    """Make a password of 144 random bits."""
    return secrets.token_urlsafe(18)


def hash_password(password: str) -> str:
    """Hash a password, in the PHC string format."""
    with _turn:
        return _hasher.hash(normalize(password))


def is_right(password: str, stored: str | None) -> bool:
    """Whether this is the password of the hash; without a hash, no, after the same time."""
    with _turn:
        try:
            _hasher.verify(stored or _NOBODYS, normalize(password))
        except (VerificationError, InvalidHashError):
            return False
    return stored is not None


def newer_hash(password: str, stored: str) -> str | None:
    """A new hash of a password whose hash has older parameters than ours, else None."""
    return hash_password(password) if _hasher.check_needs_rehash(stored) else None


# Of a password that nobody was told: to compare with where there is none, so that time tells nothing.
_NOBODYS = _hasher.hash(secrets.token_urlsafe(32))
