"""The kinds of events that no mail server reports: acts of people and of DNS, and what a migration
carries over.
"""

from __future__ import annotations

ADDED = "added"
REMOVED = "removed"
"""Kinds of acts: an operator, or an imported list, adds a suppression, or removes whatever
suppresses or holds a name."""
WITHDRAWN = "withdrawn"
"""A kind of act: an operator undoes an import, and nothing else."""
RELEASED = "released"
"""A kind of act: an operator ends what evidence decided, and nothing else."""
CONFIRMED = "confirmed"
"""A kind of act: a sign of life that is no delivery (a login, a signed link, mail from there)."""
DNS_LOOKUP = "looked-up"
"""A kind of act: DNS was asked about a domain. Its cause is what DNS says; None where an address
record, but no MX, says where mail might go.
"""
DNS_ROUTE = "routed"
"""A kind of act: DNS names a mail server for a domain."""
CARRIED = "carried"
"""A Decision of an older ledger, from which the fold goes on."""
