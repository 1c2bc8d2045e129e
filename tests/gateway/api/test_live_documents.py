"""What everybody may read: the document, its readable form, health; and headers on each answer."""

from __future__ import annotations

import pytest

from tests.gateway.api.live import METRICS, Person

EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


async def test_the_openapi_document(nobody: Person) -> None:
    """OpenAPI 3.1, at this address, with every route that is not kept out."""
    told = await nobody.get("/v1/openapi.json")
    assert told["openapi"].startswith("3.1")
    assert told["servers"] == [{"url": nobody.live.url}]
    assert {"/v1/me", "/v1/uploads/{upload}", "/v1/drives/{drive}/items/{item}/content"} <= set(told["paths"])
    assert "Problem" in told["components"]["schemas"]


async def test_the_readable_page_names_every_operation(nobody: Person) -> None:
    """No script, all operations, links to the schemas."""
    told = await nobody.get("/v1/openapi.json")
    page = await nobody.ask("GET", "/v1/docs")
    assert page.status == 200
    assert page.headers["Content-Type"].startswith("text/html")
    text = page.body.decode()
    assert "<script" not in text
    for path, methods in told["paths"].items():
        for method in methods:
            assert f"<code>{method.upper()} {path}</code>" in text


async def test_what_an_operator_asks(nobody: Person) -> None:
    """Alive, ready, counted; the counts under their token only."""
    assert (await nobody.get("/healthz"))["status"] == "ok"
    assert (await nobody.get("/readyz"))["status"] == "ready"
    metrics = await nobody.ask("GET", "/metrics", headers={"Authorization": f"Bearer {METRICS}"})
    assert metrics.status == 200
    assert b"file_access_requests_total" in metrics.body
    for given in ({}, {"Authorization": "Bearer other"}, {"Authorization": "Bearer \udcff"}):
        refused = await nobody.ask("GET", "/metrics", headers=given)
        assert (refused.status, refused.code) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/v1/docs", 200),
        ("GET", "/v1/openapi.json", 200),
        ("GET", "/healthz", 200),
        ("GET", "/static/base.css", 200),
        ("GET", "/v1/me", 401),
        ("GET", "/v1/no-such-thing", 404),
        ("GET", "/no/such/page", 404),
        ("GET", "/static/../app.py", 404),
        ("GET", "/static/%2e%2e/pages.py", 404),
        ("PUT", "/v1/me", 405),
        ("DELETE", "/healthz", 405),
        ("POST", "/v1/token", 415),
        ("OPTIONS", "/v1/uploads", 204),
    ],
)
async def test_security_headers_are_on_each_answer(nobody: Person, method: str, path: str, status: int) -> None:
    """Also on errors, on what does not exist and on static files."""
    answer = await nobody.ask(method, path)
    assert answer.status == status
    for name, value in EVERYWHERE.items():
        assert answer.headers[name] == value
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "Cache-Control" in answer.headers
    assert answer.headers["Server"] == "file-access"
    if status >= 400:
        assert answer.code


@pytest.mark.parametrize(("path", "status"), [("/no/such/page", 404), ("/signout", 405), ("/v1/me", 401)])
async def test_a_person_reads_a_page_and_a_script_a_problem(nobody: Person, path: str, status: int) -> None:
    """A browser that goes to an address shows what it gets: a page with a way back, not JSON."""
    seen = await nobody.ask("GET", path, headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert (seen.status, seen.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert b'href="/"' in seen.body
    read = await nobody.ask("GET", path)
    assert (read.status, read.headers["Content-Type"]) == (status, "application/problem+json")
