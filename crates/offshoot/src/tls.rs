//! The private CA of the first start, and the server certificate signed by it.
//!
//! Clients trust the CA file (`tls/ca.pem`); the certificate is remade when it is near its end or
//! when the names it must carry change, always by the same CA. An operator's own certificate is
//! taken instead where one is configured; it is read at start.

use crate::config;
use crate::data_dir::{DataDir, write_private};
use anyhow::{Context, Result};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Years that the CA is good for, and that a server certificate is.
const CA_YEARS: i16 = 20;
const SERVER_YEARS: i16 = 2;

#[derive(Clone, Debug)]
pub(crate) struct Tls {
    pub(crate) config: Arc<ServerConfig>,
    /// PEM file of the CA, for clients; of the certificate, where that is the operator's own.
    pub(crate) ca: PathBuf,
    /// The CA is of our own making.
    private: bool,
}

impl Tls {
    /// The CA's certificate (PEM), where clients do not know it by themselves.
    pub(crate) fn private_ca(&self) -> Result<Option<String>> {
        self.private.then(|| read(&self.ca)).transpose()
    }
}

/// Loads the configured certificate, else that for `names` (host names and addresses), making CA and
/// certificate where they are missing.
pub(crate) fn load(
    dir: &DataDir,
    own: &config::Tls,
    names: &[String],
    now: Timestamp,
) -> Result<Tls> {
    let (certificate, key, ca) = match (&own.certificate, &own.key) {
        (Some(certificate), Some(key)) => (certificate.clone(), key.clone(), certificate.clone()),
        _ => private(dir, names, now)?,
    };
    let mut chain = certificates(&certificate)?;
    let ours = ca != certificate;
    if ours {
        chain.extend(certificates(&ca)?);
    }
    let private = PrivateKeyDer::from_pem_slice(read(&key)?.as_bytes())
        .with_context(|| format!("{} holds no PEM key", key.display()))?;
    let config = ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::aws_lc_rs::default_provider(),
    ))
    .with_safe_default_protocol_versions()?
    .with_no_client_auth()
    .with_single_cert(chain, private)
    .with_context(|| format!("{} and {} do not fit", certificate.display(), key.display()))?;
    Ok(Tls {
        config: Arc::new(config),
        ca,
        private: ours,
    })
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let text = read(file)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(text.as_bytes())
        .collect::<Result<_, _>>()
        .with_context(|| format!("{} is not PEM", file.display()))?;
    anyhow::ensure!(
        !chain.is_empty(),
        "{} holds no PEM certificate",
        file.display()
    );
    Ok(chain)
}

/// Certificate, key and CA of our own making.
fn private(dir: &DataDir, names: &[String], now: Timestamp) -> Result<(PathBuf, PathBuf, PathBuf)> {
    let tls = dir.tls();
    let ca = tls.join("ca.pem");
    let ca_key = tls.join("ca.key");
    if !ca.is_file() || !ca_key.is_file() {
        make_ca(&ca, &ca_key, now)?;
    }
    let (certificate, key, made_for) = (
        tls.join("server.pem"),
        tls.join("server.key"),
        tls.join("server.names"),
    );
    let wanted = wanted(names, now);
    if fs::read_to_string(&made_for).ok().as_deref() != Some(&wanted) {
        let issuer = Issuer::from_ca_cert_pem(&read(&ca)?, KeyPair::from_pem(&read(&ca_key)?)?)?;
        let mut params = CertificateParams::new(names.to_vec())
            .context("a name in [gateway] names is not valid")?;
        (params.not_before, params.not_after) = validity(now, SERVER_YEARS);
        params
            .distinguished_name
            .push(DnType::CommonName, "Offshoot");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let pair = KeyPair::generate()?;
        write_private(&key, pair.serialize_pem().as_bytes())?;
        write_private(
            &certificate,
            params.signed_by(&pair, &issuer)?.pem().as_bytes(),
        )?;
        write_private(&made_for, wanted.as_bytes())?;
    }
    Ok((certificate, key, ca))
}

fn make_ca(ca: &Path, ca_key: &Path, now: Timestamp) -> Result<()> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
        .distinguished_name
        .push(DnType::CommonName, "Offshoot private CA");
    (params.not_before, params.not_after) = validity(now, CA_YEARS);
    let pair = KeyPair::generate()?;
    write_private(ca_key, pair.serialize_pem().as_bytes())?;
    write_private(ca, params.self_signed(&pair)?.pem().as_bytes())
}

/// What a certificate is made for: its names, and the half year, so that it is remade in time.
fn wanted(names: &[String], now: Timestamp) -> String {
    let date = now.to_zoned(TimeZone::UTC).date();
    format!(
        "{}\n{}-{}\n",
        names.join("\n"),
        date.year(),
        if date.month() <= 6 { 1 } else { 2 }
    )
}

fn validity(now: Timestamp, years: i16) -> (time::OffsetDateTime, time::OffsetDateTime) {
    let date = now.to_zoned(TimeZone::UTC).date();
    let (year, month) = (
        i32::from(date.year()),
        u8::try_from(date.month()).unwrap_or(1),
    );
    // From the first of last year's same month: clocks of clients may be behind.
    (
        date_time_ymd(year - 1, month, 1),
        date_time_ymd(year + i32::from(years), month, 1),
    )
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ca_stays_and_the_certificate_follows_its_names() {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::new(temp.path().join("data"));
        dir.create().unwrap();
        let own = config::Tls::default();
        let now: Timestamp = "2026-11-23T00:00:00Z".parse().unwrap();
        let files =
            || ["ca.pem", "server.pem"].map(|f| fs::read_to_string(dir.tls().join(f)).unwrap());
        load(&dir, &own, &["localhost".to_owned()], now).unwrap();
        let first = files();
        load(&dir, &own, &["localhost".to_owned()], now).unwrap();
        assert_eq!(first, files());
        load(
            &dir,
            &own,
            &[
                "localhost".to_owned(),
                "db.example.com".to_owned(),
                "127.0.0.1".to_owned(),
            ],
            now,
        )
        .unwrap();
        let second = files();
        assert_eq!(first[0], second[0]);
        assert_ne!(first[1], second[1]);
        let own = config::Tls {
            certificate: Some(dir.tls().join("server.pem")),
            key: Some(dir.tls().join("server.key")),
        };
        load(&dir, &own, &[], now).unwrap();
        let wrong = config::Tls {
            key: Some(dir.tls().join("ca.key")),
            ..own
        };
        let refused = load(&dir, &wrong, &[], now).unwrap_err().to_string();
        assert!(refused.contains("do not fit"), "{refused}");
    }
}
