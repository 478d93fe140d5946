CREATE TABLE m1 (id int, hidden int INVISIBLE DEFAULT 3, j json DEFAULT (json_array(1, 'x')), u binary(16) NOT NULL DEFAULT (uuid_to_bin(uuid())), p point NOT NULL SRID 4326, lower_name varchar(50), SPATIAL KEY (p), KEY functional ((lower(lower_name)), id DESC), KEY unseen (id) INVISIBLE, KEY multi ((CAST(j->'$' AS unsigned ARRAY))), CONSTRAINT not_enforced CHECK (id > 3) NOT ENFORCED)
//
SET sql_mode = 'ANSI'
//
CREATE TABLE m2 (a int, b varchar(10) AS (a || 'x') STORED)
//
SET sql_mode = DEFAULT
//
-- system
SET SESSION sql_generate_invisible_primary_key = 1
//
-- system
CREATE TABLE shop.gipk (a int)
//
-- system
SET SESSION sql_generate_invisible_primary_key = 0
//
-- system
CREATE DEFINER=`nobody`@`nowhere` SQL SECURITY DEFINER VIEW shop.orphan AS SELECT 1 AS one
//
-- system
CREATE DEFINER=`nobody`@`nowhere` PROCEDURE shop.orphan_p() SELECT 1
//
CREATE TABLE m3 (a varchar(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci, b varchar(10) CHARACTER SET utf8mb4, c char(3) CHARACTER SET ascii, d geometry SRID 0, e year, f time(6), g double NOT NULL DEFAULT (rand() * 2), h blob DEFAULT ('x'), KEY (a) COMMENT 'key ''comment''', KEY h (b) USING BTREE) COLLATE utf8mb4_general_ci COMPRESSION='none' STATS_SAMPLE_PAGES=3
//
CREATE DATABASE frozen
//
CREATE TABLE frozen.ice (id int PRIMARY KEY)
//
ALTER DATABASE frozen READ ONLY = 1
//
CREATE TABLE m4 (v vector(3), e int)
