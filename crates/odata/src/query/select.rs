//! `$select` (URL conventions 4.01, section 5.1.4).

use super::bind::{OptionText, Reading};
use crate::edm::{EntityType, NavigationProperty, Type};
use crate::expression::ErrorKind;
use crate::fault::excerpt;

/// One thing that is selected.
#[derive(Clone, Copy, Debug)]
pub enum Selected {
    /// `*`: every property that is given out.
    All,
    /// The property at a position.
    Property(usize),
    /// A relation, of which nothing is shown unless it is expanded.
    Navigation(&'static NavigationProperty),
}

/// Which properties of an entity are answered, and in which order.
#[derive(Clone, Debug)]
pub struct Selection {
    ty: &'static EntityType,
    /// What was asked for; nothing when there is no `$select`.
    items: Vec<Selected>,
}

/// A path of `$select` that leads into a relation: it counts for what is expanded there.
pub(super) struct Inner<'t> {
    pub(super) navigation: &'static NavigationProperty,
    pub(super) rest: &'t str,
    pub(super) whole: &'t str,
}

impl Selection {
    /// Everything, since nothing was asked for.
    pub fn everything(ty: &'static EntityType) -> Self {
        Self { ty, items: Vec::new() }
    }

    /// The type of the entities.
    pub fn entity_type(&self) -> &'static EntityType {
        self.ty
    }

    /// Whether there was a `$select`. Without one, a service may answer with fewer properties than
    /// there are.
    pub fn is_explicit(&self) -> bool {
        !self.items.is_empty()
    }

    /// What was asked for, in that order; nothing when there is no `$select`.
    pub fn items(&self) -> &[Selected] {
        &self.items
    }

    /// The positions of the properties to answer, in the order in which they were asked for; all
    /// that are given out when there is no `$select`, or a `*` in it.
    pub fn positions(&self) -> Vec<usize> {
        if self.items.is_empty() || self.items.iter().any(|item| matches!(item, Selected::All)) {
            let all = self.ty.all_properties().into_iter().enumerate();
            return all.filter(|(_, property)| !property.write_only).map(|(position, _)| position).collect();
        }
        let named = self.items.iter().filter_map(|item| match item {
            Selected::Property(position) => Some(*position),
            Selected::All | Selected::Navigation(_) => None,
        });
        named.collect()
    }

    fn add(&mut self, item: Selected) {
        let known = self.items.iter().any(|known| match (known, &item) {
            (Selected::All, Selected::All) => true,
            (Selected::Property(a), Selected::Property(b)) => a == b,
            (Selected::Navigation(a), Selected::Navigation(b)) => std::ptr::eq(*a, *b),
            _ => false,
        });
        if !known {
            self.items.push(item);
        }
    }

    /// Adds what the text of a `$select` names, and gives its paths into relations.
    pub(super) fn read<'t>(
        &mut self,
        option: &OptionText<'t>,
        text: &'t str,
        reading: &mut Reading<'_>,
    ) -> Vec<Inner<'t>> {
        let mut inner = Vec::new();
        for item in option.split(text, ',') {
            self.read_item(option, item.trim(), reading, &mut inner);
        }
        inner
    }

    pub(super) fn read_item<'t>(
        &mut self,
        option: &OptionText<'t>,
        item: &'t str,
        reading: &mut Reading<'_>,
        inner: &mut Vec<Inner<'t>>,
    ) {
        if item == "*" {
            return self.add(Selected::All);
        }
        if item.is_empty() {
            return reading.error(
                option,
                item,
                ErrorKind::Syntax,
                "a name is missing; expected names with commas between",
            );
        }
        if let Some(namespace) = item.strip_suffix(".*") {
            // All operations of a schema: there are none to show.
            if reading.model.entity_types.iter().any(|ty| ty.is_in(namespace)) {
                return;
            }
        }
        let (path, options) = item.find('(').map_or((item, None), |at| (&item[..at], Some(&item[at..])));
        let (mut ty, mut rest) = (self.ty, path);
        while let Some((first, after)) = rest.split_once('/').filter(|(first, _)| first.contains('.')) {
            match reading.model.entity_type(first.trim()) {
                Some(cast) if self.ty.is(cast) || cast.is(self.ty) => (ty, rest) = (cast, after),
                _ => {
                    let message = format!("{} is not a type of the entities that are asked for", excerpt(first));
                    return reading.error(option, first, ErrorKind::UnknownName, message);
                }
            }
        }
        let (name, after) = rest.split_once('/').map_or((rest, None), |(name, after)| (name, Some(after)));
        let name = name.trim();
        if name.is_empty() {
            let message = format!("the name of a property is missing in {}", excerpt(item));
            return reading.error(option, item, ErrorKind::Syntax, message);
        }
        let is_known = ty.navigation(name).is_some() || ty.property(name).is_some_and(|(_, named)| !named.write_only);
        if options.is_some() && is_known {
            let message = format!("options of what is selected, as in {}, are not served", excerpt(item));
            return reading.error(option, item, ErrorKind::NotServed, message);
        }
        if let Some(navigation) = ty.navigation(name) {
            match after {
                None => self.add(Selected::Navigation(navigation)),
                Some(rest) => inner.push(Inner { navigation, rest, whole: item }),
            }
            return;
        }
        let property = ty.property(name).filter(|(_, property)| !property.write_only);
        let readable = property.filter(|(position, _)| *position < self.ty.property_count());
        match (property, readable, after) {
            (_, Some((position, _)), None) => self.add(Selected::Property(position)),
            (_, Some((_, property)), Some(_)) => {
                let kind =
                    if matches!(property.ty, Type::Complex(_)) { ErrorKind::NotServed } else { ErrorKind::UnknownName };
                let message = format!("`{}` cannot be selected in parts, as in {}", property.name, excerpt(item));
                reading.error(option, item, kind, message);
            }
            (Some((_, property)), None, _) => {
                let message =
                    format!("selecting `{}`, which only some of the entities have, is not served", property.name);
                reading.error(option, item, ErrorKind::NotServed, message);
            }
            (None, ..) => reading.unknown_property(option, name, ty, ErrorKind::UnknownName),
        }
    }
}
