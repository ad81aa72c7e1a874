-- Imported directories and jobs (docs/adr/0008-directory-and-jobs.md): accounts of users in each source, their sealed
-- verifiers, jobs, what jobs found and what they changed.

CREATE TABLE accounts (
    tenant           INTEGER NOT NULL,
    source           TEXT    NOT NULL, -- the directory, as the operator calls it
    key              TEXT    NOT NULL, -- the user's key in it
    user_id          TEXT    NOT NULL,
    names            TEXT    NOT NULL, -- JSON: pairs of attribute and value
    is_administrator INTEGER NOT NULL,
    verifiers        INTEGER,          -- the number of those that are the user's now
    verifier_tag     BLOB,             -- an HMAC that tells them from others
    is_outdated      INTEGER NOT NULL, -- the verifiers are others since open events were raised
    version          INTEGER NOT NULL, -- the number of its latest change
    PRIMARY KEY (tenant, source, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX accounts_by_user ON accounts (tenant, user_id);
CREATE INDEX accounts_outdated ON accounts (tenant, source, key) WHERE is_outdated = 1;

-- Apart from the accounts, so that nothing but the code that checks passwords reads them. The key of the seal is not
-- in the store.
CREATE TABLE verifiers (
    tenant  INTEGER NOT NULL,
    number  INTEGER NOT NULL, -- of the change that wrote them
    source  TEXT    NOT NULL, -- with key: the account that they were written for
    key     TEXT    NOT NULL,
    user_id TEXT    NOT NULL,
    sealed  BLOB    NOT NULL,
    PRIMARY KEY (tenant, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX verifiers_by_user ON verifiers (tenant, user_id);

CREATE TABLE jobs (
    tenant     INTEGER NOT NULL,
    number     INTEGER NOT NULL, -- of the change that made it
    id         TEXT    NOT NULL,
    kind       INTEGER NOT NULL, -- model::JobKind
    state      INTEGER NOT NULL, -- model::JobState
    created    INTEGER NOT NULL, -- ticks
    ended      INTEGER,          -- ticks
    lease      INTEGER,          -- ticks: until when its process is taken to be alive
    parameters TEXT    NOT NULL, -- a JSON object
    progress   TEXT    NOT NULL, -- a JSON object
    message    TEXT,
    version    INTEGER NOT NULL, -- the number of its latest change
    PRIMARY KEY (tenant, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX jobs_by_id ON jobs (tenant, id);

-- How things were before a job first changed them, so that it can be undone.
CREATE TABLE job_records (
    tenant   INTEGER NOT NULL,
    job      INTEGER NOT NULL, -- the job's number
    kind     INTEGER NOT NULL, -- 1 an event, 2 an account, 3 a user: the order of undoing
    source   TEXT    NOT NULL, -- of an account; else ''
    id       TEXT    NOT NULL, -- the event's or the user's id, or the account's key
    sequence INTEGER NOT NULL, -- of the job's latest change of it, or of the one that put it back as the job had left it
    is_gone  INTEGER NOT NULL, -- that change took it away
    user_id  TEXT,             -- of an account that was there: whose it was
    image    TEXT    NOT NULL, -- JSON: how it was
    PRIMARY KEY (tenant, job, kind, source, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_records_by_subject ON job_records (tenant, kind, source, id);
CREATE INDEX job_records_by_user ON job_records (tenant, user_id) WHERE user_id IS NOT NULL;

-- Credentials that jobs found: no secret, the fingerprint is an HMAC.
CREATE TABLE found_credentials (
    tenant            INTEGER NOT NULL,
    job               INTEGER NOT NULL, -- the job's number
    user_id           TEXT    NOT NULL,
    fingerprint       BLOB    NOT NULL,
    source            TEXT    NOT NULL,
    match_class       INTEGER NOT NULL, -- model::MatchClass
    matched_attribute TEXT    NOT NULL, -- '' for none, as the next one
    matched_rule      TEXT    NOT NULL,
    account_source    TEXT,             -- with the next two: the verifiers that proved it
    account_key       TEXT,
    verifiers         INTEGER,
    as_of             INTEGER NOT NULL, -- ticks, as the next ones
    leaked            INTEGER,
    first_seen        INTEGER NOT NULL,
    last_seen         INTEGER NOT NULL,
    occurrences       INTEGER NOT NULL,
    PRIMARY KEY (tenant, job, user_id, fingerprint, source, match_class, matched_attribute, matched_rule)
) STRICT, WITHOUT ROWID;
CREATE INDEX found_credentials_by_user ON found_credentials (tenant, user_id);

ALTER TABLE evidence ADD COLUMN account_enabled INTEGER;
