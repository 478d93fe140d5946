CREATE DATABASE shop
//
CREATE DATABASE `odd.db ``x`
//
USE shop
//
CREATE TABLE users (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  code varchar(40) NOT NULL UNIQUE,
  email varchar(100) CHARACTER SET utf8mb4 NOT NULL UNIQUE,
  domain varchar(100) AS (SUBSTRING_INDEX(email, '@', -1)) STORED,
  name varchar(29),
  phone char(16),
  country char(2) NOT NULL,
  note text,
  number bigint NOT NULL,
  token binary(16),
  born date,
  updated_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  UNIQUE KEY by_number (number, country)
)
//
INSERT INTO users (id, code, email, name, phone, country, note, number, token, born, updated_at) VALUES
  (1, 'u-1', 'anna@corp.example', 'Anna Ä', '+49 170 1', 'DE', 'likes 🐘', 11, UNHEX(LEFT(SHA2('1', 256), 32)), '1980-01-01', '2020-01-01 00:00:00'),
  (2, 'u-2', 'ben@corp.example', 'Ben', '+49 170 2', 'DE', NULL, 12, UNHEX(LEFT(SHA2('2', 256), 32)), NULL, '2020-01-01 00:00:00'),
  (3, 'u-3', 'größe@corp.example', 'Ben', '', 'FR', '', 13, NULL, '1990-01-01', '2020-01-01 00:00:00'),
  (4, 'u-4', '🐘@corp.example', NULL, NULL, 'FR', 'x', -14, UNHEX(LEFT(SHA2('4', 256), 32)), '2000-01-01', '2020-01-01 00:00:00'),
  (5, 'u-5', 'eve@corp.example', 'Eve', '+49 170 5', 'US', 'y', 15, UNHEX(LEFT(SHA2('1', 256), 32)), '2001-01-01', '2020-01-01 00:00:00'),
  (6, 'u-6', 'old@corp.example', 'Old', '+49 170 6', 'US', 'z', 16, UNHEX(LEFT(SHA2('6', 256), 32)), '1940-01-01', '2020-01-01 00:00:00')
//
CREATE TABLE orders (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  user_code varchar(40) NOT NULL,
  amount int NOT NULL,
  CONSTRAINT orders_user FOREIGN KEY (user_code) REFERENCES users (code)
)
//
INSERT INTO orders VALUES (1, 'u-1', 10), (2, 'u-1', 20), (3, 'u-4', 30), (4, 'u-6', 40)
//
CREATE TABLE carts (
  id int NOT NULL PRIMARY KEY,
  user_code varchar(40),
  CONSTRAINT carts_user FOREIGN KEY (user_code) REFERENCES users (code) ON DELETE CASCADE
)
//
INSERT INTO carts VALUES (1, 'u-1'), (2, 'u-6'), (3, NULL)
//
CREATE TABLE items (
  cart int NOT NULL,
  text varchar(20),
  CONSTRAINT items_cart FOREIGN KEY (cart) REFERENCES carts (id) ON DELETE CASCADE
)
//
INSERT INTO items VALUES (1, 'a'), (2, 'b'), (2, 'c')
//
CREATE TABLE visits (
  user_code varchar(40),
  at datetime NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  CONSTRAINT visits_user FOREIGN KEY (user_code) REFERENCES users (code) ON DELETE SET NULL
)
//
INSERT INTO visits VALUES ('u-1', '2020-01-01'), ('u-6', '2020-01-01')
//
CREATE TABLE tree (
  id int NOT NULL PRIMARY KEY,
  up int,
  CONSTRAINT tree_up FOREIGN KEY (up) REFERENCES tree (id) ON DELETE CASCADE
)
//
INSERT INTO tree VALUES (1, NULL), (2, 1), (3, 2), (4, 3), (5, NULL), (6, 5)
//
CREATE TABLE newsletter (email varchar(60) CHARACTER SET latin1 NOT NULL)
//
INSERT INTO newsletter VALUES ('anna@corp.example'), ('größe@corp.example'), ('stranger@corp.example')
//
CREATE TABLE sessions (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, user_id bigint) AUTO_INCREMENT = 41
//
INSERT INTO sessions (user_id) VALUES (1), (2), (3)
//
CREATE TABLE audit (what varchar(100))
//
CREATE TABLE `odd.db ``x`.`it's \``t\` (`co``l\` varchar(200), `it's` varchar(40))
//
INSERT INTO `odd.db ``x`.`it's \``t\` VALUES ('a', 'b'), ('c', NULL)
//
CREATE TRIGGER users_first BEFORE UPDATE ON users FOR EACH ROW INSERT INTO audit VALUES (CONCAT('first ', OLD.email))
//
CREATE TRIGGER users_second BEFORE UPDATE ON users FOR EACH ROW SET NEW.note = OLD.email
//
CREATE TRIGGER users_gone AFTER DELETE ON users FOR EACH ROW INSERT INTO audit VALUES (CONCAT('gone ', OLD.email))
//
CREATE TRIGGER users_new AFTER INSERT ON users FOR EACH ROW INSERT INTO audit VALUES ('new')
//
CREATE TRIGGER items_gone AFTER DELETE ON items FOR EACH ROW INSERT INTO audit VALUES ('line')
//
CREATE FUNCTION accounts() RETURNS int READS SQL DATA SQL SECURITY INVOKER RETURN (SELECT COUNT(*) FROM mysql.db)
//
CREATE FUNCTION noted() RETURNS int MODIFIES SQL DATA BEGIN INSERT INTO audit VALUES ('noted'); RETURN 1; END
