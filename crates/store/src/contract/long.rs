//! Pages for which many rows are looked at: a store may read them elsewhere, and they are the same.

use super::Harness;
use super::queries::{bound, through};
use super::rendered::detections;
use super::samples::{Dice, MADE, actor, begin, create_event, new_event};
use crate::{Carried, PageQuery, Source};
use model::{EventKind, NewRiskEvent, RiskEventStatus, RiskLevel, edm};
use odata::encode::Row;

/// More events than a store looks at on a thread that serves.
const MANY: usize = 5_200;

pub(super) async fn long_reads_carry_what_short_ones_do(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let mut dice = Dice::new(20_261_130);
    let events = (0..MANY).map(|number| {
        create_event(NewRiskEvent {
            id: MADE,
            kind: if dice.below(6) == 0 { EventKind::IdentityRisk } else { EventKind::LeakedCredentials },
            user_display_name: format!("Å \"{number}\"").into(),
            risk_level: RiskLevel::from_value(dice.below(6) as i64).expect("six levels"),
            risk_event_status: RiskEventStatus::from_value(dice.below(8) as i64).expect("eight statuses"),
            ..new_event("unused")
        })
    });
    let events: Vec<_> = events.collect();
    for some in events.chunks(400) {
        store.execute_all(tenant, actor(), some.to_vec(), None).await.expect("events can be created");
    }

    let contains = "contains(userDisplayName,'77')";
    let (filter, order_by) = through(bound(&edm::RISK_DETECTION, contains, "").0, Vec::new());
    let all = PageQuery { filter, order_by, ..PageQuery::all(Source::Events(None), u32::MAX) };
    assert!(detections(&*store, tenant, all.clone()).await > 50);

    let (mut rendered, mut kept) = (Vec::new(), Vec::new());
    let mut sink = |row: &dyn Row| {
        rendered.push(model::event_members(row)?);
        Ok(())
    };
    let query = PageQuery { carried: Carried::PROPERTIES, ..all.clone() };
    store.page(tenant, query, &mut sink).await.expect("a page can be read");
    let mut sink = |row: &dyn Row| {
        kept.extend(row.members().map(str::to_owned));
        Ok(())
    };
    store.page(tenant, PageQuery { carried: Carried::MEMBERS, ..all }, &mut sink).await.expect("a page can be read");
    assert_eq!(kept, rendered);
}
