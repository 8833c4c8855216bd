"""The example for Django drops recipients before a backend of anymail sends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from fuzz.serving import Service

from bouncewise.config.service import TokenScope
from bouncewise.service.tokens import make
from support.cli import bouncewise

EXAMPLES = Path(__file__).parents[2] / "examples"
TOKEN = make("django", (TokenScope.CHECK,))

_DJANGO = """
import json, sys
import django
from django.conf import settings
settings.configure(
    EMAIL_BACKEND="anymail.backends.test.EmailBackend",
    BOUNCEWISE_URL=sys.argv[1], BOUNCEWISE_TOKEN=sys.argv[2],
)
django.setup()
from django.core import mail
mail.outbox = []
sys.path.insert(0, sys.argv[3])
import django_recipients
from bouncewise.client import ClientError
def send(to, tags=()):
    message = mail.EmailMessage("hello", "text", "shop@s.example", to)
    message.tags = list(tags)
    return message.send()
results = [
    send(["Jo <dead@x.example>", "good@x.example"]),
    send(["dead@x.example"]),
    send(["wish@x.example"]),
    send(["wish@x.example"], ["marketing"]),
]
sent = [message.to for message in mail.outbox]
django_recipients.client.cache_clear()
settings.BOUNCEWISE_URL = "http://127.0.0.1:9"
try:
    send(["good@x.example"])
    failed = False
except ClientError:
    failed = True
print(json.dumps([results, sent, failed]))
"""


def test_recipients_who_must_not_be_mailed_are_dropped(tmp_path: Path) -> None:
    pytest.importorskip("anymail")
    args = ("--why", "test", "--db", str(tmp_path / "ledger.sqlite"))
    bouncewise(tmp_path, "suppressions", "add", "dead@x.example", *args)
    wish = ("--cause", "complaint", "--scope", "marketing")
    bouncewise(tmp_path, "suppressions", "add", "wish@x.example", *wish, *args)
    with Service(tmp_path, TOKEN.lines) as service:
        command = [sys.executable, "-c", _DJANGO, f"http://127.0.0.1:{service.http}"]
        command += [TOKEN.token, str(EXAMPLES)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    results, sent, failed = json.loads(done.stdout)
    assert sent == [["good@x.example"], ["wish@x.example"]]
    assert results == [1, 0, 1, 0]
    assert failed  # without an answer nothing is sent
