//! What is asked of the database's certificate.

use std::sync::Arc;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::{
    VerifierBuilderError, WebPkiServerVerifier, verify_server_cert_signed_by_trust_anchor,
};
use tokio_rustls::rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// How far a certificate is verified. That the server has its key is verified always.
#[derive(Debug)]
enum Extent {
    /// Not at all: who listens is not known, only that others do not.
    Nothing,
    /// That a root stands behind it, whatever its name.
    Chain(RootCertStore),
}

/// A verifier that asks less than rustls' own.
#[derive(Debug)]
pub(super) struct Verifier {
    extent: Extent,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    /// Takes every certificate.
    pub(super) fn trusting(provider: &Arc<CryptoProvider>) -> Arc<dyn ServerCertVerifier> {
        Arc::new(Self { extent: Extent::Nothing, provider: provider.clone() })
    }

    /// Takes every certificate that a root stands behind.
    pub(super) fn chain(provider: &Arc<CryptoProvider>, roots: RootCertStore) -> Arc<dyn ServerCertVerifier> {
        Arc::new(Self { extent: Extent::Chain(roots), provider: provider.clone() })
    }

    /// Takes what rustls does: a root stands behind it, and it is for this host.
    pub(super) fn chain_and_name(
        provider: &Arc<CryptoProvider>,
        roots: RootCertStore,
    ) -> Result<Arc<dyn ServerCertVerifier>, VerifierBuilderError> {
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build()?;
        Ok(verifier)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Extent::Chain(roots) = &self.extent {
            let certificate = ParsedCertificate::try_from(certificate)?;
            let algorithms = self.provider.signature_verification_algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&certificate, roots, intermediates, now, algorithms)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The roots in a file; those of this machine without one, or when it is called `system` as libpq has it.
pub(super) fn roots(file: Option<&str>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let Some(file) = file.filter(|file| *file != "system") else {
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        return if roots.is_empty() {
            Err("this machine has no root certificates; name those of the database with sslrootcert=FILE".to_owned())
        } else {
            Ok(roots)
        };
    };
    let unreadable = |why: String| format!("the root certificates in {file} cannot be used: {why}");
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| unreadable(error.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
        roots.add(certificate).map_err(|error| unreadable(error.to_string()))?;
    }
    if roots.is_empty() { Err(unreadable("there is no certificate in PEM".to_owned())) } else { Ok(roots) }
}
