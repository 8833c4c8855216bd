"""Postfix asks: an address that must not be mailed is refused, and every fault lets mail pass."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from bouncewise.config.service import PostfixPolicy
from bouncewise.model import Decision, Mail, State
from bouncewise.operations.check import Answer
from bouncewise.service.connections import Connections
from bouncewise.service.conversation import Conversation
from bouncewise.service.policy import PolicyAnswers, policy

DUNNO = b"action=DUNNO\n\n"


def check(address: str, mail: Mail) -> Answer:
    """Suppresses dead@ always, and complained@ for marketing mail; fails for broken@."""
    if address.startswith("broken@"):
        raise OSError("the ledger is gone")
    send = not (
        address.startswith("dead@")
        or (address.startswith("complained@") and not mail.transactional)
    )
    why = "550 5.1.1 User\r\nunknown \x1b[31m ü"
    decision = Decision(state=State.OK if send else State.SUPPRESSED, why="" if send else why)
    return Answer(address, send, address, decision)


def request(recipient: str, sender: str = "a@shop.example", state: str = "RCPT") -> bytes:
    return (
        f"request=smtpd_access_policy\nprotocol_state={state}\nprotocol_name=ESMTP\n"
        f"sender={sender}\nrecipient={recipient}\nrecipient_count=0\nqueue_id=\ninstance=1"
    ).encode()


@pytest.fixture
def answers() -> PolicyAnswers:
    return PolicyAnswers(PostfixPolicy(marketing_senders=("news@*",)), check)


def test_a_suppressed_address_is_refused_in_one_line(answers: PolicyAnswers) -> None:
    found = answers.answer(request("dead@x.example"))
    assert found.startswith(b"action=REJECT 5.1.1 dead@x.example: ")
    assert found.endswith(b"\n\n")
    assert found.count(b"\n") == 2
    assert found.isascii()
    assert b"\x1b" not in found
    assert answers.answer(request("ok@x.example")) == DUNNO


@pytest.mark.parametrize("recipient", ["bo@localhost", "bo@[192.0.2.1]", "a..b@docomo.example"])
def test_what_is_no_address_here_is_left_to_the_mail_server(recipient: str) -> None:
    def invalid(address: str, mail: Mail) -> Answer:
        return Answer(address, False, address, Decision(state=State.INVALID, why="not an address"))

    assert PolicyAnswers(PostfixPolicy(), invalid).answer(request(recipient)) == DUNNO


def test_complaints_count_for_marketing_senders(answers: PolicyAnswers) -> None:
    assert answers.answer(request("complained@x.example")) == DUNNO
    assert answers.answer(request("complained@x.example", "News@shop.example")) != DUNNO


@pytest.mark.parametrize(
    "asked",
    [
        request("dead@x.example", state="DATA"),
        request("broken@x.example"),
        request(""),
        request("postmaster"),
        b"",
        b"\xff\x00=",
        b"recipient=dead@x.example",
    ],
)
def test_whatever_goes_wrong_lets_mail_pass(answers: PolicyAnswers, asked: bytes) -> None:
    assert answers.answer(asked) == DUNNO


def test_faults_are_counted(answers: PolicyAnswers) -> None:
    for address in ("ok@x.example", "dead@x.example", "broken@x.example"):
        answers.answer(request(address))
    assert (answers.asked, answers.refused, answers.failed) == (3, 1, 1)


def test_a_client_that_reads_no_answers_is_read_no_further(answers: PolicyAnswers) -> None:
    requests = (request("dead@x.example") + b"\n\n") * 1000
    octets = 64 << 20

    async def flood() -> int:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: Conversation(policy(answers), Connections()), "127.0.0.1", 0
        )
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < octets:
                writer.write(requests)
                sent += len(requests)
                await asyncio.wait_for(writer.drain(), 1)
        for _ in range(20):  # whoever reads again is answered again
            await asyncio.wait_for(reader.readexactly(1 << 16), 5)
        writer.transport.abort()
        server.close()
        return sent

    assert asyncio.run(flood()) < octets
