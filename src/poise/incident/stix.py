"""An incident as STIX 2.1, made and validated by the ``stix2`` library.

The incident object carries what STIX defines for it; each statement is a note about it with the author's
confidence on STIX's scale, judgements as opinions would lose their numbers. Marks are the TLP 2.0 extension's
marking definitions (oasis-open/cti-stix-common-objects, extension-definition--60a3c5c5), which the library
does not know by itself, so they are written as that extension defines them.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from poise.incident.known import view
from poise.incident.review import middle
from poise.incident.state import Incident, Told
from poise.incident.statements import sentence
from poise.incident.tlp import Mark, Watcher

#: The objects of TLP 2.0, as published with the extension.
EXTENSION: Final = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
_MARKINGS: Final[dict[Mark, str]] = {
    "CLEAR": "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    "GREEN": "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    "AMBER": "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    "AMBER+STRICT": "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    "RED": "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}
_CREATED: Final = "2022-10-01T00:00:00.000Z"


def bundle(incident: Incident, watcher: Watcher, at: datetime) -> str:
    """Return a STIX 2.1 bundle of what a watcher may see, as JSON; the library refuses what is no STIX.

    Judgements carry the middle of their range, other statements no ``confidence``.
    """
    import stix2

    seen = view(incident, watcher, at)
    told = sorted([*seen.standing, *seen.ended], key=lambda one: one.place)
    identity = stix2.Identity(
        id=_id("identity", "poise"),
        name="Poise",
        identity_class="system",
        created=_CREATED,
        modified=_CREATED,
    )
    drill = "DRILL: " if incident.is_drill else ""
    subject = stix2.Incident(
        id=_id("incident", incident.opened.record),
        created=incident.opened.time,
        modified=at,
        created_by_ref=identity.id,
        name=f"{drill}{incident.head.title}",
        labels=["drill"] if incident.is_drill else None,
    )
    marks = {one.act.tlp for one in told}
    notes = [_note(one, subject.id, at) for one in told]
    objects = [identity, subject, *map(_marking, sorted(marks)), *notes]
    found = stix2.Bundle(objects=objects, allow_custom=False)
    return str(json.dumps(json.loads(found.serialize()), indent=1, ensure_ascii=False)) + "\n"


def _note(told: Told, subject: str, at: datetime) -> Any:
    import stix2

    act = told.act
    is_ended = told.ended is not None and told.ended <= at
    return stix2.Note(
        id=_id("note", told.record),
        created=told.time,
        modified=told.ended if is_ended else told.time,
        revoked=is_ended or None,
        abstract=act.kind,
        content=sentence(act),
        authors=[told.author],
        object_refs=[subject],
        confidence=round(100 * middle(act)) if act.kind == "judgement" else None,
        labels=[act.topic],
        object_marking_refs=[_MARKINGS[act.tlp]],
    )


def _marking(mark: Mark) -> Any:
    """Return a marking definition of TLP 2.0; the library's own class knows TLP 1 only."""
    import stix2

    return stix2.parse(
        {
            "type": "marking-definition",
            "spec_version": "2.1",
            "id": _MARKINGS[mark],
            "created": _CREATED,
            "name": f"TLP:{mark}",
            "extensions": {
                EXTENSION: {"extension_type": "property-extension", "tlp_2_0": mark.lower()},
            },
        },
        allow_custom=False,
    )


def _id(kind: str, name: str) -> str:
    return f"{kind}--{uuid5(NAMESPACE_URL, f'urn:poise:{name}')}"
