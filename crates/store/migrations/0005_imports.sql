-- Times in which a branch is filled from outside. `live_branch_id` is the branch until the import
-- has ended: a branch has one at a time.
CREATE TABLE imports (
    id             TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    branch_id      TEXT NOT NULL REFERENCES branches (id),
    live_branch_id TEXT UNIQUE,
    snapshot_id    TEXT NOT NULL,
    state          TEXT NOT NULL CHECK (state IN ('pending', 'open', 'completed', 'reverting', 'reverted')),
    ttl            BIGINT NOT NULL CHECK (ttl > 0),
    expires_at     BIGINT NOT NULL,
    actor          TEXT NOT NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    CHECK (live_branch_id IS NULL OR live_branch_id = branch_id),
    CHECK ((state IN ('completed', 'reverted')) = (live_branch_id IS NULL))
);
CREATE INDEX imports_by_branch ON imports (branch_id);
