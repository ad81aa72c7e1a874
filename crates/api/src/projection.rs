//! What an answer shows of entities: `$select` and `$expand`, as encoders.

use crate::call::Call;
use crate::error::ApiError;
use model::edm;
use odata::edm::EntitySet;
use odata::encode::{Encoder, Metadata};
use odata::query::{BoundQuery, Context, Selection, bind};
use service::Form;

pub(crate) use service::carried_for;

impl Call<'_> {
    /// Binds the query options against the set, or what the path casts it to; `now` is what `now()` means.
    /// `$format` decides the form of the answer from then on.
    pub(crate) fn bind(&mut self, set: &EntitySet, now: model::Ticks) -> Result<BoundQuery, ApiError> {
        let search = service::searched(set, self.caller.permissions);
        let context = Context { search, enum_members: self.preferences.enum_members(), ..Context::at(now) };
        let ty = if std::ptr::eq(set, self.set()) { self.entities().ty } else { set.entity_type };
        let query = bind(&self.options, &edm::MODEL, ty, &context);
        let query = query.map_err(|errors| ApiError::from_query_errors(self.area, &errors))?;
        if let Some(missing) = service::lacking(&query, self.caller.permissions) {
            return Err(ApiError::forbidden(self.area, missing));
        }
        if let Some(format) = query.format {
            self.media = format.into();
        }
        Ok(query)
    }

    /// The encoder for what a query selects and expands of a set's entities.
    pub(crate) fn encoder(&self, set: &EntitySet, query: &BoundQuery) -> Encoder {
        let told = self.preferences.enum_members();
        let is_usual = !query.select.is_explicit() && query.expand.is_empty() && self.media.metadata != Metadata::Full;
        if let Some(usual) = self.app.encoders.of(set, self.media.metadata).filter(|_| is_usual && !self.is_beta()) {
            return usual.clone().with_enum_members(told);
        }
        let (ty, positions) = (query.select.entity_type(), self.shown(&query.select));
        self.form(&self.root()).encoder_with(set, ty, positions, &query.expand)
    }

    /// The encoder for what a query selects of what is part of the entity that the path names.
    pub(crate) fn part_encoder(&self, set: &EntitySet, query: &BoundQuery) -> Encoder {
        let whole = self.entity_url(self.set(), self.key().text());
        let (ty, positions) = (query.select.entity_type(), self.shown(&query.select));
        self.form(&whole).encoder_with(set, ty, positions, &query.expand)
    }

    /// The encoder for all that is part of the entity at a URL, as it is.
    pub(crate) fn part_encoder_at(&self, whole: &str, set: &EntitySet) -> Encoder {
        self.form(whole).encoder(set, &Selection::everything(set.entity_type), &[])
    }

    /// The encoder for items of a delta, which have their id whatever is selected; with `only`, and besides
    /// it nothing but those properties, a bit for each position.
    pub(crate) fn delta_encoder(&self, set: &EntitySet, query: &BoundQuery, only: Option<u64>) -> Encoder {
        let id = edm::event::ID; // as in every type
        let mut positions = self.shown(&query.select);
        if only.is_none() && positions.contains(&id) {
            return self.encoder(set, query);
        }
        if !positions.contains(&id) {
            positions.insert(0, id);
        }
        positions.retain(|position| *position == id || only.is_none_or(|only| only >> position & 1 == 1));
        self.form(&self.root()).encoder_with(set, query.select.entity_type(), positions, &[])
    }

    fn is_beta(&self) -> bool {
        self.version == "beta"
    }

    /// The positions of the properties that a selection shows; beta shows some more of detections.
    fn shown(&self, select: &Selection) -> Vec<usize> {
        let is_of_detections = std::ptr::eq(select.entity_type(), &raw const edm::RISK_DETECTION);
        if self.is_beta() && is_of_detections { select.positions() } else { service::shown(select) }
    }

    /// How the client wants entities to be written.
    fn form<'r>(&self, root: &'r str) -> Form<'r> {
        Form {
            metadata: self.media.metadata,
            type_names: self.app.encoders.type_names(),
            enum_members: self.preferences.enum_members(),
            root,
        }
    }
}
