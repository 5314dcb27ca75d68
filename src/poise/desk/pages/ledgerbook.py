"""The ledger: search, as it was at a time, one record, verification, export."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from poise.desk import live, telling
from poise.desk.actions import Actor, incidents
from poise.desk.ledger import DeskLedger
from poise.desk.models import LedgerRecord
from poise.desk.models.ledger import LedgerContent
from poise.desk.navigation import Entry
from poise.desk.pages.given import moment
from poise.desk.permissions import may
from poise.desk.routes import DeskRequest, page
from poise.dialogue.acts import PAIR_KINDS
from poise.errors import Fault, LedgerError, NotAllowedError
from poise.ledger.envelope import Envelope

#: Records of one page.
PAGE_SIZE: Final = 50
#: Records that a search for words reads: contents have no index, and a page must not take long.
SEARCHED: Final = 10_000


#: A list of numbers as JSON with line breaks has it.
_NUMBERS: Final = re.compile(r"\[\s*-?\d[^\[\]{}\"]*\]")


def index(request: DeskRequest) -> HttpResponse:
    """Show the newest records, those of a kind or a person, or the ledger as it was at a time."""
    rows = _listed(request.actor).order_by("-sequence")
    kind, author, until = (request.GET.get(name, "").strip() for name in ("kind", "author", "until"))
    if kind:
        rows = rows.filter(kind__startswith=kind)
    if author:
        rows = rows.filter(author=author)
    if until:
        rows = rows.filter(time__lte=moment(until, "as it was at"))
    before = request.GET.get("before", "")
    if before.isascii() and before.isdecimal() and len(before) < 16:
        rows = rows.filter(sequence__lt=int(before))
    words = request.GET.get("q", "").strip()[:100]
    shown = list(_saying(rows, words) if words else rows[: PAGE_SIZE + 1])
    book = DeskLedger()
    records = book.of_rows(
        _listed(request.actor).filter(pk__in=[row.pk for row in shown[:PAGE_SIZE]]).order_by("-sequence")
    )
    context = {
        "rows": list(zip(shown, map(telling.sentence, records), strict=False)),
        "more": shown[PAGE_SIZE - 1].sequence if len(shown) > PAGE_SIZE else None,
        "kinds": sorted(_listed(request.actor).values_list("kind", flat=True).distinct()),
        "head": book.head,
        "given": {"q": words, "kind": kind, "author": author, "until": until},
        "asked": urlencode({"q": words, "kind": kind, "author": author, "until": until}),
        "searched": SEARCHED,
        "may_export": incidents.leads_all(request.actor),
    }
    return render(request, "desk/ledger/list.html", context)


def _saying(rows: QuerySet[LedgerRecord], words: str) -> list[LedgerRecord]:
    """Return the newest records with some words in their content, or whose hash begins with them."""
    wanted, found = words.lower(), []
    newest = rows.select_related("content")[:SEARCHED]
    for row in newest.iterator(chunk_size=500):
        content: LedgerContent | None = getattr(row, "content", None)
        body = bytes(content.body).decode("utf-8").lower() if content else ""
        if wanted in body or row.hash.startswith(wanted):
            found.append(row)
            if len(found) > PAGE_SIZE:
                break
    return found


def _listed(by: Actor) -> QuerySet[LedgerRecord]:
    """Return the records that are for a reader: those of incidents stand on their own pages."""
    rows: QuerySet[LedgerRecord] = LedgerRecord.objects.exclude(live.MARKED)
    return rows if may(by.role, "dialogue.pair") else rows.exclude(kind__in=PAIR_KINDS)


def record(request: DeskRequest, reference: str) -> HttpResponse:
    """Show one record, with what was added beside it."""
    book = DeskLedger()
    is_place = reference.isascii() and reference.isdecimal() and len(reference) < 12
    one = book.record(int(reference)) if is_place else book.find(reference)
    if not telling.may_know(request.actor, one):
        raise Http404
    context = {
        "one": one,
        "signers": book.signers(one),
        "beside": [other for other in book.beside(one.hash) if telling.may_know(request.actor, other)],
        "body": None if one.body is None else _written(one.body)[:200_000],
        "signed": _signed(one.body),
        "sentence": telling.sentence(one),
    }
    return render(request, "desk/ledger/record.html", context)


def _signed(body: Any) -> str:
    """Return the document in a record's envelope as people read it; empty where there is none."""
    envelope = body.get("envelope") if isinstance(body, Mapping) else None
    if envelope is None:
        return ""
    try:
        return _written(json.loads(Envelope.from_json(envelope, "record").payload))[:200_000]
    except (LedgerError, ValueError):
        return ""  # nobody could read it; the record is shown as it stands


def _written(body: Any) -> str:
    """Return a record's content as people read it: lists of numbers, such as windows, on one line."""
    text = json.dumps(body, indent=2, ensure_ascii=False)
    return _NUMBERS.sub(lambda found: re.sub(r"\s+", " ", found.group()), text)


def verify(request: DeskRequest) -> HttpResponse:
    """Verify the whole chain now, as anybody can with the exported file."""
    return render(request, "desk/ledger/verified.html", {"report": DeskLedger().verify()})


def export(request: DeskRequest) -> HttpResponseBase:
    """Give the ledger as the file that poise ledger verify reads, to whom every mark in it is for.

    Raises
    ------
    NotAllowedError
        E870 when somebody else leads an incident or a drill: its marks cannot be kept in a file.
    """
    if not incidents.leads_all(request.actor):
        message = "The file holds incidents that others lead, with every mark."
        hint = "Whoever runs the desk can export it for people who may know all of it."
        raise NotAllowedError(Fault("E870", "ledger.export", message, hint))
    answer = StreamingHttpResponse(DeskLedger().lines(), content_type="application/x-ndjson")
    answer["Content-Disposition"] = 'attachment; filename="ledger.jsonl"'
    return answer


URLS = [
    page("ledger", index, "ledger", "ledger.read"),
    page("ledger/verify", verify, "ledger-verify", "ledger.read", ("POST",)),
    page("ledger/export", export, "ledger-export", "ledger.export"),
    page("ledger/<str:reference>", record, "ledger-record", "ledger.read"),
]
NAV = (Entry("Ledger", "ledger", "ledger.read", "ledger"),)
