"""The Google stand-in put together: OAuth, Drive v3, uploads; one port for whatever host name it is called by."""

from __future__ import annotations

from aiohttp import web

from providers.sandbox.behaviours import behaviour
from providers.sandbox.box import Refused, Sandbox
from providers.sandbox.google.account import Account
from providers.sandbox.google.calls import Api
from providers.sandbox.google.changes import Changes
from providers.sandbox.google.errors import refuse
from providers.sandbox.google.files import Files
from providers.sandbox.google.media import Exports
from providers.sandbox.google.operations import Operations
from providers.sandbox.google.permissions import Permissions
from providers.sandbox.google.picker import Picker
from providers.sandbox.google.pictured import Thumbnails
from providers.sandbox.google.revisions import Revisions
from providers.sandbox.google.seed import plant
from providers.sandbox.google.steering import Steering
from providers.sandbox.google.tree import Tree
from providers.sandbox.google.uploads import Uploads
from providers.sandbox.oauth import Form, Hooks, OAuth, Settings


@behaviour("documented", "A refresh token comes only with access_type=offline; refreshing does not rotate it.")
@behaviour("assumed", "Every consent with access_type=offline gives one, as if prompt=consent were always set.")
def _offline(params: Form) -> bool:
    return params.get("access_type") == "offline"


class Google:
    """Google Drive and its accounts."""

    title = "Sign in with Google (sandbox)"

    @behaviour("documented", "The consent page lets a person untick scopes; the token answer tells what was granted.")
    @behaviour("rclone", "Answers under www.googleapis.com, oauth2.googleapis.com and accounts.google.com alike.")
    def mount(self, box: Sandbox) -> None:
        """Adds every route; builds the tree from the store."""
        settings = Settings(access_prefix="ya29.", refresh_prefix="1//", code_prefix="4/")
        self.tree = Tree(box)
        hooks = Hooks(offline=_offline, granular=True, further=Picker(self.tree).further)
        box.oauth = oauth = OAuth(box, settings, hooks)
        oauth.mount(authorize="/o/oauth2/v2/auth", token="/token", revoke="/revoke")  # noqa: S106 - a path
        api = Api(box, self.tree, oauth)
        self._uploads = Uploads(api)
        router = box.app.router
        Steering(api).mount(router)
        Thumbnails(api).mount(router)
        for part in (Account(api), Changes(api), Permissions(api), Revisions(api), Exports(api)):
            part.mount(router, "/drive/v3")
        Operations(api).mount(router, "/drive/v3")
        Files(api).mount(router, "/drive/v3")
        for prefix in ("/upload/drive/v3", "/resumable/upload/drive/v3"):
            self._uploads.mount(router, prefix)

    def seed(self, box: Sandbox) -> None:
        """Class materials."""
        plant(box, self.tree)

    def refuse(self, request: web.BaseRequest, refused: Refused) -> web.Response:
        """Google's error envelope."""
        return refuse(request, refused)

    @behaviour("documented", "An expired upload session is 404: start a new one.")
    def expire_session(self, box: Sandbox, request: web.BaseRequest) -> None:
        """Forgets the session in upload_id."""
        self._uploads.expire(request.query.get("upload_id", ""))
