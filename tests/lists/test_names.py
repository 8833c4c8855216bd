"""What a text names: common addresses, which are understood at first sight, have the key that they
would have otherwise.
"""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bouncewise.lists.names import name_in, unwrapped
from bouncewise.lists.syntax import is_plain
from bouncewise.rfc.address import normalise

TEXTS = st.one_of(
    st.from_regex(r"\A[A-Za-z0-9._+-]{1,12}@[A-Za-z0-9.-]{1,12}\.[a-zA-Z]{2,6}\.?\Z"),
    st.text("aB1._+-@ <>'\";,\n", max_size=20),
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TEXTS)
def test_an_address_understood_at_first_sight_has_the_usual_key(text: str) -> None:
    if is_plain(text):
        assert unwrapped(text) == text
        assert name_in(text) == (normalise(text), "")
