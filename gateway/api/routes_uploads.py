"""Uploads by tus 1.0 (core, creation, creation-defer-length, termination): resumable, also after a crash.

What was acknowledged is sealed on disk. A complete upload is sent on to its drive by a durable job; the upload tells
how far that is.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

from aiohttp import web

from gateway.api.items import instruction, not_offered, parse_ref
from gateway.api.problems import Problem, not_found
from gateway.api.routes_drives import check_name
from gateway.api.routing import Call, Header, Route, answer, nothing
from gateway.api.schemas import ProblemOut, UploadOut
from gateway.files.uploads import NoUpload, TooMuch, Upload, UploadBusy, UploadSpec, WrongOffset
from gateway.ids import is_id
from providers.drive import Kind, OnConflict

VERSION = "1.0.0"
SILENCE = 60.0
"""Seconds without a byte after which a sender is gone: until then nobody else may go on with the upload."""
EXTENSIONS = "creation,creation-defer-length,termination"
MEDIA = "application/offset+octet-stream"
RESUMABLE = Header("Tus-Resumable", "1.0.0", required=True, schema={"type": "string", "enum": [VERSION]})
_FIRST_YEAR = 1601
"""Of a file's time: the year in which Windows begins to count."""
_NUMBER = re.compile(r"[0-9]{1,15}")
_MEDIA_TYPE = re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,100}", re.ASCII)
_KEYS = frozenset({"drive", "parent", "filename", "filetype", "modified", "on_conflict", "convert"})


def _tus(call: Call, **more: str) -> dict[str, str]:
    return {"Tus-Resumable": VERSION, **more}


def check_version(call: Call) -> None:
    """412 unless the caller speaks this version."""
    if call.request.headers.get("Tus-Resumable") != VERSION:
        raise Problem(412, "tus_version", "Send Tus-Resumable: 1.0.0.", headers={"Tus-Version": VERSION})


def _number(call: Call, header: str) -> int | None:
    text = call.request.headers.get(header)
    if text is None:
        return None
    if not _NUMBER.fullmatch(text):
        raise Problem(400, "bad_length", f"{header} is not a number of bytes.")
    return int(text)


def parse_metadata(header: str) -> dict[str, str]:
    """Upload-Metadata as the keys we know. 400 for bad encoding, unknown or repeated keys."""
    found: dict[str, str] = {}
    for pair in header.split(",") if header.strip() else []:
        key, _, value = pair.strip().partition(" ")
        if key not in _KEYS or key in found:
            raise Problem(400, "bad_metadata", "Upload-Metadata has a key that is unknown or given twice.")
        try:
            found[key] = base64.b64decode(value, validate=True).decode("utf-8")
        except (ValueError, UnicodeDecodeError):
            raise Problem(400, "bad_metadata", "Upload-Metadata is not base64 of UTF-8 text.") from None
    return found


def _spec(found: dict[str, str]) -> UploadSpec:
    for key in ("drive", "parent", "filename"):
        if not found.get(key):
            raise Problem(422, "metadata_missing", f"Upload-Metadata must name {key}.")
    check_name(found["filename"])
    media_type = found.get("filetype", "application/octet-stream")
    conflict = found.get("on_conflict", "rename")
    modified = found.get("modified")
    if not _MEDIA_TYPE.fullmatch(media_type) or conflict not in set(OnConflict) or len(found["filename"]) > 1024:
        raise Problem(422, "bad_metadata", "The file's type, name or conflict rule is not valid.")
    if modified is not None and not _is_time(modified):
        raise Problem(422, "bad_metadata", "The file's time is not ISO 8601 with a time zone.")
    if found.get("convert", "false") not in ("true", "false"):
        raise Problem(422, "bad_metadata", "The file's type, name or conflict rule is not valid.")
    convert = found.get("convert") == "true"
    return UploadSpec(found["parent"], found["filename"], media_type, modified, conflict, convert)


def _is_time(text: str) -> bool:
    """Whether it is ISO 8601 with a time zone, of a year that every drive can tell."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.tzinfo is not None and moment.astimezone(UTC).year >= _FIRST_YEAR
    except (ValueError, OverflowError):
        return False


async def tus_options(call: Call) -> web.StreamResponse:
    """What this server speaks."""
    return nothing(
        {
            "Tus-Resumable": VERSION,
            "Tus-Version": VERSION,
            "Tus-Extension": EXTENSIONS,
            "Tus-Max-Size": str(call.services.settings.limits.upload_bytes),
        }
    )


async def create_upload(call: Call) -> web.StreamResponse:
    """A new upload into a folder of a drive. `Upload-Metadata` names drive, parent and filename, each in base64.

    With `convert` "true" an Office file becomes a document of the drive's own kind, where the drive can.
    """
    check_version(call)
    length = _number(call, "Upload-Length")
    deferred = call.request.headers.get("Upload-Defer-Length")
    if (length is None) == (deferred is None) or deferred not in (None, "1"):
        raise Problem(400, "bad_length", "Send either Upload-Length or Upload-Defer-Length: 1.")
    if (length or 0) > call.services.settings.limits.upload_bytes:
        raise Problem(413, "too_large", "The file is larger than this gateway accepts.")
    if call.request.body_exists and call.request.content_length != 0:
        raise Problem(415, "wrong_media_type", "Send the bytes with PATCH after this.")
    metadata = parse_metadata(call.request.headers.get("Upload-Metadata", ""))
    spec = _spec(metadata)
    source = await call.services.drives.reader(call.me.person, call.me.school, metadata["drive"])
    if spec.parent == "root":
        spec = replace(spec, parent=str(await source.root()))
    parent = await source.stat(parse_ref(spec.parent))
    if parent.kind is not Kind.FOLDER:
        raise Problem(422, "not_a_folder", "Files can be put into folders only.")
    if (length or 0) > source.traits.max_size:
        raise Problem(413, "too_large", "The file is larger than this drive accepts.")
    if spec.convert and not source.traits.converts:
        raise not_offered()
    upload = await call.services.uploads.create(call.scope, metadata["drive"], spec, length, instruction(call).id)
    if upload.job is not None:
        call.services.jobs.wake(upload.job)
    return web.Response(
        status=201, headers=_tus(call, Location=f"/v1/uploads/{upload.id}", **{"Cache-Control": "no-store"})
    )


async def _find(call: Call) -> Upload:
    text = call.path("upload")
    if not is_id(text):
        raise not_found()
    try:
        return await call.services.uploads.get(call.scope, text)
    except NoUpload:
        raise not_found() from None


async def head_upload(call: Call) -> web.StreamResponse:
    """How many bytes are safe."""
    upload = await _find(call)
    extra = {"Upload-Length": str(upload.length)} if upload.length is not None else {"Upload-Defer-Length": "1"}
    return web.Response(
        headers=_tus(call, **{"Upload-Offset": str(upload.offset), "Cache-Control": "no-store"}, **extra)
    )


async def get_upload(call: Call) -> web.StreamResponse:
    """How far the upload is, and what became of it in the drive."""
    upload = await _find(call)
    state, item, problem = upload.state, None, None
    if upload.job is not None:
        state, item, problem = await call.services.upload_outcome(call.me, upload.job)
        if item is not None:  # it may have become the content of a file that was known
            call.services.freshness.changed(call.scope, upload.drive, [parse_ref(item)])
    return answer(
        UploadOut(
            id=upload.id,
            state=state,
            offset=upload.offset,
            length=upload.length,
            drive=upload.drive,
            job=upload.job,
            item=item,
            problem=ProblemOut(code=problem[0], advice=call.say(problem[1])) if problem else None,
        )
    )


async def _counted(call: Call, most: int) -> AsyncIterator[bytes]:
    """The body in pieces of at most 256 KiB, never more than fit. TimeoutError where the sender falls silent."""
    received, body = 0, call.request.content.iter_chunked(256 * 1024)
    while True:
        async with asyncio.timeout(SILENCE):
            chunk = await anext(body, b"")
        if not chunk:
            return
        received += len(chunk)
        if received > most:
            raise TooMuch
        yield chunk


async def patch_upload(call: Call) -> web.StreamResponse:
    """Add bytes at the offset that HEAD told. What arrives before a broken connection is kept."""
    check_version(call)
    if call.request.headers.get("Content-Type") != MEDIA:
        raise Problem(415, "wrong_media_type", f"Send {MEDIA}.")
    offset, length = _number(call, "Upload-Offset"), _number(call, "Upload-Length")
    if offset is None:
        raise Problem(400, "bad_length", "Send Upload-Offset.")
    upload = await _find(call)
    limit = call.services.settings.limits.upload_bytes
    if (length or 0) > limit:
        raise Problem(413, "too_large", "The file is larger than this gateway accepts.")
    whole = length if length is not None else upload.length
    most = (limit if whole is None else min(whole, limit)) - offset
    if (call.request.content_length or 0) > most and offset == upload.offset:
        raise Problem(413, "too_large", "These bytes go beyond the upload's length.")
    try:
        after = await call.services.uploads.append(call.scope, upload.id, offset, _counted(call, most), length)
    except WrongOffset as error:
        headers = _tus(call, **{"Upload-Offset": str(error.offset)})
        raise Problem(409, "wrong_offset", "Go on at the offset that HEAD tells.", headers=headers) from None
    except NoUpload:
        raise not_found() from None
    except UploadBusy:
        raise Problem(423, "locked", "The upload is complete, or another request is adding to it.") from None
    except TooMuch:
        raise Problem(413, "too_large", "These bytes go beyond the upload's length.") from None
    if after.job is not None:
        call.services.jobs.wake(after.job)
    return nothing(_tus(call, **{"Upload-Offset": str(after.offset)}))


async def delete_upload(call: Call) -> web.StreamResponse:
    """Give the upload up; what had arrived is destroyed."""
    check_version(call)
    upload = await _find(call)
    if upload.state != "receiving":
        raise Problem(409, "already_sent", "The upload is complete and on its way to the drive.")
    try:
        await call.services.uploads.cancel(call.scope, upload.id)
    except UploadBusy:
        raise Problem(423, "locked", "Another request is adding to it.") from None
    return nothing(_tus(call))


PATH = "/v1/uploads/{upload}"
ROUTES = (
    Route("OPTIONS", "/v1/uploads", tus_options, "public", "What tus speaks here", "uploads", status=204),
    Route(
        "POST", "/v1/uploads", create_upload, "upload.create", "Begin an upload", "uploads", status=201,
        headers=(
            RESUMABLE,
            Header("Upload-Length", "Bytes of the whole file.", schema={"type": "integer", "minimum": 0}),
            Header("Upload-Defer-Length", "1, where the length is not known yet."),
            Header("Upload-Metadata", "drive, parent, filename, filetype, modified, on_conflict; values in base64."),
        ),
        problems=(403, 409, 412, 415, 422, 502, 504),
    ),
    Route(
        "HEAD", PATH, head_upload, "upload.create", "How far the upload is", "uploads", media="none"
    ),
    Route("GET", PATH, get_upload, "upload.create", "What became of the upload", "uploads", answer=UploadOut),
    Route(
        "PATCH", PATH, patch_upload, "upload.create", "Add bytes", "uploads", status=204, raw_body=MEDIA,
        headers=(RESUMABLE, Header("Upload-Offset", "Where these bytes begin.", required=True,
                                   schema={"type": "integer", "minimum": 0})),
        problems=(409, 412, 415, 423, 408), told=False,
    ),
    Route(
        "DELETE", PATH, delete_upload, "upload.create", "Give the upload up", "uploads", status=204,
        headers=(RESUMABLE,), problems=(409, 412, 423),
    ),
)  # fmt: skip
