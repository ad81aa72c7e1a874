-- What lists, filters and counts need (docs/adr/0005-queries.md):
-- rendered members beside the columns, three indexes that end in riskEventDateTime, one over
-- createdDateTime, a dictionary of who events are about, and totals by level and status together.

-- Keys begin with tenant - 1 from now on: those of the first tenant, mostly the only one, are small
-- numbers then, which make small pages. 1099511627776 = 2^40.
UPDATE users SET key = key - 1099511627776;
UPDATE changes SET key = key - 1099511627776;

-- Who events are about. One index over (subject, time) then serves filters on userId as well as
-- those on userPrincipalName.
CREATE TABLE subjects (
    subject             INTEGER PRIMARY KEY,
    tenant              INTEGER NOT NULL,
    user_id             TEXT    NOT NULL,
    user_principal_name TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX subjects_by_user ON subjects (tenant, user_id, user_principal_name);
CREATE INDEX subjects_by_name ON subjects (tenant, user_principal_name);
INSERT INTO subjects (tenant, user_id, user_principal_name)
    SELECT DISTINCT tenant, user_id, user_principal_name FROM risk_events ORDER BY 1, 2, 3;

CREATE TABLE new_risk_events (
    key                 INTEGER PRIMARY KEY,
    tenant              INTEGER NOT NULL,
    kind                INTEGER NOT NULL, -- model::EventKind
    version             INTEGER NOT NULL, -- the number of its latest change
    members             TEXT    NOT NULL, -- all properties as JSON members, as answers have them
    id                  TEXT    NOT NULL,
    named               INTEGER NOT NULL, -- 0 when the id carries the key's number, else 1
    subject             INTEGER NOT NULL, -- of subjects: user_id and user_principal_name
    user_display_name   TEXT    NOT NULL,
    user_principal_name TEXT    NOT NULL,
    risk_event_date_time INTEGER NOT NULL,
    risk_event_type     TEXT    NOT NULL,
    risk_level          INTEGER NOT NULL,
    risk_event_status   INTEGER NOT NULL,
    closed_date_time    INTEGER,
    created_date_time   INTEGER NOT NULL,
    user_id             TEXT    NOT NULL,
    impacted_user       TEXT
) STRICT;
-- event_members is the program's own rendering, known to the connection that migrates.
INSERT INTO new_risk_events
    SELECT e.key - 1099511627776, e.tenant, e.kind, e.version,
           event_members(e.id, e.user_display_name, e.user_principal_name, e.risk_event_date_time,
                         e.risk_event_type, e.risk_level, e.risk_event_status, e.closed_date_time,
                         e.created_date_time, e.user_id),
           e.id, 1, s.subject, e.user_display_name, e.user_principal_name, e.risk_event_date_time,
           e.risk_event_type, e.risk_level, e.risk_event_status, e.closed_date_time,
           e.created_date_time, e.user_id, e.impacted_user
    FROM risk_events AS e CROSS JOIN subjects AS s
    WHERE s.tenant = e.tenant AND s.user_id = e.user_id AND s.user_principal_name = e.user_principal_name
    ORDER BY e.key;
DROP TABLE risk_events;
ALTER TABLE new_risk_events RENAME TO risk_events;

-- Only ids that do not lead to their row by themselves.
CREATE UNIQUE INDEX risk_events_by_id ON risk_events (tenant, id) WHERE named = 1;
CREATE INDEX risk_events_by_subject ON risk_events (subject, risk_event_date_time);
CREATE INDEX risk_events_by_level ON risk_events (tenant, risk_level, risk_event_date_time);
CREATE INDEX risk_events_by_status ON risk_events (tenant, risk_event_status, risk_event_date_time);
CREATE INDEX risk_events_by_creation ON risk_events (tenant, created_date_time);

DROP TABLE totals;
CREATE TABLE totals (
    tenant            INTEGER NOT NULL,
    subject           INTEGER NOT NULL, -- a kind of event, or users
    risk_level        INTEGER NOT NULL, -- 0 for users
    risk_event_status INTEGER NOT NULL, -- 0 for users
    count             INTEGER NOT NULL,
    PRIMARY KEY (tenant, subject, risk_level, risk_event_status)
) STRICT, WITHOUT ROWID;
INSERT INTO totals
    SELECT tenant, kind, risk_level, risk_event_status, count(*) FROM risk_events GROUP BY 1, 2, 3, 4;
INSERT INTO totals SELECT tenant, 1000, 0, 0, count(*) FROM users GROUP BY 1;
