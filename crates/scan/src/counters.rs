//! What became of each line.

macro_rules! outcomes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What became of a line: every line of a text has exactly one, the first of these that fits.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Outcome {
            $($(#[$doc])* $variant,)*
        }

        impl Outcome {
            /// Every outcome.
            pub const ALL: &'static [Outcome] = &[$(Outcome::$variant,)*];

            /// Returns the name under which reports show it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Outcome::$variant => $name,)*
                }
            }
        }
    };
}

outcomes! {
    /// A known name with a candidate for its password.
    Password = "password",
    /// A known name with a hash and nothing else.
    Hash = "hash",
    /// A known name whose password is empty.
    EmptyPassword = "emptyPassword",
    /// A known name with a word that says that there is no password: `[NOT_SAVED]`, `UNKNOWN`, `null`.
    Placeholder = "placeholder",
    /// A known name with an advert in place of the password.
    Advert = "advert",
    /// A known name whose password is longer than [`crate::candidate::LONGEST_PASSWORD`], or a line of a list that is.
    PasswordTooLong = "passwordTooLong",
    /// A known name with nothing beside it.
    NameOnly = "nameOnly",
    /// An address in an own domain that no user bears: former staff, shared boxes.
    UnknownAccount = "unknownAccount",
    /// Addresses, but none in a domain that any user has an address in.
    ForeignAddress = "foreignAddress",
    /// No address, and no known name.
    NoAddress = "noAddress",
    /// Nothing.
    Blank = "blank",
    /// A line longer than [`crate::chunk::LONGEST_LINE`] that was read record by record, whatever was found.
    Records = "records",
    /// A line longer than [`crate::chunk::LONGEST_LINE`] that is no series of records; skipped.
    LineTooLong = "lineTooLong",
    /// A line of a list of passwords, which name nobody.
    ListedPassword = "listedPassword",
    /// A line of such a list that is a password's hash: it was looked up as a password, and most likely is none.
    ListedHash = "listedHash",
}

/// How many lines had which outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters([u64; Outcome::ALL.len()]);

impl Counters {
    /// Returns how many lines had this outcome.
    pub fn of(&self, outcome: Outcome) -> u64 {
        self.0[outcome as usize]
    }

    /// Returns the number of lines.
    pub fn lines(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Returns every outcome with its number of lines.
    pub fn iter(&self) -> impl Iterator<Item = (Outcome, u64)> {
        Outcome::ALL.iter().map(|outcome| (*outcome, self.of(*outcome)))
    }

    /// Adds what another part of the text counted.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }

    #[inline]
    pub(crate) fn count(&mut self, outcome: Outcome, lines: u64) {
        self.0[outcome as usize] += lines;
    }
}

const _: () = assert!(Outcome::ALL.len() <= 20);
