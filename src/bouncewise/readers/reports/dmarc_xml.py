"""The document of a DMARC aggregate report, read piece by piece with expat.

Reads: octets of XML. Gives: the texts of the parts of a report, and its records as rows. Refuses
document types, and more levels, elements and records than a report has.
"""

from __future__ import annotations

from xml.parsers import expat

from bouncewise.model.sender_report import AuthResult, DmarcRow

MAX_DEPTH = 16
"""Levels of elements; the standard needs six."""

MAX_ROWS = 200_000
"""Records of one report that are kept."""

_MAX_TEXT = 1024  # characters of one element
_MAX_NODES = 2000  # elements of one section
_MAX_GROUPS = 64  # results and reasons of one record
_MAX_COUNT = 10**12
_MAX_TAG = 1 << 20  # octets: expat reads an incomplete tag again with each piece
_SECTIONS = frozenset(("report_metadata", "policy_published", "record", "extension"))


class _Section:
    """The texts in a part of a report by the name of their element, the first of each; those of
    results and reasons, which may be several, apart.
    """

    __slots__ = ("groups", "nodes", "texts")

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.groups: list[tuple[str, dict[str, str]]] = []
        self.nodes = 0


class Document:
    """One XML document, read piece by piece."""

    def __init__(self, encoding: str | None = None) -> None:
        self.metadata: dict[str, str] = {}
        self.policy: dict[str, str] = {}
        self.rows: list[DmarcRow] = []
        self.refused_rows = 0
        self.is_refused = self.is_complete = False
        self._path: list[str] = []  # the elements that are open
        self._names: dict[str, str] = {}  # of elements: without prefix, in lower case
        self._section: _Section | None = None
        self._section_depth = self._length = self._fed = 0
        self._group: dict[str, str] | None = None
        self._group_depth = 0
        self._text: list[str] = []
        self._parser = parser = expat.ParserCreate(encoding)
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = self._doctype

    def __len__(self) -> int:
        return len(self.rows)

    def feed(self, octets: bytes, *, is_final: bool = False) -> str | None:
        """Parse the next *octets*; what is wrong with them, None if nothing is."""
        self._fed += len(octets)
        try:
            self._parser.Parse(octets, is_final)
            if self._fed - self._parser.CurrentByteIndex > _MAX_TAG:
                raise RefusedError(f"a tag of more than {_MAX_TAG >> 10} KiB; not read further")
        except expat.ExpatError as error:
            return f"not well formed: {error}"
        except RefusedError as error:
            self.is_refused = True
            return str(error)
        return None

    def _doctype(self, *_: object) -> None:
        raise RefusedError("it has a document type, which a report never has; not read")

    def _name(self, name: str) -> str:
        if len(self._names) > _MAX_NODES:
            raise RefusedError(f"more than {_MAX_NODES} kinds of elements; not read further")
        return self._names.setdefault(name, name.rpartition(":")[2].lower())

    def _start(self, name: str, _: dict[str, str]) -> None:
        local = self._names.get(name) or self._name(name)
        path = self._path
        path.append(local)
        if len(path) > MAX_DEPTH:
            raise RefusedError(f"more than {MAX_DEPTH} levels of elements; the rest was not read")
        self._text, self._length = [], 0
        section = self._section
        if section is None:
            if local in _SECTIONS:
                self._section, self._section_depth = _Section(), len(path)
            return
        section.nodes += 1
        if section.nodes > _MAX_NODES:
            raise RefusedError(f"a section of more than {_MAX_NODES} elements; not read further")
        if self._group is None and (
            local == "reason" or (path[-2] == "auth_results" and local in ("dkim", "spf"))
        ):
            self._group, self._group_depth = {}, len(path)
            section.groups.append((local, self._group))

    def _end(self, _: str) -> None:
        path = self._path
        depth, local = len(path), path.pop()
        section = self._section
        if section is None:
            self.is_complete |= local == "feedback"
            return
        if self._text:
            texts = section.texts if self._group is None else self._group
            if local not in texts and (text := " ".join("".join(self._text).split())):
                texts[local] = text[:_MAX_TEXT]
            self._text = []
        if self._group is not None and depth == self._group_depth:
            self._group = None
        elif depth == self._section_depth:
            self._section = self._group = None
            self._add(local, section)

    def _characters(self, text: str) -> None:
        if self._length < _MAX_TEXT:
            self._text.append(text[:_MAX_TEXT])
            self._length += len(text)

    def _add(self, name: str, section: _Section) -> None:
        if name == "report_metadata":
            self.metadata = self.metadata or section.texts
        elif name == "policy_published":
            self.policy = self.policy or section.texts
        elif name == "extension":
            return
        elif len(self.rows) >= MAX_ROWS:
            raise RefusedError(f"more than {MAX_ROWS} records; the rest was not read")
        elif (row := _row(section)) is not None:
            self.rows.append(row)
        else:
            self.refused_rows += 1


class RefusedError(Exception):
    """Something that no report has, and that hostile documents have."""


def _row(record: _Section) -> DmarcRow | None:
    texts = record.texts
    source_ip, count = texts.get("source_ip", "")[:64].lower(), texts.get("count", "")
    if not source_ip or not count.isascii() or not count.isdigit() or int(count) > _MAX_COUNT:
        return None
    dkim_results: list[AuthResult] = []
    spf_results: list[AuthResult] = []
    reasons: dict[str, None] = {}
    for name, group in record.groups[:_MAX_GROUPS]:
        if name == "reason":
            if reason := word(group, "type"):
                reasons[reason] = None
        else:
            found = AuthResult(
                name_of(group, "domain"), word(group, "result"), group.get("selector", "")[:128]
            )
            (dkim_results if name == "dkim" else spf_results).append(found)
    return DmarcRow(
        source_ip=source_ip,
        count=int(count),
        disposition=word(texts, "disposition"),
        dkim=word(texts, "dkim"),
        spf=word(texts, "spf"),
        header_from=name_of(texts, "header_from"),
        envelope_from=name_of(texts, "envelope_from"),
        dkim_results=tuple(dkim_results),
        spf_results=tuple(spf_results),
        reasons=tuple(reasons),
    )


def word(texts: dict[str, str], name: str) -> str:
    """A word of the RFC, in lower case; '' if it is missing."""
    return texts.get(name, "")[:40].lower()


def name_of(texts: dict[str, str], name: str) -> str:
    """A domain, or an address, in lower case without a final dot."""
    return texts.get(name, "")[:255].rstrip(".").lower()
