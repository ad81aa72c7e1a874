//! Evidence: what speaks for a risk event, kept as part of it (leaks.md, capability 8 and 7.1).
//!
//! It holds no secret, and nothing made of one: names of sources, attributes and rules, a class, times and
//! a count.

use crate::decide::Moment;
use crate::edm::{self, evidence as at};
use odata::Ticks;
use odata::body::{EntityBody, Value};
use odata::edm::{EntityType, Member};
use odata::encode::{Cell, CellError, Row, write_string};
use odata::fault::{Fault, FaultKind, excerpt};

/// How what was found fits the user; the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i32)]
pub enum MatchClass {
    /// `pair`: the address and the current password.
    Pair = 0,
    /// `pairByHash`: the address and a hash of the current password.
    PairByHash = 1,
    /// `similar`: the address and a password like the current one.
    Similar = 2,
    /// `passwordOnly`: the current password, without the address.
    PasswordOnly = 3,
    /// `addressOnly`: the address alone.
    AddressOnly = 4,
}

impl MatchClass {
    const ALL: [Self; 5] = [Self::Pair, Self::PairByHash, Self::Similar, Self::PasswordOnly, Self::AddressOnly];

    /// The value of `unknownFutureValue`, which no evidence has.
    pub(crate) const SENTINEL: i32 = 5;

    pub(crate) const MEMBERS: [Member; 6] = [
        Member { name: "pair", value: 0 },
        Member { name: "pairByHash", value: 1 },
        Member { name: "similar", value: 2 },
        Member { name: "passwordOnly", value: 3 },
        Member { name: "addressOnly", value: 4 },
        Member { name: "unknownFutureValue", value: Self::SENTINEL },
    ];

    /// The class with this value in the EDM.
    pub fn from_value(value: i64) -> Option<Self> {
        usize::try_from(value).ok().and_then(|value| Self::ALL.get(value).copied())
    }

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        Self::MEMBERS[self as usize].name
    }
}

/// What was found where: of an event, the same finding is one item, however often it is told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Finding {
    /// `source`
    pub source: Box<str>,
    /// `matchClass`
    pub match_class: MatchClass,
    /// `matchedAttribute`
    pub matched_attribute: Option<Box<str>>,
    /// `matchedRule`
    pub matched_rule: Option<Box<str>>,
}

/// An item of evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Its place among the items of its event, from 1: the id. Only undoing a job takes items away.
    id: Box<str>,
    /// What was found where.
    pub finding: Finding,
    /// When that was first seen.
    pub first_seen: Ticks,
    /// When that was last seen.
    pub last_seen: Ticks,
    /// How often.
    pub occurrences: i32,
    /// Whether the account could sign in when it was last seen, as far as the directory says.
    pub account_enabled: Option<bool>,
    /// The number of the change that made it.
    pub creation: u64,
    /// The number of its latest change; its ETag.
    pub version: u64,
}

/// What a body says of an item of evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvidence {
    /// What was found where.
    pub finding: Finding,
    /// `firstSeenDateTime`
    pub first_seen: Option<Ticks>,
    /// `lastSeenDateTime`
    pub last_seen: Option<Ticks>,
    /// How often it was seen.
    pub occurrences: i32,
    /// `accountEnabled`
    pub account_enabled: Option<bool>,
}

impl NewEvidence {
    /// Takes the properties out of a body; `None` when something is wrong with it, which is among its faults
    /// then.
    pub fn from_body(body: &mut EntityBody) -> Option<Self> {
        let all = edm::EVIDENCE.all_properties();
        let refuse = |body: &mut EntityBody, position: usize, what: String| {
            let name = all[position].name;
            body.refuse(position, Fault::new(FaultKind::InvalidValue, name, format!("`{name}` is {what}")));
        };
        if body.take_text(at::ID).is_some() {
            refuse(body, at::ID, "made by the server; leave it out".to_owned());
        }
        let source = body.take_text(at::SOURCE);
        if source.as_ref().is_some_and(|source| source.chars().any(char::is_control)) {
            let found = source.as_deref().map(excerpt).unwrap_or_default();
            refuse(body, at::SOURCE, format!("{found}, which has control characters; expected a name without"));
        }
        let match_class = match body.take(at::MATCH_CLASS) {
            Some(Value::Enum(value)) => MatchClass::from_value(value.into()),
            _ => None,
        };
        for (position, is_there) in [(at::SOURCE, source.is_some()), (at::MATCH_CLASS, match_class.is_some())] {
            if !is_there && !body.is_faulty(position) {
                body.faults.push(Fault::missing(all[position].name));
            }
        }
        let name = |body: &mut EntityBody, position| {
            let name = body.take_text(position)?;
            if !is_name(&name) {
                let expected = "expected a letter, then letters, digits, `.`, `_` and `-`";
                refuse(body, position, format!("{}; {expected}", excerpt(&name)));
            }
            Some(name)
        };
        let (matched_attribute, matched_rule) = (name(body, at::MATCHED_ATTRIBUTE), name(body, at::MATCHED_RULE));
        let time = |value| match value {
            Some(Value::DateTimeOffset(ticks)) => Some(ticks),
            _ => None,
        };
        let first_seen = time(body.take(at::FIRST_SEEN_DATE_TIME));
        let last_seen = time(body.take(at::LAST_SEEN_DATE_TIME));
        if first_seen.zip(last_seen).is_some_and(|(first, last)| last < first) {
            refuse(body, at::LAST_SEEN_DATE_TIME, "before `firstSeenDateTime`".to_owned());
        }
        let occurrences = match body.take(at::OCCURRENCES) {
            Some(Value::Int32(value)) => value,
            _ => 1,
        };
        if occurrences < 1 {
            refuse(body, at::OCCURRENCES, format!("{occurrences}; expected a whole number from 1 to {}", i32::MAX));
        }
        let account_enabled = match body.take(at::ACCOUNT_ENABLED) {
            Some(Value::Boolean(value)) => Some(value),
            _ => None,
        };
        if !body.faults.is_empty() {
            return None;
        }
        let finding = Finding { source: source?, match_class: match_class?, matched_attribute, matched_rule };
        Some(Self { finding, first_seen, last_seen, occurrences, account_enabled })
    }
}

/// Whether a text is the name of an attribute or a rule.
fn is_name(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(is_part)
}

impl Evidence {
    /// The item that an event gets, as its `place`th from 1.
    pub(crate) fn new(new: NewEvidence, place: usize, moment: Moment) -> Self {
        let (first, last) = new.seen(moment.now);
        Self {
            id: place.to_string().into(),
            finding: new.finding,
            first_seen: first,
            last_seen: last,
            occurrences: new.occurrences,
            account_enabled: new.account_enabled,
            creation: moment.sequence,
            version: moment.sequence,
        }
    }

    /// Adds what is told of the same finding once more.
    pub(crate) fn add(&mut self, new: &NewEvidence, moment: Moment) {
        let (first, last) = new.seen(moment.now);
        self.first_seen = self.first_seen.min(first);
        self.last_seen = self.last_seen.max(last);
        self.occurrences = self.occurrences.saturating_add(new.occurrences);
        self.account_enabled = new.account_enabled.or(self.account_enabled);
        self.version = moment.sequence;
    }

    /// The item when a job tells of the same finding again. What it told before is not counted twice, and the same
    /// source read once more is nothing new: `None`, also where only the time of reading is a later one.
    pub(crate) fn seen_again(&self, seen: &NewEvidence, moment: Moment) -> Option<Self> {
        let (first, last) = seen.seen(moment.now);
        let again = Self {
            first_seen: self.first_seen.min(first),
            occurrences: self.occurrences.max(seen.occurrences),
            account_enabled: seen.account_enabled.or(self.account_enabled),
            ..self.clone()
        };
        let is_new = again != *self;
        is_new.then(|| Self { last_seen: self.last_seen.max(last), version: moment.sequence, ..again })
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether nothing has been added to it since it was made.
    pub fn is_new(&self) -> bool {
        self.creation == self.version
    }

    /// Makes it of a row of its type; a value that fits no type names its property. The change that made it
    /// is none of the row's cells.
    pub fn from_row(row: &dyn Row, creation: u64) -> Result<Self, CellError> {
        let all = edm::EVIDENCE.all_properties();
        let damaged = |position: usize| CellError { property: all[position].name, expected: all[position].ty };
        let optional = |position: usize| match row.cell(position) {
            Cell::Text(text) => Ok(Some(Box::<str>::from(text))),
            Cell::Null => Ok(None),
            _ => Err(damaged(position)),
        };
        let text = |position: usize| optional(position)?.ok_or_else(|| damaged(position));
        let number = |position: usize| match row.cell(position) {
            Cell::Integer(value) => Ok(value),
            _ => Err(damaged(position)),
        };
        let ticks = |position: usize| Ticks::new(number(position)?).ok_or_else(|| damaged(position));
        let match_class = MatchClass::from_value(number(at::MATCH_CLASS)?);
        Ok(Self {
            id: text(at::ID)?,
            finding: Finding {
                source: text(at::SOURCE)?,
                match_class: match_class.ok_or_else(|| damaged(at::MATCH_CLASS))?,
                matched_attribute: optional(at::MATCHED_ATTRIBUTE)?,
                matched_rule: optional(at::MATCHED_RULE)?,
            },
            first_seen: ticks(at::FIRST_SEEN_DATE_TIME)?,
            last_seen: ticks(at::LAST_SEEN_DATE_TIME)?,
            occurrences: i32::try_from(number(at::OCCURRENCES)?).map_err(|_| damaged(at::OCCURRENCES))?,
            account_enabled: match row.cell(at::ACCOUNT_ENABLED) {
                Cell::Null => None,
                _ => Some(number(at::ACCOUNT_ENABLED)? != 0),
            },
            creation,
            version: row.version(),
        })
    }
}

impl NewEvidence {
    /// When it was first and last seen; what is left out is now, or as near to it as the other one lets it.
    fn seen(&self, now: Ticks) -> (Ticks, Ticks) {
        match (self.first_seen, self.last_seen) {
            (Some(first), Some(last)) => (first, last),
            (Some(first), None) => (first, now.max(first)),
            (None, Some(last)) => (now.min(last), last),
            (None, None) => (now, now),
        }
    }
}

impl Row for Evidence {
    fn cell(&self, position: usize) -> Cell<'_> {
        let finding = &self.finding;
        match position {
            at::ID => Cell::Text(&self.id),
            at::SOURCE => Cell::Text(&finding.source),
            at::MATCH_CLASS => Cell::Integer(finding.match_class as i64),
            at::MATCHED_ATTRIBUTE => finding.matched_attribute.as_deref().map_or(Cell::Null, Cell::Text),
            at::MATCHED_RULE => finding.matched_rule.as_deref().map_or(Cell::Null, Cell::Text),
            at::FIRST_SEEN_DATE_TIME => Cell::Integer(self.first_seen.get()),
            at::LAST_SEEN_DATE_TIME => Cell::Integer(self.last_seen.get()),
            at::OCCURRENCES => Cell::Integer(self.occurrences.into()),
            at::ACCOUNT_ENABLED => self.account_enabled.map_or(Cell::Null, |enabled| Cell::Integer(enabled.into())),
            _ => Cell::Null,
        }
    }

    fn entity_type(&self) -> &'static EntityType {
        &edm::EVIDENCE
    }

    fn version(&self) -> u64 {
        self.version
    }
}

/// What a change does to the evidence of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceChange {
    /// The items that are new or others than before.
    pub written: Vec<Evidence>,
    /// Ids of items that are gone: a job that brought them was undone.
    pub removed: Vec<Box<str>>,
    /// `additionalInfo` of the event's detection from then on; none without evidence.
    pub additional_info: Option<String>,
}

impl EvidenceChange {
    /// What becomes of an event's evidence when something is added to it.
    pub(crate) fn of(before: &[Evidence], added: Vec<NewEvidence>, moment: Moment) -> Self {
        let mut all = before.to_vec();
        for new in added {
            match all.iter_mut().find(|known| known.finding == new.finding) {
                Some(known) => known.add(&new, moment),
                None => all.push(Evidence::new(new, all.len() + 1, moment)),
            }
        }
        Self::whole(all, moment)
    }

    /// What becomes of an event's evidence when it is all of these, of which those of this moment are new or others.
    pub(crate) fn whole(all: Vec<Evidence>, moment: Moment) -> Self {
        let additional_info = (!all.is_empty()).then(|| additional_info(&all));
        let written = all.into_iter().filter(|item| item.version == moment.sequence).collect();
        Self { written, removed: Vec::new(), additional_info }
    }

    /// What becomes of an event's evidence when it is all of these instead of what it is.
    pub(crate) fn instead_of(now: &[Evidence], all: Vec<Evidence>, moment: Moment) -> Self {
        let is_kept = |item: &&Evidence| all.iter().any(|kept| kept.id == item.id);
        let removed = now.iter().filter(|item| !is_kept(item)).map(|item| item.id.clone()).collect();
        let again = |item: Evidence| Evidence { version: moment.sequence, ..item };
        Self { removed, ..Self::whole(all.into_iter().map(again).collect(), moment) }
    }
}

/// The most characters of the names of sources in `additionalInfo`.
const SOURCES: usize = 1_024;

/// Evidence as `additionalInfo` of a detection tells of it: a JSON array of Key and Value, every value a text
/// (graph.md, section 4.1). What can only be one is that of the strongest item; sources are all of them, as far
/// as there is room, the strongest first.
pub fn additional_info(evidence: &[Evidence]) -> String {
    let mut all: Vec<&Evidence> = evidence.iter().collect();
    all.sort_by_key(|item| (item.finding.match_class, std::cmp::Reverse(item.last_seen)));
    let Some(strongest) = all.first() else { return "[]".to_owned() };
    let finding = &strongest.finding;
    let first = all.iter().map(|item| item.first_seen).min();
    let last = all.iter().map(|item| item.last_seen).max();
    let occurrences: i64 = all.iter().map(|item| i64::from(item.occurrences)).sum();
    let members = [
        ("matchClass", Some(finding.match_class.name().to_owned())),
        ("matchedAttribute", finding.matched_attribute.as_deref().map(str::to_owned)),
        ("matchedRule", finding.matched_rule.as_deref().map(str::to_owned)),
        ("source", Some(sources(&all))),
        ("firstSeen", first.map(|ticks| ticks.to_string())),
        ("lastSeen", last.map(|ticks| ticks.to_string())),
        ("occurrences", Some(occurrences.to_string())),
        ("accountEnabled", all.iter().find_map(|item| item.account_enabled).map(|enabled| enabled.to_string())),
    ];
    let mut out = Vec::from(*b"[");
    for (key, value) in members.iter().filter_map(|(key, value)| Some((key, value.as_ref()?))) {
        if out.len() > 1 {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"Key\":");
        write_string(key, &mut out);
        out.extend_from_slice(b",\"Value\":");
        write_string(value, &mut out);
        out.push(b'}');
    }
    out.push(b']');
    String::from_utf8(out).expect("JSON of texts is UTF-8")
}

/// The names of the sources, each once, and how many more there are when not all have room.
fn sources(all: &[&Evidence]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for item in all {
        if !names.contains(&&*item.finding.source) {
            names.push(&item.finding.source);
        }
    }
    let mut out = String::new();
    let mut length = 0;
    for (at, name) in names.iter().enumerate() {
        length += name.chars().count() + 2;
        if length > SOURCES {
            return format!("{out}, and {} more", names.len() - at);
        }
        if at > 0 {
            out.push_str(", ");
        }
        out.push_str(name);
    }
    out
}
