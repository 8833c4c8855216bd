"""An alert by mail: through ``sendmail``, or by SMTP (RFC 5321, 6409).

Reads: a message and its target. Gives: nothing; it returns when the mail was taken for all of its
recipients. Refuses with BouncewiseError: settings that are missing, a server that refuses, and to
send a password, or to another machine, without TLS.
"""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
import subprocess
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime

from bouncewise.config.inputs import Security
from bouncewise.config.outgoing import AlertTarget
from bouncewise.config.secrets import secret_at
from bouncewise.encode import for_terminal
from bouncewise.errors import ConfigError, InputError
from bouncewise.operations.alert_text import lines, subject
from bouncewise.operations.outbox import Message

_TIMEOUT = 30.0
_HERE = ("localhost", "127.0.0.1")


def send_mail(target: AlertTarget, message: Message, now: datetime) -> None:
    """Send *message* by mail. A second copy has the same Message-ID."""
    if not target.to or not target.sender:
        raise ConfigError("to and sender: missing")
    mail = EmailMessage()
    mail["From"], mail["To"] = target.sender, ", ".join(target.to)
    mail["Date"] = format_datetime(now.astimezone(UTC))
    mail["Message-ID"] = f"<{message.id}@{target.sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834
    mail["Subject"] = subject(message)
    mail.set_content("\n".join(lines(message)) + "\n")
    if target.smtp:
        _by_smtp(target, mail)
    else:
        _by_sendmail(target, mail)


def _by_smtp(target: AlertTarget, mail: EmailMessage) -> None:
    host, _, port = target.smtp.rpartition(":")
    if target.security is Security.NONE and host not in _HERE:
        raise ConfigError('security: "none" is for a mail server on this machine only')
    if target.user and not target.secret:
        raise ConfigError("secret: missing; it says where the password of user is")
    password = secret_at(target.secret, private=True) if target.user else ""
    context = ssl.create_default_context()
    try:
        with contextlib.ExitStack() as stack:
            session: smtplib.SMTP
            if target.security is Security.TLS:
                session = smtplib.SMTP_SSL(host, int(port), timeout=_TIMEOUT, context=context)
            else:
                session = smtplib.SMTP(host, int(port), timeout=_TIMEOUT)
            stack.enter_context(session)
            if target.security is Security.STARTTLS:
                session.starttls(context=context)
            if target.user:
                session.login(target.user, password)
            refused = session.send_message(mail)
    except (smtplib.SMTPException, ssl.SSLError, socket.gaierror) as bad:
        raise InputError(f"{host}: {_words(bad)}") from None
    if refused:
        raise InputError(f"{host} refused {len(refused)} of {len(target.to)} recipients")


def _words(bad: Exception) -> str:
    """What went wrong, in one line."""
    text: bytes | str
    if isinstance(bad, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(bad.recipients.values()))
    elif isinstance(bad, smtplib.SMTPResponseException):
        code, text = bad.smtp_code, bad.smtp_error
    else:
        return for_terminal(" ".join(str(bad).split())[:200]) or type(bad).__name__
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return for_terminal(f"{code} {' '.join(words.split())}"[:200])


def _by_sendmail(target: AlertTarget, mail: EmailMessage) -> None:
    command = [target.sendmail, "-i", "-f", target.sender, "--", *target.to]
    try:
        done = subprocess.run(  # noqa: S603 - the operator's program, without a shell
            command, input=mail.as_bytes(), capture_output=True, timeout=60, check=False
        )
    except subprocess.TimeoutExpired:
        raise InputError(f"{target.sendmail} did not end in a minute") from None
    if done.returncode:
        words = for_terminal(done.stderr.decode("utf-8", "replace").strip()[:200])
        raise InputError(f"{target.sendmail} ended with {done.returncode}: {words}")
