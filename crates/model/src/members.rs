//! The rendered members of an event, taken apart again: what is shown of it in another view is copied, not made anew.

/// How many properties an event has.
const COUNT: usize = 10;

/// The values of an event's properties as JSON, by position: pieces of what [`crate::event_members`] renders.
#[derive(Clone, Copy)]
pub struct Members<'m>([&'m str; COUNT]);

impl<'m> Members<'m> {
    /// Takes them apart; `None` when the text is none that was rendered here.
    pub fn of(text: &'m str) -> Option<Self> {
        let (id, rest) = value(text, "\"id\":")?;
        let (user_display_name, rest) = value(rest, ",\"userDisplayName\":")?;
        let (user_principal_name, rest) = value(rest, ",\"userPrincipalName\":")?;
        let (risk_event_date_time, rest) = value(rest, ",\"riskEventDateTime\":")?;
        let (risk_event_type, rest) = value(rest, ",\"riskEventType\":")?;
        let (risk_level, rest) = value(rest, ",\"riskLevel\":")?;
        let (risk_event_status, rest) = value(rest, ",\"riskEventStatus\":")?;
        let (closed_date_time, rest) = value(rest, ",\"closedDateTime\":")?;
        let (created_date_time, rest) = value(rest, ",\"createdDateTime\":")?;
        let (user_id, rest) = value(rest, ",\"userId\":")?;
        rest.is_empty().then_some(Self([
            id,
            user_display_name,
            user_principal_name,
            risk_event_date_time,
            risk_event_type,
            risk_level,
            risk_event_status,
            closed_date_time,
            created_date_time,
            user_id,
        ]))
    }

    /// The value of the property at a position, as JSON.
    pub fn json(&self, position: usize) -> Option<&'m str> {
        self.0.get(position).copied()
    }

    /// The value of the property at a position, where it is a text in which JSON escapes nothing.
    pub fn plain_text(&self, position: usize) -> Option<&'m str> {
        let inner = self.json(position)?.strip_prefix('"')?.strip_suffix('"')?;
        memchr::memchr(b'\\', inner.as_bytes()).is_none().then_some(inner)
    }
}

/// The value that stands behind its name, and what follows. Inlined, so that names of known length are compared.
#[inline]
fn value<'m>(text: &'m str, name: &'static str) -> Option<(&'m str, &'m str)> {
    let rest = text.strip_prefix(name)?;
    rest.split_at_checked(end_of_value(rest.as_bytes())?)
}

/// How long the text or the `null` is that a text begins with.
fn end_of_value(text: &[u8]) -> Option<usize> {
    if text.first() != Some(&b'"') {
        return text.starts_with(b"null").then_some(4);
    }
    let mut at = 1;
    loop {
        at += memchr::memchr(b'"', text.get(at..)?)?;
        let escapes = text[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
        at += 1;
        if escapes.is_multiple_of(2) {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edm;
    use crate::event::event_members;
    use odata::edm::EntityType;
    use odata::encode::{Cell, Row};
    use proptest::prelude::*;

    struct Event<'t>([Cell<'t>; COUNT]);

    impl Row for Event<'_> {
        fn cell(&self, position: usize) -> Cell<'_> {
            self.0[position]
        }
        fn entity_type(&self) -> &'static EntityType {
            &edm::LEAKED_CREDENTIALS_RISK_EVENT
        }
        fn version(&self) -> u64 {
            1
        }
    }

    proptest! {
        #[test]
        fn what_was_rendered_is_taken_apart(texts in prop::collection::vec("[\"\\\\,:a\\u{0}é]{0,8}|\\PC{0,12}", 5), closed: bool) {
            let [id, name, upn, kind, user] = &*texts else { unreachable!() };
            let text = |text: &'_ String| text.clone();
            let time = Cell::Integer(17_000_000_000_000_000);
            let event = Event([
                Cell::Text(id), Cell::Text(name), Cell::Text(upn), time, Cell::Text(kind), Cell::Integer(2),
                Cell::Integer(0), if closed { time } else { Cell::Null }, time, Cell::Text(user),
            ]);
            let rendered = event_members(&event).unwrap();
            let members = Members::of(&rendered).expect("what was rendered");
            for (position, text) in [(0, text(id)), (1, text(name)), (2, text(upn)), (4, text(kind)), (9, text(user))] {
                let json = members.json(position).unwrap();
                prop_assert_eq!(serde_json::from_str::<String>(json).unwrap(), text.clone());
                let plain = members.plain_text(position);
                prop_assert!(plain.is_none_or(|plain| plain == text));
                prop_assert_eq!(plain.is_none(), json.contains('\\'));
            }
            prop_assert_eq!(members.json(5), Some("\"high\""));
            prop_assert_eq!(members.json(7) == Some("null"), !closed);
            for end in (0..rendered.len()).filter(|end| rendered.is_char_boundary(*end)) {
                prop_assert!(Members::of(&rendered[..end]).is_none());
            }
        }
    }
}
