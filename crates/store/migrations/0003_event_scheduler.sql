-- Development branches run without their events unless this is on.
ALTER TABLE branches ADD COLUMN event_scheduler BOOLEAN NOT NULL DEFAULT FALSE CHECK (event_scheduler IN (FALSE, TRUE));
