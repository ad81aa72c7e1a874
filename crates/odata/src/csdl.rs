//! The metadata document: a [`Model`] in the Common Schema Definition Language, as XML and as JSON
//! (OData CSDL XML and CSDL JSON 4.01), and the service document (OData JSON 4.01, section 5).
//!
//! Both forms are written from the same declaration and the same annotations, so they say the same.
//!
//! ```
//! use odata::csdl::Csdl;
//! # use odata::edm::*;
//! # static THING: EntityType = EntityType {
//! #     namespace: "test", synonyms: &[], name: "thing", base: None, is_abstract: false, key: Some("id"),
//! #     properties: &[Property::new("id", Type::nonempty(10), "")], navigation: &[], ignored: &[], description: "",
//! # };
//! static MODEL: Model = Model {
//!     schemas: &[Schema { namespace: "test", alias: None }],
//!     container: "Things",
//!     entity_types: &[&THING],
//!     ..Model::EMPTY
//! };
//! let csdl = Csdl::new(&MODEL, |_| "test.thing".into());
//! assert!(csdl.xml().contains(r#"<EntityType Name="thing">"#));
//! assert!(csdl.json().compact().contains(r#""thing":{"$Kind":"EntityType""#));
//! ```

mod annotations;
mod json;
mod xml;

use crate::edm::{EntitySet, EntityType, Model, Schema, Singleton, Type};
use crate::encode::TypeNames;
use crate::json::{Json, Object};
use crate::object;
use std::borrow::Cow;
use std::io;

/// The version of OData whose payloads the documents describe. The forms are those of 4.01, used
/// only as far as readers of 4.0 understand them.
const VERSION: &str = "4.0";

/// The vocabularies whose terms are used: their names, and the short ones that stand before terms.
const VOCABULARIES: [(&str, &str); 4] = [
    ("Org.OData.Core.V1", "Core"),
    ("Org.OData.Capabilities.V1", "Capabilities"),
    ("Org.OData.Validation.V1", "Validation"),
    ("Org.OData.Repeatability.V1", "Repeatability"),
];

/// Where a vocabulary is published, in the form with this ending.
fn vocabulary_url(namespace: &str, ending: &str) -> String {
    format!("https://docs.oasis-open.org/odata/odata-vocabularies/v4.0/vocabularies/{namespace}.{ending}")
}

/// Writes the metadata document of a model.
#[derive(Clone, Copy, Debug)]
pub struct Csdl<'m> {
    model: &'m Model,
    /// By which name each entity type is declared: the one that payloads announce.
    type_names: TypeNames,
}

impl<'m> Csdl<'m> {
    /// Prepares the writing. Each entity type stands in the schema and under the name that
    /// `type_names` gives it, so that the document declares the names that payloads announce.
    pub fn new(model: &'m Model, type_names: TypeNames) -> Self {
        Self { model, type_names }
    }

    /// Writes it as XML.
    pub fn write_xml(&self, out: impl io::Write) -> io::Result<()> {
        xml::write(self, out)
    }

    /// Makes it as XML.
    pub fn xml(&self) -> String {
        let mut out = Vec::with_capacity(16 << 10);
        self.write_xml(&mut out).expect("a vector takes every write");
        String::from_utf8(out).expect("it is made of texts")
    }

    /// Makes it as JSON.
    pub fn json(&self) -> Json {
        json::document(self).into()
    }

    /// The schemas that hold something: a schema whose types are all announced under other names
    /// is left out.
    fn schemas(&self) -> impl Iterator<Item = &'m Schema> {
        let first = self.model.schemas.first().map(|schema| schema.namespace);
        self.model.schemas.iter().filter(move |schema| {
            let namespace = schema.namespace;
            first == Some(namespace)
                || self.model.enum_types.iter().any(|ty| ty.namespace == namespace)
                || self.model.complex_types.iter().any(|ty| ty.namespace == namespace)
                || self.model.operations.iter().any(|operation| operation.namespace == namespace)
                || self.model.singletons.iter().any(|singleton| singleton.namespace == namespace)
                || self.entity_types(namespace).next().is_some()
        })
    }

    /// The entity types of a schema with their names in it.
    fn entity_types(&self, namespace: &str) -> impl Iterator<Item = (&'m EntityType, String)> {
        self.model.entity_types.iter().filter_map(move |ty| {
            let name = (self.type_names)(ty);
            let (schema, name) = name.rsplit_once('.')?;
            (schema == namespace).then(|| (*ty, name.to_owned()))
        })
    }

    /// Tells whether a schema is the one that declares the entity container.
    fn has_container(&self, schema: &Schema) -> bool {
        self.model.schemas.first().is_some_and(|first| first.namespace == schema.namespace)
    }
}

/// Where the relations of a singleton's sets lead, by their paths below the singleton.
fn bindings_of(model: &Model, singleton: &'static Singleton) -> Vec<(String, Cow<'static, str>)> {
    let of_set = |set: &'static EntitySet| {
        set.bindings.iter().map(|binding| (format!("{}/{}", set.name, binding.path), binding.target.path()))
    };
    model.sets_of(singleton).flat_map(of_set).collect()
}

/// Where annotations find a set within a singleton (OData CSDL XML 4.01, section 14.2.2).
fn annotation_target(csdl: &Csdl<'_>, schema: &Schema, set: &EntitySet) -> String {
    format!("{}.{}/{}", schema.namespace, csdl.model.container, set.path())
}

/// A type as a property or parameter refers to it.
struct TypeReference {
    /// The qualified name; of the items, if there are several.
    name: Cow<'static, str>,
    is_collection: bool,
    max_length: Option<u32>,
    precision: Option<u32>,
}

impl TypeReference {
    fn of(ty: &Type) -> Self {
        let plain = |name| Self { name, is_collection: false, max_length: None, precision: None };
        match ty {
            Type::String { most, .. } => Self { max_length: Some(*most), ..plain("Edm.String".into()) },
            Type::Boolean => plain("Edm.Boolean".into()),
            Type::Int32 => plain("Edm.Int32".into()),
            Type::Double => plain("Edm.Double".into()),
            Type::DateTimeOffset => Self { precision: Some(7), ..plain("Edm.DateTimeOffset".into()) },
            Type::Enum(of) => plain(format!("{}.{}", of.namespace, of.name).into()),
            Type::Complex(of) => plain(format!("{}.{}", of.namespace, of.name).into()),
            Type::Collection { of, .. } => Self { is_collection: true, ..Self::of(of) },
        }
    }
}

/// Makes the service document: what there is at the root of the service. `context` is the
/// URL of the metadata document, where the answer carries one.
pub fn service_document(model: &Model, context: Option<String>) -> Json {
    let entry = |name: &'static str, kind: &'static str| object! { "name": name, "kind": kind, "url": name };
    let sets = model.root_sets().map(|set| entry(set.name, "EntitySet"));
    let singletons = model.singletons.iter().map(|singleton| entry(singleton.name, "Singleton"));
    let document = Object::new().maybe("@odata.context", context);
    document.with("value", sets.chain(singletons).collect::<Vec<_>>()).into()
}
