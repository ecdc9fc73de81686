//! From text to one SELECT: the bounds of the text, the number of statements, their kind.
//!
//! Must never plan a statement that is not a query, nor read a text of unbounded depth.

use datafusion::common::{TableReference, plan_err};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SQLOptions;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use futures::FutureExt;

use super::PolicyFault;
use super::stack::on_deep_stack;

/// Words and signs one query may have. A chain of operators is at most half as deep; that is what
/// the deep stack is made for.
pub(super) const WORDS: usize = 1000;

/// Nesting of parentheses and subqueries one query may have.
const NESTING: usize = 40;

/// One SELECT that was parsed and not yet planned.
#[derive(Debug, Clone)]
pub struct Question {
    statement: Statement,
    tables: Vec<String>,
}

impl Question {
    /// The tables the text names, in order, each once.
    #[must_use]
    pub fn tables(&self) -> &[String] {
        &self.tables
    }

    /// Plans the question against the tables that the state holds.
    ///
    /// # Errors
    /// If a column or function does not exist, or the statement turns out to be no query.
    pub fn plan(self, state: &SessionState) -> Result<LogicalPlan, PolicyFault> {
        // The tables are in memory, so planning never waits for anything.
        let planned = on_deep_stack(|| state.statement_to_plan(self.statement).now_or_never())?;
        let plan = planned
            .unwrap_or_else(|| plan_err!("planning would have waited"))
            .map_err(|error| PolicyFault::SqlUnreadable(first_line(&error.strip_backtrace())))?;
        SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false)
            .verify_plan(&plan)
            .map_err(|_refused| PolicyFault::StatementKind("DDL, DML or SET"))?;
        Ok(plan)
    }
}

/// Reads one SELECT from a text.
///
/// # Errors
/// If the text is too long, does not parse, holds none or several statements, is no SELECT, or
/// names a table that `known` does not hold.
pub fn read_question(
    sql: &str,
    state: &SessionState,
    known: &dyn Fn(&str) -> bool,
    names: &dyn Fn() -> String,
) -> Result<Question, PolicyFault> {
    let (statement, references) = on_deep_stack(|| parse(sql, state))??;
    let mut tables: Vec<String> = Vec::new();
    for reference in references {
        let bare = reference.schema().is_none() && reference.catalog().is_none();
        let name = reference.table();
        if !bare || !known(name) {
            let asked = reference.to_string();
            return Err(PolicyFault::NoSuchTable {
                asked,
                known: names(),
            });
        }
        if !tables.iter().any(|table| table == name) {
            tables.push(name.to_owned());
        }
    }
    Ok(Question { statement, tables })
}

/// The one statement of a text and the tables it names; runs on a deep stack.
fn parse(sql: &str, state: &SessionState) -> Result<(Statement, Vec<TableReference>), PolicyFault> {
    let dialect = GenericDialect {};
    let unreadable = |text: String| PolicyFault::SqlUnreadable(first_line(&text));
    let tokens = Tokenizer::new(&dialect, sql)
        .tokenize()
        .map_err(|error| unreadable(error.to_string()))?;
    let spoken = |token: &&Token| !matches!(token, Token::Whitespace(_));
    let words = tokens.iter().filter(spoken).count();
    if words > WORDS {
        return Err(PolicyFault::SqlLong {
            words,
            limit: WORDS,
        });
    }
    let mut statements = DFParserBuilder::new(sql)
        .with_dialect(&dialect)
        .with_recursion_limit(NESTING)
        .build()
        .and_then(|mut parser| parser.parse_statements())
        .map_err(|error| unreadable(error.strip_backtrace()))?;
    let count = statements.len();
    let statement = match (statements.pop_front(), count) {
        (Some(statement), 1) => statement,
        (_, count) => return Err(PolicyFault::OneStatement(count)),
    };
    if let Some(kind) = other_kind(&statement) {
        return Err(PolicyFault::StatementKind(kind));
    }
    let references = state
        .resolve_table_references(&statement)
        .map_err(|error| unreadable(error.strip_backtrace()))?;
    Ok((statement, references))
}

/// The kind of a statement that is not a query.
fn other_kind(statement: &Statement) -> Option<&'static str> {
    match statement {
        Statement::Statement(inner) => sql_kind(inner),
        Statement::CreateExternalTable(_) => Some("CREATE EXTERNAL TABLE"),
        Statement::CopyTo(_) => Some("COPY"),
        Statement::Explain(_) => Some("EXPLAIN"),
        Statement::Reset(_) => Some("RESET"),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a foreign enum of a hundred statements, of which one is allowed"
)]
fn sql_kind(statement: &ast::Statement) -> Option<&'static str> {
    match statement {
        ast::Statement::Query(_) => None,
        ast::Statement::Insert(_) => Some("INSERT"),
        ast::Statement::Update { .. } => Some("UPDATE"),
        ast::Statement::Delete(_) => Some("DELETE"),
        ast::Statement::Copy { .. } => Some("COPY"),
        ast::Statement::CreateTable(_) => Some("CREATE TABLE"),
        ast::Statement::CreateView { .. } => Some("CREATE VIEW"),
        ast::Statement::Drop { .. } => Some("DROP"),
        ast::Statement::Set(_) => Some("SET"),
        ast::Statement::Explain { .. } => Some("EXPLAIN"),
        ast::Statement::ExplainTable { .. } => Some("DESCRIBE"),
        ast::Statement::ShowTables { .. } | ast::Statement::ShowVariable { .. } => Some("SHOW"),
        ast::Statement::Prepare { .. } => Some("PREPARE"),
        ast::Statement::Execute { .. } => Some("EXECUTE"),
        _ => Some("something else than SELECT"),
    }
}

/// The first line of a planner's message; what follows are its hints to programmers.
fn first_line(text: &str) -> String {
    text.lines()
        .next()
        .unwrap_or_default()
        .trim()
        .chars()
        .take(300)
        .collect()
}
