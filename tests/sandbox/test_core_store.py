"""The state on disk: whole after a crash, never half a batch, one process at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from providers.sandbox.store import Store


def test_what_was_put_is_there_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    table = store.table("t")
    table.put("a", {"n": 1})
    table.put("b", {"n": 2, "odd": "\ud83c \u0000 ü"})
    table.merge("a", m=3)
    table.drop("b")
    table.put("c", {})
    assert table.drop("never") is None
    store.close()
    again = Store(tmp_path)
    assert dict(again.table("t")) == {"a": {"n": 1, "m": 3}, "c": {}}
    again.close()


def test_order_is_that_of_the_first_put_also_after_a_restart(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for key in "zax":
        store.table("t").put(key, {})
    store.table("t").put("z", {"n": 1})
    store.close()
    again = Store(tmp_path)
    assert list(again.table("t")) == ["z", "a", "x"]
    again.close()


@pytest.mark.parametrize("torn", [1, 5, 20])
def test_a_torn_last_line_is_dropped_whole(tmp_path: Path, torn: int) -> None:
    store = Store(tmp_path)
    store.table("t").put("a", {"n": 1})
    with store.batch():
        store.table("t").put("b", {"n": 2})
        store.table("u").put("c", {"n": 3})
    store.close()
    log = tmp_path / "state.jsonl"
    log.write_bytes(log.read_bytes()[:-torn])
    again = Store(tmp_path)
    assert dict(again.table("t")) == {"a": {"n": 1}}
    assert dict(again.table("u")) == {}
    again.table("t").put("d", {})
    again.close()
    third = Store(tmp_path)
    assert list(third.table("t")) == ["a", "d"]
    third.close()


def test_the_log_shrinks_to_what_is_alive(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for number in range(1000):
        store.table("t").put("same", {"n": number})
    store.close()
    Store(tmp_path).close()
    assert (tmp_path / "state.jsonl").stat().st_size < 100


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(OSError):
        Store(tmp_path)
    store.close()
    Store(tmp_path).close()
