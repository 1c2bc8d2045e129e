"""The picker that comes with a consent: ``trigger_onepick=true`` shows the person's files before the code goes back."""

from __future__ import annotations

from aiohttp import web

from providers.sandbox.behaviours import behaviour
from providers.sandbox.box import Refused
from providers.sandbox.consent import choice, page
from providers.sandbox.google.tree import FOLDER, Tree, Viewer
from providers.sandbox.oauth import Form
from providers.sandbox.people import Person
from providers.sandbox.store import Doc

SHOWN = 200


class Picker:
    """A page, and the grants that it makes."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    @behaviour("documented", "trigger_onepick=true lets the person pick; picked_file_ids comes back with the code.")
    @behaviour("documented", "A picked folder grants itself alone.")
    @behaviour("assumed", "mimetypes, file_ids and allow_multiple narrow what can be picked.")
    @behaviour("assumed", "allow_folder_selection=true shows folders as well as files.")
    def further(self, request: web.Request, person: Person, params: Form) -> web.Response | dict[str, str]:
        """The page, or what was picked on it. Refused 400 for what could not be picked."""
        if params.get("trigger_onepick") != "true":
            return {}
        offered = {row["id"]: row for row in self._offered(person, params)}
        if "sandbox_pick" not in params and "sandbox_picked" not in params:
            return self._page(request, person, params, list(offered.values()))
        picked = [one for one in params.get("sandbox_pick", "").split(",") if one]
        if set(picked) - set(offered) or (len(picked) > 1 and params.get("allow_multiple") == "false"):
            raise Refused(400, "invalid_request", "What was picked is not among the files that are offered.")
        viewer = Viewer(person, params.get("client_id", ""), frozenset())
        for row in map(offered.__getitem__, picked):
            if viewer.app not in row["apps"]:
                self._tree.put({**row, "apps": [*row["apps"], viewer.app]})
        return {"picked_file_ids": ",".join(picked)}

    def _offered(self, person: Person, params: Form) -> list[Doc]:
        types, ids = (_list(params.get(name, "")) for name in ("mimetypes", "file_ids"))
        folders = params.get("allow_folder_selection") == "true"
        found = []
        for row in self._tree:
            named = row["parent"] and self._tree.role(person, row) and self._tree.named(person, row)
            wanted = (not types or row["mime"] in types) and (not ids or row["id"] in ids)
            if named and wanted and (folders or row["mime"] != FOLDER) and not self._tree.trashed(row):
                found.append(row)
        return sorted(found, key=lambda row: str(row["name"]).casefold())

    def _page(self, request: web.Request, person: Person, params: Form, offered: list[Doc]) -> web.Response:
        boxes = "".join(choice("sandbox_pick", row["id"], row["name"], ticked=False) for row in offered[:SHOWN])
        button = '<button name="sandbox_picked" value="1">Select</button>'
        kept = {**params, "sandbox_user": person.email}
        return page("Select files", "Which files may the app open?", boxes, button, kept, request.path)


def _list(text: str) -> frozenset[str]:
    return frozenset(one for one in text.split(",") if one)
