//! OData 4.01 building blocks that know nothing of any service.
//!
//! - [`Ticks`]: `Edm.DateTimeOffset` to 100 nanoseconds

mod ticks;

pub use ticks::{Ticks, TicksError};
