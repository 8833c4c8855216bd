"""What every operation works on: a ledger, the policy and the rules, opened once."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Self

from bouncewise.classifier.classify import Classifier, default_classifier
from bouncewise.ledger import Store, open_store
from bouncewise.policy.load import Policy, load


class Context(NamedTuple):
    """A ledger with the policy and the rules in force. Use as a context manager: it closes the
    ledger.
    """

    ledger: Store
    policy: Policy
    classifier: Classifier

    @classmethod
    def open(
        cls,
        path: Path | str,
        *,
        create: bool = False,
        policy: Policy | None = None,
        classifier: Classifier | None = None,
    ) -> Self:
        """The ledger at *path* with the shipped policy and rules, or with those given. Raises
        LedgerError as open_store.
        """
        return cls(
            open_store(path, create=create), policy or load(), classifier or default_classifier()
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.ledger.close()
