"""The dashboard for Grafana, as far as it can be tried without Grafana."""

import json
import re
import sys

from prometheus import faster
from step import Failed

TEXT_OF_VARIABLES = {"$__rate_interval": "1m", "$__interval": "1m", "$job": ".*", "$instance": ".*", "$cmd": ".*"}
"""What Grafana puts into a query where all is chosen."""
NAME = re.compile(r"\b(?:sysconn|process)_\w+")
FAMILY = re.compile(r"^# TYPE (\S+) (\S+)$", re.MULTILINE)
VALUES = re.compile(r"label_values\((.+), (\w+)\)")
OLDEST_PYTHON = (3, 11)
"""What the package with Grafana's fields needs."""


def read(step):
    """The dashboard."""
    return json.loads((step.root / "deploy" / "grafana" / "dashboard.json").read_text(encoding="utf-8"))


def targets(panels):
    """The title of each panel, and each of its queries."""
    return [(panel["title"], target["expr"]) for panel in panels for target in panel.get("targets", [])]


def check_file(step, installer):
    """Ids, places, and the fields that Grafana knows."""
    panels = read(step)["panels"]
    ids = [panel["id"] for panel in panels]
    step.case(len(set(ids)) == len(ids), "each panel of the dashboard has an id of its own")
    taken, twice = set(), []
    for panel in panels:
        x, y, w, h = (panel["gridPos"][key] for key in "xywh")
        cells = {(column, row) for column in range(x, x + w) for row in range(y, y + h)}
        if x + w > 24 or cells & taken:
            twice.append(panel["title"])
        taken |= cells
    step.case(not twice, f"no panel covers another: {twice}")
    if sys.version_info < OLDEST_PYTHON:
        step.remark("the fields of the dashboard were not compared with Grafana's: that needs Python 3.11")
        return
    python = installer.grafana(step)
    step.cases(python, step.root / "tests" / "foreign" / "grafana.py", "deploy/grafana/dashboard.json")


def check_queries(step, prometheus, metrics):
    """Each query finds something in a server under load, and each family of its metrics is shown somewhere."""
    dashboard = read(step)
    queries = targets(dashboard["panels"])
    for title, query in queries:
        query = plain(query)
        found = prometheus.get("query", query=query)["result"]
        step.case(bool(found), f"the panel {title!r} has data: {query}")
    for annotation in dashboard["annotations"]["list"]:
        prometheus.get("query", query=plain(annotation["expr"]))
    for variable in dashboard["templating"]["list"]:
        if variable["type"] != "query":
            continue
        series, label = VALUES.fullmatch(variable["query"]["query"]).groups()
        found = prometheus.query(f"count by ({label}) ({plain(series)})", label)
        step.case(found and ("",) not in found, f"the variable {variable['name']} has values: {sorted(found)}")
    shown = {name for _, query in queries for name in NAME.findall(query)}
    families = dict(FAMILY.findall(metrics))
    known = {name for family, kind in families.items() for name in samples(family, kind)}
    step.case(shown <= known, f"each metric of the dashboard is one of the server: {sorted(shown - known)}")
    missing = [family for family, kind in families.items() if not shown & set(samples(family, kind))]
    step.case(not missing, f"each metric of the server is on the dashboard: {missing}")


def samples(family, kind):
    """The names under which a family's samples are stored."""
    if kind == "counter":
        return [f"{family}_total"]
    if kind == "histogram":
        return [f"{family}_{part}" for part in ("bucket", "sum", "count")]
    return [family]


def plain(query):
    """A query as Prometheus gets it."""
    for name, value in TEXT_OF_VARIABLES.items():
        query = query.replace(name, value)
    if "$" in query:
        raise Failed(f"a variable in a query of the dashboard is unknown: {query}")
    return faster(query)
