//! The metadata document as XML, written element by element (OData CSDL XML 4.01).

use super::annotations::{self, Annotation, Value};
use super::{Csdl, TypeReference, VERSION, VOCABULARIES, annotation_target, bindings_of, vocabulary_url};
use crate::edm::{
    ComplexType, EntitySet, EntityType, EnumType, NavigationProperty, Operand, Operation, OperationKind, Property,
    Schema, Singleton,
};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use std::io::{self, Write};

const EDMX: &str = "http://docs.oasis-open.org/odata/ns/edmx";
const EDM: &str = "http://docs.oasis-open.org/odata/ns/edm";

pub(super) fn write(csdl: &Csdl<'_>, out: impl Write) -> io::Result<()> {
    let mut writer = Writer::new_with_indent(out, b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("utf-8"), None)))?;
    let root = [("xmlns:edmx", EDMX), ("Version", VERSION)];
    writer.create_element("edmx:Edmx").with_attributes(root).write_inner_content(|writer| {
        for (namespace, alias) in VOCABULARIES {
            let url = vocabulary_url(namespace, "xml");
            let include = [("Namespace", namespace), ("Alias", alias)];
            writer.create_element("edmx:Reference").with_attribute(("Uri", url.as_str())).write_inner_content(
                |writer| writer.create_element("edmx:Include").with_attributes(include).write_empty().map(drop),
            )?;
        }
        writer
            .create_element("edmx:DataServices")
            .write_inner_content(|writer| csdl.schemas().try_for_each(|schema| write_schema(csdl, schema, writer)))?;
        Ok(())
    })?;
    writer.into_inner().write_all(b"\n")
}

/// An element with attributes; without children it ends where it begins.
fn element<W: Write>(
    writer: &mut Writer<W>,
    name: &str,
    attributes: &[(&str, &str)],
    is_empty: bool,
    content: impl FnOnce(&mut Writer<W>) -> io::Result<()>,
) -> io::Result<()> {
    let start = writer.create_element(name).with_attributes(attributes.iter().copied());
    if is_empty { start.write_empty() } else { start.write_inner_content(content) }.map(drop)
}

/// An element that holds nothing but annotations.
fn annotated<W: Write>(
    writer: &mut Writer<W>,
    name: &str,
    attributes: &[(&str, &str)],
    annotations: &[Annotation],
) -> io::Result<()> {
    element(writer, name, attributes, annotations.is_empty(), |writer| write_annotations(annotations, writer))
}

fn write_schema<W: Write>(csdl: &Csdl<'_>, schema: &Schema, writer: &mut Writer<W>) -> io::Result<()> {
    let (model, namespace) = (csdl.model, schema.namespace);
    let mut attributes = vec![("xmlns", EDM), ("Namespace", namespace)];
    attributes.extend(schema.alias.map(|alias| ("Alias", alias)));
    element(writer, "Schema", &attributes, false, |writer| {
        for ty in model.enum_types.iter().filter(|ty| ty.namespace == namespace) {
            write_enum_type(ty, writer)?;
        }
        for ty in model.complex_types.iter().filter(|ty| ty.namespace == namespace) {
            write_complex_type(ty, writer)?;
        }
        for (ty, name) in csdl.entity_types(namespace) {
            write_entity_type(csdl, ty, &name, writer)?;
        }
        for singleton in model.singletons.iter().filter(|singleton| singleton.namespace == namespace) {
            write_singleton_type(csdl, singleton, writer)?;
        }
        for operation in model.operations.iter().filter(|operation| operation.namespace == namespace) {
            write_operation(csdl, operation, writer)?;
        }
        if !csdl.has_container(schema) {
            return Ok(());
        }
        write_container(csdl, writer)?;
        let mut contained = model.singletons.iter().flat_map(|singleton| model.sets_of(singleton));
        contained.try_for_each(|set| {
            let target = annotation_target(csdl, schema, set);
            annotated(writer, "Annotations", &[("Target", &target)], &annotations::of_entity_set(set))
        })
    })
}

fn write_enum_type<W: Write>(ty: &EnumType, writer: &mut Writer<W>) -> io::Result<()> {
    let mut attributes = vec![("Name", ty.name)];
    if ty.is_flags {
        attributes.push(("IsFlags", "true"));
    }
    element(writer, "EnumType", &attributes, ty.members.is_empty(), |writer| {
        ty.members.iter().try_for_each(|member| {
            let value = member.value.to_string();
            annotated(writer, "Member", &[("Name", member.name), ("Value", &value)], &[])
        })
    })
}

fn write_complex_type<W: Write>(ty: &ComplexType, writer: &mut Writer<W>) -> io::Result<()> {
    element(writer, "ComplexType", &[("Name", ty.name)], ty.properties.is_empty(), |writer| {
        ty.properties.iter().try_for_each(|property| write_property("Property", property, false, writer))
    })
}

fn write_entity_type<W: Write>(csdl: &Csdl<'_>, ty: &EntityType, name: &str, writer: &mut Writer<W>) -> io::Result<()> {
    let annotations = annotations::of_entity_type(csdl.model, ty);
    let mut attributes = vec![("Name", name)];
    let base = ty.base.map(csdl.type_names);
    attributes.extend(base.as_deref().map(|base| ("BaseType", base)));
    if ty.is_abstract {
        attributes.push(("Abstract", "true"));
    }
    let is_empty = ty.key.is_none() && ty.properties.is_empty() && ty.navigation.is_empty() && annotations.is_empty();
    element(writer, "EntityType", &attributes, is_empty, |writer| {
        if let Some(key) = ty.key {
            element(writer, "Key", &[], false, |writer| annotated(writer, "PropertyRef", &[("Name", key)], &[]))?;
        }
        for property in ty.properties {
            write_property("Property", property, ty.key == Some(property.name), writer)?;
        }
        for navigation in ty.navigation {
            write_navigation_property(csdl, navigation, writer)?;
        }
        write_annotations(&annotations, writer)
    })
}

/// The type of a singleton: its sets, as relations to what is part of it.
fn write_singleton_type<W: Write>(
    csdl: &Csdl<'_>,
    singleton: &'static Singleton,
    writer: &mut Writer<W>,
) -> io::Result<()> {
    element(writer, "EntityType", &[("Name", singleton.type_name)], false, |writer| {
        for set in csdl.model.sets_of(singleton) {
            let ty = format!("Collection({})", (csdl.type_names)(set.entity_type));
            let attributes = [("Name", set.name), ("Type", &*ty), ("ContainsTarget", "true")];
            annotated(writer, "NavigationProperty", &attributes, &[])?;
        }
        write_annotations(&annotations::description(singleton.description), writer)
    })
}

fn write_navigation_property<W: Write>(
    csdl: &Csdl<'_>,
    navigation: &NavigationProperty,
    writer: &mut Writer<W>,
) -> io::Result<()> {
    let target = (csdl.type_names)(navigation.target);
    let ty = if navigation.collection { format!("Collection({target})") } else { target.into_owned() };
    let mut attributes = vec![("Name", navigation.name), ("Type", ty.as_str())];
    if navigation.contained {
        attributes.push(("ContainsTarget", "true"));
    }
    annotated(writer, "NavigationProperty", &attributes, &annotations::description(navigation.description))
}

/// A property, or a parameter, which is declared alike.
fn write_property<W: Write>(name: &str, property: &Property, is_key: bool, writer: &mut Writer<W>) -> io::Result<()> {
    let reference = TypeReference::of(&property.ty);
    let ty = if reference.is_collection { format!("Collection({})", reference.name) } else { reference.name.into() };
    let mut attributes = vec![("Name", property.name), ("Type", ty.as_str())];
    if is_key || !property.nullable {
        attributes.push(("Nullable", "false"));
    }
    let max_length = reference.max_length.map(|length| length.to_string());
    attributes.extend(max_length.as_deref().map(|length| ("MaxLength", length)));
    let precision = reference.precision.map(|precision| precision.to_string());
    attributes.extend(precision.as_deref().map(|precision| ("Precision", precision)));
    annotated(writer, name, &attributes, &annotations::of_property(property, is_key))
}

fn write_operation<W: Write>(csdl: &Csdl<'_>, operation: &Operation, writer: &mut Writer<W>) -> io::Result<()> {
    let kind = match operation.kind {
        OperationKind::Function => "Function",
        OperationKind::Action => "Action",
    };
    element(writer, kind, &[("Name", operation.name), ("IsBound", "true")], false, |writer| {
        write_operand(csdl, "Parameter", Some("bindingParameter"), operation.binding, writer)?;
        for parameter in operation.parameters {
            write_property("Parameter", parameter, false, writer)?;
        }
        if let Some(returned) = operation.returns {
            write_operand(csdl, "ReturnType", None, returned, writer)?;
        }
        write_annotations(&annotations::of_operation(operation), writer)
    })
}

/// A parameter or return type of entities. A collection of entities has no `Nullable` (OData CSDL
/// XML 4.01, section 12.8).
fn write_operand<W: Write>(
    csdl: &Csdl<'_>,
    element: &str,
    name: Option<&str>,
    operand: Operand,
    writer: &mut Writer<W>,
) -> io::Result<()> {
    let mut attributes: Vec<(&str, &str)> = name.map(|name| ("Name", name)).into_iter().collect();
    let ty = (csdl.type_names)(operand.entity_type());
    let collection = format!("Collection({ty})");
    match operand {
        Operand::Entity(_) => attributes.extend([("Type", &*ty), ("Nullable", "false")]),
        Operand::Collection(_) => attributes.push(("Type", &collection)),
    }
    annotated(writer, element, &attributes, &[])
}

fn write_container<W: Write>(csdl: &Csdl<'_>, writer: &mut Writer<W>) -> io::Result<()> {
    element(writer, "EntityContainer", &[("Name", csdl.model.container)], false, |writer| {
        csdl.model.root_sets().try_for_each(|set| write_entity_set(csdl, set, writer))?;
        csdl.model.singletons.iter().try_for_each(|singleton| write_singleton(csdl, singleton, writer))?;
        write_annotations(&annotations::of_container(csdl.model), writer)
    })
}

fn write_entity_set<W: Write>(csdl: &Csdl<'_>, set: &EntitySet, writer: &mut Writer<W>) -> io::Result<()> {
    let ty = (csdl.type_names)(set.entity_type);
    let attributes = [("Name", set.name), ("EntityType", &*ty)];
    element(writer, "EntitySet", &attributes, false, |writer| {
        for binding in set.bindings {
            let attributes = [("Path", binding.path), ("Target", &*binding.target.path())];
            annotated(writer, "NavigationPropertyBinding", &attributes, &[])?;
        }
        write_annotations(&annotations::of_entity_set(set), writer)
    })
}

fn write_singleton<W: Write>(csdl: &Csdl<'_>, singleton: &'static Singleton, writer: &mut Writer<W>) -> io::Result<()> {
    let ty = format!("{}.{}", singleton.namespace, singleton.type_name);
    let bindings = bindings_of(csdl.model, singleton);
    element(writer, "Singleton", &[("Name", singleton.name), ("Type", &ty)], bindings.is_empty(), |writer| {
        bindings.iter().try_for_each(|(path, target)| {
            annotated(writer, "NavigationPropertyBinding", &[("Path", path), ("Target", target)], &[])
        })
    })
}

fn write_annotations<W: Write>(annotations: &[Annotation], writer: &mut Writer<W>) -> io::Result<()> {
    annotations.iter().try_for_each(|(term, value)| write_named("Annotation", ("Term", term), value, writer))
}

/// An annotation or a property of a record: a simple value is an attribute, any other a child.
fn write_named<W: Write>(name: &str, named: (&str, &str), value: &Value, writer: &mut Writer<W>) -> io::Result<()> {
    let simple = |attribute: &str, value: &str, writer| annotated(writer, name, &[named, (attribute, value)], &[]);
    match value {
        Value::Bool(value) => simple("Bool", if *value { "true" } else { "false" }, writer),
        Value::Integer(value) => simple("Int", &value.to_string(), writer),
        Value::Text(text) => simple("String", text, writer),
        Value::Path(path) => simple("PropertyPath", path, writer),
        Value::NavigationPath(path) => simple("NavigationPropertyPath", path, writer),
        Value::Member(ty, member) => simple("EnumMember", &format!("{ty}/{member}"), writer),
        Value::Record(_) | Value::Collection(_) => {
            element(writer, name, &[named], false, |writer| write_value(value, writer))
        }
    }
}

/// A value that stands in an element of its own.
fn write_value<W: Write>(value: &Value, writer: &mut Writer<W>) -> io::Result<()> {
    let simple = |name: &str, text: &str, writer: &mut Writer<W>| {
        writer.create_element(name).write_text_content(BytesText::new(text)).map(drop)
    };
    match value {
        Value::Bool(value) => simple("Bool", if *value { "true" } else { "false" }, writer),
        Value::Integer(value) => simple("Int", &value.to_string(), writer),
        Value::Text(text) => simple("String", text, writer),
        Value::Path(path) => simple("PropertyPath", path, writer),
        Value::NavigationPath(path) => simple("NavigationPropertyPath", path, writer),
        Value::Member(ty, member) => simple("EnumMember", &format!("{ty}/{member}"), writer),
        Value::Record(members) => element(writer, "Record", &[], members.is_empty(), |writer| {
            members.iter().try_for_each(|(name, value)| write_named("PropertyValue", ("Property", name), value, writer))
        }),
        Value::Collection(items) => element(writer, "Collection", &[], items.is_empty(), |writer| {
            items.iter().try_for_each(|item| write_value(item, writer))
        }),
    }
}
