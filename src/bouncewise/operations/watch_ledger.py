"""What the ledger itself says that somebody should know: incidents with their life, receivers that
refuse the sender, and failures that no rule and no model understands.

Reads: the ledger, the policy and what is noted so far. Gives: problems for ``watch``. An incident
is given when it opens, when a finding explains it, each time the number of refused addresses has
doubled, and when it closes, then with how many messages were missed. No address of a recipient is
in what it gives.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from bouncewise.ledger import Store
from bouncewise.ledger.deliveries import OWN_DNS
from bouncewise.model import Alert, Cause, Incident
from bouncewise.operations.alerts import alerts, steps
from bouncewise.operations.context import Context
from bouncewise.operations.missed import MissedFilter, missed
from bouncewise.operations.refusals_by_list import refusals_that_name
from bouncewise.operations.watch import Found
from bouncewise.sender.checks import Level
from bouncewise.sender.watching import Noted, Problem
from bouncewise.text.mask import mask

INCIDENT, REFUSALS, UNCLASSIFIED = "incident", "refusals", "unclassified"

UNCLASSIFIED_SHARE, UNCLASSIFIED_LEAST = 0.1, 20
"""The share of failures of a day that are not understood, and their number, from which on they are
an alert: for then rules are missing for something that happens often.
"""

_DAY = timedelta(days=1)
_BEFORE = timedelta(days=2)  # (a change of a record shows when caches have expired)


class LedgerLooks(NamedTuple):
    """The looks at the ledger of *context*."""

    context: Context

    def incidents(self, ledger: Store, noted: list[Noted], now: datetime) -> Found:
        """The incidents that are open, and the last words about those that were."""
        known = {row.part: row for row in noted if row.id == INCIDENT}
        everything = ledger.incidents.all()
        problems = [
            self._open(incident, noted, known.get(_part(incident.destination)), now)
            for incident in everything
            if incident.closed is None
        ]
        is_open = {problem.part for problem in problems}
        ended = {
            part: self._closed(part.partition(" ")[2], everything, row, now)
            for part, row in known.items()
            if part not in is_open
        }
        return Found(problems, is_open | known.keys(), ended)

    def _open(
        self, incident: Incident, noted: list[Noted], before: Noted | None, now: datetime
    ) -> Problem:
        explanations = list(self._explanations(incident, noted, now))
        count = incident.newly_refused
        doubled = count.bit_length()
        stage = f"{doubled} {incident.opened:%Y-%m-%d} {' '.join(p for p, _ in explanations)}"
        last = before.details.get("refused_at_last_alert", count) if before else count
        is_told_again = before is None or before.stage != stage
        usual = "" if incident.baseline_rate is None else f" (usual: {incident.baseline_rate:.1%})"
        since = f", {count - last} more than in the last alert" if count > last else ""
        words = (
            f"incident at {_called(incident.destination)} since {_minute(incident.opened)}: "
            f"{count:,} of {incident.mailed:,} addresses that had mail before are refused{usual}"
            f"{since}{''.join(f'; {text}' for _, text in explanations)}"
        )
        fix = (
            "Is your own resolver at work? Domains are held meanwhile."
            if incident.destination == OWN_DNS
            else f"Its addresses are held meanwhile: `bouncewise incidents show "
            f"{incident.destination}`"
        )
        details = _details(incident) | {
            "refused_since_last_alert": count - last,
            "refused_at_last_alert": count if is_told_again else last,
            "explained_by": [{"part": part, "words": text} for part, text in explanations],
        }
        part = _part(incident.destination)
        return Problem(part, INCIDENT, Level.ERROR, words, fix, stage=stage, details=details)

    def _explanations(
        self, incident: Incident, noted: list[Noted], now: datetime
    ) -> Iterator[tuple[str, str]]:
        """Other findings of the time that may be why: the part, and words."""
        where, since = incident.destination, incident.opened - _DAY
        for alert in alerts(self.context.ledger, self.context.policy, since):
            if alert.cause and where in alert.receivers:
                words = f"it also refuses mail of yours for {alert.cause}"
                yield f"{REFUSALS} {alert.cause}", words
        for row in noted:
            kind, _, rest = row.part.partition(" ")
            if kind == "listing" and row.is_told:
                subject, _, zone = rest.partition(" ")
                if refusals_that_name(self.context.ledger, zone, since, now):
                    yield row.part, f"{subject} is listed by {zone}, which refusals name"
            is_recent = datetime.fromtimestamp(row.since, UTC) >= incident.opened - _BEFORE
            if kind == "records" and row.level is Level.ERROR and is_recent:
                yield f"{row.part} {row.id}", f"shortly before: {row.words}"

    def _closed(self, where: str, everything: list[Incident], row: Noted, now: datetime) -> Problem:
        found = next((i for i in everything if i.destination == where), None)
        if found is None or found.closed is None:
            words = (
                f"no incident at {_called(where)}: by a decision, or by evidence that came later"
            )
            return Problem(row.part, INCIDENT, row.level, words, "")
        details, fix = _details(found), ""
        why = "mail is delivered again" if found.recovered else "nothing is delivered there"
        words = (
            f"the incident at {_called(where)} is over since {_minute(found.closed)}, after "
            f"{_hours(found.closed - found.opened)}: {why}; {found.newly_refused:,} addresses were "
            "refused"
        )
        if where != OWN_DNS:
            wanted = MissedFilter(found.opened, found.closed, incident=where)
            rows = missed(self.context, wanted, now).rows
            names = len({missed_row.mail.name for missed_row in rows})
            since = f"{found.opened:%Y-%m-%dT%H:%M}Z"
            details["missed"] = {
                "messages": len(rows),
                "addresses": names,
                "transactional": sum(missed_row.is_transactional for missed_row in rows),
                "list": f"/v1/missed?incident={where}&since={since}",
            }
            if rows:
                words += f"; {names:,} addresses did not get {len(rows):,} messages"
                fix = f"To send them again: `bouncewise missed --incident {where} --since {since}`"
        return Problem(row.part, INCIDENT, row.level, words, fix, details=details)

    def refusals(self, ledger: Store, noted: list[Noted], now: datetime) -> Found:
        """Receivers that refuse us for many addresses, and days with too many claims."""
        found = alerts(ledger, self.context.policy, now - _DAY)
        problems = [self._refusal(alert) for alert in found]
        known = {row.part for row in noted if row.id == REFUSALS}
        latest = {problem.part: problem for problem in reversed(problems)}
        return Found(list(latest.values()), latest.keys() | known)

    def _refusal(self, alert: Alert) -> Problem:
        who = ", ".join(name or "other receivers" for name in alert.receivers[:5]) or "somebody"
        words = (
            f"{who} refused mail of yours for {alert.refused:,} addresses ({alert.share:.0%} of "
            f"the mail to them) since {_minute(alert.since)}: {alert.cause}"
            if alert.cause
            else f"{alert.refused:,} notices since {_minute(alert.since)} that nothing proves; "
            "they hold nobody"
        )
        do = steps(alert, self.context.classifier.ruleset)
        stage = f"{alert.refused.bit_length()} {' '.join(sorted(alert.receivers))}"
        details = {
            "cause": alert.cause,
            "receivers": list(alert.receivers),
            "refused": alert.refused,
            "samples": [mask(text) for text in alert.samples],
        }
        return Problem(
            f"{REFUSALS} {alert.cause or 'claims'}",
            REFUSALS,
            Level.ERROR,
            words,
            do[0] if do else "",
            stage=stage,
            details=details,
        )

    def unclassified(self, ledger: Store, noted: list[Noted], now: datetime) -> Found:
        """The share of the failures of a day that no rule and no model understands."""
        total = unknown = 0
        samples: dict[str, int] = {}
        for mail in ledger.failed_mails.between(now - _DAY, now):
            total += 1
            if mail.cause is Cause.UNKNOWN:
                unknown += 1
                reply = mask(mail.reply)
                if reply in samples or len(samples) < _SAMPLES:
                    samples[reply] = samples.get(reply, 0) + 1
        problems = []
        if unknown >= UNCLASSIFIED_LEAST and unknown >= total * UNCLASSIFIED_SHARE:
            words = f"{unknown:,} of {total:,} failures of a day are not understood"
            fix = "Their replies: `bouncewise status`; a rule of your own is docs/rules.md"
            most = sorted(samples, key=lambda reply: -samples[reply])[:3]
            details = {"unknown": unknown, "failures": total, "samples": most}
            problems.append(
                Problem(
                    UNCLASSIFIED,
                    "share",
                    Level.WARNING,
                    words,
                    fix,
                    stage=str(unknown.bit_length()),
                    details=details,
                )
            )
        return Found(problems, {UNCLASSIFIED})


_SAMPLES = 1000  # replies that are counted


def _details(incident: Incident) -> dict[str, Any]:
    return {
        "incident": incident.destination,
        "opened": _time(incident.opened),
        "closed": _time(incident.closed) if incident.closed else None,
        "refused": incident.newly_refused,
        "mailed": incident.mailed,
    }


def _part(destination: str) -> str:
    return f"{INCIDENT} {destination}"


def _called(destination: str) -> str:
    return "your own DNS resolver" if destination == OWN_DNS else destination


def _minute(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC"


def _time(when: datetime) -> str:
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"


def _hours(span: timedelta) -> str:
    minutes = max(0, round(span.total_seconds() / 60))
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
