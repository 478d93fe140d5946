//! `[region]`: what the only region is called.

use anyhow::{Result, bail};
use offshoot_api_types::Region as Shape;
use offshoot_api_types::region::{LOCAL, THIS_MACHINE};
use serde::{Deserialize, Serialize};

/// Characters of a name that fits the columns of tables.
const LONGEST_NAME: usize = 60;
/// Characters of a slug, as those of PlanetScale's regions.
const LONGEST_SLUG: usize = 40;

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Region {
    /// As commands name it.
    pub(crate) slug: String,
    /// For people.
    pub(crate) name: String,
}

impl Default for Region {
    fn default() -> Self {
        Self {
            slug: LOCAL.to_owned(),
            name: THIS_MACHINE.to_owned(),
        }
    }
}

impl Region {
    /// As answers show it.
    pub(crate) fn shape(&self) -> Shape {
        Shape::only(&self.slug, &self.name)
    }

    pub(super) fn check_slug(&self) -> Result<()> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let framed = self.slug.starts_with('-') || self.slug.ends_with('-');
        if self.slug.is_empty()
            || self.slug.len() > LONGEST_SLUG
            || !self.slug.chars().all(fits)
            || framed
        {
            bail!(
                "1 to {LONGEST_SLUG} lower-case letters, digits and hyphens within, such as eu-office"
            );
        }
        Ok(())
    }

    pub(super) fn check_name(&self) -> Result<()> {
        let length = self.name.chars().count();
        if self.name.trim() != self.name
            || !(1..=LONGEST_NAME).contains(&length)
            || self.name.chars().any(char::is_control)
        {
            bail!("1 to {LONGEST_NAME} characters, on one line and without spaces around");
        }
        Ok(())
    }
}
