USE shop
//
CREATE TABLE swap_a (a int)
//
CREATE TABLE swap_b (b int)
//
CREATE TABLE swap_c (a int) ENGINE=MyISAM
//
CREATE TABLE swap_d (b int) ENGINE=MyISAM
//
CREATE TABLE trig_a (a int)
//
CREATE TRIGGER on_trig BEFORE INSERT ON trig_a FOR EACH ROW SET NEW.a = 1
//
CREATE TABLE mover (a int PRIMARY KEY)
//
CREATE DATABASE doomed
//
CREATE TABLE doomed.t (a int)
//
CREATE TRIGGER doomed.tr BEFORE INSERT ON doomed.t FOR EACH ROW SET NEW.a = 1
//
CREATE EVENT doomed.e ON SCHEDULE EVERY 1 DAY DO SELECT 1
//
CREATE TABLE quick (a int)
