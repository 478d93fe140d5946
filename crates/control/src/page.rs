//! Numbered pages of lists.

use offshoot_core::Refusal;

/// Most entries of one page, so that an answer stays small.
pub const MAX_PER_PAGE: u32 = 100;

/// Which part of a list is wanted. Pages count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    page: u32,
    per_page: u32,
}

impl Page {
    /// Refused: page 0, `per_page` 0. More than [`MAX_PER_PAGE`] entries are cut down to it.
    pub fn new(page: u32, per_page: u32) -> Result<Self, Refusal> {
        if page == 0 {
            return Err(Refusal::invalid("page", "pages are counted from 1"));
        }
        if per_page == 0 {
            return Err(Refusal::invalid(
                "per_page",
                "a page has at least one entry",
            ));
        }
        Ok(Self {
            page,
            per_page: per_page.min(MAX_PER_PAGE),
        })
    }

    pub fn page(self) -> u32 {
        self.page
    }

    pub fn per_page(self) -> u32 {
        self.per_page
    }

    pub(crate) fn offset(self) -> u64 {
        u64::from(self.page - 1) * u64::from(self.per_page)
    }
}

impl Default for Page {
    fn default() -> Self {
        Self {
            page: 1,
            per_page: 25,
        }
    }
}

/// One page of a list, with the length of the whole.
#[derive(Clone, Debug)]
pub struct Listed<T> {
    pub items: Vec<T>,
    pub total: u64,
    pub page: Page,
}

impl<T> Listed<T> {
    /// The page of a list that is there as a whole.
    pub fn of_all(all: Vec<T>, page: Page) -> Self {
        Self {
            total: all.len() as u64,
            items: all
                .into_iter()
                .skip(usize::try_from(page.offset()).unwrap_or(usize::MAX))
                .take(page.per_page as usize)
                .collect(),
            page,
        }
    }

    pub fn total_pages(&self) -> u64 {
        self.total.div_ceil(u64::from(self.page.per_page)).max(1)
    }
}
