"""Moves and copies as durable jobs: order one, follow it, cancel it, read its report."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.api import reports
from gateway.api.events import Event, stream
from gateway.api.items import instruction, parse_ref
from gateway.api.paging import link_next
from gateway.api.presence import Presence
from gateway.api.problems import Problem, not_found
from gateway.api.routes_account import moment
from gateway.api.routes_drives import DRIVE_PROBLEMS
from gateway.api.routing import Call, Header, Route, answer
from gateway.api.schemas import (
    Bytes,
    ConfirmedTransfer,
    Counts,
    Job,
    JobItem,
    JobItemList,
    JobList,
    Paging,
    Place,
    ReportHow,
)
from gateway.ids import is_id
from gateway.jobs import outcome
from gateway.jobs.model import OPEN, ItemView, JobState, JobView, Wait
from gateway.jobs.reasons import ADVICE, advice
from gateway.transfers import Conflict, Order, OrderRefused, Source

RESTORED = "restored"
"""Why a job and its items wait after a restore."""


class Reasons:
    """Why things wait, with the name of the drive that asked for it. Each drive is looked up once."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._kinds: dict[str, str] = {}

    async def of(self, wait: Wait) -> str:
        """The reason's code: 'waiting_google' where Google Drive asked for a pause."""
        if wait.drive is None:
            return wait.reason
        if wait.drive not in self._kinds:
            kind = await self._call.services.drives.kind(self._call.me.person, self._call.me.school, wait.drive)
            named = f"{wait.reason}_{kind}"
            self._kinds[wait.drive] = named if named in ADVICE else wait.reason
        return self._kinds[wait.drive]


async def job_out(call: Call, view: JobView, reasons: Reasons | None = None) -> Job:
    """A job on the wire. What it waits for is told in words, too."""
    job = _job(view)
    if view.state is JobState.UNCONFIRMED:
        job.reason = RESTORED
        job.advice = call.say(advice(RESTORED) or "")
    if view.wait is not None:
        job.resumes_at = None if view.wait.until is None else moment(view.wait.until)
        job.reason = await (reasons or Reasons(call)).of(view.wait)
        job.advice = call.say(advice(job.reason) or "")
    return job


def _job(view: JobView) -> Job:
    counts = view.counts
    return Job(
        id=view.id,
        kind=view.kind,
        mode=view.mode if view.kind == "transfer" else None,
        state=view.state.value,
        created=moment(view.created),
        ended=moment(view.ended) if view.ended is not None else None,
        counts=Counts(
            found=counts.found,
            copied=counts.copied,
            skipped=counts.skipped,
            failed=counts.failed,
            unsupported=counts.unsupported,
            waiting=counts.waiting,
        ),
        bytes=Bytes(total=view.bytes_total, done=view.bytes_done),
        outcome=outcome.of(view.state, view.counts, view.kept),
        kept=view.kept,
    )


async def _item_out(call: Call, view: ItemView, reasons: Reasons, job: JobView) -> JobItem:
    reason = view.reason if view.wait is None else await reasons.of(view.wait)
    if job.state is JobState.UNCONFIRMED and view.state in OPEN:
        reason = RESTORED
    words = advice(reason)
    return JobItem(
        id=view.id,
        name=view.name,
        path=view.path,
        kind=view.kind,
        state=view.state.value,
        size=view.size,
        done=view.done,
        renamed_to=view.renamed_to,
        resumes_at=moment(view.wait.until) if view.wait is not None and view.wait.until is not None else None,
        reason=reason,
        advice=call.say(words) if words else None,
        destination=Place(drive=view.destination[0], item=view.destination[1]) if view.destination else None,
    )


async def create_transfer(call: Call) -> web.StreamResponse:
    """Copy or move files and folders to a folder of any drive. Answers at once; the job does the work."""
    order = await order_of(call)
    job = await call.services.jobs.ordered(order.school, order.person, order.instruction.id) if call.word else None
    job = job or await refused(call.services.transfers.create(order, call.body.preflight))
    view = await find(call, job)
    return answer(await job_out(call, view), 202, {"Location": f"/v1/jobs/{job}"})


async def refused(order: Awaitable[str]) -> str:
    """What an order made, or the problem that it makes no sense."""
    try:
        return await order
    except OrderRefused as error:
        raise _problem(error) from None


def _problem(error: OrderRefused) -> Problem:
    return Problem(429 if error.code == "too_many_jobs" else 422, error.code, error.advice)


async def order_of(call: Call) -> Order:
    """The order that the body gives."""
    wanted = call.body
    return Order(
        school=call.me.school,
        person=call.me.person,
        mode=wanted.mode,
        sources=[Source(place.drive, await _place(call, place.drive, place.item)) for place in wanted.sources],
        destination=Source(
            wanted.destination.drive, await _place(call, wanted.destination.drive, wanted.destination.item)
        ),
        on_conflict=Conflict(wanted.on_conflict),
        exports=wanted.export,
        convert=wanted.convert,
        instruction=instruction(call),
    )


async def _place(call: Call, drive: str, item: str) -> str:
    if item != "root":
        return str(parse_ref(item))
    source = await call.services.drives.reader(call.me.person, call.me.school, drive)
    return str(await source.root())


async def find(call: Call, job: str) -> JobView:
    view = await call.services.jobs.get(call.me.school, call.me.person, job) if is_id(job) else None
    if view is None:
        raise not_found()
    return view


async def list_jobs(call: Call) -> web.StreamResponse:
    """The person's jobs, the newest first."""
    bound = f"{call.me.person}\0jobs"
    place = call.services.cursors.read(call.query.cursor, bound)
    before = None
    if place is not None:
        created, _, last = place.partition(" ")
        before = (int(created), last)
    found, more = await call.services.jobs.list(call.me.school, call.me.person, before, call.query.limit)
    after = call.services.cursors.make(f"{more[0]} {more[1]}", bound) if more else None
    reasons = Reasons(call)
    page = JobList(items=[await job_out(call, view, reasons) for view in found], next=after)
    return answer(page, headers=link_next("/v1/jobs", after))


async def get_job(call: Call) -> web.StreamResponse:
    """How far a job is: found = copied + skipped + failed + unsupported + waiting."""
    return answer(await job_out(call, await find(call, call.path("job"))))


async def list_items(call: Call) -> web.StreamResponse:
    """The report: every item, what became of it, and why."""
    view = await find(call, call.path("job"))
    bound = f"{call.me.person}\0{view.id}"
    place = call.services.cursors.read(call.query.cursor, bound)
    found, more = await call.services.jobs.items(
        call.me.school, call.me.person, view.id, int(place) if place else 0, call.query.limit
    )
    after = call.services.cursors.make(str(more), bound) if more else None
    reasons = Reasons(call)
    page = JobItemList(items=[await _item_out(call, one, reasons, view) for one in found], next=after)
    return answer(page, headers=link_next(call.request.path, after))


async def follow_job(call: Call) -> web.StreamResponse:
    """Progress as Server-Sent Events: `progress` with the job whenever it changed, `end` with the last."""
    view = await find(call, call.path("job"))
    events = _events(call, view.id, call.request.headers.get("Last-Event-ID"))
    return await stream(call.request, events, Presence(call.services, call.me, using=False))


async def _events(call: Call, job: str, seen: str | None) -> AsyncIterator[Event]:
    last, reasons = None, Reasons(call)
    async for view in call.services.jobs.watch(call.me.school, call.me.person, job, seen):
        last = view
        told = await job_out(call, view, reasons)
        yield Event("progress", told.model_dump_json(exclude_none=True), view.tag)
    last = last or await call.services.jobs.get(call.me.school, call.me.person, job)
    if last is not None:
        yield Event("end", (await job_out(call, last)).model_dump_json(exclude_none=True), last.tag)


async def _asked(call: Call, act: Callable[[AsyncConnection, str, str, str], Awaitable[bool]]) -> web.StreamResponse:
    """Ask something of a job, whatever it is doing; what it is like then."""
    view = await find(call, call.path("job"))
    async with call.services.database.write() as tx:
        await act(tx, call.me.school, call.me.person, view.id)
    return await _woken(call, view.id)


async def _woken(call: Call, job: str) -> web.StreamResponse:
    """Workers and watchers look at the job at once; it is told as it is now."""
    call.services.jobs.wake(job)
    return answer(await job_out(call, await find(call, job)), 202)


async def cancel_job(call: Call) -> web.StreamResponse:
    """Stop a job: what is under way ends within a second, what has arrived stays where it is."""
    return await _asked(call, call.services.jobs.cancel)


async def get_report(call: Call) -> web.StreamResponse:
    """The whole report as a file: `format` csv or json, else what `Accept` names. One row for each item, then sums."""
    view = await find(call, call.path("job"))
    kind = reports.wanted(call.query.format, call.request.headers.get("Accept", ""))
    presence = Presence(call.services, call.me, using=True)
    return await reports.send(call.request, kind, await job_out(call, view), _report(call, view), presence.still)


async def _report(call: Call, view: JobView) -> AsyncIterator[list[JobItem]]:
    after: int | None = 0
    reasons = Reasons(call)
    while after is not None:
        found, after = await call.services.jobs.items(call.me.school, call.me.person, view.id, after, reports.PAGE)
        if found:
            yield [await _item_out(call, one, reasons, view) for one in found]


async def pause_job(call: Call) -> web.StreamResponse:
    """Halt a job: what is under way is set aside within a second, and goes on from there when it is resumed."""
    return await _asked(call, call.services.jobs.pause)


async def resume_job(call: Call) -> web.StreamResponse:
    """Let a paused job go on."""
    return await _asked(call, call.services.jobs.resume)


async def confirm_job(call: Call) -> web.StreamResponse:
    """Let a job go on that was under way when the service was restored from a backup. To end it, cancel it."""
    view = await find(call, call.path("job"))
    async with call.services.database.write() as tx:
        if not await call.services.jobs.confirm(tx, call.me.school, call.me.person, view.id):
            raise Problem(409, "nothing_to_confirm", "This job does not wait for a confirmation.")
    return await _woken(call, view.id)


async def _require_room(call: Call, tx: AsyncConnection, kind: str) -> None:
    try:
        await call.services.transfers.require_room(tx, call.me.school, call.me.person, kind)
    except OrderRefused as error:
        raise _problem(error) from None


async def retry_job(call: Call) -> web.StreamResponse:
    """Try once more what failed in a job. What arrived stays as it is, and is not sent again."""
    view = await find(call, call.path("job"))
    async with call.services.database.write() as tx:
        if view.ended is not None:
            await _require_room(call, tx, view.kind)
        opened = await call.services.jobs.retry(tx, call.me.school, call.me.person, view.id)
    if not opened:
        raise Problem(409, "nothing_to_retry", "Nothing in this job can be tried again.")
    return await _woken(call, view.id)


PATH = "/v1/jobs/{job}"
ROUTES = (
    Route(
        "POST", "/v1/transfers", create_transfer, "transfer.create", "Copy or move between drives", "jobs",
        body=ConfirmedTransfer, answer=Job, status=202, idempotent=True, problems=(*DRIVE_PROBLEMS, 429),
    ),
    Route("GET", "/v1/jobs", list_jobs, "job.read", "Your jobs", "jobs", query=Paging, answer=JobList),
    Route("GET", PATH, get_job, "job.read", "One job", "jobs", answer=Job),
    Route("GET", f"{PATH}/items", list_items, "job.read", "A job's report", "jobs", query=Paging, answer=JobItemList),
    Route(
        "GET", f"{PATH}/events", follow_job, "job.read", "Follow a job", "jobs", media="text/event-stream",
        headers=(Header("Last-Event-ID", "The last event that the reader has seen."),),
    ),
    Route(
        "GET", f"{PATH}/report", get_report, "job.read", "A job's report as a file", "jobs", query=ReportHow,
        media="text/csv, application/json", rate=30,
    ),
    Route("POST", f"{PATH}/cancel", cancel_job, "job.cancel", "Cancel a job", "jobs", answer=Job, status=202),
    Route("POST", f"{PATH}/pause", pause_job, "job.cancel", "Pause a job", "jobs", answer=Job, status=202),
    Route("POST", f"{PATH}/resume", resume_job, "transfer.create", "Resume a job", "jobs", answer=Job, status=202),
    Route(
        "POST", f"{PATH}/confirm", confirm_job, "transfer.create", "Confirm a job after a restore", "jobs", answer=Job,
        status=202, problems=(409,),
    ),
    Route(
        "POST", f"{PATH}/retry", retry_job, "transfer.create", "Try what failed once more", "jobs", answer=Job,
        status=202, problems=(409, 429),
    ),
)  # fmt: skip
