"""python-odata (PyPI): a client for any OData service. It knows of Spillwatch only what $metadata tells it."""

import datetime

import requests
from odata import ODataService
from odata.exceptions import ODataError

from steps import TOKEN, URL, check, event

UTC = datetime.timezone.utc


def connect(token):
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token}"
    service = ODataService(f"{URL}/v1.0/", session=session, reflect_entities=True, quiet_progress=True)
    # The client gives sets their address and types none; it then stumbles over the functions of a type, which are
    # looked at wherever a navigation or a function answers one.
    for name, entity_set in service.entities.items():
        entity_set.__base__.__odata_collection__ = name
    return service


def refused(what, status, code, call):
    """Makes a call that must fail, and looks at what the client made of the error."""
    try:
        call()
    except ODataError as error:
        check(f"{what}: status", error.status_code, f"HTTP {status}")
        check(f"{what}: code", error.code, code)
        check(f"{what}: has a message", error.message != "Server did not supply any error messages", True)
        return error
    check(what, "no error", code)


def ids(items):
    return [item.id for item in items]


service = connect(TOKEN)

# What the metadata says.
SETS = ["identityRiskEvents", "leakedCredentialsRiskEvents", "users"]
check("metadata: sets, and the singleton among them", sorted(service.entities), ["identityProtection", *SETS])
Event = service.entities["leakedCredentialsRiskEvents"]
User = service.entities["users"]
Level = service.types["microsoft.graph.riskLevel"]
Status = service.types["microsoft.graph.riskEventStatus"]
check("metadata: type", Event.__odata_type__, "Microsoft.IdentityProtectionServices.leakedCredentialsRiskEvent")
check("metadata: the seed's type derives", issubclass(Event, service.types["microsoft.graph.identityRiskEvent"]), True)
check("metadata: key", [name for name, _ in Event().__odata__.primary_key_properties], ["id"])
check("metadata: levels", {level.name: level.value for level in Level}["unknownFutureValue"], 5)
check("metadata: statuses", len(list(Status)), 8)

# Create: the client sends every property, null where it has none, and @odata.type without a hash.
made = []
for number in range(1, 26):
    new = Event()
    for name, value in event(number).items():
        if name not in ("riskEventDateTime", "riskLevel", "riskEventStatus"):
            setattr(new, name, value)
    new.riskEventDateTime = datetime.datetime(2026, 3, number, 23, 10, 4, 225566, UTC)
    new.riskLevel = Level.high if number % 5 == 0 else Level.low
    new.riskEventStatus = Status.active
    service.save(new)
    made.append(new.id)
check("create: ids differ", len(set(made)), 25)

# Get, by filter and by the address that the client builds, with the key in parentheses.
read = service.query(Event).get(made[4])
check("get: level and status", (read.riskLevel, read.riskEventStatus), (Level.high, Status.active))
check("get: time", read.riskEventDateTime, datetime.datetime(2026, 3, 5, 23, 10, 4, 225566, UTC))
check("get: user", (read.userId, read.userDisplayName), ("user-5", "Mara Lind 5"))
check("get: address", read.__odata__.instance_url, f"{URL}/v1.0/leakedCredentialsRiskEvents('{made[4]}')")
raw = service.default_context.connection.execute_get(read.__odata__.instance_url)
check("get: the address leads there", raw["id"], made[4])

# Query.
query = service.query(Event)
check("all pages", sorted(ids(query.all())), sorted(made))
found = query.filter("riskLevel eq 'high'").order_by(Event.riskEventDateTime.desc())
check("filter: ids in order", ids(found), [made[24], made[19], made[14], made[9], made[4]])
late = Event.riskEventDateTime > datetime.datetime(2026, 3, 23, tzinfo=UTC)
check("filter by time", ids(query.filter(late).order_by(Event.riskEventDateTime.asc())), made[22:])
either = (Event.userId == "user-7") | Event.userPrincipalName.startswith("mara8@")
check("filter with or", sorted(ids(query.filter(either))), sorted(made[6:8]))
check("filter on null", query.filter(Event.closedDateTime.is_null()).count(), 25)
check("filter with not", query.filter(Event.userDisplayName.lacks("Lind 2")).count(), 25 - 7)
check("count of a filter", query.filter("riskLevel eq 'high'").count(), 5)
page = query.order_by(Event.riskEventDateTime.asc()).offset(3).limit(2)
check("skip and top", ids(page), made[3:5])
chosen = query.select(Event.id, Event.riskLevel).filter(Event.userId == "user-10").first()
check("select", (chosen["id"], chosen["riskLevel"], chosen.get("userId")), (made[9], "high", None))
check("nothing found", query.filter(Event.userId == "nobody").first(), None)

# The user of an event: by the navigation, and expanded.
user = User()
user.id, user.userPrincipalName, user.displayName, user.mailNickname = "user-1", "o'mara@fjord.example", "O'Mara", "om"
user.accountEnabled, user.businessPhones, user.passwordProfile = True, [], {"password": "not kept"}
service.save(user)
quoted = service.query(User).filter(User.userPrincipalName == "o'mara@fjord.example")
check("users: a quote in a value", ids(quoted), ["user-1"])
check("impactedUser", service.query(Event).get(made[0]).impactedUser.displayName, "O'Mara")
expanded = query.expand(Event.impactedUser).filter(Event.impactedUser.displayName == "O'Mara").all()
check("expand, and a filter on the user", [(item.id, item.impactedUser.id) for item in expanded], [(made[0], "user-1")])

# The function that $metadata declares; the client reads its first page.
changed = ids(Event.delta())
check("delta: a page", (len(changed), set(changed) <= set(made)), (20, True))

# Update and delete.
read.riskEventStatus = Status.remediated
service.save(read)
check("update: answered", (read.riskEventStatus, read.closedDateTime is not None), (Status.remediated, True))
check("update: is kept", service.query(Event).get(made[4]).riskEventStatus, Status.remediated)
check("update: the rest stays", service.query(Event).get(made[4]).riskLevel, Level.high)
service.delete(read)
refused("delete it again", 404, "ResourceNotFound", lambda: service.delete(read))
check("delete: the others stay", query.count(), 24)

# Today's API: the client reads the singleton, and of the sets in it the types only; their addresses it must be told.
Detection, Risky = service.types["microsoft.graph.riskDetection"], service.types["microsoft.graph.riskyUser"]
Detection.__odata_collection__ = "identityProtection/riskDetections"
Risky.__odata_collection__ = "identityProtection/riskyUsers"
State = service.types["microsoft.graph.riskState"]
found = service.query(Detection).filter(Detection.userId == "user-10").first()
check("detection: enumerations", (found.riskLevel, found.riskState), (Level.high, State.atRisk))
check("detection: by id", service.query(Detection).get(found.id).userId, "user-10")
severe = service.query(Detection).filter("riskLevel eq 'high'").order_by(Detection.activityDateTime.desc())
check("detections: in order", [item.userId for item in severe], ["user-25", "user-20", "user-15", "user-10"])
risky = service.query(Risky).filter(Risky.userPrincipalName.startswith("mara10@")).all()
check("users at risk: filter", [(item.id, item.riskState) for item in risky], [("user-10", State.atRisk)])
check("users at risk: address", risky[0].__odata__.instance_url, f"{URL}/v1.0/identityProtection/riskyUsers('user-10')")
check("dismiss", Risky.dismiss(userIds=["user-10"]), None)
check("dismiss: the user", service.query(Risky).get("user-10").riskState, State.dismissed)
check("dismiss: the event", service.query(Event).get(made[9]).riskEventStatus, Status.dismissedAsIgnore)
past = service.query(Risky).get("user-10").history
check("history: from now to then", [item.riskState for item in past], [State.dismissed, State.atRisk])
check("users at risk: delta", "user-10" in [item.id for item in Risky.delta()], True)
refused("dismiss a stranger", 404, "ResourceNotFound", lambda: Risky.dismiss(userIds=["nobody"]))

# Errors.
wrong = Event()
wrong.riskEventType = "leakedCredentials"
error = refused("create without the rest", 400, "BadRequest", lambda: service.save(wrong))
check("the first detail", error.detailed_message.startswith("(MissingProperty): "), True)
refused("a wrong token", 401, "InvalidAuthenticationToken", lambda: connect("x.y.z").query(Event).first())
