//! A small directory, and scans of texts for its names.

use std::sync::Arc;

use scan::candidate::Secret;
use scan::chunk::{Chunker, Pool, USUAL_SIZE};
use scan::counters::Counters;
use scan::layout::Layout;
use scan::matcher::{Found, Matcher, Scratch};
use scan::text::Text;
use verify::identity::{Attribute, IdentityIndex, IndexBuilder, Normaliser, NormaliserConfig, directory_keys};

/// A finding, as far as tests look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub user: u32,
    pub name: String,
    pub passwords: Vec<Vec<u8>>,
    pub hashes: Vec<String>,
    pub shape: &'static str,
    pub line: u64,
    pub offset: u64,
    pub context: Option<String>,
}

impl Finding {
    pub fn has(&self, password: &[u8]) -> bool {
        self.passwords.iter().any(|candidate| candidate == password)
    }
}

/// Jane is 1, John O'Brien 2, Zoë 3 in an IDN, Gwen 4 has a public address, Max 5 a name without domain.
pub struct World {
    pub normaliser: Normaliser,
    pub index: IdentityIndex,
}

impl World {
    pub fn new() -> Self {
        let config = NormaliserConfig {
            alias_domains: vec![
                ("googlemail.com".to_owned(), "gmail.com".to_owned()),
                ("contoso.example".to_owned(), "contoso.test".to_owned()),
            ],
            parent_domains: vec!["fabrikam.test".to_owned()],
            ..NormaliserConfig::default()
        };
        let normaliser = Normaliser::new(config).expect("a valid configuration");
        let mut builder = IndexBuilder::new(7);
        let users: [(u32, &[(Attribute, &str)]); 6] = [
            (1, &[(Attribute::UserPrincipalName, "jane@contoso.test")]),
            (2, &[(Attribute::Mail, "john.o'brien@contoso.test")]),
            (3, &[(Attribute::Mail, "zo\u{EB}@b\u{FC}cher.test")]),
            (4, &[(Attribute::OtherMail, "gwen.stacy@gmail.com")]),
            (5, &[(Attribute::SamAccountName, "mmuster")]),
            (6, &[(Attribute::Mail, "ann@fabrikam.test")]),
        ];
        for (user, names) in users {
            for (key, attribute) in directory_keys(&normaliser, names.iter().copied(), &["CONTOSO"]) {
                builder.add(&key, user, attribute).expect("short");
            }
        }
        Self { normaliser, index: builder.finish() }
    }

    pub fn scan(&self, text: &[u8]) -> (Vec<Finding>, Counters) {
        self.scan_in_chunks(text, USUAL_SIZE)
    }

    pub fn scan_in_chunks(&self, text: &[u8], size: usize) -> (Vec<Finding>, Counters) {
        let matcher = Matcher::new(&self.index, &self.normaliser, &[]);
        let layout = Layout::of(&Text::new(text).expect("memory can be read").start());
        let mut chunker = Chunker::new(text, size, Arc::new(Pool::default())).with_layout(layout);
        let (mut scratch, mut counters, mut findings) = (Scratch::default(), Counters::default(), Vec::new());
        while let Some(chunk) = chunker.next_chunk().expect("memory can be read") {
            let lines_before = counters.lines();
            let mut sink = |found: Found<'_>| {
                let found = finding(&found);
                findings.push(Finding { line: lines_before + found.line, ..found });
            };
            matcher.chunk(&chunk, &mut scratch, &mut counters, &mut sink);
        }
        (findings, counters)
    }

    /// The only finding of a text.
    #[track_caller]
    pub fn only(&self, text: &[u8]) -> Finding {
        let (mut findings, _) = self.scan(text);
        assert_eq!(findings.len(), 1, "{} in {:?}", findings.len(), String::from_utf8_lossy(text));
        findings.remove(0)
    }
}

pub fn finding(found: &Found<'_>) -> Finding {
    let (mut passwords, mut hashes) = (Vec::new(), Vec::new());
    for secret in found.occurrence.candidates.iter() {
        match secret {
            Secret::Password(bytes) => passwords.push(bytes.to_vec()),
            Secret::Hash(bytes) => hashes.push(String::from_utf8_lossy(bytes).into_owned()),
        }
    }
    Finding {
        user: found.hit.user,
        name: found.occurrence.name.text().to_owned(),
        passwords,
        hashes,
        shape: found.occurrence.shape.name(),
        line: found.occurrence.line,
        offset: found.occurrence.offset,
        context: found.occurrence.context.map(|host| String::from_utf8_lossy(host).into_owned()),
    }
}
