"""A request of every route, good enough to reach the database: for tests that go through all of them."""

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from flask import Flask
from werkzeug.routing import Rule

from tests.http.files import png, sb3

# Stands for the id of the person that the request is about.
WHOSE = object()


@dataclass(frozen=True)
class Example:
    """What stands in the path (besides whose it is), in the query and in the body, or in a form with a file.

    refusal: the code that it gets for what it holds, where it is not to be right
    """

    path: Mapping[str, object] = field(default_factory=dict)
    json: Mapping[str, object] | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str | bytes] | None = None
    refusal: str | None = None

    def is_about_somebody(self, rule: Rule) -> bool:
        """Whether the request names a person."""
        return "user_id" in rule.arguments or WHOSE in (self.json or {}).values()

    def request(self, rule: Rule, **places: object) -> dict[str, Any]:
        """The arguments of a call of the test client; places fill the path, user_id also stands for WHOSE."""
        path = rule.rule
        for name, value in {**self.path, **places}.items():
            path = re.sub(f"<(path:)?{name}>", quote(str(value), safe=""), path)
        (method,) = methods(rule)
        body = {name: places["user_id"] if value is WHOSE else value for name, value in (self.json or {}).items()}
        return {
            "method": method,
            "path": path,
            "query_string": self.query,
            "json": None if self.json is None else body,
            "data": self.form
            and {
                name: (io.BytesIO(field), "file") if isinstance(field, bytes) else field
                for name, field in self.form.items()
            },
        }


def methods(rule: Rule) -> set[str]:
    """What the rule is for, besides what Flask adds."""
    return (rule.methods or set()) - {"HEAD", "OPTIONS"}


def rules(app: Flask) -> dict[str, Rule]:
    """The rules of the API by endpoint; each has one. The console has tests of its own, tests/console."""
    found = [rule for rule in app.url_map.iter_rules() if not rule.endpoint.startswith("console.")]
    by_endpoint = {rule.endpoint: rule for rule in found}
    assert len(by_endpoint) == len(found), "two rules of one endpoint"
    return by_endpoint


FILE = Example({"filename": "no-such-file.css"})
PLAYER = {"specialization": "PLAYER"}
UP = {"direction": "to_higher_level"}
IDENTITY: dict[str, Any] = {"issuer": "https://issuer.example.org", "subject": "248289761001"}
PASSWORD = "correct horse battery staple"
SECRET = f"1.{'x' * 43}"
GROUP: dict[str, object] = {"group_id": 1}
PROJECT: dict[str, object] = {"project_id": 1}

EXAMPLES: dict[str, Example] = {
    "static": FILE,
    "openapi.static": FILE,
    "openapi.doc_url": Example(),
    "openapi.openapi": Example(),
    "swagger.static": FILE,
    "swagger.swagger": Example(),
    "swagger.oauth2-redirect": Example(),
    "service.healthz": Example(),
    "service.readyz": Example(),
    "service.show_metrics": Example(),
    "problems.read": Example({"code": "not_signed_in"}),
    "auth.login": Example(json={"email": "ann@example.org", "password": PASSWORD}, refusal="wrong_credentials"),
    "auth.refresh": Example(json={"refresh_token": SECRET}, refusal="not_signed_in"),
    "auth.logout": Example(),
    "auth.change_password": Example(
        json={"current_password": PASSWORD, "new_password": PASSWORD[::-1]}, refusal="wrong_credentials"
    ),
    "auth.create_reset": Example(),
    "auth.use_reset": Example(json={"token": SECRET, "new_password": PASSWORD}, refusal="reset_not_good"),
    "oidc.login": Example(),
    "oidc.callback": Example(),
    "specializations.list_all": Example(),
    "progress.read_all": Example(),
    "progress.read_one": Example(PLAYER),
    "progress.award_xp": Example(PLAYER, {"xp_gained": 1}),
    "progress.set_level": Example(PLAYER, {"new_level": 2}),
    "progress.read_history": Example(PLAYER),
    "progress.read_consistency": Example(PLAYER),
    "licenses.advance": Example(json={"user_id": WHOSE, **PLAYER, "target_level": 2}),
    "licenses.list_desync": Example(),
    "licenses.sync_user": Example(json={**PLAYER, **UP}),
    "licenses.sync_user_all": Example(json=UP),
    "licenses.sync_all": Example(json=UP),
    "runs.list_all": Example(),
    "runs.plan": Example(json=UP),
    "runs.read": Example({"run_id": 1}),
    "runs.list_items": Example({"run_id": 1}),
    "runs.apply": Example({"run_id": 1}),
    "runs.undo": Example({"run_id": 1}, {}),
    "health.read": Example(),
    "users.read_me": Example(),
    "users.list_all": Example(),
    "users.create": Example(json={"email": "new@example.org", "name": "New"}),
    "users.read": Example(),
    "users.change": Example(json={"name": "Other"}),
    "users.deactivate": Example(),
    "users.reactivate": Example(),
    "users.export": Example(),
    "users.erase": Example(json={"reason": "asked for it"}),
    "users.link_identity": Example(json=IDENTITY),
    "users.unlink_identity": Example(query=IDENTITY),
    "groups.list_all": Example(),
    "groups.create": Example(json={"name": "New"}),
    "groups.read": Example(GROUP),
    "groups.rename": Example(GROUP, {"name": "Other"}),
    "groups.delete": Example(GROUP),
    "groups.list_members": Example(GROUP),
    "groups.add_member": Example(GROUP),
    "groups.remove_member": Example(GROUP),
    "projects.create": Example(form={"project_file": sb3(), "title": "New"}),
    "projects.list_all": Example(),
    "projects.read": Example(PROJECT),
    "projects.replace": Example(PROJECT, form={"title": "Other"}),
    "projects.change": Example(PROJECT, {"title": "Other"}),
    "projects.delete": Example(PROJECT),
    "projects.read_file": Example(PROJECT),
    "projects.list_revisions": Example(PROJECT),
    "projects.read_revision": Example({**PROJECT, "version": 1}),
    "projects.read_revision_file": Example({**PROJECT, "version": 1}),
    "projects.restore": Example(PROJECT, {"version": 1}),
    "projects.copy": Example(PROJECT, {"title": "Mine"}),
    "projects.list_shares": Example(PROJECT),
    "projects.share": Example(PROJECT, {"user_id": 1, "permission": "READ"}),
    "projects.unshare_user": Example({**PROJECT, "grantee_id": 1}),
    "projects.unshare_group": Example({**PROJECT, "grantee_id": 1}),
    "assets.upload": Example(form={"asset": png(), "type": "costume"}),
    "assets.read": Example({"name": "0" * 32}),
}
