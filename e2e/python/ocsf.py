"""ocsf-json-schema (PyPI): the OCSF schema as JSON Schema. What `spillwatch events export --format ocsf` writes is held
against it, for every level and status that an event can have."""

import json
import os
import subprocess

import jsonschema_rs
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from steps import check, event

VERSION = "1.5.0"
LEVELS = ["low", "medium", "high", "hidden", "none", "unknownFutureValue"]
STATUSES = [
    "active",
    "remediated",
    "dismissedAsFixed",
    "dismissedAsFalsePositive",
    "dismissedAsIgnore",
    "loginBlocked",
    "closedMfaAuto",
    "closedMultipleReasons",
]


def spillwatch(*arguments, text=None):
    """Runs the program on the server's data folder, while the server runs."""
    command = [os.environ["SPILLWATCH_PROGRAM"], *arguments, "--data", os.environ["SPILLWATCH_FOLDER"]]
    own = {name: value for name, value in os.environ.items() if not name.startswith("SPILLWATCH_")}
    done = subprocess.run(command, input=text, env=own, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(VERSION)).get_class_schema("detection_finding")
validator = jsonschema_rs.validator_for(schema)


def faults(finding):
    return sorted(error.message for error in validator.iter_errors(finding))


events = [
    event(number % 28 + 1, id=f"event-{number}", riskLevel=level, riskEventStatus=status)
    for number, (level, status) in enumerate((level, status) for level in LEVELS for status in STATUSES)
]
events[0]["riskEventDateTime"] = "1969-12-31T23:59:59.9999999Z"
events[1]["userDisplayName"] = ""
events[2]["closedDateTime"] = "9999-12-31T23:59:59.9999999Z"
summary = spillwatch("events", "import", "-", text="".join(json.dumps(event) + "\n" for event in events))
check("import: created", summary[0]["created"], len(events))

findings = spillwatch("events", "export", "--format", "ocsf")
check("export: findings", [finding["finding_info"]["uid"] for finding in findings], [event["id"] for event in events])
check("schema: version", {finding["metadata"]["version"] for finding in findings}, {VERSION})
check("schema: faults", [fault for finding in findings for fault in faults(finding)], [])


def captions(name):
    """Numbers of an enumeration, and the words that come with them."""
    return {(finding[f"{name}_id"], finding[name]) for finding in findings if name in finding}


def known(name):
    members = get_ocsf_schema(VERSION)["classes"]["detection_finding"]["attributes"][f"{name}_id"]["enum"]
    return {(int(number), member["caption"]) for number, member in members.items()}


for name in ["severity", "status", "risk_level"]:
    check(f"schema: captions of {name}", captions(name) - known(name), set())
types = get_ocsf_schema(VERSION)["classes"]["detection_finding"]["attributes"]["type_uid"]["enum"]
for number, caption in sorted({(finding["type_uid"], finding["type_name"]) for finding in findings}):
    check(f"schema: type {number}", caption, types[str(number)]["caption"])

# The check can fail.
spoilt = {**findings[0], "severity_id": 42, "riskLevel": "high"}
del spoilt["metadata"]
check("schema: what is wrong is found", len(faults(spoilt)), 3)
