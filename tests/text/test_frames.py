"""Only the quoted reply is evidence: a frame around a reply changes nothing of its verdict.

The law: cause, party, advice, permanence, status and reply code of frame(reply) are those of the
reply, and so is the evidence. Two exceptions: a frame that holds a code or a status itself lends it
to a reply that has none (``lends``), and a frame that names a stage before RCPT, at which nothing
is said about a recipient (``before_recipients``).
"""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import pytest

from bouncewise.classifier.classify import default_classifier
from bouncewise.intake.formats import reader_for
from bouncewise.model import Finding, Verdict
from bouncewise.rules.load import Example
from bouncewise.text.forms import KINDS, forms, simplify
from bouncewise.text.frames import announces_reply, blank_frame, layers
from bouncewise.text.mask import mask, mask_same_length

BARE = [
    line.replace("\\n", "\n")
    for line in (Path(__file__).parents[1] / "fixtures/replies.txt").read_text("utf-8").splitlines()
]
EXAMPLES = [
    e.reply if isinstance(e, Example) else e
    for r in default_classifier().ruleset.rules
    for e in (*r.example, *r.counter)
]
FRAMES = [(frame.name, example) for frame in forms().frame for example in frame.example]
judge = default_classifier().classify

# Forms that are in no table: they are told by their grammar.
UNSEEN = [
    "<u@b.example>: {reply}",
    "u@b.example: {reply}",
    "id=00A.1,from=<news@a.example>,addr=<u@b.example>: {reply}",
    "Intended Recipients: <u@b.example>\nFailure Reason: {reply}",
    "Remote SMTP Server has said: {reply}",
    (
        "Remote server (192.0.2.1) issued an error.\nhMailServer sent: RCPT TO:<u@b.example>\n"
        "Remote server replied: {reply}"
    ),
    "Google tried to deliver your message, but it was rejected by the server for b.example by "
    "mx.b.example. [192.0.2.1].\n\n"
    "The error that the other server returned was:\n{reply}",
    (
        "mx.b.example rejected your message to the following email addresses:\nu@b.example\n"
        "mx.b.example gave this error:\n{reply}"
    ),
    "Generating server: srv.a.example\nu@b.example\nmx.b.example\nRemote Server returned '{reply}'",
    (
        '451 4.4.0 Primary target IP address responded with: "{reply}" Attempted failover to '
        "alternate host, but that did not succeed."
    ),
    'Symfony.Mailer: Expected response code "250" but got code "550", with message "{reply}".',
    "Error: Can't send mail - all recipients were rejected: {reply}",
    "EENVELOPE: Mail command failed: {reply}",
    "Net::SMTPFatalError: {reply}",
    "gomail: could not send email 1: {reply}",
    "lettre::transport::smtp::Error: permanent error (550): {reply}",
    "R=dnslookup T=remote_smtp H=mx.b.example [192.0.2.1] X=TLS1.3:TLS_AES_256_GCM_SHA384:256 "
    "CV=yes: "
    "SMTP error from remote mail server after pipelined RCPT TO:<u@b.example>: {reply}",
    (
        "status=deferred (delivery temporarily suspended: host mx.b.example[192.0.2.1] said: "
        "{reply} (in reply to RCPT TO command))"
    ),
    "deferral: 192.0.2.1_failed_after_I_sent_the_message./Remote_host_said:_{reply}/",
    (
        "Sorry, it didn't work out. Connected to 192.0.2.1 but sender was rejected. Remote host "
        "said: {reply}"
    ),
    'result="PermFail" stat="{reply}"',
    "KumoMTA: failed to deliver, last response: {reply}",
    "550 5.4.300 Message expired -> {reply}",
    (
        "The following message to <u@b.example> was undeliverable.\nThe reason for the problem:\n"
        "5.1.0 - Unknown address error 550-'{reply}'"
    ),
    'Delivery failed; the remote server responded with "{reply}"',
    "Mail could not be delivered because the receiving server answered: {reply}",
    "Bounce reason: {reply}",
    "Server response: {reply}",
    "Response from mx.b.example [192.0.2.1]: {reply}",
    "Deliver to u@b.example failed, remote MTA answered '{reply}', giving up",
    "[{LED={reply}};{MSG=};{FQDN=mx.b.example};{IP=192.0.2.1};{LRT=11/20/2026 10:00:00 AM}]",
    "451 temporary failure for one or more recipients (u@b.example:{reply})",
    '{"error": "{reply}"}',
    '{"response":{"code":550,"content":"{reply}"}}',
    "Message rejected by mx.b.example with the following reply: {reply}",
    "Le serveur distant a renvoyé l'erreur suivante. Remote server said: {reply}",
    "Bounce from mx.b.example ({reply})",
    "mx.b.example (192.0.2.1) => {reply}",
    "Delivery attempt 3 to mx.b.example failed at RCPT TO: {reply}",
    "Failed recipient u@b.example, reason: {reply}",
    'status=5.0.0 reason="{reply}" relay=mx.b.example',
    "msmtp: the server did not accept the mail; msmtp: server message: {reply}",
    "Mail not sent. The server responded:\n\n{reply}",
    "u@b.example on 11/20/2026 10:00 AM\n <mx.b.example #5.0.0 smtp;{reply}>",
    "Sorry, your message could not be delivered; the recipient's server said '{reply}'.",
    "Too many retries; last reply from remote server was: {reply}",
    "`{reply}`",
    "The server said: “{reply}”",
    "> host mx.b.example[192.0.2.1] said: {reply}",
    'level=error msg="delivery failed" err="{reply}" rcpt=u@b.example',
    "WARN o.a.j.t.m.RemoteDelivery - Error delivering to mx.b.example: {reply}",
    "Delivery to mx.b.example:25 failed with error: {reply}",
    "Stalwart: Delivery failed, code 550, message: {reply}",
    "服务器返回：{reply}",
    "Recipient refused: ('550', '{reply}')",
    "[mx.b.example] {reply}",
    "(550, b'{reply}')",
    "SMTPDataError: (550, b'{reply}')",
    "Message expired after 5 days in queue. Last response from server: {reply}",
]

# Words of the receiver's own, in which a form seems to stand.
KEPT = [
    (
        "450 4.1.1 <u@b.example>: Recipient address rejected: unverified address: host "
        "10.0.0.1[10.0.0.1] said: 550 5.1.1 User unknown"
    ),
    (
        "450 4.1.7 <n@a.example>: Sender address rejected: unverified address: host "
        "mx.a.example[192.0.2.9] said: 550 5.1.1 User unknown"
    ),
    (
        '451-response to "RCPT TO:<n@a.example>" from mx.a.example [192.0.2.9] was: 450 4.2.0 '
        "Greylisted 451-Could not complete sender verify callout"
    ),
    (
        "550-Verification failed for <n@a.example>\n550-Response: 550 5.1.1 User unknown\n550 "
        "Sender verify failed"
    ),
    (
        "SASL authentication failed; server smtp.a.example[192.0.2.1] said: 525 5.7.13 Account "
        "disabled"
    ),
    "550 5.7.350 Remote server returned message detected as spam -> 550 permanent failure",
    "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
    (
        "554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException; permanent "
        "exception with message Cannot open mailbox"
    ),
    "552 5.2.2 mailbox full, quota: 500 MB used: 501 MB",
    "Mailbox full: 500 MB of 500 MB used",
    "421 4.7.0 limit exceeded: 450 messages per hour",
    "554 5.7.1 Client host [192.0.2.9] blocked using bl.b.example; reason: 450 spam messages",
    "550 5.7.1 Your reply: not accepted here",
    "550 5.7.1 giving up on you",
    "451 4.3.0 <u@b.example>: Temporary lookup failure: LDAP server returned: Operations error",
    "554 5.7.1 Message rejected; the content filter said: too many links",
    "550 Administrative prohibition - https://community.b.example/docs/DOC-1369#550 [id]",
    "550 5.1.1 See https://b.example/?code=550 for details",
    "450 4.2.0 <u@b.example>: Recipient address rejected: Policy service said: Greylisted",
    "Giving up on 192.0.2.1.",
    "451 4.4.1 retry timeout exceeded",
    "550 5.1.1 sorry (in reply to your message of Monday)",
    "Client host rejected: Fix your mail system",
    "550 User unknown; the following: contact your administrator",
    "550 5.1.1 <u@b.example>... User unknown",
    "550 5.7.1 The attachment type is blocked (ex: .exe, .scr)",
    (
        "550-5.7.26 Unauthenticated\n550-5.7.26 DKIM = did not pass\n550-5.7.26 SPF [a.example] "
        "with ip: [192.0.2.9] = did not pass\n550 5.7.26 see"
    ),
    "452 4.2.2 The account is over quota. Please direct: 452 4.2.2 the recipient to",
    (
        "unable to connect to remote server: Operation timed out I'm not going to try again; this "
        "message has been in the queue too long."
    ),
    "connect to b.example[192.0.2.1]:25: Connection timed out",
    "lost connection with mx.b.example[192.0.2.1] while sending RCPT TO",
]


def meaning(verdict: Verdict) -> tuple[Any, ...]:
    return (
        verdict.cause,
        verdict.party,
        verdict.advice,
        verdict.permanence,
        verdict.status,
        verdict.reply_code,
        verdict.rule,
    )


def lends(frame: str, bare: Verdict) -> bool:
    """Whether *frame* holds a code or status of its own that the reply lacks."""
    own = judge(frame.replace("{reply}", "x"))
    return bool((own.status and not bare.status) or (own.reply_code and not bare.reply_code))


def before_recipients(framed: Verdict, bare: Verdict) -> bool:
    """Whether the frame says that no recipient was known, where *bare* seems to be about one."""
    return framed.stage in ("helo", "mail") and bare.party in ("recipient", "domain")


def broken(frame: str, replies: list[str]) -> list[Any]:
    found = []
    for reply in replies:
        bare, framed = judge(reply), judge(frame.replace("{reply}", reply))
        excused = lends(frame, bare) or before_recipients(framed, bare)
        if meaning(bare) != meaning(framed) and not excused:
            found.append((reply, meaning(bare), meaning(framed)))
    return found


@pytest.mark.parametrize(
    ("name", "frame"), FRAMES, ids=[f"{name}-{i}" for i, (name, _) in enumerate(FRAMES)]
)
def test_a_frame_changes_no_verdict(name: str, frame: str) -> None:
    # Each frame around all bare replies and every fifth example of a rule, from another place each:
    # all of them in turn.
    first = FRAMES.index((name, frame)) % 5
    assert broken(frame, BARE + EXAMPLES[first::5]) == []


@pytest.mark.parametrize("frame", UNSEEN)
def test_nor_does_one_that_no_table_describes(frame: str) -> None:
    assert broken(frame, BARE + EXAMPLES[::40]) == []


@pytest.mark.parametrize(
    "outer",
    [
        "host mx.c.example[192.0.2.7] said: {reply} (in reply to RCPT TO command)",
        "Remote Server returned '{reply}'",
    ],
)
def test_the_innermost_reply_counts(outer: str) -> None:
    for _, frame in FRAMES:
        assert broken(outer.replace("{reply}", frame), BARE[::6]) == []


def test_an_address_that_is_refused_before_rcpt_is_the_senders() -> None:
    for stage, cause in (("MAIL FROM", "sender-rejected"), ("EHLO", "protocol-error")):
        for reply in ("501 Invalid address", "550 5.1.2 no such domain", "550 User unknown"):
            verdict = judge(
                f"host mx.b.example[192.0.2.1] said: {reply} (in reply to {stage} command)"
            )
            assert (verdict.cause, verdict.advice) == (cause, "fix-sender"), (stage, reply, verdict)


def test_evidence_is_quoted_from_the_reply() -> None:
    for _, frame in FRAMES:
        for reply in BARE:
            bare, framed = judge(reply), judge(frame.replace("{reply}", reply))
            assert framed.evidence == bare.evidence or lends(frame, bare)


@pytest.mark.parametrize("reply", KEPT)
def test_a_reply_that_looks_like_a_frame_is_kept(reply: str) -> None:
    masked = mask(reply)
    assert layers(masked) == (masked,)
    assert blank_frame(mask_same_length(reply), masked) == mask_same_length(reply)


def test_what_the_sender_was_refused_for_suppresses_nobody() -> None:
    verdict = judge(KEPT[1])
    assert (verdict.cause, verdict.party, verdict.reply_code) == ("sender-rejected", "sender", 450)


def test_what_a_receiver_asked_its_own_server_keeps_its_4xx() -> None:
    verdict = judge(KEPT[0])
    assert (verdict.cause, verdict.reply_code, verdict.advice) == ("mailbox-unknown", 450, "review")


def test_a_frame_is_judged_where_it_quotes_nothing() -> None:
    assert judge("delivery temporarily suspended: ").cause == "network-timeout"
    assert judge("Giving up on 192.0.2.1.").cause == "delivery-expired"
    assert judge("SMTP error from remote mail server after end of data: ").cause == "server-error"
    assert (
        judge("host mx.b.example[192.0.2.1] said: 550 (in reply to RCPT TO command)").reply_code
        == 550
    )


def test_a_sentence_of_every_report_is_never_judged() -> None:
    always = (
        "Sending messages to addresses that produce hard bounces can have a negative "
        "impact on your reputation as a sender."
    )
    assert judge(always).rule == "none"
    assert judge(f"550 5.1.1 User unknown. {always}").cause == "mailbox-unknown"
    assert (
        judge(
            "Unable to temporarily deliver message (i.e. mailbox full, account disabled, "
            "exceeds quota)."
        ).cause
        == "unknown"
    )


def test_what_a_reply_lacks_the_nearest_frame_tells() -> None:
    for text, code, status in (
        (
            "554 5.4.7 [internal] timeout (last transfail: 554 5.0.0 x -> User unknown)",
            554,
            "5.0.0",
        ),
        (
            "5.3.0 - Other mail system problem 550-'Unknown user' (delivery attempts: 0)",
            550,
            "5.3.0",
        ),
        ('Expected response code 250 but got code "550", with message "no such user"', 550, None),
        (
            "550 5.4.300 Message expired -> 451 Come back",
            451,
            None,
        ),  # a status of another class is another reply's
        ("{'u@b.example': (550, b'5.1.1 User unknown')}", 550, "5.1.1"),
    ):
        verdict = judge(text)
        assert (verdict.reply_code, verdict.status) == (code, status), text


def test_announcing() -> None:
    for line in (
        "SMTP error from remote mail server after RCPT TO:<@>:",
        "The error that the other server returned was:",
        "  host mx.b.example [qz] said:",
        "Remote host said:",
    ):
        assert announces_reply(line), line
    for line in (
        "The following address(es) failed:",
        "This is a permanent error:",
        "To:",
        "<@>:",
        "Delivery to these failed:",
    ):
        assert not announces_reply(line), line


def test_every_form_has_an_example() -> None:
    assert len(FRAMES) > 80
    for frame in forms().frame:
        texts = [
            simplify(" ".join(mask(e.replace("{reply}", "550 x")).split()))
            for e in (*frame.example, *KEPT)
        ]
        for kind in KINDS:
            for form in getattr(frame, kind):
                assert any(form.split("{")[0] in text for text in texts), (frame.name, form)
        assert frame.source
        assert all("{reply}" in example for example in frame.example)


def test_hostile_text_takes_no_time() -> None:
    literals = {
        form.split("{")[0]
        for frame in forms().frame
        for kind in KINDS
        for form in getattr(frame, kind)
    }
    baits = [
        *literals,
        *forms().announcement.verb,
        *forms().announcement.copula,
        ": 550 ",
        "-> 550 x ",
        "<550 5.1.1 ",
        "(",
        "'",
        "<",
        "550, b'",
    ]
    for bait in baits:
        for start in ("", "550 ", "host x said: "):
            text = mask((start + f"{bait} " * 2048)[:2048])
            began = time.perf_counter()
            layers(text)
            assert time.perf_counter() - began < 0.25, (start, bait)


# ── through the readers ─────────────────────────────────────────────────────────────────────────

NOTICE = (
    "From: MAILER-DAEMON@a.example\nReturn-Path: <>\nTo: news@sender.example\nSubject: {subject}\n"
    "Date: Fri, 20 Nov 2026 10:00:00 +0000\nMessage-ID: <b@a.example>\n"
)
ORIGINAL = (
    "\nMessage-ID: <n@sender.example>\nFrom: news@sender.example\nTo: u@rcpt.example\n"
    "Subject: News\n\nhi\n"
)
EXIM = (
    NOTICE.replace("{subject}", "Mail delivery failed: returning message to sender")
    + "X-Failed-Recipients: u@rcpt.example\nAuto-Submitted: auto-replied\n\n"
    "This message was created automatically by mail delivery software.\n\nA message that you "
    "sent could not be delivered to one or more of its\n"
    "recipients. This is a permanent error. The following address(es) failed:\n\n  u@rcpt.example\n"
)
COPY = "\n------ This is a copy of the message, including all the headers. ------\n" + ORIGINAL
REPORT = NOTICE.replace("{subject}", "Undelivered Mail Returned to Sender") + (
    "MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; "
    'boundary="B"\n\n--B\nContent-Type: text/plain\n\n{text}\n\n'
    "--B\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; a.example\n\n"
    "Final-Recipient: rfc822; u@rcpt.example\nAction: failed\n"
    "Status: 5.0.0\nDiagnostic-Code: smtp; {reply}\n\n--B--\n"
)
SORRY = (
    "I'm sorry to have to inform you that your message could not\nbe delivered to one or "
    "more recipients. It's attached below.\n"
)
POSTFIX = (
    "Nov 20 10:00:00 mx postfix/smtp[100]: 4ABC0: to=<u@rcpt.example>, "
    "relay=mx.rcpt.example[192.0.2.50]:25, delay=1, "
    "delays=0.1/0/0.4/0.5, dsn={dsn}, status={status} ({text})\n"
)
IN_LOG = (
    "2026-11-20 10:00:00 1t0000-000000-0A {flag} u@rcpt.example R=dnslookup "
    "T=remote_smtp {defer}H=mx.rcpt.example [192.0.2.50]: {text}\n"
)
READ = {
    "postfix log": POSTFIX.format(
        dsn="5.0.0",
        status="bounced",
        text="host mx.rcpt.example[192.0.2.50] said: {reply} (in reply to RCPT TO command)",
    ),
    "postfix log, suspended": POSTFIX.format(
        dsn="4.0.0",
        status="deferred",
        text=(
            "delivery temporarily suspended: host mx.rcpt.example[192.0.2.50] said: {reply} "
            "(in reply to RCPT TO command)"
        ),
    ),
    "postfix log, at connect": POSTFIX.format(
        dsn="4.0.0",
        status="deferred",
        text="host mx.rcpt.example[192.0.2.50] refused to talk to me: {reply}",
    ),
    "postfix notice": NOTICE.replace("{subject}", "Undelivered Mail Returned to Sender")
    + f"\nThis is the mail system at host a.example.\n\n{SORRY}\n<u@rcpt.example>: host "
    f"mx.rcpt.example[192.0.2.50] said: {{reply}}\n"
    "    (in reply to RCPT TO command)\n",
    "exim log": IN_LOG.format(
        flag="**",
        defer="",
        text="SMTP error from remote mail server after RCPT TO:<u@rcpt.example>: {reply}",
    ),
    "exim log, pipelined": IN_LOG.format(
        flag="**",
        defer="",
        text="SMTP error from remote mail server after pipelined RCPT TO:<u@rcpt.example>: {reply}",
    ),
    "exim log, deferred": IN_LOG.format(
        flag="==",
        defer="defer (-44) ",
        text="SMTP error from remote mail server after end of data: {reply}",
    ),
    "exim notice": EXIM
    + (
        "    SMTP error from remote mail server after RCPT TO:<u@rcpt.example>:\n    host "
        "mx.rcpt.example [192.0.2.50]: {reply}\n"
    )
    + COPY,
    "exim notice of today": EXIM
    + (
        "    host mx.rcpt.example [192.0.2.50]\n    SMTP error from remote mail server after "
        "pipelined end of data:\n    {reply}\n"
    )
    + COPY,
    "qmail notice": NOTICE.replace("{subject}", "failure notice")
    + "\nHi. This is the qmail-send program at a.example.\nI'm afraid I wasn't able to "
    "deliver your message to the following addresses.\n"
    "This is a permanent error; I've given up. Sorry it didn't work out.\n\n"
    "<u@rcpt.example>:\n192.0.2.50 does not like recipient.\n"
    "Remote host said: {reply}\nGiving up on 192.0.2.50.\n\n--- Below this line is a copy of "
    "the message.\n" + ORIGINAL,
    "sendmail notice": NOTICE.replace("{subject}", "Returned mail: see transcript for details")
    + "\n   ----- The following addresses had permanent fatal errors -----\n<u@rcpt.example>\n"
    "    (reason: {reply})\n\n"
    "   ----- Transcript of session follows -----\n... while talking to mx.rcpt.example.:\n"
    ">>> RCPT To:<u@rcpt.example>\n<<< {reply}\n"
    "550 5.1.1 <u@rcpt.example>... User unknown\n\n   ----- Original message follows -----\n"
    + ORIGINAL,
    "sendmail notice without reason": NOTICE.replace(
        "{subject}", "Returned mail: Service unavailable"
    )
    + "\n   ----- The following addresses had permanent fatal errors -----\n<u@rcpt.example>\n\n"
    "   ----- Transcript of session follows -----\n... while talking to mx.rcpt.example.:\n"
    ">>> RCPT To:<u@rcpt.example>\n<<< {reply}\n"
    "554 <u@rcpt.example>... Service unavailable\n\n   ----- Original message follows -----\n"
    + ORIGINAL,
    "gmail notice": NOTICE.replace("{subject}", "Delivery Status Notification (Failure)")
    + "X-Failed-Recipients: u@rcpt.example\n\nDelivery to the following recipient failed "
    "permanently:\n\n     u@rcpt.example\n\n"
    "Technical details of permanent failure: \nGoogle tried to deliver your message, but it "
    "was rejected by the server for the recipient "
    "domain rcpt.example by mx.rcpt.example. [192.0.2.50].\n\nThe error that the other server "
    "returned was:\n{reply}\n\n\n"
    "----- Original message -----\n" + ORIGINAL,
    "dsn": REPORT.replace(
        "{text}", "This is an automatically generated Delivery Status Notification."
    ),
    "dsn of postfix": REPORT.replace(
        "{text}",
        SORRY
        + (
            "\n<u@rcpt.example>: host mx.rcpt.example[192.0.2.50] said: {reply} (in reply to "
            "RCPT TO command)"
        ),
    ),
}
# The dsn= of a log and the Status of a report are lent, as are the codes that sendmail puts into
# its own lines.
NO_CODE_NEEDED = {
    "postfix log",
    "exim log",
    "exim log, pipelined",
    "exim log, deferred",
    "exim notice",
    "dsn",
}


@pytest.mark.parametrize("name", READ)
def test_a_reply_that_was_read_means_what_it_means_bare(name: str) -> None:
    for reply in BARE:
        bare = judge(" ".join(reply.split()))
        if bare.reply_code is None and name not in NO_CODE_NEEDED:
            continue
        raw = READ[name].replace("{reply}", " ".join(reply.split())).encode()
        reader = reader_for(raw)
        assert reader is not None
        reports = [
            item.report for item in reader.read(io.BytesIO(raw), "x") if isinstance(item, Finding)
        ]
        assert [r.recipient for r in reports] == ["u@rcpt.example"], reply
        framed = default_classifier().classify_report(reports[0])
        assert framed is not None
        lent = bare.status is None
        assert meaning(framed)[:4] == meaning(bare)[:4], (reply, framed)
        assert framed.reply_code == bare.reply_code
        assert lent or framed.status == bare.status
        assert framed.evidence == bare.evidence or lent
