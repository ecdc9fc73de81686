//! The two computations of a query: groups over records with what each stands on, then the rest of
//! the plan over the cells that may be shown.
//!
//! Owns the rewriting of a [`Shape`] into a plan with hidden counts. Must never hand a withheld
//! cell, or a hidden count, to the second computation.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array};
use datafusion::arrow::compute::{concat_batches, take_record_batch};
use datafusion::arrow::datatypes::{Int64Type, SchemaRef};
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::common::{Column, ScalarValue, TableReference};
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::expr_fn::{count, count_distinct};
use datafusion::logical_expr::{Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder};
use datafusion::prelude::{DataFrame, SessionContext};
use futures::TryStreamExt;

use crate::policy::{Argument, Shape, stand_on};
use crate::suppress::{self, Answers, Overlap, Standing};
use crate::table::{SUBJECT_COLUMN, Snapshot};

/// Groups one query may make before anything is judged.
pub(crate) const GROUPS: usize = 50_000;

/// The name under which the published cells stand in the second plan.
const PUBLISHED: &str = "published";

/// What a computation stopped at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    /// More groups than [`GROUPS`].
    #[error("more than {GROUPS} groups")]
    TooManyGroups,
    /// More rows than an answer may have.
    #[error("more than {0} rows")]
    TooManyRows(usize),
    /// The engine failed.
    #[error("the engine failed")]
    Engine(#[from] DataFusionError),
}

/// Cells that may be shown, and how many groups may not.
#[derive(Debug)]
pub(crate) struct Published {
    cells: RecordBatch,
    /// Groups withheld, where that may be told.
    pub(crate) withheld: Option<u64>,
}

/// Rows of the answer, still as batches.
#[derive(Debug)]
pub(crate) struct Rows {
    /// The columns.
    pub(crate) schema: SchemaRef,
    /// The rows.
    pub(crate) batches: Vec<RecordBatch>,
}

/// First computation: groups, what each stands on, and the verdict.
pub(crate) async fn publish(
    context: &SessionContext,
    snapshot: &Snapshot,
    shape: &Shape,
    min_group: u64,
) -> Result<Published, Stop> {
    let counted = Counted::of(shape);
    let plan = counted.plan(snapshot, shape)?;
    let stream = DataFrame::new(context.state(), plan)
        .execute_stream()
        .await?;
    let rows = collect(stream, GROUPS).await.map_err(|stop| match stop {
        Stop::TooManyRows(_) => Stop::TooManyGroups,
        stop @ (Stop::TooManyGroups | Stop::Engine(_)) => stop,
    })?;
    let groups = concat_batches(&rows.schema, &rows.batches).map_err(DataFusionError::from)?;
    let shown = shape.keys.len() + shape.measures.len();
    let (order, standings) = counted.standings(&groups, shape.keys.len(), shown)?;
    let overlap = if snapshot.counts_people() {
        Overlap::Possible
    } else {
        Overlap::Disjoint
    };
    let verdict = suppress::judge(&standings, min_group, overlap);
    let kept: UInt32Array = order
        .iter()
        .zip(&verdict.shown)
        .filter_map(|(at, shown)| shown.then_some(*at))
        .collect::<Vec<u32>>()
        .into();
    let shown: Vec<usize> = (0..shown).collect();
    let cells = groups
        .project(&shown)
        .and_then(|cells| take_record_batch(&cells, &kept))
        .map_err(DataFusionError::from)?;
    Ok(Published {
        cells,
        withheld: verdict.withheld,
    })
}

/// Second computation: the rest of the plan, over published cells only.
pub(crate) async fn finish(
    context: &SessionContext,
    plan: &LogicalPlan,
    shape: &Shape,
    published: Published,
    rows: usize,
) -> Result<Rows, Stop> {
    let schema = published.cells.schema();
    let names: Vec<String> = schema
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    let cells = MemTable::try_new(schema, vec![vec![published.cells]])?;
    let columns = shape
        .published
        .iter()
        .zip(names)
        .map(|((relation, field), name)| {
            Expr::Column(Column::new(Some(PUBLISHED), name))
                .alias_qualified(relation.cloned(), field.name().clone())
        });
    let base = LogicalPlanBuilder::scan(PUBLISHED, provider_as_source(Arc::new(cells)), None)?
        .project(columns.collect::<Vec<_>>())?
        .build()?;
    let plan = stand_on(plan, base)?;
    let stream = DataFrame::new(context.state(), plan)
        .execute_stream()
        .await?;
    collect(stream, rows).await
}

async fn collect(
    mut stream: datafusion::execution::SendableRecordBatchStream,
    limit: usize,
) -> Result<Rows, Stop> {
    let schema = stream.schema();
    let (mut batches, mut total) = (Vec::new(), 0_usize);
    while let Some(batch) = stream.try_next().await? {
        total = total.saturating_add(batch.num_rows());
        if total > limit {
            return Err(Stop::TooManyRows(limit));
        }
        batches.push(batch);
    }
    Ok(Rows { schema, batches })
}

/// The columns whose answers are counted beside a query's own measures.
struct Counted {
    columns: Vec<Expr>,
}

impl Counted {
    fn of(shape: &Shape) -> Counted {
        let mut columns: Vec<Expr> = Vec::new();
        for measure in &shape.measures {
            match measure.argument() {
                Argument::Records => {}
                Argument::Column(column) if columns.contains(column) => {}
                Argument::Column(column) => columns.push(column.clone()),
            }
        }
        Counted { columns }
    }

    /// The plan of the groups: keys, measures, then the hidden counts.
    fn plan(&self, snapshot: &Snapshot, shape: &Shape) -> Result<LogicalPlan, DataFusionError> {
        let full = Arc::clone(&snapshot.full);
        let records = MemTable::try_new(full, vec![snapshot.batches.clone()])?;
        let table = TableReference::bare(shape.table.clone());
        let subject = snapshot
            .counts_people()
            .then(|| Expr::Column(Column::new(Some(table.clone()), SUBJECT_COLUMN)));
        let mut builder =
            LogicalPlanBuilder::scan(table, provider_as_source(Arc::new(records)), None)?;
        for condition in &shape.conditions {
            builder = builder.filter(condition.clone())?;
        }
        let keys = shape.keys.iter().enumerate();
        let keys: Vec<_> = keys
            .map(|(at, key)| key.clone().alias(format!("key{at}")))
            .collect();
        let measures = shape.measures.iter().enumerate();
        let mut measures: Vec<_> = measures
            .map(|(at, measure)| measure.expression().alias(format!("measure{at}")))
            .collect();
        measures.push(size_of(subject.as_ref()).alias("size"));
        for (at, column) in self.columns.iter().enumerate() {
            let [given, blank] = answers_of(subject.as_ref(), column)?;
            measures.push(given.alias(format!("given{at}")));
            measures.push(blank.alias(format!("blank{at}")));
        }
        builder.aggregate(keys, measures)?.build()
    }

    /// What each group stands on, in the order of the keys, and where each group is in the batch.
    fn standings(
        &self,
        groups: &RecordBatch,
        keys: usize,
        shown: usize,
    ) -> Result<(Vec<u32>, Vec<Standing>), DataFusionError> {
        let numbers = (0..keys)
            .map(|key| numbered(groups.column(key)))
            .collect::<Result<Vec<_>, _>>()?;
        let counts = |column: usize| -> Vec<u64> {
            let column = groups.columns().get(shown + column);
            let counts = column.and_then(|c| c.as_primitive_opt::<Int64Type>());
            // A count that is not there is zero, which withholds the group.
            let read = |c: Option<i64>| u64::try_from(c.unwrap_or(0)).unwrap_or(0);
            counts
                .map(|c| c.iter().map(read).collect())
                .unwrap_or_default()
        };
        let sizes = counts(0);
        let answers: Vec<_> = (0..self.columns.len())
            .map(|column| (counts(1 + 2 * column), counts(2 + 2 * column)))
            .collect();
        let mut standings: Vec<(u32, Standing)> = (0..groups.num_rows())
            .map(|row| {
                let at = |values: &[u64]| values.get(row).copied().unwrap_or(0);
                let standing = Standing {
                    keys: numbers.iter().filter_map(|n| n.get(row).copied()).collect(),
                    size: at(&sizes),
                    answers: answers
                        .iter()
                        .map(|(given, blank)| Answers {
                            given: at(given),
                            blank: at(blank),
                        })
                        .collect(),
                };
                (u32::try_from(row).unwrap_or(u32::MAX), standing)
            })
            .collect();
        standings.sort_by(|(_, one), (_, other)| one.keys.cmp(&other.keys));
        Ok(standings.into_iter().unzip())
    }
}

/// The values of a key as numbers in the order of the values.
fn numbered(column: &ArrayRef) -> Result<Vec<u32>, DataFusionError> {
    let converter = RowConverter::new(vec![SortField::new(column.data_type().clone())])?;
    let rows = converter.convert_columns(&[Arc::clone(column)])?;
    let mut numbers: BTreeMap<&[u8], u32> = rows.iter().map(|row| (row.data(), 0)).collect();
    for (number, value) in (0_u32..).zip(numbers.values_mut()) {
        *value = number;
    }
    Ok(rows
        .iter()
        .map(|row| numbers.get(row.data()).copied().unwrap_or(0))
        .collect())
}

fn one() -> Expr {
    Expr::Literal(ScalarValue::Int64(Some(1)), None)
}

/// How many records, or different people, a group has.
fn size_of(subject: Option<&Expr>) -> Expr {
    match subject {
        None => count(one()),
        Some(subject) => count_distinct(subject.clone()),
    }
}

/// How many answered a column, and how many left it blank.
fn answers_of(subject: Option<&Expr>, column: &Expr) -> Result<[Expr; 2], DataFusionError> {
    let among = |condition: Expr| match subject {
        None => count(one()).filter(condition).build(),
        Some(subject) => count_distinct(subject.clone()).filter(condition).build(),
    };
    Ok([
        among(column.clone().is_not_null())?,
        among(column.clone().is_null())?,
    ])
}
