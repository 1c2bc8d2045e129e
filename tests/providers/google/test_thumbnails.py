"""Small pictures: only pictures, of bounded size, from Google's hosts, and with the token only where it may go."""

from __future__ import annotations

import pytest
from aiohttp import web
from yarl import URL

from providers.drive import Ref
from providers.errors import Malware, NotFound, Untrusted
from providers.google.hosts import takes_token
from providers.google.thumbnails import sized
from providers.pictures import recognised
from providers.verbs import PICTURE_LIMIT, Picture
from tests.providers.google.says import PNG
from tests.providers.google.stand_in import google_at, refusal

LH3 = "https://lh3.googleusercontent.com"
WEBP = b"RIFF\x10\0\0\0WEBPVP8 "


@pytest.mark.parametrize(
    ("link", "edge", "address"),
    [
        (f"{LH3}/drive-storage/AbC=s220", 64, f"{LH3}/drive-storage/AbC=s64"),
        (f"{LH3}/AbC=s220-c-k", 64, f"{LH3}/AbC=s64-c-k"),
        (f"{LH3}/AbC=s220?authuser=0", 64, f"{LH3}/AbC=s64?authuser=0"),
        ("https://docs.google.com/feeds/vt?id=1s22&sz=s220&v=1", 64, "https://docs.google.com/feeds/vt?id=1s22&sz=s64&v=1"),
        (f"{LH3}/A=s1000/B=s220", 64, f"{LH3}/A=s1000/B=s64"),
        (f"{LH3}/=s2x=s220y", 64, f"{LH3}/=s2x=s220y"),
        (f"{LH3}/AbC", 64, f"{LH3}/AbC"),
        (f"{LH3}/AbC=w220-h100", 64, f"{LH3}/AbC=w220-h100"),
        (f"{LH3}/AbC=s220", 1, f"{LH3}/AbC=s16"),
        (f"{LH3}/AbC=s220", 100_000, f"{LH3}/AbC=s1600"),
    ],
)  # fmt: skip
def test_the_size_in_the_address(link: str, edge: int, address: str) -> None:
    assert sized(link, edge) == address


@pytest.mark.parametrize(
    ("address", "token"),
    [
        (f"{LH3}/x", True),
        ("https://lh6.googleusercontent.com/x", True),
        ("https://docs.google.com/feeds/vt", True),
        ("https://www.googleapis.com/x", True),
        ("https://1.2.3.4.bc.googleusercontent.com/x", False),
        ("https://xlh3.googleusercontent.com/x", False),
        ("https://lh3.evil.googleusercontent.com/x", False),
    ],
)
def test_the_token_goes_to_google_alone(address: str, token: bool) -> None:
    assert takes_token(URL("https://www.googleapis.com"), address) is token


@pytest.mark.parametrize(
    "address",
    ["http://lh3.googleusercontent.com/x", f"{LH3}:8443/x", "https://lh3.googleusercontent.com.evil.example/x", "//["],
)
def test_nothing_goes_elsewhere(address: str) -> None:
    with pytest.raises(Untrusted):
        takes_token(URL("https://www.googleapis.com"), address)


def test_pictures_by_their_first_bytes() -> None:
    assert recognised(PNG) == "image/png"
    assert recognised(b"\xff\xd8\xff\xe0") == "image/jpeg"
    assert recognised(b"GIF89a") == "image/gif"
    assert recognised(WEBP) == "image/webp"
    for other in (b"", b"<svg xmlns=", b"<!doctype html>", b"RIFF\0\0\0\0WAVE", b"BM"):
        assert recognised(other) is None


async def drawn(body: bytes, media_type: str, *, status: int = 200) -> tuple[Picture | None, list[web.Request]]:
    """What the drive makes of such a picture, and the requests for it."""
    asked: list[web.Request] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path.startswith("/drive"):
            return web.json_response({"thumbnailLink": f"{request.url.origin()}/picture=s220"})
        asked.append(request)
        return web.Response(status=status, body=body, headers={"Content-Type": media_type})

    async with google_at(answer) as drive:
        return await drive.thumbnail(Ref("", "1Id"), 96), asked


async def test_a_picture_comes_through_in_the_size_that_was_asked_for() -> None:
    picture, [request] = await drawn(PNG, "image/png")
    assert picture == Picture("image/png", PNG)
    assert request.path == "/picture=s96"
    assert request.headers["Authorization"] == "Bearer token-0"


async def test_what_it_is_rules_over_what_it_is_called() -> None:
    picture, _ = await drawn(WEBP, "image/jpeg")
    assert picture == Picture("image/webp", WEBP)


@pytest.mark.parametrize(
    ("body", "media_type", "reason"),
    [
        (b"<!doctype html><title>Sign in</title>", "text/html", "picture"),
        (PNG, "text/html", "picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", "picture"),
        (b"", "image/png", "picture"),
        (PNG + bytes(PICTURE_LIMIT), "image/png", "length"),
    ],
)
async def test_what_is_no_picture(body: bytes, media_type: str, reason: str) -> None:
    with pytest.raises(Untrusted) as untrusted:
        await drawn(body, media_type)
    assert untrusted.value.reason == reason


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_a_link_that_died_or_is_closed_is_no_picture(status: int) -> None:
    picture, asked = await drawn(b"", "text/html", status=status)
    assert picture is None
    assert asked


@pytest.mark.parametrize("link", [None, "", 7])
async def test_no_link_no_picture(link: object) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response({} if link is None else {"thumbnailLink": link})

    async with google_at(answer) as drive:
        assert await drive.thumbnail(Ref("", "1Id")) is None


async def test_a_foreign_link_is_not_followed() -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response({"thumbnailLink": "https://evil.example/picture=s220"})

    async with google_at(answer) as drive:
        with pytest.raises(Untrusted) as untrusted:
            await drive.thumbnail(Ref("", "1Id"))
    assert untrusted.value.reason == "origin"


async def test_what_is_not_there() -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return refusal(404, "notFound")

    async with google_at(answer) as drive:
        with pytest.raises(NotFound):
            await drive.thumbnail(Ref("", "1Id"))


async def test_a_harmful_file_is_no_missing_picture() -> None:
    """Of the file itself Google's refusal is told, not swallowed."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return refusal(403, "cannotDownloadAbusiveFile")

    async with google_at(answer) as drive:
        with pytest.raises(Malware):
            await drive.thumbnail(Ref("", "1Id"))
