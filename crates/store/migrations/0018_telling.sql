-- Who is told over HTTP what happens to a database.
CREATE TABLE webhooks (
    id              TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    database_id     TEXT NOT NULL REFERENCES databases (id) ON DELETE CASCADE,
    url             TEXT NOT NULL,
    -- What bodies are signed with: sealed with the master key, bound to the id.
    secret          TEXT NOT NULL,
    enabled         BOOLEAN NOT NULL CHECK (enabled IN (FALSE, TRUE)),
    -- JSON: names of events.
    events          TEXT NOT NULL,
    disabled_reason TEXT,
    -- In a row; nothing but tests is sent before retry_at.
    failures        BIGINT NOT NULL CHECK (failures >= 0),
    retry_at        BIGINT,
    -- JSON: the last try.
    last            TEXT,
    actor           TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);
CREATE INDEX webhooks_by_database ON webhooks (database_id);

-- Events on their way: written in the commit that made them happen. `seq` says in which order.
CREATE TABLE webhook_deliveries (
    id           TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    webhook_id   TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    seq          BIGINT NOT NULL UNIQUE,
    event        TEXT NOT NULL,
    subject_type TEXT NOT NULL,
    subject_id   TEXT NOT NULL,
    subject      TEXT NOT NULL,
    -- What is sent, from the first try on.
    body         TEXT,
    state        TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
    attempts     BIGINT NOT NULL CHECK (attempts >= 0),
    retry_at     BIGINT,
    status       BIGINT,
    -- In microseconds.
    took         BIGINT,
    failure      TEXT,
    tried_at     BIGINT,
    happened_at  BIGINT NOT NULL
);
CREATE INDEX webhook_deliveries_by_webhook ON webhook_deliveries (webhook_id, seq);
CREATE INDEX webhook_deliveries_by_state ON webhook_deliveries (state, seq);

-- Rules that tell people something.
ALTER TABLE automations ADD COLUMN tells BOOLEAN NOT NULL DEFAULT FALSE CHECK (tells IN (FALSE, TRUE));

-- When it is looked whether there is news of a binding for people.
ALTER TABLE bindings ADD COLUMN tell_at BIGINT;
CREATE INDEX bindings_by_tell ON bindings (tell_at);

-- What a chat was told of a binding.
CREATE TABLE announcements (
    binding_id     TEXT NOT NULL REFERENCES bindings (id) ON DELETE CASCADE,
    -- The name by which the rule knows the integration with the chat.
    chat           TEXT NOT NULL,
    -- The news, and the branch's name then; NULL = none yet.
    told           TEXT,
    -- Of the text that stands there.
    digest         TEXT,
    -- The chat's own id of the message, where it can be changed.
    message        TEXT,
    told_at        BIGINT,
    attempts       BIGINT NOT NULL CHECK (attempts >= 0),
    retry_at       BIGINT,
    failure        TEXT,
    PRIMARY KEY (binding_id, chat)
);

-- The note with an iteration in its planning tool; one for all that was made of it.
CREATE TABLE notes (
    iteration_id TEXT NOT NULL PRIMARY KEY REFERENCES iterations (id) ON DELETE CASCADE,
    -- Of the text that stands there; NULL = none was written.
    digest       TEXT,
    written_at   BIGINT,
    attempts     BIGINT NOT NULL CHECK (attempts >= 0),
    -- Looked at then; NULL = when something changes.
    check_at     BIGINT,
    failure      TEXT
);
CREATE INDEX notes_by_check ON notes (check_at);
