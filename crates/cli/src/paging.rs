//! `--page` and `--per-page` of lists.

use clap::Args;
use offshoot_client::PageOf;

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Paging {
    /// Page of the list, from 1
    #[arg(long, value_name = "N")]
    page: Option<u32>,
    /// Entries of a page, at most 100
    #[arg(long, value_name = "N", default_value_t = 100)]
    per_page: u32,
}

impl Paging {
    pub(crate) fn wanted(self) -> PageOf {
        PageOf {
            page: self.page,
            per_page: Some(self.per_page),
        }
    }
}

/// What to say when there is more than was shown.
pub(crate) fn more<T>(page: &offshoot_api_types::Page<T>) -> Option<String> {
    let next = page.next_page?;
    let total = page.total_count?;
    Some(format!("{total} in all; go on with --page {next}"))
}
