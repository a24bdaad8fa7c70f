"""Whether Grafana knows each field of a dashboard: reads it into the types that Grafana publishes for programs
(grafana-foundation-sdk), writes it again, and compares."""

import json
import sys

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard


def lost(wanted, got, path):
    """The places of `wanted` that `got` does not have, or has with another value."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        places = [(f"{path}.{key}", value, got.get(key)) for key, value in wanted.items()]
    elif isinstance(wanted, list) and isinstance(got, list) and len(wanted) == len(got):
        places = [(f"{path}[{index}]", *pair) for index, pair in enumerate(zip(wanted, got))]
    else:
        return [] if wanted == got else [f"{path}: {wanted!r} became {got!r}"]
    return [line for place, value, other in places for line in lost(value, other, place)]


def main():
    register_default_plugins()
    with open(sys.argv[1], encoding="utf-8") as file:
        dashboard = json.load(file)
    written = json.loads(JSONEncoder().encode(Dashboard.from_json(dashboard)))
    failures = lost(dashboard, written, "$")
    for line in failures:
        print(line)
    print(f"test result: {'FAILED' if failures else 'ok'}. {int(not failures)} passed; {len(failures)} failed")
    return 1 if failures else 0


sys.exit(main())
