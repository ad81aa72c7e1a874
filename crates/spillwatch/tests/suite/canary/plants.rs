//! What is planted: passwords that nobody has twice, their verifiers in every form that is read, and files that hold them.

use aws_lc_rs::{digest, pbkdf2};
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, STANDARD};
use base64::{Engine as _, alphabet};
use md4::{Digest as _, Md4};
use md5::Md5;
use model::{Entropy as _, SystemEntropy};
use serde_json::json;
use std::fmt::Write as _;
use std::fs;
use std::num::NonZeroU32;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// How many passwords are planted with a verifier.
pub const PLANTED: usize = 200;
/// The domain of everybody who is planted.
const DOMAIN: &str = "fjord.example";

/// A user with a password.
pub struct Plant {
    /// The user name.
    pub name: String,
    /// The password that is current.
    pub password: String,
    /// Another one, which leaked and is not.
    pub stale: String,
    /// The verifier as the file has it.
    pub verifier: String,
}

impl Plant {
    /// The name as a leak has it.
    pub fn upn(&self) -> String {
        format!("{}@{DOMAIN}", self.name)
    }
}

/// A file of users in one of the forms that are read.
pub struct Planted {
    /// Where it is.
    pub path: PathBuf,
    /// What `--format` calls it.
    pub format: &'static str,
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemEntropy.fill(&mut bytes);
    bytes
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A password with 80 random bits, and with what JSON, CSV and UTF-8 make something of.
fn password(number: usize) -> String {
    let chance = hex(&random::<10>());
    match number % 5 {
        1 => format!("Q\"\\{chance}"),
        2 => format!("ü€{chance}ß"),
        3 => format!("{chance}:;,'"),
        _ => format!("Kn-{chance}"),
    }
}

pub fn sha(algorithm: &'static digest::Algorithm, parts: &[&[u8]]) -> Vec<u8> {
    let mut context = digest::Context::new(algorithm);
    for part in parts {
        context.update(part);
    }
    context.finish().as_ref().to_vec()
}

pub fn md5_of(parts: &[&[u8]]) -> Vec<u8> {
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(part);
    }
    md5.finalize().to_vec()
}

pub fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

pub fn nt(password: &str) -> Vec<u8> {
    Md4::digest(utf16(password)).to_vec()
}

fn derive(password: &str, salt: &[u8]) -> [u8; 32] {
    let mut derived = [0; 32];
    let rounds = NonZeroU32::new(1000).expect("it is not 0");
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, salt, password.as_bytes(), &mut derived);
    derived
}

/// LDAP's schemes, one after another.
fn ldap(number: usize, password: &str) -> String {
    let (secret, salt) = (password.as_bytes(), random::<8>());
    let salted = |name: &str, mut digest: Vec<u8>| {
        digest.extend_from_slice(&salt);
        format!("{{{name}}}{}", STANDARD.encode(digest))
    };
    match number % 8 {
        0 => format!("{{SHA}}{}", STANDARD.encode(sha(&digest::SHA1_FOR_LEGACY_USE_ONLY, &[secret]))),
        1 => salted("SSHA", sha(&digest::SHA1_FOR_LEGACY_USE_ONLY, &[secret, &salt])),
        2 => salted("SSHA256", sha(&digest::SHA256, &[secret, &salt])),
        3 => salted("SSHA512", sha(&digest::SHA512, &[secret, &salt])),
        4 => format!("{{MD5}}{}", STANDARD.encode(md5_of(&[secret]))),
        5 => salted("SMD5", md5_of(&[secret, &salt])),
        6 => format!("{{NT}}{}", hex(&nt(password)).to_uppercase()),
        _ => format!("{{SHA256}}{}", STANDARD.encode(sha(&digest::SHA256, &[secret]))),
    }
}

fn bcrypt(password: &str) -> String {
    let (salt, text) = (random::<16>(), GeneralPurpose::new(&alphabet::BCRYPT, NO_PAD));
    let hash = bcrypt::bcrypt(4, salt, &[password.as_bytes(), b"\0"].concat());
    format!("$2b$04${}{}", text.encode(salt), text.encode(&hash[..23]))
}

fn django(password: &str) -> String {
    let salt = hex(&random::<8>());
    format!("pbkdf2_sha256$1000${salt}${}", STANDARD.encode(derive(password, salt.as_bytes())))
}

/// A field of CSV.
fn field(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// Plants [`PLANTED`] passwords in files of every form, which only we can read.
pub fn plant(folder: &Path) -> (Vec<Plant>, Vec<Planted>) {
    let (mut plants, mut files) = (Vec::new(), Vec::new());
    let mut write = |name: &str, format: &'static str, text: String| {
        let path = folder.join(name);
        fs::write(&path, text).expect("it can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("it is ours");
        files.push(Planted { path, format });
    };
    let mut some = |count: usize, verifier: &dyn Fn(usize, &str) -> String| -> std::ops::Range<usize> {
        let begin = plants.len();
        for number in begin..begin + count {
            let password = password(number);
            let verifier = verifier(number, &password);
            plants.push(Plant { name: format!("person{number}"), stale: self::password(number), password, verifier });
        }
        begin..plants.len()
    };
    let of_csv = some(48, &ldap);
    let slow = some(4, &|_, password| bcrypt(password));
    let of_ldif = some(32, &ldap);
    let clear = some(4, &|_, password| format!("{{CLEAR}}{password}"));
    let of_pwdump = some(24, &|_, password| hex(&nt(password)));
    let of_hashcat = some(16, &|_, password| hex(&nt(password)));
    let of_john = some(16, &|_, password| hex(&nt(password)));
    let of_keycloak = some(20, &|_, password| {
        let salt = random::<16>();
        json!({ "value": STANDARD.encode(derive(password, &salt)), "salt": STANDARD.encode(salt) }).to_string()
    });
    let of_django = some(16, &|_, password| django(password));
    let of_table = some(16, &|_, password| django(password));
    let of_scim = some(PLANTED - 196, &|_, password| format!("{{CLEAR}}{password}"));
    let at = |range: std::ops::Range<usize>| &plants[range];

    let mut csv = "upn,displayName,verifier\n".to_owned();
    for plant in at(of_csv.start..slow.end) {
        let _ = writeln!(csv, "{},Somebody,{}", plant.upn(), field(&plant.verifier));
    }
    write("users.csv", "csv", csv);
    let mut ldif = "version: 1\n\n".to_owned();
    for plant in at(of_ldif.start..clear.end) {
        let secret = plant.verifier.strip_prefix("{CLEAR}").unwrap_or(&plant.verifier);
        let (name, upn, secret) = (&plant.name, plant.upn(), STANDARD.encode(secret));
        let _ = writeln!(
            ldif,
            "dn: uid={name},dc=fjord,dc=example\nobjectClass: inetOrgPerson\nuid: {name}\ncn: Somebody\nsn: Body\n\
             mail: {upn}\nuserPassword:: {secret}\n"
        );
    }
    write("users.ldif", "ldif", ldif);
    let lines = |range, line: &dyn Fn(&Plant) -> String| at(range).iter().map(line).collect::<String>();
    let pwdump =
        |plant: &Plant| format!("{}:1104:NO LM-HASH**********************:{}:::\n", plant.name, plant.verifier);
    write("pwdump.txt", "pwdump", lines(of_pwdump, &pwdump));
    write("hashcat.txt", "hashcat-nt", lines(of_hashcat, &|plant| format!("{}:{}\n", plant.name, plant.verifier)));
    write("john.txt", "john-nt", lines(of_john, &|plant| format!("{}:$NT${}\n", plant.name, plant.verifier)));
    let users: Vec<_> = at(of_keycloak)
        .iter()
        .map(|plant| {
            let about = json!({ "hashIterations": 1000, "algorithm": "pbkdf2-sha256" }).to_string();
            let credential = json!({ "type": "password", "secretData": plant.verifier, "credentialData": about });
            json!({ "username": plant.name, "email": plant.upn(), "enabled": true, "credentials": [credential] })
        })
        .collect();
    write("realm.json", "keycloak", json!({ "realm": "haus", "users": users }).to_string());
    let users: Vec<_> = at(of_django)
        .iter()
        .enumerate()
        .map(|(number, plant)| {
            let fields = json!({ "username": plant.name, "email": plant.upn(), "password": plant.verifier,
                "is_active": true, "is_superuser": false });
            json!({ "model": "auth.user", "pk": number + 1, "fields": fields })
        })
        .collect();
    write("dumpdata.json", "django-json", json!(users).to_string());
    let mut table = "id,password,last_login,is_superuser,username,last_name,email,is_staff,is_active,date_joined,\
                     first_name\n"
        .to_owned();
    for (number, plant) in at(of_table).iter().enumerate() {
        let (name, upn, verifier) = (&plant.name, plant.upn(), &plant.verifier);
        let _ = writeln!(table, "{},{verifier},,0,{name},Body,{upn},0,1,\"2026-01-02 03:04:05\",Some", number + 1);
    }
    write("auth_user.csv", "django-csv", table);
    let resources: Vec<_> = at(of_scim)
        .iter()
        .map(|plant| {
            let secret = plant.verifier.strip_prefix("{CLEAR}");
            json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": hex(&random::<8>()),
                "userName": plant.upn(), "active": true, "password": secret })
        })
        .collect();
    let list = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": resources.len(), "itemsPerPage": resources.len(), "startIndex": 1, "Resources": resources });
    write("list.json", "scim", list.to_string());
    assert_eq!(plants.len(), PLANTED);
    (plants, files)
}
