"""Walking a served desk: one page for each address, found by following links as people do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urldefrag, urlsplit

from django.urls import Resolver404, resolve

from poise.desk.navigation import features

#: Addresses that give a file, or end the session.
NO_PAGE = re.compile(r"\.\w+$|/json$|/export$|/logout/$")
AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def page_names() -> set[str]:
    """Return the name of every address of the features that shows a page."""
    patterns = [pattern for module in features() for pattern in module.URLS]
    shown = [one for one in patterns if "GET" in one.callback.methods]
    return {str(one.name) for one in shown if not NO_PAGE.search(str(one.pattern))}


def name_of(path: str) -> str | None:
    """Return the name of the address that a path leads to; None where it leads nowhere."""
    try:
        return resolve(urlsplit(path).path).url_name
    except Resolver404:
        return None


def walk(page: Any, address: str, *starts: str) -> Iterator[tuple[str, str]]:
    """Open one page for each address that links lead to, and yield its name and path while it is open."""
    waiting, seen = list(starts), set[str]()
    while waiting:
        path = waiting.pop(0)
        name = name_of(path)
        if name is None or name in seen or NO_PAGE.search(urlsplit(path).path):
            continue
        seen.add(name)
        answer = page.goto(f"{address}{path}")
        assert answer.ok, f"{path}: {answer.status}"
        yield name, path
        links = page.eval_on_selector_all("a[href]", "all => all.map(one => one.getAttribute('href'))")
        waiting += [path_of(one, path) for one in links if one.startswith(("/", "?"))]


def path_of(link: str, page_path: str) -> str:
    """Return where a link of a page leads, without the place on the page."""
    plain = urldefrag(link).url
    return plain if plain.startswith("/") else f"{urlsplit(page_path).path}{plain}"


def is_cut_off(page: Any, width: int) -> list[str]:
    """Return what of an open page reaches beyond a width, as tag and text; nothing inside of what scrolls."""
    found: list[str] = page.evaluate(
        """(width) => [...document.querySelectorAll("main :is(table, svg, pre, p, h1, h2)")]
            .filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > width + 1)
            .map((one) => `${one.tagName}: ${one.textContent.slice(0, 40)}`)""",
        width,
    )
    return found
