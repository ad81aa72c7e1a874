-- Every key begins with the tenant. Rows are kept in the order in which they were made: their key
-- is tenant * 2^40 + the number of the change that made them, so that a tenant's rows lie together
-- and inserts go to one end (docs/adr/0001-embedded-store-and-group-commit.md).

CREATE TABLE tenants (
    tenant        INTEGER PRIMARY KEY AUTOINCREMENT, -- never reused
    id            TEXT    NOT NULL UNIQUE,           -- the GUID in `tid`, lower case
    name          TEXT    NOT NULL,
    created       INTEGER NOT NULL,                  -- ticks
    last_sequence INTEGER NOT NULL DEFAULT 0,        -- the newest change's number
    last_time     INTEGER NOT NULL DEFAULT 0         -- the newest change's time, in ticks
) STRICT;

CREATE TABLE risk_events (
    key                 INTEGER PRIMARY KEY,
    tenant              INTEGER NOT NULL,
    id                  TEXT    NOT NULL,
    kind                INTEGER NOT NULL, -- model::EventKind
    user_display_name   TEXT    NOT NULL,
    user_principal_name TEXT    NOT NULL,
    risk_event_date_time INTEGER NOT NULL,
    risk_event_type     TEXT    NOT NULL,
    risk_level          INTEGER NOT NULL,
    risk_event_status   INTEGER NOT NULL,
    closed_date_time    INTEGER,
    created_date_time   INTEGER NOT NULL,
    user_id             TEXT    NOT NULL,
    impacted_user       TEXT,
    version             INTEGER NOT NULL -- the number of its latest change
) STRICT;
CREATE UNIQUE INDEX risk_events_by_id ON risk_events (tenant, id);

CREATE TABLE users (
    key                  INTEGER PRIMARY KEY,
    tenant               INTEGER NOT NULL,
    id                   TEXT    NOT NULL,
    folded_name          TEXT    NOT NULL, -- userPrincipalName as it is compared
    account_enabled      INTEGER,
    business_phones      TEXT    NOT NULL, -- a JSON array
    created_date_time    INTEGER,
    department           TEXT,
    display_name         TEXT    NOT NULL,
    given_name           TEXT,
    job_title            TEXT,
    mail                 TEXT,
    mail_nickname        TEXT,
    mobile_phone         TEXT,
    office_location      TEXT,
    preferred_language   TEXT,
    surname              TEXT,
    usage_location       TEXT,
    user_principal_name  TEXT    NOT NULL,
    user_type            TEXT,
    version              INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX users_by_id ON users (tenant, id);
CREATE UNIQUE INDEX users_by_name ON users (tenant, folded_name);

-- Who did something; the change log names them by number.
CREATE TABLE actors (
    actor  INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    app    TEXT    NOT NULL,
    user   TEXT    NOT NULL DEFAULT '' -- '' when no person acted
) STRICT;
CREATE UNIQUE INDEX actors_by_name ON actors (tenant, app, user);

-- The change log: written in the transaction of the change itself. key = tenant * 2^40 + number.
CREATE TABLE changes (
    key        INTEGER PRIMARY KEY,
    entity_set INTEGER NOT NULL, -- model::ChangedSet
    id         TEXT    NOT NULL,
    kind       INTEGER NOT NULL, -- model::ChangeKind
    properties INTEGER NOT NULL, -- a bit for each property's position
    time       INTEGER NOT NULL, -- ticks, strictly increasing per tenant
    actor      INTEGER NOT NULL
) STRICT;

-- Counts that are kept, never scanned.
CREATE TABLE totals (
    tenant    INTEGER NOT NULL,
    subject   INTEGER NOT NULL, -- a kind of event, or users
    dimension INTEGER NOT NULL, -- all, by level, by status
    value     INTEGER NOT NULL,
    count     INTEGER NOT NULL,
    PRIMARY KEY (tenant, subject, dimension, value)
) STRICT, WITHOUT ROWID;

CREATE TABLE apps (
    id          TEXT    PRIMARY KEY, -- the client id, a GUID in lower case
    tenant      INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    permissions TEXT    NOT NULL,    -- names, separated by blanks
    created     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE app_secrets (
    app     TEXT    NOT NULL,
    id      TEXT    NOT NULL,
    sha256  BLOB    NOT NULL, -- of a secret with 256 random bits
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    PRIMARY KEY (app, id)
) STRICT, WITHOUT ROWID;

-- One row: grows with every change of tenants, apps and keys.
CREATE TABLE registry (epoch INTEGER NOT NULL) STRICT;
INSERT INTO registry VALUES (1);
