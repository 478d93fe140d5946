//! Values of switches that can be set either way.

/// `on` or `off`.
pub(crate) fn parse(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("write on or off".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_switch_is_on_or_off() {
        assert_eq!(super::parse("on"), Ok(true));
        assert_eq!(super::parse("off"), Ok(false));
        assert!(super::parse("maybe").is_err());
    }
}
