//! Records go in, answered only once they are durable; their batches come out as rows.

use std::sync::Arc;
use std::time::Duration;

use cofferdam_spool::probe_commit_rate;
use http::{Method, StatusCode};
use serde_json::Value;

use super::failed;
use super::stage::Stage;
use crate::clock::Stopwatch;
use crate::command::query::{Rows, ask as ask_query};
use crate::command::submit::{Target, submit_all};
use crate::lab::crew::Crew;
use crate::lab::layout::{STREAM, SURVEY};
use crate::lab::{process, sample};
use crate::reach::{self, Reach};
use crate::table;
use crate::verdict::Failure;

/// How many of each kind.
const RECORDS: usize = 1000;
/// From how many connections at once.
const CONNECTIONS: usize = 8;
/// How long the batches may take to reach analytics.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(20);
/// How often a waiting demo looks.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// The question of the demo.
const QUESTION: &str = "select school, count(*) as answers, avg(q1) as q1, avg(q3) as q3 \
                        from climate group by school order by school";

pub(super) fn submit(stage: &mut Stage, crew: &Crew) -> Result<(), Failure> {
    let reach = Arc::new(crew.reach()?);
    let survey = Target::survey(SURVEY);
    submit_one_kind(
        stage,
        crew,
        &reach,
        &survey,
        &sample::survey_answers(RECORDS),
    )?;
    let stream = Target::stream(STREAM);
    submit_one_kind(
        stage,
        crew,
        &reach,
        &stream,
        &sample::stream_events(RECORDS),
    )
}

fn submit_one_kind(
    stage: &mut Stage,
    crew: &Crew,
    reach: &Arc<Reach>,
    target: &Target,
    records: &[Value],
) -> Result<(), Failure> {
    let name = format!("submit {}", target.name());
    stage.begin(&name);
    let watch = Stopwatch::start();
    let counts = crew.runtime().block_on(submit_all(
        Arc::clone(reach),
        target.clone(),
        records.to_vec(),
        CONNECTIONS,
    ))?;
    let seconds = watch.elapsed().as_secs_f64();
    if counts.stored != RECORDS || counts.duplicates != 0 {
        return Err(failed(&name, &format!("{counts:?} of {RECORDS} records")));
    }
    let length = records
        .first()
        .map_or(256, |record| record.to_string().len());
    let probe = crew.layout().directory().join("probe");
    let disk = std::fs::create_dir(&probe)
        .and_then(|()| {
            let clock = Stopwatch::start();
            let rate = probe_commit_rate(&probe, 8, 1000, length, || clock.elapsed());
            std::fs::remove_dir_all(&probe).and(rate)
        })
        .map_err(|error| failed(&name, &error.to_string()))?;
    let rate = f64::from(u32::try_from(RECORDS).unwrap_or(u32::MAX)) / seconds;
    stage.pass(
        &name,
        &format!(
            "{RECORDS} single records from {CONNECTIONS} connections, each answered after its \
             fdatasync: {rate:.0}/s, {:.2} of this disk's {disk:.0}/s",
            rate / disk
        ),
    );
    Ok(())
}

pub(super) fn query(stage: &mut Stage, crew: &Crew) -> Result<(), Failure> {
    stage.begin("batches");
    let reach = crew.reach()?;
    wait_for_rows(stage, crew, &reach)?;
    stage.pass(
        "batches",
        "intake's sealed batches reached storage as ciphertext with wrapped keys; all records counted",
    );
    stage.begin("query");
    let rows = crew.runtime().block_on(ask_query(&reach, QUESTION))?;
    let suppressed = rows.suppressed.unwrap_or_default();
    if suppressed < 2 || rows.rows.is_empty() {
        let seen = format!("{} rows, {suppressed} suppressed", rows.rows.len());
        return Err(failed("query", &seen));
    }
    stage.pass(
        "query",
        &format!(
            "{} groups shown; {suppressed} suppressed, because they or what would give them away by \
             subtraction stand on fewer than {} answers",
            rows.rows.len(),
            rows.min_group
        ),
    );
    stage.show(&format!("sql> {QUESTION}"));
    stage.show(&table::lay_out(&rows.headings, &rows.rows));
    refuse_single_rows(stage, crew, &reach)
}

fn refuse_single_rows(stage: &mut Stage, crew: &Crew, reach: &Reach) -> Result<(), Failure> {
    stage.begin("query of one");
    let asked = crew
        .runtime()
        .block_on(ask_query(reach, "select school, grade, q1 from climate"));
    match asked {
        Ok(_rows) => Err(failed("query of one", "single rows came out")),
        Err(failure) => {
            let code = failure
                .refusals
                .first()
                .map_or("", |refusal| refusal.code.as_str());
            if !code.starts_with("AN-") {
                return Err(failure);
            }
            stage.pass(
                "query of one",
                &format!("refused with {code}: analytics shows groups, not people"),
            );
            Ok(())
        }
    }
}

fn wait_for_rows(stage: &Stage, crew: &Crew, reach: &Reach) -> Result<(), Failure> {
    let watch = Stopwatch::start();
    for table in [SURVEY, STREAM] {
        loop {
            let counted = count(crew, reach, table);
            if counted.as_ref().ok() == Some(&RECORDS) {
                break;
            }
            if watch.elapsed() >= ARRIVAL_LIMIT {
                let seen = match counted {
                    Ok(rows) => format!("{rows} of {RECORDS} rows in {table}"),
                    Err(failure) => return Err(failure),
                };
                return Err(failed("batches", &seen));
            }
            stage.progress(&format!("waiting for the batches of {table}"));
            process::pause(LOOK_EVERY);
        }
    }
    Ok(())
}

fn count(crew: &Crew, reach: &Reach, table: &str) -> Result<usize, Failure> {
    let sql = format!("select count(*) as records from {table}");
    let rows: Rows = crew.runtime().block_on(ask_query(reach, &sql))?;
    let counted = rows
        .rows
        .first()
        .and_then(|row| row.first())
        .and_then(Value::as_u64);
    Ok(counted
        .and_then(|rows| usize::try_from(rows).ok())
        .unwrap_or(0))
}

/// Intake takes a record of the wrong shape from nobody.
pub(super) fn refuse_wrong_shape(crew: &Crew) -> Result<bool, Failure> {
    let reach = crew.reach()?;
    let path = format!("/v1/surveys/{SURVEY}/responses");
    let request = reach::request(Method::POST, &path, r#"{"school":7}"#)?;
    let answer = crew.runtime().block_on(reach.ask("intake", request))?;
    Ok(answer.status == StatusCode::UNPROCESSABLE_ENTITY)
}
