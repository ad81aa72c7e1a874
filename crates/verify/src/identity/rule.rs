//! The rules that make two spellings of a name equal (leaks.md 3.2).

macro_rules! rules {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// One rule of normalisation, so that a finding can say which ones its match rests on.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Rule {
            $($(#[$doc])* $variant,)*
        }

        impl Rule {
            /// Every rule.
            pub const ALL: &'static [Rule] = &[$(Rule::$variant,)*];

            /// Returns the name under which a finding shows the rule.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Rule::$variant => $name,)*
                }
            }
        }
    };
}

rules! {
    /// Blanks around the name were dropped.
    Trim = "trim",
    /// `SMTP:`, `smtp:` or `mailto:` in front of an address was dropped.
    AddressPrefix = "addressPrefix",
    /// Compatibility forms were replaced (NFKC): full-width letters, ligatures, decomposed accents.
    Nfkc = "nfkc",
    /// Upper and lower case were made one.
    CaseFold = "caseFold",
    /// The dot of the root was dropped from the domain.
    TrailingDot = "trailingDot",
    /// The domain was written in its ASCII form, `xn--..` (UTS 46).
    IdnAscii = "idnAscii",
    /// The domain was written in its Unicode form: the second spelling that the index holds.
    IdnUnicode = "idnUnicode",
    /// A subdomain counts as the domain above it, by configuration.
    Subdomain = "subdomain",
    /// The domain is another name of the same one, by configuration.
    AliasDomain = "aliasDomain",
    /// The tag was dropped: `jane+shop` is `jane`.
    PlusTag = "plusTag",
    /// Dots were dropped from the local part, in domains that ignore them.
    Dots = "dots",
}

/// A set of rules.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RuleSet(u16);

impl RuleSet {
    /// No rule: the name is as it was written.
    pub const NONE: Self = Self(0);

    /// The bits that a set takes.
    pub(super) const BITS: u32 = 12;

    /// Tells whether the rule is in the set.
    pub const fn contains(self, rule: Rule) -> bool {
        self.0 & (1 << rule as u8) != 0
    }

    /// Tells whether no rule is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the set with the rule in it.
    #[must_use]
    pub const fn with(self, rule: Rule) -> Self {
        Self(self.0 | 1 << rule as u8)
    }

    /// Returns the rules of both sets: what a match of a leaked name with a directory's rests on.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns the rules in the order of [`Rule::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Rule> {
        Rule::ALL.iter().copied().filter(move |rule| self.contains(*rule))
    }

    pub(super) fn insert(&mut self, rule: Rule) {
        *self = self.with(rule);
    }

    pub(super) const fn bits(self) -> u16 {
        self.0
    }

    pub(super) const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }
}

impl FromIterator<Rule> for RuleSet {
    fn from_iter<I: IntoIterator<Item = Rule>>(rules: I) -> Self {
        rules.into_iter().fold(Self::NONE, Self::with)
    }
}

impl std::fmt::Debug for RuleSet {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.iter()).finish()
    }
}
