//! Options from a TOML file: they become the defaults of the command line's own options, so flags
//! and variables beat them, and every value is checked in one place.

use crate::error::Failure;
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Command, CommandFactory as _, FromArgMatches as _};
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Options of the file, by the ids of the command line's options.
type Values = BTreeMap<String, Vec<String>>;

/// Reads the command line, with the file's values as defaults. Answers warnings too: names in the
/// file or the environment that no option has.
pub fn parse(arguments: Vec<OsString>) -> Result<(crate::cli::Cli, Vec<String>), Failure> {
    let command = quiet_help(crate::cli::Cli::command());
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
    let cli = crate::cli::Cli::from_arg_matches(&matches).map_err(Failure::Usage)?;
    Ok((cli, warnings))
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
fn quiet_help(command: Command) -> Command {
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

fn with_defaults(mut command: Command, values: &Values) -> Command {
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

fn settings(command: &Command) -> BTreeSet<String> {
    let own = command.get_arguments().filter(|argument| is_setting(argument));
    let own = own.map(|argument| argument.get_id().to_string());
    own.chain(command.get_subcommands().flat_map(settings)).collect()
}

/// Variables that look like ours and are none: a misspelt one would have no effect otherwise.
fn unknown_variables(command: &Command) -> Vec<String> {
    fn variables(command: &Command) -> BTreeSet<OsString> {
        let own = command.get_arguments().filter_map(|argument| argument.get_env().map(OsString::from));
        own.chain(command.get_subcommands().flat_map(variables)).collect()
    }
    let known = variables(command);
    std::env::vars_os()
        .map(|(name, _)| name)
        .filter(|name| name.to_string_lossy().starts_with("SPILLWATCH_") && !known.contains(name))
        .map(|name| format!("the variable {} is not a setting; it has no effect", name.to_string_lossy()))
        .collect()
}
