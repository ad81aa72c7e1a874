//! What a store may keep rendered, beside what the values render to.

use crate::{Carried, PageQuery, Projection, Store};
use model::edm::risk_detection::DEFAULT;
use model::{DetectionRow, TenantKey, edm};
use odata::encode::{Encoder, Metadata, Row};

/// Compares the detections of a page as they are written where a store may keep them rendered with what their events tell,
/// and answers how many they are.
pub(super) async fn detections(store: &dyn Store, tenant: TenantKey, of: PageQuery) -> usize {
    let encoder = Encoder::with_properties(DEFAULT, &edm::RISK_DETECTION, Metadata::Minimal, None);
    let (mut kept, mut told) = (Vec::new(), Vec::new());
    for (projection, written) in [(Projection::Detection, &mut kept), (Projection::Risk, &mut told)] {
        let mut sink = |row: &dyn Row| {
            let mut out = Vec::new();
            encoder.entity(&DetectionRow::of(row)?, None, &mut out)?;
            written.push(String::from_utf8(out).expect("JSON"));
            Ok(())
        };
        let carried = Carried { projection, related: false };
        store.page(tenant, PageQuery { carried, ..of.clone() }, &mut sink).await.expect("a page can be read");
    }
    assert_eq!(kept, told, "what is kept rendered is what the values render to");
    told.len()
}
