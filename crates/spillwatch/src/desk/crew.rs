//! Threads for what takes a processor's time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

type Order = Box<dyn FnOnce() + Send>;

/// A number of threads, which end when this is dropped.
pub struct Crew {
    orders: Mutex<Sender<Order>>,
    size: usize,
}

impl Crew {
    /// Starts so many threads, and at least one.
    pub fn new(size: usize) -> std::io::Result<Self> {
        let size = size.max(1);
        let (orders, taken) = channel::<Order>();
        let taken = Arc::new(Mutex::new(taken));
        for number in 0..size {
            let taken = Arc::clone(&taken);
            std::thread::Builder::new().name(format!("desk-{number}")).spawn(move || work(&taken))?;
        }
        Ok(Self { orders: Mutex::new(orders), size })
    }

    /// How many threads there are.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Has something done by the next thread that has nothing to do. The answer does not come where it panicked.
    pub fn run<T: Send + 'static>(&self, order: impl FnOnce() -> T + Send + 'static) -> oneshot::Receiver<T> {
        let (reply, answer) = oneshot::channel();
        let order: Order = Box::new(move || drop(reply.send(order())));
        // Where no thread is left the order is dropped, and with it the reply.
        drop(self.orders.lock().unwrap_or_else(PoisonError::into_inner).send(order));
        answer
    }
}

fn work(taken: &Mutex<Receiver<Order>>) {
    loop {
        let order = taken.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(order) = order else { return };
        drop(catch_unwind(AssertUnwindSafe(order))); // the panic was told, and who waits learns of it
    }
}

#[cfg(test)]
mod tests {
    use super::Crew;

    #[tokio::test]
    async fn a_thread_outlives_an_order_that_panics() {
        let crew = Crew::new(1).expect("a thread");
        assert!(crew.run(|| "no number".parse::<u8>().expect("it is none, on purpose")).await.is_err());
        assert_eq!(crew.run(|| 7).await, Ok(7));
    }
}
