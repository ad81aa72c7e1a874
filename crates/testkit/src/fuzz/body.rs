//! Bodies of entities and of references.

use super::check_message;
use model::edm;
use odata::body::{EntityBody, Purpose, Value};
use odata::edm::{EntityType, Type};
use odata::encode::write_string;
use odata::fault::Faults;
use odata::reference::{ReferenceError, read_reference};

/// Checks a body as each type of entity, and as that of `$ref`.
pub(super) fn body(input: &[u8]) {
    for ty in [&edm::IDENTITY_RISK_EVENT, &edm::LEAKED_CREDENTIALS_RISK_EVENT, &edm::USER] {
        for purpose in [Purpose::CREATE, Purpose::UPDATE] {
            match EntityBody::read_for(purpose, input, &edm::MODEL, ty) {
                Ok(body) => check_body(body, purpose, ty),
                // The API cuts what it says of the syntax.
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
    }
    match read_reference(input) {
        Ok(_) | Err(ReferenceError::Syntax(_)) => {}
        Err(ReferenceError::Fault(fault)) => check_message(&fault.message),
    }
}

fn check_body(mut body: EntityBody, purpose: Purpose, ty: &'static EntityType) {
    check_faults(&body.faults);
    let sound = body.faults.is_empty();
    let values: Vec<Option<Value>> = (0..ty.property_count()).map(|position| body.take(position)).collect();
    for (position, value) in values.iter().enumerate() {
        assert!(value.is_none() || !body.is_faulty(position), "{ty:?} {position} {value:?}");
        assert!(!sound || !body.is_faulty(position), "{position} does not fit, and nobody says so");
    }
    if !sound {
        return;
    }
    // What fits is written and read as the same.
    let json = write(ty, &values);
    let again = EntityBody::read_for(purpose, &json, &edm::MODEL, ty);
    let mut again = again.unwrap_or_else(|error| panic!("{error}"));
    assert!(again.faults.is_empty(), "{}", again.faults);
    for (position, value) in values.into_iter().enumerate().filter(|(_, value)| *value != Some(Value::Checked)) {
        assert_eq!(again.take(position), value, "{position}");
    }
}

fn check_faults(faults: &Faults) {
    assert!(faults.kept().len() <= Faults::MOST);
    assert!(faults.more() == 0 || faults.kept().len() == Faults::MOST);
    for fault in faults.kept() {
        check_message(&fault.message);
    }
}

fn write(ty: &'static EntityType, values: &[Option<Value>]) -> Vec<u8> {
    let mut json = b"{".to_vec();
    for (property, value) in ty.all_properties().into_iter().zip(values) {
        let Some(value) = value.as_ref().filter(|value| **value != Value::Checked) else { continue };
        if json.len() > 1 {
            json.push(b',');
        }
        write_string(property.name, &mut json);
        json.push(b':');
        write_value(&property.ty, value, &mut json);
    }
    json.push(b'}');
    json
}

fn write_value(ty: &Type, value: &Value, json: &mut Vec<u8>) {
    match (value, ty) {
        (Value::Text(text), _) => write_string(text, json),
        (Value::Boolean(value), _) => json.extend_from_slice(value.to_string().as_bytes()),
        (Value::Int32(value), _) => json.extend_from_slice(value.to_string().as_bytes()),
        (Value::Double(value), _) => json.extend_from_slice(format!("{value:?}").as_bytes()),
        (Value::DateTimeOffset(ticks), _) => write_string(&ticks.to_string(), json),
        (Value::Enum(value), Type::Enum(of)) => {
            write_string(of.member_of((*value).into()).expect("it was read as a member").name, json);
        }
        (Value::Collection(values), Type::Collection { of, .. }) => {
            json.push(b'[');
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    json.push(b',');
                }
                write_value(of, value, json);
            }
            json.push(b']');
        }
        _ => json.extend_from_slice(b"null"),
    }
}
