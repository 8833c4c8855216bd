"""The laws of judgement, and the contract of a verdict."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bouncewise.classifier.classify import Classifier, classify, default_classifier
from bouncewise.errors import RuleError
from bouncewise.model import Advice, Cause, Party, Permanence
from bouncewise.rules.load import load, shipped

LAWS = [
    # text outranks code
    (
        (
            "550 5.4.1 Recipient address rejected: Access denied. AS(201806281) "
            "[X.prod.protection.outlook.com]"
        ),
        "access-denied",
        "suppress-address",
    ),
    ("550 5.4.1 Relay Access Denied", "relay-denied", "review"),
    ("441 4.4.1 No answer from host", "network-timeout", "retry-later"),
    (
        "554 5.7.1 <a@b.example>: Recipient address rejected: Access denied",
        "access-denied",
        "review",
    ),
    (
        "550 5.1.1 <a@b.example> 192.0.2.1 has sent to too many recipients this hour",
        "rate-limited",
        "retry-later",
    ),
    (
        (
            "550 5.2.1 The user you are trying to contact is receiving mail at a rate that "
            "prevents delivery"
        ),
        "rate-limited",
        "retry-later",
    ),
    ("552 5.2.2 Mailbox full", "mailbox-full", "retry-later"),
    # whose fault first
    (
        (
            "550 5.2.1 Mailbox unavailable. Your IP address 192.0.2.1 is blacklisted using "
            "SPAMHAUS-XBL."
        ),
        "blocklisted",
        "fix-sender",
    ),
    (
        (
            "554 5.7.1 <a@b.example>: Recipient address rejected: "
            "https://www.spamhaus.org/query/ip/192.0.2.1"
        ),
        "blocklisted",
        "fix-sender",
    ),
    (
        "550 5.1.8 <a@b.example>: Sender address rejected: Domain not found",
        "sender-rejected",
        "fix-sender",
    ),
    (
        (
            "550 5.7.26 Unauthenticated email from b.example is not accepted due to domain's "
            "DMARC policy."
        ),
        "auth-failure",
        "fix-sender",
    ),
    # a 4xx never suppresses
    (
        "450 4.1.1 <a@b.example>: Recipient address rejected: User unknown",
        "mailbox-unknown",
        "review",
    ),
    # a 5xx alone never suppresses
    ("550", "unknown", "review"),
    ("554 5.0.0", "unknown", "review"),
    ("550 5.4.1", "unknown", "review"),
    ("", "unknown", "review"),
]


@pytest.mark.parametrize(("reply", "cause", "advice"), LAWS)
def test_law(reply: str, cause: str, advice: str) -> None:
    verdict = classify(reply)
    assert (verdict.cause, verdict.advice) == (cause, advice), verdict


def test_only_recipient_and_domain_may_suppress_by_default() -> None:
    for facts in shipped().causes.values():
        if facts.advice.startswith("suppress") and facts.cause is not Cause.SUPPRESSED:
            assert facts.party in (Party.RECIPIENT, Party.DOMAIN), facts.cause
    for rule in shipped().rules:
        party = shipped().causes[rule.cause].party
        if rule.advice in (Advice.SUPPRESS_ADDRESS, Advice.SUPPRESS_DOMAIN):
            assert party in (Party.RECIPIENT, Party.DOMAIN), rule.id


def test_evidence_stands_in_the_reply() -> None:
    verdict = classify(
        "550-5.1.1 The email account that you tried to reach does\r\n550 5.1.1 not exist. - gsmtp"
    )
    assert verdict.evidence
    assert verdict.evidence in verdict.reply
    assert verdict.permanence is Permanence.PERMANENT


@given(st.text(max_size=300), st.sampled_from(["421", "450 4.7.1", "451", "452 4.2.2"]))
def test_no_4xx_ever_suppresses(text: str, code: str) -> None:
    verdict = classify(f"{code} {text}")
    if verdict.reply_code is not None and verdict.reply_code < 500:
        assert not verdict.advice.startswith("suppress")


@given(st.text(max_size=300))
def test_any_text_gets_a_verdict(text: str) -> None:
    verdict = classify(text)
    assert 0 <= verdict.confidence <= 1
    assert len(verdict.alternates) <= 4
    assert (
        verdict.evidence == ""
        or verdict.evidence in text
        or verdict.evidence in str(verdict.reply_code or "") + str(verdict.status)
    )


@pytest.mark.parametrize(
    "hostile",
    [
        "a" * 65536,
        "user " * 13107,
        "@" * 65536,
        "550-" * 16384,
        "<a@b.c>" * 9362,
        "é" * 32768,
        "user * unknown " * 4096,
    ],
)
def test_a_64_kib_line_takes_no_time(hostile: str) -> None:
    default_classifier().classify("warm")
    start = time.perf_counter()
    default_classifier().classify(hostile)
    assert time.perf_counter() - start < 0.05


def test_site_rules_come_first_and_are_read_strictly(tmp_path: Path) -> None:
    rule = (
        'title = "ours"\n[[rule]]\nid = "ours.frozen"\ncause = "mailbox-disabled"\n'
        'when.phrase = ["user unknown"]\n'
        'source = "wiki"\nwhy = "it is so"\nexample = ["550 user unknown"]\n'
    )
    file = tmp_path / "ours.toml"
    file.write_text(rule)
    assert Classifier(load((file,))).classify("550 5.1.1 user unknown").rule == "ours.frozen"
    assert load((tmp_path,)).version != shipped().version
    for wrong, said in (
        (rule.replace("mailbox-disabled", "mailbox-disbled"), "mailbox-disbled"),
        (rule.replace("when.phrase", "when.phrases"), "phrases"),
        (rule.replace('["user unknown"]', '["*"]'), "shorter"),
        (rule.replace("when.phrase", 'when.receiver = ["nobody"]\nwhen.phrase'), "nobody"),
        (rule + rule.partition("\n")[2], "taken"),
        (rule.replace("when.phrase", 'when.status = ["5.1.a"]\nwhen.phrase'), "digits"),
    ):
        file.write_text(wrong)
        with pytest.raises(RuleError, match=said):
            load((file,))
    with pytest.raises(RuleError, match="no such rule file"):
        load((tmp_path / "absent.toml",))
