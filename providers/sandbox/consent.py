"""The pages on which a person picks an account, consents and chooses: plain HTML forms, usable without script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from aiohttp import web

from providers.sandbox.people import Person

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem}}
button{{display:block;width:100%;text-align:left;font:inherit;padding:.7rem 1rem;margin:.4rem 0;cursor:pointer}}
ul{{list-style:none;padding:0}}label{{display:block;padding:.4rem 0}}small{{color:#555}}</style></head>
<body><main><h1>{title}</h1><p><strong>Sandbox:</strong> made-up accounts, no passwords. {intro}</p>
<form method="post" action="{action}">{hidden}
<ul>{choices}</ul>
{buttons}
<button name="sandbox_deny" value="access_denied">Cancel</button></form></main></body></html>"""
_FIXED = ("openid", "email", "profile", "offline_access")


def page(title: str, intro: str, choices: str, buttons: str, params: Mapping[str, str], action: str) -> web.Response:
    """A page that goes on with everything it was asked with. ``intro``, ``choices`` and ``buttons`` are HTML."""
    hidden = "".join(f'<input type="hidden" name="{escape(k)}" value="{escape(v)}">' for k, v in params.items())
    text = _PAGE.format(
        title=escape(title), intro=intro, action=escape(action), hidden=hidden, choices=choices, buttons=buttons
    )
    return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-store"})


def choice(name: str, value: str, label: str, *, ticked: bool) -> str:
    """One box to tick, as a list item."""
    box = f'<input type="checkbox" name="{escape(name)}" value="{escape(value)}"{" checked" if ticked else ""}>'
    return f"<li><label>{box} {escape(label)}</label></li>"


def consent_page(
    title: str, people: Sequence[Person], params: Mapping[str, str], action: str, *, granular: bool = False
) -> web.Response:
    """One button an account, that of ``login_hint`` first. ``granular``: each scope but those of identity is a box."""
    hint = params.get("login_hint")
    ordered = sorted(people, key=lambda person: hint not in (person.email, person.sub))
    intro = f"<em>{escape(params.get('client_id', ''))}</em> asks for:"
    choices = "".join(_scope(scope, granular=granular) for scope in params.get("scope", "").split())
    kept = {**params, "sandbox_granular": "1"} if granular else params
    return page(title, intro, choices, "\n".join(map(_button, ordered)), kept, action)


def _scope(scope: str, *, granular: bool) -> str:
    if not granular:
        return f"<li>{escape(scope)}</li>"
    if scope in _FIXED:
        return f'<li>{escape(scope)}<input type="hidden" name="sandbox_scope" value="{escape(scope)}"></li>'
    return choice("sandbox_scope", scope, scope, ticked=True)


def _button(person: Person) -> str:
    about = escape(f"{person.email}, {person.role}, {person.school}")
    name, email = escape(person.name), escape(person.email)
    return f'<button name="sandbox_user" value="{email}">{name}<br><small>{about}</small></button>'
