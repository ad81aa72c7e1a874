//! Whoever follows the links ends with the set as it is, whatever is written meanwhile, however long pages
//! are, and when the server is started anew in between.

use crate::samples::{BASE, EVENTS, USERS, event, path_of, user, with};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use testkit::app::TestApp;
use tokio::runtime::Runtime;

/// What is asked for, and what of each entity is compared.
const QUESTIONS: [(&str, &str); 14] = [
    (EVENTS, ""),
    (BASE, ""),
    (USERS, ""),
    (EVENTS, "$filter=riskLevel eq 'high'"),
    (BASE, "$filter=riskLevel in ('high','low') and riskEventStatus eq 'active'"),
    (EVENTS, "$filter=riskLevel eq 'high'&$select=userDisplayName"),
    (EVENTS, "$filter=id in ('e1','e2','e3')"),
    (BASE, "$filter=contains(userDisplayName,'1')"),
    (EVENTS, "$filter=riskEventDateTime lt 2024-03-06T00:00:00Z"),
    (EVENTS, "$filter=createdDateTime lt now()"),
    (EVENTS, "$select=riskLevel,riskEventStatus"),
    (USERS, "$filter=id eq 'e1' or id eq 'e2' or id eq 'e3'"),
    (USERS, "$filter=department eq null&$select=displayName,userPrincipalName"),
    (USERS, "$filter=startswith(displayName,'1') or department ne null"),
];
const LEVELS: [&str; 3] = ["low", "medium", "high"];
const STATUSES: [&str; 3] = ["active", "remediated", "loginBlocked"];

/// A write of one of a few entities, so that writers come upon each other.
#[derive(Clone, Debug)]
enum Write {
    Create(u8, u8),
    Update(u8, u8),
    Delete(u8),
}

fn write() -> impl Strategy<Value = Write> {
    let (id, value) = (0..8_u8, 0..9_u8);
    prop_oneof![
        3 => (id.clone(), value.clone()).prop_map(|(id, value)| Write::Create(id, value)),
        4 => (id.clone(), value).prop_map(|(id, value)| Write::Update(id, value)),
        2 => id.prop_map(Write::Delete),
    ]
}

#[derive(Clone, Debug)]
struct Case {
    question: usize,
    minimal: bool,
    pages: Vec<u8>,
    /// Before and after the server is started anew: what each writer does.
    writers: [Vec<Vec<Write>>; 2],
}

fn case() -> impl Strategy<Value = Case> {
    let writers = || vec(vec(write(), 5..40), 1..4);
    (0..QUESTIONS.len(), any::<bool>(), vec(1..5_u8, 1..6), [writers(), writers()])
        .prop_map(|(question, minimal, pages, writers)| Case { question, minimal, pages, writers })
}

async fn carry_out(app: &TestApp, set: &str, write: &Write) {
    let of_users = set == USERS;
    let value = |value: u8| {
        if of_users {
            return json!({
                "displayName": format!("{value}"),
                "department": value.is_multiple_of(3).then_some("IT"),
                "userPrincipalName": format!("user{value}@fjord.example"),
            });
        }
        json!({
            "riskLevel": LEVELS[usize::from(value % 3)],
            "riskEventStatus": STATUSES[usize::from(value / 3)],
            "userDisplayName": format!("{value}"),
            "riskEventDateTime": format!("2024-03-0{}T00:00:00Z", value + 1),
        })
    };
    let of = |id: u8| json!({"id": format!("e{id}")});
    let call = match *write {
        Write::Create(id, by) => {
            let body = with(with(if of_users { user() } else { event() }, &value(by)), &of(id));
            app.post(if of_users { USERS } else { EVENTS }, &body)
        }
        Write::Update(id, by) => {
            // One or two of the properties, so that items differ in what has changed.
            let all = value(by);
            let some = all.as_object().expect("an object").clone().into_iter().enumerate();
            let some = some.filter(|(at, _)| at % 2 == usize::from(by % 2)).map(|(_, member)| member);
            app.patch(&format!("{set}/e{id}"), &Value::Object(some.collect()))
        }
        Write::Delete(id) => app.delete(&format!("{set}/e{id}")),
    };
    let answer = call.await;
    assert!([200, 201, 204, 404, 409].contains(&answer.status), "{write:?}: {}", answer.text());
}

/// A reader who keeps what it is told.
struct Reader {
    case: Case,
    path: String,
    kept: BTreeMap<String, Map<String, Value>>,
    pages: usize,
}

impl Reader {
    /// Reads one page; tells whether it ends a round.
    async fn read(&mut self, app: &TestApp) -> bool {
        let size = self.case.pages[self.pages % self.case.pages.len()];
        self.pages += 1;
        let minimal = if self.case.minimal { ", return=minimal" } else { "" };
        let call = app.get(&self.path).header("prefer", &format!("odata.maxpagesize={size}{minimal}"));
        let page = call.await.expect(200).json();
        let items = page["value"].as_array().expect("a list");
        assert!(items.len() <= usize::from(size));
        for item in items {
            let item = item.as_object().expect("an item");
            let id = item["id"].as_str().expect("an id").to_owned();
            if item.contains_key("@removed") {
                self.kept.remove(&id);
            } else if self.case.minimal {
                self.kept.entry(id).or_default().extend(item.clone());
            } else {
                self.kept.insert(id, item.clone());
            }
        }
        let end = page.get("@odata.deltaLink");
        let link = end.or(page.get("@odata.nextLink")).and_then(Value::as_str).expect("a link");
        path_of(link).clone_into(&mut self.path);
        end.is_some()
    }
}

/// Lets writers and a reader run at once until the writers have done everything.
async fn run(app: &Arc<TestApp>, mut reader: Reader, writers: Vec<Vec<Write>>) -> Reader {
    let set = QUESTIONS[reader.case.question].0;
    let mut tasks = tokio::task::JoinSet::new();
    for writes in writers {
        let app = app.clone();
        tasks.spawn(async move {
            for write in writes {
                carry_out(&app, set, &write).await;
            }
        });
    }
    let done = Arc::new(AtomicBool::new(false));
    let reading = tokio::spawn({
        let (app, done) = (app.clone(), done.clone());
        async move {
            while !done.load(Ordering::SeqCst) {
                reader.read(&app).await;
                tokio::task::yield_now().await; // reads wait for nobody, so the thread would be theirs alone
            }
            reader
        }
    });
    tasks.join_all().await;
    done.store(true, Ordering::SeqCst);
    reading.await.expect("the reader comes to its end")
}

async fn follow(case: Case) {
    let (set, query) = QUESTIONS[case.question];
    let query = query.replace(' ', "%20");
    let app = Arc::new(TestApp::new().await);
    for id in 0..6 {
        carry_out(&app, set, &Write::Create(id, id)).await;
    }
    app.clock.advance_seconds(60);
    let [before, after] = case.writers.clone();
    let reader = Reader { path: format!("{set}/delta?{query}"), kept: BTreeMap::new(), pages: 0, case };
    let reader = run(&app, reader, before).await;
    let app = Arc::into_inner(app).expect("every task has ended").restart().await;
    let app = Arc::new(app);
    app.clock.advance_seconds(60);
    let mut reader = run(&app, reader, after).await;
    // The round that was begun, and one that began after everything was written.
    for _ in 0..2 {
        while !reader.read(&app).await {}
    }

    let filter = query.replace("now()", "2024-03-03T06:01:00Z"); // when the reader began
    let list = app.get(&format!("{set}?{filter}&$top=100")).await.expect(200).json();
    let found = list["value"].as_array().expect("a list").iter().map(|item| item.as_object().expect("an item"));
    let selected = query.contains("$select");
    let of = |item: &Map<String, Value>| {
        let mut item = item.clone();
        if selected {
            item.remove("@odata.etag"); // it tells of other properties too
            item.remove("id"); // a list shows it only if it is selected
        }
        Value::Object(item).to_string()
    };
    let mut kept: Vec<String> = reader.kept.values().map(of).collect();
    let mut found: Vec<String> = found.map(of).collect();
    kept.sort();
    found.sort();
    assert_eq!(kept, found, "{set}?{query} after {} pages", reader.pages);
}

#[test]
fn a_reader_ends_with_the_set_as_it_is() {
    let runtime = Runtime::new().expect("a runtime");
    let cases = ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() };
    proptest::test_runner::TestRunner::new(cases)
        .run(&case(), |case| {
            runtime.block_on(follow(case));
            Ok(())
        })
        .expect("the reader has what there is");
}
