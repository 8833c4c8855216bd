"""What proves a report that was read from a mail, by the configuration of the operator.

Reads: findings, the settings, and the keys of return addresses. Gives: the same findings, their
provenance with the Proof that was found:

* SIGNATURE: Amazon SNS signed the event that it sent by mail, for a topic of ours.
* VERP: the notice came to, or returns, an address that we signed; it names the recipient.
* FEEDBACK: a report of an enrolled loop, by a DKIM signature that our own mail exchanger states.
* DKIM: a notice of the mail system of the recipient's domain or of its receiver, or a mail of the
  recipient, likewise.
* IMPLAUSIBLE: it returns a mail that is not from one of our domains.
* UNSIGNED: all our mail of that time had signed return addresses, and the notice has none.

It also marks deliveries to our smart hosts and gives reports of mail their stream. Refuses nothing;
never raises on hostile input. Without settings and keys everything stays as it was read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from ipaddress import ip_address, ip_network

import msgspec

from bouncewise import verp
from bouncewise.config.keys import Keyring
from bouncewise.config.settings import Loop, Redacted, Settings
from bouncewise.config.streams import DEFAULT, stream_of
from bouncewise.intake.received import ReceivedMail, domain_of
from bouncewise.intake.sns_mail import is_signed, sns_keys_of
from bouncewise.model import Channel, Finding, Kind, Proof, Report
from bouncewise.rfc import address
from bouncewise.rfc.auth_results import aligned_dkim
from bouncewise.rules.load import shipped

MAX_RETURN = timedelta(days=14)
"""A notice does not come later than this after its mail was sent: queues give up sooner (RFC 5321
section 4.5.4.1 states four to five days)."""

_SNS_MAIL = "sns-mail"
_FROM_PEOPLE = (Kind.UNSUBSCRIBE, Kind.AUTO_REPLY)
# Names that a mail provider leaves to nobody (RFC 2142, RFC 5321 section 4.5.1; the last one is
# Exchange's).
_MAILER = re.compile(r"mailer-daemon|postmaster|microsoftexchange[0-9a-f]{32}")


class Examiner:
    """Finds out what proves reports. *now*: the time of reading."""

    def __init__(self, settings: Settings, keyring: Keyring, now: datetime) -> None:
        self._settings, self._keyring, self._now = settings, keyring, now
        own = settings.own
        self._examines_mail = bool(
            keyring or own.authserv_id or own.domains or settings.streams or settings.verp.since
        )
        self.time_zone = own.time_zone
        self._sns = sns_keys_of(settings.trust)
        self._last: tuple[bytes, ReceivedMail] | None = None
        self._last_sns: tuple[bytes, bool] | None = None

    def examine(self, finding: Finding) -> Finding:
        """*finding* with what proves it."""
        report = finding.report
        if report.source.reader == _SNS_MAIL:
            examined = self._sns_report(report, finding.raw)
        elif report.provenance.channel is Channel.MAIL:
            examined = self._mail_report(report, finding.raw) if self._examines_mail else report
        elif report.kind is Kind.DELIVERED and self._is_smart_host(report):
            provenance = msgspec.structs.replace(report.provenance, handed_over=True)
            examined = msgspec.structs.replace(report, provenance=provenance)
        else:
            return finding
        return finding if examined is report else msgspec.structs.replace(finding, report=examined)

    def _sns_report(self, report: Report, raw: bytes) -> Report:
        """A report of an event that SNS sent by mail."""
        if self._sns is None:
            return report
        # The reports of one message share its octets.
        if self._last_sns is None or self._last_sns[0] is not raw:
            self._last_sns = raw, is_signed(raw, self._sns)
        if not self._last_sns[1]:
            return report
        provenance = msgspec.structs.replace(report.provenance, proof=Proof.SIGNATURE)
        return msgspec.structs.replace(report, provenance=provenance)

    def _mail_report(self, report: Report, raw: bytes) -> Report:
        # The reports of one message follow one another and share its octets.
        if self._last is None or self._last[0] is not raw:
            self._last = raw, ReceivedMail(raw, self._settings)
        mail = self._last[1]
        proof, recipient = self._proof(report, mail)
        provenance = msgspec.structs.replace(report.provenance, proof=proof)
        return msgspec.structs.replace(
            report,
            provenance=provenance,
            verp_recipient=recipient or report.verp_recipient,
            stream=self._stream(report, mail),
        )

    def _proof(self, report: Report, mail: ReceivedMail) -> tuple[Proof, str | None]:
        """What proves *report*, and the recipient that a signed address names."""
        signed = self._signed(report, mail)
        if signed is not None:
            recipient = verp.resolve(signed, _names(report), self._keyring)
            if recipient:
                return Proof.VERP, recipient
        if self._is_enrolled_feedback(report, mail):
            return Proof.FEEDBACK, None
        if _is_of_recipient(report, mail):
            return Proof.DKIM, None
        if report.provenance.proof is not Proof.NONE:
            return report.provenance.proof, None
        if self._returns_foreign_mail(report, mail):
            return Proof.IMPLAUSIBLE, None
        if signed is None and report.kind not in _FROM_PEOPLE and self._must_be_signed(report):
            return Proof.UNSIGNED, None
        return Proof.NONE, None

    def _signed(self, report: Report, mail: ReceivedMail) -> verp.VerpCheck | None:
        """The first valid return address that the notice came to or that it returns."""
        if not self._keyring:
            return None
        at = report.provenance.arrived or self._now
        days = self._settings.verp.days
        for found in (*mail.envelope_recipients, report.sender or ""):
            checked = verp.check(found, self._keyring, at, days=days)
            if checked.outcome is verp.Outcome.VALID:
                return checked
        return None

    def _must_be_signed(self, report: Report) -> bool:
        """Whether all our mail was signed when the returned mail was sent. The Date of the
        returned mail can be anything; that of the notice's arrival limits it.
        """
        since = self._settings.verp.since
        if since is None or not self._keyring:
            return False
        provenance = report.provenance
        times = [provenance.sent or provenance.arrived or report.at or self._now]
        if provenance.arrived is not None:
            times.append(provenance.arrived - MAX_RETURN)
        return max(times) >= datetime.combine(since, time(), UTC)

    def _is_enrolled_feedback(self, report: Report, mail: ReceivedMail) -> bool:
        if report.kind is not Kind.COMPLAINT and report.source.reader != "arf":
            return False
        for loop in self._settings.feedback.values():
            domain = aligned_dkim(mail.results, loop.dkim_domains)
            if domain is None or not _names_recipient(loop, report):
                continue
            if _is_sender(loop.senders or (domain,), mail):
                return True
        return False

    def _returns_foreign_mail(self, report: Report, mail: ReceivedMail) -> bool:
        own = self._settings.own.domains
        senders = mail.original_senders(report.message_id) if own else ()
        return bool(senders) and not any(_is_at_or_below(s, name) for s in senders for name in own)

    def _stream(self, report: Report, mail: ReceivedMail) -> str | None:
        if not self._settings.streams:
            return report.stream
        original = mail.original_of(report.message_id)
        headers = {
            name: original.original_field(name)
            for stream in self._settings.streams.values()
            for name in (wanted.partition(":")[0] for wanted in stream.headers)
        }
        sender = address.first(original.original_field("from")[:1024])
        name = stream_of(
            self._settings,
            None,
            report.stream or original.original_field("list-id"),
            domain_of(sender),
            {name: value for name, value in headers.items() if value},
        ).name
        return None if name == DEFAULT else name

    def _is_smart_host(self, report: Report) -> bool:
        hosts = self._settings.own.smart_hosts
        return bool(hosts) and _is_one_of(hosts, report.remote_mta or "", report.remote_ip or "")


def examiner_of(settings: Settings, keyring: Keyring, now: datetime) -> Examiner | None:
    """The Examiner by *settings* and *keyring*; None where nothing is configured."""
    return Examiner(settings, keyring, now) if keyring or settings != Settings() else None


def _is_of_recipient(report: Report, mail: ReceivedMail) -> bool:
    """Whether the mail system of the recipient's domain or of its receiver signed the notice, or
    the recipient the mail. Every name that the report may be about must be in the domain: somebody
    may sign, with the own domain, that another's address forwards to it.
    """
    if not mail.results or not mail.from_domain:
        return False
    if report.kind in _FROM_PEOPLE:
        if mail.sender != address.normalise(report.recipient):
            return False
    elif not _MAILER.fullmatch(mail.sender.rpartition("@")[0]):
        return False
    names = (report.recipient, report.original_recipient, report.verp_recipient)
    domains = {domain_of(address.normalise(name)) for name in names if name}
    if len(domains) != 1:
        return False
    (domain,) = domains
    signer = aligned_dkim(mail.results, _parents(domain))
    if signer is not None:
        return _is_at_or_below(mail.from_domain, signer)
    hosts = _receiver_domains(domain)
    return mail.from_domain in hosts and aligned_dkim(mail.results, hosts) is not None


def _is_sender(senders: tuple[str, ...], mail: ReceivedMail) -> bool:
    """Whether From is one of these addresses, or in one of these domains; there customers of a
    mailbox provider could send, too.
    """
    if mail.sender in senders:
        return True
    is_shared = bool(_receiver_domains(mail.from_domain))
    return not is_shared and any(_is_at_or_below(mail.from_domain, name) for name in senders)


def _names(report: Report) -> Iterator[str]:
    """The names that a report may be about."""
    names = (report.recipient, report.original_recipient, report.verp_recipient)
    yield from filter(None, names)
    yield from report.header_recipients


def _names_recipient(loop: Loop, report: Report) -> bool:
    """Whether a loop that hides recipients leaves this one readable: the header names it."""
    if Redacted.RECIPIENT not in loop.redacts:
        return True
    header = {address.normalise(name) for name in report.header_recipients}
    return Redacted.HEADER not in loop.redacts and address.normalise(report.recipient) in header


def _parents(domain: str) -> list[str]:
    """*domain* and the domains above it, none of them a top-level domain."""
    labels = domain.split(".")
    return [".".join(labels[n:]) for n in range(min(len(labels) - 1, 10))]


@lru_cache(maxsize=1024)
def _receiver_domains(domain: str) -> frozenset[str]:
    """The domains of the receiver of *domain* whose mailboxes and servers are all its own."""
    for receiver in shipped().receivers:
        if domain in receiver.domains:
            return frozenset((*receiver.domains, *receiver.mx))
    return frozenset()


@lru_cache(maxsize=4096)
def _is_one_of(hosts: tuple[str, ...], name: str, ip: str) -> bool:
    """Whether a host is one of *hosts*: names, which include what is below them, and networks."""
    try:
        found = ip_address(ip) if ip else None
    except ValueError:
        found = None
    host = name.lower().rstrip(".")
    for wanted in hosts:
        if "/" not in wanted:
            if _is_at_or_below(host, wanted):
                return True
        elif found is not None and found in ip_network(wanted):
            return True
    return False


def _is_at_or_below(name: str, domain: str) -> bool:
    return bool(name) and (name == domain or name.endswith(f".{domain}"))
