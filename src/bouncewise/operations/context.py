"""What every operation works on: a ledger, the policy and the rules, opened once."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Self

from bouncewise.classifier.classify import Classifier, default_classifier
from bouncewise.config.keys import Keyring
from bouncewise.config.settings import Settings
from bouncewise.intake.provenance import Examiner, examiner_of
from bouncewise.ledger import Location, Store, open_store
from bouncewise.policy.load import Policy, load


class Context(NamedTuple):
    """A ledger with the policy, the rules, the settings and the keys of return addresses in force.
    Use as a context manager: it closes the ledger.
    """

    ledger: Store
    policy: Policy
    classifier: Classifier
    settings: Settings = Settings()
    keyring: Keyring = Keyring({})

    @classmethod
    def open(  # noqa: PLR0913 - each may be given apart from the others
        cls,
        where: Location | Path | str,
        *,
        create: bool = False,
        read_only: bool = False,
        policy: Policy | None = None,
        classifier: Classifier | None = None,
        settings: Settings | None = None,
        keyring: Keyring | None = None,
    ) -> Self:
        """The ledger at *where* with the shipped policy and rules, no settings and no keys, or with
        those given. Raises LedgerError as open_store.
        """
        return cls(
            open_store(where, create=create, read_only=read_only),
            policy or load(),
            classifier or default_classifier(),
            settings or Settings(),
            keyring or Keyring({}),
        )

    def examiner(self, now: datetime) -> Examiner | None:
        """What examines the reports that are read at *now*; None where nothing is configured."""
        return examiner_of(self.settings, self.keyring, now)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.ledger.close()
