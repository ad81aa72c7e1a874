// odata2ts (npm): it reads $metadata and generates a client; the client then talks to Spillwatch.

import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { createRequire } from "node:module";
import { FetchClient } from "@odata2ts/http-client-fetch";
import { TOKEN, URL_, check, event } from "./steps.mjs";

const TYPE = "#Microsoft.IdentityProtectionServices.leakedCredentialsRiskEvent";
const require = createRequire(import.meta.url);

// Generate.
rmSync("generated", { recursive: true, force: true });
const generator = "node_modules/@odata2ts/odata2ts/lib/run-cli.js";
const from = ["--source-url", `${URL_}/v1.0`, "--source", "generated/metadata.xml", "--refresh-file"];
const to = ["--output", "generated", "--mode", "all", "--emit-mode", "js", "--service-name", "spillwatch"];
execFileSync(process.execPath, [generator, ...from, ...to, "--disable-auto-managed-key"], { stdio: "inherit" });
const { spillwatchService } = require("./generated/spillwatchService.js");
const model = require("./generated/spillwatchModel.js");
check("generated: riskLevel", Object.keys(model.riskLevel), [
  "low",
  "medium",
  "high",
  "hidden",
  "none",
  "unknownFutureValue",
]);
check("generated: riskEventStatus", Object.keys(model.riskEventStatus).length, 8);

function connect(token) {
  return new spillwatchService(new FetchClient({ headers: { Authorization: `Bearer ${token}` } }), `${URL_}/v1.0`);
}

const service = connect(TOKEN);
const events = service.leakedCredentialsRiskEvents();
const ids = (answer) => answer.data.value.map((item) => item.id);

async function refused(what, status, call) {
  try {
    await call();
  } catch (error) {
    check(`${what}: status`, error.status, status);
    check(`${what}: has the message`, error.message.length > "OData server responded with error: ".length, true);
    check(`${what}: has a request-id`, /^[0-9a-f-]{36}$/.test(error.headers["request-id"]), true);
    return;
  }
  check(what, "no error", status);
}

// Create and get.
const made = [];
for (let number = 1; number <= 5; number += 1) {
  const level = number % 2 === 1 ? model.riskLevel.high : model.riskLevel.low;
  const created = await events.create(event(number, { riskLevel: level }));
  check(`create ${number}`, [created.status, created.data["@odata.type"]], [201, TYPE]);
  made.push(created.data.id);
}
const one = service.leakedCredentialsRiskEvents(made[0]);
check("get: path", one.getPath(), `${URL_}/v1.0/leakedCredentialsRiskEvents('${made[0]}')`);
const read = (await one.query()).data;
check("get: what was sent", { ...read, ...event(1, { riskLevel: "high" }) }, read);

// Query.
let found = await events.query((builder, q) =>
  builder
    .filter(q.riskLevel.eq("high"), q.riskEventDateTime.gt("2026-03-01T23:10:04.2255665Z"))
    .orderBy(q.riskEventDateTime.desc())
    .count(),
);
check("filter: ids in order", ids(found), [made[4], made[2]]);
check("filter: count", found.data["@odata.count"], 2);
found = await events.query((builder, q) =>
  builder.select("id", "userId").filter(q.userPrincipalName.contains("ra4@").or(q.userId.in("user-2", "user-3"))),
);
check("filter with or, in and contains", ids(found).sort(), [made[1], made[2], made[3]].sort());
check("select: nothing else", found.data.value[0].riskLevel ?? null, null);
found = await events.query((builder, q) => builder.orderBy(q.riskEventDateTime.asc()).skip(1).top(2));
check("skip and top: ids", ids(found), [made[1], made[2]]);
found = await events.query((builder, q) => builder.filter(q.userDisplayName.toLower().endsWith("lind 5")));
check("filter with functions", ids(found), [made[4]]);
found = await events.query((builder) => builder.search("Lind 3"));
check("search", ids(found), [made[2]]);
found = await service.identityRiskEvents().query((builder, q) => builder.filter(q.riskLevel.ne("high")));
check("the base set", ids(found).sort(), [made[1], made[3]].sort());

// The user of an event.
const user = await service.users().create({
  id: "user-2",
  accountEnabled: true,
  displayName: "Mara Lind",
  mailNickname: "mara",
  userPrincipalName: "o'mara@fjord.example",
  passwordProfile: { password: "not kept" },
});
check("users: create", [user.status, user.data.id], [201, "user-2"]);
found = await events.query((builder, q) =>
  builder.filter(q.userId.eq("user-2")).expanding("impactedUser", (inner) => inner.select("displayName")),
);
check("expand", found.data.value[0].impactedUser.displayName, "Mara Lind");
const impacted = await service.leakedCredentialsRiskEvents(made[1]).impactedUser().query();
check("impactedUser", impacted.data.userPrincipalName, "o'mara@fjord.example");
// The client does not double quotes inside values: its caller must.
found = await service.users().query((builder, q) => builder.filter(q.userPrincipalName.eq("o''mara@fjord.example")));
check("a quote in a value", ids(found), ["user-2"]);

// A delta round, by the function that $metadata declares.
let round = (await events.delta()).data;
check("delta: everything at first", round.value.map((item) => item.id).sort(), [...made].sort());

// Update and delete.
const updated = await one.patch({ riskEventStatus: model.riskEventStatus.remediated });
check("update", [updated.status, updated.data.riskEventStatus, typeof updated.data.closedDateTime], [
  200,
  "remediated",
  "string",
]);
check("delete", (await one.delete()).status, 204);
await refused("get what was deleted", 404, () => one.query());
const headers = { Authorization: `Bearer ${TOKEN}` };
round = await (await fetch(round["@odata.deltaLink"], { headers })).json();
check("delta: the removal", round.value.map((item) => [item.id, item["@removed"]?.reason]), [[made[0], "deleted"]]);

// Today's API: the singleton and the sets in it, as $metadata declares them, with their actions.
for (const [number, level] of [[21, "low"], [22, "medium"], [23, "high"]]) {
  await events.create(event(number, { id: `risk-${number}`, riskLevel: level }));
}
const protection = service.identityProtection();
found = await protection.riskDetections().query((builder, q) =>
  builder.filter(q.riskState.eq("atRisk"), q.userId.in("user-21", "user-23")).orderBy(q.activityDateTime.desc()).count(),
);
check("riskDetections: filter", [found.data["@odata.count"], found.data.value.map((item) => item.userId)], [
  2,
  ["user-23", "user-21"],
]);
const detection = protection.riskDetections(found.data.value[0].id);
check("riskDetections: path", detection.getPath().startsWith(`${URL_}/v1.0/identityProtection/riskDetections('`), true);
check("riskDetections: by id", (await detection.query()).data.riskLevel, "high");
const riskyUsers = protection.riskyUsers();
found = await riskyUsers.query((builder, q) => builder.filter(q.id.in("user-21", "user-22")).orderBy(q.riskLevel.desc()));
check("riskyUsers: in order", ids(found), ["user-22", "user-21"]);
check("dismiss", (await riskyUsers.dismiss({ userIds: ["user-21"] })).status, 204);
check("confirmCompromised", (await riskyUsers.confirmCompromised({ userIds: ["user-22"] })).status, 204);
check("confirmSafe", (await riskyUsers.confirmSafe({ userIds: ["user-22", "user-23"] })).status, 204);
found = await riskyUsers.query((builder, q) => builder.filter(q.riskState.eq("confirmedSafe")).orderBy(q.id.asc()));
check("riskyUsers: confirmed safe", ids(found), ["user-22", "user-23"]);
const past = await protection.riskyUsers("user-22").history().query();
check("history: from now to then", past.data.value.map((item) => item.riskState), [
  "confirmedSafe",
  "confirmedCompromised",
  "atRisk",
]);
const changes = (await riskyUsers.delta()).data;
check("riskyUsers: delta", changes.value.map((item) => item.id).includes("user-21"), true);

// Errors.
await refused("dismiss a stranger", 404, () => riskyUsers.dismiss({ userIds: ["nobody"] }));
await refused("create with a fault", 400, () => events.create(event(6, { riskLevel: "enormous" })));
await refused("a wrong token", 401, () => connect("x.y.z").leakedCredentialsRiskEvents().query());
