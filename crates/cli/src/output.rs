//! Printing results: tables and sentences for people, what the API answered as JSON, CSV.

mod cell;
mod rows;
mod table;

pub(crate) use cell::{Cell, bytes, plain};
pub(crate) use rows::{KEEP, Row, Shown};

use crate::failure::Failure;
use crate::globals::Format;
use crate::terminal::Terminal;
use jiff::Timestamp;
use serde::Serialize;
use std::io::Write;

pub(crate) struct Output<'a> {
    pub(crate) format: Format,
    pub(crate) terminal: &'a mut Terminal,
}

impl<'a> Output<'a> {
    pub(crate) fn new(format: Format, terminal: &'a mut Terminal) -> Self {
        Self { format, terminal }
    }

    pub(crate) fn human(&self) -> bool {
        self.format == Format::Human
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.terminal.now
    }

    /// A list. `none` is said when it is empty.
    pub(crate) fn list<T: Row + Serialize>(
        &mut self,
        items: &[T],
        none: &str,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Json => self.json(&items),
            Format::Human if items.is_empty() => Ok(writeln!(self.terminal.err, "{none}")?),
            Format::Human => self.table(items),
            Format::Csv => self.csv(items),
        }
    }

    /// One thing.
    pub(crate) fn one<T: Row + Serialize>(&mut self, item: &T) -> Result<(), Failure> {
        match self.format {
            Format::Json => self.json(item),
            Format::Csv => self.csv(std::slice::from_ref(item)),
            Format::Human => self.table(std::slice::from_ref(item)),
        }
    }

    /// What was done: a sentence for people, the thing itself for programs.
    pub(crate) fn done<T: Row + Serialize>(
        &mut self,
        sentence: &str,
        item: &T,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Human => self.text(sentence),
            _ => self.one(item),
        }
    }

    /// What did not come to a good end: the reason for people, the thing itself for programs.
    pub(crate) fn failed<T: Row + Serialize>(
        &mut self,
        failure: Failure,
        item: &T,
    ) -> Result<(), Failure> {
        if self.human() {
            return Err(failure);
        }
        self.one(item)?;
        Err(Failure::Reported(Box::new(failure)))
    }

    /// A thing that was made with a secret. `more`: columns that only this answer has.
    pub(crate) fn secret<T: Row + Serialize>(
        &mut self,
        sentence: &str,
        item: &T,
        more: &[(&str, String)],
    ) -> Result<(), Failure> {
        match self.format {
            Format::Human => self.text(sentence),
            Format::Json => self.json(item),
            Format::Csv => {
                let names = T::COLUMNS.iter().copied();
                let header = names.chain(more.iter().map(|(name, _)| *name)).collect();
                let cells = item.cells(self.now());
                let cells = cells.iter().map(Cell::exact).collect::<Vec<_>>();
                let values = more.iter().map(|(_, value)| value.clone());
                self.records(header, vec![cells.into_iter().chain(values).collect()])
            }
        }
    }

    /// What was done to a thing that is gone: `{"result": …, "<what>": …}` for programs.
    pub(crate) fn gone(&mut self, what: &str, name: &str, sentence: &str) -> Result<(), Failure> {
        match self.format {
            Format::Human => self.text(sentence),
            Format::Json => {
                let result = format!("{what} deleted");
                self.json(&serde_json::json!({ "result": result, what: name }))
            }
            Format::Csv => self.text(&format!("{what}\n{name}")),
        }
    }

    pub(crate) fn json<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value).map_err(std::io::Error::from)?;
        self.text(&text)
    }

    /// Lines of text as they are.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), Failure> {
        writeln!(self.terminal.out, "{text}")?;
        Ok(())
    }

    /// A remark beside the result: for people only.
    pub(crate) fn note(&mut self, text: &str) -> Result<(), Failure> {
        if self.human() {
            writeln!(self.terminal.err, "{text}")?;
        }
        Ok(())
    }

    fn table<T: Row>(&mut self, items: &[T]) -> Result<(), Failure> {
        let now = self.now();
        let row = |item: &T| item.cells(now).iter().map(|cell| cell.human(now)).collect();
        let rows: Vec<Vec<String>> = items.iter().map(row).collect();
        let width = self.terminal.width;
        self.text(&table::draw(T::COLUMNS, T::SHOWN, &rows, width))
    }

    fn csv<T: Row>(&mut self, items: &[T]) -> Result<(), Failure> {
        let now = self.now();
        let row = |item: &T| item.cells(now).iter().map(Cell::exact).collect();
        self.records(T::COLUMNS.to_vec(), items.iter().map(row).collect())
    }

    fn records(&mut self, header: Vec<&str>, rows: Vec<Vec<String>>) -> Result<(), Failure> {
        let mut writer = csv::Writer::from_writer(&mut self.terminal.out);
        let write = || -> csv::Result<()> {
            writer.write_record(header)?;
            for row in rows {
                writer.write_record(row)?;
            }
            Ok(writer.flush()?)
        };
        write().map_err(|error| match error.into_kind() {
            csv::ErrorKind::Io(error) => Failure::Output(error),
            other => Failure::Output(std::io::Error::other(format!("{other:?}"))),
        })
    }
}
