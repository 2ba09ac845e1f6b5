"""What an upload is, by its content: project files that harm nobody, pictures and sounds by signature."""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import pytest

from app import content
from app.content import ContentError, check_project_file, check_svg, plain_ending, recognize
from app.http.uploads import plain_name
from tests.http.files import SVG, archive, png, sb3, wav

PROJECT = b'{"targets": []}'


def entry(name: str, data: bytes = b"", mode: int = 0, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A project file with one more entry, of this name as it stands in the archive, and of this mode."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("project.json", PROJECT)
        info = zipfile.ZipInfo("x")
        info.filename = name  # ZipInfo() would cut it at a NUL
        info.external_attr = mode << 16
        file.writestr(info, data, method)
    return packed.getvalue()


def lying(real: bytes, declared: int) -> bytes:
    """A project file with an entry whose headers say that it unpacks to less than it does."""
    made = bytearray(entry("costume.svg", real))
    for signature, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        place = made.rindex(signature) + at
        made[place : place + 4] = struct.pack("<I", declared)
    return bytes(made)


# Project files --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "good",
    [
        sb3(),
        archive({"project.json": b"{}"}),
        archive({"project.json": PROJECT, "0" * 32 + ".svg": SVG, "1" * 32 + ".wav": wav()}),
        archive({"assets/": b"", "assets/a.png": png(), "project.json": PROJECT}),
        entry("silence.wav", bytes(3_000_000)),  # packs a thousandfold
        entry("stored.png", png(), method=zipfile.ZIP_STORED),
        entry("empty"),
        entry("..dots..svg"),
        b"#!/bin/sh\n" + sb3(),  # readers look from the end, so what stands before is nobody's entry
    ],
)
def test_a_project_file_passes(good: bytes) -> None:
    check_project_file(good)


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"PK",
        b"no zip",
        sb3()[:-30],
        sb3()[40:],
        archive({}),
        archive({"sub/project.json": PROJECT}),
        archive({"Project.json": PROJECT}),
        archive({"project.json": b""}),
        archive({"project.json": b"{"}),
        archive({"project.json": b"[]"}),
        archive({"project.json": b"\xff\xfe{}"}),
        archive({"project.json": b"[" * 200_000}),
        archive({"project.json": b'{"n": ' + b"9" * 10_000 + b"}"}),
    ],
)
def test_what_is_no_zip_with_a_project_is_refused(bad: bytes) -> None:
    with pytest.raises(ContentError):
        check_project_file(bad)


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "a/../../evil",
        "a/..",
        "..",
        "/etc/passwd",
        "\\windows\\evil",
        "..\\evil",
        "C:evil",
        "a//b",
        "./a",
        "a/./b",
        "a\0b",
        "/",
        "project.json",
        "PROJECT.json",
    ],
)
def test_a_name_that_leads_out_or_stands_twice_is_refused(name: str) -> None:
    with pytest.warns(UserWarning, match="Duplicate") if name == "project.json" else nullcontext():
        bad = entry(name)
    with pytest.raises(ContentError):
        check_project_file(bad)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK])
def test_a_link_or_a_device_is_refused(kind: int) -> None:
    with pytest.raises(ContentError):
        check_project_file(entry("link", b"/etc/passwd", kind | 0o777))
    check_project_file(entry("file", b"", stat.S_IFREG | 0o644))


def test_an_entry_that_unpacks_to_more_than_it_says_is_measured_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = lying(bytes(40_000_000), 10)
    with pytest.raises(ContentError):
        check_project_file(bomb)
    # By the bound alone: with a wide one the same file passes.
    monkeypatch.setattr(content, "HIGHEST_RATIO", 10_000)
    check_project_file(bomb)


def test_a_bomb_is_refused_without_being_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = entry("zeros", bytes(50_000_000))
    assert len(bomb) < 75_000
    inflate, unpacked = content._inflate, []

    def counted(*arguments: Any) -> Iterator[bytes]:
        for piece in inflate(*arguments):
            unpacked.append(len(piece))
            yield piece

    monkeypatch.setattr(content, "_inflate", counted)
    with pytest.raises(ContentError):
        check_project_file(bomb)
    # Up to the bound and a piece more.
    assert sum(unpacked) < 20_000_000


def test_the_total_is_bounded_whatever_the_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "MOST_UNPACKED", 10_000)
    check_project_file(archive({"project.json": PROJECT, "a": bytes(5_000), "b": bytes(4_000)}))
    with pytest.raises(ContentError):
        check_project_file(archive({"project.json": PROJECT, "a": bytes(5_000), "b": bytes(5_000)}))


def test_project_json_is_bounded_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "MOST_JSON", 100)
    with pytest.raises(ContentError):
        check_project_file(sb3(more="x" * 100))


def test_the_number_of_entries_is_bounded_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "MOST_ENTRIES", 10)
    check_project_file(archive({"project.json": PROJECT, **{str(number): b"" for number in range(9)}}))
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(ContentError):
        check_project_file(archive_of(11))


def archive_of(entries: int) -> bytes:
    header = struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\x01\x02", 20, 20, *[0] * 11, 0, 0, 0)
    return header * entries


@pytest.mark.parametrize("change", [lambda made: made, None])
def test_a_damaged_or_encrypted_entry_is_refused(change: Callable[[bytes], bytes] | None) -> None:
    made = bytearray(sb3())
    if change is None:
        made[made.rindex(b"PK\x01\x02") + 8] |= 1  # encrypted
    else:
        start = 30 + len("project.json")
        made[start : start + 10] = zlib.compress(b"other")[:10]
    with pytest.raises(ContentError):
        check_project_file(bytes(made))


def test_packing_by_anything_but_deflate_is_refused() -> None:
    with pytest.raises(ContentError):
        check_project_file(entry("a", b"x" * 100, method=zipfile.ZIP_BZIP2))


# Pictures and sounds --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "good",
    [
        SVG,
        b"<svg/>",
        b"\xef\xbb\xbf" + SVG,
        SVG.decode().encode("utf-16"),
        b'<?xml version="1.0" encoding="UTF-8"?>\n<!-- made by hand -->\n' + SVG,
        b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">' + SVG,
        SVG.replace(b"<path", b'<image href="data:image/png;base64,AA=="/><path style="fill:red"'),
    ],
)
def test_an_svg_passes(good: bytes) -> None:
    check_svg(good)
    assert recognize(good, "costume", "svg").media_type == "image/svg+xml"


@pytest.mark.parametrize(
    "bad",
    [
        b"<svg",
        b"<html/>",
        b"<SVG/>",
        SVG + SVG,
        SVG.replace(b"<path", b"<script/><path"),
        SVG.replace(b"<path", b'<script xmlns="http://www.w3.org/1999/xhtml"/><path'),
        SVG.replace(b"<path", b'<p xmlns="http://www.w3.org/1999/xhtml"/><path'),
        SVG.replace(b"<path", b"<foreignObject/><path"),
        SVG.replace(b"<path", b'<path onload="x()"'),
        SVG.replace(b"<path", b'<path ONCLICK="x()"'),
        SVG.replace(b"<path", b'<a href="javascript:x()"/><path'),
        SVG.replace(b"<path", b'<a href=" java&#10;script:x()"/><path'),
        SVG.replace(b"<path", b'<animate attributeName="href" values="javascript:x()"/><path'),
        b'<?xml-stylesheet href="x.xsl" type="text/xsl"?>' + SVG,
        b'<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><svg>&b;</svg>',
        b'<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>',
        b'<!DOCTYPE svg [<!ENTITY % x SYSTEM "http://127.0.0.1/x"> %x;]><svg/>',
    ],
)
def test_an_svg_that_would_run_something_or_reach_out_is_refused(bad: bytes) -> None:
    with pytest.raises(ContentError):
        check_svg(bad)


def test_an_svg_of_very_many_elements_is_looked_through_without_being_kept() -> None:
    check_svg(b"<svg>" + b"<g>" * 10_000 + b"<g/>" * 200_000 + b"</g>" * 10_000 + b"</svg>")


def test_a_content_is_what_it_begins_with_and_not_what_is_claimed() -> None:
    assert recognize(png(), "costume").ending == "png"
    for claimed in ("jpg", "svg", "", "html"):
        with pytest.raises(ContentError):
            recognize(png(), "costume", claimed)
    # A word that says nothing about the kind is only kept.
    assert recognize(wav(), "effect").kind == "sound"
    with pytest.raises(ContentError):
        recognize(b"GIF89a<script>", "costume", "svg")


def test_an_ending_has_one_spelling() -> None:
    assert [plain_ending(ending) for ending in (".JPEG", "jpg", "WAVE", "svg+xml", "png")] == [
        *("jpg", "jpg", "wav", "svg", "png")
    ]


def test_a_file_name_is_its_last_part_and_prints() -> None:
    names = {
        "../../x.sb3": "x.sb3",
        "C:\\a\\x.sb3": "x.sb3",
        "a\r\n\0b.sb3": "ab.sb3",
        "a/": "project.sb3",
        "": "project.sb3",
    }
    assert {name: plain_name(name) for name in names} == names
    assert len(plain_name("x" * 1000 + ".sb3")) == 255
