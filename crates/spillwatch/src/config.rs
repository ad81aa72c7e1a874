//! Options from a TOML file: they become the defaults of the command line's own options, so flags
//! and variables beat them, and every value is checked in one place.

use crate::cli::{Cli, Command};
use crate::database_url::DatabaseUrl;
use crate::error::Failure;
use crate::operator_key::{KEY_VARIABLE, LDAP_PASSWORD};
use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{Arg, CommandFactory as _, FromArgMatches as _};
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Options of the file, by the ids of the command line's options.
type Values = BTreeMap<String, Vec<String>>;

/// Reads the command line, with the file's values as defaults. Answers warnings too: names in the
/// file or the environment that no option has.
pub fn parse(arguments: Vec<OsString>) -> Result<(Cli, Vec<String>), Failure> {
    let command = quiet_help(Cli::command());
    let mut warnings = unknown_variables(&command);
    let mut from_file = None;
    let command = match config_file(&arguments) {
        None => command,
        Some(path) => {
            let values = read(&path)?;
            let known = settings(&command);
            for name in values.keys().filter(|name| !known.contains(*name)) {
                let name = name.replace('_', "-");
                warnings.push(format!("{}: `{name}` is not a setting; it has no effect", path.display()));
            }
            let command = with_defaults(command, &values);
            from_file = Some((path, values));
            command
        }
    };
    let matches = command.try_get_matches_from(arguments).map_err(|error| blame(error, from_file.as_ref()))?;
    let mut cli = Cli::from_arg_matches(&matches).map_err(Failure::Usage)?;
    let is_default = matches.value_source("data") == Some(ValueSource::DefaultValue);
    let in_file = from_file.is_some_and(|(_, values)| values.contains_key("data"));
    cli.global.data_is_given = !is_default || in_file;
    one_store(&mut cli)?;
    Ok((cli, warnings))
}

/// A folder and a database cannot both be the store, wherever they were named: writing into the wrong one would not be
/// noticed. Only a certificate of our own making needs a folder beside a database.
fn one_store(cli: &mut Cli) -> Result<(), Failure> {
    let global = &mut cli.global;
    if global.database.as_ref().is_some_and(DatabaseUrl::is_empty) {
        global.database = None; // a variable that was emptied to turn it off
    }
    let certificate = matches!(&cli.command, Command::Serve(options) if options.tls_self_signed);
    match &global.database {
        Some(_) if global.data_is_given && !certificate => Err(Failure::Refused(
            "--data and --database each name a store; leave one out (they may also come from SPILLWATCH_DATA, \
             SPILLWATCH_DATABASE and the TOML file; an empty SPILLWATCH_DATABASE counts as none)"
                .to_owned(),
        )),
        Some(_) if !global.data_is_given && certificate => Err(Failure::Refused(
            "--tls-self-signed keeps its certificate in a folder, also when the store is in a database: name one with \
             --data DIR, or give --tls-cert and --tls-key"
                .to_owned(),
        )),
        Some(url) => url.check().map_err(|why| Failure::Refused(format!("--database cannot be used: {why}"))),
        None => Ok(()),
    }
}

/// The file that `--config` or `SPILLWATCH_CONFIG` names; looked for before the rest is read.
fn config_file(arguments: &[OsString]) -> Option<PathBuf> {
    let mut found = None;
    for (at, argument) in arguments.iter().enumerate() {
        match argument.to_str() {
            Some("--") => break,
            Some("--config") => found = arguments.get(at + 1).map(PathBuf::from),
            Some(text) => found = text.strip_prefix("--config=").map(PathBuf::from).or(found),
            None => {}
        }
    }
    found.or_else(|| std::env::var_os("SPILLWATCH_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from))
}

/// Help that is the same whatever the environment holds.
fn quiet_help(command: clap::Command) -> clap::Command {
    command.mut_args(|argument| argument.hide_env_values(true)).mut_subcommands(quiet_help)
}

/// Says that a wrong value stands in the file, when it does: the command line shows none.
fn blame(error: clap::Error, from_file: Option<&(PathBuf, Values)>) -> Failure {
    if let Some((path, values)) = from_file
        && let Some(ContextValue::String(found)) = error.get(ContextKind::InvalidValue)
        && let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg)
    {
        let name = option.trim_start_matches('-').split([' ', '=']).next().unwrap_or_default();
        if values.get(&name.replace('-', "_")).is_some_and(|texts| texts.contains(found)) {
            let why =
                error.source().map_or_else(|| "it is not one of the possible values".to_owned(), ToString::to_string);
            return Failure::Refused(format!("{}: `{name}` cannot be `{found}`: {why}", path.display()));
        }
    }
    Failure::Usage(error)
}

fn read(path: &Path) -> Result<Values, Failure> {
    let failure = |why: String| Failure::message(format!("the configuration {} cannot be used: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| failure(error.to_string()))?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| failure(error.to_string()))?;
    let mut values = Values::new();
    flatten("", &table, &mut values).map_err(failure)?;
    Ok(values)
}

/// `[odata] type-namespace = "x"` and `odata-type-namespace = "x"` are the same.
fn flatten(prefix: &str, table: &toml::Table, values: &mut Values) -> Result<(), String> {
    for (name, value) in table {
        let id = format!("{prefix}{name}").replace('-', "_");
        if let toml::Value::Table(inner) = value {
            flatten(&format!("{id}_"), inner, values)?;
            continue;
        }
        let texts = match value {
            toml::Value::Array(items) => items.iter().map(|item| as_text(&id, item)).collect::<Result<_, _>>()?,
            value => vec![as_text(&id, value)?],
        };
        if values.insert(id.clone(), texts).is_some() {
            return Err(format!("`{id}` is set twice"));
        }
    }
    Ok(())
}

/// A value as the command line would have it; a table, such as one `[[issuer]]`, as `name=value`
/// pairs.
fn as_text(id: &str, value: &toml::Value) -> Result<String, String> {
    match value {
        toml::Value::String(text) => Ok(text.clone()),
        toml::Value::Integer(number) => Ok(number.to_string()),
        toml::Value::Boolean(flag) => Ok(flag.to_string()),
        toml::Value::Table(table) => {
            let mut parts = Vec::new();
            for (name, value) in table {
                let values = match value {
                    toml::Value::Array(values) => values.as_slice(),
                    one => std::slice::from_ref(one),
                };
                for value in values {
                    match value {
                        toml::Value::String(text) => parts.push(format!("{name}={text}")),
                        _ => return Err(format!("`{id}.{name}` is not text")),
                    }
                }
            }
            Ok(parts.join(","))
        }
        _ => Err(format!("`{id}` is neither text, a number, true or false, nor a list of them")),
    }
}

fn with_defaults(mut command: clap::Command, values: &Values) -> clap::Command {
    for (id, texts) in values {
        if command.get_arguments().any(|argument| argument.get_id() == id.as_str() && is_setting(argument)) {
            command = command.mut_arg(id, |argument| argument.required(false).default_values(texts.clone()));
        }
    }
    let names: Vec<String> = command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
    for name in names {
        command = command.mut_subcommand(name, |inner| with_defaults(inner, values));
    }
    command
}

/// Whether an option may stand in the file: those that have a variable. The others are about one
/// call, such as the name of what is added, or the consent to a removal.
fn is_setting(argument: &Arg) -> bool {
    argument.get_env().is_some()
}

fn settings(command: &clap::Command) -> BTreeSet<String> {
    let own = command.get_arguments().filter(|argument| is_setting(argument));
    let own = own.map(|argument| argument.get_id().to_string());
    own.chain(command.get_subcommands().flat_map(settings)).collect()
}

/// Variables that look like ours and are none: a misspelt one would have no effect otherwise.
fn unknown_variables(command: &clap::Command) -> Vec<String> {
    fn variables(command: &clap::Command) -> BTreeSet<OsString> {
        let own = command.get_arguments().filter_map(|argument| argument.get_env().map(OsString::from));
        own.chain(command.get_subcommands().flat_map(variables)).collect()
    }
    let mut known = variables(command);
    known.extend([KEY_VARIABLE, LDAP_PASSWORD].map(OsString::from));
    std::env::vars_os()
        .map(|(name, _)| name)
        .filter(|name| name.to_string_lossy().starts_with("SPILLWATCH_") && !known.contains(name))
        .map(|name| format!("the variable {} is not a setting; it has no effect", name.to_string_lossy()))
        .collect()
}
