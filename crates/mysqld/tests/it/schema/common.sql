CREATE DATABASE shop CHARACTER SET utf8mb4
//
CREATE DATABASE `odd.db ``x` CHARACTER SET latin1 COLLATE latin1_german1_ci
//
CREATE DATABASE `größe` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
//
USE shop
//
CREATE TABLE customers (id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, email varchar(190) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL, name varchar(100) COLLATE utf8mb4_unicode_ci DEFAULT 'it''s \\ "x"' COMMENT 'AUTO_INCREMENT=5 `x` ''y'' \\', born date DEFAULT '1000-01-01', flags set('a','b''c','d e') DEFAULT 'a', mood enum('ä','"') DEFAULT NULL, made timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3), seen timestamp NULL DEFAULT '2020-01-01 12:00:00', raw binary(4) DEFAULT NULL, b bit(5) DEFAULT b'101', UNIQUE KEY (email), KEY by_name (name(20), born), FULLTEXT KEY words (name)) ENGINE=InnoDB AUTO_INCREMENT=1000 COMMENT='has AUTO_INCREMENT=7 in it'
//
INSERT INTO customers (email) VALUES ('a@example.org'), ('b@example.org')
//
CREATE TABLE orders (id int NOT NULL AUTO_INCREMENT, customer bigint unsigned NOT NULL, parent int DEFAULT NULL, total decimal(12,4) NOT NULL DEFAULT 0.0000, tax decimal(12,4) GENERATED ALWAYS AS (total * 0.19) STORED, doubled decimal(12,4) AS (total * 2) VIRTUAL COMMENT 'v', PRIMARY KEY (id), KEY c (customer), CONSTRAINT positive CHECK (total >= 0), CONSTRAINT `odd ``name` CHECK (total <> 3), CONSTRAINT fk_c FOREIGN KEY (customer) REFERENCES customers (id) ON DELETE CASCADE ON UPDATE RESTRICT, CONSTRAINT fk_self FOREIGN KEY (parent) REFERENCES orders (id) ON DELETE SET NULL)
//
CREATE TABLE cycle_a (id int PRIMARY KEY, b int, KEY (b))
//
CREATE TABLE cycle_b (id int PRIMARY KEY, a int, CONSTRAINT ba FOREIGN KEY (a) REFERENCES cycle_a (id))
//
ALTER TABLE cycle_a ADD CONSTRAINT ab FOREIGN KEY (b) REFERENCES cycle_b (id)
//
CREATE TABLE `odd.db ``x`.`t.a b``"'c` (`select` int NOT NULL, `a.b` varchar(10) DEFAULT 'ü', `back``tick` int, `"` int, customer bigint unsigned, PRIMARY KEY (`select`), CONSTRAINT cross_schema FOREIGN KEY (customer) REFERENCES shop.customers (id))
//
CREATE TABLE `größe`.`tëst` (`naïve` int PRIMARY KEY, `日本` varchar(5) DEFAULT '語')
//
CREATE TABLE `größe`.`Upper-Case` (i int) ENGINE=MyISAM ROW_FORMAT=FIXED
//
CREATE TABLE `größe`.`upper-case` (i int, KEY (i)) ENGINE=MEMORY
//
CREATE TABLE by_range (id int NOT NULL, d date NOT NULL, PRIMARY KEY (id, d)) PARTITION BY RANGE (year(d)) SUBPARTITION BY HASH (id) SUBPARTITIONS 2 (PARTITION p0 VALUES LESS THAN (2020) COMMENT = 'old', PARTITION `p 1` VALUES LESS THAN MAXVALUE)
//
CREATE TABLE by_list (id int, s varchar(10)) PARTITION BY LIST COLUMNS (s) (PARTITION a VALUES IN ('x', 'y''z'), PARTITION b VALUES IN (NULL))
//
CREATE TABLE by_key (id int PRIMARY KEY) PARTITION BY KEY (id) PARTITIONS 3
//
CREATE TABLE compressed (id int PRIMARY KEY, t text) ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=8
//
CREATE TABLE redundant (id int PRIMARY KEY, t text) ROW_FORMAT=REDUNDANT STATS_PERSISTENT=0 MAX_ROWS=100
//
SET sql_mode = ''
//
CREATE TABLE zero_dates (d date NOT NULL DEFAULT '0000-00-00', t datetime NOT NULL DEFAULT '0000-00-00 00:00:00')
//
SET sql_mode = DEFAULT
//
CREATE FUNCTION surface(w int, h int) RETURNS int DETERMINISTIC NO SQL SQL SECURITY INVOKER COMMENT 'w ''x'' h' RETURN w * h
//
CREATE VIEW a_last AS SELECT 1 AS one
//
CREATE VIEW z_first AS SELECT id, email FROM customers WHERE born > '1990-01-01'
//
CREATE OR REPLACE ALGORITHM=TEMPTABLE SQL SECURITY INVOKER VIEW a_last AS SELECT z.id, surface(z.id, 2) AS twice, o.total FROM z_first z JOIN orders o ON o.customer = z.id
//
CREATE ALGORITHM=MERGE VIEW m_middle AS SELECT id, born FROM customers WHERE born > '2000-01-01' WITH CASCADED CHECK OPTION
//
CREATE VIEW `odd.db ``x`.`v.w` (`a b`) AS SELECT id FROM shop.m_middle WITH LOCAL CHECK OPTION
//
SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES'
//
CREATE VIEW piped AS SELECT "email" || '\' AS "e" FROM "customers"
//
CREATE PROCEDURE "ansi proc"(IN "in put" int, OUT o varchar(10)) BEGIN SELECT 'a\' || "in put" INTO o; END
//
SET sql_mode = DEFAULT
//
CREATE TRIGGER t_last BEFORE INSERT ON orders FOR EACH ROW SET NEW.total = NEW.total + 1
//
CREATE TRIGGER t_first BEFORE INSERT ON orders FOR EACH ROW PRECEDES t_last SET NEW.total = NEW.total * 2
//
CREATE TRIGGER a_middle BEFORE INSERT ON orders FOR EACH ROW FOLLOWS t_first BEGIN /* ; */ SET NEW.total = NEW.total - 1; /*!99999 DROP TABLE nothing */ END
//
CREATE TRIGGER `odd ``trigger.x` AFTER UPDATE ON orders FOR EACH ROW BEGIN IF NEW.total > 5 THEN SET @x = 'ä;'; END IF; END
//
CREATE PROCEDURE work(IN n int, INOUT m decimal(10,2), s varchar(20) CHARACTER SET latin1) MODIFIES SQL DATA BEGIN DECLARE i int DEFAULT 0; DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END; l: WHILE i < n DO SET i = i + 1; END WHILE l; -- comment; with ' quote
 SELECT 'ünï'; END
//
CREATE FUNCTION `größe`.`fün`(x text) RETURNS text CHARACTER SET utf8mb4 DETERMINISTIC RETURN concat(x, 'ß')
//
SET NAMES latin1
//
CREATE PROCEDURE from_latin1() SELECT 'ÄÖ'
//
SET NAMES utf8mb4
//
CREATE PROCEDURE `odd.db ``x`.changed_collation(s varchar(10)) SELECT s
//
ALTER DATABASE `odd.db ``x` COLLATE latin1_bin
//
SET time_zone = 'SYSTEM'
//
CREATE EVENT e_once ON SCHEDULE AT '2037-01-01 00:00:00' ON COMPLETION PRESERVE DISABLE COMMENT 'once; ''only''' DO SELECT 1
//
SET time_zone = '+05:30'
//
CREATE EVENT e_often ON SCHEDULE EVERY '1:30' HOUR_MINUTE STARTS '2024-02-03 04:05:06' ENDS '2036-02-03 04:05:06' DO BEGIN SELECT 1; SELECT 2; END
//
SET time_zone = DEFAULT
//
SET timestamp = 1000000000
//
CREATE EVENT e_over ON SCHEDULE AT '2005-01-01 00:00:00' DO SELECT 3
//
SET timestamp = DEFAULT
//
CREATE EVENT `odd.db ``x`.`e.v` ON SCHEDULE EVERY 1 DAY STARTS '2024-01-01 00:00:00' DISABLE ON SLAVE DO SET @a = 1
