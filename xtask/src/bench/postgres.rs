//! The server over PostgreSQL, beside PostgreSQL itself.
//!
//! One cluster of our own that syncs. In it, the server's database, and a copy of it as it is after filling, which
//! `pgbench` inserts into.

use crate::bench::check;
use crate::bench::connection::Target;
use crate::bench::data::DataSet;
use crate::bench::keys::Issuer;
use crate::bench::load::{Plan, Questions};
use crate::bench::measure::{Comparison, Side, Work};
use crate::bench::options::{Op, Options};
use crate::bench::pgbench::Inserts;
use crate::bench::preload;
use crate::bench::process::{Memory, Processes, Server, free_address};
use crate::bench::queries::Query;
use crate::bench::report::{MemoryReport, SizeReport, Wanted};
use crate::bench::session::server_command;
use crate::bench::statements::Statements;
use crate::commands;
use anyhow::{Context as _, Result, ensure};
use postgres_cluster::Cluster;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The server's database, and the copy.
const DATABASE: &str = "spillwatch";
const COPY: &str = "pgbench";
/// So many different questions are asked of each kind, by both sides.
const DIFFERENT: usize = 500;

/// Creates beside pgbench.
const CREATES: Wanted = Wanted { least: 0.6, goal: Some(1.0) };
/// Two nodes beside one.
const NODES: Wanted = Wanted { least: 1.0, goal: None };
/// Lists beside their statement: 1.5 times its time.
const READS: Wanted = Wanted { least: 1.0 / 1.5, goal: None };

/// A node of the server.
struct Node<'a> {
    program: &'a Path,
    folder: &'a Path,
    issuer: &'a Path,
    secret: PathBuf,
    token: String,
}

impl Node<'_> {
    /// Starts one; settings are for its connections to PostgreSQL.
    async fn start(&self, name: &str, url: &str, settings: &str) -> Result<(Server, Target)> {
        let address = free_address()?;
        let mut command = server_command(self.program, address, self.issuer);
        command.arg("--database").arg(format!("{url}?sslmode=disable{settings}"));
        command.arg("--secret-key-file").arg(&self.secret);
        let server = Server::start(name, &mut command, address, &self.folder.join(format!("{name}.log"))).await?;
        Ok((server, Target { address, token: Some(self.token.clone()) }))
    }
}

/// Fills a store of this size and measures every operation at every number of connections, as
/// [`measure::size`](crate::bench::measure::size) does without PostgreSQL.
pub async fn at_size(program: &Path, folder: &Path, rows: u64, options: &Options) -> Result<SizeReport> {
    let settings = [("shared_buffers", "512MB"), ("max_wal_size", "4GB"), ("checkpoint_timeout", "15min")];
    let durable = settings.iter().fold(postgres_cluster::Options::durable(), |all, (name, value)| all.set(name, value));
    let cluster = Cluster::start(&durable).context("PostgreSQL does not start")?;
    cluster.create_database(DATABASE, None)?;
    let url = cluster.url(DATABASE);
    let issuer = Issuer::generate()?;
    let key = folder.join("issuer.pem");
    fs::write(&key, &issuer.public_pem)?;
    let secret = folder.join("operator.key");
    fs::write(&secret, commands::output(Command::new(program).args(["keys", "new-secret-key"]))?)?;
    fs::set_permissions(&secret, Permissions::from_mode(0o600))?;
    let node = Node { program, folder, issuer: &key, secret, token: issuer.token()? };

    let (server, target) = node.start("spillwatch", &url, "").await?;
    let mut memory = MemoryReport { idle: Memory::of(server.pid()), ..MemoryReport::default() };
    check::tokens_are_verified(&target).await?;
    let data = DataSet::of(rows);
    let preload = preload::fill(&target, data, rows).await?;
    let count = check::count(&target).await?;
    ensure!(count == rows, "{rows} events were created in an empty store, and $count says {count}");
    memory.filled = Memory::of(server.pid());
    eprintln!("{rows} events created through $batch in {:.1} s", preload.seconds);
    // A copy is made while nobody is there.
    drop(server);
    cluster.sql(DATABASE, "vacuum analyze")?;
    cluster.create_database(COPY, Some(DATABASE))?;
    cluster.sql(COPY, "vacuum analyze")?;
    cluster.sql(DATABASE, "checkpoint")?;

    let nodes = [node.start("spillwatch", &url, "").await?, node.start("second", &url, "").await?];
    let questions = Questions::of(data, preload.ids);
    let session = Session { cluster: &cluster, url, nodes, questions, data };
    let (mut cells, mut failures) = (Vec::new(), Vec::new());
    for op in options.ordered_ops() {
        if let Err(error) = check::before(op, &session.nodes[0].1, &session.questions, data).await {
            failures.push(format!("{} answers wrongly and was not measured: {error:#}", op.name()));
            continue;
        }
        let comparisons = match op {
            Op::Create => session.creates(folder),
            _ => session.reads(op, &node).await,
        };
        match comparisons {
            Ok(comparisons) => {
                for (comparison, least) in comparisons {
                    let connections: Vec<u16> = options.connections.iter().copied().filter(|n| *n >= least).collect();
                    comparison.run(&connections, options, &mut cells, &mut failures).await;
                }
            }
            Err(error) => failures.push(format!("{} was not measured: {error:#}", op.name())),
        }
    }
    memory.end = Memory::of(session.nodes[0].0.pid());
    if !failures.is_empty() {
        eprintln!("the last that spillwatch said:\n{}", session.nodes[0].0.last_words());
    }
    Ok(SizeReport { rows, preload_seconds: preload.seconds, memory, cells, failures })
}

struct Session<'a> {
    cluster: &'a Cluster,
    url: String,
    nodes: [(Server, Target); 2],
    questions: Questions,
    data: DataSet,
}

impl Session<'_> {
    /// PostgreSQL alone, or with the first nodes.
    fn processes(&self, nodes: usize) -> Processes {
        let servers = self.nodes.iter().take(nodes).map(|(server, _)| server.pid()).collect();
        Processes { servers, family: self.cluster.process_id() }
    }

    fn node(&self, work: Plan) -> Side {
        Side { name: "spillwatch", work: Work::Requests(work), processes: self.processes(1) }
    }

    /// One node beside pgbench; two nodes beside one. With each comes on how many connections it makes sense.
    fn creates(&self, folder: &Path) -> Result<Vec<(Comparison, u16)>> {
        let [(_, first), (_, second)] = &self.nodes;
        let plan = Plan::create(first, &self.questions.bodies);
        let inserts = Inserts::prepare(self.cluster, COPY, self.data, folder)?;
        let beside = Side { name: "pgbench", work: Work::Inserts(inserts), processes: self.processes(0) };
        let one = Comparison {
            op: Op::Create,
            mine: self.node(plan.clone()),
            beside,
            wanted: Some(CREATES),
            store: first.clone(),
            is_shared: false,
        };
        let both = Work::Requests(plan.clone().shared_with(second.address));
        let two = Comparison {
            op: Op::Create,
            mine: Side { name: "two nodes", work: both, processes: self.processes(2) },
            beside: Side { name: "one node", ..self.node(plan) },
            wanted: Some(NODES),
            store: first.clone(),
            is_shared: true,
        };
        Ok(vec![(one, 1), (two, 2)])
    }

    /// A read beside its statement; nothing for counts, which are kept and not searched.
    async fn reads(&self, op: Op, node: &Node<'_>) -> Result<Vec<(Comparison, u16)>> {
        let target = &self.nodes[0].1;
        let (plan, paths): (Plan, Vec<String>) = match (op, self.questions.filters(op)) {
            (_, Some(queries)) => {
                let queries = &queries[..queries.len().min(DIFFERENT)];
                (Plan::filters(target, queries), queries.iter().map(Query::path).collect())
            }
            (Op::Get, None) => {
                let ids = &self.questions.ids[..self.questions.ids.len().min(DIFFERENT)];
                (Plan::get(target, ids), ids.iter().map(|id| Plan::path_of(id)).collect())
            }
            (Op::List, None) => (Plan::list(target), vec![Plan::list_path()]),
            (_, None) => return Ok(Vec::new()),
        };
        let logged = "&options=-c%20log_statement%3Dall";
        let (listening, its) = node.start("listening", &self.url, logged).await?;
        let statements = Statements::heard(self.cluster, &self.url, &its, &paths).await?;
        drop(listening);
        let beside = Side { name: "its SQL", work: Work::Statements(statements), processes: self.processes(0) };
        let mine = self.node(plan);
        let (store, wanted) = (target.clone(), (op != Op::Get).then_some(READS));
        Ok(vec![(Comparison { op, mine, beside, wanted, store, is_shared: false }, 1)])
    }
}
