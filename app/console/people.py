"""People: find one, see what they earned and hold and how it came, hand out or erase what is held about them."""

import json
from typing import Annotated

from flask import Blueprint, Response, redirect, render_template, request, url_for
from pydantic import BaseModel, Field
from werkzeug.wrappers import Response as AnyResponse

from app.console.runs import Key
from app.console.visitor import form
from app.http import users
from app.http.access import ADMINS, Access, actor
from app.http.database import Options, database
from app.http.paging import PageQuery, page
from app.http.problems import ProblemError

# Who somebody is is read by the function for everybody, on pages that are for admins, too.
ADMINS_AS_EVERYBODY = Access(ADMINS.roles)

# Level changes that are shown of each pair; the API has all.
HISTORY = 50


class PeopleQuery(PageQuery):
    """Who: an id, or what the e-mail address or the name begins with."""

    limit: int = Field(50, ge=1, le=200)
    search: str | None = Field(None, max_length=254)


class Erasure(BaseModel):
    """Why, and the e-mail address of the person, typed."""

    model_config = {"extra": "forbid"}

    reason: Annotated[str, Field(min_length=1, max_length=1000)]
    typed: str = ""
    key: Key


def add_to(pages: Blueprint) -> None:
    """Add the routes."""
    pages.add_url_rule("/users", "find_users", find_users)
    pages.add_url_rule("/users/<int:user_id>", "read_user", read_user)
    pages.add_url_rule("/users/<int:user_id>/export.json", "export_user", export_user)
    pages.add_url_rule("/users/<int:user_id>/erase", "show_erasure", show_erasure)
    pages.add_url_rule("/users/<int:user_id>/erase", "erase_user", erase_user, methods=["POST"])


def find_users() -> str | AnyResponse:
    """List people; a number is an id, and leads to its person."""
    query = PeopleQuery.model_validate({name: value for name, value in request.args.items() if value})
    if query.search and query.search.isascii() and query.search.isdigit():
        return redirect(url_for("console.read_user", user_id=query.search), 303)
    (after,) = query.key(int)
    rows = database().rows(
        "list_users", actor_id=actor().id, search=query.search, after_id=after, limit=query.limit + 1
    )
    return render_template("console/people.html", **page(rows, query.limit, "id"), query=query)


def read_user(user_id: int) -> str:
    """Show a person: pairs, why one is out of step, and the level changes of all, newest first."""
    whose = {"actor_id": actor().id, "user_id": user_id}
    pairs = database().rows("read_progress", **whose)
    history = [
        change
        for pair in pairs
        for change in database().rows("read_history", **whose, specialization_id=pair["specialization"], limit=HISTORY)
    ]
    # Why is in the guards and in transactions: for admins.
    explained = {
        pair["specialization"]: database().rows(
            "explain_desync", Options(line=ADMINS), user_id=user_id, specialization_id=pair["specialization"]
        )
        for pair in pairs
        if not pair["consistent"] and actor().role == "admin"
    }
    return render_template(
        "console/person.html",
        person=database().call("read_user", **whose),
        pairs=pairs,
        history=sorted(history, key=lambda change: change["id"], reverse=True),
        explained=explained,
        most=HISTORY,
    )


def export_user(user_id: int) -> Response:
    """Hand out everything that is held about a person, as JSON."""
    export = users.Export.model_validate(_export(user_id)).model_dump(mode="json")
    answer = Response(json.dumps(export, indent=2, ensure_ascii=False), mimetype="application/json")
    answer.headers["Content-Disposition"] = f'attachment; filename="user-{user_id}.json"'
    return answer


def show_erasure(user_id: int) -> str:
    """Show what an erasure would delete or empty, and ask for the e-mail address."""
    person = _person(user_id)
    return render_template("console/erase.html", person=person, planned=_erase(user_id, "", Options(dry_run=True)))


def erase_user(user_id: int) -> AnyResponse:
    """Erase a person, where their e-mail address was typed."""
    wanted = form(Erasure)
    if wanted.typed.strip() != _person(user_id)["email"]:
        raise ProblemError(
            "invalid_request", errors=[{"field": "typed", "message": "is not the e-mail address of this person"}]
        )
    _erase(user_id, wanted.reason, Options(key=wanted.key))
    return redirect(url_for("console.read_user", user_id=user_id, done="erased"), 303)


def _person(user_id: int) -> dict[str, object]:
    return database().call("read_user", Options(line=ADMINS_AS_EVERYBODY), actor_id=actor().id, user_id=user_id)


def _export(user_id: int) -> dict[str, object]:
    export: dict[str, object] = database().call("export_user", actor_id=actor().id, user_id=user_id)["export_user"]
    return export


def _erase(user_id: int, reason: str, options: Options) -> dict[str, object]:
    return database().call("erase_user", options, actor_id=actor().id, user_id=user_id, reason=reason)
