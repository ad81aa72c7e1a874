//! A data folder, opened: the store, the keys and the service over them.

use crate::error::Failure;
use auth::BuiltinIssuer;
use model::{Clock, Entropy, Registry, SystemClock, SystemEntropy, Tenant, TenantId};
use service::{PageTokens, Service, Settings};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::Store;
use store_sqlite::SqliteStore;

/// The folder of keys in the data folder.
const KEYS: &str = "keys";
/// The folder of the built-in issuer's keys, below that.
const ISSUER: &str = "issuer";
/// The secret that page tokens are sealed with.
const PAGE_TOKEN_KEY: &str = "page-token.key";

/// An open data folder.
pub struct Instance {
    /// The folder.
    pub folder: PathBuf,
    /// The operations.
    pub service: Service,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of chance.
    pub entropy: Arc<dyn Entropy>,
    /// Migrations that opening it ran.
    pub migrations: Vec<String>,
}

impl Instance {
    /// Opens the folder, and makes whatever is missing in it. Readers map up to `mapped` bytes of the store.
    pub fn create(folder: &Path, settings: Settings, mapped: u64) -> Result<Self, Failure> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let store = SqliteStore::open_mapped(folder, clock.clone(), mapped)?;
        let migrations = store.migrations().to_vec();
        let page_tokens = PageTokens::new(&page_token_key(folder, &*entropy)?);
        let store: Arc<dyn Store> = Arc::new(store);
        let service = Service::new(store, clock.clone(), entropy.clone(), page_tokens, settings);
        Ok(Self { folder: folder.to_owned(), service, clock, entropy, migrations })
    }

    /// Opens the folder; a folder without a store is a mistake, most often a forgotten `--data`.
    pub fn open(folder: &Path) -> Result<Self, Failure> {
        Self::open_mapped(folder, store_sqlite::MAPPED)
    }

    /// The same, with readers that map up to `mapped` bytes of the store: what is mapped counts as memory of the
    /// process, as large as the store where all of it is read once.
    pub fn open_mapped(folder: &Path, mapped: u64) -> Result<Self, Failure> {
        if !store_sqlite::database_file(folder).exists() {
            return Err(Failure::message(format!(
                "there is no store in {}; give its folder with --data DIR, or make one with `spillwatch serve`",
                folder.display()
            )));
        }
        Self::create(folder, Settings::default(), mapped)
    }

    /// The built-in issuer, made on the first call.
    pub fn issuer(&self, public_url: Option<&str>) -> Result<Arc<BuiltinIssuer>, Failure> {
        let folder = keys_folder(&self.folder)?.join(ISSUER);
        let issuer = BuiltinIssuer::open_or_create(&folder, self.entropy.clone(), self.clock.clone(), public_url)?;
        Ok(Arc::new(issuer))
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

/// Reads the secret of page tokens, or makes one. The file appears whole or not at all, and when
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
