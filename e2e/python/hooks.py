"""What schemathesis cannot know when it draws a request."""

import email.utils
import itertools
import json
import os
import random
import uuid

import schemathesis

CONDITIONS = ("If-Match", "If-None-Match")
REPEATABILITY = ("Repeatability-Request-ID", "Repeatability-First-Sent", "Repeatability-Client-ID")
DETECTIONS = "/identityProtection/riskDetections/{id}"
HISTORY = "/identityProtection/riskyUsers/{id}/history/{itemId}"
ACTIONS = tuple(f"/identityProtection/riskyUsers/{name}" for name in ("dismiss", "confirmCompromised", "confirmSafe"))
derived = json.loads(os.environ["SPILLWATCH_DERIVED"])
turns = itertools.count()


@schemathesis.hook
def before_call(context, case, kwargs):
    """A condition holds for the right ETag only, a repeatable request needs a new id and the time of now, and a new
    user a name that is free: as drawn, nearly every write would be refused for that. One request of four stays as it
    was drawn, one is made repeatable, two do without these headers, and one of those without options in its query and
    with a reference to a user. Ids of detections and of what happened to a user are derived, so those that
    conformance.py has found are put in."""
    turn = next(turns) % 4
    headers = case.headers or {}
    left_out = getattr(case.meta.phase.data, "parameter", None)
    if turn == 0 or left_out == "Authorization":
        return
    if (case.method, case.path) == ("POST", "/users") and isinstance(case.body, dict):
        case.body.pop("id", None)
        case.body["userPrincipalName"] = f"{uuid.uuid4()}@fjord.example"
    if case.path.startswith(DETECTIONS):
        case.path_parameters["id"] = random.choice(derived["detections"])
    if case.path == HISTORY:
        case.path_parameters["id"], case.path_parameters["itemId"] = random.choice(derived["history"])
    if case.path in ACTIONS and turn == 2 and isinstance(case.body, dict):
        case.body = {"userIds": [f"user-{number}" for number in random.sample(range(1, 13), 3)]}
    repeatable = any(name in headers for name in REPEATABILITY)
    for name in CONDITIONS + REPEATABILITY:
        headers.pop(name, None)
    if turn == 1 and repeatable:
        headers["Repeatability-Request-ID"] = str(uuid.uuid4())
        headers["Repeatability-First-Sent"] = email.utils.formatdate(usegmt=True)
    if turn == 2 and case.method != "GET":
        case.query = {}
        if case.path.endswith("/$ref"):
            case.body = {"@odata.id": f"users/user-{random.randint(1, 12)}"} if case.body else case.body
