"""What an uploaded file is, by its content: project files, pictures, sounds.

Nothing here trusts a name, a declared type or a declared size. Project files are looked through and
never unpacked; pictures and sounds are known by their signatures and not decoded.
"""

import io
import json
import posixpath
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from xml.etree.ElementTree import ParseError

import filetype
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

# A project file, in bytes where nothing else is said. Large projects have some hundred costumes and sounds.
MOST_ENTRIES = 5_000
MOST_UNPACKED = 256 * 2**20
MOST_JSON = 32 * 2**20
# A second of silence packs a thousandfold, so the ratio counts from this size up.
RATIO_COUNTS_FROM = 16 * 2**20
HIGHEST_RATIO = 100

CENTRAL_HEADER = b"PK\x01\x02"
LOCAL_HEADER = struct.Struct("<4s22xHH")
PIECE = 1 << 20


class ContentError(ValueError):
    """The content is not what it should be; the text says why, for the person who uploads it."""


# Project files --------------------------------------------------------------------------------


def check_project_file(content: bytes) -> None:
    """Look through an .sb3: a zip with a project.json that parses, and nothing that harms who unpacks it.

    Raises ContentError. Sizes are measured by inflating, entry by entry, up to the bound and no further.
    """
    # Counted before anything is parsed: each entry becomes an object in memory.
    if content.count(CENTRAL_HEADER) > MOST_ENTRIES:
        raise ContentError(f"a project file has at most {MOST_ENTRIES} entries")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError, struct.error, UnicodeError) as error:
        raise ContentError("a project file is a zip archive, and this is none") from error
    _check_names(entries)
    unpacked = 0
    project: bytes | None = None
    for entry in entries:
        wanted = entry.filename == "project.json"
        kept = bytearray()
        for piece in _inflate(content, entry):
            unpacked += len(piece)
            if unpacked > MOST_UNPACKED or (
                unpacked > RATIO_COUNTS_FROM and unpacked > HIGHEST_RATIO * max(len(content), 1)
            ):
                raise ContentError("a project file that unpacks to so much more than it holds is refused")
            if wanted:
                kept += piece
                if len(kept) > MOST_JSON:
                    raise ContentError(f"project.json has at most {MOST_JSON} bytes")
        if wanted:
            project = bytes(kept)
    if project is None:
        raise ContentError("a project file has a project.json at its top")
    try:
        parsed = json.loads(project)
    except (ValueError, RecursionError) as error:
        raise ContentError("project.json is no JSON") from error
    if not isinstance(parsed, dict):
        raise ContentError("project.json is no JSON object")


def _check_names(entries: list[zipfile.ZipInfo]) -> None:
    """Refuse what would land outside the folder, or on top of another, where somebody unpacks it."""
    seen = set()
    for entry in entries:
        # As it stands in the archive: zipfile cuts at a NUL, and turns separators of the system round.
        name = entry.orig_filename
        plain = name.rstrip("/")
        if (
            not plain
            or name.startswith("/")
            or any(character in name for character in "\\:\0")
            or posixpath.normpath(plain) != plain
            or plain.split("/")[0] == ".."
        ):
            raise ContentError("a name in the project file leads out of it")
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise ContentError("a project file holds files and nothing else: no links, no devices")
        if entry.flag_bits & 0x1:
            raise ContentError("a project file is not encrypted")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ContentError("a project file is packed by deflate, or not at all")
        if plain.casefold() in seen:
            raise ContentError("a name stands twice in the project file")
        seen.add(plain.casefold())


def _inflate(content: bytes, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """Unpack an entry piece by piece, as far as its stream really goes: zipfile stops at the declared size."""
    try:
        signature, name_length, extra_length = LOCAL_HEADER.unpack_from(content, entry.header_offset)
    except struct.error as error:
        raise ContentError("the zip archive is damaged") from error
    start = entry.header_offset + LOCAL_HEADER.size + name_length + extra_length
    packed = memoryview(content)[start : start + entry.compress_size]
    if signature != b"PK\x03\x04" or len(packed) < entry.compress_size:
        raise ContentError("the zip archive is damaged")
    if entry.compress_type == zipfile.ZIP_STORED:
        for at in range(0, len(packed), PIECE):
            yield bytes(packed[at : at + PIECE])
        return
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for at in range(0, len(packed), PIECE):
            rest: bytes | memoryview = packed[at : at + PIECE]
            while rest and not inflater.eof:
                yield inflater.decompress(rest, PIECE)
                rest = inflater.unconsumed_tail
        while not inflater.eof and (more := inflater.decompress(b"", PIECE)):
            yield more
    except zlib.error as error:
        raise ContentError("the zip archive is damaged") from error
    if not inflater.eof:
        raise ContentError("the zip archive is damaged")


# Pictures and sounds --------------------------------------------------------------------------


@dataclass(frozen=True)
class Format:
    """A kind of file that may be an asset: its ending, and what browsers are told it is."""

    ending: str
    media_type: str
    kind: Literal["picture", "sound"]


FORMATS = {
    form.ending: form
    for form in (
        Format("png", "image/png", "picture"),
        Format("jpg", "image/jpeg", "picture"),
        Format("gif", "image/gif", "picture"),
        Format("webp", "image/webp", "picture"),
        Format("bmp", "image/bmp", "picture"),
        Format("svg", "image/svg+xml", "picture"),
        Format("wav", "audio/wav", "sound"),
        Format("mp3", "audio/mpeg", "sound"),
        Format("ogg", "audio/ogg", "sound"),
    )
}
ALIASES = {"jpeg": "jpg", "svg+xml": "svg", "wave": "wav", "mpeg": "mp3", "oga": "ogg"}

# What an asset is used as, where the word says what kind it has to be.
USES = {"costume": "picture", "backdrop": "picture", "image": "picture", "sound": "sound", "audio": "sound"}

_SIGNATURES = [(FORMATS[ending], filetype.get_type(ext=ending)) for ending in FORMATS if ending != "svg"]

SVG = "{http://www.w3.org/2000/svg}"
# Elements that run something, or hold another language that does.
XHTML = "{http://www.w3.org/1999/xhtml}"
ACTIVE = {"script", "handler", "listener", "foreignobject", "iframe", "object", "embed"}
ACTIVE_ADDRESSES = ("javascript:", "vbscript:", "data:text/html")
UNKNOWN = "this is no picture and no sound of a kind that is taken"


def recognize(content: bytes, use: str, claimed: str | None = None) -> Format:
    """Say what a picture or sound is. `use` and `claimed` are what its uploader says: an ending, in any case.

    Raises ContentError for anything else, for a content that is not what is claimed, and for an SVG
    that would run something.
    """
    head = content[:64]
    found = next((form for form, signature in _SIGNATURES if signature.match(bytearray(head))), None)
    if found is None:
        check_svg(content)
        found = FORMATS["svg"]
    if claimed is not None and plain_ending(claimed) != found.ending:
        raise ContentError(f"this is {found.ending}, and not what the format says")
    if USES.get(use, found.kind) != found.kind:
        raise ContentError(f"this is a {found.kind}, and not what the type says")
    return found


def plain_ending(ending: str) -> str:
    """The one spelling of an ending: `jpg` for `.JPEG`."""
    plain = ending.lower().removeprefix(".")
    return ALIASES.get(plain, plain)


def check_svg(content: bytes) -> None:
    """Parse an SVG, and refuse one that would run something where a page takes it in. Raises ContentError."""
    parser = DefusedXMLParser(target=_Checker())
    try:
        parser.feed(content)
        parser.close()
    except ContentError:
        raise
    except DefusedXmlException as error:
        raise ContentError("an SVG that defines entities is refused") from error
    except (ParseError, ValueError, LookupError) as error:
        raise ContentError(UNKNOWN) from error


class _Checker:
    """Looks at each element as it is parsed, and keeps none."""

    inside = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if not self.inside and tag not in (f"{SVG}svg", "svg"):
            raise ContentError(UNKNOWN)
        self.inside = True
        name = tag.rpartition("}")[2].lower()
        if name in ACTIVE or tag.startswith(XHTML):
            raise ContentError(f"an SVG with <{name}> is refused")
        for attribute, value in attributes.items():
            if attribute.rpartition("}")[2].lower().startswith("on"):
                raise ContentError("an SVG that handles events is refused")
            plain = "".join(value.split()).lower()
            if any(address in plain for address in ACTIVE_ADDRESSES):
                raise ContentError("an SVG with a script for an address is refused")

    def pi(self, target: str, data: str | None = None) -> None:
        if target == "xml-stylesheet":
            raise ContentError("an SVG with a style sheet of its own is refused")

    def close(self) -> None:
        """Nothing is left to give back."""
