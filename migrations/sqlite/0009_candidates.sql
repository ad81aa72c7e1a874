-- Candidates (docs/adr/0011-verification-queue.md): passwords that wait to be checked against slow verifiers, and those
-- that are kept for users who come later. Both are sealed under a key that is not in here.

-- 1 while the finding waits for its candidate: then it is none of what the job has found.
ALTER TABLE found_credentials ADD COLUMN pending INTEGER NOT NULL DEFAULT 0;
CREATE INDEX found_credentials_pending ON found_credentials (tenant, user_id, fingerprint) WHERE pending = 1;
CREATE INDEX found_credentials_pending_of_job ON found_credentials (tenant, job) WHERE pending = 1;

-- Jobs that wait for workers.
CREATE INDEX jobs_waiting ON jobs (tenant, number) WHERE state = 6;

CREATE TABLE candidates (
    tenant         INTEGER NOT NULL,
    user_id        TEXT    NOT NULL,
    fingerprint    BLOB    NOT NULL,
    priority       INTEGER NOT NULL, -- the greater, the earlier
    sealed         BLOB,             -- NULL once it is decided
    claim          TEXT,             -- what tells the worker's claim from others
    holder         TEXT,             -- the worker, for people
    lease          INTEGER,          -- ticks: until when the worker is taken to be alive
    attempts       INTEGER NOT NULL,
    judged         INTEGER,          -- the number of the newest verifiers that it was last decided against
    account_source TEXT,             -- with the next two: the verifiers that proved it
    account_key    TEXT,
    verifiers      INTEGER,
    as_of          INTEGER NOT NULL, -- ticks
    message        TEXT,             -- why it was given back, or could not be decided
    PRIMARY KEY (tenant, user_id, fingerprint)
) STRICT, WITHOUT ROWID;
CREATE INDEX candidates_waiting ON candidates (tenant, priority DESC, user_id, fingerprint) WHERE sealed IS NOT NULL;
CREATE INDEX candidates_claimed ON candidates (tenant, lease) WHERE lease IS NOT NULL;

CREATE TABLE retained_candidates (
    tenant     INTEGER NOT NULL,
    name       BLOB    NOT NULL, -- an HMAC
    credential BLOB    NOT NULL, -- an HMAC
    expires    INTEGER NOT NULL, -- ticks
    sealed     BLOB    NOT NULL,
    PRIMARY KEY (tenant, name, credential)
) STRICT, WITHOUT ROWID;
CREATE INDEX retained_candidates_by_end ON retained_candidates (tenant, expires);
