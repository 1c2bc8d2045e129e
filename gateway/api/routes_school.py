"""A school's own settings, for its administrators."""

from __future__ import annotations

from aiohttp import web

from gateway.api.problems import Problem
from gateway.api.ranges import check_match, strong_etag
from gateway.api.routing import Call, Header, Route, answer
from gateway.api.schemas_verbs import SchoolSettingsChange, SchoolSettingsOut
from gateway.schools import FORMATS, NotOffered, SchoolSettings, WrongVersion


def _out(call: Call, settings: SchoolSettings) -> web.Response:
    offered = {name: list(formats) for name, formats in FORMATS.items()}
    told = SchoolSettingsOut(exports=dict(settings.exports), offered=offered)
    return answer(told, headers={"ETag": _etag(call, settings)})


def _etag(call: Call, settings: SchoolSettings) -> str:
    return strong_etag("school_settings", call.me.school, str(settings.version))


async def get_settings(call: Call) -> web.StreamResponse:
    """What the school chose: the format in which documents are opened and moved where the person names none."""
    return _out(call, await call.services.school_choices.get(call.me.school))


async def change_settings(call: Call) -> web.StreamResponse:
    """Change what is named; null goes back to the default. What was changed, and by whom, stands in the ledger."""
    choices, wanted = call.services.school_choices, call.body.exports.model_dump(exclude_unset=True)
    now = await choices.get(call.me.school)
    check_match(call.request.headers.get("If-Match"), _etag(call, now), required=True)
    try:
        return _out(call, await choices.change(call.me.school, call.me.person, now.version, wanted))
    except NotOffered:
        raise Problem(422, "no_such_format", "Documents of this kind cannot be had in that format.") from None
    except WrongVersion:
        raise Problem(412, "changed", "Somebody else changed the settings in the meantime. Load them again.") from None


PATH = "/v1/school/settings"
ROUTES = (
    Route("GET", PATH, get_settings, "school.settings", "A school's settings", "school", answer=SchoolSettingsOut),
    Route(
        "PATCH", PATH, change_settings, "school.settings", "Change a school's settings", "school",
        body=SchoolSettingsChange, answer=SchoolSettingsOut, problems=(412, 428),
        headers=(Header("If-Match", "The ETag of the settings as the caller saw them.", required=True),),
    ),
)  # fmt: skip
