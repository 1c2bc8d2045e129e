"""What the privacy page shows, ready for its template: the inventory and this deployment's facts, nothing else."""

from __future__ import annotations

from typing import Any

from gateway.inventory.browser import KEPT, WHERE
from gateway.inventory.durations import spoken
from gateway.inventory.facts import Facts
from gateway.inventory.listing import forms, kinds
from gateway.inventory.stores import STORES
from gateway.inventory.words import BASES, FORMS, KINDS, PLAIN
from gateway.sentences import sentence

_HOW = {
    "aws": sentence("This is checked with Amazon at every start."),
    "machines": sentence("It lies on the machines of the service."),
    "attested": sentence("Who runs the service vouches for it; your school has it in writing."),
    "unknown": sentence("Nobody has said where: this service is for trying it out."),
}


def shown(facts: Facts, locale: str) -> dict[str, Any]:
    """The values of the template ``privacy``. Sentences are the source's: the template translates them."""
    return {
        "region": facts.region,
        "operator": facts.operator,
        "times": {name: spoken(seconds, locale) for name, seconds in facts.times.items()},
        "stores": [
            {
                "key": store.key,
                "title": store.title,
                "why": store.why,
                "basis": BASES[store.basis].word,
                "until": store.until,
                "kinds": [KINDS[kind] for kind in kinds(store.key) if kind not in PLAIN],
                "plain": [KINDS[kind] for kind in kinds(store.key) if kind in PLAIN],
                "forms": [FORMS[form].word for form in forms(store.key)],
            }
            for store in STORES
        ],
        "words": [*BASES.values(), *FORMS.values()],
        "recipients": facts.recipients,
        "places": [
            {"what": spot.what, "told": spot.told or facts.regions.get(spot.key, ""), "how": _HOW[spot.known]}
            for spot in facts.places
        ],
        "kept": [{"name": one.name, "where": WHERE[one.where], "what": one.what, "until": one.until} for one in KEPT],
    }
