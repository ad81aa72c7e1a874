//! What is searched for: every spelling of what was planted, and a search for all of them in one pass.

use super::plants::{Plant, hex, md5_of, nt, sha, utf16};
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Bytes at the beginning of a needle that decide whether the rest is looked at.
const HEAD: usize = 3;

/// A search.
pub struct Needles {
    /// Which heads begin a needle.
    heads: Vec<u64>,
    by_head: HashMap<[u8; HEAD], Vec<(Vec<u8>, String)>>,
}

fn escaped(text: &str) -> String {
    let quoted = serde_json::to_string(text).expect("a text becomes JSON");
    quoted[1..quoted.len() - 1].to_owned()
}

/// The same with `\u` in place of every character beyond ASCII.
fn escaped_to_ascii(text: &str) -> String {
    escaped(text).chars().fold(String::new(), |mut out, c| {
        if c.is_ascii() {
            out.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
        out
    })
}

/// What stands in base64 of anything that holds these bytes, wherever in it they stand.
fn base64(bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for before in 0..3 {
        let mut whole = vec![0; before];
        whole.extend_from_slice(bytes);
        // Characters that what stands before or behind has a part in are left out.
        let (from, to) = ((before * 8).div_ceil(6), whole.len() * 8 / 6);
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            found.push(engine.encode(&whole)[from..to].to_owned());
        }
    }
    found
}

fn spellings(text: &str) -> Vec<Vec<u8>> {
    let mut all = vec![text.as_bytes().to_vec(), escaped(text).into(), escaped_to_ascii(text).into(), utf16(text)];
    all.extend([hex(text.as_bytes()).into(), hex(text.as_bytes()).to_uppercase().into()]);
    all.extend(base64(text.as_bytes()).into_iter().map(String::into_bytes));
    all
}

fn plain_hashes(password: &str) -> [(&'static str, Vec<u8>); 4] {
    let secret = password.as_bytes();
    [
        ("NT hash", nt(password)),
        ("MD5", md5_of(&[secret])),
        ("SHA-1", sha(&digest::SHA1_FOR_LEGACY_USE_ONLY, &[secret])),
        ("SHA-256", sha(&digest::SHA256, &[secret])),
    ]
}

impl Needles {
    /// Everything that must be nowhere. Names who is meant, and never the password.
    pub fn of(plants: &[Plant]) -> Self {
        let mut needles = Self { heads: vec![0; 1 << 18], by_head: HashMap::new() };
        for plant in plants {
            for (what, password) in [("password", &plant.password), ("stale password", &plant.stale)] {
                for spelling in spellings(password) {
                    needles.add(spelling, format!("the {what} of {}", plant.name));
                }
                for (hash, bytes) in plain_hashes(password) {
                    let name = format!("the {hash} of the {what} of {}", plant.name);
                    needles.add(hex(&bytes).into(), name.clone());
                    needles.add(hex(&bytes).to_uppercase().into(), name.clone());
                    for text in base64(&bytes) {
                        needles.add(text.into(), name.clone());
                    }
                    needles.add(bytes, name);
                }
            }
            if !plant.verifier.starts_with("{CLEAR}") {
                let name = format!("the verifier of {}", plant.name);
                let without_scheme = plant.verifier.rsplit('}').next().unwrap_or_default();
                for text in [plant.verifier.as_str(), without_scheme].into_iter().filter(|text| text.len() > 20) {
                    for spelling in spellings(text) {
                        needles.add(spelling, name.clone());
                    }
                }
            }
        }
        needles
    }

    fn add(&mut self, needle: Vec<u8>, name: String) {
        assert!(needle.len() >= 14, "{name} is too short to be told from chance");
        let head = *needle.first_chunk().expect("it is long enough");
        let at = place(head);
        self.heads[at / 64] |= 1 << (at % 64);
        let known = self.by_head.entry(head).or_default();
        if !known.iter().any(|(other, _)| *other == needle) {
            known.push((needle, name));
        }
    }

    /// What of it stands in these bytes, and where.
    pub fn find(&self, bytes: &[u8]) -> Vec<(&str, usize)> {
        let mut found = Vec::new();
        for (at, window) in bytes.windows(HEAD).enumerate() {
            let head = [window[0], window[1], window[2]];
            let place = place(head);
            if self.heads[place / 64] & (1 << (place % 64)) == 0 {
                continue;
            }
            for (needle, name) in self.by_head.get(&head).into_iter().flatten() {
                if bytes[at..].starts_with(needle) {
                    found.push((name.as_str(), at));
                }
            }
        }
        found
    }

    /// Searches a text, and fails where anything stands in it.
    #[track_caller]
    pub fn are_not_in(&self, what: &str, bytes: &[u8]) {
        let found = self.find(bytes);
        assert!(found.is_empty(), "{what} holds {found:?}");
    }

    /// Searches every file below a folder. Answers how many files and bytes there were.
    #[track_caller]
    pub fn are_not_below(&self, folder: &Path) -> (usize, usize) {
        let (mut files, mut bytes) = (0, 0);
        for entry in fs::read_dir(folder).expect("it can be listed") {
            let path = entry.expect("it can be listed").path();
            let (more, of) = if path.is_dir() {
                self.are_not_below(&path)
            } else {
                let content = fs::read(&path).expect("it can be read");
                self.are_not_in(&path.display().to_string(), &content);
                (1, content.len())
            };
            (files, bytes) = (files + more, bytes + of);
        }
        (files, bytes)
    }
}

fn place(head: [u8; HEAD]) -> usize {
    usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2])
}
