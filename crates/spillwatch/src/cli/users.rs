//! `spillwatch users`

use super::BrakeOptions;
use clap::{Args, Subcommand};
use directory::Format;
use model::TenantId;
use std::num::NonZeroU64;
use std::path::PathBuf;

/// `spillwatch users`
#[derive(Subcommand, Debug)]
pub enum Users {
    /// Take users and their password verifiers over from the export of a directory
    Import(ImportUsers),
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
