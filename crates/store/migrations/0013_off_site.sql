-- Copies of backups in a store elsewhere. A copy that is being removed outlives its backup:
-- `backup_id` refers to nothing.
CREATE TABLE off_site_copies (
    backup_id   TEXT NOT NULL PRIMARY KEY CHECK (length(backup_id) = 12),
    store       TEXT NOT NULL,
    key_id      TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('pending', 'running', 'exported', 'failed', 'deleting')),
    bytes       BIGINT NOT NULL CHECK (bytes >= 0),
    stored      BIGINT NOT NULL CHECK (stored >= 0),
    attempts    BIGINT NOT NULL CHECK (attempts >= 0),
    failure     TEXT,
    retry_at    BIGINT,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    exported_at BIGINT,
    CHECK (state <> 'exported' OR exported_at IS NOT NULL),
    CHECK (state <> 'failed' OR (failure IS NOT NULL AND retry_at IS NOT NULL))
);

-- The backup of whose copy it was made.
ALTER TABLE backups ADD COLUMN imported_from TEXT;
