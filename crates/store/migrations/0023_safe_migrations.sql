-- Whether statements may change a branch's schema: `raising` and `lifting` until its engine knows.
ALTER TABLE branches ADD COLUMN safe_migrations TEXT NOT NULL DEFAULT 'off' CHECK (safe_migrations IN ('off', 'raising', 'on', 'lifting'));
