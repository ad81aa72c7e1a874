//! `spillwatch users`: the directory.

pub mod import;
mod input;
mod sync;
pub mod taking;
mod watch;

use crate::cli::{Global, ListUsers, Users};
use crate::commands::listing::{caller, print};
use crate::error::Failure;
use crate::instance::Instance;
use model::edm;
use odata::query::SystemOption;
use service::{Listed, Settings};

/// What identifies and describes a user, unless a query says which properties it wants.
const USUAL: [usize; 4] =
    [edm::user::USER_PRINCIPAL_NAME, edm::user::DISPLAY_NAME, edm::user::ACCOUNT_ENABLED, edm::user::ID];

/// Carries out what is asked for.
pub async fn run(global: &Global, action: Users) -> Result<(), Failure> {
    let instance = match &action {
        Users::Import(_) | Users::Sync(_) | Users::Watch(_) => first(global).await?,
        Users::List(_) => Instance::open_mapped(global, 0).await?,
    };
    let done = match action {
        Users::Import(options) => import::run(global, &instance, options).await,
        Users::Sync(options) => sync::run(global, &instance, *options).await,
        Users::Watch(options) => watch::run(global, &instance, options).await,
        Users::List(options) => list(global, &instance, options).await,
    };
    instance.service.store().close().await;
    done
}

/// The store, made where there is none: a directory is what many begin with.
async fn first(global: &Global) -> Result<Instance, Failure> {
    let is_new = global.database.is_none() && !store_sqlite::database_file(&global.data).exists();
    let instance = Instance::create(global, Settings::default(), store_sqlite::ReaderMemory::mapping(0)).await?;
    instance.first_tenant().await?;
    if is_new {
        anstream::eprintln!("There was no store in {}: one was made.", global.data.display());
    }
    Ok(instance)
}

async fn list(global: &Global, instance: &Instance, options: ListUsers) -> Result<(), Failure> {
    let caller = caller(instance, options.tenant, "users list").await?;
    let asked = [
        (SystemOption::Filter, options.filter.as_deref()),
        (SystemOption::OrderBy, options.orderby.as_deref()),
        (SystemOption::Search, options.search.as_deref()),
        (SystemOption::Select, options.select.as_deref()),
    ];
    let top = options.top.map_or(u64::MAX, u64::from);
    print(global, (&instance.service, &caller), (Listed::Users, &USUAL, "No user fits."), &asked, top).await
}
