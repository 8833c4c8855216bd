"""Whatever an API answers, an entry is read out of it or passed over."""

from __future__ import annotations

import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bouncewise.providers import list_values as values
from bouncewise.providers.list_values import New
from bouncewise.providers.suppression_lists import vendors

LISTS = [listed for vendor in vendors() for listed in vendor.list]
NAMES = sorted({name for listed in LISTS for name in (listed.email, listed.id, *listed.fields)})
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
KEYS = st.sampled_from([*NAMES, "doNotContact", "fields", "all", "email", "tags", "status"])
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5)
)


@given(JSON)
def test_any_row_is_an_entry_of_bounded_texts_or_none(row: object) -> None:
    for listed in LISTS:
        entry = values.entry(listed, row)
        if entry is not None:
            assert entry.address
            assert len(entry.values) == len(listed.fields)
            for text in (entry.address, entry.id, *entry.values):
                assert len(text) <= values.MAX_TEXT
                assert text == " ".join(text.split())
    values.link(row)
    values.at(row, "a.b.c")


@given(st.text(), st.text(), st.text())
def test_any_text_makes_a_body_of_json(address: str, why: str, number: str) -> None:
    for listed in LISTS:
        for act in filter(None, (listed.add, listed.remove)):
            kinds = list(act.kinds.values()) or [""]
            body = values.body_of(act, [New(address, kinds[0], None, why, number)])
            assert body is None or json.loads(body) == msgspec.json.decode(body)


@given(st.text(max_size=50))
def test_the_number_of_a_page_is_positive(text: str) -> None:
    assert values.page(f"http://localhost/x?page={text}", "page") >= 0
