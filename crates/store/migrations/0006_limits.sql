-- What one branch may take: clients at once, and bytes of its own (0 = no limit). NULL = the server's default.
ALTER TABLE branches ADD COLUMN max_connections BIGINT CHECK (max_connections > 0);
ALTER TABLE branches ADD COLUMN disk_quota BIGINT CHECK (disk_quota >= 0);
ALTER TABLE branches ADD COLUMN quota_state TEXT NOT NULL DEFAULT 'free' CHECK (quota_state IN ('free', 'near', 'over', 'lifting'));
