"use strict";
// Shows the OpenAPI document and sends requests. The token stays in its field: it is neither
// stored nor sent anywhere but to this server.

const at = (id) => document.getElementById(id);

/** An element with properties, attributes (in `attributes`) and children. */
function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  const { attributes = {}, ...rest } = properties;
  Object.assign(made, rest);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Text with `code` between backticks. */
function marked(text) {
  return (text || "").split("`").map((part, place) => (place % 2 ? element("code", {}, part) : part));
}

function paragraphs(text) {
  return (text || "").split("\n\n").filter(Boolean).map((part) => element("p", {}, ...marked(part)));
}

let api;
let operations = [];

/** What a reference leads to. */
function resolved(value) {
  let found = value;
  while (found && found.$ref) {
    found = found.$ref.slice(2).split("/").reduce((inner, name) => inner[name.replace(/~1/g, "/").replace(/~0/g, "~")], api);
  }
  return found || {};
}

const refName = (schema) => (schema.$ref ? schema.$ref.split("/").pop() : "");

/** A schema in a few words. */
function typeOf(schema) {
  if (schema.$ref) {
    const inner = resolved(schema);
    return inner.enum ? inner.enum.join(" | ") : refName(schema);
  }
  const several = schema.anyOf || schema.oneOf || schema.allOf;
  if (several && !schema.properties) return several.map(typeOf).filter(Boolean).join(schema.allOf ? " & " : " | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const types = [].concat(schema.type || "any");
  const names = types.map((type) => (type === "array" ? `array of ${typeOf(schema.items || {})}` : type));
  const limits = [];
  if (schema.format) limits.push(schema.format);
  if (schema.maxLength) limits.push(`${schema.minLength || 0} to ${schema.maxLength} characters`);
  if (schema.minimum !== undefined) limits.push(`at least ${schema.minimum}`);
  if (schema.maxItems) limits.push(`at most ${schema.maxItems} items`);
  return names.join(" | ") + (limits.length ? ` (${limits.join(", ")})` : "");
}

/** Every property of a schema and of those that it is made of. */
function members(schema) {
  const whole = resolved(schema);
  const parts = (whole.allOf || []).map(members);
  const own = { properties: whole.properties || {}, required: whole.required || [] };
  return [...parts, own].reduce((all, part) => ({
    properties: { ...all.properties, ...part.properties },
    required: [...all.required, ...part.required],
  }), { properties: {}, required: [] });
}

function schemaView(schema) {
  if (!schema.allOf && (schema.anyOf || schema.oneOf)) {
    return element("div", {}, ...(schema.anyOf || schema.oneOf).map(schemaView));
  }
  const { properties, required } = members(schema);
  const names = Object.keys(properties);
  if (!names.length) return element("p", { className: "faint" }, typeOf(schema));
  const rows = names.map((name) => {
    const property = properties[name];
    const inner = property.type === "array" ? property.items || {} : property;
    const nested = [inner, ...(inner.anyOf || [])].find((part) => Object.keys(resolved(part).properties || {}).length);
    const more = nested && name !== "impactedUser"
      ? element("details", {}, element("summary", {}, refName(nested) || "members"), schemaView(nested)) : null;
    return element("tr", {},
      element("td", { className: "name" }, name, required.includes(name) ? element("span", { className: "need", title: "required" }, " *") : ""),
      element("td", { className: "type" }, typeOf(property)),
      element("td", {}, ...marked(property.description || resolved(property).description), more));
  });
  const title = element("summary", {}, element("code", {}, refName(schema) || "object"));
  const table = element("table", {}, element("tbody", {}, ...rows));
  return element("details", { open: names.length < 14 }, title, table);
}

function fieldsFor(operation) {
  const fields = [];
  const rows = operation.parameters.map((parameter) => {
    const field = parameter.schema.type === "boolean"
      ? element("select", {}, ...["", "true", "false"].map((value) => element("option", { value }, value)))
      : element("input", { type: "text", autocomplete: "off", spellcheck: false });
    field.setAttribute("aria-label", parameter.name);
    fields.push({ parameter, field });
    return element("tr", {},
      element("td", { className: "name" }, parameter.name, parameter.required ? element("span", { className: "need", title: "required" }, " *") : "",
        element("div", { className: "faint" }, parameter.in)),
      element("td", {}, field),
      element("td", {}, ...marked(parameter.description)));
  });
  const table = element("table", {}, element("tbody", {}, ...rows));
  return { fields, table };
}

/** The request as the fields say it. */
function requestOf(operation, fields, body) {
  let path = operation.path;
  const query = [];
  const headers = {};
  for (const { parameter, field } of fields) {
    const value = field.value;
    if (value === "") continue;
    if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encodeURIComponent(value));
    if (parameter.in === "query") query.push(`${parameter.name}=${encodeURIComponent(value)}`);
    if (parameter.in === "header") headers[parameter.name] = value;
  }
  const token = at("token").value.trim();
  if (operation.security.length && token) headers.Authorization = `Bearer ${token}`;
  if (body !== null) headers["Content-Type"] = "application/json";
  const root = new URL(at("server").value, location.href).href.replace(/\/$/, "");
  const url = `${root}${path}${query.length ? `?${query.join("&")}` : ""}`;
  return { url, method: operation.method.toUpperCase(), headers, body };
}

const quoted = (text) => `'${text.replace(/'/g, "'\\''")}'`;

function curlOf({ url, method, headers, body }) {
  const parts = [`curl -i -X ${method} ${quoted(url)}`];
  for (const [name, value] of Object.entries(headers)) {
    parts.push(name === "Authorization" ? '-H "Authorization: Bearer $TOKEN"' : `-H ${quoted(`${name}: ${value}`)}`);
  }
  if (body !== null) parts.push(`-d ${quoted(body)}`);
  return parts.join(" \\\n  ");
}

function pretty(text, media) {
  if (!/json/.test(media || "")) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

async function send(request, output, button) {
  button.disabled = true;
  output.replaceChildren(element("p", { className: "faint" }, "Waiting for the answer ..."));
  const begun = performance.now();
  try {
    const { url, ...options } = request;
    const response = await fetch(url, { ...options, body: request.body === null ? undefined : request.body, credentials: "omit", cache: "no-store" });
    const text = await response.text();
    const time = Math.round(performance.now() - begun);
    const lines = [...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    output.replaceChildren(
      element("p", {}, element("span", { className: `status ${response.ok ? "good" : "bad"}` }, `${response.status} ${response.statusText}`),
        element("span", { className: "faint" }, ` in ${time} ms`)),
      text ? element("pre", {}, pretty(text, response.headers.get("content-type"))) : element("p", { className: "faint" }, "No body."),
      element("details", {}, element("summary", {}, "Headers"), element("pre", {}, lines)));
  } catch (error) {
    output.replaceChildren(element("p", { className: "status bad" }, `No answer: ${error.message}`));
  } finally {
    button.disabled = false;
  }
}

function bodyOf(operation) {
  const media = operation.requestBody && operation.requestBody.content["application/json"];
  if (!media) return { schema: null, field: null };
  const [example] = Object.values(media.examples || {});
  const text = JSON.stringify(example ? example.value : {}, null, 2);
  const field = element("textarea", { value: text, rows: Math.min(24, text.split("\n").length + 1), spellcheck: false });
  field.setAttribute("aria-label", "Body");
  return { schema: media.schema, field };
}

function showOperation(operation) {
  const { fields, table } = fieldsFor(operation);
  const { schema, field } = bodyOf(operation);
  const curl = element("pre", {});
  const output = element("div", { attributes: { "aria-live": "polite" } });
  const button = element("button", { className: "send", type: "submit" }, "Send");
  const request = () => requestOf(operation, fields, field ? field.value : null);
  const refresh = () => { curl.textContent = curlOf(request()); };
  const form = element("form", {},
    operation.parameters.length ? element("h2", {}, "Parameters") : null, operation.parameters.length ? table : null,
    field ? element("h2", {}, "Body") : null, field,
    element("h2", {}, "Try it"), curl, element("div", { className: "row" }, button), output,
    schema ? element("h2", {}, "What the body can hold") : null, schema ? schemaView(schema) : null);
  form.addEventListener("input", refresh);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    refresh();
    const missing = fields.find(({ parameter, field: input }) => parameter.required && input.value === "");
    if (missing) {
      missing.field.focus();
      output.replaceChildren(element("p", { className: "status bad" }, `${missing.parameter.name} is needed.`));
      return;
    }
    send(request(), output, button);
  });
  const answers = Object.entries(operation.responses).map(([status, response]) => {
    const whole = resolved(response);
    const content = Object.entries(whole.content || {}).filter(([media, { schema: shown }]) => shown && Number(status) < 300 && /json/.test(media));
    const views = content.map(([, { schema: shown }]) => shown).filter((shown) => shown.$ref || shown.anyOf).map(schemaView);
    return element("tr", {}, element("td", { className: "name" }, status), element("td", {}, ...marked(whole.description), ...views));
  });
  at("main").replaceChildren(
    element("h1", {}, operation.summary),
    element("p", { className: "path" }, element("span", { className: `method ${operation.method}` }, operation.method.toUpperCase()), operation.path),
    ...paragraphs(operation.description), form,
    element("h2", {}, "Answers"), element("table", {}, element("tbody", {}, ...answers)));
  refresh();
}

function showIntroduction() {
  at("main").replaceChildren(element("h1", {}, api.info.title), element("p", { className: "faint" }, api.info.summary),
    ...paragraphs(api.info.description),
    element("h2", {}, "A token"), ...paragraphs(api.components.securitySchemes.bearer.description),
    ...paragraphs("Paste it above; it stays in this page, and is gone when you leave."),
    element("h2", {}, "Documents"),
    element("ul", {}, ...[
      ["/v1.0/openapi.json", "this description, as OpenAPI 3.1"],
      ["/v1.0/$metadata", "the entity data model, as XML"],
      ["/v1.0/$metadata?$format=json", "the same as JSON"],
      ["/v1.0", "the service document"],
    ].map(([url, text]) => element("li", {}, element("a", { href: url }, url), ` ${text}`))));
}

function mark() {
  for (const link of at("operations").querySelectorAll("a")) {
    if (link.hash === location.hash) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function show() {
  const id = decodeURIComponent(location.hash.slice(1));
  const chosen = operations.find((operation) => operation.operationId === id);
  if (id && !chosen) return; // a place within what is shown, such as that of the skip link
  mark();
  document.title = chosen ? `${chosen.summary} - Spillwatch API` : "Spillwatch API";
  if (chosen) showOperation(chosen); else showIntroduction();
  window.scrollTo(0, 0);
}

function showList() {
  const wanted = at("find").value.trim().toLowerCase();
  const groups = api.tags.map(({ name }) => {
    const mine = operations.filter((operation) => operation.tags.includes(name)
      && `${operation.method} ${operation.path} ${operation.summary}`.toLowerCase().includes(wanted));
    if (!mine.length) return null;
    const links = mine.map((operation) => element("li", {},
      element("a", { href: `#${operation.operationId}`, title: operation.path },
        element("span", { className: `method ${operation.method}` }, operation.method.toUpperCase()), element("span", {}, operation.summary))));
    return element("section", {}, element("h2", {}, name), element("ul", {}, ...links));
  });
  at("operations").replaceChildren(...groups.filter(Boolean));
  mark();
}

async function start() {
  const response = await fetch("/v1.0/openapi.json");
  if (!response.ok) throw new Error(`openapi.json came with status ${response.status}`);
  api = await response.json();
  at("version").textContent = api.info.version;
  at("server").replaceChildren(...api.servers.map(({ url }) => element("option", { value: url }, url)));
  operations = Object.entries(api.paths).flatMap(([path, item]) => Object.entries(item).map(([method, operation]) => ({
    ...operation, path, method, parameters: (operation.parameters || []).map(resolved),
  })));
  showList();
  at("find").addEventListener("input", showList);
  window.addEventListener("hashchange", () => { show(); at("main").focus({ preventScroll: true }); });
  for (const id of ["server", "token"]) {
    at(id).addEventListener("input", () => document.querySelector("form")?.dispatchEvent(new Event("input")));
  }
  show();
}

start().catch((error) => {
  at("main").replaceChildren(element("p", { className: "status bad" }, `The description cannot be shown: ${error.message}`));
});
