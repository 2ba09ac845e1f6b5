"""Forms with files: bounded before they are read, and handed on as bytes."""

from typing import Annotated

from flask import Response, request
from flask_openapi import FileStorage
from pydantic import AfterValidator
from werkzeug.datastructures import FileStorage as WerkzeugFile
from werkzeug.exceptions import UnsupportedMediaType

from app.content import ContentError, Format, check_project_file, recognize
from app.db import Row
from app.http.database import database
from app.http.problems import ProblemError

# Views that read a form with a file, and the setting that says how large the file may be.
UPLOADS = {
    "projects.create": "project_file_limit",
    "projects.replace": "project_file_limit",
    "assets.upload": "asset_limit",
}

# How a form comes; without a file both are good.
FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")

# What a form has besides its file, in bytes.
FORM = 64 * 1024

# No script of an uploaded file runs, not even where somebody opens it by its address.
SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"


def _is_file(value: object) -> object:
    if not isinstance(value, WerkzeugFile):
        raise ValueError("Input should be a file")
    return value


# The library takes a text in the place of a file.
File = Annotated[FileStorage, AfterValidator(_is_file)]


def bound() -> bool:
    """Bound the body of a form with a file; false: the present route takes none.

    Nothing is read of a body that says that it is larger; one that says nothing is read up to the bound.
    """
    setting = UPLOADS.get(request.endpoint or "")
    if setting is None:
        return False
    if request.mimetype not in FORMS:
        raise UnsupportedMediaType
    request.max_content_length = int(database().call("setting", name=setting)["setting"]) + FORM
    return True


def project_file(file: FileStorage) -> tuple[bytes, str]:
    """Return the bytes and the name of an .sb3. Raises ProblemError for anything else."""
    content = file.stream.read()
    try:
        check_project_file(content)
    except ContentError as error:
        raise ProblemError("content_refused", str(error)) from None
    return content, plain_name(file.filename or "")


def asset(file: FileStorage, use: str, claimed: str | None) -> tuple[bytes, Format]:
    """Return the bytes of a picture or sound, and what it is. Raises ProblemError for anything else."""
    content = file.stream.read()
    try:
        return content, recognize(content, use, claimed)
    except ContentError as error:
        raise ProblemError("content_refused", str(error)) from None


def plain_name(name: str) -> str:
    """The last part of a file's name, without what does not print, and short enough to store."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(character for character in last if character.isprintable())[-255:] or "project.sb3"


def known_sha256() -> str | None:
    """What the client says that it has, where that is one file: then its bytes need not be read."""
    tags = request.if_none_match.as_set()
    return next(iter(tags)) if len(tags) == 1 else None


def file_answer(row: Row, media_type: str, name: str | None = None) -> Response:
    """Answer a file, or 304 where the client has it. `name`: for saving, not for showing."""
    answer = Response(row["content"] or b"", content_type=media_type)
    answer.set_etag(row["sha256"])
    if row["content"] is None:
        answer.status_code = 304
    else:
        answer.make_conditional(request)
    if name is not None:
        answer.headers.set("Content-Disposition", "attachment", filename=name)
    answer.headers["Content-Security-Policy"] = SANDBOX
    return answer
