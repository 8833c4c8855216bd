"""Train the model that reads replies which no rule knows: python -m lab.train [--check].

Reads lab/replies/*.jsonl and the examples of the rules; writes src/bouncewise/classifier/model.bin.
Prints how often the model is right about replies of sources that it did not learn from, and how
honest its probabilities are there. The same data give the same file. ``--check`` writes nothing.
"""

from __future__ import annotations

import argparse
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import zstandard
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from bouncewise.classifier.features import features
from bouncewise.classifier.model import FILE, ZERO, Model
from bouncewise.model import Cause
from bouncewise.rfc.reply import dissect
from bouncewise.rules.load import shipped
from bouncewise.rules.selftest import as_example
from bouncewise.text.forms import forms
from bouncewise.text.mask import mask
from bouncewise.text.words import words_of

ROOT = Path(__file__).parent.parent
REPLIES = ROOT / "lab" / "replies"
FOLDS = 8
SCALE = 4.0  # of the values of features, as Model.read has it
PENALTY = 3.0  # C of the regression: the inverse of how strongly weights are drawn to zero
MIN_REPLIES = 3  # in which a feature must stand
SMALLEST = 0.03  # weights below this are left out
EXAMPLE_WEIGHT = 0.5  # of an example of a rule, beside a reply that somebody received
FRAMED_WEIGHT = 0.4  # of the copy of a reply within the words of a program
WORDINGS = "wordings.jsonl"
WORDING_WEIGHT = 0.7  # of a wording that was written for the project


class Labelled(NamedTuple):
    """A reply with its causes, the first the best, and the source that it comes from."""

    features: frozenset[str]
    causes: tuple[str, ...]
    source: str
    weight: float


def labelled(reply: str, causes: Sequence[str], source: str, weight: float) -> Labelled:
    """A reply as the model sees it."""
    parts = dissect(mask(reply))
    words = words_of(parts.text)
    found = features(words, parts.reply_code, parts.status).every
    return Labelled(found, tuple(causes), source, weight)


def replies() -> list[Labelled]:
    """The labelled replies of the project that a server wrote."""
    return [row for path in _of_servers() for row in _rows(path, 1.0)]


def _of_servers() -> list[Path]:
    return sorted(path for path in REPLIES.glob("*.jsonl") if path.name != WORDINGS)


def wordings() -> list[Labelled]:
    """Wordings that were written for the project."""
    return list(_rows(REPLIES / WORDINGS, WORDING_WEIGHT))


def _rows(path: Path, weight: float) -> Iterator[Labelled]:
    for row in map(json.loads, path.read_text("utf-8").splitlines()):
        yield labelled(row["reply"], (row["cause"], *row["alternates"]), row["source"], weight)


def examples() -> list[Labelled]:
    """The examples of the rules."""
    return [
        labelled(as_example(example).reply, (rule.cause.value,), "", EXAMPLE_WEIGHT)
        for rule in shipped().rules
        for example in rule.example
    ]


def framed() -> list[Labelled]:
    """Each reply of a server once more, within words that a program put around it and that mean
    nothing.
    """
    frames = (REPLIES / "frames.txt").read_text("utf-8").splitlines()
    result = []
    for path in _of_servers():
        for row in map(json.loads, path.read_text("utf-8").splitlines()):
            frame = frames[zlib.crc32(row["reply"].encode()) % len(frames)]
            text = frame.replace("{rcpt}", "u@b.example").replace("{host}", "mx.b.example")
            causes = (row["cause"], *row["alternates"])
            text = text.replace("{reply}", row["reply"])
            result.append(labelled(text, causes, row["source"], FRAMED_WEIGHT))
    return result


def sentences() -> list[Labelled]:
    """Sentences of notices, which say nothing about a failure."""
    texts = [t for frame in forms().frame for t in (*frame.boilerplate, *frame.notice_text)]
    return [
        labelled(re.sub(r"\{\w+\}", "", text), (Cause.UNKNOWN.value,), "", EXAMPLE_WEIGHT)
        for text in texts
    ]


def matrix(rows: Sequence[Labelled], vocabulary: dict[str, int]) -> csr_matrix:
    """A row for each of *rows*, a column for each feature."""
    columns: list[int] = []
    values: list[float] = []
    ends = [0]
    for row in rows:
        known = sorted(vocabulary[f] for f in row.features if f in vocabulary)
        columns += known
        values += [SCALE / np.sqrt(max(len(known), 1))] * len(known)
        ends.append(len(columns))
    return csr_matrix((values, columns, ends), shape=(len(rows), len(vocabulary)))


def fitted(x: csr_matrix, rows: Sequence[Labelled]) -> Any:
    """The regression on these rows."""
    regression = LogisticRegression(C=PENALTY, max_iter=300)
    labels = [row.causes[0] for row in rows]
    return regression.fit(x, labels, sample_weight=[row.weight for row in rows])


def held_out(
    x: csr_matrix, rows: Sequence[Labelled], real: int
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """The scores of the first *real* rows by models that did not learn from their sources."""
    of_replies = {row.source for row in rows[:real]}
    folds = np.array(
        [zlib.crc32(r.source.encode()) % FOLDS if r.source in of_replies else -1 for r in rows]
    )
    causes = sorted({row.causes[0] for row in rows})
    scores = np.full((real, len(causes)), -30.0)
    for fold in range(FOLDS):
        inside = np.flatnonzero(folds != fold)
        outside = np.flatnonzero(folds[:real] == fold)
        if len(outside):
            regression = fitted(x[inside], [rows[i] for i in inside])
            columns = [causes.index(cause) for cause in regression.classes_]
            scores[np.ix_(outside, columns)] = regression.decision_function(x[outside])
    best = [causes[i] for i in scores.argmax(axis=1)]
    right = np.array([cause in row.causes for cause, row in zip(best, rows, strict=False)])
    return scores, right, causes


def probability(scores: np.ndarray, temperature: float) -> np.ndarray:
    """The probability of the likeliest cause of each row."""
    scaled = scores / temperature
    shares = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(1 / shares.sum(axis=1))


def calibration_error(chance: np.ndarray, right: np.ndarray) -> float:
    """Expected calibration error over ten bins."""
    bins = np.minimum((chance * 10).astype(int), 9)
    gaps = (
        (bins == b).mean() * abs(chance[bins == b].mean() - right[bins == b].mean())
        for b in set(bins)
    )
    return float(sum(gaps))


def compact(regression: Any, vocabulary: dict[str, int], replies: int, temperature: float) -> Model:
    """The regression as the model that is shipped."""
    weights = regression.coef_
    step = float(np.abs(weights).max()) / 127
    table: dict[str, bytes] = {}
    for feature, column in vocabulary.items():
        kept = np.flatnonzero(np.abs(weights[:, column]) >= SMALLEST)
        pairs = [(int(i), round(float(weights[i, column]) / step)) for i in kept]
        if pairs := [pair for pair in pairs if pair[1]]:
            table[feature] = bytes(n for cause, weight in pairs for n in (cause, weight + ZERO))
    bias = [round(float(b), 4) for b in regression.intercept_]
    causes = [Cause(cause) for cause in regression.classes_]
    return Model(replies, causes, bias, SCALE * step, temperature, table)


def main() -> None:
    """Train, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="measure, and write nothing")
    check = parser.parse_args().check
    real = replies()
    rows = [*real, *wordings(), *examples(), *framed(), *sentences()]
    counts = Counter(f for row in rows for f in row.features)
    kept = sorted(f for f, n in counts.items() if n >= MIN_REPLIES)
    vocabulary = {feature: i for i, feature in enumerate(kept)}
    x = matrix(rows, vocabulary)
    scores, right, _ = held_out(x, rows, len(real))
    choices = [round(0.4 + 0.05 * i, 2) for i in range(25)]
    temperature = min(choices, key=lambda t: calibration_error(probability(scores, t), right))
    chance = probability(scores, temperature)
    error = calibration_error(chance, right)
    print(
        f"{len(real)} labelled replies, {len(rows) - len(real)} wordings and examples, "
        f"{len(kept)} features"
    )
    print(f"right about sources it did not learn from: {right.mean():.1%}")
    print(f"temperature {temperature}, expected calibration error {error:.3f}")
    for low in (0.35, 0.5, 0.7, 0.9):
        inside = chance >= low
        print(f"  from {low:.2f} on: {inside.mean():.0%}, right {right[inside].mean():.1%}")
    if check:
        return
    model = compact(fitted(x, rows), vocabulary, len(rows), temperature)
    data = zstandard.compress(msgspec.msgpack.encode(model), 19)
    path = ROOT / "src" / "bouncewise" / "classifier" / FILE
    path.write_bytes(data)
    print(f"{path.relative_to(ROOT)}: {len(data):,} octets")


if __name__ == "__main__":
    main()
