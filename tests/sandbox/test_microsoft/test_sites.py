"""Sites and their libraries: who follows them, who may read and write, drives beside one's own."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from providers.sandbox.core import Sandbox
from tests.sandbox.test_microsoft.client import SCOPES, Client

SITES = f"{SCOPES} Sites.Read.All"


@pytest.fixture
async def staff(teacher: Client) -> Client:
    """A teacher whose app may see sites."""
    await teacher.sign_in(scope=SITES)
    return teacher


@pytest.fixture
async def pupil(box: Sandbox, http: aiohttp.ClientSession) -> Client:
    """A student of the same school."""
    client = Client(http, box, "leo.park@riverside.example")
    await client.sign_in(scope=SITES)
    return client


async def sites(client: Client, path: str = "/me/followedSites") -> list[Any]:
    """The sites of a listing."""
    return list((await client.call("GET", path)).json["value"])


async def library(client: Client, name: str) -> str:
    """The id of the library of a site that the person may see."""
    found = next(one for one in await sites(client, "/sites?search=*") if one["name"] == name)
    return str((await client.call("GET", f"/sites/{found['id']}/drive")).json["id"])


async def test_teachers_follow_two_sites_and_students_see_one(staff: Client, pupil: Client) -> None:
    followed = await sites(staff)
    assert [one["displayName"] for one in followed] == ["Staff room", "Class 7b"]
    assert followed[0]["id"].startswith("riverside.sharepoint.com,")
    assert followed[0]["webUrl"] == "https://riverside.sharepoint.com/sites/staff"
    assert await sites(pupil) == []
    assert [one["name"] for one in await sites(pupil, "/sites?search=class")] == ["class-7b"]
    assert [one["name"] for one in await sites(staff, "/sites?search=room")] == ["staff"]


async def test_a_site_by_every_address(staff: Client) -> None:
    site = (await sites(staff))[1]
    for wanted in (site["id"], "riverside.sharepoint.com:/sites/class-7b", "riverside.sharepoint.com:/sites/class-7b:"):
        assert (await staff.call("GET", f"/sites/{wanted}")).json["id"] == site["id"]
    by_path = "/sites/riverside.sharepoint.com:/sites/class-7b:/drive/root:/Reading list.txt"
    assert (await staff.call("GET", by_path)).json["name"] == "Reading list.txt"


async def test_a_library_is_a_drive(staff: Client) -> None:
    site = (await sites(staff))[1]
    drives = (await staff.call("GET", f"/sites/{site['id']}/drives")).json["value"]
    default = (await staff.call("GET", f"/sites/{site['id']}/drive")).json
    assert [(one["id"], one["driveType"], one["name"]) for one in drives] == [
        (default["id"], "documentLibrary", "Documents")
    ]
    root = f"/drives/{default['id']}/root"
    listed = (await staff.call("GET", f"{root}/children")).json["value"]
    assert [one["name"] for one in listed] == ["Class materials", "Reading list.txt"]
    assert listed[0]["parentReference"]["driveType"] == "documentLibrary"
    assert listed[0]["parentReference"]["siteId"] == site["id"]
    made = await staff.call("PUT", f"{root}:/Quiz.txt:/content", data=b"one")
    assert (made.status, made.json["createdBy"]["user"]["displayName"]) == (201, "Amira Haddad")
    delta = (await staff.call("GET", f"{root}/delta")).json["value"]
    assert "Quiz.txt" in {one["name"] for one in delta}


async def test_members_have_the_rights_of_their_site(staff: Client, pupil: Client) -> None:
    drive = await library(pupil, "class-7b")
    path = f"/drives/{drive}/root:/Reading list.txt"
    assert (await pupil.call("GET", path)).status == 200
    attempts: list[tuple[str, str, dict[str, Any]]] = [
        ("PUT", f"{path}:/content", {"data": b"x"}),
        ("PATCH", path, {"json": {"name": "Mine.txt"}}),
        ("DELETE", path, {}),
        ("POST", f"/drives/{drive}/root/children", {"json": {"name": "Mine", "folder": {}}}),
        ("POST", f"{path}:/createUploadSession", {}),
    ]
    for method, address, options in attempts:
        assert (await pupil.call(method, address, **options)).error == (403, "accessDenied")
    closed = await library(staff, "staff")
    assert (await pupil.call("GET", f"/drives/{closed}/root")).error == (403, "accessDenied")
    site = (await sites(staff))[0]["id"]
    assert (await pupil.call("GET", f"/sites/{site}")).error == (403, "accessDenied")


async def test_who_changed_a_file_of_a_library(staff: Client, box: Sandbox, http: aiohttp.ClientSession) -> None:
    drive, head = await library(staff, "staff"), Client(http, box, "sofia.rossi@riverside.example")
    await head.sign_in()
    changed = (await head.call("PUT", f"/drives/{drive}/root:/Rota.csv:/content", data=b"new")).json
    assert changed["createdBy"]["user"]["displayName"] == "Amira Haddad"
    assert changed["lastModifiedBy"]["user"]["displayName"] == "Sofia Rossi"


async def test_tenants_do_not_see_each_other(staff: Client, box: Sandbox, http: aiohttp.ClientSession) -> None:
    other = Client(http, box, "elif.kaya@lakeside.example")
    await other.sign_in(scope=SITES)
    assert [one["webUrl"].split("/")[2] for one in await sites(other)] == ["lakeside.sharepoint.com"] * 2
    theirs = (await sites(staff))[0]["id"]
    assert (await other.call("GET", f"/sites/{theirs}")).error == (404, "itemNotFound")
    assert (await other.call("GET", f"/drives/{await library(staff, 'class-7b')}")).error == (403, "accessDenied")


async def test_personal_accounts_have_no_sites(owner: Client) -> None:
    await owner.sign_in(scope=SITES)
    assert (await owner.call("GET", "/me/followedSites")).error == (400, "invalidRequest")


async def test_scopes_for_files_do_not_list_sites(teacher: Client) -> None:
    await teacher.sign_in(scope=SCOPES)
    assert (await teacher.call("GET", "/me/followedSites")).error == (403, "accessDenied")


async def test_copies_from_a_library_into_ones_own_drive(pupil: Client) -> None:
    drive, root = await library(pupil, "class-7b"), (await pupil.call("GET", "/me/drive/root")).json
    source = f"/drives/{drive}/root:/Class materials"
    body = {"parentReference": {"driveId": pupil.drive, "id": root["id"]}}
    reply = await pupil.call("POST", f"{source}:/copy", json=body)
    assert reply.status == 202
    assert await pupil.read("Class materials/Rules.txt") == b"Goggles on.\n"
    theirs = (await pupil.call("GET", f"/drives/{drive}/root")).json
    body["parentReference"] = {"driveId": drive, "id": theirs["id"]}
    refused = await pupil.call("POST", "/me/drive/root:/Homework:/copy", json=body)
    assert refused.error == (403, "accessDenied")


async def test_a_shared_folder_is_reached_below_and_not_beside(staff: Client, pupil: Client) -> None:
    shared, private = await staff.item("Shared resources"), await staff.item("Marking")
    drive = f"/drives/{staff.drive}/items"
    listed = (await pupil.call("GET", f"{drive}/{shared['id']}/children")).json["value"]
    assert [one["name"] for one in listed] == ["Empty.txt", "Safety film.bin"]
    assert (await pupil.call("GET", f"{drive}/{private['id']}")).error == (403, "accessDenied")
    assert (await pupil.call("DELETE", f"{drive}/{shared['id']}")).error == (403, "accessDenied")


async def test_sharing_and_following_can_be_told(staff: Client, pupil: Client, box: Sandbox) -> None:
    control = f"{box.url}/_sandbox/microsoft"
    told = {"user": pupil.email, "site": "class-7b", "follow": True}
    assert (await pupil.call("POST", f"{control}/follow", json=told)).status == 200
    assert [one["name"] for one in await sites(pupil)] == ["class-7b"]
    share = {"drive": staff.email, "path": "Marking", "with": [pupil.email], "right": "write"}
    item = (await pupil.call("POST", f"{control}/share", json=share)).json["id"]
    body = {"name": "Mine", "folder": {}}
    path = f"/drives/{staff.drive}/items/{item}"
    assert (await pupil.call("POST", f"{path}/children", json=body)).status == 201
    await pupil.call("POST", f"{control}/share", json={**share, "with": []})
    assert (await pupil.call("GET", path)).error == (403, "accessDenied")
    assert (await pupil.call("POST", f"{control}/share", json={"drive": "nobody"})).status == 400
    assert (await pupil.call("POST", control, json={"colour": "red"})).status == 400
