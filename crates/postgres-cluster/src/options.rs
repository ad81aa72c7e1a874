//! How a cluster is set up.

use std::fmt::Write as _;

/// What all clusters have; options come after these and win.
const COMMON: [(&str, &str); 3] =
    [("listen_addresses", "127.0.0.1"), ("max_connections", "200"), ("shared_buffers", "128MB")];
/// What a crash of the machine would need and a test does not.
const FAST: [(&str, &str); 2] = [("fsync", "off"), ("full_page_writes", "off")];

/// How a cluster is set up: as PostgreSQL is out of the box, but for what stands here.
#[derive(Clone, Debug)]
pub struct Options {
    durable: bool,
    settings: Vec<(String, String)>,
}

impl Options {
    /// For tests: without `fsync` and `full_page_writes`. A server that is killed loses nothing by
    /// that, only a machine that crashes does. `synchronous_commit` stays on.
    pub fn fast() -> Self {
        Self { durable: false, settings: Vec::new() }
    }

    /// For measurements: commits are on the disk before they are answered.
    pub fn durable() -> Self {
        Self { durable: true, settings: Vec::new() }
    }

    /// Adds a setting of `postgresql.conf`; the last one of a name counts.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_string()));
        self
    }

    /// The lines of a configuration file: ours, then the options', then what `fixed` says.
    pub(crate) fn configuration(&self, fixed: &[(&str, &str)]) -> String {
        let fast = if self.durable { &[][..] } else { &FAST[..] };
        let options = self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let all = COMMON.iter().chain(fast).copied().chain(options).chain(fixed.iter().copied());
        all.fold(String::new(), |mut text, (name, value)| {
            let value = value.replace('\\', "\\\\").replace('\'', "''");
            writeln!(text, "{name} = '{value}'").expect("a string takes it");
            text
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_come_after_the_defaults_and_before_what_is_fixed() {
        let text = Options::fast()
            .set("max_connections", "20")
            .set("cluster_name", r"it's \o/")
            .configuration(&[("port", "1")]);
        let expected = "listen_addresses = '127.0.0.1'\nmax_connections = '200'\nshared_buffers = '128MB'\n\
                        fsync = 'off'\nfull_page_writes = 'off'\n\
                        max_connections = '20'\ncluster_name = 'it''s \\\\o/'\nport = '1'\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_durable_cluster_keeps_fsync() {
        let text = Options::durable().configuration(&[]);
        assert!(!text.contains("fsync") && !text.contains("full_page_writes"), "{text}");
    }
}
