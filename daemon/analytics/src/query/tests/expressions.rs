//! What may stand in a select, a condition, a key or an aggregate, and each trick beside it that is
//! refused.

use super::*;

#[tokio::test]
async fn every_allowed_aggregate_answers() {
    for call in [
        "count(*)",
        "count(1)",
        "count(grade)",
        "count(DISTINCT grade)",
        "sum(grade)",
        "avg(grade)",
        "stddev(grade)",
        "stddev_samp(grade)",
        "stddev_pop(grade)",
        "var(grade)",
        "var_pop(grade)",
        "median(grade)",
        "approx_median(grade)",
        "approx_distinct(school)",
    ] {
        let found = rows(&format!("SELECT {call} FROM climate")).await;
        assert_eq!(found.len(), 1, "{call}");
        assert!(!found[0][0].is_null(), "{call}");
    }
}

#[tokio::test]
async fn total_expressions_are_allowed_in_where_and_group_by() {
    for (expr, groups) in [
        ("grade / 2", 2),
        ("grade % 2 = 0", 2),
        ("CASE WHEN grade > 7 THEN 'a' ELSE 'b' END", 2),
        ("date_trunc('day', received)", 1),
        ("extract(year from received)", 1),
        ("CAST(received AS DATE)", 1),
        ("TRY_CAST(note AS BIGINT)", 1),
        ("coalesce(school, 'x') || '!'", 2),
        ("school LIKE 'n%'", 2),
        ("received BETWEEN '2026-01-01' AND '2027-01-01'", 1),
        ("grade IN (7, 9)", 2),
        ("\"full\" IS TRUE", 2),
        ("nullif(grade, 7)", 2),
        ("starts_with(school, 'n')", 2),
        ("received < TIMESTAMP '2026-05-01T00:00:00'", 1),
        ("type", 1),
    ] {
        let sql = format!("SELECT {expr} AS k, count(*) FROM climate GROUP BY {expr}");
        assert_eq!(rows(&sql).await.len(), groups, "{expr}");
    }
}

#[tokio::test]
async fn published_cells_can_be_computed_with() {
    let sql = "SELECT CAST(avg(grade) AS DECIMAL(6, 2)) AS m, sum(grade) / count(*) FROM climate";
    let found = rows(sql).await;
    assert_eq!(found, [[json!(7.5), json!(7)]]);
}

#[tokio::test]
async fn a_case_inside_an_aggregate_is_refused() {
    check(
        "SELECT sum(CASE WHEN note = 'note 1' THEN score ELSE 0 END) FROM climate",
        "AN-304",
    )
    .await;
    check("SELECT sum(score * 2) FROM climate", "AN-304").await;
    check("SELECT count(nullif(score, 3)) FROM climate", "AN-304").await;
    check(
        "SELECT avg(TRY_CAST(note AS BIGINT)) FROM climate",
        "AN-304",
    )
    .await;
    let hidden_in_a_subquery =
        "SELECT sum(v) FROM (SELECT CASE WHEN note = 'note 1' THEN score END AS v FROM climate) x";
    check(hidden_in_a_subquery, "AN-304").await;
}

#[tokio::test]
async fn modifiers_inside_an_aggregate_are_refused() {
    check(
        "SELECT count(*) FILTER (WHERE note = 'note 1') FROM climate",
        "AN-305",
    )
    .await;
    check("SELECT sum(DISTINCT score) FROM climate", "AN-305").await;
    check("SELECT sum(score ORDER BY note) FROM climate", "AN-305").await;
}

#[tokio::test]
async fn aggregates_that_return_one_persons_value_are_refused() {
    for call in [
        "min(score)",
        "max(score)",
        "min(note)",
        "first_value(note)",
        "last_value(note)",
        "nth_value(score, 1)",
        "array_agg(note)",
        "string_agg(note, ',')",
        "any_value(note)",
        "approx_percentile_cont(score, 0.0)",
        "percentile_cont(score, 1.0)",
        "bit_xor(score)",
        "bool_or(\"full\")",
        "corr(score, grade)",
    ] {
        check(&format!("SELECT {call} FROM climate"), "AN-303").await;
    }
    let (_, read) = refused(&lab(), "SELECT max(score) FROM climate").await;
    assert!(read.contains("max"), "the function is named: {read}");
}

#[tokio::test]
async fn an_aggregate_of_numbers_over_text_or_time_is_refused() {
    for sql in [
        "median(received)",
        "avg(note)",
        "sum(\"full\")",
        "stddev(received)",
    ]
    .map(|call| format!("SELECT {call} FROM climate"))
    {
        let (code, _) = refused(&lab(), &sql).await;
        assert!(
            matches!(code, Code::AggregateArgument | Code::SqlUnreadable),
            "{sql}: {code:?}"
        );
    }
}

#[tokio::test]
async fn an_expression_that_could_fail_for_one_record_is_refused() {
    for condition in [
        "CASE WHEN note = 'note 1' AND score > 3 THEN 1 / (score - score) ELSE 1 END = 1",
        "CAST(note AS BIGINT) = 1",
        "score / grade = 1",
        "score % 0 = 1",
        "1 / 0 = 1",
        "CASE WHEN score > 3 THEN CAST('x' AS INT) ELSE 1 END = 1",
        "CASE WHEN score > 3 THEN TIMESTAMP 'x' ELSE received END = received",
        "CASE WHEN score > 3 THEN received > 'never' ELSE true END",
        "note = 5",
        "note > received",
        "received + INTERVAL '1 day' > received",
        "note SIMILAR TO 'x'",
        "note ~ '(a+)+'",
        "-score > 0",
        "note LIKE school",
        "school IN (note)",
        "date_trunc('year', TRY_CAST(note AS TIMESTAMP)) IS NULL",
        "date_trunc(school, received) IS NULL",
        "CAST(TRY_CAST(note AS DATE) AS TIMESTAMP) IS NULL",
        "score & 1 = 1",
        "CAST(weight AS BIGINT) = 1",
        "weight = 18446744073709551615",
    ] {
        check(
            &format!("SELECT count(*) FROM climate WHERE {condition}"),
            "AN-306",
        )
        .await;
    }
}

#[tokio::test]
async fn functions_that_are_not_proven_safe_are_refused_by_name() {
    for call in [
        "random()",
        "uuid()",
        "now()",
        "repeat(note, 1000000)",
        "to_timestamp(note)",
        "chr(grade)",
        "arrow_cast(note, 'Int64')",
        "to_date(note)",
        "arrow_typeof(note)",
        "version()",
        "replace(note, 'a', 'b')",
    ] {
        let sql = format!("SELECT count(*) FROM climate GROUP BY {call}");
        let (code, read) = refused(&lab(), &sql).await;
        assert!(
            code == Code::ScalarFunction || read.contains("Invalid function"),
            "{call}: {code:?} {read}"
        );
    }
    check("SELECT uuid() FROM climate GROUP BY school", "AN-307").await;
    check("SELECT count(*), now() FROM climate", "AN-307").await;
}
