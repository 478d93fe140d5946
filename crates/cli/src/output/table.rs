//! Tables for people, in the look of `pscale`, as wide as the terminal at most.

use crate::output::{Column, Rank};
use comfy_table::{ContentArrangement, ContentLineStyle, LineStyle, Table, TableStyle};
use unicode_width::UnicodeWidthStr;

/// A line of dashes below the headings, nothing else.
const LOOK: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none())
    .header_separator(LineStyle::none().fill('-'))
    .content_lines(ContentLineStyle::none());

/// Column names become headings: upper case, blanks for underscores. In a terminal (`width`, in
/// characters) that is too narrow, the columns that matter least are left out, and when that is not
/// enough, texts are broken.
pub(crate) fn draw(columns: &[Column], rows: &[Vec<String>], width: Option<u16>) -> String {
    let mut shown: Vec<usize> = (0..columns.len())
        .filter(|i| columns[*i].rank != Rank::Csv)
        .collect();
    loop {
        let text = text(&table(columns, rows, &shown));
        let Some(width) = width else { return text };
        if text.lines().all(|line| line.width() <= usize::from(width)) {
            return text;
        }
        let least = shown
            .iter()
            .copied()
            .filter_map(|i| match columns[i].rank {
                Rank::Less(rank) => Some((rank, i)),
                _ => None,
            })
            .max();
        let Some((_, least)) = least else {
            let mut table = table(columns, rows, &shown);
            table
                .set_content_arrangement(ContentArrangement::Dynamic)
                .set_width(width);
            return self::text(&table);
        };
        shown.retain(|i| *i != least);
    }
}

fn table(columns: &[Column], rows: &[Vec<String>], shown: &[usize]) -> Table {
    let heading = |i: &usize| columns[*i].name.replace('_', " ").to_uppercase();
    let mut table = Table::new();
    table
        .load_style(LOOK)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(shown.iter().map(heading))
        .add_rows(rows.iter().map(|row| shown.iter().map(|i| &row[*i])));
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
    use crate::output::{csv, key, less};

    #[test]
    fn narrow_terminals_get_fewer_columns_then_broken_texts() {
        let columns = [
            key("name"),
            less("engine", 1),
            less("created_at", 2),
            csv("kind"),
        ];
        let row = ["sprint-42", "mysql-9.7.4", "3 hours ago", "mysql"].map(str::to_owned);
        let rows = [row.to_vec()];
        let drawn = |width| draw(&columns, &rows, width);
        let heading = |width| drawn(width).lines().next().unwrap_or_default().to_owned();
        assert_eq!(heading(None), " NAME       ENGINE       CREATED AT");
        assert_eq!(heading(Some(30)), " NAME       ENGINE");
        assert_eq!(heading(Some(15)), " NAME");
        assert!(drawn(Some(7)).lines().count() > 3, "{}", drawn(Some(7)));
    }
}
