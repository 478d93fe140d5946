//! Every key of `offshoot.toml`: what it is, its default, and why that is the default. The guide's
//! table is made from it.

use std::fmt::Write;

pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) preset: Preset,
    pub(crate) what: &'static str,
    /// Why the default is what it is.
    pub(crate) why: &'static str,
    /// Flags and variables that override the file.
    pub(crate) also: &'static [&'static str],
}

/// A default.
#[derive(Clone, Copy)]
pub(crate) enum Preset {
    /// As it would stand in the file.
    Value(&'static str),
    /// Absent; what that means.
    Absent(&'static str),
}

macro_rules! keys {
    ($($name:literal = $kind:ident($default:literal), $what:literal, $why:literal $(, $also:literal)*;)+) => {
        pub(crate) const KEYS: &[Key] = &[$(Key {
            name: $name,
            preset: Preset::$kind($default),
            what: $what,
            why: $why,
            also: &[$($also),*],
        }),+];
    };
}

keys! {
    "http.listen" = Value("\"127.0.0.1:8306\""), "Address of the HTTP API.",
        "Nothing is reachable from other machines unasked.", "--http-listen", "OFFSHOOT_HTTP_LISTEN";
    "http.public_url" = Absent("as `http.listen`"), "What links in answers begin with, such as `https://db.example.com:8306`.",
        "Only the operator knows how others reach this machine.";
    "http.require_tls" = Value("true"), "Plain HTTP is for clients on this machine; others must use `https://` on the same port. `false` for a TLS proxy in front.",
        "Tokens must not travel in the clear.";
    "http.max_connections" = Value("4096"), "Connections at once; further ones wait in the listen queue.",
        "Each takes a descriptor and some KiB; more than a team's tools and jobs open together.";
    "tls.certificate" = Absent("of the private CA in `tls/`"), "PEM file of a certificate of your own with its intermediates, for both ports; read at start.",
        "Works at once, without a name or an authority.";
    "tls.key" = Absent("of the private CA in `tls/`"), "PEM file of its key.",
        "Goes with `tls.certificate`.";
    "gateway.listen" = Value("\"127.0.0.1:7306\""), "Address for MySQL clients.",
        "Nothing is reachable from other machines unasked.", "--gateway-listen", "OFFSHOOT_GATEWAY_LISTEN";
    "gateway.engine_listen" = Absent("for each installed engine but the default one: the port after `gateway.listen`'s"), "Listeners bound to one engine, `{ mariadb = \"127.0.0.1:7307\" }`: they greet with its version, and connection strings of its branches name them.",
        "Clients decide by the version in the greeting what they may send, and one port greets with one version.";
    "gateway.public_host" = Absent("as `gateway.listen`"), "Host in connection strings, and in the certificate.",
        "Only the operator knows how others reach this machine.";
    "gateway.public_port" = Absent("as `gateway.listen`"), "Port in connection strings.",
        "Only the operator knows how others reach this machine.";
    "gateway.require_tls" = Value("true"), "Clients that are not on this machine must use TLS.",
        "Secrets and rows must not travel in the clear.";
    "gateway.max_connections" = Value("4096"), "Connections of MySQL clients in all, those of sleeping branches included.",
        "Each takes two descriptors; more than that on one machine is a fault somewhere.";
    "gateway.max_connections_per_branch" = Value("256"), "Connections of one branch that has no limit of its own; at most 1000. A password of role `admin` gets in one more.",
        "One branch with a leaking pool cannot take the others' places; larger than the pools of common frameworks.";
    "gateway.proxy_protocol_from" = Value("[]"), "Addresses or networks of load balancers whose PROXY protocol header is demanded and believed.",
        "Who may send the header decides which address a client seems to have.";
    "engine.mysql.server" = Absent("found on `PATH`, or installed by Offshoot"), "Path of a `mysqld` that is elsewhere.",
        "A machine's own engine is found by itself.";
    "engine.mariadb.server" = Absent("found on `PATH`, or installed by Offshoot"), "Path of a `mariadbd` that is elsewhere.",
        "A machine's own engine is found by itself.";
    "instances.memory_budget" = Absent("70 % of the machine's memory"), "What all awake engines may take together, such as `\"8G\"`.",
        "Leaves room for the system and its page cache.";
    "instances.memory_limit" = Absent("no limit"), "What one development engine may take, such as `\"512M\"`, at least 256M; needs cgroup v2.",
        "The kernel kills what exceeds it; the budget alone puts idle branches to sleep instead.";
    "instances.cpu_limit" = Absent("no limit"), "Cores that one development engine may take, such as `0.5`; needs cgroup v2.",
        "An idle machine should serve whoever works.";
    "instances.sleep_after" = Value("\"10m\""), "Idle time after which a development branch sleeps; `\"0\"` = never. A branch may have its own.",
        "Longer than a pause between two commands, shorter than a lunch; waking takes a moment.";
    "instances.warm_instances" = Absent("1, or 0 below 4 GiB of memory"), "Engines started ahead, to become a branch at once.",
        "One hides the start of an engine; on a small machine its memory is worth more.";
    "instances.disk_quota" = Absent("no limit"), "What a development branch's data may take beside what it shares, such as `\"10G\"`, at least 64M. A branch may have its own.",
        "How much is much depends on the data; the reserve protects the pool without it.";
    "instances.stop_engines" = Value("true"), "SIGTERM shuts the engines down. `false`: they live on, and the next server adopts them.",
        "Who stops a server by hand wants its memory back. A service manager that restarts it wants `false`.", "serve --keep-engines";
    "pool.dir" = Absent("`pool` in the data directory"), "Where volumes live.",
        "One directory holds everything.";
    "pool.reserve" = Absent("2 % of the pool, at least 32M and at most 1G"), "What new branches leave free, such as `\"2G\"`.",
        "An engine that cannot write its log ends; running ones have to have room for that.";
    "pool.disk_budget" = Absent("all but the reserve"), "What all branches may take together beside what they share, such as `\"200G\"`: for a pool on a disk that others use, too.",
        "A pool with a filesystem of its own has its size as its budget.";
    "backups.pause_limit" = Value("\"200ms\""), "How long the engine of a branch that runs may stand still while the branch is copied, for a live branch or a backup. Where a copy would take longer, the engine makes its own hot copy, which reads every byte.",
        "An application takes it for a slow query; a copy by snapshot takes tens of milliseconds.";
    "backups.frequency" = Value("\"1 day\""), "How often the policy that every new database gets makes backups: a number of `hours`, `days`, `weeks` or `months`.",
        "A day's work is what most can bear to lose; blocks that did not change cost nothing on a copy-on-write pool.";
    "backups.time" = Value("\"03:00\""), "When it makes them, in UTC.",
        "Few work then where the server's users live near Greenwich; set it for others.";
    "backups.retention" = Value("\"2 days\""), "How long it keeps them, also in `years`. The last good backup of a production branch stays in any case.",
        "Long enough to notice a mistake of yesterday; a longer history takes room that only you know.";
    "backups.drill" = Value("\"1 week\""), "How often it is to restore the newest backup and compare it; `\"0\"` = never.",
        "A backup that was never restored is a hope; each drill reads every row once.";
    "backups.at_once" = Value("1"), "Backups and drills that policies have under way at once, 1 to 16.",
        "Each runs an engine that reads every row, while others work.";
    "backups.binlog_interval" = Value("\"10s\""), "How often what production branches commit is archived, so that branches can be made of any moment; `\"0\"` = never.",
        "With the machine, what is younger is lost; more often would be small objects without end.";
    "backups.binlog_bytes" = Value("\"16M\""), "What is archived at once when there is so much of it before that, 1M to 64M.",
        "One object, which is in memory while it is sealed.";
    "backups.store" = Absent("no off-site copies"), "Where off-site copies of backups are kept: `file:///directory`, `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`. Needs a key: `offshoot admin backup-key`.",
        "Only you know a place that outlives this machine, and whom you trust with sealed copies.";
    "backups.store_options" = Absent("of the environment"), "What the store's client has to know, by the names of the environment's variables: `{ AWS_ENDPOINT = \"https://objects.example.com\", AWS_REGION = \"eu\" }`. Secrets are refused here.",
        "The environment may say all of it already.";
    "backups.store_secrets" = Absent("of the environment"), "A file, readable by its owner alone, with `NAME=VALUE` lines such as `AWS_SECRET_ACCESS_KEY=…`.",
        "Secrets stand neither in this file nor in a command line.";
    "backups.key_file" = Absent("`backup.key` in the data directory"), "The key that copies are sealed with, readable by its owner alone.",
        "Found by itself. Keep a copy of it elsewhere: without it the store is worth nothing.";
    "backups.export" = Value("\"production\""), "Which backups are copied off-site unasked, where there is a store: those of `production` branches, `all`, or `none`.",
        "What development branches hold can be had again.";
    "backups.parallelism" = Value("8"), "Pieces of 1 MiB that are on their way to or from the store at once, 1 to 64.",
        "Hides the way to a store that is far away; each takes up to 3 MiB of memory.";
    "shadows.buffer_pool" = Value("\"128M\""), "Buffer pool of a shadow's engine, at least 8M.",
        "It applies what changed and reads little else. More where a large, busy branch's shadow falls behind.";
    "shadows.lag_limit" = Value("\"10m\""), "How far a shadow may be behind, beyond the time in which it follows, for a live branch or backup to be taken of it, and how long one waits for it; at least 10s. Otherwise the branch itself is copied.",
        "Whoever asks for the present gets it in a time that one can wait for.";
    "planning.deliveries_kept" = Value("\"30d\""), "How long events of planning tools, and those sent to webhooks, are kept, with what became of them; at least 1h.",
        "Longer than a sprint, so that what happened to one can be seen.";
    "planning.credentials_dir" = Absent("`credentials` in the data directory"), "Where automations write files with credentials.",
        "Nobody but the server's user may look into it; other places are the operator's choice alone.";
    "outbound.allow" = Value("[]"), "Addresses or networks of this machine or site that planning tools and receivers of webhooks may have, also over plain `http://`, such as `[\"10.1.0.0/16\"]`.",
        "Who may write a rule may name an address, and must not reach with it what only this machine can.";
    "region.slug" = Value("\"local\""), "What clients that name a region call this server, such as `eu-office`: lower-case letters, digits and hyphens.",
        "There is one region, so nobody has to name it.";
    "region.name" = Value("\"This machine\""), "The region's name for people, in lists of regions and of those clients that show one.",
        "True everywhere.";
    "login.passwords" = Value("true"), "Users may log in with a password of this server. `false`, where there is an OIDC provider: with that alone.",
        "Works without any other server. `false` locks nobody out: the root token makes users, and users log in by their e-mail address.";
    "login.oidc.issuer" = Absent("no OIDC provider"), "URL of an OIDC provider that users may [log in with](users.md), as it calls itself: `https://id.example.com`. `http://` is for addresses of this machine alone.",
        "Only you know who knows your people.";
    "login.oidc.client_id" = Absent("needed with an issuer"), "What the provider calls this server. The address that it sends browsers back to is `http.public_url` and `/oauth/oidc/callback`.",
        "The provider makes it.";
    "login.oidc.client_secret_file" = Absent("a public client, with PKCE alone"), "A file, readable by its owner alone, with the client's secret.",
        "Secrets do not stand in this file.", "OFFSHOOT_OIDC_CLIENT_SECRET";
    "login.oidc.name" = Absent("the issuer's host"), "What people call the provider: the button says \"Log in with …\".",
        "The host is what they know it by in any case.";
    "login.oidc.scopes" = Value("[\"openid\", \"email\", \"profile\"]"), "What the provider is asked for; `openid` has to be among them.",
        "An e-mail address to find the user by, and a name for those that are made.";
    "login.oidc.email_claim" = Value("\"email\""), "The claim that is the e-mail address. The provider says of `email` alone whether it is verified: another one needs `allow_unverified_email`.",
        "The standard's name.";
    "login.oidc.allow_unverified_email" = Value("false"), "Believe addresses that the provider does not call verified. Only for one where nobody can choose their own address.",
        "Who could write another's address into their account would be let in as them.";
    "login.oidc.email_domains" = Value("[]"), "Domains whose addresses may log in with the provider, such as `[\"example.com\"]`; empty: any. It holds for users who were let in before, too.",
        "Users are made by hand, so all that are there are meant.";
    "login.oidc.create_users" = Value("\"no\""), "What becomes of somebody whom the provider knows and this server does not: `no` turns them away, `member` makes them a user of that role.",
        "Who is let in is decided here, not by everybody with an account somewhere.";
    "login.oidc.ca_file" = Absent("what the machine trusts"), "PEM file of authorities that the provider's certificate may be of, beside those that the machine trusts.",
        "A provider of your own site may have a certificate of your own.";
    "limits.branches_per_database" = Value("5000"), "Branches of one database.",
        "A runaway job is stopped before lists and the pool suffer.";
    "limits.passwords_per_branch" = Value("1000"), "Passwords of one branch.",
        "A job that makes a password for every run and deletes none is noticed.";
    "limits.parallel_workflows" = Value("8"), "Workflows (creating, deleting, …) that run at once, 1 to 64.",
        "They start engines and copy: more only make each other slow.";
}

/// The table of the guide.
pub(crate) fn markdown() -> String {
    let mut text =
        "| key | default | what it is, and why that is the default |\n|---|---|---|\n".to_owned();
    for key in KEYS {
        let preset = match key.preset {
            Preset::Value(value) => format!("`{value}`"),
            Preset::Absent(words) => words.to_owned(),
        };
        let also: Vec<String> = key.also.iter().map(|a| format!("`{a}`")).collect();
        let also = match also.is_empty() {
            true => String::new(),
            false => format!(" Also {}.", also.join(", ")),
        };
        writeln!(
            text,
            "| `{}` | {preset} | {} *{}*{also} |",
            key.name, key.what, key.why
        )
        .expect("writing to a string");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const GUIDE: &str = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/guide/configuration.md"
    );
    const MARKS: [&str; 2] = ["<!-- keys -->\n", "<!-- end of keys -->"];

    #[test]
    fn the_guide_has_this_table() {
        let guide = std::fs::read_to_string(GUIDE).unwrap();
        let (before, rest) = guide.split_once(MARKS[0]).unwrap();
        let (table, after) = rest.split_once(MARKS[1]).unwrap();
        if std::env::var_os("OFFSHOOT_BLESS").is_some() {
            let text = [before, MARKS[0], &markdown(), MARKS[1], after].concat();
            return std::fs::write(GUIDE, text).unwrap();
        }
        assert!(
            table == markdown(),
            "docs/guide/configuration.md is not what the program says; write it anew with \
             OFFSHOOT_BLESS=1 cargo test -p offshoot the_guide_has_this_table"
        );
    }

    #[test]
    fn defaults_are_as_described() {
        let mut text = String::new();
        for key in KEYS {
            if let Preset::Value(value) = key.preset {
                writeln!(text, "{} = {value}", key.name).unwrap();
            }
        }
        let described = toml::Value::try_from(toml::from_str::<Config>(&text).unwrap()).unwrap();
        let default = toml::Value::try_from(Config::default()).unwrap();
        assert_eq!(described, default);
        // What has a default that is a value has one here.
        for (name, value) in leaves(&default) {
            let key = KEYS.iter().find(|k| k.name == name);
            let preset = key
                .unwrap_or_else(|| panic!("{name} is not described"))
                .preset;
            assert!(
                matches!(preset, Preset::Value(v) if v == value.to_string())
                    || value.as_table().is_some(),
                "{name}"
            );
        }
    }

    /// The parser says itself which keys it knows.
    #[test]
    fn every_key_is_described_and_no_other() {
        let known = |section: &str| -> Vec<String> {
            let text = match section {
                "" => "nonsense = 1".to_owned(),
                section => format!("[{section}]\nnonsense = 1"),
            };
            let error = toml::from_str::<Config>(&text).unwrap_err();
            let list = error.message().split_once("expected").unwrap().1.to_owned();
            list.split('`')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect()
        };
        let mut all = Vec::new();
        for section in known("") {
            for key in known(&section) {
                match format!("{section}.{key}").as_str() {
                    below @ ("engine.mysql" | "engine.mariadb" | "login.oidc") => {
                        all.extend(known(below).iter().map(|k| format!("{below}.{k}")));
                    }
                    other => all.push(other.to_owned()),
                }
            }
        }
        let mut described: Vec<&str> = KEYS.iter().map(|k| k.name).collect();
        all.sort();
        described.sort_unstable();
        assert_eq!(described, all);
    }

    fn leaves(value: &toml::Value) -> Vec<(String, &toml::Value)> {
        let mut all = Vec::new();
        for (name, value) in value.as_table().into_iter().flatten() {
            match value.as_table() {
                Some(table) if !table.is_empty() => {
                    all.extend(
                        leaves(value)
                            .into_iter()
                            .map(|(k, v)| (format!("{name}.{k}"), v)),
                    );
                }
                Some(_) => {}
                None => all.push((name.clone(), value)),
            }
        }
        all
    }
}
