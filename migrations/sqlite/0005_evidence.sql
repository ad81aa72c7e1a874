-- What speaks for risk events (docs/api.md, "Evidence"): part of its event, and gone with it.

CREATE TABLE evidence (
    event               INTEGER NOT NULL, -- the key of the event
    number              INTEGER NOT NULL, -- its place among the event's, from 1: the id in text
    creation            INTEGER NOT NULL, -- the number of the change that made it
    version             INTEGER NOT NULL, -- the number of its latest change
    source              TEXT    NOT NULL,
    match_class         INTEGER NOT NULL, -- model::MatchClass
    matched_attribute   TEXT,
    matched_rule        TEXT,
    first_seen          INTEGER NOT NULL, -- ticks
    last_seen           INTEGER NOT NULL, -- ticks
    occurrences         INTEGER NOT NULL,
    PRIMARY KEY (event, number)
) STRICT, WITHOUT ROWID;

-- additionalInfo of the event's detection, rendered when evidence is written; NULL without any, so that
-- events without evidence cost nothing.
ALTER TABLE risk_events ADD COLUMN additional_info TEXT;
