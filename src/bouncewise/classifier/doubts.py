"""Words that speak against suppressing anybody, whatever else a reply says.

Reads: the words of a reply (``text.words``), its status, and ``doubts.toml``. Gives:
whether a verdict that suppresses must be reviewed instead. The cause does not change. Pure.

A rule for a phrase cannot know every sentence around it: "user unknown, try again later", "the
sender's account is disabled", "user unknown: LDAP error". To keep a dead address costs one more
refused mail; to suppress a living one costs a reader.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files

from bouncewise.model import Advice
from bouncewise.text.words import words_of


def is_doubtful(advice: Advice, words: str, status: str | None) -> bool:
    """Whether *advice*, which suppresses, is too much for this reply.

    A status X.7 is about policy and identity (RFC 3463 section 3.8): no domain is dead by it.
    """
    if _pattern().search(words):
        return True
    return advice is Advice.SUPPRESS_DOMAIN and (status or "")[1:3] == ".7"


@cache
def _pattern() -> re.Pattern[str]:
    text = files("bouncewise.classifier").joinpath("doubts.toml").read_text("utf-8")
    found = [words_of(w).strip() for topic in tomllib.loads(text).values() for w in topic["words"]]
    return re.compile(rf"(?<![^ ])(?:{'|'.join(map(re.escape, found))})")
