-- Connections to planning tools.
CREATE TABLE integrations (
    id               TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    organization_id  TEXT NOT NULL REFERENCES organizations (id),
    name             TEXT NOT NULL,
    tool             TEXT NOT NULL,
    -- JSON.
    settings         TEXT NOT NULL,
    enabled          BOOLEAN NOT NULL CHECK (enabled IN (FALSE, TRUE)),
    -- What the tool is asked with: sealed with the master key, bound to the id.
    token            TEXT,
    -- In microseconds; NULL = it is not asked.
    poll_every       BIGINT CHECK (poll_every > 0),
    poll_next_at     BIGINT,
    poll_last_at     BIGINT,
    poll_failure     TEXT,
    poll_failures    BIGINT NOT NULL CHECK (poll_failures >= 0),
    last_delivery_at BIGINT,
    actor            TEXT NOT NULL,
    created_at       BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL,
    UNIQUE (organization_id, name),
    CHECK ((poll_every IS NULL) = (poll_next_at IS NULL))
);
CREATE INDEX integrations_by_poll ON integrations (poll_next_at);

-- What their events are verified with: any one of an integration's.
CREATE TABLE integration_secrets (
    id             TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    integration_id TEXT NOT NULL REFERENCES integrations (id) ON DELETE CASCADE,
    -- Sealed with the master key, bound to the id.
    secret         TEXT NOT NULL,
    created_at     BIGINT NOT NULL
);
CREATE INDEX integration_secrets_by_integration ON integration_secrets (integration_id);

-- Events that came in, with what became of each. `key` is the same for the same event.
CREATE TABLE deliveries (
    id             TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    integration_id TEXT NOT NULL REFERENCES integrations (id) ON DELETE CASCADE,
    key            TEXT NOT NULL,
    origin         TEXT NOT NULL CHECK (origin IN ('webhook', 'poll')),
    event          TEXT,
    -- JSON: address and headers. NULL for what was polled.
    request        TEXT,
    -- Base64.
    body           TEXT,
    size           BIGINT NOT NULL CHECK (size >= 0),
    state          TEXT NOT NULL CHECK (state IN ('received', 'applied', 'ignored', 'failed')),
    reason         TEXT,
    -- JSON.
    told           TEXT,
    seen           BIGINT NOT NULL CHECK (seen > 0),
    received_at    BIGINT NOT NULL,
    processed_at   BIGINT,
    UNIQUE (integration_id, key),
    CHECK ((state = 'received') = (processed_at IS NULL))
);
CREATE INDEX deliveries_by_integration ON deliveries (integration_id, received_at);
CREATE INDEX deliveries_by_state ON deliveries (state, received_at);

-- Iterations as the tools announced them: a join of all that was observed.
CREATE TABLE iterations (
    id             TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    integration_id TEXT NOT NULL REFERENCES integrations (id) ON DELETE CASCADE,
    source_id      TEXT NOT NULL,
    -- JSON: the newest of what was seen.
    iteration      TEXT NOT NULL,
    name           TEXT NOT NULL,
    state          TEXT NOT NULL CHECK (state IN ('planned', 'started', 'ended', 'deleted')),
    seen_at        BIGINT NOT NULL,
    gone_at        BIGINT,
    -- When its dates change its state.
    next_at        BIGINT,
    -- Automations have not looked at it since it changed.
    pending        BOOLEAN NOT NULL CHECK (pending IN (FALSE, TRUE)),
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    UNIQUE (integration_id, source_id)
);
CREATE INDEX iterations_by_time ON iterations (integration_id, created_at);
CREATE INDEX iterations_by_pending ON iterations (pending);
CREATE INDEX iterations_by_next ON iterations (next_at);

-- The rules that say what happens to which database.
CREATE TABLE automations (
    id             TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    database_id    TEXT NOT NULL REFERENCES databases (id),
    integration_id TEXT NOT NULL REFERENCES integrations (id),
    name           TEXT NOT NULL,
    enabled        BOOLEAN NOT NULL CHECK (enabled IN (FALSE, TRUE)),
    -- JSON.
    rule           TEXT NOT NULL,
    -- What its webhooks are signed with: sealed with the master key, bound to the id.
    webhook_secret TEXT,
    -- Iterations have not been looked at since it changed.
    pending        BOOLEAN NOT NULL CHECK (pending IN (FALSE, TRUE)),
    actor          TEXT NOT NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    UNIQUE (database_id, name)
);
CREATE INDEX automations_by_integration ON automations (integration_id);

-- One iteration and one automation: one branch, whose id is there before it.
CREATE TABLE bindings (
    id            TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    automation_id TEXT NOT NULL REFERENCES automations (id) ON DELETE CASCADE,
    iteration_id  TEXT NOT NULL REFERENCES iterations (id) ON DELETE CASCADE,
    branch_id     TEXT NOT NULL UNIQUE,
    branch_name   TEXT,
    state         TEXT NOT NULL CHECK (state IN ('waiting', 'making', 'made', 'ended', 'held', 'deleted', 'gone', 'failed')),
    reason        TEXT,
    followed_name TEXT,
    -- JSON.
    ending        TEXT,
    -- JSON: digests of the objects that the branch began with, by name.
    base          TEXT,
    attempts      BIGINT NOT NULL CHECK (attempts >= 0),
    check_at      BIGINT,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    UNIQUE (automation_id, iteration_id)
);
CREATE INDEX bindings_by_iteration ON bindings (iteration_id);
CREATE INDEX bindings_by_check ON bindings (check_at);

-- Credentials on their way. `secret` is sealed with the master key, bound to the id, and NULL from the
-- moment it has arrived; `link` is what a link's address ends with, sealed in the same way.
CREATE TABLE handovers (
    id           TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    binding_id   TEXT NOT NULL REFERENCES bindings (id) ON DELETE CASCADE,
    branch_id    TEXT NOT NULL,
    password_id  TEXT NOT NULL,
    credential   TEXT NOT NULL,
    -- JSON.
    deliver      TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'expired')),
    secret       TEXT,
    link         TEXT,
    attempts     BIGINT NOT NULL CHECK (attempts >= 0),
    retry_at     BIGINT,
    failure      TEXT,
    expires_at   BIGINT,
    delivered_at BIGINT,
    created_at   BIGINT NOT NULL,
    UNIQUE (branch_id, credential),
    CHECK ((state = 'pending') = (secret IS NOT NULL))
);
CREATE INDEX handovers_by_binding ON handovers (binding_id);
CREATE INDEX handovers_by_state ON handovers (state, retry_at);
