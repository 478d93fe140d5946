-- Shadows of production branches. Its volume and instance are drawn anew each time that it is made: it
-- refers to neither. Backup and history may go before it.
CREATE TABLE shadows (
    branch_id      TEXT NOT NULL PRIMARY KEY REFERENCES branches (id),
    volume_id      TEXT NOT NULL CHECK (length(volume_id) = 12),
    instance_id    TEXT NOT NULL CHECK (length(instance_id) = 12),
    -- The branch's volume that it is a copy of.
    source_id      TEXT NOT NULL CHECK (length(source_id) = 12),
    state          TEXT NOT NULL CHECK (state IN ('making', 'catching_up', 'following', 'broken')),
    reason         TEXT,
    -- In microseconds; NULL: continuously.
    every          BIGINT CHECK (every > 0),
    -- JSON.
    position       TEXT,
    history_id     TEXT,
    next_number    BIGINT NOT NULL CHECK (next_number >= 0),
    complete_at    BIGINT,
    fed_at         BIGINT,
    opened         BOOLEAN NOT NULL CHECK (opened IN (FALSE, TRUE)),
    backup_id      TEXT,
    method         TEXT CHECK (method IN ('asleep', 'frozen', 'hot_copy')),
    made_at        BIGINT,
    failures       BIGINT NOT NULL CHECK (failures >= 0),
    retry_at       BIGINT,
    copies         BIGINT NOT NULL CHECK (copies >= 0),
    copied_at      BIGINT,
    passed_over_at BIGINT,
    passed_over    TEXT,
    actor          TEXT NOT NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    CHECK (state <> 'broken' OR (reason IS NOT NULL AND retry_at IS NOT NULL)),
    CHECK (state NOT IN ('catching_up', 'following') OR (position IS NOT NULL AND made_at IS NOT NULL))
);
