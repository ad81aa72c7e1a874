// @microsoft/microsoft-graph-client (npm), Microsoft's Graph client for JavaScript, against Spillwatch over TLS with
// the certificate that `serve --tls-self-signed` made: the client sends its token over https only, and its page
// iterator follows https links only. NODE_EXTRA_CA_CERTS names the certificate.

import graph from "@microsoft/microsoft-graph-client";
import { TOKEN, URL_, check, event } from "./steps.mjs";

const { BatchRequestContent, BatchResponseContent, Client, PageIterator } = graph;
const EVENTS = "/leakedCredentialsRiskEvents";
const TYPE = "#Microsoft.IdentityProtectionServices.leakedCredentialsRiskEvent";

function connect(token) {
  return Client.initWithMiddleware({
    authProvider: { getAccessToken: async () => token },
    baseUrl: URL_,
    defaultVersion: "v1.0",
    customHosts: new Set([new URL(URL_).hostname]),
  });
}

const client = connect(TOKEN);
const ids = (items) => items.map((item) => item.id);

/** Makes a call that must fail, and looks at what the client made of the error. */
async function refused(what, status, code, call) {
  try {
    await call();
  } catch (error) {
    check(`${what}: status`, error.statusCode, status);
    check(`${what}: code`, error.code, code);
    check(`${what}: has a message`, error.message.length > 0, true);
    check(`${what}: request-id`, error.requestId, error.headers.get("request-id"));
    check(`${what}: has a date`, Number.isNaN(error.date.getTime()), false);
    return JSON.parse(error.body);
  }
  check(what, "no error", code);
}

// Create and get.
const made = [];
for (let number = 1; number <= 5; number += 1) {
  const level = number % 2 === 1 ? "high" : "low";
  const created = await client.api(EVENTS).post(event(number, { riskLevel: level }));
  check(`create ${number}: type`, created["@odata.type"], TYPE);
  made.push(created.id);
}
check("create: ids differ", new Set(made).size, 5);
const read = await client.api(`${EVENTS}/${made[0]}`).get();
check("get: what was sent", { ...read, ...event(1, { riskLevel: "high" }) }, read);
check("get: context", read["@odata.context"], `${URL_}/v1.0/$metadata#leakedCredentialsRiskEvents/$entity`);

// Query.
const high = await client
  .api(EVENTS)
  .filter("riskLevel eq 'high' and riskEventDateTime ge 2026-03-02T00:00:00Z")
  .orderby("riskEventDateTime desc")
  .count(true)
  .get();
check("filter: ids in order", ids(high.value), [made[4], made[2]]);
check("filter: count", high["@odata.count"], 2);
const found = await client.api(EVENTS).search('"Lind 4"').select(["id", "riskLevel"]).get();
check("search and select", found.value.map(({ id, riskLevel, userId }) => [id, riskLevel, userId ?? null]), [
  [made[3], "low", null],
]);
check("count of a filter", await client.api(`${EVENTS}/$count`).filter("riskLevel eq 'low'").get(), "2");

// Pages.
let met = [];
const first = await client.api(EVENTS).top(2).orderby("riskEventDateTime").get();
check("first page", ids(first.value), made.slice(0, 2));
check("first page: the link is https", first["@odata.nextLink"].startsWith(`${URL_}/v1.0/`), true);
const pages = new PageIterator(client, first, (item) => {
  met.push(item.id);
  return true;
});
await pages.iterate();
check("iterate three pages: ids", met, made);
check("iterate three pages: to the end", pages.isComplete(), true);

// A batch of three, one after another. The content builder wants fetch's Request, hence an absolute URL.
const inner = (path, method, body) =>
  new Request(`${URL_}/v1.0${path}`, {
    method,
    ...(body && { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }),
  });
async function batch(steps) {
  const answer = await client.api("/$batch").post(await new BatchRequestContent(steps).getContent());
  return new BatchResponseContent(answer);
}
const chain = await batch([
  { id: "1", request: inner(EVENTS, "POST", event(6, { id: "batched" })) },
  { id: "2", request: inner(`${EVENTS}/batched`, "GET"), dependsOn: ["1"] },
  { id: "3", request: inner(`${EVENTS}/batched`, "PATCH", { riskEventStatus: "remediated" }), dependsOn: ["2"] },
]);
check("batch: statuses", ["1", "2", "3"].map((id) => chain.getResponseById(id).status), [201, 200, 200]);
check("batch: read after create", (await chain.getResponseById("2").json()).riskEventStatus, "active");
check("batch: closed after read", (await chain.getResponseById("3").json()).riskEventStatus, "remediated");
const broken = await batch([
  { id: "1", request: inner(`${EVENTS}/missing`, "GET") },
  { id: "2", request: inner(`${EVENTS}/batched`, "DELETE"), dependsOn: ["1"] },
]);
check("batch: failed prerequisite", ["1", "2"].map((id) => broken.getResponseById(id).status), [404, 424]);
check("batch: error of an item", (await broken.getResponseById("1").json()).error.code, "ResourceNotFound");
check("batch: the dependent was not run", (await client.api(`${EVENTS}/batched`).get()).id, "batched");

// A delta round.
async function drain(link) {
  const items = [];
  const page = await client.api(link).get();
  const iterator = new PageIterator(client, page, (item) => {
    items.push(item);
    return true;
  });
  await iterator.iterate();
  return { items, link: iterator.getDeltaLink() };
}
let round = await drain(`${EVENTS}/delta`);
check("delta: everything at first", ids(round.items).sort(), [...made, "batched"].sort());
round = await drain(round.link);
check("delta: nothing new", round.items, []);
await client.api(`${EVENTS}/${made[1]}`).patch({ riskLevel: "medium" });
await client.api(`${EVENTS}/batched`).delete();
await client.api(EVENTS).post(event(7, { id: "seven" }));
round = await drain(round.link);
const changed = Object.fromEntries(round.items.map((item) => [item.id, item]));
check("delta: ids of what changed", Object.keys(changed).sort(), [made[1], "batched", "seven"].sort());
check("delta: the new value", changed[made[1]].riskLevel, "medium");
check("delta: the removal", changed.batched["@removed"], { reason: "deleted" });

// Update and delete.
const updated = await client.api(`${EVENTS}/${made[0]}`).patch({ riskEventStatus: "dismissedAsIgnore" });
check("update: status", updated.riskEventStatus, "dismissedAsIgnore");
check("update: closed", typeof updated.closedDateTime, "string");
check("update: the rest stays", updated.userId, "user-1");
check("update: is kept", (await client.api(`${EVENTS}/${made[0]}`).get()).riskEventStatus, "dismissedAsIgnore");
const stale = client.api(`${EVENTS}/${made[0]}`).header("If-Match", read["@odata.etag"]);
await refused("update of an old version", 412, "resourceModified", () => stale.patch({ riskLevel: "low" }));
await client.api(`${EVENTS}/${made[0]}`).delete();
await refused("get what was deleted", 404, "ResourceNotFound", () => client.api(`${EVENTS}/${made[0]}`).get());

// Users and the way from an event to its user.
const user = await client.api("/users").post({
  id: "user-2",
  accountEnabled: true,
  displayName: "Mara Lind",
  mailNickname: "mara",
  userPrincipalName: "mara2@fjord.example",
  passwordProfile: { password: "not kept" },
});
check("users: create", user.userPrincipalName, "mara2@fjord.example");
const whole = await client.api(`${EVENTS}/${made[1]}`).expand("impactedUser($select=id,displayName)").get();
check("expand", [whole.impactedUser.id, whole.impactedUser.displayName], ["user-2", "Mara Lind"]);

// Errors.
const wrong = event(8, { riskLevel: "enormous", riskEventDateTime: "yesterday" });
const faults = await refused("create with two faults", 400, "BadRequest", () => client.api(EVENTS).post(wrong));
check("all faults at once", faults.details.map((fault) => fault.target).sort(), ["riskEventDateTime", "riskLevel"]);
await refused("filter on nothing known", 400, "BadRequest", () => client.api(EVENTS).filter("riskLevell eq 'a'").get());
await refused("a wrong token", 401, "InvalidAuthenticationToken", () => connect("x.y.z").api(EVENTS).get());

// Today's API: detections, users at risk, their history, and actions.
const DETECTIONS = "/identityProtection/riskDetections";
const RISKY = "/identityProtection/riskyUsers";
for (const [number, level] of [[21, "low"], [22, "medium"], [23, "high"]]) {
  await client.api(EVENTS).post(event(number, { id: `risk-${number}`, riskLevel: level }));
}
const ours = "userId ge 'user-21' and userId le 'user-23'";
const severe = await client.api(DETECTIONS).filter(`riskLevel eq 'high' and ${ours}`).count(true).get();
check("detections: count", severe["@odata.count"], 1);
const one = severe.value[0];
check("detections: what is said", [one.userId, one.riskState, one.riskDetail, one.source, one.location], [
  "user-23",
  "atRisk",
  "none",
  "IdentityProtection",
  null,
]);
check("detections: by id", (await client.api(`${DETECTIONS}/${one.id}`).get()).activityDateTime, one.activityDateTime);
const some = await client.api(DETECTIONS).filter(ours).orderby("activityDateTime").top(2).select("id,userId").get();
met = [];
const rest = new PageIterator(client, some, (item) => {
  met.push(item.userId);
  return true;
});
await rest.iterate();
check("detections: two pages", met, ["user-21", "user-22", "user-23"]);
const unknown = client.api(`${DETECTIONS}/${"0".repeat(64)}`);
await refused("detections: an id that is not", 404, "ResourceNotFound", () => unknown.get());

const atRisk = `riskState eq 'atRisk' and id ge 'user-21' and id le 'user-23'`;
const risky = await client.api(RISKY).filter(atRisk).orderby("riskLevel desc").get();
check("users at risk: in order", ids(risky.value), ["user-23", "user-22", "user-21"]);
round = await drain(`${RISKY}/delta?$filter=${atRisk}`);
check("users at risk: delta", ids(round.items).sort(), ["user-21", "user-22", "user-23"]);
check("dismiss: no body", (await client.api(`${RISKY}/dismiss`).post({ userIds: ["user-21"] })) ?? null, null);
await client.api(`${RISKY}/confirmCompromised`).post({ userIds: ["user-22"] });
await client.api(`${RISKY}/confirmSafe`).post({ userIds: ["user-23"] });
const standing = async (id) => (await client.api(`${RISKY}/${id}`).get()).riskState;
check("actions: states", [await standing("user-21"), await standing("user-22"), await standing("user-23")], [
  "dismissed",
  "confirmedCompromised",
  "confirmedSafe",
]);
check("dismiss: the event", (await client.api(`${EVENTS}/risk-21`).get()).riskEventStatus, "dismissedAsIgnore");
round = await drain(round.link);
check("users at risk: none of them is left", round.items.map((item) => item["@removed"]?.reason), Array(3).fill("changed"));
const past = await client.api(`${RISKY}/user-21/history`).get();
check("history: from now to then", past.value.map((item) => [item.riskState, item.activity.riskEventTypes]), [
  ["dismissed", []],
  ["atRisk", ["leakedCredentials"]],
]);
const strangers = client.api(`${RISKY}/dismiss`);
const missed = await refused("dismiss: strangers", 404, "ResourceNotFound", () =>
  strangers.post({ userIds: ["user-22", "nobody", "no one"] }),
);
check("dismiss: a detail of each", missed.details.length, 2);
