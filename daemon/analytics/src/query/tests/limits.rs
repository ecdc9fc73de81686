//! Every bound of a question, and that reaching one refuses the whole of it.

use super::*;

#[tokio::test]
async fn more_rows_than_the_bound_refuse_the_whole_answer() {
    let engine = lab_with(&json!({"result-rows": 1}));
    let sql = "SELECT school, count(*) FROM climate GROUP BY school";
    assert_eq!(refused(&engine, sql).await.0, Code::ResultRows);
    assert_eq!(ask(&engine, &format!("{sql} LIMIT 1")).await.rows.len(), 1);
}

#[tokio::test]
async fn more_bytes_than_the_bound_refuse_the_whole_answer() {
    let engine = lab_with(&json!({"result-bytes": 1024}));
    let wide = format!(
        "SELECT school || '{}' AS s, count(*) FROM climate GROUP BY school",
        "x".repeat(1000)
    );
    assert_eq!(refused(&engine, &wide).await.0, Code::ResultBytes);
}

#[tokio::test]
async fn more_input_than_the_bound_is_not_read() {
    let store = Store::default();
    store.put_records("a", &school());
    let engine = engine(&store, &json!({"input-bytes": 1000}));
    assert_eq!(
        refused(&engine, "SELECT count(*) FROM climate").await.0,
        Code::InputBytes
    );
    assert!(store.take_reads().is_empty());
}

#[tokio::test]
async fn more_groups_than_the_bound_are_refused() {
    let store = Store::default();
    store.put_records("a", &vec![json!({}); GROUPS + 1]);
    let engine = engine(&store, &json!({}));
    assert_eq!(
        refused(&engine, "SELECT count(*) FROM climate GROUP BY id")
            .await
            .0,
        Code::GroupCount
    );
}

#[tokio::test]
async fn a_query_beyond_the_memory_pool_is_refused_and_spills_nothing() {
    let store = Store::default();
    let records: Vec<_> = (0..40_000)
        .map(|n| json!({"t": format!("{n:0>60}")}))
        .collect();
    store.put_records("a", &records);
    let engine = engine(&store, &json!({"memory-bytes": 1 << 20}));
    let sql = "SELECT t, id, count(*) FROM climate GROUP BY t, id";
    assert_eq!(refused(&engine, sql).await.0, Code::Memory);
}

#[tokio::test]
async fn a_query_that_gets_no_records_in_time_is_refused_at_its_deadline() {
    let store = Store::default();
    store.get_stuck();
    let engine = engine(&store, &json!({"query-seconds": 1}));
    assert_eq!(
        refused(&engine, "SELECT count(*) FROM climate").await.0,
        Code::Deadline
    );
}

#[tokio::test]
async fn a_query_that_gets_no_turn_in_time_is_refused_as_busy() {
    let store = Store::default();
    store.get_stuck();
    let engine = engine(&store, &json!({"queries-at-once": 1, "query-seconds": 1}));
    let ledger = Ledger::default();
    let sql = "SELECT count(*) FROM climate";
    let mut first = Box::pin(engine.answer(sql, &ledger));
    // It takes the only turn, and is then not driven, so that it keeps it.
    while engine.turns.available_permits() > 0 {
        assert!(futures::poll!(first.as_mut()).is_pending());
    }
    let second = engine.answer(sql, &ledger).await;
    assert_eq!(second.unwrap_err().code(), Code::Busy);
    assert_eq!(first.await.unwrap_err().code(), Code::Deadline);
}

#[tokio::test]
async fn a_long_text_is_refused_before_it_is_planned() {
    let long = format!(
        "SELECT count(*) FROM climate WHERE true{}",
        " AND true".repeat(600)
    );
    check(&long, "AN-204").await;
}

#[tokio::test]
async fn an_expression_that_multiplies_itself_is_refused() {
    let mut sql = "SELECT note AS n FROM climate".to_owned();
    for _ in 0..16 {
        sql = format!("SELECT n || n || n AS n FROM ({sql}) x");
    }
    check(
        &format!("SELECT count(*) FROM ({sql}) y GROUP BY n"),
        "AN-204",
    )
    .await;
}

#[test]
fn the_deepest_text_that_is_read_leaves_a_small_stack_whole() {
    let chain = |operator: &str| {
        format!(
            "SELECT count(*) FROM climate WHERE true{}",
            operator.repeat(490)
        )
    };
    let texts = [
        chain(" = true"),
        chain(" IS NULL"),
        chain(" AND true"),
        format!("SELECT count(*){} FROM climate", " + 1".repeat(490)),
        format!(
            "SELECT count(*) FROM climate WHERE {}true{}",
            "(".repeat(400),
            ")".repeat(400)
        ),
        format!(
            "SELECT count(*) FROM climate WHERE {}true",
            "NOT ".repeat(900)
        ),
        format!(
            "SELECT count(*) FROM climate WHERE 1 = {}1",
            "- ".repeat(900)
        ),
        format!(
            "{}SELECT count(*) FROM climate{}",
            "SELECT * FROM (".repeat(150),
            ")".repeat(150)
        ),
    ];
    for text in texts {
        let run = move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build()
                .unwrap();
            let (code, _) = runtime.block_on(refused(&lab(), &text));
            assert!(
                matches!(code, Code::SqlLong | Code::SqlUnreadable | Code::Expression),
                "{code:?} {text}"
            );
        };
        let thread = std::thread::Builder::new()
            .stack_size(1 << 20)
            .spawn(run)
            .unwrap();
        thread.join().unwrap();
    }
}
