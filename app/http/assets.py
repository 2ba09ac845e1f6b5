"""Assets: the pictures and sounds of projects, by the MD5 of their content."""

from datetime import datetime
from typing import Annotated

from flask import Response
from flask_openapi import APIBlueprint, Tag
from pydantic import BaseModel, Field

from app.content import FORMATS, plain_ending
from app.http import uploads
from app.http.access import actor
from app.http.database import Options, database
from app.http.models import BEARER, LEFT_OUT, KeyHeader, options, problems, reply
from app.http.problems import ProblemError
from app.http.uploads import File

api = APIBlueprint(
    "assets",
    __name__,
    url_prefix="/api/assets",
    abp_tags=[Tag(name="assets")],
    abp_security=BEARER,
)

# What is named by its content never changes; but who may read it is asked here and nowhere between.
FOREVER = "private, max-age=31536000, immutable"


class AssetForm(BaseModel):
    """A picture or a sound."""

    asset: File
    type: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")] = Field(
        "costume", description="What it is used as: costume, backdrop, sound."
    )
    format: str = Field(LEFT_OUT, max_length=20, description="Its ending; refused if the content is something else.")


class Asset(BaseModel):
    """An asset. project.json names it as `md5ext`."""

    assetId: str = Field(description="MD5 of the content, in hexadecimal.")  # noqa: N815
    md5ext: str
    type: str
    format: str = Field(description="By the content: png, jpg, gif, webp, bmp, svg, wav, mp3, ogg.")
    size: int = Field(description="Bytes.")
    sha256: str
    created_at: datetime
    created: bool = Field(description="This request made it; false: it was there already.")


class AssetPath(BaseModel):
    """Which."""

    name: str = Field(min_length=1, max_length=60, description="Its id, with or without ending.")


@api.post("", strict_slashes=False, responses={200: Asset, **problems(404, 409)})
def upload(header: KeyHeader, form: AssetForm) -> Response:
    """Store a picture or sound, unless it is there; the answer is the same."""
    content, found = uploads.asset(form.asset, form.type, form.format)
    row = database().call(
        "get_or_create_asset",
        options(header),
        actor_id=actor().id,
        content=content,
        type=form.type,
        format=found.ending,
    )
    return reply(Asset, row | {"assetId": row["asset_id"], "md5ext": f"{row['asset_id']}.{row['format']}"})


@api.get("/<name>", strict_slashes=False, responses={200: None, 304: None, **problems(404)})
def read(path: AssetPath) -> Response:
    """Read the bytes of an asset."""
    asset_id, _, ending = path.name.partition(".")
    row = database().call(
        "read_asset",
        Options(binary=True),
        actor_id=actor().id,
        asset_id=asset_id,
        known_sha256=uploads.known_sha256(),
    )
    if ending and plain_ending(ending) != row["format"]:
        raise ProblemError("asset_not_found", f"asset_id={asset_id} is {row['format']}, not {ending}")
    answer = uploads.file_answer(row, FORMATS[row["format"]].media_type)
    answer.headers["Cache-Control"] = FOREVER
    return answer
