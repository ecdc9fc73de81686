//! What may stand below the aggregate: it sees records, so it is understood, not just recognised.
//!
//! Owns the resolution of names down to the columns of the one table, and a small typed language of
//! *total* expressions: nothing here can fail for one record and succeed for another, because a
//! failure that depends on a record tells about that record. Must never admit an operation whose
//! totality is not argued in [`Judge`].

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchemaRef, TableReference};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan, TableScan};

use super::fault::node_name;
use super::{Place, PolicyFault};

mod judge;

use self::judge::Judge;

/// Depth of one expression.
const DEPTH: usize = 128;

/// Nodes of one expression after names were resolved; a subquery can multiply them.
const SIZE: usize = 2000;

/// What kind of value an expression has. Operations mix kinds only where that cannot fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// NULL itself, which fits every kind.
    Null,
    /// true and false.
    Truth,
    /// Whole and real numbers.
    Number,
    /// Text.
    Text,
    /// A point in time.
    Moment,
    /// A calendar day.
    Day,
}

impl Class {
    pub(super) fn of(kind: &DataType) -> Option<Class> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "an allow-list of types")]
        match kind {
            DataType::Null => Some(Class::Null),
            DataType::Boolean => Some(Class::Truth),
            DataType::Int32 | DataType::Int64 | DataType::Float32 | DataType::Float64 => {
                Some(Class::Number)
            }
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Some(Class::Text),
            DataType::Timestamp(_, None) => Some(Class::Moment),
            DataType::Date32 => Some(Class::Day),
            _ => None,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Class::Null => "NULL",
            Class::Truth => "true or false",
            Class::Number => "a number",
            Class::Text => "text",
            Class::Moment => "a point in time",
            Class::Day => "a day",
        }
    }
}

/// The records a query is about: a table, conditions, and what each visible name stands for.
#[derive(Debug)]
pub(super) struct Below {
    pub(super) table: String,
    pub(super) conditions: Vec<Expr>,
    schema: DFSchemaRef,
    columns: Vec<Resolved>,
    base: BTreeMap<String, Class>,
}

/// An expression over the columns of the table.
#[derive(Debug, Clone)]
struct Resolved {
    expr: Expr,
    class: Class,
    size: usize,
}

/// Resolves everything below the aggregate.
pub(super) fn resolve(plan: &LogicalPlan) -> Result<Below, PolicyFault> {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "an allow-list: what is not named is refused"
    )]
    match plan {
        LogicalPlan::TableScan(scan) => resolve_scan(scan),
        LogicalPlan::SubqueryAlias(alias) => {
            let mut below = resolve(&alias.input)?;
            below.schema = Arc::clone(&alias.schema);
            Ok(below)
        }
        LogicalPlan::Filter(filter) => {
            let mut below = resolve(&filter.input)?;
            let condition = below.resolve_expr(&filter.predicate)?;
            below.conditions.push(condition.expr);
            Ok(below)
        }
        LogicalPlan::Projection(projection) => {
            let below = resolve(&projection.input)?;
            let columns = projection.expr.iter().map(|expr| below.resolve_expr(expr));
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            Ok(Below {
                columns,
                schema: Arc::clone(&projection.schema),
                ..below
            })
        }
        LogicalPlan::Aggregate(_) => Err(PolicyFault::NestedAggregate),
        other => Err(PolicyFault::PlanNode {
            node: node_name(other),
            place: Place::Below,
        }),
    }
}

fn resolve_scan(scan: &TableScan) -> Result<Below, PolicyFault> {
    if !scan.filters.is_empty() || scan.fetch.is_some() {
        return Err(PolicyFault::PlanNode {
            node: "a bounded scan",
            place: Place::Below,
        });
    }
    let table = scan.table_name.table().to_owned();
    let mut base = BTreeMap::new();
    let columns = scan.projected_schema.fields().iter().map(|field| {
        let class = Class::of(field.data_type()).ok_or_else(|| PolicyFault::Expression {
            what: format!("a column of type {}", field.data_type()),
            place: Place::Below,
        })?;
        base.insert(field.name().clone(), class);
        let relation = Some(TableReference::bare(table.clone()));
        let expr = Expr::Column(Column::new(relation, field.name().clone()));
        Ok(Resolved {
            expr,
            class,
            size: 1,
        })
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let schema = Arc::clone(&scan.projected_schema);
    Ok(Below {
        table,
        conditions: Vec::new(),
        schema,
        columns,
        base,
    })
}

impl Below {
    /// A group key over the columns of the table.
    pub(super) fn resolve_key(&self, key: &Expr) -> Result<Expr, PolicyFault> {
        self.resolve_expr(key).map(|resolved| resolved.expr)
    }

    /// A plain column of the table and its class; nothing else.
    pub(super) fn resolve_column(&self, expr: &Expr) -> Option<(Expr, Class)> {
        let Expr::Column(column) = expr else {
            return None;
        };
        let resolved = self.lookup(column)?;
        let plain = matches!(resolved.expr, Expr::Column(_));
        plain.then(|| (resolved.expr.clone(), resolved.class))
    }

    fn lookup(&self, column: &Column) -> Option<&Resolved> {
        let place = self.schema.index_of_column(column).ok()?;
        self.columns.get(place)
    }

    fn resolve_expr(&self, expr: &Expr) -> Result<Resolved, PolicyFault> {
        judge_depth(expr)?;
        let substituted = self.substitute(expr)?;
        judge_depth(&substituted)?;
        let class_of = |column: &Column| self.class_of_base(column);
        let class = Judge {
            class_of: &class_of,
        }
        .class(&substituted)?;
        let size = size_of(&substituted);
        Ok(Resolved {
            expr: substituted,
            class,
            size,
        })
    }

    /// The class of a column of the table itself, wherever it stands in a resolved expression.
    fn class_of_base(&self, column: &Column) -> Option<Class> {
        self.base.get(&column.name).copied()
    }

    /// Puts what a name stands for in the name's place, and takes aliases away.
    fn substitute(&self, expr: &Expr) -> Result<Expr, PolicyFault> {
        let mut budget = SIZE.saturating_sub(size_of(expr));
        let deep = || PolicyFault::ExpressionDeep { limit: SIZE };
        let mut fault = None;
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "names are replaced, the judge decides"
        )]
        let replaced = expr.clone().transform_up(|node| match node {
            Expr::Column(column) => match self.lookup(&column) {
                Some(resolved) if resolved.size <= budget => {
                    budget -= resolved.size;
                    Ok(Transformed::yes(resolved.expr.clone()))
                }
                Some(_) => {
                    fault = Some(deep());
                    Err(DataFusionError::Internal(String::new()))
                }
                None => {
                    fault = Some(PolicyFault::SqlUnreadable(format!(
                        "no column {}",
                        column.name
                    )));
                    Err(DataFusionError::Internal(String::new()))
                }
            },
            Expr::Alias(alias) => Ok(Transformed::yes(*alias.expr)),
            other => Ok(Transformed::no(other)),
        });
        match (fault, replaced) {
            (None, Ok(replaced)) => Ok(replaced.data),
            (Some(fault), _) => Err(fault),
            (None, Err(error)) => Err(PolicyFault::SqlUnreadable(error.strip_backtrace())),
        }
    }
}

/// Refuses an expression that is deeper than the evaluation should recurse.
pub(super) fn judge_depth(expr: &Expr) -> Result<(), PolicyFault> {
    if deeper_than(expr, DEPTH) {
        return Err(PolicyFault::ExpressionDeep { limit: DEPTH });
    }
    Ok(())
}

fn deeper_than(expr: &Expr, limit: usize) -> bool {
    let Some(left) = limit.checked_sub(1) else {
        return true;
    };
    let mut deeper = false;
    let walked = expr.apply_children(|child| {
        deeper = deeper_than(child, left);
        Ok(if deeper {
            TreeNodeRecursion::Stop
        } else {
            TreeNodeRecursion::Continue
        })
    });
    deeper || walked.is_err()
}

fn size_of(expr: &Expr) -> usize {
    let mut size = 0_usize;
    let walked = expr.apply(|_node| {
        size = size.saturating_add(1);
        Ok(TreeNodeRecursion::Continue)
    });
    if walked.is_err() { usize::MAX } else { size }
}
