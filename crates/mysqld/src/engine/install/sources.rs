//! The machine's package sources (deb822 `.sources` and one-line `.list` files) as values: which
//! of them belong to the distribution itself, and the same mirror with another suite.

use std::fmt;
use std::path::Path;

/// What of a suite's name may follow the release's code name: updates, not backports or strangers.
const OWN_SUFFIXES: [&str; 4] = ["", "-updates", "-security", "/updates"];
/// Names by which a rolling or unnamed release goes in sources.
const STANDING: [&str; 4] = ["stable", "testing", "unstable", "sid"];

/// One source: a mirror with its suites, components and options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub uris: Vec<String>,
    pub suites: Vec<String>,
    pub components: Vec<String>,
    /// Further fields (`Signed-By`, `Architectures`, `Trusted`, …) by their deb822 names; a value
    /// may have several lines (an embedded key).
    pub options: Vec<(String, String)>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources(pub Vec<Source>);

/// The distribution, from `os-release`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    pub id: String,
    /// `None` on a rolling release.
    pub codename: Option<String>,
}

impl Release {
    /// `None` when the text does not say what it is of.
    pub fn parse(text: &str) -> Option<Self> {
        let value = |key: &str| {
            text.lines().find_map(|line| {
                let (name, value) = line.split_once('=')?;
                (name == key).then(|| value.trim().trim_matches(['"', '\'']).to_owned())
            })
        };
        Some(Self {
            id: value("ID")?,
            codename: value("VERSION_CODENAME").filter(|c| !c.is_empty()),
        })
    }

    fn owns(&self, suite: &str) -> bool {
        if STANDING.contains(&suite) {
            return true;
        }
        self.codename.as_deref().is_some_and(|name| {
            suite
                .strip_prefix(name)
                .is_some_and(|rest| OWN_SUFFIXES.contains(&rest))
        })
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.codename {
            Some(name) => write!(f, "{} {name}", self.id),
            None => f.write_str(&self.id),
        }
    }
}

impl Sources {
    /// Reads `sources.list` and `sources.list.d` below the apt configuration, in apt's order.
    pub fn read(apt: &Path) -> std::io::Result<Self> {
        let mut all = Vec::new();
        let single = apt.join("sources.list");
        if single.exists() {
            all.extend(parse_list(&std::fs::read_to_string(single)?));
        }
        let parts = apt.join("sources.list.d");
        if parts.is_dir() {
            let mut paths = std::fs::read_dir(parts)?
                .map(|e| e.map(|e| e.path()))
                .collect::<std::io::Result<Vec<_>>>()?;
            paths.sort();
            for path in paths {
                match path.extension().and_then(|e| e.to_str()) {
                    Some("list") => all.extend(parse_list(&std::fs::read_to_string(path)?)),
                    Some("sources") => all.extend(parse_deb822(&std::fs::read_to_string(path)?)),
                    _ => {}
                }
            }
        }
        Ok(Self(all))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those of the distribution itself: its suites, with a component `main`.
    pub fn of(&self, release: &Release) -> Self {
        let own = self.0.iter().filter_map(|source| {
            let mut own = source.clone();
            own.suites.retain(|s| release.owns(s));
            // The disc that a machine was installed from stays in its list, and is not there.
            own.uris.retain(|u| !u.starts_with("cdrom:"));
            let main = own.components.iter().any(|c| c == "main");
            (main && !own.suites.is_empty() && !own.uris.is_empty()).then_some(own)
        });
        Self(own.collect())
    }

    /// The distribution's main mirror and keyring with the suite `newest`. Only Debian has one whose
    /// packages carry every library along without a conflict. `None` where it does not apply.
    pub fn newest(&self, release: &Release, newest: &str) -> Option<Self> {
        let name = release.codename.as_deref();
        let mut source = self
            .0
            .iter()
            .filter(|_| release.id == "debian")
            .find(|s| {
                s.suites
                    .iter()
                    .any(|suite| Some(suite.as_str()) == name || STANDING.contains(&suite.as_str()))
            })?
            .clone();
        source.suites = vec![newest.to_owned()];
        source.components = vec!["main".to_owned()];
        // The newest suite may use newer indexes than the machine's pinned time of its own.
        source
            .options
            .retain(|(name, _)| !name.eq_ignore_ascii_case("snapshot"));
        Some(Self(vec![source]))
    }

    /// In deb822 form, for apt.
    pub fn to_deb822(&self) -> String {
        let mut text = String::new();
        for source in &self.0 {
            text.push_str("Types: deb\n");
            for (name, words) in [
                ("URIs", &source.uris),
                ("Suites", &source.suites),
                ("Components", &source.components),
            ] {
                text.push_str(&format!("{name}: {}\n", words.join(" ")));
            }
            for (name, value) in &source.options {
                text.push_str(&format!("{name}: {value}\n"));
            }
            text.push('\n');
        }
        text
    }
}

/// Sources of a deb822 file that are enabled and hold binary packages.
pub fn parse_deb822(text: &str) -> Vec<Source> {
    let mut all = Vec::new();
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in text.lines().chain([""]) {
        if line.starts_with('#') {
            continue;
        }
        if line.trim().is_empty() {
            all.extend(stanza(std::mem::take(&mut fields)));
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = fields.last_mut() {
                value.push('\n');
                value.push_str(line.trim_end());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            fields.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
    all
}

fn stanza(fields: Vec<(String, String)>) -> Option<Source> {
    let mut source = Source {
        uris: Vec::new(),
        suites: Vec::new(),
        components: Vec::new(),
        options: Vec::new(),
    };
    let mut binary = false;
    for (name, value) in fields {
        let words = || value.split_whitespace().map(str::to_owned);
        match name.to_ascii_lowercase().as_str() {
            "types" => binary = words().any(|t| t == "deb"),
            "uris" => source.uris = words().collect(),
            "suites" => source.suites = words().collect(),
            "components" => source.components = words().collect(),
            "enabled" if matches!(value.to_ascii_lowercase().as_str(), "no" | "false" | "0") => {
                return None;
            }
            "enabled" => {}
            _ => source.options.push((name, value)),
        }
    }
    let whole = binary && !source.uris.is_empty() && !source.suites.is_empty();
    whole.then_some(source)
}

/// Sources of a one-line file that hold binary packages: `deb [option=value …] uri suite component…`.
pub fn parse_list(text: &str) -> Vec<Source> {
    text.lines().filter_map(list_line).collect()
}

fn list_line(line: &str) -> Option<Source> {
    let line = line.split('#').next()?.trim();
    let mut rest = line.strip_prefix("deb")?;
    if !rest.starts_with([' ', '\t']) {
        return None;
    }
    rest = rest.trim_start();
    let mut options = Vec::new();
    if let Some(open) = rest.strip_prefix('[') {
        let (inside, after) = open.split_once(']')?;
        for (name, value) in inside.split_whitespace().filter_map(|w| w.split_once('=')) {
            options.push((field(name)?, value.replace(',', " ")));
        }
        rest = after;
    }
    let mut words = rest.split_whitespace().map(str::to_owned);
    Some(Source {
        uris: vec![words.next()?],
        suites: vec![words.next()?],
        components: words.collect(),
        options,
    })
}

/// The deb822 name of an option of the one-line form; apt's manual lists them. An unknown one
/// makes the line unusable rather than mean something else.
fn field(option: &str) -> Option<String> {
    Some(
        match option {
            "arch" => "Architectures",
            "lang" => "Languages",
            "target" => "Targets",
            "pdiffs" => "PDiffs",
            "by-hash" => "By-Hash",
            "signed-by" => "Signed-By",
            "trusted" => "Trusted",
            "allow-insecure" => "Allow-Insecure",
            "allow-weak" => "Allow-Weak",
            "check-valid-until" => "Check-Valid-Until",
            "valid-until-min" => "Valid-Until-Min",
            "valid-until-max" => "Valid-Until-Max",
            "check-date" => "Check-Date",
            "date-max-future" => "Date-Max-Future",
            "snapshot" => "Snapshot",
            _ => return None,
        }
        .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEBIAN: &str = "# a comment
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates bookworm-backports
Components: main contrib
Signed-By: /usr/share/keyrings/archive.gpg

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb-src
URIs: http://source.example/debian
Suites: bookworm
Components: main
";

    fn bookworm() -> Release {
        Release::parse("NAME=\"Debian GNU/Linux\"\nID=debian\nVERSION_CODENAME=bookworm\n").unwrap()
    }

    #[test]
    fn the_distributions_own_sources_are_kept_with_their_keys() {
        let mut all = parse_deb822(DEBIAN);
        all.extend(parse_list(
            "deb https://tool.example/apt stable main\ndeb http://node.example nodistro main",
        ));
        // "stable" is a suite of the distribution as well as one of strangers.
        all.retain(|s| !s.uris[0].contains("tool.example"));
        let own = Sources(all).of(&bookworm());
        assert_eq!(own.0.len(), 2);
        assert_eq!(own.0[0].suites, ["bookworm", "bookworm-updates"]);
        assert_eq!(
            own.0[1].options[0].1,
            "\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc"
        );
        assert_eq!(parse_deb822(&own.to_deb822()), own.0);
    }

    #[test]
    fn the_newest_suite_comes_from_the_main_mirror_of_debian_only() {
        let own = Sources(parse_deb822(DEBIAN)).of(&bookworm());
        let newest = own.newest(&bookworm(), "sid").unwrap();
        assert_eq!(newest.0.len(), 1);
        assert_eq!(newest.0[0].uris, ["http://mirror.example/debian"]);
        assert_eq!(newest.0[0].suites, ["sid"]);
        assert!(
            newest
                .to_deb822()
                .contains("Signed-By: /usr/share/keyrings/archive.gpg")
        );
        let ubuntu = Release {
            id: "ubuntu".into(),
            codename: Some("bookworm".into()),
        };
        assert_eq!(own.newest(&ubuntu, "sid"), None);
    }

    #[test]
    fn one_line_sources_are_read_with_their_options() {
        let text = "# deb http://no.example x main\n\
            deb [arch=amd64,arm64 signed-by=/k.gpg] http://a.example/ubuntu noble main universe # why\n\
            deb-src http://b.example noble main\n\
            deb\tcdrom:[disc] bookworm main\n\
            debate\n deb [future=1] http://c.example noble main\ndeb http://d.example noble\n";
        let all = parse_list(text);
        assert_eq!(all[0].uris, ["http://a.example/ubuntu"]);
        assert_eq!(all[0].components, ["main", "universe"]);
        assert_eq!(
            all[0].options,
            [
                ("Architectures".to_owned(), "amd64 arm64".to_owned()),
                ("Signed-By".to_owned(), "/k.gpg".to_owned())
            ]
        );
        assert!(all.iter().all(|s| !s.uris[0].contains("c.example")));
        assert!(
            Sources(parse_list("deb cdrom:[disc]/ bookworm main"))
                .of(&bookworm())
                .is_empty()
        );
    }

    #[test]
    fn releases_without_a_name_are_known_by_standing_ones() {
        let rolling = Release::parse("ID=debian\n").unwrap();
        assert!(rolling.owns("sid") && !rolling.owns("bookworm"));
        assert_eq!(Release::parse("NAME=x"), None);
    }
}
