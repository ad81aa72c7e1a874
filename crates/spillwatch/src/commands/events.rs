//! `spillwatch events`: the API's queries, changes, and files of events, on the store itself.

mod export;
mod import;
mod list;
mod watch;

pub(crate) use export::bar;

use crate::cli::{Events, Global};
use crate::error::Failure;
use crate::instance::Instance;
use model::{Actor, Caller, PermissionSet, TenantId, edm};
use odata::edm::EnumMembers;
use odata::encode::{Encoder, Metadata};
use odata::expression::bound::{Expression, Node, OrderKey, PropertyPath, ValueType};
use odata::query::{BoundQuery, Context, QueryErrors, QueryOptions, SystemOption, bind};
use service::{EventSet, Form, Listed, Page, Service, ServiceError};
use store::sql::Place;
use store::{Carried, RowSink};
use url::form_urlencoded::Serializer;

/// Rows that are read in one transaction, which is over before they are written.
const PAGE: u32 = 500;

/// How entities are written: as the API writes them with `odata.metadata=none`, to somebody who knows every
/// member of enumerations.
const FORM: Form<'static> =
    Form { metadata: Metadata::None, type_names: edm::seed_type_name, enum_members: EnumMembers::All, root: "" };

/// Carries out what is asked for.
pub async fn run(global: &Global, action: Events) -> Result<(), Failure> {
    let instance = Instance::open_mapped(global, 0).await?;
    let done = match action {
        Events::List(options) => list::run(global, &instance, options).await,
        Events::Watch(options) => watch::run(global, &instance, options).await,
        Events::Export(options) => export::run(&instance, options).await,
        Events::Import(options) => import::run(global, &instance, options).await,
    };
    instance.service.store().close().await;
    done
}

/// Whoever may run commands on the store may do everything in it.
async fn caller(instance: &Instance, tenant: Option<TenantId>, command: &str) -> Result<Caller, Failure> {
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
type Asked<'o> = [(SystemOption, Option<&'o str>)];

/// Reads a query as the API does.
fn query(service: &Service, caller: &Caller, set: EventSet, asked: &Asked<'_>) -> Result<BoundQuery, Failure> {
    let mut text = Serializer::new(String::new());
    for (option, value) in asked {
        if let Some(value) = value {
            text.append_pair(option.name(), value);
        }
    }
    let options = QueryOptions::parse(&text.finish()).map_err(|error| Failure::Refused(error.to_string()))?;
    let search = service::searched(set.entity_set(), caller.permissions);
    let context = Context { search, enum_members: EnumMembers::All, ..Context::at(service.clock().now()) };
    bind(&options, &edm::MODEL, set.entity_set().entity_type, &context).map_err(|errors| not_understood(&errors))
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
struct Pages<'s> {
    service: &'s Service,
    caller: &'s Caller,
    set: EventSet,
    filter: Option<Expression>,
    order_by: Vec<OrderKey>,
    carried: Carried,
    after: Option<Place>,
    /// The most rows that are still to come.
    left: u64,
    is_end: bool,
}

impl<'s> Pages<'s> {
    fn new(service: &'s Service, caller: &'s Caller, set: EventSet, query: &BoundQuery, carried: Carried) -> Self {
        let (filter, order_by) = (query.filter.clone(), query.order_by.clone());
        Self { service, caller, set, filter, order_by, carried, after: None, left: u64::MAX, is_end: false }
    }

    /// Hands the next page to the sink; `false` when there is none.
    async fn next(&mut self, sink: &mut dyn RowSink) -> Result<bool, ServiceError> {
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
        self.after = self.service.list(self.caller, Listed::Events(self.set), page, sink).await?;
        self.is_end = self.after.is_none();
        self.left -= u64::from(limit);
        Ok(true)
    }
}

/// The order in which events were created.
fn oldest_first() -> Vec<OrderKey> {
    let path = PropertyPath::find(&edm::IDENTITY_RISK_EVENT, "createdDateTime").expect("a property of the model");
    let expression = Expression { node: Node::Property(path), ty: ValueType::DateTimeOffset };
    vec![OrderKey { expression, descending: false }]
}

/// What a table shows of events.
struct Columns {
    names: Vec<&'static str>,
    encoder: Encoder,
}

impl Columns {
    /// What identifies and describes an event, unless the query says which properties it wants.
    fn of(set: EventSet, query: &BoundQuery) -> Self {
        const USUAL: [usize; 6] = [
            edm::event::RISK_EVENT_DATE_TIME,
            edm::event::RISK_LEVEL,
            edm::event::RISK_EVENT_STATUS,
            edm::event::USER_PRINCIPAL_NAME,
            edm::event::USER_DISPLAY_NAME,
            edm::event::ID,
        ];
        let ty = set.entity_set().entity_type;
        let positions = if query.select.is_explicit() { service::shown(&query.select) } else { USUAL.to_vec() };
        let all = ty.all_properties();
        let mut names: Vec<&str> = positions.iter().map(|position| all[*position].name).collect();
        names.extend(query.expand.iter().map(|expansion| expansion.navigation.name));
        let encoder = FORM.encoder_with(set.entity_set(), ty, positions, &query.expand);
        Self { names, encoder }
    }

    /// The cells of an entity that the encoder has written.
    fn cells(&self, entity: &[u8]) -> Vec<String> {
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
