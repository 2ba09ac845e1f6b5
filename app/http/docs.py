"""The docs page: Swagger UI out of this installation, under a policy that lets it ask nobody else."""

from flask import Flask, Response, request

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Lockstep: the API</title>
<link rel="icon" href="swagger/images/swagger.svg">
<link rel="stylesheet" href="swagger/css/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<script src="swagger/js/swagger-ui-bundle.js"></script>
<script src="../static/docs.js"></script>
</body>
</html>
"""

# Swagger UI writes style attributes, and keeps its pictures in data URLs.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

ENDPOINTS = frozenset({"openapi.openapi", "swagger.swagger"})


def init_app(app: Flask) -> None:
    """Serve the page at /openapi/, and at the address that the plugin gave it."""
    app.config["OPENAPI_HTML_STRING"] = app.config["SWAGGER_HTML_STRING"] = PAGE
    app.after_request(_policy)


def _policy(answer: Response) -> Response:
    if request.endpoint in ENDPOINTS:
        answer.headers["Content-Security-Policy"] = POLICY
    return answer
