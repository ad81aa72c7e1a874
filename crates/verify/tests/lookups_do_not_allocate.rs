//! A lookup borrows everything: counted by an allocator, which needs a binary of its own.
#![allow(unsafe_code, reason = "an allocator is an unsafe trait; this one counts and hands on to the system's")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use verify::identity::{Attribute, IndexBuilder, Key, Normaliser, RuleSet};

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is handed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: as the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.with(Cell::get);
    work();
    ALLOCATIONS.with(Cell::get) - before
}

#[test]
fn lookups_do_not_allocate() {
    let mut builder = IndexBuilder::new(1);
    for user in 0..1000u32 {
        let key = format!("user{user}@contoso.test");
        builder.add_text(key.as_bytes(), user, Attribute::Mail, RuleSet::NONE).expect("room");
    }
    for user in 0..100u32 {
        builder.add_text(b"admin", user, Attribute::Alias, RuleSet::NONE).expect("room");
    }
    let index = builder.finish();
    let lines: Vec<String> = (0..2000).map(|number| format!("user{number}@contoso.test")).collect();
    let mut found = 0;
    let count = allocations(|| {
        for line in &lines {
            found += index.lookup(line.as_bytes()).count();
        }
        found += index.lookup(b"admin").count();
    });
    assert_eq!(found, 1100);
    assert_eq!(count, 0);
    assert!(allocations(|| drop(lines.clone())) > 0, "the allocator counts");
}

#[test]
fn an_ascii_name_is_normalised_in_the_buffer_it_is_given() {
    let normaliser = Normaliser::default();
    let mut key = Key::default();
    let name = "SMTP:J.Ane+shop@GoogleMail.com.";
    normaliser.normalise_into(name, &mut key);
    let count = allocations(|| normaliser.normalise_into(name, &mut key));
    assert_eq!(key.text(), "jane@gmail.com");
    assert_eq!(count, 0);
}
