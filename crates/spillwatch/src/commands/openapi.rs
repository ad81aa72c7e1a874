//! `spillwatch openapi`: the OpenAPI description on standard output. It needs no store.

use crate::cli::Openapi;
use crate::error::Failure;
use crate::output::line;

/// Prints what `GET /v1.0/openapi.json` answers, with the address of the server in it.
pub fn run(options: &Openapi) -> Result<(), Failure> {
    let root = options.public_url.as_str().trim_end_matches('/');
    let servers = ["v1.0", "beta"].map(|version| format!("{root}/{version}"));
    line(api::documents::openapi(options.types.names(), &servers).trim_end())
}
