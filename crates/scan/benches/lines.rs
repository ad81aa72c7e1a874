//! How many bytes of a combo list a thread scans for the names of a directory, beside what only reads the bytes.
//!
//! `cargo bench -p scan --bench lines`; with `SCAN_BENCH_FILE=PATH` it writes the list there as well, so that
//! other programs can read the same bytes.

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use scan::chunk::{Chunker, Pool, USUAL_SIZE};
use scan::counters::Counters;
use scan::matcher::{Found, Matcher, Scratch};
use verify::identity::{Attribute, IdentityIndex, IndexBuilder, Normaliser, RuleSet};

const BYTES: usize = 256 << 20;
const USERS: u32 = 100_000;
const OWN: [&str; 3] = ["contoso.test", "fabrikam.test", "mail.adatum.test"];
const FOREIGN: [&str; 8] =
    ["gmail.com", "yahoo.com", "mail.ru", "hotmail.com", "outlook.com", "web.de", "company.example", "aol.com"];

fn main() {
    if let Some(path) = std::env::var_os("SCAN_BENCH_FILE") {
        std::fs::write(&path, &*LIST).expect("the list is written where SCAN_BENCH_FILE says");
    }
    divan::main();
}

/// A generator that gives the same numbers in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

fn user(number: u32) -> String {
    format!("{}.{number:05}", ["jane", "john", "maria", "li", "alexandra"][number as usize % 5])
}

/// Two lines of a thousand are in own domains, half of them of users.
static LIST: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut dice = Dice(1);
    let mut text = String::with_capacity(BYTES + 100);
    while text.len() < BYTES {
        let own = dice.below(500) == 0;
        // There are far more people than users.
        let number = dice.below(u64::from(if own { 2 * USERS } else { 1000 * USERS })) as u32;
        let name = user(number);
        let domain = if own { OWN[number as usize % 3] } else { FOREIGN[dice.below(8) as usize] };
        let password = dice.below(100_000_000);
        writeln!(text, "{name}@{domain}:pw{password:x}").expect("text takes text");
    }
    text.into_bytes()
});

fn index(address: impl Fn(u32) -> String) -> IdentityIndex {
    let mut builder = IndexBuilder::new(1);
    for number in 0..USERS {
        builder.add_text(address(number).as_bytes(), number, Attribute::Mail, RuleSet::NONE).expect("room");
    }
    builder.finish()
}

fn scan(bencher: Bencher<'_, '_>, index: &IdentityIndex, size: usize) {
    let normaliser = Normaliser::default();
    let matcher = Matcher::new(index, &normaliser, &[]);
    let pool = Arc::new(Pool::default());
    let mut scratch = Scratch::default();
    bencher.counter(BytesCount::new(LIST.len())).bench_local(|| {
        let mut chunker = Chunker::new(&LIST[..], size, Arc::clone(&pool));
        let (mut counters, mut found) = (Counters::default(), 0);
        let mut sink = |_: Found<'_>| found += 1;
        while let Some(chunk) = chunker.next_chunk().expect("memory can be read") {
            matcher.chunk(&chunk, &mut scratch, &mut counters, &mut sink);
        }
        (counters.lines(), found)
    });
}

#[divan::bench(sample_count = 5, sample_size = 1, args = [256 << 10, USUAL_SIZE, 4 << 20])]
fn own_domains(bencher: Bencher<'_, '_>, size: usize) {
    scan(bencher, &index(|number| format!("{}@{}", user(number), OWN[number as usize % 3])), size);
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn own_domains_and_bare_names(bencher: Bencher<'_, '_>) {
    let index = index(|number| match number % 2 {
        0 => format!("{}@{}", user(number), OWN[number as usize % 3]),
        _ => format!("sam{number}"),
    });
    scan(bencher, &index, USUAL_SIZE);
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn all_on_a_public_domain(bencher: Bencher<'_, '_>) {
    scan(bencher, &index(|number| format!("{}@gmail.com", user(number).replace('.', ""))), USUAL_SIZE);
}

#[divan::bench(sample_count = 5, sample_size = 1, args = [256 << 10, USUAL_SIZE, 4 << 20])]
fn chunks_only(bencher: Bencher<'_, '_>, size: usize) {
    let pool = Arc::new(Pool::default());
    bencher.counter(BytesCount::new(LIST.len())).bench_local(|| {
        let mut chunker = Chunker::new(&LIST[..], size, Arc::clone(&pool));
        let mut chunks = 0;
        while let Some(chunk) = chunker.next_chunk().expect("memory can be read") {
            chunks += u64::from(!black_box(&chunk).bytes().is_empty());
        }
        chunks
    });
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn line_feeds_counted(bencher: Bencher<'_, '_>) {
    bencher.counter(BytesCount::new(LIST.len())).bench_local(|| memchr::memchr_iter(b'\n', black_box(&LIST)).count());
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn line_feeds_and_ats_visited(bencher: Bencher<'_, '_>) {
    bencher
        .counter(BytesCount::new(LIST.len()))
        .bench_local(|| memchr::memchr2_iter(b'\n', b'@', black_box(&LIST)).fold(0, |sum: usize, at| sum ^ at));
}
