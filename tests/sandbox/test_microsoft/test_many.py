"""Very many children in one folder: pages cost a page, all of them come, none of them twice."""

from __future__ import annotations

import tracemalloc

from tests.sandbox.test_microsoft.client import Client

MANY = 3000


async def test_a_folder_is_filled_and_listed_in_pages(teacher: Client) -> None:
    fill = {"drive": teacher.email, "path": "Marking", "fill": MANY}
    assert (await teacher.call("POST", f"{teacher.box.url}/_sandbox/microsoft/items", json=fill)).status == 200
    path, found = "/me/drive/root:/Marking:/children?$top=1000&$select=name", list[str]()
    tracemalloc.start()
    while path:
        page = (await teacher.call("GET", path)).json
        found += [one["name"] for one in page["value"]]
        path = page.get("@odata.nextLink", "").partition("/v1.0")[2]
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == [f"item {number:06}.txt" for number in range(MANY)]
    assert most < 32 << 20, "a page, not the folder, is in memory"
    assert await teacher.read("Marking/item 002999.txt") == b""


async def test_the_order_is_kept_while_names_come_and_go(teacher: Client) -> None:
    path = "/me/drive/root:/Marking:/children?$select=name"
    for name in ("b", "d", "a", "C"):
        await teacher.put(f"Marking/{name}.txt", b"x")
        await teacher.call("GET", path)
    await teacher.call("PATCH", "/me/drive/root:/Marking/d.txt:", json={"name": "0.txt"})
    await teacher.call("DELETE", "/me/drive/root:/Marking/b.txt:")
    listed = (await teacher.call("GET", path)).json["value"]
    assert [one["name"] for one in listed] == ["0.txt", "a.txt", "C.txt"]
