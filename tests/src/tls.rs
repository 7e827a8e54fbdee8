//! TLS before what a test has scripted, with a certificate that is its own authority.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// A new key for this name or address, and its certificate in PEM.
#[must_use]
pub fn acceptor(name: &str) -> (TlsAcceptor, String) {
    let own = generate_simple_self_signed([name.to_owned()]);
    let CertifiedKey { cert, signing_key } = own.expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key);
    (Arc::new(config.expect("its own key")).into(), cert.pem())
}

/// Takes TLS connections for `localhost` and passes on what is in them. Returns the port, and the certificate in PEM.
pub async fn before(server: SocketAddr) -> (u16, String) {
    let (acceptor, certificate) = acceptor("localhost");
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // Without the right name there is no connection.
                let Ok(mut client) = acceptor.accept(stream).await else { return };
                if client.get_ref().1.server_name() != Some("localhost") {
                    return;
                }
                let Ok(mut server) = TcpStream::connect(server).await else { return };
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    (port, certificate)
}
