"""The nouns: Report, Verdict, Decision, Incident, and the closed lists that they are made of.
Frozen, without behaviour.
"""

from __future__ import annotations

from bouncewise.model.bearing import Bearing
from bouncewise.model.decision import (
    Basis,
    Decision,
    Decisions,
    Event,
    Mail,
    Scope,
    State,
)
from bouncewise.model.engagement import ActKind, Engagement
from bouncewise.model.incident import Alert, Incident, Ruling
from bouncewise.model.report import Finding, Kind, Label, Permanence, Reply, Report, Source, Stage
from bouncewise.model.sender_report import DmarcReport, SenderReport, TlsReport
from bouncewise.model.trust import Channel, Proof, Provenance, Trust
from bouncewise.model.verdict import Advice, Cause, Party, Verdict

__all__ = [
    "ActKind",
    "Advice",
    "Alert",
    "Basis",
    "Bearing",
    "Cause",
    "Channel",
    "Decision",
    "Decisions",
    "DmarcReport",
    "Engagement",
    "Event",
    "Finding",
    "Incident",
    "Kind",
    "Label",
    "Mail",
    "Party",
    "Permanence",
    "Proof",
    "Provenance",
    "Reply",
    "Report",
    "Ruling",
    "Scope",
    "SenderReport",
    "Source",
    "Stage",
    "State",
    "TlsReport",
    "Trust",
    "Verdict",
]
