//! Enumerations, and those of them that may get members later.

/// A member of an enumeration. Names travel; values order and are kept.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// The name on the wire.
    pub name: &'static str,
    /// The number in `$metadata`, in comparisons and in stores.
    pub value: i32,
}

/// The member behind which later ones hide, such as `unknownFutureValue`: a client that was written
/// before them is told of it in their place (Microsoft's guideline, "evolvable enums").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sentinel {
    /// Its value. Members with greater ones hide behind it.
    pub value: i32,
    /// Whether an entity can be created with it, though nobody knows what it stands for.
    pub is_creatable: bool,
}

/// Which members of evolvable enumerations a client is told of and may name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EnumMembers {
    /// Those up to the sentinel.
    #[default]
    Known,
    /// Every one: the client says that it is prepared for unknown ones (`Prefer:
    /// include-unknown-enum-members`).
    All,
}

/// An enumeration.
#[derive(Debug)]
pub struct EnumType {
    /// The schema that declares it.
    pub namespace: &'static str,
    /// Its name within the schema.
    pub name: &'static str,
    /// Its members.
    pub members: &'static [Member],
    /// Whether a value can be several members at once, as bits.
    pub is_flags: bool,
    /// Where it is evolvable, the member behind which others hide. An enumeration of flags has none.
    pub sentinel: Option<Sentinel>,
}

impl EnumType {
    /// An enumeration of one member at a time.
    pub const fn new(namespace: &'static str, name: &'static str, members: &'static [Member]) -> Self {
        Self { namespace, name, members, is_flags: false, sentinel: None }
    }

    /// The same, of which a value can be several members at once.
    #[must_use]
    pub const fn flags(self) -> Self {
        Self { is_flags: true, ..self }
    }

    /// The same, with members that hide behind a sentinel as soon as there are such.
    #[must_use]
    pub const fn evolvable(self, sentinel: Sentinel) -> Self {
        Self { sentinel: Some(sentinel), ..self }
    }

    /// Finds a member by its name, ignoring case.
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name.eq_ignore_ascii_case(name))
    }

    /// Finds a member by its value.
    pub fn member_of(&self, value: i64) -> Option<&Member> {
        // Most enumerations count from zero, without gaps.
        let place = usize::try_from(value).ok().and_then(|place| self.members.get(place));
        let is_it = |member: &&Member| i64::from(member.value) == value;
        place.filter(is_it).or_else(|| self.members.iter().find(is_it))
    }

    /// Tells whether a value is that of a member behind the sentinel.
    pub fn hides(&self, value: i64) -> bool {
        self.sentinel.is_some_and(|sentinel| value > i64::from(sentinel.value))
    }

    /// The sentinel's value, when members hide behind it from such a client.
    pub fn mask(&self, told: EnumMembers) -> Option<i64> {
        let masks = told == EnumMembers::Known && self.members.iter().any(|member| self.hides(member.value.into()));
        self.sentinel.filter(|_| masks).map(|sentinel| sentinel.value.into())
    }

    /// The member as which a client is told of a value; `None` for a value that no member has.
    pub fn shown(&self, value: i64, told: EnumMembers) -> Option<&Member> {
        let member = self.member_of(value)?;
        match self.sentinel {
            Some(sentinel) if told == EnumMembers::Known && self.hides(value) => self.member_of(sentinel.value.into()),
            _ => Some(member),
        }
    }

    /// The members that a client may name.
    pub fn named(&self, told: EnumMembers) -> impl Iterator<Item = &Member> {
        let masks = self.mask(told).is_some();
        self.members.iter().filter(move |member| !masks || !self.hides(member.value.into()))
    }
}
