-- Users who log in with an OIDC provider: its URL, and its name of their account. Those who were made so have no
-- password of this server: theirs is ''.
ALTER TABLE users ADD COLUMN oidc_issuer TEXT;
ALTER TABLE users ADD COLUMN oidc_subject TEXT;
CREATE UNIQUE INDEX users_by_oidc ON users (oidc_issuer, oidc_subject);

-- SHA-256 of what the browser has that is at the provider for this login.
ALTER TABLE device_logins ADD COLUMN errand TEXT CHECK (errand IS NULL OR length(errand) = 64);
