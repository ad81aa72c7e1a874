//! `spillwatch events list`

use super::{Columns, FORM, Pages, caller, query};
use crate::cli::{Global, List};
use crate::error::Failure;
use crate::instance::Instance;
use crate::output::{Stream, line};
use crate::table::{Layout, terminal_width};
use odata::encode::Row;
use odata::query::SystemOption;
use service::{EventSet, carried_for};
use std::io::IsTerminal as _;

/// Prints what a query asks for: a table on a terminal, else an object a line.
pub async fn run(global: &Global, instance: &Instance, options: List) -> Result<(), Failure> {
    let (service, set) = (&instance.service, EventSet::from(options.source.set));
    let caller = caller(instance, options.source.tenant, "events list").await?;
    let asked = [
        (SystemOption::Filter, options.source.filter.as_deref()),
        (SystemOption::OrderBy, options.orderby.as_deref()),
        (SystemOption::Search, options.search.as_deref()),
        (SystemOption::Select, options.select.as_deref()),
        (SystemOption::Expand, options.expand.as_deref()),
    ];
    let query = query(service, &caller, set, &asked)?;
    let is_table = !global.json && std::io::stdout().is_terminal();
    let columns = Columns::of(set, &query);
    let encoder =
        if is_table { columns.encoder.clone() } else { FORM.encoder(set.entity_set(), &query.select, &query.expand) };
    let mut pages = Pages::new(service, &caller, set, &query, carried_for(&encoder));
    pages.left = options.top.map_or(u64::MAX, u64::from);

    let mut out = Stream::new();
    let (mut page, mut ends) = (Vec::new(), Vec::new());
    let mut layout = None;
    loop {
        page.clear();
        ends.clear();
        let mut sink = |row: &dyn Row| {
            encoder.entity(row, None, &mut page)?;
            page.push(b'\n');
            ends.push(page.len());
            Ok(())
        };
        if !pages.next(&mut sink).await? {
            return Ok(());
        }
        if is_table {
            let starts = std::iter::once(0).chain(ends.iter().copied());
            let rows: Vec<Vec<String>> =
                starts.zip(&ends).map(|(start, end)| columns.cells(&page[start..*end])).collect();
            if rows.is_empty() && layout.is_none() {
                return line("No event fits.");
            }
            let mut text = String::new();
            let layout = layout.get_or_insert_with(|| {
                let layout = Layout::fit(&columns.names, &rows, terminal_width());
                text = layout.head(&columns.names) + "\n";
                layout
            });
            for row in &rows {
                text.extend([layout.line(row).as_str(), "\n"]);
            }
            page = text.into_bytes();
        }
        if !out.write(&page)? {
            return Ok(());
        }
    }
}
