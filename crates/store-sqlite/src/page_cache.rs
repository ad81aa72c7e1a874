//! SQLite's page cache, which is told another number for the page that is never used.
//!
//! One page of a database holds the bytes that locks are on, from 1 GiB on, and no data
//! (<https://sqlite.org/fileformat2.html#the_lock_byte_page>). Where a B-tree is balanced, pages that change places have its
//! number for a moment. SQLite's cache notes the largest number that it has met since the last transaction, and the end
//! of this one looks through all of it for pages behind the database's end, unless the database has 1 GiB: an eighth of
//! the writer's time. The cache given here (<https://sqlite.org/c3ref/pcache_methods2.html>) is SQLite's own, but that it is
//! told 0 for that number, which no page has either.

use rusqlite::ffi::{self, sqlite3_pcache, sqlite3_pcache_methods2, sqlite3_pcache_page};
use std::ffi::{c_int, c_uint};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;

/// The number of that page, with pages of 4,096 bytes, which all stores have. With others it is that of a page of data,
/// which goes by [`TOLD`] as well.
const LOCK_BYTE_PAGE: c_uint = (1 << 30) / 4096 + 1;
/// The number that the cache is told for it.
const TOLD: c_uint = 0;

/// The cache that this one stands for; unset where SQLite had begun its work before it was asked.
static OWN: OnceLock<Option<Own>> = OnceLock::new();

/// What is asked of SQLite's own cache.
#[derive(Clone, Copy)]
struct Own {
    fetch: unsafe extern "C" fn(*mut sqlite3_pcache, c_uint, c_int) -> *mut sqlite3_pcache_page,
    unpin: unsafe extern "C" fn(*mut sqlite3_pcache, *mut sqlite3_pcache_page, c_int),
    rekey: unsafe extern "C" fn(*mut sqlite3_pcache, *mut sqlite3_pcache_page, c_uint, c_uint),
    truncate: unsafe extern "C" fn(*mut sqlite3_pcache, c_uint),
}

/// Has SQLite use this cache, for all of the process. To be called before SQLite is used for the first time; after that
/// SQLite keeps its own, which is slower and nothing else.
pub(crate) fn set_up() {
    OWN.get_or_init(|| {
        let replaced = replace();
        if replaced.is_none() {
            tracing::debug!("SQLite keeps its own page cache, since it was used before it could be asked");
        }
        replaced.map(|(own, _)| own)
    });
}

/// Replaces the cache; answers what it was, and what it is.
#[expect(unsafe_code, reason = "SQLite's interface is C's; see the comment there")]
fn replace() -> Option<(Own, sqlite3_pcache_methods2)> {
    let mut methods = MaybeUninit::<sqlite3_pcache_methods2>::zeroed();
    // SAFETY: both calls take a pointer to this structure, the first to fill it and the second to copy it, and refuse once
    // SQLite is in use. They must not run while another thread begins to use it: all of the crate do so behind `set_up`,
    // which lets one in and has the others wait. Of zeroes, the structure is one of numbers and of no functions.
    unsafe {
        if ffi::sqlite3_config(ffi::SQLITE_CONFIG_GETPCACHE2, methods.as_mut_ptr()) != ffi::SQLITE_OK {
            return None;
        }
        let methods = methods.assume_init();
        let own = Own {
            fetch: methods.xFetch?,
            unpin: methods.xUnpin?,
            rekey: methods.xRekey?,
            truncate: methods.xTruncate?,
        };
        let mut ours =
            sqlite3_pcache_methods2 { xFetch: Some(fetch), xRekey: Some(rekey), xTruncate: Some(truncate), ..methods };
        (ffi::sqlite3_config(ffi::SQLITE_CONFIG_PCACHE2, &raw mut ours) == ffi::SQLITE_OK).then_some((own, ours))
    }
}

/// The number that the cache is told for a page's.
fn told(number: c_uint) -> c_uint {
    if number == LOCK_BYTE_PAGE { TOLD } else { number }
}

/// SQLite's own cache, where this one stands for it.
fn own() -> Option<&'static Own> {
    OWN.get().and_then(Option::as_ref)
}

/// Finds a page, or makes room for it.
#[expect(unsafe_code, reason = "SQLite calls it; see the comment there")]
unsafe extern "C" fn fetch(cache: *mut sqlite3_pcache, number: c_uint, create: c_int) -> *mut sqlite3_pcache_page {
    let Some(own) = own() else { return ptr::null_mut() };
    // SAFETY: SQLite passes one of its caches; the number is none that another page of it has.
    unsafe { (own.fetch)(cache, told(number), create) }
}

/// Gives a page another number.
#[expect(unsafe_code, reason = "SQLite calls it; see the comment there")]
unsafe extern "C" fn rekey(cache: *mut sqlite3_pcache, page: *mut sqlite3_pcache_page, old: c_uint, new: c_uint) {
    if let Some(own) = own() {
        // SAFETY: as for `fetch`.
        unsafe { (own.rekey)(cache, page, told(old), told(new)) }
    }
}

/// Drops all pages from a number on.
#[expect(unsafe_code, reason = "SQLite calls it; see the comment there")]
unsafe extern "C" fn truncate(cache: *mut sqlite3_pcache, limit: c_uint) {
    let Some(own) = own() else { return };
    // SAFETY: as for `fetch`. A page that is found is the cache's, and pinned by that, until it is dropped.
    unsafe {
        if limit <= LOCK_BYTE_PAGE {
            let page = (own.fetch)(cache, TOLD, 0);
            if !page.is_null() {
                (own.unpin)(cache, page, 1);
            }
        }
        (own.truncate)(cache, limit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cache as SQLite makes them, with pages by number.
    struct Cache(sqlite3_pcache_methods2, *mut sqlite3_pcache);

    #[expect(unsafe_code, reason = "it stands for SQLite, which calls these with what they have answered")]
    impl Cache {
        fn new() -> Self {
            let (own, methods) = replace().expect("SQLite has not been used by this test's process");
            assert!(OWN.set(Some(own)).is_ok(), "it was not set up before");
            drop(rusqlite::Connection::open_in_memory().expect("SQLite begins its work"));
            let create = methods.xCreate.expect("caches are made");
            let cache = unsafe { create(4096, 64, 1) };
            unsafe { methods.xCachesize.expect("caches have a size")(cache, 100) };
            Self(methods, cache)
        }

        fn put(&self, number: c_uint) -> *mut sqlite3_pcache_page {
            let page = unsafe { self.0.xFetch.expect("pages are found")(self.1, number, 2) };
            assert!(!page.is_null());
            page
        }

        fn unpin(&self, page: *mut sqlite3_pcache_page) {
            unsafe { self.0.xUnpin.expect("pages are let go")(self.1, page, 0) };
        }

        fn holds(&self, number: c_uint) -> bool {
            let page = unsafe { self.0.xFetch.expect("pages are found")(self.1, number, 0) };
            if page.is_null() {
                return false;
            }
            self.unpin(page);
            true
        }

        fn rekey(&self, page: *mut sqlite3_pcache_page, old: c_uint, new: c_uint) {
            unsafe { self.0.xRekey.expect("pages change places")(self.1, page, old, new) };
        }

        fn truncate(&self, limit: c_uint) {
            unsafe { self.0.xTruncate.expect("ends are cut")(self.1, limit) };
        }

        fn holds_of(&self, numbers: &[c_uint]) -> Vec<c_uint> {
            numbers.iter().copied().filter(|number| self.holds(*number)).collect()
        }
    }

    #[expect(unsafe_code, reason = "as above")]
    impl Drop for Cache {
        fn drop(&mut self) {
            unsafe { self.0.xDestroy.expect("caches are given up")(self.1) };
        }
    }

    /// Neighbours of the lock-byte page, and that page itself, as a database with other pages has it.
    const AROUND: [c_uint; 5] = [1, 2, LOCK_BYTE_PAGE - 1, LOCK_BYTE_PAGE, LOCK_BYTE_PAGE + 1];

    /// SQLite is asked before its first use, which in a process with other tests comes too early.
    #[test]
    fn pages_are_kept_and_dropped_by_the_numbers_that_sqlite_knows_them_by() {
        let program = std::env::current_exe().expect("this program");
        let name = "page_cache::tests::in_a_process_of_its_own";
        let ran = std::process::Command::new(program).args(["--exact", name, "--include-ignored"]).output();
        let ran = ran.expect("it runs once more");
        let said = String::from_utf8_lossy(&ran.stdout);
        assert!(ran.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&ran.stderr));
    }

    #[test]
    #[ignore = "the test above runs it"]
    fn in_a_process_of_its_own() {
        let cache = Cache::new();
        for number in AROUND {
            cache.unpin(cache.put(number));
        }
        assert_eq!(cache.holds_of(&AROUND), AROUND);
        cache.truncate(LOCK_BYTE_PAGE + 1);
        assert_eq!(cache.holds_of(&AROUND), AROUND[..4]);
        cache.truncate(LOCK_BYTE_PAGE);
        assert_eq!(cache.holds_of(&AROUND), AROUND[..3]);

        // Two pages change places by way of it, as in a tree that is balanced.
        let (first, second) = (cache.put(1), cache.put(2));
        cache.rekey(first, 1, LOCK_BYTE_PAGE);
        assert_eq!(cache.holds_of(&[1, LOCK_BYTE_PAGE]), [LOCK_BYTE_PAGE]);
        cache.rekey(second, 2, 1);
        cache.rekey(first, LOCK_BYTE_PAGE, 2);
        assert_eq!((cache.put(1), cache.put(2)), (second, first));
        cache.truncate(2);
        assert_eq!(cache.holds_of(&AROUND), [1]);
    }
}
