//! Lists on the command line: the API's queries on the store itself, as a table or as lines of JSON.

use crate::cli::Global;
use crate::error::Failure;
use crate::instance::Instance;
use crate::output::{Stream, line};
use crate::table::{Layout, terminal_width};
use model::{Actor, Caller, PermissionSet, TenantId, edm};
use odata::edm::{EntitySet, EnumMembers};
use odata::encode::{Encoder, Metadata, Row};
use odata::expression::bound::{Expression, OrderKey};
use odata::query::{BoundQuery, Context, QueryErrors, QueryOptions, SystemOption, bind};
use service::{Form, Listed, Page, Service, ServiceError, carried_for};
use std::io::IsTerminal as _;
use store::sql::Place;
use store::{Carried, RowSink};
use url::form_urlencoded::Serializer;

/// Rows that are read in one transaction, which is over before they are written.
const PAGE: u32 = 500;

/// How entities are written: as the API writes them with `odata.metadata=none`, to somebody who knows every
/// member of enumerations.
pub const FORM: Form<'static> =
    Form { metadata: Metadata::None, type_names: edm::seed_type_name, enum_members: EnumMembers::All, root: "" };

/// Whoever may run commands on the store may do everything in it.
pub async fn caller(instance: &Instance, tenant: Option<TenantId>, command: &str) -> Result<Caller, Failure> {
    let registry = instance.service.registry().await?;
    let tenant = Instance::tenant(&registry, tenant)?;
    Ok(Caller {
        tenant: tenant.key,
        tenant_id: tenant.id,
        actor: Actor::command(command),
        permissions: PermissionSet::all(),
    })
}

/// What a command asks of a set, by the API's query options.
pub type Asked<'o> = [(SystemOption, Option<&'o str>)];

/// Reads a query as the API does.
pub fn query(service: &Service, caller: &Caller, listed: Listed, asked: &Asked<'_>) -> Result<BoundQuery, Failure> {
    let mut text = Serializer::new(String::new());
    for (option, value) in asked {
        if let Some(value) = value {
            text.append_pair(option.name(), value);
        }
    }
    let options = QueryOptions::parse(&text.finish()).map_err(|error| Failure::Refused(error.to_string()))?;
    let search = service::searched(listed.set(), caller.permissions);
    let context = Context { search, enum_members: EnumMembers::All, ..Context::at(service.clock().now()) };
    bind(&options, &edm::MODEL, listed.set().entity_type, &context).map_err(|errors| not_understood(&errors))
}

/// The API's words; where several things are wrong, all of them.
fn not_understood(errors: &QueryErrors) -> Failure {
    let mut message = errors.to_string();
    if errors.kept().len() > 1 {
        for error in errors.kept() {
            message.push_str("\n  ");
            message.push_str(&error.to_string());
        }
    }
    Failure::Refused(message)
}

/// The pages of a query, one after another.
pub struct Pages<'s> {
    service: &'s Service,
    caller: &'s Caller,
    listed: Listed,
    filter: Option<Expression>,
    order_by: Vec<OrderKey>,
    carried: Carried,
    after: Option<Place>,
    /// The most rows that are still to come.
    pub left: u64,
    is_end: bool,
}

impl<'s> Pages<'s> {
    /// Those of a set.
    pub fn new(service: &'s Service, caller: &'s Caller, listed: Listed, query: &BoundQuery, carried: Carried) -> Self {
        let (filter, order_by) = (query.filter.clone(), query.order_by.clone());
        Self { service, caller, listed, filter, order_by, carried, after: None, left: u64::MAX, is_end: false }
    }

    /// Hands the next page to the sink; `false` when there is none.
    pub async fn next(&mut self, sink: &mut dyn RowSink) -> Result<bool, ServiceError> {
        if self.is_end || self.left == 0 {
            return Ok(false);
        }
        let limit = self.left.min(PAGE.into()) as u32;
        let page = Page {
            filter: self.filter.clone(),
            order_by: self.order_by.clone(),
            after: self.after.take(),
            skip: 0,
            limit,
            carried: self.carried,
        };
        self.after = self.service.list(self.caller, self.listed, page, sink).await?;
        self.is_end = self.after.is_none();
        self.left -= u64::from(limit);
        Ok(true)
    }
}

/// What a table shows.
pub struct Columns {
    pub names: Vec<&'static str>,
    pub encoder: Encoder,
}

impl Columns {
    /// What is usually shown of a set, unless the query says which properties it wants.
    pub fn of(set: &'static EntitySet, usual: &[usize], query: &BoundQuery) -> Self {
        let ty = set.entity_type;
        let positions = if query.select.is_explicit() { service::shown(&query.select) } else { usual.to_vec() };
        let all = ty.all_properties();
        let mut names: Vec<&str> = positions.iter().map(|position| all[*position].name).collect();
        names.extend(query.expand.iter().map(|expansion| expansion.navigation.name));
        let encoder = FORM.encoder_with(set, ty, positions, &query.expand);
        Self { names, encoder }
    }

    /// The cells of an entity that the encoder has written.
    pub fn cells(&self, entity: &[u8]) -> Vec<String> {
        let entity: serde_json::Value = serde_json::from_slice(entity).unwrap_or_default();
        self.names.iter().map(|name| plain(&entity[*name])).collect()
    }
}

/// A value for people; of an entity, how it is called.
fn plain(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Object(entity) => {
            let name =
                ["displayName", "userPrincipalName", "id"].into_iter().find_map(|name| entity.get(name)?.as_str());
            name.map_or_else(|| value.to_string(), str::to_owned)
        }
        other => other.to_string(),
    }
}

/// Prints what a query asks for: a table on a terminal, where `empty` stands for one without rows, else an object a
/// line.
pub async fn print(
    global: &Global,
    (service, caller): (&Service, &Caller),
    (listed, usual, empty): (Listed, &[usize], &str),
    asked: &Asked<'_>,
    top: u64,
) -> Result<(), Failure> {
    let query = query(service, caller, listed, asked)?;
    let is_table = !global.json && std::io::stdout().is_terminal();
    let columns = Columns::of(listed.set(), usual, &query);
    let encoder =
        if is_table { columns.encoder.clone() } else { FORM.encoder(listed.set(), &query.select, &query.expand) };
    let mut pages = Pages::new(service, caller, listed, &query, carried_for(&encoder));
    pages.left = top;

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
                return line(empty);
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
