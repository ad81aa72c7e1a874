"""What the Python programs share: where the server is, and how they say what they found."""

import os
import sys

URL = os.environ["SPILLWATCH_URL"]
TOKEN = os.environ["SPILLWATCH_TOKEN"]


def check(what, found, expected):
    """Prints what was found; ends the program when it is not what was expected."""
    if found != expected:
        sys.exit(f"WRONG {what}\n  found    {found!r}\n  expected {expected!r}")
    print(f"ok {what}: {found!r}", flush=True)


def event(number, **changes):
    """The body of one risk event; no two numbers give the same."""
    return {
        "userId": f"user-{number}",
        "userDisplayName": f"Mara Lind {number}",
        "userPrincipalName": f"mara{number}@fjord.example",
        "riskEventDateTime": f"2026-03-{number:02}T23:10:04.2255665Z",
        "riskEventType": "leakedCredentials",
        "riskLevel": "low",
        "riskEventStatus": "active",
        **changes,
    }
