//! A real S3 server is listed and read.

use object_store::aws::AmazonS3Builder;
use object_store::{ObjectStore, ObjectStoreExt as _, path::Path};
use s3_server::Server;
use scan::range::{PieceError, cut};
use scan::source::{Item, Location, SourceError};
use std::io::Read as _;
use std::process::Command;
use std::sync::Arc;

/// Set for the process that finds the server by its environment.
const INNER: &str = "SPILLWATCH_TEST_INNER";

fn store(server: &Server, bucket: &str, secret: &str) -> Arc<dyn ObjectStore> {
    let builder =
        AmazonS3Builder::new().with_endpoint(server.endpoint()).with_allow_http(true).with_bucket_name(bucket);
    let builder = builder.with_region("us-east-1").with_access_key_id(server.credentials().0);
    Arc::new(builder.with_secret_access_key(secret).build().expect("a store"))
}

fn put(store: &Arc<dyn ObjectStore>, name: &str, bytes: Vec<u8>) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    runtime.block_on(store.put(&Path::from(name), bytes.into())).expect("put");
}

/// Lines of which each tells its place.
fn lines(count: u32) -> Vec<u8> {
    (0..count).flat_map(|line| format!("user{line:07}@elsewhere.test:p{line}\n").into_bytes()).collect()
}

fn items(store: &Arc<dyn ObjectStore>, prefix: &str) -> Result<Vec<Item>, SourceError> {
    Location::objects(Arc::clone(store), prefix).expect("a location").items().collect()
}

#[test]
fn a_prefix_is_listed_and_ranges_are_read() {
    let server = Server::start(&["leaks"]).expect("a server");
    let store = store(&server, "leaks", server.credentials().1);
    let text = lines(300_000);
    put(&store, "dumps/b/large.txt", text.clone());
    put(&store, "dumps/a b.txt", b"one\n".to_vec());
    put(&store, "dumpster.txt", b"no\n".to_vec());
    let found = items(&store, "dumps").expect("items");
    assert_eq!(found.iter().map(|item| item.name.as_str()).collect::<Vec<_>>(), ["a b.txt", "b/large.txt"]);
    let large = &found[1];
    let mut bytes = Vec::new();
    large.open_range(9_000_001, 5_000_000).expect("a range").read_to_end(&mut bytes).expect("it is read");
    assert!(bytes == text[9_000_001..text.len().min(14_000_001)]);
    let pieces = cut(large, 4 << 20).expect("it is cut");
    assert_eq!(pieces.len(), text.len().div_ceil(4 << 20));
    let locate = |address: &str| Location::objects(Arc::clone(&store), address);
    let mut joined = Vec::new();
    for piece in &pieces {
        let item = piece.find_by(locate).expect("it is there");
        item.open_range(piece.start, piece.length()).expect("a range").read_to_end(&mut joined).expect("it is read");
        assert!(joined.ends_with(b"\n"));
    }
    assert!(joined == text);
    put(&store, "dumps/b/large.txt", lines(299_999));
    assert!(matches!(pieces[1].find_by(locate).err(), Some(PieceError::Changed { .. })));
    let mut changed = large.open_range(0, 10).expect("a range");
    let error = changed.read_to_end(&mut Vec::new()).expect_err("it is another").to_string();
    assert_eq!(error, "the object was changed after it was listed");
}

#[test]
fn wrong_credentials_and_a_missing_bucket_are_said_in_words() {
    let server = Server::start(&["leaks"]).expect("a server");
    let error = |bucket, secret| items(&store(&server, bucket, secret), "dumps").err().expect("an error").to_string();
    let wrong = error("leaks", "wrong");
    assert!(wrong.starts_with("dumps: the store refuses the credentials"), "{wrong}");
    assert!(!wrong.contains(server.credentials().1) && !wrong.contains("wrong"), "{wrong}");
    let missing = error("missing", server.credentials().1);
    assert!(missing.starts_with("dumps: there is no such bucket"), "{missing}");
    assert_eq!(error("leaks", server.credentials().1), "dumps: nothing to read in it");
}

#[test]
fn the_environment_says_where_the_store_is() {
    if std::env::var_os(INNER).is_some() {
        let location = Location::parse("s3://leaks/dumps".as_ref()).expect("a location");
        let item = location.items().next().expect("one").expect("an item");
        let pieces = cut(&item, 1000).expect("it is cut");
        assert_eq!(pieces[0].address, "s3://leaks/dumps/a b%25.txt");
        assert_eq!(pieces[1].find().expect("it is found again").size, item.size);
        return;
    }
    let server = Server::start(&["leaks"]).expect("a server");
    put(&store(&server, "leaks", server.credentials().1), "dumps/a b%.txt", lines(100));
    let mut inner = Command::new(std::env::current_exe().expect("this program"));
    inner.args(["--exact", "the_environment_says_where_the_store_is"]).env(INNER, "1").envs(server.variables());
    let output = inner.output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
