//! Organizations and regions.

use crate::error::Error;
use crate::request::{Client, PageOf};
use offshoot_api_types::{Organization, Page, Region};

impl Client {
    pub async fn list_organizations(&self, page: PageOf) -> Result<Page<Organization>, Error> {
        self.get(&["organizations"], &page.pairs()).await
    }

    pub async fn show_organization(&self, org: &str) -> Result<Organization, Error> {
        self.get(&["organizations", org], &[]).await
    }

    pub async fn list_regions(&self, org: &str) -> Result<Page<Region>, Error> {
        self.get(&["organizations", org, "regions"], &[]).await
    }
}
