//! How long a lookup in an index of a million addresses takes, and a check of the quick verifiers.

use divan::{Bencher, black_box};
use verify::identity::{Attribute, IdentityIndex, IndexBuilder, Key, Normaliser, RuleSet};
use verify::verifier::{Limits, Verifier};

const KEYS: u32 = 1_000_000;

fn main() {
    divan::main();
}

fn address(number: u32) -> String {
    format!("user{:08}@contoso.test", number.wrapping_mul(2_654_435_761) % 100_000_000)
}

fn index() -> IdentityIndex {
    let mut builder = IndexBuilder::new(1);
    for number in 0..KEYS {
        builder.add_text(address(number).as_bytes(), number, Attribute::Mail, RuleSet::NONE).expect("room");
    }
    builder.finish()
}

fn lookups(bencher: Bencher<'_, '_>, first: u32) {
    let index = index();
    let asked: Vec<String> = (first..first + 10_000).map(address).collect();
    bencher
        .counter(divan::counter::ItemsCount::new(asked.len()))
        .bench_local(|| asked.iter().map(|key| index.lookup(black_box(key.as_bytes())).count()).sum::<usize>());
}

#[divan::bench]
fn present(bencher: Bencher<'_, '_>) {
    lookups(bencher, 500_000);
}

#[divan::bench]
fn absent(bencher: Bencher<'_, '_>) {
    lookups(bencher, KEYS + 500_000);
}

#[divan::bench]
fn normalise_ascii(bencher: Bencher<'_, '_>) {
    let normaliser = Normaliser::default();
    let mut key = Key::default();
    bencher.bench_local(|| {
        normaliser.normalise_into(black_box("Jane.Doe+shop@Contoso.test"), &mut key);
        key.text().len()
    });
}

#[divan::bench(args = [
    "{NT}A4F49C406510BDCAB6824EE7C30FD852",
    "{SSHA}0c0blFTXXNuAMHECS4uxrj3ZieMoWImr",
    "{SSHA512}wExp4xjiCHS0zidJDC4UJq9EEeIebAQPJ1PWSwfhxWjfutI9XiiKuHm2AE41cEFfK+8HyI8bh+ztbczUGsvVFIgICWWPt7qu",
])]
fn check(bencher: Bencher<'_, '_>, text: &str) {
    let verifier = Verifier::parse(text, &Limits::default()).expect("a vector");
    bencher.bench(|| verifier.check(black_box(b"correct horse battery")));
}
