"""What ``gate`` writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from bouncewise.contract.base import Record, about, time
from bouncewise.policy.gate import rate_interval, rate_level

if TYPE_CHECKING:
    from bouncewise.operations.gate import ListForecast, ListGroup, Progress, Span
    from bouncewise.operations.outcomes import Rate
    from bouncewise.policy.gate import Forecast, GatePolicy

_LEVELS = "`below` `near` (the threshold is within the interval) `above` `unknown`"


class GateGroupRow(Record, frozen=True, kw_only=True):
    """`gate LIST`: rows of the list that are alike; the summary is the last object."""

    source: Annotated[str | None, about("where the addresses were collected; null without it")]
    age: Annotated[str, about("days since the last delivery, e.g. `31-90`, `731-`, or `never`")]
    rows: Annotated[int, about("rows of the list")]
    history_of: Annotated[str, about("`source` `age`: whose history is used")]
    mails: Annotated[int, about("mails to such addresses in the history")]
    bounces: Annotated[int, about("hard bounces among them")]
    complaints: Annotated[int | None, about("complaints; null where the ledger has none at all")]
    known: Annotated[bool, about("whether this history is large enough to expect anything")]

    @classmethod
    def of(cls, group: ListGroup, *, known: bool) -> GateGroupRow:
        """The row of a group."""
        complaints = sum(week.hits for week in group.complaints)
        return cls(
            source=group.source or None,
            age=group.age,
            rows=group.rows,
            history_of="source" if group.by_source else "age",
            mails=sum(week.mails for week in group.bounces),
            bounces=sum(week.hits for week in group.bounces),
            complaints=complaints if group.complaints else None,
            known=known,
        )


class Expected(Record, frozen=True, kw_only=True):
    """A number that is expected, with its interval."""

    expected: Annotated[float, about("of the rows whose history is known")]
    low: Annotated[int, about("lower end of the interval")]
    high: Annotated[int, about("upper end of the interval")]
    unknown: Annotated[int, about("rows without enough history, which are not in the numbers")]
    review: Annotated[str, about(f"beside the lower threshold: {_LEVELS}")]
    limit: Annotated[str, about(f"beside the upper threshold: {_LEVELS}")]

    @classmethod
    def of(cls, found: Forecast, low: float, high: float) -> Expected:
        """The record of a Forecast, beside two thresholds."""
        return cls(
            expected=round(found.expected, 2),
            low=found.low,
            high=found.high,
            unknown=found.unknown,
            review=found.level(low),
            limit=found.level(high),
        )


class GateListRecord(Record, frozen=True, kw_only=True):
    """`gate LIST`: the last object."""

    rows: Annotated[int, about("rows of the list")]
    unmailable: Annotated[
        int, about("rows that `check` does not let through; they count as hard bounces, or:")
    ]
    opted_out: Annotated[int, about("of them, by a wish of the recipient: count as complaints")]
    bounces: Annotated[
        Expected,
        about(
            "hard bounces: `expected`, `low` and `high` (the interval), `unknown` (rows without "
            "enough history, which are not in these numbers); `review` and `limit`: how the "
            f"interval lies beside 5 % and 10 % (Amazon SES): {_LEVELS}"
        ),
    ]
    complaints: Annotated[Expected, about("the same, beside 0.1 % and 0.3 % (Gmail)")]
    coverage: Annotated[float, about("the share of mailings that end within the interval")]
    fine: Annotated[bool, about("whether the exit code is 0")]

    @classmethod
    def of(cls, found: ListForecast, numbers: GatePolicy, *, fine: bool) -> GateListRecord:
        """The record of a ListForecast."""
        return cls(
            rows=sum(group.rows for group in found.groups) + found.unmailable,
            unmailable=found.unmailable,
            opted_out=found.opted_out,
            bounces=Expected.of(found.bounces, numbers.bounce_review, numbers.bounce_pause),
            complaints=Expected.of(
                found.complaints, numbers.complaint_goal, numbers.complaint_limit
            ),
            coverage=numbers.coverage,
            fine=fine,
        )


class GateProgressRecord(Record, frozen=True, kw_only=True):
    """`gate --campaign`, `--stream` or `--since` without a list: one object."""

    advice: Annotated[str, about("`stop` `continue` `not-yet`")]
    campaign: Annotated[str | None, about("as given")]
    stream: Annotated[str | None, about("as given")]
    since: Annotated[str | None, about("the first moment that counts")]
    until: Annotated[str | None, about("the last")]
    mails: Annotated[int, about("accepted, or refused for a fault of the recipient")]
    bounces: Annotated[int, about("the latter; a domain that fails counts once")]
    rate: Annotated[float | None, about("bounces of mails; null without mails")]
    tolerable: Annotated[float, about("the rate against which the test is done")]
    exempt: Annotated[int, about("refusals during an outage of the receiver; not in `bounces`")]
    blocked: Annotated[int, about("addresses that refused the sender; not in `bounces`")]
    complaints: Annotated[int, about("addresses that complained")]
    stopped_after: Annotated[int | None, about("the mails after which the test advised to stop")]
    evidence: Annotated[float, about("the greatest value that the test reached")]
    needed: Annotated[float, about("the value that stops the mailing: 1 / `gate.false_alarm`")]

    @classmethod
    def of(cls, found: Progress, span: Span, numbers: GatePolicy) -> GateProgressRecord:
        """The record of a Progress."""
        return cls(
            advice=found.advice,
            campaign=span.campaign,
            stream=span.stream,
            since=time(span.since),
            until=time(span.until),
            mails=found.mails,
            bounces=found.bounces,
            rate=round(found.bounces / found.mails, 5) if found.mails else None,
            tolerable=numbers.bounce_review,
            exempt=found.exempt,
            blocked=found.blocked,
            complaints=found.complaints,
            stopped_after=found.stopped_after,
            evidence=float(f"{found.evidence:.4g}"),
            needed=round(found.needed, 4),
        )


class GateRateRow(Record, frozen=True, kw_only=True):
    """`gate --by`: a row per source, stream, campaign or receiver."""

    by: Annotated[str, about("`source` `stream` `campaign` `receiver`")]
    name: Annotated[str | None, about("null where it is not known")]
    mails: Annotated[int, about("addresses that were mailed, each once a day")]
    bounces: Annotated[int, about("hard bounces that are the recipient's fault")]
    bounce_low: Annotated[float, about("lower end of the interval of the rate")]
    bounce_high: Annotated[float, about("upper end of the interval of the rate")]
    bounce_level: Annotated[str, about(f"beside 5 %: {_LEVELS}")]
    exempt: Annotated[int, about("refusals during an outage of the receiver; not in `bounces`")]
    complaints: Annotated[int, about("complaints")]
    complaint_low: Annotated[float, about("lower end of the interval of the rate")]
    complaint_high: Annotated[float, about("upper end of the interval of the rate")]
    complaint_level: Annotated[str, about(f"beside 0.1 %: {_LEVELS}")]

    @classmethod
    def of(cls, rate: Rate, by: str, numbers: GatePolicy) -> GateRateRow:
        """The row of a Rate."""
        mails = rate.mails
        bounces, complaints = min(rate.bounces, mails), min(rate.complaints, mails)
        of_bounces = rate_interval(bounces, mails, numbers.coverage)
        of_complaints = rate_interval(complaints, mails, numbers.coverage)
        return cls(
            by=by,
            name=rate.name or None,
            mails=mails,
            bounces=rate.bounces,
            bounce_low=round(of_bounces[0], 6),
            bounce_high=round(of_bounces[1], 6),
            bounce_level=rate_level(bounces, mails, numbers.bounce_review, numbers),
            exempt=rate.exempt,
            complaints=rate.complaints,
            complaint_low=round(of_complaints[0], 6),
            complaint_high=round(of_complaints[1], 6),
            complaint_level=rate_level(complaints, mails, numbers.complaint_goal, numbers),
        )
