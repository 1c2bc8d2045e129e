"""How a job ended as a whole: never 'all' where something is missing or an original stayed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.jobs import outcome
from gateway.jobs.model import FINISHED, Counts, JobState
from gateway.jobs.reasons import ADVICE


@pytest.mark.parametrize(
    ("state", "counts", "kept", "said"),
    [
        (JobState.RUNNING, Counts(3, 2, waiting=1), None, None),
        (JobState.PAUSED, Counts(3, waiting=3), None, None),
        (JobState.DONE, Counts(3, 3), 0, "all"),
        (JobState.DONE, Counts(3, 1, 2), 0, "all"),
        (JobState.DONE, Counts(), 0, "all"),
        (JobState.DONE, Counts(3, 3), 1, "with_problems"),
        (JobState.DONE, Counts(3, 2, failed=1), 0, "with_problems"),
        (JobState.DONE, Counts(3, 2, unsupported=1), 0, "with_problems"),
        (JobState.DONE, Counts(1, unsupported=1), 0, "nothing"),
        (JobState.FAILED, Counts(1, failed=1), 0, "nothing"),
        (JobState.CANCELLED, Counts(3, 1, 2), 0, "with_problems"),
        (JobState.CANCELLED, Counts(3, 0, 3), 0, "nothing"),
    ],
)
def test_what_is_said_of_a_job(state: JobState, counts: Counts, kept: int | None, said: str | None) -> None:
    assert outcome.of(state, counts, kept) == said


COUNTS = st.builds(Counts, *[st.integers(0, 2)] * 5, waiting=st.just(0))


@given(st.sampled_from(sorted(FINISHED)), COUNTS, st.integers(0, 2))
def test_all_is_said_only_where_nothing_failed_and_nothing_stayed(state: JobState, counts: Counts, kept: int) -> None:
    said = outcome.of(state, counts, kept)
    if said == "all":
        assert (counts.failed, counts.unsupported, kept) == (0, 0, 0)
        assert state is not JobState.CANCELLED
    assert (said == "with_problems") <= (counts.copied > 0)


def test_every_reason_that_keeps_an_original_is_one_that_is_told() -> None:
    assert set(outcome.KEPT) <= set(ADVICE)
    assert {one for one in ADVICE if one.endswith("_kept")} <= set(outcome.KEPT)
