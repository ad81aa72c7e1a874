//! `spillwatch migrate`

use crate::cli::Global;
use crate::error::Failure;
use crate::instance::Instance;
use crate::output::line;

/// Brings the schema up to date, which opening the store does, and says what ran.
pub async fn run(global: &Global) -> Result<(), Failure> {
    let instance = Instance::open(&global.data)?;
    match instance.migrations.as_slice() {
        [] => line("The schema is up to date.")?,
        ran => ran.iter().try_for_each(|name| line(&format!("ran {name}")))?,
    }
    instance.service.store().close().await;
    Ok(())
}
