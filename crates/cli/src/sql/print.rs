//! Results as they come: a table for people, JSON, CSV.

use crate::failure::Failure;
use crate::output::plain;
use crate::sql::value::Cell;
use serde_json::{Map, Value, json};
use std::io::{self, Write};
use unicode_width::UnicodeWidthStr;

/// Rows that decide how wide a table's columns are; later ones may be wider.
const MEASURED: usize = 1_000;
/// A measured row that is longer than this, in bytes, ends the measuring.
const MEASURED_BYTES: usize = 1 << 20;

pub(crate) trait Printer {
    /// A result set begins.
    fn begin(&mut self, names: Vec<String>) -> io::Result<()>;
    /// As many values as there are names.
    fn row(&mut self, cells: Vec<Cell>) -> io::Result<()>;
    /// The result set is over.
    fn close(&mut self) -> io::Result<()>;
    /// A statement without rows.
    fn done(&mut self, affected: u64, warnings: u16, info: &str) -> io::Result<()>;
}

/// A table with lines around it, as MySQL's client draws it.
pub(crate) struct Human<W> {
    out: W,
    widths: Vec<usize>,
    /// Heading and first rows, until the widths are known.
    waiting: Vec<Vec<String>>,
    bytes: usize,
    drawn: bool,
    rows: u64,
}

impl<W: Write> Human<W> {
    pub(crate) fn new(out: W) -> Self {
        Self {
            out,
            widths: Vec::new(),
            waiting: Vec::new(),
            bytes: 0,
            drawn: false,
            rows: 0,
        }
    }

    fn draw_waiting(&mut self) -> io::Result<()> {
        let rows = std::mem::take(&mut self.waiting);
        for (i, row) in rows.iter().enumerate() {
            if i < 2 && !self.drawn {
                self.rule()?;
            }
            self.line(row)?;
        }
        if rows.len() == 1 && !self.drawn {
            self.rule()?;
        }
        self.drawn = true;
        self.bytes = 0;
        Ok(())
    }

    fn rule(&mut self) -> io::Result<()> {
        for width in &self.widths {
            write!(self.out, "+{:-<1$}", "", width + 2)?;
        }
        writeln!(self.out, "+")
    }

    fn line(&mut self, row: &[String]) -> io::Result<()> {
        for (text, width) in row.iter().zip(&self.widths) {
            let blanks = width.saturating_sub(text.width());
            write!(self.out, "| {text}{:blanks$} ", "")?;
        }
        writeln!(self.out, "|")
    }
}

/// One line, and nothing that could steer a terminal.
fn shown(text: &str) -> String {
    plain(text).replace('\n', "\\n").replace('\t', "\\t")
}

impl<W: Write> Printer for Human<W> {
    fn begin(&mut self, names: Vec<String>) -> io::Result<()> {
        let names: Vec<String> = names.iter().map(|name| shown(name)).collect();
        self.widths = names.iter().map(|name| name.width()).collect();
        self.waiting = vec![names];
        (self.bytes, self.drawn, self.rows) = (0, false, 0);
        Ok(())
    }

    fn row(&mut self, cells: Vec<Cell>) -> io::Result<()> {
        let row: Vec<String> = cells
            .iter()
            .map(|cell| cell.text().map_or_else(|| "NULL".to_owned(), shown))
            .collect();
        self.rows += 1;
        if self.drawn {
            return self.line(&row);
        }
        for (width, text) in self.widths.iter_mut().zip(&row) {
            *width = text.width().max(*width);
        }
        self.bytes += row.iter().map(String::len).sum::<usize>();
        self.waiting.push(row);
        if self.waiting.len() > MEASURED || self.bytes > MEASURED_BYTES {
            self.draw_waiting()?;
        }
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        if self.rows > 0 {
            self.draw_waiting()?;
            self.rule()?;
        }
        self.waiting.clear();
        let s = if self.rows == 1 { "" } else { "s" };
        writeln!(self.out, "{} row{s}", self.rows)
    }

    fn done(&mut self, affected: u64, warnings: u16, info: &str) -> io::Result<()> {
        let s = if affected == 1 { "" } else { "s" };
        write!(self.out, "{affected} row{s} affected")?;
        if warnings > 0 {
            write!(self.out, ", warnings: {warnings}")?;
        }
        if !info.is_empty() {
            write!(self.out, " ({})", plain(info))?;
        }
        writeln!(self.out)
    }
}

/// One table after the other, an empty line between them. NULL is empty.
pub(crate) struct Csv<W: Write> {
    out: W,
    sets: u64,
}

impl<W: Write> Csv<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { out, sets: 0 }
    }

    fn record<'a>(&mut self, fields: impl Iterator<Item = &'a str>) -> io::Result<()> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(fields)?;
        let bytes = writer
            .into_inner()
            .map_err(|error| io::Error::other(error.to_string()))?;
        self.out.write_all(&bytes)
    }
}

impl<W: Write> Printer for Csv<W> {
    fn begin(&mut self, names: Vec<String>) -> io::Result<()> {
        if self.sets > 0 {
            writeln!(self.out)?;
        }
        self.sets += 1;
        self.record(names.iter().map(String::as_str))
    }

    fn row(&mut self, cells: Vec<Cell>) -> io::Result<()> {
        self.record(cells.iter().map(|cell| cell.text().unwrap_or_default()))
    }

    fn close(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn done(&mut self, _: u64, _: u16, _: &str) -> io::Result<()> {
        Ok(())
    }
}

/// One object. The first result stands in it as `pscale` has it; further ones are in
/// `more_results`. Rows are objects; a name that comes twice gets a number.
pub(crate) struct Json<W> {
    out: W,
    about: Map<String, Value>,
    /// Result sets that were opened.
    sets: u64,
    names: Vec<String>,
    rows: u64,
    /// Inside `rows`.
    open: bool,
}

impl<W: Write> Json<W> {
    pub(crate) fn new(out: W, about: Map<String, Value>) -> Self {
        Self {
            out,
            about,
            sets: 0,
            names: Vec::new(),
            rows: 0,
            open: false,
        }
    }

    /// Whether something is written already.
    pub(crate) fn begun(&self) -> bool {
        self.sets > 0
    }

    pub(crate) fn end(&mut self) -> io::Result<()> {
        if !self.begun() {
            self.done(0, 0, "")?;
        }
        self.last(&json!({"status": "ok", "next_steps": []}))
    }

    /// Closes what is open, and says why it ends.
    pub(crate) fn fail(&mut self, failure: &Failure) -> io::Result<()> {
        if self.open {
            self.close()?;
        }
        self.last(&failure.object())
    }

    fn last(&mut self, more: &Value) -> io::Result<()> {
        if self.sets > 1 {
            write!(self.out, "\n  ]")?;
        }
        if let Value::Object(more) = more {
            for (name, value) in more {
                write!(self.out, ",\n  {}: {value}", json!(name))?;
            }
        }
        writeln!(self.out, "\n}}")
    }

    /// Up to where a result's own members begin.
    fn head(&mut self) -> io::Result<()> {
        self.sets += 1;
        match self.sets {
            1 => {
                writeln!(self.out, "{{")?;
                for (name, value) in &self.about {
                    writeln!(self.out, "  {}: {value},", json!(name))?;
                }
                write!(self.out, "  ")
            }
            2 => write!(self.out, ",\n  \"more_results\": [\n    {{"),
            _ => write!(self.out, ",\n    {{"),
        }
    }

    fn tail(&mut self) -> io::Result<()> {
        if self.sets > 1 {
            write!(self.out, "}}")?;
        }
        Ok(())
    }
}

impl<W: Write> Printer for Json<W> {
    fn begin(&mut self, names: Vec<String>) -> io::Result<()> {
        self.head()?;
        self.names = distinct(names);
        self.rows = 0;
        self.open = true;
        write!(self.out, "\"columns\": {}, \"rows\": [", json!(self.names))
    }

    fn row(&mut self, cells: Vec<Cell>) -> io::Result<()> {
        let row: Vec<String> = self
            .names
            .iter()
            .zip(cells)
            .map(|(name, cell)| format!("{}: {}", json!(name), cell.json()))
            .collect();
        let comma = if self.rows > 0 { "," } else { "" };
        self.rows += 1;
        write!(self.out, "{comma}\n    {{{}}}", row.join(", "))
    }

    fn close(&mut self) -> io::Result<()> {
        self.open = false;
        write!(
            self.out,
            "], \"row_count\": {}, \"rows_affected\": 0",
            self.rows
        )?;
        self.tail()
    }

    fn done(&mut self, affected: u64, warnings: u16, info: &str) -> io::Result<()> {
        self.head()?;
        write!(
            self.out,
            "\"columns\": [], \"rows\": [], \"row_count\": 0, \"rows_affected\": {affected}"
        )?;
        if warnings > 0 {
            write!(self.out, ", \"warnings\": {warnings}")?;
        }
        if !info.is_empty() {
            write!(self.out, ", \"info\": {}", json!(info))?;
        }
        self.tail()
    }
}

/// `a, a` becomes `a, a_2`.
fn distinct(names: Vec<String>) -> Vec<String> {
    let mut all: Vec<String> = Vec::with_capacity(names.len());
    for name in names {
        let mut candidate = name.clone();
        let mut n = 1;
        while all.contains(&candidate) {
            n += 1;
            candidate = format!("{name}_{n}");
        }
        all.push(candidate);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Cell {
        Cell::Number(text.into())
    }

    /// Two result sets and a statement without rows.
    fn story(printer: &mut impl Printer) {
        printer
            .begin(vec!["id".into(), "name".into(), "id".into()])
            .unwrap();
        let long = Cell::Text("line one\nline \u{1b}[2Jtwo".into());
        printer.row(vec![number("1"), long, Cell::Null]).unwrap();
        printer
            .row(vec![number("22"), Cell::Text("日本".into()), number("3")])
            .unwrap();
        printer.close().unwrap();
        printer.done(3, 1, "Records: 3").unwrap();
        printer.begin(vec!["empty".into()]).unwrap();
        printer.close().unwrap();
    }

    #[test]
    fn people_get_tables() {
        let mut out = Vec::new();
        story(&mut Human::new(&mut out));
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }

    #[test]
    fn spreadsheets_get_csv() {
        let mut out = Vec::new();
        story(&mut Csv::new(&mut out));
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text,
            "id,name,id\n1,\"line one\nline \u{1b}[2Jtwo\",\n22,日本,3\n\nempty\n"
        );
    }

    #[test]
    fn programs_get_one_object() {
        let mut out = Vec::new();
        let mut json = Json::new(&mut out, Map::new());
        story(&mut json);
        json.end().unwrap();
        let value: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(value["columns"], json!(["id", "name", "id_2"]));
        assert_eq!(
            value["rows"][1],
            json!({"id": 22, "name": "日本", "id_2": 3})
        );
        assert_eq!(value["row_count"], 2);
        assert_eq!(value["more_results"][0]["rows_affected"], 3);
        assert_eq!(value["more_results"][1]["rows"], json!([]));
        assert_eq!(value["status"], "ok");
    }

    #[test]
    fn what_breaks_off_is_json_all_the_same() {
        let mut out = Vec::new();
        let mut json = Json::new(&mut out, Map::new());
        json.begin(vec!["a".into()]).unwrap();
        json.row(vec![number("1")]).unwrap();
        json.fail(&Failure::Interrupted).unwrap();
        let value: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(value["rows"], json!([{"a": 1}]));
        assert_eq!(value["status"], "error");
    }

    /// The widths of the first rows are kept; nothing is held back after them.
    #[test]
    fn long_tables_are_not_held_in_memory() {
        let mut out = Vec::new();
        let mut human = Human::new(&mut out);
        human.begin(vec!["n".into()]).unwrap();
        for _ in 0..=MEASURED {
            human.row(vec![number("7")]).unwrap();
            assert!(human.waiting.len() <= MEASURED + 1);
        }
        human.row(vec![number("12345")]).unwrap();
        human.close().unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.ends_with("| 12345 |\n+---+\n1002 rows\n"), "{text}");
    }
}
