"""What ends by itself, by kind: every store's own sweep, at the life that each school has chosen."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.api.services import Services
from gateway.holds import KIND as HOLD
from gateway.lawful import KIND as LAWFUL
from gateway.operations import replace_keys
from gateway.schools import DAY
from gateway.sweeper import Sweep
from providers.native import Trimmer, empty, tidy

CHAINS = 50
"""Chains of the ledger that one round of sweeping looks after."""


def own_sweeps(services: Services) -> Mapping[str, Sweep]:
    """What is this process's own, or its machine's: swept in each."""
    return {"known": lambda _: services.freshness.sweep(), "here": lambda _: services.vault.sweep_own()}


def meanwhile(services: Services) -> Mapping[str, Sweep]:
    """What goes on while the clock is doubted: it ends nothing because its time has come."""
    return {
        "approvals": lambda limit: services.approvals.at_once((HOLD, LAWFUL), limit),
        "containments": services.containments.sweep,
        "holds": services.holds.opening.go_on,
    }


def sweeps(services: Services) -> Mapping[str, Sweep]:
    """What lies in the database and the blob store: swept by one process at a time."""
    holds = services.rights.retentions
    usual, trimmer = holds.usual, Trimmer(services.vault, services.database)

    async def shorten(limit: int) -> int:
        return await services.cached.shorten(await holds.lowered(await services.database.now()), limit)

    async def jobs(limit: int) -> int:
        return await services.jobs.sweep(limit, usual.history_days * DAY, await holds.lives("history_days"))

    async def trash(limit: int) -> int:
        lives = await holds.lives("trash_days")
        return await empty(services.vault, services.database, usual.trash_days * DAY, limit, lives)

    async def versions(limit: int) -> int:
        return await trimmer.step(usual.versions, await holds.differing("versions"), limit)

    return {
        **services.vault.sweeps,
        "cached": services.cached.sweep,
        "uploads": services.uploads.sweep,
        "answers": services.idempotency.sweep,
        "sessions": services.sessions.sweep,
        "sign_ins": services.sign_in.sweep,
        "consents": services.accounts.sweep,
        "approvals": services.approvals.sweep,
        "receipts": services.eraser.receipts.sweep,
        "tokens": services.client_tokens.sweep,
        "jobs": jobs,
        "shortened": shorten,
        "versions": versions,
        **services.rights.sweeps(lambda: [school.id for school, _ in services.ways_in()]),
        "containments": services.containments.sweep,
        "detections": services.detection.sweep,
        "lawful": services.lawful.sweep,
        "holds": services.holds.opening.sweep,
        "signing": lambda _: replace_keys(services.signing, services.ledger, services.database),
        "ledger": lambda _: services.keeping.sweep(CHAINS),
        "native": lambda limit: tidy(services.vault, services.database, limit),
        "trash": trash,
    }
