//! One question from its text to its answer: receipt, tables, policy, computation, receipt.
//!
//! Owns the order of these steps and the bounds around them. Must never compute before the intent
//! is durable, nor hand out an answer before its outcome is.

use std::collections::BTreeMap;
use std::sync::Arc;

use cofferdam_hwprofile::Refusal;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionStateDefaults;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use ring::digest::{Context, SHA256};
use tokio::sync::Semaphore;

use crate::answer::{Answer, AnswerColumn, ReceiptNote, TableNote, columns_of, rows_of};
use crate::code::Code;
use crate::compute::{self, GROUPS, Rows, Stop};
use crate::objects::Objects;
use crate::policy::{self, PolicyFault, Question, read_question};
use crate::receipts::{QueryIntent, QueryOutcome, ReceiptFault, Receipts};
use crate::settings::Settings;
use crate::table::{Snapshot, Table, TableFault, TableRule};

/// Answers questions over the tables of one zone.
#[derive(Debug)]
pub struct Engine<O> {
    objects: O,
    tables: BTreeMap<String, Table>,
    settings: Settings,
    runtime: Arc<RuntimeEnv>,
    turns: Semaphore,
}

/// A table as it may be told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableListing {
    /// Its name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<AnswerColumn>,
    /// Its records, rounded down to a multiple of the minimum group.
    pub rows: u64,
    /// Fields that are hidden by configuration.
    pub hidden: Vec<String>,
    /// What is not in the table.
    pub note: TableNote,
}

/// Why a question got no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryFault {
    /// The policy refused.
    #[error(transparent)]
    Policy(#[from] PolicyFault),
    /// A table could not be brought up to date.
    #[error(transparent)]
    Table(#[from] TableFault),
    /// A bound was met.
    #[error("{}: {read}", .code.as_str())]
    Bound {
        /// The bound's code.
        code: Code,
        /// What was seen, and the bound.
        read: String,
    },
    /// The engine failed; what exactly failed could tell about a record and is dropped here.
    #[error("the computation failed")]
    Compute,
    /// The trail refused.
    #[error(transparent)]
    Receipt(#[from] ReceiptFault),
}

impl QueryFault {
    /// The stable code of this fault.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            QueryFault::Policy(fault) => fault.code(),
            QueryFault::Table(fault) => fault.code(),
            QueryFault::Bound { code, .. } => *code,
            QueryFault::Compute => Code::Compute,
            QueryFault::Receipt(_) => Code::Receipt,
        }
    }

    /// The fault as a refusal a stranger can act on.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        let code = self.code();
        let refusal = Refusal::new(code.as_str(), "the query is not answered", code.mend());
        let refusal = match self {
            QueryFault::Policy(fault) => refusal.read(fault.to_string()),
            QueryFault::Table(fault) => refusal
                .read(format!("table {}", fault.table))
                .read(fault.kind.to_string()),
            QueryFault::Bound { read, .. } => refusal.read(read.clone()),
            QueryFault::Compute => refusal,
            QueryFault::Receipt(fault) => refusal.read(fault.to_string()),
        };
        refusal.why(code.meaning())
    }

    fn bound(code: Code, read: String) -> QueryFault {
        QueryFault::Bound { code, read }
    }
}

impl From<DataFusionError> for QueryFault {
    fn from(error: DataFusionError) -> Self {
        if let DataFusionError::ResourcesExhausted(_) = error.find_root() {
            return QueryFault::bound(
                Code::Memory,
                "the pool of memory-bytes is used up".to_owned(),
            );
        }
        QueryFault::Compute
    }
}

impl From<Stop> for QueryFault {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::TooManyGroups => {
                QueryFault::bound(Code::GroupCount, format!("more than {GROUPS} groups"))
            }
            Stop::TooManyRows(rows) => {
                QueryFault::bound(Code::ResultRows, format!("more than {rows} rows"))
            }
            Stop::Engine(error) => error.into(),
        }
    }
}

impl<O: Objects> Engine<O> {
    /// An engine with empty caches, a bounded pool of memory, and no disk to spill to.
    ///
    /// # Errors
    /// If the engine's runtime cannot be built.
    pub fn new(settings: Settings, objects: O) -> Result<Engine<O>, DataFusionError> {
        let bounds = settings.bounds();
        let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(bounds.memory_bytes)))
            .with_disk_manager_builder(disk)
            .build_arc()?;
        let rule = TableRule {
            min_group: settings.min_group(),
            input_bytes: bounds.input_bytes,
        };
        let tables = settings.tables().iter();
        let tables = tables.map(|(name, table)| (name.clone(), Table::new(name, table, rule)));
        let turns = Semaphore::new(bounds.at_once);
        Ok(Engine {
            objects,
            tables: tables.collect(),
            settings,
            runtime,
            turns,
        })
    }

    /// The door to storage.
    #[must_use]
    pub fn objects(&self) -> &O {
        &self.objects
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Answers one question, or says why not. Both ways, the trail knows before this returns.
    ///
    /// # Errors
    /// A [`QueryFault`] with its code.
    pub async fn answer<R: Receipts>(&self, sql: &str, receipts: &R) -> Result<Answer, QueryFault> {
        let salt = receipts.salt()?;
        let context = self.context();
        let question = read_question(
            sql,
            &context.state(),
            &|name| self.tables.contains_key(name),
            &|| self.table_names(),
        );
        let intent = receipts
            .intent(QueryIntent {
                sql_sha256: salted_digest(&salt, sql),
                tables: question
                    .as_ref()
                    .map(|q| q.tables().to_vec())
                    .unwrap_or_default(),
                min_group: self.settings.min_group(),
            })
            .await?;
        let receipt = ReceiptNote {
            mark: intent,
            salt: cofferdam_node::hex(&salt),
        };
        let answer = match question {
            Ok(question) => self.run_bounded(&context, question, receipt.clone()).await,
            Err(fault) => Err(fault.into()),
        };
        let outcome = match &answer {
            Ok(answer) => QueryOutcome::Answered {
                rows: u64::try_from(answer.rows.len()).unwrap_or(u64::MAX),
                suppressed_groups: answer.withheld,
                unreadable_records: answer.table.unreadable,
            },
            Err(fault) => QueryOutcome::Refused {
                code: fault.code().as_str().to_owned(),
            },
        };
        receipts.outcome(&receipt.mark, outcome).await?;
        answer
    }

    /// The tables with their columns and rounded sizes.
    ///
    /// # Errors
    /// If a table cannot be brought up to date, or the trail refuses.
    pub async fn list<R: Receipts>(&self, receipts: &R) -> Result<Vec<TableListing>, QueryFault> {
        let listing = async {
            let mut tables = Vec::new();
            for (name, table) in &self.tables {
                let snapshot = table.refresh(&self.objects).await?;
                let hidden = self.settings.tables().get(name);
                tables.push(TableListing {
                    name: name.clone(),
                    columns: columns_of(&snapshot.visible),
                    rows: snapshot.rows - snapshot.rows % self.settings.min_group(),
                    hidden: hidden.map(|table| table.hidden.clone()).unwrap_or_default(),
                    note: note_of(&snapshot),
                });
            }
            Ok::<_, QueryFault>(tables)
        };
        let deadline = self.settings.bounds().deadline;
        let tables = tokio::time::timeout(deadline, listing)
            .await
            .map_err(|_elapsed| self.past_deadline())??;
        receipts
            .listed(u64::try_from(tables.len()).unwrap_or(u64::MAX))
            .await?;
        Ok(tables)
    }

    async fn run_bounded(
        &self,
        context: &SessionContext,
        question: Question,
        receipt: ReceiptNote,
    ) -> Result<Answer, QueryFault> {
        let deadline = tokio::time::sleep(self.settings.bounds().deadline);
        tokio::pin!(deadline);
        let turn = tokio::select! {
            turn = self.turns.acquire() => turn.map_err(|_closed| QueryFault::Compute)?,
            () = &mut deadline => {
                let read = format!("{} queries are running", self.settings.bounds().at_once);
                return Err(QueryFault::bound(Code::Busy, read));
            }
        };
        let answer = tokio::select! {
            answer = Box::pin(self.run(context, question, receipt)) => answer,
            () = &mut deadline => Err(self.past_deadline()),
        };
        drop(turn);
        answer
    }

    async fn run(
        &self,
        context: &SessionContext,
        question: Question,
        receipt: ReceiptNote,
    ) -> Result<Answer, QueryFault> {
        let mut snapshots: BTreeMap<String, Arc<Snapshot>> = BTreeMap::new();
        for name in question.tables() {
            if let Some(table) = self.tables.get(name) {
                let snapshot = table.refresh(&self.objects).await?;
                // The planner sees the visible columns and not one record.
                let visible = MemTable::try_new(Arc::clone(&snapshot.visible), vec![vec![]])?;
                context.register_table(name.as_str(), Arc::new(visible))?;
                snapshots.insert(name.clone(), snapshot);
            }
        }
        let plan = question.plan(&context.state())?;
        let shape = policy::judge(&plan)?;
        let snapshot = snapshots
            .get(&shape.table)
            .ok_or_else(|| PolicyFault::NoSuchTable {
                asked: shape.table.clone(),
                known: self.table_names(),
            })?;
        let min_group = self.settings.min_group();
        let published = compute::publish(context, snapshot, &shape, min_group).await?;
        let withheld = published.withheld;
        let limit = self.settings.bounds().result_rows;
        let rows = compute::finish(context, &plan, &shape, published, limit).await?;
        Ok(Answer {
            columns: columns_of(&rows.schema),
            rows: self.rows_within_bytes(&rows)?,
            withheld,
            min_group,
            counts_people: snapshot.counts_people(),
            table: note_of(snapshot),
            receipt,
        })
    }

    fn rows_within_bytes(&self, rows: &Rows) -> Result<Vec<Vec<serde_json::Value>>, QueryFault> {
        let limit = self.settings.bounds().result_bytes;
        let mut bytes = 0_usize;
        let mut all = Vec::new();
        for batch in &rows.batches {
            for row in rows_of(batch).map_err(DataFusionError::from)? {
                let lengths = row.iter().map(|value| value.to_string().len() + 1);
                bytes = lengths.fold(bytes, usize::saturating_add);
                if bytes > limit {
                    let read = format!("more than {limit} bytes of rows");
                    return Err(QueryFault::bound(Code::ResultBytes, read));
                }
                all.push(row);
            }
        }
        Ok(all)
    }

    fn past_deadline(&self) -> QueryFault {
        let seconds = self.settings.bounds().deadline.as_secs();
        QueryFault::bound(Code::Deadline, format!("no answer within {seconds} s"))
    }

    fn table_names(&self) -> String {
        self.tables.keys().cloned().collect::<Vec<_>>().join(", ")
    }

    /// A context for one question: our functions, no file formats, no table functions, one
    /// partition so that the same records give the same answer to the last digit.
    fn context(&self) -> SessionContext {
        let mut config = SessionConfig::new().with_target_partitions(1);
        let options = config.options_mut();
        options.sql_parser.enable_ident_normalization = false;
        options.sql_parser.map_string_types_to_utf8view = false;
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(Arc::clone(&self.runtime))
            .with_expr_planners(SessionStateDefaults::default_expr_planners())
            .with_scalar_functions(SessionStateDefaults::default_scalar_functions())
            .with_aggregate_functions(SessionStateDefaults::default_aggregate_functions())
            .with_window_functions(SessionStateDefaults::default_window_functions())
            .build();
        SessionContext::new_with_state(state)
    }
}

fn note_of(snapshot: &Snapshot) -> TableNote {
    TableNote {
        name: snapshot.name.clone(),
        unreadable: snapshot.unreadable,
        left_out: snapshot.left_out,
    }
}

/// SHA-256 over the salt and the text, in lower-case hexadecimal.
fn salted_digest(salt: &[u8], sql: &str) -> String {
    let mut context = Context::new(&SHA256);
    context.update(salt);
    context.update(sql.as_bytes());
    cofferdam_node::hex(context.finish().as_ref())
}

#[cfg(test)]
mod tests;
