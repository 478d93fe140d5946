//! Table of statements and what becomes of them.

use super::*;
use EngineKind::{Mariadb, Mysql};

fn judge_in(rewriter: &mut Rewriter, text: &str) -> Verdict {
    rewriter.judge(text.as_bytes(), Syntax::default())
}

fn rewriter(kind: EngineKind) -> Rewriter {
    Rewriter::new(Target { kind }, Schemas::One("shop".to_owned()))
}

fn judge(kind: EngineKind, text: &str) -> Verdict {
    judge_in(&mut rewriter(kind), text)
}

fn changed(verdict: Verdict) -> String {
    match verdict {
        Verdict::Changed(text) => String::from_utf8(text).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_dump_consists_of_passes() {
    for text in [
        "INSERT INTO `t` VALUES (1,'DEFINER=`a`@`b` mysql.user GRANT')",
        "/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */",
        "/*!40014 SET UNIQUE_CHECKS=@OLD_UNIQUE_CHECKS */",
        "/*!50503 SET NAMES utf8mb4 */",
        "SET NAMES utf8mb4 COLLATE utf8mb4_bin",
        "LOCK TABLES `t` WRITE",
        "UNLOCK TABLES",
        "/*!40000 ALTER TABLE `t` DISABLE KEYS */",
        "DROP TABLE IF EXISTS `t`",
        "CREATE TABLE `t` (`id` int NOT NULL DEFAULT '1', `at` timestamp DEFAULT current_timestamp() ON UPDATE current_timestamp(), PRIMARY KEY (`id`)) ENGINE=InnoDB DEFAULT CHARSET=latin1",
        "/*!50001 DROP VIEW IF EXISTS `v`*/",
        "/*!50003 CREATE*/ /*!50017 DEFINER=`offshoot_admin`@`localhost`*/ /*!50003 TRIGGER `t` BEFORE INSERT ON `o` FOR EACH ROW SET NEW.a = 1 */",
        "CREATE DEFINER=CURRENT_USER PROCEDURE p() SELECT 'GRANT'",
        "CREATE TABLE t (mysql int, `sys` int)",
        "FLUSH TABLES",
        "COMMIT",
        "(SELECT 1)",
        "/*M!100616 SET @OLD_NOTE_VERBOSITY=@@NOTE_VERBOSITY, NOTE_VERBOSITY=0 */",
    ] {
        for kind in EngineKind::ALL {
            assert_eq!(judge(kind, text), Verdict::Run, "{kind} {text}");
        }
    }
}

#[test]
fn mariadb_checks_rows_as_they_come() {
    let head = "/*!40014 SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0 */";
    assert_eq!(judge(Mysql, head), Verdict::Run);
    assert_eq!(
        changed(judge(Mariadb, head)),
        "/*!40014 SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=1 */"
    );
    assert_eq!(
        changed(judge(Mariadb, "SET SESSION unique_checks = OFF")),
        "SET SESSION unique_checks = 1"
    );
}

#[test]
fn definers_become_the_admin() {
    for (text, wanted) in [
        (
            "/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`%`*/ /*!50003 TRIGGER `t` BEFORE INSERT ON `o` FOR EACH ROW SET @a='DEFINER=`x`@`y`' */",
            "/*!50003 CREATE*/ /*!50017 DEFINER=`offshoot_admin`@`localhost`*/ /*!50003 TRIGGER `t` BEFORE INSERT ON `o` FOR EACH ROW SET @a='DEFINER=`x`@`y`' */",
        ),
        (
            "/*!50001 CREATE ALGORITHM=MERGE */ /*!50013 DEFINER=app@'10.%' SQL SECURITY INVOKER */ /*!50001 VIEW `v` AS select 1 */",
            "/*!50001 CREATE ALGORITHM=MERGE */ /*!50013 DEFINER=`offshoot_admin`@`localhost` SQL SECURITY INVOKER */ /*!50001 VIEW `v` AS select 1 */",
        ),
        (
            "CREATE OR REPLACE DEFINER = 'a`b'@\"c\" PROCEDURE p() BEGIN END",
            "CREATE OR REPLACE DEFINER = `offshoot_admin`@`localhost` PROCEDURE p() BEGIN END",
        ),
        (
            "CREATE DEFINER=`role` AGGREGATE FUNCTION f(x int) RETURNS int RETURN 1",
            "CREATE DEFINER=`offshoot_admin`@`localhost` AGGREGATE FUNCTION f(x int) RETURNS int RETURN 1",
        ),
        (
            "/*!50106 CREATE*/ /*!50117 DEFINER=`e`@`localhost`*/ /*!50106 EVENT `e` ON SCHEDULE EVERY 1 DAY DO SELECT 1 */",
            "/*!50106 CREATE*/ /*!50117 DEFINER=`offshoot_admin`@`localhost`*/ /*!50106 EVENT `e` ON SCHEDULE EVERY 1 DAY DO SELECT 1 */",
        ),
    ] {
        let mut rewriter = rewriter(Mysql);
        assert_eq!(changed(judge_in(&mut rewriter, text)), wanted);
        assert_eq!(rewriter.changes()[&Change::Definer], 1);
    }
}

#[test]
fn what_is_not_the_branchs_is_refused_with_the_next_step() {
    for text in [
        "GRANT ALL ON *.* TO `a`@`b`",
        "REVOKE ALL ON *.* FROM a",
        "CREATE USER a@b IDENTIFIED BY 'x'",
        "/*!80000 CREATE USER IF NOT EXISTS a */",
        "ALTER USER a",
        "DROP USER a",
        "RENAME USER a TO b",
        "CREATE ROLE r",
        "CREATE OR REPLACE ROLE r",
        "SET PASSWORD FOR a = 'x'",
        "SET ROLE ALL",
        "SET DEFAULT ROLE r TO a",
        "SET GLOBAL max_connections = 1",
        "SET @@global.max_connections = 1",
        "SET PERSIST max_connections = 1",
        "SET @a = 1, @@PERSIST_ONLY.x = 1",
        "INSTALL PLUGIN a SONAME 'a.so'",
        "INSTALL COMPONENT 'file://x'",
        "UNINSTALL PLUGIN a",
        "CREATE FUNCTION f RETURNS STRING SONAME 'udf.so'",
        "LOAD DATA INFILE 'x' INTO TABLE t",
        "LOAD DATA LOCAL INFILE 'x' INTO TABLE t",
        "SELECT * FROM t INTO OUTFILE '/tmp/x'",
        "SELECT 1 INTO DUMPFILE '/tmp/x'",
        "CHANGE MASTER TO MASTER_LOG_FILE='x'",
        "CHANGE REPLICATION SOURCE TO SOURCE_HOST='x'",
        "START SLAVE",
        "STOP REPLICA",
        "RESET MASTER",
        "PURGE BINARY LOGS TO 'x'",
        "SHUTDOWN",
        "RESTART",
        "KILL 1",
        "CLONE LOCAL DATA DIRECTORY 'x'",
        "ALTER INSTANCE ROTATE INNODB MASTER KEY",
        "CREATE TABLESPACE t ADD DATAFILE 'x'",
        "CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (USER 'x')",
        "FLUSH LOGS",
        "USE mysql",
        "USE `sys`",
        "INSERT INTO mysql.user VALUES (1)",
        "INSERT IGNORE INTO `mysql`.`user` VALUES (1)",
        "REPLACE mysql.global_grants VALUES (1)",
        "CREATE TABLE mysql.t (a int)",
        "CREATE TABLE IF NOT EXISTS `mysql`.t (a int)",
        "DROP TABLE IF EXISTS mysql.user",
        "DROP DATABASE mysql",
        "UPDATE mysql.user SET a = 1",
        "DELETE FROM mysql.user",
        "TRUNCATE TABLE mysql.user",
        "CREATE TRIGGER sys.t BEFORE INSERT ON x FOR EACH ROW SET @a = 1",
        "source /tmp/x",
    ] {
        for kind in EngineKind::ALL {
            match judge(kind, text) {
                Verdict::Refuse { reason, hint } => {
                    assert!(!reason.is_empty() && !hint.is_empty(), "{text}");
                }
                other => panic!("{kind} {text}: {other:?}"),
            }
        }
    }
}

#[test]
fn settings_of_the_dumped_server_are_skipped() {
    for text in [
        "SET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ '3e11fa47:1-5'",
        "SET @@SESSION.SQL_LOG_BIN= 0",
        "SET @@SESSION.SQL_LOG_BIN = @MYSQLDUMP_TEMP_LOG_BIN",
        "/*!50606 SET GLOBAL INNODB_STATS_AUTO_RECALC=@OLD_INNODB_STATS_AUTO_RECALC */",
        "FLUSH PRIVILEGES",
    ] {
        let mut rewriter = rewriter(Mysql);
        assert_eq!(judge_in(&mut rewriter, text), Verdict::Skip, "{text}");
        assert_eq!(rewriter.changes()[&Change::Skipped], 1);
    }
    assert_eq!(
        changed(judge(
            Mysql,
            "SET sql_log_bin=0, @a=(1,2), foreign_key_checks=0"
        )),
        "SET @a=(1,2), foreign_key_checks=0"
    );
}

#[test]
fn one_schema_becomes_the_branchs_own() {
    let mut rewriter = rewriter(Mysql);
    for (text, wanted) in [
        (
            "/*!40000 DROP DATABASE IF EXISTS `old`*/",
            "/*!40000 DROP DATABASE IF EXISTS `shop`*/",
        ),
        (
            "CREATE DATABASE /*!32312 IF NOT EXISTS*/ `old` /*!40100 DEFAULT CHARACTER SET utf8 */",
            "CREATE DATABASE /*!32312 IF NOT EXISTS*/ `shop` /*!40100 DEFAULT CHARACTER SET utf8 */",
        ),
        (
            "CREATE DATABASE `old`",
            "CREATE DATABASE IF NOT EXISTS `shop`",
        ),
        ("USE `old`", "USE `shop`"),
        (
            "INSERT INTO `old`.`t` VALUES (1)",
            "INSERT INTO `shop`.`t` VALUES (1)",
        ),
        (
            "CREATE VIEW `v` AS select `old`.`t`.`old` AS `a`, `old`.`f`(1) from (`old`.`t` join `x`)",
            "CREATE VIEW `v` AS select `shop`.`t`.`old` AS `a`, `shop`.`f`(1) from (`shop`.`t` join `x`)",
        ),
        (
            "CREATE TRIGGER old.t BEFORE INSERT ON old.c FOR EACH ROW SET NEW.a = (SELECT 1 FROM old.p ON old.x = 1)",
            "CREATE TRIGGER `shop`.t BEFORE INSERT ON `shop`.c FOR EACH ROW SET NEW.a = (SELECT 1 FROM `shop`.p ON old.x = 1)",
        ),
        (
            "CREATE TABLE c (FOREIGN KEY (a) REFERENCES `old`.`p` (a))",
            "CREATE TABLE c (FOREIGN KEY (a) REFERENCES `shop`.`p` (a))",
        ),
    ] {
        assert_eq!(changed(judge_in(&mut rewriter, text)), wanted);
    }
    // A table or an alias may be called like the schema.
    assert_eq!(
        judge_in(
            &mut rewriter,
            "CREATE VIEW `v` AS select `old`.`id` AS `id` from `old`"
        ),
        Verdict::Run
    );
    let Verdict::Refuse { reason, hint } = judge_in(&mut rewriter, "USE other") else {
        panic!("a second schema is not mapped");
    };
    assert_eq!(reason, "the dump has several schemas: old and other");
    assert!(hint.contains("--keep-schemas"));
    let mut keep = Rewriter::new(Target { kind: Mysql }, Schemas::Keep);
    for text in ["USE a", "CREATE DATABASE b", "USE b"] {
        assert_eq!(judge_in(&mut keep, text), Verdict::Run);
    }
    assert_ne!(judge_in(&mut keep, "USE mysql"), Verdict::Run);
}

#[test]
fn what_the_other_engine_calls_otherwise_is_translated() {
    for (kind, text, wanted) in [
        (
            Mysql,
            "CREATE TABLE `t` (`u` uuid DEFAULT uuid(), KEY `k` (`u`) IGNORED) ENGINE=Aria DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_uca1400_ai_ci PAGE_CHECKSUM=1 TRANSACTIONAL=1 ROW_FORMAT=PAGE COMMENT='ENGINE=Aria'",
            "CREATE TABLE `t` (`u` uuid DEFAULT (uuid()), KEY `k` (`u`) INVISIBLE) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci    COMMENT='ENGINE=Aria'",
        ),
        (
            Mysql,
            "/*!50003 SET sql_mode              = 'STRICT_TRANS_TABLES,NO_AUTO_CREATE_USER' */",
            "/*!50003 SET sql_mode              = 'STRICT_TRANS_TABLES' */",
        ),
        (
            Mariadb,
            "CREATE TABLE `t` (`a` varchar(9) COLLATE utf8mb4_0900_as_cs COMMENT 'utf8mb4_0900_as_cs') ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci COMPRESSION='none'",
            "CREATE TABLE `t` (`a` varchar(9) COLLATE utf8mb4_uca1400_nopad_as_cs COMMENT 'utf8mb4_0900_as_cs') ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_uca1400_nopad_ai_ci ",
        ),
        (
            Mariadb,
            "/*!50003 SET collation_connection  = utf8mb4_0900_ai_ci */",
            "/*!50003 SET collation_connection  = utf8mb4_uca1400_nopad_ai_ci */",
        ),
        (
            Mariadb,
            "CREATE VIEW v AS select 'a' collate utf8mb4_0900_ai_ci AS `x`",
            "CREATE VIEW v AS select 'a' collate utf8mb4_uca1400_nopad_ai_ci AS `x`",
        ),
    ] {
        assert_eq!(changed(judge(kind, text)), wanted);
    }
    assert_eq!(
        changed(judge(
            Mysql,
            "CREATE TABLE `t` (`a` varchar(9) COLLATE latin1_bin, `b` varchar(9) CHARACTER SET latin1 COLLATE latin1_bin, `c` char(1) COLLATE ascii_bin) DEFAULT CHARSET=latin1 COLLATE=latin1_bin",
        )),
        "CREATE TABLE `t` (`a` varchar(9) , `b` varchar(9) CHARACTER SET latin1 COLLATE latin1_bin, `c` char(1) COLLATE ascii_bin) DEFAULT CHARSET=latin1 COLLATE=latin1_bin"
    );
    for text in [
        "CREATE SEQUENCE s START WITH 1",
        "CREATE TABLE t (a int) WITH SYSTEM VERSIONING",
        "CREATE TABLE t (a int, f date, t date, PERIOD FOR p (f, t))",
        "CREATE PACKAGE p AS END",
    ] {
        assert!(
            matches!(judge(Mysql, text), Verdict::Refuse { .. }),
            "{text}"
        );
        assert_eq!(judge(Mariadb, text), Verdict::Run, "{text}");
    }
    // Each engine's own dump passes untouched.
    for (kind, text) in [
        (
            Mysql,
            "CREATE TABLE t (a int) ENGINE=MyISAM COLLATE=utf8mb4_0900_ai_ci COMPRESSION='zlib'",
        ),
        (
            Mariadb,
            "CREATE TABLE t (a int DEFAULT uuid()) ENGINE=Aria COLLATE=utf8mb4_uca1400_ai_ci PAGE_CHECKSUM=1",
        ),
    ] {
        assert_eq!(judge(kind, text), Verdict::Run);
    }
}

#[test]
fn the_table_is_named_for_who_watches() {
    for (text, wanted) in [
        ("INSERT INTO `a b` VALUES (1)", Some("a b")),
        ("INSERT IGNORE INTO x.y VALUES (1)", Some("y")),
        ("CREATE TABLE IF NOT EXISTS t (a int)", Some("t")),
        ("SELECT 1", None),
    ] {
        assert_eq!(table_of(text.as_bytes()).as_deref(), wanted);
    }
}

mod random {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nothing_panics(words in prop::collection::vec(prop_oneof![
            Just("CREATE"), Just("DEFINER"), Just("="), Just("`a`"), Just("@"), Just("'"), Just("("), Just(")"),
            Just("TABLE"), Just("ENGINE"), Just("Aria"), Just("DEFAULT"), Just("uuid"), Just("SET"), Just(","),
            Just("sql_mode"), Just("/*!50003"), Just("*/"), Just("."), Just("DATABASE"), Just("IF"), Just("EXISTS"),
            Just("INSERT"), Just("INTO"), Just("USE"), Just("PAGE_CHECKSUM"), Just("COLLATE"), Just("uca1400_ai_ci"), Just("\\"),
        ], 0..20)) {
            let text = words.join(" ");
            for kind in EngineKind::ALL {
                let _ = judge(kind, &text);
            }
            let _ = table_of(text.as_bytes());
        }
    }
}
