"""The second reader: a linear model that reads replies which no rule knows.

Reads: the features of a reply. Gives: the likeliest cause, how likely it is, other causes, and the
words with most weight. ``make train`` makes the data file from ``lab/replies`` and the examples of
the rules; docs/verdicts.md describes how it was measured. Pure Python at run time.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from math import exp, sqrt
from struct import unpack
from typing import NamedTuple

import msgspec
import zstandard

from bouncewise.classifier.features import Features
from bouncewise.model import Cause

FILE = "model.bin"
ZERO = 128
"""The octet that stands for the weight 0."""

MIN_WORDS, KNOWN_SHARE = 2, 0.5
"""How many words of a reply, and which share of them, the model must have learned from."""

_MAX_RIVALS = 4
_RIVAL = 0.15  # the probability from which on another cause is an alternate
_LEAST = 1e-4  # no cause is thought less likely than this
_EVIDENCE_WORDS = 3
_MAX_SIZE = 16 << 20
_LANE = 32  # bits of the sum for one cause
_MIDDLE = 1 << (_LANE - 1)


class Reading(NamedTuple):
    """What the model makes of a reply."""

    cause: Cause
    probability: float
    alternates: tuple[Cause, ...]
    shares: tuple[float, ...]
    """The probability of each cause, in the order of ``weights.causes``."""
    weights: Model
    known: frozenset[str]
    """The features that the model learned from."""

    def probability_of(self, cause: Cause) -> float:
        """How likely *cause* is by what the model reads, never less than 1 in 10,000."""
        causes = self.weights.causes
        return max(self.shares[causes.index(cause)] if cause in causes else 0, _LEAST)

    def words(self) -> tuple[str, ...]:
        """The words of the reply that speak most for the cause, the strongest first."""
        return self.weights.words_for(self.cause, self.known)


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
    lanes: dict[str, int] = {}
    """The weights of the features that were asked for, as ``_sums`` adds them; none in the file."""

    def read(self, features: Features) -> Reading | None:
        """What the features say; None where the model knows too few of the words."""
        spelled, weights = features.words, self.weights
        known_words = sum(word in weights for word in spelled)
        if known_words < MIN_WORDS or known_words < KNOWN_SHARE * len(spelled):
            return None
        known = features.every & weights.keys()
        unit = self.scale / sqrt(len(known))
        scores = [
            (bias + unit * score) / self.temperature
            for bias, score in zip(self.bias, self._sums(known), strict=True)
        ]
        highest = max(scores)
        shares = [exp(score - highest) for score in scores]
        total = sum(shares)
        shares = [share / total for share in shares]
        best, *others = sorted(range(len(shares)), key=lambda i: -shares[i])[:_MAX_RIVALS]
        return Reading(
            self.causes[best],
            shares[best],
            tuple(self.causes[i] for i in others if shares[i] >= _RIVAL),
            tuple(shares),
            self,
            frozenset(known),
        )

    def _sums(self, known: Iterable[str]) -> list[int]:
        """The sum of the weights of *known* features for each cause.

        One addition of wide integers adds the weights for all causes; each has a lane of 32 bits.
        """
        lanes = self.lanes
        total = 0
        for feature in known:
            if (lane := lanes.get(feature)) is None:
                pairs = self.weights[feature]
                lane = lanes[feature] = sum(
                    (weight - ZERO) << (_LANE * cause)
                    for cause, weight in zip(pairs[::2], pairs[1::2], strict=True)
                )
            total += lane
        count = len(self.causes)
        octets = (total + _middles(count)).to_bytes(count * _LANE // 8, "little")
        return [lane - _MIDDLE for lane in unpack(f"<{count}I", octets)]

    def words_for(self, cause: Cause, known: Iterable[str]) -> tuple[str, ...]:
        """The words and pairs of words among *known* features that speak most for *cause*."""
        index = self.causes.index(cause)
        weighed = (
            (self._weight(feature, index), feature) for feature in known if feature[0] not in "~#@"
        )
        found = sorted((pair for pair in weighed if pair[0] > 0), key=lambda p: (-p[0], p[1]))
        return tuple(feature for _, feature in found[:_EVIDENCE_WORDS])

    def _weight(self, feature: str, cause: int) -> int:
        pairs = self.weights[feature]
        return dict(zip(pairs[::2], pairs[1::2], strict=True)).get(cause, ZERO) - ZERO


@cache
def _middles(count: int) -> int:
    """What makes the sum of each of *count* lanes positive."""
    return sum(_MIDDLE << (_LANE * cause) for cause in range(count))


@cache
def shipped_model() -> Model:
    """The model that comes with bouncewise."""
    data = files("bouncewise.classifier").joinpath(FILE).read_bytes()
    packed = zstandard.decompress(data, max_output_size=_MAX_SIZE)
    return msgspec.msgpack.decode(packed, type=Model)
