"""The settings of a mailbox with the values that the kind of server implies.

Gives: the port, the URL where tokens are issued, and ConfigError for settings that are not
complete, or contradict one another. Sources: RFC 8314 section 7.3 (ports),
https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow,
https://developers.google.com/identity/protocols/oauth2/web-server#offline.
"""

from __future__ import annotations

from collections.abc import Iterator

from bouncewise.config.inputs import Fetch, MailboxKind, Security
from bouncewise.errors import ConfigError

_HERE = ("localhost", "127.0.0.1", "::1")
_HOSTS = {MailboxKind.GRAPH: "graph.microsoft.com", MailboxKind.GMAIL: "gmail.googleapis.com"}
_PORTS = {
    (MailboxKind.IMAP, Security.TLS): 993,
    (MailboxKind.IMAP, Security.STARTTLS): 143,
    (MailboxKind.IMAP, Security.NONE): 143,
    (MailboxKind.POP3, Security.TLS): 995,
    (MailboxKind.POP3, Security.STARTTLS): 110,
    (MailboxKind.POP3, Security.NONE): 110,
}
_MICROSOFT = "https://login.microsoftonline.com"
_GOOGLE = "https://oauth2.googleapis.com/token"


def is_api(fetch: Fetch) -> bool:
    """Whether the mailbox is behind an HTTP API."""
    return fetch.kind in _HOSTS


def host_of(fetch: Fetch) -> str:
    """The server."""
    return fetch.host or _HOSTS.get(fetch.kind, "")


def port_of(fetch: Fetch) -> int:
    """The port of the server."""
    return fetch.port or _PORTS.get((fetch.kind, fetch.security), 443)


def base_url(fetch: Fetch) -> str:
    """The beginning of the URLs of an API, as its own links have it: without a usual port."""
    scheme, usual = ("http", 80) if fetch.security is Security.NONE else ("https", 443)
    port = f":{fetch.port}" if fetch.port not in (0, usual) else ""
    return f"{scheme}://{host_of(fetch)}{port}"


def token_url(fetch: Fetch) -> str:
    """Where access tokens are issued; '' where nothing says it."""
    if fetch.token_url:
        return fetch.token_url
    if fetch.tenant:
        return f"{_MICROSOFT}/{fetch.tenant}/oauth2/v2.0/token"
    is_google = fetch.kind is MailboxKind.GMAIL or fetch.service_account
    return _GOOGLE if is_google else ""


def called(fetch: Fetch) -> str:
    """What the mailbox is called in lines for the operator."""
    return f"mailbox {fetch.name or f'{fetch.user} at {host_of(fetch)}'}"


def source_name(fetch: Fetch) -> str:
    """The name under which the position is stored: that of the folder, whatever it is called."""
    if is_api(fetch):
        return f"{fetch.kind} {fetch.user} {fetch.folder}"
    folder = f" {fetch.folder}" if fetch.kind is MailboxKind.IMAP else ""
    return f"{fetch.kind} {fetch.user} {host_of(fetch)}:{port_of(fetch)}{folder}"


def check(fetch: Fetch) -> None:
    """Raise ConfigError where settings are missing or contradict one another."""
    for fault in _faults(fetch):
        raise ConfigError(f"[[fetch]] {fetch.name or host_of(fetch)}: {fault}")


def _faults(fetch: Fetch) -> Iterator[str]:
    if not host_of(fetch):
        yield "host is missing"
    if not fetch.user:
        yield "user is missing"
    yield from _login_faults(fetch)
    if fetch.move_to and fetch.delete:
        yield "either move_to or delete"
    if fetch.move_to and fetch.move_to == fetch.folder:
        yield "move_to is the folder that is read"
    if fetch.move_to and fetch.kind is MailboxKind.POP3:
        yield "POP3 has no folders: delete messages, or leave them where they are"
    if fetch.security is Security.STARTTLS and is_api(fetch):
        yield "security starttls is for IMAP and POP3"
    if fetch.security is Security.NONE and host_of(fetch) not in _HERE:
        yield "security none is only for a server on this machine"


def _login_faults(fetch: Fetch) -> Iterator[str]:
    if fetch.password and is_api(fetch):
        yield "an API takes no password: client_id, service_account or token_command is necessary"
    ways = (fetch.password, fetch.token_command, fetch.client_id, fetch.service_account)
    if sum(map(bool, ways)) != 1:
        yield "one of password, token_command, client_id and service_account is necessary"
    if fetch.client_id and not (fetch.client_secret or fetch.refresh_token):
        yield "client_secret or refresh_token is missing"
    if fetch.client_id and not token_url(fetch):
        yield "tenant or token_url is missing"
    if fetch.client_id and fetch.kind is MailboxKind.GMAIL and not fetch.refresh_token:
        yield "refresh_token is missing: Google issues no tokens to a client alone"
