//! An archive's memory does not grow with what it copies.

use crate::{Stand, child, child_dir, id, key, open, tree};
use serde_json::json;
use std::path::Path;

/// The most that a process may take for it, all in all.
const MOST_KIB: u64 = 200 << 10;

#[test]
fn two_gibibytes_take_bounded_memory() {
    let stand = Stand::new();
    tree::large(&stand.source().join("large.ibd"), 1900);
    for n in 0..148 {
        tree::large(&stand.source().join(format!("t{n}.ibd")), 1);
    }
    for test in ["memory::export_child", "memory::import_child"] {
        let output = child(test, stand.dir.path()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{test}: {text}");
        let peak = std::fs::read_to_string(stand.dir.path().join("peak")).unwrap();
        let peak: u64 = peak.parse().unwrap();
        assert!(peak <= MOST_KIB, "{test} took {} MiB", peak >> 10);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the process that is measured"]
async fn export_child() {
    let Some(dir) = child_dir() else { return };
    let archive = open(&dir.join("store"), &key(1));
    let done = archive
        .export(id(1), &dir.join("source"), json!(null), &())
        .await;
    assert_eq!(done.unwrap().bytes, 2048 << 20);
    report(&dir);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the process that is measured"]
async fn import_child() {
    let Some(dir) = child_dir() else { return };
    let archive = open(&dir.join("store"), &key(1));
    let done = archive.import(id(1), &dir.join("target"), &()).await;
    assert_eq!(done.unwrap().bytes, 2048 << 20);
    report(&dir);
}

/// What the process took at most.
fn report(dir: &Path) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    let peak = line.unwrap().trim().trim_end_matches("kB").trim();
    std::fs::write(dir.join("peak"), peak).unwrap();
}
