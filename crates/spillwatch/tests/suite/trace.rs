//! The order of system calls, which no killed process can show: a 201 is written to its socket only
//! after a sync of the log that began after the request was read.

use crate::{BINARY, EVENTS, event, folder, needs, prepared_folder};
use std::collections::HashMap;
use std::fs;
use std::path::Path;
use testkit::server::TestServer;

/// How many creates the trace shows.
const CREATES: usize = 40;

/// A system call, with the places in the trace where it began and ended.
#[derive(Debug)]
struct Call {
    name: String,
    /// Arguments and result, as `strace` prints them.
    text: String,
    began: usize,
    ended: usize,
}

impl Call {
    fn is_synced_log(&self) -> bool {
        matches!(&*self.name, "fsync" | "fdatasync") && self.text.contains("-wal>") && self.text.ends_with("= 0")
    }

    /// A transfer over a socket whose data begin with `start`.
    fn carries(&self, names: &[&str], start: &str) -> bool {
        names.contains(&&*self.name) && self.text.contains("socket:[") && self.text.contains(&format!("\"{start}"))
    }
}

#[test]
fn every_201_is_written_after_its_sync() {
    needs("strace");
    let (data, notes) = (prepared_folder(), folder());
    let file = notes.path().join("trace");
    let server = TestServer::start_with(BINARY, data.path(), |program| {
        let calls = "trace=fsync,fdatasync,read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg,pwrite64";
        program.under(["strace", "-f", "-D", "-y", "-ttt", "-s", "40", "-e", calls, "-o"]).under([&file])
    });
    let token = server.token().to_owned();
    let mut connection = server.connect();
    for number in 0..CREATES {
        connection.call("POST", EVENTS, &token, Some(&event(number))).expect("an answer").expect(201);
    }
    server.stop().success();

    let calls = parse(&file);
    let requests: Vec<_> =
        calls.iter().filter(|call| call.carries(&["read", "readv", "recvfrom", "recvmsg"], "POST ")).collect();
    let answers: Vec<_> =
        calls.iter().filter(|call| call.carries(&["write", "writev", "sendto", "sendmsg"], "HTTP/1.1 201")).collect();
    let syncs: Vec<_> = calls.iter().filter(|call| call.is_synced_log()).collect();
    assert_eq!((requests.len(), answers.len()), (CREATES, CREATES), "every request and every answer is in the trace");
    for (request, answer) in requests.iter().zip(&answers) {
        assert!(request.ended < answer.began, "one connection: {request:?} comes before {answer:?}");
        let between = syncs.iter().filter(|sync| request.ended < sync.began && sync.ended < answer.began).count();
        assert!(between >= 1, "no sync of the log between {request:?} and {answer:?}");
        let sync = syncs.iter().find(|sync| request.ended < sync.began).expect("there is one");
        let written = calls.iter().any(|call| {
            call.name == "pwrite64"
                && call.text.contains("-wal>")
                && request.ended < call.began
                && call.ended < sync.began
        });
        assert!(written, "nothing was written to the log between {request:?} and {sync:?}");
    }
    println!("{} syncs of the log for {CREATES} creates over one connection", syncs.len());
}

/// Reads a trace of several threads, in which a call that others interrupt stands on two lines.
fn parse(file: &Path) -> Vec<Call> {
    let text = String::from_utf8_lossy(&fs::read(file).expect("strace has written its trace")).into_owned();
    let mut interrupted: HashMap<&str, (usize, String, String)> = HashMap::new();
    let mut calls = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let Some((_time, rest)) = rest.trim_start().split_once(' ') else { continue };
        if let Some(rest) = rest.strip_prefix("<... ") {
            let Some((began, name, before)) = interrupted.remove(thread) else { continue };
            let after = rest.split_once("resumed>").map_or(rest, |(_, after)| after);
            calls.push(Call { name, text: format!("{before}{after}"), began, ended: at });
        } else if let Some((name, text)) = rest.split_once('(') {
            match text.strip_suffix(" <unfinished ...>") {
                Some(text) => drop(interrupted.insert(thread, (at, name.to_owned(), text.to_owned()))),
                None => calls.push(Call { name: name.to_owned(), text: text.to_owned(), began: at, ended: at }),
            }
        }
    }
    calls.sort_by_key(|call| call.ended);
    calls
}
