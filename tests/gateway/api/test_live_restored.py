"""What a person sees of their work after a restore: that it waits for them, why, and what they can do."""

from __future__ import annotations

import csv
import io
import secrets
from typing import Any

from gateway.api.services import Services
from gateway.jobs.reviving import doubt_all
from tests.gateway.api.live import Live, Person
from tests.gateway.api.test_live_jobs import folder


async def doubted(live: Live, who: Person) -> str:
    """A job that was under way when the copy was made: paused, so that it does not end meanwhile."""
    item = await who.upload(f"{secrets.token_hex(6)}.txt", b"x" * 100)
    order: dict[str, Any] = {
        "mode": "copy", "sources": [{"drive": "native", "item": item}],
        "destination": {"drive": "native", "item": await folder(who)},
    }  # fmt: skip

    async def at_once(services: Services) -> None:
        """Ordered and doubted in one transaction: no worker comes between."""
        real = services.jobs.create

        async def both(tx: Any, **known: Any) -> str:
            job = await real(tx, **known)
            await doubt_all(tx)
            return job

        vars(services.jobs)["create"] = both

    async def as_before(services: Services) -> None:
        vars(services.jobs).pop("create", None)

    live.run(at_once)
    try:
        return str((await who.post("/v1/transfers", 202, json=order))["id"])
    finally:
        live.run(as_before)


async def test_it_says_so_and_goes_on_when_it_is_confirmed(live: Live, student: Person) -> None:
    job = await doubted(live, student)
    told = await student.get(f"/v1/jobs/{job}")
    assert (told["state"], told["reason"]) == ("unconfirmed", "restored")
    assert "restored from a backup" in told["advice"]
    report = await student.ask("GET", f"/v1/jobs/{job}/report?format=csv")
    rows = list(csv.DictReader(io.StringIO(report.body.decode("utf-8-sig"))))
    assert "restored" in [row["reason"] for row in rows]
    german = await student.ask("GET", f"/v1/jobs/{job}", headers={"Accept-Language": "de"})
    assert german.json["advice"] != told["advice"]
    assert (await student.ask("POST", f"/v1/jobs/{job}/confirm")).status == 202
    assert (await student.ask("POST", f"/v1/jobs/{job}/confirm")).code == "nothing_to_confirm"


async def test_it_is_cancelled_instead_and_nobody_else_confirms_it(
    live: Live, student: Person, teacher: Person
) -> None:
    job = await doubted(live, student)
    assert (await teacher.ask("POST", f"/v1/jobs/{job}/confirm")).status == 404
    assert (await student.ask("POST", f"/v1/jobs/{job}/cancel")).status == 202
    assert (await student.ask("POST", f"/v1/jobs/{job}/confirm")).status == 409
