//! Trees for tests: made, compared, looked at.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

pub(crate) const MIB: usize = 1 << 20;

/// Bytes that cannot be packed, and that are others for every seed.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// What an engine's data directory has, and some things that it should not have.
pub(crate) fn engine_like(root: &Path) {
    fs::create_dir_all(root.join("shop")).unwrap();
    fs::create_dir_all(root.join("empty")).unwrap();
    fs::write(root.join("shop/orders.ibd"), noise(1, 3 * MIB + 16384)).unwrap();
    fs::write(root.join("shop/one page.ibd"), noise(2, 16384)).unwrap();
    fs::write(root.join("shop/empty.MYD"), b"").unwrap();
    fs::write(root.join("auto.cnf"), b"[auto]\nserver-uuid=1\n").unwrap();
    fs::write(root.join("#ib_16384_0.dblwr"), vec![0; 2 * MIB]).unwrap();
    fs::write(root.join("shop/tw\u{00f6}.frm"), noise(3, MIB)).unwrap();
    symlink("/etc/passwd", root.join("shop/link.ibd")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    sparse(&root.join("shop/sparse.ibd"));
    for (name, mode) in [
        ("auto.cnf", 0o640),
        ("shop/orders.ibd", 0o600),
        ("shop/empty.MYD", 0o444),
        ("shop", 0o750),
        ("empty", 0o500),
    ] {
        fs::set_permissions(root.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
}

/// 64 MiB with three pages in them, one of them half a hole as InnoDB's page compression leaves it.
pub(crate) fn sparse(path: &Path) {
    let file = File::create(path).unwrap();
    file.set_len(64 * MIB as u64).unwrap();
    file.write_all_at(&noise(4, 16384), 0).unwrap();
    file.write_all_at(&noise(5, 16384), 33 * MIB as u64 + 16384)
        .unwrap();
    file.write_all_at(&noise(6, 8192), 48 * MIB as u64).unwrap();
}

/// Changes one page of a file.
pub(crate) fn touch_page(path: &Path, page: u64, seed: u64) {
    let file = File::options().write(true).open(path).unwrap();
    file.write_all_at(&noise(seed, 16384), page * 16384)
        .unwrap();
}

/// Everything of a tree: kind, mode, and content or target.
pub(crate) fn content(root: &Path) -> BTreeMap<PathBuf, (char, u32, Vec<u8>)> {
    let mut all = BTreeMap::new();
    walk(root, &mut |path| {
        let meta = fs::symlink_metadata(path).unwrap();
        let mode = meta.mode() & 0o7777;
        let what = if meta.is_dir() {
            ('d', mode, Vec::new())
        } else if meta.is_symlink() {
            let target = fs::read_link(path).unwrap();
            ('l', 0, target.into_os_string().into_encoded_bytes())
        } else {
            ('f', mode, fs::read(path).unwrap())
        };
        all.insert(path.strip_prefix(root).unwrap().to_owned(), what);
    });
    all
}

/// Panics with the name of what differs.
pub(crate) fn assert_same(one: &Path, other: &Path) {
    let (one, other) = (content(one), content(other));
    let names = |tree: &BTreeMap<PathBuf, _>| tree.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&one), names(&other));
    for (name, what) in &one {
        assert!(what == &other[name], "{} differs", name.display());
    }
}

/// Bytes on disk.
pub(crate) fn allocated(path: &Path) -> u64 {
    fs::metadata(path).unwrap().blocks() * 512
}

pub(crate) fn files(root: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    walk(root, &mut |path| {
        if fs::symlink_metadata(path).unwrap().is_file() {
            all.push(path.to_owned());
        }
    });
    all.sort();
    all
}

fn walk(root: &Path, visit: &mut dyn FnMut(&Path)) {
    for entry in fs::read_dir(root).unwrap() {
        let entry = entry.unwrap();
        visit(&entry.path());
        if entry.file_type().unwrap().is_dir() {
            walk(&entry.path(), visit);
        }
    }
}

/// A large file of which no chunk is as another, half of it packable; made at the speed of the disk.
pub(crate) fn large(path: &Path, mib: usize) {
    let mut file = File::create(path).unwrap();
    let mut block = noise(7, MIB / 2);
    block.resize(MIB, b'x');
    for n in 0..mib {
        block[..8].copy_from_slice(&(n as u64).to_le_bytes());
        file.write_all(&block).unwrap();
    }
}
