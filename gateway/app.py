"""The composition root: settings → database → vault → drives → services → routes, passed down, with no globals.

Whatever could hurt people's data refuses the start here, with a sentence that says what to do.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from cache.encoding import enc
from cache.errors import Stale, StorageError
from cache.keys import hkdf
from cache.vault import Scope
from gateway import connections
from gateway.addresses import is_on_this_machine
from gateway.api.accesses import Accesses
from gateway.api.application import build
from gateway.api.decisions import Decisions
from gateway.api.idempotency import Idempotency
from gateway.api.paging import Cursors
from gateway.api.server import Runner
from gateway.api.services import Services
from gateway.books import Books
from gateway.containment import Containments
from gateway.db.engine import Database, DatabaseInUse
from gateway.db.migrate import DatabaseTooNew
from gateway.drives import Drives
from gateway.erasure.journal import Journal, JournalRefused
from gateway.erasure.mark import Mark
from gateway.erasure.model import Asked
from gateway.erasure.outside import AccountsOutside
from gateway.erasure.restoring import Replays, Restorer
from gateway.erasure.sessions import OpenSessions
from gateway.erasure.suspending import Noted
from gateway.erasure.things import Things
from gateway.erasure.voiding import after_a_restore, by_an_earlier_clock
from gateway.files.cached import CachedFiles
from gateway.files.fills import Fills
from gateway.files.following import Following
from gateway.files.freshness import Freshness
from gateway.files.opening import CachePolicy, Opener
from gateway.files.uploads import Uploads
from gateway.forgetting import forgetting
from gateway.holds import KIND as HOLD
from gateway.holds import Handing as HeldOut
from gateway.holds import Holds
from gateway.identity import Accounts, ClientTokens, People, Provider, Schools, Sessions, SignIn
from gateway.identity.schools import Elsewhere
from gateway.ids import new_id
from gateway.incidents import Affected, Detection, Incidents, Thresholds, Watcher
from gateway.jobs.endings import Endings
from gateway.jobs.service import Jobs
from gateway.jobs.worker import Worker
from gateway.keys import KeyCycles
from gateway.lawful import KIND as LAWFUL
from gateway.lawful import Handing, LawfulRequests
from gateway.lawful import after_a_restore as requests_after_a_restore
from gateway.lease import Lease
from gateway.ledger import Ends, Ledger, Words
from gateway.ledger.checkpoints import Checkpoints
from gateway.ledger.export import Exporter
from gateway.ledger.keeping import Keeping
from gateway.ledger.reading import Reading
from gateway.operations import Operations
from gateway.policy import POLICY_VERSION
from gateway.residency import Attesting, missing, statement
from gateway.restored import telling
from gateway.rights import rights
from gateway.safety import UnsafeSettings, serving
from gateway.schools import Retentions, SchoolChoices, by_media_type, usual
from gateway.settings import Settings
from gateway.signing import SigningKeys
from gateway.stores import StartRefused, Stores, journal_path, opened
from gateway.sweeper import Sweeper
from gateway.sweeps import meanwhile, own_sweeps, sweeps
from gateway.transfers import Transfers
from gateway.transfers.proofs import Proofs
from gateway.transfers.standing import standing
from gateway.webhooks import Deliveries, Sender, Webhooks
from providers.http import Outbound, Turns

log = structlog.get_logger()

LET_GO = 0.5
"""Seconds that an erasure waits for running items to let go of their upload sessions: keys must die soon."""


ABANDONED = 120_000
"""Milliseconds after which a request of another process that has not answered is taken for dead."""


@dataclass(frozen=True)
class Deployment:
    """Everything put together: what routes use, and what runs in the background."""

    services: Services
    worker: Worker
    sweeper: Sweeper
    own: Sweeper
    keys: Sweeper
    deliveries: Deliveries


async def run(settings: Settings, *, api: bool, work: bool) -> None:
    """Serve and work until SIGINT or SIGTERM. StartRefused, UnsafeSettings."""
    if problems := [*(serving(settings) if api else ()), *missing(settings)]:
        raise UnsafeSettings(problems)
    if not api and settings.database_url.get_secret_value().startswith("sqlite"):
        raise StartRefused(
            "a SQLite database belongs to one process, which does the work itself. "
            "Use PostgreSQL (FILE_ACCESS_DATABASE_URL) to run workers beside it"
        )
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with deployment(settings) as made, AsyncExitStack() as stack:
        if work:
            await made.worker.start()
            stack.push_async_callback(made.worker.stop)
            for sweeper in (made.sweeper, made.own, made.keys):
                await sweeper.start()
                stack.push_async_callback(sweeper.close)
            await made.deliveries.start()
            stack.push_async_callback(made.deliveries.close)
        _spare_the_collector()
        if api:
            port = await stack.enter_async_context(_serve(settings, made.services))
            print(f"ready {settings.public_url}", flush=True)  # noqa: T201  # what starts us waits for this line
            log.info("serving", port=port)
        else:
            print("ready to work", flush=True)  # noqa: T201  # the same for a worker alone
        await ended.wait()


def _spare_the_collector() -> None:
    """What stands now stays, and requests leave hardly a cycle: looking for them took a fifth of the processor time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


@asynccontextmanager
async def _serve(settings: Settings, services: Services) -> AsyncIterator[int]:
    runner = Runner(build(services))
    await runner.setup()
    try:
        context = None
        if settings.tls_cert and settings.tls_key:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            try:
                await asyncio.to_thread(context.load_cert_chain, settings.tls_cert, settings.tls_key)
            except OSError as error:  # ssl.SSLError is one
                raise StartRefused(f"the certificate and its key cannot be used: {error.strerror}") from None
        try:
            await web.TCPSite(runner, settings.host, settings.port, ssl_context=context).start()
        except OSError as error:
            raise StartRefused(f"cannot listen on port {settings.port}: {error.strerror}") from None
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def deployment(settings: Settings) -> AsyncIterator[Deployment]:
    """Open every store in order, check that they fit together, put the services on top. StartRefused."""
    try:
        made, stack = await _composed(settings)
        async with stack:
            yield made
    except (DatabaseInUse, DatabaseTooNew, Elsewhere, JournalRefused, StorageError) as error:
        raise StartRefused(str(error)) from error


async def _composed(settings: Settings) -> tuple[Deployment, AsyncExitStack]:
    """What `_compose` makes, and what ends it. A machine that stood still for a second is no reason not to start."""
    for last in (False, False, True):
        async with AsyncExitStack() as stack:
            try:
                made = await _compose(settings, stack)
            except Stale:
                if last:
                    raise
                continue
            return made, stack.pop_all()
    raise AssertionError("the last try returns or raises")


async def _compose(settings: Settings, stack: AsyncExitStack) -> Deployment:
    cafile = os.environ.get("SSL_CERT_FILE")
    stores = await opened(settings, cafile, stack)
    turns = Turns()
    outbound = Outbound(
        connections.roots(settings), cafile=cafile, streams=settings.limits.streams, turns=turns, recorded=True
    )  # fmt: skip
    await outbound.start()
    stack.push_async_callback(outbound.close)
    sender = Sender(here=is_on_this_machine(settings.public_url), cafile=cafile)
    services = await _services(settings, stores, outbound, sender, turns)
    await services.restorer.start(
        _replays(services), [after_a_restore, requests_after_a_restore, telling(services.ledger)]
    )
    stack.push_async_callback(services.restorer.close)
    await services.schools.start(settings.identity_providers)
    said = statement(settings, stores.regions)
    attesting = Attesting(stores.database, stores.vault, services.ledger, services.schools.ids, said)
    await attesting.sweep()
    await services.operations.started(settings)
    stack.push_async_callback(services.operations.stopped)
    await services.eraser.start()
    stack.push_async_callback(services.eraser.close)
    await services.rights.retentions.refresh()
    watcher = Watcher(stores.vault, services.detection)
    await watcher.start()
    stack.push_async_callback(watcher.close)
    stack.push_async_callback(services.fills.stop)
    await services.decisions.start()
    stack.push_async_callback(services.decisions.close)
    executors = standing(services.transfers.executors(), Words(services.ledger))
    told, slots = Endings(services.ledger).tell, min(settings.limits.streams, 64)
    worker = Worker(services.jobs, executors, slots=slots, tell=told)
    clock, settle = stores.database.clock, partial(_time_went_back, stores.database)
    sweeper = Sweeper(
        sweeps(services), clock, settle, Lease(stores.database, "sweep"), meanwhile=meanwhile(services)
    )  # fmt: skip
    own = Sweeper({**own_sweeps(services), "attested": lambda _: attesting.sweep()}, clock, settle)
    keys = Sweeper({"keys": KeyCycles(stores.cycles, services.ledger, stores.database).tend}, clock, settle)
    deliveries = Deliveries(services.webhooks, stores.database)
    return Deployment(services, worker, sweeper, own, keys, deliveries)


async def _services(
    settings: Settings, stores: Stores, outbound: Outbound, sender: Sender, turns: Turns
) -> Services:  # fmt: skip
    vault, database = stores.vault, stores.database
    signing, schools = SigningKeys(vault, database), Schools(vault, database)
    await signing.start()
    offered = connections.consents(settings, outbound)
    ends = Ends.of(signing.journal_key)
    ledger = Ledger(vault, database, ends)

    choices = SchoolChoices(vault, database, ledger, usual(settings))
    retentions = Retentions(choices)
    kept = retentions.ledger_life
    checkpoints, reading = Checkpoints(ledger, database, ends, signing, kept), Reading(ledger, database)
    lawful = LawfulRequests(vault, database, ledger, kept)
    restorer = _restorer(settings, database, signing)

    async def forget(scope: Scope) -> None:
        """What a school's retention ends."""
        await forgotten.eraser.begin(scope, Asked())

    holds = Holds(vault, database, ledger, restorer, kept)
    given = rights(vault, database, ledger, retentions, restorer, forget)
    books = Books(vault)
    containments = Containments(vault, database, ledger, books, Noted(restorer))
    people = People(vault, database, given.corrections.over)
    incidents = Incidents(database, ledger, books)
    detection = Detection(database, incidents, thresholds(settings))
    limits = settings.session
    sessions = Sessions(database, people, schools, idle=limits.idle_seconds, absolute=limits.absolute_seconds)
    accounts = Accounts(
        vault=vault, database=database, people=people, ledger=ledger, consents=offered,
        redirect_uri=f"{settings.public_url}/connect/callback", limit=settings.limits.connections,
        journal=Noted(restorer),
    )  # fmt: skip
    made = connections.makers(settings, outbound, accounts, offered)
    native = connections.native_maker(settings, vault, database, retentions.known)
    drives = Drives(native, made, accounts, ledger, before_native=retentions.refresh)
    jobs = Jobs(database, vault, people.require_active)

    async def formats(school: str) -> Mapping[str, str]:
        """What the school wants its documents to be read as."""
        return by_media_type(await choices.exports(school))

    transfers = Transfers(
        jobs, drives, vault, policy_version=POLICY_VERSION, most=settings.limits.jobs, defaults=formats
    )  # fmt: skip
    cached, fills = CachedFiles(vault, database), Fills(vault, settings.limits.streams)
    following, policy = Following(database, cached, fills, Freshness()), CachePolicy(retentions.cache_life)
    outside = AccountsOutside(accounts, offered, ledger, OpenSessions(vault, database, outbound))

    async def stop(scope: Scope) -> None:
        """Nothing of a person who is being forgotten goes on in this process."""
        assert scope.subject is not None
        async with database.write() as tx:
            stopped = await jobs.cancel_all(tx, scope.tenant, scope.subject)
        for job in stopped:
            jobs.wake(job)
        # Who holds an upload session gives it back; those that are left then are given back by their addresses.
        await jobs.quiet(scope.tenant, scope.subject, LET_GO)
        await fills.stop(scope.subject)
        drives.forget_person(scope)
        following.freshness.forget(scope.subject)
        await given.guardians.forgotten(scope)

    uploads = Uploads(vault, database, transfers.send_on, people.require_active)
    forgotten = forgetting(
        vault=vault, database=database, ledger=ledger, signing=signing, people=people, schools=schools,
        outside=outside, stop=stop, dead_by=vault.dead_by, restorer=restorer,
        acts={LAWFUL: lawful.approved, HOLD: holds.approved}, delay=choices.delay, holds=holds, checkpoints=checkpoints,
        things=Things(vault, database, cached, following, uploads, jobs, fills.stop),
    )  # fmt: skip
    return Services(
        settings=settings,
        regions=stores.regions,
        public_origin=_origin(settings.public_url),
        vault=vault,
        database=database,
        cycles=stores.cycles,
        ledger=ledger,
        operations=Operations(ledger, database, ends, hkdf(signing.journal_key, enc("settings", 1))),
        keeping=Keeping(checkpoints, database, found=detection.broke),
        reading=reading,
        exporter=Exporter(vault, database, checkpoints, ends),
        proofs=Proofs(jobs, ledger),
        lawful=lawful,
        handing=Handing(people, accounts, reading),
        holds=holds,
        held_out=HeldOut(vault, database),
        schools=schools,
        people=people,
        sessions=sessions,
        sign_in=SignIn(
            providers=[Provider(one, outbound) for one in settings.identity_providers],
            redirect_uri=f"{settings.public_url}/signin/callback",
            database=database, schools=schools, people=people, sessions=sessions, ledger=ledger,
            arrived=given.guardians.arrived,
        ),
        client_tokens=ClientTokens(
            database, people, schools, ledger, extensions=settings.extension_ids, life=limits.extension_seconds,
            stolen=detection.stolen,
        ),
        accounts=accounts,
        drives=drives,
        cached=cached,
        fills=fills,
        following=following,
        opener=Opener(
            vault, database, cached, fills, policy, people.require_active, following, choices.formats
        ),
        uploads=uploads,
        jobs=jobs,
        transfers=transfers,
        eraser=forgotten.eraser,
        approvals=forgotten.approvals,
        restorer=forgotten.restorer,
        plans=forgotten.plans,
        looking=forgotten.looking,
        orders=forgotten.orders,
        outside=outside,
        signing=signing,
        cursors=Cursors(hkdf(signing.journal_key, enc("cursors", 1))),
        idempotency=Idempotency(
            vault, database, new_id(), people.require_entry,
            abandoned=0 if database.dialect == "sqlite" else ABANDONED,
        ),
        decisions=Decisions(ledger),
        accesses=Accesses(ledger, database),
        school_choices=choices,
        rights=given,
        webhooks=Webhooks(vault, database, ledger, sender),
        containments=containments,
        incidents=incidents,
        detection=detection,
        affected=Affected(vault, database),
        turns=turns,
    )  # fmt: skip


def thresholds(settings: Settings) -> Thresholds:
    """When what is seen becomes an incident."""
    chosen = settings.incidents
    return Thresholds(chosen.failed_tags, chosen.burst_seconds * 1000, chosen.window_seconds * 1000)


def _restorer(settings: Settings, database: Database, signing: SigningKeys) -> Restorer:
    journal = Journal(journal_path(settings), signing.journal_key)
    return Restorer(journal, Mark(journal.folder, signing.journal_key), database)


def _replays(services: Services) -> Replays:
    """What the journal's entries make so, whoever wrote them."""
    return {
        **services.eraser.replays,
        "guardian_ended": services.rights.guardians.replay,
        "corrected": services.rights.corrections.replay,
        "hold": services.holds.opening.replay,
        "suspended": services.containments.suspended,
        "resumed": services.containments.resumed,
        "disconnected": services.accounts.disconnected,
    }


async def _time_went_back(database: Database) -> None:
    """What nobody may read again ends, before the earlier clock is believed."""
    async with database.write() as tx:
        await by_an_earlier_clock(tx, database.clock.doubted)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
