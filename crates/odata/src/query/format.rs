//! `$format` (URL conventions 4.01, section 5.1.8; OData JSON 4.01, section 3).

use crate::fault::excerpt;

/// How much control information is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetadataLevel {
    /// `odata.metadata=none`
    None,
    /// `odata.metadata=minimal`
    Minimal,
    /// `odata.metadata=full`
    Full,
}

/// The format that is asked for: JSON, with these parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Format {
    /// `odata.metadata`
    pub metadata: Option<MetadataLevel>,
    /// `IEEE754Compatible=true`: large numbers as strings.
    pub ieee754_compatible: bool,
}

impl Format {
    /// Reads `json` or `application/json` with parameters.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut parts = text.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        if !media.eq_ignore_ascii_case("json") && !media.eq_ignore_ascii_case("application/json") {
            return Err(format!("$format is {}; expected json or application/json", excerpt(media)));
        }
        let mut format = Self::default();
        for part in parts.filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').map_or((part, ""), |(name, value)| (name.trim(), value.trim()));
            let value = value.trim_matches('"').to_ascii_lowercase();
            match (name.to_ascii_lowercase().as_str(), value.as_str()) {
                ("odata.metadata" | "metadata", "none") => format.metadata = Some(MetadataLevel::None),
                ("odata.metadata" | "metadata", "minimal") => format.metadata = Some(MetadataLevel::Minimal),
                ("odata.metadata" | "metadata", "full") => format.metadata = Some(MetadataLevel::Full),
                ("ieee754compatible", "true") => format.ieee754_compatible = true,
                ("ieee754compatible", "false") => format.ieee754_compatible = false,
                ("odata.streaming" | "streaming", "true" | "false") | ("charset", "utf-8") => {}
                _ => return Err(format!("$format has the parameter {}, which is not served", excerpt(part))),
            }
        }
        Ok(format)
    }
}
