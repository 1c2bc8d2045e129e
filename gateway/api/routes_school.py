"""A school's own settings, for its administrators: formats, and the address where the school is told of ended jobs."""

from __future__ import annotations

from aiohttp import web

from gateway.api.fresh import require_fresh
from gateway.api.problems import Problem
from gateway.api.ranges import check_match, strong_etag
from gateway.api.routes_account import moment
from gateway.api.routing import Call, Header, Route, answer
from gateway.api.schemas_verbs import (
    RetentionOut,
    SchoolSettingsChange,
    SchoolSettingsOut,
    WebhookOut,
    WebhookSecret,
    WebhookTested,
    WebhookWanted,
)
from gateway.schools import BOUNDS, FORMATS, NotOffered, OutOfBounds, SchoolSettings, WrongVersion
from gateway.sentences import sentence
from gateway.webhooks import FAILURES, AddressRefused, Change, NoWebhook, Wanted, WebhookView


async def _out(call: Call, settings: SchoolSettings, secret: str | None = None) -> web.Response:
    offered = {name: list(formats) for name, formats in FORMATS.items()}
    view = await call.services.webhooks.get(call.me.school)
    webhook = None if view is None else _webhook(call, view, secret)
    told = SchoolSettingsOut(
        exports=dict(settings.exports),
        offered=offered,
        retention=_retention(call, settings),
        delay_hours=settings.delay_hours,
        webhook=webhook,
    )
    return answer(told, headers={"ETag": _etag(call, settings)})


def _retention(call: Call, settings: SchoolSettings) -> dict[str, RetentionOut]:
    usual = call.services.school_choices.usual

    def told(name: str) -> RetentionOut:
        least, most = usual.bounds(name)
        value = getattr(settings.retention, name)
        return RetentionOut(value=value, chosen=name in settings.chosen, least=least, most=most)

    return {name: told(name) for name in BOUNDS}


def _webhook(call: Call, view: WebhookView, secret: str | None) -> WebhookOut:
    return WebhookOut(
        url=view.url,
        after=view.after,
        active=not view.stopped,
        secrets=view.secrets,
        secret=secret,
        waiting=view.waiting,
        given_up=view.given_up,
        last_success=None if view.succeeded is None else moment(view.succeeded),
        last_failure=None if view.failed is None else moment(view.failed),
        failure=view.failure,
        status=view.status,
        advice=_words(call, view.failure),
    )


def _words(call: Call, failure: str | None) -> str | None:
    return None if failure is None else call.say(FAILURES[failure])


def _etag(call: Call, settings: SchoolSettings) -> str:
    return strong_etag("school_settings", call.me.school, str(settings.version))


async def get_settings(call: Call) -> web.StreamResponse:
    """What the school chose: the formats of documents where a person names none, and where it is told of ended jobs."""
    return await _out(call, await call.services.school_choices.get(call.me.school))


async def change_settings(call: Call) -> web.StreamResponse:
    """Change what is named; null goes back to the default. What was changed, and by whom, stands in the ledger.

    Changing how long things are kept, or `delay_hours`, needs a sign-in of the last minutes: what goes by it does not
    come back.

    The first `webhook` makes a signing secret, which is in this answer and in no other; null takes the address away,
    with its secrets and all that waits to be sent there.

    `delay_hours`: how long a request that two administrators approved waits, in which it can be cancelled.
    """
    choices, wanted = call.services.school_choices, call.body.exports.model_dump(exclude_unset=True)
    retention = call.body.retention.model_dump(exclude_unset=True)
    delay = call.body.model_dump(include={"delay_hours"}, exclude_unset=True)
    if retention or delay:
        await require_fresh(call.services, call.me)
    now = await choices.get(call.me.school)
    check_match(call.request.headers.get("If-Match"), _etag(call, now), required=True)
    change = _change(call, call.body.webhook) if "webhook" in call.body.model_fields_set else None
    try:
        changed = await choices.change(call.me.school, call.me.person, now.version, wanted, change, retention, delay)
    except OutOfBounds as error:
        raise Problem(
            422, "out_of_bounds", "This number is too small or too large.",
            field=error.name, least=error.least, most=error.most,
        ) from None  # fmt: skip
    except NotOffered:
        raise Problem(422, "no_such_format", "Documents of this kind cannot be had in that format.") from None
    except WrongVersion:
        raise Problem(412, "changed", "Somebody else changed the settings in the meantime. Load them again.") from None
    return await _out(call, changed, None if change is None else change.secret)


def _change(call: Call, wanted: WebhookWanted | None) -> Change:
    try:
        made = None if wanted is None else Wanted(wanted.url, wanted.after)
        return call.services.webhooks.change(call.me.school, made)
    except AddressRefused:
        raise Problem(
            422, "webhook_refused", "Nothing can be sent to this address.",
            advice=sentence("Give an https address in the open internet, without a user name in it."),
        ) from None  # fmt: skip


def _no_webhook() -> Problem:
    return Problem(409, "no_webhook", "The school has set no address. Set one first.")


async def test_webhook(call: Call) -> web.StreamResponse:
    """Send a message that says only that it is a test, and tell what the address answered."""
    try:
        sent = await call.services.webhooks.test(call.me.school)
    except NoWebhook:
        raise _no_webhook() from None
    words = _words(call, sent.code)
    return answer(WebhookTested(delivered=sent.code is None, failure=sent.code, status=sent.status, advice=words))


async def rotate_secret(call: Call) -> web.StreamResponse:
    """A new signing secret, in this answer and in no other. The one before stays valid beside it for a day."""
    try:
        return answer(WebhookSecret(secret=await call.services.webhooks.rotate(call.me.school, call.me.person)))
    except NoWebhook:
        raise _no_webhook() from None


PATH = "/v1/school/settings"
HOOK = "/v1/school/webhook"
ROUTES = (
    Route("GET", PATH, get_settings, "school.settings", "A school's settings", "school", answer=SchoolSettingsOut),
    Route(
        "PATCH", PATH, change_settings, "school.settings", "Change a school's settings", "school",
        body=SchoolSettingsChange, answer=SchoolSettingsOut, problems=(412, 428),
        headers=(Header("If-Match", "The ETag of the settings as the caller saw them.", required=True),),
    ),
    Route(
        "POST", f"{HOOK}/test", test_webhook, "school.settings", "Send a test to the school's address", "school",
        answer=WebhookTested, problems=(409,), rate=10,
    ),
    Route(
        "POST", f"{HOOK}/secret", rotate_secret, "school.settings", "Make a new signing secret", "school",
        answer=WebhookSecret, problems=(409,), rate=10,
    ),
)  # fmt: skip
