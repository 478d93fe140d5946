//! How requests are read: clients of PlanetScale send blank strings for what they do not mean.

use serde::{Deserialize, Deserializer};

/// A blank string is no value.
pub fn blank_is_none<'de, D: Deserializer<'de>>(d: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(d)?.filter(|text| !text.trim().is_empty()))
}

/// For fields in which `null` means something else than their absence.
pub fn null_is_some<'de, D, T>(d: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::<T>::deserialize(d).map(Some)
}
