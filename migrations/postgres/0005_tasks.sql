-- Pieces of jobs' work that any process may do (docs/adr/0009-tasks.md).

CREATE TABLE tasks (
    tenant   BIGINT NOT NULL,
    job      BIGINT NOT NULL, -- the job's number
    number   BIGINT NOT NULL, -- from 0
    kind     BIGINT NOT NULL, -- model::TaskKind
    priority BIGINT NOT NULL, -- the greater, the earlier
    state    BIGINT NOT NULL, -- model::TaskState
    payload  TEXT COLLATE "C" NOT NULL, -- a JSON object
    claim    TEXT COLLATE "C", -- what tells the worker's claim from others
    holder   TEXT COLLATE "C", -- the worker, for people
    lease    BIGINT,           -- ticks: until when the worker is taken to be alive
    attempts BIGINT NOT NULL,
    result   TEXT COLLATE "C", -- a JSON object
    message  TEXT COLLATE "C",
    PRIMARY KEY (tenant, job, number)
);
CREATE INDEX tasks_open ON tasks (tenant, kind, priority DESC, job, number) WHERE state < 3;
