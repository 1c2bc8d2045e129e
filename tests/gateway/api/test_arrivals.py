"""Who comes too often waits; who comes from elsewhere does not, and nobody's address is kept."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from aiohttp.test_utils import make_mocked_request

from gateway.api.arrivals import Arrivals
from gateway.api.services import Services
from tests.gateway.api.conftest import STUDENT
from tests.gateway.api.live import Live, Person, person


class Clock:
    """A clock that stands until it is moved."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def arrivals(rate: int = 3, most: int = 100, *, behind_proxy: bool = False) -> tuple[Arrivals, Clock]:
    clock = Clock()
    return Arrivals(rate, behind_proxy=behind_proxy, most=most, clock=clock), clock


def test_a_bucket_is_emptied_and_fills_within_a_minute() -> None:
    """Each waits for its own."""
    doors, clock = arrivals()
    assert [doors.take("a") for _ in range(4)] == [0, 0, 0, 20]
    assert doors.take("b") == 0
    clock.now += 19
    assert doors.take("a") == pytest.approx(1)
    clock.now += 1.001
    assert doors.take("a") == 0
    assert doors.take("a") > 19
    clock.now += 3600
    assert [doors.take("a") > 0 for _ in range(4)] == [False, False, False, True]


def test_the_number_of_buckets_is_bounded() -> None:
    """Who came last is remembered."""
    doors, _ = arrivals(rate=1, most=10)
    for number in range(1000):
        doors.take(f"address {number}")
    assert len(doors) == 10
    assert doors.take("address 999") > 0
    assert doors.take("address 5") == 0


def test_no_address_is_kept() -> None:
    """Hashed under another key in each process."""
    (one, _), (other, _) = arrivals(), arrivals()
    for doors in (one, other):
        doors.take("192.0.2.7")
        assert b"192.0.2.7" not in b"".join(doors._buckets)  # what a dump would show
    assert set(one._buckets) != set(other._buckets)


@pytest.mark.parametrize(
    ("forwarded", "proxied", "seen"),
    [
        ("198.51.100.1", False, ""),
        ("198.51.100.1", True, "198.51.100.1"),
        ("203.0.113.9, 198.51.100.1", True, "198.51.100.1"),
        ("203.0.113.9,nonsense", True, ""),
        ("::ffff:198.51.100.1", True, "198.51.100.1"),
        ("2001:db8:1:2:3:4:5:6", True, "2001:db8:1:2::"),
        ("", True, ""),
    ],
)
def test_whose_address_counts(forwarded: str, proxied: bool, seen: str) -> None:
    """The last hop, which the proxy itself wrote, and only where there is one."""
    doors, _ = arrivals(behind_proxy=proxied)
    request = make_mocked_request("GET", "/", headers={"X-Forwarded-For": forwarded})
    assert doors.address(request) == seen


async def test_too_many_at_the_running_gateway(live: Live, nobody: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the three ways answers 429 and says when to come back; nothing else is held up."""

    async def strict(services: Services) -> None:
        monkeypatch.setitem(services.__dict__, "arrivals", Arrivals(2, behind_proxy=False))

    form = {"grant_type": "refresh_token", "client_id": "file-access-extension", "refresh_token": "x"}
    async with person(live, STUDENT) as student:
        live.run(strict)
        ways = [
            (nobody, "GET", "/signin", {}, 303),
            (nobody, "POST", "/v1/token", {"data": form}, 400),
            (student, "POST", "/v1/connections", {"json": {"provider": "google"}}, 201),
        ]
        for who, method, path, more, usual in ways:
            answers = [await who.ask(method, path, **more) for _ in range(3)]
            assert [one.status for one in answers] == [usual, usual, 429], path
            assert answers[2].code == "too_many_requests"
            assert 1 <= int(answers[2].headers["Retry-After"]) <= 30
        await student.get("/v1/me")
        looked = await nobody.ask("GET", f"/signin?{urlencode({'next': '/'})}", headers={"Accept": "text/html"})
        assert looked.status == 429
        assert looked.headers["Content-Type"].startswith("text/html")
