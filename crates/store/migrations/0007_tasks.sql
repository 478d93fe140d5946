-- What an instance that runs aside is for: the check of `purpose` cannot be widened.
ALTER TABLE instances ADD COLUMN task TEXT CHECK (task IN ('prepare', 'shadow'));
