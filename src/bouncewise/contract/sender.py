"""What ``review``, ``sender`` and ``blocklists`` write about records, mailings and lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from bouncewise.contract.base import Record, about

if TYPE_CHECKING:
    from bouncewise.sender.blocklists import Listing
    from bouncewise.sender.checks import CheckResult
    from bouncewise.sender.review.opinions import Opinion


class CheckRow(Record, frozen=True, kw_only=True):
    """``review`` and ``sender``: what a check found, the most serious first."""

    id: Annotated[str, about("the check")]
    level: Annotated[str, about("`error` `unknown` `warning` `info`")]
    words: Annotated[str, about("what was found")]
    fix: Annotated[str, about("what to do")]
    hurts: Annotated[str, about("who refuses the mail, or is annoyed")]
    source: Annotated[str, about("where the requirement stands")]
    times: Annotated[int, about("how many times it was found")]
    target: Annotated[str | None, about("the message, where several are checked")] = None

    @classmethod
    def of(cls, found: CheckResult, target: str | None = None) -> CheckRow:
        """The row of a finding about *target*."""
        fields = {key: value for key, value in found._asdict().items() if key != "parts"}
        return cls(**{**fields, "level": found.level.value}, target=target)


class RequirementRow(Record, frozen=True, kw_only=True):
    """``sender``: what a mailbox provider asks for, after the checks."""

    provider: Annotated[str, about("`gmail` `yahoo` `microsoft` `apple`")]
    requirement: Annotated[str, about("its name, as in Gmail's Postmaster Tools API")]
    met: Annotated[str, about("`met` `unmet` `not-checked`")]
    words: Annotated[str, about("what is asked for")]
    applies: Annotated[str, about("the senders that it is required of")]
    since: Annotated[str | None, about("since which day; null: the provider states none")]
    failed_by: Annotated[tuple[str, ...], about("the checks that fail it")]
    missing: Annotated[str | None, about("what was not given, where it was not checked")]
    explained: Annotated[
        int | None,
        about("addresses of 30 days that the provider refused for it; null: not known"),
    ]
    refused: Annotated[int | None, about("all addresses that it refused in these days")]
    source: Annotated[str, about("where the requirement stands")]
    looked: Annotated[str, about("when that was looked at")]


class SpfTermRow(Record, frozen=True, kw_only=True):
    """``sender DOMAIN``: a term of the SPF record, by the DMARC reports of 90 days."""

    term: Annotated[str, about("the term")]
    lookups: Annotated[int, about("DNS lookups that it costs, with all that it includes")]
    sources: Annotated[int, about("addresses for which it decided")]
    mails: Annotated[int, about("their mails; 0: no reported mail needed it")]


class SpfOutsideRow(Record, frozen=True, kw_only=True):
    """``sender DOMAIN``: a source whose mail passed by DKIM, and that SPF does not name."""

    outside: Annotated[str, about("the address")]
    mails: Annotated[int, about("mails that passed by DKIM")]


class OpinionRow(Record, frozen=True, kw_only=True):
    """``review --spamd`` and ``--rspamd``: the rules of a filter that match."""

    engine: Annotated[str, about("`spamassassin` `rspamd`")]
    symbols: Annotated[dict[str, float | None], about("rules with their points; null: not known")]
    dropped: Annotated[list[str], about("rules left out: they depend on where the check runs")]

    @classmethod
    def of(cls, opinion: Opinion) -> OpinionRow:
        """The row of an opinion."""
        return cls(
            engine=opinion.engine,
            symbols={symbol.name: symbol.score for symbol in opinion.symbols},
            dropped=opinion.dropped,
        )


class ListingRow(Record, frozen=True, kw_only=True):
    """``blocklists``: what one list says of one subject."""

    subject: Annotated[str, about("the IP address or domain")]
    zone: Annotated[str, about("the list")]
    tier: Annotated[str, about("`A` many receivers refuse by it, `B` some do, `C` few")]
    state: Annotated[str, about("`listed` `clean` `refused` `broken` `unanswered`")]
    codes: Annotated[list[str], about("its answers")]
    meaning: Annotated[str, about("what they mean")]
    words: Annotated[str, about("what the list adds (TXT)")]
    why: Annotated[str, about("why it says nothing, or an answer is no listing")]
    delist: Annotated[str, about("the page to ask for removal")]

    @classmethod
    def of(cls, listing: Listing) -> ListingRow:
        """The row of a listing."""
        return cls(
            subject=listing.subject,
            zone=listing.zone.name,
            tier=listing.zone.tier,
            state=listing.state.value,
            codes=list(listing.codes),
            meaning=listing.meaning,
            words=listing.words,
            why=listing.why,
            delist=listing.zone.delist,
        )
