//! A server that speaks TLS, and one that does not.

use crate::support::clock;
use postgres_cluster::{Cluster, Options};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::fs;
use store_postgres::PostgresStore;

async fn opens(url: &str) -> Result<(), String> {
    PostgresStore::open(url, clock()).await.map(drop).map_err(|error| error.to_string())
}

/// Writes a file beside the server's data, as the server's own user and closed to others, as it demands.
fn write(cluster: &Cluster, name: &str, pem: &str) {
    let lines: Vec<String> = pem.lines().map(|line| format!("('{line}')")).collect();
    let sql = format!("copy (values {}) to program 'umask 077; cat > {name}'", lines.join(", "));
    cluster.sql("postgres", &sql).expect("the server writes a file");
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_verified_as_the_url_asks() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let root = folder.path().join("root.pem");
    let mut about = CertificateParams::new(Vec::new()).expect("no names");
    about.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(about, KeyPair::generate().expect("a key")).expect("a root");
    fs::write(&root, authority.pem()).expect("it can be written");
    let key = KeyPair::generate().expect("a key");
    let about = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let certificate = about.signed_by(&key, &authority).expect("a certificate");
    let strange = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let other = folder.path().join("other.pem");
    fs::write(&other, strange.cert.pem()).expect("it can be written");

    let cluster = Cluster::start(&Options::fast()).expect("a server");
    cluster.create_database("risk", None).expect("a database");
    let port = cluster.port();
    let url = |host: &str, options: &str| format!("postgres://{}@{host}:{port}/risk?{options}", postgres_cluster::USER);
    let root = format!("sslrootcert={}", root.display());
    let other = format!("sslrootcert={}", other.display());

    // Without TLS: in clear where nobody is on the way, and an error where TLS was asked for.
    opens(&url("127.0.0.1", "")).await.expect("in clear on this machine");
    let refused = opens(&url("127.0.0.1", "sslmode=require")).await.expect_err("no TLS");
    assert!(refused.contains("server does not support TLS"), "{refused}");

    write(&cluster, "server.crt", &certificate.pem());
    write(&cluster, "server.key", &key.serialize_pem());
    cluster.set("ssl", "on").expect("it is told");
    while cluster.sql("postgres", "show ssl").expect("an answer") != "on" {} // until it has read its files
    for options in ["", "sslmode=disable", "sslmode=require", &format!("sslmode=verify-ca&{root}")] {
        opens(&url("127.0.0.1", options)).await.unwrap_or_else(|error| panic!("{options}: {error}"));
    }
    for options in [root.clone(), format!("sslmode=verify-full&{root}")] {
        opens(&url("localhost", &options)).await.unwrap_or_else(|error| panic!("{options}: {error}"));
        let name = opens(&url("127.0.0.1", &options)).await.expect_err("the certificate is for localhost");
        assert!(name.contains("certificate not valid for name"), "{name}");
    }
    for options in ["sslmode=verify-full", &format!("sslmode=verify-ca&{other}"), &format!("sslmode=require&{other}")] {
        let unknown = opens(&url("localhost", options)).await.expect_err("nobody stands behind it");
        assert!(unknown.contains("certificate"), "{options}: {unknown}");
    }
    let encrypted = "select count(*) from pg_stat_ssl where ssl";
    let store = PostgresStore::open(&url("localhost", &root), clock()).await.expect("verified");
    assert_ne!(cluster.sql("risk", encrypted).expect("a count"), "0", "what is asked for is what is done");
    drop(store);
}
