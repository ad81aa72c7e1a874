//! The listener: connections with timers and bounds, TLS, and an orderly end. It serves through
//! hyper-util, since a slow head needs a timer of its own.

use crate::app::Limits;
use crate::context::Connection;
use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use ipnet::IpNet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

/// How long requests that are under way may take once the server is told to stop.
const DRAIN: Duration = Duration::from_secs(30);

/// How to listen.
pub struct Listen {
    /// Encrypts every connection.
    pub tls: Option<Arc<ServerConfig>>,
    /// When not empty, only these peers are served: the proxies that speak TLS for us.
    pub only_from: Arc<[IpNet]>,
    /// Bounds.
    pub limits: Limits,
}

/// Serves connections until told to stop; then finishes the requests that are under way, for at
/// most half a minute.
pub async fn serve(listener: TcpListener, router: Router, listen: Listen, stop: CancellationToken) {
    let connections = TaskTracker::new();
    let places = Arc::new(Semaphore::new(listen.limits.connections));
    let builder = Arc::new(builder(&listen.limits));
    let acceptor = listen.tls.map(TlsAcceptor::from);
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, peer, place)) = accepted else { continue };
        if !listen.only_from.is_empty() && !listen.only_from.iter().any(|net| net.contains(&peer.ip().to_canonical())) {
            tracing::warn!(peer = %peer.ip(), "a connection that does not come from the proxy was closed");
            continue;
        }
        let (router, builder, acceptor, stop) = (router.clone(), builder.clone(), acceptor.clone(), stop.clone());
        let head_time = listen.limits.head_time;
        connections.spawn(async move {
            let _place = place; // free again when the connection ends
            match acceptor {
                None => connection(stream, Connection { peer, tls: false }, router, &builder, stop).await,
                Some(acceptor) => match tokio::time::timeout(head_time, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => connection(stream, Connection { peer, tls: true }, router, &builder, stop).await,
                    Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
                    Err(_) => tracing::debug!("a TLS handshake took too long"),
                },
            }
        });
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(DRAIN, connections.wait()).await.is_err() {
        tracing::warn!(left = connections.len(), "connections were still open after {} seconds", DRAIN.as_secs());
    }
}

type Accepted = (TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit);

/// Takes a place first, so that beyond the bound connections wait in the listener's queue.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> Option<Accepted> {
    let place = places.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "a connection was gone before it began");
            }
            Some((stream, peer, place))
        }
        Err(error) => {
            // Out of file descriptors, mostly: waiting lets others end.
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

fn builder(limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.head_time).max_buf_size(limits.head);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(64)
        .max_header_list_size(limits.head as u32)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    about: Connection,
    router: Router,
    builder: &Builder<TokioExecutor>,
    stop: CancellationToken,
) {
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(about);
        router.clone().oneshot(request)
    });
    let served = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(served);
    let mut stopping = false;
    loop {
        tokio::select! {
            ended = &mut served => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended early");
                }
                return;
            }
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                served.as_mut().graceful_shutdown();
            }
        }
    }
}
