//! What an answer shows of entities: `$select` and `$expand`, as encoders.

use crate::call::Call;
use crate::error::ApiError;
use model::{Permission, edm};
use odata::edm::{EntitySet, EntityType};
use odata::encode::{Encoder, Metadata};
use odata::expression::bound::PropertyPath;
use odata::query::{BoundQuery, Context, Expansion, Selection, bind};
use std::sync::LazyLock;
use store::{Carried, Projection};

/// How many of [`EVENT_SEARCH`] are the event's own.
const OWN: usize = 5;

/// The properties that `$search` looks through: the texts of an event, and of its user.
static EVENT_SEARCH: LazyLock<Vec<PropertyPath>> = LazyLock::new(|| {
    let own: [&str; OWN] = ["userDisplayName", "userPrincipalName", "riskEventType", "userId", "id"];
    let of_user = ["impactedUser/displayName", "impactedUser/mail", "impactedUser/department", "impactedUser/jobTitle"];
    let find = |path: &&str| PropertyPath::find(&edm::IDENTITY_RISK_EVENT, path).expect("a property of the model");
    own.iter().chain(&of_user).map(find).collect()
});

/// The same for users.
static USER_SEARCH: LazyLock<Vec<PropertyPath>> = LazyLock::new(|| {
    let all = edm::USER.all_properties();
    let texts =
        all.iter().filter(|property| !property.write_only && matches!(property.ty, odata::edm::Type::String { .. }));
    texts.map(|property| PropertyPath::find(&edm::USER, property.name).expect("a property of the model")).collect()
});

impl Call<'_> {
    /// Binds the query options against the set, or what the path casts it to; `now` is what `now()` means.
    /// `$format` decides the form of the answer from then on.
    pub(crate) fn bind(&mut self, set: &EntitySet, now: model::Ticks) -> Result<BoundQuery, ApiError> {
        let search: &[PropertyPath] = if std::ptr::eq(set, &raw const edm::USERS) {
            &USER_SEARCH
        } else if self.caller.permissions.allows(Permission::UserReadAll) {
            &EVENT_SEARCH
        } else {
            &EVENT_SEARCH[..OWN]
        };
        let context = Context { search, enum_members: self.preferences.enum_members(), ..Context::at(now) };
        let ty = if std::ptr::eq(set, self.set()) { self.entities().ty } else { set.entity_type };
        let query = bind(&self.options, &edm::MODEL, ty, &context);
        let query = query.map_err(|errors| ApiError::from_query_errors(self.area, &errors))?;
        self.check_reach(&query)?;
        if let Some(format) = query.format {
            self.media = format.into();
        }
        Ok(query)
    }

    /// What is read of users through events needs the permission that reading users needs.
    fn check_reach(&self, query: &BoundQuery) -> Result<(), ApiError> {
        let expressions = query.filter.iter().chain(query.order_by.iter().map(|key| &key.expression));
        let reaches = !query.expand.is_empty() || expressions.into_iter().any(store::plan::uses_navigation);
        if reaches && !self.caller.permissions.allows(Permission::UserReadAll) {
            return Err(ApiError::forbidden(self.area, Permission::UserReadAll));
        }
        Ok(())
    }

    /// The encoder for what a query selects and expands of a set's entities.
    pub(crate) fn encoder(&self, set: &EntitySet, query: &BoundQuery) -> Encoder {
        let told = self.preferences.enum_members();
        if !query.select.is_explicit() && query.expand.is_empty() && self.media.metadata != Metadata::Full {
            return self.app.encoders.of(set, self.media.metadata).clone().with_enum_members(told);
        }
        self.encoder_of(set, &query.select, &query.expand)
    }

    /// The encoder for items of a delta, which have their id whatever is selected; with `only`, and besides
    /// it nothing but those properties, a bit for each position.
    pub(crate) fn delta_encoder(&self, set: &EntitySet, query: &BoundQuery, only: Option<u64>) -> Encoder {
        let mut positions = shown(&query.select);
        let id = edm::event::ID; // as in every type
        if only.is_none() && positions.contains(&id) {
            return self.encoder(set, query);
        }
        if !positions.contains(&id) {
            positions.insert(0, id);
        }
        positions.retain(|position| *position == id || only.is_none_or(|only| only >> position & 1 == 1));
        self.encoder_with(set, query.select.entity_type(), positions, &[])
    }

    fn encoder_of(&self, set: &EntitySet, select: &Selection, expand: &[Expansion]) -> Encoder {
        self.encoder_with(set, select.entity_type(), shown(select), expand)
    }

    fn encoder_with(
        &self,
        set: &EntitySet,
        ty: &'static EntityType,
        positions: Vec<usize>,
        expand: &[Expansion],
    ) -> Encoder {
        let type_names = set.announces_type.then_some(self.app.encoders.type_names());
        let encoder = Encoder::with_properties(positions, ty, self.media.metadata, type_names);
        let expansions = expand.iter().map(|expansion| {
            let inner = self.encoder_of(&edm::USERS, &expansion.select, &expansion.expand);
            (expansion.navigation, inner)
        });
        let encoder = encoder.with_enum_members(self.preferences.enum_members());
        encoder.with_expansions(expansions.collect()).with_location(&format!("{}/{}", self.root(), set.name))
    }
}

/// The positions of the properties that a selection shows.
fn shown(select: &Selection) -> Vec<usize> {
    let are_users = std::ptr::eq(select.entity_type(), &raw const edm::USER);
    if are_users && !select.is_explicit() { edm::user::DEFAULT.to_vec() } else { select.positions() }
}

/// What rows must carry for an encoder.
pub(crate) fn carried_for(encoder: &Encoder) -> Carried {
    let projection = if encoder.takes_members() { Projection::Members } else { Projection::Properties };
    Carried { projection, related: encoder.takes_related() }
}
