"""The name of a school's schema: the one token in which the SQL of two schools differs.

Every file of sql/ and every statement in app/ is written for a schema called `lockstep` with roles
called `lockstep_…`. Where a school has another name, rename() writes it in, and nothing else does.
"""

import re

DEFAULT = "lockstep"

# The reports over all schools stand in a schema of their own.
REPORTS = "school_reports"

# Every role of a school is called after it: the logins of its service, then those that hold rights.
ROLES = ("http", "http_admin", "app", "admin", "auth", "readonly", "legacy", "coupler", "owner")

# A name of PostgreSQL has 63 bytes.
LONGEST = 63 - len("_") - max(map(len, ROLES))

TAKEN = {"public", "information_schema", "cron", "citus", "columnar", "columnar_internal", "pg", REPORTS}

_token = re.compile(rf"\b{DEFAULT}(?![a-z0-9])")


def rename(text: str, schema: str) -> str:
    """The same SQL for a schema of another name: `lockstep.`, the roles `lockstep_…`, and strings that name them."""
    return text if schema == DEFAULT else _token.sub(schema, text)


def check_name(schema: str) -> str:
    """Return the name of a school's schema. Raises ValueError for one that cannot be had, and says why.

    Words that SQL keeps for itself are refused by the server that is asked to make the schema.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", schema):
        raise ValueError(f"not a name for a schema: {schema!r}: small letters, digits and _, a letter first")
    if len(schema) > LONGEST:
        raise ValueError(
            f"not a name for a schema: {schema}: longer than {LONGEST}, and its roles' names would not fit"
        )
    if schema in TAKEN or schema.startswith(("pg_", f"{DEFAULT}_", f"{REPORTS}_")):
        raise ValueError(f"not a name for a schema: {schema} is taken")
    if schema.endswith("_http"):
        raise ValueError(f"not a name for a schema: {schema}: {schema}_admin would be the login of another school")
    return schema


def roles(schema: str) -> list[str]:
    """The roles of a school, logins first: nobody needs those that come before."""
    return [f"{schema}_{role}" for role in ROLES]
