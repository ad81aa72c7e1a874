//! What a sync asks a directory.

use crate::connection::{Connection, Pages};
use crate::error::of_result;
use crate::mark::{time_of, time_text};
use crate::server::{Facts, ROOT_DSE};
use crate::{Error, Kind, Mark, Options};
use directory::{Entries, entry_id};
use std::collections::HashMap;
use std::fmt::Write as _;
use tokio::time::Instant;

/// How far before the last known write is read again, in seconds: a write of another server of the same directory takes
/// its time to arrive. Entries that are read twice change nothing.
const OVERLAP: i64 = 5 * 60;
/// How far the clocks of servers may be behind the one here, in seconds: nothing that is written from now on is older. So a
/// directory that was filled at once, and in which nothing happens, is not read again and again.
const SKEW: i64 = 24 * 3600;
/// How many entries are asked for by their keys at once.
const BY_KEY: usize = 100;

/// A directory that was reached: who it is, and where its users are.
pub struct Directory {
    connection: Connection,
    facts: Facts,
    address: String,
    base: String,
    filter: String,
    /// Whose counter the writes have, in Active Directory.
    invocation: Option<String>,
}

/// Everybody who is there.
pub struct Listing {
    /// The keys, and when each entry was last written: a count or seconds, as in the mark.
    pub entries: HashMap<Box<str>, Option<i64>>,
    /// Entries without a key, which cannot be told apart.
    pub keyless: u64,
    /// Why it may not be everybody.
    pub doubt: Option<Error>,
    /// What the next sync may go on from, if everything is read that was written before.
    pub mark: Option<Mark>,
}

/// What is to be read.
pub enum Wanted<'w> {
    /// Everybody.
    Everything,
    /// Who was written since.
    Since(&'w Mark),
    /// Entries by their keys; at most [`Directory::BY_KEY`] of them.
    Keys(&'w [Box<str>]),
}

impl Directory {
    /// How many entries can be asked for by their keys at once.
    pub const BY_KEY: usize = BY_KEY;

    /// Connects, binds, and looks whether the base is there.
    pub async fn open(options: &Options) -> Result<Self, Error> {
        if let Some(filter) = &options.filter {
            let why = format!("{filter} is no filter (RFC 4515): expected one such as (objectClass=person)");
            ldap3::parse_filter(filter).map_err(|()| Error::Unusable(why))?;
        }
        let mut connection = Connection::open(options).await?;
        let dse = connection.entry("the directory was asked who it is", "", &ROOT_DSE).await?;
        let facts = match dse {
            Ok(Some(dse)) => Facts::read(&dse),
            Ok(None) => {
                return Err(Error::Base("the directory does not say who it is: its root DSE cannot be read".into()));
            }
            Err(result) => {
                return Err(Error::Base(format!("the directory does not say who it is: {}", of_result(&result))));
            }
        };
        connection.is_domain_only = facts.kind == Kind::ActiveDirectory;
        let contexts = facts.contexts.join("`, `");
        let base = options.base.clone().or_else(|| facts.base().map(str::to_owned));
        let base = base.ok_or_else(|| {
            Error::Base(format!("give the entry below which users are with --base; it has `{contexts}`"))
        })?;
        match connection.entry("the base was looked at", &base, &["1.1"]).await? {
            Ok(Some(_)) => {}
            Ok(None) => return Err(Error::Base(format!("the base `{base}` is there, and the bind may not see it"))),
            Err(result) if result.rc == 32 => {
                return Err(Error::Base(format!(
                    "there is no base `{base}`, or the bind may not see it; the directory has `{contexts}`"
                )));
            }
            Err(result) => {
                return Err(Error::Base(format!("the base `{base}` cannot be read: {}", of_result(&result))));
            }
        }
        let mut invocation = None;
        if let Some(service) = facts.service.as_deref().filter(|_| facts.usn.is_some()) {
            // Where it may not be read, the name must do: a restored server is then told by a counter that went back.
            let entry = connection.entry("the server was asked for its invocation", service, &["invocationId"]).await?;
            let id = entry.ok().flatten().and_then(|entry| entry_id("objectGUID", entry.first("invocationId")?).ok());
            invocation = Some(id.unwrap_or_else(|| service.to_owned()));
        }
        let filter = options.filter.clone().unwrap_or_else(|| facts.kind.filter().to_owned());
        let address = options.address.to_string();
        Ok(Self { connection, facts, address, base, filter, invocation })
    }

    /// What kind of server it is.
    pub fn kind(&self) -> Kind {
        self.facts.kind
    }

    /// The base.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The filter.
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// Whether it gives results in pages.
    pub fn has_pages(&self) -> bool {
        self.facts.has_pages
    }

    /// What a mark belongs to: another server, base or filter has other entries.
    pub fn identity(&self) -> String {
        format!("{} {} {}", self.address, self.base, self.filter)
    }

    /// Whether everything since a mark can be told: not if the counter is another server's.
    pub fn knows(&self, mark: &Mark) -> bool {
        match (mark, self.facts.usn) {
            (Mark::Usn { server, usn }, Some(now)) => self.invocation.as_deref() == Some(server) && *usn <= now,
            (Mark::Time(_), None) => true,
            _ => false,
        }
    }

    /// Lists everybody. `now` is the time here in seconds since 1970, `tell` hears how many there are so far.
    pub async fn list(&mut self, now: i64, mut tell: impl FnMut(u64)) -> Result<Listing, Error> {
        let started = Instant::now();
        let (kind, usn) = (self.facts.kind, self.facts.usn);
        let (key, stamp) = (kind.key(), kind.stamp());
        let mut listing = Listing { entries: HashMap::new(), keyless: 0, doubt: None, mark: None };
        let mut newest = i64::MIN;
        let what = (self.base.as_str(), self.filter.clone());
        let mut pages = self.connection.search("the directory was asked who is there", what, vec![key, stamp]);
        loop {
            let page = match pages.next().await {
                Ok(Some(page)) => page,
                Ok(None) => break,
                Err(doubt) => {
                    listing.doubt = Some(doubt);
                    break;
                }
            };
            for entry in page {
                let Some(id) = kind.key_of(&entry) else {
                    listing.keyless += 1;
                    continue;
                };
                let written = entry.text(stamp).and_then(|text| match kind {
                    Kind::ActiveDirectory => text.parse().ok(),
                    _ => time_of(text),
                });
                newest = written.map_or(newest, |written| newest.max(written));
                listing.entries.insert(id.into(), written);
            }
            tell(listing.entries.len() as u64);
        }
        if listing.entries.is_empty() {
            return match listing.doubt {
                Some(doubt) => Err(doubt),
                None if listing.keyless > 0 => Err(Error::Base(format!(
                    "{} entries fit, and none shows its {key}, by which an entry is known again: the bind must be allowed \
                     to read it",
                    listing.keyless
                ))),
                None => Err(Error::Nobody { base: self.base.clone(), filter: self.filter.clone() }),
            };
        }
        if listing.keyless > 0 && listing.doubt.is_none() {
            let (keyless, all) = (listing.keyless, listing.keyless + listing.entries.len() as u64);
            listing.doubt =
                Some(Error::Partial(format!("{keyless} of {all} entries do not show their {key} to the bind")));
        }
        listing.mark = match (usn, &self.invocation) {
            (Some(usn), Some(server)) => Some(Mark::Usn { server: server.clone(), usn }),
            _ if newest == i64::MIN => None, // it shows no times: everybody is read each time
            // What was written while the list was read has a later time than the list's beginning had at the server, which
            // is not before this. The clock here only keeps a time in the future from hiding what comes before it.
            _ => {
                let began = newest.min(now) - started.elapsed().as_secs() as i64 - 1;
                Some(Mark::Time((began - OVERLAP).max(now - SKEW)))
            }
        };
        Ok(listing)
    }

    /// Reads entries with everything that means something here.
    pub fn read(&mut self, wanted: &Wanted<'_>) -> Pages<'_> {
        let kind = self.facts.kind;
        let (key, filter) = (kind.key(), &self.filter);
        let keys = [Kind::ActiveDirectory.key(), Kind::Server389.key(), Kind::Other.key()];
        let mut attributes: Vec<&'static str> = Entries::attributes().filter(|name| !keys.contains(name)).collect();
        attributes.retain(|name| *name != "unicodePwd"); // nobody may read it
        attributes.push(key);
        let filter = match wanted {
            Wanted::Everything => filter.clone(),
            Wanted::Since(Mark::Usn { usn, .. }) => format!("(&{filter}(uSNChanged>={}))", usn + 1),
            Wanted::Since(Mark::Time(seconds)) => format!("(&{filter}(modifyTimestamp>={}))", time_text(*seconds)),
            Wanted::Keys(ids) => {
                let mut any = String::new();
                for id in *ids {
                    write!(any, "({key}={})", key_value(kind, id)).expect("a string takes it");
                }
                format!("(&{filter}(|{any}))")
            }
        };
        self.connection.search("the directory was asked for entries", (&self.base, filter), attributes)
    }
}

impl Listing {
    /// Whether an entry was written since a mark.
    pub fn is_newer(&self, key: &str, mark: &Mark) -> bool {
        let written = self.entries.get(key).copied().flatten();
        written.is_none_or(|written| match mark {
            Mark::Usn { usn, .. } => written > i64::try_from(*usn).unwrap_or(i64::MAX),
            Mark::Time(seconds) => written >= *seconds,
        })
    }
}

/// A key as a filter has it: a GUID by its bytes, anything else with what means something in a filter escaped (RFC 4515).
fn key_value(kind: Kind, id: &str) -> String {
    if kind != Kind::ActiveDirectory {
        return ldap3::ldap_escape(id).into_owned();
    }
    // The first three parts have the low byte first (MS-DTYP 2.3.4.2).
    let parts: Vec<&str> = id.split('-').collect();
    let mut text = String::with_capacity(48);
    for (index, part) in parts.iter().enumerate() {
        let mut bytes: Vec<&str> = (0..part.len() / 2).filter_map(|at| part.get(2 * at..2 * at + 2)).collect();
        if index < 3 {
            bytes.reverse();
        }
        for byte in bytes {
            text.push('\\');
            text.push_str(byte);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stands_in_a_filter_as_the_server_has_it() {
        let guid = "01020304-0506-0708-090a-0b0c0d0e0f10";
        let bytes = r"\04\03\02\01\06\05\08\07\09\0a\0b\0c\0d\0e\0f\10";
        assert_eq!(key_value(Kind::ActiveDirectory, guid), bytes);
        assert_eq!(key_value(Kind::Other, guid), guid);
        assert_eq!(key_value(Kind::Other, "a)(b"), r"a\29\28b");
    }
}
