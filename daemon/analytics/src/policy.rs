//! The policy: from SQL text to a [`Shape`] that is safe to compute, or a refusal that says why.
//!
//! Owns the allow-list. Must never let a plan node, expression, aggregate or function through that
//! is not named here; what is unknown is refused.
//!
//! A query is one aggregate over one table:
//!
//! ```text
//! Limit, Sort, Filter (HAVING), Projection, SubqueryAlias      above: see published cells only
//!   Aggregate                                                  exactly one
//!     Filter (WHERE), Projection, SubqueryAlias                below: see records
//!       TableScan                                              exactly one, of a known table
//! ```
//!
//! What stands below is not passed through but understood: it is resolved to conditions, group keys
//! and measures over the columns of the table, and only what was understood is computed again from
//! the [`Shape`]. What stands above runs over the published cells, after suppression, so HAVING,
//! ORDER BY and LIMIT cannot see a cell that is withheld.
//!
//! Not covered, and said so in the manual: two queries whose difference is one person
//! (differencing); a group in which everybody gave the same answer; a sum that one large value
//! dominates; and the one bit that a published complement tells about an empty group.

mod above;
mod aggregate;
mod below;
mod fault;
mod stack;
mod statement;

pub use aggregate::{Argument, Measure};
pub use fault::{Place, PolicyFault};
pub use statement::{Question, read_question};

use datafusion::common::DFSchemaRef;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan};

use self::fault::node_name;

/// Group keys one query may have; every margin of the answer is protected, and they are 2^keys.
pub const KEYS: usize = 4;

/// A query that was understood: everything that may be computed over records.
#[derive(Debug, Clone)]
pub struct Shape {
    /// The table's SQL name.
    pub table: String,
    /// The conditions a record must meet, all of them.
    pub conditions: Vec<Expr>,
    /// The group keys, none for the whole table.
    pub keys: Vec<Expr>,
    /// What is computed for each group.
    pub measures: Vec<Measure>,
    /// The columns the aggregate's place in the plan must have, keys first.
    pub published: DFSchemaRef,
}

/// Understands a plan, or refuses it.
///
/// # Errors
/// A [`PolicyFault`] that names the construct.
pub fn judge(plan: &LogicalPlan) -> Result<Shape, PolicyFault> {
    let aggregate = descend(plan)?;
    let below = below::resolve(&aggregate.input)?;
    let keys = aggregate
        .group_expr
        .iter()
        .map(|key| {
            if matches!(key, Expr::GroupingSet(_)) {
                return Err(PolicyFault::GroupingSets);
            }
            below.resolve_key(key)
        })
        .collect::<Result<Vec<_>, _>>()?;
    if keys.len() > KEYS {
        return Err(PolicyFault::KeyCount(keys.len()));
    }
    let measures = aggregate
        .aggr_expr
        .iter()
        .map(|measure| aggregate::understand(measure, &below))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Shape {
        table: below.table,
        conditions: below.conditions,
        keys,
        measures,
        published: std::sync::Arc::clone(&aggregate.schema),
    })
}

/// Puts the published cells in the aggregate's place.
///
/// # Errors
/// If the plan above does not fit the cells, which the planner rules out.
pub fn stand_on(
    plan: &LogicalPlan,
    published: LogicalPlan,
) -> Result<LogicalPlan, datafusion::error::DataFusionError> {
    if matches!(plan, LogicalPlan::Aggregate(_)) {
        return Ok(published);
    }
    let inputs = plan
        .inputs()
        .into_iter()
        .map(|input| stand_on(input, published.clone()))
        .collect::<Result<Vec<_>, _>>()?;
    plan.with_new_exprs(plan.expressions(), inputs)
}

/// From the top of the plan down to its one aggregate.
fn descend(plan: &LogicalPlan) -> Result<&Aggregate, PolicyFault> {
    let mut node = plan;
    loop {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "what is not named is refused"
        )]
        let next: &LogicalPlan = match node {
            LogicalPlan::Aggregate(aggregate) => return Ok(aggregate),
            LogicalPlan::Projection(projection) => {
                above::judge_all(&projection.expr)?;
                &projection.input
            }
            LogicalPlan::Filter(filter) => {
                above::judge(&filter.predicate)?;
                &filter.input
            }
            LogicalPlan::Sort(sort) => {
                sort.expr
                    .iter()
                    .try_for_each(|order| above::judge(&order.expr))?;
                &sort.input
            }
            LogicalPlan::Limit(limit) => {
                limit
                    .skip
                    .iter()
                    .chain(&limit.fetch)
                    .try_for_each(|rows| above::judge(rows))?;
                &limit.input
            }
            LogicalPlan::SubqueryAlias(alias) => &alias.input,
            LogicalPlan::TableScan(_) => return Err(PolicyFault::RawRows),
            other => {
                return Err(PolicyFault::PlanNode {
                    node: node_name(other),
                    place: Place::Above,
                });
            }
        };
        node = next;
    }
}
