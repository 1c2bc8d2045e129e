"""permissions: who may do what with a file, a folder or a shared drive; for persons and for anyone with the link."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from providers.sandbox.behaviours import behaviour
from providers.sandbox.box import Refused
from providers.sandbox.google.calls import Api, Call
from providers.sandbox.google.errors import forbidden, invalid
from providers.sandbox.google.fields import cut
from providers.sandbox.google.tree import Tree
from providers.sandbox.people import Person
from providers.sandbox.store import Doc

ANYONE = "anyoneWithLink"
ROLES = ("reader", "commenter", "writer")
MEMBERS = (*ROLES, "fileOrganizer", "organizer")


class Permissions:
    """The endpoints below a file."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def mount(self, router: web.UrlDispatcher, prefix: str) -> None:
        """Adds the routes."""
        place = f"{prefix}/files/{{fileId}}/permissions"
        router.add_get(place, self.list, allow_head=False)
        router.add_post(place, self.create)
        router.add_get(f"{place}/{{permissionId}}", self.get, allow_head=False)
        router.add_patch(f"{place}/{{permissionId}}", self.update)
        router.add_delete(f"{place}/{{permissionId}}", self.delete)

    @behaviour("documented", "permissions.list is for who may share the file: 403 insufficientFilePermissions.")
    async def list(self, request: web.Request) -> web.Response:
        """Everyone who may do something with it; all on one page."""
        call, row = self._open(request, "list", "permissions")
        answer = {"kind": "drive#permissionList", "permissions": permissions(call.tree, row)}
        return web.json_response(cut(answer, call.selected))

    async def get(self, request: web.Request) -> web.Response:
        """One of them."""
        call, row = self._open(request, "get", "permission")
        return web.json_response(cut(self._known(call, row), call.selected))

    @behaviour(
        "documented", "permissions.create shares with a user by address or with anyone; a second time changes the role."
    )
    @behaviour("documented", "A permission on a shared drive's own id makes a member; only organizers give those.")
    @behaviour("assumed", "Groups, domains and owner as a role are 400 invalidSharingRequest here.")
    async def create(self, request: web.Request) -> web.Response:
        """Shares."""
        call, row = self._open(request, "create", "permission", writes=True)
        body = await self._api.box.json(request)
        kind, role = body.get("type"), str(body.get("role"))
        if kind not in ("user", "anyone") or role not in (ROLES if row["parent"] or not row["drive"] else MEMBERS):
            raise Refused(400, "invalidSharingRequest", f"Bad Request. Cannot give {role} to {kind}.")
        if kind == "anyone":
            return self._answer(call, call.tree.put(shared_by_link(row, role)), ANYONE)
        person = call.tree.person(str(body.get("emailAddress", "")))
        if person is None:
            raise Refused(400, "invalidSharingRequest", "Bad Request. User message: there is no such account.")
        return self._answer(call, self._give(call, row, person, role), person.id)

    async def update(self, request: web.Request) -> web.Response:
        """Another role."""
        call, row = self._open(request, "update", "permission", writes=True)
        known = self._known(call, row)
        role = (await self._api.box.json(request)).get("role", known["role"])
        if role not in MEMBERS or known["role"] == "owner":
            raise invalid("role", str(role))
        if known["id"] == ANYONE:
            return self._answer(call, call.tree.put(shared_by_link(row, role)), ANYONE)
        person = call.tree.person(known["emailAddress"])
        assert person is not None, "a permission names somebody who is there"
        return self._answer(call, self._give(call, row, person, role), person.id)

    @behaviour("documented", "The owner's permission cannot be deleted; an inherited one only where it was given.")
    @behaviour("documented", "Anyone may give up what was shared with them.")
    async def delete(self, request: web.Request) -> web.Response:
        """Shares no more."""
        call, row = self._open(request, "delete", "permission", writes=True)
        known = self._known(call, row)
        given = row.get("shared", {})
        if known["id"] == ANYONE and ("anyone" in row or "link" in row):
            call.tree.put({name: value for name, value in row.items() if name not in ("anyone", "link")})
        elif known.get("emailAddress") in given:
            unshared(call.tree, row, known["emailAddress"])
        elif row["drive"] and row["parent"] is None:
            call.tree.drives.admit(row["drive"], known["emailAddress"], None)
        else:
            raise forbidden("cannotDeletePermission", "This permission is inherited, or it is the owner's.")
        return web.Response(status=204)

    def _open(self, request: web.Request, verb: str, kind: str, *, writes: bool = False) -> tuple[Call, Doc]:
        call = self._api.open(request, f"permissions.{verb}", kind, writes=writes)
        row = call.find(request.match_info["fileId"])
        leaving = request.match_info.get("permissionId") == call.viewer.person.id and verb in ("get", "delete")
        if row["drive"] and row["parent"] is None and writes:
            call.allowed(row, "canMoveChildrenOutOfDrive")  # what only organizers have: they manage the members
        elif not leaving:
            call.allowed(row, "canShare")
        return call, call.whole(row) if writes else row

    def _known(self, call: Call, row: Doc) -> dict[str, Any]:
        wanted = call.request.match_info["permissionId"]
        for known in permissions(call.tree, row):
            if known["id"] == wanted:
                return known
        raise Refused(404, "notFound", f"Permission not found: {wanted}.")

    def _give(self, call: Call, row: Doc, person: Person, role: str) -> Doc:
        if row["drive"] and row["parent"] is None:
            call.tree.drives.admit(row["drive"], person.email, role)
            return row
        if row["owner"] == person.email:
            raise Refused(400, "invalidSharingRequest", "Bad Request. The owner has it already.")
        return call.tree.put(shared_with(row, person.email, role, call.tree.now(), call.viewer.person.email))

    def _answer(self, call: Call, row: Doc, permission: str) -> web.Response:
        found = next(one for one in permissions(call.tree, row) if one["id"] == permission)
        return web.json_response(cut(found, call.selected))


def shared_with(row: Doc, email: str, role: str, at: int, by: str) -> Doc:
    """The row, shared with one person; the time of the first sharing stays."""
    old = row.get("shared", {})
    given = {"role": role, "at": old.get(email, {}).get("at", at), "by": by}
    return {**row, "shared": {**old, email: given}}


def shared_by_link(row: Doc, role: str) -> Doc:
    """The row, open to anyone who has its link."""
    return {**row, "anyone": {"role": role}}


def unshared(tree: Tree, row: Doc, email: str) -> None:
    """Takes a row away from one person, who is told so by the feed of changes."""
    left = {who: given for who, given in row.get("shared", {}).items() if who != email}
    row = tree.put({**row, "shared": left})
    person = tree.person(email)
    if person is not None and tree.role(person, row) is None:
        tree.lose(row, email)


def permissions(tree: Tree, row: Doc) -> list[dict[str, Any]]:
    """Everything that was given on a row or above it; each person once, with the strongest role."""
    found = {}
    owner = tree.person(row["owner"])
    if owner is not None:
        found[owner.id] = _named(owner, "owner")
    for one in tree.upwards(row):
        for email in one.get("shared", {}):
            person = tree.person(email)
            if person is not None and person.id not in found:
                found[person.id] = _named(person, tree.role(person, row) or "reader")
        if ("anyone" in one or "link" in one) and ANYONE not in found:
            role = one.get("anyone", {}).get("role", "reader")
            found[ANYONE] = {"kind": "drive#permission", "id": ANYONE, "type": "anyone", "role": role}
            found[ANYONE]["allowFileDiscovery"] = False
    if row["drive"]:
        found |= _members(tree, row)
    return list(found.values())


def _members(tree: Tree, row: Doc) -> dict[str, dict[str, Any]]:
    found = {}
    for person in tree.people():
        role = tree.drives.role(person, row["drive"])
        if role:
            detail = {"permissionType": "member", "role": role, "inherited": row["parent"] is not None}
            detail |= {"inheritedFrom": row["drive"]} if row["parent"] else {}
            found[person.id] = {**_named(person, role), "permissionDetails": [detail]}
    return found


def _named(person: Person, role: str) -> dict[str, Any]:
    known = {"kind": "drive#permission", "id": person.id, "type": "user", "role": role, "deleted": False}
    return known | {"displayName": person.name, "emailAddress": person.email, "pendingOwner": False}
