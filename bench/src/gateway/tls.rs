//! Certificates of a run: a server's for the peer, a client's for sysbench, which wants one.

use super::write_private;
use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use std::fs;
use std::path::{Path, PathBuf};

pub(super) struct Files {
    dir: PathBuf,
    pub(super) ca: String,
    pub(super) server_certificate: PathBuf,
    pub(super) server_key: PathBuf,
    client: (String, String),
}

impl Files {
    pub(super) fn make(dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir)?;
        let named = |name: &str, alternatives: Vec<String>| -> Result<CertificateParams> {
            let mut params = CertificateParams::new(alternatives)?;
            // Different ones: a certificate with its issuer's name is taken for a self-signed one.
            params.distinguished_name.push(DnType::CommonName, name);
            Ok(params)
        };
        let mut params = named("offshoot-bench authority", Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let signed = |name: &str| -> Result<(String, String)> {
            let key = KeyPair::generate()?;
            let certificate = named(name, vec![name.to_owned()])?.signed_by(&key, &ca)?;
            Ok((certificate.pem(), key.serialize_pem()))
        };
        let server = signed("localhost")?;
        let files = Self {
            dir: dir.to_owned(),
            ca: ca.pem(),
            server_certificate: dir.join("server.pem"),
            server_key: dir.join("server-key.pem"),
            client: signed("client")?,
        };
        fs::write(&files.server_certificate, server.0)?;
        write_private(&files.server_key, &server.1)?;
        Ok(files)
    }

    /// A directory with the files that sysbench looks for where it runs.
    pub(super) fn client_dir(&self, name: &str, ca: &str) -> Result<PathBuf> {
        let dir = self.dir.join(name);
        fs::create_dir_all(&dir)?;
        fs::write(dir.join("cacert.pem"), ca)?;
        fs::write(dir.join("client-cert.pem"), &self.client.0)?;
        write_private(&dir.join("client-key.pem"), &self.client.1)?;
        Ok(dir)
    }
}
