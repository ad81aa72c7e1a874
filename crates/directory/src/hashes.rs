//! Dumps of NT hashes: secretsdump, pwdump, and the views of DSInternals.

use std::io::Read;

use crate::error::{Problem, Reason, length};
use crate::input::{Input, Lines};
use crate::users::Reader;
use crate::{DirectoryUser, Limits, SamName, Summary, VerifierText};

/// MD4 of nothing: the account has no password, or the tool found none.
const EMPTY_NT: &str = "31d6cfe0d16ae931b73c59d7e0c089c0";

/// The RID that every domain and machine gives its built-in administrator (MS-DTYP 2.4.2.4).
const ADMINISTRATOR: &str = "500";

/// How a line is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// `user:rid:lm:nt:comment:home:`, with secretsdump's notes behind it.
    Pwdump,
    /// `user:nt`.
    HashcatNt,
    /// `user:$NT$nt`.
    JohnNt,
}

/// What a line is.
pub(crate) enum Line<'a> {
    /// An account; the hash is `None` if it has no password.
    Account { name: &'a str, nt: Option<&'a str>, enabled: Option<bool>, administrator: Option<bool> },
    /// Something that is left out under this name.
    Skipped(&'static str),
}

pub(crate) struct Hashes<R> {
    lines: Lines<R>,
    view: View,
    limit: usize,
}

impl<R: Read> Hashes<R> {
    pub(crate) fn new(input: Input<R>, view: View, limits: &Limits) -> Self {
        Self { lines: Lines::new(input, limits.line_bytes), view, limit: limits.line_bytes }
    }

    /// Reads the line that stands in the buffer; `None` if it is blank or counted as no account.
    fn line(&self, summary: &mut Summary) -> Result<Option<DirectoryUser>, Reason> {
        if self.lines.is_cut() {
            return Err(Reason::TooLong { what: "line", limit: self.limit });
        }
        let line = std::str::from_utf8(self.lines.bytes()).map_err(|_| Reason::NotUtf8 { what: "line" })?;
        if line.trim().is_empty() {
            return Ok(None);
        }
        match read_line(line, self.view)? {
            Line::Skipped(what) => {
                summary.skip(what);
                Ok(None)
            }
            Line::Account { name, nt, enabled, administrator } => {
                let mut user = DirectoryUser::at(self.lines.number());
                // secretsdump writes the domain before `\`, of cached names before `/`; neither may be in a name.
                user.sam = Some(SamName::parse(&name.replacen('/', "\\", 1)));
                user.enabled = enabled;
                user.administrator = administrator;
                match nt {
                    Some(nt) => user.verifiers.push(VerifierText::new(&["{NT}", nt])),
                    None => summary.drop_value("empty password"),
                }
                Ok(Some(user))
            }
        }
    }
}

impl<R: Read> Reader for Hashes<R> {
    fn next(&mut self, summary: &mut Summary) -> Option<Result<DirectoryUser, Problem>> {
        loop {
            match self.lines.advance() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(reason) => return Some(Err(Problem::new(self.lines.number(), reason))),
            }
            match self.line(summary) {
                Ok(Some(user)) => return Some(Ok(user)),
                Ok(None) => {}
                Err(reason) => return Some(Err(Problem::new(self.lines.number(), reason))),
            }
        }
    }
}

/// Reads one line that is not blank; also used to tell what a file is.
pub(crate) fn read_line(line: &str, view: View) -> Result<Line<'_>, Reason> {
    if let Some(what) = message(line) {
        return Ok(Line::Skipped(what));
    }
    match view {
        View::Pwdump => pwdump(line),
        View::HashcatNt => pair(line, ""),
        View::JohnNt => pair(line, "$NT$"),
    }
}

/// What secretsdump prints around the hashes.
fn message(line: &str) -> Option<&'static str> {
    let marked = ["[*] ", "[+] ", "[-] ", "[!] "].iter().any(|mark| line.starts_with(mark));
    (marked || line.starts_with("Impacket v")).then_some("message of the tool")
}

/// What secretsdump writes beside accounts, by what follows the name.
fn other(line: &str) -> Option<&'static str> {
    let secret = ["dpapi_", "NL$KM", "$MACHINE.ACC", "DefaultPassword", "L$", "_SC_"];
    if secret.iter().any(|start| line.starts_with(start)) || line.starts_with(" 0") {
        return Some("LSA secret");
    }
    let (_, rest) = line.split_once(':')?;
    if rest.starts_with("$DCC2$") {
        return Some("cached logon");
    }
    let (kind, _) = rest.split_once(':')?;
    match kind {
        "CLEARTEXT" => Some("password in clear text"),
        "plain_password_hex" => Some("LSA secret"),
        _ if ["aes128-cts", "aes256-cts", "des-cbc-", "rc4_hmac", "rc4-hmac", "0x"]
            .iter()
            .any(|key| kind.starts_with(key)) =>
        {
            Some("Kerberos key")
        }
        _ => None,
    }
}

/// Accounts that are no person's current password, by their name.
fn passed_over(name: &str) -> Option<&'static str> {
    let history = name
        .rsplit_once("_history")
        .is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
    if history {
        return Some("password history");
    }
    name.ends_with('$').then_some("machine account")
}

/// What a line of pwdump looks like.
const SHAPE: &str = "user:rid:lm:nt:::";

fn pwdump(line: &str) -> Result<Line<'_>, Reason> {
    if let Some(what) = other(line) {
        return Ok(Line::Skipped(what));
    }
    let fields: Vec<&str> = line.splitn(7, ':').collect();
    let [name, rid, lm, nt, fifth, _, notes] = fields[..] else {
        // secretsdump gives the computer's own account without a RID.
        if fields.len() == 6 && fields[0].ends_with('$') {
            return Ok(Line::Skipped("machine account"));
        }
        let found = format!("{} fields between colons", fields.len());
        return Err(Reason::malformed("line", found, SHAPE));
    };
    // DSInternals' view for Ophcrack has the SID in the fifth field in place of the RID.
    let rid_fits = if rid.is_empty() { fifth.starts_with("S-1-") } else { rid.bytes().all(|b| b.is_ascii_digit()) };
    if !rid_fits {
        return Err(Reason::malformed("rid", length(rid), "a decimal number"));
    }
    hash("LM hash", lm)?;
    let nt = hash("NT hash", nt)?;
    name_fits(name)?;
    if let Some(what) = passed_over(name) {
        return Ok(Line::Skipped(what));
    }
    // Whether another account is in a group of administrators is not told.
    let rid = if rid.is_empty() { fifth.rsplit('-').next().unwrap_or_default() } else { rid };
    let administrator = (rid == ADMINISTRATOR).then_some(true);
    Ok(Line::Account { name, nt, enabled: status(notes)?, administrator })
}

fn pair<'a>(line: &'a str, mark: &str) -> Result<Line<'a>, Reason> {
    let shape = if mark.is_empty() { "user:nt" } else { "user:$NT$nt" };
    let fields: Vec<&str> = line.trim_end().split(':').collect();
    let [name, value] = fields[..] else {
        return Err(Reason::malformed("line", format!("{} fields between colons", fields.len()), shape));
    };
    let Some(nt) = value.strip_prefix(mark) else {
        return Err(Reason::malformed("line", "a hash without $NT$", shape));
    };
    name_fits(name)?;
    let nt = hash("NT hash", nt)?;
    let account = Line::Account { name, nt, enabled: None, administrator: None };
    Ok(passed_over(name).map_or(account, Line::Skipped))
}

/// A sAMAccountName holds no `@`: with one, the line is a leaked pair and no directory's.
fn name_fits(name: &str) -> Result<(), Reason> {
    let account = name.rsplit(['\\', '/']).next().unwrap_or_default();
    if account.is_empty() {
        return Err(Reason::malformed("user", "nothing", "a sAMAccountName"));
    }
    if account.contains('@') {
        return Err(Reason::malformed("user", "an address", "a sAMAccountName"));
    }
    Ok(())
}

/// Reads a hash field: 32 hexadecimal digits, or one of the ways to say that there is none.
fn hash<'a>(what: &'static str, text: &'a str) -> Result<Option<&'a str>, Reason> {
    let none = text.is_empty() || text.starts_with("NO LM-HASH*") || text.starts_with("NO NT-HASH*");
    if none || text.starts_with("NO PASSWORD*") || text.eq_ignore_ascii_case(EMPTY_NT) {
        return Ok(None);
    }
    if text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(Some(text));
    }
    Err(Reason::malformed(what, length(text), "32 hexadecimal digits"))
}

/// Reads `(status=Enabled)` of secretsdump's `-user-status`.
fn status(notes: &str) -> Result<Option<bool>, Reason> {
    let Some((_, rest)) = notes.split_once("(status=") else { return Ok(None) };
    match rest.split_once(')').map(|(status, _)| status) {
        Some("Enabled") => Ok(Some(true)),
        Some("Disabled") => Ok(Some(false)),
        Some("N/A") => Ok(None),
        _ => Err(Reason::malformed("status", "something else", "Enabled, Disabled or N/A")),
    }
}
