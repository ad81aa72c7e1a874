//! One password against many users at once: the digests of all verifiers that have no salt.
//!
//! A password without a name costs one hash for each kind of digest and a look-up, however many users there are. What
//! has a salt or is slow cannot be asked so.

use zeroize::Zeroize;

use super::digest::Hash;
use super::{Scheme, Verifier, nt};

/// The kinds of digests that a password is looked up by.
const KINDS: [Scheme; 6] = [Scheme::Nt, Scheme::Md5, Scheme::Sha1, Scheme::Sha256, Scheme::Sha384, Scheme::Sha512];

/// The first 16 bytes of a digest, and whose it is. No two passwords agree in so many by chance.
type Row = (u128, u32);

/// Collects digests.
///
/// ```
/// use verify::verifier::{DigestSetBuilder, Limits, Verifier};
///
/// let verifier = Verifier::parse("{SHA}at+xg6SiyUovktq1redipHiJpaE=", &Limits::default())?;
/// let mut builder = DigestSetBuilder::default();
/// assert!(builder.add(&verifier, 7));
/// let set = builder.finish();
/// let mut owners = Vec::new();
/// set.owners(b"helloworld", |owner| owners.push(owner));
/// set.owners(b"goodbyeworld", |owner| owners.push(owner));
/// assert_eq!(owners, [7]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct DigestSetBuilder {
    kinds: [Rows; KINDS.len()],
}

/// The digests of many verifiers; wiped when it is dropped. It has no `Debug` on purpose.
pub struct DigestSet {
    kinds: Vec<Table>,
}

/// Rows that are wiped when they are dropped, and when there is no more room for them.
#[derive(Default)]
struct Rows(Vec<Row>);

/// The digests of one kind.
struct Table {
    scheme: Scheme,
    /// In the order of the digests.
    rows: Rows,
    /// Where the digests begin whose first bits are this number: digests are spread evenly.
    starts: Vec<u32>,
    bits: u32,
}

impl DigestSetBuilder {
    /// Adds a verifier and a number that stands for whoever has it. Answers whether it can be asked so: `false` where it
    /// has a salt, or is slow.
    pub fn add(&mut self, verifier: &Verifier, owner: u32) -> bool {
        let Some((scheme, digest)) = verifier.algorithm.unsalted() else { return false };
        let Some(kind) = KINDS.iter().position(|kind| *kind == scheme) else { return false };
        let Some(head) = head(digest) else { return false };
        self.kinds[kind].push((head, owner));
        true
    }

    /// Prepares them to be looked up.
    pub fn finish(self) -> DigestSet {
        let kinds = self.kinds.into_iter().zip(KINDS);
        let filled = kinds.filter(|(rows, _)| !rows.0.is_empty());
        DigestSet { kinds: filled.map(|(rows, scheme)| Table::new(scheme, rows)).collect() }
    }
}

impl DigestSet {
    /// Returns whether there is no digest.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// Tells of everybody whose password this is; of somebody with several verifiers for each.
    pub fn owners(&self, candidate: &[u8], mut owner: impl FnMut(u32)) {
        for table in &self.kinds {
            let Some(mut head) = digest(table.scheme, candidate) else { continue };
            table.find(head, &mut owner);
            head.zeroize();
        }
    }
}

impl Table {
    fn new(scheme: Scheme, mut rows: Rows) -> Self {
        rows.0.sort_unstable();
        // About one digest for each start, and a table that fits a processor's cache.
        let bits = rows.0.len().ilog2().clamp(4, 20);
        let mut starts = vec![0; (1 << bits) + 1];
        for (head, _) in &rows.0 {
            starts[(head >> (128 - bits)) as usize + 1] += 1;
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        Self { scheme, rows, starts, bits }
    }

    fn find(&self, head: u128, owner: &mut impl FnMut(u32)) {
        let first = (head >> (128 - self.bits)) as usize;
        let alike = &self.rows.0[self.starts[first] as usize..self.starts[first + 1] as usize];
        let begin = alike.partition_point(|(known, _)| *known < head);
        alike[begin..].iter().take_while(|(known, _)| *known == head).for_each(|(_, whose)| owner(*whose));
    }
}

impl Rows {
    fn push(&mut self, row: Row) {
        if self.0.len() == self.0.capacity() {
            // Growing in place would leave a copy behind.
            let mut larger = Vec::with_capacity((2 * self.0.len()).max(64));
            larger.extend_from_slice(&self.0);
            std::mem::replace(&mut self.0, larger).zeroize();
        }
        self.0.push(row);
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// The first 16 bytes of the digest of a candidate; none where it has no such digest.
fn digest(scheme: Scheme, candidate: &[u8]) -> Option<u128> {
    let hash = match scheme {
        Scheme::Nt => {
            let mut digest = nt::digest(candidate)?;
            let head = head(&digest);
            digest.zeroize();
            return head;
        }
        Scheme::Md5 => Hash::Md5,
        Scheme::Sha1 => Hash::Sha1,
        Scheme::Sha256 => Hash::Sha256,
        Scheme::Sha384 => Hash::Sha384,
        Scheme::Sha512 => Hash::Sha512,
        _ => return None,
    };
    head(&hash.of(candidate, b""))
}

fn head(digest: &[u8]) -> Option<u128> {
    digest.first_chunk().map(|head| u128::from_be_bytes(*head))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verifier::{Limits, encoding};

    fn parsed(text: &str) -> Verifier {
        Verifier::parse(text, &Limits::default()).expect("a verifier")
    }

    fn owners(set: &DigestSet, candidate: &[u8]) -> Vec<u32> {
        let mut owners = Vec::new();
        set.owners(candidate, |owner| owners.push(owner));
        owners.sort_unstable();
        owners
    }

    /// A verifier of each kind without salt, all of `password`.
    const PASSWORD: [&str; 7] = [
        "{NT}8846F7EAEE8FB117AD06BDD830B7586C",
        "{MD5}X03MO1qnZdYdgyfeuILPmQ==",
        "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
        "{SHA256}5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8",
        "{SHA384}a8b64babd0aca91a59bdbb7761b421d4f2bb38280d3a75ba0f21f2bebc45583d446c598660c94ce680c47d19c30783a7",
        "{SHA512}b109f3bbbc244eb82441917ed06d618b9008dd09b3befd1b5e07394c706a8bb980b1d7785e5976ec049b46df5f1326af5a2ea6d103fd07c95385ffab0cacbc86",
        "sha1$$5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8",
    ];

    #[test]
    fn every_kind_without_salt_is_found_by_the_password_alone() {
        let mut builder = DigestSetBuilder::default();
        for (owner, text) in PASSWORD.iter().enumerate() {
            let verifier = parsed(text);
            assert!(verifier.check(b"password").expect("it can be asked"), "{text}");
            assert!(builder.add(&verifier, owner as u32), "{text}");
        }
        let set = builder.finish();
        assert_eq!(owners(&set, b"password"), [0, 1, 2, 3, 4, 5, 6]);
        for other in [&b"Password"[..], b"", b"password\0", b"pass\xFFword"] {
            assert!(owners(&set, other).is_empty());
        }
    }

    #[test]
    fn what_has_a_salt_or_is_slow_cannot_be_asked_so() {
        let mut builder = DigestSetBuilder::default();
        let salted = "{SSHA}0c0blFTXXNuAMHECS4uxrj3ZieMoWImr";
        let slow = "$2b$04$abcdefghijklmnopqrstuuWNQ0lKcUYCwZDlSHJYb6ELVdqg7uY2y";
        assert!(!builder.add(&parsed(salted), 0));
        assert!(!builder.add(&parsed(slow), 1));
        assert!(builder.finish().is_empty());
    }

    #[test]
    fn everybody_with_the_password_is_told_and_nobody_else() {
        let mut builder = DigestSetBuilder::default();
        // More than there are starts, many with the same password.
        for owner in 0..5_000_u32 {
            let hash = Hash::Sha1.of((owner % 1_000).to_string().as_bytes(), b"");
            let digits = encoding::to_hex(&hash);
            assert!(builder.add(&parsed(&format!("{{SHA}}{}", *digits)), owner));
        }
        let set = builder.finish();
        for password in 0..1_000_u32 {
            let all: Vec<u32> = (0..5).map(|round| round * 1_000 + password).collect();
            assert_eq!(owners(&set, password.to_string().as_bytes()), all);
        }
        assert!(owners(&set, b"1000").is_empty());
    }

    #[test]
    fn every_kind_has_a_digest() {
        for scheme in KINDS {
            assert!(digest(scheme, b"x").is_some(), "{scheme}");
        }
        assert!(digest(Scheme::Bcrypt, b"x").is_none());
    }
}
