//! The listener's side of a node: the endpoints every zone has, then the zone's own. Same authentication for all.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use cofferdam_hwprofile::Refusal;
use cofferdam_link::Body;
use cofferdam_link::{Service, Session, SessionKind};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::json;

use crate::node::Node;
use crate::refusal::{json_response, refusal_response};
use crate::zone::{Metric, MetricKind, Zone};

/// Serves one zone on one node.
pub(crate) struct ZoneService<Z> {
    pub(crate) zone: Arc<Z>,
    pub(crate) node: Arc<Node>,
}

impl<Z: Zone> Service for ZoneService<Z> {
    async fn call(&self, session: Arc<Session>, request: Request<Incoming>) -> Response<Body> {
        if session.kind == SessionKind::Boot && request.uri().path() != "/v1/lease" {
            return refusal_response(StatusCode::FORBIDDEN, &boot_only_leases(&session));
        }
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/v1/health") => self.health(),
            (&Method::GET, "/v1/metrics") => self.metrics(),
            _ => Arc::clone(&self.zone).call(session, request).await,
        }
    }
}

impl<Z: Zone> ZoneService<Z> {
    fn health(&self) -> Response<Body> {
        let snapshot = Arc::clone(&self.node.standing().borrow());
        let lease = snapshot
            .credential
            .as_ref()
            .map(|credential| credential.not_after);
        let now = self.node.clock().unix_seconds();
        let held = lease.is_some_and(|until| until > now);
        let status = if held {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        json_response(
            status,
            &json!({
                "status": if held { "serving" } else { "no lease" },
                "zone": self.node.zone().to_string(),
                "node": self.node.name().to_string(),
                "kind": Z::KIND.as_str(),
                "grade": self.node.grade().to_string(),
                "epoch": self.node.rack().epoch.to_string(),
                "lease-until": lease,
            }),
        )
    }

    fn metrics(&self) -> Response<Body> {
        let text = open_metrics(&self.zone.metrics());
        let mut response = Response::new(cofferdam_link::full(Bytes::from(text)));
        response.headers_mut().insert(
            http::header::CONTENT_TYPE,
            http::HeaderValue::from_static(
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
            ),
        );
        response
    }
}

fn boot_only_leases(session: &Session) -> Refusal {
    Refusal::new(
        "ND-050",
        "a pinned key without a lease may ask for one and for nothing else",
        "ask for a lease first: POST /v1/lease at the keeper",
    )
    .read(format!("boot certificate of {}", session.peer))
}

fn open_metrics(metrics: &[Metric]) -> String {
    let mut text = String::new();
    for metric in metrics {
        let (kind, suffix) = match metric.kind {
            MetricKind::Counter => ("counter", "_total"),
            MetricKind::Gauge => ("gauge", ""),
        };
        let name = metric.name;
        // Writing to a string cannot fail.
        let written = write!(
            text,
            "# TYPE cofferdam_{name} {kind}\n# HELP cofferdam_{name} {}\ncofferdam_{name}{suffix} {}\n",
            metric.help, metric.value
        );
        written.expect("a string takes what it is given");
    }
    text.push_str("# EOF\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_open_metrics_with_type_help_and_end() {
        let metrics = [
            Metric {
                name: "puts",
                help: "Puts.",
                kind: MetricKind::Counter,
                value: 3,
            },
            Metric {
                name: "spool_bytes",
                help: "Bytes.",
                kind: MetricKind::Gauge,
                value: 9,
            },
        ];
        assert_eq!(
            open_metrics(&metrics),
            "# TYPE cofferdam_puts counter\n# HELP cofferdam_puts Puts.\ncofferdam_puts_total 3\n\
             # TYPE cofferdam_spool_bytes gauge\n# HELP cofferdam_spool_bytes Bytes.\n\
             cofferdam_spool_bytes 9\n# EOF\n"
        );
    }
}
