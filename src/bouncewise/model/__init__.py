"""The nouns: Report, Verdict, Decision, Incident, and the closed lists that they are made of.
Frozen, without behaviour.
"""

from __future__ import annotations

from bouncewise.model.bearing import Bearing
from bouncewise.model.decision import Decision, Event, Scope, State
from bouncewise.model.incident import Alert, Incident, Ruling
from bouncewise.model.report import Kind, Label, Permanence, Reply, Report, Source, Stage
from bouncewise.model.verdict import Advice, Cause, Party, Verdict

__all__ = [
    "Advice",
    "Alert",
    "Bearing",
    "Cause",
    "Decision",
    "Event",
    "Incident",
    "Kind",
    "Label",
    "Party",
    "Permanence",
    "Reply",
    "Report",
    "Ruling",
    "Scope",
    "Source",
    "Stage",
    "State",
    "Verdict",
]
