//! The codes of this zone: one table from which the enum, the lookup and the manual are made.
//!
//! Owns every AN code and its prose. Must never hold a code that nothing can emit, and never a
//! value read from a record.

use cofferdam_hwprofile::CodeEntry;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $title:literal, $meaning:literal, $mend:literal;)+) => {
        /// Every reason for which analytics refuses, by its stable code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $title] $name,)+
        }

        impl Code {
            /// All codes, in the order of the manual.
            pub const ALL: &[Code] = &[$(Code::$name,)+];

            /// The code as people and tools write it, for example `AN-301`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $code,)+ }
            }

            /// What the manual says about mending it.
            #[must_use]
            pub fn mend(self) -> &'static str {
                match self { $(Code::$name => $mend,)+ }
            }

            /// What the manual says it means.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Code::$name => $meaning,)+ }
            }
        }

        /// The manual's table of this zone's codes.
        pub static CODES: &[CodeEntry] = &[
            $(CodeEntry { code: $code, title: $title, meaning: $meaning, mend: $mend },)+
        ];
    };
}

codes! {
    MinGroup = "AN-001", "the minimum group is too small",
        "A cell of an answer may never stand on fewer than three records, whatever is configured.",
        "set min-group in the [analytics] table to 3 or more; 10 is the default";
    TableName = "AN-002", "a table name SQL could not say",
        "The name of an [analytics.table.<name>] block is the name used in SQL.",
        "use a lower-case letter followed by at most 62 lower-case letters, digits or underscores";
    Bucket = "AN-003", "a bucket name storage could not hold",
        "A table is read from one bucket of the storage zone, named by the S3 rules.",
        "name the bucket with 3 to 63 lower-case letters, digits, dots or hyphens";
    Bound = "AN-004", "a bound out of range",
        "Every bound of the zone is finite and not zero, so that no query can take the machine.",
        "set the bound within the range that is printed";
    HiddenName = "AN-005", "a hidden or subject name that names nothing",
        "hidden and subject name fields of the records; an empty name would hide nothing.",
        "name the field as it stands in the records, for example \"respondent\"";
    RequestBody = "AN-101", "the request is not a query",
        "A query is a JSON object with the text in \"sql\" and, if wanted, \"format\".",
        "send {\"sql\": \"SELECT …\", \"format\": \"json\"}; the formats are json, csv and table";
    RequestLarge = "AN-102", "the request body is too large",
        "A query is text a person could read; its body is limited to 64 KiB.",
        "shorten the query; long value lists belong into a column of the records";
    NoSuchPath = "AN-103", "no such path here",
        "Analytics answers POST /v1/query and GET /v1/tables, besides health and metrics.",
        "use POST /v1/query or GET /v1/tables";
    Method = "AN-104", "the path does not take this method",
        "Each path has one method.",
        "use POST for /v1/query and GET for /v1/tables";
    SqlUnreadable = "AN-201", "the SQL cannot be understood",
        "The text does not parse, or names a column or function that does not exist. A field of the \
         records becomes a column once at least min-group records carry it.",
        "correct the SQL; GET /v1/tables lists the tables and their columns; names are matched \
         letter by letter";
    OneStatement = "AN-202", "not exactly one statement",
        "A request carries one statement, so that one receipt stands for one question.",
        "send each statement as a request of its own";
    StatementKind = "AN-203", "a statement that is not a query",
        "Only SELECT is answered. Statements that create, change, copy, set, explain or describe are \
         refused: they could write, read files, or tell about single rows.",
        "ask with SELECT";
    SqlLong = "AN-204", "the SQL is too long or too deep",
        "Length and depth are bounded, so that reading a query cannot exhaust the machine.",
        "use fewer words; write IN (…) instead of long chains of OR";
    NoSuchTable = "AN-205", "no such table",
        "Only the tables of this zone's configuration exist; no file, URL or schema can be named.",
        "use one of the tables that are printed, without a schema in front";
    RawRows = "AN-301", "the query asks for single records",
        "Answers are about groups of people. A query must count or summarise; it never returns the \
         records themselves.",
        "add an aggregate, for example SELECT school, count(*), avg(score) FROM t GROUP BY school";
    PlanNode = "AN-302", "a construction that is not proven safe",
        "Joins, unions, windows, DISTINCT, row limits below the aggregate and everything else that is \
         not on the list may single out a person, and are refused.",
        "use one table, WHERE, GROUP BY, HAVING, ORDER BY and LIMIT; SELECT DISTINCT x is GROUP BY x";
    AggregateFunction = "AN-303", "an aggregate that is not proven safe",
        "min, max, first_value, array_agg and their like return one person's value.",
        "use count, sum, avg, stddev, var, median, approx_median or approx_distinct";
    AggregateArgument = "AN-304", "an aggregate over an expression",
        "An expression inside an aggregate, such as CASE, can pick out one person within a large \
         group. Only a plain column stands on everybody in the group.",
        "aggregate a plain column; move the condition to WHERE or GROUP BY";
    AggregateModifier = "AN-305", "an aggregate with a modifier",
        "FILTER, ORDER BY, NULLS and DISTINCT inside an aggregate change whom it stands on.",
        "move the condition to WHERE or GROUP BY; count(DISTINCT column) alone is allowed";
    Expression = "AN-306", "an expression that is not proven safe",
        "An expression that can fail for one record and not for another would tell about that record \
         by failing, so only total operations over values of one kind are allowed.",
        "compare like with like; divide by a number greater than zero; use TRY_CAST";
    ScalarFunction = "AN-307", "a function that is not proven safe",
        "Functions that can fail for one value, read the machine, or differ from call to call are \
         refused below and above the aggregate.",
        "use one of the functions that are printed";
    Subquery = "AN-308", "a subquery inside an expression",
        "A subquery can isolate one record and hand its value to the outer query.",
        "write the condition over the columns of the one table";
    GroupingSets = "AN-309", "totals beside their cells",
        "ROLLUP, CUBE and GROUPING SETS print totals beside cells: a suppressed cell would follow by \
         subtraction.",
        "use a plain GROUP BY; ask for the total as a query of its own";
    KeyCount = "AN-310", "too many group keys",
        "Every margin of the table is protected, and their number doubles with each key.",
        "group by at most four expressions";
    NestedAggregate = "AN-311", "an aggregate of an aggregate",
        "Grouping by a person first and summarising after would count groups, not people.",
        "use one GROUP BY";
    ResultRows = "AN-401", "the answer has too many rows",
        "An answer is bounded in rows; it is refused as a whole, never cut silently.",
        "add LIMIT, or group by something coarser";
    ResultBytes = "AN-402", "the answer is too large",
        "An answer is bounded in bytes; it is refused as a whole, never cut silently.",
        "add LIMIT, or return fewer columns";
    Deadline = "AN-403", "the query took too long",
        "Every query has a deadline, counted from its arrival.",
        "narrow the query, or raise query-seconds in [analytics]";
    Memory = "AN-404", "the query needs too much memory",
        "Queries share one bounded pool, and nothing is spilled to disk: a spill would be plain text.",
        "narrow the query, or raise memory-bytes in [analytics]";
    InputBytes = "AN-405", "the table is too large to read",
        "The records of a table are held in memory, bounded in bytes.",
        "raise input-bytes in [analytics], or move old objects to another bucket";
    GroupCount = "AN-406", "the query makes too many groups",
        "Every group is counted and judged before anything is shown; their number is bounded.",
        "group by something coarser";
    Busy = "AN-407", "too many queries at once",
        "The zone runs a bounded number of queries and lets a few wait; this one would wait too long.",
        "try again in a moment";
    StorageUnreachable = "AN-501", "storage cannot be reached",
        "The records are read from the storage zone over a mutually authenticated connection.",
        "look at `cofferctl status`: is storage running, and does this zone hold a lease?";
    StorageRefused = "AN-502", "storage refused to hand out the records",
        "Storage decides with the same flow table; it needs list and read for this zone and bucket.",
        "compare flows.toml: from = this zone, to = the storage zone, verbs = [\"list\", \"read\"]";
    StorageAnswer = "AN-503", "storage's answer cannot be used",
        "A listing must be a ListObjectsV2 document and an object as long as the listing says.",
        "see storage's own log and trail for the time of this query; then try again";
    Compute = "AN-510", "the query failed while it was computed",
        "What exactly failed could tell about a record, so it is not printed.",
        "simplify the query until it runs; arithmetic over published cells must not divide by zero";
    Receipt = "AN-601", "the receipt could not be written",
        "No answer leaves before its receipt is durable in the trail.",
        "see the zone's log: a full or failing disk stops the trail, and with it every answer";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_enum_and_the_table_agree() {
        assert_eq!(Code::ALL.len(), CODES.len());
        for (code, entry) in Code::ALL.iter().zip(CODES) {
            assert_eq!(code.as_str(), entry.code);
            assert_eq!(code.mend(), entry.mend);
            assert_eq!(code.meaning(), entry.meaning);
        }
    }

    #[test]
    fn codes_are_unique_rising_and_of_this_family() {
        for pair in CODES.windows(2) {
            assert!(
                pair[0].code < pair[1].code,
                "{} before {}",
                pair[0].code,
                pair[1].code
            );
        }
        for entry in CODES {
            assert!(entry.code.starts_with("AN-"), "{}", entry.code);
            assert_eq!(entry.code.len(), "AN-000".len(), "{}", entry.code);
            assert!(!entry.title.is_empty() && !entry.meaning.is_empty() && !entry.mend.is_empty());
        }
    }
}
