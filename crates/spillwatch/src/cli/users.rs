//! `spillwatch users`

use super::BrakeOptions;
use clap::{Args, Subcommand};
use directory::Format;
use model::TenantId;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

/// `spillwatch users`
#[derive(Subcommand, Debug)]
pub enum Users {
    /// Take users and their password verifiers over from the export of a directory
    Import(ImportUsers),
    /// Take users and their password verifiers over from a directory itself, over LDAP, and keep them current
    Sync(Box<SyncUsers>),
    /// Import the files that are put into a folder
    Watch(WatchUsers),
    /// Print the users that a query asks for
    List(ListUsers),
}

/// `spillwatch users import`
#[derive(Args, Debug)]
#[command(
    after_help = "What a file is, its beginning tells, and it is said before anything is read; --format overrides that. Forms:\n  \
    csv           a table whose header names the columns: id, upn, mail, aliases (a;b), sam, enabled, administrator,\n                \
    displayName, department, verifier and others, in any order\n  \
    ldif          slapcat, ldapsearch, ldifde (RFC 2849), with userPassword\n  \
    pwdump        secretsdump, pwdump, DSInternals: [DOMAIN\\]user:rid:lm:nt:::\n  \
    hashcat-nt, john-nt   user:nt, user:$NT$nt\n  \
    keycloak      a realm export, whole or split\n  \
    django-csv, django-json   auth_user as a table, or dumpdata auth.User\n  \
    scim          a SCIM 2.0 list of users\n\n\
    Verifiers are sealed before they are stored; passwords in clear are derived with argon2id and dropped. What is wrong \
    with an\nentry is said with its file and line; the others are taken over. An import can be repeated: it changes only \
    what is another.\nA changed verifier closes the user's open leaked-credentials events as remediated. The exit code is 1 \
    if an entry was refused.\nSee docs/directory.md.\n\n\
    Examples:\n  spillwatch users import users.csv --dry-run\n  \
    spillwatch users import users.ldif --full\n  \
    spillwatch users import ntds.txt --upn-domain contoso.example --source corp-ad\n  \
    slapcat | spillwatch users import -"
)]
pub struct ImportUsers {
    /// Files to read; `-` for standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Tenant that gets the users; the first one when left out
    #[arg(long, value_name = "ID", env = "SPILLWATCH_TENANT")]
    pub tenant: Option<TenantId>,
    /// Form of the files; when left out, their beginning tells
    #[arg(long, value_name = "FORMAT", value_parser = format)]
    pub format: Option<Format>,
    /// What the directory is called: an import updates and removes only what the directory of this name told before;
    /// the name of the form when left out
    #[arg(long, value_name = "NAME", value_parser = source)]
    pub source: Option<String>,
    /// The export names everybody: users whom it does not name are gone
    #[arg(long)]
    pub full: bool,
    /// Domain that completes names without one to a userPrincipalName, for users who are new
    #[arg(long, value_name = "DOMAIN", value_parser = domain)]
    pub upn_domain: Option<String>,
    /// Check everything, say what would come of it, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// When it stops and asks
    #[command(flatten)]
    pub brake: BrakeOptions,
}

/// `spillwatch users sync`
#[derive(Args, Debug)]
#[command(
    after_help = "A sync lists everybody, reads those who are new or were changed since the last one (all of them the first time), \
    and\nremoves those whom the directory has no longer. What cannot be listed to its end removes nobody. Active Directory \
    gives no\nhashes over LDAP: sync its users, and import their hashes from an export under a --source of its own. With \
    OpenLDAP, 389\nand others the bind must be allowed to read userPassword.\n\n\
    ldap:// goes on with StartTLS, or not at all; only --insecure-plaintext speaks in clear. The password of the bind is \
    read\nfrom --bind-password-file or the variable SPILLWATCH_LDAP_PASSWORD, and never an argument. See docs/directory.md.\n\n\
    Examples:\n  spillwatch users sync --ldap ldaps://ldap.corp.example --bind-dn cn=spillwatch,dc=corp,dc=example \\\n    \
    --bind-password-file ldap.password --dry-run\n  \
    spillwatch users sync --ldap ldap://dc1.corp.example --ca corp-ca.pem --bind-dn spillwatch@corp.example \\\n    \
    --bind-password-file ldap.password --source corp-ad --every 15m"
)]
pub struct SyncUsers {
    /// Server of the directory: `ldaps://HOST[:PORT]`, or `ldap://HOST[:PORT]`, which goes on with StartTLS
    #[arg(long, value_name = "URL", env = "SPILLWATCH_LDAP")]
    pub ldap: String,
    /// Certificates in PEM that may sign the server's, in place of those that this machine trusts
    #[arg(long, value_name = "FILE", env = "SPILLWATCH_LDAP_CA")]
    pub ca: Option<PathBuf>,
    /// Speak ldap:// in clear: whoever reads along reads the password and every verifier
    #[arg(long)]
    pub insecure_plaintext: bool,
    /// Name of the bind: a DN, or a userPrincipalName for Active Directory; nobody when left out
    #[arg(long, value_name = "DN", env = "SPILLWATCH_LDAP_BIND_DN")]
    pub bind_dn: Option<String>,
    /// File with the password of the bind, which nobody else may read; it may also stand in the variable
    /// `SPILLWATCH_LDAP_PASSWORD`
    #[arg(long, value_name = "FILE", env = "SPILLWATCH_LDAP_BIND_PASSWORD_FILE", requires = "bind_dn")]
    pub bind_password_file: Option<PathBuf>,
    /// Entry below which users are; the server's own when left out, if it has one
    #[arg(long, value_name = "DN", env = "SPILLWATCH_LDAP_BASE")]
    pub base: Option<String>,
    /// Which entries are users (RFC 4515); persons and accounts when left out
    #[arg(long, value_name = "FILTER", env = "SPILLWATCH_LDAP_FILTER")]
    pub filter: Option<String>,
    /// Tenant that gets the users; the first one when left out
    #[arg(long, value_name = "ID", env = "SPILLWATCH_TENANT")]
    pub tenant: Option<TenantId>,
    /// What the directory is called: a sync updates and removes only what the directory of this name told before
    #[arg(long, value_name = "NAME", default_value = "ldap", value_parser = source)]
    pub source: String,
    /// Domain that completes names without one to a userPrincipalName, for users who are new
    #[arg(long, value_name = "DOMAIN", value_parser = domain)]
    pub upn_domain: Option<String>,
    /// Read everybody, and not only those who were changed since the last sync
    #[arg(long)]
    pub full: bool,
    /// Read everything, say what would come of it, and write nothing
    #[arg(long, conflicts_with = "every")]
    pub dry_run: bool,
    /// Go on until stopped, with so much time between one sync and the next: 15m
    #[arg(long, value_name = "TIME", value_parser = super::duration)]
    pub every: Option<Duration>,
    /// When it stops and asks
    #[command(flatten)]
    pub brake: BrakeOptions,
}

/// `spillwatch users watch`
#[derive(Args, Debug)]
#[command(
    after_help = "Each file is imported as `spillwatch users import` would, in the order of their names, and then moved to done/ or \
    failed/\nbelow the folder, with NAME.report.json beside it. A file that failed is tried again when it is put there again. \
    Names that\nbegin with `.` or end in `.part` are passed over: write a file under such a name and rename it. A file is taken \
    when it was\nthe same at two looks. Files that everybody on the machine can read are refused, and so is a folder into which \
    everybody\ncan write. See docs/directory.md.\n\n\
    Examples:\n  spillwatch users watch /srv/exports --full --source hr\n  \
    spillwatch users watch /srv/exports --once"
)]
pub struct WatchUsers {
    /// Folder that is watched
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
    /// Import what is there, and end; the exit code is 1 if a file failed
    #[arg(long)]
    pub once: bool,
    /// Time between one look and the next
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = super::duration)]
    pub every: Duration,
    /// Tenant that gets the users; the first one when left out
    #[arg(long, value_name = "ID", env = "SPILLWATCH_TENANT")]
    pub tenant: Option<TenantId>,
    /// Form of the files; when left out, their beginning tells
    #[arg(long, value_name = "FORMAT", value_parser = format)]
    pub format: Option<Format>,
    /// What the directory is called; the name of the form when left out
    #[arg(long, value_name = "NAME", value_parser = source)]
    pub source: Option<String>,
    /// Each file names everybody: users whom it does not name are gone
    #[arg(long)]
    pub full: bool,
    /// Domain that completes names without one to a userPrincipalName, for users who are new
    #[arg(long, value_name = "DOMAIN", value_parser = domain)]
    pub upn_domain: Option<String>,
    /// When it stops and asks
    #[command(flatten)]
    pub brake: BrakeOptions,
}

/// `spillwatch users list`
#[derive(Args, Debug)]
#[command(after_help = "Options take what the API's query options of the same names take (docs/api.md).\n\n\
    Examples:\n  spillwatch users list --filter \"accountEnabled eq false\"\n  \
    spillwatch users list --select id,userPrincipalName,department --json")]
pub struct ListUsers {
    /// Tenant whose users they are; the first one when left out
    #[arg(long, value_name = "ID", env = "SPILLWATCH_TENANT")]
    pub tenant: Option<TenantId>,
    /// Only users for whom this is true, in the language of the API's $filter
    #[arg(long, value_name = "EXPRESSION")]
    pub filter: Option<String>,
    /// Their order, as in $orderby: `displayName`
    #[arg(long, value_name = "KEYS")]
    pub orderby: Option<String>,
    /// What is shown of them, as in $select: `id,mail`
    #[arg(long, value_name = "PROPERTIES")]
    pub select: Option<String>,
    /// Words that their texts have, as in $search
    #[arg(long, value_name = "WORDS")]
    pub search: Option<String>,
    /// The most users that are printed; all when left out
    #[arg(long, value_name = "N")]
    pub top: Option<NonZeroU64>,
}

fn format(text: &str) -> Result<Format, String> {
    let all: Vec<&str> = Format::ALL.iter().map(|format| format.name()).collect();
    text.parse().map_err(|_| format!("`{text}` is none of {}", all.join(", ")))
}

/// A name that can stand in a change log and in a seal's name.
pub(super) fn source(text: &str) -> Result<String, String> {
    let fits = (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
    if fits { Ok(text.to_owned()) } else { Err("give 1 to 64 letters, digits, `.`, `_` or `-`".to_owned()) }
}

pub(super) fn domain(text: &str) -> Result<String, String> {
    let text = text.trim_start_matches('@');
    if model::is_principal_name(&format!("name@{text}")) && !text.contains('@') {
        Ok(text.to_owned())
    } else {
        Err("give a domain such as contoso.example".to_owned())
    }
}
