//! What is shown and what is withheld: groups that stand on enough, what would follow from them,
//! people instead of records, and a random world judged cell by cell.

use proptest::prelude::*;

use super::*;

#[tokio::test]
async fn groups_that_stand_on_enough_are_shown_and_the_rest_withheld_with_a_second_one() {
    // East has 2; alone it would follow from a known total, so west goes as well.
    let answer = ask(
        &lab(),
        "SELECT school, count(*) FROM climate GROUP BY school",
    )
    .await;
    assert_eq!(
        answer.rows,
        [[json!("north"), json!(20)], [json!("south"), json!(12)]]
    );
    assert_eq!(answer.withheld, Some(2));
    assert_eq!(answer.min_group, 5);
    assert_eq!(answer.columns[1].name, "count(*)");
}

#[tokio::test]
async fn a_global_aggregate_is_shown_when_it_stands_on_enough() {
    let found = rows("SELECT count(*), avg(grade), sum(weight) FROM climate").await;
    assert_eq!(found, [[json!(40), json!(7.5), json!(20.0)]]);
}

#[tokio::test]
async fn a_global_aggregate_over_few_rows_is_withheld_and_looks_like_one_over_none() {
    let few = ask(&lab(), "SELECT count(*) FROM climate WHERE school = 'east'").await;
    let none = ask(
        &lab(),
        "SELECT count(*) FROM climate WHERE school = 'nowhere'",
    )
    .await;
    assert!(few.rows.is_empty());
    assert_eq!((few.rows, few.withheld), (none.rows, none.withheld));
    assert_eq!(none.withheld, None);
}

#[tokio::test]
async fn few_groups_and_no_groups_are_answered_in_the_same_words() {
    let few = "SELECT note, count(*) FROM climate WHERE school = 'east' GROUP BY note";
    let none = "SELECT note, count(*) FROM climate WHERE school = 'x' GROUP BY note";
    let (few, none) = (ask(&lab(), few).await, ask(&lab(), none).await);
    assert_eq!((&few.rows, few.withheld), (&none.rows, none.withheld));
}

#[tokio::test]
async fn answers_and_blanks_of_a_column_count_apart() {
    // In the south 3 of 12 are blank: 3 < 5, and would follow from count(*) - count(score).
    let found = rows("SELECT school, count(*), avg(score) FROM climate WHERE school IN ('north', 'south') GROUP BY school").await;
    assert!(
        found.is_empty(),
        "south is small by its blanks and north goes with it: {found:?}"
    );
    let sql = "SELECT school, count(*) FROM climate WHERE score IS NOT NULL AND school IN ('north', 'south') GROUP BY school";
    assert_eq!(
        rows(sql).await,
        [[json!("north"), json!(20)], [json!("south"), json!(9)]]
    );
}

#[tokio::test]
async fn the_same_question_has_the_same_answer_byte_for_byte() {
    let sql = "SELECT school, grade, count(*), sum(weight) FROM climate GROUP BY school, grade";
    assert_eq!(
        ask(&lab(), sql).await.to_csv(),
        ask(&lab(), sql).await.to_csv()
    );
}

#[tokio::test]
async fn a_cell_that_follows_from_a_margin_of_two_keys_is_withheld_too() {
    // a/x 2 is small. Its row holds only a/y, its column only b/x: both would give it away.
    let store = Store::default();
    let cells = [
        ("a", "x", 2),
        ("a", "y", 9),
        ("b", "x", 8),
        ("b", "y", 7),
        ("c", "z", 30),
    ];
    let records: Vec<_> = cells
        .into_iter()
        .flat_map(|(one, two, size)| vec![json!({"one": one, "two": two}); size])
        .collect();
    store.put_records("a", &records);
    let engine = engine(&store, &json!({}));
    let answer = ask(
        &engine,
        "SELECT one, two, count(*) FROM climate GROUP BY one, two",
    )
    .await;
    assert_eq!(answer.rows, [[json!("c"), json!("z"), json!(30)]]);
    assert_eq!(answer.withheld, Some(4));
}

#[tokio::test]
async fn with_a_subject_groups_are_counted_in_people() {
    let store = Store::default();
    let mut records = vec![json!({"school": "n", "who": "one person", "score": 1}); 50];
    let people = |place: &str, count: usize| {
        (0..count)
            .map(|p| json!({"school": place, "who": format!("{place}{p}"), "score": 2}))
            .collect::<Vec<_>>()
    };
    records.extend(people("s", 6));
    records.extend(people("w", 7));
    records.extend(people("e", 8));
    store.put_records("a", &records);
    let table = json!({"table": {"climate": {"bucket": "intake-climate", "hidden": ["who"], "subject": "who"}}});
    let engine = engine(&store, &table);
    let sql = "SELECT school, count(*), avg(score) FROM climate GROUP BY school";
    let answer = ask(&engine, sql).await;
    assert!(answer.counts_people && answer.rule().contains("people"));
    assert_eq!(
        answer.rows,
        [
            [json!("e"), json!(8), json!(2.0)],
            [json!("w"), json!(7), json!(2.0)]
        ]
    );
    assert_eq!(
        refused(&engine, "SELECT count(who) FROM climate").await.0,
        Code::SqlUnreadable
    );
    let hidden_name = "SELECT count(\"\u{1}subject\") FROM climate";
    assert_eq!(refused(&engine, hidden_name).await.0, Code::SqlUnreadable);
}

#[tokio::test]
async fn having_a_count_below_k_shows_nothing_it_should_not() {
    for having in [
        "count(*) < 5",
        "count(*) = 2",
        "count(*) <= 6",
        "avg(grade) > 0 AND count(*) < 12",
    ] {
        let sql = format!("SELECT school, count(*) FROM climate GROUP BY school HAVING {having}");
        assert!(rows(&sql).await.is_empty(), "{having}");
    }
}

#[tokio::test]
async fn ordering_by_a_hidden_cell_and_taking_one_shows_only_published_cells() {
    let sql = "SELECT school FROM climate GROUP BY school ORDER BY count(*) ASC LIMIT 1";
    assert_eq!(rows(sql).await, [[json!("south")]]);
    let sql = "SELECT school FROM climate GROUP BY school ORDER BY count(*) ASC LIMIT 1 OFFSET 2";
    assert!(rows(sql).await.is_empty());
}

#[tokio::test]
async fn a_computation_that_fails_says_nothing_about_values() {
    let (code, read) = refused(&lab(), "SELECT count(*) / (count(*) - 40) FROM climate").await;
    assert_eq!((code, read.as_str()), (Code::Compute, ""));
}

#[derive(Debug, Clone)]
struct Made {
    records: Vec<Value>,
    keys: Vec<&'static str>,
    measures: Vec<&'static str>,
    k: u64,
}

fn made() -> impl Strategy<Value = Made> {
    let record = (
        0..4_u8,
        0..3_u8,
        proptest::option::of(0..2_u8),
        proptest::option::weighted(0.7, 0..100_i64),
    );
    let records = proptest::collection::vec(record, 0..60).prop_map(|rows| {
        let fields = |(a, b, c, x)| json!({"a": a, "b": format!("b{b}"), "c": c, "x": x});
        rows.into_iter().map(fields).collect::<Vec<_>>()
    });
    let keys = proptest::sample::subsequence(vec!["a", "b", "c"], 0..=3);
    let measures =
        proptest::sample::subsequence(vec!["count(x)", "sum(x)", "avg(x)", "count(c)"], 0..=4);
    (records, keys, measures, 3..7_u64).prop_map(|(records, keys, measures, k)| Made {
        records,
        keys,
        measures,
        k,
    })
}

/// The records of the naive model that agree with a published row in every key.
fn standing_on<'a>(made: &'a Made, row: &[Value]) -> Vec<&'a Value> {
    let agrees = |record: &&Value| {
        made.keys
            .iter()
            .zip(row)
            .all(|(key, value)| record[*key] == *value)
    };
    made.records.iter().filter(agrees).collect()
}

fn judge_row(made: &Made, row: &[Value]) -> Result<(), TestCaseError> {
    let found = standing_on(made, row);
    let given_of = |field: &str| -> u64 {
        found
            .iter()
            .map(|record| u64::from(!record[field].is_null()))
            .sum()
    };
    let size: u64 = found.iter().map(|_record| 1).sum();
    prop_assert!(size >= made.k, "{row:?} stands on {size}");
    prop_assert_eq!(&row[made.keys.len()], &json!(size));
    for (measure, value) in made.measures.iter().zip(&row[made.keys.len() + 1..]) {
        let given = given_of(if measure.contains('x') { "x" } else { "c" });
        prop_assert!(given >= made.k, "{measure} of {row:?} stands on {given}");
        let blank = size - given;
        prop_assert!(
            blank == 0 || blank >= made.k,
            "{measure} of {row:?} gives away {blank}"
        );
        let sum: i64 = found.iter().filter_map(|record| record["x"].as_i64()).sum();
        match *measure {
            "count(x)" | "count(c)" => prop_assert_eq!(value, &json!(given)),
            "sum(x)" => prop_assert_eq!(value, &json!(sum)),
            _ => {
                let real = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
                let product = real(value) * real(&json!(given));
                prop_assert!((product - real(&json!(sum))).abs() < 1e-6);
            }
        }
    }
    Ok(())
}

/// Along every margin, what is missing is nothing, or at least two groups of at least k together.
fn judge_margins(made: &Made, answer: &Answer) -> Result<(), TestCaseError> {
    let keys = made.keys.len();
    let key_of = |record: &Value| {
        made.keys
            .iter()
            .map(|key| record[*key].clone())
            .collect::<Vec<_>>()
    };
    let mut groups: Vec<(Vec<Value>, u64)> = Vec::new();
    for record in &made.records {
        let key = key_of(record);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, size)) => *size += 1,
            None => groups.push((key, 1)),
        }
    }
    let shown = |key: &[Value]| answer.rows.iter().any(|row| &row[..keys] == key);
    for held in 0..(1_usize << keys).saturating_sub(1) {
        let line = |key: &[Value]| {
            (0..keys)
                .filter(|at| held & (1 << at) != 0)
                .map(|at| key[at].clone())
                .collect::<Vec<_>>()
        };
        for (key, _) in &groups {
            let beside: Vec<_> = groups
                .iter()
                .filter(|(other, _)| line(other) == line(key))
                .collect();
            let missing: Vec<_> = beside.iter().filter(|(other, _)| !shown(other)).collect();
            let total: u64 = missing.iter().map(|(_, size)| size).sum();
            let safe = missing.is_empty()
                || missing.len() == beside.len()
                || (missing.len() > 1 && total >= made.k);
            prop_assert!(safe, "{missing:?} follow from the total of {beside:?}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn no_published_cell_stands_on_fewer_than_k(made in made()) {
        let store = Store::default();
        // Enough records elsewhere that every field is a column whatever was drawn.
        let filler = json!({"a": 0, "b": "b0", "c": 0, "x": 0, "filler": true});
        let mut records = made.records.clone();
        records.extend(vec![filler; 7]);
        store.put_records("a", &records);
        let engine = engine(&store, &json!({"min-group": made.k}));
        let mut heads = made.keys.clone();
        heads.push("count(*)");
        heads.extend(&made.measures);
        let group = if made.keys.is_empty() { String::new() } else { format!(" GROUP BY {}", made.keys.join(", ")) };
        let sql = format!("SELECT {} FROM climate WHERE filler IS NULL{group}", heads.join(", "));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let answer = runtime.block_on(engine.answer(&sql, &Ledger::default())).unwrap();
        for row in &answer.rows {
            judge_row(&made, row)?;
        }
        judge_margins(&made, &answer)?;
    }
}
