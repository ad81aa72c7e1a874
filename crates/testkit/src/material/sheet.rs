//! What is written before it becomes bytes: lines, of which some hold what was planted.

use super::chance::Chance;
use super::people::Person;

/// How a credential must be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// By the password.
    Pair,
    /// By a hash of it.
    PairByHash,
}

/// What a document must give: the number of a person, and how.
pub type Expected = (usize, Class);

/// A name with a password beside it.
pub struct Record {
    /// The name as it is written.
    pub name: String,
    /// The password beside it.
    pub password: String,
    /// Whose name it is; a stranger's has none.
    pub person: Option<usize>,
    /// Whether it is the current password of that person.
    pub is_current: bool,
    /// Whether it is nearly that: a flipped bit could make it so.
    pub is_similar: bool,
}

impl Record {
    /// What must be found where its password stands in clear.
    pub fn expected(&self) -> Option<Expected> {
        self.person.filter(|_| self.is_current).map(|person| (person, Class::Pair))
    }
}

/// A line, or several that belong together.
pub struct Item {
    /// Without the end of the last line.
    pub text: String,
    /// Whether something that must be found rests on it: damage leaves it alone.
    pub is_planted: bool,
}

/// The lines of a document.
#[derive(Default)]
pub struct Sheet {
    /// In their order.
    pub items: Vec<Item>,
    /// What must be found in them.
    pub expected: Vec<Expected>,
}

impl Sheet {
    /// Adds lines on which nothing rests.
    pub fn other(&mut self, text: impl Into<String>) {
        self.items.push(Item { text: text.into(), is_planted: false });
    }

    /// Adds lines without which others cannot be understood: a header, a statement.
    pub fn frame(&mut self, text: impl Into<String>) {
        self.items.push(Item { text: text.into(), is_planted: true });
    }

    /// Adds lines with a record, whose password stands there in clear.
    pub fn record(&mut self, record: &Record, text: impl Into<String>) {
        self.found(record.expected(), text);
        if let Some(item) = self.items.last_mut() {
            item.is_planted |= record.is_similar;
        }
    }

    /// Adds lines in which this must be found.
    pub fn found(&mut self, expected: Option<Expected>, text: impl Into<String>) {
        self.items.push(Item { text: text.into(), is_planted: expected.is_some() });
        self.expected.extend(expected);
    }

    /// Adds lines as they come in every collection and name nobody.
    pub fn junk(&mut self, chance: &Chance) {
        const JUNK: [&str; 14] = [
            "",
            "----------------------------------------",
            "@",
            "::::",
            "<html><body><a href=\"https://ads.example/?a=1&amp;b=2\">more</a>",
            "https://t.me/somewhere",
            "somebody@",
            "@contoso.example",
            "nobody@elsewhere.example:[NOT_SAVED]",
            "nobody@elsewhere.example",
            "$HEX[zz]",
            "{\"broken\": ",
            "null:null",
            "a:b:c:d:e:f:g:h",
        ];
        match chance.below(20) {
            0 => self.other("\0\0\0"),
            1 => self.other(format!("{}@elsewhere.example:{}", chance.token(4), "x".repeat(chance.below(3000)))),
            _ => self.other(*chance.pick(&JUNK)),
        }
    }
}

/// Which names a shape can write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Addresses.
    Addresses,
    /// Addresses, `DOMAIN\name` and names alone.
    All,
}

/// The people of a document, and whom and what it can say.
pub struct Cast<'a> {
    /// Everybody.
    pub people: &'a [Person],
    /// Chance.
    pub chance: &'a Chance,
    /// Whether a password can stand in the document.
    pub fits: &'a dyn Fn(&str) -> bool,
    /// Whether a name can.
    pub names_fit: &'a dyn Fn(&str) -> bool,
}

impl Cast<'_> {
    /// Records in chance's order: current credentials, old ones, nearly right ones, and strangers with the passwords of
    /// people.
    pub fn records(&self, names: Names) -> Vec<Record> {
        let mut records = Vec::new();
        let mut tries = 0;
        while records.len() < 12 && tries < 200 {
            tries += 1;
            let number = self.chance.below(self.people.len());
            let person = &self.people[number];
            let name = self.name(person, names);
            let known = |is_current, is_similar, password: &str| Record {
                name: name.clone(),
                password: password.to_owned(),
                person: Some(number),
                is_current,
                is_similar,
            };
            let record = match records.len() % 6 {
                0..3 => known(true, false, &person.password),
                3 => known(false, false, &person.stale),
                4 => known(false, true, &person.similar),
                _ => self.stranger(person),
            };
            if (self.fits)(&record.password) && (self.names_fit)(&record.name) {
                records.push(record);
            }
        }
        for place in (1..records.len()).rev() {
            records.swap(place, self.chance.below(place + 1));
        }
        records
    }

    /// A stranger who has the password of one of the people, and perhaps the same name in another domain.
    fn stranger(&self, person: &Person) -> Record {
        let local = person.upn.split('@').next().unwrap_or_default();
        let name = match self.chance.below(4) {
            0 => format!("{local}@elsewhere.example"),
            1 => format!("{}@gmail.com", self.chance.token(9)),
            2 => format!("{}@contoso.example", self.chance.token(9)),
            _ => format!("{}@notcontoso.example", self.chance.token(6)),
        };
        Record { name, password: person.password.clone(), person: None, is_current: false, is_similar: false }
    }

    fn name(&self, person: &Person, names: Names) -> String {
        let bare = names == Names::All;
        match self.chance.below(if bare { 9 } else { 7 }) {
            0 | 1 => person.upn.clone(),
            2 => person.alias.clone(),
            3 => person.personal.clone().unwrap_or_else(|| person.upn.clone()),
            4 => person.upn.to_uppercase(),
            5 => person.alias.replacen('@', "+shop@", 1),
            6 => format!("{}.", person.alias),
            7 => format!("{}\\{}", super::people::DOMAIN, person.sam),
            _ => person.sam.clone(),
        }
    }
}
