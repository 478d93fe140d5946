//! Runs a page: its commands one after the other, as a reader would type them, on a server of the page's
//! own. What the page calls `127.0.0.1:7306`, `/var/lib/offshoot`, or by an id or secret that it shows,
//! is replaced by what it is in this run.

use super::page::{Block, Command as Shown, Item, Note, Page};
use super::recipe::{self, Script};
use super::shown;
use crate::fixture::{Home, PATIENCE, free_port};
use offshoot_core::engine::EngineKind;
use offshoot_testkit::engines;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Where the page's reader keeps data and reaches the server.
const DATA: &str = "/var/lib/offshoot";
const HTTP: &str = "8306";
const GATEWAY: &str = "7306";
const OTHER_ENGINE: &str = "7307";
/// As many of the replacements are the same for all pages.
const OURS: usize = 4;
/// A command that has not ended by then hangs.
const LONGEST: &str = "120";

pub(crate) struct Shell<'a> {
    page: &'a Page,
    home: Home,
    /// What the page says, and what it is here: first of this page, then [`OURS`].
    here: Vec<(String, String)>,
    captured: Vec<(String, String)>,
    background: Vec<Child>,
    server: bool,
    pub(crate) commands: usize,
}

impl<'a> Shell<'a> {
    /// `None` (after a line `SKIP: …`) where the page cannot be run on this machine.
    pub(crate) fn new(page: &'a Page) -> Option<Self> {
        let wanted = page.notes().find_map(|note| match note {
            Note::Engine(name) => Some(name.parse::<EngineKind>().unwrap()),
            _ => None,
        });
        let kind = wanted.unwrap_or(EngineKind::Mysql);
        let other = match kind {
            EngineKind::Mysql => EngineKind::Mariadb,
            EngineKind::Mariadb => EngineKind::Mysql,
        };
        let home = Home::new(kind)?;
        home.add_engine(other)?;
        let other_port = free_port();
        let config = format!(
            "[http]\nlisten = \"127.0.0.1:{}\"\n\
             [gateway]\nlisten = \"127.0.0.1:{}\"\nengine_listen = {{ {} = \"127.0.0.1:{other_port}\" }}\n\
             [instances]\nwarm_instances = 0\n",
            home.http,
            home.gateway,
            other.as_str()
        );
        std::fs::write(home.data().join("offshoot.toml"), config).unwrap();
        let mut here = vec![
            (DATA.to_owned(), home.data().display().to_string()),
            (HTTP.to_owned(), home.http.to_string()),
            (GATEWAY.to_owned(), home.gateway.to_string()),
            (OTHER_ENGINE.to_owned(), other_port.to_string()),
        ];
        assert_eq!(here.len(), OURS);
        for note in page.notes() {
            if let Note::Is(page, test) = note {
                let test = match test.as_str() {
                    "a free port" => free_port().to_string(),
                    "a directory" => {
                        let place = home.directory().join(format!("place{}", here.len()));
                        std::fs::create_dir(&place).unwrap();
                        place.display().to_string()
                    }
                    _ => test.clone(),
                };
                here.insert(here.len() - OURS, (page.clone(), test));
            }
        }
        let own = page.blocks().any(|block| {
            !block.not_run()
                && block.language == "console"
                && block
                    .commands()
                    .iter()
                    .any(|c| c.shown.is_none() && serves(&c.text))
        });
        let shell = Self {
            page,
            home,
            here,
            captured: Vec::new(),
            background: Vec::new(),
            server: own || page.notes().any(|note| *note == Note::NoServer),
            commands: 0,
        };
        shell.programs(kind);
        std::fs::create_dir(shell.work()).unwrap();
        // On a terminal it shows no progress either.
        let curlrc = shell.home.directory().join(".curlrc");
        std::fs::write(curlrc, "silent\nshow-error\n").unwrap();
        Some(shell)
    }

    fn work(&self) -> PathBuf {
        self.home.directory().join("work")
    }

    fn bin(&self) -> PathBuf {
        self.home.directory().join("bin")
    }

    /// The programs that pages use: this build, also by way of cargo, and the engines' clients.
    fn programs(&self, default: EngineKind) {
        let bin = self.bin();
        std::fs::create_dir(&bin).unwrap();
        let write = |name: &str, line: &str| {
            let file = bin.join(name);
            std::fs::write(&file, format!("#!/bin/sh\n{line}\n")).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        let offshoot = env!("CARGO_BIN_EXE_offshoot");
        std::os::unix::fs::symlink(offshoot, bin.join("offshoot")).unwrap();
        write(
            "cargo",
            "[ \"$1 $2 $3\" = 'run --release --' ] || { echo \"not in a test: cargo $*\"; exit 9; }\nshift 3\nexec offshoot \"$@\"",
        );
        for kind in [EngineKind::Mariadb, EngineKind::Mysql] {
            let Some(files) = engines::get(kind) else {
                continue;
            };
            for name in ["mysql", "mysqldump", "mariadb", "mariadb-dump"] {
                if let Some(client) = files.client(name)
                    && (kind == default || !bin.join(name).exists())
                {
                    let words = std::iter::once(client.get_program()).chain(client.get_args());
                    let line: Vec<String> = words
                        .map(|w| format!("'{}'", w.to_string_lossy()))
                        .collect();
                    write(name, &format!("exec {} \"$@\"", line.join(" ")));
                }
            }
        }
    }

    pub(crate) fn run(&mut self) {
        for item in &self.page.items {
            match item {
                Item::Note(line, Note::First(command)) => {
                    self.serve();
                    let (good, said) = self.command(command, &[]);
                    assert!(good, "{}: {command}\n{said}", self.at(*line));
                }
                Item::Note(_, Note::Stop) => self.stop(),
                Item::Note(..) | Item::Span(..) => {}
                Item::Block(block) if block.not_run() => {}
                Item::Block(block) => self.block(block),
            }
        }
    }

    fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.page.name)
    }

    fn block(&mut self, block: &Block) {
        let variables: Vec<(String, String)> = block
            .notes
            .iter()
            .filter_map(|note| match note {
                Note::With(name, value) => Some((name.clone(), self.here(value))),
                _ => None,
            })
            .collect();
        for note in &block.notes {
            if let Note::File(name) = note {
                std::fs::write(self.work().join(name), self.here(&block.text)).unwrap();
                return;
            }
        }
        match block.language.as_str() {
            "console" => {
                self.serve();
                let commands = block.commands();
                let last = commands.len() - 1;
                for (n, command) in commands.iter().enumerate() {
                    let until = block.notes.iter().find_map(|note| match note {
                        Note::Until(text) if n == last => Some(text.clone()),
                        _ => None,
                    });
                    self.step(command, block, until, &variables);
                }
            }
            "sh" | "bash" => {
                self.serve();
                let script = format!("set -euo pipefail\n{}", block.text);
                let (good, said) = self.command(&script, &variables);
                assert!(good, "{}:\n{}\n{said}", self.at(block.line), block.text);
            }
            "sql" => {
                self.serve();
                let on = block.notes.iter().find_map(|note| match note {
                    Note::SqlOn(database, branch) => Some(format!("{database} {branch}")),
                    _ => None,
                });
                let on = on.unwrap_or_else(|| {
                    panic!("{}: on which branch is this SQL run?", self.at(block.line))
                });
                std::fs::write(self.work().join("block.sql"), &block.text).unwrap();
                let (good, said) =
                    self.command(&format!("offshoot shell {on} < block.sql"), &variables);
                assert!(good, "{}:\n{}\n{said}", self.at(block.line), block.text);
            }
            "toml" => {
                let client = block.notes.contains(&Note::ClientConfig);
                std::fs::write(self.work().join("block.toml"), self.here(&block.text)).unwrap();
                // The first reads the server's configuration and ends, the second the client's.
                let command = match client {
                    false => "offshoot engine list --config block.toml",
                    true => "offshoot region list --client-config block.toml",
                };
                if client {
                    self.serve();
                }
                let (good, said) = self.command(command, &variables);
                assert!(good, "{}:\n{}\n{said}", self.at(block.line), block.text);
            }
            "yaml" => {
                let file = serde_saphyr::from_str(&block.text)
                    .unwrap_or_else(|e| panic!("{}: {e}", self.at(block.line)));
                for script in recipe::scripts(&file) {
                    self.serve();
                    self.recipe(block, &script, &variables);
                }
            }
            _ => {}
        }
    }

    /// One script of a CI recipe. What it writes to the file `$GITHUB_ENV` is in the next one's environment.
    fn recipe(&mut self, block: &Block, script: &Script, variables: &[(String, String)]) {
        let mut text = "set -eu\nexport GITHUB_ENV=\"$PWD/github_env\"\n\
                        [ ! -f \"$GITHUB_ENV\" ] || { set -a; . \"$GITHUB_ENV\"; set +a; }\n"
            .to_owned();
        for (name, value) in &script.variables {
            text.push_str(&format!("export {name}=\"{value}\"\n"));
        }
        text.push_str(&script.text);
        let (good, said) = self.command(&text, variables);
        assert!(good, "{}:\n{text}\n{said}", self.at(block.line));
    }

    fn step(
        &mut self,
        command: &Shown,
        block: &Block,
        until: Option<String>,
        variables: &[(String, String)],
    ) {
        let at = self.at(command.line);
        let errors = ["Error:", "error:", "ERROR "];
        let fails = command.shown.as_ref().is_some_and(|shown| {
            let mut lines = shown.lines();
            lines.any(|l| errors.iter().any(|e| l.starts_with(e)))
        });
        let (good, said) = match until {
            Some(text) => (true, self.start(&command.text, Some(&text))),
            None if serves(&command.text) && !fails => {
                let said = self.start(&command.text, None);
                self.server = true;
                (true, said)
            }
            None => self.command(&command.text, variables),
        };
        let said = self.there(&said);
        let Some(shown) = &command.shown else {
            assert!(good, "{at}: {}\n{said}", command.text);
            return;
        };
        assert_eq!(good, !fails, "{at}: {}\n{said}", command.text);
        let optional = |line: &str| {
            block
                .notes
                .iter()
                .any(|note| matches!(note, Note::Without(text) if line.contains(text.as_str())))
        };
        let wanted: Vec<&str> = shown
            .lines()
            .map(|line| if optional(line) { "…" } else { line })
            .collect();
        let wanted = pairs(&self.here[..self.here.len() - OURS], &wanted.join("\n"));
        match shown::matches(&wanted, &said) {
            Some(captures) => self.captured.extend(captures),
            None => panic!(
                "{at}: {}\n-- shown:\n{shown}\n-- said:\n{said}",
                command.text
            ),
        }
    }

    /// A server for a page that does not start one itself.
    fn serve(&mut self) {
        if !self.server {
            self.start("offshoot serve", None);
            self.server = true;
        }
    }

    /// Runs a script to its end; whether it went well, and all that it said. Variables that it exports and
    /// the directory that it changes to are those of the next one.
    fn command(&mut self, script: &str, variables: &[(String, String)]) -> (bool, String) {
        self.commands += 1;
        let state = self.home.directory().join("state");
        let gone: String = variables
            .iter()
            .map(|(name, _)| format!("unset {name}; "))
            .collect();
        let script = format!(
            "exec 2>&1\n[ ! -f {0} ] || . {0}\n{1}\n\
             trap '{gone}export -p >{0}; echo cd \"$PWD\" >>{0}' EXIT\n{2}\n",
            state.display(),
            variables
                .iter()
                .map(|(name, value)| format!("export {name}=\"{value}\"; "))
                .collect::<String>(),
            self.here(script)
        );
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", LONGEST, "bash", "-c", &script]);
        self.environment(&mut command);
        let output = command.output().unwrap();
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    }

    /// Starts a program that goes on in the background, and waits until it has said the text or serves.
    fn start(&mut self, line: &str, until: Option<&str>) -> String {
        self.commands += 1;
        let file = self.home.directory().join("background");
        let out = std::fs::File::create(&file).unwrap();
        let mut command = Command::new("bash");
        command
            .args(["-c", &format!("exec {}", self.here(line))])
            .stdout(out.try_clone().unwrap())
            .stderr(out);
        self.environment(&mut command);
        let mut child = command.spawn().unwrap();
        let end = Instant::now() + PATIENCE;
        loop {
            let said = std::fs::read_to_string(&file).unwrap();
            let there = match until {
                Some(text) => self.there(&said).contains(text),
                None => self.get("/readyz").is_some(),
            };
            let ended = child.try_wait().unwrap();
            if there {
                self.background.push(child);
                return said;
            }
            if ended.is_some() || Instant::now() > end {
                self.background.push(child);
                panic!("{}: {line}: {ended:?}\n{said}", self.page.name);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn environment(&self, command: &mut Command) {
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .current_dir(self.work())
            .env_clear()
            .env("PATH", format!("{}:{path}", self.bin().display()))
            .env("HOME", self.home.directory())
            .env("OFFSHOOT_DATA_DIR", self.home.data())
            .env("OFFSHOOT_LOG", "error")
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null());
    }

    /// The body of an answer of the page's server.
    pub(crate) fn get(&self, path: &str) -> Option<String> {
        let output = Command::new("curl")
            .args([
                "-fsS",
                "--max-time",
                "5",
                &format!("{}{path}", self.home.url()),
            ])
            .output()
            .expect("curl is on the machine");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        output.status.success().then_some(text)
    }

    /// What the page says, as it is in this run.
    fn here(&self, text: &str) -> String {
        let (page, ours) = self.here.split_at(self.here.len() - OURS);
        let captured = self.captured.iter().rev();
        let captured = captured.filter(|(page, _)| page.len() >= 12);
        let text = captured.fold(pairs(page, text), |text, (page, test)| {
            replace(&text, page, test)
        });
        pairs(ours, &text)
    }

    /// What this run says, as the page does.
    fn there(&self, text: &str) -> String {
        let directory = self.home.directory().display().to_string();
        let back: Vec<(String, String)> = self.here[self.here.len() - OURS..]
            .iter()
            .map(|(page, test)| (test.clone(), page.clone()))
            .chain([
                (directory, "~".to_owned()),
                (
                    env!("CARGO_BIN_EXE_offshoot").to_owned(),
                    "offshoot".to_owned(),
                ),
            ])
            .collect();
        pairs(&back, text)
    }

    /// Ends what was started last, as Ctrl-C does, and waits for its end.
    fn stop(&mut self) {
        let mut child = self.background.pop().expect("a server that was started");
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        let status = child.wait().unwrap();
        assert!(status.success(), "{}: {status}", self.page.name);
    }
}

fn pairs(pairs: &[(String, String)], text: &str) -> String {
    pairs
        .iter()
        .fold(text.to_owned(), |text, (from, to)| replace(&text, from, to))
}

impl Drop for Shell<'_> {
    fn drop(&mut self) {
        for child in &mut self.background {
            // Ended already is as good; the engines go with the data directory.
            let _ = child.kill();
            let _ = child.wait();
        }
        if Path::new(&self.home.data()).join("pool.img").exists() {
            for pid in self.home.processes() {
                crate::fixture::kill(pid);
            }
            let removed = self.home.offshoot(&["pool", "remove", "--force"]);
            if !removed.status.success() && !std::thread::panicking() {
                panic!("{}", crate::fixture::text(&removed));
            }
        }
    }
}

fn serves(command: &str) -> bool {
    command.trim() == "offshoot serve" || command.starts_with("offshoot serve ")
}

/// Replaces whole words: a port is not found within a longer number.
fn replace(text: &str, from: &str, to: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(from) {
        let (before, after) = (&rest[..at], &rest[at + from.len()..]);
        let joined = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let edge = |s: &str| s.chars().next();
        let word = !(joined(before.chars().next_back().or(out.chars().next_back()))
            && joined(edge(from))
            || joined(edge(after)) && joined(from.chars().next_back()));
        out.push_str(before);
        out.push_str(if word { to } else { from });
        rest = after;
    }
    out.push_str(rest);
    out
}

#[test]
fn whole_words_are_replaced() {
    assert_eq!(
        replace("7306 17306 73061 :7306/x", "7306", "1"),
        "1 17306 73061 :1/x"
    );
    assert_eq!(replace("/a/b/c /a/bc", "/a/b", "/x"), "/x/c /a/bc");
}
