//! The listener: connections with timers and bounds, TLS, and an orderly end. It serves through
//! hyper-util, since a slow head needs a timer of its own.

mod watch;

use crate::app::Limits;
use crate::context::Connection;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, Version, header};
use axum::response::{IntoResponse as _, Response};
use hyper::body::{Body as _, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use ipnet::IpNet;
use std::convert::Infallible;
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
use watch::{Usage, Watched};

/// How long requests that are under way may take once the server is told to stop.
const DRAIN: Duration = Duration::from_secs(30);
/// How long an idle connection may take to be closed in order.
const FAREWELL: Duration = Duration::from_secs(1);

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
            let usage = Arc::new(Usage::default());
            let stream = Watched::new(stream, usage.clone());
            let about =
                Served { about: Connection { peer, tls: acceptor.is_some() }, usage, patience: head_time, stop };
            match acceptor {
                None => connection(stream, about, router, &builder).await,
                Some(acceptor) => match tokio::time::timeout(head_time, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => connection(stream, about, router, &builder).await,
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
    // No pings: a connection on which nothing happens is closed.
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(64).max_header_list_size(limits.head as u32);
    builder
}

/// What belongs to one connection.
struct Served {
    about: Connection,
    usage: Arc<Usage>,
    /// How long nothing may happen.
    patience: Duration,
    stop: CancellationToken,
}

/// Serves a connection until it ends, or until nothing has happened on it for a while: hyper's own
/// timer begins with the first byte of a head, and HTTP/2 has none.
async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    Served { about, usage, patience, stop }: Served,
    router: Router,
    builder: &Builder<TokioExecutor>,
) {
    let service = service_fn({
        let usage = usage.clone();
        move |request| respond(router.clone(), request, about, usage.clone())
    });
    let served = builder.serve_connection(TokioIo::new(stream), service);
    let idle = tokio::time::sleep(patience);
    tokio::pin!(served, idle);
    let (mut stopping, mut seen, mut dismissed) = (false, 0, false);
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
            () = &mut idle => {
                let mut wait = patience;
                if usage.idle_since(&mut seen) {
                    if dismissed {
                        tracing::debug!("an idle connection was cut off");
                        return;
                    }
                    dismissed = true;
                    served.as_mut().graceful_shutdown();
                    wait = FAREWELL;
                }
                idle.as_mut().reset(tokio::time::Instant::now() + wait);
            }
        }
    }
}

/// Answers one request.
async fn respond(
    router: Router,
    request: hyper::Request<Incoming>,
    about: Connection,
    usage: Arc<Usage>,
) -> Result<Response, Infallible> {
    let _under_way = usage.begin();
    // RFC 9112, section 3.2: like other faults in the framing, a bare 400.
    if request.version() == Version::HTTP_11 && request.headers().get_all(header::HOST).iter().count() != 1 {
        let close = [(header::CONNECTION, HeaderValue::from_static("close"))];
        return Ok((StatusCode::BAD_REQUEST, close).into_response());
    }
    let has_body = !request.body().is_end_stream();
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(about);
    let response = router.oneshot(request).await?;
    if has_body && !response.status().is_success() {
        usage.leave_unread();
    }
    Ok(response)
}
