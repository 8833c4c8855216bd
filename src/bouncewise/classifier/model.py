"""The second reader: a linear model that reads replies which no rule knows.

Reads: the features of a reply. Gives: the likeliest cause, how likely it is, other causes, and the
words with most weight. ``make train`` makes the data file from ``lab/replies`` and the examples of
the rules; docs/verdicts.md describes how it was measured. Pure Python at run time.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from math import exp, sqrt
from typing import NamedTuple

import msgspec
import zstandard

from bouncewise.classifier.features import Features
from bouncewise.model import Cause

FILE = "model.bin"
ZERO = 128
"""The octet that stands for the weight 0."""

MIN_WORDS, KNOWN_SHARE = 2, 0.75
"""How many words of a reply, and which share of them, the model must have learned from."""

MIN_PROBABILITY = 0.5
"""The probability below which the model does not decide."""

SURE = 0.95
"""The probability from which on the model is sure: then half of the words may be new to it."""

_SURE_SHARE = 0.5

_RIVAL = 0.15  # the probability from which on another cause is an alternate
_EVIDENCE_WORDS = 3
_MAX_SIZE = 16 << 20


class Reading(NamedTuple):
    """What the model makes of a reply."""

    cause: Cause
    probability: float
    alternates: tuple[Cause, ...]
    words: tuple[str, ...]
    """The words of the reply that speak most for the cause, the strongest first."""


class Model(msgspec.Struct, frozen=True, array_like=True):
    """Weights of features for causes.

    ``weights`` has for each feature pairs of octets: the position of a cause, and a weight plus
    ZERO that ``scale`` multiplies; ``temperature`` divides the scores, so that probabilities are
    honest.
    """

    replies: int
    """How many replies it learned from."""
    causes: list[Cause]
    bias: list[float]
    scale: float
    temperature: float
    weights: dict[str, bytes]

    def read(self, features: Features) -> Reading | None:
        """What the features say; None where the model knows too few of the words, or no cause is
        likely enough.
        """
        spelled = features.words
        known_words = sum(word in self.weights for word in spelled)
        if known_words < MIN_WORDS or known_words < _SURE_SHARE * len(spelled):
            return None
        known = [feature for feature in features.every if feature in self.weights]
        unit = self.scale / sqrt(len(known))
        scores = [0.0] * len(self.causes)
        for feature in sorted(known):  # the same order gives the same sum
            pairs = self.weights[feature]
            for cause, weight in zip(pairs[::2], pairs[1::2], strict=True):
                scores[cause] += weight - ZERO
        scores = [
            (bias + unit * score) / self.temperature
            for bias, score in zip(self.bias, scores, strict=True)
        ]
        highest = max(scores)
        shares = [exp(score - highest) for score in scores]
        total = sum(shares)
        order = sorted(range(len(shares)), key=lambda i: -shares[i])
        best = order[0]
        limit = MIN_PROBABILITY if known_words >= KNOWN_SHARE * len(spelled) else SURE
        if self.causes[best] is Cause.UNKNOWN or shares[best] / total < limit:
            return None
        return Reading(
            self.causes[best],
            shares[best] / total,
            tuple(self.causes[i] for i in order[1:4] if shares[i] / total >= _RIVAL),
            self._words_for(best, known),
        )

    def _weight(self, feature: str, cause: int) -> int:
        pairs = self.weights[feature]
        return dict(zip(pairs[::2], pairs[1::2], strict=True)).get(cause, ZERO) - ZERO

    def _words_for(self, cause: int, known: list[str]) -> tuple[str, ...]:
        """The words and pairs of words that speak most for *cause*."""
        weighed = (
            (self._weight(feature, cause), feature)
            for feature in known
            if feature[0] not in "~#@" and not any(map(str.isdigit, feature.split()))
        )
        found = sorted((pair for pair in weighed if pair[0] > 0), key=lambda p: (-p[0], p[1]))
        return tuple(feature for _, feature in found[:_EVIDENCE_WORDS])


@cache
def shipped_model() -> Model:
    """The model that comes with bouncewise."""
    data = files("bouncewise.classifier").joinpath(FILE).read_bytes()
    packed = zstandard.decompress(data, max_output_size=_MAX_SIZE)
    return msgspec.msgpack.decode(packed, type=Model)
