-- Pieces of jobs' work that any process may do (docs/adr/0009-tasks.md).

CREATE TABLE tasks (
    tenant   INTEGER NOT NULL,
    job      INTEGER NOT NULL, -- the job's number
    number   INTEGER NOT NULL, -- from 0
    kind     INTEGER NOT NULL, -- model::TaskKind
    priority INTEGER NOT NULL, -- the greater, the earlier
    state    INTEGER NOT NULL, -- model::TaskState
    payload  TEXT    NOT NULL, -- a JSON object
    claim    TEXT,             -- what tells the worker's claim from others
    holder   TEXT,             -- the worker, for people
    lease    INTEGER,          -- ticks: until when the worker is taken to be alive
    attempts INTEGER NOT NULL,
    result   TEXT,             -- a JSON object
    message  TEXT,
    PRIMARY KEY (tenant, job, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX tasks_open ON tasks (tenant, kind, priority DESC, job, number) WHERE state < 3;
