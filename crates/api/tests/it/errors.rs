//! Every code has its section in `docs/errors.md`, and nothing else has one.

use offshoot_core::refusal::code;

#[test]
fn every_code_has_a_section() {
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md"))
            .unwrap();
    let sections: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .collect();
    assert_eq!(sections, code::ALL);
}
