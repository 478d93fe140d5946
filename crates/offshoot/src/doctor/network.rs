//! Ports, certificates, and whether the server answers.

use super::{AS_ROOT, Finding, hidden};
use crate::config::Config;
use crate::data_dir::DataDir;
use jiff::Timestamp;
use offshoot_client::Client;
use rustix::process::Pid;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::time::Duration;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

const PORTS: &str = "ports";
const TLS: &str = "certificate";
const SERVER: &str = "server";
/// For a connection to this machine.
const PATIENCE: Duration = Duration::from_secs(5);
/// Days before its end at which a certificate is worth a word.
const SOON: i64 = 30;

/// Each port is free, or our server's.
pub(super) fn ports(config: &Config, server: Option<Pid>) -> Vec<Finding> {
    let ports = [
        ("HTTP", config.http.listen, "http.listen"),
        ("MySQL clients", config.gateway.listen, "gateway.listen"),
    ];
    ports
        .into_iter()
        .map(
            |(what, address, key)| match (server, TcpListener::bind(address)) {
                (None, Ok(_)) => Finding::ok(PORTS, format!("{address} is free for {what}")),
                (None, Err(error)) => Finding::fail(
                    PORTS,
                    format!("{address} cannot be had for {what}: {error}"),
                    format!("end the program that has it, or set {key}"),
                ),
                (Some(pid), _) => match TcpStream::connect_timeout(&local(address), PATIENCE) {
                    Ok(_) => Finding::ok(
                        PORTS,
                        format!(
                            "{address} is served for {what} by process {}",
                            pid.as_raw_nonzero()
                        ),
                    ),
                    Err(error) => Finding::warn(
                        PORTS,
                        format!(
                            "the server runs, but nothing listens for {what} on {address}: {error}"
                        ),
                        format!("give this command the server's configuration, or set {key}"),
                    ),
                },
            },
        )
        .collect()
}

/// An address for clients on this machine.
fn local(listening: SocketAddr) -> SocketAddr {
    match listening.ip() {
        ip if !ip.is_unspecified() => listening,
        ip if ip.is_ipv4() => (Ipv4Addr::LOCALHOST, listening.port()).into(),
        _ => (Ipv6Addr::LOCALHOST, listening.port()).into(),
    }
}

pub(super) fn certificates(dir: &DataDir, config: &Config, now: Timestamp) -> Vec<Finding> {
    let own = config.tls.certificate.clone();
    let path = own.clone().unwrap_or_else(|| dir.tls().join("server.pem"));
    let key = config
        .tls
        .key
        .clone()
        .unwrap_or_else(|| dir.tls().join("server.key"));
    let shown = path.display();
    let renew = match own.is_some() {
        true => "get a new one from its authority, and restart the server",
        false => "restart the server: it makes a new one",
    };
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && own.is_none() => {
            return vec![Finding::ok(TLS, "not there yet; the first start makes one")];
        }
        Err(e) if hidden(&e) => return vec![Finding::warn(TLS, format!("{shown}: {e}"), AS_ROOT)],
        Err(e) => {
            return vec![Finding::fail(
                TLS,
                format!("{shown}: {e}"),
                "correct tls.certificate",
            )];
        }
    };
    let mut all = Vec::new();
    if let Ok(meta) = std::fs::metadata(&key)
        && meta.mode() & 0o077 != 0
    {
        let found = format!(
            "others may read the key {} (mode {:o})",
            key.display(),
            meta.mode() & 0o777
        );
        all.push(Finding::fail(
            TLS,
            found,
            format!(
                "chmod 600 {}; better, replace key and certificate",
                key.display()
            ),
        ));
    }
    let der = CertificateDer::from_pem_slice(&text).ok();
    let parsed = der
        .as_ref()
        .and_then(|der| X509Certificate::from_der(der).ok());
    let Some((_, certificate)) = parsed else {
        all.push(Finding::fail(
            TLS,
            format!("{shown} is no PEM certificate"),
            renew,
        ));
        return all;
    };
    let days = (certificate.validity().not_after.timestamp() - now.as_second()).div_euclid(86_400);
    let host = config.gateway.public_host.as_deref();
    let missing = host.filter(|host| !covers(&certificate, host));
    if certificate.validity().not_before.timestamp() > now.as_second() {
        all.push(Finding::fail(
            TLS,
            format!("{shown} is not valid yet: is the clock right?"),
            renew,
        ));
    } else if days < 0 {
        all.push(Finding::fail(TLS, format!("{shown} has expired"), renew));
    } else if let Some(host) = missing {
        let found =
            format!("{shown} is not for {host}, which clients are told (gateway.public_host)");
        all.push(Finding::fail(TLS, found, renew));
    } else if days < SOON {
        all.push(Finding::warn(
            TLS,
            format!("{shown} expires in {days} days"),
            renew,
        ));
    } else if all.is_empty() {
        all.push(Finding::ok(TLS, format!("{shown}, good for {days} days")));
    }
    all
}

fn covers(certificate: &X509Certificate<'_>, host: &str) -> bool {
    let address: Option<std::net::IpAddr> = host.parse().ok();
    let address = address.map(|ip| match ip {
        std::net::IpAddr::V4(v4) => v4.octets().to_vec(),
        std::net::IpAddr::V6(v6) => v6.octets().to_vec(),
    });
    let Ok(Some(names)) = certificate.subject_alternative_name() else {
        return false;
    };
    names.value.general_names.iter().any(|name| match name {
        GeneralName::DNSName(dns) => match dns.strip_prefix("*.") {
            Some(domain) => host
                .split_once('.')
                .is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(domain)),
            None => dns.eq_ignore_ascii_case(host),
        },
        GeneralName::IPAddress(bytes) => address.as_deref() == Some(*bytes),
        _ => false,
    })
}

/// Whether a server is ready where this configuration says.
pub(crate) async fn answers(config: &Config) -> Finding {
    let address = local(config.http.listen);
    let asked = async {
        let client = Client::new(&format!("http://{address}"), None)?;
        client.ready().await
    };
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(())) => Finding::ok(SERVER, format!("the server on {address} is ready")),
        Ok(Err(error)) => Finding::fail(
            SERVER,
            format!("the server on {address} is not ready: {error}"),
            "start it with `offshoot serve`, or see its log",
        ),
        Err(_) => Finding::fail(
            SERVER,
            format!("the server on {address} does not answer"),
            "see its log",
        ),
    }
}
