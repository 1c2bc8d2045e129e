"""The privacy page for everybody, and a school's records for its administrators: what a running gateway answers."""

from __future__ import annotations

import html
import json
import re

import pytest

from gateway.inventory import browser
from gateway.inventory.durations import spoken
from gateway.inventory.facts import times
from gateway.inventory.listing import forms, kinds
from gateway.inventory.page import _HOW
from gateway.inventory.recipients import RECIPIENTS
from gateway.inventory.records import RECORDS
from gateway.inventory.stores import STORES
from gateway.inventory.words import BASES, FORMS, KINDS
from gateway.residency.places import WHAT
from gateway.web import catalogs
from tests.gateway.api.live import Live, Person

PATH = "/v1/school/records"


def words(page: bytes) -> str:
    """What is read, without the markup between it."""
    read = re.sub(r"<script.*?</script>", " ", page.decode(), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", read)).split())


@pytest.mark.parametrize("locale", catalogs.LANGUAGES)
async def test_the_privacy_page_tells_all_of_the_inventory(live: Live, nobody: Person, locale: str) -> None:
    """To whoever is not signed in, in their language, with this deployment's lengths of time, and without a cookie."""
    answer = await nobody.ask("GET", f"/privacy?lang={locale}")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "Set-Cookie" not in answer.headers
    page = words(answer.body)
    lengths = {name: spoken(seconds, locale) for name, seconds in times(_settings(live)).items()}
    told = [text for store in STORES for text in (store.title, store.why, store.until, BASES[store.basis].word)]
    told += [KINDS[kind] for store in STORES for kind in kinds(store.key)]
    told += [FORMS[form].word for store in STORES for form in forms(store.key)]
    told += [text for one in (*BASES.values(), *FORMS.values()) for text in (one.word, one.means)]
    told += [text for one in RECIPIENTS for text in (one.title, one.gets, one.when)]
    told += [text for one in browser.KEPT for text in (browser.WHERE[one.where], one.what, one.until)]
    told += [*WHAT.values(), _HOW["unknown"], _HOW["machines"]]
    for text in told:
        shown = catalogs.translate(locale, text)
        shown = shown % lengths if "%(" in shown else shown
        assert " ".join(shown.split()) in page, text
    assert all(one.name in page for one in browser.KEPT)
    assert "%(" not in page


def _settings(live: Live):  # type: ignore[no-untyped-def]  # the settings of the running gateway
    async def settings(services):  # type: ignore[no-untyped-def]
        return services.settings

    return live.run(settings)


async def test_every_page_leads_there_but_a_receipt(nobody: Person, student: Person) -> None:
    link = b'href="/privacy"'
    assert link in (await nobody.ask("GET", "/")).body
    assert link in (await student.ask("GET", "/")).body
    assert link in (await nobody.ask("GET", "/nothing-here", headers={"Accept": "text/html"})).body
    assert link not in (await nobody.ask("GET", "/receipt")).body, "it is shown once: a link away would lose it"


@pytest.mark.parametrize("record", RECORDS)
async def test_an_administrator_has_the_records_of_their_school(administrator: Person, record: str) -> None:
    told = await administrator.ask("GET", f"{PATH}/{record}")
    assert told.status == 200
    assert told.headers["Content-Type"] == "application/json; charset=utf-8"
    assert told.headers["Content-Disposition"].startswith(f'attachment; filename="{record}.json"')
    assert told.headers["Cache-Control"] == "no-store"
    assert told.json["name"] == record
    for how in ({"headers": {"Accept": "text/markdown"}}, {"params": {"format": "markdown"}}):
        asked = f"{PATH}/{record}" + ("?format=markdown" if "params" in how else "")
        read = await administrator.ask("GET", asked, headers=how.get("headers"))
        assert read.headers["Content-Type"] == "text/markdown; charset=utf-8"
        assert read.body.decode().startswith(f"# {told.json['title']}")
    assert b"Hillcrest" not in told.body, "another school of this deployment is nobody's business"
    listed = {one["name"]: one["title"] for one in (await administrator.get(PATH))["items"]}
    assert listed[record] == told.json["title"]
    assert set(listed) == set(RECORDS)


async def test_the_record_names_the_school_that_asks(administrator: Person, foreigner: Person) -> None:
    record = json.dumps((await administrator.get(f"{PATH}/article-30"))["sections"][0])
    assert "Riverside School" in record
    for who, path in ((foreigner, PATH), (foreigner, f"{PATH}/article-30")):
        refused = await who.ask("GET", path)
        assert (refused.status, refused.code) == (403, "not_allowed")


async def test_what_is_no_record(administrator: Person) -> None:
    for path in (f"{PATH}/article-31", f"{PATH}/..%2f", f"{PATH}/{'x' * 5000}"):
        refused = await administrator.ask("GET", path)
        assert (refused.status, refused.code) == (404, "not_found")
    refused = await administrator.ask("GET", f"{PATH}/article-30?format=pdf")
    assert (refused.status, refused.code) == (422, "invalid_query")


async def test_a_method_that_nothing_here_takes_is_no_line_of_its_own_in_metrics(live: Live, nobody: Person) -> None:
    """Metrics and logs know a fixed list of methods, whatever the parser lets through."""
    await nobody.ask("PROPFIND", "/")
    shown = await nobody.ask("GET", "/metrics", headers={"Authorization": "Bearer for-prometheus"})
    assert shown.status == 200
    assert b"PROPFIND" not in shown.body
    assert b'method="other"' in shown.body
