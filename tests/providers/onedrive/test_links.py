"""Graph's links as cursors: each leads on to its own kind of list in Graph, and nowhere else."""

from __future__ import annotations

import re

import pytest

from providers.errors import Untrusted
from providers.onedrive import links

ROOT = "https://graph.example/v1.0"
KINDS = {
    "children": links.CHILDREN,
    "delta": links.DELTA,
    "search": links.SEARCH,
    "shared": links.SHARED,
    "versions": links.VERSIONS,
    "followed": links.FOLLOWED,
    "libraries": links.LIBRARIES,
}


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("children", "/me/drive/root/children?$skiptoken=x"),
        ("children", "/me/drive/items/01A!b/children?$top=200&$skiptoken=a/b"),
        ("children", "/drives/b!x-Y_z/items/01A/children"),
        ("children", "/drives('b!x')/items('01A')/children?$skiptoken=x"),
        ("children", "/users('a0f1')/drive/items('01A')/children"),
        ("delta", "/me/drive/root/delta?token=latest"),
        ("delta", "/me/drive/delta(token=1230919asd190410jlka)"),
        ("delta", "/me/drive/root/delta(token='MzslMjM0')"),
        ("delta", "/me/drive/root/microsoft.graph.delta()?token=x"),
        ("delta", "/drives/b!x/root/delta?(token='x')"),
        ("search", "/me/drive/root/search(q='it%27%27s')?$skiptoken=x"),
        ("search", "/drives/b!x/root/microsoft.graph.search(q='a')"),
        ("shared", "/me/drive/sharedWithMe?$skiptoken=x"),
        ("shared", "/me/drive/microsoft.graph.sharedWithMe()?$skiptoken=x"),
        ("versions", "/drives/b!x/items/01A/versions?$skiptoken=x"),
        ("followed", "/me/followedSites?$skiptoken=x"),
        ("followed", "/users('a0f1')/followedSites"),
        ("libraries", "/sites/school.example,11-22,33-44/drives?$skiptoken=x"),
    ],
)
def test_what_leads_on(kind: str, path: str) -> None:
    assert links.checked(ROOT, ROOT + path, KINDS[kind]) == ROOT + path
    others = [other for name, other in KINDS.items() if name != kind]
    for other in others:
        with pytest.raises(Untrusted):
            links.checked(ROOT, ROOT + path, other)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize(
    "link",
    [
        None,
        7,
        "",
        ROOT,
        "no link",
        "/me/drive/root/delta",
        "https://evil.example/v1.0/me/drive/root/delta",
        f"{ROOT}.evil.example/me/drive/root/delta",
        f"{ROOT}@evil.example/me/drive/root/delta",
        f"{ROOT}/../beta/me/drive/root/delta",
        f"{ROOT}/me/drive/items/../root/children",
        f"{ROOT}/me/drive/items/%2e%2e/children",
        f"{ROOT}/drives/a%2Fb/root/delta",
        f"{ROOT}/drives/../root/children",
        f"{ROOT}/me/drive/items/01A/permanentDelete",
        f"{ROOT}/me/drive/items/01A/content#/children",
        f"{ROOT}/me/messages?x=/delta",
        f"{ROOT}/me/drive/root/delta/../../items/01A/content",
        f"{ROOT}/me/drive/root/search(q='a')/../../content",
        f"{ROOT}/me/drive/root/search(q='a/b')",
        f"{ROOT}/sites/a/b/drives",
        ROOT + "/me/drive/root/children?" + "x" * 20_000,
    ],
)
def test_what_leads_elsewhere(kind: re.Pattern[str], link: object) -> None:
    with pytest.raises(Untrusted) as untrusted:
        links.checked(ROOT, link, kind)
    assert untrusted.value.reason == "cursor"


@pytest.mark.parametrize(
    ("path", "drive"),
    [
        ("/me/drive/root/delta?token=/drives/b!x", None),
        ("/users('a')/drive/root/delta", None),
        ("/drives/b!X-y/root/delta", "b!X-y"),
        ("/drives('b%21x')/root/delta", "b!x"),
    ],
)
def test_whose_changes_a_link_tells(path: str, drive: str | None) -> None:
    assert links.drive_of(ROOT, ROOT + path) == drive
