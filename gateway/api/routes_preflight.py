"""The plan of a transfer before anything moves: ask for it, look at it, read its findings page by page."""

from __future__ import annotations

from aiohttp import web

from gateway.api.paging import link_next
from gateway.api.problems import not_found
from gateway.api.routes_drives import DRIVE_PROBLEMS
from gateway.api.routes_jobs import find, job_out, order_of, refused
from gateway.api.routing import Call, Route, answer
from gateway.api.schemas import Finding, FindingList, Job, Paging, PlanOut, Room, TransferRequest
from gateway.jobs.model import JobView
from gateway.jobs.reasons import ADVICE
from gateway.transfers.preflight import KIND

PATH = "/v1/transfers/preflight"


async def order_plan(call: Call) -> web.StreamResponse:
    """Look through what a transfer would do. Answers at once; the plan fills while the job runs, and ends in a day."""
    order = await order_of(call)
    job = await call.services.jobs.ordered(order.school, order.person, order.instruction.id) if call.word else None
    job = job or await refused(call.services.transfers.preflight(order))
    return answer(await job_out(call, await find(call, job)), 202, {"Location": f"{PATH}/{job}"})


async def get_plan(call: Call) -> web.StreamResponse:
    """The plan as far as it is known; final once its state is done. Confirm it by its id in POST /v1/transfers."""
    view = await _plan(call)
    plan = await call.services.transfers.plan(view, call.me.school, call.me.person)
    return answer(
        PlanOut(
            id=view.id,
            state=plan.state.value,
            complete=plan.complete,
            items=dict(plan.items),
            bytes=plan.bytes,
            unknown_sizes=plan.unknown_sizes,
            findings=dict(plan.found),
            quota=Room(used=plan.used, limit=plan.limit) if plan.used is not None else None,
            fits=plan.fits,
            sharing_lost=plan.sharing_lost,
            shared=plan.shared,
            seconds=plan.seconds,
        )
    )


async def list_findings(call: Call) -> web.StreamResponse:
    """What will not be as it was, item by item: at most 200 of each folder, in pages that end with a folder."""
    view = await _plan(call)
    bound = f"{call.me.person}\0{view.id}\0findings"
    place = call.services.cursors.read(call.query.cursor, bound)
    found, more = await call.services.transfers.findings(
        call.me.school, call.me.person, view.id, int(place) if place else 0, min(call.query.limit, 50)
    )
    after = call.services.cursors.make(str(more), bound) if more else None
    said = [Finding(**one, advice=call.say(ADVICE[one["code"]]) if one["code"] in ADVICE else None) for one in found]
    return answer(FindingList(items=said, next=after), headers=link_next(call.request.path, after))


async def _plan(call: Call) -> JobView:
    view = await find(call, call.path("job"))
    if view.kind != KIND:
        raise not_found()
    return view


ROUTES = (
    Route(
        "POST", PATH, order_plan, "transfer.create", "Plan a copy or move", "jobs", body=TransferRequest, answer=Job,
        status=202, idempotent=True, problems=(*DRIVE_PROBLEMS, 429),
    ),
    Route(
        "GET", f"{PATH}/{{job}}", get_plan, "job.read", "The plan of a transfer", "jobs", answer=PlanOut,
        problems=DRIVE_PROBLEMS, rate=240,
    ),
    Route(
        "GET", f"{PATH}/{{job}}/findings", list_findings, "job.read", "What a transfer would change", "jobs",
        query=Paging, answer=FindingList, rate=240,
    ),
)  # fmt: skip
