//! What bodies look like, as JSON Schema (draft 2020-12, as OpenAPI 3.1 takes it): each entity type
//! as it is answered, as a body that creates one, and as a body that changes one.
//!
//! Readers of bodies are more lenient than these schemas: names and members in any case, and custom
//! annotations, are understood too. A schema says what to send.

use crate::body::ANNOTATION_LENGTH;
use crate::edm::{ComplexType, EntityType, EnumType, Model, NavigationProperty, Operation, Property, Type};
use crate::encode::TypeNames;
use crate::json::{Json, Object};
use crate::object;

/// What a body is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// An answer.
    Read,
    /// A request that creates an entity.
    Create,
    /// A request that changes an entity.
    Update,
}

impl Form {
    /// Every form.
    pub const ALL: [Self; 3] = [Self::Read, Self::Create, Self::Update];

    /// What the name of a schema in this form ends in.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Read => "",
            Self::Create => "-create",
            Self::Update => "-update",
        }
    }
}

/// Times as answers write them: UTC, and no more than seven fraction digits.
const TIME_READ: &str = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,7})?Z$";
/// Times as requests may write them. RFC 3339, without leap seconds, the year 0, and offsets that
/// no country has.
const TIME_SENT: &str = concat!(
    r"^(?!0000)[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9](\.[0-9]{1,12})?",
    r"(Z|[+-]((0[0-9]|1[0-3]):[0-5][0-9]|14:00))$"
);
/// Texts in requests: the character U+0000 is refused.
const TEXT_SENT: &str = r"^[^\u0000]*$";

/// Makes the schemas of a model.
#[derive(Clone, Copy, Debug)]
pub struct Schemas<'m> {
    model: &'m Model,
    /// By which name each entity type is announced.
    type_names: TypeNames,
    /// What stands before the name of a schema in a reference, such as `#/components/schemas/`.
    at: &'static str,
}

impl<'m> Schemas<'m> {
    /// Prepares the making of schemas that refer to each other below `at`.
    pub const fn new(model: &'m Model, type_names: TypeNames, at: &'static str) -> Self {
        Self { model, type_names, at }
    }

    /// Every schema by its name: enumerations, and complex and entity types in each form.
    pub fn all(&self) -> Object {
        let mut all = Object::new();
        for ty in self.model.enum_types {
            all.add(format!("{}.{}", ty.namespace, ty.name), enumeration(ty));
        }
        for form in Form::ALL {
            for ty in self.model.complex_types.iter().filter(|ty| form != Form::Read || has_answers(ty)) {
                all.add(complex_name(ty, form), self.complex(ty, form));
            }
            for ty in self.model.entity_types.iter().filter(|ty| !ty.is_abstract) {
                all.add(self.name(ty, form), self.entity(ty, form));
            }
        }
        all
    }

    /// The schema of the body that runs an action.
    pub fn parameters(&self, action: &Operation) -> Object {
        let named = action.parameters.iter();
        let required: Vec<&'static str> = named.clone().filter(|it| !it.nullable).map(|it| it.name).collect();
        let members: Object = named.map(|it| (it.name, self.property(it, Form::Create))).collect();
        let schema = object! { "type": "object", "required": required, "properties": members };
        schema.with("additionalProperties", false)
    }

    /// The name of an entity type's schema.
    pub fn name(&self, ty: &EntityType, form: Form) -> String {
        format!("{}{}", (self.type_names)(ty), form.suffix())
    }

    /// A reference to an entity type's schema.
    pub fn reference(&self, ty: &EntityType, form: Form) -> Object {
        object! { "$ref": format!("{}{}", self.at, self.name(ty, form)) }
    }

    /// The types of which an entity of a set of `ty` can be: itself, and those that derive from it.
    pub fn concrete(&self, ty: &EntityType) -> Vec<&'static EntityType> {
        self.model.entity_types.iter().copied().filter(|other| other.is(ty) && !other.is_abstract).collect()
    }

    fn entity(&self, ty: &'static EntityType, form: Form) -> Object {
        let all = ty.all_properties();
        let used = all.iter().filter(|property| is_used(property, form));
        let mut members = self.control(ty, form);
        for property in used.clone() {
            members.add(property.name, self.property(property, form));
        }
        for navigation in relations(ty) {
            if form == Form::Read {
                members.add(navigation.name, self.expanded(navigation));
            } else if navigation.is_settable() {
                members.add(format!("{}@odata.bind", navigation.name), bind(navigation));
            }
        }
        for relation in brought_along(ty) {
            match form {
                Form::Create => members.add(relation.name, self.parts(relation)),
                Form::Read => members.add(relation.name, self.brought(relation)),
                Form::Update => {}
            }
        }
        let mut schema = object! { "type": "object", "description": ty.description };
        if form == Form::Create {
            let required: Vec<&'static str> =
                used.clone().filter(|property| property.is_required()).map(|property| property.name).collect();
            schema.add("required", required);
        }
        if form == Form::Update {
            // One property or relation is needed: what says nothing changes nothing.
            let names = used.map(|property| property.name.to_owned());
            let relations = relations(ty).filter(|navigation| navigation.is_settable());
            let relations = relations.map(|navigation| format!("{}@odata.bind", navigation.name));
            let any: Vec<Object> = names.chain(relations).map(|name| object! { "required": [name] }).collect();
            schema.add("anyOf", any);
        }
        if form == Form::Read {
            schema.add("patternProperties", object! { "@": annotation() });
        } else {
            for name in ty.lineage().flat_map(|ty| ty.ignored) {
                members.add(*name, object! { "deprecated": true, "description": "Passed over." });
            }
        }
        schema.with("properties", members).with("additionalProperties", false)
    }

    /// Control information that has a meaning here.
    fn control(&self, ty: &'static EntityType, form: Form) -> Object {
        let announced = format!("#{}", (self.type_names)(ty));
        if form == Form::Read {
            return object! {
                "@odata.context": object! {
                    "type": "string",
                    "description": "What the answer holds, as a place in the metadata document.",
                },
                "@odata.type": object! { "type": "string", "const": announced, "description": "The entity's type." },
                "@odata.etag": object! {
                    "type": "string",
                    "description": "The entity's version, for If-Match and If-None-Match.",
                },
            };
        }
        let mut names = vec![announced];
        for namespace in std::iter::once(&ty.namespace).chain(ty.synonyms) {
            let name = format!("#{namespace}.{}", ty.name);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        object! {
            "@odata.type": object! {
                "type": "string",
                "enum": names,
                "description": "The entity's type; in any case, with or without the hash.",
            },
        }
    }

    fn expanded(&self, navigation: &NavigationProperty) -> Object {
        object! {
            "description": format!("{} Only with $expand.", navigation.description),
            "anyOf": [self.reference(navigation.target, Form::Read), object! { "type": "null" }],
        }
    }

    /// What a body that creates an entity brings along to be part of it.
    fn parts(&self, relation: &NavigationProperty) -> Object {
        object! {
            "type": ["array", "null"],
            "items": self.reference(relation.target, Form::Create),
            "maxItems": relation.most_created,
            "description": relation.description,
        }
    }

    /// The same in the answer.
    fn brought(&self, relation: &NavigationProperty) -> Object {
        object! {
            "type": "array",
            "items": self.reference(relation.target, Form::Read),
            "description": format!("{} Only in the answer to a create that brought some along.", relation.description),
        }
    }

    fn complex(&self, ty: &ComplexType, form: Form) -> Object {
        let properties = ty.properties.iter().filter(|property| is_used(property, form));
        let members: Object = properties.map(|property| (property.name, self.property(property, form))).collect();
        let schema = object! { "type": "object", "properties": members };
        if form == Form::Read {
            return schema.with("patternProperties", object! { "@": annotation() }).with("additionalProperties", false);
        }
        schema.with("additionalProperties", false)
    }

    fn property(&self, property: &Property, form: Form) -> Object {
        let nullable = match form {
            Form::Read => property.nullable && !self.is_key(property),
            Form::Create => property.nullable && !property.is_required(),
            Form::Update => property.nullable && !property.is_required() && !property.immutable,
        };
        // What is answered may be older than a rule, or come from where there is none.
        let pattern = property.pattern.filter(|_| form != Form::Read);
        let mut schema = self.value(&property.ty, form, pattern);
        if nullable {
            match schema.get("type") {
                Some(Json::Text(name)) => {
                    let name = name.to_string();
                    schema.add("type", [name, "null".to_owned()]);
                }
                _ => schema = object! { "anyOf": [schema, object! { "type": "null" }] },
            }
        }
        schema.add("description", property.description);
        if property.write_only {
            schema.add("writeOnly", true);
        }
        schema
    }

    fn is_key(&self, property: &Property) -> bool {
        let own = |ty: &&'static EntityType| {
            ty.key == Some(property.name) && ty.properties.iter().any(|known| std::ptr::eq(known, property))
        };
        self.model.entity_types.iter().any(own)
    }

    fn value(&self, ty: &Type, form: Form, pattern: Option<&'static str>) -> Object {
        match ty {
            Type::String { least, most } => {
                let schema = object! { "type": "string" };
                let schema = schema.maybe("minLength", (*least > 0).then_some(*least)).with("maxLength", *most);
                schema.maybe("pattern", pattern.or((form != Form::Read).then_some(TEXT_SENT)))
            }
            Type::Boolean => object! { "type": "boolean" },
            Type::Int32 => {
                object! { "type": "integer", "format": "int32", "minimum": i32::MIN, "maximum": i32::MAX }
            }
            Type::Double => object! { "type": "number", "format": "double" },
            Type::DateTimeOffset => {
                let pattern = if form == Form::Read { TIME_READ } else { TIME_SENT };
                object! { "type": "string", "format": "date-time", "pattern": pattern }
            }
            Type::Enum(of) => object! { "$ref": format!("{}{}.{}", self.at, of.namespace, of.name) },
            Type::Complex(of) => object! { "$ref": format!("{}{}", self.at, complex_name(of, form)) },
            Type::Collection { of, most } => {
                object! { "type": "array", "items": self.value(of, form, pattern), "maxItems": *most }
            }
        }
    }
}

/// The relations of which bodies say something: to many entities, they are neither expanded nor set.
fn relations(ty: &'static EntityType) -> impl Iterator<Item = &'static NavigationProperty> {
    ty.lineage().flat_map(|ty| ty.navigation).filter(|navigation| !navigation.collection)
}

/// The relations to what a body that creates an entity may bring along.
fn brought_along(ty: &'static EntityType) -> impl Iterator<Item = &'static NavigationProperty> {
    ty.lineage().flat_map(|ty| ty.navigation).filter(|navigation| navigation.most_created > 0)
}

/// Tells whether a body in this form has a property.
fn is_used(property: &Property, form: Form) -> bool {
    match form {
        Form::Read => !property.write_only,
        Form::Create => true,
        Form::Update => !property.immutable,
    }
}

/// Tells whether answers show anything of a complex type.
fn has_answers(ty: &ComplexType) -> bool {
    ty.properties.iter().any(|property| !property.write_only)
}

fn complex_name(ty: &ComplexType, form: Form) -> String {
    format!("{}.{}{}", ty.namespace, ty.name, form.suffix())
}

fn enumeration(ty: &EnumType) -> Object {
    let names: Vec<&'static str> = ty.members.iter().map(|member| member.name).collect();
    object! { "type": "string", "enum": names }
}

/// An annotation in an answer: whatever it is, readers may pass over it.
fn annotation() -> Object {
    object! { "description": "Control information; see OData JSON Format 4.01, section 4.6." }
}

/// `navigation@odata.bind`
fn bind(navigation: &NavigationProperty) -> Object {
    object! {
        "type": ["string", "null"],
        "minLength": 1,
        "maxLength": ANNOTATION_LENGTH,
        "description": format!("{} The URL of an entity; null for none.", navigation.description),
    }
}
