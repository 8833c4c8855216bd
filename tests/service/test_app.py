"""The HTTP server: nothing forged reaches the spool, everything genuine does before 204, questions
need a token.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from bouncewise.classifier.classify import default_classifier
from bouncewise.config.service import Http, Token, TokenScope, Webhook
from bouncewise.config.settings import Settings
from bouncewise.errors import ConfigError
from bouncewise.ledger import open_store
from bouncewise.net import https
from bouncewise.operations.check import Known
from bouncewise.policy.load import load
from bouncewise.providers.events import Esp, esps
from bouncewise.service import app, spool, state
from bouncewise.service.api.backend import Backend
from bouncewise.service.hooks import Hook
from bouncewise.service.inbox import Inbox
from bouncewise.service.spool import Writer
from bouncewise.service.state import State
from bouncewise.service.tokens import make
from support.signing import (
    CERTIFICATE,
    NOW,
    SECRET,
    TOPIC,
    SignedRequest,
    basic,
    certificate,
    genuine,
    mailgun,
    sns,
)

OTHER = "another secret of another source"
CHECK, METRICS = make("shop", (TokenScope.CHECK,)), make("prometheus", (TokenScope.METRICS,))


class Front:
    """The application with a spool, as one process has it."""

    def __init__(self, folder: Path, settings: Settings, limit: int = 1 << 30) -> None:
        self.folder, self.lines = folder, list[str]()
        self.inbox = Inbox(Writer(folder, limit), self.lines.append)
        self.state = State(settings, self.inbox, folder, self.lines.append)
        self.ledger: Path | None = None
        self.client = TestClient(_running(self))

    def post(self, request: SignedRequest, path: str = "") -> int:
        """The status of the answer."""
        where = path or request.url.removeprefix("https://hooks.sender.example")
        # (httpx takes header fields with octets; a signature may be damaged)
        headers = {k: v.encode("utf-8", "replace") for k, v in request.headers.items()}
        return int(self.client.post(where, content=request.body, headers=headers).status_code)

    def spooled(self) -> list[bytes]:
        return [record.body for _, _, record in spool.read(self.folder, 0)]


def _running(front: Front) -> Any:
    """The application, with what runs beside it in the loop: the spool and the ledger."""
    missing = front.folder / "no ledger"
    backend = Backend(
        missing, front.folder, load(), default_classifier, lambda: front.state.settings
    )
    inner = app.application(front.state, backend)

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        writing = asyncio.create_task(front.inbox.run())
        with ExitStack() as files:
            if front.ledger is not None:
                ledger = files.enter_context(open_store(front.ledger, read_only=True))
                front.state.use_ledger(ledger, load(), Known.of(ledger, ledger.version()))
            try:
                await inner(scope, receive, send)
            finally:
                writing.cancel()
                await asyncio.gather(writing, return_exceptions=True)

    return asgi


@pytest.fixture
def front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Front]]:
    monkeypatch.setattr(app.time, "time", lambda: NOW)
    monkeypatch.setattr(Inbox, "close", lambda _: None)
    monkeypatch.setenv("OTHER", OTHER)
    made: list[Front] = []

    def make_front(esp: Esp | None = None, **more: Any) -> Front:
        webhooks = [Webhook(name="other", esp="postmark", secret="env:OTHER")]
        if esp is not None:
            file = tmp_path / "key"
            keys = genuine(esp).keys
            file.write_text(keys if isinstance(keys, str) else "-")
            topics = (TOPIC,) if esp.name == "ses" else ()
            place = "" if topics else f"file:{file}"
            webhooks.append(Webhook(name="main", esp=esp.name, secret=place, topics=topics))
        tokens = tuple(
            Token(name=f"t{n}", sha256=made_token.lines.split('sha256 = "')[1][:64], scopes=scopes)
            for n, (made_token, scopes) in enumerate(
                [(CHECK, (TokenScope.CHECK,)), (METRICS, (TokenScope.METRICS,))]
            )
        )
        settings = Settings(
            webhook=tuple(webhooks),
            http=Http(public_url="https://hooks.sender.example"),
            token=tokens,
        )
        made.append(Front(tmp_path / "spool", settings, **more))
        return made[-1]

    yield make_front


ESPS = pytest.mark.parametrize("esp", esps(), ids=lambda esp: esp.name)


@pytest.fixture
def certificates(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The URLs that were fetched; the certificate of SNS is there."""
    fetched: list[str] = []

    def fetch(url: str, *, limit: int) -> bytes:
        fetched.append(url)
        if url != CERTIFICATE and "ConfirmSubscription" not in url:
            raise https.FetchError("not there")
        return certificate()

    monkeypatch.setattr(state, "fetch", fetch)
    return fetched


@ESPS
def test_a_genuine_request_is_in_the_spool_before_the_answer(
    esp: Esp, front: Callable[..., Front], certificates: list[str]
) -> None:
    served = front(esp)
    request = genuine(esp).request
    assert served.post(request) == 204
    assert served.spooled() == [request.body]
    upper = request._replace(headers={k.upper(): v for k, v in request.headers.items()})
    status = served.post(upper)
    assert status == (403 if esp.signature.scheme == "mailgun" else 204)  # its token was used


@ESPS
def test_nothing_forged_reaches_the_spool(
    esp: Esp, front: Callable[..., Front], certificates: list[str]
) -> None:
    served = front(esp)
    request = genuine(esp).request
    for name, forged in _forgeries(esp, request).items():
        status = served.post(forged)
        assert status in (401, 403), f"{name}: {status}"
    assert served.post(request, "/in/other") == 401
    assert served.post(request, "/in/nobody") == 404
    assert served.spooled() == []
    assert set(certificates) <= {CERTIFICATE}


def _forgeries(esp: Esp, request: SignedRequest) -> dict[str, SignedRequest]:
    found = {
        "nothing": request._replace(headers={}, body=b"[{}]"),
        "empty": request._replace(headers={}, body=b""),
    }
    for name, value in request.headers.items():
        without = {k: v for k, v in request.headers.items() if k != name}
        found[f"without {name}"] = request._replace(headers=without)
        found[f"{name} damaged"] = request._replace(headers=without | {name: _damaged(value)})
        found[f"{name} empty"] = request._replace(headers=without | {name: ""})
    if esp.signature.scheme == "secret":
        found["other source's secret"] = request._replace(headers=basic("esp", OTHER))
        found["a part of the secret"] = request._replace(headers=basic("esp", SECRET[:-1]))
    elif esp.signature.scheme == "mailgun":
        found["another key"] = mailgun(key=b"x")
        found["long ago"] = mailgun(str(int(NOW) - 9 * 3600))
    elif esp.signature.scheme == "sns":
        found["another topic"] = sns(TopicArn=TOPIC.replace("bounces", "others"))
        found["certificate elsewhere"] = sns(SigningCertURL="https://sns.evil.example/a.pem")
        found["certificate of another region"] = sns(
            SigningCertURL=CERTIFICATE.replace("eu-west-1", "us-east-1")
        )
        found["certificate of this host"] = sns(SigningCertURL="https://169.254.169.254/latest")
        found["confirmation of another topic"] = sns(
            "SubscriptionConfirmation",
            Subject=None,
            TopicArn=TOPIC.replace("bounces", "others"),
            SubscribeURL="http://169.254.169.254/",
        )
        found["text changed"] = request._replace(body=request.body.replace(b"unknown", b"unknowm"))
    else:
        found["body changed"] = request._replace(body=request.body.replace(b"ann", b"eve"))
    return found


def _damaged(value: str) -> str:
    middle = len(value) - 2
    return f"{value[:middle]}{'A' if value[middle] != 'A' else 'B'}{value[middle + 1 :]}"


def test_a_fault_of_ours_is_503(front: Callable[..., Front], tmp_path: Path) -> None:
    served = front(next(e for e in esps() if e.name == "resend"))
    (tmp_path / "key").unlink()
    assert served.post(genuine(next(e for e in esps() if e.name == "resend")).request) == 503
    assert served.spooled() == []


@pytest.mark.parametrize("jump", [86_400.0, -86_400.0])
def test_what_seems_old_because_the_clock_was_set_is_to_come_again(
    front: Callable[..., Front], jump: float
) -> None:
    served = front(next(e for e in esps() if e.name == "mailgun"))
    old = mailgun(str(int(NOW) - 9 * 3600))
    served.state.clock._ahead = NOW - time.monotonic()
    assert served.post(old) == 403
    served.state.clock._ahead -= jump
    assert served.post(old) == 503
    assert "the clock of this machine was set" in served.lines[-1]
    assert served.post(mailgun(key=b"x")) == 401
    assert served.spooled() == []


def test_sns_subscriptions_are_confirmed_without_opening_the_url(
    front: Callable[..., Front], certificates: list[str]
) -> None:
    served = front(next(e for e in esps() if e.name == "ses"))
    request = sns("SubscriptionConfirmation", Subject=None, SubscribeURL="http://169.254.169.254/x")
    assert served.post(request) == 204
    assert certificates[0] == CERTIFICATE
    assert certificates[1:] in (
        [],  # the background task may not have begun when the loop of the test ended
        [
            f"https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336"
        ],
    )


def test_the_confirmation_is_made_of_topic_and_token() -> None:
    hook = Hook(Webhook(name="a", esp="ses", topics=(TOPIC,)), "")
    url = state.confirmation_url(hook, sns("SubscriptionConfirmation", Subject=None).body)
    assert url == (
        f"https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336"
    )
    for token in ("a&Action=Delete", "../x", "", "G"):
        body = sns("SubscriptionConfirmation", Subject=None, Token=token).body
        assert state.confirmation_url(hook, body) == ""


def test_a_mailgun_token_is_accepted_once_even_after_a_restart(front: Callable[..., Front]) -> None:
    esp = next(e for e in esps() if e.name == "mailgun")
    served = front(esp)
    changed = mailgun().body.replace(b"failed", b"delivered")
    assert served.post(mailgun()) == 204
    assert served.post(mailgun()._replace(body=changed)) == 403
    served.inbox._writer.close()
    assert front(esp).post(mailgun()._replace(body=changed)) == 403


def test_a_full_spool_is_503_and_the_token_may_come_again(front: Callable[..., Front]) -> None:
    esp = next(e for e in esps() if e.name == "mailgun")
    served = front(esp, limit=10)
    assert served.post(mailgun()) == 503
    served.inbox._writer._limit = 1 << 20
    assert served.post(mailgun()) == 204


def test_a_slash_at_the_end_changes_nothing(front: Callable[..., Front]) -> None:
    served = front()
    request = SignedRequest("/in/other", {}, b"{}")
    assert served.post(request, f"/in/other/{OTHER}/") == 204
    assert served.post(request, "/in/other/") == 401
    assert served.post(request, f"/in/other/x/{OTHER}") == 404


def test_bodies_have_a_limit(front: Callable[..., Front], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "MAX_BODY", 1000)
    served = front()
    request = SignedRequest("/in/other", basic("x", OTHER), b"x" * 1001)
    assert served.post(request, "/in/other") == 413
    chunks = (b"x" * 100 for _ in range(20))
    headers = basic("x", OTHER)
    assert served.client.post("/in/other", content=chunks, headers=headers).status_code == 413
    assert served.spooled() == []
    assert served.client.get("/in/other").status_code == 200


@pytest.mark.parametrize(
    ("webhook", "words"),
    [
        (Webhook(esp="postmark", secret="env:X"), "name: missing"),
        (Webhook(name="a", esp="nobody", secret="env:X"), "known are"),
        (Webhook(name="a", esp="postmark"), "secret: missing"),
        (Webhook(name="a", esp="ses"), "topics: missing"),
        (Webhook(name="a", esp="ses", topics=("arn:x",)), "not the ARN"),
        (Webhook(name="a", esp="mandrill", secret="env:X"), "public_url: missing"),
    ],
)
def test_a_webhook_that_cannot_work_is_refused(webhook: Webhook, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Hook(webhook, "")


# ── questions ───────────────────────────────────────────────────────────────────────────────────


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def asked(front: Callable[..., Front], tmp_path: Path) -> Front:
    served = front()
    served.ledger = tmp_path / "ledger"
    open_store(served.ledger, create=True).close()
    return served


SCOPES = {
    "/v1/check/a@b.example": CHECK,
    "/statusz": METRICS,
    "/metrics": METRICS,
}


@pytest.mark.parametrize("path", SCOPES)
def test_each_question_needs_a_token_with_its_scope(asked: Front, path: str) -> None:
    client = asked.client
    right = SCOPES[path]
    wrong = METRICS if right is CHECK else CHECK
    assert client.get(path, headers=bearer(right.token)).status_code == 200
    assert client.get(path, headers=bearer(wrong.token)).status_code == 403
    for headers in (
        {},
        bearer(""),
        bearer("bw_x"),
        bearer(right.token[:-1]),
        basic("a", right.token),
    ):
        answer = client.get(path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"


def test_one_and_many_and_lines_are_answered_alike(asked: Front) -> None:
    addresses = ["a@b.example", "no address", "c@d.example", 'q"x@y.example']
    headers = bearer(CHECK.token)
    many = asked.client.post("/v1/check", json={"addresses": addresses}, headers=headers).json()
    body = "\n".join([addresses[0], addresses[1], json.dumps(addresses[2]), addresses[3]])
    lines = asked.client.post(
        "/v1/check", content=body, headers=headers | {"Content-Type": "application/x-ndjson"}
    ).text.splitlines()
    assert many["answers"] == [json.loads(line) for line in lines]
    assert [answer["send"] for answer in many["answers"]] == [True, False, True, False]
    one = asked.client.get(f"/v1/check/{addresses[0]}", headers=headers).json()
    assert one == many["answers"][0]


@pytest.mark.parametrize("name", ["a%0ab@x.example", "a@x.example%0A", "a%00@x.example", "%0d%0a"])
def test_an_address_with_control_characters_is_422(asked: Front, name: str) -> None:
    answer = asked.client.get(f"/v1/check/{name}", headers=bearer(CHECK.token))
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 422
    assert asked.client.get(f"/v1/check/{name}").status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nothing", 404), ("GET", "/v1/check", 405)]
)
def test_every_error_is_a_problem_document(
    asked: Front, method: str, path: str, status: int
) -> None:
    answer = asked.client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


def test_ten_thousand_lines_are_answered(asked: Front) -> None:
    body = b"".join(b"u%d@b.example\n" % n for n in range(10_001))
    headers = bearer(CHECK.token) | {"Content-Type": "application/x-ndjson"}
    lines = asked.client.post("/v1/check", content=body, headers=headers).text.splitlines()
    assert len(lines) == 10_001
    assert json.loads(lines[-1])["address"] == "u10000@b.example"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff", 400),
        (b"[]", 422),
        (b'{"addresses": 1}', 422),
        (b'{"addresses": [], "x": 1}', 422),
    ],
)
def test_a_question_that_is_none_is_refused(asked: Front, body: bytes, status: int) -> None:
    answer = asked.client.post("/v1/check", content=body, headers=bearer(CHECK.token))
    assert answer.status_code == status


def test_without_a_ledger_questions_fail_and_webhooks_do_not(front: Callable[..., Front]) -> None:
    served = front(next(e for e in esps() if e.name == "postmark"))
    answer = served.client.get("/v1/check/a@b.example", headers=bearer(CHECK.token))
    assert answer.status_code == 503
    assert served.post(genuine(next(e for e in esps() if e.name == "postmark")).request) == 204
    assert served.client.get("/readyz").status_code == 200


def test_a_lost_ledger_is_one_line_and_its_return_another(asked: Front) -> None:
    for why in ("removed", "no ledger there."):
        asked.state.lose_ledger(why)
    for _ in range(3):
        asked.state.question_failed("malformed")
    with open_store(asked.ledger or "", read_only=True) as ledger:
        asked.state.use_ledger(ledger, load(), Known.of(ledger, ledger.version()))
        for _ in range(3):
            asked.state.question_failed("malformed")
    assert [line.partition(":")[0] for line in asked.lines] == [
        "the ledger cannot be read",
        "the ledger can be read again",
        "a question cannot be answered",
    ]


def test_health_and_metrics(asked: Front) -> None:
    assert asked.client.get("/healthz").text == "ok\n"
    asked.client.get("/v1/check/a@b.example", headers=bearer(CHECK.token))
    text = asked.client.get("/metrics", headers=bearer(METRICS.token)).text
    assert "bouncewise_checked_total 1.0" in text
    assert "bouncewise_ledger_readable 1.0" in text
    status = asked.client.get("/statusz", headers=bearer(METRICS.token)).json()
    assert status["ready"] is True
    assert status["webhooks"] == {"other": "postmark"}


def test_a_configuration_that_is_wrong_changes_nothing(asked: Front) -> None:
    with pytest.raises(ConfigError):
        asked.state.configure(Settings(webhook=(Webhook(name="a", esp="nobody"),)))
    assert "other" in asked.state.hooks
    asked.state.configure(Settings())
    assert asked.client.get("/in/other").status_code == 404
