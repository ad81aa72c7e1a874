-- Requests that may be sent again (OASIS Repeatable Requests 1.0), written in the transaction of what
-- they did. key = (tenant - 1) * 2^40 + a number that grows with each, so that a tenant's oldest lie first
-- and are the first to be forgotten.

CREATE TABLE repeatable_requests (
    key        INTEGER PRIMARY KEY,
    tenant     INTEGER NOT NULL,
    actor      INTEGER NOT NULL, -- who sent it: nobody else's request is answered with it
    request_id TEXT    NOT NULL,
    first_sent INTEGER NOT NULL, -- ticks
    expires    INTEGER NOT NULL, -- ticks: when it may be forgotten
    digest     BLOB    NOT NULL, -- HMAC-SHA256 of the request, under a key that is not in the store
    outcomes   TEXT    NOT NULL  -- JSON: the entities as they were then
) STRICT;
CREATE UNIQUE INDEX repeatable_requests_by_id ON repeatable_requests (tenant, actor, request_id);

-- The latest time at which a request was first sent that is no longer remembered: what the actor sent
-- up to then is refused.
ALTER TABLE actors ADD COLUMN forgotten INTEGER;
