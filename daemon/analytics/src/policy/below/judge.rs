//! The typed language of total expressions, construct by construct.
//!
//! Must never admit a construct that can fail at run time depending on a value. Constants are
//! checked here and now, because a bad constant in a branch of CASE fails only for the records that
//! reach it.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::expr::{Between, Case, InList, Like, ScalarFunction};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use super::super::fault::expression_name;
use super::super::{Place, PolicyFault};
use super::Class;

/// Functions that are total over records.
const FUNCTIONS: [&str; 13] = [
    "btrim",
    "coalesce",
    "concat",
    "contains",
    "date_part",
    "date_trunc",
    "ends_with",
    "lower",
    "ltrim",
    "nullif",
    "rtrim",
    "starts_with",
    "upper",
];

/// Units of time that `date_trunc` and `date_part` know.
const UNITS: [&str; 8] = [
    "year", "quarter", "month", "week", "day", "hour", "minute", "second",
];

/// Longest pattern of LIKE; the matcher's own bound, met lazily, would be a failure at run time.
const PATTERN_CHARS: usize = 256;

/// Judges expressions over the columns of one table.
pub(super) struct Judge<'a> {
    pub(super) class_of: &'a dyn Fn(&Column) -> Option<Class>,
}

type Verdict = Result<Class, PolicyFault>;

impl Judge<'_> {
    /// The class of a total expression, or why it is refused.
    pub(super) fn class(&self, expr: &Expr) -> Verdict {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "what is not named is refused"
        )]
        match expr {
            Expr::Alias(alias) => self.class(&alias.expr),
            Expr::Column(column) => {
                (self.class_of)(column).ok_or_else(|| refuse("a column that is not the table's"))
            }
            Expr::Literal(value, _) => class_of_constant(value),
            Expr::BinaryExpr(binary) => self.binary(binary),
            Expr::Not(inner)
            | Expr::IsTrue(inner)
            | Expr::IsFalse(inner)
            | Expr::IsUnknown(inner)
            | Expr::IsNotTrue(inner)
            | Expr::IsNotFalse(inner)
            | Expr::IsNotUnknown(inner) => {
                self.expect(inner, Class::Truth)?;
                Ok(Class::Truth)
            }
            Expr::IsNull(inner) | Expr::IsNotNull(inner) => {
                self.class(inner)?;
                Ok(Class::Truth)
            }
            Expr::Like(like) => self.like(like),
            Expr::Between(Between {
                expr, low, high, ..
            }) => {
                self.alike(expr, low)?;
                self.alike(expr, high)?;
                Ok(Class::Truth)
            }
            Expr::InList(InList { expr, list, .. }) => {
                for item in list {
                    if !matches!(item, Expr::Literal(..)) {
                        return Err(refuse("IN with something else than constants"));
                    }
                    self.alike(expr, item)?;
                }
                Ok(Class::Truth)
            }
            Expr::Case(case) => self.case(case),
            Expr::Cast(cast) => self.cast(&cast.expr, cast.field.data_type()),
            Expr::TryCast(cast) => self.try_cast(&cast.expr, cast.field.data_type()),
            Expr::ScalarFunction(call) => self.function(call),
            Expr::Exists(_)
            | Expr::InSubquery(_)
            | Expr::ScalarSubquery(_)
            | Expr::SetComparison(_) => Err(PolicyFault::Subquery),
            other => Err(refuse(expression_name(other))),
        }
    }

    fn expect(&self, expr: &Expr, wanted: Class) -> Result<(), PolicyFault> {
        let class = self.class(expr)?;
        if class == wanted || class == Class::Null {
            return Ok(());
        }
        Err(refuse(&format!(
            "{} where {} must stand",
            class.words(),
            wanted.words()
        )))
    }

    /// Both of one class. Text that stands for a time is allowed where it is a constant that can be
    /// read as one, whatever precision the comparison will choose.
    fn alike(&self, one: &Expr, other: &Expr) -> Verdict {
        let (left, right) = (self.class(one)?, self.class(other)?);
        match (left, right) {
            (same, again) if same == again => Ok(same),
            (Class::Null, class) | (class, Class::Null) => Ok(class),
            (class @ (Class::Moment | Class::Day), Class::Text) if reads_as(class, other) => {
                Ok(class)
            }
            (Class::Text, class @ (Class::Moment | Class::Day)) if reads_as(class, one) => {
                Ok(class)
            }
            (left, right) => Err(refuse(&format!(
                "a comparison of {} with {}",
                left.words(),
                right.words()
            ))),
        }
    }

    fn binary(&self, BinaryExpr { left, op, right }: &BinaryExpr) -> Verdict {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "what is not named is refused"
        )]
        match op {
            Operator::And | Operator::Or => {
                self.expect(left, Class::Truth)?;
                self.expect(right, Class::Truth)?;
                Ok(Class::Truth)
            }
            Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
            | Operator::IsDistinctFrom
            | Operator::IsNotDistinctFrom => {
                self.alike(left, right)?;
                Ok(Class::Truth)
            }
            // Whole numbers wrap around and real ones become infinite; neither fails.
            Operator::Plus | Operator::Minus | Operator::Multiply => {
                self.expect(left, Class::Number)?;
                self.expect(right, Class::Number)?;
                Ok(Class::Number)
            }
            Operator::Divide | Operator::Modulo => {
                self.expect(left, Class::Number)?;
                if !is_positive(right) {
                    return Err(refuse(
                        "a division by something else than a constant above zero",
                    ));
                }
                Ok(Class::Number)
            }
            Operator::StringConcat => {
                self.expect(left, Class::Text)?;
                self.expect(right, Class::Text)?;
                Ok(Class::Text)
            }
            other => Err(refuse(&format!("the operator {other}"))),
        }
    }

    fn like(&self, like: &Like) -> Verdict {
        self.expect(&like.expr, Class::Text)?;
        let short =
            text_constant(&like.pattern).is_some_and(|p| p.chars().count() <= PATTERN_CHARS);
        if !short || like.escape_char.is_some() {
            return Err(refuse(
                "LIKE with something else than a short constant pattern",
            ));
        }
        Ok(Class::Truth)
    }

    fn case(
        &self,
        Case {
            expr,
            when_then_expr,
            else_expr,
        }: &Case,
    ) -> Verdict {
        let mut result = Class::Null;
        for (when, then) in when_then_expr {
            match expr {
                Some(operand) => self.alike(operand, when).map(|_class| ())?,
                None => self.expect(when, Class::Truth)?,
            }
            result = self.join(result, then)?;
        }
        match else_expr {
            Some(otherwise) => self.join(result, otherwise),
            None => Ok(result),
        }
    }

    fn join(&self, known: Class, expr: &Expr) -> Verdict {
        match (known, self.class(expr)?) {
            (same, again) if same == again => Ok(same),
            (Class::Null, class) | (class, Class::Null) => Ok(class),
            (known, class) => Err(refuse(&format!(
                "{} beside {} in one place",
                class.words(),
                known.words()
            ))),
        }
    }

    fn cast(&self, inner: &Expr, to: &DataType) -> Verdict {
        let from = self.class(inner)?;
        let total = match (from, to) {
            (_, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
            | (Class::Number, DataType::Float64 | DataType::Float32)
            | (Class::Moment | Class::Day, DataType::Date32) => true,
            // A constant is read here and now, exactly as it will be read later.
            (Class::Text, DataType::Date32 | DataType::Timestamp(_, None)) => {
                matches!(inner, Expr::Literal(value, _) if value.cast_to(to).is_ok())
            }
            _ => false,
        };
        match Class::of(to) {
            Some(class) if total => Ok(class),
            _ => Err(refuse(&format!(
                "CAST of {} to {to}, which can fail; TRY_CAST cannot",
                from.words()
            ))),
        }
    }

    fn try_cast(&self, inner: &Expr, to: &DataType) -> Verdict {
        self.class(inner)?;
        Class::of(to).ok_or_else(|| refuse(&format!("TRY_CAST to {to}")))
    }

    fn function(&self, call: &ScalarFunction) -> Verdict {
        let arguments: Vec<&Expr> = call.args.iter().collect();
        match (call.name(), arguments.as_slice()) {
            ("lower" | "upper" | "btrim" | "ltrim" | "rtrim", [text]) => {
                self.expect(text, Class::Text)?;
                Ok(Class::Text)
            }
            ("concat", texts) => {
                texts
                    .iter()
                    .try_for_each(|text| self.expect(text, Class::Text))?;
                Ok(Class::Text)
            }
            ("starts_with" | "ends_with" | "contains", [text, part])
                if text_constant(part).is_some() =>
            {
                self.expect(text, Class::Text)?;
                Ok(Class::Truth)
            }
            // Over a column only: near the ends of time a computed moment can fail to be cut.
            ("date_trunc", [unit, moment]) if is_unit(unit) && is_column(moment) => {
                self.expect(moment, Class::Moment)?;
                Ok(Class::Moment)
            }
            ("date_part", [unit, moment]) if is_unit(unit) && is_column(moment) => {
                self.expect(moment, Class::Moment)?;
                Ok(Class::Number)
            }
            ("nullif", [one, other]) => {
                let class = self.class(one)?;
                self.join(class, other)?;
                Ok(class)
            }
            ("coalesce", values) => values
                .iter()
                .try_fold(Class::Null, |known, value| self.join(known, value)),
            (name, _) if FUNCTIONS.contains(&name) => Err(refuse(&format!(
                "{name} with arguments other than it is allowed here"
            ))),
            (name, _) => Err(PolicyFault::ScalarFunction {
                name: name.to_owned(),
                place: Place::Below,
                allowed: FUNCTIONS.join(", "),
            }),
        }
    }
}

fn refuse(what: &str) -> PolicyFault {
    PolicyFault::Expression {
        what: what.to_owned(),
        place: Place::Below,
    }
}

fn class_of_constant(value: &ScalarValue) -> Verdict {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "what is not named is refused"
    )]
    match value {
        ScalarValue::Null => Ok(Class::Null),
        ScalarValue::Boolean(_) => Ok(Class::Truth),
        ScalarValue::Int64(_) | ScalarValue::Float64(_) => Ok(Class::Number),
        ScalarValue::Utf8(_) | ScalarValue::LargeUtf8(_) | ScalarValue::Utf8View(_) => {
            Ok(Class::Text)
        }
        other => Err(refuse(&format!("a constant of type {}", other.data_type()))),
    }
}

fn text_constant(expr: &Expr) -> Option<&str> {
    let Expr::Literal(value, _) = expr else {
        return None;
    };
    value.try_as_str().flatten()
}

fn is_unit(expr: &Expr) -> bool {
    text_constant(expr).is_some_and(|unit| UNITS.contains(&unit.to_lowercase().as_str()))
}

fn is_column(expr: &Expr) -> bool {
    matches!(expr, Expr::Column(_))
}

fn is_positive(expr: &Expr) -> bool {
    #[expect(clippy::wildcard_enum_match_arm, reason = "an allow-list of constants")]
    match expr {
        Expr::Literal(ScalarValue::Int64(Some(number)), _) => *number > 0,
        Expr::Literal(ScalarValue::Float64(Some(number)), _) => *number > 0.0,
        _ => false,
    }
}

/// Whether a text constant can be read as a time in every precision.
fn reads_as(class: Class, expr: &Expr) -> bool {
    let kind = match class {
        Class::Day => DataType::Date32,
        Class::Moment => DataType::Timestamp(TimeUnit::Nanosecond, None),
        Class::Null | Class::Truth | Class::Number | Class::Text => return false,
    };
    matches!(expr, Expr::Literal(value, _) if value.cast_to(&kind).is_ok())
}

#[cfg(test)]
mod tests {
    use datafusion::execution::SessionStateDefaults;

    use super::*;

    #[test]
    fn every_function_that_is_offered_below_exists() {
        let known = SessionStateDefaults::default_scalar_functions();
        for name in FUNCTIONS {
            assert!(
                known.iter().any(|function| function.name() == name),
                "{name}"
            );
        }
    }
}
