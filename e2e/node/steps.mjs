// What the Node programs share: where the server is, and how they say what they found.

import { isDeepStrictEqual } from "node:util";

export const URL_ = process.env.SPILLWATCH_URL;
export const TOKEN = process.env.SPILLWATCH_TOKEN;

/** Prints what was found; ends the program when it is not what was expected. */
export function check(what, found, expected) {
  if (!isDeepStrictEqual(found, expected)) {
    console.log(`WRONG ${what}\n  found    ${JSON.stringify(found)}\n  expected ${JSON.stringify(expected)}`);
    process.exit(1);
  }
  console.log(`ok ${what}: ${JSON.stringify(found)}`);
}

/** The body of one risk event; no two numbers give the same. */
export function event(number, changes = {}) {
  return {
    userId: `user-${number}`,
    userDisplayName: `Mara Lind ${number}`,
    userPrincipalName: `mara${number}@fjord.example`,
    riskEventDateTime: `2026-03-${String(number).padStart(2, "0")}T23:10:04.2255665Z`,
    riskEventType: "leakedCredentials",
    riskLevel: "low",
    riskEventStatus: "active",
    ...changes,
  };
}
