-- Archived binlogs. A history outlives its branch and its volume: it refers to neither.
CREATE TABLE binlog_histories (
    id          TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    branch_id   TEXT NOT NULL,
    volume_id   TEXT NOT NULL,
    engine      TEXT NOT NULL,
    -- GTID sets: what is before the first segment, and up to the end of the last.
    before_gtids   TEXT NOT NULL,
    archived_gtids TEXT NOT NULL,
    -- JSON: where the archive goes on.
    mark        TEXT NOT NULL,
    next_number BIGINT NOT NULL CHECK (next_number >= 0),
    started_at  BIGINT NOT NULL,
    complete_at BIGINT NOT NULL,
    ended_at    BIGINT
);
CREATE INDEX binlog_histories_by_branch ON binlog_histories (branch_id, started_at);

CREATE TABLE binlog_segments (
    history_id   TEXT NOT NULL REFERENCES binlog_histories (id),
    number       BIGINT NOT NULL CHECK (number >= 0),
    file         TEXT NOT NULL,
    from_offset  BIGINT NOT NULL CHECK (from_offset >= 0),
    to_offset    BIGINT NOT NULL CHECK (to_offset > from_offset),
    whole        BOOLEAN NOT NULL CHECK (whole IN (FALSE, TRUE)),
    transactions BIGINT NOT NULL CHECK (transactions >= 0),
    gtids        TEXT NOT NULL,
    first_gtid   TEXT,
    first_at     BIGINT,
    last_gtid    TEXT,
    last_at      BIGINT,
    object       TEXT NOT NULL,
    checksum     TEXT NOT NULL CHECK (length(checksum) = 64),
    archived_at  BIGINT NOT NULL,
    PRIMARY KEY (history_id, number)
);
