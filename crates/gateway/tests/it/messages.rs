//! The generated messages are those of the .proto file.

use std::path::Path;

/// What formatting leaves as it is.
fn bare(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_whitespace() && *c != ',')
        .collect()
}

#[test]
fn the_messages_are_those_of_the_proto_file() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = here.join("src/data/messages.rs");
    let directory = tempfile::tempdir().unwrap();
    let descriptors = protox::compile(["database.proto"], [here.join("proto")]).unwrap();
    prost_build::Config::new()
        .bytes(["."])
        .out_dir(directory.path())
        .compile_fds(descriptors)
        .unwrap();
    let made = std::fs::read_to_string(directory.path().join("data.rs")).unwrap();
    let made =
        format!("// Made of `proto/database.proto` by prost; see there. Not to be edited.\n{made}");
    if std::env::var_os("OFFSHOOT_GENERATE").is_some() {
        std::fs::write(&target, &made).unwrap();
    }
    let kept = std::fs::read_to_string(target).unwrap();
    assert!(
        bare(&made) == bare(&kept),
        "run this test with OFFSHOOT_GENERATE=1"
    );
}
