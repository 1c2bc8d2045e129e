"""Ranges and preconditions: what a resume may rely on."""

from __future__ import annotations

import pytest

from gateway.api.problems import Problem
from gateway.api.ranges import asked_span, check_match, none_match, strong_etag

TAG = strong_etag("drive", "item", "version")


@pytest.mark.parametrize(
    ("header", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-", 0, 100),
        ("bytes=10-19", 10, 20),
        ("bytes=90-500", 90, 100),
        ("bytes=-1", 99, 100),
        ("bytes=-500", 0, 100),
        (" bytes = 5-6", 5, 7),
    ],
)
def test_one_range(header: str, start: int, stop: int) -> None:
    """A satisfiable range, whatever its form."""
    span = asked_span(header, None, TAG, 100)
    assert span is not None
    assert (span.start, span.stop) == (start, stop)
    assert span.content_range == f"bytes {start}-{stop - 1}/100"


@pytest.mark.parametrize(
    "header", ["bytes=1-2,4-5", "items=0-1", "bytes=a-b", "bytes=5-4", "bytes=-", "bytes=--1", "bytes=0-1x"]
)
def test_what_is_no_single_range_is_the_whole(header: str) -> None:
    """RFC 9110: an invalid Range is ignored; several ranges are answered in full."""
    assert asked_span(header, None, TAG, 100) is None


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_beyond_the_end(header: str) -> None:
    """416 with the length, so that the caller can correct itself."""
    with pytest.raises(Problem) as refused:
        asked_span(header, None, TAG, 100)
    assert refused.value.status == 416
    assert refused.value.headers["Content-Range"] == "bytes */100"


def test_if_range_never_splices_versions() -> None:
    """Another version's tag, a weak tag or a date: the whole is sent."""
    assert asked_span("bytes=5-", TAG, TAG, 100) is not None
    for other in (strong_etag("other"), f"W/{TAG}", "Mon, 23 Nov 2026 10:00:00 GMT"):
        assert asked_span("bytes=5-", other, TAG, 100) is None


def test_if_match() -> None:
    """Missing where required, another tag, a weak tag, any."""
    check_match(TAG, TAG)
    check_match("*", TAG)
    check_match(f'"x", {TAG}', TAG)
    check_match(None, TAG)
    for header, required, status in (
        (None, True, 428),
        ('"x"', False, 412),
        (f"W/{TAG}", False, 412),
        ("x", False, 400),
    ):
        with pytest.raises(Problem) as refused:
            check_match(header, TAG, required=required)
        assert refused.value.status == status


def test_none_match_compares_weakly() -> None:
    """A cache that weakened the tag still has the bytes."""
    assert none_match(TAG, TAG)
    assert none_match(f"W/{TAG}", TAG)
    assert none_match("*", TAG)
    assert not none_match('"x"', TAG)
    assert not none_match(None, TAG)
