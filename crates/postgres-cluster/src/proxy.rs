//! A network that fails when told to.

use crate::chance;
use std::collections::HashMap;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long it may take to reach the address behind the proxy.
const CONNECT: Duration = Duration::from_secs(5);
/// As much as is passed on at once.
const CHUNK: usize = 16 << 10;

/// Passes TCP connections on to an address, from a port of its own on 127.0.0.1, until told not to.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    network: Arc<Network>,
    /// Takes connections; ended while the proxy is cut.
    listening: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Network {
    target: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    cut: bool,
    frozen: bool,
    delay: Duration,
    /// Counts cuts: a connection that was taken before one does not live on after it.
    age: u64,
    accepted: u64,
    /// Both ends of each connection.
    open: HashMap<u64, [TcpStream; 2]>,
}

impl Proxy {
    /// Starts a proxy in front of an address.
    pub fn start(target: SocketAddr) -> io::Result<Self> {
        let listener = chance::listener()?;
        let port = listener.local_addr()?.port();
        let network = Arc::new(Network { target, state: Mutex::default(), changed: Condvar::new() });
        let listening = Some(network.listen(listener));
        Ok(Self { port, network, listening })
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address to connect to.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// Closes all connections, and refuses new ones until healed.
    pub fn cut(&mut self) {
        let open = {
            let mut state = self.network.state();
            state.cut = true;
            state.age += 1;
            std::mem::take(&mut state.open)
        };
        self.network.changed.notify_all();
        for end in open.values().flatten() {
            end.shutdown(Shutdown::Both).ok();
        }
        if let Some(listening) = self.listening.take() {
            // It looks at the state when somebody knocks.
            TcpStream::connect(self.address()).ok();
            listening.join().ok();
        }
    }

    /// Keeps connections, and takes new ones, but passes nothing on until healed.
    pub fn freeze(&mut self) {
        self.change(|state| state.frozen = true);
    }

    /// Holds every chunk (at most 16 KiB) back for a while before it is passed on.
    pub fn delay(&mut self, delay: Duration) {
        self.change(|state| state.delay = delay);
    }

    /// Undoes what [`cut`](Self::cut), [`freeze`](Self::freeze) and [`delay`](Self::delay) did.
    /// Connections that were cut stay so.
    pub fn heal(&mut self) -> io::Result<()> {
        let listener = match self.listening {
            None => Some(TcpListener::bind(self.address())?),
            Some(_) => None,
        };
        self.change(|state| {
            state.cut = false;
            state.frozen = false;
            state.delay = Duration::ZERO;
        });
        if let Some(listener) = listener {
            self.listening = Some(self.network.listen(listener));
        }
        Ok(())
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.network.state().open.len()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.network.state());
        self.network.changed.notify_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
    }
}

impl Network {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(self: &Arc<Self>, listener: TcpListener) -> JoinHandle<()> {
        let network = Arc::clone(self);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let age = {
                    let state = network.state();
                    if state.cut {
                        return;
                    }
                    state.age
                };
                if let Ok(client) = client {
                    let network = Arc::clone(&network);
                    std::thread::spawn(move || network.pass_on(&client, age));
                }
            }
        })
    }

    /// Passes on what both ends say. A target that cannot be reached closes the connection.
    fn pass_on(&self, client: &TcpStream, age: u64) {
        let Ok(server) = TcpStream::connect_timeout(&self.target, CONNECT) else { return };
        client.set_nodelay(true).ok();
        server.set_nodelay(true).ok();
        let (Ok(first), Ok(second)) = (client.try_clone(), server.try_clone()) else { return };
        let id = {
            let mut state = self.state();
            if state.age != age {
                return;
            }
            state.accepted += 1;
            let id = state.accepted;
            state.open.insert(id, [first, second]);
            id
        };
        std::thread::scope(|scope| {
            scope.spawn(|| self.pump(id, client, &server));
            self.pump(id, &server, client);
        });
        self.state().open.remove(&id);
    }

    /// Passes on what one end says until it ends or the other does not listen.
    fn pump(&self, id: u64, mut from: &TcpStream, mut to: &TcpStream) {
        let mut chunk = vec![0; CHUNK];
        loop {
            match from.read(&mut chunk) {
                Ok(length) if length > 0 => {
                    if !self.may_pass(id) || to.write_all(&chunk[..length]).is_err() {
                        // Nobody reads what would come.
                        from.shutdown(Shutdown::Both).ok();
                        to.shutdown(Shutdown::Both).ok();
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                _ => {
                    // One end has said all; the other may go on. The end waits like what was said.
                    self.may_pass(id);
                    to.shutdown(Shutdown::Write).ok();
                    return;
                }
            }
        }
    }

    /// Waits while frozen and as long as chunks are delayed; tells whether the connection still is.
    fn may_pass(&self, id: u64) -> bool {
        let start = Instant::now();
        let mut state = self.state();
        loop {
            if !state.open.contains_key(&id) {
                return false;
            }
            let held = state.delay.saturating_sub(start.elapsed());
            state = if state.frozen {
                self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
            } else if held > Duration::ZERO {
                self.changed.wait_timeout(state, held).unwrap_or_else(PoisonError::into_inner).0
            } else {
                return true;
            };
        }
    }
}
