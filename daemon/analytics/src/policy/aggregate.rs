//! Which aggregates may be computed: a function on the list, over a plain column, without a
//! modifier.
//!
//! Must never admit an aggregate that returns one record's value, or whose argument or modifier
//! picks records within a group.

use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams};
use datafusion::logical_expr::{AggregateUDF, Expr};

use super::PolicyFault;
use super::below::{Below, Class};

/// Functions whose result stands on every value of the group, and what they go over.
const FUNCTIONS: [(&str, Over); 10] = [
    ("approx_distinct", Over::Anything),
    ("approx_median", Over::Numbers),
    ("avg", Over::Numbers),
    ("count", Over::Anything),
    ("median", Over::Numbers),
    ("stddev", Over::Numbers),
    ("stddev_pop", Over::Numbers),
    ("sum", Over::Numbers),
    ("var", Over::Numbers),
    ("var_pop", Over::Numbers),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    Anything,
    Numbers,
}

/// One aggregate of a query.
#[derive(Debug, Clone)]
pub struct Measure {
    function: Arc<AggregateUDF>,
    distinct: bool,
    argument: Argument,
}

/// What an aggregate goes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// `count(*)`: the records themselves.
    Records,
    /// A column of the table.
    Column(Expr),
}

impl Measure {
    /// What the aggregate goes over.
    #[must_use]
    pub fn argument(&self) -> &Argument {
        &self.argument
    }

    /// The aggregate as an expression over the table's columns.
    #[must_use]
    pub fn expression(&self) -> Expr {
        let argument = match &self.argument {
            Argument::Records => Expr::Literal(ScalarValue::Int64(Some(1)), None),
            Argument::Column(column) => column.clone(),
        };
        let function = Arc::clone(&self.function);
        let call =
            AggregateFunction::new_udf(function, vec![argument], self.distinct, None, vec![], None);
        Expr::AggregateFunction(call)
    }
}

/// Understands one aggregate expression.
pub(super) fn understand(expr: &Expr, below: &Below) -> Result<Measure, PolicyFault> {
    let mut bare = expr;
    while let Expr::Alias(alias) = bare {
        bare = &alias.expr;
    }
    let Expr::AggregateFunction(call) = bare else {
        let function = "of the query".to_owned();
        return Err(PolicyFault::AggregateArgument {
            function,
            over: "an expression",
        });
    };
    let name = call.func.name().to_owned();
    let Some((_, over)) = FUNCTIONS.iter().find(|(known, _)| *known == name) else {
        return Err(PolicyFault::AggregateFunction(name));
    };
    // Taken apart field by field, so that a new kind of modifier is a compile error here.
    let AggregateFunctionParams {
        args,
        distinct,
        filter,
        order_by,
        null_treatment,
    } = &call.params;
    let modifier = [
        (filter.is_some(), "FILTER"),
        (!order_by.is_empty(), "ORDER BY"),
        (null_treatment.is_some(), "IGNORE NULLS or RESPECT NULLS"),
        (*distinct && name != "count", "DISTINCT"),
    ];
    if let Some((_, modifier)) = modifier.into_iter().find(|(there, _)| *there) {
        return Err(PolicyFault::AggregateModifier {
            function: name,
            modifier,
        });
    }
    let argument = argument_of(&name, args, *over, below)?;
    if *distinct && argument == Argument::Records {
        return Err(PolicyFault::AggregateModifier {
            function: name,
            modifier: "DISTINCT",
        });
    }
    Ok(Measure {
        function: Arc::clone(&call.func),
        distinct: *distinct,
        argument,
    })
}

fn argument_of(
    name: &str,
    args: &[Expr],
    over: Over,
    below: &Below,
) -> Result<Argument, PolicyFault> {
    let refuse = |over| PolicyFault::AggregateArgument {
        function: name.to_owned(),
        over,
    };
    let [argument] = args else {
        return Err(refuse("more or less than one column"));
    };
    if name == "count" && matches!(argument, Expr::Literal(value, _) if !value.is_null()) {
        return Ok(Argument::Records);
    }
    let Some((column, class)) = below.resolve_column(argument) else {
        return Err(refuse("an expression that is not a plain column"));
    };
    if over == Over::Numbers && class != Class::Number {
        return Err(refuse("a column that does not hold numbers"));
    }
    Ok(Argument::Column(column))
}
