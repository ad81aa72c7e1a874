//! Says what an index of so many addresses takes: `cargo run --release --example identity_index -- 10000000`.

use verify::identity::{Attribute, IndexBuilder, RuleSet};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count: u32 = std::env::args().nth(1).map_or(Ok(10_000_000), |count| count.parse())?;
    let mut builder = IndexBuilder::new(1);
    let mut text = 0;
    for user in 0..count {
        let key = format!("user{user:08}@contoso.test");
        text += key.len();
        builder.add_text(key.as_bytes(), user, Attribute::Mail, RuleSet::NONE)?;
    }
    let index = builder.finish();
    let missing = (0..count).step_by(97).filter(|user| {
        let key = format!("user{user:08}@contoso.test");
        index.lookup(key.as_bytes()).all(|hit| hit.user != *user)
    });
    println!(
        "{} keys of {} bytes: {} bytes in all, {} a key, {} beside its text; {} missing",
        index.len(),
        text / count as usize,
        index.memory_bytes(),
        index.memory_bytes() / count as usize,
        (index.memory_bytes() - text) / count as usize,
        missing.count(),
    );
    Ok(())
}
