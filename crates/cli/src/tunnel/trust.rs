//! Whom to believe that they are the gateway: a CA that was named, or the machine's and the local
//! server's.

use crate::failure::Failure;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Below a server's data directory.
const LOCAL_CA: &str = "tls/ca.pem";

/// Which certificates count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trust {
    /// PEM file that the user named: nothing else counts then.
    named: Option<PathBuf>,
    /// PEM file of a server on this machine, beside the CAs of the system.
    local: Option<PathBuf>,
}

impl Trust {
    pub(crate) fn new(named: Option<PathBuf>, data_dir: Option<&Path>) -> Self {
        Self {
            named,
            local: data_dir.map(|dir| dir.join(LOCAL_CA)),
        }
    }

    /// The CA file for programs that want one: the named one, or the local server's.
    pub(crate) fn file(&self) -> Option<&Path> {
        let local = self.local.as_deref().filter(|file| file.is_file());
        self.named.as_deref().or(local)
    }

    /// PEM text of the CAs that count beside the system's: for HTTPS.
    pub(crate) fn extra(&self) -> Result<Option<Vec<u8>>, Failure> {
        let Some(file) = self.file() else {
            return Ok(None);
        };
        match fs::read(file) {
            Ok(pem) => Ok(Some(pem)),
            // A data directory of another user.
            Err(_) if self.named.is_none() => Ok(None),
            Err(source) => Err(Failure::File {
                path: file.to_owned(),
                source,
            }),
        }
    }

    /// The CAs that count for MySQL.
    pub(crate) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, Failure> {
        let mut all = Vec::new();
        if let Some(pem) = self.extra()? {
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                all.push(certificate.map_err(|_| self.unreadable())?);
            }
            if all.is_empty() {
                return Err(self.unreadable());
            }
        }
        if self.named.is_none() {
            all.extend(rustls_native_certs::load_native_certs().certs);
        }
        Ok(all)
    }

    fn unreadable(&self) -> Failure {
        let file = self.file().unwrap_or(Path::new(LOCAL_CA));
        Failure::usage(
            format!("{} holds no certificates in PEM form", file.display()),
            "name the file tls/ca.pem of the server's data directory with --ca-file",
        )
    }

    pub(crate) fn tls(&self) -> Result<Arc<ClientConfig>, Failure> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(self.certificates()?);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Failure::Local(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::new(config))
    }
}

/// Whether what goes to this host leaves the machine.
pub(crate) fn remote(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>() {
        Ok(address) => !address.to_canonical().is_loopback(),
        Err(_) => host != "localhost",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_goes_without_tls() {
        for (host, is) in [
            ("127.0.0.1", false),
            ("127.9.9.9", false),
            ("::1", false),
            ("[::1]", false),
            ("localhost", false),
            ("10.0.0.1", true),
            ("db.example.com", true),
            ("localhost.example.com", true),
        ] {
            assert_eq!(remote(host), is, "{host}");
        }
    }

    #[test]
    fn a_named_file_must_hold_certificates() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("ca.pem");
        let trust = Trust::new(Some(file.clone()), None);
        assert!(matches!(trust.certificates(), Err(Failure::File { .. })));
        fs::write(&file, "no certificate").unwrap();
        assert!(matches!(trust.certificates(), Err(Failure::Usage { .. })));
        // Without one that was named the system's count, and the local server's where it is there.
        let elsewhere = Trust::new(None, Some(temp.path()));
        assert_eq!(elsewhere.file(), None);
        elsewhere.certificates().unwrap();
    }
}
