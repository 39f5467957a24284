//! Certificates of authorities that nobody knows, for a server that speaks TLS.

use std::{
    io,
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};

/// A certificate for one host, with the authority that vouches for it.
#[derive(Debug, Clone)]
pub struct Identity {
    authority: String,
    authority_der: Vec<u8>,
    server: Arc<ServerConfig>,
}

impl Identity {
    /// A good one for a name or an address.
    ///
    /// # Panics
    /// When it is no name of a host.
    #[must_use]
    pub fn of(host: &str) -> Self {
        Self::made(host, false)
    }

    /// One that was good until long ago.
    ///
    /// # Panics
    /// When it is no name of a host.
    #[must_use]
    pub fn expired(host: &str) -> Self {
        Self::made(host, true)
    }

    #[expect(clippy::expect_used, reason = "only tests use it")]
    fn made(host: &str, is_expired: bool) -> Self {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Else one would be taken for another with a wrong signature.
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        authority.distinguished_name.push(DnType::CommonName, format!("authority {number} of a test"));
        let authority_key = KeyPair::generate().expect("a key");
        let certificate = authority.self_signed(&authority_key).expect("a certificate");
        let mut own = CertificateParams::new([host.to_owned()]).expect("a name of a host");
        if is_expired {
            own.not_before = date_time_ymd(2001, 1, 1);
            own.not_after = date_time_ymd(2002, 1, 1);
        }
        let key = KeyPair::generate().expect("a key");
        let signed =
            own.signed_by(&key, &Issuer::from_params(&authority, &authority_key)).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("protocols")
            .with_no_client_auth()
            .with_single_cert(vec![signed.der().clone()], key)
            .expect("a certificate and its key");
        Self {
            authority: certificate.pem(),
            authority_der: certificate.der().to_vec(),
            server: Arc::new(server),
        }
    }

    /// The certificate of the authority, in PEM.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The certificate of the authority, in DER.
    #[must_use]
    pub fn authority_der(&self) -> Vec<u8> {
        self.authority_der.clone()
    }

    /// Speaks TLS on a connection.
    pub(crate) fn accept(&self, stream: TcpStream) -> io::Result<StreamOwned<ServerConnection, TcpStream>> {
        let connection = ServerConnection::new(Arc::clone(&self.server)).map_err(io::Error::other)?;
        Ok(StreamOwned::new(connection, stream))
    }
}
