"""What people do in Google's own pages: requests of the interface that no drive object makes."""

from __future__ import annotations

import base64
from typing import Any, Final

import aiohttp

from tests.sandboxes import Running

PNG: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
"""A picture of one dot."""


async def says(google: Running, who: str, method: str, path: str, body: object | None = None, **query: str) -> Any:
    """One request below /drive/v3 in a person's name; the decoded answer, None where it is empty."""
    headers = {"Authorization": f"Bearer {await google.token_for(who)}"}
    async with (
        aiohttp.ClientSession() as session,
        session.request(
            method,
            f"{google.url}/drive/v3/{path}",
            json=body,
            headers=headers,
            params={"supportsAllDrives": "true", **query},
        ) as answer,
    ):
        assert answer.status < 300, (answer.status, await answer.text())
        return await answer.json() if answer.content_length else None
