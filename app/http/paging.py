"""Keyset pagination: a page is a number of rows after a key, and says how to ask for the next."""

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field

from app.db import Row
from app.http.problems import ProblemError

LARGEST_PAGE = 1000


class PageQuery(BaseModel):
    """Which part of a list is asked for."""

    model_config = {"extra": "forbid"}

    limit: int = Field(100, ge=1, le=LARGEST_PAGE, description="Items on a page, at most.")
    after: str | None = Field(None, max_length=500, description="What the page before said as `next`.")

    def key(self, *kinds: type) -> list[Any]:
        """The key that the page starts after, nulls for the first page. Raises ProblemError (422)."""
        if self.after is None:
            return [None] * len(kinds)
        try:
            values = json.loads(base64.urlsafe_b64decode(self.after.encode()))
            if [type(value) for value in values] != list(kinds):
                raise ValueError
        except (ValueError, TypeError, binascii.Error, RecursionError):
            raise ProblemError(
                "invalid_request", errors=[{"field": "after", "message": "is not what a page said as next"}]
            ) from None
        return list(values)


def page(rows: Sequence[Row], limit: int, *key: str) -> dict[str, Any]:
    """Make a page of up to `limit` rows; the caller asked the database for one more."""
    shown = rows[:limit]
    following = None
    if len(rows) > limit:
        values = [shown[-1][name] for name in key]
        following = base64.urlsafe_b64encode(json.dumps(values).encode()).decode()
    return {"items": list(shown), "next": following}
