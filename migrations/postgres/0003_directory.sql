-- Imported directories and jobs (docs/adr/0008-directory-and-jobs.md): accounts of users in each source, their sealed
-- verifiers, jobs, what jobs found and what they changed. It expands only: nodes of the version before go on writing.

CREATE TABLE accounts (
    tenant           BIGINT  NOT NULL,
    source           TEXT COLLATE "C" NOT NULL, -- the directory, as the operator calls it
    key              TEXT COLLATE "C" NOT NULL, -- the user's key in it
    user_id          TEXT COLLATE "C" NOT NULL,
    names            TEXT COLLATE "C" NOT NULL, -- JSON: pairs of attribute and value
    is_administrator BOOLEAN NOT NULL,
    verifiers        BIGINT,           -- the number of those that are the user's now
    verifier_tag     BYTEA,            -- an HMAC that tells them from others
    is_outdated      BOOLEAN NOT NULL, -- the verifiers are others since open events were raised
    version          BIGINT  NOT NULL, -- the number of its latest change
    PRIMARY KEY (tenant, source, key)
);
CREATE INDEX accounts_by_user ON accounts (tenant, user_id);
CREATE INDEX accounts_outdated ON accounts (tenant, source, key) WHERE is_outdated;

-- Apart from the accounts, so that nothing but the code that checks passwords reads them. The key of the seal is not
-- in the database.
CREATE TABLE verifiers (
    tenant  BIGINT NOT NULL,
    number  BIGINT NOT NULL, -- of the change that wrote them
    source  TEXT COLLATE "C" NOT NULL, -- with key: the account that they were written for
    key     TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    sealed  BYTEA  NOT NULL,
    PRIMARY KEY (tenant, number)
);
CREATE INDEX verifiers_by_user ON verifiers (tenant, user_id);

CREATE TABLE jobs (
    tenant     BIGINT NOT NULL,
    number     BIGINT NOT NULL, -- of the change that made it
    id         TEXT COLLATE "C" NOT NULL,
    kind       BIGINT NOT NULL, -- model::JobKind
    state      BIGINT NOT NULL, -- model::JobState
    created    BIGINT NOT NULL, -- ticks
    ended      BIGINT,          -- ticks
    lease      BIGINT,          -- ticks: until when its process is taken to be alive
    parameters TEXT COLLATE "C" NOT NULL, -- a JSON object
    progress   TEXT COLLATE "C" NOT NULL, -- a JSON object
    message    TEXT COLLATE "C",
    version    BIGINT NOT NULL, -- the number of its latest change
    PRIMARY KEY (tenant, number)
);
CREATE UNIQUE INDEX jobs_by_id ON jobs (tenant, id);

-- How things were before a job first changed them, so that it can be undone.
CREATE TABLE job_records (
    tenant   BIGINT NOT NULL,
    job      BIGINT NOT NULL, -- the job's number
    kind     BIGINT NOT NULL, -- 1 an event, 2 an account, 3 a user: the order of undoing
    source   TEXT COLLATE "C" NOT NULL, -- of an account; else ''
    id       TEXT COLLATE "C" NOT NULL, -- the event's or the user's id, or the account's key
    sequence BIGINT NOT NULL, -- of the job's latest change of it, or of the one that put it back as the job had left it
    is_gone  BOOLEAN NOT NULL, -- that change took it away
    user_id  TEXT COLLATE "C", -- of an account that was there: whose it was
    image    TEXT COLLATE "C" NOT NULL, -- JSON: how it was
    PRIMARY KEY (tenant, job, kind, source, id)
);
CREATE INDEX job_records_by_subject ON job_records (tenant, kind, source, id);
CREATE INDEX job_records_by_user ON job_records (tenant, user_id) WHERE user_id IS NOT NULL;

-- Credentials that jobs found: no secret, the fingerprint is an HMAC.
CREATE TABLE found_credentials (
    tenant            BIGINT NOT NULL,
    job               BIGINT NOT NULL, -- the job's number
    user_id           TEXT COLLATE "C" NOT NULL,
    fingerprint       BYTEA  NOT NULL,
    source            TEXT COLLATE "C" NOT NULL,
    match_class       BIGINT NOT NULL, -- model::MatchClass
    matched_attribute TEXT COLLATE "C" NOT NULL, -- '' for none, as the next one
    matched_rule      TEXT COLLATE "C" NOT NULL,
    account_source    TEXT COLLATE "C", -- with the next two: the verifiers that proved it
    account_key       TEXT COLLATE "C",
    verifiers         BIGINT,
    as_of             BIGINT NOT NULL, -- ticks, as the next ones
    leaked            BIGINT,
    first_seen        BIGINT NOT NULL,
    last_seen         BIGINT NOT NULL,
    occurrences       BIGINT NOT NULL,
    PRIMARY KEY (tenant, job, user_id, fingerprint, source, match_class, matched_attribute, matched_rule)
);
CREATE INDEX found_credentials_by_user ON found_credentials (tenant, user_id);

ALTER TABLE evidence ADD COLUMN account_enabled BOOLEAN;
