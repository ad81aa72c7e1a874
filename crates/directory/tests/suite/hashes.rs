//! Dumps of NT hashes.

use directory::{Format, SamName};

use super::{all, counts, is_password, utf16};

const SECRETSDUMP: &str = include_str!("../fixtures/hashes/secretsdump.txt");
const PWDUMP: &str = include_str!("../fixtures/hashes/pwdump.txt");
const HASHCAT_NT: &str = include_str!("../fixtures/hashes/hashcat-nt.txt");
const JOHN_NT: &str = include_str!("../fixtures/hashes/john-nt.txt");

#[test]
fn secretsdump_gives_accounts_and_counts_the_rest_by_name() {
    for text in [SECRETSDUMP.as_bytes().to_vec(), utf16(SECRETSDUMP, false)] {
        let outcome = all(Format::Pwdump, text);
        assert_eq!(outcome.errors(), [""; 0]);
        assert_eq!(outcome.users.len(), 4);
        let eva = outcome.user("eadler");
        let sam = SamName { domain: Some("corp.example.org".to_owned()), name: "eadler".to_owned() };
        assert_eq!((eva.sam.as_ref(), eva.enabled), (Some(&sam), Some(true)));
        assert!(is_password(eva, "Gabel_Mond_88"));
        assert_eq!(eva.verifiers[0].expose(), "{NT}c12e2905257781833da3416e770e9698");
        let ben = outcome.user("ben");
        assert!(is_password(ben, "Ufer-lampe-903"));
        assert_eq!(ben.enabled, Some(false));
        assert_eq!((outcome.user("Administrator").administrator, ben.administrator), (Some(true), None));
        let guest = outcome.user("Guest");
        assert_eq!((guest.verifiers.len(), guest.enabled), (0, Some(false)));
        assert_eq!(guest.sam, Some(SamName { domain: None, name: "Guest".to_owned() }));
        assert_eq!(
            counts(&outcome.summary.skipped),
            [
                ("Kerberos key", 3),
                ("machine account", 1),
                ("message of the tool", 7),
                ("password history", 1),
                ("password in clear text", 1),
            ]
        );
        assert_eq!(counts(&outcome.summary.dropped), [("empty password", 1)]);
    }
}

#[test]
fn the_views_of_dsinternals_say_the_same() {
    for (format, text, history) in
        [(Format::Pwdump, PWDUMP, 1), (Format::HashcatNt, HASHCAT_NT, 0), (Format::JohnNt, JOHN_NT, 0)]
    {
        let outcome = all(format, text);
        assert_eq!(outcome.errors(), [""; 0], "{format}");
        let names: Vec<_> = outcome.users.iter().map(|user| user.sam.as_ref().expect("a name").name.as_str()).collect();
        assert_eq!(names, ["Administrator", "Guest", "eadler"]);
        assert!(is_password(&outcome.users[2], "Gabel_Mond_88"));
        assert_eq!(outcome.users[1].verifiers.len(), 0);
        let administrators = outcome.users.iter().map(|user| user.administrator).collect::<Vec<_>>();
        let told = (format == Format::Pwdump).then_some(true);
        assert_eq!(administrators, [told, None, None], "{format}: by its RID, not by its name");
        assert_eq!(outcome.summary.skipped.get("password history").copied().unwrap_or_default(), history);
        assert_eq!(outcome.summary.skipped.get("machine account"), Some(&1));
    }
}

#[test]
fn other_lines_of_the_tools_are_known() {
    let nt = "c12e2905257781833da3416e770e9698";
    let text = format!(
        "CORP\\PC$:aad3b435b51404eeaad3b435b51404ee:{nt}:::\n\
        CORP\\PC$:plain_password_hex:00112233\n\
        CORP.LOCAL/anna:$DCC2$10240#anna#{nt}: (2026-01-02 03:04:05)\n\
        dpapi_machinekey:0x00\nNL$KM:0011\n\
        anna::aad3b435b51404eeaad3b435b51404ee:{nt}:S-1-5-21-1-2-3-1104::\n\
        anna_history_of:1105::{nt}:::\n\
        root::aad3b435b51404eeaad3b435b51404ee:{nt}:S-1-5-21-1-2-3-500::\n"
    );
    let outcome = all(Format::Pwdump, text);
    assert_eq!(outcome.errors(), [""; 0]);
    // Ophcrack's view, and a name that only begins like history.
    assert!(outcome.user("anna").verifiers.len() == 1 && outcome.user("anna_history_of").verifiers.len() == 1);
    assert_eq!((outcome.user("anna").administrator, outcome.user("root").administrator), (None, Some(true)));
    assert_eq!(counts(&outcome.summary.skipped), [("LSA secret", 3), ("cached logon", 1), ("machine account", 1)]);
}

#[test]
fn a_line_of_another_shape_is_an_error_that_shows_nothing_of_it() {
    let nt = "c12e2905257781833da3416e770e9698";
    let text = format!(
        "anna:geheim1\nanna:geheim2:{nt}:{nt}:::\nanna:1:geheim3:{nt}:::\nanna:1:{nt}:geheim4:::\n\
        anna@example.org:1:{nt}:{nt}:::\n:1:{nt}:{nt}:::\nanna:1:{nt}:{nt}::: (status=geheim5)\nben:2:{nt}:{nt}:::\n"
    );
    let outcome = all(Format::Pwdump, text);
    assert_eq!(
        outcome.errors(),
        [
            "export:1 (entry 1): line: found 2 fields between colons, expected user:rid:lm:nt:::",
            "export:2 (entry 2): rid: found 7 characters, expected a decimal number",
            "export:3 (entry 3): LM hash: found 7 characters, expected 32 hexadecimal digits",
            "export:4 (entry 4): NT hash: found 7 characters, expected 32 hexadecimal digits",
            "export:5 (entry 5): user: found an address, expected a sAMAccountName",
            "export:6 (entry 6): user: found nothing, expected a sAMAccountName",
            "export:7 (entry 7): status: found something else, expected Enabled, Disabled or N/A",
        ]
    );
    assert_eq!(outcome.users.len(), 1);
}

#[test]
fn a_breach_list_read_as_hashes_gives_errors_and_no_user() {
    let nt = "c12e2905257781833da3416e770e9698";
    let outcome = all(Format::HashcatNt, format!("anna@example.org:{nt}\nben:geheim\ncarl:{nt}:salt\n"));
    assert_eq!((outcome.users.len(), outcome.errors.len()), (0, 3));
    let outcome = all(Format::JohnNt, format!("anna:{nt}\n"));
    assert_eq!(outcome.errors(), ["export:1 (entry 1): line: found a hash without $NT$, expected user:$NT$nt"]);
}
