//! The signals that ask a command to stop.

use crate::error::Failure;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM and SIGINT.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes them from now on; they no longer just end the process.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next one and answers its name.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }

    /// Gets ready for work that is to end in order. `None` when a signal came before, which is told.
    pub async fn unless_told<T>(
        &mut self,
        getting_ready: impl Future<Output = Result<T, Failure>>,
    ) -> Result<Option<T>, Failure> {
        tokio::select! {
            biased;
            signal = self.next() => {
                tracing::info!(signal, "stopped before it was ready");
                Ok(None)
            }
            ready = getting_ready => ready.map(Some),
        }
    }
}
