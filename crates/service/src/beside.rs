//! Work that goes on beside other work.

use crate::jobs::JobError;
use tokio::task::JoinSet;

/// Something that is read on another thread. It ends with this value, however that ends.
pub(crate) struct Beside<T> {
    what: &'static str,
    task: JoinSet<Result<T, JobError>>,
}

impl<T: Send + 'static> Beside<T> {
    /// Begins it; `what` is read, for the error.
    pub(crate) fn new(what: &'static str, reading: impl Future<Output = Result<T, JobError>> + Send + 'static) -> Self {
        let mut task = JoinSet::new();
        task.spawn(reading);
        Self { what, task }
    }

    /// What came of it. A panic of it is one of the caller.
    pub(crate) async fn ended(mut self) -> Result<T, JobError> {
        match self.task.join_next().await {
            Some(Ok(read)) => read,
            Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            _ => Err(JobError::Interrupted(format!("{} could not be read to the end", self.what))),
        }
    }
}
