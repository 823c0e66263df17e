use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use poem::{
    Addr, Endpoint, Response,
    http::{self, uri::Scheme},
    web::{LocalAddr, RemoteAddr},
};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs::sign::any_supported_type,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{Instant, sleep, timeout},
};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;

use super::lingering::Lingering;

/// A connection must have sent its request's headers, and made its TLS handshake, within this.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// A client that takes none of its answer for this long is given up.
const READS_WITHIN: Duration = Duration::from_secs(30);
/// More connections than these wait to be accepted; a process may commonly have 1024 files open.
const CONNECTIONS: usize = 900;
/// A stop goes on answering for this long at least, so that load balancers see the node isn't ready.
const FAREWELL: Duration = Duration::from_millis(300);

/// A certificate that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {why}")]
pub struct TlsError {
    path: String,
    why: String,
}

/// What serves HTTPS: TLS 1.2 and 1.3.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl Tls {
    /// From PEM files: the certificate chain, and its private key.
    pub fn from_files(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let failed = |path: &Path, why: String| TlsError { path: path.display().to_string(), why };
        let chain = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| failed(certificate, error.to_string()))?;
        let private = PrivateKeyDer::from_pem_file(key).map_err(|error| failed(key, error.to_string()))?;
        // By itself first, so that a bad key isn't blamed on the certificate.
        any_supported_type(&private).map_err(|error| failed(key, error.to_string()))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
            .map_err(|error| failed(certificate, error.to_string()))?;
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

/// A server that has its address and waits to be run.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    tls: Option<Tls>,
}

/// What a connection needs.
struct Context<E> {
    endpoint: E,
    local: SocketAddr,
    tls: Option<Tls>,
    in_flight: Arc<AtomicUsize>,
}

impl Bound {
    /// Takes the address.
    pub async fn to(address: SocketAddr, tls: Option<Tls>) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await?, tls })
    }

    /// The address it has, its port included.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers requests until `stop` is ready; then goes on until none is in flight, for at most `wait`.
    pub async fn run<E>(self, endpoint: E, stop: impl Future<Output = ()>, wait: Duration) -> io::Result<()>
    where
        E: Endpoint<Output = Response> + 'static,
    {
        let local = self.address()?;
        let in_flight = Arc::new(AtomicUsize::new(0));
        let context = Arc::new(Context { endpoint, local, tls: self.tls, in_flight: Arc::clone(&in_flight) });
        let graceful = GracefulShutdown::new();
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let accepting = async {
            let mut failing = false;
            loop {
                let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
                match self.listener.accept().await {
                    Ok((stream, peer)) => {
                        failing = false;
                        let (context, watcher) = (Arc::clone(&context), graceful.watcher());
                        tokio::spawn(async move {
                            let _place = place;
                            context.serve(stream, peer, watcher).await;
                        });
                    }
                    // Out of file descriptors, or the client went away: others may fare better.
                    Err(error) => {
                        if !failing {
                            tracing::warn!(%error, "can't accept a connection; trying again");
                        }
                        failing = true;
                        sleep(Duration::from_millis(20)).await;
                    }
                }
            }
        };
        let stopping = async {
            stop.await;
            let began = Instant::now();
            while began.elapsed() < FAREWELL || (in_flight.load(Ordering::Acquire) > 0 && began.elapsed() < wait) {
                sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::select! { () = accepting => {}, () = stopping => {} }
        let _ = timeout(Duration::from_secs(1), graceful.shutdown()).await;
        Ok(())
    }
}

impl<E: Endpoint<Output = Response> + 'static> Context<E> {
    async fn serve(&self, stream: TcpStream, peer: SocketAddr, watcher: hyper_util::server::graceful::Watcher) {
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(READS_WITHIN));
        let stream = Lingering::new(Box::pin(stream));
        match &self.tls {
            None => self.connection(stream, peer, &Scheme::HTTP, watcher).await,
            Some(Tls(acceptor)) => {
                if let Ok(Ok(stream)) = timeout(HEADERS_WITHIN, acceptor.accept(stream)).await {
                    self.connection(stream, peer, &Scheme::HTTPS, watcher).await;
                }
            }
        }
    }

    async fn connection(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: SocketAddr,
        scheme: &Scheme,
        watcher: hyper_util::server::graceful::Watcher,
    ) {
        let service = service_fn(|request: http::Request<Incoming>| async move {
            let _counted = Counted::new(&self.in_flight);
            let local = LocalAddr(Addr::SocketAddr(self.local));
            let remote = RemoteAddr(Addr::SocketAddr(peer));
            let response = self.endpoint.get_response((request, local, remote, scheme.clone()).into()).await;
            Ok::<http::Response<_>, Infallible>(response.into())
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADERS_WITHIN)
            .max_buf_size(64 * 1024)
            .serve_connection(TokioIo::new(stream), service);
        let _ = watcher.watch(connection).await;
    }
}

/// Counts a request while it is answered.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
