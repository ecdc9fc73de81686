//! A refusal on its way to a person: as an answer over HTTP (RFC 9457) and as one line of a log. What it says is made elsewhere.

use cofferdam_hwprofile::Refusal;
use cofferdam_link::Body;
use http::{Response, StatusCode};

/// The answer that carries a refusal, `application/problem+json`.
#[must_use]
pub fn refusal_response(status: StatusCode, refusal: &Refusal) -> Response<Body> {
    let mut response = Response::new(cofferdam_link::full(refusal.to_json().to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("application/problem+json"),
    );
    response
}

/// An answer that carries JSON.
#[must_use]
pub fn json_response(status: StatusCode, value: &serde_json::Value) -> Response<Body> {
    let mut response = Response::new(cofferdam_link::full(value.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("application/json"),
    );
    response
}

/// An error and its causes in one line, printed once, at the top.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
