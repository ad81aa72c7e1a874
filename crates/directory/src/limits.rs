//! How much of a file is taken at once.

/// Caps on what one file may ask for; a line, entry or value over a cap is a named error and is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest line of LDIF (unfolded) or of a dump of hashes, in bytes. Default 65,536.
    ///
    /// A longer value of an LDIF attribute that is ignored anyway, such as a photo, is read over and no error.
    pub line_bytes: usize,
    /// Longest entry in bytes: a row of a table, a JSON object without its white space, what is kept of an LDIF
    /// entry. Default 1,048,576.
    pub entry_bytes: usize,
    /// Longest value that is kept, in bytes. Default 16,384.
    pub value_bytes: usize,
    /// Most values that one user may have. Default 1,000: Exchange allows 500 addresses.
    pub values_per_entry: usize,
    /// Most columns of a table. Default 1,024.
    pub columns: usize,
    /// Deepest nesting of a JSON entry. Default 32: Keycloak and SCIM need 5.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            line_bytes: 64 << 10,
            entry_bytes: 1 << 20,
            value_bytes: 16 << 10,
            values_per_entry: 1000,
            columns: 1024,
            depth: 32,
        }
    }
}
