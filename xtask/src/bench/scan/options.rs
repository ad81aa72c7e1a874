//! What to measure of a scan, from the command line.

use clap::Parser;
use serde::Serialize;
use std::path::PathBuf;

/// Measures a scan beside `wc -l` and ripgrep: whole runs, and without their start.
#[derive(Clone, Debug, Parser, Serialize)]
pub struct ScanOptions {
    /// Users of the directory
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(10..=4_000_000))]
    pub users: u64,

    /// Sizes of the material in bytes, each measured in turn, such as 100m,1g; with several, how the time grows is told
    #[arg(long = "bytes", visible_alias = "sizes", value_name = "BYTES,...", value_delimiter = ',',
          default_value = "1g", value_parser = bytes)]
    pub sizes: Vec<u64>,

    /// Turns: in each, everything runs once
    #[arg(long, value_name = "TURNS", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    pub reps: u16,

    /// How much of the material ripgrep is given, which takes seconds for what the others do in one; its time is scaled
    #[arg(long, value_name = "BYTES", default_value = "100m", value_parser = bytes)]
    pub rg_bytes: u64,

    /// A directory whose users all have their address with one public mail provider
    #[arg(long)]
    pub public: bool,

    /// Gives the users names without a domain, which are looked for in every line
    #[arg(long)]
    pub bare_names: bool,

    /// Counts instructions a line with callgrind in place of measuring time; the material is 40 MB then, and the users 1,000 at most
    #[arg(long)]
    pub instructions: bool,

    /// Keeps directory and material here, and uses what is there; in a folder that is removed when left out
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,

    /// Measures this binary in place of building one (for A/B: an older build)
    #[arg(long, value_name = "FILE")]
    pub server: Option<PathBuf>,
}

/// Reads `100m`, `1g` or a plain number of at least 10,000.
fn bytes(text: &str) -> Result<u64, String> {
    let lower = text.to_ascii_lowercase();
    let (digits, unit) = match lower.chars().last() {
        Some('k') => (&lower[..lower.len() - 1], 1_000),
        Some('m') => (&lower[..lower.len() - 1], 1_000_000),
        Some('g') => (&lower[..lower.len() - 1], 1_000_000_000),
        _ => (lower.as_str(), 1),
    };
    let bytes = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(unit));
    let range = 10_000..=1_000_000_000_000;
    bytes.filter(|n| range.contains(n)).ok_or_else(|| "say a size from 10k to 1000g, such as 1g".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_take_k_m_and_g() {
        assert_eq!(bytes("1g"), Ok(1_000_000_000));
        assert_eq!(bytes("100M"), Ok(100_000_000));
        assert_eq!(bytes("123456"), Ok(123_456));
        for wrong in ["", "g", "9999", "-1g", "2000g", "99999999999999999999g"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
