-- Seed rules: which rows branches with data start with, and how they are masked. A row never changes.
CREATE TABLE seed_rules (
    database_id TEXT NOT NULL REFERENCES databases (id),
    version     BIGINT NOT NULL CHECK (version > 0),
    -- The document (JSON); NULL: from this version on there are none.
    rules       TEXT,
    actor       TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (database_id, version)
);

-- Runs of rules on copies that nobody reaches. They outlive the branch: `branch_id` refers to nothing.
CREATE TABLE seed_rules_tests (
    id           TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    database_id  TEXT NOT NULL REFERENCES databases (id),
    branch_id    TEXT NOT NULL,
    branch_name  TEXT NOT NULL,
    -- NULL: a draft.
    version      BIGINT CHECK (version > 0),
    rules        TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('running', 'passed', 'failed')),
    -- JSON each: what was done to the tables, what does not fit.
    tables       TEXT,
    unfit        TEXT,
    failure      TEXT,
    actor        TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    completed_at BIGINT,
    CHECK ((state = 'running') = (completed_at IS NULL)),
    CHECK ((state = 'failed') = (failure IS NOT NULL))
);
CREATE INDEX seed_rules_tests_by_database ON seed_rules_tests (database_id, created_at);

ALTER TABLE databases ADD COLUMN require_seed_rules BOOLEAN NOT NULL DEFAULT FALSE CHECK (require_seed_rules IN (FALSE, TRUE));
-- What masks are keyed with: sealed with the master key, bound to the id; drawn with the first rules.
ALTER TABLE databases ADD COLUMN mask_secret TEXT;
-- With which rules it was made, and what they did (JSON); NULL without.
ALTER TABLE branches ADD COLUMN seeded TEXT;
