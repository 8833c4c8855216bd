"""The dashboard for Grafana asks for metrics and labels that there are."""

from __future__ import annotations

import json
import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from bouncewise.service import input_status
from bouncewise.service.connections import Connections
from bouncewise.service.input_status import InputStatus, Statuses
from bouncewise.service.metrics import _FIGURES, Metrics

FILE = Path(__file__).parents[2] / "examples" / "grafana" / "bouncewise.json"
OF_EVERY_SCRAPE = {"job", "instance"}


class Syslog:
    """A server of syslog, as far as the metrics ask it."""

    name = "mx"

    def counts(self) -> dict[str, int]:
        return {"lines": 1}


def exposed(folder: Path) -> dict[str, set[str]]:
    """The labels of each metric that a service has; *folder*: that of its spool."""
    input_status.write(folder, Statuses(1.0, (InputStatus("mail.log"),)))
    metrics = Metrics(folder)
    metrics.requests.labels("ses", "204").inc()
    figures = dict.fromkeys(_FIGURES, 1.0)
    text = metrics.text(figures, {"http": Connections()}, {"ses": 1.0}, [Syslog()]).decode()  # type: ignore[list-item]
    return {
        sample.name: set(sample.labels)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def test_every_metric_and_label_of_the_dashboard_is_there(tmp_path: Path) -> None:
    found, known = json.loads(FILE.read_text()), exposed(tmp_path)
    asked = [target["expr"] for panel in found["panels"] for target in panel["targets"]]
    asked += [v["query"] for v in found["templating"]["list"] if v["type"] == "query"]
    for expression in asked:
        (name,) = re.findall(r"bouncewise_\w+", expression)
        labels = re.findall(r"by \(([^)]*)\)", expression)
        assert {label for group in labels for label in group.split(", ")} <= (
            known[name] | OF_EVERY_SCRAPE
        )
    names = {name for text in asked for name in re.findall(r"bouncewise_\w+", text)}
    assert known.keys() == names, "a metric that the dashboard does not show"


def test_panels_do_not_overlap_and_say_what_they_show() -> None:
    panels = json.loads(FILE.read_text())["panels"]
    cells = [
        (place["x"] + x, place["y"] + y)
        for panel in panels
        for place in [panel["gridPos"]]
        for x in range(place["w"])
        for y in range(place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert all(panel["title"] and panel["description"] for panel in panels)
    assert len({panel["id"] for panel in panels}) == len(panels)
