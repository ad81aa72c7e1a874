//! What every node needs and the database must not know: secrets that whoever puts them here has sealed.

use crate::PostgresStore;
use crate::database::Connection;
use crate::epoch::Epoch;
use crate::error::engine;
use crate::rows::{damaged, integer, text};
use store::StoreError;
use tokio_postgres::Error;

/// The sealed secrets at one moment.
#[derive(Clone, Default)]
pub struct Secrets {
    /// What tells this state from those before and after it.
    pub generation: u64,
    /// Names and what is kept under them.
    pub sealed: Vec<(String, Vec<u8>)>,
}

impl PostgresStore {
    /// The sealed secrets, as they are at one moment.
    pub async fn secrets(&self) -> Result<Secrets, StoreError> {
        let doing = engine("reading the secrets");
        let sql =
            "SELECT r.secrets, s.name, s.sealed FROM registry AS r LEFT JOIN secrets AS s ON true ORDER BY s.name";
        let rows = self.database.reader().await?.query(sql, &[]).await.map_err(doing)?;
        let first = rows.first().ok_or_else(|| StoreError::Corrupt("registry has no row".to_owned()))?;
        let mut secrets = Secrets { generation: generation(first)?, sealed: Vec::with_capacity(rows.len()) };
        for row in &rows {
            if let Some(sealed) = row.try_get::<_, Option<&[u8]>>(2).map_err(|_| damaged("secrets.sealed"))? {
                secrets.sealed.push((text(row, 1, "secrets.name")?.to_owned(), sealed.to_vec()));
            }
        }
        Ok(secrets)
    }

    /// Puts and removes secrets in one transaction, which moves the registry's epoch too, so that every node reads
    /// them again; `false`, and nothing of it, when somebody has changed them since the generation `seen`.
    pub async fn replace_secrets(
        &self,
        seen: u64,
        put: &[(String, Vec<u8>)],
        remove: &[String],
    ) -> Result<bool, StoreError> {
        let doing = engine("changing the secrets");
        let db = self.database.writer().await?;
        db.begin("BEGIN").await.map_err(doing)?;
        // One change at a time, on whichever node.
        let row = db.query_opt("SELECT secrets FROM registry FOR UPDATE", &[]).await.map_err(doing)?;
        let row = row.ok_or_else(|| StoreError::Corrupt("registry has no row".to_owned()))?;
        if generation(&row)? != seen {
            db.roll_back().await;
            return Ok(false);
        }
        change(&db, put, remove).await.map_err(doing)?;
        db.commit().await.map_err(doing)?;
        Epoch::passed().await;
        Ok(true)
    }
}

async fn change(db: &Connection, put: &[(String, Vec<u8>)], remove: &[String]) -> Result<(), Error> {
    let sql = "INSERT INTO secrets (name, sealed) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET sealed = $2";
    for (name, sealed) in put {
        db.execute(sql, &[name, sealed]).await?;
    }
    db.execute("DELETE FROM secrets WHERE name = ANY ($1)", &[&remove]).await?;
    db.run("UPDATE registry SET secrets = secrets + 1, epoch = epoch + 1").await
}

fn generation(row: &tokio_postgres::Row) -> Result<u64, StoreError> {
    Ok(integer(row, 0, "registry.secrets")? as u64)
}
