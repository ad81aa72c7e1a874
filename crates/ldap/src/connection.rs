//! A connection: made, bound, and asked, page after page.

use crate::error::{of_asking, of_connecting, of_result};
use crate::{Error, Options, RawEntry, tls};
use ldap3::controls::{Control, ControlType, PagedResults, RawControl};
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, Scope, SearchOptions, SearchResult};
use std::time::Duration;

/// How many entries are asked for at once (RFC 2696): Active Directory gives at most 1,000, OpenLDAP 500 where it has a
/// limit that nobody set.
pub const PAGE: i32 = 500;
/// How long a connection may take, TLS included.
const CONNECTING: Duration = Duration::from_secs(20);
/// How long the server may be silent while it is asked something.
const ASKING: Duration = Duration::from_mins(2);
/// Tells Active Directory to leave references to other domains out (MS-ADTS 3.1.1.3.4.1.4).
const DOMAIN_SCOPE: &str = "1.2.840.113556.1.4.1339";

/// A connection. It is closed when this is dropped.
pub(crate) struct Connection {
    ldap: Ldap,
    /// Whether only this domain is asked.
    pub(crate) is_domain_only: bool,
}

impl Connection {
    /// Connects, and binds if somebody is named.
    pub(crate) async fn open(options: &Options) -> Result<Self, Error> {
        let address = &options.address;
        let is_starttls = !address.is_ldaps() && !options.plaintext;
        let mut settings = LdapConnSettings::new().set_conn_timeout(CONNECTING).set_starttls(is_starttls);
        if is_starttls || address.is_ldaps() {
            settings = settings.set_config(tls::config(options.ca.as_deref())?);
        }
        let connected = LdapConnAsync::from_url_with_settings(settings, &address.url).await;
        let (connection, mut ldap) = connected.map_err(|error| of_connecting(address, options.ca.is_some(), error))?;
        // How it ends is told by the operation that is under way then.
        tokio::spawn(async move { drop(connection.drive().await) });
        if let Some(bind) = &options.bind {
            let bound = ldap.with_timeout(ASKING).simple_bind(&bind.name, &bind.password).await;
            let result = bound.map_err(|error| of_asking("the bind", error))?;
            if result.rc != 0 {
                return Err(Error::Bind { who: format!(" as `{}`", bind.name), why: of_result(&result) });
            }
        }
        Ok(Self { ldap, is_domain_only: false })
    }

    /// Reads one entry by its name; `None` if it is there and nothing of it may be seen.
    pub(crate) async fn entry(
        &mut self,
        what: &'static str,
        dn: &str,
        attributes: &[&str],
    ) -> Result<Result<Option<RawEntry>, ldap3::LdapResult>, Error> {
        let asked = self.ldap.with_timeout(ASKING).search(dn, Scope::Base, "(objectClass=*)", attributes).await;
        let SearchResult(entries, result) = asked.map_err(|error| of_asking(what, error))?;
        if result.rc != 0 {
            return Ok(Err(result));
        }
        match entries.into_iter().next() {
            None => Ok(Ok(None)),
            Some(entry) => match RawEntry::take(entry) {
                Some(entry) => Ok(Ok(Some(entry))),
                None => Err(Error::Search { what, why: "the answer is no entry".to_owned() }),
            },
        }
    }

    /// Searches below an entry.
    pub(crate) fn search<'c>(
        &'c mut self,
        what: &'static str,
        (base, filter): (&str, String),
        attributes: Vec<&'static str>,
    ) -> Pages<'c> {
        Pages {
            connection: self,
            what,
            base: base.to_owned(),
            filter,
            attributes,
            cookie: Vec::new(),
            is_at_end: false,
            fault: None,
        }
    }
}

/// The entries of a search, page after page.
pub struct Pages<'c> {
    connection: &'c mut Connection,
    what: &'static str,
    base: String,
    filter: String,
    attributes: Vec<&'static str>,
    cookie: Vec<u8>,
    is_at_end: bool,
    fault: Option<Error>,
}

impl Pages<'_> {
    /// The next page; `None` at the end. After an error, what came before it is not everything.
    pub async fn next(&mut self) -> Result<Option<Vec<RawEntry>>, Error> {
        if let Some(fault) = self.fault.take() {
            self.is_at_end = true;
            return Err(fault);
        }
        if self.is_at_end {
            return Ok(None);
        }
        let mut controls: Vec<RawControl> =
            vec![PagedResults { size: PAGE, cookie: std::mem::take(&mut self.cookie) }.into()];
        if self.connection.is_domain_only {
            controls.push(RawControl { ctype: DOMAIN_SCOPE.to_owned(), crit: false, val: None });
        }
        let (what, ldap) = (self.what, &mut self.connection.ldap);
        let asked = ldap.with_timeout(ASKING).with_controls(controls).with_search_options(SearchOptions::new());
        let answer = asked.search(&self.base, Scope::Subtree, &self.filter, &self.attributes).await;
        let SearchResult(entries, result) = answer.map_err(|error| of_asking(what, error))?;
        let mut read = Vec::with_capacity(entries.len());
        for entry in entries {
            match RawEntry::take(entry) {
                Some(entry) => read.push(entry),
                None => self.fault = Some(Error::Search { what, why: "an answer is no entry".to_owned() }),
            }
        }
        self.cookie = cookie(&result.ctrls);
        self.is_at_end = self.cookie.is_empty();
        if result.rc != 0 {
            self.fault = Some(Error::Search { what, why: of_result(&result) });
        } else if !result.refs.is_empty() {
            let first = crate::error::said(&result.refs[0]);
            let why = format!(
                "a part of what is below `{}` is on another server ({first}), which was not asked: give a base that one \
                 server has whole, or sync each one under a --source of its own",
                self.base
            );
            self.fault = Some(Error::Search { what, why });
        }
        Ok(Some(read))
    }
}

/// What the server wants to be given for the next page; empty after the last one.
fn cookie(controls: &[Control]) -> Vec<u8> {
    for control in controls {
        if let Control(Some(ControlType::PagedResults), raw) = control
            && raw.val.is_some()
        {
            return raw.parse::<PagedResults>().cookie;
        }
    }
    Vec::new()
}
