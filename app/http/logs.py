"""The log: JSON on stderr, a line a request and a line a failure.

Headers, bodies and the values of a query are never written, so neither are passwords and tokens.
"""

import json
import logging
import re
import time
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, g, has_request_context, request

from app.http.access import Actor

log = logging.getLogger(__name__)

# What an error's own text may show of data: a row that PostgreSQL refused, an input that pydantic did.
_DATA = re.compile(r"(Failing row contains |input_value=|Key \([^)]*\)=)(?:.*(?=, input_type=)|.*)")


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON; what was given as `extra={"fields": …}` stands beside the message."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the record."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "pid": record.process,
        }
        if has_request_context():  # so that a failure leads to the line of its request, and back
            line["request_id"] = g.get("request_id")
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["traceback"] = _DATA.sub(r"\1…", self.formatException(record.exc_info))
        return json.dumps(line, default=str)


def configuration() -> dict[str, Any]:
    """Return what logging.config.dictConfig() and gunicorn take: everything as JSON on stderr."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonFormatter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"level": "INFO", "handlers": ["stderr"]},
        "loggers": {
            "gunicorn.error": {"level": "INFO", "handlers": ["stderr"], "propagate": False},
            # They say what each connection does, at INFO.
            "psycopg": {"level": "WARNING"},
            "psycopg.pool": {"level": "WARNING"},
        },
    }


def init_app(app: Flask) -> None:
    """Write a line for every request of this application, after all else that follows a view."""
    app.after_request(_write)


def _write(answer: Response) -> Response:
    actor: Actor | None = g.get("actor")
    fields = {
        "actor": actor and actor.id,
        "session": actor and actor.session_id,
        "method": request.method,
        "route": request.url_rule and request.url_rule.rule,
        "path": request.path,
        "status": answer.status_code,
        "duration_ms": round((time.perf_counter() - g.began) * 1000, 2),
        "sqlstate": g.get("sqlstate"),
        "problem": g.get("problem"),
        "retries": g.get("retries", 0),
        "db_role": g.get("db_role"),
        "replica": g.get("replica"),
    }
    log.log(logging.WARNING if answer.status_code >= 500 else logging.INFO, "request", extra={"fields": fields})
    return answer
