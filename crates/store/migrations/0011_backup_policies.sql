-- Which branches of a database are backed up when, and how often the newest backup is restored.
-- `required_database_id` is the database of the one policy that it cannot be without.
CREATE TABLE backup_policies (
    id                   TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    database_id          TEXT NOT NULL REFERENCES databases (id),
    required_database_id TEXT UNIQUE,
    name                 TEXT NOT NULL,
    target               TEXT NOT NULL CHECK (target IN ('production', 'development')),
    frequency_value      BIGINT NOT NULL CHECK (frequency_value > 0),
    frequency_unit       TEXT NOT NULL CHECK (frequency_unit IN ('hour', 'day', 'week', 'month')),
    schedule_minute      BIGINT NOT NULL CHECK (schedule_minute BETWEEN 0 AND 1439),
    schedule_day         BIGINT CHECK (schedule_day BETWEEN 0 AND 6),
    schedule_week        BIGINT CHECK (schedule_week BETWEEN 0 AND 3),
    retention_value      BIGINT NOT NULL CHECK (retention_value > 0),
    retention_unit       TEXT NOT NULL CHECK (retention_unit IN ('hour', 'day', 'week', 'month', 'year')),
    drill_value          BIGINT CHECK (drill_value > 0),
    drill_unit           TEXT CHECK (drill_unit IN ('hour', 'day', 'week', 'month')),
    last_ran_at          BIGINT,
    next_run_at          BIGINT NOT NULL,
    last_drilled_at      BIGINT,
    next_drill_at        BIGINT,
    created_at           BIGINT NOT NULL,
    updated_at           BIGINT NOT NULL,
    CHECK (required_database_id IS NULL OR required_database_id = database_id),
    CHECK ((drill_value IS NULL) = (drill_unit IS NULL)),
    CHECK ((drill_value IS NULL) = (next_drill_at IS NULL))
);
CREATE INDEX backup_policies_by_database ON backup_policies (database_id);
CREATE INDEX backup_policies_by_next_run ON backup_policies (next_run_at);
