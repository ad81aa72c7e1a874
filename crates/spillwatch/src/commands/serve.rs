//! `spillwatch serve`: wiring.

use crate::cli::{Global, RateLimit, Serve};
use crate::commands::token::issue;
use crate::commands::worker::usual_name;
use crate::desk::{Crew, Desk, Tools, Until};
use crate::error::Failure;
use crate::instance::{Instance, keys_folder};
use crate::signals::Signals;
use crate::verifier_keys::Purpose;
use api::server::{Listen, serve};
use api::spillwatch::CheckLimits;
use api::{App, ClientCredentials, Limits, Origins, RequestRate, Throttle, TlsFiles, router};
use auth::client_credentials::{Rate, TokenGate};
use auth::{
    AuthSettings, Authenticator, BuiltinIssuer, Outgoing, OutgoingRules, RegistryError, RegistryFuture, RegistrySource,
};
use model::{PermissionSet, Tenant};
use secrecy::ExposeSecret as _;
use service::jobs::LEASE;
use service::{Service, Settings};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store_sqlite::ReaderMemory;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long the token lives that is printed at the start.
const FIRST_TOKEN: Duration = Duration::from_hours(1);

/// What a server has got ready before it serves.
struct Ready {
    instance: Instance,
    tenant: Tenant,
    app: Arc<App>,
    builtin: Option<Arc<BuiltinIssuer>>,
    listener: TcpListener,
    listen: Listen,
    /// Where it is found.
    origin: String,
}

/// Serves until SIGTERM or SIGINT, or until the store fails for good.
pub async fn run(global: &Global, options: Serve) -> Result<(), Failure> {
    refuse_clear_text(&options)?;
    // Before anybody can see that the server runs: from then on they may want it to stop in order.
    let mut signals = Signals::listen()?;
    let Some(ready) = signals.unless_told(get_ready(global, &options)).await? else { return Ok(()) };
    let Ready { instance, tenant, app, builtin, listener, listen, origin } = ready;
    let (address, version) = (listener.local_addr()?, env!("CARGO_PKG_VERSION"));
    match &global.database {
        Some(database) => tracing::info!(%address, %database, version, "listening"),
        None => tracing::info!(%address, data = %global.data.display(), version, "listening"),
    }
    if let Some(issuer) = builtin.filter(|_| is_for_this_machine(&options) && !options.quiet) {
        greet(&issuer, &tenant, &origin, options.tls_self_signed)?;
    }

    let stop = CancellationToken::new();
    let mut serving = tokio::spawn(serve(listener, router(app.clone()), listen, stop.clone()));
    let freshness = tokio::spawn({
        let app = app.clone();
        async move { app.authenticator.keep_keys_fresh(Duration::from_mins(1)).await }
    });
    let working = work(&options, &app, &stop)?;
    let store = instance.service.store();
    let failure = tokio::select! {
        why = store.failed() => Some(why),
        signal = signals.next() => {
            tracing::info!(signal, "stopping: requests under way are finished first");
            None
        }
    };
    freshness.abort();
    stop.cancel();
    if let Some(why) = failure {
        // Nobody knows what is on the disk: no more answers, not even to those who wait.
        return Err(Failure::message(format!("{why}; the server has stopped so that nothing is lost unnoticed")));
    }
    tokio::select! {
        served = &mut serving => served?,
        signal = signals.next() => {
            let why = format!("a second {signal} came: stopped at once, without an answer to requests under way");
            return Err(Failure::message(why));
        }
    }
    if let Some(working) = working {
        working.await?;
    }
    store.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// Opens the store and all else that serving takes.
async fn get_ready(global: &Global, options: &Serve) -> Result<Ready, Failure> {
    let settings = Settings {
        password_profile_optional: options.password_profile_optional,
        repeatability_window: options.repeatability_window,
    };
    let memory = ReaderMemory::mapping(u64::from(options.mapped_memory) << 20);
    let instance = Instance::create(global, settings, memory).await?;
    for name in &instance.migrations {
        tracing::info!(migration = %name, "the schema was brought up to date");
    }
    let tenant = instance.first_tenant().await?;
    let public_url = options.public_url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned());
    let tls = tls(options, &global.data)?;
    let listener = TcpListener::bind(options.listen)
        .await
        .map_err(|error| Failure::message(format!("cannot listen on {}: {error}", options.listen)))?;
    let address = listener.local_addr()?;
    let origin = public_url.clone().unwrap_or_else(|| {
        let scheme = if tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{address}")
    });

    let builtin = if options.no_builtin_issuer { None } else { Some(instance.issuer(public_url.as_deref()).await?) };
    let mut app = application(options, &instance, builtin.clone(), &origin, public_url.as_deref())?;
    app.vault = Some(instance.vault(global, Purpose::Seal).await?);
    let app = Arc::new(app);
    let listen = Listen { tls, only_from: options.behind_proxy.as_slice().into(), limits: app.limits };
    Ok(Ready { instance, tenant, app, builtin, listener, listen, origin })
}

/// Opens the desk, unless this server is to do no such work.
fn work(options: &Serve, app: &App, stop: &CancellationToken) -> Result<Option<JoinHandle<()>>, Failure> {
    let threads = options.checks.threads();
    let Some(vault) = app.vault.clone().filter(|_| threads > 0) else { return Ok(None) };
    let tools = Tools {
        service: app.service.clone(),
        vault,
        crew: Crew::new(threads)?,
        name: usual_name(),
        memory_bytes: u64::from(options.checks.verify_memory) << 20,
        lease: LEASE,
        stop: stop.clone(),
    };
    let mut desk = Desk::new(tools, None, app.work.clone());
    Ok(Some(tokio::spawn(async move { desk.run(Until::Stopped).await })))
}

/// Tokens must not cross a network in clear. Options from a file are not held against each other by
/// the command line, so what it says of flags is said of them here.
fn refuse_clear_text(options: &Serve) -> Result<(), Failure> {
    match (&options.tls_cert, &options.tls_key) {
        (Some(_), None) => return Err(Failure::Refused("--tls-cert is set, and --tls-key is missing".to_owned())),
        (None, Some(_)) => return Err(Failure::Refused("--tls-key is set, and --tls-cert is missing".to_owned())),
        (Some(_), Some(_)) if options.tls_self_signed => {
            return Err(Failure::Refused("--tls-cert and --tls-self-signed are both set; choose one".to_owned()));
        }
        _ => {}
    }
    let encrypted = options.tls_cert.is_some() || options.tls_self_signed || !options.behind_proxy.is_empty();
    if encrypted || options.listen.ip().is_loopback() {
        return Ok(());
    }
    Err(Failure::Refused(format!(
        "{} can be reached from other machines, and without TLS every token could be read on the way; give --tls-cert \
         and --tls-key, or --behind-proxy CIDR when a proxy speaks TLS for this server, or listen on 127.0.0.1",
        options.listen
    )))
}

fn tls(options: &Serve, data: &Path) -> Result<Option<Arc<api::TlsConfig>>, Failure> {
    let files = match (&options.tls_cert, &options.tls_key) {
        (Some(certificate), Some(key)) => TlsFiles { certificate: certificate.clone(), key: key.clone() },
        _ if options.tls_self_signed => {
            let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
            if !options.listen.ip().is_unspecified() {
                names.push(options.listen.ip().to_string());
            }
            names.extend(options.public_url.as_ref().and_then(|url| url.host_str().map(str::to_owned)));
            names.sort();
            names.dedup();
            api::self_signed(&keys_folder(data)?, &names)?
        }
        _ => return Ok(None),
    };
    Ok(Some(api::tls_config(&files)?))
}

fn application(
    options: &Serve,
    instance: &Instance,
    builtin: Option<Arc<BuiltinIssuer>>,
    origin: &str,
    public_url: Option<&str>,
) -> Result<App, Failure> {
    let settings = AuthSettings { origins: vec![origin.to_owned()], ..AuthSettings::default() };
    let outgoing = OutgoingRules { allowed: options.allow_outgoing.clone(), ..OutgoingRules::default() };
    let authenticator = Authenticator::new(
        &settings,
        options.issuer.clone(),
        builtin.clone(),
        Arc::new(Tenants(instance.service.clone())),
        instance.clock.clone(),
        &Arc::new(Outgoing::new(outgoing)),
    )?;
    let builtin = builtin.map(|issuer| {
        let gate = TokenGate::new(Rate::default(), instance.clock.clone());
        (issuer, ClientCredentials { gate, audiences: settings.own_audiences() })
    });
    let type_names = options.types.names();
    let mut app = App::new(instance.service.clone(), Arc::new(authenticator), builtin, type_names);
    app.origins =
        Origins { public_url: public_url.map(Arc::from), trusted_proxies: options.behind_proxy.as_slice().into() };
    app.foreign_issuer = options.issuer.first().map(|issuer| issuer.issuer.to_string());
    app.throttle = request_rate(options).map(Throttle::new);
    app.check_limits = CheckLimits::new(options.checks.rate());
    app.limits = Limits {
        body: options.max_body,
        batch: options.max_batch,
        head: options.max_head.max(8192),
        connections: options.max_connections.max(1),
        head_time: options.head_timeout,
        body_time: options.body_timeout,
        request_time: options.request_timeout,
    };
    app.scim.source = options.scim_source.as_str().into();
    app.scim.domain = options.scim_domain.as_deref().map(Into::into);
    Ok(app)
}

/// Tenants and apps, for the authenticator.
struct Tenants(Service);

impl RegistrySource for Tenants {
    fn load(&self) -> RegistryFuture<'_> {
        Box::pin(async { self.0.registry().await.map_err(RegistryError::new) })
    }
}

/// How many requests an app may send; `None`: as many as it likes. One's own machine is not throttled
/// unless that is asked for.
fn request_rate(options: &Serve) -> Option<RequestRate> {
    let rate = match options.rate_limit {
        Some(RateLimit::Off) => return None,
        Some(RateLimit::Rate(rate)) => rate,
        None if is_for_this_machine(options) => return None,
        None => RequestRate::default(),
    };
    Some(RequestRate { burst: options.rate_limit_burst.unwrap_or(rate.burst), ..rate })
}

/// Whether only this machine can reach the server. Behind a proxy it serves others.
fn is_for_this_machine(options: &Serve) -> bool {
    options.listen.ip().is_loopback() && options.behind_proxy.is_empty()
}

/// Prints, never logs, what a newcomer needs: the address, a token and a line to paste. Only where one's
/// own machine alone is served: elsewhere what is printed ends up in a journal.
fn greet(issuer: &BuiltinIssuer, tenant: &Tenant, origin: &str, self_signed: bool) -> Result<(), Failure> {
    let token = issue(issuer, tenant, "first-steps", PermissionSet::all(), FIRST_TOKEN)?;
    let insecure = if self_signed { " --insecure" } else { "" };
    let token = token.expose_secret();
    anstream::eprintln!(
        "\nSpillwatch is at {origin}\n\n\
         A token for the next hour, with every permission:\n\n{token}\n\n\
         Create your first leakedCredentialsRiskEvent:\n\n\
         curl -i{insecure} '{origin}/v1.0/leakedCredentialsRiskEvents' -H 'Authorization: Bearer {token}' -H 'Content-Type: \
         application/json' -d '{EXAMPLE}'\n"
    );
    Ok(())
}

/// The seed document's request, with values.
const EXAMPLE: &str = concat!(
    r##"{"@odata.type":"#Microsoft.IdentityProtectionServices.leakedCredentialsRiskEvent","##,
    r#""userDisplayName":"Mara Lind","userPrincipalName":"mara@fjord.example","#,
    r#""riskEventDateTime":"2026-03-02T23:10:04.2255665Z","riskEventType":"leakedCredentials","#,
    r#""riskLevel":"high","riskEventStatus":"active","userId":"5b0a7c1e-8d53-4f39-a3d4-2f6a3f1f9c01"}"#
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser as _;

    fn rate<const N: usize>(arguments: [&str; N]) -> Option<(u32, u64, u32)> {
        let cli = Cli::try_parse_from(["spillwatch", "serve"].into_iter().chain(arguments)).expect("options");
        let Command::Serve(options) = cli.command else { panic!("serve is asked for") };
        request_rate(&options).map(|rate| (rate.requests.get(), rate.per.as_secs(), rate.burst.get()))
    }

    #[test]
    fn apps_are_throttled_unless_only_this_machine_is_served() {
        assert_eq!(rate([]), None);
        assert_eq!(rate(["--listen", "[::1]:0"]), None);
        assert_eq!(rate(["--listen", "0.0.0.0:0"]), Some((1000, 1, 5000)));
        assert_eq!(rate(["--behind-proxy", "127.0.0.1/32"]), Some((1000, 1, 5000)));
        assert_eq!(rate(["--listen", "0.0.0.0:0", "--rate-limit", "off"]), None);
        assert_eq!(rate(["--rate-limit", "50/s"]), Some((50, 1, 250)));
        assert_eq!(rate(["--rate-limit", "600/m", "--rate-limit-burst", "7"]), Some((600, 60, 7)));
        assert_eq!(rate(["--listen", "0.0.0.0:0", "--rate-limit-burst", "9"]), Some((1000, 1, 9)));
    }
}
