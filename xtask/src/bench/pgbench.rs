//! The yardstick of creates over PostgreSQL: `pgbench` with an insert of the same row into the same table, with all its
//! indexes, each committed before the next.
//!
//! The row is one that the server has written. What indexes sort by differs from row to row, as it does in the data
//! set; everything else is sent as it is.

use crate::bench::data::{DataSet, YEAR};
use crate::bench::load::Run;
use anyhow::{Context as _, Result, bail, ensure};
use postgres_cluster::Cluster;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Threads of pgbench.
const THREADS: u16 = 2;
/// What a cell holds where the row has nothing.
const NULL: &str = "(null)";

/// The columns that differ, and what pgbench writes into each. `:user`, `:seconds` and `:level` are drawn anew for each
/// row. A colon before a letter or a digit begins a variable even within quotes, so there is no `::`. The key comes
/// first, since it takes the number that the times go on with.
const DIFFERENT: [(&str, &str); 9] = [
    ("key", "nextval('bench_keys')"),
    ("user_display_name", "'User ' || lpad(cast(cast(:user as bigint) as text), 6, '0')"),
    ("user_principal_name", "'user' || lpad(cast(cast(:user as bigint) as text), 6, '0') || '@contoso.example'"),
    ("user_id", "cast(cast(md5(cast(cast(:user as bigint) as text)) as uuid) as text)"),
    ("risk_event_date_time", "cast(:event as bigint) + cast(:seconds as bigint) * 10000000"),
    ("risk_level", "cast(:level as bigint)"),
    ("created_date_time", "cast(:now as bigint) + currval('bench_keys')"),
    ("last_updated_date_time", "cast(:now as bigint) + currval('bench_keys')"),
    ("version", "currval('bench_keys')"),
];

/// Inserts of one row after another.
#[derive(Clone, Debug)]
pub struct Inserts {
    program: PathBuf,
    url: String,
    script: PathBuf,
    folder: PathBuf,
    /// What the script's variables hold.
    variables: Vec<(String, String)>,
}

impl Inserts {
    /// Inserts into a database that a server with this data has filled; the script is kept in the folder.
    pub fn prepare(cluster: &Cluster, database: &str, data: DataSet, folder: &Path) -> Result<Self> {
        ensure!(cluster.sql(database, "show fsync")? == "on", "the yardstick's database does not sync");
        let program = cluster.binaries().program("pgbench").map_err(anyhow::Error::msg)?;
        let columns = cluster.sql(
            database,
            "select column_name from information_schema.columns where table_name = 'risk_events' order by ordinal_position",
        )?;
        let columns: Vec<&str> = columns.lines().collect();
        let cells: Vec<String> = columns.iter().map(|name| format!("coalesce({name}::text, '{NULL}')")).collect();
        let row = cluster.sql(
            database,
            &format!("select concat_ws(E'\\n', {}) from risk_events order by tenant, key limit 1", cells.join(", ")),
        )?;
        let row: Vec<&str> = row.lines().collect();
        let (script, mut variables) = script(&columns, &row, data)?;
        let numbers = "create sequence bench_keys; select setval('bench_keys', max(key)) from risk_events";
        cluster.sql(database, numbers)?;
        let ends = "select min(risk_event_date_time), max(last_updated_date_time) from risk_events";
        let ends = cluster.sql(database, ends)?;
        let (event, now) = ends.split_once('|').context("the table is empty")?;
        variables.extend([("event".to_owned(), event.to_owned()), ("now".to_owned(), now.to_owned())]);
        let file = folder.join("insert.sql");
        fs::write(&file, script).with_context(|| format!("{}", file.display()))?;
        Ok(Self { program, url: cluster.url(database), script: file, folder: folder.into(), variables })
    }

    /// Inserts from as many clients as connections, for this long or a little longer: pgbench takes whole seconds.
    pub fn drive(&self, connections: u16, length: Duration) -> Result<Run> {
        let logs = tempfile::Builder::new().prefix("pgbench-").tempdir_in(&self.folder)?;
        let mut command = Command::new(&self.program);
        command.args(["--no-vacuum", "--protocol=prepared", "--log"]);
        command.arg("--log-prefix").arg(logs.path().join("log"));
        command.arg("--client").arg(connections.to_string()).arg("--jobs").arg(THREADS.min(connections).to_string());
        command.arg("--time").arg(length.as_secs_f64().ceil().to_string()).arg("--file").arg(&self.script);
        for (name, value) in &self.variables {
            command.arg("--define").arg(format!("{name}={value}"));
        }
        command.arg(&self.url).stdin(Stdio::null()).env("PGOPTIONS", "-c synchronous_commit=on");
        let output = command.output().context("pgbench does not start")?;
        let (told, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success(), "pgbench failed ({}):\n{told}{errors}", output.status);
        let mut latencies = Vec::new();
        for log in fs::read_dir(logs.path())? {
            latencies.extend(latencies_of(&fs::read_to_string(log?.path())?)?);
        }
        latencies.sort_unstable();
        let (done, rate) = (figure(&told, "number of transactions actually processed:")?, figure(&told, "tps =")?);
        ensure!(done as usize == latencies.len(), "pgbench made {done} inserts and logged {}", latencies.len());
        ensure!(done > 0.0, "pgbench made no inserts");
        Ok(Run { seconds: done / rate, answered: latencies.len() as u64, latencies, last_bodies: Vec::new() })
    }
}

/// The script that inserts rows like this one, and its variables.
fn script(columns: &[&str], row: &[&str], data: DataSet) -> Result<(String, Vec<(String, String)>)> {
    ensure!(columns.len() == row.len(), "a row of {} columns has {} lines", columns.len(), row.len());
    for (name, _) in DIFFERENT {
        ensure!(columns.contains(&name), "risk_events has no column {name} any more: tell the yardstick what it has");
    }
    let mut names: Vec<&str> = DIFFERENT.iter().map(|(name, _)| *name).collect();
    let mut values: Vec<String> = DIFFERENT.iter().map(|(_, value)| (*value).to_owned()).collect();
    let mut variables = Vec::new();
    for (name, cell) in columns.iter().zip(row).filter(|(name, _)| !DIFFERENT.iter().any(|(other, _)| other == *name)) {
        names.push(name);
        if *cell == NULL {
            values.push("null".to_owned());
        } else {
            values.push(format!(":the_{name}"));
            variables.push((format!("the_{name}"), (*cell).to_owned()));
        }
    }
    let mut script = String::new();
    for (name, most) in [("user", data.users - 1), ("seconds", YEAR - 1), ("level", 2)] {
        writeln!(script, "\\set {name} random(0, {most})").expect("a string takes it");
    }
    writeln!(script, "INSERT INTO risk_events ({}) VALUES ({});", names.join(", "), values.join(", "))
        .expect("a string takes it");
    Ok((script, variables))
}

/// The third column: microseconds from the start of a transaction to its end (pgbench, "Per-Transaction Logging").
fn latencies_of(log: &str) -> Result<Vec<u64>> {
    let latency = |line: &str| match line.split_whitespace().nth(2).map(str::parse::<u64>) {
        Some(Ok(microseconds)) => Ok(microseconds * 1000),
        _ => bail!("pgbench logged `{line}`"),
    };
    log.lines().map(latency).collect()
}

/// The figure that follows a label in what pgbench prints.
fn figure(told: &str, label: &str) -> Result<f64> {
    let rest = told.lines().find_map(|line| line.strip_prefix(label));
    let figure = rest.and_then(|rest| rest.trim().split([' ', '/']).next()?.parse().ok());
    figure.with_context(|| format!("pgbench does not say its `{label}`:\n{told}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_has_every_column_once_and_constants_as_variables() {
        let different = DIFFERENT.map(|(name, _)| name);
        let columns = [&different[..], &["members", "closed_date_time"]].concat();
        let row = [&["1"; DIFFERENT.len()][..], &[r#""a":null"#, NULL]].concat();
        let (script, variables) = script(&columns, &row, DataSet::of(1_000)).expect("a script");
        assert!(script.starts_with("\\set user random(0, 49)\n"), "{script}");
        assert!(script.contains(", members, closed_date_time) VALUES (nextval("), "{script}");
        assert!(script.ends_with(", :the_members, null);\n"), "{script}");
        assert_eq!(variables, [("the_members".to_owned(), r#""a":null"#.to_owned())]);
    }

    #[test]
    fn a_column_that_is_gone_is_told() {
        let wrong = script(&["key"], &["1"], DataSet::of(1_000)).expect_err("most are missing");
        assert!(wrong.to_string().contains("user_display_name"), "{wrong}");
    }

    #[test]
    fn figures_are_read_from_what_pgbench_prints() {
        let told = "number of clients: 4\nnumber of transactions actually processed: 4711\n\
                    tps = 2355.500000 (without initial connection time)\n";
        assert!(
            (figure(told, "number of transactions actually processed:").expect("it is there") - 4711.0).abs() < 1e-9
        );
        assert!((figure(told, "tps =").expect("it is there") - 2355.5).abs() < 1e-9);
        assert!(figure(told, "latency average =").is_err());
        // Up to PostgreSQL 13 the number wanted follows the number made.
        assert!((figure("n: 10/20\n", "n:").expect("it is there") - 10.0).abs() < 1e-9);
        assert_eq!(latencies_of("0 1 412 0 1700000000 12\n1 1 88 0 1700000000 13\n").expect("two"), [412_000, 88_000]);
        assert!(latencies_of("0 1 failed 0 1700000000 12\n").is_err());
    }
}
