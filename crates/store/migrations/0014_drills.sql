-- Restore drills. Their results outlive the backup and the branch: they refer to neither.
CREATE TABLE drills (
    id           TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    database_id  TEXT NOT NULL REFERENCES databases (id),
    branch_id    TEXT NOT NULL,
    branch_name  TEXT NOT NULL,
    backup_id    TEXT NOT NULL,
    backup_name  TEXT NOT NULL,
    policy_id    TEXT,
    state        TEXT NOT NULL CHECK (state IN ('pending', 'running', 'success', 'failed', 'error')),
    -- JSON each: what the backup held when it was made, what was found, in which sentences they differ.
    expected     TEXT NOT NULL,
    found        TEXT,
    differences  TEXT,
    failure      TEXT,
    -- In microseconds.
    restored_in  BIGINT CHECK (restored_in >= 0),
    actor        TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    started_at   BIGINT,
    completed_at BIGINT,
    CHECK ((state IN ('failed', 'error')) = (failure IS NOT NULL)),
    CHECK ((state IN ('pending', 'running')) = (completed_at IS NULL))
);
CREATE INDEX drills_by_database ON drills (database_id, created_at);
CREATE INDEX drills_by_backup ON drills (backup_id, created_at);
CREATE INDEX drills_by_policy ON drills (policy_id, created_at);
CREATE INDEX drills_by_state ON drills (state, completed_at);

-- What the last drill found that came to a result (JSON), and whether it was bad.
ALTER TABLE backups ADD COLUMN drilled TEXT;
ALTER TABLE backups ADD COLUMN damaged BOOLEAN NOT NULL DEFAULT FALSE CHECK (damaged IN (FALSE, TRUE));
ALTER TABLE branches ADD COLUMN drilled TEXT;
