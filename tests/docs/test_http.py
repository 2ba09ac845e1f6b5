"""The table in docs/http.md is what the routes say: compared word for word.

LOCKSTEP_WRITE=1 writes it anew instead.
"""

import os
import re
from typing import Any

from app import create_app
from app.http.access import ROUTES
from app.settings import PROJECT
from tests.http.examples import methods

DOCUMENT = PROJECT / "docs" / "http.md"
TABLE = re.compile(r"(?<=<!-- routes -->\n).*?(?=\n\n)", re.DOTALL)
ORDER = ("student", "instructor", "admin")

# What a route may take besides its path and its body.
TAKES = {"Idempotency-Key": "key", "dry_run": "dry run", "after": "pages"}


def table() -> str:
    """A line a route, by path: how it is called, by whom, and what for."""
    app = create_app()
    document: dict[str, Any] = app.api_doc
    lines = ["| route | who | what | takes |", "| --- | --- | --- | --- |"]
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, sorted(methods(rule)))):
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        for method in sorted(methods(rule)):
            described = document["paths"].get(path, {}).get(method.lower())
            if described:
                roles = ROUTES[rule.endpoint].roles
                who = ", ".join(role for role in ORDER if role in roles) or "anybody"
                names = {parameter["name"] for parameter in described.get("parameters", [])}
                takes = ", ".join(word for name, word in TAKES.items() if name in names)
                lines.append(f"| `{method} {path}` | {who} | {described['summary']} | {takes} |")
    assert len(lines) > 20
    return "\n".join(lines)


def test_the_table_of_routes_is_that_of_the_code() -> None:
    text = DOCUMENT.read_text("utf-8")
    (written,) = TABLE.findall(text)
    if os.environ.get("LOCKSTEP_WRITE"):
        DOCUMENT.write_text(text.replace(written, table()), "utf-8")
    else:
        assert table() == written
