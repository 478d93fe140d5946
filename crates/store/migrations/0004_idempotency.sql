-- What a creating request made, so that the same request sent again gets the same.
CREATE TABLE idempotency_keys (
    -- SHA-256 of token, method, path and the client's key.
    scope       TEXT NOT NULL PRIMARY KEY CHECK (length(scope) = 64),
    token_id    TEXT NOT NULL REFERENCES service_tokens (id) ON DELETE CASCADE,
    -- SHA-256 of the request's body.
    body        TEXT NOT NULL CHECK (length(body) = 64),
    subject_id  TEXT NOT NULL CHECK (length(subject_id) = 12),
    password_id TEXT,
    created_at  BIGINT NOT NULL
);
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at);
CREATE INDEX idempotency_keys_by_token ON idempotency_keys (token_id);
