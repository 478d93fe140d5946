-- People who log in with an e-mail address and a password.
CREATE TABLE users (
    id              TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    email           TEXT NOT NULL,
    name            TEXT NOT NULL,
    role            TEXT NOT NULL CHECK (role IN ('admin', 'member')),
    -- PHC string of argon2id.
    password        TEXT NOT NULL,
    last_login_at   BIGINT,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    UNIQUE (email)
);
CREATE INDEX users_by_organization ON users (organization_id, email);

-- Tokens that are sessions of users: whom they act for, which program has them, and for what.
ALTER TABLE service_tokens ADD COLUMN user_id TEXT REFERENCES users (id) ON DELETE CASCADE;
ALTER TABLE service_tokens ADD COLUMN client TEXT;
ALTER TABLE service_tokens ADD COLUMN scopes TEXT;
CREATE INDEX service_tokens_by_user ON service_tokens (user_id);

-- Logins of programs that wait for a browser.
CREATE TABLE device_logins (
    id         TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    -- SHA-256 of the device code.
    device     TEXT NOT NULL UNIQUE CHECK (length(device) = 64),
    -- HMAC-SHA-256 of the user code, which is short, with a key of the master key.
    code       TEXT NOT NULL UNIQUE CHECK (length(code) = 64),
    client     TEXT NOT NULL,
    scopes     TEXT NOT NULL,
    remote_ip  TEXT,
    state      TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'denied')),
    user_id    TEXT REFERENCES users (id) ON DELETE CASCADE,
    -- SHA-256 of what the browser has in which the user logged in.
    browser    TEXT CHECK (browser IS NULL OR length(browser) = 64),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX device_logins_by_expiry ON device_logins (expires_at);
CREATE INDEX device_logins_by_user ON device_logins (user_id);

-- Whether the actor was a user.
ALTER TABLE audit_events ADD COLUMN by_user BOOLEAN NOT NULL DEFAULT FALSE CHECK (by_user IN (FALSE, TRUE));
