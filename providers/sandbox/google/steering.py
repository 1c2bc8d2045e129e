"""``POST /_sandbox/google``: puts the stand-in into states that no request of a client leads to."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from providers.sandbox.google.calls import Api
from providers.sandbox.google.permissions import shared_by_link, shared_with, unshared
from providers.sandbox.store import Doc


class Steering:
    """The control route; each key of the body is one of `keys`, an unknown one is 400.

    quota    {email: bytes or null}         how much fits into My Drive
    marks    {file id: {mark: bool}}        abusive, blocked (no download); unlinked (no exportLinks), unready
                                            (files.download fails), unreadable (its thumbnail cannot be made)
    links    {file id: key or null}         open by its link to who sends this resource key
    anyone   {file id: role or null}        open by its link, without a key
    shared   {file id: {email: role or null}}   given by its owner
    members  {drive id: {email: role or null}}  reader, commenter, writer, fileOrganizer, organizer
    limits   {drive id: items}              how many items the shared drive holds
    grow     {folder id: count}             so many small files lie in it, computed when they are asked for;
                                            {"count", "size"} instead: of so many bytes each
    forget   true                           page tokens of changes that were given so far are refused
    """

    def __init__(self, api: Api) -> None:
        self._tree = api.tree
        self.keys: dict[str, Callable[[Any], None]] = {
            "quota": self._each(self._tree.limit),
            "marks": self._each(lambda file_id, marks: self._change(file_id, marks=marks)),
            "links": self._each(lambda file_id, key: self._change(file_id, link=key)),
            "anyone": self._each(self._anyone),
            "shared": self._pairs(self._share),
            "members": self._pairs(self._tree.drives.admit),
            "grow": self._each(lambda file_id, wanted: self._tree.grown.plant(self._row(file_id), wanted)),
            "limits": self._each(self._limit),
            "forget": lambda wanted: self._tree.forget_changes() if wanted else None,
        }

    def mount(self, router: web.UrlDispatcher) -> None:
        """Adds the route."""
        router.add_post("/_sandbox/google", self.control)

    async def control(self, request: web.Request) -> web.Response:
        """Does what the body says; {} when all is done, 400 or 404 with the error in words."""
        body = json.loads(await request.read() or b"{}")
        unknown = set(body) - set(self.keys)
        if unknown:
            text = f"unknown {sorted(unknown)}; known are {sorted(self.keys)}"
            return web.json_response({"error": text}, status=400)
        try:
            for name, value in body.items():
                self.keys[name](value)
        except KeyError as error:
            return web.json_response({"error": f"there is no {error}"}, status=404)
        return web.json_response({})

    def _each(self, act: Callable[[str, Any], Any]) -> Callable[[Mapping[str, Any]], None]:
        def run(values: Mapping[str, Any]) -> None:
            for key, value in values.items():
                act(key, value)

        return run

    def _pairs(self, act: Callable[[str, str, str | None], Any]) -> Callable[[Mapping[str, Any]], None]:
        return self._each(lambda key, people: [act(key, email, role) for email, role in people.items()])

    def _row(self, file_id: str) -> Doc:
        row = self._tree.get(file_id)
        if row is None:
            raise KeyError(file_id)
        return row

    def _change(self, file_id: str, **changes: Any) -> None:
        row = {**self._row(file_id), **changes}
        self._tree.put({name: value for name, value in row.items() if name not in changes or value is not None})

    def _anyone(self, file_id: str, role: str | None) -> None:
        if role is None:
            self._change(file_id, anyone=None)
        else:
            self._tree.put(shared_by_link(self._row(file_id), role))

    def _share(self, file_id: str, email: str, role: str | None) -> None:
        row = self._row(file_id)
        if role is None:
            unshared(self._tree, row, email)
        else:
            self._tree.put(shared_with(row, email, role, self._tree.now(), row["owner"] or email))

    def _limit(self, drive: str, items: int) -> None:
        row = self._tree.drives.get(drive)
        if row is None:
            raise KeyError(drive)
        self._tree.drives.put({**row, "limit": items})
