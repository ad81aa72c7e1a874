//! What a query may ask of a set, and what is shown of its entities: the same whether it comes by HTTP or
//! from the command line.

use model::{Permission, PermissionSet, edm};
use odata::edm::{EntitySet, EntityType, EnumMembers};
use odata::encode::{Encoder, Metadata, TypeNames};
use odata::expression::bound::PropertyPath;
use odata::query::{BoundQuery, Expansion, Selection};
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

/// The same for detections.
static DETECTION_SEARCH: LazyLock<Vec<PropertyPath>> = LazyLock::new(|| {
    texts_of(&edm::RISK_DETECTION, &["userDisplayName", "userPrincipalName", "riskEventType", "userId", "id"])
});

/// The same for users at risk.
static RISKY_USER_SEARCH: LazyLock<Vec<PropertyPath>> =
    LazyLock::new(|| texts_of(&edm::RISKY_USER, &["userDisplayName", "userPrincipalName", "id"]));

fn texts_of(ty: &'static EntityType, names: &[&str]) -> Vec<PropertyPath> {
    names.iter().map(|name| PropertyPath::find(ty, name).expect("a property of the model")).collect()
}

/// The properties that `$search` looks through in a set, for a reader with these permissions.
pub fn searched(set: &EntitySet, permissions: PermissionSet) -> &'static [PropertyPath] {
    if std::ptr::eq(set, &raw const edm::USERS) {
        &USER_SEARCH
    } else if std::ptr::eq(set, &raw const edm::RISK_DETECTIONS) {
        &DETECTION_SEARCH
    } else if std::ptr::eq(set, &raw const edm::RISKY_USERS) {
        &RISKY_USER_SEARCH
    } else if std::ptr::eq(set, &raw const edm::RISKY_USER_HISTORY) || std::ptr::eq(set, &raw const edm::EVIDENCE_SET) {
        &[]
    } else if permissions.allows(Permission::UserReadAll) {
        &EVENT_SEARCH
    } else {
        &EVENT_SEARCH[..OWN]
    }
}

/// The permission that a query needs besides that of reading its set, where it is lacking: what is read of
/// users through events needs that of reading users.
pub fn lacking(query: &BoundQuery, permissions: PermissionSet) -> Option<Permission> {
    let expressions = query.filter.iter().chain(query.order_by.iter().map(|key| &key.expression));
    let mut expressions = expressions.map(store::plan::uses_navigation);
    let reaches = !query.expand.is_empty() || expressions.any(|reaches| reaches);
    (reaches && !permissions.allows(Permission::UserReadAll)).then_some(Permission::UserReadAll)
}

/// The positions of the properties that a selection shows.
pub fn shown(select: &Selection) -> Vec<usize> {
    let is_of = |ty| std::ptr::eq(select.entity_type(), ty);
    match select.is_explicit() {
        false if is_of(&raw const edm::USER) => edm::user::DEFAULT.to_vec(),
        false if is_of(&raw const edm::RISK_DETECTION) => edm::risk_detection::DEFAULT.to_vec(),
        _ => select.positions(),
    }
}

/// The same for items of a delta, which have their id whatever is selected.
pub fn shown_in_delta(select: &Selection) -> Vec<usize> {
    let mut positions = shown(select);
    let id = edm::event::ID; // as in every type
    if !positions.contains(&id) {
        positions.insert(0, id);
    }
    positions
}

/// How entities are written.
#[derive(Clone, Copy, Debug)]
pub struct Form<'f> {
    /// How much control information they carry.
    pub metadata: Metadata,
    /// The names by which sets that announce types do so.
    pub type_names: TypeNames,
    /// Which members of evolvable enumerations are written by name.
    pub enum_members: EnumMembers,
    /// The address of the service, such as `https://risk.example.test/v1.0`: for [`Metadata::Full`].
    pub root: &'f str,
}

impl Form<'_> {
    /// The encoder for what a query selects and expands of a set's entities.
    pub fn encoder(&self, set: &EntitySet, select: &Selection, expand: &[Expansion]) -> Encoder {
        self.encoder_with(set, select.entity_type(), shown(select), expand)
    }

    /// The encoder for the properties at some positions of a type in a set.
    pub fn encoder_with(
        &self,
        set: &EntitySet,
        ty: &'static EntityType,
        positions: Vec<usize>,
        expand: &[Expansion],
    ) -> Encoder {
        let type_names = set.announces_type.then_some(self.type_names);
        let encoder = Encoder::with_properties(positions, ty, self.metadata, type_names);
        let expansions = expand.iter().map(|expansion| {
            let inner = self.encoder(&edm::USERS, &expansion.select, &expansion.expand);
            (expansion.navigation, inner)
        });
        let encoder = encoder.with_enum_members(self.enum_members).with_expansions(expansions.collect());
        encoder.with_location(&format!("{}/{}", self.root, set.path()))
    }
}

/// What rows must carry for an encoder.
pub fn carried_for(encoder: &Encoder) -> Carried {
    let default = &edm::risk_detection::DEFAULT;
    let is_rendered = encoder.takes_members() || encoder.writes(&edm::RISK_DETECTION, default, EnumMembers::Known);
    let projection = if is_rendered { Projection::Members } else { Projection::Properties };
    Carried { projection, related: encoder.takes_related() }
}
