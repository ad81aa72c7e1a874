//! TLS from files, or with a certificate made for local use.

use rcgen::{CertificateParams, KeyPair};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::fs;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::rustls::{self, ServerConfig};

/// How connections are encrypted.
pub type TlsConfig = ServerConfig;

/// A certificate chain and its key, in PEM.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The chain, the server's own certificate first.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read as PEM.
    #[error("{path} cannot be used: {why}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Certificate and key do not fit, or the like.
    #[error("the certificate and its key cannot be used: {0}")]
    Config(#[from] rustls::Error),
    /// No certificate can be made.
    #[error("a self-signed certificate cannot be made: {0}")]
    SelfSigned(#[from] rcgen::Error),
}

/// Reads the files and offers HTTP/2 and HTTP/1.1.
pub fn tls_config(files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
    let unusable = |path: &Path, why: String| TlsError::File { path: path.to_owned(), why };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect)
        .map_err(|error| unusable(&files.certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(unusable(&files.certificate, "it holds no certificate in PEM".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| unusable(&files.key, error.to_string()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Makes a certificate for `names` in a folder, once; later starts find it there, so that a client
/// who trusts it goes on trusting it.
pub fn self_signed(folder: &Path, names: &[String]) -> Result<TlsFiles, TlsError> {
    let files = TlsFiles { certificate: folder.join("self-signed.crt"), key: folder.join("self-signed.key") };
    if files.certificate.exists() && files.key.exists() {
        return Ok(files);
    }
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(names)?.self_signed(&key)?;
    let write = |path: &Path, text: &str| -> std::io::Result<()> {
        use std::io::Write as _;
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    for (path, text) in [(&files.key, key.serialize_pem()), (&files.certificate, certificate.pem())] {
        write(path, &text).map_err(|error| TlsError::File { path: path.clone(), why: error.to_string() })?;
    }
    Ok(files)
}
