"""How a mail server encrypts: greeting, EHLO, STARTTLS, EHLO, QUIT (RFC 5321, RFC 3207).

Reads: the addresses of a mail exchanger. Gives: the version of TLS, the certificate, and whether it
is valid for the name of the host. No mail is begun: neither MAIL FROM nor RCPT TO is ever sent.
Where the certificate is not valid, TLS ends the connection, and a second one looks at it. Refuses:
addresses that are not global, replies without end, and to take longer than the limits.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from bouncewise.errors import BouncewiseError
from bouncewise.net.hosts import is_global

PORT = 25
MOST_ADDRESSES = 4
"""Addresses of a host that are tried."""

_LINES, _OCTETS = 100, 64 << 10  # of one reply
_SHOWN = 200
_QUIT = 2.0  # seconds for a reply to QUIT


class SmtpError(BouncewiseError):
    """The server was not reached, or does not talk to this host: nothing is known of its TLS."""


class NoTlsError(SmtpError):
    """The server was reached, and there is no TLS; the message begins with a verb."""


class Shown(NamedTuple):
    """What a server shows. ``version``: of TLS; ``certificate``: DER; ``issuers``: the other
    certificates that it sends, None where this Python cannot see them; ``fault``: why the
    certificate is not valid for the name of the host by the system's authorities, '' if it is.
    """

    address: str
    version: str
    certificate: bytes
    issuers: tuple[bytes, ...] | None
    fault: str = ""


Connect = Callable[[str, Sequence[str]], Shown]
"""(host, its addresses) to what it shows. Raises SmtpError."""


class Limits(NamedTuple):
    """Seconds for each connection, and for all of them together."""

    each: float = 15.0
    together: float = 60.0


def connector(
    *,
    port: int = PORT,
    limits: Limits = Limits(),  # noqa: B008 - a tuple
    authorities: str | None = None,
    is_allowed: Callable[[str], bool] = is_global,
) -> Connect:
    """A Connect within *limits*, which begin to run now. *authorities*: a file of certificates
    instead of the system's.
    """
    end = time.monotonic() + limits.together
    strict = ssl.create_default_context(cafile=authorities)
    strict.verify_flags &= ~ssl.VERIFY_X509_STRICT  # mail servers do not ask for more than RFC 5280
    any_certificate = ssl.create_default_context()
    any_certificate.check_hostname = False
    any_certificate.verify_mode = ssl.CERT_NONE

    def session(host: str, address: str, context: ssl.SSLContext) -> Shown:
        deadline = min(end, time.monotonic() + limits.each)
        return _Session(host, (address, port), deadline).run(context)

    def connect(host: str, addresses: Sequence[str]) -> Shown:
        allowed = [text for text in addresses[:MOST_ADDRESSES] if is_allowed(text)]
        error = SmtpError("it has no address that is reached over the Internet")
        for address in allowed:
            try:
                try:
                    return session(host, address, strict)
                except ssl.SSLCertVerificationError as fault:
                    why = fault.verify_message or "it cannot be verified"
                    return session(host, address, any_certificate)._replace(fault=why)
            except NoTlsError:
                raise
            except SmtpError as failed:
                error = failed
        raise error

    return connect


class _Session:
    """One connection, which ends at *deadline*."""

    def __init__(self, host: str, where: tuple[str, int], deadline: float) -> None:
        self._host, self._where, self._deadline = host, where, deadline
        self._buffer = b""

    def run(self, context: ssl.SSLContext) -> Shown:
        """What the server shows. Raises SmtpError; SSLCertVerificationError where *context* does
        not accept the certificate.
        """
        try:
            with socket.create_connection(self._where, self._seconds()) as self._socket:
                return self._encrypted(context)
        except ssl.SSLCertVerificationError:
            raise
        except (OSError, ValueError) as bad:
            raise SmtpError(f"{self._where[0]}: {bad or type(bad).__name__}") from None

    def _encrypted(self, context: ssl.SSLContext) -> Shown:
        self._expect("", "220")
        offered = self._expect(f"EHLO {self._name()}", "250")
        if "STARTTLS" not in [line[4:].strip().upper() for line in offered[1:]]:
            self._quit()
            raise NoTlsError("does not offer STARTTLS")
        self._send("STARTTLS")
        reply = self._reply()
        if not reply[-1].startswith("220"):
            self._quit()
            raise NoTlsError(f"refuses STARTTLS: {reply[-1][:_SHOWN]}")
        if self._buffer:  # somebody on the way could have put them in (CVE-2011-0411)
            raise NoTlsError("sends octets between its reply to STARTTLS and TLS")
        self._socket.settimeout(self._seconds())
        try:
            tls = context.wrap_socket(self._socket, server_hostname=self._host)
        except ssl.SSLCertVerificationError:
            raise
        except ssl.SSLError as bad:
            raise NoTlsError(f"fails the TLS handshake: {bad.reason or bad}") from None
        with tls:
            self._socket = tls
            shown = self._shown(tls)
            with contextlib.suppress(OSError, SmtpError):
                self._expect(f"EHLO {self._name()}", "250")
            self._quit()
            return shown

    def _shown(self, tls: ssl.SSLSocket) -> Shown:
        chain = getattr(tls, "get_unverified_chain", None)  # from Python 3.13 on
        return Shown(
            self._where[0],
            tls.version() or "",
            tls.getpeercert(binary_form=True) or b"",
            tuple(chain()[1:]) if chain else None,
        )

    def _name(self) -> str:
        """The address literal of this side, which needs no name (RFC 5321 section 4.1.3)."""
        address = str(self._socket.getsockname()[0]).partition("%")[0]
        return f"[IPv6:{address}]" if ":" in address else f"[{address}]"

    def _seconds(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time limit is over")
        return left

    def _send(self, command: str) -> None:
        self._socket.settimeout(self._seconds())
        self._socket.sendall(f"{command}\r\n".encode("ascii"))

    def _expect(self, command: str, code: str) -> list[str]:
        """The reply to *command* ('' for the greeting). Raises SmtpError for another code."""
        if command:
            self._send(command)
        reply = self._reply()
        if not reply[-1].startswith(code):
            self._quit()
            raise SmtpError(f"{self._where[0]} answers {reply[-1][:_SHOWN]}")
        return reply

    def _reply(self) -> list[str]:
        """The lines of a reply (RFC 5321 section 4.2.1). Raises OSError, ValueError."""
        lines: list[str] = []
        octets = 0
        while len(lines) < _LINES and octets < _OCTETS:
            line, found, rest = self._buffer.partition(b"\n")
            if not found:
                self._socket.settimeout(self._seconds())
                data = self._socket.recv(4096)
                if not data:
                    raise ConnectionError("the connection was closed")
                self._buffer += data
                octets += len(data)
                continue
            self._buffer = rest
            lines.append(line.decode("utf-8", "replace").rstrip("\r"))
            if not lines[-1][:3].isdigit():
                raise ValueError(f"no SMTP reply: {lines[-1][:_SHOWN]!r}")
            if lines[-1][3:4] != "-":
                return lines
        raise ValueError("a reply without end")

    def _quit(self) -> None:
        """Say QUIT, and wait a moment for the reply."""
        with contextlib.suppress(OSError, ValueError):
            self._deadline = min(self._deadline, time.monotonic() + _QUIT)
            self._send("QUIT")
            self._reply()
