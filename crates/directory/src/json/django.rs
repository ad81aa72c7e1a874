//! Django: `dumpdata auth.User`, as JSON or as JSON lines.

use std::io::Read;

use super::elements::{Elements, Outer, Shape};
use super::members::Members;
use super::{List, Reason};
use crate::input::Input;
use crate::{DirectoryUser, Limits, Summary, VerifierText};

const SHAPE: Shape = Shape { list: None, outer_list: Outer::Entries, total: None };

/// Fields that say nothing of who the user is.
const PASSED: &[&str] = &["date_joined", "groups", "is_staff", "last_login", "user_permissions"];

pub(crate) fn reader<R: Read>(input: Input<R>, limits: &Limits) -> List<R> {
    List::new(Elements::new(input, SHAPE, limits), user)
}

fn user(entry: &Members<'_>, line: u64, summary: &mut Summary) -> Result<Option<DirectoryUser>, Reason> {
    let (Some(model), Some(fields)) = (entry.text("model")?, entry.object("fields")?) else {
        return Err(Reason::malformed("entry", "an object without model or fields", "an object of dumpdata"));
    };
    // A project may have a user model of its own; it still has these fields (AbstractBaseUser).
    let own = fields.has("password") && (fields.has("username") || fields.has("email"));
    if !model.eq_ignore_ascii_case("auth.user") && !own {
        summary.skip("object of another model");
        return Ok(None);
    }
    let mut user = DirectoryUser::at(line);
    user.id = entry.key("pk")?;
    user.user_name = fields.text("username")?;
    user.mail = fields.text("email")?;
    user.given_name = fields.text("first_name")?;
    user.surname = fields.text("last_name")?;
    user.enabled = fields.truth("is_active")?;
    user.administrator = fields.truth("is_superuser")?;
    if let Some(password) = fields.text("password")?.map(zeroize::Zeroizing::new) {
        user.verifiers.push(VerifierText::new(&[&password]));
    }
    fields.pass(PASSED);
    fields.ignore_rest("", summary);
    Ok(Some(user))
}
