"""What an ESP, a mail server and Postfix do with a running service: a webhook, a bounce by LMTP, and
the question before a mail is sent. demo.sh starts the service.
"""

from __future__ import annotations

import json
import os
import smtplib
import socket
import time
import urllib.request
from pathlib import Path

HTTP, POLICY, LMTP = 18025, 18026, 18027
GONE = "gone@there.example"
BOUNCE = {
    "RecordType": "Bounce",
    "Type": "SoftBounce",
    "ID": 1,
    "Email": GONE,
    "BouncedAt": "2026-11-22T10:00:00Z",
    "Details": "smtp;550 5.4.1 Recipient address rejected: Access denied",
}


def wait_for(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("the service did not start")


def ask(recipient: str) -> str:
    """What the service answers Postfix."""
    with socket.create_connection(("127.0.0.1", POLICY), 5) as sock:
        request = f"request=smtpd_access_policy\nprotocol_state=RCPT\nrecipient={recipient}\n\n"
        sock.sendall(request.encode())
        return sock.recv(4096).decode().strip()


def main() -> None:
    for port in (HTTP, POLICY, LMTP):
        wait_for(port)
    print(f"Postfix asks about {GONE}: {ask(GONE)}")
    url = f"http://127.0.0.1:{HTTP}/in/postmark/{os.environ['DEMO_SECRET']}"
    request = urllib.request.Request(url, json.dumps(BOUNCE).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        print(f"Postmark posts a bounce that it calls soft: {answer.status}")
    mail = min(Path("bounces").glob("*.eml")).read_bytes()
    with smtplib.LMTP("127.0.0.1", LMTP) as client:
        refused = client.sendmail("", ["bounces+1@sender.example"], mail)
    print(f"a mail server delivers a bounce by LMTP: {'refused' if refused else 'stored'}")
    for _ in range(100):
        if "DUNNO" not in (said := ask(GONE)):
            break
        time.sleep(0.1)
    print(f"Postfix asks again: {said}")


if __name__ == "__main__":
    main()
