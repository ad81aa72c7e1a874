//! The database's password from a file, in libpq's form (PostgreSQL documentation 34.16): lines of
//! `host:port:database:user:password`, where `*` fits everything and `\` takes a colon's meaning away.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tokio_postgres::Config;
use tokio_postgres::config::Host;

/// More than this is no file of passwords.
const LARGEST: u64 = 1 << 20;

/// The password of the first line that fits the first host. A file that others can read is refused.
pub(super) fn from_file(file: &Path, config: &Config) -> Result<Vec<u8>, String> {
    let place = file.display();
    let about = fs::metadata(file).map_err(|error| format!("the passfile {place} cannot be read: {error}"))?;
    let mode = about.permissions().mode() & 0o777;
    if about.is_file() && mode & 0o077 != 0 {
        return Err(format!("others can read the passfile {place} (mode {mode:03o}); run `chmod 600` on it"));
    }
    if about.len() > LARGEST {
        return Err(format!("the passfile {place} is larger than 1 MiB"));
    }
    let text = fs::read_to_string(file).map_err(|error| format!("the passfile {place} cannot be read: {error}"))?;
    let wanted = wanted(config);
    let found = text.lines().filter(|line| !line.starts_with('#')).find_map(|line| fitting(line, &wanted));
    found.map(String::into_bytes).ok_or_else(|| format!("no line of the passfile {place} fits {}", wanted.join(":")))
}

/// Host, port, database and user that a line must fit. Sockets count as `localhost`.
fn wanted(config: &Config) -> [String; 4] {
    let host = match (config.get_hosts().first(), config.get_hostaddrs().first()) {
        (Some(Host::Tcp(name)), _) => name.clone(),
        (None, Some(address)) => address.to_string(),
        (Some(Host::Unix(_)), _) | (None, None) => "localhost".to_owned(),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let user = config.get_user().unwrap_or_default();
    [host, port.to_string(), config.get_dbname().unwrap_or(user).to_owned(), user.to_owned()]
}

fn fitting(line: &str, wanted: &[String; 4]) -> Option<String> {
    let fields = fields(line);
    let (password, asked) = fields.split_last()?;
    let fits =
        asked.len() == wanted.len() && asked.iter().zip(wanted).all(|(asked, wanted)| asked == "*" || asked == wanted);
    fits.then(|| password.clone())
}

/// The fields of a line; the fifth goes on to its end.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        let place = fields.len() - 1;
        match character {
            '\\' => fields[place].extend(characters.next()),
            ':' if fields.len() < 5 => fields.push(String::new()),
            _ => fields[place].push(character),
        }
    }
    fields
}
