//! Conditions: what is understood, and as what.

use crate::shop::orders;
use crate::shown::shown;
use odata::expression::{Limits, Scope};

fn check(scope: &Scope<'_>, cases: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (text, expected) in cases {
        let found = match scope.condition(text) {
            Ok(expression) => shown(&expression),
            Err(errors) => errors.to_string(),
        };
        if found != *expected {
            wrong.push(format!("{text}\n  expected {expected}\n  found    {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn comparisons_of_every_type() {
    check(
        &orders(),
        &[
            ("name eq 'a'", r#"(Eq name "a")"#),
            ("name ne 'a'", r#"(Ne name "a")"#),
            ("name gt 'a'", r#"(Gt name "a")"#),
            ("name ge 'a'", r#"(Ge name "a")"#),
            ("name lt 'a'", r#"(Lt name "a")"#),
            ("name le 'a'", r#"(Le name "a")"#),
            ("'a' eq name", r#"(Eq "a" name)"#),
            ("name eq ''", r#"(Eq name "")"#),
            ("name eq 'it''s'", r#"(Eq name "it's")"#),
            ("name eq ''''", r#"(Eq name "'")"#),
            ("name eq 'größe'", r#"(Eq name "größe")"#),
            ("name eq 'a&b=c?d#e/f(g)'", r#"(Eq name "a&b=c?d#e/f(g)")"#),
            ("name eq null", "(Eq name null)"),
            ("null ne note", "(Ne null note)"),
            ("name eq note", "(Eq name note)"),
            ("gift eq true", "(Eq gift true)"),
            ("gift eq False", "(Eq gift false)"),
            ("gift gt false", "(Gt gift false)"),
            ("gift", "gift"),
            ("state eq 'open'", "(Eq state #0)"),
            ("state eq 'INDISPUTE'", "(Eq state #9)"),
            ("state eq shop.state'sent'", "(Eq state #5)"),
            ("state eq Shop.Old.STATE'sent'", "(Eq state #5)"),
            ("s.state'sent' le state", "(Le #5 state)"),
            ("state gt 'paid'", "(Gt state #1)"),
            ("state eq '5'", "(Eq state #5)"),
            ("rights eq 'read,write'", "(Eq rights #3)"),
            ("rights eq shop.rights'read, own'", "(Eq rights #5)"),
            ("rights eq '6'", "(Eq rights #6)"),
            ("rights has 'read'", "(has rights 1)"),
            ("rights has shop.rights'read,own'", "(has rights 5)"),
            ("rights has null", "null"),
            ("placed eq 2024-03-02T23:10:04Z", "(Eq placed 2024-03-02T23:10:04Z)"),
            ("placed ge 2024-03-02T23:10:04.2255665Z", "(Ge placed 2024-03-02T23:10:04.2255665Z)"),
            ("placed ge 2024-03-02T23:10:04.123456789012Z", "(Ge placed 2024-03-02T23:10:04.1234567Z)"),
            ("placed ge 2024-03-02T23:10Z", "(Ge placed 2024-03-02T23:10:00Z)"),
            ("placed ge 2024-03-03T01:10:04+02:00", "(Ge placed 2024-03-02T23:10:04Z)"),
            ("placed ge 2024-03-03T01:10:04 02:00", "(Ge placed 2024-03-02T23:10:04Z)"),
            ("placed ge 2024-03-02T21:10:04-02:00", "(Ge placed 2024-03-02T23:10:04Z)"),
            ("placed lt due", "(Lt placed due)"),
            ("date(placed) eq 2024-03-02", "(Eq (Date placed) day:19784)"),
            ("time(placed) lt 12:30:00", "(Lt (Time placed) time:450000000000)"),
            ("time(placed) lt 12:30", "(Lt (Time placed) time:450000000000)"),
            ("due sub placed gt duration'PT1H'", "(Gt (Sub due placed) ticks:36000000000)"),
            ("due sub placed gt 'PT1H'", "(Gt (Sub due placed) ticks:36000000000)"),
            ("'-PT0.5S' lt due sub placed", "(Lt ticks:-5000000 (Sub due placed))"),
            ("length(name) eq 3", "(Eq (Length name) 3)"),
            ("length(name) eq 3.5", "(Eq (Length name) 3.5)"),
            ("length(name) lt 1e2", "(Lt (Length name) 100.0)"),
            ("-1 lt length(name)", "(Lt -1 (Length name))"),
            ("01234567-89ab-CDEF-0123-456789abcdef eq 01234567-89AB-cdef-0123-456789abcdef", "true"),
        ],
    );
}

#[test]
fn precedence_is_the_standards() {
    check(
        &orders(),
        &[
            ("gift or not gift and gift", "(or gift (and (not gift) gift))"),
            ("(gift or gift) and gift", "(and (or gift gift) gift)"),
            ("gift and gift and gift", "(and gift gift gift)"),
            ("gift and (gift and gift)", "(and gift gift gift)"),
            ("gift or gift or gift or gift", "(or gift gift gift gift)"),
            ("name eq 'a' eq gift", r#"(Eq (Eq name "a") gift)"#),
            ("name lt 'a' eq gift", r#"(Eq (Lt name "a") gift)"#),
            ("gift eq name lt 'a'", r#"(Eq gift (Lt name "a"))"#),
            ("length(name) add 1 lt 5 and gift", "(and (Lt (Add (Length name) 1) 5) gift)"),
            ("length(name) add 2 mul 3 eq 9", "(Eq (Add (Length name) 6) 9)"),
            ("(length(name) add 2) mul 3 eq 9", "(Eq (Mul (Add (Length name) 2) 3) 9)"),
            ("length(name) sub 2 sub 3 eq 9", "(Eq (Sub (Sub (Length name) 2) 3) 9)"),
            ("length(name) sub (2 sub 3) eq 9", "(Eq (Sub (Length name) -1) 9)"),
            ("- length(name) add 1 lt 0", "(Lt (Add (- (Length name)) 1) 0)"),
            ("-length(name) mul 2 lt 0", "(Lt (Mul (- (Length name)) 2) 0)"),
            ("not gift eq true", "(Eq (not gift) true)"),
            ("not (name eq 'a')", r#"(not (Eq name "a"))"#),
            ("not(name eq 'a')", r#"(not (Eq name "a"))"#),
            ("not not gift", "(not (not gift))"),
            ("NOT contains(name,'a')", r#"(not (Contains name "a"))"#),
            ("not name in ('a')", r#"(not (in name ["a"]))"#),
            ("not rights has 'read'", "(not (has rights 1))"),
            ("name in ('a') eq gift", r#"(Eq (in name ["a"]) gift)"#),
        ],
    );
}

#[test]
fn words_are_operators_only_where_operators_stand() {
    check(
        &orders(),
        &[
            ("not", "not"),
            ("not not", "(not not)"),
            ("not eq true", "(Eq not true)"),
            ("not and gift", "(and not gift)"),
            ("gift and not", "(and gift not)"),
            ("not(not)", "(not not)"),
            ("(not) and not not", "(and not (not not))"),
            ("$it/not", "not"),
            ("add eq 'a'", r#"(Eq add "a")"#),
            ("eq eq eq", "(Eq eq eq)"),
            ("not (eq eq add)", "(not (Eq eq add))"),
            (
                "not eq eq 'a' eq gift",
                "column 5: `eq` is text; expected true or false (put a comparison after not into parentheses)",
            ),
            ("concat(add,eq) eq 'ab'", r#"(Eq (Concat add eq) "ab")"#),
            ("tags/any(eq:eq eq add)", "(any tags (Eq item add))"),
            ("tags/any(name:name eq $it/name)", "(any tags (Eq item name))"),
            ("any eq 'a'", "column 1: `any` is not a property of `order` (a text stands in quotes: 'any')"),
        ],
    );
}

#[test]
fn blanks_and_case_do_not_matter() {
    check(
        &orders(),
        &[
            ("  name   eq\t'a'  ", r#"(Eq name "a")"#),
            ("NAME Eq 'a' AND Gift OR gift", r#"(or (and (Eq name "a") gift) gift)"#),
            ("CONTAINS( name , 'a' )", r#"(Contains name "a")"#),
            ("contains (name,'a')", r#"(Contains name "a")"#),
            ("( gift )", "gift"),
            ("name in( 'a' ,'b' )", r#"(in name ["a" "b"])"#),
            ("name IN('a')", r#"(in name ["a"])"#),
            ("tags / ANY( t : t eq 'a' )", r#"(any tags (Eq item "a"))"#),
            ("name eq 'a'and gift", r#"(and (Eq name "a") gift)"#),
            ("(name eq 'a')and(gift)", r#"(and (Eq name "a") gift)"#),
            ("length(name)eq 3", "(Eq (Length name) 3)"),
            ("name\r\neq\n'a'", r#"(Eq name "a")"#),
            ("Customer/DISPLAYNAME eq 'a'", r#"(Eq customer/displayName "a")"#),
        ],
    );
}

#[test]
fn lists_are_bound_as_what_stands_before_in() {
    check(
        &orders(),
        &[
            ("name in ('a','b',null)", r#"(in name ["a" "b" null])"#),
            ("state in ('open', shop.state'sent')", "(in state [#0 #5])"),
            ("placed in (2024-01-01T00:00:00Z)", "(in placed [2024-01-01T00:00:00Z])"),
            ("length(name) in (1, 2)", "(in (Length name) [1 2])"),
            ("length(name) in (1, 2.5)", "(or (Eq (Length name) 1) (Eq (Length name) 2.5))"),
            ("length(name) in (1 add 1)", "(in (Length name) [2])"),
            ("name in (note, 'a')", r#"(or (Eq name note) (Eq name "a"))"#),
            ("(due sub placed) in ('PT1H')", "(in (Sub due placed) [ticks:36000000000])"),
            ("name in [\"a\",\"it's \\\"b\\\"\"]", r#"(in name ["a" "it's \"b\""])"#),
            ("name in ['a']", r#"(in name ["a"])"#),
            ("name in tags", "(any tags (Eq name item))"),
            ("'a' in tags", r#"(any tags (Eq "a" item))"#),
            ("'open' in states", "(any states (Eq #0 item))"),
            ("state in states", "(any states (Eq state item))"),
            ("'a' in customer/phones", r#"(any customer/phones (Eq "a" item))"#),
        ],
    );
}

#[test]
fn functions_of_text() {
    check(
        &orders(),
        &[
            ("contains(name,'a')", r#"(Contains name "a")"#),
            ("startswith(name,'a')", r#"(StartsWith name "a")"#),
            ("endswith(name,'a') eq true", r#"(Eq (EndsWith name "a") true)"#),
            ("indexof(name,'a') eq 1", r#"(Eq (IndexOf name "a") 1)"#),
            ("substring(name,1) eq 'a'", r#"(Eq (Substring name 1) "a")"#),
            ("substring(name,1,2) eq 'a'", r#"(Eq (Substring name 1 2) "a")"#),
            ("substring(name,-1) eq 'a'", r#"(Eq (Substring name -1) "a")"#),
            ("substring(name,indexof(name,'a')) eq 'a'", r#"(Eq (Substring name (IndexOf name "a")) "a")"#),
            ("substring(name,0,length(note)) eq 'a'", r#"(Eq (Substring name 0 (Length note)) "a")"#),
            ("tolower(name) eq 'a'", r#"(Eq (ToLower name) "a")"#),
            ("toupper(name) eq 'A'", r#"(Eq (ToUpper name) "A")"#),
            ("trim(name) eq 'a'", r#"(Eq (Trim name) "a")"#),
            ("concat(concat(name,', '),note) eq 'a'", r#"(Eq (Concat (Concat name ", ") note) "a")"#),
            ("matchesPattern(name,'^a.b$')", r#"(MatchesPattern name "^a.b$")"#),
            ("matchespattern(name,@p)", "null"),
            ("contains(null,'a')", "null"),
            ("name eq tolower('ÄB')", r#"(Eq name "äb")"#),
            ("name eq concat(trim(' a '),toupper('b'))", r#"(Eq name "aB")"#),
            ("length('größe') eq 5", "true"),
            ("contains(name,null) or gift", "(or null gift)"),
            ("length(null) add 1 eq 1", "false"),
            ("contains('abc',name)", r#"(Contains "abc" name)"#),
        ],
    );
}

#[test]
fn functions_of_time() {
    check(
        &orders(),
        &[
            ("year(placed) eq 2024", "(Eq (Year placed) 2024)"),
            ("month(placed) eq 3", "(Eq (Month placed) 3)"),
            ("day(placed) eq 2", "(Eq (Day placed) 2)"),
            ("hour(placed) eq 23", "(Eq (Hour placed) 23)"),
            ("minute(placed) eq 10", "(Eq (Minute placed) 10)"),
            ("second(placed) eq 4", "(Eq (Second placed) 4)"),
            ("fractionalseconds(placed) lt 0.1", "(Lt (FractionalSeconds placed) 0.1)"),
            ("year(date(placed)) eq 2024", "(Eq (Year (Date placed)) 2024)"),
            ("hour(time(placed)) eq 23", "(Eq (Hour (Time placed)) 23)"),
            ("year(2024-03-02) eq 2024", "(Eq (Year day:19784) 2024)"),
            ("hour(2024-03-02T23:10:04Z) eq 23", "(Eq (Hour 2024-03-02T23:10:04Z) 23)"),
            ("totaloffsetminutes(placed) eq 0", "(Eq (TotalOffsetMinutes placed) 0)"),
            ("totalseconds(due sub placed) gt 0.5", "(Gt (TotalSeconds (Sub due placed)) 0.5)"),
            ("totalseconds('PT1H') gt 5", "(Gt (TotalSeconds ticks:36000000000) 5)"),
            ("placed lt now()", "(Lt placed 2024-06-01T12:00:00Z)"),
            ("placed gt mindatetime()", "(Gt placed 0001-01-01T00:00:00Z)"),
            ("placed lt MaxDateTime( )", "(Lt placed 9999-12-31T23:59:59.9999999Z)"),
            ("placed gt now() sub duration'P7D'", "(Gt placed 2024-05-25T12:00:00Z)"),
            ("placed gt now() sub 'PT0.0000001S'", "(Gt placed 2024-06-01T11:59:59.9999999Z)"),
            ("placed add duration'P1D' lt due", "(Lt (Add placed ticks:864000000000) due)"),
            ("date(placed) add 'P1D' eq 2024-03-02", "(Eq (Add (Date placed) ticks:864000000000) day:19784)"),
            ("2024-03-02 sub 'PT1S' eq 2024-03-01", "true"),
            ("date(due) sub date(placed) gt 'P1D'", "(Gt (Sub (Date due) (Date placed)) ticks:864000000000)"),
            ("(due sub placed) div 2 gt 'P1D'", "(Gt (Div (Sub due placed) 2) ticks:864000000000)"),
            ("(due sub placed) mul 2 gt 'P1D'", "column 1: the result of `(due sub placed) mul 2` could be too large"),
            ("(due sub placed) divby 1.5 gt 'P1D'", "(Gt (DivBy (Sub due placed) 1.5) ticks:864000000000)"),
            ("2 mul 'PT1S' gt 'P1D'", "column 1: `2` is a whole number and `'PT1S'` is text; mul does not take them"),
            ("-(due sub placed) lt 'P1D'", "(Lt (- (Sub due placed)) ticks:864000000000)"),
            ("-duration'PT1S' lt 'P1D'", "true"),
        ],
    );
}

#[test]
fn constants_are_worked_out() {
    check(
        &orders(),
        &[
            ("1 eq 1", "true"),
            ("'a' lt 'b'", "true"),
            ("'b' le 'a'", "false"),
            ("null eq null", "true"),
            ("null ne null", "false"),
            ("null gt null", "false"),
            ("null ge null", "false"),
            ("name gt null", "false"),
            ("null le name", "false"),
            ("not (name gt null)", "true"),
            ("not null", "null"),
            ("null", "null"),
            ("true", "true"),
            ("gift and true", "gift"),
            ("gift and false", "false"),
            ("gift or true", "true"),
            ("gift or false", "gift"),
            ("gift and null", "(and gift null)"),
            ("7 div 2 eq 3", "true"),
            ("-7 div 2 eq -3", "true"),
            ("7 divby 2 eq 3.5", "true"),
            ("-7 mod 2 eq -1", "true"),
            ("7.5 mod 2 eq 1.5", "true"),
            ("5.5 add 1 eq 6.5", "true"),
            ("2 mul 3 sub 1 eq 5", "true"),
            ("(4 add 5) mod (4 sub 1) eq 0", "true"),
            ("- 5 lt -4", "true"),
            ("--5 eq 5", "true"),
            ("null add 1 eq null", "true"),
            ("-null eq null", "true"),
            ("false gt true", "false"),
        ],
    );
}

#[test]
fn casts_of_values() {
    check(
        &orders(),
        &[
            ("cast(state,Edm.String) eq 'open'", r#"(Eq (cast state) "open")"#),
            ("cast(name,shop.state) eq 'open'", "(Eq (cast name) #0)"),
            ("cast(name,Edm.Int64) eq 5", "(Eq (cast name) 5)"),
            ("cast(length(name),Edm.Double) divby 2 eq 5", "(Eq (DivBy (cast (Length name)) 2) 5)"),
            ("cast(length(name),Edm.Int32) eq 5", "(Eq (Length name) 5)"),
            ("cast(length(name) divby 2,Edm.Int64) eq 5", "(Eq (cast (DivBy (Length name) 2)) 5)"),
            ("cast(placed,edm.date) eq 2024-03-02", "(Eq (cast placed) day:19784)"),
            ("cast(placed,Edm.DateTimeOffset) eq due", "(Eq placed due)"),
            ("cast(name,Edm.Boolean)", "(cast name)"),
            ("cast(null,Edm.Int32) eq null", "true"),
            ("hour(cast(name,Edm.TimeOfDay)) eq 5", "(Eq (Hour (cast name)) 5)"),
            ("cast(name,Edm.DateTimeOffset) add 'PT1S' lt due", "(Lt (Add (cast name) ticks:10000000) due)"),
        ],
    );
}

#[test]
fn paths_any_and_all() {
    check(
        &orders(),
        &[
            ("customer/mail eq 'a'", r#"(Eq customer/mail "a")"#),
            ("customer/manager/mail eq null", "(Eq customer/manager/mail null)"),
            ("$it/customer/mail eq note", "(Eq customer/mail note)"),
            ("$this/name eq 'a'", r#"(Eq name "a")"#),
            ("shop.order/name eq 'a'", r#"(Eq name "a")"#),
            ("shop.entity/id eq 'a'", r#"(Eq id "a")"#),
            ("$it/s.order/name eq 'a'", r#"(Eq name "a")"#),
            ("customer/shop.person/mail eq 'a'", r#"(Eq customer/mail "a")"#),
            ("tags/any()", "(any tags)"),
            ("not tags/any()", "(not (any tags))"),
            ("tags/any(t:t eq 'a' or gift)", r#"(any tags (or (Eq item "a") gift))"#),
            ("tags/all(t:length(t) gt 2)", "(all tags (Gt (Length item) 2))"),
            ("tags/any(t:t in ('a','b'))", r#"(any tags (in item ["a" "b"]))"#),
            ("tags/any(t:t eq name)", "(any tags (Eq item name))"),
            ("visits/any(v:v gt 2024-01-01T00:00:00Z)", "(any visits (Gt item 2024-01-01T00:00:00Z))"),
            ("visits/any(v:year(v add 'P1D') eq 2024)", "(any visits (Eq (Year (Add item ticks:864000000000)) 2024))"),
            ("states/any(s:s eq 'paid')", "(any states (Eq item #1))"),
            ("customer/phones/any(p:startswith(p,'+49'))", r#"(any customer/phones (StartsWith item "+49"))"#),
            ("tags/$count gt 0", "(any tags)"),
            ("tags/$count ge 1", "(any tags)"),
            ("tags/$count ne 0", "(any tags)"),
            ("0 lt tags/$count", "(any tags)"),
            ("tags/$count eq 0", "(not (any tags))"),
            ("tags/$count lt 1", "(not (any tags))"),
            ("0 ge customer/phones/$count", "(not (any customer/phones))"),
        ],
    );
}

#[test]
fn casts_make_null_of_rows_of_another_type() {
    let (is, is_not) = ("(isof bigOrder)", "(not (isof bigOrder))");
    let cases = [
        ("s.bigOrder/discount eq 'a'", format!(r#"(and {is} (Eq discount "a"))"#)),
        ("shop.bigOrder/name eq 'a'", format!(r#"(and {is} (Eq name "a"))"#)),
        ("s.bigOrder/discount gt 'a'", format!(r#"(and {is} (Gt discount "a"))"#)),
        ("s.bigOrder/discount ne 'a'", format!(r#"(or {is_not} (Ne discount "a"))"#)),
        ("s.bigOrder/discount eq null", format!("(or {is_not} (Eq discount null))")),
        ("s.bigOrder/discount ne null", format!("(and {is} (Ne discount null))")),
        ("s.bigOrder/discount eq note", format!("(or (and {is} (Eq discount note)) (and {is_not} (Eq note null)))")),
        ("note ne s.bigOrder/discount", format!("(or (and {is} (Ne note discount)) (and {is_not} (Ne note null)))")),
        ("s.bigOrder/discount eq s.bigOrder/name", format!("(or {is_not} (Eq discount name))")),
        ("s.bigOrder/discount ne s.bigOrder/name", format!("(and {is} (Ne discount name))")),
        ("s.bigOrder/rush", format!("(or (and {is} rush) (and {is_not} null))")),
        ("not s.bigOrder/rush", format!("(not (or (and {is} rush) (and {is_not} null)))")),
        (
            "contains(s.bigOrder/discount,'a')",
            format!(r#"(or (and {is} (Contains discount "a")) (and {is_not} null))"#),
        ),
        ("length(s.bigOrder/discount) add 1 lt 5", format!("(and {is} (Lt (Add (Length discount) 1) 5))")),
        ("s.bigOrder/discount in ('a')", format!(r#"(and {is} (Eq discount "a"))"#)),
        ("s.bigOrder/parts/any(p:p eq 'a')", format!(r#"(and {is} (any parts (Eq item "a")))"#)),
        ("s.bigOrder/parts/all(p:p eq 'a')", format!(r#"(or {is_not} (all parts (Eq item "a")))"#)),
        ("s.bigOrder/parts/$count eq 0", format!("(not (and {is} (any parts)))")),
        ("s.bigOrder/broker/mail eq 'a'", format!(r#"(and {is} (Eq broker/mail "a"))"#)),
        ("isof(shop.bigOrder)", is.to_owned()),
        ("isof($it,'x') or isof(s.bigOrder)", "column 10: `'x'` is not an entity type".to_owned()),
        ("isof($it,s.bigOrder)", is.to_owned()),
        ("isof(shop.entity)", "true".to_owned()),
        ("isof(shop.order)", "true".to_owned()),
        ("isof(shop.person)", "false".to_owned()),
    ];
    let cases: Vec<(&str, &str)> = cases.iter().map(|(text, expected)| (*text, expected.as_str())).collect();
    check(&orders(), &cases);
}

#[test]
fn aliases_stand_for_their_values() {
    let named = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let aliases = named(&[
        ("p", "'a'"),
        ("state", "'paid'"),
        ("now", " now() "),
        ("list", "[\"a\",\"b\"]"),
        ("one", "'a'"),
        ("q", "concat(@p,note)"),
        ("loop", "@pool"),
        ("pool", "@loop"),
        ("bad", "'a' 'b'"),
        ("worse", "concat(nmae,'a')"),
        ("days", "duration'P1D'"),
    ]);
    check(
        &Scope { aliases: &aliases, ..orders() },
        &[
            ("name eq @p", r#"(Eq name "a")"#),
            ("state eq @state", "(Eq state #1)"),
            ("placed lt @now", "(Lt placed 2024-06-01T12:00:00Z)"),
            ("name in @list", r#"(in name ["a" "b"])"#),
            ("name in @one", r#"(in name ["a"])"#),
            ("name in (@p,@one)", r#"(in name ["a" "a"])"#),
            ("name eq @q", r#"(Eq name (Concat "a" note))"#),
            ("contains(name,@p)", r#"(Contains name "a")"#),
            ("matchesPattern(name,@p)", r#"(MatchesPattern name "a")"#),
            ("placed gt now() sub @days", "(Gt placed 2024-05-31T12:00:00Z)"),
            ("name eq @unset", "(Eq name null)"),
            ("name eq @loop", "@pool, column 1: the value of @loop refers to itself"),
            ("name eq @bad", "@bad, column 5: found `'b'`; expected an operator such as eq or and, or the end"),
            ("name eq @worse", "@worse, column 8: `nmae` is not a property of `order`; did you mean `name`?"),
            ("name in @q", "@q, column 1: expected a list such as [\"a\",\"b\"]"),
            ("name in @unset", "column 9: @unset has no value; expected a list such as [\"a\",\"b\"]"),
            ("name eq @some.term", "column 9: values of annotations such as `@some.term` are not served"),
        ],
    );
}

#[test]
fn limits_are_the_callers() {
    let scope = Scope { limits: Limits { text: 40, depth: 3, nodes: 7, expand: 1 }, ..orders() };
    check(
        &scope,
        &[
            ("gift and gift and gift", "(and gift gift gift)"),
            ("((gift))", "gift"),
            ("(((gift)))", "column 4: the expression is nested deeper than 3 levels"),
            ("not not gift", "(not (not gift))"),
            ("not not not gift", "column 13: the expression is nested deeper than 3 levels"),
            ("name in ('a','b','c','d')", r#"(in name ["a" "b" "c" "d"])"#),
            (
                "name in ('a','b','c','d','e')",
                "column 30: the expression has too many parts; ask for less, or use fewer items in its lists",
            ),
            (
                "name eq 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'",
                "column 1: the expression has 42 bytes; at most 40 are read",
            ),
        ],
    );
}
