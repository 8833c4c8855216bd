"""How the inputs are, as metrics of Prometheus."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from bouncewise.service import input_status

_GAUGES = {
    "reports": "Reports of each input since its process was started",
    "heard": "When the last report of each input was read, in seconds since 1970",
    "looked": "When each input could be read last, in seconds since 1970",
    "behind": "Octets of each input that are there and not read; -1: not known",
}


class InputMetrics(Collector):
    """What the process of the inputs has written; *folder*: that of the spool."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """One gauge for each number, labelled with the name of the input."""
        inputs = input_status.read(self._folder).inputs
        for key, about in _GAUGES.items():
            gauge = GaugeMetricFamily(f"bouncewise_input_{key}", about, labels=("input",))
            for status in inputs:
                gauge.add_metric([status.name], getattr(status, key))
            yield gauge
        failing = GaugeMetricFamily(
            "bouncewise_input_failing", "1 if an input does not work now", labels=("input",)
        )
        for status in inputs:
            failing.add_metric([status.name], float(bool(status.error)))
        yield failing
