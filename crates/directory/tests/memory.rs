//! A file of any size is read in the same little memory.
//!
//! Alone in its process: the peak is that of all its threads.

use std::io::Read;

use directory::{Format, Limits, Reason, read};

/// A source of one byte again and again.
struct Endless {
    start: &'static [u8],
    byte: u8,
    left: u64,
}

impl Read for Endless {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if !self.start.is_empty() {
            let count = self.start.len().min(into.len());
            into[..count].copy_from_slice(&self.start[..count]);
            self.start = &self.start[count..];
            return Ok(count);
        }
        let count = (into.len() as u64).min(self.left) as usize;
        into[..count].fill(self.byte);
        self.left -= count as u64;
        Ok(count)
    }
}

/// The most memory that this process had, in KiB.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}

/// One entry of a directory, again and again.
struct Repeated {
    start: &'static [u8],
    entry: &'static [u8],
    left: u64,
    at: usize,
}

impl Read for Repeated {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.at == self.start.len() {
            if self.left == 0 {
                return Ok(0);
            }
            (self.left, self.at, self.start) = (self.left - 1, 0, self.entry);
        }
        let count = (self.start.len() - self.at).min(into.len());
        into[..count].copy_from_slice(&self.start[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

#[test]
fn neither_one_long_line_nor_many_users_take_memory() {
    let before = peak_kib();
    long_lines();
    many_users();
    let grown = peak_kib() - before;
    assert!(grown < 16 << 10, "the peak grew by {grown} KiB");
}

fn many_users() {
    let exports: &[(Format, &'static [u8], &'static [u8])] = &[
        (Format::Csv, b"upn,verifier\n", b"a@x.org,{NT}c12e2905257781833da3416e770e9698\n"),
        (Format::Ldif, b"version: 1\n", b"\ndn: uid=a\nuid: a\nuserPassword:: e1NIQX14\n"),
        (Format::Pwdump, b"", b"a:1::c12e2905257781833da3416e770e9698:::\n"),
        (Format::Keycloak, b"{\"users\":[{\"username\":\"a\"}", b",\n{\"username\":\"a\",\"enabled\":true}"),
        (Format::DjangoJson, b"", b"{\"model\":\"auth.user\",\"pk\":1,\"fields\":{\"username\":\"a\"}}\n"),
        (Format::Scim, b"[{\"userName\":\"a\"}", b",{\"userName\":\"a\"}"),
    ];
    for (format, start, entry) in exports {
        let source = Repeated { start, entry, left: 100_000, at: 0 };
        let mut users = read(*format, "x", source, Limits::default()).expect("a header");
        let good = users.by_ref().flatten().count();
        assert!(good >= 100_000, "{format}: {good}");
    }
}

fn long_lines() {
    let starts: &[(Format, &'static [u8])] = &[
        (Format::Csv, b"upn,mail\na@x.org,\""),
        (Format::Csv, b""),
        (Format::Ldif, b"dn: uid=a\nuid: a\nmail: "),
        (Format::Pwdump, b"a:1:"),
        (Format::Keycloak, b"{\"users\":[{\"username\":\""),
        (Format::Keycloak, b"{\"realm\":\""),
        (Format::Scim, b"{\"totalResults\":1"),
        (Format::DjangoJson, b"[{\"pk\":1"),
    ];
    for (format, start) in starts {
        let source = Endless { start, byte: b'1', left: 32 << 20 };
        let error = match read(*format, "x", source, Limits::default()) {
            Ok(mut users) => users.find_map(Result::err),
            Err(error) => Some(error),
        };
        let reason = error.expect("an error").reason;
        let fits = matches!(reason, Reason::TooLong { .. } | Reason::Incomplete { .. });
        assert!(fits, "{format}: {reason}");
    }
}
