-- The tables of docs/adr/0007-postgresql.md. Every key begins with the tenant, so that each table can be
-- split by it (docs/postgresql.md, "Growing on"); nothing refers from one tenant to another. Numbers are
-- BIGINT throughout: what a program reads is the same for each column. Texts are compared by code point.

CREATE TABLE tenants (
    tenant        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- never reused
    id            TEXT COLLATE "C" NOT NULL UNIQUE,                 -- the GUID in `tid`, lower case
    name          TEXT COLLATE "C" NOT NULL,
    created       BIGINT NOT NULL,                                  -- ticks
    last_sequence BIGINT NOT NULL DEFAULT 0,                        -- the newest change's number
    last_time     BIGINT NOT NULL DEFAULT 0                         -- the newest change's time, in ticks
) WITH (fillfactor = 20); -- each group of writes has a row's new version fit in beside the old one

-- Tenants that are gone, until all their rows are.
CREATE TABLE removed_tenants (tenant BIGINT PRIMARY KEY);

CREATE TABLE risk_events (
    tenant                 BIGINT  NOT NULL,
    key                    BIGINT  NOT NULL, -- the number of the change that made it
    kind                   BIGINT  NOT NULL, -- model::EventKind
    version                BIGINT  NOT NULL, -- the number of its latest change
    members                TEXT COLLATE "C" NOT NULL, -- all properties as JSON members, as answers have them
    id                     TEXT COLLATE "C" NOT NULL,
    named                  BOOLEAN NOT NULL, -- false when the id carries the key's number
    user_display_name      TEXT COLLATE "C" NOT NULL,
    user_principal_name    TEXT COLLATE "C" NOT NULL,
    risk_event_date_time   BIGINT NOT NULL,
    risk_event_type        TEXT COLLATE "C" NOT NULL,
    risk_level             BIGINT NOT NULL,
    risk_event_status      BIGINT NOT NULL,
    closed_date_time       BIGINT,
    created_date_time      BIGINT NOT NULL,
    user_id                TEXT COLLATE "C" NOT NULL,
    impacted_user          TEXT COLLATE "C",
    risk_detail            BIGINT NOT NULL, -- model::RiskDetail
    last_updated_date_time BIGINT NOT NULL, -- the time of its latest change
    additional_info        TEXT COLLATE "C", -- of its detection; NULL without evidence
    PRIMARY KEY (tenant, key)
);
-- Only ids that do not lead to their row by themselves.
CREATE UNIQUE INDEX risk_events_by_id ON risk_events (tenant, id) WHERE named;
CREATE INDEX risk_events_by_user ON risk_events (tenant, user_id, key);
CREATE INDEX risk_events_by_name ON risk_events (tenant, user_principal_name, key);
CREATE INDEX risk_events_by_level ON risk_events (tenant, risk_level, risk_event_date_time, key);
CREATE INDEX risk_events_by_status ON risk_events (tenant, risk_event_status, risk_event_date_time, key);
CREATE INDEX risk_events_by_time ON risk_events (tenant, risk_event_date_time, key);
CREATE INDEX risk_events_by_creation ON risk_events (tenant, created_date_time, key);
CREATE INDEX risk_events_by_update ON risk_events (tenant, last_updated_date_time, key);

-- Detections of events whose ids do not lead back by themselves.
CREATE TABLE detections (
    tenant BIGINT  NOT NULL,
    key    BIGINT  NOT NULL, -- the event's
    id     TEXT COLLATE "C" NOT NULL, -- the detection's
    PRIMARY KEY (tenant, key)
);
CREATE UNIQUE INDEX detections_by_id ON detections (tenant, id);

-- What speaks for risk events: part of its event, and gone with it.
CREATE TABLE evidence (
    tenant            BIGINT  NOT NULL,
    event             BIGINT  NOT NULL, -- the key of the event
    number            BIGINT  NOT NULL, -- its place among the event's, from 1: the id in text
    creation          BIGINT  NOT NULL, -- the number of the change that made it
    version           BIGINT  NOT NULL, -- the number of its latest change
    source            TEXT COLLATE "C" NOT NULL,
    match_class       BIGINT  NOT NULL, -- model::MatchClass
    matched_attribute TEXT COLLATE "C",
    matched_rule      TEXT COLLATE "C",
    first_seen        BIGINT  NOT NULL, -- ticks
    last_seen         BIGINT  NOT NULL, -- ticks
    occurrences       BIGINT  NOT NULL,
    PRIMARY KEY (tenant, event, number)
);

CREATE TABLE users (
    tenant              BIGINT  NOT NULL,
    key                 BIGINT  NOT NULL, -- the number of the change that made it
    version             BIGINT  NOT NULL,
    id                  TEXT COLLATE "C" NOT NULL,
    folded_name         TEXT COLLATE "C" NOT NULL, -- userPrincipalName as it is compared
    account_enabled     BOOLEAN,
    business_phones     TEXT COLLATE "C" NOT NULL, -- a JSON array
    created_date_time   BIGINT,
    department          TEXT COLLATE "C",
    display_name        TEXT COLLATE "C" NOT NULL,
    given_name          TEXT COLLATE "C",
    job_title           TEXT COLLATE "C",
    mail                TEXT COLLATE "C",
    mail_nickname       TEXT COLLATE "C",
    mobile_phone        TEXT COLLATE "C",
    office_location     TEXT COLLATE "C",
    preferred_language  TEXT COLLATE "C",
    surname             TEXT COLLATE "C",
    usage_location      TEXT COLLATE "C",
    user_principal_name TEXT COLLATE "C" NOT NULL,
    user_type           TEXT COLLATE "C",
    PRIMARY KEY (tenant, key)
);
CREATE UNIQUE INDEX users_by_id ON users (tenant, id);
CREATE UNIQUE INDEX users_by_name ON users (tenant, folded_name);

-- What the events of a user add up to.
CREATE TABLE risky_users (
    tenant                      BIGINT  NOT NULL,
    key                         BIGINT  NOT NULL, -- the number of the change that made it
    user_id                     TEXT COLLATE "C" NOT NULL,
    user_display_name           TEXT COLLATE "C" NOT NULL,
    user_principal_name         TEXT COLLATE "C" NOT NULL,
    is_known                    BOOLEAN NOT NULL, -- the directory knows the user, or did
    is_deleted                  BOOLEAN NOT NULL,
    names_are_told              BOOLEAN NOT NULL, -- by the history
    version                     BIGINT  NOT NULL, -- the number of its latest change
    newest                      BIGINT,           -- the number of the newest item of its history
    risk_last_updated_date_time BIGINT  NOT NULL,
    risk_level                  BIGINT  NOT NULL,
    risk_state                  BIGINT  NOT NULL, -- model::RiskState
    risk_detail                 BIGINT  NOT NULL,
    closed_state                BIGINT  NOT NULL, -- where the last event that was closed left it
    closed_detail               BIGINT  NOT NULL,
    events                      BIGINT  NOT NULL, -- open and closed
    open_low                    BIGINT  NOT NULL,
    open_medium                 BIGINT  NOT NULL,
    open_high                   BIGINT  NOT NULL,
    open_hidden                 BIGINT  NOT NULL,
    open_none                   BIGINT  NOT NULL,
    open_unknown                BIGINT  NOT NULL,
    open_confirmed              BIGINT  NOT NULL,
    PRIMARY KEY (tenant, key)
);
CREATE UNIQUE INDEX risky_users_by_id ON risky_users (tenant, user_id);
CREATE INDEX risky_users_by_name ON risky_users (tenant, user_principal_name);
CREATE INDEX risky_users_by_state ON risky_users (tenant, risk_state, risk_level);
CREATE INDEX risky_users_by_update ON risky_users (tenant, risk_last_updated_date_time, key);

-- Who did something; the change log names them by number.
CREATE TABLE actors (
    tenant    BIGINT  NOT NULL,
    actor     BIGINT  NOT NULL,
    app       TEXT COLLATE "C" NOT NULL,
    user_name TEXT COLLATE "C" NOT NULL DEFAULT '', -- '' when no person acted
    forgotten BIGINT, -- the latest time of those repeatable requests that are no longer remembered
    PRIMARY KEY (tenant, actor)
);
CREATE UNIQUE INDEX actors_by_name ON actors (tenant, app, user_name);

-- The change log: written in the transaction of the change itself, under the tenant's lock, so that
-- whoever sees a number has all below it.
CREATE TABLE changes (
    tenant              BIGINT  NOT NULL,
    sequence            BIGINT  NOT NULL,
    entity_set          BIGINT  NOT NULL, -- model::ChangedSet
    id                  TEXT COLLATE "C" NOT NULL,
    kind                BIGINT  NOT NULL, -- model::ChangeKind
    properties          BIGINT  NOT NULL, -- a bit for each property's position
    time                BIGINT  NOT NULL, -- ticks, strictly increasing per tenant
    actor               BIGINT  NOT NULL,
    risky_user          BIGINT, -- the key of the user at risk that it is about
    -- Where it is an item of that user's history, how the risk stands since then. Items are chained from the
    -- newest on.
    previous            BIGINT, -- the number of the user's item before
    risk_level          BIGINT,
    risk_state          BIGINT,
    risk_detail         BIGINT,
    is_deleted          BOOLEAN,
    activity_detail     BIGINT,
    risk_event_type     TEXT COLLATE "C",
    user_display_name   TEXT COLLATE "C", -- names, where they are others than at the item before
    user_principal_name TEXT COLLATE "C",
    PRIMARY KEY (tenant, sequence)
);

-- Counts that are kept, never scanned.
CREATE TABLE totals (
    tenant            BIGINT  NOT NULL,
    subject           BIGINT  NOT NULL, -- a kind of event, or users, or users at risk
    risk_level        BIGINT  NOT NULL,
    risk_event_status BIGINT  NOT NULL, -- of users at risk: the state
    count             BIGINT  NOT NULL,
    PRIMARY KEY (tenant, subject, risk_level, risk_event_status)
) WITH (fillfactor = 20);

-- Requests that may be sent again (OASIS Repeatable Requests 1.0). Numbers grow, so that a tenant's oldest
-- are the first to be forgotten.
CREATE TABLE repeatable_requests (
    tenant     BIGINT  NOT NULL,
    number     BIGINT  NOT NULL,
    actor      BIGINT  NOT NULL, -- who sent it: nobody else's request is answered with it
    request_id TEXT COLLATE "C" NOT NULL,
    first_sent BIGINT  NOT NULL, -- ticks
    expires    BIGINT  NOT NULL, -- ticks: when it may be forgotten
    digest     BYTEA   NOT NULL, -- HMAC-SHA256 of the request
    outcomes   TEXT COLLATE "C" NOT NULL, -- JSON: the entities as they were then
    PRIMARY KEY (tenant, number)
);
CREATE UNIQUE INDEX repeatable_requests_by_id ON repeatable_requests (tenant, actor, request_id);

CREATE TABLE apps (
    id          TEXT COLLATE "C" PRIMARY KEY, -- the client id, a GUID in lower case
    tenant      BIGINT  NOT NULL,
    name        TEXT COLLATE "C" NOT NULL,
    permissions TEXT COLLATE "C" NOT NULL,    -- names, separated by blanks
    created     BIGINT NOT NULL
);

CREATE TABLE app_secrets (
    app     TEXT COLLATE "C" NOT NULL,
    id      TEXT COLLATE "C" NOT NULL,
    sha256  BYTEA  NOT NULL, -- of a secret with 256 random bits
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    PRIMARY KEY (app, id)
);

-- What every node needs and the database must not know: the issuer's keys, the key of page tokens. Each is
-- sealed with the operator's key, which is kept elsewhere (docs/security.md).
CREATE TABLE secrets (
    name   TEXT COLLATE "C" PRIMARY KEY,
    sealed BYTEA NOT NULL
);

-- One row. `epoch` grows with every change of tenants, apps and keys, `secrets` with every change of secrets.
CREATE TABLE registry (
    epoch   BIGINT NOT NULL,
    secrets BIGINT NOT NULL
) WITH (fillfactor = 20);
INSERT INTO registry VALUES (1, 0);
