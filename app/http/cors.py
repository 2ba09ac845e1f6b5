"""Pages of other origins: they may call where their origin is listed, letter by letter; by default none may."""

from flask import Flask, Response, request

METHODS = "GET, POST, PUT, PATCH, DELETE"
SENT = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Lockstep-Position, X-Request-Id"
READ = "ETag, Idempotent-Replayed, Location, Lockstep-Position, Retry-After, X-Request-Id"

# Seconds for which a browser need not ask again.
REMEMBERED = "600"


def init_app(app: Flask, origins: frozenset[str]) -> None:
    """Answer what browsers ask before a call, and mark answers that a page may read.

    No credentials: a token is a header that the page sends, never a cookie that comes by itself.
    """
    if not origins:
        return

    def preflight() -> Response | None:
        asked = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        return Response(status=204) if asked and request.headers.get("Origin") in origins else None

    def allow(answer: Response) -> Response:
        answer.vary.add("Origin")
        origin = request.headers.get("Origin")
        if origin in origins:
            answer.headers["Access-Control-Allow-Origin"] = origin
            answer.headers["Access-Control-Expose-Headers"] = READ
            if request.method == "OPTIONS":
                answer.headers["Access-Control-Allow-Methods"] = METHODS
                answer.headers["Access-Control-Allow-Headers"] = SENT
                answer.headers["Access-Control-Max-Age"] = REMEMBERED
        return answer

    app.before_request(preflight)
    app.after_request(allow)
