//! The program around the engine: its start and stop, its two endpoints, its numbers.
//!
//! Thin; what a query means is decided in [`crate::query`]. Must never answer before the flow table
//! was asked.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cofferdam_hwprofile::{Refusal, ZoneKind};
use cofferdam_link::{Body, ReadErrorKind, Session, full, hear_body};
use cofferdam_node::record::with_refusal;
use cofferdam_node::{
    Exit, Metric, MetricKind, Node, StartError, Zone, json_response, refusal_response,
};
use cofferdam_rack::Verb;
use cofferdam_trail::{Event, Phase, Status};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{Answer, Format};
use crate::code::Code;
use crate::query::{Engine, QueryFault, TableListing};
use crate::settings::{RawSettings, Settings};
use crate::storage::StorageZone;
use crate::trail::SessionReceipts;

/// The largest question.
const BODY_BYTES: u64 = 64 << 10;

/// How long a question's body may take.
const BODY_DEADLINE: Duration = Duration::from_secs(5);

/// The analytics zone.
#[derive(Debug)]
pub struct Analytics {
    node: Arc<Node>,
    engine: Engine<StorageZone>,
    answered: AtomicU64,
    refused: AtomicU64,
}

/// A question as it comes in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QueryRequest {
    sql: String,
    #[serde(default)]
    format: QueryFormat,
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum QueryFormat {
    #[default]
    Json,
    Csv,
    // The asker draws the table, from the same JSON.
    Table,
}

/// A no, with the status it travels under.
struct No {
    status: StatusCode,
    refusal: Box<Refusal>,
}

impl Zone for Analytics {
    const KIND: ZoneKind = ZoneKind::Analytics;
    type Settings = RawSettings;

    async fn start(node: Arc<Node>, settings: RawSettings) -> Result<Arc<Self>, StartError> {
        let settings = Settings::check(settings).map_err(many_in_one)?;
        let storage = settings.storage().parse().map_err(|_not_a_name| {
            let read = format!("storage = {:?}", settings.storage());
            let refusal = Refusal::new(
                Code::Bound.as_str(),
                NO_START,
                "name the storage zone of the manifest",
            );
            StartError::new(Exit::Config, refusal.read(read))
        })?;
        let objects = StorageZone::new(Arc::clone(&node), storage);
        let engine = Engine::new(settings, objects).map_err(|error| {
            let refusal = Refusal::new(Code::Compute.as_str(), NO_START, Code::Compute.mend());
            StartError::new(Exit::TryAgain, refusal.read(error.strip_backtrace()))
        })?;
        log::info!(
            tables = engine.settings().tables().len(), min_group = engine.settings().min_group();
            "tables opened"
        );
        let (answered, refused) = (AtomicU64::new(0), AtomicU64::new(0));
        Ok(Arc::new(Self {
            node,
            engine,
            answered,
            refused,
        }))
    }

    async fn call(
        self: Arc<Self>,
        session: Arc<Session>,
        request: Request<Incoming>,
    ) -> Response<Body> {
        match self.answer(&session, request).await {
            Ok(response) => {
                self.answered.fetch_add(1, Ordering::Relaxed);
                response
            }
            Err(no) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                log::info!(code = no.refusal.code.as_str(), flow:% = session.id; "request refused");
                refusal_response(no.status, &no.refusal)
            }
        }
    }

    fn stop(&self) -> impl Future<Output = ()> + Send {
        self.engine.objects().close()
    }

    fn metrics(&self) -> Vec<Metric> {
        let counter = |name, help, value: &AtomicU64| Metric {
            name,
            help,
            kind: MetricKind::Counter,
            value: value.load(Ordering::Relaxed),
        };
        vec![
            counter(
                "analytics_answers",
                "Requests that were answered.",
                &self.answered,
            ),
            counter(
                "analytics_refusals",
                "Requests that were refused.",
                &self.refused,
            ),
        ]
    }
}

/// What follows from every fault of the settings.
const NO_START: &str = "analytics does not start";

/// All faults of the settings in one refusal, so that one start shows them all.
fn many_in_one(faults: Vec<Refusal>) -> StartError {
    let mut faults = faults.into_iter();
    let unset = || Refusal::new(Code::Bound.as_str(), NO_START, Code::Bound.mend());
    let first = faults.next().unwrap_or_else(unset);
    let refusal = faults.fold(first, |all, fault| {
        all.also(format!(
            "{}: {}; {}",
            fault.code,
            fault.read.join("; "),
            fault.fix
        ))
    });
    StartError::new(Exit::Config, refusal)
}

impl Analytics {
    async fn answer(
        &self,
        session: &Session,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, No> {
        let path = request.uri().path().to_owned();
        match (request.method(), path.as_str()) {
            (&Method::POST, "/v1/query") => self.query(session, request).await,
            (&Method::GET, "/v1/tables") => self.tables(session).await,
            (method, "/v1/query" | "/v1/tables") => {
                let seen = format!("{method} {path}");
                Err(No::of(StatusCode::METHOD_NOT_ALLOWED, Code::Method, seen))
            }
            (method, path) => {
                let seen = format!("{method} {path}");
                Err(No::of(StatusCode::NOT_FOUND, Code::NoSuchPath, seen))
            }
        }
    }

    async fn query(
        &self,
        session: &Session,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, No> {
        self.admit(session).await?;
        let body = hear_body(request.into_body(), BODY_BYTES, BODY_DEADLINE).await;
        let body = body.map_err(|error| match error.kind {
            ReadErrorKind::BodyTooLarge { limit } => {
                let seen = format!("a body of more than {limit} bytes");
                No::of(StatusCode::PAYLOAD_TOO_LARGE, Code::RequestLarge, seen)
            }
            ReadErrorKind::BodyTimeout { .. } | ReadErrorKind::BodyBroken(_) => No {
                status: error.kind.status(),
                refusal: Box::new(error.refusal()),
            },
        })?;
        let question: QueryRequest = serde_json::from_slice(&body).map_err(|error| {
            No::of(
                StatusCode::BAD_REQUEST,
                Code::RequestBody,
                without_values(&error),
            )
        })?;
        let receipts = SessionReceipts::new(&self.node, session);
        let answer = self
            .engine
            .answer(&question.sql, &receipts)
            .await
            .map_err(No::from)?;
        Ok(respond(&answer, question.format))
    }

    async fn tables(&self, session: &Session) -> Result<Response<Body>, No> {
        self.admit(session).await?;
        let receipts = SessionReceipts::new(&self.node, session);
        let tables = self.engine.list(&receipts).await.map_err(No::from)?;
        let listed: Vec<Value> = tables.iter().map(show_table).collect();
        let min_group = self.engine.settings().min_group();
        let shown = json!({"min-group": min_group, "tables": listed});
        Ok(json_response(StatusCode::OK, &shown))
    }

    /// Asks the flow table; a no is in the trail before it is told.
    async fn admit(&self, session: &Session) -> Result<(), No> {
        let Err(refusal) = self.node.authorize(session, Verb::Query, None) else {
            return Ok(());
        };
        let entry = self.node.entry(
            Event::FlowRefuse,
            Phase::Single,
            Status::Refused,
            [
                ("peer", session.peer.to_string().into()),
                ("flow", session.id.to_string().into()),
            ],
        );
        let recorded = self.node.record(with_refusal(entry, &refusal)).await;
        recorded.map_err(|error| No {
            status: StatusCode::SERVICE_UNAVAILABLE,
            refusal: Box::new(error.refusal()),
        })?;
        Err(No {
            status: StatusCode::FORBIDDEN,
            refusal: Box::new(refusal),
        })
    }
}

fn respond(answer: &Answer, format: QueryFormat) -> Response<Body> {
    let format = match format {
        QueryFormat::Csv => Format::Csv,
        QueryFormat::Json | QueryFormat::Table => Format::Json,
    };
    match format {
        Format::Json => json_response(StatusCode::OK, &answer.to_json()),
        Format::Csv => {
            let mut response = Response::new(full(answer.to_csv()));
            let headers = response.headers_mut();
            let kind = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
            headers.insert(header::CONTENT_TYPE, kind);
            let groups = answer
                .withheld
                .map_or_else(|| "untold".to_owned(), |n| n.to_string());
            for (name, value) in [
                ("cofferdam-suppressed-groups", groups),
                ("cofferdam-min-group", answer.min_group.to_string()),
                ("cofferdam-rule", answer.rule()),
                (
                    "cofferdam-unreadable-records",
                    answer.table.unreadable.to_string(),
                ),
                (
                    "cofferdam-receipt",
                    format!(
                        "{} {}",
                        answer.receipt.mark.origin, answer.receipt.mark.index
                    ),
                ),
                ("cofferdam-receipt-salt", answer.receipt.salt.clone()),
            ] {
                if let Ok(value) = HeaderValue::try_from(value) {
                    headers.insert(name, value);
                }
            }
            response
        }
    }
}

fn show_table(table: &TableListing) -> Value {
    let columns = table.columns.iter();
    json!({
        "name": table.name,
        "columns": columns.map(|c| json!({"name": c.name, "type": c.kind})).collect::<Vec<_>>(),
        "rows-at-least": table.rows,
        "hidden": table.hidden,
        "unreadable-records": table.note.unreadable,
        "values-left-out": table.note.left_out,
    })
}

/// Where a body is wrong and in which way, without a word of what it says.
fn without_values(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Data => "not the object that is expected",
        serde_json::error::Category::Eof => "it ends too early",
        serde_json::error::Category::Io | serde_json::error::Category::Syntax => "not JSON",
    };
    format!("line {}, column {}: {what}", error.line(), error.column())
}

impl No {
    fn of(status: StatusCode, code: Code, seen: String) -> No {
        let refusal = Refusal::new(code.as_str(), "the request is not answered", code.mend());
        No {
            status,
            refusal: Box::new(refusal.read(seen).why(code.meaning())),
        }
    }
}

impl From<QueryFault> for No {
    fn from(fault: QueryFault) -> No {
        No {
            status: status_of(fault.code()),
            refusal: Box::new(fault.refusal()),
        }
    }
}

/// The status under which a code travels.
fn status_of(code: Code) -> StatusCode {
    match code {
        Code::MinGroup | Code::TableName | Code::Bucket | Code::Bound | Code::HiddenName => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
        Code::RequestLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::NoSuchPath => StatusCode::NOT_FOUND,
        Code::Method => StatusCode::METHOD_NOT_ALLOWED,
        Code::RequestBody
        | Code::SqlUnreadable
        | Code::OneStatement
        | Code::StatementKind
        | Code::SqlLong
        | Code::NoSuchTable => StatusCode::BAD_REQUEST,
        Code::RawRows
        | Code::PlanNode
        | Code::AggregateFunction
        | Code::AggregateArgument
        | Code::AggregateModifier
        | Code::Expression
        | Code::ScalarFunction
        | Code::Subquery
        | Code::GroupingSets
        | Code::KeyCount
        | Code::NestedAggregate => StatusCode::FORBIDDEN,
        Code::ResultRows | Code::ResultBytes | Code::GroupCount | Code::Compute => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Code::Deadline => StatusCode::GATEWAY_TIMEOUT,
        Code::StorageRefused | Code::StorageAnswer => StatusCode::BAD_GATEWAY,
        Code::Memory | Code::InputBytes | Code::Busy | Code::StorageUnreachable | Code::Receipt => {
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(text: &str) -> Result<QueryRequest, String> {
        serde_json::from_str(text).map_err(|error| without_values(&error))
    }

    #[test]
    fn a_question_is_sql_and_perhaps_a_format() {
        assert_eq!(
            question(r#"{"sql":"SELECT 1"}"#).ok().unwrap().sql,
            "SELECT 1"
        );
        for format in ["json", "csv", "table"] {
            assert!(
                question(&format!(r#"{{"sql":"x","format":"{format}"}}"#)).is_ok(),
                "{format}"
            );
        }
    }

    #[test]
    fn a_question_of_another_shape_is_refused_without_repeating_it() {
        for text in [
            r#"{"sql":"Jane","format":"Jane"}"#,
            r#"{"Jane":1}"#,
            "Jane",
            r#"{"sql":7}"#,
            r#"{"sql":"Jane"#,
        ] {
            let said = question(text).err().unwrap();
            assert!(said.contains("line 1") && !said.contains("Jane"), "{said}");
        }
    }

    #[test]
    fn every_code_travels_under_a_status_of_its_class() {
        for code in Code::ALL {
            let status = status_of(*code);
            let ours = code.as_str() < "AN-1" || code.as_str() >= "AN-5";
            assert!(
                status.is_client_error() || status.is_server_error(),
                "{code:?}"
            );
            if code.as_str().starts_with("AN-3") {
                assert_eq!(status, StatusCode::FORBIDDEN, "{code:?}");
            }
            assert!(
                !ours || status.is_server_error() || *code == Code::Compute,
                "{code:?}"
            );
        }
    }

    #[test]
    fn all_faults_of_the_settings_show_in_one_refusal() {
        let raw = serde_json::from_value(json!({"min-group": 1, "query-seconds": 0})).unwrap();
        let error = many_in_one(Settings::check(raw).unwrap_err());
        assert_eq!(
            (error.refusal.code.as_str(), error.exit),
            ("AN-001", Exit::Config)
        );
        assert!(
            error.refusal.also[0].contains("AN-004")
                && error.refusal.also[0].contains("query-seconds")
        );
    }
}
