-- Times are microseconds since 1970 (UTC). Ids are twelve characters. Binary values are text
-- (hexadecimal or base64), so that a server database takes the same statements.

CREATE TABLE organizations (
    id         TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    name       TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- `live_name` is the name while the thing can be seen, and NULL from the moment its deletion
-- begins: a name is free again at once.
CREATE TABLE databases (
    id                 TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    organization_id    TEXT NOT NULL REFERENCES organizations (id),
    name               TEXT NOT NULL,
    live_name          TEXT,
    schema_name        TEXT NOT NULL,
    engine             TEXT NOT NULL,
    default_branch_id  TEXT NOT NULL,
    deletion_protected BOOLEAN NOT NULL CHECK (deletion_protected IN (FALSE, TRUE)),
    deleting           BOOLEAN NOT NULL CHECK (deleting IN (FALSE, TRUE)),
    created_at         BIGINT NOT NULL,
    updated_at         BIGINT NOT NULL,
    UNIQUE (organization_id, live_name),
    CHECK ((deleting = TRUE) = (live_name IS NULL))
);

CREATE TABLE snapshots (
    id          TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    node_id     TEXT NOT NULL,
    pool_id     TEXT NOT NULL,
    engine      TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('making', 'ready', 'gone')),
    -- The parent's schema as it was when this copy of it was read (JSON).
    fingerprint TEXT,
    created_at  BIGINT NOT NULL
);

CREATE TABLE volumes (
    id          TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    node_id     TEXT NOT NULL,
    pool_id     TEXT NOT NULL,
    engine      TEXT NOT NULL,
    snapshot_id TEXT,
    purpose     TEXT NOT NULL CHECK (purpose IN ('branch', 'spare', 'warm', 'work')),
    state       TEXT NOT NULL CHECK (state IN ('making', 'ready', 'gone')),
    created_at  BIGINT NOT NULL
);
CREATE INDEX volumes_by_snapshot ON volumes (snapshot_id);

CREATE TABLE instances (
    id         TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    node_id    TEXT NOT NULL,
    pool_id    TEXT NOT NULL,
    volume_id  TEXT NOT NULL REFERENCES volumes (id),
    engine     TEXT NOT NULL,
    purpose    TEXT NOT NULL CHECK (purpose IN ('serve', 'warm', 'template')),
    branch_id  TEXT,
    profile    TEXT NOT NULL CHECK (profile IN ('development', 'production')),
    wanted     TEXT NOT NULL CHECK (wanted IN ('up', 'down', 'gone')),
    -- Sealed with the master key, bound to the id.
    secret     TEXT NOT NULL,
    accounts   TEXT NOT NULL CHECK (accounts IN ('anew', 'keep')),
    created_at BIGINT NOT NULL,
    CHECK ((purpose = 'serve') = (branch_id IS NOT NULL))
);
CREATE INDEX instances_by_volume ON instances (volume_id);

CREATE TABLE branches (
    id                 TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    database_id        TEXT NOT NULL REFERENCES databases (id),
    name               TEXT NOT NULL,
    live_name          TEXT,
    parent_id          TEXT REFERENCES branches (id) ON DELETE SET NULL,
    production         BOOLEAN NOT NULL CHECK (production IN (FALSE, TRUE)),
    state              TEXT NOT NULL CHECK (state IN ('pending', 'ready', 'sleeping')),
    seed               TEXT NOT NULL CHECK (seed IN ('empty', 'schema')),
    runtime            TEXT NOT NULL CHECK (runtime IN ('managed')),
    engine             TEXT NOT NULL,
    volume_id          TEXT NOT NULL REFERENCES volumes (id),
    instance_id        TEXT NOT NULL REFERENCES instances (id),
    deletion_protected BOOLEAN NOT NULL CHECK (deletion_protected IN (FALSE, TRUE)),
    expires_at         BIGINT,
    sleep_after        BIGINT CHECK (sleep_after >= 0),
    deleting           BOOLEAN NOT NULL CHECK (deleting IN (FALSE, TRUE)),
    actor              TEXT NOT NULL,
    -- Schema at the time it went to sleep (JSON): true as long as it sleeps, NULL when awake.
    fingerprint        TEXT,
    created_at         BIGINT NOT NULL,
    updated_at         BIGINT NOT NULL,
    schema_updated_at  BIGINT,
    UNIQUE (database_id, live_name),
    UNIQUE (volume_id),
    UNIQUE (instance_id),
    CHECK ((deleting = TRUE) = (live_name IS NULL)),
    CHECK (fingerprint IS NULL OR state = 'sleeping'),
    CHECK (state <> 'sleeping' OR production = FALSE)
);
CREATE INDEX branches_by_parent ON branches (parent_id);
CREATE INDEX branches_by_expiry ON branches (expires_at);

CREATE TABLE branch_labels (
    branch_id TEXT NOT NULL REFERENCES branches (id) ON DELETE CASCADE,
    name      TEXT NOT NULL,
    value     TEXT NOT NULL,
    PRIMARY KEY (branch_id, name)
);

-- One for each scope: an engine (`mysql-9.7.4`), or a parent branch (its id).
CREATE TABLE templates (
    id          TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    scope       TEXT NOT NULL UNIQUE,
    engine      TEXT NOT NULL,
    parent_id   TEXT REFERENCES branches (id),
    snapshot_id TEXT NOT NULL REFERENCES snapshots (id),
    generation  BIGINT NOT NULL CHECK (generation > 0),
    used_at     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL
);

-- Every username ever given, so that none is given twice.
CREATE TABLE usernames (
    username   TEXT NOT NULL PRIMARY KEY CHECK (length(username) >= 16),
    created_at BIGINT NOT NULL
);

CREATE TABLE passwords (
    id              TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    branch_id       TEXT NOT NULL REFERENCES branches (id),
    name            TEXT NOT NULL,
    username        TEXT NOT NULL UNIQUE REFERENCES usernames (username),
    verifier_native TEXT NOT NULL CHECK (length(verifier_native) = 40),
    verifier_sha2   TEXT NOT NULL CHECK (length(verifier_sha2) = 64),
    role            TEXT NOT NULL CHECK (role IN ('reader', 'writer', 'readwriter', 'admin')),
    cidrs           TEXT NOT NULL,
    ttl             BIGINT CHECK (ttl > 0),
    expires_at      BIGINT,
    -- Its sessions were ended after it expired.
    closed          BOOLEAN NOT NULL CHECK (closed IN (FALSE, TRUE)),
    last_used_at    BIGINT,
    last_refused_at BIGINT,
    last_refusal    TEXT,
    actor           TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    UNIQUE (branch_id, name),
    CHECK ((last_refused_at IS NULL) = (last_refusal IS NULL)),
    CHECK (ttl IS NULL OR expires_at IS NOT NULL)
);
CREATE INDEX passwords_by_expiry ON passwords (expires_at);

CREATE TABLE service_tokens (
    id              TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    name            TEXT,
    digest          TEXT NOT NULL CHECK (length(digest) = 64),
    root            BOOLEAN NOT NULL CHECK (root IN (FALSE, TRUE)),
    expires_at      BIGINT,
    last_used_at    BIGINT,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);

-- `scope` is a database's id, or `organization`.
CREATE TABLE grants (
    token_id    TEXT NOT NULL REFERENCES service_tokens (id) ON DELETE CASCADE,
    access      TEXT NOT NULL,
    scope       TEXT NOT NULL,
    database_id TEXT REFERENCES databases (id) ON DELETE CASCADE,
    PRIMARY KEY (token_id, access, scope),
    CHECK (scope = 'organization' OR scope = database_id)
);

CREATE TABLE audit_events (
    id              TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    action          TEXT NOT NULL,
    actor_id        TEXT,
    actor           TEXT NOT NULL,
    subject_type    TEXT NOT NULL,
    subject_id      TEXT,
    subject         TEXT NOT NULL,
    remote_ip       TEXT,
    metadata        TEXT NOT NULL,
    at              BIGINT NOT NULL
);
CREATE INDEX audit_events_by_time ON audit_events (organization_id, at, id);
CREATE INDEX audit_events_by_subject ON audit_events (subject_id, action);

-- `state` is JSON of one version of its kind. `lease_token` fences: whoever lost it cannot write.
CREATE TABLE workflows (
    id          TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    kind        TEXT NOT NULL,
    version     BIGINT NOT NULL,
    subject     TEXT NOT NULL,
    state       TEXT NOT NULL,
    attempts    BIGINT NOT NULL CHECK (attempts >= 0),
    run_at      BIGINT NOT NULL,
    lease_token TEXT,
    lease_until BIGINT,
    error       TEXT,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    UNIQUE (kind, subject),
    CHECK ((lease_token IS NULL) = (lease_until IS NULL))
);
CREATE INDEX workflows_by_time ON workflows (run_at);
