ALTER TABLE customers ADD COLUMN extra int AFTER id
//
ALTER TABLE cycle_a RENAME TO cycle_c
//
ALTER TABLE cycle_b RENAME COLUMN id TO ident
//
ALTER TABLE by_key ADD PARTITION PARTITIONS 2
//
ALTER TABLE compressed COMMENT='new'
//
CREATE INDEX i ON redundant (id, t(10))
//
DROP TRIGGER t_first
//
CREATE TRIGGER brand_new BEFORE DELETE ON by_list FOR EACH ROW SET @x = 1
//
DROP PROCEDURE work
//
CREATE PROCEDURE work() SELECT 2
//
ALTER FUNCTION surface SQL SECURITY DEFINER COMMENT 'changed'
//
ALTER EVENT e_once COMMENT 'changed'
//
ALTER EVENT `odd.db ``x`.`e.v` ENABLE
//
DROP EVENT e_often
//
CREATE OR REPLACE VIEW z_first AS SELECT id, email, 1 AS extra FROM customers
//
ALTER ALGORITHM=UNDEFINED VIEW m_middle AS SELECT id, born FROM customers WHERE born > '2000-01-01' WITH CASCADED CHECK OPTION
//
RENAME TABLE a_last TO b_last
//
ALTER DATABASE `größe` COLLATE utf8mb4_general_ci
//
RENAME TABLE swap_a TO tmp, swap_b TO swap_a, tmp TO swap_b
//
RENAME TABLE swap_c TO tmp, swap_d TO swap_c, tmp TO swap_d
//
DROP TABLE zero_dates
//
CREATE VIEW zero_dates AS SELECT 1 AS one
//
DROP VIEW piped
//
CREATE TABLE piped (i int)
//
CREATE DATABASE fresh
//
CREATE TABLE fresh.`t t` (i int)
//
DROP DATABASE doomed
//
RENAME TABLE trig_a TO trig_b
//
RENAME TABLE mover TO `größe`.mover
//
TRUNCATE TABLE by_list
//
ALTER TABLE quick ADD COLUMN b int
//
ALTER TABLE quick ADD COLUMN c int
