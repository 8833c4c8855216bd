"""docs/json.md, written from the records: ``python -m bouncewise.contract.describe >
docs/json.md``.
"""

from __future__ import annotations

from inspect import getdoc

from bouncewise.contract.addresses import (
    AddressAnswer,
    DnsCheckRow,
    EventRow,
    ForgottenRow,
    SuppressionRow,
)
from bouncewise.contract.base import Record, keys
from bouncewise.contract.compared import ComparedRow
from bouncewise.contract.complaints import ComplaintRateRow, FeedbackLoopRow
from bouncewise.contract.contacts import ContactRecord
from bouncewise.contract.diagnoses import DiagnosisRecord
from bouncewise.contract.gate import (
    GateGroupRow,
    GateListRecord,
    GateProgressRecord,
    GateRateRow,
)
from bouncewise.contract.imports import ImportListRow, ImportRecord
from bouncewise.contract.incidents import AlertRow, IncidentDetails, IncidentRow, RulingRecord
from bouncewise.contract.missed import MissedRow
from bouncewise.contract.replays import ReplayedRow, ReplaySummary
from bouncewise.contract.runs import (
    ActRecord,
    AuditRow,
    BatchRecord,
    CleanRecord,
    ExplanationRecord,
    IngestRecord,
    LabelAuditRow,
    PolicyCheckRow,
    PolicyNumberRow,
    RuleCheckRecord,
    RuleRow,
    RuleViolationRow,
    SourceRow,
    StatusChangeRow,
    StatusCountRow,
    StatusRecord,
)
from bouncewise.contract.segments import SegmentCostRow, SegmentRow, SegmentSummary
from bouncewise.contract.sender import (
    CheckRow,
    ListingRow,
    OpinionRow,
    RequirementRow,
    SpfOutsideRow,
    SpfTermRow,
)
from bouncewise.contract.sender_reports import (
    AlignmentRow,
    DmarcReportRow,
    DmarcSourceRow,
    DmarcSummary,
    TlsReportRow,
    TlsSummary,
)
from bouncewise.contract.service import (
    CopyRecord,
    DashboardRecord,
    DoctorRow,
    FeedRecord,
    MigrateRecord,
    PoisonRow,
    ServeRecord,
    SpoolRecord,
    TokenRecord,
    ToolRow,
    UserRecord,
)
from bouncewise.contract.settings import (
    ConfigCheckRecord,
    ConfigPlaceRow,
    HelpPageRow,
    ReturnAddressRow,
    SettingRow,
    VerpCheckRow,
    VerpKeyRecord,
)
from bouncewise.contract.signals import SignalRow, TrendRow
from bouncewise.contract.sync import SyncRecord, SyncRow
from bouncewise.contract.validations import ValidationRow, ValidationSummary
from bouncewise.contract.verdicts import ReportRow, VerdictRow
from bouncewise.contract.volume import VolumeRow
from bouncewise.contract.watch import MessageRow, WatchRow

_HEAD = """\
# JSON

With `--json` a command writes one object per line (NDJSON) in UTF-8 instead of text; `clean` does
so only with `-o` or `--dry-run`. Keys keep their names, types and order; new keys may be added at
the end. Times are RFC 3339 in UTC. What is not known is `null`.

This page is written by `python -m bouncewise.contract.describe`.
"""

SECTIONS: dict[str, tuple[type[Record], ...]] = {
    "classify": (VerdictRow,),
    "read": (ReportRow, DmarcReportRow, TlsReportRow, SignalRow),
    "ingest": (IngestRecord,),
    "check": (AddressAnswer,),
    "validate": (ValidationRow, ValidationSummary),
    "clean": (CleanRecord,),
    "segment": (SegmentRow, SegmentCostRow, SegmentSummary),
    "gate": (GateGroupRow, GateListRecord, GateProgressRecord, GateRateRow),
    "status": (
        StatusRecord,
        StatusCountRow,
        StatusChangeRow,
        SourceRow,
        IncidentRow,
        AlertRow,
        LabelAuditRow,
    ),
    "suppressions list": (SuppressionRow,),
    "suppressions export": (SuppressionRow,),
    "suppressions add, remove, undo": (ActRecord,),
    "audit list": (AuditRow,),
    "audit undo": (ActRecord,),
    "confirm": (ActRecord,),
    "suppressions import": (ImportRecord,),
    "suppressions imports": (ImportListRow,),
    "sync": (SyncRow, SyncRecord),
    "history": (EventRow,),
    "missed": (MissedRow,),
    "incidents": (IncidentRow, AlertRow, IncidentDetails, RulingRecord),
    "release": (SuppressionRow,),
    "domains": (DnsCheckRow,),
    "diagnose": (DiagnosisRecord,),
    "contact": (ContactRecord,),
    "explain": (ExplanationRecord,),
    "replay": (ReplayedRow, ReplaySummary),
    "rules": (RuleRow, RuleCheckRecord, RuleViolationRow),
    "policy": (PolicyCheckRow, PolicyNumberRow),
    "mcp": (ToolRow,),
    "serve": (ServeRecord,),
    "doctor": (DoctorRow,),
    "migrate": (MigrateRecord,),
    "copy": (CopyRecord,),
    "follow": (FeedRecord,),
    "fetch": (FeedRecord,),
    "compare": (ComparedRow,),
    "forget": (ForgottenRow,),
    "dashboard": (DashboardRecord,),
    "spool": (SpoolRecord, PoisonRow),
    "tokens make": (TokenRecord,),
    "users make": (UserRecord,),
    "watch": (WatchRow,),
    "alerts": (MessageRow,),
    "verp": (ReturnAddressRow, VerpCheckRow, VerpKeyRecord),
    "config": (SettingRow, ConfigPlaceRow, ConfigCheckRecord),
    "help": (HelpPageRow,),
    "blocklists": (ListingRow,),
    "sender reports": (DmarcSummary, DmarcSourceRow, AlignmentRow, TlsSummary),
    "sender complaints": (ComplaintRateRow, FeedbackLoopRow),
    "sender signals": (TrendRow,),
    "sender volume": (VolumeRow,),
    "review": (CheckRow, OpinionRow),
    "sender": (CheckRow, RequirementRow, SpfTermRow, SpfOutsideRow),
    "batch": (BatchRecord,),
}
"""The records of each verb, in the order of the page."""


def page() -> str:
    """The text of docs/json.md."""
    described: dict[type[Record], str] = {}
    parts = [_HEAD]
    for verb, records in SECTIONS.items():
        parts.append(f"## {verb}\n")
        for record in records:
            if record in described:
                parts.append(f"As in `{described[record]}`.\n")
                continue
            described[record] = verb
            parts.append(_table(record))
    return "\n".join(parts)


def _table(record: type[Record]) -> str:
    text = " ".join((getdoc(record) or "").replace("``", "`").split())
    rows = [f"| `{key.name}` | {key.type} | {key.about} |" for key in keys(record)]
    return "\n".join([text, "", "| key | type | |", "|---|---|---|", *rows, ""])


if __name__ == "__main__":
    print(page(), end="")
