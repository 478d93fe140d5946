//! What is questionable about a schema, decided from facts that the engine told.

/// A base table, as the catalogue shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableFacts {
    pub schema: String,
    pub name: String,
    /// Storage engine; empty where the engine cannot open the table.
    pub engine: String,
    pub charset: String,
    /// It has a primary key, or a unique one whose columns are never NULL.
    pub identified: bool,
}

/// A finding's kind. Source of the names: PlanetScale's lint errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    NoUniqueKey,
    Charset,
    StorageEngine,
}

impl Rule {
    pub fn as_str(self) -> &'static str {
        match self {
            Rule::NoUniqueKey => "NO_UNIQUE_KEY",
            Rule::Charset => "UNSUPPORTED_CHARSET",
            Rule::StorageEngine => "UNSUPPORTED_ENGINE",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub rule: Rule,
    pub table: TableFacts,
    pub description: String,
}

/// Character sets that both engines and every driver have.
const CHARSETS: [&str; 6] = ["utf8mb4", "utf8mb3", "utf8", "latin1", "ascii", "binary"];

/// Findings in the order of the tables.
pub fn lint(tables: Vec<TableFacts>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for table in tables {
        let name = format!("table \"{}\"", table.name);
        if !table.identified {
            findings.push(Finding {
                rule: Rule::NoUniqueKey,
                description: format!(
                    "{name} has neither a primary key nor a unique key without NULL: its rows \
                     cannot be told apart, and row-based replication searches the whole table for each"
                ),
                table: table.clone(),
            });
        }
        if !CHARSETS.contains(&table.charset.as_str()) && !table.charset.is_empty() {
            findings.push(Finding {
                rule: Rule::Charset,
                description: format!(
                    "{name} has the character set {}, which not every engine and driver has; utf8mb4 is",
                    table.charset
                ),
                table: table.clone(),
            });
        }
        if !table.engine.is_empty() && !table.engine.eq_ignore_ascii_case("InnoDB") {
            findings.push(Finding {
                rule: Rule::StorageEngine,
                description: format!(
                    "{name} is kept by {}, which loses rows in a crash and knows no transactions; InnoDB does",
                    table.engine
                ),
                table,
            });
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_judged_by_what_the_engine_says() {
        let table = |engine: &str, charset: &str, identified| TableFacts {
            schema: "shop".into(),
            name: "t".into(),
            engine: engine.into(),
            charset: charset.into(),
            identified,
        };
        let rules = |t| -> Vec<&str> { lint(vec![t]).iter().map(|f| f.rule.as_str()).collect() };
        assert!(rules(table("InnoDB", "utf8mb4", true)).is_empty());
        assert_eq!(rules(table("InnoDB", "latin1", false)), ["NO_UNIQUE_KEY"]);
        assert_eq!(
            rules(table("InnoDB", "gb2312", true)),
            ["UNSUPPORTED_CHARSET"]
        );
        assert_eq!(
            rules(table("MyISAM", "utf8mb3", true)),
            ["UNSUPPORTED_ENGINE"]
        );
        assert!(rules(table("", "", true)).is_empty());
    }
}
