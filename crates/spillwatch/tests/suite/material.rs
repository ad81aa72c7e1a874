//! Breach material through the binary: what is planted is found in it and nothing else, and what is none is told so.

use crate::directory::{events, with_file, write};
use crate::scan::summary;
use crate::{command, folder};
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use testkit::material::{MadeUp, Material, gzip};
use testkit::server::Outcome;

fn dry(data: &Path, source: &Path) -> Outcome {
    command(["scan", "--dry-run"], data).arg(source).run()
}

#[test]
fn everybody_who_is_planted_gets_an_event_and_nobody_else() {
    let folder = folder();
    let (data, material) = (folder.path().join("data"), Material::new(31, &mut MadeUp::default()));
    let (directory, files) = material.write(folder.path()).expect("it can be written");
    owner_only(&directory);
    with_file(["users", "import"], &directory, &data).success();
    let outcome = command(["scan", "--json", "--brake-percent", "0"], &data).arg(&files).run();
    outcome.success();
    let found = summary(&outcome);
    let lines: u64 = material.documents.iter().map(|document| document.lines).sum();
    assert_eq!((&found["lines"], &found["problems"]), (&json!(lines), &json!(0)), "{outcome}");
    let expected: BTreeSet<&str> = material
        .documents
        .iter()
        .flat_map(|document| &document.expected)
        .map(|(person, _)| material.people[*person].id.as_str())
        .collect();
    let raised = events(&data, "userId");
    let raised: BTreeSet<&str> = raised.iter().filter_map(|event| event["userId"].as_str()).collect();
    assert_eq!(raised, expected, "{outcome}");
    for secret in material.secrets().filter(|secret| secret.trim().len() >= 8) {
        assert!(!outcome.stdout.contains(secret) && !outcome.stderr.contains(secret), "a planted password was printed");
    }
}

fn owner_only(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("it is ours");
}

#[test]
fn what_is_no_breach_material_is_named() {
    let folder = folder();
    let data = folder.path().join("data");
    let export =
        "id,upn,mail,verifier\nu-1,anna@contoso.example,anna@contoso.example,{NT}8846F7EAEE8FB117AD06BDD830B7586C\n";
    let export = write(folder.path(), "people.csv", export);
    with_file(["users", "import"], &export, &data).success();

    let said = |name: &str, bytes: &[u8], words: &str| {
        let file = folder.path().join(name);
        fs::write(&file, bytes).expect("it can be written");
        let outcome = dry(&data, &file);
        assert!(outcome.stderr.contains(words), "{name}: {words}: {outcome}");
        outcome
    };
    let hashes = |numbers: &[u64]| {
        numbers.iter().map(|number| format!("{number:040X}:{number}\r\n")).collect::<Vec<_>>().concat()
    };
    let nt = "8846f7eaee8fb117ad06bdd830b7586c";
    let pwdump = format!("anna:1104:{nt}:{nt}:::\nzoe:1105:{nt}:{nt}:::\n");
    let ldif =
        "version: 1\n\ndn: uid=anna,dc=contoso,dc=example\nmail: anna@contoso.example\nuserPassword:: e05UfTg4\n\n";

    said("photo.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", "photo.jpg").failure(1);
    let packed = gzip(&b"anna@contoso.example:wrong\n".repeat(500));
    let cut = said("cut.gz", &packed[..packed.len() - 12], "cut.gz: ");
    assert!(cut.stderr.contains("ends"), "{cut}");
    said("bomb.gz", &bomb(), "decompression bomb");
    said("people.csv", &fs::read(&export).expect("it is there"), "a directory export (CSV)").success();
    said("people.ldif", ldif.as_bytes(), "a directory export (LDIF)").success();
    said("dump.txt", pwdump.as_bytes(), "a directory export (pwdump)").success();
    said("mails.txt", b"anna@contoso.example\nzoe@contoso.example\n", "a list of addresses without").success();
    said("sorted.txt", hashes(&[1, 2, 3]).as_bytes(), "hashes without names, in ascending order").success();
    said("unsorted.txt", hashes(&[2, 1, 3]).as_bytes(), "hashes without names, not in order").success();
    said("words.txt", b"one\ntwo\nthree\nfour\nfive\nsix\n", "a list of words without names").success();
    said("empty.txt", b"", "there was not one line");
    let nothing = folder.path().join("nothing");
    fs::create_dir(&nothing).expect("a folder");
    let outcome = dry(&data, &nothing);
    assert!(outcome.failure(1).contains("nothing was read") && outcome.stderr.contains("nothing: "), "{outcome}");
}

/// A few hundred bytes that would be many megabytes: gzip in gzip.
fn bomb() -> Vec<u8> {
    gzip(&gzip(&vec![b'x'; 64 << 20]))
}
