//! The metadata document as JSON (OData CSDL JSON 4.01).

use super::annotations::{self, Annotation, Value};
use super::{Csdl, TypeReference, VERSION, VOCABULARIES, annotation_target, bindings_of, vocabulary_url};
use crate::edm::{
    ComplexType, EntitySet, EntityType, EnumType, NavigationProperty, Operand, Operation, OperationKind, Property,
    Schema, Singleton,
};
use crate::json::{Json, Object};
use crate::object;

pub(super) fn document(csdl: &Csdl<'_>) -> Object {
    let mut document = object! { "$Version": VERSION };
    if let Some(schema) = csdl.model.schemas.first() {
        document.add("$EntityContainer", format!("{}.{}", schema.namespace, csdl.model.container));
    }
    let references: Object = VOCABULARIES
        .into_iter()
        .map(|(namespace, alias)| {
            let include = object! { "$Namespace": namespace, "$Alias": alias };
            (vocabulary_url(namespace, "json"), object! { "$Include": [include] })
        })
        .collect();
    document.add("$Reference", references);
    for schema in csdl.schemas() {
        document.add(schema.namespace, schema_object(csdl, schema));
    }
    document
}

fn schema_object(csdl: &Csdl<'_>, schema: &Schema) -> Object {
    let (model, namespace) = (csdl.model, schema.namespace);
    let mut object = Object::new().maybe("$Alias", schema.alias);
    for ty in model.enum_types.iter().filter(|ty| ty.namespace == namespace) {
        object.add(ty.name, enum_type(ty));
    }
    for ty in model.complex_types.iter().filter(|ty| ty.namespace == namespace) {
        object.add(ty.name, complex_type(ty));
    }
    for (ty, name) in csdl.entity_types(namespace) {
        object.add(name, entity_type(csdl, ty));
    }
    for singleton in model.singletons.iter().filter(|singleton| singleton.namespace == namespace) {
        object.add(singleton.type_name, singleton_type(csdl, singleton));
    }
    // Operations of the same name are the items of one array.
    for operation in model.operations.iter().filter(|operation| operation.namespace == namespace) {
        let overloads =
            model.operations.iter().filter(|other| other.namespace == namespace && other.name == operation.name);
        object.add(operation.name, overloads.map(|overload| operation_object(csdl, overload)).collect::<Vec<_>>());
    }
    if csdl.has_container(schema) {
        object.add(model.container, container(csdl));
        let contained = model.singletons.iter().flat_map(|singleton| model.sets_of(singleton));
        let annotations: Object = contained
            .map(|set| {
                let annotated = annotate(Object::new(), annotations::of_entity_set(set));
                (annotation_target(csdl, schema, set), annotated)
            })
            .collect();
        if !model.singletons.is_empty() {
            object.add("$Annotations", annotations);
        }
    }
    object
}

fn annotate(mut object: Object, annotations: Vec<Annotation>) -> Object {
    for (term, value) in annotations {
        object.add(format!("@{term}"), json(value));
    }
    object
}

fn json(value: Value) -> Json {
    match value {
        Value::Bool(value) => value.into(),
        Value::Integer(value) => value.into(),
        Value::Text(text) => text.into(),
        Value::Path(text) | Value::NavigationPath(text) | Value::Member(_, text) => text.into(),
        Value::Record(members) => {
            members.into_iter().map(|(name, value)| (name, json(value))).collect::<Object>().into()
        }
        Value::Collection(items) => items.into_iter().map(json).collect::<Vec<_>>().into(),
    }
}

fn enum_type(ty: &EnumType) -> Object {
    let mut object = object! { "$Kind": "EnumType" };
    if ty.is_flags {
        object.add("$IsFlags", true);
    }
    for member in ty.members {
        object.add(member.name, member.value);
    }
    object
}

fn complex_type(ty: &ComplexType) -> Object {
    let mut object = object! { "$Kind": "ComplexType" };
    for property in ty.properties {
        object.add(property.name, property_object(property, false));
    }
    object
}

fn entity_type(csdl: &Csdl<'_>, ty: &EntityType) -> Object {
    let mut object = object! { "$Kind": "EntityType" }.maybe("$BaseType", ty.base.map(csdl.type_names));
    if ty.is_abstract {
        object.add("$Abstract", true);
    }
    if let Some(key) = ty.key {
        object.add("$Key", [key]);
    }
    for property in ty.properties {
        object.add(property.name, property_object(property, ty.key == Some(property.name)));
    }
    for navigation in ty.navigation {
        object.add(navigation.name, navigation_property(csdl, navigation));
    }
    annotate(object, annotations::of_entity_type(csdl.model, ty))
}

/// The type of a singleton: its sets, as relations to what is part of it.
fn singleton_type(csdl: &Csdl<'_>, singleton: &'static Singleton) -> Object {
    let mut object = object! { "$Kind": "EntityType" };
    for set in csdl.model.sets_of(singleton) {
        let declared = object! {
            "$Kind": "NavigationProperty",
            "$Type": (csdl.type_names)(set.entity_type),
            "$Collection": true,
            "$ContainsTarget": true,
        };
        object.add(set.name, declared);
    }
    annotate(object, annotations::description(singleton.description))
}

fn navigation_property(csdl: &Csdl<'_>, navigation: &NavigationProperty) -> Object {
    let mut declared = object! { "$Kind": "NavigationProperty", "$Type": (csdl.type_names)(navigation.target) };
    // Several entities are never null (CSDL JSON 4.01, section 8.3).
    declared.add(if navigation.collection { "$Collection" } else { "$Nullable" }, true);
    if navigation.contained {
        declared.add("$ContainsTarget", true);
    }
    annotate(declared, annotations::description(navigation.description))
}

/// A type with its facets. What is not said is `Edm.String`, one value, and never null.
fn typed(object: Object, property: &Property, is_key: bool) -> Object {
    let reference = TypeReference::of(&property.ty);
    let mut object = object;
    if reference.is_collection {
        object.add("$Collection", true);
    }
    if reference.name != "Edm.String" {
        object.add("$Type", String::from(reference.name));
    }
    if property.nullable && !is_key {
        object.add("$Nullable", true);
    }
    object.maybe("$MaxLength", reference.max_length).maybe("$Precision", reference.precision)
}

fn property_object(property: &Property, is_key: bool) -> Object {
    annotate(typed(Object::new(), property, is_key), annotations::of_property(property, is_key))
}

fn operation_object(csdl: &Csdl<'_>, operation: &Operation) -> Object {
    let kind = match operation.kind {
        OperationKind::Function => "Function",
        OperationKind::Action => "Action",
    };
    let binding = operand(csdl, object! { "$Name": "bindingParameter" }, operation.binding);
    let others = operation.parameters.iter().map(|parameter| {
        let object = typed(object! { "$Name": parameter.name }, parameter, false);
        annotate(object, annotations::of_property(parameter, false))
    });
    let parameters: Vec<Object> = std::iter::once(binding).chain(others).collect();
    let object = object! { "$Kind": kind, "$IsBound": true, "$Parameter": parameters };
    let object = object.maybe("$ReturnType", operation.returns.map(|returned| operand(csdl, Object::new(), returned)));
    annotate(object, annotations::of_operation(operation))
}

fn operand(csdl: &Csdl<'_>, mut object: Object, operand: Operand) -> Object {
    if matches!(operand, Operand::Collection(_)) {
        object.add("$Collection", true);
    }
    object.with("$Type", (csdl.type_names)(operand.entity_type()))
}

fn container(csdl: &Csdl<'_>) -> Object {
    let mut object = object! { "$Kind": "EntityContainer" };
    for set in csdl.model.root_sets() {
        object.add(set.name, entity_set(csdl, set));
    }
    for singleton in csdl.model.singletons {
        let mut declared = object! { "$Type": format!("{}.{}", singleton.namespace, singleton.type_name) };
        let bindings: Object = bindings_of(csdl.model, singleton).into_iter().collect();
        if !bindings.is_empty() {
            declared.add("$NavigationPropertyBinding", bindings);
        }
        object.add(singleton.name, declared);
    }
    annotate(object, annotations::of_container(csdl.model))
}

fn entity_set(csdl: &Csdl<'_>, set: &EntitySet) -> Object {
    let mut object = object! { "$Collection": true, "$Type": (csdl.type_names)(set.entity_type) };
    if !set.bindings.is_empty() {
        let bindings: Object = set.bindings.iter().map(|binding| (binding.path, binding.target.path())).collect();
        object.add("$NavigationPropertyBinding", bindings);
    }
    annotate(object, annotations::of_entity_set(set))
}
