"""Elements of an XML report one by one, with flat memory.

The C parser of :mod:`xml.etree` builds the tree and every part of it is taken off again as soon
as it has been handed out, so a report of any size costs no more than its largest record. What
an attacker could do with XML is refused before or while it happens:

* entity declarations (billion laughs, external files): the prolog is read once by expat
  alone, before any element. A ``DOCTYPE`` that only names an external DTD, as Qualys writes,
  is fine and is never fetched;
* nesting, endless texts, attributes and comments, giant records:
  :class:`~poise.scans.unpack.Limits`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from typing import Any, cast
from xml.etree.ElementTree import Element, ParseError, XMLPullParser
from xml.parsers import expat

from poise.errors import PoiseError, ScanFormatError
from poise.scans.source import Source

#: Bytes given to the parser at once. What one block makes fits the cache of a core; 64 KiB cost a sixth more.
FEED_BYTES = 16 * 1024

#: A prolog that has no root element after this many bytes is not one.
_PROLOG_BYTES = 1024 * 1024

#: Distinct element names that are remembered; formats have tens.
_SEEN_NAMES = 1_000

#: The expat code for bytes that are no text in the declared encoding, or no XML.
_INVALID_TOKEN = expat.errors.codes[expat.errors.XML_ERROR_INVALID_TOKEN]


def elements(
    source: Source, tags: Collection[str], seen: set[str] | None = None
) -> Iterator[tuple[Element, list[Element]]]:
    """Yield each wanted element when it ends, with its open ancestors.

    Parameters
    ----------
    source
        The report.
    tags
        Names of the wanted elements without namespace. An element inside a wanted one belongs to
        it and is not given out on its own.
    seen
        Filled with the names of all elements outside the wanted ones, so that a reader can tell a
        report without findings from a file that lacks its findings.

    Yields
    ------
    Element
        The whole element. Where the root is in a namespace, the names in it have lost theirs.
    list[Element]
        Its ancestors from the root down: name and attributes only. The list is live; what is needed
        later must be copied.

    Raises
    ------
    ScanFormatError
        E403 (encoding), E405 (malformed or cut off), E409 (too deep or too large), E410 (entities).
    """
    check_prolog(source)
    walk = _Walk(source, frozenset(tags), set() if seen is None else seen)
    parser: XMLPullParser[Any] = XMLPullParser(("start", "end"))
    with source.open_binary() as stream:
        try:
            while block := stream.read(walk.next_block_bytes):
                parser.feed(block)
                yield from walk.events(parser)
                walk.check_size(len(block))
            parser.close()
        except ParseError as error:
            raise _malformed(source, error) from error
        except (ValueError, LookupError) as error:
            if isinstance(error, PoiseError):
                raise  # also what the reader of the events threw in
            # What expat raises through Python for an encoding that it does not know.
            raise source.refusal(
                "E403", f"The XML's encoding cannot be read: {error}.", hint="Export it as UTF-8."
            ) from error
        yield from walk.events(parser)


class _Walk:
    """Follows the parser's events, hands out wanted elements and takes everything off the tree."""

    def __init__(self, source: Source, tags: frozenset[str], seen: set[str]) -> None:
        self._source = source
        self._seen = seen
        self._tags = tags
        # Namespaces cost time to take off, and most scanners use none.
        self._namespaces = bool(root_name(source.head)[1])
        self._wanted: dict[str, bool] = {}
        self._open: list[Element] = []
        self._record: Element | None = None
        self._depth_in_record = 0
        self._bytes_since_event = 0
        self._bytes_in_record = 0
        self._quiet = True

    def events(self, parser: XMLPullParser[Any]) -> Iterator[tuple[Element, list[Element]]]:
        opened, tags, wanted = self._open, self._tags, self._wanted
        record, depth = self._record, self._depth_in_record
        deepest = self._source.limits.depth
        room = deepest - len(opened)
        self._quiet = True
        for event, element in _events_of(parser):
            self._quiet = False
            if record is not None:
                if event == "start":
                    depth += 1
                    if depth > room:
                        raise self._too_deep()
                elif depth:
                    depth -= 1
                else:
                    if self._namespaces:
                        for part in record.iter():
                            part.tag = part.tag.rpartition("}")[2]
                    yield record, opened
                    record = None
                    self._bytes_in_record = 0
                    if opened:
                        del opened[-1][:]
            elif event == "start":
                tag = element.tag
                known = wanted.get(tag)
                if known is None:
                    known = wanted[tag] = tag.rpartition("}")[2] in tags
                if known:
                    record, depth, room = element, 0, deepest - len(opened)
                else:
                    if len(opened) >= deepest:
                        raise self._too_deep()
                    name = element.tag = tag.rpartition("}")[2]
                    if len(self._seen) < _SEEN_NAMES:
                        self._seen.add(name)
                    opened.append(element)
            else:
                opened.pop()
                if opened:
                    del opened[-1][:]
        self._record, self._depth_in_record = record, depth

    @property
    def next_block_bytes(self) -> int:
        """How much to feed next: more the longer nothing ends, as expat reads an unfinished tag anew."""
        return max(FEED_BYTES, self._bytes_since_event)

    def check_size(self, block_bytes: int) -> None:
        """Refuse a text or a record that grows without end; called after each block."""
        limits = self._source.limits
        self._bytes_since_event = self._bytes_since_event + block_bytes if self._quiet else 0
        self._bytes_in_record = self._bytes_in_record + block_bytes if self._record is not None else 0
        if self._bytes_since_event > limits.text_bytes:
            seen = f"A text or attribute is longer than {limits.text_bytes:,} bytes."
        elif self._bytes_in_record > limits.record_bytes and self._record is not None:
            name = self._record.tag.rpartition("}")[2]
            seen = f"One <{name}> is larger than {limits.record_bytes:,} bytes."
        else:
            return
        raise self._source.refusal("E409", seen, self._place(), "No scanner writes such a report.")

    def _too_deep(self) -> ScanFormatError:
        message = f"Elements are nested deeper than {self._source.limits.depth}."
        return self._source.refusal("E409", message, self._place(), "No scanner writes such a report.")

    def _place(self) -> str:
        return "/".join(element.tag for element in self._open[:8])


def _events_of(parser: XMLPullParser[Any]) -> Iterable[tuple[str, Element]]:
    """Return the events that wait in the parser, at once where that is possible.

    ``read_events`` hands them out through a generator, which takes an eighth of the time of a whole
    reading. The queue behind it is private, so where it is not as it is known, the generator is used.
    """
    queue = getattr(parser, "_events_queue", None)
    if not isinstance(queue, deque):
        return cast("Iterable[tuple[str, Element]]", parser.read_events())
    events = list(queue)
    queue.clear()
    # The parser leaves its error as the last event.
    if events and isinstance(events[-1], Exception):
        raise events[-1]
    return events


def check_prolog(source: Source) -> None:
    """Refuse a report whose prolog declares entities.

    Raises
    ------
    ScanFormatError
        E410 for an entity declaration; E405 for a prolog that never ends.
    """
    parser = expat.ParserCreate()
    state = _Prolog()
    parser.EntityDeclHandler = state.entity
    parser.StartElementHandler = state.root
    seen = 0
    with source.open_binary() as stream:
        while not state.done and (block := stream.read(4_096)):
            try:
                parser.Parse(block, False)
            except (expat.ExpatError, ValueError, LookupError):
                # The full parse meets the same fault and tells it with its place.
                return
            seen += len(block)
            if state.entities:
                raise source.refusal(
                    "E410",
                    f"The XML declares the entity {state.entities[0]!r}; Poise expands none.",
                    f"line {parser.CurrentLineNumber}",
                    "Remove the DOCTYPE's declarations; no scanner needs them.",
                )
            if seen > _PROLOG_BYTES:
                raise source.refusal("E405", f"No element begins in the first {seen:,} bytes.")


class _Prolog:
    """What the prolog of a report holds."""

    def __init__(self) -> None:
        self.entities: list[str] = []
        self.done = False

    def entity(self, name: str, *_: object) -> None:
        self.entities.append(name[:60])

    def root(self, *_: object) -> None:
        self.done = True


def _malformed(source: Source, error: ParseError) -> ScanFormatError:
    """Return the refusal for XML that does not parse, with the line and column of the fault."""
    line, column = error.position
    place = f"line {line}, column {column + 1}"
    reason = str(error).partition(":")[0]
    if error.code == _INVALID_TOKEN and not _declares_encoding(source):
        # Wrong bytes look like a wrong token to expat; say what they are.
        source.text_encoding()
    hint = "The report is cut off or damaged; export it again."
    if error.code == _INVALID_TOKEN:
        hint = "The report holds a character that XML does not allow; export it again."
    return source.refusal("E405", f"The XML is malformed: {reason}.", place, hint)


def _declares_encoding(source: Source) -> bool:
    declaration = source.start[:200].partition(b"?>")[0].lower()
    return b"encoding" in declaration and b"utf-8" not in declaration


def root_name(head: str) -> tuple[str, str]:
    """Return name and namespace of the root element of an opening, or two empty texts.

    Works on an opening that is cut off after the root's start tag, and never fails; for
    :attr:`poise.scans.format.Format.sniff`.
    """
    found: list[str] = []

    def start(name: str, _attributes: dict[str, str]) -> None:
        if not found:
            found.append(name)

    if not head.lstrip().startswith("<"):
        return "", ""
    parser = expat.ParserCreate("utf-8", " ")
    parser.StartElementHandler = start
    data = head.encode("utf-8", "surrogatepass")
    try:
        for offset in range(0, len(data), 1_024):
            parser.Parse(data[offset : offset + 1_024], False)
            if found:
                break
    except (expat.ExpatError, ValueError):
        pass
    if not found:
        return "", ""
    namespace, _, name = found[0].rpartition(" ")
    return name, namespace
