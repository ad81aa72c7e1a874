//! A data folder or a database, opened: the store, the keys and the service over them.

use crate::cli::Global;
use crate::error::Failure;
use crate::operator_key::operator_keys;
use crate::vault::DatabaseKeys;
use crate::verifier_keys::{self, Purpose};
use auth::{BuiltinIssuer, FolderKeys, KeyStorage, KeysBelow, SealedKeys, shared_secret};
use model::{Clock, Entropy, Registry, SystemClock, SystemEntropy, Tenant, TenantId};
use service::{PageTokens, Service, Settings, Vault};
use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::Store;
use store_postgres::PostgresStore;
use store_sqlite::{ReaderMemory, SqliteStore};
use zeroize::Zeroizing;

/// The folder of keys in the data folder.
const KEYS: &str = "keys";
/// The folder of the built-in issuer's keys, below that.
pub const ISSUER: &str = "issuer";
/// What the names of its keys begin with in a database.
pub const ISSUER_BELOW: &str = "issuer/";
/// The secret that page tokens are sealed with.
pub const PAGE_TOKEN_KEY: &str = "page-token.key";

/// A value that all nodes of a database share, made by the first one: the id of the first tenant.
const FIRST_TENANT: &str = "first-tenant.id";

/// An open store and its keys.
pub struct Instance {
    home: Home,
    /// The operations.
    pub service: Service,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of chance.
    pub entropy: Arc<dyn Entropy>,
    /// Migrations that opening it ran.
    pub migrations: Vec<String>,
}

/// Where an instance keeps what it keeps.
enum Home {
    /// In a data folder.
    Folder(PathBuf),
    /// In a database, with the secrets sealed.
    Database(Arc<SealedKeys>),
}

impl Instance {
    /// Opens the store that the options name, and makes whatever is missing in it. Readers of a folder's store take
    /// so much memory.
    pub async fn create(global: &Global, settings: Settings, memory: ReaderMemory) -> Result<Self, Failure> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let (home, store, migrations, secret) = if let Some(url) = &global.database {
            let keys = Arc::new(operator_keys(&global.operator_key).await?);
            let store = Arc::new(PostgresStore::open(url.expose(), clock.clone()).await?);
            let migrations = store.migrations().to_vec();
            let keys = Arc::new(SealedKeys::new(Arc::new(DatabaseKeys::new(store.clone())), keys));
            let secret = shared(&keys, PAGE_TOKEN_KEY, &entropy).await?;
            (Home::Database(keys), store as Arc<dyn Store>, migrations, secret)
        } else {
            let store = SqliteStore::open_with(&global.data, clock.clone(), memory)?;
            let migrations = store.migrations().to_vec();
            let secret = Zeroizing::new(page_token_key(&global.data, &*entropy)?);
            (Home::Folder(global.data.clone()), Arc::new(store) as Arc<dyn Store>, migrations, secret)
        };
        let service = Service::new(store, clock.clone(), entropy.clone(), PageTokens::new(&secret), settings);
        Ok(Self { home, service, clock, entropy, migrations })
    }

    /// Opens the store that the options name; a folder without one is a mistake, most often a forgotten `--data`.
    pub async fn open(global: &Global) -> Result<Self, Failure> {
        Self::open_with(global, ReaderMemory::mapping(store_sqlite::MAPPED)).await
    }

    /// The same, for a command that reads tables to their end.
    pub async fn open_lean(global: &Global) -> Result<Self, Failure> {
        Self::open_with(global, ReaderMemory::LEAN).await
    }

    /// The same, with readers that map up to `mapped` bytes of a folder's store: what is mapped counts as memory of
    /// the process, as large as the store where all of it is read once.
    pub async fn open_mapped(global: &Global, mapped: u64) -> Result<Self, Failure> {
        Self::open_with(global, ReaderMemory::mapping(mapped)).await
    }

    async fn open_with(global: &Global, memory: ReaderMemory) -> Result<Self, Failure> {
        if global.database.is_none() && !store_sqlite::database_file(&global.data).exists() {
            return Err(Failure::message(format!(
                "there is no store in {}; give its folder with --data DIR, or make one with `spillwatch serve`",
                global.data.display()
            )));
        }
        Self::create(global, Settings::default(), memory).await
    }

    /// The data folder; `None` when the store is in a database.
    pub fn folder(&self) -> Option<&Path> {
        match &self.home {
            Home::Folder(folder) => Some(folder),
            Home::Database(_) => None,
        }
    }

    /// The sealed secrets of a database; `None` in a data folder, where they are files.
    pub fn sealed_keys(&self) -> Option<&Arc<SealedKeys>> {
        match &self.home {
            Home::Folder(_) => None,
            Home::Database(keys) => Some(keys),
        }
    }

    /// What seals the verifiers of an imported directory and fingerprints what is found.
    pub async fn vault(&self, global: &Global, purpose: Purpose) -> Result<Vault, Failure> {
        verifier_keys::open(self, global, purpose).await
    }

    /// The built-in issuer, made on the first call.
    pub async fn issuer(&self, public_url: Option<&str>) -> Result<Arc<BuiltinIssuer>, Failure> {
        let keys: Arc<dyn KeyStorage> = match &self.home {
            Home::Folder(folder) => Arc::new(FolderKeys::new(&keys_folder(folder)?.join(ISSUER))),
            Home::Database(keys) => Arc::new(KeysBelow::new(keys.clone(), ISSUER_BELOW)),
        };
        let (entropy, clock) = (self.entropy.clone(), self.clock.clone());
        let public_url = public_url.map(str::to_owned);
        let issuer = blocking(move || BuiltinIssuer::open(keys, entropy, clock, public_url.as_deref())).await?;
        Ok(Arc::new(issuer))
    }

    /// The id of the tenant that an empty store gets; the same on all nodes of a database that start at once.
    pub async fn first_tenant_id(&self) -> Result<TenantId, Failure> {
        let id = match &self.home {
            Home::Folder(_) => self.entropy.uuid_v4(),
            Home::Database(keys) => {
                let shared = shared(keys, FIRST_TENANT, &self.entropy).await?;
                let half = shared.first_chunk().expect("16 of 32 bytes");
                uuid::Builder::from_random_bytes(*half).into_uuid()
            }
        };
        Ok(TenantId::new(id))
    }

    /// The first tenant, made on an empty store. Of several nodes that start at once, one makes it.
    pub async fn first_tenant(&self) -> Result<Tenant, Failure> {
        if self.service.registry().await?.tenants.is_empty() {
            let id = self.first_tenant_id().await?;
            if self.service.add_tenant(Some(id), "default").await?.is_some() {
                tracing::info!("made the tenant `default`");
            }
        }
        let registry = self.service.registry().await?;
        Ok(Self::tenant(&registry, None)?.clone())
    }

    /// A tenant by its id, or the first one.
    pub fn tenant(registry: &Registry, id: Option<TenantId>) -> Result<&Tenant, Failure> {
        let found = match id {
            Some(id) => registry.tenant(id),
            None => registry.tenants.first(),
        };
        found.ok_or_else(|| {
            Failure::message(match id {
                Some(id) => format!("there is no tenant {id}; `spillwatch tenants list` shows those that there are"),
                None => "there is no tenant yet; add one with `spillwatch tenants add NAME`".to_owned(),
            })
        })
    }
}

/// The folder of keys (0700), made when it is not there.
pub fn keys_folder(folder: &Path) -> Result<PathBuf, Failure> {
    let keys = folder.join(KEYS);
    if !keys.exists() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&keys)?;
    }
    Ok(keys)
}

/// Does what waits for files or a database, away from the threads that serve.
pub async fn blocking<T: Send + 'static, E: Error + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, Failure> {
    Ok(tokio::task::spawn_blocking(work).await??)
}

/// A random value that all nodes of a database share.
async fn shared(
    keys: &Arc<SealedKeys>,
    name: &'static str,
    entropy: &Arc<dyn Entropy>,
) -> Result<Zeroizing<[u8; 32]>, Failure> {
    let (keys, entropy) = (keys.clone(), entropy.clone());
    blocking(move || shared_secret(&*keys, name, &*entropy)).await
}

/// Reads the secret of page tokens from the data folder, or makes one. The file appears whole or not at all, and when
/// two processes start at once, both end up with the same one.
fn page_token_key(folder: &Path, entropy: &dyn Entropy) -> Result<[u8; 32], Failure> {
    let path = keys_folder(folder)?.join(PAGE_TOKEN_KEY);
    if !path.exists() {
        let mut secret = [0; 32];
        entropy.fill(&mut secret);
        let part = path.with_extension(format!("{}.part", entropy.uuid_v4().simple()));
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
        file.write_all(&secret)?;
        file.sync_all()?;
        let linked = fs::hard_link(&part, &path);
        fs::remove_file(&part)?;
        match linked {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error.into()),
            _ => fs::File::open(path.parent().unwrap_or(folder))?.sync_all()?,
        }
    }
    let secret = fs::read(&path)?;
    <[u8; 32]>::try_from(secret).map_err(|found| {
        Failure::message(format!(
            "{} holds {} bytes instead of 32; delete it to have a new one made (page links of before end then)",
            path.display(),
            found.len()
        ))
    })
}
