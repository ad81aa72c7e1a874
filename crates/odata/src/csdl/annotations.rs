//! What a model says through the terms of OData's vocabularies, for both forms of the document.

use crate::edm::{BatchFeature, EntitySet, EntityType, Model, Operation, Property, Type};
use crate::expression::function_names;
use crate::query::SystemOption;

/// A value of an annotation (OData CSDL XML 4.01, section 14).
pub(super) enum Value {
    Bool(bool),
    Integer(u32),
    Text(String),
    /// The path of a property.
    Path(&'static str),
    /// The path of a navigation property.
    NavigationPath(&'static str),
    /// A member of an enumeration: its type and its name.
    Member(&'static str, &'static str),
    Record(Vec<(&'static str, Value)>),
    Collection(Vec<Value>),
}

/// A term, with the short name of its vocabulary in front, and its value.
pub(super) type Annotation = (&'static str, Value);

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn texts(texts: &[&str]) -> Value {
    Value::Collection(texts.iter().map(|item| text(item)).collect())
}

fn paths<'p>(properties: impl Iterator<Item = &'p &'static Property>) -> Value {
    Value::Collection(properties.map(|property| Value::Path(property.name)).collect())
}

/// `Core.Description`, where there is one.
pub(super) fn description(description: &str) -> Vec<Annotation> {
    if description.is_empty() { Vec::new() } else { vec![("Core.Description", text(description))] }
}

/// What a property says of itself; `is_key` for that which tells entities apart, whose value never
/// changes anyway.
pub(super) fn of_property(property: &Property, is_key: bool) -> Vec<Annotation> {
    let mut all = description(property.description);
    if property.write_only {
        all.push(("Core.Permissions", Value::Member("Org.OData.Core.V1.Permission", "Write")));
    }
    if property.immutable && !is_key {
        all.push(("Core.Immutable", Value::Bool(true)));
    }
    if let Some(pattern) = property.pattern {
        all.push(("Validation.Pattern", text(pattern)));
    }
    if let Type::Collection { most, .. } = property.ty {
        all.push(("Validation.MaxItems", Value::Integer(most)));
    }
    all
}

/// What an entity type says of itself, with the alternate keys by which sets find its entities.
pub(super) fn of_entity_type(model: &Model, ty: &EntityType) -> Vec<Annotation> {
    let mut all = description(ty.description);
    let sets = model.entity_sets.iter().filter(|set| std::ptr::eq(set.entity_type, ty));
    let keys: Vec<Value> = sets
        .filter_map(|set| set.alternate_key)
        .map(|key| {
            let reference = Value::Record(vec![("Name", Value::Path(key)), ("Alias", text(key))]);
            Value::Record(vec![("Key", Value::Collection(vec![reference]))])
        })
        .collect();
    if !keys.is_empty() {
        all.push(("Core.AlternateKeys", Value::Collection(keys)));
    }
    all
}

/// What an operation says of itself.
pub(super) fn of_operation(operation: &Operation) -> Vec<Annotation> {
    description(operation.description)
}

/// What can be done with an entity set. What a client would have to assume without a word is said
/// too: readers differ in what they assume.
pub(super) fn of_entity_set(set: &EntitySet) -> Vec<Annotation> {
    let can = &set.capabilities;
    let takes = |option| can.options.contains(&option);
    let properties = set.entity_type.all_properties();
    let unfiltered =
        || properties.iter().filter(|property| property.write_only || matches!(property.ty, Type::Complex(_)));
    let unordered = || {
        let structured = |ty: &Type| matches!(ty, Type::Collection { .. } | Type::Complex(_));
        properties.iter().filter(move |property| property.write_only || structured(&property.ty))
    };
    let relations = || set.entity_type.lineage().flat_map(|ty| ty.navigation);
    let unexpanded: Vec<Value> =
        relations().filter(|nav| nav.collection).map(|nav| Value::NavigationPath(nav.name)).collect();
    let expands = relations().any(|nav| !nav.collection) && takes(SystemOption::Expand);

    let mut filter = vec![("Filterable", Value::Bool(takes(SystemOption::Filter)))];
    if unfiltered().next().is_some() {
        filter.push(("NonFilterableProperties", paths(unfiltered())));
    }
    let mut sort = vec![("Sortable", Value::Bool(takes(SystemOption::OrderBy)))];
    if unordered().next().is_some() {
        sort.push(("NonSortableProperties", paths(unordered())));
    }
    let mut expand = vec![("Expandable", Value::Bool(expands))];
    if expands {
        if !unexpanded.is_empty() {
            expand.push(("NonExpandableProperties", Value::Collection(unexpanded)));
        }
        expand.push(("MaxLevels", Value::Integer(1)));
    }
    vec![
        ("Capabilities.IndexableByKey", Value::Bool(true)),
        ("Capabilities.FilterRestrictions", Value::Record(filter)),
        ("Capabilities.SortRestrictions", Value::Record(sort)),
        ("Capabilities.TopSupported", Value::Bool(takes(SystemOption::Top))),
        ("Capabilities.SkipSupported", Value::Bool(takes(SystemOption::Skip))),
        ("Capabilities.CountRestrictions", flag("Countable", takes(SystemOption::Count))),
        ("Capabilities.SearchRestrictions", flag("Searchable", takes(SystemOption::Search))),
        ("Capabilities.SelectSupport", flag("Supported", takes(SystemOption::Select))),
        ("Capabilities.ExpandRestrictions", Value::Record(expand)),
        ("Capabilities.InsertRestrictions", insert_restrictions(set)),
        ("Capabilities.UpdateRestrictions", update_restrictions(set, &properties)),
        ("Capabilities.DeleteRestrictions", flag("Deletable", can.deletes)),
        ("Capabilities.ChangeTracking", flag("Supported", can.tracks_changes)),
    ]
}

fn flag(name: &'static str, value: bool) -> Value {
    Value::Record(vec![(name, Value::Bool(value))])
}

fn insert_restrictions(set: &EntitySet) -> Value {
    let Some(created) = set.capabilities.creates else { return flag("Insertable", false) };
    let properties = created.all_properties();
    let mut record = vec![("Insertable", Value::Bool(true))];
    record.push(("RequiredProperties", paths(properties.iter().filter(|property| property.is_required()))));
    let relations = || created.lineage().flat_map(|ty| ty.navigation);
    if relations().any(|relation| relation.most_created > 0) {
        let others = relations().filter(|relation| relation.most_created == 0);
        let others = others.map(|relation| Value::NavigationPath(relation.name)).collect();
        record.push(("NonInsertableNavigationProperties", Value::Collection(others)));
    }
    if set.polymorphic {
        let rule = format!("@odata.type is needed, and names {}.", created.name);
        record.push(("Description", Value::Text(rule)));
    }
    Value::Record(record)
}

fn update_restrictions(set: &EntitySet, properties: &[&'static Property]) -> Value {
    if !set.capabilities.updates {
        return flag("Updatable", false);
    }
    Value::Record(vec![
        ("Updatable", Value::Bool(true)),
        ("Upsertable", Value::Bool(false)),
        ("DeltaUpdateSupported", Value::Bool(false)),
        ("UpdateMethod", Value::Member("Org.OData.Capabilities.V1.HttpMethod", "PATCH")),
        ("NonUpdatableProperties", paths(properties.iter().filter(|property| property.immutable))),
    ])
}

/// What holds for the whole service.
pub(super) fn of_container(model: &Model) -> Vec<Annotation> {
    let can = &model.capabilities;
    let mut batch = vec![("Supported", Value::Bool(!can.batch.formats.is_empty()))];
    if !can.batch.formats.is_empty() {
        let features = [
            ("ContinueOnErrorSupported", BatchFeature::ContinueOnError),
            ("ReferencesInRequestBodiesSupported", BatchFeature::ReferencesInBodies),
            ("ReferencesAcrossChangeSetsSupported", BatchFeature::ReferencesAcrossChangeSets),
            ("EtagReferencesSupported", BatchFeature::EtagReferences),
            ("RequestDependencyConditionsSupported", BatchFeature::Conditions),
        ];
        batch.extend(features.map(|(name, feature)| (name, Value::Bool(can.batch.features.contains(&feature)))));
        batch.push(("SupportedFormats", texts(can.batch.formats)));
    }
    let created = model.entity_sets.iter().filter_map(|set| set.capabilities.creates);
    let mut relations = created.flat_map(EntityType::lineage).flat_map(|ty| ty.navigation);
    let brings_along = relations.any(|relation| relation.most_created > 0);
    vec![
        ("Core.ODataVersions", text(can.versions)),
        ("Capabilities.SupportedFormats", texts(can.formats)),
        ("Capabilities.SupportedMetadataFormats", texts(can.metadata_formats)),
        ("Capabilities.AcceptableEncodings", texts(can.encodings)),
        ("Capabilities.KeyAsSegmentSupported", Value::Bool(true)),
        ("Capabilities.BatchSupported", Value::Bool(!can.batch.formats.is_empty())),
        ("Capabilities.BatchSupport", Value::Record(batch)),
        ("Capabilities.FilterFunctions", texts(&function_names().collect::<Vec<_>>())),
        ("Capabilities.AsynchronousRequestsSupported", Value::Bool(false)),
        ("Capabilities.CrossJoinSupported", Value::Bool(false)),
        ("Capabilities.QuerySegmentSupported", Value::Bool(false)),
        ("Capabilities.DeepInsertSupport", flag("Supported", brings_along)),
        ("Capabilities.DeepUpdateSupport", flag("Supported", false)),
        ("Repeatability.Supported", Value::Bool(can.repeatable)),
    ]
}
