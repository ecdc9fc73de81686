//! What a zone gives a listener to serve. Owns the [`Service`] trait alone.

use std::future::Future;
use std::sync::Arc;

use hyper::body::Incoming;

use crate::body::Body;
use crate::session::Session;

/// A zone's answer to requests.
pub trait Service: Send + Sync + 'static {
    /// Answers one request of an admitted peer. The future is dropped, wherever it stands, when the
    /// connection is cut.
    fn call(
        &self,
        session: Arc<Session>,
        request: http::Request<Incoming>,
    ) -> impl Future<Output = http::Response<Body>> + Send;
}
