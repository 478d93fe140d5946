//! The entry that mounts an image at the next boot: a systemd mount unit, or a line in the table
//! of filesystems.

use super::{PoolImage, remove_file};
use crate::PoolError;
use crate::pool::record::sync_parent;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the mount is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Boot {
    /// The directory of systemd's units, `/etc/systemd/system`.
    Systemd(PathBuf),
    /// The table of filesystems, `/etc/fstab`.
    Fstab(PathBuf),
    /// Nowhere: the image is gone after a reboot until [`super::ensure_mounted`] mounts it.
    Nowhere,
}

impl Boot {
    /// What this machine boots with.
    pub fn detect() -> Self {
        if Path::new("/run/systemd/system").is_dir() {
            Boot::Systemd("/etc/systemd/system".into())
        } else {
            Boot::Fstab("/etc/fstab".into())
        }
    }
}

/// Stands above our line, so that people and [`remove`] know it.
const MARK: &str = "# Offshoot's pool; `offshoot pool remove` takes this line away";
const WANTED_BY: &str = "multi-user.target.wants";

/// Writes the entry down and returns the file that holds it.
pub(super) fn add(image: &PoolImage) -> Result<Option<PathBuf>, PoolError> {
    match &image.boot {
        Boot::Nowhere => Ok(None),
        Boot::Fstab(table) => {
            let line = format!("{MARK}\n{}\n", fstab_line(image));
            edit(table, |text| {
                let gap = if text.is_empty() || text.ends_with('\n') {
                    ""
                } else {
                    "\n"
                };
                format!("{text}{gap}{line}")
            })
            .map_err(PoolError::io("cannot change", table))?;
            Ok(Some(table.clone()))
        }
        Boot::Systemd(units) => {
            let name = unit_name(&image.mount_point);
            let file = units.join(&name);
            let wants = units.join(WANTED_BY);
            let link = wants.join(&name);
            let write = || -> io::Result<()> {
                write_new(&file, &unit(image), 0o644)?;
                std::fs::create_dir_all(&wants)?;
                if link.symlink_metadata().is_err() {
                    std::os::unix::fs::symlink(&file, &link)?;
                }
                sync_parent(&link)
            };
            if let Err(error) = write() {
                let _ = std::fs::remove_file(&link);
                let _ = std::fs::remove_file(&file);
                return Err(PoolError::io("cannot write", file)(error));
            }
            reload();
            Ok(Some(file))
        }
    }
}

/// Takes the entry for `mount_point` away again. One that is not there is gone already.
pub(super) fn remove(file: &Path, mount_point: &Path) -> Result<(), PoolError> {
    if file
        .extension()
        .is_some_and(|extension| extension == "mount")
    {
        if let (Some(units), Some(name)) = (file.parent(), file.file_name()) {
            remove_file(&units.join(WANTED_BY).join(name))?;
        }
        remove_file(file)?;
        reload();
        return Ok(());
    }
    edit(file, |text| without_entry(text, mount_point))
        .map_err(PoolError::io("cannot change", file))
}

/// Both filesystems know them. A trim of all filesystems would punch holes into the image.
const OPTIONS: &str = "loop,nofail,noatime,nosuid,nodev,noexec,nodiscard,X-fstrim.notrim";

fn fstab_line(image: &PoolImage) -> String {
    format!(
        "{} {} {} {} 0 0",
        fstab_field(&image.path),
        fstab_field(&image.mount_point),
        image.fs.as_str(),
        OPTIONS
    )
}

/// White space and backslashes as octal escapes, fstab(5).
fn fstab_field(path: &Path) -> String {
    let text = path.to_string_lossy();
    text.chars().fold(String::new(), |mut field, c| {
        match c {
            ' ' | '\t' | '\n' | '\\' => {
                let _ = write!(field, "\\{:03o}", u32::from(c));
            }
            c => field.push(c),
        }
        field
    })
}

fn without_entry(text: &str, mount_point: &Path) -> String {
    let point = fstab_field(mount_point);
    let mut kept = String::new();
    let mut lines = text.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        let ours = line.trim_end() == MARK
            && lines
                .peek()
                .is_some_and(|next| next.split_whitespace().nth(1) == Some(&point));
        if ours {
            lines.next();
        } else {
            kept.push_str(line);
        }
    }
    kept
}

fn unit(image: &PoolImage) -> String {
    // Percent signs are specifiers in units.
    let plain = |path: &Path| path.to_string_lossy().replace('%', "%%");
    format!(
        "# Written by `offshoot pool create`; `offshoot pool remove` takes it away.\n\
         [Unit]\nDescription=Offshoot's pool of volumes\n\n\
         [Mount]\nWhat={}\nWhere={}\nType={}\nOptions={}\n\n\
         [Install]\nWantedBy=multi-user.target\n",
        plain(&image.path),
        plain(&image.mount_point),
        image.fs.as_str(),
        OPTIONS
    )
}

/// The name that systemd demands for a mount point, systemd.unit(5) "string escaping".
fn unit_name(mount_point: &Path) -> String {
    let bytes = mount_point.as_os_str().as_bytes();
    let trimmed = bytes.strip_prefix(b"/").unwrap_or(bytes);
    let mut name = String::new();
    for (at, byte) in trimmed.iter().enumerate() {
        match byte {
            b'/' => name.push('-'),
            b'.' if at == 0 => name.push_str("\\x2e"),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b':' | b'_' | b'.' => {
                name.push(char::from(*byte));
            }
            other => {
                let _ = write!(name, "\\x{other:02x}");
            }
        }
    }
    if name.is_empty() {
        name.push('-');
    }
    name + ".mount"
}

/// Replaces a text file as a whole, with the same mode.
fn edit(file: &Path, change: impl FnOnce(&str) -> String) -> io::Result<()> {
    let (text, mode) = match std::fs::read_to_string(file) {
        Ok(text) => (text, std::fs::metadata(file)?.mode() & 0o777),
        Err(error) if error.kind() == io::ErrorKind::NotFound => (String::new(), 0o644),
        Err(error) => return Err(error),
    };
    let changed = change(&text);
    if changed == text {
        return Ok(());
    }
    write_new(file, &changed, mode)
}

fn write_new(file: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut name = file.as_os_str().to_owned();
    name.push(".offshoot-new");
    let new = PathBuf::from(name);
    let mut out = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&new)?;
    out.write_all(text.as_bytes())?;
    out.sync_all()?;
    std::fs::rename(&new, file)?;
    sync_parent(file)
}

/// Lets a running systemd see the change; at the next boot it reads its units anyway.
fn reload() {
    if !Path::new("/run/systemd/system").is_dir() {
        return;
    }
    let done = Command::new("systemctl").arg("daemon-reload").status();
    if !done.is_ok_and(|status| status.success()) {
        tracing::warn!(
            "systemctl daemon-reload failed; the mount unit counts from the next boot on"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::ImageFs;

    fn image() -> PoolImage {
        PoolImage {
            path: "/srv/my images/pool.img".into(),
            size: 1 << 30,
            fs: ImageFs::Btrfs,
            mount_point: "/var/lib/off-shoot/pool".into(),
            boot: Boot::Nowhere,
        }
    }

    #[test]
    fn units_are_named_as_systemd_demands() {
        for (path, name) in [
            ("/var/lib/offshoot/pool", "var-lib-offshoot-pool.mount"),
            ("/srv/off-shoot", "srv-off\\x2dshoot.mount"),
            ("/.hidden/a b", "\\x2ehidden-a\\x20b.mount"),
        ] {
            assert_eq!(unit_name(Path::new(path)), name);
        }
    }

    #[test]
    fn a_line_comes_and_goes_and_the_others_stay() {
        let before = "UUID=1 / ext4 defaults 0 1\n# a comment\n";
        let line = fstab_line(&image());
        assert!(
            line.starts_with(
                "/srv/my\\040images/pool.img /var/lib/off-shoot/pool btrfs loop,nofail,"
            )
        );
        let with = format!("{before}{MARK}\n{line}\n");
        assert_eq!(without_entry(&with, &image().mount_point), before);
        assert_eq!(without_entry(&with, Path::new("/other")), with);
    }
}
