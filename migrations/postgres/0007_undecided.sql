-- Findings whose candidate could not be checked have 2 in `pending` (docs/adr/0011-verification-queue.md): they are none of
-- what the job has found, and are counted until somebody decides them. It expands only: the version before deletes them.
CREATE INDEX found_credentials_undecided ON found_credentials (tenant, job) WHERE pending = 2;
