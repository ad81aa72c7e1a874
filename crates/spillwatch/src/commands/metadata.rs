//! `spillwatch metadata`: the entity data model on standard output. It needs no store.

use crate::cli::{Metadata, MetadataFormat};
use crate::error::Failure;
use crate::output::line;

/// Prints what `GET /v1.0/$metadata` answers.
pub fn run(options: &Metadata) -> Result<(), Failure> {
    let names = options.types.names();
    let text = match options.format {
        MetadataFormat::Xml => api::documents::metadata_xml(names),
        MetadataFormat::Json => api::documents::metadata_json(names),
    };
    line(text.trim_end())
}
