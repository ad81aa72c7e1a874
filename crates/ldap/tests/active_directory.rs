//! A sync with Active Directory's counter of writes, against a server in this process that answers as it does: slapd has no
//! such counter.

use bytes::BytesMut;
use ldap::{Address, Bind, Directory, Kind, Mark, Options, Wanted};
use ldap3::asn1::{PL, StructureTag, TagClass, parse_tag, write};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use zeroize::Zeroizing;

type Values = Vec<(&'static str, Vec<Vec<u8>>)>;

/// What the server has; tests change it.
#[derive(Clone, Default)]
struct Content {
    invocation: u8,
    usn: u64,
    entries: Vec<(String, Values)>,
}

/// A server that lives as long as the test.
struct Server {
    address: Address,
    content: Arc<Mutex<Content>>,
}

impl Server {
    async fn start(content: Content) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("ldap://{}", listener.local_addr().expect("it listens")).parse().expect("an address");
        let content = Arc::new(Mutex::new(content));
        let shared = Arc::clone(&content);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer_all(stream, Arc::clone(&shared)));
            }
        });
        Self { address, content }
    }

    async fn open(&self) -> Directory {
        let bind = Bind { name: "sync@corp.test".to_owned(), password: Zeroizing::new("secret".to_owned()) };
        let options = Options {
            address: self.address.clone(),
            ca: None,
            plaintext: true,
            bind: Some(bind),
            base: None,
            filter: None,
        };
        Directory::open(&options).await.unwrap_or_else(|error| panic!("{error}"))
    }

    fn change(&self, change: impl FnOnce(&mut Content)) {
        change(&mut self.content.lock().expect("nobody panics with it"));
    }
}

fn primitive(class: TagClass, id: u64, bytes: impl Into<Vec<u8>>) -> StructureTag {
    StructureTag { class, id, payload: PL::P(bytes.into()) }
}

fn constructed(class: TagClass, id: u64, parts: Vec<StructureTag>) -> StructureTag {
    StructureTag { class, id, payload: PL::C(parts) }
}

fn octets(bytes: impl Into<Vec<u8>>) -> StructureTag {
    primitive(TagClass::Universal, 4, bytes)
}

fn parts(tag: &StructureTag) -> &[StructureTag] {
    match &tag.payload {
        PL::C(parts) => parts,
        PL::P(_) => &[],
    }
}

fn bytes(tag: &StructureTag) -> &[u8] {
    match &tag.payload {
        PL::P(bytes) => bytes,
        PL::C(_) => &[],
    }
}

async fn answer_all(mut stream: TcpStream, content: Arc<Mutex<Content>>) {
    let mut received = Vec::new();
    loop {
        let Ok((rest, message)) = parse_tag(&received) else {
            if stream.read_buf(&mut received).await.unwrap_or(0) == 0 {
                return;
            }
            continue;
        };
        let used = received.len() - rest.len();
        received.drain(..used);
        let answers = answer(&message, &content.lock().expect("nobody panics with it"));
        for answer in answers {
            let whole = constructed(TagClass::Universal, 16, vec![parts(&message)[0].clone(), answer]);
            let mut out = BytesMut::new();
            write::encode_into(&mut out, whole).expect("it is encoded");
            if stream.write_all(&out).await.is_err() {
                return;
            }
        }
    }
}

fn done(operation: u64) -> StructureTag {
    let success = vec![primitive(TagClass::Universal, 10, [0]), octets(""), octets("")];
    constructed(TagClass::Application, operation, success)
}

fn answer(message: &StructureTag, content: &Content) -> Vec<StructureTag> {
    let request = &parts(message)[1];
    if request.id == 0 {
        return vec![done(1)];
    }
    if request.id != 3 {
        return Vec::new(); // the unbind
    }
    let fields = parts(request);
    let (base, scope, filter) = (bytes(&fields[0]), bytes(&fields[1])[0], &fields[6]);
    let wanted: Vec<String> =
        parts(&fields[7]).iter().map(|name| String::from_utf8_lossy(bytes(name)).into_owned()).collect();
    let dse: Values = vec![
        ("namingContexts", vec![b"DC=corp,DC=test".to_vec(), b"CN=Schema".to_vec()]),
        ("defaultNamingContext", vec![b"DC=corp,DC=test".to_vec()]),
        ("supportedCapabilities", vec![b"1.2.840.113556.1.4.800".to_vec()]),
        ("highestCommittedUSN", vec![content.usn.to_string().into_bytes()]),
        ("dsServiceName", vec![b"CN=NTDS Settings,CN=DC1".to_vec()]),
    ];
    let found: Vec<(String, Values)> = match (base, scope) {
        (b"", 0) => vec![(String::new(), dse)],
        (b"CN=NTDS Settings,CN=DC1", 0) => {
            vec![("CN=NTDS Settings,CN=DC1".to_owned(), vec![("invocationId", vec![vec![content.invocation; 16]])])]
        }
        (b"DC=corp,DC=test", 0) => vec![("DC=corp,DC=test".to_owned(), Vec::new())],
        _ => content.entries.iter().filter(|(_, values)| fits(filter, values)).cloned().collect(),
    };
    let entry = |(dn, values): (String, Values)| {
        let asked =
            values.into_iter().filter(|(name, _)| wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(name)));
        let attribute = |(name, values): (&str, Vec<Vec<u8>>)| {
            let values = constructed(TagClass::Universal, 17, values.into_iter().map(octets).collect());
            constructed(TagClass::Universal, 16, vec![octets(name), values])
        };
        let attributes = constructed(TagClass::Universal, 16, asked.map(attribute).collect());
        constructed(TagClass::Application, 4, vec![octets(dn), attributes])
    };
    found.into_iter().map(entry).chain([done(5)]).collect()
}

/// The values of an attribute.
fn of<'v>(values: &'v Values, name: &'v [u8]) -> impl Iterator<Item = &'v Vec<u8>> {
    values.iter().filter(move |(of, _)| of.as_bytes().eq_ignore_ascii_case(name)).flat_map(|(_, values)| values)
}

/// Whether values fit a filter of `&`, `|`, `=` and `>=` (RFC 4511 section 4.5.1.7).
fn fits(filter: &StructureTag, values: &Values) -> bool {
    match filter.id {
        0 => parts(filter).iter().all(|part| fits(part, values)),
        1 => parts(filter).iter().any(|part| fits(part, values)),
        3 => of(values, bytes(&parts(filter)[0])).any(|value| value == bytes(&parts(filter)[1])),
        5 => {
            let number = |text: &[u8]| String::from_utf8_lossy(text).parse::<u64>().expect("a number");
            of(values, bytes(&parts(filter)[0])).any(|value| number(value) >= number(bytes(&parts(filter)[1])))
        }
        other => panic!("a filter of kind {other}"),
    }
}

fn user(number: u8, usn: u64) -> (String, Values) {
    let values = vec![
        ("objectCategory", vec![b"person".to_vec()]),
        ("objectClass", vec![b"top".to_vec(), b"user".to_vec()]),
        ("objectGUID", vec![vec![number, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0xff]]),
        ("sAMAccountName", vec![format!("user{number}").into_bytes()]),
        ("userAccountControl", vec![b"512".to_vec()]),
        ("uSNChanged", vec![usn.to_string().into_bytes()]),
        ("unicodePwd", vec![b"never asked for".to_vec()]),
    ];
    (format!("CN=User {number},DC=corp,DC=test"), values)
}

async fn names(directory: &mut Directory, wanted: &Wanted<'_>) -> Vec<String> {
    let mut names = Vec::new();
    let mut pages = directory.read(wanted);
    while let Some(page) = pages.next().await.unwrap_or_else(|error| panic!("{error}")) {
        for entry in page {
            assert!(entry.first("unicodePwd").is_none(), "nobody asks for it");
            names.extend(entry.text("sAMAccountName").map(str::to_owned));
        }
    }
    names
}

#[tokio::test]
async fn what_was_written_since_the_mark_is_read_and_another_counter_knows_no_mark() {
    let computer = (
        "CN=PC,DC=corp,DC=test".to_owned(),
        vec![("objectCategory", vec![b"computer".to_vec()]), ("uSNChanged", vec![b"99".to_vec()])],
    );
    let entries = vec![user(1, 10), user(2, 20), user(3, 30), computer];
    let server = Server::start(Content { invocation: 7, usn: 100, entries }).await;

    let mut directory = server.open().await;
    assert_eq!((directory.kind(), directory.base()), (Kind::ActiveDirectory, "DC=corp,DC=test"));
    let first = directory.list(0, |_| ()).await.unwrap_or_else(|error| panic!("{error}"));
    assert!(first.doubt.is_none());
    let guid = |number: u8| format!("040302{number:02x}-0605-0807-090a-0b0c0d0e0fff");
    assert_eq!(first.entries[guid(2).as_str()], Some(20));
    assert_eq!(first.entries.len(), 3, "the computer is no user");
    let mark = first.mark.expect("it counts its writes");
    assert_eq!(mark, Mark::Usn { server: "07070707-0707-0707-0707-070707070707".to_owned(), usn: 100 });
    assert_eq!(names(&mut directory, &Wanted::Everything).await, ["user1", "user2", "user3"]);

    server.change(|content| {
        content.usn = 150;
        content.entries[1] = user(2, 101);
        content.entries.remove(0);
        content.entries.push(user(4, 150));
    });
    let mut directory = server.open().await;
    assert!(directory.knows(&mark));
    let second = directory.list(0, |_| ()).await.unwrap_or_else(|error| panic!("{error}"));
    let newer: Vec<bool> = [2, 3, 4].map(|number| second.is_newer(&guid(number), &mark)).to_vec();
    assert_eq!(newer, [true, false, true]);
    assert!(!second.entries.contains_key(guid(1).as_str()), "who is not listed is gone");
    assert_eq!(names(&mut directory, &Wanted::Since(&mark)).await, ["user2", "user4"]);
    let keys: [Box<str>; 2] = [guid(3).into(), guid(1).into()];
    assert_eq!(names(&mut directory, &Wanted::Keys(&keys)).await, ["user3"]);

    server.change(|content| content.invocation = 8);
    assert!(!server.open().await.knows(&mark), "another server, or one that was restored, counts otherwise");
    server.change(|content| (content.invocation, content.usn) = (7, 50));
    assert!(!server.open().await.knows(&mark), "a counter that went back is another one");
    assert!(!server.open().await.knows(&Mark::Time(0)));
}
