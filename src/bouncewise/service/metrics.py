"""What the front process counts, in the text format of Prometheus.

Labels are names of the configuration and statuses only: whoever sends requests cannot add any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from bouncewise.service.connections import Connections
from bouncewise.service.input_metrics import InputMetrics
from bouncewise.service.syslog import SyslogServer

_FIGURES = {
    "spool_bytes": "Octets of the files of the spool",
    "spool_waiting_bytes": "Octets of the spool that the ledger has not read",
    "spool_waiting_seconds": "Seconds for which the first of them wait",
    "spool_records_stored": "Records stored since the start",
    "spool_records_refused": "Records refused since the start: the spool was full",
    "ledger_readable": "1 if the ledger can be read, else 0",
    "alerts_waiting": "Alerts that are not delivered yet",
    "alerts_dead": "Alerts that were given up",
    "policy_asked": "Questions of mail servers since the start",
    "policy_refused": "Of them, those answered with the configured action",
    "policy_failed": "Of them, those that could not be answered",
}


class Metrics:
    """The counters; ``asked`` and ``requests`` are counted where that happens.

    *folder* is the folder of the spool.
    """

    def __init__(self, folder: Path) -> None:
        self._registry = registry = CollectorRegistry()
        registry.register(InputMetrics(folder))
        self.asked = Counter(
            "bouncewise_checked", "Addresses asked for by HTTP or mail servers", registry=registry
        )
        self.requests = Counter(
            "bouncewise_webhook_requests",
            "Requests to webhooks",
            ("source", "status"),
            registry=registry,
        )
        self._figures = {
            name: Gauge(f"bouncewise_{name}", about, registry=registry)
            for name, about in _FIGURES.items()
        }
        self._heard = self._gauge(
            "source_last_seconds", "When a source was heard last, in seconds since 1970", "source"
        )
        self._connections = self._gauge("connections", "Open connections", "port")
        self._ended = self._gauge(
            "connections_ended", "Connections ended since the start: silent, or too many", "port"
        )

        self._syslog = self._gauge(
            "syslog",
            "Of each server of syslog: lines, cut lines and refused connections since the start, "
            "and connections now",
            "source",
            "count",
        )

    def _gauge(self, name: str, about: str, *labels: str) -> Gauge:
        return Gauge(f"bouncewise_{name}", about, labels, registry=self._registry)

    def text(
        self,
        figures: Mapping[str, float],
        ports: Mapping[str, Connections],
        heard: Mapping[str, float],
        syslog: Sequence[SyslogServer],
    ) -> bytes:
        """All of them; *figures*: each of those that is one number now."""
        for name, gauge in self._figures.items():
            gauge.set(figures[name])
        for port, connections in ports.items():
            self._connections.labels(port).set(len(connections))
            self._ended.labels(port).set(connections.ended)
        for source, at in heard.items():
            self._heard.labels(source).set(at)
        for server in syslog:
            for count, number in server.counts().items():
                self._syslog.labels(server.name, count).set(number)
        return generate_latest(self._registry)
