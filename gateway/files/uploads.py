"""Uploads that arrive from a browser: an ordered list of sealed parts until a job has sent them on to a drive.

An offset is acknowledged only when its part is finished, on disk and in the database, so what a person was told is
safe is safe, also after kill -9. The parts are the only copy: they are wrapped under the person's key alone. They end
a day after the upload began, and once it is complete a day from then, which is the time there is to send it on.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import BigInteger, String, delete, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.database import Transactions
from cache.vault import Life, Scope, Vault, Writer
from gateway.db.tables_files import upload_parts, uploads
from gateway.files.opening import RequireActive
from gateway.ids import new_id

PART = 8 * 1024 * 1024
"""Bytes of a part at most: what a lost connection can cost."""
LIFE = 24 * 3_600_000
SLACK = 3_600_000
"""What an upload may have taken, ms, before its end is put off: most are quicker, and nothing is rewritten for them."""
TABLE = "uploads"


class UploadBusy(Exception):
    """Another request is adding to this upload, or it is complete already."""


class WrongOffset(Exception):
    """The caller's offset is not ours. ``.offset`` is ours, in bytes."""

    def __init__(self, offset: int) -> None:
        super().__init__("wrong offset")
        self.offset = offset


class TooMuch(Exception):
    """More bytes than the upload's length."""


class NoUpload(Exception):
    """No such upload of this person."""


@dataclass(frozen=True, slots=True)
class UploadSpec:
    """Where an upload goes: ``parent`` is the folder's item id, ``modified`` ISO 8601 or None for now.

    ``convert``: it becomes a document of the drive's own kind, where the drive can.
    """

    parent: str
    name: str
    media_type: str
    modified: str | None
    on_conflict: str
    convert: bool = False


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload's state; ``offset`` bytes are safe of ``length`` (None: not announced yet)."""

    id: str
    school: str
    person: str
    drive: str
    instruction: str
    spec: UploadSpec
    length: int | None
    offset: int
    state: str
    job: str | None
    ends: int


@dataclass(frozen=True, slots=True)
class Part:
    """One sealed part: the vault's object id and its bytes."""

    object: str
    size: int


SendOn = Callable[[AsyncConnection, Upload, list[Part]], Awaitable[str]]
"""Makes, in the caller's transaction, the job that sends a complete upload to its drive; gives the job's id."""


class Uploads:
    """The uploads of one deployment, always asked for one person."""

    def __init__(
        self, vault: Vault, database: Transactions, send_on: SendOn, require_active: RequireActive
    ) -> None:  # fmt: skip
        self._vault = vault
        self._database = database
        self._send_on = send_on
        self._require_active = require_active
        self._busy: set[str] = set()

    async def create(self, scope: Scope, drive: str, spec: UploadSpec, length: int | None, instruction: str) -> Upload:
        """A new upload. With ``length`` 0 it is complete at once."""
        now = await self._database.now()
        fields = await self._vault.fields(scope)
        row = new_id()
        values = {
            "id": row,
            "school": scope.tenant,
            "person": scope.subject,
            "drive": drive,
            "instruction": instruction,
            "spec": fields.seal(TABLE, "spec", row, json.dumps(_plain(spec))),
            "length": length,
            "offset": 0,
            "state": "receiving",
            "created": now,
            "ends": now + LIFE,
        }
        async with self._database.write() as tx:
            await self._require_active(tx, scope.subject or "")
            await tx.execute(insert(uploads).values(values))
            if length == 0:
                await self._complete(tx, scope, row)
        return await self.get(scope, row)

    async def get(self, scope: Scope, upload: str) -> Upload:
        """The upload now. NoUpload."""
        async with self._database.read() as tx:
            return await self._get(tx, scope, upload)

    async def _get(self, tx: AsyncConnection, scope: Scope, upload: str) -> Upload:
        mine = (uploads.c.id == upload) & (uploads.c.person == scope.subject)
        row = (await tx.execute(select(uploads).where(mine))).mappings().one_or_none()
        if row is None:
            raise NoUpload
        fields = await self._vault.fields(scope)
        return _upload(row, json.loads(fields.text(TABLE, "spec", row["id"], row["spec"])))

    async def append(
        self, scope: Scope, upload: str, offset: int, body: AsyncIterator[bytes], length: int | None = None
    ) -> Upload:
        """Add ``body`` at ``offset``; ``length`` announces the whole where it was deferred.

        What has arrived when the connection breaks is kept. WrongOffset, UploadBusy, TooMuch, NoUpload.
        """
        if upload in self._busy:
            raise UploadBusy
        self._busy.add(upload)
        try:
            now = await self.get(scope, upload)
            if now.state != "receiving":
                raise UploadBusy
            if now.offset != offset:
                raise WrongOffset(now.offset)
            if length is not None:
                await self._announce(scope, now, length)
                now = replace(now, length=length)
            await self._receive(scope, now, body)  # from the offset that was checked: another process may have gone on
            return await self.get(scope, upload)
        finally:
            self._busy.discard(upload)

    async def _announce(self, scope: Scope, upload: Upload, length: int) -> None:
        if upload.length not in (None, length) or length < upload.offset:
            raise TooMuch
        async with self._database.write() as tx:
            await tx.execute(update(uploads).where(uploads.c.id == upload.id).values(length=length))
            if length == upload.offset:
                await self._complete(tx, scope, upload.id)

    async def _receive(self, scope: Scope, upload: Upload, body: AsyncIterator[bytes]) -> None:
        source = _Pieces(body)
        at = upload.offset
        while not source.ended:
            if upload.ends <= await self._database.now():
                raise NoUpload
            async with self._vault.put(scope, Life.PART, upload.ends) as writer:
                broken = await _fill_part(writer, source)
                if writer.written:
                    if upload.length is not None and at + writer.written > upload.length:
                        raise TooMuch
                    await writer.finish()
                    await self._keep(scope, upload, at, writer)
                    at += writer.written
            if broken is not None:
                raise broken

    async def _keep(self, scope: Scope, upload: Upload, at: int, writer: Writer) -> None:
        """The part's row and the new offset, in one transaction that fails where another process was quicker."""
        mine = (uploads.c.id == upload.id) & (uploads.c.offset == at) & (uploads.c.state == "receiving")
        async with self._database.write() as tx:
            await self._require_active(tx, scope.subject or "")
            done = await tx.execute(update(uploads).where(mine).values(offset=at + writer.written))
            if done.rowcount != 1:
                raise UploadBusy
            sealed = await writer.commit(tx)
            await tx.execute(
                insert(upload_parts).from_select(
                    ["upload", "seq", "object", "size"],
                    select(uploads.c.id, _next_seq(upload.id), _text(sealed.id), _number(sealed.size)).where(
                        uploads.c.id == upload.id
                    ),
                )
            )
            if upload.length == at + writer.written:
                await self._complete(tx, scope, upload.id)

    async def _complete(self, tx: AsyncConnection, scope: Scope, upload: str) -> None:
        whole = await self._get(tx, scope, upload)
        rows = await tx.execute(
            select(upload_parts.c.object, upload_parts.c.size)
            .where(upload_parts.c.upload == upload)
            .order_by(upload_parts.c.seq)
        )
        parts = [Part(row.object, row.size) for row in rows]
        now, ends = await self._database.now(tx), whole.ends
        if ends - now < LIFE - SLACK:
            ends = now + LIFE
            await self._vault.put_off(tx, scope, [part.object for part in parts], ends)
        job = await self._send_on(tx, whole, parts)
        await tx.execute(update(uploads).where(uploads.c.id == upload).values(state="sending", job=job, ends=ends))

    async def cancel(self, scope: Scope, upload: str) -> None:
        """Give an upload up and destroy its parts.

        NoUpload; UploadBusy where a request is adding to it, or it is complete: its parts belong to a job by then.
        """
        if upload in self._busy:
            raise UploadBusy
        mine = (uploads.c.id == upload) & (uploads.c.state == "receiving")
        async with self._database.write() as tx:
            await self._get(tx, scope, upload)
            if (await tx.execute(update(uploads).where(mine).values(state="receiving"))).rowcount != 1:
                raise UploadBusy
            await self._discard(tx, scope, [upload])

    async def destroy(self, tx: AsyncConnection, scope: Scope) -> int:
        """Everything the person was uploading. How many uploads."""
        ids = (await tx.execute(select(uploads.c.id).where(uploads.c.person == scope.subject))).scalars().all()
        await self._discard(tx, scope, list(ids))
        return len(ids)

    async def drop(self, tx: AsyncConnection, scope: Scope, ids: Sequence[str]) -> None:
        """Destroy uploads with their parts, whatever they are doing: no job may have them any more."""
        mine = select(uploads.c.id).where(uploads.c.person == scope.subject, uploads.c.id.in_(ids))
        await self._discard(tx, scope, list((await tx.execute(mine)).scalars()))

    async def sweep(self, limit: int) -> int:
        """Give up uploads whose end has passed."""
        now = await self._database.now()
        async with self._database.write() as tx:
            rows = (
                await tx.execute(
                    select(uploads.c.id, uploads.c.school, uploads.c.person).where(uploads.c.ends <= now).limit(limit)
                )
            ).all()
            for row in rows:
                await self._discard(tx, Scope(row.school, row.person), [row.id])
        return len(rows)

    async def _discard(self, tx: AsyncConnection, scope: Scope, ids: list[str]) -> None:
        parts = await tx.execute(select(upload_parts.c.object).where(upload_parts.c.upload.in_(ids)))
        objects = list(parts.scalars().all())
        if objects:
            await self._vault.destroy(tx, scope, objects)
        await tx.execute(delete(upload_parts).where(upload_parts.c.upload.in_(ids)))
        await tx.execute(delete(uploads).where(uploads.c.id.in_(ids)))


class _Pieces:
    """A body that is cut into parts: remembers what was left over and whether it has ended."""

    def __init__(self, body: AsyncIterator[bytes]) -> None:
        self._body = body
        self._rest = b""
        self.ended = False

    async def take(self, most: int) -> bytes:
        """Up to ``most`` bytes, empty at the end."""
        if not self._rest:
            try:
                self._rest = await anext(self._body)
            except StopAsyncIteration:
                self.ended = True
                return b""
        piece, self._rest = self._rest[:most], self._rest[most:]
        return piece


async def _fill_part(writer: Writer, source: _Pieces) -> Exception | None:
    """One part's bytes. What broke the connection, if anything: what had arrived is kept all the same."""
    while writer.written < PART:
        try:
            piece = await source.take(PART - writer.written)
        except (ConnectionError, TimeoutError, OSError) as error:
            source.ended = True
            return error
        if source.ended:
            break
        await writer.write(piece)
    return None


def _next_seq(upload: str) -> Any:
    parts = upload_parts.alias()
    return select(func.coalesce(func.max(parts.c.seq), -1) + 1).where(parts.c.upload == upload).scalar_subquery()


def _text(value: str) -> Any:
    return literal(value, String(32))


def _number(value: int) -> Any:
    return literal(value, BigInteger)


def _plain(spec: UploadSpec) -> dict[str, str | bool | None]:
    return {
        "parent": spec.parent,
        "name": spec.name,
        "media_type": spec.media_type,
        "modified": spec.modified,
        "on_conflict": spec.on_conflict,
        "convert": spec.convert,
    }


def _upload(row: Mapping[Any, Any], spec: Mapping[str, Any]) -> Upload:
    return Upload(
        id=row["id"],
        school=row["school"],
        person=row["person"],
        drive=row["drive"],
        instruction=row["instruction"],
        spec=UploadSpec(**spec),
        length=row["length"],
        offset=row["offset"],
        state=row["state"],
        job=row["job"],
        ends=row["ends"],
    )
