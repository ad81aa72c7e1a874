//! LDIF: what OpenLDAP writes, and what RFC 2849 allows.

use directory::{Format, Limits, Unmarked};

use super::{all, counts, is_password, utf16, with_limits};

const SLAPCAT: &str = include_str!("../fixtures/ldif/slapcat.ldif");
const LDAPSEARCH: &str = include_str!("../fixtures/ldif/ldapsearch.ldif");
const LIMITED: &str = include_str!("../fixtures/ldif/ldapsearch-limited.ldif");

#[test]
fn slapcat_and_ldapsearch_of_one_directory_give_the_same_users() {
    for text in [SLAPCAT, LDAPSEARCH] {
        let outcome = all(Format::Ldif, text);
        assert_eq!(outcome.errors(), [""; 0]);
        assert_eq!(outcome.users.len(), 5);
        assert_eq!(counts(&outcome.summary.skipped), [("no person", 3)]);
        assert_eq!(outcome.summary.entries, 8);

        let anna = outcome.user("anna");
        assert_eq!(anna.distinguished_name.as_deref(), Some("uid=anna,ou=people,dc=example,dc=org"));
        assert_eq!(anna.display_name.as_deref(), Some("Anna Müller (Einkauf)"));
        assert_eq!((anna.given_name.as_deref(), anna.surname.as_deref()), (Some("Anna"), Some("Müller")));
        assert_eq!((anna.mail.as_deref(), anna.department.as_deref()), (Some("anna@example.org"), Some("4711")));
        assert_eq!(anna.proxy_addresses, ["anna.mueller@example.org", "einkauf@example.org"]);
        assert_eq!(anna.id.as_ref().map(String::len), Some(36));
        assert_eq!(anna.enabled, None);
        assert!(is_password(anna, "Kranich-17-Wiese") && !is_password(anna, "Kranich-17-wiese"));

        // Two values of userPassword: DES crypt, which is not supported, and salted MD5.
        assert_eq!(outcome.user("ben").verifiers.len(), 2);

        let carl = outcome.user("carl");
        assert_eq!(carl.enabled, Some(false), "locked until an administrator opens it");
        assert!(is_password(carl, "Distel#Kamm#5"));

        let dora = outcome.user("dora");
        assert_eq!(dora.verifiers[0].expose(), "Mond-Gabel-88");
        assert_eq!(dora.verifiers[0].unmarked(), Unmarked::ClearText);
        assert!(!format!("{dora:?}").contains("Mond"));

        let eva = outcome.user("eadler");
        assert_eq!(eva.id.as_deref(), Some("6f9619ff-8b86-d011-b42d-00cf4fc964ff"));
        assert_eq!((eva.upn.as_deref(), eva.enabled), (Some("eva.adler@example.org"), Some(false)));
        assert_eq!(eva.proxy_addresses, ["SMTP:eva.adler@example.org", "smtp:eva@example.net"]);
        assert_eq!(
            (eva.other_mails.as_slice(), eva.display_name.as_deref()),
            (&["eva.privat@example.com".to_owned()][..], Some("Eva Adler"))
        );
        assert_eq!(outcome.summary.ignored.get("jpegPhoto"), Some(&1));
        assert_eq!(outcome.summary.ignored.get("mobile"), Some(&1));
    }
}

#[test]
fn a_search_that_ended_early_is_an_error() {
    let outcome = all(Format::Ldif, LIMITED);
    let last = outcome.errors.last().expect("an error");
    assert!(
        last.to_string()
            .ends_with("the file is not complete: found the search ended with result 4, expected result 0 (success)")
    );
    assert!(last.ends_reading());
    assert!(!outcome.summary.complete);
}

#[test]
fn folding_comments_versions_and_line_ends_are_those_of_the_rfc() {
    let text = "version: 1\n# a comment\n  that is folded\ndn: uid=a,\n dc=x\nobjectclass: PERSON\nuid:   a\ncn:: w4Rubm\n U=\nmail:\nsn: : x\n";
    for text in [text.as_bytes().to_vec(), text.replace('\n', "\r\n").into_bytes(), utf16(text, false)] {
        let outcome = all(Format::Ldif, text);
        assert_eq!(outcome.errors(), [""; 0]);
        let user = outcome.user("a");
        assert_eq!(user.distinguished_name.as_deref(), Some("uid=a,dc=x"));
        assert_eq!((user.display_name.as_deref(), user.mail.as_deref()), (Some("Änne"), None));
        assert_eq!((user.surname.as_deref(), user.place.line), (Some(": x"), 4));
    }
}

#[test]
fn what_is_refused_is_refused_by_name_and_reading_goes_on() {
    let text = "version: 2\ndn: uid=z\n\n\
        dn: uid=a\nchangetype: add\nuid: a\nuserPassword: geheim1\n\n\
        dn: uid=b\nuid: b\nuserPassword:< file:///geheim2\n\n\
        dn: uid=c\nuid: c\nuserPassword:: geheim3!\n\n\
        dn: uid=d\nuid: d\ngeheim4\n\n\
        uid: e\nuserPassword: geheim5\n\n\
        dn: uid=f\nuid: f\ndn: uid=g\n\n\
        dn: uid=h\nuid: h\nuserAccountControl: geheim6\n\n\
        dn: uid=i\nuid: i\nobjectGUID:: AAAA\n\n\
        dn: uid=j\nuid: j\nmail:: /w==\n\n\
        dn: uid=k\nuid: k\nunicodePwd:: Z2VoZWltNw==\n";
    let outcome = all(Format::Ldif, text);
    assert_eq!(
        outcome.errors(),
        [
            "export:1 (entry 1): version: found another version of LDIF, expected version: 1",
            "export:5 (entry 2): a change record (changetype) is not read: it is no entry as it stands",
            "export:11 (entry 3): a value by URL (`:<`) is not read: no other file is opened",
            "export:15 (entry 4): userPassword: found something else after `::`, expected base64",
            "export:19 (entry 5): line: found no colon, expected name: value",
            "export:21 (entry 6): entry: found an attribute without a dn before it, expected dn: first",
            "export:26 (entry 7): dn: found a second one, expected a blank line before it",
            "export:30 (entry 8): userAccountControl: found 7 characters, expected a decimal number",
            "export:34 (entry 9): objectGUID: found 3 bytes, expected 16 bytes",
            "export:38 (entry 10): mail is not UTF-8",
        ]
    );
    assert_eq!(outcome.users.len(), 1);
    assert_eq!(outcome.user("k").verifiers.len(), 0);
    assert_eq!(counts(&outcome.summary.dropped), [("unicodePwd", 1)]);
    assert!(outcome.errors().iter().all(|error| !error.contains("geheim")));
}

#[test]
fn active_directory_samba_and_389ds_say_it_in_their_own_ways() {
    let text = "dn: CN=PC\nobjectClass: user\nobjectClass: computer\nsAMAccountName: PC$\n\n\
        dn: CN=Partner\nobjectClass: person\nobjectClass: contact\nmail: p@example.org\n\n\
        dn: CN=Trust\nobjectClass: user\nsAMAccountName: TRUST$\n\n\
        dn: CN=A\nobjectClass: user\nsAMAccountName: a\nuserAccountControl: 66048\nproxyAddresses;range=0-1: smtp:a@example.org\nmail;lang-de: no\n\n\
        dn: uid=b\nobjectClass: sambaSamAccount\nuid: b\nuid: bb\nsambaNTPassword: EAAFF3F52A9CBB04A5B4F89DD95386EE\nnsAccountLock: TRUE\n\n\
        dn: uid=c\nobjectClass: posixAccount\nuid: c\nipaNTHash:: 6q/z9SqcuwSltPid2VOG7g==\nnsAccountLock: false\npwdAccountLockedTime: 20260102030405Z\n\n\
        dn: uid=d\nobjectClass: sambaSamAccount\nuid: d\nsambaNTPassword: NO PASSWORDXXXXXXXXXXXXXXXXXXXXX\n\n\
        dn: ou=x\nou: x\n\n# refldap://x\nref: ldap://x/y\n\nsearch: 2\nresult: 0 Success\ncontrol: 1.2.840.113556.1.4.319 false MAUC\npagedresults: cookie=\n";
    let outcome = all(Format::Ldif, text);
    assert_eq!(outcome.errors(), [""; 0]);
    assert_eq!(counts(&outcome.summary.skipped), [("contact", 1), ("machine account", 2), ("no person", 1)]);
    let a = outcome.user("a");
    assert_eq!((a.enabled, a.proxy_addresses.len()), (Some(true), 1));
    assert_eq!(outcome.summary.ignored.get("mail;lang-de"), Some(&1));
    let b = outcome.user("b");
    assert_eq!((b.enabled, b.aliases.as_slice()), (Some(false), &["bb".to_owned()][..]));
    assert!(is_password(b, "Kranich-17-Wiese"));
    let c = outcome.user("c");
    assert_eq!(c.enabled, Some(true), "a lock that time opens is none");
    assert!(is_password(c, "Kranich-17-Wiese"));
    assert_eq!(outcome.user("d").verifiers.len(), 0);
    assert_eq!(counts(&outcome.summary.dropped), [("empty password", 1)]);
}

#[test]
fn active_directory_says_who_administers_it_by_a_count_and_by_groups() {
    let person =
        |name: &str, lines: &str| format!("dn: CN={name}\nobjectClass: user\nsAMAccountName: {name}\n{lines}\n\n");
    let cases = [
        ("adminCount: 1", Some(true)),
        ("adminCount: 0", Some(false)),
        ("memberOf: CN=Domain Admins,CN=Users,DC=x", Some(true)),
        ("memberOf: cn = enterprise admins ,CN=Users,DC=x", Some(true)),
        ("memberOf: CN=Administrators,CN=Builtin,DC=x", Some(true)),
        // `CN=Schema Admins,CN=Users,DC=x`
        ("memberOf:: Q049U2NoZW1hIEFkbWlucyxDTj1Vc2VycyxEQz14", Some(true)),
        ("memberOf: CN=Sales,OU=Domain Admins,DC=x\nmemberOf;range=0-0: CN=DOMAIN ADMINS,DC=x", Some(true)),
        ("adminCount: 0\nmemberOf: CN=Domain Admins,DC=x", Some(true)),
        ("memberOf: CN=Domain Admins,DC=x\nadminCount: 0", Some(true)),
        ("memberOf: CN=Sales,OU=Domain Admins,DC=x", None),
        ("memberOf: OU=Domain Admins,DC=x", None),
        ("memberOf: CN=Domain Admins\\, retired,DC=x", None),
        ("memberOf: CN=DnsAdmins,DC=x", None),
        ("memberOf:: /w==", None),
        ("memberOf: nothing", None),
    ];
    let text: String = cases.iter().enumerate().map(|(at, (lines, _))| person(&format!("u{at}"), lines)).collect();
    let outcome = all(Format::Ldif, text);
    assert_eq!(outcome.errors(), [""; 0]);
    for (at, (lines, told)) in cases.iter().enumerate() {
        assert_eq!(outcome.user(&format!("u{at}")).administrator, *told, "{lines}");
    }
    assert_eq!(outcome.summary.ignored.len(), 0);
    let outcome = all(Format::Ldif, person("a", "adminCount: geheim") + &person("b", "memberOf:< file:///geheim"));
    assert_eq!(
        outcome.errors(),
        [
            "export:4 (entry 1): adminCount: found 6 characters, expected 1 or 0",
            "export:9 (entry 2): a value by URL (`:<`) is not read: no other file is opened",
        ]
    );
}

#[test]
fn being_in_many_groups_is_no_fault() {
    let limits = Limits { line_bytes: 100, values_per_entry: 3, entry_bytes: 200, ..Limits::default() };
    let groups = "memberOf: CN=Sales,OU=Groups,DC=example,DC=org\n".repeat(50);
    let long = format!("memberOf: CN=Sales,OU={}\n", "x".repeat(5000));
    let text = format!("dn: CN=a\nsAMAccountName: a\n{groups}{long}memberOf: CN=Domain Admins,DC=x\n");
    let outcome = with_limits(Format::Ldif, text, limits);
    assert_eq!(outcome.errors(), [""; 0]);
    assert_eq!(outcome.user("a").administrator, Some(true));
    assert_eq!(counts(&outcome.summary.ignored), [("memberOf", 1)], "the one that is too long to be looked at");
}

#[test]
fn only_values_that_are_kept_have_to_fit() {
    let limits = Limits { line_bytes: 100, values_per_entry: 6, ..Limits::default() };
    let long = "x".repeat(5000);
    let folded = "x\n ".repeat(300);
    let many = "mail: a@example.org\n".repeat(20);
    let text = format!(
        "dn: uid=a\nuid: a\njpegPhoto: {long}\nmemberOf: {folded}\n\n\
        dn: uid=b\nuid: b\nmail: {long}\n\ndn: uid=c\nuid: c\nmail: {folded}\n\ndn: uid=d\nuid: d\n{many}\ndn: uid=e\nuid: e\n"
    );
    let outcome = with_limits(Format::Ldif, text, limits);
    let reasons: Vec<String> = outcome.errors.iter().map(|error| error.reason.to_string()).collect();
    assert_eq!(
        reasons,
        ["mail is longer than 100 bytes", "mail is longer than 100 bytes", "there are more than 6 values"]
    );
    assert_eq!(outcome.users.len(), 2);
}

#[test]
fn a_file_without_persons_is_an_error() {
    for text in ["", "version: 1\n", "# only this\n", "dn: ou=x\nobjectClass: organizationalUnit\n"] {
        let outcome = all(Format::Ldif, text);
        assert_eq!(outcome.errors.len(), 1, "{text:?}");
        assert_eq!(outcome.errors[0].reason.name(), "no users");
    }
}
