"""The main job, visibly: open, move and forget across three drives, through the public HTTP API only.

Every claim is checked; the first that does not hold ends the tour with a non-zero code.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import secrets
import sys
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import aiohttp
from playground import EXTENSION_ID, Playground
from yarl import URL

FORBIDDEN_ON_ONEDRIVE = set('"*:<>?/\\|')
BIG = 64 * 1024 * 1024
RETURN = f"https://{EXTENSION_ID}.chromiumapp.org/signed-in"


class TourFailed(Exception):
    """Something is not as it should be."""


def check(holds: object, claim: str) -> None:
    """Print a claim that holds, end the tour at one that does not."""
    if not holds:
        raise TourFailed(claim)
    print(f"  ✓ {claim}", flush=True)


def title(text: str) -> None:
    """A step's heading."""
    print(f"\n{text}", flush=True)


def bar(label: str, done: int, whole: int) -> None:
    """A progress bar that redraws itself on a terminal and stays quiet elsewhere."""
    if sys.stdout.isatty():
        part = min(1.0, done / whole) if whole else 1.0
        filled = int(part * 30)
        print(f"\r  {label:<28} [{'#' * filled}{'.' * (30 - filled)}] {part:4.0%}", end="", flush=True)


def end_bar() -> None:
    """Leave the bar's line."""
    if sys.stdout.isatty():
        print()


def with_query(url: str, **more: str) -> str:
    """The address with more query parameters."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=urlencode([*parse_qsl(parts.query, keep_blank_values=True), *more.items()])))


class Browser:
    """One person's client: a cookie jar, or a bearer token, and the gateway's address."""

    def __init__(self, gateway: str, token: str | None = None) -> None:
        self.gateway = gateway
        headers = {"Authorization": f"Bearer {token}"} if token else {"Origin": gateway}
        jar = aiohttp.CookieJar(unsafe=True)
        self.http = aiohttp.ClientSession(headers=headers, cookie_jar=jar, timeout=aiohttp.ClientTimeout(total=120))

    async def __aenter__(self) -> Browser:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.close()

    async def api(self, method: str, path: str, expect: int = 200, **more: Any) -> Any:
        """A JSON call; the answer, where its status is the expected one."""
        async with self.http.request(method, self.gateway + path, **more) as response:
            raw = await response.read()
            if response.status != expect:
                raise TourFailed(f"{method} {path.split('?')[0]} answered {response.status}: {raw[:300]!r}")
            return json.loads(raw) if raw else None

    async def follow(self, url: str, person: str) -> str:
        """Go where the address leads, approving as ``person`` at the sandbox; where it ends at the gateway."""
        for _ in range(10):
            if not url.startswith(self.gateway) and "sandbox_user=" not in url:
                url = with_query(url, sandbox_user=person)
            async with self.http.get(URL(url, encoded=True), allow_redirects=False) as response:
                if response.status not in (301, 302, 303, 307):
                    if response.status != 200:
                        raise TourFailed(f"a sign-in step answered {response.status}")
                    return url
                url = str(response.url.join(URL(response.headers["Location"], encoded=True)))
        raise TourFailed("a sign-in goes round in circles")

    async def sign_in(self, school: str, person: str, *, fresh: bool = False) -> Any:
        """Sign in through the school's LaunchPad; who the gateway says this is."""
        await self.follow(f"{self.gateway}/signin" + ("?fresh=1" if fresh else ""), f"{person}@{school}.example")
        return await self.api("GET", "/v1/me")

    async def connect(self, provider: str, account: str) -> str:
        """Connect an account by the real OAuth flow and confirm it; the drive's id."""
        started = await self.api("POST", "/v1/connections", 201, json={"provider": provider})
        ended = await self.follow(started["authorize_url"], account)
        drive = dict(parse_qsl(urlsplit(ended).query))["connected"]
        found = {one["id"]: one for one in (await self.api("GET", "/v1/drives"))["items"]}
        check(
            found[drive]["state"] == "unconfirmed" and found[drive]["label"] == account,
            f"{account} is shown before its first use",
        )
        await self.api("POST", f"/v1/connections/{drive}/confirm", 204)
        return drive

    async def children(self, drive: str, item: str) -> AsyncIterator[dict[str, Any]]:
        """All children of a folder, page by page."""
        cursor = ""
        while True:
            page = await self.api("GET", f"/v1/drives/{drive}/items/{item}/children{cursor}")
            for one in page["items"]:
                yield one
            if "next" not in page:
                return
            cursor = f"?cursor={page['next']}"

    async def open(self, drive: str, item: str, export: str = "") -> tuple[str, int, str]:
        """Open a file: SHA-256, bytes, Cache-Status."""
        digest, size = hashlib.sha256(), 0
        query = f"?export={export}" if export else ""
        async with self.http.get(f"{self.gateway}/v1/drives/{drive}/items/{item}/content{query}") as response:
            if response.status != 200:
                raise TourFailed(f"opening a file answered {response.status}: {(await response.read())[:300]!r}")
            async for chunk in response.content.iter_any():
                digest.update(chunk)
                size += len(chunk)
            return digest.hexdigest(), size, response.headers.get("Cache-Status", "")

    async def tree(self, drive: str, item: str) -> list[tuple[dict[str, Any], str, int]]:
        """Every file below a folder with its SHA-256 and bytes, documents in their first export format."""
        found: list[tuple[dict[str, Any], str, int]] = []
        async for one in self.children(drive, item):
            if one["kind"] == "folder":
                found += await self.tree(drive, one["id"])
            elif one["kind"] in ("file", "document"):
                export = one["exports"][0]["id"] if one["exports"] else ""
                digest, size, _ = await self.open(drive, one["id"], export)
                found.append((one, digest, size))
                print(f"\r  reading {len(found)} files", end="", flush=True) if sys.stdout.isatty() else None
        return found


async def find(who: Browser, drive: str, parent: str, name: str) -> dict[str, Any]:
    """The child of this name."""
    async for one in who.children(drive, parent):
        if one["name"] == name:
            return one
    raise TourFailed(f"no {name!r} there")


async def follow_job(who: Browser, job: str) -> dict[str, Any]:
    """Follow a job by its events until its end; its last state."""
    last: dict[str, Any] = {}
    async with who.http.get(f"{who.gateway}/v1/jobs/{job}/events") as response:
        event = ""
        async for raw in response.content:
            line = raw.decode().rstrip("\n")
            if line.startswith("event: "):
                event = line[7:]
            elif line.startswith("data: "):
                last = json.loads(line[6:])
                bar("moving", last["bytes"]["done"], last["bytes"]["total"])
                if event == "end":
                    break
    end_bar()
    return last


async def move(teacher: Browser, google: str, onedrive: str) -> None:
    """Move a nested folder and compare every file with what it was."""
    title("2. The teacher moves a nested folder from Google Drive to OneDrive")
    folder = await find(teacher, google, "root", "Class 7b")
    before = await teacher.tree(google, folder["id"])
    end_bar()
    names = [one["name"] for one, _, _ in before]
    check(any(size > BIG for _, _, size in before), "the folder holds a file over 64 MiB")
    check(any(size == 0 for _, _, size in before), "an empty file")
    check(any(one["kind"] == "document" for one, _, _ in before), "a Google Doc")
    check(any(set(name) & FORBIDDEN_ON_ONEDRIVE for name in names), "names that OneDrive forbids")
    check(len(set(names)) < len(names), "and two files of one name")

    order = {
        "mode": "move",
        "sources": [{"drive": google, "item": folder["id"]}],
        "destination": {"drive": onedrive, "item": "root"},
    }
    key = {"Idempotency-Key": secrets.token_hex(16)}
    job = await teacher.api("POST", "/v1/transfers", 202, json=order, headers=key)
    again = await teacher.api("POST", "/v1/transfers", 202, json=order, headers=key)
    check(again["id"] == job["id"], "the same request sent twice is one job")
    job = await follow_job(teacher, job["id"])
    counts = job["counts"]
    check(
        job["state"] == "done" and counts["failed"] == 0 and counts["waiting"] == 0, f"done: {counts['copied']} items"
    )
    check(
        counts["found"] == counts["copied"] + counts["skipped"] + counts["unsupported"],
        "found = copied + skipped + unsupported: nothing is left unsaid",
    )
    report = (await teacher.api("GET", f"/v1/jobs/{job['id']}/items?limit=1000"))["items"]
    for one in report:
        if "renamed_to" in one:
            print(f"    {one['name']!r} is now {one['renamed_to']!r}")

    arrived = await find(teacher, onedrive, "root", "Class 7b")
    after = await teacher.tree(onedrive, arrived["id"])
    end_bar()
    check(
        sorted((digest, size) for _, digest, size in before) == sorted((digest, size) for _, digest, size in after),
        f"all {len(after)} files arrived with the same SHA-256",
    )
    check(all(not set(one["name"]) & FORBIDDEN_ON_ONEDRIVE for one, _, _ in after), "under names that OneDrive allows")
    left = [one["name"] async for one in teacher.children(google, "root")]
    check("Class 7b" not in left, "the source went to Google's trash only after that")


async def open_twice(student: Browser, drive: str) -> tuple[str, str]:
    """Open a file twice; the second time it comes from the encrypted cache."""
    title("3. A student opens a file twice")
    async for one in student.children(drive, "root"):
        if one["kind"] == "file" and one["size"]:
            break
    else:
        raise TourFailed("the student has no file")
    first = await student.open(drive, one["id"])
    second = await student.open(drive, one["id"])
    check(
        first[:2] == second[:2] and "miss" in first[2] and "hit" in second[2], f"first {first[2]!r}, then {second[2]!r}"
    )
    kept = (await student.api("GET", "/v1/cache"))["items"]
    check(len(kept) == 1, f"the page shows what is cached, until {kept[0]['ends'][11:16]} UTC")
    return one["id"], first[0]


async def extension(student: Browser, drive: str, item: str, digest: str) -> str:
    """Sign the browser extension in by code and PKCE, and open the file with its token; the token."""
    title("4. The browser extension, with a token of its own")
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "response_type": "code", "client_id": "file-access-extension", "redirect_uri": RETURN,
        "state": secrets.token_hex(8), "code_challenge": challenge, "code_challenge_method": "S256",
    }  # fmt: skip
    async with student.http.get(f"{student.gateway}/extension/authorize", params=asked) as page:
        check(page.status == 200, "the student is asked first")
    approve = {**asked, "decision": "allow"}
    async with student.http.post(
        f"{student.gateway}/extension/authorize", data=approve, allow_redirects=False
    ) as response:
        back = dict(parse_qsl(urlsplit(response.headers.get("Location", "")).query))
    check(back.get("state") == asked["state"] and "code" in back, "the code comes back to the extension only")
    form = {
        "grant_type": "authorization_code", "client_id": "file-access-extension", "code": back["code"],
        "code_verifier": verifier, "redirect_uri": RETURN,
    }  # fmt: skip
    tokens = await student.api("POST", "/v1/token", data=form)
    token: str = tokens["access_token"]
    async with Browser(student.gateway, token) as plugin:
        opened = await plugin.open(drive, item)
        check(opened[0] == digest, "it opens the same file")
        await plugin.api("POST", "/v1/erasures", 403, json={"scope": "me", "confirm": "FORGET"})
        check(True, "it may not forget anybody")
    return token


async def forget(student: Browser, token: str) -> None:
    """The student is forgotten, and it can be seen."""
    title("5. The student forgets themselves")
    me = await student.sign_in("riverside", "leo.park", fresh=True)
    plan = await student.api("GET", "/v1/erasure/plan")
    for store in plan["stores"]:
        if store["count"]:
            print(f"    {store['count']:>3}  {store['what']}")
    keys = await student.api("GET", "/v1/receipt-keys")
    begun = await student.api("POST", "/v1/erasures", 202, json={"scope": "me", "confirm": "FORGET"})
    started = time.monotonic()
    while True:
        async with student.http.get(student.gateway + begun["receipt"]) as response:
            if response.status == 200:
                receipt = json.loads(await response.read())
                break
            check_running = response.status == 425 and time.monotonic() - started < 30
        if not check_running:
            raise TourFailed("no receipt")
        await asyncio.sleep(0.2)
    from gateway.signing import verify

    statement = verify(receipt, keys)
    print("    " + json.dumps(statement, indent=2, ensure_ascii=False).replace("\n", "\n    "))
    check(True, "the receipt is signed by the key that was published before")
    await student.api("GET", begun["receipt"], 404)
    check(True, "its address worked once")
    await student.api("GET", "/v1/me", 401)
    async with Browser(student.gateway, token) as plugin:
        await plugin.api("GET", "/v1/me", 401)
    check(True, "the session and the extension's token are dead")
    again = await student.sign_in("riverside", "leo.park")
    drives = (await student.api("GET", "/v1/drives"))["items"]
    check(again["id"] != me["id"] and len(drives) == 1, "signing in again makes a new, empty person")


async def main(running: Playground) -> int:
    """The whole tour. 0 where every check held."""
    started = time.monotonic()
    try:
        async with Browser(running.gateway) as teacher, Browser(running.gateway) as student:
            title("1. A teacher signs in at LaunchPad and connects both accounts")
            me = await teacher.sign_in("riverside", "amira.haddad")
            check(me["role"] == "teacher", f"{me['name']}, {me['role']} at {me['school']['name']}")
            google = await teacher.connect("google", "amira.haddad@riverside.example")
            onedrive = await teacher.connect("microsoft", "amira.haddad@riverside.example")
            await move(teacher, google, onedrive)
            await student.sign_in("riverside", "leo.park")
            drive = await student.connect("google", "leo.park@riverside.example")
            item, digest = await open_twice(student, drive)
            token = await extension(student, drive, item, digest)
            await forget(student, token)
    except TourFailed as failure:
        print(f"\n  ✗ {failure}\n\nThe tour failed. Logs of the processes are gone with their folder.", flush=True)
        return 1
    print(f"\nEverything held. {time.monotonic() - started:.0f} seconds.", flush=True)
    return 0
