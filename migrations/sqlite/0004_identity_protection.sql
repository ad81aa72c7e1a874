-- Today's API over the same events (docs/adr/0006-one-domain-three-views.md): what brought each risk to where
-- it stands, users at risk with what their events add up to, and their history, which is told by the
-- change log itself.

ALTER TABLE risk_events ADD COLUMN risk_detail INTEGER NOT NULL DEFAULT 0; -- model::RiskDetail
UPDATE risk_events SET risk_detail =
    CASE risk_event_status WHEN 1 THEN 3 WHEN 2 THEN 1 WHEN 3 THEN 17 WHEN 4 THEN 7 WHEN 6 THEN 6 ELSE 0 END
    WHERE risk_event_status IN (1, 2, 3, 4, 6);
-- The time of the latest change, which detections show.
ALTER TABLE risk_events ADD COLUMN last_updated_date_time INTEGER NOT NULL DEFAULT 0;
UPDATE risk_events SET last_updated_date_time =
    (SELECT c.time FROM changes AS c WHERE c.key = (risk_events.key / 1099511627776) * 1099511627776 + version);

-- Detections of events whose ids do not lead back by themselves.
CREATE TABLE detections (
    key    INTEGER PRIMARY KEY, -- the event's
    tenant INTEGER NOT NULL,
    id     TEXT    NOT NULL     -- the detection's
) STRICT;
INSERT INTO detections
    SELECT key, tenant, spillwatch_detection_id(id) FROM risk_events
    WHERE named = 1 AND spillwatch_detection_is_kept(id);
CREATE UNIQUE INDEX detections_by_id ON detections (tenant, id);

CREATE TABLE risky_users (
    key                         INTEGER PRIMARY KEY, -- that of the change that made it
    tenant                      INTEGER NOT NULL,
    user_id                     TEXT    NOT NULL,
    user_display_name           TEXT    NOT NULL,
    user_principal_name         TEXT    NOT NULL,
    is_known                    INTEGER NOT NULL, -- the directory knows the user, or did
    is_deleted                  INTEGER NOT NULL,
    names_are_told              INTEGER NOT NULL, -- by the history
    version                     INTEGER NOT NULL, -- the number of its latest change
    newest                      INTEGER,          -- the number of the newest item of its history
    risk_last_updated_date_time INTEGER NOT NULL,
    risk_level                  INTEGER NOT NULL,
    risk_state                  INTEGER NOT NULL, -- model::RiskState
    risk_detail                 INTEGER NOT NULL,
    closed_state                INTEGER NOT NULL, -- where the last event that was closed left it
    closed_detail               INTEGER NOT NULL,
    events                      INTEGER NOT NULL, -- open and closed
    open_low                    INTEGER NOT NULL,
    open_medium                 INTEGER NOT NULL,
    open_high                   INTEGER NOT NULL,
    open_hidden                 INTEGER NOT NULL,
    open_none                   INTEGER NOT NULL,
    open_unknown                INTEGER NOT NULL,
    open_confirmed              INTEGER NOT NULL
) STRICT;

-- History begins with this version: what happened before is in the sums, not in the items.
INSERT INTO risky_users
    WITH sums AS (
        SELECT tenant, user_id, max(key) AS last, max(version) AS version, count(*) AS events,
               sum(risk_event_status IN (0, 5) AND risk_level = 0) AS open_low,
               sum(risk_event_status IN (0, 5) AND risk_level = 1) AS open_medium,
               sum(risk_event_status IN (0, 5) AND risk_level = 2) AS open_high,
               sum(risk_event_status IN (0, 5) AND risk_level = 3) AS open_hidden,
               sum(risk_event_status IN (0, 5) AND risk_level = 4) AS open_none,
               sum(risk_event_status IN (0, 5) AND risk_level = 5) AS open_unknown
        FROM risk_events GROUP BY tenant, user_id
    ), closed AS ( -- one max() alone: the other columns are those of its row
        SELECT tenant, user_id, max(version), risk_event_status AS status, risk_detail AS detail
        FROM risk_events WHERE risk_event_status NOT IN (0, 5) GROUP BY tenant, user_id
    ), states AS (
        SELECT sums.*, coalesce(closed.detail, 0) AS closed_detail,
               CASE closed.status WHEN 3 THEN 1 WHEN 1 THEN 2 WHEN 2 THEN 2 WHEN 6 THEN 2 WHEN 4 THEN 3 WHEN 7 THEN 3
                   ELSE 0 END AS closed_state,
               open_low + open_medium + open_high + open_hidden + open_none + open_unknown > 0 AS is_open
        FROM sums LEFT JOIN closed USING (tenant, user_id)
    )
    SELECT s.last, s.tenant, s.user_id, coalesce(u.display_name, e.user_display_name),
           coalesce(u.user_principal_name, e.user_principal_name), u.key IS NOT NULL, 0, 0, s.version, NULL,
           c.time,
           CASE WHEN open_high > 0 THEN 2 WHEN open_medium > 0 THEN 1 WHEN open_low > 0 THEN 0
               WHEN open_unknown > 0 THEN 5 WHEN open_none > 0 THEN 4 WHEN open_hidden > 0 THEN 3 ELSE 4 END,
           CASE WHEN is_open THEN 4 ELSE closed_state END,
           CASE WHEN is_open THEN 0 ELSE closed_detail END,
           closed_state, closed_detail, events, open_low, open_medium, open_high, open_hidden, open_none,
           open_unknown, 0
    FROM states AS s
    JOIN risk_events AS e ON e.key = s.last
    JOIN changes AS c ON c.key = (s.tenant - 1) * 1099511627776 + s.version
    LEFT JOIN users AS u ON u.tenant = s.tenant AND u.id = s.user_id
    ORDER BY s.last;

CREATE UNIQUE INDEX risky_users_by_id ON risky_users (tenant, user_id);
CREATE INDEX risky_users_by_name ON risky_users (tenant, user_principal_name);
CREATE INDEX risky_users_by_state ON risky_users (tenant, risk_state, risk_level);

INSERT INTO totals SELECT tenant, 1001, risk_level, risk_state, count(*) FROM risky_users GROUP BY 1, 3, 4;

-- The user at risk that a change is about, and, where it is an item of the history, how the risk stands
-- since then. Items of a user are chained from the newest on.
ALTER TABLE changes ADD COLUMN risky_user INTEGER; -- the key
ALTER TABLE changes ADD COLUMN previous INTEGER;   -- the number of the user's item before
ALTER TABLE changes ADD COLUMN risk_level INTEGER;
ALTER TABLE changes ADD COLUMN risk_state INTEGER;
ALTER TABLE changes ADD COLUMN risk_detail INTEGER;
ALTER TABLE changes ADD COLUMN is_deleted INTEGER;
ALTER TABLE changes ADD COLUMN activity_detail INTEGER;
ALTER TABLE changes ADD COLUMN risk_event_type TEXT; -- '' is leakedCredentials, which nearly all are
ALTER TABLE changes ADD COLUMN user_display_name TEXT; -- names, where they are others than at the item before
ALTER TABLE changes ADD COLUMN user_principal_name TEXT;

-- The key of the event that a change is about, where it is not the change's own: so a walk along the log
-- meets events in the order in which they were last written.
ALTER TABLE changes ADD COLUMN event INTEGER;
UPDATE changes SET event = coalesce(
    (SELECT e.key FROM risk_events AS e
     WHERE e.key = (changes.key / 1099511627776) * 1099511627776 + spillwatch_change_number(changes.id)
           AND e.id = changes.id),
    (SELECT e.key FROM risk_events AS e
     WHERE e.tenant = changes.key / 1099511627776 + 1 AND e.id = changes.id AND e.named = 1))
    WHERE entity_set = 1 AND kind = 2;
