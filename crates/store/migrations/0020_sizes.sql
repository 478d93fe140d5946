-- Sizes of branches. NULL = what their kind has of itself. `resized`: JSON, the last change.
ALTER TABLE branches ADD COLUMN size TEXT;
ALTER TABLE branches ADD COLUMN resized TEXT;
