//! Detections written in one go. But for a few texts, one detection as it is usually shown reads like the next; what
//! they have in common is rendered once, by the encoder and from the declaration, and copied from then on.

use crate::detection::LEAKED;
use crate::edm::{self, event, risk_detection as at};
use crate::risk::{RiskDetail, RiskState};
use odata::Ticks;
use odata::edm::{EntityType, EnumMembers};
use odata::encode::{Cell, Encoder, Metadata, Row};
use std::sync::OnceLock;

/// What differs from one detection to the next, its state and detail aside.
pub(crate) struct Values<'v> {
    /// The text of its id.
    pub(crate) id: &'v str,
    /// When its event was last written.
    pub(crate) last_updated: Ticks,
    /// Other values as JSON, in the order of [`COPIED`].
    pub(crate) copied: [&'v str; COPIED.len()],
}

/// The properties whose values are copied as JSON, and those of the event that hold them.
pub(crate) const COPIED: [(usize, usize); 6] = [
    (at::ACTIVITY_DATE_TIME, event::RISK_EVENT_DATE_TIME),
    (at::DETECTED_DATE_TIME, event::CREATED_DATE_TIME),
    (at::RISK_LEVEL, event::RISK_LEVEL),
    (at::USER_DISPLAY_NAME, event::USER_DISPLAY_NAME),
    (at::USER_ID, event::USER_ID),
    (at::USER_PRINCIPAL_NAME, event::USER_PRINCIPAL_NAME),
];

/// One of [`Values`].
#[derive(Clone, Copy, Debug)]
enum Slot {
    Id,
    LastUpdated,
    Copied(usize),
}

/// Begins the mark of a slot in what is rendered once; no JSON has it.
const MARK: char = '\0';

impl Slot {
    /// The slot in which the value of a property stands.
    fn of(position: usize) -> Option<Self> {
        match position {
            at::ID => Some(Self::Id),
            at::LAST_UPDATED_DATE_TIME => Some(Self::LastUpdated),
            _ => COPIED.iter().position(|(copied, _)| *copied == position).map(Self::Copied),
        }
    }
}

/// The members of a detection with slots in them.
#[derive(Debug)]
pub(crate) struct Template {
    /// Each slot with the text before it.
    slots: Vec<(Box<str>, Slot)>,
    end: Box<str>,
    length: usize,
}

impl Template {
    /// The one for leaked credentials in a state, with a detail and without evidence, shown with what v1.0 shows without
    /// `$select`. `None` where clients are told differently of them, by the members of enumerations that they know.
    pub(crate) fn of(state: RiskState, detail: RiskDetail) -> Option<&'static Self> {
        const STATES: usize = RiskState::MEMBERS.len();
        static KNOWN: [OnceLock<Option<Template>>; STATES * RiskDetail::MEMBERS.len()] =
            [const { OnceLock::new() }; STATES * RiskDetail::MEMBERS.len()];
        let place = detail as usize * STATES + state as usize;
        KNOWN.get(place)?.get_or_init(|| Self::render(state, detail)).as_ref()
    }

    fn render(state: RiskState, detail: RiskDetail) -> Option<Self> {
        let sample = Sample::of(state, detail);
        let [all, known] = [EnumMembers::All, EnumMembers::Known].map(|told| {
            let encoder = Encoder::with_properties(at::DEFAULT, &edm::RISK_DETECTION, Metadata::None, None);
            let mut out = Vec::new();
            encoder.with_enum_members(told).members(&sample, &mut out).expect("the sample is sound");
            String::from_utf8(out).expect("JSON is written of texts")
        });
        if all != known {
            return None;
        }
        let (mut slots, mut rest): (Vec<(Box<str>, Slot)>, _) = (Vec::new(), &*all);
        while let Some((before, marked)) = rest.split_once(MARK) {
            let (position, after) = marked.split_once(MARK).expect("every mark ends");
            let slot = position.parse().ok().and_then(Slot::of).expect("a mark names a slot");
            slots.push((before.into(), slot));
            rest = after;
        }
        let length = slots.iter().map(|(before, _)| before.len()).sum::<usize>() + rest.len();
        Some(Self { slots, end: rest.into(), length })
    }

    /// Writes the members of a detection to the end of `out`.
    pub(crate) fn write(&self, values: &Values<'_>, out: &mut Vec<u8>) {
        const DATE: usize = 28;
        let copied: usize = values.copied.iter().map(|json| json.len()).sum();
        out.reserve(self.length + values.id.len() + DATE + copied);
        for (before, slot) in &self.slots {
            out.extend_from_slice(before.as_bytes());
            match *slot {
                Slot::Id => out.extend_from_slice(values.id.as_bytes()),
                Slot::LastUpdated => values.last_updated.write(out),
                Slot::Copied(place) => out.extend_from_slice(values.copied[place].as_bytes()),
            }
        }
        out.extend_from_slice(self.end.as_bytes());
    }
}

/// A detection with marks in place of what goes into slots.
struct Sample {
    state: RiskState,
    detail: RiskDetail,
    marks: Vec<Option<String>>,
}

impl Sample {
    fn of(state: RiskState, detail: RiskDetail) -> Self {
        let mark = |position| {
            let mark = format!("{MARK}{position}{MARK}");
            Slot::of(position).map(|slot| match slot {
                Slot::Copied(_) => mark,
                Slot::Id | Slot::LastUpdated => format!("\"{mark}\""),
            })
        };
        Self { state, detail, marks: (0..edm::RISK_DETECTION.property_count()).map(mark).collect() }
    }
}

impl Row for Sample {
    fn cell(&self, position: usize) -> Cell<'_> {
        match position {
            at::ADDITIONAL_INFO => Cell::Text(crate::detection::NO_INFO),
            at::RISK_DETAIL => Cell::Integer(self.detail as i64),
            at::RISK_EVENT_TYPE => Cell::Text(LEAKED),
            at::RISK_STATE => Cell::Integer(self.state as i64),
            _ => Cell::Damaged,
        }
    }

    fn json(&self, position: usize) -> Option<&str> {
        self.marks.get(position)?.as_deref()
    }

    fn entity_type(&self) -> &'static EntityType {
        &edm::RISK_DETECTION
    }

    fn version(&self) -> u64 {
        0
    }
}
