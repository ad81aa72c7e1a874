//! Nobody gets at the memory of a process that holds secrets: no core image, no debugger of the same user.

use crate::{BINARY, folder};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use testkit::server::{Program, TestServer};

#[test]
fn a_process_leaves_no_core_image_and_its_memory_is_closed() {
    let data = folder();
    let mut server = TestServer::start(BINARY, data.path());
    let process = server.process().id();
    let of = |name: &str| format!("/proc/{process}/{name}");
    let limits = fs::read_to_string(of("limits")).expect("everybody may read it");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("it is told");
    let words: Vec<&str> = core.split_ascii_whitespace().collect();
    assert_eq!(words[4..6], ["0", "0"], "neither it nor what it starts can raise the limit: {core}");
    // What cannot be dumped belongs to root, whoever runs it; and none but root opens it.
    let about = fs::metadata(of("mem")).expect("it is there");
    assert_eq!((about.uid(), about.gid()), (0, 0));
    let opened = fs::File::open(of("mem"));
    if rustix::process::geteuid().is_root() {
        // Root of a container may lack the right as well; if it is there, nothing of this process keeps it out.
        assert!(opened.is_ok() || opened.is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied));
    } else {
        assert_eq!(opened.expect_err("we started it, and are kept out").kind(), std::io::ErrorKind::PermissionDenied);
    }
    server.stop().success();
}

/// For root every process belongs to root, so that the test above tells little: as somebody else it is told.
#[test]
fn a_user_does_not_look_into_processes_of_their_own() {
    if !rustix::process::geteuid().is_root() {
        return; // the test above has shown it
    }
    crate::needs("setpriv");
    let data = folder();
    let nobody = 65_534;
    std::os::unix::fs::chown(data.path(), Some(nobody), Some(nobody)).expect("root may give it away");
    let elsewhere = folder();
    let binary = elsewhere.path().join("spillwatch");
    fs::copy(BINARY, &binary).expect("it can be copied");
    for path in [elsewhere.path(), &binary] {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(path, mode).expect("it is ours");
    }
    let drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let binary = binary.to_str().expect("UTF-8");
    let mut server = TestServer::start_with(binary, data.path(), |program: Program| program.under(drop));
    let process = server.process().id();
    let about = fs::metadata(format!("/proc/{process}/mem")).expect("it is there");
    assert_eq!((about.uid(), about.gid()), (0, 0), "it runs as {nobody}, and its memory is not theirs");
    let look = std::process::Command::new("setpriv")
        .args(&drop[1..])
        .args(["cat", &format!("/proc/{process}/environ")])
        .output()
        .expect("it can be run");
    assert!(!look.status.success() && look.stdout.is_empty(), "{}", String::from_utf8_lossy(&look.stderr));
    server.stop().success();
}
