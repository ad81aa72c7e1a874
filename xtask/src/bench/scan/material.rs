//! The directory and the breach material: line `i` is the same in every run.

use crate::bench::data::mix;
use anyhow::{Context as _, Result};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// The organisation's domains: one for sign-in and mail, one for other addresses.
const OWN: [&str; 2] = ["contoso.example", "fabrikam.example"];
/// The one domain of a directory whose users are all customers of a mail provider.
const PUBLIC: &str = "gmail.com";
/// Where everybody else has an address.
const FOREIGN: [&str; 8] = [
    "gmail.com",
    "yahoo.com",
    "hotmail.com",
    "mail.ru",
    "web.de",
    "northwind.example",
    "tailspin.example",
    "outlook.com",
];
const FIRST: [&str; 5] = ["jane", "john", "maria", "li", "alexandra"];

/// Of a thousand lines so many are in the directory's domains.
const OWN_OF_1000: u64 = 2;
/// One line of so many has no address.
const WITHOUT: u64 = 50;

/// A directory of made-up users.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Directory {
    /// How many users it has.
    pub users: u64,
    /// Whether all of them have their address with one public mail provider.
    pub is_public: bool,
    /// Whether they have names without a domain too (`sAMAccountName`).
    pub has_bare_names: bool,
}

/// What a piece of material holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Written {
    /// Its length in bytes.
    pub bytes: u64,
    /// Its lines.
    pub lines: u64,
    /// Lines with an address of a user.
    pub of_users: u64,
    /// Of these, lines with the user's current password.
    pub planted: u64,
}

impl Directory {
    fn domain(self, address: usize) -> &'static str {
        if self.is_public { PUBLIC } else { OWN[address % OWN.len()] }
    }

    /// The first address of a user is their sign-in name.
    fn address(self, user: u64, address: usize) -> String {
        let first = FIRST[user as usize % FIRST.len()];
        let local = if address == 0 { format!("{first}.u{user}") } else { format!("u{user}.{first}") };
        format!("{local}@{}", self.domain(address))
    }

    /// How many addresses each user has.
    const ADDRESSES: usize = 2;

    /// Writes the directory as a table that `spillwatch users import` takes.
    pub fn write_users(self, file: &Path) -> Result<()> {
        let mut out = BufWriter::new(create(file)?);
        out.write_all(b"id,upn,mail,aliases,enabled,displayName,verifier")?;
        out.write_all(if self.has_bare_names { b",sam\n" } else { b"\n" })?;
        for user in 0..self.users {
            let (upn, alias) = (self.address(user, 0), self.address(user, 1));
            let id = format!("{user:08x}-0000-4000-8000-{user:012x}");
            write!(out, "{id},{upn},{upn},{alias},1,User {user},{}", verifier(user))?;
            if self.has_bare_names {
                write!(out, ",acct{user}")?;
            }
            out.write_all(b"\n")?;
        }
        Ok(out.flush()?)
    }

    /// Writes the addresses that are looked for, a line each, as `rg -f` takes them.
    pub fn write_identities(self, file: &Path) -> Result<()> {
        let mut out = BufWriter::new(create(file)?);
        for user in 0..self.users {
            for address in 0..Self::ADDRESSES {
                writeln!(out, "{}", self.address(user, address))?;
            }
        }
        Ok(out.flush()?)
    }

    /// Writes a combo list of at least so many bytes, in whole lines: `address:password`.
    pub fn write_material(self, file: &Path, bytes: u64) -> Result<Written> {
        let mut out = BufWriter::with_capacity(1 << 20, create(file)?);
        let (mut written, mut line) = (Written::default(), Vec::new());
        while written.bytes < bytes {
            line.clear();
            self.line(written.lines, &mut line, &mut written)?;
            out.write_all(&line)?;
            written.lines += 1;
            written.bytes += line.len() as u64;
        }
        out.flush()?;
        Ok(written)
    }

    fn line(self, number: u64, line: &mut Vec<u8>, written: &mut Written) -> Result<()> {
        let (a, b) = (mix(2 * number), mix(2 * number + 1));
        let first = FIRST[(a >> 32) as usize % FIRST.len()];
        if a % 1000 >= OWN_OF_1000 {
            // Their names look like the users', as people's do, and are other people's.
            let (who, secret) = (self.users + (a >> 10) % 100_000_000, b % 100_000_000);
            if b % WITHOUT == 0 {
                writeln!(line, "{first}.u{who}:pw{secret:x}")?;
            } else {
                writeln!(line, "{first}.u{who}@{}:pw{secret:x}", FOREIGN[(b >> 40) as usize % FOREIGN.len()])?;
            }
            return Ok(());
        }
        // Half of them are of users, the others of people who left.
        let user = (a >> 10) % (2 * self.users);
        let address = self.address(user, (b >> 40) as usize % Self::ADDRESSES);
        written.of_users += u64::from(user < self.users);
        if user < self.users && b % 10 == 0 {
            written.planted += 1;
            writeln!(line, "{address}:{}", password(user))?;
        } else {
            writeln!(line, "{address}:pw{:x}", b % 100_000_000)?;
        }
        Ok(())
    }
}

fn create(file: &Path) -> Result<File> {
    File::create(file).with_context(|| format!("{} cannot be written", file.display()))
}

/// The current password of a user.
fn password(user: u64) -> String {
    format!("Current-{:010x}", mix(user ^ 0x5EC2_E700_0000_0000) >> 24)
}

/// What the directory keeps of it: `{SSHA}` with a salt of eight bytes.
fn verifier(user: u64) -> String {
    let salt = mix(user ^ 0x5A17_0000_0000_0000).to_le_bytes();
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, &[password(user).as_bytes(), &salt].concat());
    format!("{{SSHA}}{}", STANDARD.encode([hash.as_ref(), &salt].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Directory = Directory { users: 100, is_public: false, has_bare_names: false };

    fn made(directory: Directory, bytes: u64) -> (Written, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("material.txt");
        let written = directory.write_material(&file, bytes).expect("it is written");
        (written, std::fs::read_to_string(file).expect("it is text"))
    }

    #[test]
    fn material_is_what_is_said_of_it_and_the_same_again() {
        let (written, text) = made(SMALL, 2_000_000);
        assert_eq!((written, &text), (made(SMALL, 2_000_000).0, &made(SMALL, 2_000_000).1));
        assert_eq!((written.bytes, written.lines), (text.len() as u64, text.lines().count() as u64));
        let names: std::collections::HashSet<String> =
            (0..100).flat_map(|user| [SMALL.address(user, 0), SMALL.address(user, 1)]).collect();
        let of_users = text.lines().filter(|line| names.contains(line.split(':').next().unwrap_or_default())).count();
        assert_eq!(of_users as u64, written.of_users);
        let is_planted = |line: &&str| {
            let (name, secret) = line.split_once(':').unwrap_or_default();
            let user = (0..100).find(|user| (0..2).any(|address| SMALL.address(*user, address) == name));
            user.is_some_and(|user| password(user) == secret)
        };
        let planted = text.lines().filter(is_planted).count() as u64;
        assert_eq!(planted, written.planted);
        assert!(planted > 0 && written.of_users > planted, "{written:?}");
        let own = text.lines().filter(|line| OWN.iter().any(|own| line.contains(own))).count() as u64;
        assert!((written.lines / 1000..written.lines / 333).contains(&own), "about 2 of 1000: {own}");
        assert!(text.lines().any(|line| !line.contains('@')));
    }

    #[test]
    fn a_public_directory_has_no_domain_of_its_own() {
        let public = Directory { is_public: true, ..SMALL };
        assert_eq!(public.address(1, 0), "john.u1@gmail.com");
        let (written, text) = made(public, 200_000);
        assert!(written.of_users > 0 && !text.contains("contoso"));
    }

    #[test]
    fn a_table_has_a_row_for_each_user() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("users.csv");
        Directory { has_bare_names: true, ..SMALL }.write_users(&file).expect("it is written");
        let text = std::fs::read_to_string(file).expect("it is text");
        assert_eq!(text.lines().count(), 101);
        assert!(text.lines().all(|line| line.split(',').count() == 8), "{text}");
        assert!(
            text.contains("jane.u0@contoso.example,jane.u0@contoso.example,u0.jane@fabrikam.example,1,User 0,{SSHA}")
        );
    }
}
