"""What the routes are given: the services of one deployment, put together by `gateway.app` and passed down."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

from cache.cycle import Cycles
from cache.vault import Vault
from gateway.api.accesses import Accesses
from gateway.api.arrivals import Arrivals
from gateway.api.decisions import Decisions
from gateway.api.idempotency import Idempotency
from gateway.api.paging import Cursors
from gateway.approvals import Approvals
from gateway.containment import Containments
from gateway.db.engine import Database
from gateway.drives import Drives
from gateway.erasure.eraser import Eraser
from gateway.erasure.looking import Looking
from gateway.erasure.ordering import Orders
from gateway.erasure.outside import AccountsOutside
from gateway.erasure.plans import Plans
from gateway.erasure.restoring import Restorer
from gateway.files.cached import CachedFiles
from gateway.files.fills import Fills
from gateway.files.following import Following
from gateway.files.freshness import Freshness
from gateway.files.opening import Opener
from gateway.files.uploads import Uploads
from gateway.holds import Handing as HeldOut
from gateway.holds import Holds
from gateway.identity.accounts import Accounts
from gateway.identity.client_tokens import ClientTokens
from gateway.identity.people import People
from gateway.identity.schools import School, Schools
from gateway.identity.sessions import Sessions
from gateway.identity.sign_in import SignIn
from gateway.incidents import Affected, Detection, Incidents
from gateway.inventory.facts import Facts, facts
from gateway.jobs.model import ItemState, JobState
from gateway.jobs.service import Jobs
from gateway.lawful import Handing, LawfulRequests
from gateway.ledger import Ledger
from gateway.ledger.export import Exporter
from gateway.ledger.keeping import Keeping
from gateway.ledger.reading import Reading
from gateway.operations import Operations
from gateway.policy import Principal
from gateway.rights import Rights
from gateway.schools import SchoolChoices
from gateway.settings import Settings
from gateway.signing import SigningKeys
from gateway.transfers import Transfers
from gateway.transfers.proofs import Proofs
from gateway.webhooks import Webhooks
from providers.http import Turns


@dataclass(frozen=True)
class Services:
    """Everything a route may use. No globals: a test makes its own."""

    settings: Settings
    regions: Mapping[str, str]
    public_origin: str
    vault: Vault
    database: Database
    cycles: Cycles
    ledger: Ledger
    operations: Operations
    keeping: Keeping
    reading: Reading
    exporter: Exporter
    proofs: Proofs
    approvals: Approvals
    holds: Holds
    held_out: HeldOut
    lawful: LawfulRequests
    handing: Handing
    schools: Schools
    people: People
    sessions: Sessions
    sign_in: SignIn
    client_tokens: ClientTokens
    accounts: Accounts
    drives: Drives
    cached: CachedFiles
    fills: Fills
    following: Following
    opener: Opener
    uploads: Uploads
    jobs: Jobs
    transfers: Transfers
    eraser: Eraser
    restorer: Restorer
    plans: Plans
    looking: Looking
    orders: Orders
    outside: AccountsOutside
    signing: SigningKeys
    cursors: Cursors
    idempotency: Idempotency
    decisions: Decisions
    accesses: Accesses
    school_choices: SchoolChoices
    rights: Rights
    webhooks: Webhooks
    containments: Containments
    incidents: Incidents
    detection: Detection
    affected: Affected
    turns: Turns

    @property
    def freshness(self) -> Freshness:
        """What drives said within the last seconds."""
        return self.following.freshness

    @functools.cached_property
    def facts(self) -> Facts:
        """What the privacy page and the records say of this deployment."""
        return facts(self.settings, self.regions)

    @functools.cached_property
    def arrivals(self) -> Arrivals:
        """How often an address came, for what writes before anybody is known."""
        return Arrivals(self.settings.limits.sign_ins_per_minute, behind_proxy=self.settings.behind_proxy)

    @property
    def secure(self) -> bool:
        """Whether browsers reach us by TLS."""
        return self.public_origin.startswith("https://")

    @property
    def cookie_name(self) -> str:
        """The session's cookie; by TLS with the prefix that binds it to this host."""
        return "__Host-session" if self.secure else "session"

    def ways_in(self) -> list[tuple[School, str]]:
        """The schools whose people may sign in, each with its provider's issuer."""
        found = [
            (self.schools.find(provider.issuer, claim), provider.issuer)
            for provider in self.settings.identity_providers
            for claim in provider.schools
        ]
        return [(school, issuer) for school, issuer in found if school is not None]

    async def upload_outcome(self, me: Principal, job: str) -> tuple[str, str | None, tuple[str, str] | None]:
        """What became of an upload's job: state, the item's id, (reason, advice) where it failed."""
        view = await self.jobs.get(me.school, me.person, job)
        if view is None:
            return "done", None, None
        found, _ = await self.jobs.items(me.school, me.person, job)
        one = found[0] if found else None
        if one is None or one.state in (ItemState.READY, ItemState.RUNNING, ItemState.BLOCKED):
            return ("sending" if view.state is not JobState.CANCELLED else "failed"), None, None
        if one.state is ItemState.COPIED:
            return "done", one.destination[1] if one.destination else None, None
        return "failed", None, (one.reason or "failed", one.advice or "Try again.")
