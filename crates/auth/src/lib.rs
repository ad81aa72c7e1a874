//! Who is calling: bearer tokens, the issuers that are trusted to make them, and an issuer of our own.
//!
//! A token is a signed JWT (RFC 7519) in a Bearer header (RFC 6750). It is read under the rules of
//! RFC 8725: the algorithm comes from the key, the key from the issuer, the issuer from the
//! configuration, and nothing that a token says about itself is believed before its signature holds.
//!
//! | room | what is in it |
//! |---|---|
//! | [`Authenticator`] | token to [`model::Caller`]; what was verified is remembered until its basis changes |
//! | [`IssuerConfig`] | a trusted issuer: name, keys, audiences, tenant |
//! | [`BuiltinIssuer`] | our own issuer: tokens, discovery document, JWK set |
//! | [`KeyStorage`] | where its keys are kept: [`FolderKeys`] in a folder, [`SealedKeys`] in what must not know them |
//! | [`client_credentials`] | may this app have a token? |
//! | [`outgoing`] | the one HTTP client, which does not call private addresses |
//! | [`RegistrySource`] | where tenants and apps come from |

mod algorithm;
mod authenticator;
mod builtin;
mod claims;
pub mod client_credentials;
mod der;
mod error;
mod issuer;
mod issuer_config;
mod jws;
mod key;
mod key_set;
pub mod outgoing;
mod registry;
mod remembered;
mod remote_keys;
mod seal;
mod sealed_keys;
mod secret;
mod strict_json;

pub use algorithm::Algorithm;
pub use authenticator::{AuthSettings, Authenticator, SetupError};
pub use builtin::{
    BuiltinError, BuiltinIssuer, FolderKeys, KEY_CHANGE_ATTEMPTS, KeyStorage, KeyStorageError, KeysBelow, NewToken,
    OldKeys, SecretBytes, Secrets, TokenApp, shared_secret,
};
pub use error::{AuthError, Shown};
pub use issuer::KeyFileError;
pub use issuer_config::{IssuerConfig, IssuerConfigError, IssuerPattern, KeySource, TenantChoice};
pub use key::KeyError;
pub use key_set::KeySetError;
pub use outgoing::{AllowedPeer, Outgoing, OutgoingRules};
pub use registry::{RegistryError, RegistryFuture, RegistrySource};
pub use remote_keys::FetchRules;
pub use seal::{KeyId, OperatorKey, OperatorKeyError, SealError};
pub use sealed_keys::{OperatorKeys, SealedKeys};
pub use secret::{NewSecret, secret_sha256};
