//! Blocks of lines with labels, as programs that steal passwords write them, and the folders that they come in.

use super::chance::Chance;
use super::people::Person;
use super::shape::Shape;
use super::sheet::{Record, Sheet};

/// How a program writes a block: the labels of host, user and password, and what else stands in it.
struct Style {
    name: &'static str,
    host: &'static str,
    user: &'static str,
    secret: &'static str,
    soft: &'static str,
    soft_first: bool,
    between: &'static str,
}

const STYLES: [Style; 8] = [
    style("url-username-password", ["URL: ", "Username: ", "Password: ", "Application: "], false, "==============="),
    style("soft-first", ["Host: ", "Login: ", "Password: ", "Soft: "], true, ""),
    style("capitals", ["URL: ", "USER: ", "PASS: ", "SOFT: "], true, "\u{20}"),
    style("leet", ["UR1: ", "U53RN4M3: ", "P455W0RD: ", "Browser: "], false, "----------------"),
    style("two-words", ["HOSTNAME: ", "USER LOGIN: ", "USER PASSWORD: ", "Storage: "], true, "***"),
    style("tabs", ["URL:\t", "Login:\t", "Password:\t", "Browser:\t"], false, ""),
    style("profile", ["Url: ", "Username: ", "Password: ", "profile: "], false, "====="),
    style("equals", ["url=", "login=", "password=", "app="], false, ""),
];

const fn style(
    name: &'static str,
    [host, user, secret, soft]: [&'static str; 4],
    soft_first: bool,
    between: &'static str,
) -> Style {
    Style { name, host, user, secret, soft, soft_first, between }
}

pub(super) fn shapes() -> Vec<Shape> {
    let all = STYLES.iter().map(|style| {
        Shape::new(format!("block, {}", style.name), |sheet, records, _, chance| blocks(style, sheet, records, chance))
            .all_names()
    });
    let reversed = Shape::new("block, password first", |sheet, records, _, _| {
        for record in records {
            let block =
                format!("Password: {}\nUsername: {}\nURL: https://site.example/\n", record.password, record.name);
            sheet.record(record, block);
        }
    });
    all.chain([reversed]).collect()
}

fn blocks(style: &Style, sheet: &mut Sheet, records: &[Record], chance: &Chance) {
    let host = || format!("{}https://site{}.example/login", style.host, chance.below(99));
    for record in records {
        if chance.once_in(4) {
            // Somebody's whose password the program did not get.
            let nothing = chance.pick(&["", "UNKNOWN", "[NOT_SAVED]"]);
            let user = format!("{}somebody@elsewhere.example", style.user);
            sheet.other(format!("{}\n{user}\n{}{nothing}\n{}", host(), style.secret, style.between));
        }
        let soft = format!("{}Some Browser [Default]", style.soft);
        let mut lines = vec![host()];
        lines.push(format!("{}{}", style.user, record.name));
        lines.push(format!("{}{}", style.secret, record.password));
        lines.insert(if style.soft_first { 0 } else { lines.len() }, soft);
        lines.push(style.between.to_owned());
        sheet.record(record, lines.join("\n"));
    }
}

/// The files of one machine, as such programs pack them: path and lines.
pub(super) fn machine(records: &[Record], number: usize, _people: &[Person], chance: &Chance) -> Vec<(String, Sheet)> {
    let folder = format!("DE[{}]_{}", chance.token(12).to_uppercase(), number);
    let (mut passwords, mut system, mut cookies) = (Sheet::default(), Sheet::default(), Sheet::default());
    blocks(&STYLES[number % STYLES.len()], &mut passwords, records, chance);
    for line in ["Build ID: x1", "IP: 192.0.2.77", "HWID: 0123456789ABCDEF", "UserName: user", "Date: 2024-03-01 10:00"]
    {
        system.other(line);
    }
    for _ in 0..3 {
        cookies.other(format!(".site.example\tTRUE\t/\tFALSE\t1893456000\tsession\t{}", chance.token(20)));
    }
    vec![
        (format!("{folder}/Passwords.txt"), passwords),
        (format!("{folder}/System/Information.txt"), system),
        (format!("{folder}/Cookies/Browser_Default.txt"), cookies),
    ]
}
