"""Access tokens under attack, and the file of the keys that sign them."""

import base64
import json
import os
import threading
import time
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask
from joserfc import jwt
from joserfc.jwk import Key, KeySet, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from app.http import tokens as module
from app.http.problems import ProblemError
from app.http.tokens import LIFETIME, OVERLAP, Tokens, make_keys, rotate
from tests.http.conftest import Call, Connection, People
from tests.http.signing_in import confused, part
from tests.support import DEADLINE

SESSION = UUID("00000000-0000-4000-8000-000000000001")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "token-keys.json"


@pytest.fixture
def tokens(path: Path) -> Tokens:
    return Tokens(path)


def key_of(path: Path) -> OKPKey:
    return OKPKey.import_key(json.loads(path.read_text("utf-8"))["keys"][0])


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    made = {"iss": "lockstep", "sub": "1", "sid": str(SESSION), "role": "admin", "iat": now, "exp": now + 3600}
    return {name: value for name, value in (made | changes).items() if value is not None}


def sign(key: Key, made: dict[str, Any], algorithm: str = "Ed25519", **header: Any) -> str:
    names = {"alg": algorithm, "typ": "at+jwt", "kid": key.kid} | header
    return jwt.encode(
        {name: value for name, value in names.items() if value is not None},
        made,
        key,
        registry=JWSRegistry(algorithms=[algorithm], strict_check_header=False),
    )


def is_good(tokens: Tokens, token: str) -> bool:
    """Whether it is taken; whatever is wrong with it, the refusal is the same."""
    try:
        tokens.read_access(token)
    except ProblemError as error:
        return error.condition.code != "not_signed_in"
    return True


def test_a_token_says_who_in_which_session_and_as_what(tokens: Tokens) -> None:
    actor = tokens.read_access(tokens.issue(7, SESSION, "instructor"))
    assert (actor.id, actor.session_id, actor.role) == (7, SESSION, "instructor")


def test_a_token_made_by_hand_with_the_right_key_is_good(tokens: Tokens, path: Path) -> None:
    """So that what the attacks below change is what makes them fail."""
    tokens.issue(1, SESSION, "admin")
    assert is_good(tokens, sign(key_of(path), claims()))


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": int(time.time()) - 1},
        {"exp": None},
        {"exp": "never"},
        {"iat": int(time.time()) + 3600},
        {"iss": "somebody"},
        {"iss": None},
        {"sub": None},
        {"sub": "x"},
        {"sid": "x"},
        {"sid": None},
        {"role": None},
    ],
)
def test_claims_that_are_wrong_or_missing_are_refused(tokens: Tokens, path: Path, changes: dict[str, Any]) -> None:
    tokens.issue(1, SESSION, "admin")
    assert not is_good(tokens, sign(key_of(path), claims(**changes)))


def test_a_token_without_a_signature_is_refused(tokens: Tokens, path: Path) -> None:
    tokens.issue(1, SESSION, "admin")
    kid = key_of(path).kid
    for algorithm in ("none", "None", "NONE", "nOnE", "", None):
        header = {"alg": algorithm, "typ": "at+jwt", "kid": kid}
        for signature in ("", "x", part("x")):
            assert not is_good(tokens, f"{part(header)}.{part(claims())}.{signature}")


@pytest.mark.parametrize("algorithm", ["HS256", "HS512"])
def test_the_public_key_is_no_shared_secret(tokens: Tokens, path: Path, algorithm: str) -> None:
    tokens.issue(1, SESSION, "admin")
    ours = key_of(path)
    public = ours.public_key
    forms = [
        public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw),
        json.dumps(ours.as_dict(private=False)).encode(),
    ]
    for form in forms:
        assert not is_good(tokens, confused(form, claims(), algorithm, kid=ours.kid, typ="at+jwt"))


def test_a_key_of_another_kind_or_of_somebody_else_is_refused(tokens: Tokens, path: Path) -> None:
    tokens.issue(1, SESSION, "admin")
    kid = key_of(path).kid
    foreign = OKPKey.import_key(
        Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    for named in (kid, None, "nowhere", "../../../dev/null", "' or 1=1 --", ""):
        assert not is_good(tokens, sign(foreign, claims(), kid=named))
        assert not is_good(tokens, sign(RSAKey.generate_key(2048), claims(), "RS256", kid=named))
    public = foreign.as_dict(private=False)
    assert not is_good(tokens, sign(foreign, claims(), jwk=public, kid=kid))
    assert not is_good(
        tokens, sign(foreign, claims(), jku="https://example.org/keys", x5u="https://example.org", kid=kid)
    )


def test_a_token_of_another_kind_is_refused(tokens: Tokens, path: Path) -> None:
    tokens.issue(1, SESSION, "admin")
    for kind in ("JWT", "jwt", "oidc-state+jwt", None, "AT+JWT "):
        token = sign(key_of(path), claims(), typ=kind) if kind else _without_typ(key_of(path))
        assert not is_good(tokens, token)
    state = tokens.issue_state(sub="1", sid=str(SESSION), role="admin")
    assert not is_good(tokens, state)
    with pytest.raises(ValueError, match="state"):
        tokens.read_state(tokens.issue(1, SESSION, "admin"))


def _without_typ(key: OKPKey) -> str:
    header = {"alg": "Ed25519", "kid": key.kid}
    return jwt.encode(header, claims(), key, registry=JWSRegistry(algorithms=["Ed25519"]), default_type=None)


def test_a_token_that_was_touched_is_refused(tokens: Tokens) -> None:
    token = tokens.issue(1, SESSION, "student")
    header, body, signature = token.split(".")
    forged = json.loads(base64.urlsafe_b64decode(body + "==")) | {"role": "admin"}
    assert not is_good(tokens, f"{header}.{part(forged)}.{signature}")
    assert not is_good(tokens, f"{header}.{body}.{signature[:-4]}AAAA")
    assert not is_good(tokens, f"{header}.{body}")
    assert not is_good(tokens, f"{token}.{token}")


STRANGE_KIDS: list[object] = [1, [], {}, 1e400]


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "a.b.c", "\x00", "é.é.é", part("[" * 4000) + ".e30.x", part("[]") + ".e30.x", part("{}") + ".e30.x"]
    + [part({"alg": "Ed25519", "kid": kid}) + ".e30.x" for kid in STRANGE_KIDS]
    + [part({"alg": ["Ed25519"]}) + ".e30.x", part({"alg": "Ed25519", "crit": ["exp"]}) + ".e30.x"],
)
def test_what_is_no_token_is_refused_and_breaks_nothing(tokens: Tokens, token: str) -> None:
    assert not is_good(tokens, token)


def test_over_http_each_of_them_is_a_401(call: Call, app: Flask, people: People, connection: Connection) -> None:
    """The way through the header: one of each kind, and a good one of a session that is not there."""
    ours: Tokens = app.extensions["lockstep.tokens"]
    path = f"/api/v1/users/{people['ann']}/progress"
    unsigned = f"{part({'alg': 'none', 'typ': 'at+jwt'})}.{part(claims())}."
    foreign = sign(OKPKey.generate_key("Ed25519"), claims())
    stranger = ours.issue(people["ann"], uuid4(), "admin")
    nobody = ours.issue(2**62, uuid4(), "admin")
    schemes = [f"Bearer {token}" for token in (unsigned, foreign, stranger, nobody, "[" * 4000, "")]
    for header in [*schemes, "Basic YTpi", "Bearer", f"Token {unsigned}", ""]:
        answer = call(None, "GET", path, headers={"Authorization": header})
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert answer.json is not None
        assert answer.json["code"] == "not_signed_in"


# The file -------------------------------------------------------------------------------------


def test_the_file_is_for_its_owner_only(tokens: Tokens, path: Path) -> None:
    tokens.issue(1, SESSION, "admin")
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_may_touch_is_not_used(path: Path, mode: int) -> None:
    make_keys(path)
    path.chmod(mode)
    with pytest.raises(PermissionError):
        Tokens(path).issue(1, SESSION, "admin")
    with pytest.raises(PermissionError):
        rotate(path)


def _issue(path: Path, barrier: Any, out: Any) -> None:
    barrier.wait()
    out.put(Tokens(path).issue(1, SESSION, "admin"))


def test_processes_that_start_at_once_end_with_the_same_key(path: Path) -> None:
    context = get_context("fork")
    barrier, out = context.Barrier(6), context.Queue()
    processes = [context.Process(target=_issue, args=(path, barrier, out)) for _ in range(6)]
    for process in processes:
        process.start()
    made = [out.get(timeout=DEADLINE) for _ in processes]
    for process in processes:
        process.join()
    assert len(json.loads(path.read_text("utf-8"))["keys"]) == 1
    assert all(is_good(Tokens(path), token) for token in made)
    assert sorted(path.parent.iterdir()) == [path]


def test_who_makes_the_first_key_second_takes_that_of_the_first(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The race itself: another one makes the file while we are about to."""
    link = os.link

    def late(source: Path, target: Path) -> None:
        if not target.exists():
            first = json.dumps({"keys": [module._new_key()]})
            target.write_text(first, "utf-8")
            target.chmod(0o600)
        link(source, target)

    monkeypatch.setattr(os, "link", late)
    token = Tokens(path).issue(1, SESSION, "admin")
    assert is_good(Tokens(path), token)


def test_after_a_rotation_the_new_key_signs_and_the_old_one_verifies(tokens: Tokens, path: Path) -> None:
    old = tokens.issue(1, SESSION, "admin")
    other = Tokens(path)
    assert is_good(other, old)
    assert rotate(path) == 1
    new = Tokens(path).issue(1, SESSION, "admin")
    # At once, also where the old keys were read a moment ago.
    assert is_good(other, new)
    assert is_good(other, old)
    assert rotate(path) == 2
    assert is_good(Tokens(path), old)


def test_an_old_key_is_dropped_once_all_that_it_signed_has_expired(
    tokens: Tokens, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert OVERLAP > LIFETIME
    tokens.issue(1, SESSION, "admin")
    key = key_of(path)
    rotate(path)
    later = int(time.time()) + OVERLAP + 1
    monkeypatch.setattr(time, "time", lambda: float(later))
    # It does not even verify any more, with or without another rotation.
    assert not is_good(Tokens(path), sign(key, claims(iat=later, exp=later + 60)))
    assert rotate(path) == 1
    assert str(key.kid) not in path.read_text("utf-8")


def test_rotations_at_once_lose_no_key(path: Path) -> None:
    make_keys(path)
    threads = [threading.Thread(target=rotate, args=[path]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(KeySet.import_key_set(json.loads(path.read_text("utf-8"))).keys) == 9
