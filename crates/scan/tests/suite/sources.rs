//! Files, folders and standard input.

use super::*;
use scan::source::{Item, Location, SourceError};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

fn items(argument: impl AsRef<OsStr>) -> Vec<Result<Item, SourceError>> {
    Location::parse(argument.as_ref()).expect("an argument").items().collect()
}

/// Names of items, and messages of errors.
fn told(items: &[Result<Item, SourceError>]) -> Vec<String> {
    items.iter().map(|item| item.as_ref().map_or_else(|error| format!("! {error}"), |item| item.name.clone())).collect()
}

fn text(item: &Item) -> String {
    let mut text = String::new();
    item.open().expect("opens").read_to_string(&mut text).expect("reads");
    text
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(path, text).expect("a file");
}

#[test]
fn a_folder_gives_its_files_by_name_and_tells_of_the_rest() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    for name in ["b.txt", "a/2.txt", "a/1.txt", ".hidden", "a/deep/er/x"] {
        write(&root.join(name), name);
    }
    std::fs::create_dir(root.join("empty")).expect("a folder");
    std::fs::write(root.join(OsStr::from_bytes(b"z\x1b\xff")), "z").expect("a file");
    std::os::unix::fs::symlink(root, root.join("a/loop")).expect("a link");
    std::os::unix::fs::symlink("/etc/passwd", root.join("c")).expect("a link");
    rustix::fs::mkfifoat(rustix::fs::CWD, root.join("pipe"), rustix::fs::Mode::RUSR).expect("a pipe");
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).expect("a socket");
    let link = "a symbolic link; links in a folder are not followed; give what it names by itself";
    let special = "neither a file nor a folder; not read";
    let expected = [
        ".hidden".to_owned(),
        "a/1.txt".to_owned(),
        "a/2.txt".to_owned(),
        "a/deep/er/x".to_owned(),
        format!("! a/loop: {link}"),
        "b.txt".to_owned(),
        format!("! c: {link}"),
        format!("! pipe: a named pipe, {special}"),
        format!("! socket: a socket, {special}"),
        r"z\u{1b}\xff".to_owned(),
    ];
    let found = items(root);
    assert_eq!(told(&found), expected);
    assert_eq!(told(&items(root)), expected, "the order is the same each time");
    for item in found.iter().flatten().filter(|item| !item.name.starts_with('z')) {
        assert_eq!((text(item), item.size), (item.name.clone(), Some(item.name.len() as u64)));
        assert!(item.modified.is_some());
    }
}

#[test]
fn a_file_is_read_by_ranges_and_through_a_link() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("list.txt");
    write(&file, "0123456789");
    let found = items(&file);
    let item = found[0].as_ref().expect("an item");
    assert_eq!((item.name.as_str(), text(item)), ("list.txt", "0123456789".to_owned()));
    for (start, length, expected) in [(0, 3, "012"), (8, 9, "89"), (4, 0, ""), (99, 1, "")] {
        let mut text = String::new();
        item.open_range(start, length).expect("a range").read_to_string(&mut text).expect("reads");
        assert_eq!(text, expected);
    }
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&file, &link).expect("a link");
    assert_eq!(text(items(&link)[0].as_ref().expect("an item")), "0123456789", "the argument itself may be a link");
    let url = format!("file://{}", file.display()).replace("list", "l%69st");
    assert_eq!(text(items(url)[0].as_ref().expect("an item")), "0123456789");
}

#[test]
fn a_file_that_turns_into_a_link_or_a_pipe_is_not_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("list.txt");
    write(&file, "text");
    let found = items(folder.path());
    let item = found[0].as_ref().expect("an item");
    std::fs::remove_file(&file).expect("gone");
    std::os::unix::fs::symlink("/etc/passwd", &file).expect("a link");
    assert!(item.open().is_err());
    std::fs::remove_file(&file).expect("gone");
    rustix::fs::mkfifoat(rustix::fs::CWD, &file, rustix::fs::Mode::RUSR).expect("a pipe");
    assert!(item.open().is_err(), "and it does not wait for a writer");
    let mut outcome = Outcome::default();
    outcome.summary = plain().item(item, &mut outcome);
    assert!(matches!(outcome.problem(), What::Read { .. }));
}

#[test]
fn what_is_not_there_or_empty_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("missing");
    assert!(
        told(&items(&missing))[0].ends_with("No such file or directory (os error 2)"),
        "{:?}",
        told(&items(missing))
    );
    assert!(told(&items(folder.path()))[0].ends_with("nothing to read in it"));
    assert!(told(&items("/dev/null"))[0].contains("a character device"));
    // Gone between listing and opening, as one that may not be read, whoever runs the test.
    let file = folder.path().join("a");
    write(&file, "a");
    let found = items(folder.path());
    std::fs::remove_file(file).expect("gone");
    let mut outcome = Outcome::default();
    outcome.summary = plain().item(found[0].as_ref().expect("an item"), &mut outcome);
    assert_eq!(outcome.problems(), ["a: cannot be read at 0: No such file or directory (os error 2)"]);
}

#[test]
fn files_that_may_not_be_read_are_told() {
    use std::os::unix::fs::PermissionsExt as _;
    if rustix::process::geteuid().is_root() {
        // Root may read everything.
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    write(&folder.path().join("shut/a"), "a");
    write(&folder.path().join("z"), "z");
    let shut = folder.path().join("shut");
    std::fs::set_permissions(&shut, std::fs::Permissions::from_mode(0o0)).expect("shut");
    let found = told(&items(folder.path()));
    std::fs::set_permissions(&shut, std::fs::Permissions::from_mode(0o700)).expect("open");
    assert_eq!(found, ["! shut: Permission denied (os error 13)", "z"]);
}

#[test]
fn a_pipe_given_by_itself_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::from_raw_mode(0o600)).expect("a pipe");
    let found = items(&pipe);
    let item = found[0].as_ref().expect("an item").clone();
    let writer = std::thread::spawn(move || std::fs::write(pipe, fixture("deflate.zip")));
    let mut outcome = Outcome::default();
    outcome.summary = plain().item(&item, &mut outcome);
    writer.join().expect("no panic").expect("written");
    assert_eq!((outcome.documents.len(), outcome.problems()), (3, Vec::new()));
    assert!(item.open_range(0, 1).is_err(), "a pipe has no ranges");
}

#[test]
fn arguments_that_are_no_source_are_refused() {
    for argument in ["ftp://host/x", "file://host/x", "s3://", "s3://key:secret@bucket/x"] {
        let error = Location::parse(OsStr::new(argument)).err().expect("an error").to_string();
        assert!(error.ends_with("expected a file, a folder, `-`, `file:///PATH` or `s3://BUCKET/PREFIX`"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
    let standard = items("-");
    assert_eq!(told(&standard), ["standard input"]);
    assert!(standard[0].as_ref().is_ok_and(|item| item.size.is_none() && item.open_range(0, 1).is_err()));
}
