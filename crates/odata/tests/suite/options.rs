//! The options of a request, bound: what each value means, and what is refused.

use crate::shop::{ORDER, PERSON, SHOP, now};
use crate::shown::shown;
use odata::edm::EntityType;
use odata::expression::bound::PropertyPath;
use odata::expression::{ErrorKind, Limits};
use odata::query::{BoundQuery, Context, Expansion, Format, MetadataLevel, QueryErrors, QueryOptions, Selection, bind};

fn searched() -> Vec<PropertyPath> {
    ["name", "customer/mail"].iter().map(|path| PropertyPath::find(&ORDER, path).expect(path)).collect()
}

fn bind_for(query: &str, ty: &'static EntityType) -> Result<BoundQuery, QueryErrors> {
    let options = QueryOptions::parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    let search = searched();
    bind(&options, &SHOP, ty, &Context { search: &search, ..Context::at(now()) })
}

fn bound(query: &str) -> BoundQuery {
    bind_for(query, &ORDER).unwrap_or_else(|errors| panic!("{query}: {errors}"))
}

fn refused(query: &str) -> Vec<(ErrorKind, String, String)> {
    let errors = bind_for(query, &ORDER).map(|_| ()).expect_err(query);
    errors.kept().iter().map(|error| (error.kind, error.target.clone(), error.to_string())).collect()
}

fn check(cases: &[(&str, ErrorKind, &str, &str)]) {
    for (query, kind, target, message) in cases {
        assert_eq!(refused(query), [(*kind, (*target).to_owned(), (*message).to_owned())], "{query}");
    }
}

fn names(selection: &Selection) -> String {
    let all = selection.entity_type().all_properties();
    let names: Vec<&str> = selection.positions().iter().map(|position| all[*position].name).collect();
    names.join(",")
}

fn tree(expand: &[Expansion]) -> String {
    let one = |expansion: &Expansion| {
        let names = if expansion.select.is_explicit() { names(&expansion.select) } else { "all".to_owned() };
        format!("{}[{names}]({})", expansion.navigation.name, tree(&expansion.expand))
    };
    expand.iter().map(one).collect::<Vec<_>>().join(" ")
}

const ALL: &str =
    "id,name,note,gift,placed,due,state,rights,tags,visits,states,address,not,add,eq,quantity,weight,sizes";

#[test]
fn nothing_asked_is_everything() {
    let query = bound("");
    assert!(query.filter.is_none() && query.order_by.is_empty() && query.expand.is_empty() && query.format.is_none());
    assert_eq!((query.top, query.skip, query.count), (None, 0, false));
    assert!(!query.select.is_explicit());
    assert_eq!(names(&query.select), ALL);
    assert_eq!(query.projection(), "");
}

#[test]
fn every_option_in_every_spelling() {
    let query = bound(
        "%24FILTER=name%20eq%20'a%26b'&orderBy=name+desc&$Select=name&Expand=customer&%24top=5&SKIP=2&$Count=True\
         &format=json&x=1&%40p='q'&$skiptoken=abc",
    );
    assert_eq!(shown(&query.filter.unwrap()), r#"(Eq name "a&b")"#);
    assert_eq!(query.order_by.len(), 1);
    assert_eq!((query.top, query.skip, query.count), (Some(5), 2, true));
    assert_eq!(names(&query.select), "name");
    assert_eq!(tree(&query.expand), "customer[all]()");
    assert_eq!(query.format, Some(Format::default()));
    let aliased = bound("$filter=name eq @p and state in @s&@p='it''s'&@s=[\"open\"]").filter.unwrap();
    assert_eq!(shown(&aliased), r#"(and (Eq name "it's") (in state [#0]))"#);
    assert!(QueryOptions::parse("@p=1&%40p=2").is_err());
}

#[test]
fn order_has_several_keys() {
    let keys = |query: &str| -> Vec<String> {
        let order = bound(&format!("$orderby={query}")).order_by;
        order
            .iter()
            .map(|key| format!("{}{}", shown(&key.expression), if key.descending { " desc" } else { "" }))
            .collect()
    };
    assert_eq!(keys("name"), ["name"]);
    assert_eq!(keys("name asc,placed DESC , state"), ["name", "placed desc", "state"]);
    assert_eq!(keys("customer/displayName desc"), ["customer/displayName desc"]);
    assert_eq!(
        keys("length(name) add 1 desc,contains(name,'a,b')"),
        ["(Add (Length name) 1) desc", r#"(Contains name "a,b")"#]
    );
    assert_eq!(keys("s.bigOrder/rush"), ["(or (and (isof bigOrder) rush) (and (not (isof bigOrder)) null))"]);
    assert_eq!(keys("not desc,not asc,not"), ["not desc", "not", "not"]);
    check(&[
        (
            "$orderby=",
            ErrorKind::Syntax,
            "$orderby",
            "$orderby: column 1: found the end of the expression; expected a value",
        ),
        (
            "$orderby=name,",
            ErrorKind::Syntax,
            "$orderby",
            "$orderby: column 6: found the end of the expression; expected a value",
        ),
        (
            "$orderby=name descending",
            ErrorKind::Syntax,
            "$orderby",
            "$orderby: column 6: found `descending`; expected asc, desc, `,` or the end",
        ),
        (
            "$orderby=nmae desc",
            ErrorKind::UnknownName,
            "$orderby",
            "$orderby: column 1: `nmae` is not a property of `order`; did you mean `name`?",
        ),
        (
            "$orderby=tags",
            ErrorKind::WrongType,
            "$orderby",
            "$orderby: column 1: `tags` holds several values; ask with `tags/any(x:...)` or all",
        ),
        (
            "$orderby=s.bigOrder/discount",
            ErrorKind::NotServed,
            "$orderby",
            "$orderby: column 1: sorting by a property of a derived type is not served",
        ),
    ]);
    assert_eq!(refused("$orderby=nmae,nmae").len(), 2);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn select_keeps_the_order_and_drops_what_is_repeated() {
    for (select, expected, context) in [
        ("id", "id", "(id)"),
        ("name,id", "name,id", "(name,id)"),
        (" NAME , Id ", "name,id", "(name,id)"),
        ("name,id,NAME,name", "name,id", "(name,id)"),
        ("*", ALL, "(*)"),
        ("name,*,name", ALL, "(name,*)"),
        ("shop.order/name,s.entity/id", "name,id", "(name,id)"),
        ("shop.bigOrder/name", "name", "(name)"),
        ("tags,address", "tags,address", "(tags,address)"),
        ("id,customer", "id", "(id,customer)"),
        ("id,shop.*", "id", "(id)"),
    ] {
        let query = bound(&format!("$select={select}"));
        assert!(query.select.is_explicit());
        assert_eq!((names(&query.select).as_str(), query.projection().as_str()), (expected, context), "{select}");
    }
    check(&[
        (
            "$select=",
            ErrorKind::Syntax,
            "$select",
            "$select: column 1: a name is missing; expected names with commas between",
        ),
        (
            "$select=id,,name",
            ErrorKind::Syntax,
            "$select",
            "$select: column 4: a name is missing; expected names with commas between",
        ),
        (
            "$select=id, /name",
            ErrorKind::Syntax,
            "$select",
            "$select: column 5: the name of a property is missing in `/name`",
        ),
        (
            "$select=shop.order/",
            ErrorKind::Syntax,
            "$select",
            "$select: column 1: the name of a property is missing in `shop.order/`",
        ),
        (
            "$select=id,nmae",
            ErrorKind::UnknownName,
            "nmae",
            "$select: column 4: `nmae` is not a property of `order`; did you mean `name`?",
        ),
        (
            "$select=password",
            ErrorKind::UnknownName,
            "password",
            "$select: column 1: `password` is not a property of `order`",
        ),
        (
            "$select=shop.nothing/id",
            ErrorKind::UnknownName,
            "$select",
            "$select: column 1: `shop.nothing` is not a type of the entities that are asked for",
        ),
        (
            "$select=shop.person/mail",
            ErrorKind::UnknownName,
            "$select",
            "$select: column 1: `shop.person` is not a type of the entities that are asked for",
        ),
        (
            "$select=shop.bigOrder/discount",
            ErrorKind::NotServed,
            "$select",
            "$select: column 1: selecting `discount`, which only some of the entities have, is not served",
        ),
        (
            "$select=address/city",
            ErrorKind::NotServed,
            "$select",
            "$select: column 1: `address` cannot be selected in parts, as in `address/city`",
        ),
        (
            "$select=name/first",
            ErrorKind::UnknownName,
            "$select",
            "$select: column 1: `name` cannot be selected in parts, as in `name/first`",
        ),
        (
            "$select=tags($top=1)",
            ErrorKind::NotServed,
            "$select",
            "$select: column 1: options of what is selected, as in `tags($top=1)`, are not served",
        ),
        (
            "$select=nothing($top=1)",
            ErrorKind::UnknownName,
            "nothing",
            "$select: column 1: `nothing` is not a property of `order`",
        ),
        (
            "$select=id,customer/mail",
            ErrorKind::NotServed,
            "$select",
            "$select: column 4: `customer` is not expanded; write $expand=customer as well to select `mail` of it",
        ),
    ]);
    assert_eq!(refused("$select=a1,b1,c1").len(), 3);
}

#[test]
fn expand_binds_what_stands_in_its_parentheses() {
    for (query, expected, context) in [
        ("$expand=customer", "customer[all]()", "(customer())"),
        ("$expand=*", "customer[all]()", "(customer())"),
        ("$expand=CUSTOMER", "customer[all]()", "(customer())"),
        ("$expand=customer()", "customer[all]()", "(customer())"),
        ("$expand=customer($select=id,mail)", "customer[id,mail]()", "(customer(id,mail))"),
        ("$expand=customer(select=id;)", "customer[id]()", "(customer(id))"),
        (
            "$expand=customer( %24SELECT = id ; $expand = manager )",
            "customer[id](manager[all]())",
            "(customer(id,manager()))",
        ),
        (
            "$expand=customer($expand=manager($select=mail);$select=*)",
            "customer[id,displayName,mail,since,phones](manager[mail]())",
            "(customer(*,manager(mail)))",
        ),
        ("$expand=shop.order/customer", "customer[all]()", "(customer())"),
        ("$expand=customer/shop.person", "customer[all]()", "(customer())"),
        ("$expand=shop.bigOrder/broker,customer", "broker[all]() customer[all]()", "(broker(),customer())"),
        ("$expand=customer($select=id),*", "customer[id]()", "(customer(id))"),
        ("$select=id,state&$expand=customer($select=id)", "customer[id]()", "(id,state,customer(id))"),
        ("$select=customer,id&$expand=customer", "customer[all]()", "(id,customer())"),
        ("$select=id,customer/mail&$expand=customer", "customer[mail]()", "(id,customer(mail))"),
        ("$expand=customer&$select=id,customer/mail", "customer[mail]()", "(id,customer(mail))"),
        ("$expand=customer($select=id)&$select=customer/mail", "customer[id,mail]()", "(customer(id,mail))"),
        (
            "$expand=customer($expand=manager)&$select=customer/manager/mail",
            "customer[all](manager[mail]())",
            "(customer(manager(mail)))",
        ),
        ("$expand=customer($levels=1)", "customer[all]()", "(customer())"),
        ("$expand=customer(@x=1)", "customer[all]()", "(customer())"),
    ] {
        let query_bound = bound(query);
        assert_eq!(
            (tree(&query_bound.expand).as_str(), query_bound.projection().as_str()),
            (expected, context),
            "{query}"
        );
    }
}

#[test]
fn levels_follow_a_relation_that_leads_back() {
    for (query, expected, context) in [
        ("$expand=manager($levels=1)", "manager[all]()", "(manager())"),
        ("$expand=manager($levels=2)", "manager[all](manager[all]())", "(manager+())"),
        (
            "$expand=manager($levels=3;$select=mail)",
            "manager[mail](manager[mail](manager[mail]()))",
            "(manager+(mail))",
        ),
        ("$expand=manager($levels=max)", "manager[all](manager[all](manager[all](manager[all]())))", "(manager+())"),
    ] {
        let bound = bind_for(query, &PERSON).unwrap_or_else(|errors| panic!("{query}: {errors}"));
        assert_eq!((tree(&bound.expand).as_str(), bound.projection().as_str()), (expected, context), "{query}");
    }
    let error = |query: &str| bind_for(query, &PERSON).unwrap_err().to_string();
    assert_eq!(error("$expand=*($levels=2)"), "$expand: column 1: options of `*` are not served; name the relations");
    assert_eq!(
        error("$expand=manager($levels=5)"),
        "$expand: column 17: $levels is 5; at most 4 levels are served here"
    );
    assert_eq!(
        error("$expand=manager($levels=0)"),
        "$expand: column 17: $levels is `0`; expected a whole number of at least 1, or max"
    );
    assert_eq!(
        error("$expand=manager($levels=all)"),
        "$expand: column 17: $levels is `all`; expected a whole number of at least 1, or max"
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn expand_refuses_what_leads_nowhere() {
    let collections =
        |name: &str| format!("$expand: column 10: {name} applies to collections; `customer` leads to one entity");
    for (option, value) in [
        ("$filter", "mail eq 'a;b)'"),
        ("$orderby", "mail"),
        ("$top", "1"),
        ("$skip", "1"),
        ("$count", "true"),
        ("$search", "\"a;b\""),
    ] {
        let query = format!("$expand=customer({option}={value})").replace(';', "%3B");
        assert_eq!(refused(&query), [(ErrorKind::NotApplicable, "$expand".to_owned(), collections(option))]);
    }
    check(&[
        ("$expand=", ErrorKind::Syntax, "$expand", "$expand: column 1: the name of a relation is missing"),
        ("$expand=customer,", ErrorKind::Syntax, "$expand", "$expand: column 10: the name of a relation is missing"),
        (
            "$expand=customr",
            ErrorKind::NotExpandable,
            "customr",
            "$expand: column 1: `customr` is not a relation of `order`; did you mean `customer`?",
        ),
        ("$expand=name", ErrorKind::NotExpandable, "name", "$expand: column 1: `name` is not a relation of `order`"),
        (
            "$expand=customer($expand=boss)",
            ErrorKind::NotExpandable,
            "boss",
            "$expand: column 18: `boss` is not a relation of `person`",
        ),
        (
            "$expand=customer($select=boss)",
            ErrorKind::UnknownName,
            "boss",
            "$expand: column 18: `boss` is not a property of `person`",
        ),
        (
            "$expand=customer,customer",
            ErrorKind::Syntax,
            "$expand",
            "$expand: column 10: `customer` occurs more than once in $expand",
        ),
        ("$expand=*,*", ErrorKind::Syntax, "$expand", "$expand: column 3: `*` occurs more than once in $expand"),
        (
            "$expand=customer($select=id;select=mail)",
            ErrorKind::Syntax,
            "$expand",
            "$expand: column 21: $select occurs more than once for `customer`",
        ),
        (
            "$expand=customer($what=1)",
            ErrorKind::Syntax,
            "$expand",
            "$expand: column 10: `$what` is not an option of $expand",
        ),
        (
            "$expand=customer(id)",
            ErrorKind::NotServed,
            "$expand",
            "$expand: column 10: $id is not served within $expand",
        ),
        (
            "$expand=customer($compute=1 as x)",
            ErrorKind::NotServed,
            "$expand",
            "$expand: column 10: $compute is not served within $expand",
        ),
        (
            "$expand=customer($select=id",
            ErrorKind::Syntax,
            "$expand",
            "$expand: column 1: `customer($select=id` lacks its closing `)`",
        ),
        (
            "$expand=customer($select=id)x",
            ErrorKind::Syntax,
            "$expand",
            "$expand: column 1: found `x` after `)`; expected `,` or the end",
        ),
        ("$expand=customer)", ErrorKind::Syntax, "$expand", "$expand: column 1: `customer)` has no `(` for its `)`"),
        (
            "$expand=customer/$ref",
            ErrorKind::NotServed,
            "$expand",
            "$expand: column 10: `$ref` in $expand is not served",
        ),
        (
            "$expand=customer/$count",
            ErrorKind::NotServed,
            "$expand",
            "$expand: column 10: `$count` in $expand is not served",
        ),
        ("$expand=$value", ErrorKind::NotServed, "$expand", "$expand: column 1: `$value` in $expand is not served"),
        (
            "$expand=customer/manager",
            ErrorKind::NotServed,
            "$expand",
            "$expand: column 10: write `customer($expand=...)` to expand what is related in turn",
        ),
        (
            "$expand=customer/shop.bigPerson",
            ErrorKind::NotServed,
            "$expand",
            "$expand: column 10: expanding only `shop.bigPerson` is not served",
        ),
        (
            "$expand=customer/shop.order",
            ErrorKind::UnknownName,
            "$expand",
            "$expand: column 10: `shop.order` is not a type of the entities that are expanded",
        ),
        (
            "$expand=shop.nothing/customer",
            ErrorKind::UnknownName,
            "$expand",
            "$expand: column 1: `shop.nothing` is not a type of the entities that are expanded",
        ),
        ("$expand=shop.order", ErrorKind::Syntax, "$expand", "$expand: column 1: the name of a relation is missing"),
        (
            "$expand=customer($levels=2)",
            ErrorKind::NotApplicable,
            "$expand",
            "$expand: column 18: `customer` leads to another type, so $levels does not apply",
        ),
        (
            "$expand=customer($expand=manager($expand=manager($expand=manager($expand=manager))))",
            ErrorKind::TooComplex,
            "$expand",
            "$expand: column 66: $expand is nested deeper than 4 levels",
        ),
    ]);
}

#[test]
fn numbers_and_formats() {
    assert_eq!(bound("$skip=0").skip, 0);
    assert_eq!(bound("$skip=18446744073709551616").skip, u64::MAX);
    assert!(!bound("$count=false").count);
    let full = Format { metadata: Some(MetadataLevel::Full), ieee754_compatible: true };
    for (format, expected) in [
        ("json", Format::default()),
        ("JSON", Format::default()),
        ("application/json", Format::default()),
        ("application/json;odata.metadata=full;IEEE754Compatible=true", full),
        ("application/json; metadata=\"full\"; ieee754compatible=TRUE; odata.streaming=false; charset=UTF-8", full),
        ("json;odata.metadata=none", Format { metadata: Some(MetadataLevel::None), ieee754_compatible: false }),
        (
            "json;odata.metadata=minimal;IEEE754Compatible=false",
            Format { metadata: Some(MetadataLevel::Minimal), ieee754_compatible: false },
        ),
    ] {
        assert_eq!(bound(&format!("$format={format}")).format, Some(expected), "{format}");
    }
    check(&[
        ("$top=0", ErrorKind::InvalidValue, "$top", "$top is `0`; expected a whole number of at least 1"),
        ("$skip=-1", ErrorKind::InvalidValue, "$skip", "$skip is `-1`; expected a whole number of at least 0"),
        ("$skip=", ErrorKind::InvalidValue, "$skip", "$skip is ``; expected a whole number of at least 0"),
        ("$count=yes", ErrorKind::InvalidValue, "$count", "$count is `yes`; expected true or false"),
        ("$format=xml", ErrorKind::InvalidValue, "$format", "$format is `xml`; expected json or application/json"),
        ("$format=", ErrorKind::InvalidValue, "$format", "$format is ``; expected json or application/json"),
        (
            "$format=json;odata.metadata=some",
            ErrorKind::InvalidValue,
            "$format",
            "$format has the parameter `odata.metadata=some`, which is not served",
        ),
        ("$apply=x", ErrorKind::NotServed, "$apply", "$apply is not served"),
        ("$compute=x", ErrorKind::NotServed, "$compute", "$compute is not served"),
        ("$index=1", ErrorKind::NotServed, "$index", "$index is not served"),
        ("$levels=1", ErrorKind::NotServed, "$levels", "$levels is not served"),
        ("id=1", ErrorKind::NotServed, "$id", "$id is not served"),
        ("$schemaversion=1", ErrorKind::NotServed, "$schemaversion", "$schemaversion is not served"),
    ]);
}

#[test]
fn a_search_looks_into_every_text() {
    let found = |word: &str| {
        let word = format!("{:?}", word.to_lowercase());
        format!(
            "(or (and (Ne name null) (Contains (ToLower name) {word})) \
             (and (Ne customer/mail null) (Contains (ToLower customer/mail) {word})))"
        )
    };
    let (a, b, c) = (found("a"), found("b"), found("c"));
    for (search, expected) in [
        ("a", a.clone()),
        ("\"a\"", a.clone()),
        (" a ", a.clone()),
        ("a b", format!("(and {a} {b})")),
        ("a AND b", format!("(and {a} {b})")),
        ("a OR b", format!("(or {a} {b})")),
        ("a OR b c", format!("(or {a} (and {b} {c}))")),
        ("a b OR c", format!("(or (and {a} {b}) {c})")),
        ("(a OR b) c", format!("(and (or {a} {b}) {c})")),
        ("NOT a b", format!("(and (not {a}) {b})")),
        ("a NOT b", format!("(and {a} (not {b}))")),
        ("a AND NOT(b OR c)", format!("(and {a} (not (or {b} {c})))")),
        ("NOT NOT a", a.clone()),
        ("a AND b AND c", format!("(and {a} {b} {c})")),
        ("\"a b\"", found("a b")),
        ("\"a \\\"b\\\" \\\\\"", found("a \"b\" \\")),
        ("\"AND\"", found("AND")),
        ("and", found("and")),
        ("a'b,c@d/e", found("a'b,c@d/e")),
        ("((a))", a.clone()),
        ("a\"b\"(c)", format!("(and {a} {b} {c})")),
    ] {
        let query = bound(&format!("$search={search}"));
        assert_eq!(shown(&query.filter.unwrap()), expected, "{search}");
    }
    let name = r#"(and (Ne name null) (Contains (ToLower name) "a b"))"#;
    assert_eq!(shown(&bound("$search=\"NAME:a b\"").filter.unwrap()), name);
    let mail = r#"(and (Ne customer/mail null) (Contains (ToLower customer/mail) "a"))"#;
    assert_eq!(shown(&bound("$search=customer/mail:A").filter.unwrap()), mail);
    for plain in ["https://a", "name:", "password:a", "nothing:a"] {
        assert_eq!(shown(&bound(&format!("$search={plain}")).filter.unwrap()), found(plain), "{plain}");
    }
    let both = bound("$search=a&$filter=gift and gift").filter.unwrap();
    assert_eq!(shown(&both), format!("(and gift gift {a})"));
    let both = bound("$search=a&$filter=gift or gift").filter.unwrap();
    assert_eq!(shown(&both), format!("(and (or gift gift) {a})"));
    let tags = [PropertyPath::find(&ORDER, "tags").unwrap()];
    let options = QueryOptions::parse("$search=a").unwrap();
    let query = bind(&options, &SHOP, &ORDER, &Context { search: &tags, ..Context::at(now()) }).unwrap();
    assert_eq!(shown(&query.filter.unwrap()), r#"(any tags (Contains (ToLower item) "a"))"#);
}

#[test]
fn a_search_that_does_not_follow_the_grammar() {
    check(&[
        (
            "$search=",
            ErrorKind::Syntax,
            "$search",
            "$search: column 1: found the end of the search; expected a word or a phrase",
        ),
        (
            "$search=a OR",
            ErrorKind::Syntax,
            "$search",
            "$search: column 5: found the end of the search; expected a word or a phrase",
        ),
        ("$search=AND a", ErrorKind::Syntax, "$search", "$search: column 1: found `AND`; expected a word or a phrase"),
        (
            "$search=a OR OR b",
            ErrorKind::Syntax,
            "$search",
            "$search: column 6: found `OR`; expected a word or a phrase",
        ),
        (
            "$search=NOT",
            ErrorKind::Syntax,
            "$search",
            "$search: column 4: found the end of the search; expected a word or a phrase",
        ),
        ("$search=(a", ErrorKind::Syntax, "$search", "$search: column 1: found `(` without its `)`"),
        ("$search=a)", ErrorKind::Syntax, "$search", "$search: column 2: found `)` without its `(`"),
        ("$search=()", ErrorKind::Syntax, "$search", "$search: column 2: found `)`; expected a word or a phrase"),
        ("$search=\"a", ErrorKind::Syntax, "$search", "$search: column 1: the phrase lacks its closing double quote"),
        (
            "$search=\"a\\\"",
            ErrorKind::Syntax,
            "$search",
            "$search: column 1: the phrase lacks its closing double quote",
        ),
        (
            "$search=\"\"",
            ErrorKind::Syntax,
            "$search",
            "$search: column 1: found an empty phrase; expected a word or a phrase",
        ),
    ]);
    check(&[(
        "$search=a state:open",
        ErrorKind::NotServed,
        "$search",
        "$search: column 3: `state` cannot be searched; use $filter",
    )]);
    let nothing = QueryOptions::parse("$search=a").unwrap();
    let error = bind(&nothing, &SHOP, &ORDER, &Context::at(now())).unwrap_err();
    assert_eq!(error.kept()[0].kind, ErrorKind::NotApplicable);
}

#[test]
fn all_faults_of_a_query_are_told_in_its_order() {
    let told = refused("$top=0&$filter=nmae eq 1 and gift eq 5&$select=nmae&$expand=x1&$search=(&$orderby=tags");
    let options: Vec<&str> =
        told.iter().map(|(_, _, message)| message.split([':', ' ']).next().unwrap_or_default()).collect();
    assert_eq!(options, ["$top", "$filter", "$filter", "$select", "$expand", "$search", "$orderby"]);
    let errors = bind_for("$top=0&$skip=x", &ORDER).unwrap_err();
    let text = errors.to_string();
    assert_eq!(
        text,
        "2 things are wrong with the query; the first: $top is `0`; expected a whole number of at least 1"
    );
    let many = format!("$select={}", "x1,".repeat(200));
    let errors = bind_for(&many, &ORDER).unwrap_err();
    assert_eq!((errors.kept().len(), errors.more()), (64, 137));
}

#[test]
fn limits_hold_for_every_option() {
    let limits = Limits { text: 20, depth: 4, nodes: 4, expand: 1 };
    let search = searched();
    let kinds = |query: &str| -> Vec<ErrorKind> {
        let options = QueryOptions::parse(query).unwrap();
        match bind(&options, &SHOP, &ORDER, &Context { limits, search: &search, ..Context::at(now()) }) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.kept().iter().map(|error| error.kind).collect(),
        }
    };
    let long = "x".repeat(21);
    for name in ["filter", "orderby", "select", "expand", "search"] {
        assert_eq!(kinds(&format!("${name}={long}")), [ErrorKind::TooComplex], "{name}");
    }
    assert_eq!(kinds("$search=a b"), []);
    assert_eq!(kinds("$search=a b c"), [ErrorKind::TooComplex]);
    assert_eq!(kinds("$search=((((a))))"), [ErrorKind::TooComplex]);
    assert_eq!(kinds("$filter=@a&@a=not @b&@b=gift"), [] as [ErrorKind; 0]);
    assert_eq!(kinds("$filter=@a&@a=not @b&@b=not @c&@c=gift"), [ErrorKind::TooComplex]);
}
