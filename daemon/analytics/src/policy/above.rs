//! What may stand above the aggregate: it sees published cells only, so it is judged by kind.
//!
//! Must never let anything through that reads a table or the machine, or that differs from one run
//! to the next.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, Volatility};

use super::below::judge_depth;
use super::fault::expression_name;
use super::{Place, PolicyFault};

/// Functions that may stand above.
const FUNCTIONS: [&str; 16] = [
    "btrim",
    "coalesce",
    "concat",
    "contains",
    "date_part",
    "date_trunc",
    "ends_with",
    "greatest",
    "least",
    "lower",
    "ltrim",
    "nullif",
    "rtrim",
    "starts_with",
    "to_char",
    "upper",
];

/// Judges every expression of a node.
pub(super) fn judge_all(exprs: &[Expr]) -> Result<(), PolicyFault> {
    exprs.iter().try_for_each(judge)
}

/// Judges one expression and all within it.
pub(super) fn judge(expr: &Expr) -> Result<(), PolicyFault> {
    judge_depth(expr)?;
    let mut verdict = Ok(());
    let walked = expr.apply(|inner| {
        verdict = judge_kind(inner);
        let stop = verdict.is_err();
        Ok::<_, DataFusionError>(if stop {
            TreeNodeRecursion::Stop
        } else {
            TreeNodeRecursion::Continue
        })
    });
    match walked {
        Ok(_) => verdict,
        Err(error) => Err(PolicyFault::SqlUnreadable(error.strip_backtrace())),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "an allow-list: what is not named is refused"
)]
fn judge_kind(expr: &Expr) -> Result<(), PolicyFault> {
    match expr {
        Expr::Alias(_)
        | Expr::Column(_)
        | Expr::Literal(..)
        | Expr::BinaryExpr(_)
        | Expr::Like(_)
        | Expr::Not(_)
        | Expr::IsNotNull(_)
        | Expr::IsNull(_)
        | Expr::IsTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotTrue(_)
        | Expr::IsNotFalse(_)
        | Expr::IsNotUnknown(_)
        | Expr::Negative(_)
        | Expr::Between(_)
        | Expr::Case(_)
        | Expr::Cast(_)
        | Expr::TryCast(_)
        | Expr::InList(_) => Ok(()),
        Expr::ScalarFunction(call) => {
            let stable = call.func.signature().volatility == Volatility::Immutable;
            if stable && FUNCTIONS.contains(&call.name()) {
                return Ok(());
            }
            let name = call.name().to_owned();
            Err(PolicyFault::ScalarFunction {
                name,
                place: Place::Above,
                allowed: FUNCTIONS.join(", "),
            })
        }
        Expr::Exists(_)
        | Expr::InSubquery(_)
        | Expr::ScalarSubquery(_)
        | Expr::SetComparison(_) => Err(PolicyFault::Subquery),
        other => Err(PolicyFault::Expression {
            what: expression_name(other).to_owned(),
            place: Place::Above,
        }),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::execution::SessionStateDefaults;

    use super::*;

    #[test]
    fn every_function_that_is_offered_above_exists() {
        let known = SessionStateDefaults::default_scalar_functions();
        for name in FUNCTIONS {
            assert!(
                known.iter().any(|function| function.name() == name),
                "{name}"
            );
        }
    }
}
