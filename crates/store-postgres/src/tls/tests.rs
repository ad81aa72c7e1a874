use super::*;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;
use tokio_rustls::rustls::client::danger::ServerCertVerifier;
use tokio_rustls::rustls::pki_types::{ServerName, UnixTime};

fn asked(url: &str) -> Result<Mode, String> {
    let split = split(url).map_err(|error| error.to_string())?;
    let config: Config = split.rest.parse().map_err(|error| told(&error))?;
    mode(&config, split.mode.as_deref(), split.root.is_some()).map_err(|error| error.to_string())
}

fn refused(url: &str) -> String {
    match connector_with(url, None) {
        Ok(_) => panic!("{url} is taken"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn another_machine_is_verified_unless_the_url_says_otherwise() {
    for (url, mode) in [
        ("postgres://db.example/risk", Mode::VerifyFull),
        ("postgresql://u:p@db.example:5433/risk", Mode::VerifyFull),
        ("postgres://10.0.0.7/risk", Mode::VerifyFull),
        ("postgres://localhost,db2.example/risk", Mode::VerifyFull),
        ("postgres://localhost/risk?hostaddr=10.0.0.7", Mode::VerifyFull),
        ("postgres://localhost.example/risk", Mode::VerifyFull),
        ("postgres://db.example/risk?sslmode=require", Mode::Require),
        ("postgres://db.example/risk?sslmode=verify-ca&application_name=x", Mode::VerifyCa),
        ("postgres://db.example/risk?application_name=x&sslmode=verify-full", Mode::VerifyFull),
        ("postgres://db.example/risk?sslmode=disable", Mode::Disable),
        ("postgres://localhost/risk", Mode::Prefer),
        ("postgres://127.0.0.1:5433/risk", Mode::Prefer),
        ("postgres://[::1]/risk", Mode::Prefer),
        ("postgres:///risk?host=/run/postgresql", Mode::Prefer),
        ("postgres://db.example/risk?hostaddr=127.0.0.1", Mode::Prefer),
        ("postgres://localhost/risk?sslrootcert=/x.pem", Mode::VerifyFull),
        ("postgres://localhost/risk?sslmode=disable", Mode::Disable),
    ] {
        assert_eq!(asked(url), Ok(mode), "{url}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (url, expected) in [
        ("mysql://db.example/risk", "does not begin with postgres://"),
        ("host=db.example dbname=risk", "does not begin with postgres://"),
        ("postgres:///risk", "it names no host"),
        ("postgres://db.example/risk?sslmode=prefer", "in clear"),
        ("postgres://db.example/risk?sslmode=allow", "none of disable, prefer, require, verify-ca, verify-full"),
        ("postgres://db.example/risk?sslmode=disable&sslrootcert=a", "no effect with sslmode=disable"),
        ("postgres://localhost/risk?sslmode=prefer&sslrootcert=a", "no effect with sslmode=prefer"),
        ("postgres://db.example/risk?sslmode=require&sslmode=disable", "`sslmode` twice"),
        ("postgres://db.example/risk?sslmode", "has no value"),
        ("postgres://db.example/risk?sslrootcert=%2", "percent sign"),
        ("postgres://db.example/risk?sslrootcert=%ff", "percent sign"),
        ("postgres://db.example/risk?sslcert=a", "unknown option `sslcert`"),
        ("postgres://db.example/risk?sslrootcert=/nowhere.pem", "root certificates in /nowhere.pem"),
        ("postgres://localhost/risk?passfile=/nowhere", "passfile /nowhere cannot be read"),
        ("postgres://db.example:port/risk?sslmode=disable", "port"),
    ] {
        let told = refused(url);
        assert!(told.starts_with("the database's URL cannot be used: ") && told.contains(expected), "{url}: {told}");
    }
}

#[test]
fn a_password_is_in_no_error() {
    for url in [
        "postgres://user:hunter2@db.example/risk?sslmode=prefer",
        "postgres://user:hunter2@db.example:x/risk",
        "postgres://user:hunter@hunter2@db.example/risk",
        "postgres://user:hunter2/hunter2@db.example/risk?x=hunter2",
        "postgres://db.example/risk?password=hunter2&sslmode=nothing",
        "user:hunter2@db.example/risk",
        "postgres://user:hunter%zz@db.example?connect_timeout=hunter2",
    ] {
        let told = refused(url);
        assert!(!told.contains("hunter"), "{url}: {told}");
    }
}

/// What is ours is taken out, and the rest is left as it is.
#[test]
fn the_driver_gets_the_rest() {
    let url = "postgres://u:what%3Fis?this@h:1/d?application_name=a%20b&sslmode=disable&connect_timeout=3";
    let (config, _) = connector_with(url, Some("other".to_owned())).expect("it can be used");
    assert_eq!(config.get_password(), Some(b"what?is?this".as_slice()), "the URL's own comes first");
    assert_eq!((config.get_user(), config.get_dbname()), (Some("u"), Some("d")));
    assert_eq!(config.get_application_name(), Some("a b"));
    assert_eq!(config.get_ssl_mode(), SslMode::Disable);
    for (url, mode) in [
        ("postgres://localhost/d", SslMode::Prefer),
        ("postgres://h/d?sslmode=require", SslMode::Require),
        ("postgres://u@h/d?sslmode=disable&", SslMode::Disable),
    ] {
        assert_eq!(connector_with(url, None).expect("it can be used").0.get_ssl_mode(), mode, "{url}");
    }
}

#[test]
fn the_password_comes_from_the_variable_or_a_file() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("passwords");
    let lines = "# host:port:database:user:password\n\
                 other:*:*:*:no\nh:5432:d:u:a\\:b\\\\c:d\n*:5433:*:u:second\nlocalhost:*:*:u:socket\nshort:line\n";
    fs::write(&file, lines).expect("it can be written");
    let protect = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("it is ours");
    protect(0o600);
    let passfile = format!("passfile={}", file.display().to_string().replace('/', "%2F"));
    let password = |url: &str, variable: Option<&str>| {
        let separator = if url.contains('?') { '&' } else { '?' };
        let url = format!("{url}{separator}{passfile}&sslmode=disable");
        connector_with(&url, variable.map(str::to_owned))
            .map(|(config, _)| String::from_utf8(config.get_password().expect("a password").to_vec()).expect("UTF-8"))
            .map_err(|error| error.to_string())
    };
    assert_eq!(password("postgres://u@h/d", None).as_deref(), Ok("a:b\\c:d"));
    assert_eq!(password("postgres://u@any:5433/e", None).as_deref(), Ok("second"));
    assert_eq!(password("postgres://u@/e?host=/run/postgresql", None).as_deref(), Ok("socket"));
    assert_eq!(password("postgres://u@h/d", Some("variable")).as_deref(), Ok("variable"));
    assert_eq!(password("postgres://u@h/d", Some("")).as_deref(), Ok("a:b\\c:d"));
    let unknown = password("postgres://v@h/d", None).expect_err("no line fits");
    assert!(unknown.ends_with("fits h:5432:d:v"), "{unknown}");
    protect(0o640);
    let open = password("postgres://u@h/d", None).expect_err("others can read it");
    assert!(open.contains("(mode 640); run `chmod 600` on it"), "{open}");
}

/// Roots from a file, as the URL names it; and whether a name counts.
#[test]
fn roots_are_read_and_names_count_only_under_verify_full() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("root certificates.pem");
    let authority = rcgen::CertifiedIssuer::self_signed(
        {
            let mut about = rcgen::CertificateParams::new(Vec::new()).expect("no names");
            about.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            about
        },
        rcgen::KeyPair::generate().expect("a key"),
    )
    .expect("a root");
    fs::write(&file, authority.pem()).expect("it can be written");
    let key = rcgen::KeyPair::generate().expect("a key");
    let about = rcgen::CertificateParams::new(vec!["db.example".to_owned()]).expect("a name");
    let certificate = about.signed_by(&key, &authority).expect("a certificate");
    let stranger = rcgen::generate_simple_self_signed(vec!["db.example".to_owned()]).expect("a certificate");

    let provider = Arc::new(default_provider());
    let roots = || verifier::roots(file.to_str()).expect("roots");
    let full = Verifier::chain_and_name(&provider, roots()).expect("a verifier");
    let (chain, nothing) = (Verifier::chain(&provider, roots()), Verifier::trusting(&provider));
    let now = UnixTime::since_unix_epoch(Duration::from_hours(500_000));
    let verified = |verifier: &Arc<dyn ServerCertVerifier>, certificate: &_, name| {
        let name = ServerName::try_from(name).expect("a name");
        verifier.verify_server_cert(certificate, &[], &name, &[], now).is_ok()
    };
    for (verifier, expected) in [(&full, [true, false, false]), (&chain, [true, true, false]), (&nothing, [true; 3])] {
        let found = [
            verified(verifier, certificate.der(), "db.example"),
            verified(verifier, certificate.der(), "other.example"),
            verified(verifier, stranger.cert.der(), "db.example"),
        ];
        assert_eq!(found, expected, "{verifier:?}");
    }
    let url = format!("postgres://u@db.example/d?sslrootcert={}", file.display().to_string().replace(' ', "%20"));
    assert!(connector_with(&url, None).is_ok());
    fs::write(&file, "no certificate").expect("it can be written");
    assert!(refused(&url).contains("there is no certificate in PEM"), "{}", refused(&url));
}
