-- What receivers of credentials are reached with, for each credential of a rule. `origin` is the beginning of
-- the address that the token goes to; `token` is sealed with the master key, bound to all three.
CREATE TABLE automation_tokens (
    automation_id TEXT NOT NULL REFERENCES automations (id) ON DELETE CASCADE,
    credential    TEXT NOT NULL,
    origin        TEXT NOT NULL,
    token         TEXT NOT NULL,
    created_at    BIGINT NOT NULL,
    PRIMARY KEY (automation_id, credential)
);

-- A credential can have successors: one for each generation, so none is made twice.
CREATE TABLE handovers_of_generations (
    id           TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    binding_id   TEXT NOT NULL REFERENCES bindings (id) ON DELETE CASCADE,
    branch_id    TEXT NOT NULL,
    password_id  TEXT NOT NULL,
    credential   TEXT NOT NULL,
    generation   BIGINT NOT NULL CHECK (generation > 0),
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
    UNIQUE (branch_id, credential, generation),
    CHECK ((state = 'pending') = (secret IS NOT NULL))
);
INSERT INTO handovers_of_generations (id, binding_id, branch_id, password_id, credential, generation, deliver, state,
    secret, link, attempts, retry_at, failure, expires_at, delivered_at, created_at)
SELECT id, binding_id, branch_id, password_id, credential, 1, deliver, state,
    secret, link, attempts, retry_at, failure, expires_at, delivered_at, created_at
FROM handovers;
DROP TABLE handovers;
ALTER TABLE handovers_of_generations RENAME TO handovers;
CREATE INDEX handovers_by_binding ON handovers (binding_id);
CREATE INDEX handovers_by_state ON handovers (state, retry_at);
