//! Why a query was not allowed: one enum from which the code, the text and the mend come.
//!
//! Must never hold anything read from a record; all it quotes is the asker's own query.

use datafusion::logical_expr::{Expr, LogicalPlan};

use crate::code::Code;

/// Where in a query something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the SELECT list, HAVING, ORDER BY or LIMIT.
    Above,
    /// In WHERE, GROUP BY or a subquery over the records.
    Below,
}

impl Place {
    fn words(self) -> &'static str {
        match self {
            Place::Above => "over the published cells",
            Place::Below => "over the records",
        }
    }
}

/// Why a query was not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFault {
    /// The SQL did not parse or could not be planned.
    #[error("the SQL cannot be understood: {0}")]
    SqlUnreadable(String),
    /// None, or more than one.
    #[error("{0} statements in one request")]
    OneStatement(usize),
    /// Not a SELECT.
    #[error("a statement of kind {0}")]
    StatementKind(&'static str),
    /// The system gave no thread to read the text on.
    #[error("the system gave no thread to read the text on")]
    NoThread,
    /// Beyond the bound of words.
    #[error("{words} words and signs; at most {limit} are read")]
    SqlLong {
        /// Words and signs of the text.
        words: usize,
        /// The bound.
        limit: usize,
    },
    /// An expression beyond the bound of depth or size.
    #[error("an expression deeper or larger than {limit}")]
    ExpressionDeep {
        /// The bound.
        limit: usize,
    },
    /// A table that is not configured.
    #[error("table {asked} does not exist; there are: {known}")]
    NoSuchTable {
        /// The name that was asked for.
        asked: String,
        /// The names there are.
        known: String,
    },
    /// No aggregate.
    #[error("the query returns the records themselves")]
    RawRows,
    /// A plan node that is not on the list.
    #[error("{node} {}", .place.words())]
    PlanNode {
        /// The node's name.
        node: &'static str,
        /// Where it stands.
        place: Place,
    },
    /// An aggregate function that is not on the list.
    #[error("aggregate function {0}")]
    AggregateFunction(String),
    /// An aggregate over something else than a plain column.
    #[error("aggregate {function} over {over}")]
    AggregateArgument {
        /// The function.
        function: String,
        /// What it was asked to go over.
        over: &'static str,
    },
    /// A modifier inside an aggregate.
    #[error("{modifier} inside {function}")]
    AggregateModifier {
        /// The function.
        function: String,
        /// The modifier.
        modifier: &'static str,
    },
    /// An expression that is not on the list.
    #[error("{what} {}", .place.words())]
    Expression {
        /// The construct.
        what: String,
        /// Where it stands.
        place: Place,
    },
    /// A scalar function that is not on the list.
    #[error("function {name} {}; allowed are: {allowed}", .place.words())]
    ScalarFunction {
        /// The function.
        name: String,
        /// Where it stands.
        place: Place,
        /// The functions that are allowed there.
        allowed: String,
    },
    /// A subquery inside an expression.
    #[error("a subquery inside an expression")]
    Subquery,
    /// ROLLUP, CUBE or GROUPING SETS.
    #[error("ROLLUP, CUBE or GROUPING SETS")]
    GroupingSets,
    /// Too many keys.
    #[error("{0} group keys")]
    KeyCount(usize),
    /// An aggregate below the aggregate.
    #[error("an aggregate over an aggregate")]
    NestedAggregate,
}

impl PolicyFault {
    /// The stable code of this fault.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            PolicyFault::SqlUnreadable(_) => Code::SqlUnreadable,
            PolicyFault::NoThread => Code::Busy,
            PolicyFault::OneStatement(_) => Code::OneStatement,
            PolicyFault::StatementKind(_) => Code::StatementKind,
            PolicyFault::SqlLong { .. } | PolicyFault::ExpressionDeep { .. } => Code::SqlLong,
            PolicyFault::NoSuchTable { .. } => Code::NoSuchTable,
            PolicyFault::RawRows => Code::RawRows,
            PolicyFault::PlanNode { .. } => Code::PlanNode,
            PolicyFault::AggregateFunction(_) => Code::AggregateFunction,
            PolicyFault::AggregateArgument { .. } => Code::AggregateArgument,
            PolicyFault::AggregateModifier { .. } => Code::AggregateModifier,
            PolicyFault::Expression { .. } => Code::Expression,
            PolicyFault::ScalarFunction { .. } => Code::ScalarFunction,
            PolicyFault::Subquery => Code::Subquery,
            PolicyFault::GroupingSets => Code::GroupingSets,
            PolicyFault::KeyCount(_) => Code::KeyCount,
            PolicyFault::NestedAggregate => Code::NestedAggregate,
        }
    }
}

/// A plan node in an asker's words.
pub(super) fn node_name(plan: &LogicalPlan) -> &'static str {
    match plan {
        LogicalPlan::Projection(_) => "SELECT",
        LogicalPlan::Filter(_) => "WHERE",
        LogicalPlan::Window(_) => "a window function",
        LogicalPlan::Aggregate(_) => "GROUP BY",
        LogicalPlan::Sort(_) => "ORDER BY",
        LogicalPlan::Join(_) => "a join",
        LogicalPlan::Repartition(_) => "a repartition",
        LogicalPlan::Union(_) => "UNION",
        LogicalPlan::TableScan(_) => "a table",
        LogicalPlan::EmptyRelation(_) => "SELECT without a table",
        LogicalPlan::Subquery(_) => "a subquery",
        LogicalPlan::SubqueryAlias(_) => "an alias",
        LogicalPlan::Limit(_) => "LIMIT or OFFSET",
        LogicalPlan::Statement(_) => "a statement",
        LogicalPlan::Values(_) => "VALUES",
        LogicalPlan::Explain(_) => "EXPLAIN",
        LogicalPlan::Analyze(_) => "EXPLAIN ANALYZE",
        LogicalPlan::Extension(_) => "an extension",
        LogicalPlan::Distinct(_) => "DISTINCT",
        LogicalPlan::Dml(_) => "a change of records",
        LogicalPlan::Ddl(_) => "a change of tables",
        LogicalPlan::Copy(_) => "COPY",
        LogicalPlan::DescribeTable(_) => "DESCRIBE",
        LogicalPlan::Unnest(_) => "UNNEST",
        LogicalPlan::RecursiveQuery(_) => "a recursive query",
    }
}

/// An expression's kind in an asker's words. Never its text: that may hold a name.
pub(super) fn expression_name(expr: &Expr) -> &'static str {
    match expr {
        Expr::Alias(_) => "an alias",
        Expr::Column(_) => "a column",
        Expr::ScalarVariable(..) => "a variable",
        Expr::Literal(..) => "a constant",
        Expr::BinaryExpr(_) => "an operator",
        Expr::Like(_) => "LIKE",
        Expr::SimilarTo(_) => "SIMILAR TO",
        Expr::Not(_) => "NOT",
        Expr::IsNotNull(_) | Expr::IsNull(_) => "IS NULL",
        Expr::IsTrue(_) | Expr::IsFalse(_) | Expr::IsUnknown(_) => "IS TRUE",
        Expr::IsNotTrue(_) | Expr::IsNotFalse(_) | Expr::IsNotUnknown(_) => "IS NOT TRUE",
        Expr::Negative(_) => "a minus sign",
        Expr::Between(_) => "BETWEEN",
        Expr::Case(_) => "CASE",
        Expr::Cast(_) => "CAST",
        Expr::TryCast(_) => "TRY_CAST",
        Expr::ScalarFunction(_) => "a function",
        Expr::AggregateFunction(_) => "an aggregate",
        Expr::WindowFunction(_) => "a window function",
        Expr::InList(_) => "IN",
        Expr::Exists(_) => "EXISTS",
        Expr::InSubquery(_) => "IN with a subquery",
        Expr::SetComparison(_) => "ANY or ALL",
        Expr::ScalarSubquery(_) => "a subquery",
        Expr::GroupingSet(_) => "GROUPING SETS",
        Expr::Placeholder(_) => "a placeholder",
        Expr::OuterReferenceColumn(..) => "a column of an outer query",
        Expr::Unnest(_) => "UNNEST",
        Expr::HigherOrderFunction(_) => "a function over functions",
        Expr::Lambda(_) | Expr::LambdaVariable(_) => "a lambda",
        #[expect(
            deprecated,
            reason = "the planner has replaced it, but the match is whole"
        )]
        Expr::Wildcard { .. } => "a star",
    }
}
