-- Candidates (docs/adr/0011-verification-queue.md): passwords that wait to be checked against slow verifiers, and those
-- that are kept for users who come later. Both are sealed under a key that is not in here. It expands only: nodes of the
-- version before go on writing.

-- 1 while the finding waits for its candidate: then it is none of what the job has found.
ALTER TABLE found_credentials ADD COLUMN pending BIGINT NOT NULL DEFAULT 0;
CREATE INDEX found_credentials_pending ON found_credentials (tenant, user_id, fingerprint) WHERE pending = 1;
CREATE INDEX found_credentials_pending_of_job ON found_credentials (tenant, job) WHERE pending = 1;

-- Jobs that wait for workers.
CREATE INDEX jobs_waiting ON jobs (tenant, number) WHERE state = 6;

CREATE TABLE candidates (
    tenant         BIGINT NOT NULL,
    user_id        TEXT COLLATE "C" NOT NULL,
    fingerprint    BYTEA  NOT NULL,
    priority       BIGINT NOT NULL,  -- the greater, the earlier
    sealed         BYTEA,            -- NULL once it is decided
    claim          TEXT COLLATE "C", -- what tells the worker's claim from others
    holder         TEXT COLLATE "C", -- the worker, for people
    lease          BIGINT,           -- ticks: until when the worker is taken to be alive
    attempts       BIGINT NOT NULL,
    judged         BIGINT,           -- the number of the newest verifiers that it was last decided against
    account_source TEXT COLLATE "C", -- with the next two: the verifiers that proved it
    account_key    TEXT COLLATE "C",
    verifiers      BIGINT,
    as_of          BIGINT NOT NULL,  -- ticks
    message        TEXT COLLATE "C", -- why it was given back, or could not be decided
    PRIMARY KEY (tenant, user_id, fingerprint)
);
CREATE INDEX candidates_waiting ON candidates (tenant, priority DESC, user_id, fingerprint) WHERE sealed IS NOT NULL;
CREATE INDEX candidates_claimed ON candidates (tenant, lease) WHERE lease IS NOT NULL;

CREATE TABLE retained_candidates (
    tenant     BIGINT NOT NULL,
    name       BYTEA  NOT NULL, -- an HMAC
    credential BYTEA  NOT NULL, -- an HMAC
    expires    BIGINT NOT NULL, -- ticks
    sealed     BYTEA  NOT NULL,
    PRIMARY KEY (tenant, name, credential)
);
CREATE INDEX retained_candidates_by_end ON retained_candidates (tenant, expires);
