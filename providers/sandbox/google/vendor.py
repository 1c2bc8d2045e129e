"""The Google stand-in put together."""

from __future__ import annotations

from aiohttp import web

from providers.sandbox.box import Refused, Sandbox
from providers.sandbox.oauth import Hooks, OAuth, Settings


class Google:
    """Google Drive and its accounts."""

    title = "Sign in with Google (sandbox)"

    def mount(self, box: Sandbox) -> None:
        """Adds Google's OAuth endpoints."""
        settings = Settings(access_prefix="ya29.", refresh_prefix="1//", code_prefix="4/")
        oauth = OAuth(box, settings, Hooks(offline=lambda params: params.get("access_type") == "offline"))
        box.oauth = oauth
        oauth.mount(authorize="/o/oauth2/v2/auth", token="/token", revoke="/revoke")  # noqa: S106 - a path

    def seed(self, box: Sandbox) -> None:
        """Nothing yet."""

    def refuse(self, request: web.BaseRequest, refused: Refused) -> web.Response:
        """Google's error envelope."""
        error = {"domain": "global", "reason": refused.reason, "message": refused.message}
        body = {"error": {"code": refused.status, "message": refused.message, "errors": [error]}}
        return web.json_response(body, status=refused.status, headers=refused.headers)

    def expire_session(self, box: Sandbox, request: web.BaseRequest) -> None:
        """No sessions yet."""
