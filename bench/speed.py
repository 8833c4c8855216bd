"""The speed of classifying and reading, each compared with another program or a lower bound
measured in the same run.

Replies: unseen lines (every one with its own host, address and queue id) through ``classify``,
against the naive loop that tries the same rules one after the other with regular expressions.
Messages: Reports and Verdicts of whole bounces, against the standard library's ``email`` merely
parsing them. Prints rates and ratios; exits 0. Run as: python bench/speed.py [FOLDER of messages,
else the tests' own].
"""

from __future__ import annotations

import email
import email.policy
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from bouncewise.classifier.classify import default_classifier
from bouncewise.ledger.index import Index
from bouncewise.ledger.rows import id_of
from bouncewise.readers.messages.interpret import read as read_message
from bouncewise.rfc.reply import parse
from bouncewise.rules.load import Example, Rule
from bouncewise.text.words import words

HERE = Path(__file__).parent
FIXTURES = sorted((HERE.parent / "tests/fixtures/messages").glob("*.eml"))


def main() -> None:
    print(f"machine: {platform.machine()}, Python {platform.python_version()}, one process")
    lines = list(unseen(20_000))
    ours = rate(default_classifier().classify, lines)
    naive = rate(naive_loop(), lines[:400])
    print(
        f"replies, none seen before   {ours:10,.0f}/s   {ours / naive:6.1f} x the naive loop "
        f"({naive:,.0f}/s)"
    )
    folders = [Path(name) / "messages" for name in sys.argv[1:]]
    for files in [
        FIXTURES,
        *(sorted(folder.glob("*.eml")) for folder in folders if folder.is_dir()),
    ]:
        messages(files)
    suppression_check()
    for what, *command in (
        ("import bouncewise", "-c", "import bouncewise"),
        ("import, and classify", "-c", "from bouncewise import classify"),
        ("bouncewise classify", "-m", "bouncewise", "classify"),
        ("python alone", "-c", ""),
    ):
        print(f"{what:22}      {whole_process(command) * 1000:10.0f} ms, whole process")


def messages(files: list[Path]) -> None:
    """Reports and verdicts of whole messages, compared with parsing alone by either policy of the
    email package.
    """
    raws = [file.read_bytes() for file in files]
    raws *= 4000 // len(raws) + 1
    ours = rate(whole_job, raws)
    modern = rate(
        lambda raw: email.message_from_bytes(raw, policy=email.policy.default), raws[:1000]
    )
    old = rate(email.message_from_bytes, raws)
    size = sum(map(len, raws)) / len(raws)
    print(
        f"messages of {size:,.0f} octets  {ours:10,.0f}/s   {ours / modern:6.1f} x a bare "
        f"email parse ({modern:,.0f}/s), "
        f"{ours / old:.1f} x one by its old policy ({old:,.0f}/s)"
    )


def whole_process(command: list[str]) -> float:
    """Seconds, the best of five."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        line = b"550 5.1.1 User unknown\n"
        subprocess.run(  # noqa: S603
            [sys.executable, *command], check=True, input=line, stdout=subprocess.DEVNULL
        )
        times.append(time.perf_counter() - start)
    return min(times)


def suppression_check() -> None:
    """A million names in the index, a hundredth of what it is made for."""
    ids = sorted(id_of(f"u{i}@d{i % 977}.example") for i in range(1_000_000))
    index = Index(ids)
    asked = [f"u{i * 7}@d{i % 977}.example" for i in range(300_000)]
    print(
        f"check in process            {1e6 / rate(index.__contains__, asked):10.2f} us   8 "
        f"octets a name, {len(index):,} names"
    )


def unseen(count: int) -> Iterable[str]:
    """Replies made from the rules' own examples, no two alike."""
    examples = [
        e.reply if isinstance(e, Example) else e
        for rule in default_classifier().ruleset.rules
        for e in rule.example
    ]
    for i in range(count):
        reply, ip = examples[i * 7919 % len(examples)], f"[192.0.2.{i % 250}]"
        yield f"{reply} <u{i}@d{i % 977}.example> {ip} id {i:x}q{i * 31:x}"


def naive_loop() -> Callable[[str], str]:
    """Tries rule after rule, phrase after phrase: what a list of regular expressions does."""
    compiled = [
        (
            rule,
            [pattern(p) for p in rule.when.phrase],
            [pattern(p) for p in rule.when.unless],
            [pattern(p) for p in rule.when.also],
        )
        for rule in default_classifier().ruleset.rules
    ]

    def judge(reply: str) -> str:
        parts, spoken = parse(reply), words(reply)
        for rule, phrases, unless, also in compiled:
            if not codes_fit(rule, parts.reply_code, parts.status):
                continue
            if phrases and not any(p.search(spoken) for p in phrases):
                continue
            if any(p.search(spoken) for p in unless) or (
                also and not any(p.search(spoken) for p in also)
            ):
                continue
            return rule.id
        return "none"

    return judge


def codes_fit(rule: Rule, reply_code: int | None, status: str | None) -> bool:
    def fits(code: str, patterns: tuple[str, ...]) -> bool:
        return not patterns or any(
            re.fullmatch(p.replace(".", r"\.").replace("x", r"\d+"), code) for p in patterns
        )

    return fits(str(reply_code or ""), rule.when.reply_code) and fits(
        status or "", rule.when.status
    )


def pattern(phrase: str) -> re.Pattern[str]:
    """A phrase of a rule file as a regular expression over bare words."""
    parts = [
        "\x00"
        if part == "*"
        else re.escape(words(part.strip("*")).strip()) + r"\w*" * part.endswith("*")
        for part in phrase.split()
    ]
    return re.compile(
        r"\b" + " ".join(parts).replace("\x00 ", ".{0,80}?").replace(" \x00", ".{0,80}?")
    )


def whole_job(raw: bytes) -> None:
    for report in read_message(raw, "", 0):
        default_classifier().classify_report(report)


def rate(work: Callable[..., object], items: list[object] | list[str] | list[bytes]) -> float:
    """Items per second, the best of three rounds."""
    best = 0.0
    for _ in range(3):
        start = time.perf_counter()
        for item in items:
            work(item)
        best = max(best, len(items) / (time.perf_counter() - start))
    return best


if __name__ == "__main__":
    main()
