//! Tables for people, in the look of `pscale`, as wide as the terminal at most.

use crate::output::{KEEP, Shown};
use comfy_table::{ContentArrangement, ContentLineStyle, LineStyle, Table, TableStyle};
use unicode_width::UnicodeWidthStr;

/// A line of dashes below the headings, nothing else.
const LOOK: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none())
    .header_separator(LineStyle::none().fill('-'))
    .content_lines(ContentLineStyle::none());

/// Draws the columns in `shown`, whose values are found by their names in `columns`. Names become
/// headings: upper case, blanks for underscores. In a terminal (`width`, in characters) that is too
/// narrow, the columns that matter least are left out, and when that is not enough, texts are broken.
pub(crate) fn draw(
    columns: &[&str],
    shown: &[Shown],
    rows: &[Vec<String>],
    width: Option<u16>,
) -> String {
    let mut shown = shown.to_vec();
    loop {
        let text = text(&table(columns, &shown, rows));
        let Some(width) = width else { return text };
        if text.lines().all(|line| line.width() <= usize::from(width)) {
            return text;
        }
        let least = shown.iter().map(|(_, rank)| *rank).max();
        match least {
            Some(least) if least != KEEP => shown.retain(|(_, rank)| *rank != least),
            _ => {
                let mut table = table(columns, &shown, rows);
                table
                    .set_content_arrangement(ContentArrangement::Dynamic)
                    .set_width(width);
                return self::text(&table);
            }
        }
    }
}

fn table(columns: &[&str], shown: &[Shown], rows: &[Vec<String>]) -> Table {
    let place = |(name, _): &Shown| columns.iter().position(|column| column == name);
    let places: Vec<usize> = shown.iter().filter_map(place).collect();
    let heading = |i: &usize| columns[*i].replace('_', " ").to_uppercase();
    let mut table = Table::new();
    table
        .load_style(LOOK)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(places.iter().map(heading))
        .add_rows(rows.iter().map(|row| places.iter().map(|i| &row[*i])));
    table
}

fn text(table: &Table) -> String {
    let lines: Vec<String> = table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrow_terminals_get_fewer_columns_then_broken_texts() {
        let columns = ["name", "kind", "created_at", "engine"];
        let shown = [("name", KEEP), ("engine", 1), ("created_at", 2)];
        let row = ["sprint-42", "mysql", "3 hours ago", "mysql-9.7.4"].map(str::to_owned);
        let rows = [row.to_vec()];
        let drawn = |width| draw(&columns, &shown, &rows, width);
        let heading = |width| drawn(width).lines().next().unwrap_or_default().to_owned();
        assert_eq!(heading(None), " NAME       ENGINE       CREATED AT");
        assert_eq!(heading(Some(30)), " NAME       ENGINE");
        assert_eq!(heading(Some(15)), " NAME");
        assert!(drawn(Some(7)).lines().count() > 3, "{}", drawn(Some(7)));
    }
}
