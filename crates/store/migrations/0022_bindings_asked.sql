-- How often a binding was to be looked at again: what was decided before that does not put the look off.
ALTER TABLE bindings ADD COLUMN asked BIGINT NOT NULL DEFAULT 0;
