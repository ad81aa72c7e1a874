"""schemathesis (PyPI): draws requests from Spillwatch's OpenAPI document, and holds the answers against it.

No 5xx, no status, media type, header or body that the document does not declare. In the end each operation must have
been carried out at least once: a run in which everything is refused would say little."""

import collections
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import requests

from steps import TOKEN, URL, check, event

HERE = pathlib.Path(__file__).parent
API = f"{URL}/v1.0"

session = requests.Session()
session.headers["Authorization"] = f"Bearer {TOKEN}"

# What exists, by the ids that schemathesis.toml names.
for number in range(1, 25):
    made = session.post(f"{API}/leakedCredentialsRiskEvents", json=event(number, id=f"event-{number}"))
    check(f"event-{number} is made", made.status_code, 201)
for number in range(1, 13):
    user = {
        "id": f"user-{number}",
        "accountEnabled": True,
        "displayName": f"Mara Lind {number}",
        "mailNickname": f"mara{number}",
        "userPrincipalName": f"mara{number}@fjord.example",
        "businessPhones": ["+47 1"],
        "passwordProfile": {"password": "not kept"},
    }
    check(f"user-{number} is made", session.post(f"{API}/users", json=user).status_code, 201)

# What is derived has ids that no list can hold beforehand: hooks.py is told of them.
protection = f"{API}/identityProtection"
detections = [item["id"] for item in session.get(f"{protection}/riskDetections?$top=500").json()["value"]]
check("detections of the events", len(detections), 24)
past = [
    [user, item["id"]]
    for user in ["user-1", "user-2", "user-3"]
    for item in session.get(f"{protection}/riskyUsers/{user}/history").json()["value"]
]
check("something happened to users", len(past) >= 3, True)
derived = json.dumps({"detections": detections, "history": past})

operations = {
    f"{method.upper()} {path}"
    for path, item in requests.get(f"{API}/openapi.json").json()["paths"].items()
    for method in item
    if method in ("get", "post", "put", "patch", "delete")
}

with tempfile.TemporaryDirectory() as folder:
    report = pathlib.Path(folder) / "events.ndjson"
    run = [pathlib.Path(sys.executable).with_name("schemathesis"), "--config-file", HERE / "schemathesis.toml"]
    run += ["run", f"{API}/openapi.json", "--url", API, "--header", f"Authorization: Bearer {TOKEN}"]
    run += ["--report-ndjson-path", report, "--no-color", "--warnings", "off"]
    environment = {**os.environ, "PYTHONPATH": str(HERE), "SPILLWATCH_DERIVED": derived}
    status = subprocess.run(run, cwd=folder, env=environment).returncode
    answers = collections.defaultdict(collections.Counter)
    for line in report.open():
        recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder", {})
        for id, interaction in recorder.get("interactions", {}).items():
            case, response = recorder["cases"][id]["value"], interaction["response"]
            operation = f"{case['method']} {case['path']}"
            answers[operation][response and response["status_code"]] += 1

check("schemathesis found nothing", status, 0)
check("every operation was tried", operations - set(answers), set())
# The two sets of events have the same code.
alike = collections.Counter()
for operation in sorted(operations):
    print(f"{operation}: {', '.join(f'{status} {times}' for status, times in sorted(answers[operation].items(), key=str))}")
    done = sum(times for status, times in answers[operation].items() if status and status < 300)
    alike[operation.replace("/identityRiskEvents", "/leakedCredentialsRiskEvents")] += done
for operation, times in sorted(alike.items()):
    check(f"{operation} was carried out", times > 0, True)
check("more than two thousand requests", sum(sum(statuses.values()) for statuses in answers.values()) > 2000, True)
