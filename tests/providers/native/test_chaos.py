"""The native drive through random trouble: the whole suite, and no result is another one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from providers.drive import Drive, Ref
from tests import soak
from tests.conformance import Conformance
from tests.conformance.base import MORE_THAN_SIMPLE, content, get, put, step
from tests.conformance.chaos import Chaos, Weather
from tests.providers.native.conftest import School


@pytest.fixture(params=range(soak.FACTOR), ids="seed{}".format)
def weather(request: pytest.FixtureRequest) -> Weather:
    """Another one for every test and seed, and the same in every run."""
    return Weather(f"{request.node.name} {request.param}")


class TestChaos(Conformance):
    """What a caller sees who retries as it is written."""

    @pytest.fixture
    def page_size(self) -> int:
        return 3

    @pytest.fixture
    def drive(self, school: School, page_size: int, weather: Weather) -> Drive:
        return Chaos(school.drive(), weather)

    @pytest.fixture
    def again(self, school: School, weather: Weather) -> Callable[[], Drive]:
        return lambda: Chaos(school.drive(), weather)


async def test_there_is_trouble(drive: Drive, folder: Ref) -> None:
    """The suite proves nothing where nothing happens."""
    weather = Weather("always", rate=0.9)
    chaos, data = Chaos(drive, weather), content(MORE_THAN_SIMPLE)
    made = await put(chaos, folder, "storm.bin", data, piece=step(drive.traits))
    assert await get(chaos, made.ref) == data
    assert all(weather.struck[kind] > 3 for kind in ("before", "lost", "midway")), weather.struck
