-- Backups outlive the branch they were made of: `branch_id` refers to nothing.
CREATE TABLE backups (
    id           TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    database_id  TEXT NOT NULL REFERENCES databases (id),
    branch_id    TEXT NOT NULL,
    branch_name  TEXT NOT NULL,
    production   BOOLEAN NOT NULL CHECK (production IN (FALSE, TRUE)),
    name         TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('pending', 'running', 'success', 'failed')),
    engine       TEXT NOT NULL,
    snapshot_id  TEXT NOT NULL,
    -- JSON each: how it was copied, up to where, what was found in it.
    copied       TEXT,
    position     TEXT,
    examined     TEXT,
    verified_at  BIGINT,
    failure      TEXT,
    size         BIGINT NOT NULL CHECK (size >= 0),
    protected    BOOLEAN NOT NULL CHECK (protected IN (FALSE, TRUE)),
    required     BOOLEAN NOT NULL CHECK (required IN (FALSE, TRUE)),
    policy_id    TEXT,
    actor        TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    started_at   BIGINT,
    completed_at BIGINT,
    expires_at   BIGINT,
    CHECK ((state = 'success') = (verified_at IS NOT NULL)),
    CHECK ((state = 'failed') = (failure IS NOT NULL))
);
CREATE INDEX backups_by_branch ON backups (branch_id, state, created_at);
CREATE INDEX backups_by_database ON backups (database_id, created_at);
CREATE INDEX backups_by_expiry ON backups (expires_at);

ALTER TABLE databases ADD COLUMN allow_data_branching BOOLEAN NOT NULL DEFAULT TRUE CHECK (allow_data_branching IN (FALSE, TRUE));

-- The check of a column cannot be widened: the column is made anew.
ALTER TABLE branches ADD COLUMN seed_kind TEXT NOT NULL DEFAULT 'schema' CHECK (seed_kind IN ('empty', 'schema', 'backup', 'live', 'point_in_time'));
UPDATE branches SET seed_kind = seed;
ALTER TABLE branches DROP COLUMN seed;
ALTER TABLE branches RENAME COLUMN seed_kind TO seed;
-- Where its data came from (JSON).
ALTER TABLE branches ADD COLUMN origin TEXT;
