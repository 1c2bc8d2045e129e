"""The page on which a person picks an account and consents: plain HTML forms, usable without script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from aiohttp import web

from providers.sandbox.people import Person

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem}}
button{{display:block;width:100%;text-align:left;font:inherit;padding:.7rem 1rem;margin:.4rem 0;cursor:pointer}}
small{{color:#555}}</style></head>
<body><main><h1>{title}</h1><p><strong>Sandbox:</strong> made-up accounts, no passwords. <em>{client}</em> asks for:</p>
<ul>{scopes}</ul>
<form method="post" action="{action}">{hidden}
{accounts}
<button name="sandbox_deny" value="access_denied">Cancel</button></form></main></body></html>"""


def consent_page(title: str, people: Sequence[Person], params: Mapping[str, str], action: str) -> web.Response:
    """One button an account; the account of ``login_hint`` comes first."""
    hint = params.get("login_hint")
    ordered = sorted(people, key=lambda person: hint not in (person.email, person.sub))
    page = _PAGE.format(
        title=escape(title),
        client=escape(params.get("client_id", "")),
        scopes="".join(f"<li>{escape(scope)}</li>" for scope in params.get("scope", "").split()),
        action=escape(action),
        hidden="".join(f'<input type="hidden" name="{escape(k)}" value="{escape(v)}">' for k, v in params.items()),
        accounts="\n".join(_button(person) for person in ordered),
    )
    return web.Response(text=page, content_type="text/html", headers={"Cache-Control": "no-store"})


def _button(person: Person) -> str:
    about = escape(f"{person.email}, {person.role}, {person.school}")
    name, email = escape(person.name), escape(person.email)
    return f'<button name="sandbox_user" value="{email}">{name}<br><small>{about}</small></button>'
