//! The tasks of one connection. Owns where HTTP/2 runs its streams; must never let a task outlive
//! the connection.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::rt::Executor;
use tokio::task::JoinSet;

/// The tasks of one connection. Dropping the last copy cuts them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Streams(Arc<Mutex<JoinSet<()>>>);

impl Streams {
    /// Cuts what still runs and waits until it is gone.
    pub(crate) async fn end(self) {
        let mut tasks = {
            let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *tasks)
        };
        tasks.shutdown().await;
    }
}

impl<F> Executor<F> for Streams
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    fn execute(&self, fut: F) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Finished tasks leave here, so that the set stays as small as what runs.
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move { drop(fut.await) });
    }
}
