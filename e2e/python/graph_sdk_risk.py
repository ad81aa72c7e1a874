"""msgraph-sdk (PyPI) and its typed models of today's API, as they are: identityProtection/riskDetections and
identityProtection/riskyUsers, with history and actions, over plain http on loopback."""

import asyncio
import datetime

import requests
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_abstractions.method import Method
from kiota_abstractions.request_information import RequestInformation
from msgraph.generated.identity_protection.risk_detections.risk_detections_request_builder import (
    RiskDetectionsRequestBuilder,
)
from msgraph.generated.identity_protection.risky_users.confirm_compromised import (
    confirm_compromised_post_request_body as confirm_compromised,
)
from msgraph.generated.identity_protection.risky_users.confirm_safe import (
    confirm_safe_post_request_body as confirm_safe,
)
from msgraph.generated.identity_protection.risky_users.dismiss import dismiss_post_request_body as dismiss
from msgraph.generated.identity_protection.risky_users.item.history.history_request_builder import HistoryRequestBuilder
from msgraph.generated.identity_protection.risky_users.risky_users_request_builder import RiskyUsersRequestBuilder
from msgraph.generated.models.activity_type import ActivityType
from msgraph.generated.models.risk_detail import RiskDetail
from msgraph.generated.models.risk_detection import RiskDetection
from msgraph.generated.models.risk_detection_collection_response import RiskDetectionCollectionResponse
from msgraph.generated.models.risk_detection_timing_type import RiskDetectionTimingType
from msgraph.generated.models.risk_level import RiskLevel
from msgraph.generated.models.risk_state import RiskState
from msgraph.generated.models.risky_user_collection_response import RiskyUserCollectionResponse
from msgraph.generated.models.token_issuer_type import TokenIssuerType
from msgraph_core.tasks.page_iterator import PageIterator

from sdk import ERRORS, connect, refused
from steps import TOKEN, URL, check, event

DetectionQuery = RiskDetectionsRequestBuilder.RiskDetectionsRequestBuilderGetQueryParameters
UserQuery = RiskyUsersRequestBuilder.RiskyUsersRequestBuilderGetQueryParameters
HistoryQuery = HistoryRequestBuilder.HistoryRequestBuilderGetQueryParameters
UTC = datetime.timezone.utc


def options(query, prefer=None):
    configuration = RequestConfiguration(query_parameters=query)
    if prefer:
        configuration.headers.add("Prefer", prefer)
    return configuration


def raise_events():
    """Five events of four users, by the legacy set: the SDK has no class for them."""
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {TOKEN}"
    legacy = f"{URL}/v1.0/leakedCredentialsRiskEvents"
    for number, level in enumerate(["low", "medium", "high", "low"], 1):
        made = session.post(legacy, json=event(number, id=f"e{number}", riskLevel=level))
        check(f"e{number} is raised", made.status_code, 201)
    again = session.post(legacy, json=event(1, id="e5", riskLevel="medium"))
    check("e5 is raised", again.status_code, 201)
    return session, legacy


async def detections(client):
    builder = client.identity_protection.risk_detections
    everything = (await builder.get()).value
    check("detections: all", sorted(item.user_id for item in everything), [f"user-{n}" for n in (1, 1, 2, 3, 4)])
    query = DetectionQuery(filter="riskLevel eq 'high' and riskState eq 'atRisk'", count=True)
    found = await builder.get(options(query))
    check("detections: filter", ([item.user_id for item in found.value], found.odata_count), (["user-3"], 1))
    one = found.value[0]
    check("detections: its class", type(one), RiskDetection)
    check("detections: level", one.risk_level, RiskLevel.High)
    check("detections: state", one.risk_state, RiskState.AtRisk)
    check("detections: detail", one.risk_detail, RiskDetail.None_)
    check("detections: timing", one.detection_timing_type, RiskDetectionTimingType.Offline)
    check("detections: activity", one.activity, ActivityType.User)
    check("detections: issuer", one.token_issuer_type, TokenIssuerType.AzureAD)
    check("detections: type", one.risk_event_type, "leakedCredentials")
    at = datetime.datetime(2026, 3, 3, 23, 10, 4, 225566, UTC)
    check("detections: time, cut to what Python holds", one.activity_date_time, at)
    nothing = (one.ip_address, one.location, one.request_id, one.correlation_id)
    check("detections: what a leak does not have", nothing, (None, None, None, None))
    check("detections: nothing unknown but the ETag", sorted(one.additional_data), ["@odata.etag"])
    check("detections: by id", (await builder.by_risk_detection_id(one.id).get()).user_id, "user-3")

    in_order = sorted(everything, key=lambda item: item.detected_date_time)
    since = in_order[2].detected_date_time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    query = DetectionQuery(filter=f"detectedDateTime ge {since}", orderby=["detectedDateTime desc"])
    found = (await builder.get(options(query))).value
    check("detections: by time, in order", [item.user_id for item in found], ["user-1", "user-4", "user-3"])
    query = DetectionQuery(select=["id", "riskLevel"], top=1)
    found = await builder.get(options(query))
    check("detections: select and top", (len(found.value), found.value[0].user_id), (1, None))
    check("detections: has a next link", found.odata_next_link.startswith(f"{URL}/v1.0/identityProtection/"), True)

    first = await builder.get(options(DetectionQuery(top=2, orderby=["activityDateTime asc"])))
    met = []
    iterator = PageIterator(first, client.request_adapter, error_mapping=ERRORS)
    await iterator.iterate(lambda item: met.append(item.user_id) or True)
    check("detections: three pages", met, ["user-1", "user-1", "user-2", "user-3", "user-4"])
    check("detections: count", await builder.count.get(), 5)

    unknown = builder.by_risk_detection_id("0" * 64)
    await refused("detections: an id that is not", 404, "ResourceNotFound", unknown.get())
    wrong = DetectionQuery(filter="riskLevell eq 'high'")
    await refused("detections: a wrong filter", 400, "BadRequest", builder.get(options(wrong)))
    # The SDK has methods for writing them; as in Graph, nothing does.
    await refused("detections: POST", 405, "Request_BadRequest", builder.post(RiskDetection()))
    await refused("detections: DELETE", 405, "Request_BadRequest", builder.by_risk_detection_id(one.id).delete())
    return one.id


async def risky_users(client):
    builder = client.identity_protection.risky_users
    query = UserQuery(filter="riskState eq 'atRisk' and isDeleted eq false", orderby=["riskLevel desc", "id"], count=True)
    found = await builder.get(options(query))
    standing = [(user.id, user.risk_level) for user in found.value]
    medium = [("user-1", RiskLevel.Medium), ("user-2", RiskLevel.Medium)]
    check("users: in order", standing, [("user-3", RiskLevel.High), *medium, ("user-4", RiskLevel.Low)])
    check("users: counted", found.odata_count, 4)
    one = await builder.by_risky_user_id("user-1").get()
    check("users: by id", (one.risk_state, one.risk_detail), (RiskState.AtRisk, RiskDetail.None_))
    check("users: name", (one.user_display_name, one.user_principal_name), ("Mara Lind 1", "mara1@fjord.example"))
    check("users: flags", (one.is_deleted, one.is_processing), (False, False))
    since = one.risk_last_updated_date_time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    found = (await builder.get(options(UserQuery(filter=f"riskLastUpdatedDateTime ge {since}")))).value
    check("users: since a time", [user.id for user in found], ["user-1"])
    first = await builder.get(options(UserQuery(top=3, orderby=["userPrincipalName"], select=["id"])))
    met = []
    await PageIterator(first, client.request_adapter).iterate(lambda user: met.append(user.id) or True)
    check("users: two pages", met, ["user-1", "user-2", "user-3", "user-4"])
    check("users: count", await builder.count.get(), 4)
    await refused("users: an id that is not", 404, "ResourceNotFound", builder.by_risky_user_id("nobody").get())


async def actions(client, session, legacy):
    builder = client.identity_protection.risky_users
    standing = lambda user: (user.risk_level, user.risk_state, user.risk_detail)
    get = lambda id, prefer=None: builder.by_risky_user_id(id).get(options(None, prefer))

    body = dismiss.DismissPostRequestBody(user_ids=["user-1"])
    check("dismiss: answered with nothing", await builder.dismiss.post(body), None)
    dismissed = (RiskLevel.None_, RiskState.Dismissed, RiskDetail.AdminDismissedAllRiskForUser)
    check("dismiss: the user", standing(await get("user-1")), dismissed)
    check("dismiss: the event", session.get(f"{legacy}/e1").json()["riskEventStatus"], "dismissedAsIgnore")

    body = confirm_compromised.ConfirmCompromisedPostRequestBody(user_ids=["user-2", "user-4"])
    await builder.confirm_compromised.post(body)
    compromised = (RiskLevel.High, RiskState.ConfirmedCompromised, RiskDetail.AdminConfirmedUserCompromised)
    for id in ("user-2", "user-4"):
        check(f"confirmCompromised: {id}", standing(await get(id)), compromised)

    await builder.confirm_safe.post(confirm_safe.ConfirmSafePostRequestBody(user_ids=["user-4"]))
    check("confirmSafe: a later member is hidden", (await get("user-4")).risk_detail, RiskDetail.UnknownFutureValue)
    safe = (RiskLevel.None_, RiskState.ConfirmedSafe, RiskDetail.AdminConfirmedAccountSafe)
    asked = await get("user-4", "include-unknown-enum-members")
    check("confirmSafe: and shown to who asks", standing(asked), safe)

    body = dismiss.DismissPostRequestBody(user_ids=["user-3", "nobody", "no one"])
    error = await refused("dismiss: two strangers", 404, "ResourceNotFound", builder.dismiss.post(body))
    check("dismiss: a detail of each", len(error.error.details), 2)
    check("dismiss: all or nothing", (await get("user-3")).risk_state, RiskState.AtRisk)
    nobody = dismiss.DismissPostRequestBody(user_ids=[])
    await refused("dismiss: of nobody", 400, "BadRequest", builder.dismiss.post(nobody))


async def history(client):
    builder = client.identity_protection.risky_users.by_risky_user_id("user-1").history
    items = (await builder.get()).value
    told = [(item.risk_level, item.risk_state) for item in items]
    at_risk = [(RiskLevel.Medium, RiskState.AtRisk), (RiskLevel.Low, RiskState.AtRisk)]
    check("history: from now to then", told, [(RiskLevel.None_, RiskState.Dismissed), *at_risk])
    check("history: the user", {item.user_id for item in items}, {"user-1"})
    check("history: the current one's id", items[0].id, "user-1")
    check("history: what was done", items[0].activity.detail, RiskDetail.AdminDismissedAllRiskForUser)
    check("history: what happened", items[2].activity.risk_event_types, ["leakedCredentials"])
    check("history: by whom", all(item.initiated_by for item in items), True)
    older = await builder.by_risky_user_history_item_id(items[2].id).get()
    check("history: one item", (older.id, older.risk_level), (items[2].id, RiskLevel.Low))
    first = await builder.get(options(HistoryQuery(top=2, orderby=["riskLastUpdatedDateTime asc"])))
    met = []
    await PageIterator(first, client.request_adapter).iterate(lambda item: met.append(item.risk_level) or True)
    check("history: two pages", met, [RiskLevel.Low, RiskLevel.Medium, RiskLevel.None_])


async def delta(client, session, legacy):
    """The SDK has no builders for these: requests through its adapter, answers into its models."""

    async def round(set, model, link=None):
        request = RequestInformation(Method.GET, "{+baseurl}/identityProtection/" + set + "/delta")
        request.path_parameters["baseurl"] = client.request_adapter.base_url
        request.headers.add("Accept", "application/json")
        if link:
            request.url = link
        page = await client.request_adapter.send_async(request, model, ERRORS)
        return page.value, page.additional_data["@odata.deltaLink"]

    users, user_link = await round("riskyUsers", RiskyUserCollectionResponse)
    check("delta: users at first", sorted(user.id for user in users), ["user-1", "user-2", "user-3", "user-4"])
    items, link = await round("riskDetections", RiskDetectionCollectionResponse)
    check("delta: detections at first", len(items), 5)
    ids = {item.user_id: item.id for item in items}
    check("delta: nothing new", (await round("riskDetections", RiskDetectionCollectionResponse, link))[0], [])
    body = {"riskEventStatus": "remediated"}
    check("delta: an event is closed", session.patch(f"{legacy}/e3", json=body).status_code, 200)
    check("delta: an event is deleted", session.delete(f"{legacy}/e2").status_code, 204)
    items, _ = await round("riskDetections", RiskDetectionCollectionResponse, link)
    told = {item.id: (item.risk_state, item.additional_data.get("@removed")) for item in items}
    gone = (None, {"reason": "deleted"})
    check("delta: told", told, {ids["user-3"]: (RiskState.Remediated, None), ids["user-2"]: gone})
    users, _ = await round("riskyUsers", RiskyUserCollectionResponse, user_link)
    check("delta: the users of both", sorted(user.id for user in users), ["user-2", "user-3"])


async def main():
    session, legacy = raise_events()
    client = connect(TOKEN)
    await detections(client)
    await risky_users(client)
    await actions(client, session, legacy)
    await history(client)
    await delta(client, session, legacy)


if __name__ == "__main__":
    asyncio.run(main())
