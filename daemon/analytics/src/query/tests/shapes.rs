//! Which form a question may have: one select over one table, grouped once; every other is refused.

use super::*;

#[tokio::test]
async fn having_order_and_limit_work_over_what_is_shown() {
    let sql = "SELECT school AS s, count(*) AS n FROM climate GROUP BY school \
               HAVING count(*) > 12 ORDER BY n DESC LIMIT 1";
    assert_eq!(rows(sql).await, [[json!("north"), json!(20)]]);
}

#[tokio::test]
async fn common_table_expressions_and_aliases_are_resolved() {
    let sql = "WITH d AS (SELECT upper(school) AS place, grade + 1 AS g FROM climate WHERE grade > 0) \
               SELECT x.place, sum(g2) FROM (SELECT place, g, g AS g2 FROM d) AS x GROUP BY x.place";
    // sum over a computed column is refused; grouping by one is not.
    check(sql, "AN-304").await;
    let sql = "WITH d AS (SELECT upper(school) AS place, grade AS g FROM climate) \
               SELECT x.place, sum(g) AS total FROM d AS x GROUP BY x.place ORDER BY total";
    assert_eq!(
        rows(sql).await,
        [[json!("SOUTH"), json!(90)], [json!("NORTH"), json!(150)]]
    );
}

#[tokio::test]
async fn raw_rows_are_refused() {
    check("SELECT * FROM climate", "AN-301").await;
    check(
        "SELECT id, score FROM climate WHERE school = 'east'",
        "AN-301",
    )
    .await;
    check("SELECT score FROM climate ORDER BY score LIMIT 1", "AN-301").await;
    check("SELECT s FROM (SELECT score AS s FROM climate) x", "AN-301").await;
}

#[tokio::test]
async fn distinct_rows_are_refused() {
    check("SELECT DISTINCT note FROM climate", "AN-302").await;
    check("SELECT DISTINCT ON (school) note FROM climate", "AN-302").await;
}

#[tokio::test]
async fn joins_are_refused() {
    check(
        "SELECT count(*) FROM climate a JOIN climate b ON a.id = b.id",
        "AN-302",
    )
    .await;
    check("SELECT count(*) FROM climate a, climate b", "AN-302").await;
    check(
        "SELECT count(*) FROM climate a LEFT JOIN climate b USING (id)",
        "AN-302",
    )
    .await;
}

#[tokio::test]
async fn unions_and_set_operations_are_refused() {
    let one = "SELECT count(*) FROM climate";
    check(&format!("{one} UNION ALL {one}"), "AN-302").await;
    check(
        "SELECT count(*) FROM (SELECT * FROM climate UNION ALL SELECT * FROM climate)",
        "AN-302",
    )
    .await;
    check(
        "SELECT count(*) FROM (SELECT id FROM climate EXCEPT SELECT id FROM climate)",
        "AN-302",
    )
    .await;
    check(
        "SELECT count(*) FROM (SELECT id FROM climate INTERSECT SELECT id FROM climate)",
        "AN-302",
    )
    .await;
}

#[tokio::test]
async fn window_functions_are_refused() {
    check("SELECT sum(score) OVER () FROM climate", "AN-302").await;
    check(
        "SELECT row_number() OVER (ORDER BY score), score FROM climate",
        "AN-302",
    )
    .await;
    check("SELECT count(*) FROM (SELECT row_number() OVER (ORDER BY id) AS n FROM climate) x WHERE n = 1", "AN-302").await;
    check(
        "SELECT school, lag(count(*)) OVER (ORDER BY school) FROM climate GROUP BY school",
        "AN-302",
    )
    .await;
}

#[tokio::test]
async fn subqueries_in_expressions_are_refused() {
    check(
        "SELECT count(*) FROM climate WHERE id IN (SELECT id FROM climate LIMIT 1)",
        "AN-308",
    )
    .await;
    check(
        "SELECT count(*), (SELECT score FROM climate LIMIT 1) FROM climate",
        "AN-308",
    )
    .await;
    check(
        "SELECT count(*) FROM climate c WHERE EXISTS (SELECT 1 FROM climate d WHERE d.id = c.id)",
        "AN-308",
    )
    .await;
    check("SELECT school, count(*) FROM climate GROUP BY school HAVING count(*) > (SELECT count(*) FROM climate WHERE id = 'a-1')", "AN-308").await;
    check(
        "SELECT count(*) FROM climate WHERE score > ALL (SELECT score FROM climate)",
        "AN-308",
    )
    .await;
}

#[tokio::test]
async fn a_limit_or_order_below_the_aggregate_is_refused() {
    check(
        "SELECT count(*) FROM (SELECT * FROM climate LIMIT 6) x",
        "AN-302",
    )
    .await;
    check(
        "SELECT avg(score) FROM (SELECT * FROM climate ORDER BY score OFFSET 1) x",
        "AN-302",
    )
    .await;
}

#[tokio::test]
async fn an_aggregate_of_an_aggregate_is_refused() {
    check(
        "SELECT avg(s) FROM (SELECT note, sum(score) AS s FROM climate GROUP BY note) x",
        "AN-311",
    )
    .await;
    check(
        "SELECT sum(n) FROM (SELECT id, count(*) AS n FROM climate GROUP BY id) x",
        "AN-311",
    )
    .await;
}

#[tokio::test]
async fn totals_beside_their_cells_are_refused() {
    check(
        "SELECT school, count(*) FROM climate GROUP BY ROLLUP (school)",
        "AN-309",
    )
    .await;
    check(
        "SELECT school, grade, count(*) FROM climate GROUP BY CUBE (school, grade)",
        "AN-309",
    )
    .await;
    check(
        "SELECT school, count(*) FROM climate GROUP BY GROUPING SETS ((school), ())",
        "AN-309",
    )
    .await;
}

#[tokio::test]
async fn more_than_four_keys_are_refused() {
    check(
        "SELECT count(*) FROM climate GROUP BY school, grade, weight, note, id",
        "AN-310",
    )
    .await;
}

#[tokio::test]
async fn only_one_select_is_a_question() {
    check(
        "SELECT count(*) FROM climate; SELECT count(*) FROM climate",
        "AN-202",
    )
    .await;
    check("", "AN-202").await;
    check(" -- nothing\n", "AN-202").await;
    for sql in [
        "CREATE TABLE x AS SELECT * FROM climate",
        "CREATE VIEW x AS SELECT * FROM climate",
        "DROP TABLE climate",
        "INSERT INTO climate VALUES (1)",
        "DELETE FROM climate",
        "UPDATE climate SET score = 1",
        "COPY climate TO '/tmp/x.csv'",
        "COPY (SELECT * FROM climate) TO 'x' STORED AS CSV",
        "SET datafusion.execution.batch_size = 1",
        "EXPLAIN SELECT count(*) FROM climate",
        "EXPLAIN ANALYZE SELECT count(*) FROM climate",
        "DESCRIBE climate",
        "SHOW TABLES",
        "SHOW ALL",
        "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'",
        "CREATE DATABASE x",
        "PREPARE p AS SELECT count(*) FROM climate",
        "EXECUTE p",
        "DEALLOCATE p",
        "BEGIN",
        "RESET x",
        "TRUNCATE TABLE climate",
    ] {
        check(sql, "AN-203").await;
    }
}

#[tokio::test]
async fn files_functions_and_foreign_schemas_are_no_tables() {
    for sql in [
        "SELECT count(*) FROM '/etc/passwd'",
        "SELECT count(*) FROM \"file:///etc/passwd\"",
        "SELECT count(*) FROM information_schema.tables",
        "SELECT count(*) FROM public.climate",
        "SELECT count(*) FROM datafusion.public.climate",
        "SELECT count(*) FROM other",
    ] {
        check(sql, "AN-205").await;
    }
    for sql in [
        "SELECT count(*) FROM generate_series(1, 10)",
        "SELECT count(*) FROM read_csv('/etc/passwd')",
        "SELECT count(*) FROM range(10)",
    ] {
        let (code, read) = refused(&lab(), sql).await;
        assert!(
            matches!(code, Code::NoSuchTable | Code::SqlUnreadable),
            "{sql}: {code:?} {read}"
        );
    }
}

#[tokio::test]
async fn constructs_without_a_table_are_refused() {
    check("SELECT 1", "AN-302").await;
    check("SELECT count(*)", "AN-302").await;
    check("VALUES (1)", "AN-302").await;
    check("SELECT count(*) FROM (VALUES (1), (2)) AS t (x)", "AN-302").await;
    check("SELECT count(*) FROM climate WHERE score = $1", "AN-306").await;
}

#[tokio::test]
async fn a_recursive_query_is_refused() {
    let sql =
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r";
    let (code, _) = refused(&lab(), sql).await;
    assert_eq!(code, Code::PlanNode);
}
