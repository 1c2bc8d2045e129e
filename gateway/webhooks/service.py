"""A school's address: set with its settings, its secrets sealed and shown once, each message covered by the ledger.

An administrator's setting is the instruction under which everything leaves; the ledger tells whose it was, the rows
know no person.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.model import Scope
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.db.tables_webhooks import webhook_messages, webhooks
from gateway.ids import new_id
from gateway.ledger import Event, Ledger
from gateway.policy import POLICY_VERSION
from gateway.suspended import suspended_schools
from gateway.webhooks import outbox
from gateway.webhooks.addresses import check
from gateway.webhooks.sending import Sender, Sent, Target
from gateway.webhooks.signing import new_secret

TABLE: Final = "webhooks"
OVERLAP: Final = 86_400_000
"""How long, in ms, the earlier secret is valid beside a new one."""
AFTER: Final = 60
"""Seconds that a job must last to be told of, where the school says nothing else."""


class NoWebhook(Exception):
    """The school has set no address."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An address to be told at of jobs that lasted ``after`` seconds; 0: of all."""

    url: str
    after: int = AFTER


@dataclass(frozen=True, slots=True)
class WebhookView:
    """The address and how it goes. Times in epoch ms; ``failure`` a code of `sending.FAILURES`; ``after`` in seconds.

    ``secrets``: how many are valid; ``waiting``: messages; ``given_up``: messages since the address was set.
    """

    url: str
    after: int
    secrets: int
    stopped: bool
    succeeded: int | None
    failed: int | None
    failure: str | None
    status: int | None
    waiting: int
    given_up: int


class Change:
    """A change of a school's address, made in the transaction of its settings; ``secret`` is then the first one."""

    def __init__(self, vault: Vault, school: str, wanted: Wanted | None) -> None:
        self.instruction = new_id()
        self.secret: str | None = None
        self._vault = vault
        self._school = school
        self._wanted = wanted

    async def make(self, tx: AsyncConnection) -> Mapping[str, Any]:
        """What the ledger is told of it. Of the address only where it leads: the rest may be a secret."""
        mine = webhooks.c.school == self._school
        row = (await tx.execute(select(webhooks).where(mine).with_for_update())).one_or_none()
        if self._wanted is None:
            await tx.execute(delete(webhook_messages).where(webhook_messages.c.school == self._school))
            await tx.execute(delete(webhooks).where(mine))
            return {"webhook": None}
        secrets = (await opened(self._vault, row))["secrets"] if row is not None else self._first()
        told = {"url": self._wanted.url, "secrets": secrets, "instruction": self.instruction}
        values: dict[str, Any] = {
            "told": await sealed(self._vault, self._school, told), "after": self._wanted.after * 1000, "stopped": 0,
            "succeeded": None, "failed": None, "failure": None, "status": None, "given_up": 0,
        }  # fmt: skip
        if row is None:
            await tx.execute(insert(webhooks).values(school=self._school, **values))
        else:
            await tx.execute(update(webhooks).where(mine).values(**values))
        return {"webhook": {"host": urlsplit(self._wanted.url).hostname, "after": self._wanted.after}}

    def _first(self) -> list[list[Any]]:
        self.secret = new_secret()
        return [[self.secret, None]]


class Webhooks:
    """The addresses of all schools."""

    def __init__(self, vault: Vault, database: Database, ledger: Ledger, sender: Sender) -> None:
        self._vault = vault
        self._database = database
        self._ledger = ledger
        self._sender = sender

    async def get(self, school: str) -> WebhookView | None:
        """The school's address and how it goes; None where it has none."""
        async with self._database.read() as tx:
            row = (await tx.execute(select(webhooks).where(webhooks.c.school == school))).one_or_none()
            if row is None:
                return None
            told, now = await opened(self._vault, row), await self._database.now(tx)
            waiting = await outbox.waiting(tx, school)
        return WebhookView(
            told["url"], row.after // 1000, len(valid(told, now)), bool(row.stopped), row.succeeded, row.failed,
            row.failure, row.status, waiting, row.given_up,
        )  # fmt: skip

    def change(self, school: str, wanted: Wanted | None) -> Change:
        """To be made with the school's settings. AddressRefused."""
        if wanted is not None:
            check(wanted.url, here=self._sender.here)
        return Change(self._vault, school, wanted)

    async def rotate(self, school: str, person: str) -> str:
        """A new secret, on ``person``'s word, shown this once; the one before stays valid for a day. NoWebhook."""
        async with self._database.write() as tx:
            row = await self._locked(tx, school)
            told, now = await opened(self._vault, row), await self._database.now(tx)
            fresh, before = new_secret(), told["secrets"][0]
            told["secrets"] = [[fresh, None], [before[0], now + OVERLAP]]
            box = await sealed(self._vault, school, told)
            await tx.execute(update(webhooks).where(webhooks.c.school == school).values(told=box))
            event = Event("school.webhook_secret", person, None, told["instruction"], POLICY_VERSION)
            await self._ledger.append(tx, school, event)
        return fresh

    async def test(self, school: str) -> Sent:
        """Send a message that says only that it is a test. NoWebhook."""
        message = outbox.message_id()
        async with self._database.write() as tx:
            row, now = await self._locked(tx, school), await self._database.now(tx)
            target = await self.cover(tx, row, message, now)
        return await self.attempt(
            school, target, message, outbox.body("test", now, {"school": school}), now, kept=False
        )

    async def deliver(self, school: str, now: int) -> Sent | None:
        """One attempt at what is due for a school at ``now``; None where nothing is."""
        async with self._database.write() as tx:
            mine = select(webhooks).where(webhooks.c.school == school)
            free = mine.where(webhooks.c.school.not_in(suspended_schools()))
            row = (await tx.execute(free.with_for_update(skip_locked=True))).one_or_none()
            if row is None:  # suspended, another process is at it, or it was left while the address was taken away
                if (await tx.execute(mine)).first() is None:
                    await outbox.drop(tx, school)
                return None
            message = await outbox.claim(tx, school, now)
            if message is None:
                return None
            target = await self.cover(tx, row, message.id, now)
        return await self.attempt(school, target, message.id, message.body, now, kept=True)

    async def cover(self, tx: AsyncConnection, row: Row[Any], message: str, now: int) -> Target:
        """Where and how it goes, once the ledger knows of it in this transaction: the last thing in it."""
        told = await opened(self._vault, row)
        event = Event("webhook.sent", None, None, told["instruction"], POLICY_VERSION, {"message": message})
        await self._ledger.append(tx, row.school, event)
        return Target(told["url"], valid(told, now), told["instruction"])

    async def attempt(self, school: str, target: Target, message: str, body: str, now: int, *, kept: bool) -> Sent:
        """Send, and write down what came of it. ``kept``: the message waits in the outbox."""
        sent = await self._sender.send(target, message, now // 1000, body)
        async with self._database.write() as tx:
            if sent.code is None:
                await outbox.went(tx, school, message if kept else None, now)
            else:
                await outbox.failed(tx, school, now, sent.code, sent.status, gone=sent.gone)
        return sent

    async def _locked(self, tx: AsyncConnection, school: str) -> Row[Any]:
        row = (await tx.execute(select(webhooks).where(webhooks.c.school == school).with_for_update())).one_or_none()
        if row is None:
            raise NoWebhook
        return row


async def opened(vault: Vault, row: Row[Any]) -> dict[str, Any]:
    """What the row's seal holds: 'url', 'secrets' (each with the time of its end), 'instruction'."""
    fields = await vault.fields(Scope(row.school, None))
    told: dict[str, Any] = json.loads(fields.text(TABLE, "told", row.school, row.told))
    return told


async def sealed(vault: Vault, school: str, told: Mapping[str, Any]) -> bytes:
    """The opposite of `opened`."""
    fields = await vault.fields(Scope(school, None))
    return fields.seal(TABLE, "told", school, json.dumps(told))


def valid(told: Mapping[str, Any], now: int) -> list[str]:
    """The secrets that messages are signed with, the newest first."""
    return [secret for secret, until in told["secrets"] if until is None or until > now]
