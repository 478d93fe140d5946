//! Numbered pages.

use crate::request::Parameters;
use crate::state::ApiState;
use offshoot_api_types::Page;
use offshoot_api_types::page::ListType;
use offshoot_control::page::Listed;

/// A page with the length of the whole list.
pub(crate) fn counted<T, W>(
    state: &ApiState,
    parameters: &Parameters,
    listed: Listed<T>,
    shape: impl FnMut(T) -> W,
) -> Page<W> {
    let (total, pages) = (listed.total, listed.total_pages());
    let mut page = uncounted(state, parameters, listed, shape);
    page.total_count = Some(total);
    page.total_pages = Some(pages);
    page
}

/// A page of a list that PlanetScale does not count.
pub(crate) fn uncounted<T, W>(
    state: &ApiState,
    parameters: &Parameters,
    listed: Listed<T>,
    shape: impl FnMut(T) -> W,
) -> Page<W> {
    let current = listed.page.page();
    let next = (u64::from(current) < listed.total_pages()).then(|| current + 1);
    let prev = (current > 1).then(|| current - 1);
    let url = |page| format!("{}{}", state.public_url, parameters.at_page(page));
    Page {
        kind: ListType::List,
        current_page: current,
        per_page: listed.page.per_page(),
        next_page: next,
        next_page_url: next.map(url),
        prev_page: prev,
        prev_page_url: prev.map(url),
        total_count: None,
        total_pages: None,
        data: listed.items.into_iter().map(shape).collect(),
    }
}
