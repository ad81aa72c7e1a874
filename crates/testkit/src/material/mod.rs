//! Breach material that is made up: a directory, and documents in every shape, encoding and packing of leaks.md 3.1 with
//! current credentials of its people among old, foreign, similar and broken ones. The same for the same seed.
//!
//! ```
//! use testkit::material::{MadeUp, Material};
//!
//! let material = Material::new(1, &mut MadeUp::default());
//! let planted: usize = material.documents.iter().map(|document| document.expected.len()).sum();
//! assert!(planted > 100);
//! ```

mod blocks;
mod chance;
mod dumps;
mod judge;
mod lines;
mod pack;
mod passwords;
mod people;
mod shape;
mod sheet;
mod tables;
mod written;

pub use chance::Chance;
pub use judge::Judges;
pub use pack::{Packing, gzip, tar, zip};
pub use passwords::{Listed, MadeUp, Passwords};
pub use people::{DOMAIN, Person, Scheme, directory_csv};
pub use sheet::{Class, Expected};
pub use written::{Encoding, LineEnd};

use shape::{Shape, shapes};
use sheet::{Cast, Names, Sheet};
use std::path::{Path, PathBuf};
use written::{damaged, written};

/// How many people a directory has.
const PEOPLE: usize = 48;

/// A file, and what must be found in it.
pub struct Document {
    /// The file's name; it says the shape too.
    pub name: String,
    /// The shape, as reports call it.
    pub shape: String,
    /// What the file holds.
    pub bytes: Vec<u8>,
    /// How many lines it has, once it is unpacked.
    pub lines: u64,
    /// Who must be found in it: nobody else, and nobody of them may be missing. Sorted, each once.
    pub expected: Vec<Expected>,
}

/// A directory and the material about it.
pub struct Material {
    /// The directory's people.
    pub people: Vec<Person>,
    /// The files.
    pub documents: Vec<Document>,
}

impl Material {
    /// Makes material: a document of every shape, each in another encoding, with other ends of lines, in another packing,
    /// and some in which shapes are mixed.
    pub fn new(seed: u64, passwords: &mut dyn Passwords) -> Self {
        Self::make(seed, passwords, false)
    }

    /// The same with damage everywhere but to what is planted, and without packings, which damage destroys as a whole.
    pub fn damaged(seed: u64, passwords: &mut dyn Passwords) -> Self {
        Self::make(seed, passwords, true)
    }

    fn make(seed: u64, passwords: &mut dyn Passwords, is_damaged: bool) -> Self {
        let chance = Chance::new(seed);
        let people = Person::some(PEOPLE, passwords, &chance);
        let all = shapes();
        let mut documents = Vec::new();
        for (number, shape) in all.iter().enumerate() {
            let turn = number + seed as usize;
            let encoding = Encoding::ALL[turn % Encoding::ALL.len()];
            let end = LineEnd::ALL[turn % LineEnd::ALL.len()];
            let packing = Packing::ALL[turn / 3 % Packing::ALL.len()];
            let maker = Maker { people: &people, chance: &chance, number, is_damaged };
            documents.push(maker.document(&[shape], encoding, end, packing));
        }
        let mixing: Vec<&Shape> = all.iter().filter(|shape| shape.mixes).collect();
        for (number, encoding) in Encoding::ALL.into_iter().enumerate() {
            let maker = Maker { people: &people, chance: &chance, number: all.len() + number, is_damaged };
            let some: Vec<&Shape> = (0..12).map(|_| *chance.pick(&mixing)).collect();
            documents.push(maker.document(&some, encoding, LineEnd::Lf, Packing::None));
        }
        if !is_damaged {
            documents.push(machines(&people, &chance));
        }
        Self { people, documents }
    }

    /// Every password of the people, current and old: none of them may ever stand in what the product writes.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.people.iter().flat_map(|person| [person.password.as_str(), &person.stale, &person.similar])
    }

    /// Writes the files below a folder; gives that of the directory, and the folder of the material.
    pub fn write(&self, folder: &Path) -> std::io::Result<(PathBuf, PathBuf)> {
        let (directory, material) = (folder.join("people.csv"), folder.join("material"));
        std::fs::write(&directory, directory_csv(&self.people))?;
        std::fs::create_dir_all(&material)?;
        for document in &self.documents {
            std::fs::write(material.join(&document.name), &document.bytes)?;
        }
        Ok((directory, material))
    }
}

/// What a document is made with.
struct Maker<'a> {
    people: &'a [Person],
    chance: &'a Chance,
    number: usize,
    is_damaged: bool,
}

impl Maker<'_> {
    fn document(&self, shapes: &[&Shape], encoding: Encoding, end: LineEnd, packing: Packing) -> Document {
        let long = shapes.iter().any(|shape| shape.has_long_values);
        let may_be_lone = !long && !shapes.iter().any(|shape| shape.has_long_lines);
        let end = if !may_be_lone && end == LineEnd::Cr { LineEnd::Lf } else { end };
        let encoding = if self.is_damaged && !encoding.is_narrow() { Encoding::Utf8 } else { encoding };
        let mut sheet = Sheet::default();
        for shape in shapes {
            let fits = |password: &str| (shape.fits)(password) && encoding.can_write(password);
            let names_fit = |name: &str| encoding.can_name(name);
            let cast = Cast { people: self.people, chance: self.chance, fits: &fits, names_fit: &names_fit };
            (shape.write)(&mut sheet, &cast.records(shape.names), self.people, self.chance);
        }
        let (shape, extension) = match shapes {
            [one] => (one.name.clone(), one.extension),
            _ => ("mixed".to_owned(), "txt"),
        };
        let (bytes, lines) = if self.is_damaged {
            damaged(&sheet, encoding, end, self.chance)
        } else {
            written(&sheet, encoding, end, long)
        };
        let plain: String = shape.chars().filter(|c| *c == ' ' || c.is_ascii_alphanumeric()).collect();
        let name = format!("{:03} {plain} {encoding:?} {end:?}.{extension}", self.number).replace(' ', "-");
        let packing = if self.is_damaged { Packing::None } else { packing };
        let bytes = packing.pack(&name, &bytes);
        Document { name: name + packing.extension(), shape, bytes, lines, expected: sorted(sheet.expected) }
    }
}

fn sorted(mut expected: Vec<Expected>) -> Vec<Expected> {
    expected.sort_unstable();
    expected.dedup();
    expected
}

/// An archive with the folders of several machines.
fn machines(people: &[Person], chance: &Chance) -> Document {
    let (mut files, mut lines, mut expected) = (Vec::new(), 0, Vec::new());
    let (any_password, any_name) = (|_: &str| true, |_: &str| true);
    let cast = Cast { people, chance, fits: &any_password, names_fit: &any_name };
    for number in 0..4 {
        for (path, sheet) in blocks::machine(&cast.records(Names::All), number, people, chance) {
            let (bytes, count) = written(&sheet, Encoding::Utf8, LineEnd::CrLf, false);
            lines += count;
            expected.extend(sheet.expected);
            files.push((path, bytes));
        }
    }
    let (name, shape) = ("machines.zip".to_owned(), "archive of machines".to_owned());
    Document { name, shape, bytes: zip(&files), lines, expected: sorted(expected) }
}
