-- The machines that hold volumes and run instances. One until there are several servers.
CREATE TABLE nodes (
    id         TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    pool_id    TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
