//! `spillwatch events list`

use super::USUAL;
use crate::cli::{Global, List};
use crate::commands::listing::{caller, print};
use crate::error::Failure;
use crate::instance::Instance;
use odata::query::SystemOption;
use service::{EventSet, Listed};

/// Prints what a query asks for.
pub async fn run(global: &Global, instance: &Instance, options: List) -> Result<(), Failure> {
    let caller = caller(instance, options.source.tenant, "events list").await?;
    let asked = [
        (SystemOption::Filter, options.source.filter.as_deref()),
        (SystemOption::OrderBy, options.orderby.as_deref()),
        (SystemOption::Search, options.search.as_deref()),
        (SystemOption::Select, options.select.as_deref()),
        (SystemOption::Expand, options.expand.as_deref()),
    ];
    let listed = Listed::Events(EventSet::from(options.source.set));
    let top = options.top.map_or(u64::MAX, u64::from);
    print(global, (&instance.service, &caller), (listed, &USUAL, "No event fits."), &asked, top).await
}
