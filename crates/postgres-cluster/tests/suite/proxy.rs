//! The proxy, in front of a server that says everything back.

use postgres_cluster::Proxy;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long silence must last to be believed.
const SILENCE: Duration = Duration::from_millis(50);

/// Starts a server on a free port that says back what it hears; it ends with the process.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || io::copy(&mut stream.try_clone()?, &mut stream));
        }
    });
    address
}

fn connect(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.address()).expect("the proxy listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("it is not zero");
    stream
}

fn say(mut stream: &TcpStream, word: &[u8]) {
    stream.write_all(word).expect("the proxy takes it");
}

#[track_caller]
fn hear(mut stream: &TcpStream, word: &[u8]) {
    let mut heard = vec![0; word.len()];
    stream.read_exact(&mut heard).expect("the word comes back");
    assert_eq!(heard, word);
}

/// Reads what there is within a short while.
fn silent(mut stream: &TcpStream) -> bool {
    stream.set_read_timeout(Some(SILENCE)).expect("it is not zero");
    let read = stream.read(&mut [0; 1]);
    stream.set_read_timeout(Some(PATIENCE)).expect("it is not zero");
    matches!(read, Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
}

#[test]
fn what_both_ends_say_is_passed_on_until_they_have_said_all() {
    let proxy = Proxy::start(echo()).expect("a port is free");
    let mut stream = connect(&proxy);
    let text: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
    let mut writer = stream.try_clone().expect("it is open");
    let heard = std::thread::scope(|scope| {
        scope.spawn(|| {
            writer.write_all(&text).expect("the proxy takes it");
            writer.shutdown(std::net::Shutdown::Write).expect("it is open");
        });
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).expect("it ends");
        heard
    });
    assert!(heard == text, "{} of {} bytes", heard.len(), text.len());
}

#[test]
fn a_cut_closes_connections_and_refuses_new_ones_until_healed() {
    let mut proxy = Proxy::start(echo()).expect("a port is free");
    let old = connect(&proxy);
    say(&old, b"before");
    hear(&old, b"before");
    assert_eq!(proxy.connections(), 1);

    proxy.cut();
    assert!(matches!((&old).read(&mut [0; 1]), Ok(0) | Err(_)), "the connection is closed");
    let refused = TcpStream::connect(proxy.address()).expect_err("nobody listens");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(proxy.connections(), 0);

    proxy.heal().expect("the port stayed ours");
    let new = connect(&proxy);
    say(&new, b"after");
    hear(&new, b"after");
}

#[test]
fn a_frozen_network_takes_connections_and_passes_nothing_until_healed() {
    let mut proxy = Proxy::start(echo()).expect("a port is free");
    let old = connect(&proxy);
    say(&old, b"one");
    hear(&old, b"one");

    proxy.freeze();
    say(&old, b"two");
    let new = connect(&proxy);
    say(&new, b"three");
    assert!(silent(&old) && silent(&new));

    proxy.heal().expect("it listened all the time");
    hear(&old, b"two");
    hear(&new, b"three");
}

#[test]
fn a_delay_holds_for_both_ways_and_ends_when_healed() {
    let mut proxy = Proxy::start(echo()).expect("a port is free");
    let stream = connect(&proxy);
    let delay = Duration::from_millis(40);
    proxy.delay(delay);
    let start = Instant::now();
    say(&stream, b"slow");
    hear(&stream, b"slow");
    assert!(start.elapsed() >= 2 * delay, "{:?}", start.elapsed());

    proxy.delay(PATIENCE * 10);
    say(&stream, b"healed");
    assert!(silent(&stream));
    proxy.heal().expect("it listened all the time");
    hear(&stream, b"healed");
}

#[test]
fn a_dropped_proxy_leaves_no_connection_even_when_frozen() {
    let mut proxy = Proxy::start(echo()).expect("a port is free");
    let stream = connect(&proxy);
    proxy.freeze();
    say(&stream, b"lost");
    let address = proxy.address();
    drop(proxy);
    assert!(matches!((&stream).read(&mut [0; 1]), Ok(0) | Err(_)), "the connection is closed");
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_target_that_does_not_answer_closes_the_connection() {
    let nobody = postgres_cluster::free_port().expect("a port is free");
    let proxy = Proxy::start((Ipv4Addr::LOCALHOST, nobody).into()).expect("a port is free");
    let stream = connect(&proxy);
    assert!(matches!((&stream).read(&mut [0; 1]), Ok(0) | Err(_)), "the connection is closed");
}
