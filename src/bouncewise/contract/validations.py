"""What ``validate`` writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from bouncewise.contract.base import Record, about, time

if TYPE_CHECKING:
    from bouncewise.lists.validation import Validation


class LedgerFacts(Record, frozen=True, kw_only=True):
    """What the ledger knows of an address."""

    state: Annotated[str, about("`ok` `suppressed` `held`")]
    cause: Annotated[str | None, about("why, if it is a cause of the list")]
    last_delivered: Annotated[str | None, about("when mail was last delivered")]
    last_failed: Annotated[str | None, about("when mail was last refused for good")]


class ValidationRow(Record, frozen=True, kw_only=True):
    """One object per address, in order; with `-o`, `--split` or `--dry-run` only the summary."""

    address: Annotated[str, about("as given")]
    normalized: Annotated[str | None, about("as it is compared; null where it is no address")]
    domain: Annotated[str | None, about("its domain in A-labels")]
    verdict: Annotated[str, about("`ok` `risky` `bad` `unknown`")]
    reasons: Annotated[tuple[str, ...], about("of the closed list; the strongest decides")]
    information: Annotated[
        tuple[str, ...],
        about("`free` `relay` `role` `subaddress` `i18n` `refuses-unknown` `receiver:…`"),
    ]
    suggestion: Annotated[str | None, about("the address that was probably intended")]
    words: Annotated[str, about("the reasons in words, with dates")]
    route: Annotated[
        str | None,
        about(
            "`mx` `implicit` `null-mx` `nothing` `nxdomain` `mx-unusable` `mx-dangling` "
            "`unanswered`; null without DNS"
        ),
    ]
    mx: Annotated[tuple[str, ...] | None, about("host names by preference; null without DNS")]
    receiver: Annotated[str | None, about("who runs its mail servers, where known")]
    ledger: Annotated[LedgerFacts | None, about("null without a ledger, or for no address")]
    looked_up: Annotated[bool, about("whether DNS was used")]

    @classmethod
    def of(cls, v: Validation, *, with_ledger: bool) -> ValidationRow:
        """The row of a Validation."""
        is_address, route = "syntax" not in v.reasons, v.domain.route
        d = v.decision
        facts = LedgerFacts(
            state=d.state,
            cause=d.cause,
            last_delivered=time(v.last_delivered),
            last_failed=time(v.last_failed),
        )
        return cls(
            address=v.address,
            normalized=v.name if is_address else None,
            domain=v.name.rpartition("@")[2] if is_address else None,
            verdict=v.verdict,
            reasons=v.reasons,
            information=v.information,
            suggestion=v.suggestion or None,
            words=v.words,
            route=route and route.route,
            mx=route and route.hosts,
            receiver=v.domain.receiver or None,
            ledger=facts if with_ledger and is_address else None,
            looked_up=route is not None,
        )


class ValidationSummary(Record, frozen=True, kw_only=True):
    """With `-o`, `--split` or `--dry-run`: one object at the end."""

    ok: Annotated[int, about("rows with this verdict")]
    risky: Annotated[int, about("rows with this verdict")]
    bad: Annotated[int, about("rows with this verdict")]
    unknown: Annotated[int, about("rows with this verdict")]
    kept: Annotated[int, about("rows that `-o` keeps")]
    rejected: Annotated[int, about("the other rows")]
    reasons: Annotated[dict[str, int], about("rows by reason; a row may have several")]
    service: Annotated[
        dict[str, dict[str, int]] | None,
        about("with `--with`: rows by our verdict and by the service's; null without"),
    ]
